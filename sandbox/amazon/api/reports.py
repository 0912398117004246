"""Reports API 2021-06-30: reports, schedules and their documents.

What a report holds is written when it is done, not when it is asked for.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sandbox.amazon import reports
from sandbox.amazon.api.paging import cut, resume
from sandbox.amazon.house import Report, Schedule
from sandbox.amazon.instants import read, stamp
from sandbox.amazon.operations import Operation, Visit
from sandbox.amazon.refusals import absent, invalid
from sandbox.amazon.shapes import TEXT, WHEN, ListOf, Record, Text, Texts, Truth, Whole

MODEL: Final = "reports_2021-06-30"
STATUSES: Final = ("CANCELLED", "DONE", "FATAL", "IN_PROGRESS", "IN_QUEUE")
KEPT: Final = timedelta(days=90)


def told(report: Report) -> dict[str, Any]:
    body = {
        "reportId": report.id,
        "reportType": report.type,
        "marketplaceIds": list(report.marketplaces),
        "dataStartTime": stamp(report.data_from),
        "dataEndTime": stamp(report.data_until),
        "createdTime": stamp(report.created_at),
        "processingStatus": report.status,
    }
    if report.schedule is not None:
        body["reportScheduleId"] = report.schedule
    if report.started_at is not None:
        body["processingStartTime"] = stamp(report.started_at)
    if report.ended_at is not None:
        body["processingEndTime"] = stamp(report.ended_at)
    if report.document is not None:
        body["reportDocumentId"] = report.document
    return body


def get_reports(visit: Visit) -> dict[str, Any]:
    query, floor = visit.query, visit.floor
    token = query.get("nextToken")
    if (token is None) == ("reportTypes" not in query):
        raise invalid("Either reportTypes or nextToken is required, and nextToken stands alone.")
    if token is not None and len(query) > 1:
        raise invalid("nextToken must be the only parameter.")
    rows, following = resume(floor, token) if token else cut(floor, _found(visit), query.get("pageSize", 10))
    body: dict[str, Any] = {"reports": [told(floor.reports[report_id]) for report_id in rows]}
    return body | ({"nextToken": following} if following else {})


def _found(visit: Visit) -> list[str]:
    query = visit.query
    since = read(query["createdSince"]) if "createdSince" in query else visit.now - KEPT
    until = read(query["createdUntil"]) if "createdUntil" in query else visit.now
    statuses, places = query.get("processingStatuses", STATUSES), set(query.get("marketplaceIds", ()))
    found = [
        one
        for one in visit.floor.reports.values()
        if one.type in query["reportTypes"]
        and one.status in statuses
        and since <= one.created_at <= until
        and (not places or places & set(one.marketplaces))
    ]
    return [one.id for one in sorted(found, key=lambda one: one.created_at, reverse=True)]


def create_report(visit: Visit) -> dict[str, Any]:
    body = visit.body
    wanted = reports.Wanted(
        body["reportType"],
        tuple(body["marketplaceIds"]),
        read(body["dataStartTime"]) if "dataStartTime" in body else None,
        read(body["dataEndTime"]) if "dataEndTime" in body else None,
        body.get("reportOptions", {}),
    )
    return {"reportId": reports.request(visit.floor, wanted, visit.now).id}


def _report(visit: Visit) -> Report:
    report = visit.floor.reports.get(visit.path["reportId"])
    if report is None or visit.now - report.created_at > KEPT:
        raise absent(f"Report {visit.path['reportId']}")
    return report


def get_report(visit: Visit) -> dict[str, Any]:
    return told(_report(visit))


def cancel_report(visit: Visit) -> None:
    reports.cancel(visit.floor, _report(visit).id, visit.now)


def get_document(visit: Visit) -> dict[str, Any]:
    document = visit.house.documents.find(visit.floor.seller.id, visit.path["reportDocumentId"])
    unzips = bool(visit.query.get("enableContentEncodingUrlHeader", False))
    return visit.house.documents.told(document, "reportDocumentId", unzips=unzips)


def _told_schedule(one: Schedule) -> dict[str, Any]:
    return {
        "reportScheduleId": one.id,
        "reportType": one.type,
        "marketplaceIds": list(one.marketplaces),
        "reportOptions": dict(one.options),
        "period": one.period,
        "nextReportCreationTime": stamp(one.next_at),
    }


def get_schedules(visit: Visit) -> dict[str, Any]:
    wanted = visit.query["reportTypes"]
    found = [one for one in visit.floor.schedules.values() if one.type in wanted]
    return {"reportSchedules": [_told_schedule(one) for one in found]}


def create_schedule(visit: Visit) -> dict[str, Any]:
    body = visit.body
    wanted = reports.Wanted(body["reportType"], tuple(body["marketplaceIds"]), options=body.get("reportOptions", {}))
    first = read(body["nextReportCreationTime"]) if "nextReportCreationTime" in body else None
    return {"reportScheduleId": reports.schedule(visit.floor, wanted, body["period"], first, visit.now).id}


def _schedule(visit: Visit) -> Schedule:
    found = visit.floor.schedules.get(visit.path["reportScheduleId"])
    if found is None:
        raise absent(f"Report schedule {visit.path['reportScheduleId']}")
    return found


def get_schedule(visit: Visit) -> dict[str, Any]:
    return _told_schedule(_schedule(visit))


def cancel_schedule(visit: Visit) -> None:
    del visit.floor.schedules[_schedule(visit).id]


_LIST_QUERY: Final = Record(
    optional={
        "reportTypes": ListOf(TEXT, 1, 10),
        "processingStatuses": ListOf(Text(one_of=STATUSES), 1),
        "marketplaceIds": ListOf(TEXT, 1, 10),
        "pageSize": Whole(1, 100),
        "createdSince": WHEN,
        "createdUntil": WHEN,
        "nextToken": TEXT,
    }
)
_NEW_REPORT: Final = Record(
    {"marketplaceIds": ListOf(TEXT, 1, 25), "reportType": TEXT},
    {"reportOptions": Texts(), "dataStartTime": WHEN, "dataEndTime": WHEN},
)
_NEW_SCHEDULE: Final = Record(
    {"marketplaceIds": ListOf(TEXT, 1, 25), "period": Text(one_of=tuple(reports.PERIODS)), "reportType": TEXT},
    {"reportOptions": Texts(), "nextReportCreationTime": WHEN},
)
_TYPES: Final = Record({"reportTypes": ListOf(TEXT, 1, 10)})
_UNZIPS: Final = Record(optional={"enableContentEncodingUrlHeader": Truth()})
_SLOW: Final = (0.0222, 10)
_REPORTS: Final = "/reports/2021-06-30/reports"
_ONE: Final = f"{_REPORTS}/{{reportId}}"
_SCHEDULES: Final = "/reports/2021-06-30/schedules"
_ONE_SCHEDULE: Final = f"{_SCHEDULES}/{{reportScheduleId}}"
_DOCUMENT: Final = "/reports/2021-06-30/documents/{reportDocumentId}"
OPERATIONS: Final = (
    Operation(MODEL, "getReports", "GET", _REPORTS, _SLOW, get_reports, _LIST_QUERY),
    Operation(MODEL, "createReport", "POST", _REPORTS, (0.0167, 15), create_report, body=_NEW_REPORT, status=202),
    Operation(MODEL, "getReport", "GET", _ONE, (2, 15), get_report),
    Operation(MODEL, "cancelReport", "DELETE", _ONE, _SLOW, cancel_report),
    Operation(MODEL, "getReportSchedules", "GET", _SCHEDULES, _SLOW, get_schedules, _TYPES),
    Operation(
        MODEL, "createReportSchedule", "POST", _SCHEDULES, _SLOW, create_schedule, body=_NEW_SCHEDULE, status=201
    ),
    Operation(MODEL, "getReportSchedule", "GET", _ONE_SCHEDULE, _SLOW, get_schedule),
    Operation(MODEL, "cancelReportSchedule", "DELETE", _ONE_SCHEDULE, _SLOW, cancel_schedule),
    Operation(MODEL, "getReportDocument", "GET", _DOCUMENT, (0.0167, 15), get_document, _UNZIPS),
)
