//! The `bully` program.

use std::process::ExitCode;

use bully::cli::{self, Exit, Invocation};

fn main() -> ExitCode {
    match cli::parse(std::env::args_os(), |name| std::env::var_os(name)) {
        Ok(Invocation::Help(text) | Invocation::Version(text)) => print!("{text}"),
        Ok(Invocation::Config {
            configuration,
            json,
        }) => {
            print!("{}", cli::report(&configuration, json));
        }
        Ok(other) => println!("{other:?}"),
        Err(error) => {
            eprintln!("bully: {error}");
            return Exit::Usage.into();
        }
    }
    Exit::Done.into()
}
