//! Peers behind a secret: what docs/security.md says of them, on loopback.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use rustix::process::Signal;

use super::keys::{Files, shown};
use super::node::{Node, bully, own, until};

/// A secret in a new file, and the flag that names it.
fn secret(files: &Files, name: &str) -> (String, String) {
    let path = shown(&files.path(name));
    let made = bully(&["keygen", &path]);
    let said = format!(
        "{path}: a new secret; copy it to every machine, and start every node with \
         -secret-file={path}\n"
    );
    assert_eq!(made, (0, said));
    let flag = format!("-secret-file={path}");
    (path, flag)
}

/// Who is alive as that node sees it, itself included.
fn alive(node: &Node) -> usize {
    let members = node.get("/v1/members", "application/json").expect("it answers").1;
    members.matches("\"state\":\"alive\"").count()
}

fn key(node: &Node) -> String {
    let (code, status) = bully(&["status", &format!("-http={}", node.http)]);
    assert_eq!(code, 0);
    let key = status.lines().find_map(|line| line.strip_prefix("key "));
    key.expect("a node with a secret has a key").trim().to_owned()
}

fn status(node: &Node) -> String {
    let status = node.get("/leader", "application/json").expect("it answers").1;
    let field = |name: &str| {
        let at = status.find(name).expect("it is there");
        status[at..].split([',', '}']).next().expect("a field").to_owned()
    };
    [field("\"node\""), field("\"epoch\"")].concat()
}

#[test]
fn nodes_that_share_a_secret_follow_one_leader_and_each_has_a_key() {
    let files = Files::new();
    let (path, flag) = secret(&files, "secret");
    let (code, said) = bully(&["keygen", &path]);
    assert_eq!(code, 1);
    assert!(said.contains("it is there already, and is left as it is"), "{said}");
    let list = own::<2>();
    let nodes = list.map(|at| Node::listed(at, &list, &[&flag]));
    until("they are connected", || nodes.iter().all(|node| alive(node) == 2));
    assert_eq!(status(&nodes[0]), status(&nodes[1]));
    assert_ne!(key(&nodes[0]), key(&nodes[1]));
}

#[test]
fn nodes_of_different_secrets_or_none_refuse_each_other_and_both_say_why() {
    let files = Files::new();
    let [(_, one), (_, other)] = ["one", "other"].map(|name| secret(&files, name));
    let [first, second, third] = own();
    let first_node = Node::listed(first, &[first], &[&one]);
    let second_node = Node::listed(second, &[second, first], &[&other]);
    let third_node = Node::listed(third, &[third, first], &[]);
    second_node.prints(&format!(
        "{first} cannot be added: it ended the handshake: has it the same secret (-secret-file)?"
    ));
    third_node.prints(&format!(
        "{first} cannot be added: it has a secret, and this node has none (-secret-file)"
    ));
    let mut said = String::new();
    until("the first node says it too", || {
        said += &first_node.printed().concat();
        said.contains("was turned away: it has another secret (-secret-file)")
            && said.contains("was turned away: it has no secret, and this node has one")
    });
    assert_eq!([&first_node, &second_node, &third_node].map(alive), [1; 3]);
}

#[test]
fn a_secret_takes_the_place_of_another_and_the_leader_stays() {
    let files = Files::new();
    let (path, flag) = secret(&files, "secret");
    let (new, _) = secret(&files, "new");
    let [old, new] = [&path, &new].map(|path| std::fs::read_to_string(path).expect("it is there"));
    let list = own::<3>();
    let nodes = list.map(|at| Node::listed(at, &list, &[&flag]));
    until("they are connected", || nodes.iter().all(|node| alive(node) == 3));
    until("they agree", || nodes.iter().all(|node| status(node) == status(&nodes[0])));
    let before = status(&nodes[0]);
    for text in [format!("{old}{new}"), format!("{new}{old}"), new.clone()] {
        files.write("secret", &text);
        for node in &nodes {
            node.signal(Signal::HUP);
            node.prints("SIGHUP: the secret of the peers read again");
            let now = nodes.each_ref().map(status);
            let said = || nodes.each_ref().map(Node::printed);
            assert!(now.iter().all(|now| *now == before), "{now:?} after {text}: {:?}", said());
        }
        until("they are connected", || nodes.iter().all(|node| alive(node) == 3));
    }
    let late = own::<1>()[0];
    let late = Node::listed(late, &[&list[..], &[late]].concat(), &[&flag]);
    until("who has the new one alone joins", || alive(&late) == 4);
    assert_eq!(status(&nodes[2]), before);

    // A file that is wrong changes nothing.
    files.write("secret", "hunter2\n");
    nodes[0].signal(Signal::HUP);
    let lines = nodes[0].prints("not read again, what was in force stays: -secret-file: ");
    assert!(!lines.concat().contains("hunter2"));
    assert_eq!(alive(&nodes[0]), 4);
}

