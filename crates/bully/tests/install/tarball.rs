//! What `make dist` makes: the static binary, and the tarball around it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::support::{built, bully, get, have, own, run, until};

const SIZE_MAX: u64 = 8_000_000;

/// The unpacked tarball: its folder, and what to keep as long as it is needed.
fn unpacked(test: &str) -> Option<(TempDir, PathBuf)> {
    let tarball = built(test, ".tar.gz")?;
    let folder = tempfile::tempdir().expect("a folder for the test");
    run("tar", &["-xzf".as_ref(), tarball.as_os_str(), "-C".as_ref(), folder.path().as_os_str()]);
    let top = folder.path().join(concat!("bully-", env!("CARGO_PKG_VERSION")));
    Some((folder, top))
}

#[test]
#[ignore = "make test-install"]
fn the_tarball_has_all_that_belongs_to_the_program_and_nobody_s_name_on_it() {
    let test = "the_tarball_has_all_that_belongs_to_the_program_and_nobody_s_name_on_it";
    if !have(test, &["tar", "sha256sum"], false) {
        return;
    }
    let Some(tarball) = built(test, ".tar.gz") else { return };
    let list = run("tar", &["-tvzf".as_ref(), tarball.as_os_str()]);
    for name in [
        "bully",
        "LICENSE",
        "THIRD-PARTY-LICENCES",
        "bully.service",
        "bully.toml",
        "man/bully.1",
        "completions/bully.bash",
        "completions/_bully",
        "completions/bully.fish",
    ] {
        let ending = format!(" bully-{}/{name}", env!("CARGO_PKG_VERSION"));
        assert!(list.lines().any(|line| line.ends_with(&ending)), "{name}: {list}");
    }
    assert!(list.lines().all(|line| line.contains(" 0/0 ")), "owned by nobody: {list}");
    // The name says what the binary is linked against.
    let name = tarball.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(name.ends_with("-musl.tar.gz") || name.ends_with("-gnu-static.tar.gz"), "{name}");
    let sum = built(test, ".tar.gz.sha256").expect("beside the tarball");
    let check = Command::new("sha256sum")
        .arg("--check")
        .arg(&sum)
        .current_dir(sum.parent().expect("a folder"))
        .output()
        .expect("it runs");
    assert!(check.status.success(), "{check:?}");
}

#[test]
#[ignore = "make test-install"]
fn the_binary_is_small_and_names_no_path_of_the_machine_that_built_it() {
    let test = "the_binary_is_small_and_names_no_path_of_the_machine_that_built_it";
    if !have(test, &["tar"], false) {
        return;
    }
    let Some((_folder, top)) = unpacked(test) else { return };
    let binary = std::fs::read(top.join("bully")).expect("the binary");
    assert!(binary.len() as u64 <= SIZE_MAX, "{} bytes", binary.len());
    let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME")).expect("a home");
    for path in [home.as_str(), env!("CARGO_MANIFEST_DIR")] {
        let path = path.as_bytes();
        let named = path.len() > 1 && binary.windows(path.len()).any(|window| window == path);
        assert!(!named, "{}", String::from_utf8_lossy(path));
    }
}

/// A node in a folder of which it sees nothing but itself; ended with the test.
struct Shut {
    child: Child,
    http: SocketAddr,
}

impl Shut {
    fn start(folder: &Path, peers: SocketAddr, nodes: &str) -> Self {
        let [http] = own();
        let child = Command::new("chroot")
            .arg(folder)
            .arg("/bully")
            .arg(format!("-bind={}", peers.ip()))
            .arg(format!("-port={}", peers.port()))
            .arg(format!("-http={http}"))
            .arg(format!("-nodes={nodes}"))
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self { child: child.expect("chroot runs"), http }
    }

    /// Whether it follows another.
    fn follows(&self) -> bool {
        get(self.http, "/health") == Some(200) && get(self.http, "/replica") == Some(200)
    }
}

impl Drop for Shut {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A node that is there already, and so leads those that find it.
fn leader(at: SocketAddr) -> Shut {
    let [http] = own();
    let child = bully()
        .arg(format!("-bind={}", at.ip()))
        .arg(format!("-port={}", at.port()))
        .arg(format!("-nodes={at}"))
        .arg(format!("-http={http}"))
        .stderr(Stdio::null())
        .spawn();
    let leader = Shut { child: child.expect("bully runs"), http };
    until("it leads", || get(leader.http, "/primary") == Some(200));
    leader
}

/// The folder with nothing but the binary and these files of /etc.
fn empty(test: &str, etc: &[(&str, String)]) -> Option<(TempDir, PathBuf)> {
    let (folder, top) = unpacked(test)?;
    let root = folder.path().join("root");
    std::fs::create_dir_all(root.join("etc")).expect("a folder");
    std::fs::copy(top.join("bully"), root.join("bully")).expect("is copied");
    for (name, text) in etc {
        std::fs::write(root.join("etc").join(name), text).expect("is written");
    }
    Some((folder, root))
}

#[test]
#[ignore = "make test-install"]
fn the_binary_needs_no_other_file_and_finds_names_in_etc_hosts() {
    let test = "the_binary_needs_no_other_file_and_finds_names_in_etc_hosts";
    if !have(test, &["tar", "chroot"], true) {
        return;
    }
    let [there, here] = own();
    let _leader = leader(there);
    let hosts = format!("{} chair.example\n", there.ip());
    let Some((_folder, root)) = empty(test, &[("hosts", hosts)]) else { return };
    let version = run("chroot", &[root.as_os_str(), "/bully".as_ref(), "--version".as_ref()]);
    assert_eq!(version, concat!("bully ", env!("CARGO_PKG_VERSION"), "\n"));
    let node = Shut::start(&root, here, &format!("{here},chair.example:{}", there.port()));
    until("it follows whom it knows by name", || node.follows());
}

#[test]
#[ignore = "make test-install"]
fn the_binary_asks_the_name_servers_without_a_library_of_the_system_s() {
    let test = "the_binary_asks_the_name_servers_without_a_library_of_the_system_s";
    if !have(test, &["tar", "chroot"], true) {
        return;
    }
    let [there, here] = own();
    let _leader = leader(there);
    let IpAddr::V4(ip) = there.ip() else { unreachable!("ours are v4") };
    // Port 53 of an address of our own.
    let server = UdpSocket::bind((ip, 53)).expect("root may");
    std::thread::spawn(move || name_server(&server, ip));
    let servers = format!("nameserver {ip}\n");
    let Some((_folder, root)) = empty(test, &[("resolv.conf", servers)]) else { return };
    let node = Shut::start(&root, here, &format!("{here},chair.example:{}", there.port()));
    until("it follows whom it knows by name", || node.follows());
}

/// Answers every question for an A record with that address, and every other with nothing.
fn name_server(server: &UdpSocket, ip: Ipv4Addr) {
    let mut query = [0; 512];
    while let Ok((length, from)) = server.recv_from(&mut query) {
        // The name after the header, in words that end with an empty one; then type and class.
        let mut end = 12;
        while end < length && query[end] != 0 {
            end += usize::from(query[end]) + 1;
        }
        let Some(question) = query[..length].get(12..end + 5) else { continue };
        let is_a = question[question.len() - 4..] == [0, 1, 0, 1];
        let mut answer = query[..2].to_vec();
        answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_a), 0, 0, 0, 0]);
        answer.extend(question);
        if is_a {
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            answer.extend(ip.octets());
        }
        let _ = server.send_to(&answer, from);
    }
}
