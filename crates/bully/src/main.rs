//! The `bully` program.

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;

use bully::cli::{self, Exit, Invocation};

fn main() -> ExitCode {
    let exit = match cli::parse(std::env::args_os(), |name| std::env::var_os(name)) {
        Ok(Invocation::Run(configuration)) => cli::run(&configuration.settings),
        Ok(Invocation::Demo { once }) => cli::demo(once),
        Ok(Invocation::Ask(question)) => cli::ask(&question),
        Ok(Invocation::Tell(order)) => cli::tell(&order),
        Ok(Invocation::Repair(repair)) => cli::repair(&repair),
        Ok(Invocation::Keygen(file)) => cli::keygen(&file),
        Ok(Invocation::Config { configuration, json }) => print(&cli::report(&configuration, json)),
        Ok(Invocation::Completions(shell)) => print(&cli::completions(shell)),
        Ok(Invocation::Man) => print(&cli::man()),
        Ok(Invocation::Help(text) | Invocation::Version(text)) => print(&text),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "bully: {error}");
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
            let _ = writeln!(std::io::stderr(), "bully: standard output: {error}");
            Exit::Error
        }
    }
}
