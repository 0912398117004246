"""What the README says a month costs is counted from the template, and adds up."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from quittance.application.route_due import LANES, SHARDS
from tests.docs.reading import ROOT, sections, text_of
from tests.template.reading import of_type

COSTS: Final = sections(text_of(ROOT / "README.md"))["What it costs"]
ROWS: Final = re.findall(r"^\| \**(.+?)\** \| *(.*?) *\| \**([0-9.]+)\** \|$", COSTS, re.MULTILINE)
MINUTES_A_MONTH: Final = 730 * 60


def _row(what: str) -> tuple[str, Decimal]:
    found = [(how, Decimal(price)) for name, how, price in ROWS if name == what]
    assert len(found) == 1, f"the table needs one row {what!r}"
    return found[0]


def _counted(what: str) -> int:
    return int(_row(what)[0].split()[0])


def test_the_rows_add_up() -> None:
    assert sum(Decimal(price) for name, _, price in ROWS if name != "in all") == _row("in all")[1]


def test_keys_alarms_and_dashboards_are_those_of_the_template() -> None:
    keys, alarms = len(of_type("AWS::KMS::Key")), len(of_type("AWS::CloudWatch::Alarm"))

    assert (_counted("KMS keys"), _row("KMS keys")[1]) == (keys, Decimal(keys))
    assert (_counted("Alarms"), _row("Alarms")[1]) == (alarms, alarms * Decimal("0.10"))
    assert len(of_type("AWS::CloudWatch::Dashboard")) == 1


def test_secrets_are_those_of_one_shop_and_those_of_the_template() -> None:
    secrets = 3 + len(of_type("AWS::SecretsManager::Secret"))

    assert (_counted("Secrets"), _row("Secrets")[1]) == (secrets, secrets * Decimal("0.40"))


def test_every_queue_that_feeds_a_function_is_polled() -> None:
    sources = [
        one for one in of_type("AWS::Lambda::EventSourceMapping").values() if "Queue" in str(one["EventSourceArn"])
    ]
    requests = len(sources) * 5 * 3 * MINUTES_A_MONTH
    how, price = _row("Polling of 7 queues by Lambda")

    assert len(sources) == 7
    assert f"{requests / 1_000_000:.1f} million" in how
    assert price == (requests * Decimal("0.40") / 1_000_000).quantize(Decimal("0.01"))


def test_the_due_index_is_asked_once_a_minute_per_lane_and_shard() -> None:
    queries = len(LANES) * len(SHARDS)
    how, price = _row("Due index")

    assert how.startswith(f"{queries} queries a minute")
    read_units = queries * MINUTES_A_MONTH / Decimal(2)
    assert price == (read_units * Decimal("0.125") / 1_000_000).quantize(Decimal("0.01"))
