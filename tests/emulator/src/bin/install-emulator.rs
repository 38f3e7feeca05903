//! Installs what the emulator of AWS needs. `make test` runs it before the tests, which would wait for it otherwise.

fn main() {
    emulator::install();
}
