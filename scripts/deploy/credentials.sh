# The other account's credentials: asked for before anything is made, and put when the stack has made the key for them. They
# go from the person to SSM through a file that only this user can read, and never onto a command line.
# For scripts/deploy.sh, with its variables and functions.
# shellcheck shell=bash disable=SC2154

collect_credentials() {
    local exists=no
    credentials=$(parameter SsmParameterCredentials s3_migration_credentials)
    if aws ssm get-parameter --name "$credentials" --query Parameter.Type --output text >"$work/type" 2>"$work/err"; then
        exists=yes
        [ "$(cat "$work/type")" = SecureString ] ||
            fail "the SSM parameter $credentials is no SecureString; delete it first"
    elif ! grep -q ParameterNotFound "$work/err"; then
        fail "the SSM parameter $credentials cannot be looked up: $(cat "$work/err")"
    fi
    if [ "$exists" = yes ] && [ -z "${CREDENTIALS_FILE:-}${OTHER_ACCESS_KEY_ID:-}" ]; then
        if [ "$yes" = yes ] || ! agree "The other account's credentials are there ($credentials). Replace them?"; then
            aws ssm get-parameter --name "$credentials" --with-decryption --query Parameter.Value --output text \
                >"$work/credentials.json" 2>/dev/null ||
                say "you may not read $credentials: whether a destination lies inside its source is not checked here"
            return
        fi
    fi
    if [ -n "${CREDENTIALS_FILE:-}" ]; then
        cat "$CREDENTIALS_FILE" >"$work/credentials.json"
    else
        ask_for_credentials
    fi
    "$tool" check credentials "$work/credentials.json" >/dev/null || fail "nothing was changed"
    touch "$work/new_credentials"
}

keep_credentials() {
    local key
    key=$(output CredentialsKeyAlias)
    if [ -e "$work/new_credentials" ]; then
        python3 scripts/deploy/credentials.py "$work" "$credentials" "$key"
        aws ssm put-parameter --cli-input-json "file://$work/put.json" >/dev/null
        rm "$work/put.json"
        say "kept the other account's credentials in the SecureString $credentials"
    else
        look_at_key "$key"
    fi
    rm -f "$work/credentials.json"
}

# look_at_key ALIAS: of credentials that were there, under which key they are.
look_at_key() {
    local key
    key=$(aws ssm describe-parameters --parameter-filters "Key=Name,Values=$credentials" \
        --query 'Parameters[0].KeyId' --output text)
    case "$key" in "$1" | *":$1" | "$(output CredentialsKeyId)" | *"/$(output CredentialsKeyId)") return ;; esac
    say "warning: the SecureString $credentials is encrypted with the key $key, and not with the stack's own, $1. It works,
but under alias/aws/ssm it is read by everybody in the account who may read parameters. To move it, deploy again and
replace the credentials."
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
