"""The runbook has a section for each alarm of the template, and none for an alarm that is gone."""

from __future__ import annotations

import re
from typing import Final

from quittance.application import announce
from tests.docs.reading import DOCS, ROOT, code_words, headings, sections, text_of
from tests.template.reading import stack

RUNBOOK: Final = text_of(DOCS / "runbook.md")
APPLICATION: Final = [
    ROOT / f"layers/core/quittance/application/{name}.py"
    for name in ("intent_step", "join_batch", "look_back", "send_intent", "settle_batch", "submit_batch")
]


def _alarms() -> set[str]:
    return {name for name, made in stack()["Resources"].items() if made["Type"] == "AWS::CloudWatch::Alarm"}


def test_every_alarm_has_a_section_and_no_section_is_of_a_gone_alarm() -> None:
    described = {title for title in headings(RUNBOOK) if title.endswith("Alarm")}

    assert described == _alarms()


def test_every_mail_about_a_case_has_a_section() -> None:
    subjects = {subject for _, subject in announce._SUBJECTS.values()} | set(announce._MOVES.values())

    assert subjects <= set(headings(RUNBOOK))


def test_no_alarm_is_described_twice() -> None:
    titles = headings(RUNBOOK)

    assert len(titles) == len(set(titles))


def test_every_parameter_that_the_runbook_names_is_one_of_the_template() -> None:
    named = {word for word in code_words(RUNBOOK) if re.fullmatch(r"[A-Z][a-z]+(Concurrency|Cap|IsConnected)", word)}

    assert named
    assert named <= stack()["Parameters"].keys()


def test_every_reason_for_a_hold_that_the_runbook_explains_is_given_by_the_code() -> None:
    section = sections(RUNBOOK)["Money or a decision is on hold"]
    reasons = {
        word for row in re.findall(r"^\| (`.+?) \|", section, re.MULTILINE) for word in re.findall(r"`(\w+)`", row)
    }
    domain = ROOT / "layers/core/quittance/domain"
    modules = [*APPLICATION, domain / "decide_return.py", domain / "feed_batch.py"]
    code = "".join(module.read_text("utf-8") for module in modules)
    waits = {f"still_{why}" for why in ("unreadable", "pending")}

    assert reasons
    assert {reason for reason in reasons - waits if f'"{reason}"' not in code} == set()
    assert 'f"still_{why}"' in code
