"""Holds the calls that aws.py has written down to botocore's models of the services: service and operation, the name and the
kind of each option, what is required, and the request as a whole. Its input is the list of calls; its answer, what is refused.
"""

import json
import sys

import botocore.session
from botocore import xform_name
from botocore.exceptions import DataNotFoundError
from botocore.validate import ParamValidator

# Options of the CLI itself, and how many values come with them.
GLOBAL = {"--output": 1, "--query": 1, "--region": 1, "--profile": 1, "--cli-input-json": 1}
# What the CLI has besides the models: nothing is known of it but this.
WITHOUT_MODEL = {"s3 cp": {"--only-show-errors"}, "configure get": set()}
SESSION = botocore.session.get_session()


class Refused(Exception):
    """What the CLI itself refuses, before anything is asked for."""


def operation(service, command):
    name = "s3" if service == "s3api" else service
    try:
        model = SESSION.get_service_model(name)
    except DataNotFoundError:
        raise Refused(f"argument command: Invalid choice: {service}") from None
    for known in model.operation_names:
        if xform_name(known, "-") == command:
            return known, model.operation_model(known).input_shape
    raise Refused(f"argument operation: Invalid choice: {command}")


def shorthand(value):
    """Name=a,Values=b,c as the CLI understands it."""
    fields, last = {}, None
    for piece in value.split(","):
        name, sign, rest = piece.partition("=")
        if sign:
            last = name
            fields[name] = rest
        elif last is None:
            raise Refused(f"Error parsing parameter: {value}")
        else:
            fields[last] = ([fields[last]] if isinstance(fields[last], str) else fields[last]) + [piece]
    return fields


def structure(shape, text):
    if text.lstrip().startswith(("{", "[")):
        return json.loads(text)
    fields = shorthand(text)
    unknown = set(fields) - set(shape.members)
    if unknown:
        raise Refused(f"Unknown parameter in input: {sorted(unknown)}")
    as_list = {name for name, member in shape.members.items() if member.type_name == "list"}
    return {name: [text] if name in as_list and isinstance(text, str) else text for name, text in fields.items()}


def converted(shape, values):
    kind = shape.type_name
    if kind == "list":
        return [converted(shape.member, [value]) for value in values]
    if len(values) != 1:
        raise Refused(f"expected one argument, got {values}")
    (value,) = values
    if kind in ("integer", "long"):
        return int(value)
    if kind == "structure":
        return structure(shape, value)
    if kind == "map":
        return json.loads(value)
    if kind == "blob":
        return value.encode()
    return value


def take_apart(words, shape):
    """The request and the CLI's own options."""
    members = {f"--{xform_name(name, '-')}": (name, member) for name, member in (shape.members if shape else {}).items()}
    request, own, at = {}, {}, 0
    while at < len(words):
        option, at = words[at], at + 1
        values = []
        while at < len(words) and not words[at].startswith("--"):
            values.append(words[at])
            at += 1
        if option in GLOBAL:
            if len(values) != GLOBAL[option]:
                raise Refused(f"argument {option}: wrong number of values: {values}")
            own[option] = values[0]
        elif option in members:
            name, member = members[option]
            if member.type_name == "boolean":
                if values:
                    raise Refused(f"Unknown options: {values}")
                request[name] = True
            else:
                request[name] = converted(member, values)
        else:
            raise Refused(f"Unknown options: {option}")
    if "--cli-input-json" in own:
        request = {**json.loads(own["--cli-input-json"]), **request}
    return request, own


def check(request, shape):
    if shape is not None:
        report = ParamValidator().validate(request, shape)
        if report.has_errors():
            raise Refused(f"Parameter validation failed: {report.generate_report()}")
    elif request:
        raise Refused(f"Unknown options: {request}")


def refused(call):
    """Why the CLI refuses a call, if it does."""
    words = [call["files"].get(word, word) for word in call["words"]]
    command = " ".join(words[:2])
    try:
        if command in WITHOUT_MODEL:
            unknown = {word for word in words if word.startswith("--")} - WITHOUT_MODEL[command]
            return f"Unknown options: {unknown}" if unknown else None
        _, shape = operation(words[0], words[1])
        request, _ = take_apart(words[2:], shape)
        check(request, shape)
    except (Refused, ValueError) as error:
        return str(error)
    return None


found = [(call["words"], refused(call)) for call in json.load(sys.stdin)]
json.dump([f"aws {' '.join(words)}: {why}" for words, why in found if why], sys.stdout)
