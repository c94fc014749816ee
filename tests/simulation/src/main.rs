//! The simulation as a command.
use std::process::ExitCode;

fn main() -> ExitCode {
    simulation::command::main()
}
