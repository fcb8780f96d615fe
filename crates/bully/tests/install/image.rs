//! The container image, built and run by podman in a store of its own, without a network.

use std::process::{Command, Output};

use tempfile::TempDir;

use super::compose::{environment, health_check};
use super::support::{have, output, root, stdout, until};

const IMAGE: &str = concat!("localhost/bully:", env!("CARGO_PKG_VERSION"));

/// An engine whose images and containers vanish with the test.
struct Engine {
    folder: TempDir,
}

impl Engine {
    fn new() -> Self {
        let engine = Self { folder: tempfile::tempdir().expect("a folder for the test") };
        let words = engine.words().join(" ");
        // Beside target/packages, wherever that is.
        let mut build = Command::new(root().join("scripts/image"));
        let said = stdout(build.env("PODMAN", words));
        assert_eq!(said.trim_end(), IMAGE);
        engine
    }

    /// What needs neither kernel modules nor a service: files that are copied, and runc.
    fn words(&self) -> Vec<String> {
        let folder = self.folder.path().display();
        vec![
            "podman".to_owned(),
            format!("--root={folder}/root"),
            format!("--runroot={folder}/run"),
            format!("--tmpdir={folder}/tmp"),
            "--storage-driver=vfs".to_owned(),
            "--events-backend=file".to_owned(),
            "--cgroup-manager=cgroupfs".to_owned(),
            "--runtime=runc".to_owned(),
        ]
    }

    fn command(&self, words: &[&str]) -> Command {
        let ours = self.words();
        let mut command = Command::new(&ours[0]);
        command.args(&ours[1..]).args(words);
        command
    }

    /// Starts a container with the environment of the composition, on that network.
    fn run(&self, name: &str, network: &str, more: &[&str]) {
        let network = format!("--network={network}");
        let mut command = self.command(&["run", "--detach", "--name", name, &network]);
        command.args(["--read-only", "--cap-drop=all"]);
        // The engine's own limits may be beyond what this machine grants.
        command.args(["--ulimit=nofile=1024:1024", "--ulimit=nproc=256:256"]);
        for (variable, value) in environment() {
            command.arg(format!("--env={variable}={value}"));
        }
        stdout(command.args(more).arg(IMAGE));
    }

    fn ask(&self, name: &str, words: &[String]) -> Output {
        let mut command = self.command(&["exec", name, "/bully"]);
        output(command.args(words))
    }

    fn is_healthy(&self, name: &str) -> bool {
        self.ask(name, &health_check()).status.success()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.command(&["rm", "--all", "--force", "--time=0"]).output();
    }
}

#[test]
#[ignore = "make test-install"]
fn three_containers_elect_one_leader_by_their_names_and_are_healthy() {
    let test = "three_containers_elect_one_leader_by_their_names_and_are_healthy";
    if !have(test, &["podman", "runc"], true) {
        return;
    }
    let engine = Engine::new();
    // One network namespace with nothing but loopback, in which each has an address of its own.
    let addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
    let names = ["node1", "node2", "node3"];
    for (at, (name, ip)) in names.into_iter().zip(addresses).enumerate() {
        let network = if at == 0 { "none" } else { "container:node1" };
        let http = format!("--env=BULLY_HTTP={ip}:8080");
        let bind = format!("--env=BULLY_BIND={ip}");
        let host = |(name, ip)| format!("--add-host={name}:{ip}");
        // A container in another's network has its names too.
        let hosts: Vec<String> =
            if at == 0 { names.into_iter().zip(addresses).map(host).collect() } else { Vec::new() };
        let mut more = vec![http.as_str(), bind.as_str()];
        more.extend(hosts.iter().map(String::as_str));
        engine.run(name, network, &more);
        until(&format!("{name} is healthy"), || engine.is_healthy(name));
    }
    let leaders = names.map(|name| {
        let said = engine.ask(name, &["leader".to_owned()]);
        String::from_utf8(said.stdout).expect("text")
    });
    assert_eq!(leaders, ["127.0.0.1\n"; 3], "among equals the incumbent stays");
    // Told to end, the first process of a container hands over and ends with 0.
    stdout(&mut engine.command(&["stop", "--time=20", "node1"]));
    let code = stdout(&mut engine.command(&["inspect", "--format={{.State.ExitCode}}", "node1"]));
    assert_eq!(code.trim_end(), "0");
    until("another leads", || {
        let said = engine.ask("node2", &["leader".to_owned()]);
        said.status.success() && said.stdout != b"127.0.0.1\n"
    });
}

#[test]
#[ignore = "make test-install"]
fn the_image_holds_one_file_and_runs_as_nobody() {
    let test = "the_image_holds_one_file_and_runs_as_nobody";
    if !have(test, &["podman", "runc"], true) {
        return;
    }
    let engine = Engine::new();
    let mut version = engine.command(&["run", "--rm", "--network=none"]);
    version.args(["--ulimit=nofile=1024:1024", "--ulimit=nproc=256:256"]);
    let printed = stdout(version.args([IMAGE, "--version"]));
    assert_eq!(printed, concat!("bully ", env!("CARGO_PKG_VERSION"), "\n"));
    let format = "--format={{.Config.User}} {{len .RootFS.Layers}} {{.Config.Entrypoint}}";
    let inspected = stdout(&mut engine.command(&["image", "inspect", format, IMAGE]));
    assert_eq!(inspected.trim_end(), "65534:65534 1 [/bully]");
}
