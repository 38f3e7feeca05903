#!/usr/bin/env bash
# Checks dependencies against deny.toml, with one pinned version of cargo-deny.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo="${CARGO:-cargo}"
version=0.20.2
tool=.tools/bin/cargo-deny

if ! [ -x "$tool" ] || [ "$("$tool" --version)" != "cargo-deny $version" ]; then
    # It runs for a second and is built for minutes: the quick build is the better one.
    CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        "$cargo" install --locked --root .tools cargo-deny --version "$version"
fi

# The check itself is offline, and it looks at the crates of every platform: all of them must be here.
"$cargo" fetch --locked --quiet
PATH="$PWD/.tools/bin:$PATH" "$cargo" deny --offline check bans licenses sources
