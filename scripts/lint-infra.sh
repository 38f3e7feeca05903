#!/usr/bin/env bash
# Checks the templates in infra/ with pinned versions of SAM's validator, cfn-lint and checkov. They are installed into
# .tools/ the first time. What has passed is not checked again until a template, a version or this script changes.
set -euo pipefail
cd "$(dirname "$0")/.."

templates=(infra/template.yaml infra/nat-bbr.yaml infra/fleet.yaml)
requirements=(infra/requirements-lint.txt infra/requirements-checkov.txt)
passed=.tools/lint-infra.passed

fail() {
    echo "lint-infra: $*" >&2
    exit 1
}

hash_of() {
    cat "$@" | cksum
}

# install VENV REQUIREMENTS: a virtual environment with exactly these versions.
install() {
    local venv=.tools/$1 wanted=$2 stamp try
    stamp="$(hash_of "$wanted") $(python3 --version)"
    if [ "$(cat "$venv/.stamp" 2>/dev/null)" = "$stamp" ]; then
        return
    fi
    echo "lint-infra: installing what $wanted names into $venv" >&2
    rm -rf "$venv"
    python3 -m venv "$venv" || fail "python3 cannot make virtual environments: install its venv module (python3-venv)"
    # Not everything that a network does is tried again by pip itself: a download that breaks off in the middle is not.
    for try in 1 2 3; do
        if "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$wanted"; then
            echo "$stamp" >"$venv/.stamp"
            return
        fi
        echo "lint-infra: try $try of 3 to install what $wanted names failed" >&2
        sleep 5
    done
    fail "$wanted cannot be installed"
}

# in_background NAME COMMAND...: its output is shown only if it fails.
names=() jobs=()
in_background() {
    local name=$1
    shift
    "$@" >"$logs/$name" 2>&1 &
    names+=("$name") jobs+=($!)
}

wait_for_all() {
    local i bad=0
    for i in "${!jobs[@]}"; do
        if ! wait "${jobs[$i]}"; then
            echo "lint-infra: ${names[$i]} found:" >&2
            cat "$logs/${names[$i]}" >&2
            bad=1
        fi
    done
    return "$bad"
}

command -v python3 >/dev/null || fail "python3 is missing; the linters of the templates are written in it"

now=$(hash_of "${templates[@]}" "${requirements[@]}" scripts/lint-infra.sh)
if [ "$(cat "$passed" 2>/dev/null)" = "$now" ]; then
    echo "lint-infra: the templates have not changed since they passed"
    exit 0
fi

mkdir -p .tools
install lint-infra infra/requirements-lint.txt
install lint-checkov infra/requirements-checkov.txt

# The linters need a region for the rules, and neither an account nor the network.
export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

in_background checkov .tools/lint-checkov/bin/checkov --framework cloudformation --skip-download --compact --quiet \
    "${templates[@]/#/--file=}"
in_background cfn-lint .tools/lint-infra/bin/cfn-lint "${templates[@]}"
for template in "${templates[@]}"; do
    in_background "sam-validate-$(basename "$template")" \
        .tools/lint-infra/bin/sam validate --lint --template "$template"
done
wait_for_all

echo "$now" >"$passed"
echo "lint-infra: ${#templates[@]} templates are in order"
