#!/usr/bin/env bash
# Copies one small object through a deployed stack, by its first route: puts it at the source and waits until its record
# in the table says done. `make deploy` ends with it; it does no harm at any other time. The object stays on both sides.
#
#   scripts/canary.sh [STACK]        CANARY_TRIES=60   looks at the record, one every three seconds
set -euo pipefail
# Nobody else reads what is written here.
umask 077
export AWS_PAGER=

stack=${1:-longhaul}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { echo "$*" >&2; }
fail() {
    say "canary: $*"
    exit 1
}

# value NAME: of the plan, which the next function writes.
value() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$work/plan.json" "$1"; }

# plan.json: where the object is put and where it arrives. other.env: the other account's credentials, as a command's
# environment. All of it from the stack's own parameters: what counts is what was deployed.
make_plan() {
    parameter "/longhaul/$stack" "$work/stack.json" || fail "there is no stack $stack in this region"
    parameter "$(field ssm_parameter_bucket)" "$work/routes.json" || fail "the routes cannot be read"
    parameter "$(field ssm_parameter_credentials)" "$work/other.json" ||
        fail "the other account's credentials cannot be read: you need ssm:GetParameter and kms:Decrypt, and a place among the
stack's OperatorPrincipals"
    aws cloudformation describe-stacks --stack-name "$stack" --output text \
        --query "Stacks[0].Parameters[?ParameterKey=='NewBucketName'].ParameterValue" >"$work/new_bucket"
    python3 - "$work" <<'END'
import datetime, json, os, shlex, sys
work = sys.argv[1]
load = lambda name: json.load(open(f"{work}/{name}.json", encoding="utf-8"))
stack, routes, other = load("stack"), load("routes"), load("other")
if not routes:
    sys.exit("canary: the stack has no routes")
route, worker = routes[0], stack["worker"]

def under(prefix, key):
    prefix = prefix.removesuffix("/")
    return f"{prefix}/{key}" if prefix else key

def address(region, endpoint):
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return (endpoint or f"https://s3.{region}.{suffix}").rstrip("/")

put = worker["JobType"] == "PUT"
name = f"longhaul-canary-{datetime.datetime.now(datetime.timezone.utc):%Y%m%dT%H%M%SZ}.txt"
source = under(route.get("src_prefix", ""), name)
copy = under(route.get("des_prefix", ""), name if route.get("strip_src_prefix") else source)
own_endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
store = (address(other.get("region", "us-east-1"), other.get("endpoint_url")) if put
         else address(stack["region"], own_endpoint))
body = f"longhaul was here: {name}\n"
job = {"Src_bucket": route["src_bucket"], "Src_key": source, "Des_bucket": route["des_bucket"], "Des_key": copy,
       "Size": len(body), "versionId": "null"}
# A bucket that the stack has made tells of new objects by itself; for any other, a job says the same.
tells = put and open(f"{work}/new_bucket").read().strip() == route["src_bucket"]
plan = {"put": put, "bucket": route["src_bucket"], "key": source, "copy": f"{route['des_bucket']}/{copy}",
        "tells": tells, "table": worker["table_queue_name"], "jobs": worker["sqs_queue_jobs"]}
variables = {"AWS_ACCESS_KEY_ID": "aws_access_key_id", "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key",
             "AWS_SESSION_TOKEN": "session_token", "AWS_REGION": "region", "AWS_DEFAULT_REGION": "region",
             "AWS_ENDPOINT_URL_S3": "endpoint_url"}
with open(f"{work}/other.env", "w", encoding="utf-8") as file:
    for variable, name in variables.items():
        file.write(f"export {variable}={shlex.quote(other[name])}\n" if other.get(name) else f"unset {variable}\n")
open(f"{work}/body", "w").write(body)
json.dump(plan, open(f"{work}/plan.json", "w", encoding="utf-8"))
json.dump(job, open(f"{work}/job.json", "w", encoding="utf-8"))
json.dump({"Key": {"S": f"{store}/{route['des_bucket']}/{copy}"}}, open(f"{work}/key.json", "w", encoding="utf-8"))
END
    rm "$work/other.json"
}

# parameter NAME FILE: writes the value of an SSM parameter.
parameter() { aws ssm get-parameter --name "$1" --with-decryption --query Parameter.Value --output text >"$2"; }

field() {
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["worker"][sys.argv[2]])' "$work/stack.json" "$1"
}

put_object() {
    local request=(aws s3api put-object --bucket "$(value bucket)" --key "$(value key)" --body "$work/body")
    if [ "$(value put)" = True ]; then
        "${request[@]}" >/dev/null
    else
        (
            unset AWS_PROFILE
            # shellcheck disable=SC1091  # written by make_plan
            . "$work/other.env"
            "${request[@]}" >/dev/null
        )
    fi
    rm "$work/other.env"
    if [ "$(value tells)" != True ]; then
        aws sqs send-message --queue-url "$(value jobs)" --message-body "file://$work/job.json" >/dev/null ||
            fail "the job could not be sent: are you among the stack's OperatorPrincipals?"
    fi
}

await_record() {
    local state tries table
    table=$(value table)
    for ((tries = 0; tries < ${CANARY_TRIES:-60}; tries++)); do
        state=$(aws dynamodb get-item --table-name "$table" --consistent-read --key "file://$work/key.json" \
            --projection-expression '#s, #r, #m' \
            --expression-attribute-names '{"#s": "State", "#r": "Reason", "#m": "Message"}' \
            --query 'Item.[State.S, Reason.S, Message.S]' --output text)
        case "$state" in
            done*) return ;;
            parked*) fail "the object was parked:${state#parked}
Fix the cause, and then: longhaul parked redrive --stack $stack" ;;
        esac
        sleep 3
    done
    fail "the object is not copied yet. Look at the dashboard, and at: longhaul status --stack $stack"
}

make_plan
put_object
say "put $(value bucket)/$(value key); waiting until it is copied ..."
await_record
say "copied to $(value copy)"
