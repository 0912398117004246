"""Packs functions and layers for the embedded AWS as Lambda would be given them, for the Python that runs here.

Refuses to install anything but the locked runtime group, by hash. Packs are kept by content under .venvs/cache.
"""

from __future__ import annotations

import compileall
import hashlib
import io
import py_compile
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from sandbox.kept import kept
from sandbox.translate import ROOT

RUNTIME_LOCK: Final = ROOT / "locks" / "runtime.txt"
INSTALLER: Final = ROOT / ".venvs" / "installer" / "bin" / "python"
_LEFT_BEHIND: Final = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache", "Makefile"})
_BELIEVED: Final = py_compile.PycInvalidationMode.UNCHECKED_HASH
_WHEN: Final = (1980, 1, 1, 0, 0, 0)


def function_zip(folder: Path) -> bytes:
    """Return the code of one function. Raises FileNotFoundError when the folder holds none."""
    files = _files(folder)
    if not files:
        raise FileNotFoundError(f"{folder} holds no code; the template names it as a function's folder")
    return kept(_name("function", _stamp(folder, files)), lambda: _pack(lambda into: _copy(folder, files, into)))


def core_layer_zip() -> bytes:
    """Return the layer with the quittance package."""
    folder = ROOT / "layers" / "core"
    files = _files(folder)
    stamp = _stamp(folder, files)
    return kept(_name("core", stamp), lambda: _pack(lambda into: _copy(folder, files, into / "python")))


def dependencies_layer_zip() -> bytes:
    """Return the layer with the locked runtime group; the first call downloads it.

    Raises RuntimeError with the installer's last words when that fails.
    """
    stamp = hashlib.sha256(RUNTIME_LOCK.read_bytes()).hexdigest()
    return kept(_name("dependencies", stamp), lambda: _pack(_install))


def _name(kind: str, stamp: str) -> str:
    return f"{kind}-py{sys.version_info.major}{sys.version_info.minor}-{stamp[:24]}.zip"


def _install(into: Path) -> None:
    if not INSTALLER.exists():
        raise RuntimeError(f"{INSTALLER.relative_to(ROOT)} is missing; run `make .venvs/sandbox/.stamp`")
    target = into / "python"
    command = [INSTALLER, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps"]
    command += ["--require-hashes", "--only-binary=:all:", "--target", target, "--requirement", RUNTIME_LOCK]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the dependencies layer could not be made: {done.stderr.strip()[-600:]}")
    shutil.rmtree(target / "bin", ignore_errors=True)


def _pack(fill: Callable[[Path], None]) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        fill(Path(name))
        # A worker unpacks its layers afresh: bytecode that is checked by date would never be believed there.
        compileall.compile_dir(name, quiet=2, stripdir=name, invalidation_mode=_BELIEVED)
        return _zipped(Path(name))


def _zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as pack:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            pack.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix(), _WHEN), path.read_bytes())
    return buffer.getvalue()


def _files(folder: Path) -> list[Path]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if _LEFT_BEHIND.isdisjoint(path.parts))


def _stamp(folder: Path, files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        content = (folder / path).read_bytes()
        digest.update(f"{path.as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _copy(folder: Path, files: Iterable[Path], into: Path) -> None:
    for path in files:
        (into / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / path, into / path)
