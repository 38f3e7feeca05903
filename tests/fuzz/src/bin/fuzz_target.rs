//! One target under libFuzzer: `LONGHAUL_FUZZ_TARGET=message fuzz-target CORPUS`. `make fuzz` builds and runs it.

#![no_main]

use std::sync::OnceLock;

static TARGET: OnceLock<&'static fuzz::Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (TARGET.get_or_init(fuzz::chosen).run)(bytes));
