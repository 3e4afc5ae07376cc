//! A fast hash of 64 bits for the keys of states. With ten million of them the chance that
//! any two are the same by accident is one in 400 000.

use std::hash::Hasher;

/// Folds a product of 128 bits for each word.
pub(super) struct Mix(u64);

impl Default for Mix {
    fn default() -> Self {
        Self(0x2d35_8dcc_aa6c_78a5)
    }
}

impl Mix {
    const fn fold(self_: u64, word: u64) -> u64 {
        let product = ((self_ ^ word) as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        (product >> 64) as u64 ^ (product as u64).rotate_left(23)
    }
}

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        Self::fold(self.0, 0x8bb8_4b93_962e_acc9)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word) ^ (chunk.len() as u64) << 56);
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = Self::fold(self.0.wrapping_add(0x4b33_a62e_d433_d4a3), word);
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(word.into());
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(word.into());
    }

    fn write_i64(&mut self, word: i64) {
        self.write_u64(word as u64);
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.write_u64(word as u64);
    }
}
