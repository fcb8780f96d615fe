//! `bully man`: the manual page, bully(1). Flags and commands come from the grammar, so that the
//! page cannot fall behind it; the rest is written here.

use clap::Command;
use roff::{Inline, Roff, bold, italic, roman};

use super::args;
use super::help::{described, summary, synopsis, wrap};

/// The page, for `man -l -`.
pub fn man() -> String {
    let grammar = args::grammar();
    let version = concat!("bully ", env!("CARGO_PKG_VERSION"));
    let mut page = Page(Roff::new());
    page.0.control("TH", ["BULLY", "1", WRITTEN, version, "General Commands Manual"]);
    page.section("NAME");
    page.text("bully - leader election that one just runs");
    page.section("SYNOPSIS");
    page.0.text([bold("bully"), roman(" "), italic("[flags]")]);
    page.0.control("br", []);
    page.0.text([bold("bully"), roman(" "), italic("command [flags]")]);
    page.section("DESCRIPTION");
    page.paragraphs(DESCRIPTION);
    page.section("OPTIONS");
    page.paragraphs(SPELLING);
    let of_a_node: Vec<_> = described(&grammar).collect();
    page.flags(of_a_node.iter().cloned());
    page.entry("-h, -help", "Print the help. After a command, that of the command.");
    page.entry("-V, -version", "Print the version.");
    page.section("COMMANDS");
    for command in grammar.get_subcommands() {
        page.command("bully", command, &of_a_node);
    }
    for (title, entries) in [
        ("EXIT STATUS", EXIT_STATUS),
        ("SIGNALS", SIGNALS),
        ("ENVIRONMENT", ENVIRONMENT),
        ("FILES", FILES),
    ] {
        page.section(title);
        for (name, meaning) in entries {
            page.entry(name, meaning);
        }
    }
    page.section("EXAMPLES");
    for (at, (what, command)) in EXAMPLES.iter().enumerate() {
        if at > 0 {
            page.0.control("PP", []);
        }
        page.example(what, command);
    }
    page.section("SEE ALSO");
    page.text("systemctl(1), systemd.service(5), sd_notify(3)");
    page.0.render()
}

/// When what is written here last changed.
const WRITTEN: &str = "2026-11-24";

/// Of the page's source, so that it can be read as well.
const SOURCE_COLUMNS: usize = 72;

struct Page(Roff);

impl Page {
    fn section(&mut self, title: &str) {
        self.0.control("SH", [title]);
    }

    fn text(&mut self, text: &str) {
        self.0.text([roman(wrap(text, SOURCE_COLUMNS).join("\n"))]);
    }

    fn paragraphs(&mut self, paragraphs: &[&str]) {
        for (at, paragraph) in paragraphs.iter().enumerate() {
            if at > 0 {
                self.0.control("PP", []);
            }
            self.text(paragraph);
        }
    }

    /// A command and those below it.
    fn command(&mut self, above: &str, command: &Command, of_a_node: &[(String, String)]) {
        self.0.control("SS", [format!("{above} {}", synopsis(command)).as_str()]);
        self.text(&format!("{}.", summary(command)));
        // Of a long description the summary is the beginning.
        let more = command.get_long_about().map(ToString::to_string).unwrap_or_default();
        for paragraph in more.split("\n\n").skip(1) {
            self.0.control("PP", []);
            self.text(paragraph);
        }
        let (known, own): (Vec<_>, Vec<_>) =
            described(command).partition(|flag| of_a_node.contains(flag));
        if !known.is_empty() {
            self.0.control("PP", []);
            self.text("Takes the flags of a node, described above, and:");
        }
        self.flags(own);
        let path = format!("{above} {}", command.get_name());
        for subcommand in command.get_subcommands() {
            self.command(&path, subcommand, of_a_node);
        }
    }

    fn flags(&mut self, flags: impl IntoIterator<Item = (String, String)>) {
        for (name, meaning) in flags {
            self.entry(&name, &format!("{meaning}."));
        }
    }

    fn entry(&mut self, name: &str, meaning: &str) {
        self.0.control("TP", []);
        let name: Vec<Inline> = match name.split_once('=') {
            Some((name, value)) => vec![bold(name), roman("="), italic(value)],
            None => vec![bold(name)],
        };
        self.0.text(name);
        self.text(meaning);
    }

    fn example(&mut self, what: &str, command: &str) {
        self.text(what);
        self.0.control("PP", []);
        self.0.control("RS", ["4"]);
        self.0.control("nf", []);
        for line in command.lines() {
            self.0.text([bold(line)]);
        }
        self.0.control("fi", []);
        self.0.control("RE", []);
    }
}

type Entries = &'static [(&'static str, &'static str)];

const DESCRIPTION: &[&str] = &[
    "bully elects a leader among machines that all run the same command line, without a store \
     beside it. Without a command it runs a node, in the foreground, until it is told to end; with \
     one it asks the node beside it, or prints something and ends.",
    "In bully mode, the default, a network that is split has two leaders, one on each side, until it \
     heals. Use it for work that may be done twice, or that something else fences. In quorum mode, \
     which is experimental, a leader needs the majority of the members, and no two lead at one \
     moment: a minority has none, two members lead only while both are up, and each keeps on disk \
     what it has promised. A program that was paused with its machine may still believe that it \
     leads, until it looks at its clock: what it has in flight is stopped only by a resource that \
     takes the token of the reign, which is greater in each, and refuses a smaller one.",
    "Peers are neither authenticated nor encrypted: keep them on a network that you trust.",
    "Who leads is asked over HTTP, of any node: GET /leader answers the leader's address and a \
     newline, or 503 and why there is none; with ?token=1, in quorum mode, a tab and the token of the \
     reign as well. /primary is 200 on the leader alone, /replica \
     elsewhere, /health where a leader is known.",
];

