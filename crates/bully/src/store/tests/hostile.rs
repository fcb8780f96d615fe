//! Bytes that no node has written.

use prost::Message as _;

use super::*;

/// What is said of a directory whose record holds these bytes, which stay as they are.
fn refused(bytes: &[u8]) -> StoreError {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    fs::write(&path, bytes).unwrap();
    let error = match Store::open(directory.path(), CLUSTER) {
        Ok((_, state)) => panic!("{bytes:x?} was read as {state:?}"),
        Err(error) => error,
    };
    assert_eq!(fs::read(&path).unwrap(), bytes, "it is left as it was");
    let line = error.to_string();
    assert!(line.starts_with(path.to_str().unwrap()), "it names the file: {line}");
    assert!(!line.contains('\n'), "{line}");
    error
}

/// What is said of these bytes to be wrong with them.
fn damage(bytes: &[u8]) -> String {
    match refused(bytes) {
        StoreError::Damaged { what, .. } => what,
        other => panic!("{other}"),
    }
}

#[test]
fn a_file_with_any_one_bit_flipped_is_refused() {
    for state in [formed(), leaving()] {
        let bytes = record::to_bytes(CLUSTER, &state);
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                damage(&flipped);
            }
        }
    }
}

#[test]
fn a_file_cut_at_any_length_is_refused() {
    let bytes = record::to_bytes(CLUSTER, &formed());
    assert_eq!(damage(&[]), "it is empty");
    for length in 1..bytes.len() {
        assert_eq!(damage(&bytes[..length]), "it is cut off");
    }
    assert!(record::from_bytes(&bytes, CLUSTER).is_ok());
}

#[test]
fn a_file_that_goes_on_after_its_end_or_has_been_zeroed_is_refused() {
    let bytes = record::to_bytes(CLUSTER, &formed());
    for tail in [&[0][..], b"\n", &[0; 4096], &bytes] {
        assert_eq!(damage(&[&bytes, tail].concat()), "something follows its end");
    }
    for from in 0..bytes.len() {
        let mut zeroed = bytes.clone();
        zeroed[from..].fill(0);
        // The record may have ended in zeros.
        if zeroed != bytes {
            damage(&zeroed);
        }
    }
}

#[test]
fn a_file_of_another_program_is_refused() {
    for text in ["\n", "{\"term\": 1}", "bully", "\u{fffd}uly", "-----BEGIN"] {
        assert_eq!(damage(text.as_bytes()), "it does not begin as a record does");
    }
    let text = refused(b"hello").to_string();
    assert!(text.contains("state is damaged: it does not begin as a record does. It is left"));
    assert!(text.contains("move it away"), "{text}");
}

#[test]
fn a_file_that_is_far_too_long_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    fs::write(&path, record::to_bytes(CLUSTER, &formed())).unwrap();
    // Sparse: read whole, it would take all memory there is.
    OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 36).unwrap();
    let error = Store::open(directory.path(), CLUSTER).unwrap_err().to_string();
    assert!(error.contains("it is longer than a record can be"), "{error}");
}

#[test]
fn a_file_of_another_cluster_or_of_a_later_format_is_refused_with_a_sentence_of_its_own() {
    let other = record::to_bytes("other", &formed());
    let text = refused(&other).to_string();
    assert!(text.contains("is of cluster \"other\", not of \"bully\""), "{text}");
    let payload = encode::record(CLUSTER, &formed()).encode_to_vec();
    for format in [2, 3, u32::MAX] {
        let error = refused(&record::seal(format, &payload));
        assert!(matches!(error, StoreError::Newer { format: f, .. } if f == format), "{error}");
        assert!(error.to_string().contains("newer version of bully"), "{error}");
    }
    // A later format may be nothing that this version understands.
    assert!(matches!(refused(&record::seal(2, &[0xff; 9])), StoreError::Newer { .. }));
    assert_eq!(damage(&record::seal(0, &payload)), "there is no format 0");
    assert!(damage(&record::seal(1, &[0xff; 9])).starts_with("it is malformed: "));
    assert!(matches!(refused(&record::seal(1, &[])), StoreError::OtherCluster { .. }));
}

/// What is said of a sound record once it is broken.
fn broken(state: &Stored, damage: impl FnOnce(&mut schema::Record)) -> String {
    let mut record = encode::record(CLUSTER, state);
    damage(&mut record);
    let bytes = record::seal(record::FORMAT, &record.encode_to_vec());
    record::from_bytes(&bytes, CLUSTER).unwrap_err().to_string()
}

type Damage = fn(&mut schema::Record);

