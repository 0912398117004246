"""What is kept is encrypted, guarded against an accident, and forgotten when its time has come."""

from __future__ import annotations

import pytest

from tests.template.reading import listed, of_type, resource, stack

KEPT = ("Table", "RawBucket", "DataKey", "AmazonKey", "CustomerSaltSecret")


@pytest.mark.parametrize("name", KEPT)
def test_what_cannot_be_made_again_outlives_the_stack(name: str) -> None:
    kept = stack()["Resources"][name]

    assert (kept["DeletionPolicy"], kept["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_the_table_is_guarded_encrypted_and_can_go_back_a_week() -> None:
    table = resource("Table")

    assert table["DeletionProtectionEnabled"] is True
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": "DataKey.Arn"}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7}


def test_the_table_has_its_two_sparse_indexes_with_keys_alone() -> None:
    table = resource("Table")

    indexes = {
        one["IndexName"]: ([key["AttributeName"] for key in one["KeySchema"]], one["Projection"])
        for one in table["GlobalSecondaryIndexes"]
    }
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    assert indexes == {
        "due": (["due_pk", "due_sk"], {"ProjectionType": "KEYS_ONLY"}),
        "desk": (["desk_pk", "desk_sk"], {"ProjectionType": "KEYS_ONLY"}),
    }
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


@pytest.mark.proves("F116")
def test_raw_deliveries_are_encrypted_closed_to_the_public_and_gone_after_thirty_days() -> None:
    bucket = resource("RawBucket")

    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert (rule["Status"], rule["ExpirationInDays"], "Prefix" in rule) == ("Enabled", 30, False)
    assert encryption["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "DataKey.Arn"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert "VersioningConfiguration" not in bucket


@pytest.mark.proves("F116")
def test_raw_deliveries_travel_encrypted_or_not_at_all() -> None:
    policy = resource("RawBucketPolicy")

    (refusal,) = policy["PolicyDocument"]["Statement"]
    assert policy["Bucket"] == "RawBucket"
    assert (refusal["Effect"], refusal["Principal"]) == ("Deny", "*")
    assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert set(refusal["Resource"]) == {"RawBucket.Arn", "RawBucket.Arn/*"}
    assert {"s3:GetObject", "s3:PutObject"} <= set(listed(refusal["Action"]))


@pytest.mark.proves("F116")
@pytest.mark.parametrize("kind", ["AWS::SNS::Topic", "AWS::SecretsManager::Secret", "AWS::Logs::LogGroup"])
def test_everything_else_that_holds_something_is_encrypted_with_our_key(kind: str) -> None:
    held = of_type(kind)

    assert held
    assert {
        name for name, one in held.items() if "DataKey.Arn" not in {one.get("KmsKeyId"), one.get("KmsMasterKeyId")}
    } == set()


@pytest.mark.proves("F116")
@pytest.mark.parametrize("secret", ["PreviewSecret", "CustomerSaltSecret"])
def test_a_secret_of_the_stack_is_made_up_by_aws_and_long(secret: str) -> None:
    made = resource(secret)

    assert "SecretString" not in made
    assert made["GenerateSecretString"]["PasswordLength"] >= 64


def test_nobody_is_subscribed_who_was_not_named() -> None:
    assert of_type("AWS::SNS::Subscription") == {}
    assert resource("OperatorsSubscription", AlarmEmail="ops@example.org")["Endpoint"] == "ops@example.org"
    assert resource("DeskSubscription", DeskEmail="desk@example.org")["TopicArn"] == "DeskTopic"
