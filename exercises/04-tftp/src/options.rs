//! What two sides agree on before the first block: the client asks for options, the server answers with those it grants
//! (RFC 2347). Values are decimal numbers in ASCII.

use std::ops::RangeInclusive;
use std::str;

use crate::packet::Strings;

/// Bytes in a block (RFC 2348): from 8 to what fits into a datagram beside its header and those of UDP and IP.
pub const BLKSIZE: RangeInclusive<u64> = 8..=65464;
/// Seconds between two tries (RFC 2349).
pub const TIMEOUT: RangeInclusive<u64> = 1..=255;
/// Blocks under way at a time (RFC 7440).
pub const WINDOWSIZE: RangeInclusive<u64> = 1..=65535;

/// The block size without the option.
pub const DEFAULT_BLKSIZE: u64 = 512;

/// Options with their values: asked for, or granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Bytes in a block.
    pub blksize: Option<u64>,
    /// Seconds between two tries.
    pub timeout: Option<u64>,
    /// The size of the file in bytes; 0 asks for it.
    pub tsize: Option<u64>,
    /// Blocks under way at a time.
    pub windowsize: Option<u64>,
}

impl Options {
    /// What a request asks for. Options that nobody knows and values that make no sense are as if they were not there
    /// (RFC 2347, section "Negotiation Protocol"), and of two equal options the first counts.
    ///
    /// ```
    /// use tftp::options::Options;
    /// use tftp::packet::Strings;
    ///
    /// let asked = Options::asked(Strings::new(b"BlkSize\x001428\0timeout\x000\0speed\0fast\0").unwrap());
    /// assert_eq!(asked, Options { blksize: Some(1428), ..Options::default() });
    /// ```
    pub fn asked(strings: Strings) -> Options {
        todo!(
            "For each of the `pairs`: `slot` says where an option with that name goes and which values are \
             allowed. A slot that is taken stays as it is; `number` reads a value."
        )
    }

    /// What an OACK grants to a client that asked for `self`. A server may grant less of blksize and windowsize, and
    /// must not grant what nobody asked for (RFC 2347; RFC 2348; RFC 7440, section 3).
    ///
    /// ```
    /// use tftp::options::Options;
    /// use tftp::packet::Strings;
    ///
    /// let asked = Options { blksize: Some(1428), ..Options::default() };
    /// let granted = |oack: &[u8]| asked.granted(Strings::new(oack).unwrap()).map(|options| options.blksize);
    /// assert_eq!(granted(b"blksize\x001024\0"), Ok(Some(1024)));
    /// assert!(granted(b"blksize\x001429\0").is_err());
    /// assert!(granted(b"tsize\x001\0").is_err());
    /// ```
    pub fn granted(mut self, strings: Strings) -> Result<Options, String> {
        todo!(
            "Nothing may be cut off (`are_pairs`). For each of the `pairs`: there must be a slot, its value \
             in `self` must be there, and the value must be a number that is allowed. One for blksize or \
             windowsize must not be above the one asked for, one for timeout must be equal."
        )
    }

    /// As they stand in a request and in an OACK.
    ///
    /// ```
    /// let options = tftp::options::Options { blksize: Some(1428), windowsize: Some(4), ..Default::default() };
    /// assert_eq!(options.encode(), b"blksize\x001428\0windowsize\x004\0");
    /// ```
    pub fn encode(&self) -> Vec<u8> {
        let all = [
            ("blksize", self.blksize),
            ("timeout", self.timeout),
            ("tsize", self.tsize),
            ("windowsize", self.windowsize),
        ];
        let there = all.into_iter().filter_map(|(name, value)| Some(format!("{name}\0{}\0", value?)));
        there.collect::<String>().into_bytes()
    }

    /// Where the option with this name is kept, and which values it may have. Names come in any case.
    fn slot(&mut self, name: &[u8]) -> Option<(&mut Option<u64>, RangeInclusive<u64>)> {
        let slots = [
            ("blksize", &mut self.blksize, BLKSIZE),
            ("timeout", &mut self.timeout, TIMEOUT),
            ("tsize", &mut self.tsize, ANY),
            ("windowsize", &mut self.windowsize, WINDOWSIZE),
        ];
        let found = slots.into_iter().find(|(known, ..)| name.eq_ignore_ascii_case(known.as_bytes()));
        found.map(|(_, slot, allowed)| (slot, allowed))
    }
}

const ANY: RangeInclusive<u64> = 0..=u64::MAX;

/// A decimal number: digits and nothing else, where `parse` would take a sign.
fn number(value: &[u8]) -> Option<u64> {
    let digits = str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}
