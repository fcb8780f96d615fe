//! Protobuf with one field wrong, and all lengths around it right: what bytes changed at random hardly
//! ever are, since the length of what encloses them then lies.

/// One field, as it stands on the wire.
struct Field {
    key: u64,
    value: Value,
}

enum Value {
    Number(u64),
    Bytes(Vec<u8>),
}

/// Every way to have one field of a message, at any depth, left out, emptied, shortened, lengthened or
/// made as large as can be.
pub(super) fn variants(message: &[u8]) -> Vec<Vec<u8>> {
    let Some(fields) = parse(message) else { return Vec::new() };
    let mut variants = Vec::new();
    for at in 0..fields.len() {
        variants.push(encode(fields.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, f)| f)));
        for value in wrong(&fields[at].value) {
            let changed = Field { key: fields[at].key, value };
            let with = |(n, field)| if n == at { &changed } else { field };
            variants.push(encode(fields.iter().enumerate().map(with)));
        }
    }
    variants
}

fn wrong(value: &Value) -> Vec<Value> {
    let bytes = match value {
        Value::Number(_) => return [0, 1 << 32, 1 << 53, u64::MAX].map(Value::Number).into(),
        Value::Bytes(bytes) => bytes,
    };
    let shorter = bytes.get(..bytes.len().saturating_sub(1)).unwrap_or_default();
    let plain = [vec![], shorter.to_vec(), [bytes, &[0xff][..]].concat(), bytes.repeat(40)];
    // What is no message has no fields, and one that only looks like one is wrong in another way.
    plain.into_iter().chain(variants(bytes)).map(Value::Bytes).collect()
}

/// The fields, where those are all that it is.
fn parse(mut message: &[u8]) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let key = number(&mut message)?;
        let value = match key & 7 {
            0 => Value::Number(number(&mut message)?),
            2 => {
                let len = usize::try_from(number(&mut message)?).ok()?;
                let (bytes, rest) = message.split_at_checked(len)?;
                message = rest;
                Value::Bytes(bytes.to_vec())
            }
            _ => return None,
        };
        fields.push(Field { key, value });
    }
    Some(fields)
}

fn number(message: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for at in 0..10 {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        number |= u64::from(byte & 0x7f) << (7 * at).min(63);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn encode<'f>(fields: impl Iterator<Item = &'f Field>) -> Vec<u8> {
    let mut message = Vec::new();
    for Field { key, value } in fields {
        put(&mut message, *key);
        match value {
            Value::Number(number) => put(&mut message, *number),
            Value::Bytes(bytes) => {
                put(&mut message, bytes.len() as u64);
                message.extend(bytes);
            }
        }
    }
    message
}

fn put(message: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        message.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    message.push(number.to_le_bytes()[0]);
}
