//! The `bully` program.

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use bully::cli::{self, Exit, Invocation};

fn main() -> ExitCode {
    let exit = match cli::parse(std::env::args_os(), |name| std::env::var_os(name)) {
        Ok(Invocation::Help(text) | Invocation::Version(text)) => print(&text),
        Ok(Invocation::Config {
            configuration,
            json,
        }) => print(&cli::report(&configuration, json)),
        Ok(other) => print(&format!("{other:?}\n")),
        Err(error) => {
            eprintln!("bully: {error}");
            Exit::Usage
        }
    };
    exit.into()
}

/// Unlike `print!`, takes a reader that has had enough (`bully --help | head`) for no fault and a
/// full disk for an error.
fn print(text: &str) -> Exit {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => Exit::Done,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Exit::Done,
        Err(error) => {
            eprintln!("bully: standard output: {error}");
            Exit::Error
        }
    }
}
