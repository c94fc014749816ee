//! The simulation as a test, for `cargo xtask test`.
use std::process::ExitCode;

fn main() -> ExitCode {
    simulation::command::main()
}
