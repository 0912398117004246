"""`quittance policy check` and `publish`: what a merchant edits becomes what the stack decides by."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops import documents
from ops.publish_policy import publish
from ops.stack import Connect, add_options


def add_to(commands: Any) -> None:
    made = commands.add_parser("policy", help="check and publish the policy files")
    verbs = made.add_subparsers(required=True, metavar="VERB")
    checking = verbs.add_parser("check", help="say what is wrong with the files, if anything")
    publishing = verbs.add_parser("publish", help="check, then put the files in force in a stack")
    for verb, run in ((checking, run_check), (publishing, run_publish)):
        verb.add_argument("folder", nargs="?", type=Path, default=documents.FOLDER, metavar="DIR")
        verb.set_defaults(run=run)
    add_options(publishing)


def run_check(stated: argparse.Namespace, _: Connect) -> int:
    found = documents.complaints(stated.folder, documents.read(stated.folder))
    for line in found:
        print(line)
    return 1 if found else 0


def run_publish(stated: argparse.Namespace, connect: Connect) -> int:
    read = documents.read(stated.folder)
    found = documents.complaints(stated.folder, read)
    if found:
        print(*found, sep="\n")
        print("quittance: nothing was published", file=sys.stderr)
        return 1
    today = datetime.now(UTC).date().isoformat()
    for name, document in read.items():
        if document["valid_from"] > today:
            print(
                f"{name}: valid from {document['valid_from']}, but in force as soon as it is published", file=sys.stderr
            )
    for line in publish(connect().engine, read):
        print(line)
    return 0
