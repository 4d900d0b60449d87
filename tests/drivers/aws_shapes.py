"""Calls services through boto3 as it is, and checks every answer, as it was on the wire, against botocore's model.

A client made by `client` notes what it has called. The document of every answer must have the members that the model
requires, none that it does not know, and only texts that its types and enums allow.
"""

import json
import os
import time
import xml.etree.ElementTree as xml
from datetime import datetime

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

CALLED = {}


def client(service):
    """A client with ordinary settings, but for the address and the patience."""
    made = boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=os.environ["TOLLGATE_API"],
        verify=os.environ.get("TOLLGATE_CA", True),
        config=Config(retries={"max_attempts": 1}, connect_timeout=10, read_timeout=60),
    )
    made.meta.events.register(f"response-received.{service}.*", _received)
    made.meta.events.register(f"before-call.{service}.*", _called)
    return made


_CURRENT = []


def _called(model, **_):
    _CURRENT[:] = [model]


def _received(response_dict, **_):
    model = _CURRENT[0]
    CALLED.setdefault(model.service_model.service_name, set()).add(model.name)
    body = response_dict["body"]
    protocol = model.service_model.metadata["protocol"]
    if protocol == "json":
        document = json.loads(body)
        if response_dict["status_code"] != 200:
            assert document["__type"] and document["message"], document
        else:
            _json(model.name, model.output_shape, document)
    elif response_dict["status_code"] != 200:
        _error(protocol, body)
    else:
        _answer(protocol, model, xml.fromstring(body))


def _json(where, shape, value):
    if shape is None:
        assert value == {}, f"{where}: {value}"
    elif shape.type_name == "structure":
        names = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for name, member in value.items():
            assert name in names, f"{where}: the model knows no {name}"
            _json(f"{where}.{name}", names[name], member)
        for required in shape.required_members:
            assert required in value, f"{where}: {required} is missing"
    elif shape.type_name == "list":
        assert isinstance(value, list), where
        for element in value:
            _json(f"{where}[]", shape.member, element)
    elif shape.type_name == "map":
        for key, element in value.items():
            _json(f"{where}.{key}", shape.value, element)
    else:
        kinds = {"boolean": bool, "integer": int, "long": int, "timestamp": (int, float)}
        assert isinstance(value, kinds.get(shape.type_name, str)), f"{where}: {value!r}"
        allowed = getattr(shape, "enum", None)
        assert not allowed or value in allowed, f"{where}: {value} is none of {allowed}"


def _local(element):
    return element.tag.rsplit("}", 1)[-1]


def _error(protocol, body):
    root = xml.fromstring(body)
    names = [_local(element) for element in root.iter()]
    wanted = {"query": ["ErrorResponse", "Error", "Type", "Code", "Message", "RequestId"]}
    wanted = wanted.get(protocol, ["Response", "Errors", "Error", "Code", "Message", "RequestID"])
    assert names == wanted, names


def _answer(protocol, model, root):
    namespace = model.service_model.metadata["xmlNamespace"] if protocol == "query" else None
    assert _local(root) == f"{model.name}Response", root.tag
    if namespace:
        assert root.tag.startswith(f"{{{namespace}}}"), root.tag
    found = {_local(child): child for child in root}
    shape = model.output_shape
    if protocol == "ec2":
        assert "requestId" in found, found
        found.pop("requestId")
        if shape is not None:
            _structure(model.name, shape, found)
        return
    metadata = found.pop("ResponseMetadata")
    assert [_local(child) for child in metadata] == ["RequestId"] and metadata[0].text
    if shape is None:
        assert not found, found
        return
    result = found.pop(shape.serialization.get("resultWrapper", f"{model.name}Result"))
    assert not found, found
    _structure(model.name, shape, _children(model.name, result))


def _children(where, element):
    """The members of a structure by name; a flattened list is the only one that may come twice."""
    found = {}
    for child in element:
        found.setdefault(_local(child), []).append(child)
    return {name: several[0] if len(several) == 1 else several for name, several in found.items()}


def _structure(where, shape, found):
    names = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
    for name, child in found.items():
        assert name in names, f"{where}: the model knows no {name}"
        assert not isinstance(child, list), f"{where}: {name} comes twice"
        _value(f"{where}.{name}", names[name][1], child)
    for required in shape.required_members:
        name = shape.members[required].serialization.get("name", required)
        assert name in found, f"{where}: {name} is missing"


def _value(where, shape, element):
    text = element.text or ""
    kind = shape.type_name
    if kind == "structure":
        _structure(where, shape, _children(where, element))
    elif kind == "list":
        name = shape.member.serialization.get("name", "member")
        for child in element:
            assert _local(child) == name, f"{where}: element {_local(child)} is not {name}"
            _value(f"{where}[]", shape.member, child)
    elif kind == "map":
        for entry in element:
            assert _local(entry) == "entry", f"{where}: {_local(entry)}"
    elif kind == "boolean":
        assert text in ("true", "false"), f"{where}: {text}"
    elif kind in ("integer", "long"):
        int(text)
    elif kind in ("float", "double"):
        float(text)
    elif kind == "timestamp":
        datetime.fromisoformat(text)
    else:
        allowed = getattr(shape, "enum", None)
        assert not allowed or text in allowed, f"{where}: {text} is none of {allowed}"


def refused(code, status, call, /, **members):
    """The call must fail with this code and status, in the exception that the model has for it."""
    try:
        call(**members)
    except ClientError as error:
        found = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        assert found == (code, status), f"{found}: {error}"
        assert error.response["Error"]["Message"]
        return error
    raise AssertionError(f"{code} was expected")


def until(what, attempt, patience=30):
    """Repeats until the attempt gives something true."""
    started = time.monotonic()
    while not (found := attempt()):
        assert time.monotonic() - started < patience, f"not within {patience} s: {what}"
        time.sleep(0.05)
    return found


def all_called(service, operations):
    """Every operation that is served must have been called, or its answer was not checked."""
    called = CALLED.get(service, set())
    assert called == set(operations), f"not called: {set(operations) - called}; also called: {called - set(operations)}"
