#!/usr/bin/env bash
# Deploys longhaul to an account of AWS: asks for what it needs, keeps the other account's credentials in SSM, builds
# the functions, creates or updates the stack, and copies one small object to see that all of it works.
#
# Everything it asks for can be given by the environment instead; with --yes it asks nothing:
#
#   AWS_REGION, STACK, JOB_TYPE (PUT|GET), EMAIL, ARCHITECTURE (arm64|x86_64)
#   SOURCE_BUCKET, SOURCE_PREFIX, DES_BUCKET, DES_PREFIX, or several routes:
#   BUCKET_PARA_FILE    routes, as infra/bucket_para.example.json
#   CREDENTIALS_FILE    a JSON file with the other account's credentials, as they are kept in SSM; or one by one:
#   OTHER_ACCESS_KEY_ID, OTHER_SECRET_ACCESS_KEY, OTHER_SESSION_TOKEN, OTHER_REGION, OTHER_ENDPOINT_URL, OTHER_PROVIDER
#   IGNORE_LIST_FILE    instead of infra/ignore_list.txt
#   IGNORE_LIST_BUCKET  a bucket of this account, for an ignore list beyond 8 KB
#   CANARY=no           copies no object at the end
#
# Parameters in infra/samconfig.toml (see samconfig.example.toml) are used, and what they say is not asked for. On an
# update, the answers are those that the stack was deployed with, unless others are given.
set -euo pipefail
cd "$(dirname "$0")/.."
# Nobody else reads what is written here.
umask 077

yes=no
case "${1:-}" in
    --yes) yes=yes ;;
    '') ;;
    *) echo "usage: $0 [--yes]" >&2; exit 2 ;;
esac

export SAM_CLI_TELEMETRY=0 AWS_PAGER=
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { echo "$*" >&2; }
fail() {
    say "deploy: $*"
    exit 1
}

need() {
    command -v "$1" >/dev/null || missing+="
  $1: $2"
}

check_tools() {
    missing=
    need aws "the AWS CLI; AWS's documents say how to install it, or: pip install awscli"
    need sam "the AWS SAM CLI; AWS's documents say how to install it, or: pip install aws-sam-cli"
    need cargo "Rust, by rustup"
    need cargo-lambda "builds Rust for Lambda: pip install cargo-lambda ziglang"
    need python3 "Python 3, from your system's packages"
    [ -z "$missing" ] || fail "install first:$missing"
}

# ask VARIABLE WORDS DEFAULT: the environment's answer, the person's, or the default. "-" means that there is none.
ask() {
    local variable=$1 words=$2 default=$3 answer=
    if [ -n "${!variable:-}" ]; then
        return
    fi
    if [ "$yes" = no ]; then
        case "$default" in
            '' | -) read -rp "$words: " answer ;;
            *) read -rp "$words [$default]: " answer ;;
        esac
    fi
    if [ -z "$answer" ] && [ "$default" = - ]; then
        fail "$variable is needed: $words"
    fi
    printf -v "$variable" %s "${answer:-$default}"
}

# As ask, but what is typed is not shown.
ask_secret() {
    local variable=$1 words=$2 answer=
    if [ -z "${!variable:-}" ]; then
        [ "$yes" = no ] || fail "$variable is needed: $words"
        read -rsp "$words (not shown): " answer
        say ''
        [ -n "$answer" ] || fail "$variable is needed: $words"
        printf -v "$variable" %s "$answer"
    fi
}

agree() {
    local answer
    [ "$yes" = no ] || return 0
    read -rp "$1 [y/N] " answer
    [[ "$answer" = [yY]* ]]
}

# json FILE EXPRESSION: a value of a JSON file, whose content is d; empty if it is not there.
json() {
    python3 - "$1" "$2" <<'END'
import json, sys
d = json.load(open(sys.argv[1], encoding="utf-8"))
try:
    value = eval(sys.argv[2])
except (KeyError, IndexError):
    value = None
print("" if value is None else value)
END
}

# parameter NAME FALLBACK: what samconfig.toml or the deployed stack says, or the fallback.
parameter() {
    local value
    value=$(json "$work/known.json" "d['$1']")
    echo "${value:-$2}"
}

# --- What is known before anybody is asked ---------------------------------------------------------------------------

look_up_stack() {
    stack_exists=yes
    if ! aws cloudformation describe-stacks --stack-name "$STACK" --output json >"$work/stack.json" 2>"$work/err"; then
        grep -q 'does not exist' "$work/err" || fail "the stack cannot be looked up: $(cat "$work/err")"
        stack_exists=no
        echo '{"Stacks": []}' >"$work/stack.json"
    fi
}

