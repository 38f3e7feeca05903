"""Stands for the AWS CLI: answers out of world.json, and writes every call down in calls.jsonl, with the files that it names.
check.py then holds each call to the model of its service.
"""

import json
import os
import sys

import jmespath

PLACE = os.environ["STUB_PLACE"]


class ServiceError(Exception):
    """What a service answers instead of a result."""


def load():
    with open(f"{PLACE}/world.json", encoding="utf-8") as file:
        return json.load(file)


def save(world):
    with open(f"{PLACE}/world.json", "w", encoding="utf-8") as file:
        json.dump(world, file)


def files_of(words):
    """The contents of the files that are named: they may be gone before anybody looks."""
    contents = {}
    for word in words:
        if word.startswith("file://"):
            with open(word.removeprefix("file://"), encoding="utf-8") as file:
                contents[word] = file.read()
    return contents


def options_of(words):
    """Option by option, with its values as texts."""
    options = {}
    for word in words:
        if word.startswith("--"):
            options[word[2:]] = last = []
        else:
            last.append(word)
    return options


# --- The services, as far as a deployment asks them ----------------------------------------------------------------------


def describe_stacks(world, request):
    stack = world["stack"]
    if stack is None or stack["StackName"] != request["stack-name"]:
        raise ServiceError("ValidationError", f"Stack with id {request['stack-name']} does not exist")
    return {"Stacks": [stack]}


def get_parameter(world, request):
    found = world["parameters"].get(request["name"])
    if found is None:
        raise ServiceError("ParameterNotFound", "")
    hidden = found["Type"] == "SecureString" and "with-decryption" not in request
    return {"Parameter": {"Name": request["name"], "Type": found["Type"], "Value": "AQICAH" if hidden else found["Value"]}}


def put_parameter(world, request):
    request = request["cli-input-json"]
    if request["Name"] in world["parameters"] and not request.get("Overwrite"):
        raise ServiceError("ParameterAlreadyExists", "")
    kept = {"Type": request["Type"], "Value": request["Value"], "KeyId": request.get("KeyId", "alias/aws/ssm")}
    world["parameters"][request["Name"]] = kept
    return {"Version": 1}


def describe_parameters(world, request):
    name = request["parameter-filters"].removeprefix("Key=Name,Values=")
    found = world["parameters"].get(name)
    return {"Parameters": [{"Name": name, "Type": found["Type"], "KeyId": found.get("KeyId")}] if found else []}


def head_bucket(world, request):
    if request["bucket"] not in world["buckets"]:
        raise ServiceError("404", "Not Found")
    return {}


SERVICES = {
    "cloudformation describe-stacks": describe_stacks,
    "ssm get-parameter": get_parameter,
    "ssm put-parameter": put_parameter,
    "ssm describe-parameters": describe_parameters,
    "s3api head-bucket": head_bucket,
    "s3api put-object": lambda *_: {"ETag": '"0"'},
    "sts get-caller-identity": lambda world, _: {"Arn": world["caller"], "Account": "111122223333", "UserId": "U"},
    "sqs send-message": lambda *_: {"MessageId": "1"},
    "dynamodb get-item": lambda *_: {"Item": {"State": {"S": "done"}}},
}


def copy_to_s3(words, world):
    """`aws s3 cp FILE s3://BUCKET/KEY`."""
    file, place = [word for word in words if word != "--only-show-errors"]
    with open(file, encoding="utf-8") as content:
        world["uploaded"][place] = content.read()


def printed(answer, options):
    value = jmespath.search(options["query"], answer) if "query" in options else answer
    if options.get("output") != "text":
        return json.dumps(value)
    if isinstance(value, list):
        return "\t".join("None" if each is None else str(each) for each in value)
    return "None" if value is None else str(value)


def run(words):
    files = files_of(words)
    with open(f"{PLACE}/calls.jsonl", "a", encoding="utf-8") as log:
        log.write(json.dumps({"program": "aws", "words": words, "files": files}) + "\n")
    if words == ["configure", "get", "region"]:
        return ""
    world = load()
    if words[:2] == ["s3", "cp"]:
        copy_to_s3(words[2:], world)
        save(world)
        return ""
    # The scripts give one value to each option; check.py knows what is a list.
    options = {name: files.get("".join(values), "".join(values)) for name, values in options_of(words[2:]).items()}
    if "cli-input-json" in options:
        options["cli-input-json"] = json.loads(options["cli-input-json"])
    answer = SERVICES[" ".join(words[:2])](world, options)
    save(world)
    return printed(answer, options)


try:
    print(run(sys.argv[1:]))
except ServiceError as error:
    code, words = error.args
    sys.stderr.write(f"\nAn error occurred ({code}) when calling the operation: {words}\n")
    sys.exit(254)
