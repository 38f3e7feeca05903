"""Makes the request that puts the other account's credentials into the parameter store. Nothing of them is on a command
line, nor said.

usage: credentials.py WORK_FOLDER NAME KEY, with credentials.json in the folder
"""

import json
import sys

work, name, key = sys.argv[1:]
with open(f"{work}/credentials.json", encoding="utf-8-sig") as file:
    value = json.dumps(json.load(file))
# Without a key, SSM would take aws/ssm, also where another one was before.
request = {"Name": name, "Type": "SecureString", "Value": value, "Overwrite": True, "KeyId": key,
           "Description": "The account that longhaul reaches besides its own"}
with open(f"{work}/put.json", "w", encoding="utf-8") as file:
    json.dump(request, file)
