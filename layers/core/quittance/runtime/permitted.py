"""Which fields a line may carry: ids, channel, account, outcome and numbers, from a list of names.

Refuses everything else: a field that is not on the list is withheld, and the line says by name that it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

Value = str | int | bool | None

# A name, an address, a text, a header or an amount has no place here.
ALLOWED: Final = frozenset(
    (
        "account action age_seconds at attempt batch bytes case channel code command count cursor deadline"
        " delivery derived duration_ms error event executed fence field generation intent key kind lane left limit"
        " message_id operation order outcome policy queue reason receipt release request_id return_id rule"
        " rule_version schema secret shard skipped source state step store table topic tries type until version"
    ).split()
)
LONGEST: Final = 200


def permitted(fields: Mapping[str, Value]) -> dict[str, object]:
    """The fields that may be written, shortened, and under `withheld` the names of the others."""
    shown: dict[str, object] = {}
    withheld = []
    for name, value in fields.items():
        if name in ALLOWED and (value is None or isinstance(value, str | int | Enum)):
            shown[name] = _short(value)
        else:
            withheld.append(name)
    if withheld:
        shown["withheld"] = sorted(withheld)
    return shown


def _short(value: object) -> object:
    plain = value.value if isinstance(value, Enum) else value
    return plain[:LONGEST] if isinstance(plain, str) else plain
