//! The handshake and the records, without sockets.

use bytes::BytesMut;
use proptest::prelude::*;
use tokio_util::codec::Decoder as _;

use super::*;
use crate::secret::Secret;
use crate::wire::FrameError;

fn secret(first: u8) -> Secret {
    let mut bytes = [7; Secret::LEN];
    bytes[0] = first;
    bytes.into()
}

fn ring(secrets: impl Into<Secrets>) -> Keyring {
    Keyring { own: NodeKey::generate().unwrap(), secrets: secrets.into(), pinned: None }
}

/// The sessions of both ends, the initiator's first.
fn shake(one: &Keyring, other: &Keyring) -> Result<(Session, Session), HandshakeError> {
    let (initiator, first) = Initiator::begin(one)?;
    let mut responder = Responder::begin(other, &first)?;
    let second = responder.answer()?;
    let (third, ours) = initiator.finish(one, &second)?;
    Ok((ours, responder.finish(other, &third)?))
}

fn sealed(frames: &[&[u8]], sealer: &mut Sealer) -> Vec<u8> {
    let mut stream = Vec::new();
    for frame in frames {
        let len = u32::try_from(frame.len()).unwrap();
        sealer.seal(&[&len.to_be_bytes(), *frame].concat(), &mut stream);
    }
    stream
}

