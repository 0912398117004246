"""Feeds API 2021-06-30: documents, feeds, their states and results.

A feed answers nothing that ties it to its document: after a lost answer nobody can tell which feed was whose.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sandbox.amazon import feeds
from sandbox.amazon.api.paging import cut, resume
from sandbox.amazon.house import Feed
from sandbox.amazon.instants import read, stamp
from sandbox.amazon.operations import Operation, Visit
from sandbox.amazon.refusals import absent, invalid
from sandbox.amazon.shapes import TEXT, WHEN, ListOf, Record, Text, Texts, Truth, Whole

MODEL: Final = "feeds_2021-06-30"
STATUSES: Final = ("CANCELLED", "DONE", "FATAL", "IN_PROGRESS", "IN_QUEUE")
KEPT: Final = timedelta(days=90)


def told(feed: Feed) -> dict[str, Any]:
    body = {
        "feedId": feed.id,
        "feedType": feed.type,
        "marketplaceIds": list(feed.marketplaces),
        "createdTime": stamp(feed.created_at),
        "processingStatus": feed.status,
    }
    if feed.started_at is not None:
        body["processingStartTime"] = stamp(feed.started_at)
    if feed.ended_at is not None:
        body["processingEndTime"] = stamp(feed.ended_at)
    if feed.result is not None:
        body["resultFeedDocumentId"] = feed.result
    return body


def get_feeds(visit: Visit) -> dict[str, Any]:
    query, floor = visit.query, visit.floor
    token = query.get("nextToken")
    if (token is None) == ("feedTypes" not in query):
        raise invalid("Either feedTypes or nextToken is required, and nextToken stands alone.")
    if token is not None and len(query) > 1:
        raise invalid("nextToken must be the only parameter.")
    rows, following = resume(floor, token) if token else cut(floor, _found(visit), query.get("pageSize", 10))
    body: dict[str, Any] = {"feeds": [told(floor.feeds[feed_id]) for feed_id in rows]}
    return body | ({"nextToken": following} if following else {})


def _found(visit: Visit) -> list[str]:
    """Ids of the feeds that match, newest first."""
    query = visit.query
    since = read(query["createdSince"]) if "createdSince" in query else visit.now - KEPT
    until = read(query["createdUntil"]) if "createdUntil" in query else visit.now
    statuses, places = query.get("processingStatuses", STATUSES), set(query.get("marketplaceIds", ()))
    found = [
        feed
        for feed in visit.floor.feeds.values()
        if feed.type in query["feedTypes"]
        and feed.status in statuses
        and since <= feed.created_at <= until
        and feed.listed_at <= visit.now
        and (not places or places & set(feed.marketplaces))
    ]
    return [feed.id for feed in sorted(found, key=lambda one: one.created_at, reverse=True)]


def create_feed(visit: Visit) -> dict[str, Any]:
    body = visit.body
    feed = feeds.create(
        visit.floor, body["feedType"], tuple(body["marketplaceIds"]), body["inputFeedDocumentId"], visit.now
    )
    return {"feedId": feed.id}


def _feed(visit: Visit) -> Feed:
    feed = visit.floor.feeds.get(visit.path["feedId"])
    if feed is None or visit.now - feed.created_at > KEPT:
        raise absent(f"Feed {visit.path['feedId']}")
    return feed


def get_feed(visit: Visit) -> dict[str, Any]:
    return told(_feed(visit))


def cancel_feed(visit: Visit) -> None:
    feeds.cancel(visit.floor, _feed(visit).id, visit.now)


def create_document(visit: Visit) -> dict[str, Any]:
    document, url = visit.house.documents.begin(visit.floor.seller.id, visit.body["contentType"])
    return {"feedDocumentId": document.id, "url": url}


def get_document(visit: Visit) -> dict[str, Any]:
    document = visit.house.documents.find(visit.floor.seller.id, visit.path["feedDocumentId"])
    unzips = bool(visit.query.get("enableContentEncodingUrlHeader", False))
    return visit.house.documents.told(document, "feedDocumentId", unzips=unzips)


_PLACES: Final = ListOf(TEXT, 1, 10)
_LIST_QUERY: Final = Record(
    optional={
        "feedTypes": ListOf(TEXT, 1, 10),
        "marketplaceIds": _PLACES,
        "pageSize": Whole(1, 100),
        "processingStatuses": ListOf(Text(one_of=STATUSES), 1),
        "createdSince": WHEN,
        "createdUntil": WHEN,
        "nextToken": TEXT,
    }
)
_NEW_FEED: Final = Record(
    {"feedType": TEXT, "marketplaceIds": ListOf(TEXT, 1, 25), "inputFeedDocumentId": TEXT}, {"feedOptions": Texts()}
)
_UNZIPS: Final = Record(optional={"enableContentEncodingUrlHeader": Truth()})
_BASE: Final = "/feeds/2021-06-30"
OPERATIONS: Final = (
    Operation(MODEL, "getFeeds", "GET", f"{_BASE}/feeds", (0.0222, 10), get_feeds, _LIST_QUERY),
    Operation(MODEL, "createFeed", "POST", f"{_BASE}/feeds", (0.0083, 15), create_feed, body=_NEW_FEED, status=202),
    Operation(MODEL, "getFeed", "GET", f"{_BASE}/feeds/{{feedId}}", (2, 15), get_feed),
    Operation(MODEL, "cancelFeed", "DELETE", f"{_BASE}/feeds/{{feedId}}", (2, 15), cancel_feed),
    Operation(
        MODEL,
        "createFeedDocument",
        "POST",
        f"{_BASE}/documents",
        (0.5, 15),
        create_document,
        body=Record({"contentType": TEXT}),
        status=201,
    ),
    Operation(
        MODEL, "getFeedDocument", "GET", f"{_BASE}/documents/{{feedDocumentId}}", (0.0222, 10), get_document, _UNZIPS
    ),
)
