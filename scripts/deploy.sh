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
#   IGNORE_LIST_FILE    before all others, even if it names nothing
#   IGNORE_LIST_BUCKET  a bucket of this account, for an ignore list beyond 8 KB
#   OPERATOR_PRINCIPALS ARNs of those who may send, with commas; at first, whoever deploys
#   CANARY=no           copies no object at the end
#   LONGHAUL_BIN        the longhaul command of this source, if it is built already
#
# Parameters in infra/samconfig.toml (see samconfig.example.toml) are used, and what they say is not asked for. On an
# update, all that is neither there nor given stays as it is deployed. What would change is shown before anything is made.
# The ignore list is that of samconfig.toml; or infra/ignore_list.txt, if it names anything; or the deployed one.
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
. scripts/deploy/credentials.sh
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

# output NAME: of the deployed stack.
output() { json "$work/stack.json" "{o['OutputKey']: o['OutputValue'] for o in d['Stacks'][0]['Outputs']}['$1']"; }

# --- What is known before anybody is asked ---------------------------------------------------------------------------

look_up_stack() {
    stack_exists=yes
    if ! aws cloudformation describe-stacks --stack-name "$STACK" --output json >"$work/stack.json" 2>"$work/err"; then
        grep -q 'does not exist' "$work/err" || fail "the stack cannot be looked up: $(cat "$work/err")"
        stack_exists=no
        echo '{"Stacks": []}' >"$work/stack.json"
    fi
}

# deployed.json: the parameters of the stack. given.json: those in samconfig.toml. known.json: these over those.
read_parameters() {
    config=()
    [ ! -e infra/samconfig.toml ] || config=(--config-file "$PWD/infra/samconfig.toml")
    python3 scripts/deploy/known.py "$work" infra/samconfig.toml
}

