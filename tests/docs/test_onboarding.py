"""What onboarding tells people to type works: topics, versions, receipts, files, and the signature made by a shell."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from quittance.application.ports import Delivery
from quittance.channels import inbound
from quittance.channels.shopify import documents, hints
from quittance.channels.warehouse import receipts, table_file
from quittance.domain.ids import DeliveryId
from quittance.domain.observations import Condition
from quittance.runtime import settings
from tests.docs.reading import DOCS, ROOT, code_words, fences, first_cells, sections, text_of
from tests.support.pushed import RECEIPT_SECRET
from tests.template.reading import stack

ONBOARDING: Final = text_of(DOCS / "onboarding.md")
WAREHOUSE: Final = sections(ONBOARDING)["6. Connect the warehouse"]
# Stands in for curl: keeps the headers and the body, and sends nothing.
CURL: Final = """\
#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in
    -H) printf '%s\\n' "$2" >> headers; shift ;;
    --data-binary) cat "${2#@}" > sent; shift ;;
    --*) ;;
    *) printf '%s' "$1" > url ;;
  esac
  shift
done
"""


def _block(language: str, part: str = "", text: str = ONBOARDING) -> str:
    found = [fence.text for fence in fences(text) if fence.language == language and part in fence.text]
    assert len(found) == 1, f"one {language} block with {part!r} is expected, {len(found)} were found"
    return found[0]


def _webhooks() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(_block("toml", "webhooks"))["webhooks"]
    return found


def test_the_subscriptions_are_exactly_the_topics_that_the_channel_reads() -> None:
    topics = [topic for one in _webhooks()["subscriptions"] for topic in one["topics"]]

    assert sorted(topics) == sorted(hints.TOPICS - {hints.POLLED})


def test_the_subscriptions_name_the_version_and_the_address_of_the_code() -> None:
    webhooks = _webhooks()
    path = webhooks["subscriptions"][0]["uri"].split("amazonaws.com", 1)[1]

    assert webhooks["api_version"] == documents.VERSION
    assert f"POST {path}" == inbound.DOORS["shopify"].route.format(channel="shopify", store="maison-lumiere")


def test_the_parameters_that_are_set_are_those_of_the_template() -> None:
    stated = tomllib.loads(_block("toml", "parameter_overrides"))["default"]["deploy"]["parameters"]
    names = [pair.partition("=")[0] for pair in stated["parameter_overrides"].split()]

    assert names
    assert set(names) <= stack()["Parameters"].keys()


def test_the_outputs_that_are_asked_for_are_those_of_the_template() -> None:
    asked = set(re.findall(r"\$\(output (\w+)\)", ONBOARDING))

    assert asked
    assert asked <= stack()["Outputs"].keys()


def test_the_receipt_that_is_shown_can_be_read() -> None:
    receipt = receipts.receipt_of(json.loads(_block("json", "receipt_id", WAREHOUSE)))

    assert receipt.id == "parcel-4711"
    assert sum(unit.quantity for unit in receipt.units) == 3


def test_the_file_that_is_shown_names_every_column_and_gives_the_same_parcel() -> None:
    text = _block("csv")
    (body,) = table_file.bodies(text.encode())
    shown = json.loads(_block("json", "receipt_id", WAREHOUSE))

    assert tuple(sorted(text.splitlines()[0].split(","))) == tuple(sorted(table_file.COLUMNS))
    assert receipts.receipt_of(json.loads(body.content)).units == receipts.receipt_of(shown).units


def test_every_condition_of_goods_is_told_to_the_warehouse() -> None:
    assert {condition.value for condition in Condition} <= set(code_words(WAREHOUSE))


def test_a_receipt_signed_by_the_shell_example_is_accepted(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None or shutil.which("openssl") is None:
        pytest.skip("the example needs bash and openssl")
    body = _block("json", "receipt_id", WAREHOUSE).encode()
    (tmp_path / "receipt.json").write_bytes(body)
    _run([bash, "-euo", "pipefail", "-c", _block("bash")], tmp_path)

    lines = (tmp_path / "headers").read_text().splitlines()
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    sent = (tmp_path / "sent").read_bytes()
    assert sent == body
    assert (tmp_path / "url").read_text() == "https://shop.example.com/receipts/maison-lumiere"
    now = datetime.now(UTC)
    assert inbound.verify_standard([RECEIPT_SECRET], headers, sent, now)
    assert not inbound.verify_standard([RECEIPT_SECRET], headers, sent + b" ", now)
    assert receipts.read(_delivery(sent)).id == "parcel-4711"


def _run(command: list[str], folder: Path) -> None:
    curl = folder / "curl"
    curl.write_text(CURL)
    curl.chmod(0o755)
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "RECEIPT_KEY": RECEIPT_SECRET,
        "API_URL": "https://shop.example.com",
    }
    subprocess.run(command, cwd=folder, env=environment, check=True)


def _delivery(body: bytes) -> Delivery:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    return Delivery("warehouse", "maison-lumiere", "maison-lumiere", "receipt", DeliveryId("parcel-4711"), at, body)


def test_every_scope_is_asked_for_with_its_reason() -> None:
    scopes = [cell.strip("`") for cell in first_cells(sections(ONBOARDING)["3. Make the Shopify app"])]

    assert {"write_returns", "read_orders", "read_all_orders"} <= set(scopes)


def test_the_secrets_that_are_written_lie_where_the_functions_look() -> None:
    written = _written()
    prefix = settings.Deployment(stack=_stack_name(), release="1").secret_prefix
    inbound_names = {f"{prefix}inbound/{channel}/maison-lumiere" for channel in inbound.DOORS}
    credentials = f"{prefix}shopify/maison-lumiere"

    assert written.keys() == inbound_names | {credentials}
    assert [len(inbound.signing_secrets(written[name])) for name in inbound_names] == [1, 1]
    assert written[credentials].keys() == {"shop", "client_id", "client_secret"}
    assert inbound.signing_secrets(written[f"{prefix}inbound/warehouse/maison-lumiere"]) == (RECEIPT_SECRET,)


def _stack_name() -> str:
    defaults = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))["default"]
    return str(defaults["global"]["parameters"]["stack_name"])


def _written() -> dict[str, dict[str, Any]]:
    found = {}
    lines = _block("sh", "create-secret").replace("\\\n", " ").splitlines()
    for words in (shlex.split(line) for line in lines if line.startswith("aws ")):
        value = words[words.index("--secret-string") + 1].replace("$RECEIPT_KEY", RECEIPT_SECRET)
        found[words[words.index("--name") + 1]] = json.loads(value)
    return found
