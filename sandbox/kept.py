"""Keeps what is slow to make under .venvs/cache, by a name that carries the content it was made from.

Refuses to hand out half a file, and to keep what nobody has asked for in a week.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

CACHE: Final = Path(__file__).parents[1] / ".venvs" / "cache"
FORGOTTEN_AFTER: Final = 7 * 86_400


def kept(name: str, make: Callable[[], bytes]) -> bytes:
    """Return the file of this name, made by `make` the first time."""
    path = CACHE / name
    try:
        content = path.read_bytes()
        path.touch()
    except FileNotFoundError:
        content = make()
        CACHE.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{name}.{os.getpid()}")
        unfinished.write_bytes(content)
        unfinished.replace(path)
        _forget()
    return content


def _forget() -> None:
    for path in CACHE.iterdir():
        # Another process may have been faster.
        if path.is_file() and time.time() - path.stat().st_mtime > FORGOTTEN_AFTER:
            path.unlink(missing_ok=True)
