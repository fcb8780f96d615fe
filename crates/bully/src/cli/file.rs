//! The configuration file.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::key::Key;
use super::layer::{Layer, Origin, Raw};
use super::suggest::closest;
use super::usage::{UsageError, quoted};

/// More than any list of nodes needs; a file beyond it was named by mistake.
const BYTES_MAX: u64 = 1024 * 1024;

/// What the file that `named` names gives.
pub(crate) fn load(named: &Raw) -> Result<Layer, UsageError> {
    let path = Path::new(&named.text);
    let text = named.parse(|shown| read(path).map_err(|why| format!("{} {why}", quoted(shown))))?;
    parse(&text, path)
}

fn read(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    let read = file.take(BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err("is too large: a configuration file has at most 1 MiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8: expected a TOML file".to_owned())
}

pub(super) fn parse(text: &str, path: &Path) -> Result<Layer, UsageError> {
    let shown = path.display();
    let line = |offset: usize| 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map(|span| format!(" (line {})", line(span.start)));
        let why = error.message().lines().collect::<Vec<_>>().join(", ");
        UsageError::new(format!("{shown}: not TOML: {why}{}", line.unwrap_or_default()))
    })?;
    // In the order of the file, so that the first mistake is the one that is named.
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    let mut layer = Layer::default();
    for (name, value) in entries {
        let line = line(name.span().start);
        let name = name.get_ref();
        let key = Key::named(name).ok_or_else(|| unknown(name, line, path))?;
        let origin = Origin::File(PathBuf::from(path));
        let empty = String::new();
        let raw = Raw { name: key.name(), text: empty, origin, line: Some(line) };
        let text = raw.parse(|_| written(key, value.get_ref()))?;
        layer.set(key, Raw { text, ..raw });
    }
    Ok(layer)
}

/// The value as one would write it after the flag, so that one parser serves all sources.
fn written(key: Key, value: &DeValue<'_>) -> Result<String, String> {
    match (key, value) {
        (_, DeValue::String(text)) => Ok(text.to_string()),
        (_, DeValue::Integer(number)) => {
            // A number too large for us is too large for every key, whose parser will say so.
            let read = i64::from_str_radix(number.as_str(), number.radix());
            Ok(read.map_or_else(|_| number.as_str().to_owned(), |number| number.to_string()))
        }
        (_, DeValue::Boolean(switch)) => Ok(switch.to_string()),
        (Key::Nodes | Key::Http, DeValue::Array(entries)) => {
            let texts: Option<Vec<&str>> = entries.iter().map(|e| e.get_ref().as_str()).collect();
            let texts = texts.ok_or("expected strings in the array")?;
            Ok(texts.join(","))
        }
        (Key::Nodes, _) => Err("expected a string or an array of strings".to_owned()),
        (_, other) => {
            let kind = other.type_str();
            let article = if kind == "array" { "an" } else { "a" };
            Err(format!("expected a string, a whole number or true|false, not {article} {kind}"))
        }
    }
}

fn unknown(name: &str, line: usize, path: &Path) -> UsageError {
    let names = Key::ALL.map(Key::name);
    let meant = match closest(name, names) {
        Some(name) => format!("; did you mean {name}?"),
        None => String::new(),
    };
    let (shown, names) = (path.display(), names.join(", "));
    UsageError::new(format!("{shown}: {name}: no such key (line {line}{meant}); there are {names}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        parse(text, Path::new("b.toml")).expect_err(text).to_string()
    }

    fn named(path: &Path) -> Raw {
        Raw::flag("config", path.to_str().expect("the path of a test is UTF-8").to_owned())
    }

    #[test]
    fn each_kind_of_value_is_kept_as_it_would_follow_the_flag() {
        let text = "nodes = ['a', 'b:1']\nport = 9000\npreempt = false\nheartbeat = '1s'\n";
        let layer = parse(text, Path::new("b.toml")).expect("the file is right");
        let value = |key| layer.get(key).map(|raw| (raw.text.as_str(), raw.line));
        assert_eq!(value(Key::Nodes), Some(("a,b:1", Some(1))));
        assert_eq!(value(Key::Port), Some(("9000", Some(2))));
        assert_eq!(value(Key::Preempt), Some(("false", Some(3))));
        assert_eq!(value(Key::Heartbeat), Some(("1s", Some(4))));
        assert_eq!(value(Key::Log), None);
    }

    #[test]
    fn whole_numbers_of_any_notation_and_size_are_kept() {
        let kept = |text| {
            let layer = parse(text, Path::new("b.toml")).expect("the file is right");
            layer.get(Key::Port).expect("there is a port").text.clone()
        };
        assert_eq!(kept("port = 0x1FB5"), "8117");
        assert_eq!(kept("port = 8_117"), "8117");
        assert_eq!(kept("port = 99999999999999999999"), "99999999999999999999");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_keys_there_are() {
        let complaint = complaint("# ports\nport = 1\nlog_level = 'info'\naaa = 1");
        let start =
            "b.toml: log_level: no such key (line 3; did you mean log-level?); there are nodes, ";
        assert!(complaint.starts_with(start), "{complaint}");
        assert!(complaint.ends_with(", log, log-level"), "{complaint}");
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_named_with_its_line() {
        assert_eq!(
            complaint("\nport = 1.5"),
            "b.toml: port: expected a string, a whole number or true|false, not a float (line 2)"
        );
        assert_eq!(
            complaint("nodes = [1]"),
            "b.toml: nodes: expected strings in the array (line 1)"
        );
        assert_eq!(
            complaint(
                "[port]
x = 1"
            ),
            "b.toml: port: expected a string, a whole number or true|false, not a table (line 1)"
        );
    }

    #[test]
    fn what_is_not_toml_is_told_in_one_line() {
        let complaint = complaint("port = 1\nnodes = 'a\n");
        assert!(complaint.starts_with("b.toml: not TOML: "), "{complaint}");
        assert!(complaint.ends_with("(line 2)") && !complaint.contains('\n'), "{complaint}");
        assert!(self::complaint("port = 1\nport = 2").contains("duplicate"));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_with_who_named_it() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let missing = folder.path().join("none.toml");
        let told = load(&named(&missing)).expect_err("there is no file").to_string();
        assert!(told.starts_with("-config: \"/"), "{told}");
        assert!(told.contains("cannot be read: No such file"), "{told}");
        let told = load(&named(folder.path())).expect_err("a folder is no file").to_string();
        assert!(told.contains("cannot be read: Is a directory"), "{told}");
    }

    #[test]
    fn a_file_of_other_bytes_or_without_end_is_refused() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("b.toml");
        std::fs::write(&path, b"port = '\xff'").expect("the file is written");
        let told = load(&named(&path)).expect_err("not UTF-8").to_string();
        assert!(told.contains("is not UTF-8"), "{told}");
        let told = load(&named(Path::new("/dev/zero"))).expect_err("endless").to_string();
        assert_eq!(
            told,
            "-config: \"/dev/zero\" is too large: a configuration file has at most 1 MiB"
        );
    }
}
