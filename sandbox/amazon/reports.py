"""Reports: asked for or on a schedule, worked on for a while, DONE with a document or CANCELLED without one.

CANCELLED means "nothing in this window" or "asked too often"; nobody can tell which from outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from sandbox.amazon import report_rows
from sandbox.amazon.documents import REPORT_LIFE
from sandbox.amazon.house import Floor, Report, Schedule
from sandbox.amazon.performance import performance
from sandbox.amazon.refusals import invalid
from sandbox.amazon.report_rows import Write

WRITERS: Final[Mapping[str, Write]] = {
    "GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE": report_rows.returns_text,
    "GET_XML_RETURNS_DATA_BY_RETURN_DATE": report_rows.returns_xml,
    "GET_CSV_MFN_PRIME_RETURNS_REPORT": report_rows.prime_csv,
    "GET_XML_MFN_PRIME_RETURNS_REPORT": report_rows.prime_xml,
    "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA": report_rows.fba_returns,
    "GET_FBA_REIMBURSEMENTS_DATA": report_rows.reimbursements,
    "GET_V2_SELLER_PERFORMANCE_REPORT": performance,
}
LONGEST: Final = timedelta(days=60)
PERIODS: Final[Mapping[str, timedelta]] = {
    "PT5M": timedelta(minutes=5),
    "PT15M": timedelta(minutes=15),
    "PT30M": timedelta(minutes=30),
    "PT1H": timedelta(hours=1),
    "PT2H": timedelta(hours=2),
    "PT4H": timedelta(hours=4),
    "PT8H": timedelta(hours=8),
    "PT12H": timedelta(hours=12),
    "P1D": timedelta(days=1),
    "P2D": timedelta(days=2),
    "P3D": timedelta(days=3),
    "PT84H": timedelta(hours=84),
    "P7D": timedelta(days=7),
    "P14D": timedelta(days=14),
    "P15D": timedelta(days=15),
    "P18D": timedelta(days=18),
    "P30D": timedelta(days=30),
    "P1M": timedelta(days=30),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a report is asked for with; a window that is left out is the last day."""

    type: str
    marketplaces: tuple[str, ...]
    data_from: datetime | None = None
    data_until: datetime | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    schedule: str | None = None


def request(floor: Floor, wanted: Wanted, now: datetime) -> Report:
    """Take a report into the queue. Raises Refused."""
    if wanted.type not in WRITERS:
        raise invalid(f"Report type {wanted.type} is not valid.")
    floor.check_marketplaces(wanted.marketplaces)
    until = min(wanted.data_until or now, now)
    start = wanted.data_from or until - timedelta(days=1)
    if start >= until:
        raise invalid("dataStartTime must be before dataEndTime and before now.")
    if until - start > LONGEST:
        raise invalid(f"A report spans {LONGEST.days} days at most.")
    report = Report(
        id=floor.house.ids.numbered("report"),
        type=wanted.type,
        marketplaces=wanted.marketplaces,
        created_at=now,
        data_from=start,
        data_until=until,
        fault=floor.house.faults.take_report(wanted.type),
        options=wanted.options,
        schedule=wanted.schedule,
        too_often=wanted.schedule is None and _too_often(floor, wanted, now),
    )
    floor.reports[report.id] = report
    floor.plan(now + floor.seller.lags.report_queue, lambda at: _start(floor, report.id, at))
    return report


def _too_often(floor: Floor, wanted: Wanted, now: datetime) -> bool:
    """The hidden limit: the same type within the half hour, whatever the marketplaces and the window."""
    recent = [
        one
        for one in floor.reports.values()
        if one.type == wanted.type
        and one.schedule is None
        and one.status != "CANCELLED"
        and now - one.created_at < floor.seller.report_again_after
    ]
    return bool(recent)


def _start(floor: Floor, report_id: str, at: datetime) -> None:
    report = floor.reports[report_id]
    if report.status != "IN_QUEUE":
        return
    floor.reports[report_id] = replace(report, status="IN_PROGRESS", started_at=at)
    if not report.fault.stuck:
        work = report.fault.work if report.fault.work is not None else floor.seller.lags.report_work
        floor.plan(at + work, lambda then: _finish(floor, report_id, then))


def _finish(floor: Floor, report_id: str, at: datetime) -> None:
    report = floor.reports[report_id]
    content = None if report.too_often else WRITERS[report.type](floor, report)
    status = report.fault.status or ("CANCELLED" if content is None else "DONE")
    if report.fault.content is not None and status == "DONE":
        content = report.fault.content(content or b"")
    document = _store(floor, report, content or b"") if status == "DONE" else None
    _end(floor, replace(report, status=status, ended_at=at, document=document), at)


def _store(floor: Floor, report: Report, content: bytes) -> str:
    kind = "text/xml" if "_XML_" in report.type else "text/plain"
    if report.type == "GET_V2_SELLER_PERFORMANCE_REPORT":
        kind = "application/json"
    charset = floor.style.encoding if kind == "text/plain" else "utf-8"
    full = f"{kind}; charset={charset.upper()}"
    return floor.house.documents.store(floor.seller.id, content, full, REPORT_LIFE, gzipped=floor.style.gzip).id


def _end(floor: Floor, report: Report, at: datetime) -> None:
    floor.reports[report.id] = report
    payload = {
        "sellerId": floor.seller.id,
        "accountId": floor.seller.account_id,
        "reportId": report.id,
        "reportType": report.type,
        "processingStatus": report.status,
    } | ({"reportDocumentId": report.document} if report.document else {})
    if report.fault.told:
        floor.announce("REPORT_PROCESSING_FINISHED", "reportProcessingFinishedNotification", payload, at)


def cancel(floor: Floor, report_id: str, now: datetime) -> None:
    """Raises Refused unless it waits."""
    report = floor.reports[report_id]
    if report.status != "IN_QUEUE":
        raise invalid(f"Report {report_id} is {report.status}: only IN_QUEUE reports can be cancelled.")
    _end(floor, replace(report, status="CANCELLED", ended_at=now), now)


def schedule(floor: Floor, wanted: Wanted, period: str, first: datetime | None, now: datetime) -> Schedule:
    """A report at every period; a schedule of the same type replaces the one before. Raises Refused."""
    if wanted.type not in WRITERS:
        raise invalid(f"Report type {wanted.type} is not valid.")
    floor.check_marketplaces(wanted.marketplaces)
    for one in list(floor.schedules.values()):
        if one.type == wanted.type and one.marketplaces == wanted.marketplaces:
            del floor.schedules[one.id]
    next_at = max(first or now + PERIODS[period], now)
    made = Schedule(
        floor.house.ids.numbered("schedule"), wanted.type, wanted.marketplaces, period, next_at, wanted.options
    )
    floor.schedules[made.id] = made
    floor.plan(next_at, lambda at: _on_schedule(floor, made.id, at))
    return made


def _on_schedule(floor: Floor, schedule_id: str, at: datetime) -> None:
    held = floor.schedules.get(schedule_id)
    if held is None:
        return
    span = PERIODS[held.period]
    request(floor, Wanted(held.type, held.marketplaces, at - span, at, held.options, held.id), at)
    floor.schedules[held.id] = replace(held, next_at=at + span)
    floor.plan(at + span, lambda then: _on_schedule(floor, schedule_id, then))
