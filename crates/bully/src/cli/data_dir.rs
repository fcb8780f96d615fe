//! Where nodes in quorum mode keep their data.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::layer::Origin;
use super::usage::quoted;

/// What decides where data are kept where nobody says it.
pub(crate) struct Surroundings<'e> {
    /// A variable of the environment, by its name.
    pub(crate) env: &'e dyn Fn(&str) -> Option<OsString>,
    /// Whether the program runs as root.
    pub(crate) is_root: bool,
}

impl Surroundings<'_> {
    /// The directory that a service manager has made for the program, that of the system, or that of
    /// the user; and who says so.
    pub(super) fn data_dir(&self) -> Result<(PathBuf, Origin), String> {
        // Systemd puts colons between several; the first is as good as any, and the same each time.
        if let Some(directory) = self.path("STATE_DIRECTORY", Some(':'))? {
            return Ok((directory, Origin::Environment("STATE_DIRECTORY".to_owned())));
        }
        if self.is_root {
            return Ok((PathBuf::from("/var/lib/bully"), Origin::Default));
        }
        if let Some(state) = self.path("XDG_STATE_HOME", None)? {
            return Ok((state.join("bully"), Origin::Environment("XDG_STATE_HOME".to_owned())));
        }
        match self.path("HOME", None)? {
            Some(home) => Ok((home.join(".local/state/bully"), Origin::Default)),
            None => Err("-data-dir: no HOME to keep the data in: name a directory".to_owned()),
        }
    }

    /// The path in that variable, or the first of those that the separator divides; an empty one
    /// counts as unset. One that is not absolute would lead elsewhere after each `cd`.
    fn path(&self, variable: &str, separator: Option<char>) -> Result<Option<PathBuf>, String> {
        let Some(value) = (self.env)(variable) else { return Ok(None) };
        let first = match (value.to_str(), separator) {
            (Some(text), Some(separator)) => text.split(separator).next().unwrap_or(text).into(),
            _ => value,
        };
        if first.is_empty() {
            return Ok(None);
        }
        let path = PathBuf::from(first);
        if path.is_absolute() {
            return Ok(Some(path));
        }
        let shown = quoted(&path.to_string_lossy());
        Err(format!("{variable}: {shown} is not an absolute path: mend it, or give -data-dir"))
    }
}

/// Reads a directory, of which nothing is asked but that it can be written on a line.
pub(super) fn parse(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err(format!("{} is not the path of a directory", quoted(text)));
    }
    Ok(PathBuf::from(text))
}

/// The directory of one node, below that of all.
pub(super) fn of_node(data_dir: &Path, cluster: &str, port: u16) -> PathBuf {
    data_dir.join(file_name(cluster)).join(port.to_string())
}

/// The cluster's name as that of a directory, another for each. Names that stay within one, and are
/// not hidden, stay as they are.
fn file_name(cluster: &str) -> String {
    let mut name = String::new();
    for (at, c) in cluster.char_indices() {
        if matches!(c, '/' | '%') || (c == '.' && at == 0) {
            write!(name, "%{:02X}", u32::from(c)).expect("a string takes any text");
        } else {
            name.push(c);
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The default with those variables: the directory, and who says so.
    fn default(is_root: bool, variables: &[(&str, &str)]) -> Result<(String, String), String> {
        let env = |name: &str| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let found = Surroundings { env: &env, is_root }.data_dir();
        found.map(|(path, origin)| (path.to_string_lossy().into_owned(), origin.to_string()))
    }

    #[test]
    fn data_are_kept_where_the_service_manager_the_system_or_the_user_keeps_them() {
        let home = ("HOME", "/home/u");
        let xdg = ("XDG_STATE_HOME", "/home/u/state");
        let service = ("STATE_DIRECTORY", "/var/lib/b:/var/lib/c");
        for (is_root, variables, directory, origin) in [
            (true, &[service, xdg, home][..], "/var/lib/b", "STATE_DIRECTORY"),
            (false, &[home, service], "/var/lib/b", "STATE_DIRECTORY"),
            (true, &[xdg, home], "/var/lib/bully", "default"),
            (true, &[], "/var/lib/bully", "default"),
            (false, &[xdg, home], "/home/u/state/bully", "XDG_STATE_HOME"),
            (false, &[home], "/home/u/.local/state/bully", "default"),
            (
                false,
                &[("STATE_DIRECTORY", ""), ("XDG_STATE_HOME", ""), home],
                "/home/u/.local/state/bully",
                "default",
            ),
        ] {
            let expected = (directory.to_owned(), origin.to_owned());
            assert_eq!(default(is_root, variables), Ok(expected), "{is_root} {variables:?}");
        }
    }

    #[test]
    fn no_data_are_kept_where_nobody_would_look_for_them() {
        for variables in [&[][..], &[("HOME", "")]] {
            let told = default(false, variables).expect_err("nowhere");
            assert_eq!(told, "-data-dir: no HOME to keep the data in: name a directory");
        }
        for variable in ["STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"] {
            let told = default(false, &[(variable, "a/b")]).expect_err("relative");
            let expected = "\"a/b\" is not an absolute path: mend it, or give -data-dir";
            assert_eq!(told, format!("{variable}: {expected}"));
        }
    }

    #[test]
    fn a_path_that_is_no_text_is_used_as_it_is() {
        use std::os::unix::ffi::OsStringExt as _;
        let path = OsString::from_vec(b"/a\xff".to_vec());
        let env = |name: &str| (name == "STATE_DIRECTORY").then(|| path.clone());
        let found = Surroundings { env: &env, is_root: false }.data_dir().expect("a path");
        assert_eq!(found.0, PathBuf::from(&path));
    }

    #[test]
    fn each_node_has_a_directory_of_its_own_below_that_of_all() {
        let data_dir = Path::new("/data");
        for (cluster, directory) in [
            ("bully", "/data/bully/8117"),
            ("east.prod-1", "/data/east.prod-1/8117"),
            ("café", "/data/café/8117"),
            ("a/b", "/data/a%2Fb/8117"),
            ("/etc", "/data/%2Fetc/8117"),
            ("../../etc", "/data/%2E.%2F..%2Fetc/8117"),
            ("..", "/data/%2E./8117"),
            (".", "/data/%2E/8117"),
            ("a%2Fb", "/data/a%252Fb/8117"),
        ] {
            assert_eq!(of_node(data_dir, cluster, 8117), PathBuf::from(directory), "{cluster}");
        }
        assert_ne!(of_node(data_dir, "bully", 8117), of_node(data_dir, "bully", 8118));
    }

    proptest::proptest! {
        #[test]
        fn no_two_clusters_share_a_directory_and_none_leaves_that_of_all(
            names in proptest::collection::btree_set("[.%/2EFa]{1,6}|\\PC{1,64}", 2..8),
        ) {
            let files: BTreeSet<String> = names.iter().map(|name| file_name(name)).collect();
            proptest::prop_assert_eq!(files.len(), names.len());
            for file in files {
                let mut parts = Path::new(&file).components();
                let only = parts.next().map(|part| matches!(part, std::path::Component::Normal(_)));
                proptest::prop_assert!(only == Some(true) && parts.next().is_none(), "{}", file);
            }
        }
    }
}
