"""How large the two layers are that a deployment uploads, built as `sam build` builds them.

It runs the layers' own makefiles, for the deployed Python and processor, whatever runs here.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from bench import ROOT, Figure, Result, machine

MEGABYTE: Final = 1_000_000
AT_MOST: Final = 8.0
INSTALLER: Final = ROOT / ".venvs" / "installer" / "bin" / "python"
LAYERS: Final = {"core": "build-CoreLayer", "dependencies": "build-DependenciesLayer"}
NOTES: Final = (
    "Wheels for Python 3.13 on arm64 as `sam build` fetches them; zipped by deflate, as `sam deploy` uploads them.",
    "boto3 comes with Lambda and is in neither layer.",
)


def run() -> Result:
    figures = []
    for layer, target in LAYERS.items():
        zipped, plain, files = _built(layer, target)
        at_most = AT_MOST if layer == "dependencies" else None
        figures += [
            Figure(f"{layer} layer, zipped", zipped / MEGABYTE, "MB", at_most=at_most),
            Figure(f"{layer} layer, unpacked", plain / MEGABYTE, "MB"),
            Figure(f"{layer} layer, files", files, ""),
        ]
    return Result(
        name="layers",
        title="What a deployment uploads",
        figures=tuple(figures),
        notes=NOTES,
        machine=machine("aws-lambda-powertools", "requests"),
    )


def _built(layer: str, target: str) -> tuple[int, int, int]:
    with tempfile.TemporaryDirectory() as folder:
        make = shutil.which("make") or "make"
        command = [make, "--silent", "-C", str(ROOT / "layers" / layer), target]
        command += [f"ARTIFACTS_DIR={folder}", f"PYTHON={INSTALLER}"]
        subprocess.run(command, check=True)  # noqa: S603  # our own makefile
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as pack:
            for path in files:
                pack.write(path, path.relative_to(folder))
        return len(buffer.getvalue()), sum(path.stat().st_size for path in files), len(files)
