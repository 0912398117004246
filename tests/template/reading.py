"""Reads template.yaml as CloudFormation would get it, and says what a value comes to for given parameters.

A resource comes to its logical id, an attribute to `Id.Attribute`: enough to compare, impossible to mistake.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sandbox.translate import TEMPLATE, expanded

NOTHING: Final = object()
PSEUDO: Final[Mapping[str, Any]] = {
    "AWS::AccountId": "111122223333",
    "AWS::NoValue": NOTHING,
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::StackName": "shop",
    "AWS::URLSuffix": "amazonaws.com",
}
FUNCTIONS: Final = (
    "ReceiveWebhookFunction",
    "IngestReturnsFunction",
    "PollChannelsFunction",
    "ExecuteRefundFunction",
    "WatchdogTickFunction",
    "WatchdogFireFunction",
    "PublishEventsFunction",
    "DeskFunction",
)
QUEUES: Final = ("InboxQueue", "BulkQueue", "AmazonQueue", "DueQueue", "PollQueue", "UrgentQueue", "RefundQueue")
SECRETS: Final = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:quittance/shop/"


@functools.cache
def stack() -> Mapping[str, Any]:
    return expanded(TEMPLATE.read_text("utf-8"))


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """Return logical id -> properties, values as they come for the default parameters."""
    return {
        name: resolved(resource["Properties"])
        for name, resource in stack()["Resources"].items()
        if resource["Type"] == kind and holds(resource.get("Condition"))
    }


def resource(name: str, **parameters: str) -> dict[str, Any]:
    properties: dict[str, Any] = resolved(stack()["Resources"][name]["Properties"], **parameters)
    return properties


def sources(function: str) -> list[dict[str, Any]]:
    """Return the event source mappings that feed a function."""
    return [one for one in of_type("AWS::Lambda::EventSourceMapping").values() if one["FunctionName"] == function]


def statements(function: str) -> list[dict[str, Any]]:
    """Return what a function's role allows and denies, each with lists of actions and resources."""
    role = resource(resource(function)["Role"].removesuffix(".Arn"))
    return [
        {**one, "Action": listed(one["Action"]), "Resource": listed(one["Resource"])}
        for policy in role["Policies"]
        for one in policy["PolicyDocument"]["Statement"]
    ]


def allowed(function: str) -> Iterator[tuple[str, str]]:
    """Yield each pair of action and resource that a function's role allows."""
    for one in statements(function):
        if one["Effect"] == "Allow":
            yield from ((action, target) for action in one["Action"] for target in one["Resource"])


def holders(action: str, target: str) -> set[str]:
    """Return the functions that may do this to that."""
    return {function for function in FUNCTIONS if (action, target) in set(allowed(function))}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def defaults() -> dict[str, Any]:
    return {name: one.get("Default", "") for name, one in stack()["Parameters"].items()}


def holds(condition: str | None, **parameters: str) -> bool:
    return condition is None or bool(resolved(stack()["Conditions"][condition], **parameters))


def broken_rules(**parameters: str) -> list[str]:
    """Return what CloudFormation would say before it refuses these parameters; nothing when it would go on."""
    return [
        claim["AssertDescription"]
        for rule in stack()["Rules"].values()
        if resolved(rule.get("RuleCondition", {"Fn::Equals": ["", ""]}), **parameters)
        for claim in rule["Assertions"]
        if not resolved(claim["Assert"], **parameters)
    ]


def resolved(value: Any, **parameters: str) -> Any:
    if isinstance(value, list):
        return [one for one in (resolved(one, **parameters) for one in value) if one is not NOTHING]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, argument),) = value.items()
        if name in _INTRINSIC:
            return _INTRINSIC[name](argument, parameters)
    every = {name: resolved(one, **parameters) for name, one in value.items()}
    return {name: one for name, one in every.items() if one is not NOTHING}


def _ref(name: str, parameters: Mapping[str, str]) -> Any:
    return {**defaults(), **PSEUDO, **parameters}.get(name, name)


def _sub(argument: Any, parameters: Mapping[str, str]) -> str:
    text, names = (argument, {}) if isinstance(argument, str) else argument
    also = {name: resolved(one, **parameters) for name, one in names.items()}
    return re.sub(r"\$\{([^!}]+)\}", lambda found: str(also.get(found[1], _ref(found[1], parameters))), text)


def _if(argument: list[Any], parameters: Mapping[str, str]) -> Any:
    condition, then, otherwise = argument
    return resolved(then if holds(condition, **parameters) else otherwise, **parameters)


def _equals(argument: list[Any], parameters: Mapping[str, str]) -> bool:
    one, other = (resolved(each, **parameters) for each in argument)
    return bool(one == other)


_INTRINSIC: Final[Mapping[str, Any]] = {
    "Ref": _ref,
    "Fn::GetAtt": lambda argument, _: ".".join(argument) if isinstance(argument, list) else argument,
    "Fn::Sub": _sub,
    "Fn::If": _if,
    "Fn::Equals": _equals,
    "Fn::Not": lambda argument, parameters: not resolved(argument[0], **parameters),
}
