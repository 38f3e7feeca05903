"""What a test does with a stack: create it, read its logs, invoke its functions. One request in, one answer out."""

import json
import sys
import time

import boto3
from botocore.config import Config

# A function may run for minutes, and is not to be invoked twice.
CONFIG = Config(read_timeout=280, retries={"max_attempts": 0})
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


def client(service):
    return boto3.client(service, config=CONFIG)


def create(request):
    cloudformation = client("cloudformation")
    name = request["name"]
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in request["parameters"].items()]
    cloudformation.create_stack(
        StackName=name, TemplateURL=request["template"], Parameters=parameters, Capabilities=CAPABILITIES
    )
    end = time.monotonic() + request["seconds"]
    while True:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        if not stack["StackStatus"].endswith("_IN_PROGRESS") or time.monotonic() > end:
            break
        time.sleep(0.1)
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
    events = [
        " ".join([event["LogicalResourceId"], event["ResourceStatus"], event.get("ResourceStatusReason", "")])
        for page in pages
        for event in page["StackEvents"]
    ]
    resources = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    return {
        "status": stack["StackStatus"],
        "events": events[::-1],
        "outputs": {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
        "resources": {each["LogicalResourceId"]: each.get("PhysicalResourceId", "") for each in resources},
    }


def logs(request):
    pages = client("logs").get_paginator("filter_log_events").paginate(logGroupName=request["group"])
    return [event["message"] for page in pages for event in page["events"]]


def invoke(request):
    answer = client("lambda").invoke(FunctionName=request["function"], Payload=json.dumps(request["payload"]))
    return {"error": answer.get("FunctionError"), "payload": json.loads(answer["Payload"].read() or "null")}


request = json.load(sys.stdin)
json.dump({"create": create, "logs": logs, "invoke": invoke}[request["do"]](request), sys.stdout)
