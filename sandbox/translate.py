"""Turns template.yaml into what the embedded AWS can build: SAM is expanded offline, then the few changes of REWRITES.

Refuses to drop anything in silence: every change to the stack is one function of that list, and a test holds the list.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from sandbox.kept import kept

ROOT: Final = Path(__file__).parents[1]
TEMPLATE: Final = ROOT / "template.yaml"
CODE_BUCKET: Final = "quittance-code"

Stack = dict[str, Any]
Rewrite = Callable[[Stack, Mapping[str, str]], None]


def emulated(parameters: Mapping[str, str], template: Path = TEMPLATE) -> Stack:
    """Return the stack as the embedded AWS is given it, to be made with these parameters."""
    stack = _expansion(template)
    stated = {**{name: str(one.get("Default", "")) for name, one in stack["Parameters"].items()}, **parameters}
    for rewrite in REWRITES.values():
        rewrite(stack, stated)
    return stack


def _expansion(template: Path) -> Stack:
    source = template.read_bytes()
    stamp = hashlib.sha256(source + Path(__file__).read_bytes() + version("aws-sam-translator").encode()).hexdigest()
    stack: Stack = json.loads(kept(f"stack-{stamp[:24]}.json", lambda: json.dumps(expanded(source.decode())).encode()))
    return stack


def expanded(source: str) -> Stack:
    """Return what CloudFormation would get from SAM for this template, with local folders as keys of CODE_BUCKET.

    `functions/desk/` becomes `s3://quittance-code/functions/desk.zip`.
    """
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.yaml_helper import yaml_parse

    # SAM asks boto3 for a region although it calls nobody.
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")
    template = yaml_parse(source)
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        for name in properties.keys() & {"CodeUri", "ContentUri"}:
            properties[name] = f"s3://{CODE_BUCKET}/{properties[name].strip('/')}.zip"
    stack: Stack = Translator({}, Parser()).translate(template, {})
    return stack


def code_folders(stack: Stack) -> Mapping[str, str]:
    """Return key in CODE_BUCKET -> folder of the project for all code that the stack names."""
    named = [
        properties.get("Code") or properties.get("Content") or {}
        for _, properties in of_type(stack, "AWS::Lambda::Function", "AWS::Lambda::LayerVersion")
    ]
    return {one["S3Key"]: one["S3Key"].removesuffix(".zip") for one in named}


def of_type(stack: Stack, *types: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield logical id and properties of the resources of these types."""
    for logical_id, resource in stack["Resources"].items():
        if resource["Type"] in types:
            yield logical_id, resource.setdefault("Properties", {})


def _native_routes(stack: Stack, _: Mapping[str, str]) -> None:
    for api, properties in list(of_type(stack, "AWS::ApiGatewayV2::Api")):
        paths = properties.pop("Body")["paths"]
        properties.update(Name={"Ref": "AWS::StackName"}, ProtocolType="HTTP")
        routes = [(path, method, how) for path, methods in paths.items() for method, how in methods.items()]
        for number, (path, method, how) in enumerate(routes):
            _add_route(stack, api, number, f"{method.upper()} {path}", how["x-amazon-apigateway-integration"])


def _add_route(stack: Stack, api: str, number: int, key: str, integration: Mapping[str, Any]) -> None:
    target = f"{api}Integration{number}"
    stack["Resources"][target] = {
        "Type": "AWS::ApiGatewayV2::Integration",
        "Properties": {
            "ApiId": {"Ref": api},
            "IntegrationType": "AWS_PROXY",
            "IntegrationUri": integration["uri"],
            "PayloadFormatVersion": integration["payloadFormatVersion"],
        },
    }
    stack["Resources"][f"{api}Route{number}"] = {
        "Type": "AWS::ApiGatewayV2::Route",
        "Properties": {
            "ApiId": {"Ref": api},
            "RouteKey": key,
            "Target": {"Fn::Join": ["/", ["integrations", {"Ref": target}]]},
        },
    }


def _plain_connections(stack: Stack, _: Mapping[str, str]) -> None:
    for logical_id, properties in list(of_type(stack, "AWS::S3::BucketPolicy")):
        document = properties["PolicyDocument"]
        document["Statement"] = [one for one in document["Statement"] if one["Sid"] != "OnlyEncryptedConnections"]
        if not document["Statement"]:
            del stack["Resources"][logical_id]


def _counted_concurrency(stack: Stack, parameters: Mapping[str, str]) -> None:
    for _, properties in of_type(stack, "AWS::Lambda::EventSourceMapping"):
        scaling = properties.get("ScalingConfig", {})
        stated = scaling.get("MaximumConcurrency")
        if isinstance(stated, dict):
            scaling["MaximumConcurrency"] = int(parameters[stated["Ref"]])


def _alarms_by_name(stack: Stack, _: Mapping[str, str]) -> None:
    for logical_id, properties in list(of_type(stack, "AWS::CloudWatch::Alarm")):
        if "Metrics" in properties:
            del stack["Resources"][logical_id]


def _batches_by_name(stack: Stack, _: Mapping[str, str]) -> None:
    for _role, properties in of_type(stack, "AWS::IAM::Role"):
        for policy in properties.get("Policies", []):
            for granted in policy["PolicyDocument"]["Statement"]:
                if "sqs:SendMessage" in granted["Action"]:
                    granted["Action"] = [*granted["Action"], "sqs:SendMessageBatch"]


# Each key says what is changed and why; the value does it.
REWRITES: Final[Mapping[str, Rewrite]] = {
    "HTTP API: the OpenAPI body becomes routes and integrations, because the emulator reads no body": _native_routes,
    "bucket: the refusal of plain connections is taken out, because the emulator listens on plain loopback": (
        _plain_connections
    ),
    "queue sources: their concurrency is a number, because the emulator keeps a parameter's value as text": (
        _counted_concurrency
    ),
    "roles: who may send a message may send a batch of them, because the emulator asks for the call's own name": (
        _batches_by_name
    ),
    "alarms: one that asks by query is taken out, because the emulator watches metrics by name": _alarms_by_name,
}
