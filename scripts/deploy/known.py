"""Writes what is known of a stack's parameters: deployed.json, given.json (infra/samconfig.toml), and known.json, the second
over the first.

usage: known.py WORK_FOLDER SAMCONFIG, with stack.json (of describe-stacks) in the folder
"""

import json
import os
import sys

# Three parameters, one setting: whoever sets one of them means the others to be empty.
IGNORE_LIST = ["IgnoreList", "IgnoreListMore", "IgnoreListObject"]
NOTHING_IGNORED = "# Nothing."

work, config = sys.argv[1:]


def of_stack():
    with open(f"{work}/stack.json", encoding="utf-8") as file:
        stacks = json.load(file)["Stacks"]
    return {p["ParameterKey"]: p["ParameterValue"] for s in stacks for p in s.get("Parameters", [])}


def of_samconfig():
    if not os.path.exists(config):
        return {}
    try:
        import tomllib
    except ImportError:
        sys.exit(f"deploy: Python 3.11 or newer is needed to read {config}")
    with open(config, "rb") as file:
        try:
            tables = tomllib.load(file).get("default", {})
        except ValueError as error:
            sys.exit(f"deploy: {config} is no TOML: {error}")
    given = tables.get("deploy", {}).get("parameters", {}).get("parameter_overrides", {})
    if not isinstance(given, dict):
        sys.exit(f"deploy: write parameter_overrides in {config} as a table, as in samconfig.example.toml")
    given = {name: str(value) for name, value in given.items()}
    if any(name in given for name in IGNORE_LIST):
        given = {"IgnoreList": NOTHING_IGNORED, "IgnoreListMore": "", "IgnoreListObject": "", **given}
        given["IgnoreList"] = given["IgnoreList"] or NOTHING_IGNORED
    return given


def write(name, value):
    with open(f"{work}/{name}.json", "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False)


deployed, given = of_stack(), of_samconfig()
known = {**deployed, **given}
write("deployed", deployed)
write("given", given)
write("known", known)
# The list that is set or deployed, to be read as the functions read it.
lines = [known.get("IgnoreList", NOTHING_IGNORED), known.get("IgnoreListMore", "")]
with open(f"{work}/known_list.txt", "w", encoding="utf-8", newline="") as file:
    file.write("\n".join(line for line in lines if line))
