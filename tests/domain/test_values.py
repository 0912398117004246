"""A value is what the standard library's frozen slotted dataclass is, only faster made and replaced."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import inspect
import pkgutil
from dataclasses import FrozenInstanceError, field
from types import ModuleType
from typing import Any

import pytest

import quittance.application
import quittance.domain
import quittance.storage
from quittance.domain import values
from quittance.domain.errors import Rejected
from quittance.domain.money import Money
from quittance.domain.values import dataclass, replace


@dataclass(frozen=True, slots=True, order=True)
class Parcel:
    """Its fields have the names that a careless maker of code would use itself."""

    name: str
    turn: int = 1
    unset: tuple[int, ...] = ()
    changes: dict[str, int] = field(default_factory=dict)
    new: str = "new"


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Model:
    name: str
    turn: int = 1
    unset: tuple[int, ...] = ()
    changes: dict[str, int] = field(default_factory=dict)
    new: str = "new"


GIVEN: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("a",), {}),
    (("a", 2), {"new": "b"}),
    ((), {"name": "a", "changes": {"x": 1}, "unset": (1,), "turn": 0}),
]


@pytest.mark.parametrize("positional,named", GIVEN)
def test_a_value_is_made_of_the_same_arguments(positional: tuple[Any, ...], named: dict[str, Any]) -> None:
    ours, theirs = Parcel(*positional, **named), Model(*positional, **named)

    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert repr(ours) == repr(theirs).replace("Model", "Parcel")
    assert type(ours) is Parcel


@pytest.mark.parametrize("named", [{}, {"nothing": 1}])
def test_an_argument_that_is_missing_or_unknown_is_refused(named: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Parcel(**named)


def test_a_default_that_is_made_is_made_for_each() -> None:
    first, second = Parcel("a"), Parcel("b")

    assert first.changes == {}
    assert first.changes is not second.changes


def test_nothing_of_a_value_can_be_set_or_deleted() -> None:
    parcel = Parcel("a")
    for value in (parcel, replace(parcel, turn=2), copy.deepcopy(parcel)):
        with pytest.raises(FrozenInstanceError):
            value.turn = 3  # type: ignore[misc]
        with pytest.raises(FrozenInstanceError):
            del value.turn
        with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
            value.other = 3  # type: ignore[attr-defined]


def test_a_replaced_value_has_the_other_fields_of_the_first_which_stays() -> None:
    first = Parcel("a", 2, (3,), {"x": 1})

    second = replace(first, name="b", unset=())

    assert second == Parcel("b", 2, (), {"x": 1})
    assert first == Parcel("a", 2, (3,), {"x": 1})
    assert second.changes is first.changes
    assert dataclasses.replace(first, name="b", unset=()) == second


def test_a_field_that_a_value_does_not_have_cannot_be_replaced() -> None:
    with pytest.raises(AttributeError):
        replace(Parcel("a"), colour="red")  # type: ignore[call-arg]


def test_values_are_equal_hashed_ordered_and_matched_by_their_fields() -> None:
    assert Parcel("a") == Parcel("a") != Parcel("b") > Parcel("a")
    assert hash(Money(1, "EUR")) == hash(Money(1, "EUR"))
    match Parcel("a", 7):
        case Parcel(name, turn):
            assert (name, turn) == ("a", 7)


def test_a_value_that_checks_itself_does_so_when_it_is_made_and_when_it_is_replaced() -> None:
    with pytest.raises(Rejected):
        Money(1, "euro")
    with pytest.raises(Rejected):
        replace(Money(1, "EUR"), currency="euro")


@pytest.mark.parametrize("options", [{"frozen": True, "slots": False}, {"frozen": False, "slots": True}])
def test_what_could_be_changed_is_no_value(options: dict[str, bool]) -> None:
    with pytest.raises(TypeError, match="frozen"):
        dataclass(**options)


def test_a_value_has_no_base() -> None:
    with pytest.raises(TypeError, match="base"):

        @dataclass(frozen=True, slots=True)
        class Letter(Parcel):
            stamp: str = ""


def modules(package: ModuleType) -> list[ModuleType]:
    return [
        importlib.import_module(f"{package.__name__}.{found.name}") for found in pkgutil.iter_modules(package.__path__)
    ]


@pytest.mark.parametrize("package", [quittance.domain, quittance.application, quittance.storage])
def test_every_frozen_dataclass_of_these_packages_is_a_value(package: ModuleType) -> None:
    classes = [
        made
        for module in modules(package)
        for _, made in inspect.getmembers(module, inspect.isclass)
        if made.__module__ == module.__name__ and dataclasses.is_dataclass(made)
    ]
    frozen = [made for made in classes if made.__dataclass_params__.frozen]  # type: ignore[attr-defined]

    assert frozen
    assert {made.__name__ for made in frozen if made.__init__.__module__ != values.__name__} == set()


def test_a_class_whose_first_value_was_not_made_by_it_can_be_replaced() -> None:
    @dataclass(frozen=True, slots=True)
    class Amount:
        minor: int

    bare = Amount.__new__(Amount)
    object.__setattr__(bare, "minor", 1)

    assert replace(bare, minor=2) == Amount(2)
