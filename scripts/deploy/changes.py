"""Says what a deployment changes, line by line, before it is made.

usage: changes.py WORK_FOLDER, with deployed.json, parameters.yaml, and, of a stack that exists, live.json: what the parameter
store says instead of what the stack says
"""

import difflib
import json
import sys

work = sys.argv[1]
# Where a parameter of the stack ends up in the parameter store, and may have been changed by hand.
STORED = {"BucketPara": "SsmParameterBucket", "IgnoreList": "SsmParameterIgnoreList",
          "IgnoreListMore": "SsmParameterIgnoreList", "IgnoreListObject": "SsmParameterIgnoreList"}


def load(name):
    with open(f"{work}/{name}", encoding="utf-8") as file:
        return json.load(file)


def lines(name, value):
    """A value as lines, nothing in them that a terminal would obey."""
    if name == "BucketPara":
        try:
            return [json.dumps(route) for route in json.loads(value)]
        except ValueError:
            pass
    if "," in value and name.endswith(("Arns", "Principals", "Ids")):
        value = value.replace(",", "\n")
    return [json.dumps(line)[1:-1].replace('\\"', '"').replace("\\\\", "\\") for line in value.split("\n")]


def show(name, before, after):
    if before is None:
        print(f"  {name}: {' | '.join(lines(name, after))}")
        return
    old, new = lines(name, before), lines(name, after)
    if len(old) == len(new) == 1:
        print(f"  {name}: {old[0] or '(empty)'} -> {new[0] or '(empty)'}")
        return
    print(f"  {name}:")
    for line in difflib.ndiff(old, new):
        if line[:1] in "+-":
            print(f"    {line}")


def stored(values):
    """What CloudFormation has written into the parameter store."""
    if values.get("IgnoreListObject"):
        ignored = f"s3://{values['IgnoreListObject']}"
    else:
        ignored = "\n".join(text for text in (values.get("IgnoreList"), values.get("IgnoreListMore")) if text)
    return {"SsmParameterBucket": values.get("BucketPara"), "SsmParameterIgnoreList": ignored}


deployed, values, live = load("deployed.json"), load("parameters.yaml"), load("live.json")
changed = [name for name, value in values.items() if deployed.get(name) != value]
if not deployed:
    print("The stack is new. Its parameters, besides the defaults:")
elif changed:
    print("This changes in the stack's parameters; all others stay as they are deployed:")
else:
    print("No parameter of the stack changes.")
for name in sorted(changed):
    if deployed or values[name]:
        show(name, deployed.get(name), values[name])
before = stored(deployed)
for parameter in sorted({STORED[name] for name in changed if name in STORED}):
    if live.get(parameter) is not None and live[parameter] != before[parameter]:
        print(f"  warning: somebody has changed the SSM parameter of {parameter} by hand since. This deployment replaces it; "
              "it is now:")
        for line in lines("", live[parameter]):
            print(f"    {line}")
