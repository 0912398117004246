"""Runs the embedded AWS as a process of its own: loopback, a free port, an environment that is ours alone.

Refuses to outlive its owner: the process ends when the socket to it closes, however the owner died.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from sandbox.translate import ROOT

PYTHON: Final = ROOT / ".venvs" / "sandbox" / "bin" / "python"
KEEPER: Final = ROOT / "sandbox" / "keeper.py"
REGION: Final = "eu-west-1"
ROOT_KEY: Final = "test"
START_WITHIN: Final = 30.0
# Nothing of it is kept, so nobody waits until its last connections have timed out.
STOP_WITHIN: Final = 1.0
_PORTS_TRIED: Final = 3
MEMORY: Final = Path("/dev/shm")  # noqa: S108  # a folder of a name of its own is made in it
ROOM: Final = 4 * 1024**3


class EmulatorFailed(RuntimeError):
    """The embedded AWS did not start; the message carries its last words."""


class Emulator:
    """One running embedded AWS; `url` is its only address. Stop it, or leave its `with` block."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        line: socket.socket,
        folder: tempfile.TemporaryDirectory[str],
        port: int,
    ) -> None:
        self._process = process
        self._line = line
        self._asking = threading.Lock()
        self._folder = folder
        self.url = f"http://127.0.0.1:{port}"

    @classmethod
    def start(cls) -> Emulator:
        """Start one on a free port. Raises EmulatorFailed."""
        if not PYTHON.exists():
            raise EmulatorFailed(f"{PYTHON.relative_to(ROOT)} is missing; run `make .venvs/sandbox/.stamp`")
        for _ in range(_PORTS_TRIED - 1):
            try:
                return cls._start_once()
            except EmulatorFailed:
                continue  # another process took the port between our looking and its binding
        return cls._start_once()

    @classmethod
    def _start_once(cls) -> Emulator:
        folder = tempfile.TemporaryDirectory(prefix="quittance-sandbox-", dir=_in_memory(), ignore_cleanup_errors=True)
        port = _free_port()
        ours, theirs = socket.socketpair()
        with theirs, (Path(folder.name) / "emulator.log").open("wb") as log:
            process = subprocess.Popen(
                [str(PYTHON), "-P", str(KEEPER), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                env=_environment(folder.name, port),
                cwd=folder.name,
                start_new_session=True,  # Ctrl-C is for the owner, who then stops this in order
            )
        emulator = cls(process, ours, folder, port)
        try:
            emulator._wait_until_healthy()
        except BaseException:
            emulator.stop()
            raise
        return emulator

    def _wait_until_healthy(self) -> None:
        limit = time.monotonic() + START_WITHIN
        while time.monotonic() < limit:
            if self._process.poll() is not None:
                raise EmulatorFailed(f"the embedded AWS ended at once: {self.log()[-800:]}")
            try:
                with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1):  # noqa: S310  # our own loopback
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
        raise EmulatorFailed(f"the embedded AWS was not healthy after {START_WITHIN:.0f} s: {self.log()[-800:]}")

    @property
    def pid(self) -> int:
        return self._process.pid

    def log(self) -> str:
        """Return what the embedded AWS itself has printed."""
        path = Path(self._folder.name) / "emulator.log"
        return path.read_text("utf-8", errors="replace") if path.exists() else ""

    def has_work(self) -> bool:
        """Tell whether a function runs or the stream holds records for one. Raises EmulatorFailed when it is gone."""
        with self._asking:
            self._line.sendall(b"?")
            answer = self._line.recv(1)
        if not answer:
            raise EmulatorFailed(f"the embedded AWS ended: {self.log()[-800:]}")
        return answer == b"1"

    def stop(self) -> None:
        """End it and its workers and remove its folder; a second call does nothing."""
        self._line.close()
        try:
            self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()


def _environment(folder: str, port: int) -> dict[str, str]:
    # Functions inherit all of this, so nothing of the host's environment may be in it.
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": folder,
        "TMPDIR": folder,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "LOG_LEVEL": "WARNING",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
    }


def _in_memory() -> Path | None:
    """Where files cost no disk, if there is room: each cold start unpacks a thousand of them."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
