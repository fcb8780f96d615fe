//! HTTP over TLS.

use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

use super::keys::{Authority, Files};
use super::node::{DEADLINE, Node, bully, own, until};

/// The files of a node, whose certificate is for its address.
struct Pki {
    files: Files,
    authority: Authority,
    ca: String,
}

impl Pki {
    fn new() -> Self {
        let (files, authority) = (Files::new(), Authority::new());
        let ca = files.write("ca.pem", &authority.pem());
        Self { files, authority, ca }
    }

    /// The flags of a certificate for the address of this process's nodes, with its key.
    fn flags(&self) -> [String; 2] {
        let [one] = own();
        let (cert, key) = self.authority.sign(&one.ip().to_string());
        [
            format!("-http-tls-cert={}", self.files.write("cert.pem", &cert)),
            format!("-http-tls-key={}", self.files.write("key.pem", &key)),
        ]
    }

    fn node(&self, more: &[&str]) -> Node {
        let [cert, key] = self.flags();
        let node = Node::unasked(&[&["-http=HTTP", &cert, &key], more].concat());
        node.prints("leads");
        node
    }

    /// A client that trusts the authority.
    fn connect(
        &self,
        node: &Node,
        version: &'static SupportedProtocolVersion,
    ) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        let pem = self.authority.pem();
        roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM")).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .expect("a version that there is")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::from(node.http.ip());
        let client = ClientConnection::new(Arc::new(config), name).expect("a client");
        let stream = TcpStream::connect(node.http).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        StreamOwned::new(client, stream)
    }
}

fn https(node: &Node) -> String {
    format!("-http=https://{}", node.http)
}

#[test]
fn a_node_with_a_certificate_is_asked_by_those_who_trust_whom_it_comes_from() {
    let pki = Pki::new();
    let [cert, key] = pki.flags();
    let node = Node::unasked(&["-http=HTTP", &cert, &key]);
    let start = node.prints("mode bully");
    assert!(start[0].contains(&format!(", https {}", node.http)), "{start:?}");
    let (at, ca) = (https(&node), format!("-http-ca={}", pki.ca));
    until("it leads", || bully(&["leader", &at, &ca]).0 == 0);
    let told = bully(&["leader", &at, &ca]);
    assert_eq!(told, (0, format!("{}\n", node.peers.ip())));
    assert_eq!(bully(&["step-down", &at, &ca]).0, 0, "from this machine");
    let (exit, told) = bully(&["leader", &at]);
    assert_eq!(exit, 1);
    assert!(told.contains("-http-ca=FILE says whose certificates are to be trusted"), "{told}");
    let other = pki.files.write("other.pem", &Authority::new().pem());
    assert_eq!(bully(&["leader", &at, &format!("-http-ca={other}")]).0, 1);
}

#[test]
fn both_versions_of_tls_that_are_in_use_are_spoken() {
    let pki = Pki::new();
    let node = pki.node(&[]);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut stream = pki.connect(&node, version);
        let request = "GET /leader HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("it is taken");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it ends as TLS does");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{version:?}: {answer}");
        assert!(answer.contains("\r\ncontent-security-policy: default-src 'none'; "), "{answer}");
        assert!(answer.ends_with(&format!("{}\n", node.peers.ip())), "{answer}");
    }
}

#[test]
fn what_is_not_tls_is_closed_without_an_answer_or_a_word_in_the_log() {
    let pki = Pki::new();
    let node = pki.node(&[]);
    for garbage in ["GET /leader HTTP/1.1\r\nHost: a\r\n\r\n", "\x16\x03\x01\x7f\x7f", "\0\0\0"] {
        for _ in 0..20 {
            let mut stream = TcpStream::connect(node.http).expect("it listens");
            stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
            let _ = stream.write_all(garbage.as_bytes());
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            assert!(!answer.starts_with(b"HTTP"), "{garbage:?}");
        }
    }
    let (exit, told) = bully(&["leader", &format!("-http={}", node.http)]);
    assert!(exit == 1 && told.contains("or is one over TLS: is it -http=https://…?"), "{told}");
    let (at, ca) = (https(&node), format!("-http-ca={}", pki.ca));
    assert_eq!(bully(&["leader", &at, &ca]).0, 0);
    assert_eq!(node.printed(), Vec::<String>::new());
}