# given.json: the parameters in samconfig.toml. known.json: those, over those of the stack.
read_parameters() {
    config=()
    [ ! -e infra/samconfig.toml ] || config=(--config-file "$PWD/infra/samconfig.toml")
    python3 - "$work" infra/samconfig.toml <<'END'
import json, os, sys
work, config = sys.argv[1:]
stacks = json.load(open(f"{work}/stack.json", encoding="utf-8"))["Stacks"]
of_stack = {p["ParameterKey"]: p["ParameterValue"] for s in stacks for p in s.get("Parameters", [])}
given = {}
if os.path.exists(config):
    try:
        import tomllib
    except ImportError:
        sys.exit("deploy: Python 3.11 or newer is needed to read infra/samconfig.toml")
    with open(config, "rb") as file:
        tables = tomllib.load(file).get("default", {})
    given = tables.get("deploy", {}).get("parameters", {}).get("parameter_overrides", {})
    if not isinstance(given, dict):
        sys.exit("deploy: write parameter_overrides in infra/samconfig.toml as a table, as in samconfig.example.toml")
json.dump(given, open(f"{work}/given.json", "w", encoding="utf-8"))
json.dump({**of_stack, **given}, open(f"{work}/known.json", "w", encoding="utf-8"))
END
}

# The original, and another stack, have SSM parameters of the same names.
check_names() {
    local pair name
    [ "$stack_exists" = no ] || return 0
    for pair in SsmParameterBucket:s3_migration_bucket_para SsmParameterIgnoreList:s3_migrate_ignore_list; do
        name=$(parameter "${pair%%:*}" "${pair#*:}")
        if aws ssm get-parameter --name "$name" >/dev/null 2>&1; then
            fail "the SSM parameter $name exists already. If it belongs to the system that longhaul replaces, delete it
(or its stack) first; if it belongs to another longhaul, set ${pair%%:*} to another name in infra/samconfig.toml"
        fi
    done
}

# --- Routes and buckets -----------------------------------------------------------------------------------------------

# routes.json: a file's, those of samconfig.toml, those of the stack, or the one that is asked for.
ask_for_routes() {
    ask JOB_TYPE "PUT (buckets of this account are the source) or GET (they are the destination)" \
        "$(parameter JobType PUT)"
    case "$JOB_TYPE" in PUT | GET) ;; *) fail "JOB_TYPE is $JOB_TYPE; it must be PUT or GET" ;; esac
    if [ -n "${BUCKET_PARA_FILE:-}" ]; then
        cat "$BUCKET_PARA_FILE" >"$work/routes.json"
    elif [ -n "${SOURCE_BUCKET:-}" ] || [ "$(parameter BucketPara '[]')" = '[]' ]; then
        ask SOURCE_BUCKET "Source bucket" -
        ask SOURCE_PREFIX "Source prefix (empty: the whole bucket)" ""
        ask DES_BUCKET "Destination bucket" -
        ask DES_PREFIX "Destination prefix (may be empty)" ""
        python3 -c '
import json, sys
names = ["src_bucket", "src_prefix", "des_bucket", "des_prefix"]
print(json.dumps([dict(zip(names, sys.argv[1:]))]))' \
            "$SOURCE_BUCKET" "$SOURCE_PREFIX" "$DES_BUCKET" "$DES_PREFIX" >"$work/routes.json"
    else
        parameter BucketPara '[]' >"$work/routes.json"
    fi
}

# Each bucket of this account is named to the stack if it exists. One that does not can be made by the stack.
look_at_own_buckets() {
    local side=src_bucket bucket
    [ "$JOB_TYPE" = PUT ] || side=des_bucket
    new_bucket=$(parameter NewBucketName '')
    existing=()
    for bucket in $(json "$work/routes.json" "' '.join(sorted({r['$side'] for r in d}))"); do
        if aws s3api head-bucket --bucket "$bucket" >/dev/null 2>"$work/err"; then
            [ "$bucket" = "$new_bucket" ] && [ "$stack_exists" = yes ] || existing+=("$bucket")
        elif grep -qE '\(404\)|Not Found|NoSuchBucket' "$work/err"; then
            [ -z "$new_bucket" ] || [ "$new_bucket" = "$bucket" ] ||
                fail "make the bucket $bucket first: a stack makes only one"
            [ "$new_bucket" = "$bucket" ] || agree "The bucket $bucket does not exist. Shall the stack make it?" ||
                fail "make the bucket $bucket first"
            new_bucket=$bucket
        else
            fail "the bucket $bucket is not yours, or cannot be reached: $(cat "$work/err")"
        fi
    done
    # A bucket that an earlier stack left behind exists: this stack cannot make it again.
    case " ${existing[*]-} " in *" $new_bucket "*) new_bucket= ;; esac
}