# What the parameter store says now, where the stack has written it: somebody may have changed it by hand.
read_live_parameters() {
    local name
    echo '{}' >"$work/live.json"
    [ "$stack_exists" = yes ] || return 0
    for name in SsmParameterBucket SsmParameterIgnoreList; do
        if aws ssm get-parameter --name "$(parameter "$name" '')" --output json >"$work/answer.json" 2>/dev/null; then
            python3 - "$work" "$name" <<'END'
import json, sys
work, name = sys.argv[1:]
live = json.load(open(f"{work}/live.json", encoding="utf-8"))
live[name] = json.load(open(f"{work}/answer.json", encoding="utf-8"))["Parameter"]["Value"]
json.dump(live, open(f"{work}/live.json", "w", encoding="utf-8"))
END
        fi
    done
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
    elif [ -n "${SOURCE_BUCKET:-}" ] || { [ "$stack_exists" = no ] && [ "$(parameter BucketPara '[]')" = '[]' ]; }; then
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

# --- What is checked as the functions will read it ---------------------------------------------------------------------

find_tool() {
    tool=${LONGHAUL_BIN:-}
    [ -z "$tool" ] || return 0
    say "building the longhaul command, which checks what is deployed ..."
    cargo build --locked --quiet --package longhaul-cli --bin longhaul
    tool=${CARGO_TARGET_DIR:-target}/debug/longhaul
}

# read_list FILE WORDS: into list.json, how many patterns a list has, or the object that it names.
read_list() {
    "$tool" --json check ignore-list "$1" >"$work/list.json" || fail "the ignore list $2 cannot be used, as is said above"
}

# list_file: the list that is taken, if any; what samconfig.toml sets or the stack has stays otherwise.
choose_ignore_list() {
    local example=infra/ignore_list.txt names=0
    list_file= list_object=
    if [ -e "$example" ]; then
        read_list "$example" "$example"
        names=$(json "$work/list.json" "d['object'] or d['patterns']")
    fi
    if [ -n "${IGNORE_LIST_FILE:-}" ]; then
        list_file=$IGNORE_LIST_FILE
    elif [ -n "$(json "$work/given.json" "d['IgnoreList']")" ]; then
        [ "$names" = 0 ] || say "infra/samconfig.toml sets the ignore list; $example is not used"
    elif [ "$names" != 0 ]; then
        list_file=$example
    fi
    if [ -n "$list_file" ]; then
        read_list "$list_file" "$list_file"
        place_ignore_list
    else
        read_list "$work/known_list.txt" "that samconfig.toml sets or the stack has"
    fi
}

# A parameter of CloudFormation holds 4,096 bytes and one of SSM 8 KB: a longer list is an object in S3.
place_ignore_list() {
    local bucket
    list_object=$(json "$work/list.json" "d['object']")
    upload_list=no
    if [ -z "$list_object" ] && [ "$(wc -c <"$list_file")" -gt 8000 ]; then
        bucket=$(parameter IgnoreListObject '')
        bucket=${bucket%%/*}
        ask IGNORE_LIST_BUCKET "A bucket of this account for the ignore list, which is longer than 8 KB" \
            "${bucket:--}"
        list_object="$IGNORE_LIST_BUCKET/longhaul/$STACK/ignore_list.txt"
        upload_list=yes
    fi
}

# A copy into its own source would find what it wrote, and copy it again.
check_routes() {
    local buckets=() bucket
    [ -s "$work/credentials.json" ] || return 0
    while IFS= read -r bucket; do
        [ -z "$bucket" ] || buckets+=(--own-bucket "$bucket")
    done < <(json "$work/known.json" "'\n'.join(arn.split(':::')[-1] for arn in d['OwnBucketArns'].split(','))"
        printf '%s\n' "$new_bucket" ${existing[@]+"${existing[@]}"})
    "$tool" check routes "$work/routes.json" --job-type "$JOB_TYPE" --own-region "$AWS_REGION" \
        --other-account "$work/credentials.json" ${buckets[@]+"${buckets[@]}"} \
        --default-bucket "$(parameter DesBucketDefault '')" --default-prefix "$(parameter DesPrefixDefault '')" >/dev/null ||
        fail "nothing was changed"
    # Those that are in the parameter store are not needed any more.
    [ -e "$work/new_credentials" ] || rm "$work/credentials.json"
}

# --- Parameters, and what changes ---------------------------------------------------------------------------------------

# Whoever deploys, as the queues know them: a role has many sessions and one name, in whatever path.
deployer() {
    local account name
    account=$(cut -d: -f5 <<<"$caller")
    case "$caller" in
        arn:*:sts::*:assumed-role/*)
            name=$(cut -d/ -f2 <<<"$caller")
            echo "arn:$partition:iam::$account:role/$name,arn:$partition:iam::$account:role/*/$name"
            ;;
        *) echo "$caller" ;;
    esac
}

choose_operators() {
    if [ -z "${OPERATOR_PRINCIPALS:-}" ]; then
        OPERATOR_PRINCIPALS=$(json "$work/known.json" "d['OperatorPrincipals']")
        [ "$(json "$work/known.json" "'OperatorPrincipals' in d")" = True ] || OPERATOR_PRINCIPALS=$(deployer)
    fi
}

# parameters.yaml: what is set here, over what samconfig.toml sets.
write_parameters() {
    printf '%s\n' "$JOB_TYPE" "$EMAIL" "$ARCHITECTURE" "$new_bucket" "$list_object" "$list_file" "$partition" \
        "$OPERATOR_PRINCIPALS" ${existing[@]+"${existing[@]}"} | python3 -c '
import json, sys
names = ["job_type", "email", "architecture", "new_bucket", "list_object", "list_file", "partition", "operators"]
answers = sys.stdin.read().split("\n")[:-1]
answers = dict(zip(names, answers)) | {"existing": answers[len(names):]}
json.dump(answers, open(f"{sys.argv[1]}/answers.json", "w", encoding="utf-8"))' "$work"
    python3 scripts/deploy/parameters.py "$work"
}

agree_on_changes() {
    python3 scripts/deploy/changes.py "$work" >&2
    [ "${upload_list:-no}" = no ] || say "$list_file is uploaded to s3://$list_object"
    [ ! -e "$work/new_credentials" ] || say "The other account's credentials are put into the parameter store."
    agree "Deploy this?" || fail "nothing was changed"
    [ "${upload_list:-no}" = no ] || aws s3 cp --only-show-errors "$list_file" "s3://$list_object"
}

# --- Build and deploy -------------------------------------------------------------------------------------------------

build_and_deploy() {
    say "building the functions for $ARCHITECTURE ..."
    # Small functions start sooner: what the profile `lambda` says, in the words that reach the build of SAM.
    CARGO_PROFILE_RELEASE_OPT_LEVEL=s sam build --template infra/template.yaml --build-dir target/sam --region "$AWS_REGION" \
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
    local bucket
    [ "$JOB_TYPE" = PUT ] || return 0
    for bucket in ${existing[@]+"${existing[@]}"}; do
        if agree "Shall new objects of $bucket be replicated at once (adds a notification to the bucket)?"; then
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
find_tool
ask_for_routes
ask EMAIL "Address for alarms (empty: none)" "$(parameter AlarmEmail '')"
ask ARCHITECTURE "Processor of the functions (arm64 or x86_64)" "$(parameter Architecture arm64)"
look_at_own_buckets
choose_ignore_list
choose_operators
collect_credentials
check_routes
write_parameters
read_live_parameters
agree_on_changes
build_and_deploy
keep_credentials
connect_buckets
[ "${CANARY:-yes}" = no ] || scripts/canary.sh "$STACK"

say ''
say "The stack $STACK is deployed."
[ -z "$EMAIL" ] || say "A mail to $EMAIL asks to confirm the subscription; alarms come after that."
say "Dashboard:"
output DashboardUrl
