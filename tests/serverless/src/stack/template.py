"""Reads a SAM template, short forms such as `!Ref` included, and writes it as JSON."""

import json
import sys

from samtranslator.yaml_helper import yaml_parse

# Dates, which YAML sees in versions of policies, become texts again.
json.dump(yaml_parse(json.load(sys.stdin)), sys.stdout, default=str)
