//! Chance with a seed: the same in every run.

/// Numbers without any order in them.
pub struct Chance(pub u64);

impl Chance {
    /// The next number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        // SplitMix64, by Guy Steele, Doug Lea and Christine Flood.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % limit.max(1) as u64) as usize
    }
}

/// The message with one to three of its bytes changed, lost or doubled, or cut off.
pub fn broken_somewhere(message: &[u8], chance: &mut Chance) -> Vec<u8> {
    const SHARP: &[u8] = b"\0\r\n \t:;=%?/-+,\"\x1b\x7f\x80\xff09afAF";
    let mut bytes = message.to_vec();
    for _ in 0..=chance.below(3) {
        let at = chance.below(bytes.len());
        match chance.below(5) {
            0 => drop(bytes.remove(at)),
            1 => bytes.insert(at, bytes[at]),
            2 => bytes.truncate(at.max(1)),
            3 => bytes[at] = chance.below(256) as u8,
            _ => bytes[at] = SHARP[chance.below(SHARP.len())],
        }
    }
    bytes
}
