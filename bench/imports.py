"""What importing a handler costs against a floor: the AWS clients it cannot do without.

Each program runs in fresh interpreters, in turns with the others. A machine may change its speed from one second to the
next, by half and more, so the order within a turn is shuffled and a ratio is the median of the ratios within each turn.
"""

from __future__ import annotations

import importlib.metadata
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from bench import CORE, ROOT

# Nothing is sent: making a client needs a region and, later, credentials.
AWS: Final = {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
_FRAME: Final = """\
import sys, time
sys.path[:0] = {paths!r}
wall, cpu = time.perf_counter(), time.process_time()
{program}
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run and time in a fresh interpreter, with which folders before its path and which environment."""

    text: str
    paths: tuple[Path, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one program took in each turn, in milliseconds; the turns are those of its neighbours."""

    walls: tuple[float, ...]
    cpus: tuple[float, ...]

    @property
    def wall(self) -> float:
        return statistics.median(self.walls)


@dataclass(frozen=True, slots=True)
class Ratio:
    """CPU time against another program of the same turn: quartiles of the ratios, so that the noise is seen."""

    low: float
    median: float
    high: float


def ratio(cost: Cost, floor: Cost) -> Ratio:
    """Compare turn by turn: a change of speed between turns does not move this, and one within a turn widens it."""
    low, median, high = statistics.quantiles(
        (mine / least for mine, least in zip(cost.cpus, floor.cpus, strict=True)), n=4
    )
    return Ratio(low, median, high)


def clients(*services: str) -> Program:
    """Return the floor: boto3 and one client for each service, and nothing else."""
    made = "\n".join(f"boto3.client({service!r})" for service in services)
    return Program(f"import boto3\n{made}")


def handler(function: str, env: Mapping[str, str]) -> Program:
    """Return the import of a function's handler, with the layer as Lambda sees it and the function's environment."""
    return Program("import handler", (ROOT / "functions" / function, CORE), env)


def without_bytecode(program: Program, into: Path) -> Program:
    """Return the same import of sources alone: its folders and the libraries of the layer, copied to `into`.

    So a layer starts that was built by another Python than the deployed one: Lambda mounts it read-only.
    """
    folders = tuple(into / str(number) for number, _ in enumerate(program.paths))
    for source, folder in zip(program.paths, folders, strict=True):
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"))
    libraries = into / "libraries"
    for name in re.findall(r"^([a-z0-9-]+)==", (ROOT / "locks" / "runtime.txt").read_text("utf-8"), re.MULTILINE):
        for file in importlib.metadata.files(name) or ():
            if file.suffix in {".py", ".so", ".pem", ".json"} and ".." not in file.parts:
                target = libraries / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.locate(), target)
    env = {**program.env, "PYTHONDONTWRITEBYTECODE": "1"}
    return replace(program, paths=(*folders, libraries), env=env)


def compare(programs: Mapping[str, Program], runs: int = 41, seed: int = 1) -> dict[str, Cost]:
    """Run each program once unmeasured (it writes its bytecode), then `runs` times in turns of shuffled order."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for program in programs.values():
        _time(program)
    names = list(programs)
    order = random.Random(seed)  # noqa: S311  # repeatable, not secret
    for _ in range(runs):
        order.shuffle(names)
        for name in names:
            times[name].append(_time(programs[name]))
    return {name: Cost(*zip(*samples, strict=True)) for name, samples in times.items()}


def _time(program: Program) -> tuple[float, float]:
    script = _FRAME.format(paths=[str(path) for path in program.paths], program=program.text)
    env = {"PATH": os.environ["PATH"], **AWS, **program.env}
    done = subprocess.run(  # noqa: S603  # our own interpreter, our own text
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )
    wall, cpu = done.stdout.split()[-2:]
    return float(wall) * 1000, float(cpu) * 1000
