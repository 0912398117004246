"""Money is whole minor units of one currency; nothing is lost and nothing is made by splitting it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quittance.domain.errors import Rejected
from quittance.domain.money import Money, exponent, parse, share_of, split, to_decimal

AMOUNTS = st.integers(-(10**14), 10**14)
CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD"])


@pytest.mark.parametrize("currency, digits", [("EUR", 2), ("USD", 2), ("JPY", 0), ("KWD", 3), ("ISK", 0)])
def test_a_currency_has_its_own_number_of_digits(currency: str, digits: int) -> None:
    assert exponent(currency) == digits


@pytest.mark.parametrize("currency", ["", "eur", "EU", "EURO", "ÉUR", "E R", "12A"])
def test_a_code_that_iso_does_not_have_is_no_currency(currency: str) -> None:
    with pytest.raises(Rejected, match="BAD_CURRENCY"):
        exponent(currency)


@pytest.mark.parametrize(
    "text, currency, minor",
    [
        ("15.0", "EUR", 1500),
        ("15", "EUR", 1500),
        ("0.05", "EUR", 5),
        ("-0.05", "EUR", -5),
        ("15.000", "EUR", 1500),
        ("007.10", "EUR", 710),
        ("1500", "JPY", 1500),
        ("1500.00", "JPY", 1500),
        ("1.005", "KWD", 1005),
    ],
)
def test_a_decimal_text_is_read_into_minor_units(text: str, currency: str, minor: int) -> None:
    assert parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize("text, currency", [("1.005", "EUR"), ("0.5", "JPY"), ("1.0005", "KWD")])
def test_more_digits_than_the_currency_has_are_refused(text: str, currency: str) -> None:
    with pytest.raises(Rejected, match="EXCESS_PRECISION"):
        parse(text, currency)


def test_a_digit_far_behind_the_point_is_not_rounded_away() -> None:
    with pytest.raises(Rejected, match="EXCESS_PRECISION"):
        parse("100000000000000.00000000000000000001", "EUR")


@pytest.mark.parametrize(
    "text", ["", "abc", "1,5", "NaN", "Infinity", "1e3", "1_000", " 1", "+1", "1.", ".5", "٣", "1" * 17, "9" * 5000]
)
def test_what_is_no_payable_decimal_is_refused_by_the_field_it_stood_in(text: str) -> None:
    with pytest.raises(Rejected, match="BAD_AMOUNT") as refusal:
        parse(text, "EUR", "refund.amount")
    assert refusal.value.field == "refund.amount"


@pytest.mark.parametrize("number", [1.5, 3, None])
def test_a_number_that_is_no_text_is_never_money(number: object) -> None:
    with pytest.raises(Rejected, match="BAD_AMOUNT"):
        parse(number, "EUR")  # type: ignore[arg-type]


@given(AMOUNTS, CURRENCIES)
def test_writing_and_reading_an_amount_gives_the_amount(minor: int, currency: str) -> None:
    written = to_decimal(Money(minor, currency))

    assert parse(written, currency) == Money(minor, currency)
    assert len(written.partition(".")[2]) == exponent(currency)


@pytest.mark.parametrize("minor", [1.0, "1", True, None])
def test_money_is_made_of_whole_units_alone(minor: object) -> None:
    with pytest.raises(Rejected, match="BAD_AMOUNT"):
        Money(minor, "EUR")  # type: ignore[arg-type]


@given(AMOUNTS, AMOUNTS)
def test_adding_and_taking_away_gives_what_was_there(one: int, other: int) -> None:
    left, right = Money(one, "EUR"), Money(other, "EUR")

    assert left + right - right == left
    assert (left < right) == (one < other)
    assert (left <= right) == (one <= other)


@pytest.mark.parametrize("act", ["__add__", "__sub__", "__lt__", "__le__"])
def test_currencies_do_not_mix(act: str) -> None:
    with pytest.raises(Rejected, match="CURRENCY_MISMATCH"):
        getattr(Money(1, "EUR"), act)(Money(1, "USD"))


def test_the_same_number_of_another_currency_is_other_money() -> None:
    assert Money(1, "EUR") != Money(1, "USD")
    assert str(Money(-5, "EUR")) == "-0.05 EUR"


WEIGHTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(any)


@given(st.integers(-(10**12), 10**12), WEIGHTS)
def test_a_split_sums_to_the_total_and_is_fair_to_within_one_unit(total: int, weights: list[int]) -> None:
    parts = split(total, weights)

    assert sum(parts) == total
    assert all(
        abs(part * sum(weights) - total * weight) < sum(weights) for part, weight in zip(parts, weights, strict=True)
    )


@given(st.integers(-(10**6), 10**6), st.integers(1, 9))
def test_equal_weights_differ_by_one_unit_at_most_and_the_earlier_part_gets_more(total: int, count: int) -> None:
    parts = [abs(part) for part in split(total, [1] * count)]

    assert max(parts) - min(parts) <= 1
    assert parts == sorted(parts, reverse=True)


def test_the_largest_remainder_gets_the_missing_unit() -> None:
    assert split(10, [1, 2]) == (3, 7)
    assert split(-10, [1, 2]) == (-3, -7)


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [1, -1], [-1]])
def test_weights_that_share_nothing_are_refused(weights: list[int]) -> None:
    with pytest.raises(Rejected, match="BAD_SPLIT"):
        split(10, weights)


@pytest.mark.proves("F097")
@given(st.integers(0, 10**9), st.lists(st.integers(0, 5), min_size=1, max_size=12).filter(any))
def test_units_taken_in_any_portions_cost_the_total(total: int, portions: list[int]) -> None:
    whole = sum(portions)
    done = [sum(portions[:i]) for i in range(len(portions) + 1)]

    costs = [share_of(total, before, now - before, whole) for before, now in pairwise(done)]

    assert sum(costs) == total
    assert all(cost >= 0 for cost in costs)
    assert all(abs(cost * whole - total * taken) <= whole for cost, taken in zip(costs, portions, strict=True))


@pytest.mark.parametrize("done, take, whole", [(0, 3, 2), (2, 1, 2), (-1, 1, 2), (0, -1, 2), (0, 0, 0)])
def test_units_that_are_not_there_cannot_be_taken(done: int, take: int, whole: int) -> None:
    with pytest.raises(Rejected, match="BAD_QUANTITY"):
        share_of(100, done, take, whole)


def test_portions_are_rounded_half_up_over_what_was_taken_so_far() -> None:
    assert [share_of(100, done, 1, 3) for done in range(3)] == [33, 34, 33]
    assert [share_of(5, done, 1, 2) for done in range(2)] == [3, 2]
