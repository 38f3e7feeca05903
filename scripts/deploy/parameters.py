"""Writes parameters.yaml: what is set by samconfig.toml, and over it what the answers change. What neither sets is not in it,
and stays as it is deployed.

usage: parameters.py WORK_FOLDER, with the files of known.py, routes.json and answers.json in the folder
"""

import json
import re
import sys

# A parameter of CloudFormation holds so many bytes.
LIMIT = 4096

work = sys.argv[1]


def load(name):
    with open(f"{work}/{name}.json", encoding="utf-8") as file:
        return json.load(file)


def fail(words):
    sys.exit(f"deploy: {words}")


def routes_text(routes, deployed):
    """As it is deployed, if it says the same: how JSON is spaced is no change."""
    before = deployed.get("BucketPara")
    try:
        if before is not None and json.loads(before) == routes:
            return before
    except ValueError:
        pass
    text = json.dumps(routes, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode()) > LIMIT:
        fail("the routes are longer than 4,096 bytes; deploy some, then write all into the SSM parameter")
    return text


def bucket_arns(known, partition, existing):
    arns = [arn for arn in known.get("OwnBucketArns", "").split(",") if arn]
    return arns + [arn for arn in (f"arn:{partition}:s3:::{bucket}" for bucket in existing) if arn not in arns]


def ignore_list(answers):
    """The three parameters, if a file was taken. A list that is an object has its address in the answers."""
    if answers["list_object"]:
        return {"IgnoreList": "# Nothing.", "IgnoreListMore": "", "IgnoreListObject": answers["list_object"]}
    if not answers["list_file"]:
        return {}
    with open(answers["list_file"], encoding="utf-8-sig", newline="") as file:
        lines = [line.removesuffix("\r") for line in file.read().split("\n")]
    # Cut at the end of a line, with some room.
    parts, size = [[], []], 0
    for line in lines[:-1] if lines[-1] == "" else lines:
        size += len(line.encode()) + 1
        parts[size > LIMIT - 96].append(line)
    first, more = ("\n".join(part) for part in parts)
    if len(more.encode()) > LIMIT:
        fail(f"{answers['list_file']} has a line that is too long")
    return {"IgnoreList": first or "# Nothing.", "IgnoreListMore": more, "IgnoreListObject": ""}


def check_for_sam(values):
    for name, value in values.items():
        if re.search(r"\\[ \x22\x27]", value):
            fail(f"{name} has a backslash before a space or a quote, which SAM cannot carry. In the ignore list, write "
                 "[\\] for a backslash; write routes like that into the SSM parameter by hand")


answers, deployed, given, known, routes = map(load, ["answers", "deployed", "given", "known", "routes"])
if any(route.get("keys_from") for route in routes) and not known.get("KeyListArns"):
    print("deploy: a route has keys_from: set KeyListArns in infra/samconfig.toml, or the jobsender may not use the list",
          file=sys.stderr)
asked = {
    "JobType": answers["job_type"],
    "AlarmEmail": answers["email"],
    "Architecture": answers["architecture"],
    "NewBucketName": answers["new_bucket"],
    "OwnBucketArns": ",".join(bucket_arns(known, answers["partition"], answers["existing"])),
    "OperatorPrincipals": answers["operators"],
    "BucketPara": routes_text(routes, deployed),
    **ignore_list(answers),
}
values = {**given, **{name: value for name, value in asked.items() if deployed.get(name) != value or name in given}}
check_for_sam(values)
with open(f"{work}/parameters.yaml", "w", encoding="utf-8") as file:
    json.dump(values, file, ensure_ascii=False)
