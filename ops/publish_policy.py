"""Publishes policy documents: each version is written once and never changed, then the pointers follow.

Refuses a version that exists with other content, and one below the version in force.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from quittance.application.commit import Absent, Value, VersionIs, Write
from quittance.application.compile_policy import canonical, fingerprint
from quittance.domain.errors import Conflict, Rejected
from quittance.storage import keys
from quittance.storage.engine import Engine
from quittance.storage.items import SCHEMA

Document = Mapping[str, Any]


def publish(engine: Engine, documents: Mapping[str, Document]) -> Iterator[str]:
    """Publish all documents and tell what became of each; they have passed the check.

    Everything is looked at before anything is written, every version is written before a pointer moves, and what is
    there already is left alone, so that a run that broke off is finished by the next. Raises Rejected
    (VERSION_TAKEN | VERSION_FELL), and Conflict when somebody else publishes at the same time.
    """
    in_force = {name: _in_force(engine, name) for name in documents}
    for name, document in documents.items():
        _check_version(engine, document, in_force[name])
    for document in documents.values():
        _write_version(engine, document)
    for name, document in documents.items():
        if in_force[name] == document["version"]:
            yield f"{name}: version {document['version']} is in force already"
            continue
        _move_pointer(engine, document, in_force[name])
        yield f"{name}: version {document['version']} is in force"


def _in_force(engine: Engine, name: str) -> int | None:
    item = engine.get(keys.current_policy(name))
    return None if item is None else int(item["version"])


def _check_version(engine: Engine, document: Document, in_force: int | None) -> None:
    name, version = document["name"], document["version"]
    if in_force is not None and version < in_force:
        raise Rejected("VERSION_FELL", f"{name}.version", f"version {in_force} is in force; raise it to {in_force + 1}")
    if not _is_absent_or_same(engine, document):
        raise Rejected(
            "VERSION_TAKEN",
            f"{name}.version",
            f"version {version} was published with other content; raise it to {max(version, in_force or 0) + 1}",
        )


def _is_absent_or_same(engine: Engine, document: Document) -> bool:
    item = engine.get(keys.policy(document["name"], document["version"]))
    return item is None or item["sha256"] == fingerprint(document)


def _write_version(engine: Engine, document: Document) -> None:
    attributes: dict[str, Value] = {"v": SCHEMA, "sha256": fingerprint(document), "json": canonical(document)}
    try:
        engine.transact((Write(keys.policy(document["name"], document["version"]), attributes, (Absent(),)),))
    except Conflict:
        if not _is_absent_or_same(engine, document):
            raise


def _move_pointer(engine: Engine, document: Document, in_force: int | None) -> None:
    attributes: dict[str, Value] = {"v": SCHEMA, "version": document["version"]}
    condition = Absent() if in_force is None else VersionIs(in_force)
    try:
        engine.transact((Write(keys.current_policy(document["name"]), attributes, (condition,)),))
    except Conflict:
        # The first try of a write that was tried again may have been the one that moved it.
        if _in_force(engine, document["name"]) != document["version"]:
            raise
