//! A hash that is quick on many small words, and whose bits all depend on all of them: what it
//! takes for the same is never looked at twice.

use std::hash::{Hash, Hasher};

/// The fingerprint of a value.
pub(crate) fn print(value: &impl Hash) -> u64 {
    let mut hasher = Folding(0x243f_6a88_85a3_08d3);
    value.hash(&mut hasher);
    hasher.finish()
}

/// Folded multiplication, as in wyhash.
struct Folding(u64);

impl Folding {
    fn take(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
        let [low, high] = halves(wide);
        self.0 = low ^ high.rotate_left(23) ^ word.rotate_left(41);
    }
}

fn halves(wide: u128) -> [u64; 2] {
    let bytes = wide.to_le_bytes();
    let (low, high) = bytes.split_at(8);
    [low, high].map(|half| half.try_into().map_or(0, u64::from_le_bytes))
}

impl Hasher for Folding {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.take(u64::from_le_bytes(word));
        }
        self.take(bytes.len() as u64);
    }

    fn write_u8(&mut self, n: u8) {
        self.take(n.into());
    }

    fn write_u32(&mut self, n: u32) {
        self.take(n.into());
    }

    fn write_u64(&mut self, n: u64) {
        self.take(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.take(n as u64);
    }

    fn write_isize(&mut self, n: isize) {
        self.take(n.unsigned_abs() as u64);
    }

    fn write_u128(&mut self, n: u128) {
        let [low, high] = halves(n);
        self.take(low);
        self.take(high);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_print_tells_apart_what_differs_in_one_place() {
        let mut prints: Vec<u64> = Vec::new();
        for place in 0..64 {
            for value in 0..64_u64 {
                let mut words = [0_u64; 64];
                words[place] = value;
                prints.push(print(&words));
            }
        }
        prints.sort_unstable();
        prints.dedup();
        // All zeroes come up once in each place.
        assert_eq!(prints.len(), 64 * 63 + 1);
    }
}
