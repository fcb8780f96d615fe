//! Inputs to begin from: the golden frames and records, and what the documentation has people write.

use std::fs;
use std::path::Path;

use super::fields;
use crate::wire::{PREAMBLE_LEN, Preamble, Security};

/// The golden files in a folder of the sources, in the order of their names.
fn golden(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("a file").path())
        .collect();
    paths.sort();
    let read = |path: &Path| {
        let text = fs::read_to_string(path).expect("a golden file");
        let byte = |byte| u8::from_str_radix(byte, 16).expect("two digits");
        text.split_whitespace().map(byte).collect()
    };
    let name = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), read(path))).collect()
}

/// Whole frames, those of quorum mode or the others.
fn frames(is_quorum: bool) -> Vec<Vec<u8>> {
    let of_mode = |(name, _): &(String, _)| name.starts_with("quorum_") == is_quorum;
    golden("wire/golden").into_iter().filter(of_mode).map(|(_, frame)| frame).collect()
}

pub(super) fn packets() -> Vec<Vec<u8>> {
    let packets = golden("wire/golden").into_iter().map(|(_, frame)| frame[4..].to_vec());
    packets.flat_map(|packet| [fields::variants(&packet), vec![packet]].concat()).collect()
}

pub(super) fn streams() -> Vec<Vec<u8>> {
    let mut streams: Vec<_> = golden("wire/golden").into_iter().map(|(_, frame)| frame).collect();
    streams.push(streams.concat());
    streams.push(vec![0, 0, 0, 2, 1]);
    streams.push(vec![0; 9]);
    streams.push(vec![0xff; 9]);
    streams.iter().map(|stream| [&[200, 7], &stream[..]].concat()).collect()
}

pub(super) fn preambles() -> Vec<Vec<u8>> {
    let ours = Preamble::of(Security::Plain).to_bytes();
    let mut preambles: Vec<_> = (0..=PREAMBLE_LEN).map(|end| ours[..end].to_vec()).collect();
    preambles.push(Preamble::of(Security::Noise).to_bytes().to_vec());
    for other in ["GET / HTTP/1.1", "SSH-2.0-", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}"] {
        preambles.push(other.as_bytes().to_vec());
    }
    preambles
}

pub(super) fn handshakes() -> Vec<Vec<u8>> {
    crate::noise::fuzz::handshakes()
}

pub(super) fn records() -> Vec<Vec<u8>> {
    let streams = golden("wire/golden").into_iter().map(|(_, frame)| frame);
    let sealed = streams
        .flat_map(|s| [[&[0, 30, 0, 9], &s[..]].concat(), [&[0, 30, 4, 90], &s[..]].concat()]);
    sealed.chain([vec![0, 0, 0, 0, 0, 0, 0, 16], vec![0, 0, 0, 0, 0, 0, 64, 17]]).collect()
}

pub(super) fn keys() -> Vec<Vec<u8>> {
    let secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let key = "B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9/AsrhtHHw=";
    let pins = format!("# all\n{secret} 10.0.0.1 # one\n{key} [::1]:9\n");
    [
        secret.to_owned(),
        format!("{secret}\n{key}\n"),
        pins,
        format!("{key} a b"),
        "hunter2".to_owned(),
    ]
    .map(String::into_bytes)
    .into()
}

pub(super) fn states() -> Vec<Vec<u8>> {
    let mut files: Vec<_> = golden("store/golden").into_iter().map(|(_, file)| file).collect();
    let payloads: Vec<_> =
        files.iter().map(|file| crate::store::fuzz::payload(file).to_vec()).collect();
    files.extend(payloads);
    files
}

pub(super) fn lives_in_bully_mode() -> Vec<Vec<u8>> {
    super::node_bully::seeds(&frames(false))
}

pub(super) fn lives_in_quorum_mode() -> Vec<Vec<u8>> {
    super::node_quorum::seeds(&frames(true))
}

#[cfg(feature = "http")]
pub(super) fn queries() -> Vec<Vec<u8>> {
    texts(&[
        "wait=2s",
        "wait=500ms&token=1",
        "wait=0s&token=false\napplication/json",
        "wait=1h%201m&later=x",
        "wait=99999999999999999999y",
        "token=%00\ntext/html,application/json;q=0.9,*/*;q=0.1",
    ])
}

#[cfg(feature = "cli")]
pub(super) fn command_lines() -> Vec<Vec<u8>> {
    texts(&[
        "-nodes=192.168.1.67,192.168.1.68,192.168.1.69\n-port=8117",
        "--nodes\nhost-a:1,[::1]:2\n-http=off\n-showport",
        "BULLY_PORT=9000\nBULLY_LOG=json\n-mode=quorum\n-lease\n1s\n-heartbeat=150ms",
        "-mode=quorum\n-data-dir=/var/lib/bully\n-moved\n-guardian=false",
        "leader\n-wait=2s\n-json\n-token=true",
        "members\nremove\n192.168.1.68:8117\n-http=127.0.0.1:8080",
        "priority\n5\n-json=false",
        "transfer\n-to\n192.168.1.68",
        "recover\n-force\n-nodes=a",
        "-priority\n-5\n--\n-port=1",
        "completions\nbash",
        "help\nhistory",
        "-url=http://127.0.0.1:9/\n-cluster=x\n-observe\n-preempt=false\n-advertise=a:1\n-bind=::",
        "-h",
    ])
}

#[cfg(feature = "cli")]
pub(super) fn configurations() -> Vec<Vec<u8>> {
    texts(&[
        "nodes = ['192.168.1.67', 'host-a:9000', '[::1]:1']\nport = 0x1FB5\npreempt = false\n",
        "mode = 'quorum'\nlease = '1s'\nheartbeat = '150ms'\ndata-dir = '/var/lib/bully'\n",
        "http = 'off'\nlog = 'json'\nlog-level = 'info'\nshowport = true\nurl = 'http://a/'\n",
        "# none\n[port]\nx = 1.5\n",
        "cluster = \"b\\u00e4\"\npriority = -1\nbind = '::'\nadvertise = 'a.example:8117'\n",
    ])
}

#[cfg(feature = "cli")]
pub(super) fn places() -> Vec<Vec<u8>> {
    texts(&[
        "192.168.1.67",
        " Host-a.example.:7 ",
        "[fe80::1]:9",
        "::ffff:10.0.0.1",
        "0.0.0.0:1",
        "[::1",
        "http://a",
        "a,b:1,,[::1]:2",
    ])
}

#[cfg(feature = "http")]
fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
