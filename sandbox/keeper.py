"""Started by emulator.py under the sandbox's own Python: runs ministack and answers whether it still has work.

Refuses to run on without its owner: when the socket to it closes, the emulator ends and its folder goes.
"""

from __future__ import annotations

import os
import runpy
import shutil
import signal
import socket
import sys
import threading


def has_work() -> bool:
    """Tell whether a function runs or the table's stream holds records that no function has been given yet.

    Read from the emulator's own memory (release pinned in the lock), since no AWS call tells it.
    """
    from ministack.core import lambda_runtime, responses
    from ministack.services import dynamodb, lambda_svc

    if lambda_runtime.workers_in_use():
        return True
    for account, region, mapping in lambda_svc._iter_all_esms():  # noqa: SLF001
        source = mapping["EventSourceArn"]
        if ":dynamodb:" not in source or not mapping.get("Enabled", True):
            continue
        responses._request_account_id.set(account)  # noqa: SLF001
        responses._request_region.set(region)  # noqa: SLF001
        end = dynamodb.stream_end_position(source.split("/")[1])
        if lambda_svc._dynamodb_stream_positions.get(mapping["UUID"], end) < end:  # noqa: SLF001
            return True
    return False


def keep(owner: socket.socket) -> None:
    """Answer each byte of the owner with 1 or 0, and end this process when the owner is gone."""
    while owner.recv(1):
        owner.sendall(b"1" if has_work() else b"0")
    os.kill(os.getpid(), signal.SIGTERM)


def main(descriptor: int) -> None:
    owner = socket.socket(fileno=descriptor)
    owner.set_inheritable(False)
    threading.Thread(target=keep, args=(owner,), daemon=True).start()
    sys.argv = ["ministack"]
    try:
        runpy.run_module("ministack", run_name="__main__")
    finally:
        shutil.rmtree(os.environ["HOME"], ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
