#!/usr/bin/env bash
# The core decides and never acts: its dependencies can reach no store, no database and no network, and its code
# neither reads the clock nor the environment.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo="${CARGO:-cargo}"
core=crates/longhaul
config="$core/clippy.toml"

fail() {
    echo "purity: $*" >&2
    exit 1
}

# The whole tree is read before it is searched, so that a failing cargo is not taken for a clean tree.
tree=$("$cargo" tree -p longhaul -e normal --prefix none)
if found=$(grep -E '^(aws-|rusqlite|libsqlite3-sys|hyper|reqwest)' <<<"$tree"); then
    fail "the core depends on an adapter's crate:"$'\n'"$found"
fi

tree=$("$cargo" tree -p worker -p jobsender -p longhaul-cli -e normal,features --prefix none)
if grep -q planted-defects <<<"$tree"; then
    fail "a program that is shipped can be built with the defects that the simulation plants"
fi

[ -f "$config" ] || fail "$config is missing: nothing bans the clock and the environment"
for method in std::env::var std::env::var_os std::env::vars std::time::Instant::now std::time::SystemTime::now; do
    grep -qF "\"$method\"" "$config" || fail "$config does not ban $method"
done
if found=$(grep -rnE 'clippy::(disallowed_methods|all|style)\b' "$core/src"); then
    fail "the core lifts the ban for some code:"$'\n'"$found"
fi
"$cargo" clippy --quiet -p longhaul --lib -- -D clippy::disallowed_methods

echo "purity: the core is pure"