/// The frames in a stream that comes in steps, and how it ended.
fn opened(stream: &[u8], step: usize, session: &Session) -> (Vec<Vec<u8>>, Result<(), FrameError>) {
    let mut deframer = Deframer::new(100_000, Some(session.opener()));
    let (mut buffer, mut frames) = (BytesMut::new(), Vec::new());
    for piece in stream.chunks(step) {
        buffer.extend_from_slice(piece);
        loop {
            match deframer.decode(&mut buffer) {
                Ok(Some(frame)) => frames.push(frame.to_vec()),
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    let end = deframer.decode_eof(&mut buffer).map(|frame| assert_eq!(frame, None));
    (frames, end)
}

#[test]
fn two_ends_with_one_secret_learn_each_others_key() {
    let [one, other] = [(); 2].map(|()| ring(secret(1)));
    let (at_one, at_other) = shake(&one, &other).unwrap();
    assert_eq!((at_one.peer(), at_other.peer()), (other.own.public(), one.own.public()));
    assert!(one.allows(&at_one, None) && other.allows(&at_other, None));
}

#[test]
fn who_has_another_secret_is_known_by_its_first_word() {
    let error = shake(&ring(secret(1)), &ring(secret(2))).unwrap_err();
    assert!(matches!(error, HandshakeError::Secret), "{error}");
}

#[test]
fn while_one_secret_replaces_another_both_open_a_connection() {
    let (old, new) = (secret(1), secret(2));
    let steps = [
        Secrets::from(old.clone()),
        Secrets::from(old.clone()).and(new.clone()),
        Secrets::from(new.clone()).and(old),
        Secrets::from(new),
    ];
    for pair in steps.windows(2) {
        for (one, other) in [(0, 1), (1, 0)] {
            let outcome = shake(&ring(pair[one].clone()), &ring(pair[other].clone()));
            assert!(outcome.is_ok(), "{outcome:?}");
        }
    }
    assert!(shake(&ring(steps[0].clone()), &ring(steps[3].clone())).is_err());
}

#[test]
fn a_session_ends_with_its_secret_and_with_its_pin() {
    let [one, other] = [(); 2].map(|()| ring(secret(1)));
    let (session, _) = shake(&one, &other).unwrap();
    let later = Keyring { secrets: Secrets::from(secret(2)).and(secret(1)), ..one.clone() };
    assert!(later.allows(&session, None));
    assert!(!Keyring { secrets: secret(2).into(), ..one.clone() }.allows(&session, None));
    let pinned = |key: PeerKey| {
        let pins = key.to_string().parse().unwrap();
        Keyring { pinned: Some(Pinned::new(&pins, 1).unwrap()), ..one.clone() }
    };
    let stranger = ring(secret(1)).own.public();
    assert!(pinned(other.own.public()).allows(&session, None));
    assert!(!pinned(stranger).allows(&session, None));
}

#[test]
fn who_is_not_pinned_is_turned_away_by_either_end() {
    let [one, other, third] = [(); 3].map(|()| ring(secret(1)));
    let pins = third.own.public().to_string().parse().unwrap();
    let strict = Keyring { pinned: Some(Pinned::new(&pins, 1).unwrap()), ..one };
    for (initiator, responder) in [(&strict, &other), (&other, &strict)] {
        let error = shake(initiator, responder).unwrap_err();
        assert!(matches!(error, HandshakeError::Stranger(key) if key == other.own.public()));
    }
    assert!(shake(&strict, &third).is_ok() && shake(&third, &strict).is_ok());
    let (itself, _) = shake(&strict, &strict).unwrap();
    assert!(strict.allows(&itself, None), "it may stand in its own list of nodes to dial");
}

#[test]
fn a_recorded_opening_gets_an_answer_and_opens_nothing() {
    let [one, other] = [(); 2].map(|()| ring(secret(1)));
    let (initiator, first) = Initiator::begin(&one).unwrap();
    let mut responder = Responder::begin(&other, &first).unwrap();
    let (third, _) = initiator.finish(&one, &responder.answer().unwrap()).unwrap();
    assert!(responder.finish(&other, &third).is_ok());

    let mut again = Responder::begin(&other, &first).unwrap();
    again.answer().unwrap();
    let error = again.finish(&other, &third).unwrap_err();
    assert!(matches!(error, HandshakeError::Forged), "{error}");
}

#[test]
fn a_node_that_hears_its_own_words_believes_none() {
    let one = ring(secret(1));
    let (initiator, first) = Initiator::begin(&one).unwrap();
    assert!(initiator.finish(&one, &first).is_err(), "its first word for the second");
    let (at_one, _) = shake(&one, &ring(secret(1))).unwrap();
    let stream = sealed(&[b"mine"], &mut at_one.sealer());
    let (frames, end) = opened(&stream, 999, &at_one);
    assert!(frames.is_empty() && matches!(end, Err(FrameError::Forged)));
}

#[test]
fn a_handshake_of_garbage_or_with_one_bit_changed_is_refused() {
    let [one, other] = [(); 2].map(|()| ring(secret(1)));
    for garbage in [&[][..], &[0; 48], &[255; HANDSHAKE_MAX], &[1; 7]] {
        assert!(Responder::begin(&other, garbage).is_err());
    }
    let (_, first) = Initiator::begin(&one).unwrap();
    for at in 0..first.len() * 8 {
        let mut changed = first.clone();
        changed[at / 8] ^= 1 << (at % 8);
        // The curve does not look at one bit of a public key, but the hash of what was said does.
        assert!(Responder::begin(&other, &changed).is_err(), "bit {at}");
    }
}

#[test]
fn frames_of_all_lengths_come_through_in_steps_of_any_length() {
    let [one, other] = [(); 2].map(|()| ring(secret(1)));
    let (at_one, at_other) = shake(&one, &other).unwrap();
    let frames: Vec<Vec<u8>> = [0, 1, 16_379, 16_380, 16_381, 40_000, 99_999]
        .map(|len| (0..len).map(|at: usize| at.to_le_bytes()[0]).collect())
        .into();
    let slices: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    for (step, from, to) in [(1, &at_one, &at_other), (1_000_000, &at_other, &at_one)] {
        let stream = sealed(&slices, &mut from.sealer());
        let (found, end) = opened(&stream, step, to);
        assert!(end.is_ok() && found == frames);
    }
}

#[test]
fn an_announced_record_reserves_no_memory_and_one_that_is_too_long_is_refused() {
    let (session, _) = shake(&ring(secret(1)), &ring(secret(1))).unwrap();
    let (frames, end) = opened(&[0, 0, 64, 16], 4, &session);
    assert!(frames.is_empty() && matches!(end, Err(FrameError::Cut)));
    let (_, end) = opened(&[0, 0, 64, 17], 4, &session);
    assert!(matches!(end, Err(FrameError::TooLong { .. })));
    let (_, end) = opened(&[0, 0, 0, 3, 1, 2, 3], 7, &session);
    assert!(matches!(end, Err(FrameError::Forged)));
}

/// What may happen to the records on their way.
#[derive(Clone, Debug)]
enum Meddling {
    Change { at: usize, bit: u8 },
    LeaveOut(usize),
    Repeat(usize),
    Swap(usize),
}

fn meddling() -> impl Strategy<Value = Meddling> {
    prop_oneof![
        (any::<usize>(), 0..8_u8).prop_map(|(at, bit)| Meddling::Change { at, bit }),
        (0..5_usize).prop_map(Meddling::LeaveOut),
        (0..5_usize).prop_map(Meddling::Repeat),
        (0..4_usize).prop_map(Meddling::Swap),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn of_a_stream_that_was_meddled_with_only_what_came_before_is_read(meddling in meddling()) {
        let (from, to) = shake(&ring(secret(1)), &ring(secret(1))).unwrap();
        let mut sealer = from.sealer();
        let sent: Vec<Vec<u8>> = (0..5_u8).map(|n| vec![n; 40]).collect();
        let mut records: Vec<_> = sent.iter().map(|f| sealed(&[f], &mut sealer)).collect();
        match meddling {
            Meddling::Change { at, bit } => {
                let at = at % (5 * records[0].len());
                let (record, at) = (at / records[0].len(), at % records[0].len());
                records[record][at] ^= 1 << bit;
            }
            Meddling::LeaveOut(at) => { records.remove(at); }
            Meddling::Repeat(at) => records.insert(at, records[at].clone()),
            Meddling::Swap(at) => records.swap(at, at + 1),
        }
        let (found, end) = opened(&records.concat(), 13, &to);
        prop_assert!(sent.starts_with(&found), "{:?}", found);
        // The last record left out shows only in that nothing comes.
        let is_unseen = matches!(meddling, Meddling::LeaveOut(4));
        prop_assert_eq!(end.is_ok(), is_unseen, "{:?}", end);
    }
}