#[test]
fn values_out_of_bounds_are_refused_with_what_was_expected() {
    let roster = |record: &mut schema::Record| record.roster.take().unwrap();
    assert_eq!(broken(&formed(), |r| drop(roster(r))), "it lacks roster");
    let most = "expected 0 to 9007199254740991";
    let cases: [(Damage, String); 14] = [
        (|r| r.boot = 1 << 53, format!("boot is 9007199254740992, {most}")),
        (|r| r.term = u64::MAX, format!("term is 18446744073709551615, {most}")),
        (|r| r.round = 1 << 53, format!("round is 9007199254740992, {most}")),
        (
            |r| r.lease_max_ns = 120_000_000_001,
            "lease_max_ns is 120000000001, expected 0 to 120000000000".into(),
        ),
        (|r| r.inst.clear(), "it lacks inst".into()),
        (|r| r.inst.truncate(15), "an identity is not 16 bytes long".into()),
        (|r| r.cluster.push(0), "an identity is not 16 bytes long".into()),
        (|r| r.voted_for.truncate(1), "an identity is not 16 bytes long".into()),
        (|r| r.id = None, "it lacks address".into()),
        (|r| r.id.as_mut().unwrap().port = 0, "port is 0, expected 1 to 65535".into()),
        (|r| r.id.as_mut().unwrap().port = 65_536, "port is 65536, expected 1 to 65535".into()),
        (|r| r.id.as_mut().unwrap().ip.truncate(3), "an address cannot be one".into()),
        (|r| r.id.as_mut().unwrap().name = "both".into(), "an address cannot be one".into()),
        (|r| r.name = "\u{1b}[2J".into(), "the cluster's name cannot be one".into()),
    ];
    for (damage, expected) in cases {
        assert_eq!(broken(&formed(), damage), expected);
    }
    for name in ["", "a b", "tab\t", "ä", "\u{1b}[2J", &"x".repeat(254)] {
        let damage = |r: &mut schema::Record| {
            r.id = Some(schema::Address { ip: Vec::new(), name: name.into(), port: 1 });
        };
        assert_eq!(broken(&fresh(), damage), "an address cannot be one", "{name:?}");
    }
}

#[test]
fn an_unsound_roster_is_refused() {
    fn roster(record: &mut schema::Record) -> &mut schema::Roster {
        record.roster.as_mut().unwrap()
    }
    let most = "expected 0 to 9007199254740991";
    let cases: [(Damage, String); 9] = [
        (|r| roster(r).term = 1 << 53, format!("term is 9007199254740992, {most}")),
        (
            |r| roster(r).version = (1 << 53) - 1,
            "version is 9007199254740991, expected 0 to 9007199254740990".into(),
        ),
        (|r| roster(r).members.swap(0, 1), "its members are not in order".into()),
        (
            |r| roster(r).members[1].inst = roster(r).members[0].inst.clone(),
            "its members are not in order".into(),
        ),
        (|r| roster(r).members[0].priority = 1_001, "priority is 1001, expected 0 to 1000".into()),
        (|r| roster(r).members[0].id = None, "it lacks address".into()),
        (|r| roster(r).members.clear(), "nobody is in its cluster".into()),
        (|r| roster(r).removed[0].clear(), "it lacks removed".into()),
        (|r| roster(r).removed = vec![vec![1; 16]; 33], "33 removed, expected 0 to 32".into()),
    ];
    for (damage, expected) in cases {
        assert_eq!(broken(&formed(), damage), expected);
    }
    let many = |r: &mut schema::Record| {
        let member = roster(r).members[0].clone();
        roster(r).members = vec![member; 32];
    };
    assert_eq!(broken(&formed(), many), "32 members, expected 0 to 31");
}

#[test]
fn a_record_that_contradicts_itself_is_refused() {
    let in_cluster: [(Damage, &str); 3] = [
        (
            |r| r.accept = encode::record(CLUSTER, &accepted()).accept,
            "it is in a cluster and founds one",
        ),
        (
            |r| r.leaving = encode::record(CLUSTER, &accepted()).accept,
            "it is in a cluster and founds one",
        ),
        (|r| r.cluster.clear(), "it is in no cluster and has a roster"),
    ];
    for (damage, expected) in in_cluster {
        assert_eq!(broken(&formed(), damage), expected);
    }
    let founds: [(Damage, &str); 8] = [
        (|r| r.term = 1, "it is in no cluster and has voted"),
        (|r| r.voted_for = vec![1; 16], "it is in no cluster and has voted"),
        (|r| r.leaving = r.accept.clone(), "it founds a cluster while it leaves one"),
        (|r| r.inst[0] ^= 1, "it founds a cluster that it is not in"),
        (|r| r.accept.as_mut().unwrap().founders.clear(), "0 founders, expected 1 to 31"),
        (|r| r.accept.as_mut().unwrap().founders.swap(0, 2), "its founders are not in order"),
        (|r| r.accept.as_mut().unwrap().founders[2].id = None, "it lacks address"),
        (|r| r.accept.as_mut().unwrap().cluster.clear(), "it lacks cluster"),
    ];
    for (damage, expected) in founds {
        assert_eq!(broken(&accepted(), damage), expected);
    }
}

proptest! {
    #[test]
    fn noise_is_refused_also_under_a_sound_header(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(record::from_bytes(&noise, CLUSTER).is_err());
        let sealed = record::seal(record::FORMAT, &noise);
        prop_assert!(record::from_bytes(&sealed, CLUSTER).is_err());
    }
}
