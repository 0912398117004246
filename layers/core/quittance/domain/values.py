"""Values: frozen slotted dataclasses that are filled by plain assignments, since making and replacing them is hot.

Refuses a class that could be changed, and one with a base; to readers and to a type checker nothing differs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass, replace

__all__ = ["dataclass", "replace"]

_UNSET = object()
_METHODS = ("__init__", "__replace__")
_SOURCE = """
def __init__({parameters}):
 _turn(self, "__class__", _Twin)
 {fills}
 self.__class__ = _Made
 {end}
def __replace__(self, /, **changes):
 new = _create(_Twin)
 {copies}
 for name, changed in changes.items():
  setattr(new, name, changed)
 self = new
 self.__class__ = _Made
 {end}
 return self
"""


def _dataclass(*, frozen: bool, slots: bool, order: bool = False) -> Callable[[type], type]:
    """Make a class a frozen dataclass with slots; raises TypeError for a class that shall not be both, or has a base.

    The standard library's own fills a frozen value by one call for each field, and copies one by a loop over them.
    Here a twin with the same slots, which is not frozen, is filled by assignments and then becomes the class.
    """
    if not (frozen and slots):
        raise TypeError("a value is frozen and has slots; take the standard library's dataclass for anything else")
    return lambda plain: _made(plain, order=order)


def _made(plain: type, *, order: bool) -> type:
    if plain.__bases__ != (object,):
        raise TypeError(f"{plain.__name__} has a base; take the standard library's dataclass")
    made: type = dataclasses.dataclass(frozen=True, slots=True, init=False, order=order)(plain)
    for name in _METHODS:
        setattr(made, name, _first(made, name))
    return made


def _first(made: type, name: str) -> Callable[..., Any]:
    """The method until it is first called, which writes it: a process makes values of few of the classes it loads."""

    def method(self: object, /, *given: Any, **named: Any) -> Any:
        _write(made)
        return getattr(self, name)(*given, **named)

    return method


def _write(made: Any) -> None:
    fields = dataclasses.fields(made)
    twin = type(made.__name__, (), {"__slots__": tuple(field.name for field in fields)})
    room: dict[str, Any] = {"_Made": made, "_Twin": twin, "_turn": object.__setattr__, "_create": object.__new__}
    room |= {"__name__": __name__, "_unset": _UNSET, **_defaults(fields)}
    exec(_source(made, fields), room)  # noqa: S102  # nosec B102  # as the standard library: only names of fields
    for name in _METHODS:
        room[name].__qualname__ = f"{made.__qualname__}.{name}"
        setattr(made, name, room[name])


def _defaults(fields: tuple[dataclasses.Field[Any], ...]) -> dict[str, Any]:
    given = {f"_default_{f.name}": f.default for f in fields if f.default is not dataclasses.MISSING}
    made = {f"_make_{f.name}": f.default_factory for f in fields if f.default_factory is not dataclasses.MISSING}
    return given | made


def _source(made: type, fields: tuple[dataclasses.Field[Any], ...]) -> str:
    parameters, fills = ["self"], ["pass"]
    for field in fields:
        name, is_made = field.name, field.default_factory is not dataclasses.MISSING
        default = "=_unset" if is_made else f"=_default_{name}" if field.default is not dataclasses.MISSING else ""
        parameters.append(f"{name}{default}")
        fills.append(f"self.{name} = {f'_make_{name}() if {name} is _unset else ' if is_made else ''}{name}")
    return _SOURCE.format(
        parameters=", ".join(parameters),
        fills="\n ".join(fills),
        copies="\n ".join(["pass", *(f"new.{field.name} = self.{field.name}" for field in fields)]),
        end="self.__post_init__()" if hasattr(made, "__post_init__") else "pass",
    )


def _replace(value: Any, /, **changes: Any) -> Any:
    """Return a copy with other fields; raises AttributeError for a field that the value does not have."""
    return value.__replace__(**changes)


if not TYPE_CHECKING:
    dataclass, replace = _dataclass, _replace