const SPELLING: &[&str] =
    &["A flag is written -flag=value, -flag value, --flag=value or --flag value; a switch -flag, \
     -flag=true or -flag=false. A flag goes over the environment, the environment over the file of \
     -config, the file over the default; bully config prints the values in force and where each \
     comes from."];

const EXIT_STATUS: Entries = &[
    ("0", "What was asked is done; a node was told to end, and has handed leadership over."),
    ("1", "An error that no other status describes; a node was told twice to end."),
    ("2", "The command line, the environment or the file is wrong."),
    ("3", "There is no leader; for is-leader, the node asked is not the leader."),
    ("69", "A port, a socket or a data directory is in use."),
];

const SIGNALS: Entries = &[
    (
        "SIGTERM, SIGINT",
        "Hand leadership over, say goodbye to the peers, and end with status 0. A second one ends \
         the node at once, with status 1.",
    ),
    (
        "SIGHUP",
        "Read the files of certificates, keys, tokens and secrets again; what is wrong stays as it was. A node \
         that was started at a terminal which is closed by now ends as by SIGTERM, unless nohup has \
         started it.",
    ),
    ("SIGKILL", "The peers see the connections close, and elect another leader at once."),
];

const ENVIRONMENT: Entries = &[
    (
        "BULLY_FLAG",
        "Stands for the flag of that name, in capitals and with underscores: BULLY_NODES, \
         BULLY_LOG_LEVEL. An empty one counts as unset.",
    ),
    (
        "BULLY_SECRET",
        "The secret itself, in base64, in place of a file: where there is no better way. Others may be \
         able to read the environment of a process, and it cannot be read again at SIGHUP.",
    ),
    (
        "CREDENTIALS_DIRECTORY",
        "Where systemd keeps the credentials of a unit. If none of the others is given, the one \
         named bully-secret is the secret file: LoadCredential=bully-secret:/etc/bully/secret.",
    ),
    (
        "NOTIFY_SOCKET",
        "Where a service manager listens (systemd's Type=notify). It is told READY=1 once the node \
         knows a leader, or knows that nobody whom it sees may lead, in quorum mode after two seconds \
         at the latest; and STOPPING=1 when the node is told to end.",
    ),
    (
        "STATE_DIRECTORY, XDG_STATE_HOME, HOME",
        "Where data are kept in quorum mode, where -data-dir does not say it: in the first \
         STATE_DIRECTORY, which systemd sets; by root in /var/lib/bully; else in bully below \
         XDG_STATE_HOME, or in .local/state/bully below HOME.",
    ),
    ("SSL_CERT_FILE, SSL_CERT_DIR", "Where to find the certificates for a webhook over https."),
];

const FILES: Entries = &[
    (
        "/etc/bully/bully.toml",
        "What the service of the Debian package reads, by -config. Its keys are the flags without \
         the dash; nodes and http may be arrays of strings. Nothing is read unless -config or BULLY_CONFIG \
         names it.",
    ),
    (
        "/var/lib/bully/CLUSTER/PORT/state",
        "What a node in quorum mode must not forget: who it is, who votes, and what it has promised. \
         It is synced before each promise. Never copy it, never put an older one back: a node \
         without it comes back as a new member, and a copy makes two of one. In the names of \
         clusters, a slash, a percent sign and a first dot are written %2F, %25 and %2E there.",
    ),
    (
        "/var/lib/bully/CLUSTER/PORT/key",
        "The node's own key, the private half, where it has a secret. Without it the node makes \
         itself another one, which those that list its key do not know.",
    ),
    ("/usr/lib/systemd/system/bully.service", "The service of the Debian package."),
];

const EXAMPLES: &[(&str, &str)] = &[
    (
        "A node, with the same command line on each of three machines:",
        "bully -nodes=192.168.1.67,192.168.1.68,192.168.1.69 -http=:8080",
    ),
    ("Do something on the leader alone, from cron on every machine:", "bully is-leader && backup"),
    (
        "At most one leader, with data in /var/lib/bully; all of the list must be up once:",
        "bully -mode=quorum -nodes=192.168.1.67,192.168.1.68,192.168.1.69",
    ),
    ("Hand leadership over before the leader's machine goes down:", "bully step-down"),
    ("Who leads?", "bully leader\ncurl -fsS http://127.0.0.1:8080/leader"),
    ("An election on this machine, to look at:", "bully demo"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Exit, Key};

    #[test]
    fn the_page_has_every_section_flag_command_and_exit_code() {
        let page = man().replace(r"\-", "-");
        for title in ["NAME", "SYNOPSIS", "OPTIONS", "ENVIRONMENT", "FILES", "EXAMPLES", "SIGNALS"]
        {
            assert!(page.contains(&format!("\n.SH {title}\n")), "{title}");
        }
        for name in Key::ALL.map(Key::name) {
            assert!(page.contains(&format!(r"\fB-{name}\fR")), "{name}");
        }
        for command in args::grammar().get_subcommands() {
            assert!(page.contains(&format!("bully {}", command.get_name())), "{command}");
        }
        for exit in [Exit::Done, Exit::Error, Exit::Usage, Exit::NoLeader, Exit::InUse] {
            assert!(page.contains(&format!("\\fB{}\\fR", exit.code())), "{exit:?}");
        }
    }
}
