//! The leader's loop, which writes to the service.

use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::http::Place;
use super::support::{block, executable, path_with, until};

const OWN: &str = "192.168.1.67";

/// The loop, in a folder with the programs that it calls.
struct Loop {
    folder: TempDir,
    child: Option<Child>,
}

impl Loop {
    /// What `bully` and the work are stands in `answer` and `value`: see [`Loop::say`].
    fn start(url: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let asks = "#!/bin/sh\necho >>\"$FOLDER/asked\"\n\
                    [ \"$*\" = 'leader -token' ] && grep . \"$FOLDER/answer\"\n";
        executable(&folder.path().join("bully"), asks);
        let mut this = Self { folder, child: None };
        this.say("answer", "");
        this.say("value", "");
        let mut command = this.command(url, OWN);
        command.env("PATH", path_with(this.folder.path()));
        this.child = Some(command.spawn().expect("a shell starts"));
        this
    }

    /// A work that fails where there is no value, and notes that it was called.
    fn command(&self, url: &str, me: &str) -> Command {
        let work = self.folder.path().join("work");
        let text = "#!/bin/sh\necho >>\"$FOLDER/called\"\n[ \"$1\" = 'a b' ] && cat \"$FOLDER/value\" \
                    && [ -s \"$FOLDER/value\" ]\n";
        executable(&work, text);
        let mut command = Command::new("sh");
        command.args(["-c", &block("client"), "loop"]).arg(work).arg("a b");
        command.env("FOLDER", self.folder.path()).env("ME", me).env("URL", url);
        let stderr = std::fs::File::create(self.folder.path().join("stderr")).expect("a log");
        command.env("PAUSE", "0.01").stdin(Stdio::null()).stderr(stderr);
        command
    }

    /// From now on, in one step.
    fn say(&self, name: &str, text: &str) {
        let path = |name: &str| self.folder.path().join(name);
        std::fs::write(path("next"), text).expect("a file");
        std::fs::rename(path("next"), path(name)).expect("a file");
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    fn asks_again(&self, times: usize) {
        let enough = self.read("asked").len() + times;
        until("it asks who leads", || self.read("asked").len() >= enough);
    }

    fn complains(&self, of: &str) {
        let before = self.read("stderr").lines().count();
        until(of, || self.read("stderr").lines().skip(before).any(|line| line.contains(of)));
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn the_loop_writes_with_the_token_of_its_own_reigns_alone() {
    let test = "the_loop_writes_with_the_token_of_its_own_reigns_alone";
    let Some(place) = Place::new(test) else { return };
    let service = place.start();
    let node = Loop::start(&service.url());
    node.say("value", "two words, 100 % ñ\nand a line");
    node.say("answer", &format!("{OWN}\t7\n"));
    until("it writes", || service.holds("7", "two words, 100 % ñ\nand a line"));
    // Another leads, whose address begins alike; then this node again.
    node.say("answer", &format!("{OWN}0\t9\n"));
    // Whatever was begun before is over once it has asked anew.
    node.asks_again(2);
    let called = node.read("called");
    node.asks_again(10);
    assert_eq!(node.read("called"), called, "where another leads, nothing is done");
    assert_eq!(service.get().0, "7");
    node.say("answer", &format!("{OWN}\t8\n"));
    until("it writes", || service.get().0 == "8");
}

#[test]
fn the_loop_goes_on_after_whatever_fails() {
    let Some(place) = Place::new("the_loop_goes_on_after_whatever_fails") else { return };
    let service = place.start();
    let node = Loop::start(&service.url());
    assert_eq!(service.put("7", "of another"), 204);
    node.say("answer", &format!("{OWN}\t6\n"));
    node.complains("there is no value to write");
    node.say("value", "late");
    node.complains("refused: another has led since");
    assert!(service.holds("7", "of another"));
    // Nobody leads, then this node; a damaged file, an end, and a start.
    node.say("answer", "");
    node.asks_again(2);
    node.say("answer", &format!("{OWN}\t8\n"));
    until("it writes", || service.holds("8", "late"));
    let kept = std::fs::read(place.path("kept")).expect("it is kept");
    std::fs::write(place.path("kept"), "").expect("it is damaged");
    node.complains("503: it may be stored or not");
    std::fs::write(place.path("kept"), kept).expect("it is mended");
    node.say("value", "after it");
    until("it writes", || std::fs::read(place.path("kept")).is_ok_and(|k| k.ends_with(b"it\"}")));
    drop(service);
    node.complains("no answer: it may be stored or not");
}

#[test]
fn the_loop_understands_what_a_node_says() {
    let Some(place) = Place::new("the_loop_understands_what_a_node_says") else { return };
    let service = place.start();
    let free =
        || std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let (peers, http) = (free(), free());
    let folder = tempfile::tempdir().expect("a folder");
    let bully = env!("CARGO_BIN_EXE_bully");
    let mut command = Command::new(bully);
    command.args(["-mode=quorum", "-lease=300ms", "-heartbeat=40ms"]);
    command.arg(format!("-nodes={peers}")).arg(format!("-port={}", peers.port()));
    command.arg(format!("-http={http}"));
    command.arg(format!("-data-dir={}", folder.path().display()));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let node = Loop { folder, child: Some(command.spawn().expect("bully starts")) };
    node.say("value", "real");
    let bin = std::path::Path::new(bully).parent().expect("a folder");
    let mut command = node.command(&service.url(), "127.0.0.1");
    command.env("PATH", path_with(bin)).env("BULLY_HTTP", http.to_string());
    let folder = tempfile::tempdir().expect("a folder");
    let _writer = Loop { folder, child: Some(command.spawn().expect("a shell starts")) };
    until("it writes", || service.get().1 == "real");
    let token: u64 = service.get().0.parse().expect("a number");
    assert!(token > 1_700_000_000, "{token}");
}
