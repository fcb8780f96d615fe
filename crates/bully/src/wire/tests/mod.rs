//! The codec against itself, against the kept frames, and against noise.

mod arbitrary;
mod bully;
mod golden;
mod modes;
mod quorum;

use bully_core::{Address, Mode};
use proptest::prelude::*;

use super::frame::PREFIX_LEN;
use super::*;

const MODES: [Mode; 2] = [Mode::Bully, Mode::Quorum];

/// The packet of a whole frame.
fn read(frame: &[u8], mode: Mode) -> Result<Option<Packet>, DecodeError> {
    decode(&frame[PREFIX_LEN..], mode)
}

fn framed(message: impl Into<Message>) -> Vec<u8> {
    frame(&Packet::Message(message.into()))
}

/// What a message is sent as.
fn kind_of(message: impl Into<Message>) -> schema::Kind {
    let whole = framed(message);
    let envelope: schema::Envelope = prost::Message::decode(&whole[PREFIX_LEN..]).unwrap();
    envelope.kind.unwrap()
}

/// The message that a node of this mode takes it for.
fn hear(kind: schema::Kind, mode: Mode) -> Result<Message, String> {
    let envelope = schema::Envelope { kind: Some(kind) };
    match decode(&prost::Message::encode_to_vec(&envelope), mode) {
        Ok(Some(Packet::Message(message))) => Ok(message),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

fn longest_name(i: usize) -> Address {
    let label = "x".repeat(58);
    Address::new(format!("{i:04}-{label}.{label}.{label}.{label}").as_str(), u16::MAX)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_encoded_is_decoded((mode, packet) in arbitrary::packet()) {
        prop_assert_eq!(read(&frame(&packet), mode), Ok(Some(packet)));
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for mode in MODES {
            let _ = decode(&bytes, mode).map_err(|error| error.to_string());
        }
    }

    #[test]
    fn a_packet_with_bytes_changed_is_decoded_or_refused(
        (_, packet) in arbitrary::packet(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = frame(&packet)[PREFIX_LEN..].to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        for mode in MODES {
            // What is accepted is well formed: it survives being said again.
            if let Ok(Some(packet)) = decode(&bytes, mode) {
                prop_assert_eq!(read(&frame(&packet), mode), Ok(Some(packet)));
            }
        }
        bytes.truncate(end.index(bytes.len()));
        for mode in MODES {
            let _ = decode(&bytes, mode).map_err(|error| error.to_string());
        }
    }
}
