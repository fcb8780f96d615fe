//! What must hold of any bytes in the place of a handshake or of sealed records, and of any text in the
//! place of secrets and keys.

use bytes::BytesMut;
use tokio_util::codec::Decoder as _;

use super::{Deframer, Initiator, Keyring, NodeKey, Pinned, Pins, Responder, Session};
use crate::fuzzing::assert_one_line;
use crate::secret::{Secret, Secrets};
use crate::wire::FRAME_MAX_STRANGER;

fn ring(last: u8) -> Keyring {
    let mut private = [1; Secret::LEN];
    private[31] = last;
    let own = NodeKey::from_private(private.into());
    Keyring { own, secrets: Secrets::from(Secret::from([7; Secret::LEN])), pinned: None }
}

/// The first byte says in the place of which message the others come: nobody but who has the secret
/// can write any of them.
pub(crate) fn handshake(data: &[u8]) {
    let [place, message @ ..] = data else { return };
    let (one, other) = (ring(1), ring(2));
    let refused = match place % 3 {
        0 => Responder::begin(&other, message).err(),
        1 => {
            let (initiator, _) = Initiator::begin(&one).expect("the system has randomness");
            initiator.finish(&one, message).err()
        }
        _ => {
            let (_, first) = Initiator::begin(&one).expect("the system has randomness");
            let mut responder = Responder::begin(&other, &first).expect("it has the secret");
            responder.answer().expect("it is its turn");
            responder.finish(&other, message).err()
        }
    };
    assert_one_line(&refused.expect("nobody guesses it").to_string());
}

fn sessions() -> (Session, Session) {
    let (one, other) = (ring(1), ring(2));
    let opened = Initiator::begin(&one).and_then(|(initiator, first)| {
        let mut responder = Responder::begin(&other, &first)?;
        let (third, at_one) = initiator.finish(&one, &responder.answer()?)?;
        Ok((at_one, responder.finish(&other, &third)?))
    });
    opened.expect("they have the same secret")
}

/// A stream of frames, sealed, of which one byte is then another: the frames before it are read, and no
/// frame that was not sent. The first two bytes say which, the third how; with a fourth of 0 all of it
/// is what the bytes are, and nothing is sealed.
pub(crate) fn records(data: &[u8]) {
    let [high, low, mask, is_sealed, stream @ ..] = data else { return };
    let (from, to) = sessions();
    let (mut sealer, mut sent, mut on_the_way) = (from.sealer(), Vec::new(), Vec::new());
    if *is_sealed == 0 {
        on_the_way.extend_from_slice(stream);
    } else {
        for frame in stream.chunks(usize::from(*is_sealed)) {
            let len = u32::try_from(frame.len()).expect("it is short");
            sealer.seal(&[&len.to_be_bytes(), frame].concat(), &mut on_the_way);
            sent.push(frame.to_vec());
        }
        let at = usize::from(u16::from_be_bytes([*high, *low]));
        if let Some(byte) = on_the_way.get_mut(at) {
            *byte ^= mask;
        }
    }
    let mut deframer = Deframer::new(FRAME_MAX_STRANGER, Some(to.opener()));
    let (mut buffer, mut read) = (BytesMut::from(&on_the_way[..]), Vec::new());
    while let Ok(Some(frame)) = deframer.decode(&mut buffer) {
        read.push(frame.to_vec());
    }
    assert!(sent.starts_with(&read), "{read:?} was read of {sent:?}");
    assert!(*mask != 0 || *is_sealed == 0 || read == sent, "nothing was changed");
}

/// The files that an operator writes: the secret, and the list of keys.
pub(crate) fn keys(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<Secrets>() {
        Ok(secrets) => {
            let said: Vec<_> = secrets.iter().map(Secret::to_base64).collect();
            let said: Vec<&str> = said.iter().map(|text| text.as_str()).collect();
            assert_eq!(said.join("\n").parse(), Ok(secrets));
        }
        Err(error) => assert_one_line(&error.to_string()),
    }
    match text.parse::<Pins>().map(|pins| Pinned::new(&pins, 8117)) {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => assert_one_line(&error.to_string()),
        Err(error) => assert_one_line(&error.to_string()),
    }
}

/// Seeds of [`handshake`]: what was said once, with other ephemeral keys.
pub(crate) fn handshakes() -> Vec<Vec<u8>> {
    let (one, other) = (ring(1), ring(2));
    let (initiator, first) = Initiator::begin(&one).expect("the system has randomness");
    let mut responder = Responder::begin(&other, &first).expect("it has the secret");
    let second = responder.answer().expect("it is its turn");
    let (third, _) = initiator.finish(&one, &second).expect("it has the secret");
    // The first one is an opening as it should be, recorded: but for one bit.
    let mut forged = first;
    forged[47] ^= 1;
    [[&[0], &forged[..]], [&[1], &second], [&[2], &third], [&[0], &[0; 48]]]
        .map(|parts| parts.concat())
        .into()
}
