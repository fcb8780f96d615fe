//! `bully completions`: what a shell needs to complete our command line. Clap writes the scripts,
//! for flags with two dashes; what stands here teaches them the one dash of the documentation.

use std::fmt::Write as _;

use clap::builder::PossibleValuesParser;
use clap::{Command, ValueHint};
use clap_complete::Generator;
use clap_complete::aot::{Bash, Fish, Zsh};

use super::usage::quoted;

/// A shell whose completions we write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// GNU Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
}

impl Shell {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "bash" => Ok(Self::Bash),
            "zsh" => Ok(Self::Zsh),
            "fish" => Ok(Self::Fish),
            _ => Err(format!("{} is not a shell: expected {SHELLS}", quoted(text))),
        }
    }
}

pub(crate) const SHELLS: &str = "bash, zsh or fish";

/// The script for that shell.
pub fn completions(shell: Shell) -> String {
    let command = with_values(super::args::grammar());
    match shell {
        Shell::Bash => format!("{}{BASH_AS_TYPED}", generate(Bash, command)),
        Shell::Zsh => with_zsh_s_one_dash(&generate(Zsh, command)),
        Shell::Fish => {
            format!("{}{FISH_SHELLS}", with_fish_s_one_dash(&generate(Fish, command)))
        }
    }
}

fn generate(shell: impl Generator, mut command: Command) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "bully", &mut script);
    String::from_utf8(script).expect("our names and help are UTF-8")
}

/// The grammar takes texts, which the program reads itself; a shell profits from knowing which.
fn with_values(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        let possible: &[&str] = match arg.get_id().as_str() {
            _ if names_file(&arg) => return arg.value_hint(ValueHint::FilePath),
            "log" => &["text", "json"],
            "log_level" => &["error", "warn", "info", "debug", "trace"],
            "data_dir" => return arg.value_hint(ValueHint::DirPath),
            "mode" => &["bully", "quorum"],
            "shell" => &["bash", "zsh", "fish"],
            _ if arg.is_require_equals_set() => &["true", "false"],
            // Neither a file nor a folder, which is what a shell would offer otherwise.
            _ => return arg.value_hint(ValueHint::Other),
        };
        arg.value_parser(PossibleValuesParser::new(possible.iter().copied()))
    });
    command.mut_subcommands(with_values)
}

fn names_file(arg: &clap::Arg) -> bool {
    arg.get_value_names().is_some_and(|names| names == ["FILE"])
}

/// Readline takes `=` for a word of its own, and the function that clap wrote looks at the word
/// before: both are turned into what it knows, and its answer into what was typed.
const BASH_AS_TYPED: &str = r#"
_bully_as_typed() {
    local word="$2" before="$3" dash=""
    if [[ "$word" == "=" ]]; then
        word=""
    elif [[ "$before" == "=" ]]; then
        before="${COMP_WORDS[COMP_CWORD - 2]}"
    fi
    if [[ "$before" == -[!-]* ]]; then
        before="-$before"
    fi
    if [[ "$word" == - || "$word" == -[!-]* ]]; then
        word="-$word"
        dash="-"
    fi
    _bully "$1" "$word" "$before"
    if [[ -n "$dash" ]]; then
        COMPREPLY=("${COMPREPLY[@]#-}")
    fi
}
complete -F _bully_as_typed -o bashdefault -o default bully
"#;

/// Each flag a second time, with one dash.
fn with_zsh_s_one_dash(script: &str) -> String {
    let mut both = String::new();
    for line in script.lines() {
        if let Some(flag) = line.strip_prefix("'--") {
            let _ = writeln!(both, "'-{flag}");
        }
        let _ = writeln!(both, "{line}");
    }
    both
}

/// Clap tells fish nothing of what stands without a flag.
const FISH_SHELLS: &str = r#"
complete -c bully -n "__fish_bully_using_subcommand completions" -f -a "bash zsh fish"
"#;

/// Fish knows long flags of one dash by a name of their own. What follows ` -d ` is description.
fn with_fish_s_one_dash(script: &str) -> String {
    let mut both = String::new();
    for line in script.lines() {
        let flag = line.strip_prefix("complete ").and_then(|line| line.split(" -d ").next());
        let flag = flag.and_then(|start| start.split_once(" -l "));
        let name = flag.and_then(|(_, rest)| rest.split(' ').next());
        let line = match name {
            Some(name) => {
                line.replacen(&format!(" -l {name}"), &format!(" -l {name} -o {name}"), 1)
            }
            None => line.to_owned(),
        };
        both.push_str(&line);
        both.push('\n');
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Key;

    #[test]
    fn every_flag_and_command_is_known_to_every_shell() {
        let [bash, zsh, fish] = [Shell::Bash, Shell::Zsh, Shell::Fish].map(completions);
        for name in Key::ALL.map(Key::name).into_iter().chain(["config"]) {
            assert!(bash.contains(&format!(" --{name} ")), "{name}");
            assert!(zsh.contains(&format!("\n'--{name}=")), "{name}");
            assert!(zsh.contains(&format!("\n'-{name}=")), "{name}");
            assert!(fish.contains(&format!(" -l {name} -o {name} ")), "{name}");
        }
        let commands = super::super::args::grammar();
        for name in commands.get_subcommands().map(Command::get_name) {
            for script in [&bash, &zsh, &fish] {
                assert!(script.contains(name), "{name}");
            }
        }
    }

    #[test]
    fn every_argument_of_few_values_offers_them_and_none_offers_files_but_who_takes_one() {
        fn visit(command: &Command) {
            for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values()) {
                let few = !arg.get_possible_values().is_empty();
                let named = arg.get_value_names().and_then(<[_]>::first).map(|name| &**name);
                let expected = matches!(named, Some("BOOL" | "FORM" | "LEVEL" | "MODE" | "SHELL"));
                assert_eq!(few, expected, "{}", arg.get_id());
                let expected = match named {
                    Some("FILE") => ValueHint::FilePath,
                    Some("DIR") => ValueHint::DirPath,
                    _ if few => ValueHint::Unknown,
                    _ => ValueHint::Other,
                };
                assert_eq!(arg.get_value_hint(), expected, "{}", arg.get_id());
            }
            command.get_subcommands().for_each(visit);
        }
        visit(&with_values(super::super::args::grammar()));
    }
}
