#!/usr/bin/env bash
# Deletes a stack of longhaul: says what stays and how to remove it, asks, and deletes.
#
#   scripts/undeploy.sh [--yes]      STACK=longhaul, AWS_REGION
set -euo pipefail
export AWS_PAGER=

yes=no
case "${1:-}" in
    --yes) yes=yes ;;
    '') ;;
    *) echo "usage: $0 [--yes]" >&2; exit 2 ;;
esac

say() { echo "$*" >&2; }
fail() {
    say "undeploy: $*"
    exit 1
}

output() {
    aws cloudformation describe-stacks --stack-name "$stack" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

parameter() {
    aws cloudformation describe-stacks --stack-name "$stack" --output text \
        --query "Stacks[0].Parameters[?ParameterKey=='$1'].ParameterValue"
}

# What is under way is lost with the queues, and no object with it: the next comparison finds what is missing.
show_queues() {
    local name url counts
    for name in Events Jobs Segments Scan Parked; do
        url=$(output "${name}QueueUrl")
        [ -n "$url" ] || continue
        counts=$(aws sqs get-queue-attributes --queue-url "$url" --output text \
            --attribute-names ApproximateNumberOfMessages ApproximateNumberOfMessagesNotVisible \
            --query 'Attributes.[ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible]')
        # shellcheck disable=SC2086  # two numbers
        printf '  %-9s %s waiting, %s in flight\n' "$name" $counts >&2
    done
}

show_what_stays() {
    local table bucket credentials key log
    table=$(output TableName) bucket=$(output BucketName) credentials=$(parameter SsmParameterCredentials)
    key=$(output CredentialsKeyId)
    say "These stay, and can cost money:"
    say "  the table of records      aws dynamodb delete-table --table-name $table"
    for log in WorkerLogGroup JobsenderLogGroup; do
        say "  a log group               aws logs delete-log-group --log-group-name $(output "$log")"
    done
    say "  the credentials           aws ssm delete-parameter --name $credentials"
    if [ -n "$key" ]; then
        say "  their key, needed to read them   aws kms schedule-key-deletion --key-id $key"
    fi
    if [ -n "$bucket" ]; then
        say "  the bucket                aws s3 rb s3://$bucket --force   (with versions: empty it first)"
    fi
    say "  buckets of yours that were connected keep their notification; remove it, for its queue will be gone:"
    say "                            aws s3api get-bucket-notification-configuration --bucket BUCKET"
    say "  unfinished uploads at the destination: longhaul uploads, or a lifecycle rule there"
    say "A fleet (fleet.yaml) and a NAT (nat-bbr.yaml) are stacks of their own. Delete the fleet before this one:"
    say "it uses this stack's policies. Delete the NAT after it."
}

command -v aws >/dev/null || fail "install the AWS CLI first; AWS's documents say how, or: pip install awscli"
stack=${STACK:-longhaul}
aws cloudformation describe-stacks --stack-name "$stack" >/dev/null 2>&1 ||
    fail "there is no stack $stack in this region: set STACK and AWS_REGION"

say "The stack $stack will be deleted. In its queues:"
show_queues
show_what_stays
if [ "$yes" = no ]; then
    read -rp "Type the stack's name to delete it: " answer
    [ "$answer" = "$stack" ] || fail "nothing was deleted"
fi
aws cloudformation delete-stack --stack-name "$stack"
say "deleting ..."
aws cloudformation wait stack-delete-complete --stack-name "$stack"
say "deleted; what stays is listed above. Wait a minute before you deploy under the same name: SQS wants it so."
