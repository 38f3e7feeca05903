"""Stands for the SAM CLI: takes the options that `sam build` and `sam deploy` have, and refuses all others. A deployment becomes
the stack of world.json, as CloudFormation would make it of the parameters: what is not given keeps its value, or has its
default.
"""

import json
import os
import re
import sys

PLACE = os.environ["STUB_PLACE"]
# What the commands of AWS SAM CLI 1.170 take, with a value and without.
WITH_VALUE = {
    "build": "template-file template region profile parameter-overrides config-file config-env build-dir base-dir cache-dir "
    "manifest exclude build-image container-env-var container-env-var-file mount-with docker-network hook-name output",
    "deploy": "template-file template region profile parameter-overrides config-file config-env stack-name s3-bucket s3-prefix "
    "image-repository image-repositories capabilities role-arn tags metadata notification-arns kms-key-id signing-profiles "
    "on-failure max-wait-duration output",
}
WITHOUT = {
    "build": "cached no-cached parallel use-container no-use-container use-buildkit build-in-source no-build-in-source "
    "skip-pull-image debug save-params",
    "deploy": "resolve-s3 no-resolve-s3 resolve-image-repos guided no-execute-changeset confirm-changeset no-confirm-changeset "
    "fail-on-empty-changeset no-fail-on-empty-changeset disable-rollback no-disable-rollback force-upload no-progressbar "
    "use-json debug save-params",
}


def options(command, words):
    """The values of those options that have one."""
    with_value, without = (text[command].split() for text in (WITH_VALUE, WITHOUT))
    taken, at = {}, 0
    while at < len(words):
        option, at = words[at].removeprefix("--"), at + 1
        if option in without and words[at - 1].startswith("--"):
            continue
        if option not in with_value or not words[at - 1].startswith("--"):
            raise ValueError(f"No such option: {words[at - 1]}")
        if at == len(words) or words[at].startswith("--"):
            raise ValueError(f"Option --{option} requires an argument")
        taken[option], at = words[at], at + 1
    return taken


def overrides(value):
    if not value.startswith("file://"):
        return dict(pair.split("=", 1) for pair in value.split())
    # JSON is YAML.
    with open(value.removeprefix("file://"), encoding="utf-8") as file:
        return json.load(file)


def check(parameters, values):
    for name, value in values.items():
        known = parameters.get(name)
        if known is None:
            raise ValueError(f"Parameters: [{name}] do not exist in the template")
        if not isinstance(value, str) or len(value.encode()) > 4096:
            raise ValueError(f"Parameter {name} is no text of at most 4,096 bytes")
        if len(value) < known.get("MinLength", 0):
            raise ValueError(f"Parameter {name} is too short")
        if "AllowedValues" in known and value not in [str(each) for each in known["AllowedValues"]]:
            raise ValueError(f"Parameter {name} must be one of its AllowedValues, not {value!r}")
        if "AllowedPattern" in known and not re.fullmatch(known["AllowedPattern"], value):
            raise ValueError(f"Parameter {name} does not match its AllowedPattern: {value!r}")
        # SAM takes such a backslash away.
        if re.search(r"\\[ \x22\x27]", value):
            raise ValueError(f"Parameter {name} would arrive changed")


def stored(values):
    """What the stack writes into the parameter store: a value for each parameter that names one there."""
    listed = f"s3://{values['IgnoreListObject']}" if values["IgnoreListObject"] else "\n".join(
        text for text in (values["IgnoreList"], values["IgnoreListMore"]) if text
    )
    return {values["SsmParameterBucket"]: values["BucketPara"], values["SsmParameterIgnoreList"]: listed}


def store(world, before, values):
    """CloudFormation writes what has changed in the stack, and does not look at what is there."""
    old = stored(before) if before else {}
    for name, value in stored(values).items():
        if old.get(name) != value:
            world["parameters"][name] = {"Type": "String", "Value": value}
    worker = {"JobType": values["JobType"], "table_queue_name": "table", "sqs_queue_jobs": "https://sqs.example/1/jobs",
              "ssm_parameter_bucket": values["SsmParameterBucket"],
              "ssm_parameter_credentials": values["SsmParameterCredentials"]}
    of_stack = json.dumps({"region": "us-east-1", "worker": worker})
    world["parameters"][f"/longhaul/{world['stack']['StackName']}"] = {"Type": "String", "Value": of_stack}


def deploy(taken):
    with open(f"{PLACE}/template.json", encoding="utf-8") as file:
        parameters = json.load(file)["Parameters"]
    given = overrides(taken["parameter-overrides"])
    check(parameters, given)
    with open(f"{PLACE}/world.json", encoding="utf-8") as file:
        world = json.load(file)
    before = {each["ParameterKey"]: each["ParameterValue"] for each in (world["stack"] or {"Parameters": []})["Parameters"]}
    values = {name: str(before.get(name, known.get("Default", ""))) for name, known in parameters.items()} | given
    world["given"] = given
    world["stack"] = {
        "StackName": taken["stack-name"],
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
        "Outputs": [
            {"OutputKey": "DashboardUrl", "OutputValue": "https://console.example/dashboard"},
            {"OutputKey": "CredentialsKeyAlias", "OutputValue": f"alias/{taken['stack-name']}-credentials"},
            {"OutputKey": "CredentialsKeyId", "OutputValue": "0a1b2c3d"},
        ],
    }
    store(world, before, values)
    with open(f"{PLACE}/world.json", "w", encoding="utf-8") as file:
        json.dump(world, file)


try:
    with open(f"{PLACE}/calls.jsonl", "a", encoding="utf-8") as log:
        log.write(json.dumps({"program": "sam", "words": sys.argv[1:], "files": {}}) + "\n")
    taken = options(sys.argv[1], sys.argv[2:])
    if sys.argv[1] == "deploy":
        deploy(taken)
except (KeyError, ValueError) as error:
    with open(f"{PLACE}/refused.txt", "a", encoding="utf-8") as log:
        log.write(f"sam {sys.argv[1:]}: {error}\n")
    sys.exit(f"Error: {error}")