/// One that says nothing, one that begins and stops, one that speaks TLS and asks nothing.
#[test]
fn a_client_that_is_slow_to_speak_tls_is_closed() {
    let pki = Pki::new();
    let node = pki.node(&[]);
    let start = Instant::now();
    let silent = TcpStream::connect(node.http).expect("it listens");
    let mut stopped = TcpStream::connect(node.http).expect("it listens");
    stopped.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).expect("it is taken");
    let mut idle = pki.connect(&node, &rustls::version::TLS13);
    idle.conn.complete_io(&mut idle.sock).expect("a handshake");
    for mut stream in [silent, stopped, idle.sock] {
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        let _ = stream.read_to_end(&mut Vec::new());
        let took = start.elapsed();
        assert!(took > Duration::from_secs(4) && took < Duration::from_secs(12), "{took:?}");
    }
}

#[test]
fn clients_have_a_certificate_of_theirs_where_the_node_wants_one() {
    let pki = Pki::new();
    let clients = Authority::new();
    let client_ca = pki.files.write("clients.pem", &clients.pem());
    let node = pki.node(&[&format!("-http-client-ca={client_ca}")]);
    let (at, ca) = (https(&node), format!("-http-ca={}", pki.ca));
    let (exit, told) = bully(&["leader", &at, &ca]);
    assert_eq!(exit, 1);
    assert!(told.contains("-http-client-cert and -http-client-key"), "{told}");
    for (authority, expected) in [(&clients, 0), (&pki.authority, 1)] {
        let (cert, key) = authority.sign("operator");
        let cert = format!("-http-client-cert={}", pki.files.write("client.pem", &cert));
        let key = format!("-http-client-key={}", pki.files.write("client-key.pem", &key));
        let (exit, told) = bully(&["leader", &at, &ca, &cert, &key]);
        assert_eq!(exit, expected, "{told}");
    }
}

#[test]
fn a_node_does_not_start_with_certificates_that_do_not_go_together() {
    use std::os::unix::fs::PermissionsExt as _;
    let pki = Pki::new();
    let [cert, key] = pki.flags();
    let refused = |cert: &str, key: &str, more: &str| {
        let [peers, http] = own();
        let port = format!("-port={}", peers.port());
        let http = format!("-http={http}");
        let (exit, told) = bully(&[&port, &http, cert, key, more]);
        assert_eq!((exit, told.lines().count()), (2, 1), "{told}");
        told
    };
    let none = "-priority=100";
    let (_, other) = pki.authority.sign("other");
    let other = format!("-http-tls-key={}", pki.files.write("other-key.pem", &other));
    assert!(refused(&cert, &other, none).contains("other-key.pem is not the key of /"));
    let missing = refused(&cert.replace("cert.pem", "none.pem"), &key, none);
    assert!(missing.starts_with("bully: -http-tls-cert: \"/"), "{missing}");
    assert!(missing.contains("none.pem\" cannot be read: No such file"), "{missing}");
    let swapped = refused(&cert.replace("cert.pem", "key.pem"), &key, none);
    assert!(swapped.contains("key.pem\" has no certificate"), "{swapped}");
    let no_ca = format!("-http-client-ca={}", pki.files.write("empty.pem", ""));
    let told = refused(&cert, &key, &no_ca);
    assert!(told.starts_with("bully: -http-client-ca: \"/"), "{told}");
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(pki.files.path("key.pem"), open).expect("it is ours");
    let told = refused(&cert, &key, none);
    assert!(told.contains("is open to everybody (mode 0644): chmod 0600 /"), "{told}");
}
