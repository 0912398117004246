"""Loads the handler of a function as Lambda does: by its file, named `handler`, in an environment of its own."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Final
from unittest.mock import patch

ROOT: Final = Path(__file__).resolve().parents[2]


@contextmanager
def load_function(path: str | Path, env: Mapping[str, str]) -> Iterator[ModuleType]:
    """Give the module of the handler file `path` (relative to the repository), imported afresh with `env` set.

    QUITTANCE_*, POWERTOOLS_* and AWS endpoint variables of the outside are hidden, so that a variable the template
    forgets is missing here too; `env` stays set until the block ends. The file's own siblings are imported afresh as
    well, as its folder is a root of its own in Lambda; the package `quittance` is not, so its classes stay the same.
    """
    file = ROOT / path
    siblings = {sibling.stem for sibling in file.parent.glob("*.py")} | {"handler"}
    outside = {name: value for name, value in os.environ.items() if not _is_function_setting(name)}
    saved = {name: sys.modules.pop(name) for name in siblings & sys.modules.keys()}
    with patch.dict(os.environ, {**outside, **env}, clear=True):
        sys.path.insert(0, str(file.parent))
        try:
            yield _import(file)
        finally:
            sys.path.remove(str(file.parent))
            for name in siblings & sys.modules.keys():
                del sys.modules[name]
            sys.modules.update(saved)


def _import(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("handler", file)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["handler"] = module
    spec.loader.exec_module(module)
    return module


def _is_function_setting(name: str) -> bool:
    return name.startswith(("QUITTANCE_", "POWERTOOLS_", "AWS_ENDPOINT_URL"))
