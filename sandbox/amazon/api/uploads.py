"""Uploads API 2020-11-01: places for the attachments of messages.

A message may name only what was uploaded for it.
"""

from __future__ import annotations

import re
from typing import Any, Final

from sandbox.amazon.operations import Operation, Visit
from sandbox.amazon.refusals import invalid
from sandbox.amazon.shapes import TEXT, ListOf, Record

MODEL: Final = "uploads_2020-11-01"
RESOURCE: Final = re.compile(r"messaging/v1/orders/[^/]+/messages/\w+")


def create_destination(visit: Visit) -> dict[str, Any]:
    if not RESOURCE.fullmatch(visit.path["resource"]):
        raise invalid(f"The resource {visit.path['resource']} takes no uploads.")
    visit.floor.check_marketplaces(tuple(visit.query["marketplaceIds"]))
    kind = visit.query.get("contentType", "application/octet-stream")
    document, url = visit.house.documents.begin(visit.floor.seller.id, kind)
    return {"payload": {"uploadDestinationId": document.id, "url": url, "headers": {"Content-Type": kind}}}


_QUERY: Final = Record({"marketplaceIds": ListOf(TEXT, None, 1), "contentMD5": TEXT}, {"contentType": TEXT})
OPERATIONS: Final = (
    Operation(
        MODEL,
        "createUploadDestinationForResource",
        "POST",
        "/uploads/2020-11-01/uploadDestinations/{resource}",
        (10, 10),
        create_destination,
        _QUERY,
        status=201,
        greedy=True,
    ),
)
