//! What holds of every command line.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// The flags of a node with a value each, or none for a bare switch.
fn flags() -> impl Strategy<Value = Vec<(String, Option<String>)>> {
    let command = args::command();
    let names: Vec<(String, bool)> = command
        .get_arguments()
        .filter(|arg| arg.get_action().takes_values())
        .map(|arg| (arg.get_long().expect("a flag").to_owned(), arg.is_require_equals_set()))
        .collect();
    let mut defined: BTreeSet<String> =
        ["h", "help", "V", "version", "json", "wait", "once", "token", "to", "force"]
            .map(str::to_owned)
            .into();
    defined.extend(names.iter().map(|(name, _)| name.clone()));
    // A value that spells a flag is one that was forgotten.
    let free = move |value: &String| {
        let word = value.split('=').next().unwrap_or_default();
        let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
        value != "--" && !name.is_some_and(|name| defined.contains(name))
    };
    let value = prop_oneof!["-{0,2}[a-z0-9=, .:-]{0,12}", ".{0,8}"].prop_filter("a flag", free);
    let values = proptest::collection::vec(proptest::option::of(value), names.len());
    let all = names.len();
    let chosen = proptest::sample::subsequence((0..all).collect::<Vec<_>>(), 0..=all);
    (chosen, values).prop_map(move |(chosen, values)| {
        let pick = |index: usize| {
            let (name, switch) = &names[index];
            let value = values[index].clone();
            let value = if *switch { value } else { Some(value.unwrap_or_default()) };
            (name.clone(), value)
        };
        chosen.into_iter().map(pick).collect()
    })
}

fn spell(flags: &[(String, Option<String>)], style: impl Fn(usize) -> usize) -> Vec<String> {
    let switches = ["showport", "preempt", "moved"];
    let mut words = vec!["bully".to_owned()];
    for (index, (name, value)) in flags.iter().enumerate() {
        let style = style(index);
        let dash = if style.is_multiple_of(2) { "-" } else { "--" };
        match value {
            None => words.push(format!("{dash}{name}")),
            Some(value) if style < 2 || switches.contains(&name.as_str()) => {
                words.push(format!("{dash}{name}={value}"));
            }
            Some(value) => words.extend([format!("{dash}{name}"), value.clone()]),
        }
    }
    words
}

fn understood(words: Vec<String>) -> Cli {
    let mut command = args::command();
    let words = argv::rewrite(&command, words);
    let matches = command.try_get_matches_from_mut(&words);
    let mut matches = matches.unwrap_or_else(|error| panic!("{words:?}: {error}"));
    Cli::from_arg_matches_mut(&mut matches).expect("the matches are the struct's")
}

proptest! {
    #[test]
    fn all_four_spellings_of_flags_mean_the_same(
        flags in flags(),
        styles in proptest::collection::vec(0_usize..4, 32),
    ) {
        let reference = understood(spell(&flags, |_| 1));
        for style in 0..4 {
            prop_assert_eq!(&understood(spell(&flags, |_| style)), &reference);
        }
        prop_assert_eq!(&understood(spell(&flags, |index| styles[index])), &reference);
        let file = flags.iter().find(|(name, _)| name == "config");
        prop_assert_eq!(&reference.node.config, &file.and_then(|(_, value)| value.clone()));
    }

    #[test]
    fn no_command_line_panics_or_is_refused_in_more_than_one_line(
        words in proptest::collection::vec("(-{0,3}(nodes|port|showport|h|config|json|leader|demo|members|remove|transfer|to|priority|recover)?(=.{0,4})?|.{0,6})", 0..6),
    ) {
        let words: Vec<OsString> = std::iter::once("bully".into()).chain(words.into_iter().map(Into::into)).collect();
        if let Err(error) = parse(words, |_| None) {
            let line = error.to_string();
            prop_assert!(!line.is_empty() && !line.chars().any(char::is_control), "{line:?}");
        }
    }

    #[test]
    fn words_that_are_no_flags_and_all_after_two_dashes_are_left_alone(
        before in proptest::collection::vec("[a-z]{0,5}|-[xyz]{1,4}|-[0-9]{1,3}|-", 0..4),
        after in proptest::collection::vec("-{0,2}(port|nodes|showport)(=[a-z]{0,3})?", 0..4),
    ) {
        let mut words = vec!["bully".to_owned()];
        words.extend(before);
        words.push("--".to_owned());
        words.extend(after);
        prop_assert_eq!(argv::rewrite(&args::command(), words.clone()), words);
    }
}
