"""The layers carry what the functions import, for the Python and the processor that they are deployed on."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from sandbox.packages import INSTALLER
from sandbox.translate import ROOT

DEPENDENCIES: Final = ROOT / "layers" / "dependencies"
CORE: Final = ROOT / "layers" / "core"
BROUGHT_BY_LAMBDA: Final = {"boto3", "botocore"}
MAKE: Final = shutil.which("make") or "make"
AARCH64: Final = 183  # e_machine of an ELF file


def test_the_requirements_of_the_layer_are_the_lock() -> None:
    header, _, listed = (DEPENDENCIES / "requirements.txt").read_text("utf-8").partition("\n")
    lock = (ROOT / "locks" / "runtime.txt").read_text("utf-8").splitlines(keepends=True)

    assert header.startswith("# Generated from locks/runtime.txt")
    assert listed == "".join(line for line in lock if not line.startswith("#")), f"run: {header.partition(': ')[2]}"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both layers as `sam build` does."""
    into = tmp_path_factory.mktemp("layers")
    for folder, target in ((CORE, "build-CoreLayer"), (DEPENDENCIES, "build-DependenciesLayer")):
        subprocess.run(
            [MAKE, "--silent", "-C", str(folder), target, f"ARTIFACTS_DIR={into}", f"PYTHON={INSTALLER}"],
            check=True,
        )
    return into / "python"


def test_the_built_layers_carry_all_that_is_imported_but_what_lambda_brings(built: Path) -> None:
    carried = {path.name.removesuffix(".py") for path in built.iterdir()}
    beside = {path.stem for path in (ROOT / "functions").glob("*/*.py")}
    imported = {name for folder in (CORE, ROOT / "functions") for path in folder.rglob("*.py") for name in _tops(path)}

    assert "quittance" in imported
    assert imported - set(sys.stdlib_module_names) - BROUGHT_BY_LAMBDA - beside - carried == set()


def test_the_built_layers_bring_no_second_boto3_and_no_leavings(built: Path) -> None:
    assert not BROUGHT_BY_LAMBDA & {path.name for path in built.iterdir()}
    left_behind = {path.name for path in built.rglob("*.pyc") if "cpython-313" not in path.name}
    assert left_behind == set(), "only bytecode of the deployed Python may be in a layer"
    assert not (built / "bin").exists()


def test_whatever_is_compiled_in_the_built_layers_is_for_graviton(built: Path) -> None:
    compiled = {path: path.read_bytes()[:20] for path in built.rglob("*.so")}

    assert {path.name for path, head in compiled.items() if head[:4] != b"\x7fELF" or head[18] != AARCH64} == set()
    assert {path.name for path in compiled if "cpython-313" not in path.name and "abi3" not in path.name} == set()


def test_the_core_layer_is_the_package_file_by_file(built: Path) -> None:
    def sources(folder: Path) -> dict[str, bytes]:
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.py")}

    assert sources(built / "quittance") == sources(CORE / "quittance")


def _tops(path: Path) -> set[str]:
    tops = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            tops |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            tops.add(node.module.partition(".")[0])
    return tops
