//! Installs the stores that others wrote. `make test` runs it before the tests, which would wait for it otherwise.

fn main() {
    foreign_stores::install();
}