# A parameter of CloudFormation holds 4,096 bytes and one of SSM 8 KB: a longer list is an object in S3.
place_ignore_list() {
    list=${IGNORE_LIST_FILE:-infra/ignore_list.txt}
    list_object=
    [ -r "$list" ] || fail "the ignore list $list cannot be read"
    if [ "$(wc -c <"$list")" -gt 8000 ]; then
        ask IGNORE_LIST_BUCKET "A bucket of this account for the ignore list, which is longer than 8 KB" -
        list_object="$IGNORE_LIST_BUCKET/longhaul/$STACK/ignore_list.txt"
        aws s3 cp --only-show-errors "$list" "s3://$list_object"
    fi
}

# parameters.yaml: what is set here, over what samconfig.toml sets.
write_parameters() {
    printf '%s\n' "$JOB_TYPE" "$EMAIL" "$ARCHITECTURE" "$new_bucket" "$list_object" "$list" "$partition" \
        ${existing[@]+"${existing[@]}"} |
        python3 -c '
import json, re, sys
work = sys.argv[1]
answers = sys.stdin.read().split("\n")[:-1]
job_type, email, architecture, new_bucket, list_object, ignore_list, partition, *existing = answers
load = lambda name: json.load(open(f"{work}/{name}.json", encoding="utf-8"))
given, known, routes = load("given"), load("known"), load("routes")

text = json.dumps(routes, ensure_ascii=False, separators=(",", ":"))
if len(text.encode()) > 4096:
    sys.exit("deploy: the routes are longer than 4,096 bytes; deploy some, then write all into the SSM parameter")
if any(route.get("keys_from") for route in routes) and not known.get("KeyListArns"):
    print("deploy: a route has keys_from: set KeyListArns in infra/samconfig.toml, or the jobsender may not use the list",
          file=sys.stderr)
arns = [arn for arn in known.get("OwnBucketArns", "").split(",") if arn]
arns += [arn for arn in (f"arn:{partition}:s3:::{bucket}" for bucket in existing) if arn not in arns]

# Cut at the end of a line, with some room.
parts, size = [[], []], 0
for line in [] if list_object else open(ignore_list, encoding="utf-8").read().splitlines():
    size += len(line.encode()) + 1
    parts[size > 4000].append(line)
first, more = ("\n".join(part) for part in parts)
if len(more.encode()) > 4096:
    sys.exit(f"deploy: {ignore_list} has a line that is too long")

ours = {"JobType": job_type, "AlarmEmail": email, "Architecture": architecture, "NewBucketName": new_bucket,
        "OwnBucketArns": ",".join(arns), "BucketPara": text,
        "DesBucketDefault": given.get("DesBucketDefault", ""),
        "DesPrefixDefault": given.get("DesPrefixDefault", ""),
        "IgnoreList": first or "# Nothing.", "IgnoreListMore": more, "IgnoreListObject": list_object}
values = {name: str(value) for name, value in {**given, **ours}.items()}
# SAM takes such a backslash away.
for name, value in values.items():
    if re.search(r"\\[ \x22\x27]", value):
        sys.exit(f"deploy: {name} has a backslash before a space or a quote, which SAM cannot carry. In the ignore "
                 "list, write [\\] for a backslash; write routes like that into the SSM parameter by hand")
json.dump(values, open(f"{work}/parameters.yaml", "w", encoding="utf-8"), ensure_ascii=False)
' "$work"
}

# --- The other account's credentials ----------------------------------------------------------------------------------

# They go from the person to SSM through a file that only this user can read, and never onto a command line.
keep_credentials() {
    local name exists=no
    name=$(parameter SsmParameterCredentials s3_migration_credentials)
    if aws ssm get-parameter --name "$name" --query Parameter.Type --output text >"$work/type" 2>"$work/err"; then
        exists=yes
        [ "$(cat "$work/type")" = SecureString ] || fail "the SSM parameter $name is no SecureString; delete it first"
    elif ! grep -q ParameterNotFound "$work/err"; then
        fail "the SSM parameter $name cannot be looked up: $(cat "$work/err")"
    fi
    if [ "$exists" = yes ] && [ -z "${CREDENTIALS_FILE:-}${OTHER_ACCESS_KEY_ID:-}" ]; then
        if [ "$yes" = yes ] || ! agree "The other account's credentials are there ($name). Replace them?"; then
            return
        fi
    fi
    if [ -n "${CREDENTIALS_FILE:-}" ]; then
        cat "$CREDENTIALS_FILE" >"$work/credentials.json"
    else
        ask_for_credentials
    fi
    python3 - "$work" "$name" <<'END'
import json, sys
work, name = sys.argv[1:]
try:
    fields = json.load(open(f"{work}/credentials.json", encoding="utf-8"))
    fields["aws_access_key_id"], fields["aws_secret_access_key"]
except (ValueError, KeyError, TypeError):
    sys.exit("deploy: the credentials are not a JSON object with aws_access_key_id and aws_secret_access_key")
request = {"Name": name, "Type": "SecureString", "Value": json.dumps(fields), "Overwrite": True,
           "Description": "The account that longhaul reaches besides its own"}
json.dump(request, open(f"{work}/put.json", "w", encoding="utf-8"))
END
    aws ssm put-parameter --cli-input-json "file://$work/put.json" >/dev/null
    rm "$work/put.json" "$work/credentials.json"
    say "kept the other account's credentials in the SecureString $name"
}

