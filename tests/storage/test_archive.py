"""Raw deliveries come back from the archive byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from quittance.domain.errors import Unavailable
from quittance.domain.ids import DeliveryId
from quittance.storage.archive import S3Archive, archive_key
from tests.storage import samples
from tests.storage.engines import client

BUCKET = "raw"


@pytest.fixture
def archive() -> Iterator[S3Archive]:
    with mock_aws():
        client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield S3Archive(client("s3"), BUCKET)


def test_a_delivery_comes_back_as_it_was_put(archive: S3Archive) -> None:
    delivery = replace(samples.a_delivery(), body=bytes(range(256)))

    assert archive.get(archive.put(delivery)) == delivery


def test_the_same_delivery_has_the_same_key_and_another_one_has_not(archive: S3Archive) -> None:
    delivery = samples.a_delivery()

    assert archive.put(delivery) == archive.put(replace(delivery, body=b"again"))
    assert archive.put(delivery) != archive.put(replace(delivery, id=DeliveryId("other")))


def test_keys_are_by_channel_account_and_day() -> None:
    key = archive_key(replace(samples.a_delivery("a/../b"), received_at=samples.NOW + timedelta(days=10)))

    assert key.startswith("archive/shopify/maison-lumiere/2026/12/01/")
    assert ".." not in key


def test_what_is_not_there_is_none(archive: S3Archive) -> None:
    assert archive.get("archive/shopify/a/2026/01/01/x") is None
    assert archive.get("") is None


def test_a_body_laid_down_by_the_webhook_is_read_as_bytes(archive: S3Archive) -> None:
    client("s3").put_object(Bucket=BUCKET, Key="spool/1", Body=b"\x00raw")

    assert archive.bytes_at("spool/1") == b"\x00raw"
    with pytest.raises(Unavailable, match="body"):
        archive.bytes_at("spool/2")


def test_a_later_schema_is_not_misread(archive: S3Archive) -> None:
    key = archive.put(samples.a_delivery())
    document = json.loads(archive.bytes_at(key)) | {"schema": 2}
    client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(document).encode())

    with pytest.raises(Unavailable, match="schema 2"):
        archive.get(key)


class Refusing:
    """An S3 client that never does what it is asked."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def put_object(self, **_: Any) -> Any:
        raise self._error

    def get_object(self, **_: Any) -> Any:
        raise self._error


@pytest.mark.parametrize(
    "error",
    [EndpointConnectionError(endpoint_url="https://x"), ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")],
    ids=type,
)
def test_an_archive_that_does_not_answer_is_unavailable_and_never_empty(error: Exception) -> None:
    archive = S3Archive(Refusing(error), BUCKET)

    with pytest.raises(Unavailable):
        archive.put(samples.a_delivery())
    with pytest.raises(Unavailable):
        archive.get("archive/x")
