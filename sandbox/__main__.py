"""`python -m sandbox demo [--keep]`: the main job on one machine, in real formats, with both books at the end.

Exits 1 when a story did not end as it had to, or the books differ by a cent.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import timedelta

from sandbox.day import Day
from sandbox.report import books_table, compare, table
from sandbox.shopify.webhooks import sign
from sandbox.world import STORE, World


def main() -> int:
    """Play the day, print what came of it, and keep the world running if asked to."""
    parser = argparse.ArgumentParser(prog="sandbox", description="A whole Quittance on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="play a day at the shop and compare both books")
    demo.add_argument("--keep", action="store_true", help="keep it running and ticking until interrupted")
    keep = parser.parse_args().keep
    began = time.monotonic()
    say(f"{0:5.1f} s  bringing up the stack, the shop and the warehouse")
    with World.start() as world:
        day = Day(world, lambda text: say(f"{time.monotonic() - began:5.1f} s  {text}"))
        day.play()
        is_good = _tell(world, day)
        say(f"\n{time.monotonic() - began:.1f} s in all, {_days(world.clock.offset)} of the shop's time")
        if keep:
            _keep(world)
    return 0 if is_good else 1


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


def _days(span: timedelta) -> str:
    return f"{span / timedelta(days=1):.1f} days"


def _tell(world: World, day: Day) -> bool:
    """Print cases, deadlines, refunds and both books; say whether all is well."""
    heads = [item for item in world.items("CASE#") if item["sk"] == "HEAD"]
    say(f"\nCases ({len(heads)})")
    rows = [("story", "order", "state", "marks")]
    for scene in day.scenes:
        shown = world.show(scene.case)
        rows.append((scene.title, scene.order, str(shown.get("state")), ", ".join(shown.get("marks", []))))
    say(table(rows))
    say(f"\n{_deadlines(world)}")
    say("\nThe shop's books beside our ledgers")
    lines = compare(world.shopify.books(), world.ledgers())
    say(books_table(lines))
    failures = [*day.failures(), *(f"order {line.order}: the books differ" for line in lines if not line.agrees)]
    failures += [f"the simulator failed: {defect}" for defect in world.shopify.defects]
    failures += [f"{count} messages in {queue}'s dead letters" for queue, count in world.cloud.dead_letters().items()]
    say("\nEvery story ended as it had to; both books are equal." if not failures else "\nNOT AS IT HAD TO BE:")
    for failure in failures:
        say(f"  {failure}")
    return not failures


def _deadlines(world: World) -> str:
    fired: dict[tuple[str, str], int] = {}
    for item in world.items("CASE#"):
        for event in item.get("events", []):
            if event["name"].startswith("Deadline"):
                key = (event["facts"]["deadline"], event["name"].removeprefix("Deadline").lower())
                fired[key] = fired.get(key, 0) + 1
    rows = [("deadline", "step", "times")]
    rows += [(kind, step, str(count)) for (kind, step), count in sorted(fired.items())]
    return "Deadlines\n" + table(rows)


def _keep(world: World) -> None:
    """Tick every minute until interrupted, and say how to knock at the door."""
    say("\nIt keeps running; interrupt it with Ctrl-C. A signed webhook of your own:")
    say(_curl(world))
    try:
        while True:
            time.sleep(60)
            world.tick()
    except KeyboardInterrupt:
        say("stopping")


def _curl(world: World) -> str:
    last = list(world.shopify.webhooks.deliveries.values())[-1]
    secret = world.shopify.floor().app.signing_secret
    headers = {
        "X-Shopify-Topic": last.topic,
        "X-Shopify-Hmac-Sha256": sign(last.body, secret),
        "X-Shopify-Shop-Domain": f"{STORE}.myshopify.com",
        "X-Shopify-Webhook-Id": "by-hand-1",
        "Content-Type": "application/json",
    }
    options = " ".join(f"-H '{name}: {value}'" for name, value in headers.items())
    body = last.body.decode().replace("'", "'\\''")
    return f"curl -i {options} --data-binary '{body}' {world.cloud.api_url}/webhooks/shopify/{STORE}"


if __name__ == "__main__":
    sys.exit(main())