#[test]
fn only_listed_keys_are_spoken_with_and_a_key_outlives_the_run_with_its_directory() {
    let files = Files::new();
    let (_, flag) = secret(&files, "secret");
    let list = own::<3>();
    let directory = |at: usize| format!("-data-dir={}", shown(&files.path(&format!("data{at}"))));
    let run = |at: usize, more: &[&str]| {
        Node::listed(list[at], &list, &[&[flag.as_str(), &directory(at)], more].concat())
    };
    let keys = [0, 1, 2].map(|at| key(&run(at, &[])));
    let pins = format!("# all\n{} {}\n{} {}\n", keys[0], list[0], keys[1], list[1]);
    let pins = format!("-peer-keys={}", files.write("keys", &pins));
    let of_first = files.path(&format!("data0/bully/{}/key", list[0].port()));
    let mode = |mode| std::fs::set_permissions(&of_first, Permissions::from_mode(mode));
    mode(0o644).expect("it is ours");
    let port = format!("-port={}", list[0].port());
    let (code, said) = bully(&[&flag, &directory(0), &port, "-bind=127.0.0.1", "-http=off"]);
    assert_eq!(code, 1);
    assert!(said.contains("key (mode 0644): chmod 600 "), "{said}");
    mode(0o600).expect("it is ours");
    let nodes = [run(0, &[&pins]), run(1, &[&pins]), run(2, &[])];
    assert_eq!(nodes.each_ref().map(key), keys);
    until("the listed ones are connected", || alive(&nodes[0]) == 2 && alive(&nodes[1]) == 2);
    nodes[2].prints("cannot be added: ");
    nodes[0].prints(&format!("its key {} is not among those of -peer-keys", keys[2]));
    assert_eq!(alive(&nodes[2]), 1);

    // The third one's key, under the address of a node that is gone.
    let [first, second, third] = nodes;
    drop(second);
    drop(third);
    let pins = format!("{} {}\n{} {}\n", keys[0], list[0], keys[2], list[2]);
    files.write("keys", &pins);
    first.signal(Signal::HUP);
    first.prints("SIGHUP: the secret of the peers read again");
    let _impostor = Node::listed(list[1], &list, &[&flag, &directory(1)]);
    first.prints(&format!("its key {} is not among those of -peer-keys", keys[1]));
    let moved = own::<1>()[0];
    let own_place = format!("-data-dir={}", shown(&files.path("moved")));
    std::fs::create_dir_all(files.path(&format!("moved/bully/{}", moved.port()))).expect("made");
    let from = files.path(&format!("data2/bully/{}/key", list[2].port()));
    let to = files.path(&format!("moved/bully/{}/key", moved.port()));
    std::fs::copy(from, to).expect("copied");
    let _elsewhere = Node::listed(moved, &[&list[..], &[moved]].concat(), &[&flag, &own_place]);
    first.prints(&format!("it says that it is {moved}, and its key is not the one of that node"));
    assert_eq!(alive(&first), 1);
}

#[test]
fn a_secret_may_come_from_the_environment_or_as_a_credential_and_is_not_shown() {
    let files = Files::new();
    let (path, _) = secret(&files, "bully-secret");
    let text = std::fs::read_to_string(&path).expect("it is there");
    let folder = shown(&files.path(""));
    let list = own::<2>();
    let run = |at: usize, env: (&str, &str)| {
        Node::listed_printing(list[at], &list, &[], &[env], Stdio::piped())
    };
    let nodes = [
        run(0, ("BULLY_SECRET", text.trim())),
        run(1, ("CREDENTIALS_DIRECTORY", folder.trim_end_matches('/'))),
    ];
    until("they are connected", || nodes.iter().all(|node| alive(node) == 2));
    let mut config = Node::command();
    config.args(["config", "-json"]).env("BULLY_SECRET", text.trim());
    let shown = config.output().expect("it runs").stdout;
    let shown = String::from_utf8(shown).expect("text");
    assert!(shown.contains("(not shown)") && !shown.contains(text.trim()), "{shown}");
}
