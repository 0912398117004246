"""`quittance policy`: what is wrong is told by file, key and rule; what is right is published once and for good."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from ops.cli import main
from ops.publish_policy import publish
from quittance.application.commit import Key, Write
from quittance.application.compile_policy import canonical, fingerprint
from quittance.domain.errors import Conflict, Rejected
from quittance.domain.policy import Versions
from quittance.storage import keys
from quittance.storage.memory import MemoryEngine
from quittance.storage.policies import PublishedPolicies
from tests.ops.world import World
from tests.policies.documents import POLICIES, SHOP, documents
from tests.support.builders import NOW


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(POLICIES, tmp_path / "policies"))


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after), "utf-8")


def test_the_files_of_the_repository_pass_in_silence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", str(POLICIES)]) == 0
    assert capsys.readouterr().out == ""


def test_a_problem_is_printed_with_the_path_of_its_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder / "shopify.toml", "window_days = 30", "window_days = 7")

    assert main(["policy", "check", str(folder)]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"{folder}/shopify.toml: returns.window_days: BELOW_LAW: eu.withdrawal gives 14 days"


def test_a_file_that_is_no_toml_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "shopify.toml").write_text("window_days = ", "utf-8")

    assert main(["policy", "check", str(folder)]) == 1
    assert f"NO_TOML: {folder}/shopify.toml" in capsys.readouterr().err


def test_a_folder_without_policies_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", str(tmp_path)]) == 1
    assert "NO_POLICIES" in capsys.readouterr().err


def test_a_call_that_makes_no_sense_exits_with_two(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["policy", "polish"])

    assert left.value.code == 2
    assert "invalid choice" in capsys.readouterr().err


def test_what_is_published_is_what_the_functions_decide_by(world: World, folder: Path) -> None:
    assert world.run("policy", "publish", str(folder), "--stack", "test") == 0

    policy = PublishedPolicies(world.stack.engine, lambda: NOW).current("shopify", SHOP)
    assert policy.versions == Versions(1, 1, 1)
    assert policy.terms.window_days == 30


def test_publishing_the_same_again_changes_nothing(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.run("policy", "publish", str(folder), "--stack", "test")
    before = _items(world)
    capsys.readouterr()

    assert world.run("policy", "publish", str(folder), "--stack", "test") == 0
    assert _items(world) == before
    assert "shopify: version 1 is in force already" in capsys.readouterr().out


def test_a_published_version_never_changes(world: World, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world.run("policy", "publish", str(folder), "--stack", "test")
    before = _items(world)
    edit(folder / "shopify.toml", "window_days = 30", "window_days = 31")

    assert world.run("policy", "publish", str(folder), "--stack", "test") == 1
    told = capsys.readouterr().err
    assert "VERSION_TAKEN: shopify.version: version 1 was published with other content; raise it to 2" in told
    assert _items(world) == before


def test_a_raised_version_goes_in_force_and_the_old_one_stays_for_its_cases(world: World, folder: Path) -> None:
    world.run("policy", "publish", str(folder), "--stack", "test")
    edit(folder / "shopify.toml", "window_days = 30", "window_days = 31")
    edit(folder / "shopify.toml", "\nversion = 1\n", "\nversion = 2\n")

    assert world.run("policy", "publish", str(folder), "--stack", "test") == 0
    published = PublishedPolicies(world.stack.engine, lambda: NOW)
    assert published.current("shopify", SHOP).terms.window_days == 31
    assert published.at(Versions(1, 1, 1), "shopify", SHOP).terms.window_days == 30


def test_a_version_never_falls(world: World, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder / "law.toml", "\nversion = 1\n", "\nversion = 3\n")
    world.run("policy", "publish", str(folder), "--stack", "test")
    edit(folder / "law.toml", "\nversion = 3\n", "\nversion = 2\n")

    assert world.run("policy", "publish", str(folder), "--stack", "test") == 1
    assert "VERSION_FELL: law.version: version 3 is in force; raise it to 4" in capsys.readouterr().err


def test_nothing_is_published_while_one_file_is_wrong(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(folder / "amazon.toml", "locked = true", "locked = false")

    assert world.run("policy", "publish", str(folder), "--stack", "test") == 1
    assert "amazon.toml: locked: POLICY_LOCKED" in capsys.readouterr().out
    assert _items(world) == []


def test_a_file_that_is_valid_later_is_published_with_a_word_of_warning(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(folder / "shopify.toml", "locked = false", "locked = false  # soon")
    edit(folder / "law.toml", '\nvalid_from = "2026-01-01"', '\nvalid_from = "9999-01-01"')

    assert world.run("policy", "publish", str(folder), "--stack", "test") == 0
    assert "law: valid from 9999-01-01, but in force as soon as it is published" in capsys.readouterr().err


def test_a_stack_that_does_not_exist_is_told_without_a_trace(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.run("policy", "publish", str(folder), "--stack", "elsewhere") == 1
    assert "elsewhere does not exist" in capsys.readouterr().err


def test_a_run_that_broke_off_between_the_pointers_is_finished_by_the_next() -> None:
    engine, found = MemoryEngine(), documents()
    next(publish(engine, found))

    told = list(publish(engine, found))

    assert sum("is in force already" in line for line in told) == 1
    assert len(told) == len(found)


def test_every_version_is_written_before_a_pointer_moves() -> None:
    engine, found = MemoryEngine(), documents()

    next(publish(engine, found))

    assert all(engine.get(keys.policy(name, 1)) is not None for name in found)


def test_nothing_is_written_when_one_version_is_taken() -> None:
    engine, found = MemoryEngine(), documents()
    list(publish(engine, {"shopify": {**found["shopify"], "source": "another"}}))

    with pytest.raises(Rejected, match="VERSION_TAKEN"):
        list(publish(engine, found))

    assert engine.get(keys.policy("law", 1)) is None


class Meddled(MemoryEngine):
    """Somebody else writes an item just before it is written here."""

    def __init__(self, theirs: Write) -> None:
        super().__init__()
        self._theirs = theirs

    def transact(self, writes: Sequence[Write]) -> None:
        if writes[0].key == self._theirs.key:
            super().transact([self._theirs])
        super().transact(writes)


def meddled(key: Key, **attributes: int | str) -> Meddled:
    return Meddled(Write(key, {"v": 1, **attributes}, ()))


def test_of_two_who_move_a_pointer_at_once_one_learns_of_the_other() -> None:
    engine = meddled(keys.current_policy("law"), version=3)

    with pytest.raises(Conflict):
        list(publish(engine, {"law": documents()["law"]}))


def test_a_pointer_that_our_own_first_try_moved_is_no_conflict() -> None:
    engine = meddled(keys.current_policy("law"), version=1)

    assert list(publish(engine, {"law": documents()["law"]})) == ["law: version 1 is in force"]


def test_of_two_who_write_a_version_at_once_the_first_content_is_kept() -> None:
    engine = meddled(keys.policy("law", 1), sha256="of another document", json="{}")

    with pytest.raises(Conflict):
        list(publish(engine, {"law": documents()["law"]}))

    item = engine.get(keys.policy("law", 1))
    assert item is not None
    assert item["sha256"] == "of another document"
    assert engine.get(keys.current_policy("law")) is None


def test_a_version_that_our_own_first_try_wrote_is_no_conflict() -> None:
    document = documents()["law"]
    engine = meddled(keys.policy("law", 1), sha256=fingerprint(document), json=canonical(document))

    assert list(publish(engine, {"law": document})) == ["law: version 1 is in force"]


def test_the_stored_text_is_the_document(world: World, folder: Path) -> None:
    world.run("policy", "publish", str(folder), "--stack", "test")

    item = world.stack.engine.get(keys.policy("law", 1))

    assert item is not None
    assert json.loads(item["json"]) == documents()["law"]


def _items(world: World) -> list[object]:
    found = world.client("dynamodb").scan(TableName="quittance-test")["Items"]
    return sorted(found, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))
