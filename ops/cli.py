"""The command line: one module per subcommand, one way to say what went wrong.

Exits 0 when all went well, 1 when something was refused or is wrong, 2 when the call itself makes no sense.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from ops import account, case, command, feed, policy, public_holidays, receive, reconcile, redrive, report, restored
from ops.stack import Stack
from quittance.domain.errors import QuittanceError

SUBCOMMANDS: Final = (
    policy, account, receive, redrive, reconcile, restored, report, feed, case, command, public_holidays,
)  # fmt: skip


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="quittance", description="Run a Quittance stack.")
    commands = made.add_subparsers(required=True, metavar="COMMAND")
    for module in SUBCOMMANDS:
        module.add_to(commands)
    return made


def main(arguments: Sequence[str] | None = None, connect: Callable[[argparse.Namespace], Stack] = Stack.of) -> int:
    stated = parser().parse_args(arguments)
    try:
        return int(stated.run(stated, partial(connect, stated)))
    except (QuittanceError, ClientError, BotoCoreError, OSError) as error:
        print(f"quittance: {error}", file=sys.stderr)
        return 1
