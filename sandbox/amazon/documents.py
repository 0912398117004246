"""Feed and report documents behind signed addresses: five minutes, one content type, 28 or 90 days, then gone.

An upload whose content type is not the one that was signed is refused, as Amazon's store does.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sandbox.amazon.faults import Faults
from sandbox.amazon.ids import Ids
from sandbox.amazon.refusals import absent

LINK_LIFE = timedelta(minutes=5)
FEED_LIFE = timedelta(days=28)
REPORT_LIFE = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Document:
    """`content` is None until it is uploaded; `gzipped` ones are stored and sent compressed."""

    id: str
    seller: str
    content_type: str
    made_at: datetime
    dies_at: datetime
    content: bytes | None = None
    gzipped: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A signed address: for one document, one method, until `dies_at`."""

    signature: str
    document: str
    method: str
    dies_at: datetime
    unzips: bool = False


@dataclass(frozen=True, slots=True)
class FileReply:
    status: int
    content: bytes
    headers: Mapping[str, str]


def _refused(status: int, code: str, message: str) -> FileReply:
    page = f"<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return FileReply(status, page.encode(), {"Content-Type": "application/xml"})


@dataclass(slots=True)
class Documents:
    """All documents of all sellers. `base` gives the address the links begin with."""

    clock: Callable[[], datetime]
    ids: Ids
    faults: Faults
    base: Callable[[], str]
    kept: dict[str, Document] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)

    def begin(self, seller: str, content_type: str) -> tuple[Document, str]:
        """A document to be uploaded, and the address for it."""
        now = self.clock()
        document = Document(self.ids.document("feed document"), seller, content_type, now, now + FEED_LIFE)
        self.kept[document.id] = document
        return document, self._link(document, "PUT")

    def store(
        self, seller: str, content: bytes, content_type: str, life: timedelta, *, gzipped: bool = False
    ) -> Document:
        """A document of Amazon's own: a feed's result or a report."""
        now = self.clock()
        kind = self.ids.document("document")
        packed = gzip.compress(content, mtime=0) if gzipped else content
        document = Document(kind, seller, content_type, now, now + life, packed, gzipped)
        self.kept[document.id] = document
        return document

    def find(self, seller: str, document_id: str) -> Document:
        """Raises Refused (404) when it is another seller's, or gone."""
        document = self.kept.get(document_id)
        if document is None or document.seller != seller or self.clock() >= document.dies_at:
            raise absent(f"Document {document_id}")
        return document

    def told(self, document: Document, name: str, *, unzips: bool) -> dict[str, Any]:
        """What getFeedDocument and getReportDocument answer; `name` is the id's name in that answer."""
        body = {name: document.id, "url": self._link(document, "GET", unzips=unzips)}
        return body | ({"compressionAlgorithm": "GZIP"} if document.gzipped else {})

    def _link(self, document: Document, method: str, *, unzips: bool = False) -> str:
        text = f"{document.id}/{method}/{len(self.links)}"
        signature = hashlib.sha256(text.encode()).hexdigest()
        self.links[signature] = Link(signature, document.id, method, self.clock() + LINK_LIFE, unzips)
        base = self.faults.take_host(self.base()) if method == "GET" else self.base()
        life = int(LINK_LIFE.total_seconds())
        return f"{base}/documents/{document.id}?X-Amz-Expires={life}&X-Amz-Signature={signature}"

    # What the store answers

    def _open(self, method: str, document_id: str, signature: str) -> Link | FileReply:
        link = self.links.get(signature)
        if link is None or (link.document, link.method) != (document_id, method):
            return _refused(403, "SignatureDoesNotMatch", "The request signature we calculated does not match")
        if self.clock() >= link.dies_at:
            return _refused(403, "AccessDenied", "Request has expired")
        return link

    def put(self, document_id: str, signature: str, content_type: str, content: bytes) -> FileReply:
        link = self._open("PUT", document_id, signature)
        if isinstance(link, FileReply):
            return link
        document = self.kept[document_id]
        if content_type != document.content_type:
            return _refused(403, "SignatureDoesNotMatch", "The content-type sent is not the one that was signed")
        self.kept[document_id] = replace(document, content=content)
        return FileReply(200, b"", {})

    def get(self, document_id: str, signature: str) -> FileReply:
        link = self._open("GET", document_id, signature)
        if isinstance(link, FileReply):
            return link
        document = self.kept[document_id]
        headers = {"Content-Type": document.content_type}
        if document.gzipped and link.unzips:
            headers["Content-Encoding"] = "gzip"
        return FileReply(200, document.content or b"", headers)