ask_for_credentials() {
    say "The other account's credentials, of a user with the rights that the documents name:"
    ask OTHER_ACCESS_KEY_ID "  Access key id" -
    ask_secret OTHER_SECRET_ACCESS_KEY "  Secret access key"
    ask OTHER_REGION "  Region of its bucket, such as cn-northwest-1" -
    ask OTHER_ENDPOINT_URL "  Address of its store (empty: Amazon S3)" ""
    # printf is part of the shell: its arguments are in no list of processes.
    printf '%s\n' "$OTHER_ACCESS_KEY_ID" "$OTHER_SECRET_ACCESS_KEY" "${OTHER_SESSION_TOKEN:-}" "$OTHER_REGION" \
        "$OTHER_ENDPOINT_URL" "${OTHER_PROVIDER:-}" | python3 -c '
import json, sys
names = ["aws_access_key_id", "aws_secret_access_key", "session_token", "region", "endpoint_url", "provider"]
values = sys.stdin.read().split("\n")
print(json.dumps({name: value for name, value in zip(names, values) if value}))' >"$work/credentials.json"
}

# --- Build and deploy -------------------------------------------------------------------------------------------------

build_and_deploy() {
    say "building the functions for $ARCHITECTURE ..."
    sam build --template infra/template.yaml --build-dir target/sam --region "$AWS_REGION" \
        --parameter-overrides "Architecture=$ARCHITECTURE" >"$work/build.log" 2>&1 ||
        { cat "$work/build.log" >&2; fail "the functions could not be built"; }
    say "deploying the stack $STACK to $AWS_REGION ..."
    sam deploy ${config[@]+"${config[@]}"} --template-file target/sam/template.yaml \
        --stack-name "$STACK" --region "$AWS_REGION" --capabilities CAPABILITY_IAM --resolve-s3 \
        --no-confirm-changeset --no-fail-on-empty-changeset \
        --parameter-overrides "file://$work/parameters.yaml"
    look_up_stack
}

# An existing bucket tells the stack of new objects by a notification, beside those that it has.
connect_buckets() {
    local tool='' candidate bucket
    [ "$JOB_TYPE" = PUT ] || return 0
    for candidate in longhaul target/release/longhaul target/debug/longhaul; do
        if [ -z "$tool" ] && command -v "$candidate" >/dev/null; then
            tool=$candidate
        fi
    done
    for bucket in ${existing[@]+"${existing[@]}"}; do
        if [ -z "$tool" ]; then
            say "To replicate new objects of $bucket at once: longhaul bucket connect $bucket --stack $STACK"
        elif agree "Shall new objects of $bucket be replicated at once (adds a notification to the bucket)?"; then
            "$tool" bucket connect "$bucket" --stack "$STACK"
        fi
    done
}

check_tools
ask AWS_REGION "Region of the stack" "${AWS_DEFAULT_REGION:-$(aws configure get region || echo -)}"
export AWS_REGION AWS_DEFAULT_REGION=$AWS_REGION
ask STACK "Name of the stack" longhaul
[[ "$STACK" =~ ^[A-Za-z][A-Za-z0-9-]{0,39}$ ]] || fail "a stack's name has up to 40 letters, digits and -: $STACK"
caller=$(aws sts get-caller-identity --query Arn --output text) ||
    fail "AWS does not accept your credentials: aws configure"
partition=$(cut -d: -f2 <<<"$caller")

look_up_stack
read_parameters
check_names
ask_for_routes
ask EMAIL "Address for alarms (empty: none)" "$(parameter AlarmEmail '')"
ask ARCHITECTURE "Processor of the functions (arm64 or x86_64)" "$(parameter Architecture arm64)"
look_at_own_buckets
place_ignore_list
write_parameters
keep_credentials
build_and_deploy
connect_buckets
[ "${CANARY:-yes}" = no ] || scripts/canary.sh "$STACK"

say ''
say "The stack $STACK is deployed."
[ -z "$EMAIL" ] || say "A mail to $EMAIL asks to confirm the subscription; alarms come after that."
say "Dashboard:"
json "$work/stack.json" "{o['OutputKey']: o['OutputValue'] for o in d['Stacks'][0]['Outputs']}['DashboardUrl']"
