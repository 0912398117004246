"""Readers that say what is wrong with a parsed document: its keys, its types and its values.

They refuse what they do not know, because a misspelt key in a policy is a rule that silently does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from quittance.domain.errors import Rejected
from quittance.domain.money import parse

# What is wrong: the key, the rule that is broken, and how to mend it.
Found = tuple[str, str, str]
Reader = Callable[[str, object], Iterator[Found]]

ANYWHERE: Final = "*"
NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
CODE: Final = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,63}")
RULE: Final = re.compile(r"[a-z][a-z0-9_.]{0,63}")
LOCALE: Final = re.compile(r"[a-z]{2}-[A-Z]{2}")

# ISO 3166-1 alpha-2, every code that is assigned to a country or territory.
COUNTRIES: Final = frozenset(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA
    CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA
    GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
    KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS
    MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS
    RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW
    TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """.split()
)
# ISO 4217 list one: the currencies in which a shop can be paid; no funds, metals or test codes.
CURRENCIES: Final = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP
    CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR
    IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU
    MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG
    SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV
    WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()
)


def text(shape: re.Pattern[str] | None = None, example: str = "") -> Reader:
    """Read text that is not blank, and fits `shape` where there is one."""

    def read(key: str, value: object) -> Iterator[Found]:
        if not isinstance(value, str):
            yield key, "WRONG_TYPE", f"write text, not {_kind(value)}"
        elif not value.strip() or (shape is not None and not shape.fullmatch(value)):
            yield key, "BAD_VALUE", f"{value!r} does not fit; write something like {example!r}"

    return read


def whole(low: int, high: int) -> Reader:
    """Read a whole number between both bounds, which belong to it."""

    def read(key: str, value: object) -> Iterator[Found]:
        if type(value) is not int:
            yield key, "WRONG_TYPE", f"write a whole number, not {_kind(value)}"
        elif not low <= value <= high:
            yield key, "BAD_VALUE", f"{value} is not between {low} and {high}"

    return read


def flag(key: str, value: object) -> Iterator[Found]:
    """Read true or false."""
    if type(value) is not bool:
        yield key, "WRONG_TYPE", f"write true or false, not {_kind(value)}"


def one_of(*allowed: str, rule: str = "BAD_VALUE") -> Reader:
    """Read one of the words; another word breaks `rule`."""

    def read(key: str, value: object) -> Iterator[Found]:
        if not isinstance(value, str):
            yield key, "WRONG_TYPE", f"write text, not {_kind(value)}"
        elif value not in allowed:
            yield key, rule, f"{value!r} is none of {', '.join(sorted(allowed))}"

    return read


def country(key: str, value: object) -> Iterator[Found]:
    """Read an ISO 3166-1 code of two letters."""
    if not isinstance(value, str):
        yield key, "WRONG_TYPE", f"write text, not {_kind(value)}"
    elif value not in COUNTRIES:
        yield key, "UNKNOWN_COUNTRY", f"{value!r} is no ISO 3166-1 code such as 'FR' or 'GB'"


def country_or_any(key: str, value: object) -> Iterator[Found]:
    """Read an ISO 3166-1 code, or `*` for every country."""
    if value != ANYWHERE:
        yield from country(key, value)


def currency(key: str, value: object) -> Iterator[Found]:
    """Read an ISO 4217 code of three letters."""
    if not isinstance(value, str):
        yield key, "WRONG_TYPE", f"write text, not {_kind(value)}"
    elif value not in CURRENCIES:
        yield key, "UNKNOWN_CURRENCY", f"{value!r} is no ISO 4217 code such as 'EUR'"


def zone(key: str, value: object) -> Iterator[Found]:
    """Read the name of an IANA time zone."""
    if not isinstance(value, str):
        yield key, "WRONG_TYPE", f"write text, not {_kind(value)}"
    elif not _is_zone(value):
        yield key, "UNKNOWN_ZONE", f"{value!r} is no IANA time zone such as 'Europe/Paris'"


@cache
def _is_zone(name: str) -> bool:
    # A key may name no file, a folder, or something outside the database: ZoneInfo raises for each in its own way.
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def day(key: str, value: object) -> Iterator[Found]:
    """Read a calendar day as quoted text, so that TOML and JSON carry the same."""
    if not isinstance(value, str):
        yield key, "WRONG_TYPE", f'write the day in quotes, like "2026-11-21", not {_kind(value)}'
        return
    try:
        is_day = date.fromisoformat(value).isoformat() == value
    except ValueError:
        is_day = False
    if not is_day:
        yield key, "BAD_VALUE", f"{value!r} is no day like '2026-11-21'"


def amounts(key: str, value: object) -> Iterator[Found]:
    """Read one amount, decimal text from 0 up, per currency."""
    if not isinstance(value, Mapping):
        yield key, "WRONG_TYPE", 'write amounts per currency, like { EUR = "25.00" }'
        return
    for code, amount in value.items():
        yield from currency(f"{key}.{code}", code)
        yield from _amount(f"{key}.{code}", code, amount)


def _amount(key: str, code: str, amount: object) -> Iterator[Found]:
    if code not in CURRENCIES:
        return
    if not isinstance(amount, str):
        yield key, "WRONG_TYPE", f'write the amount in quotes, like "25.00", not {_kind(amount)}'
        return
    try:
        minor = parse(amount, code).minor
    except Rejected as refusal:
        yield key, refusal.code, refusal.fix
        return
    if minor < 0:
        yield key, "BAD_AMOUNT", f"{amount} is below zero"


def many(each: Reader, *, least: int = 0) -> Reader:
    """Read a list of at least so many, each once."""

    def read(key: str, value: object) -> Iterator[Found]:
        if not isinstance(value, list):
            yield key, "WRONG_TYPE", f"write a list, not {_kind(value)}"
            return
        if len(value) < least:
            yield key, "BAD_VALUE", f"name at least {least}"
        for index, part in enumerate(value):
            yield from each(f"{key}.{index}", part)
            if part in value[:index]:
                yield f"{key}.{index}", "DUPLICATE", f"{part!r} is named twice"

    return read


def table(fields: Mapping[str, Reader], optional: frozenset[str] = frozenset()) -> Reader:
    """Read a table with exactly these keys, of which some may be left out."""

    def read(key: str, value: object) -> Iterator[Found]:
        if not isinstance(value, Mapping):
            yield key, "WRONG_TYPE", f"write a table, not {_kind(value)}"
            return
        start = f"{key}." if key else ""
        for name in sorted(value.keys() - fields.keys()):
            yield f"{start}{name}", "UNKNOWN_KEY", f"use only {', '.join(sorted(fields))}"
        for name in sorted(fields.keys() - value.keys() - optional):
            yield f"{start}{name}", "MISSING_KEY", "write it: nothing is assumed for you"
        for name in fields:
            if name in value:
                yield from fields[name](f"{start}{name}", value[name])

    return read


def partial(fields: Mapping[str, Reader]) -> Reader:
    """Read a table in which every key may be left out."""
    return table(fields, frozenset(fields))


def each_key(each: Reader) -> Reader:
    """Read a table whose keys are free and whose values are alike."""

    def read(key: str, value: object) -> Iterator[Found]:
        if not isinstance(value, Mapping):
            yield key, "WRONG_TYPE", f"write a table, not {_kind(value)}"
            return
        for name in value:
            yield from each(f"{key}.{name}", value[name])

    return read


def _kind(value: object) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a fraction", str: "text", list: "a list"}
    return names.get(type(value), "a table" if isinstance(value, Mapping) else f"a {type(value).__name__}")
