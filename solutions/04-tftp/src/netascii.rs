//! Text on the wire (RFC 764, as RFC 1350 has it): a line ends with CR LF, and a CR that ends no line is CR NUL.
//!
//! A block ends where it is full, be it in the middle of such a pair. So both directions remember across blocks.

const CR: u8 = b'\r';
const LF: u8 = b'\n';

/// From a file of this system to the wire.
///
/// ```
/// use tftp::netascii::Encoder;
///
/// let mut wire = [0; 8];
/// let (taken, made) = Encoder::default().encode(b"a\nb\rc", &mut wire);
/// assert_eq!((taken, &wire[..made]), (5, &b"a\r\nb\r\0c"[..]));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Encoder {
    /// The second byte of a pair that had no room any more.
    owed: Option<u8>,
}

impl Encoder {
    /// Encodes as much of `text` as `wire` has room for. Returns how many bytes it took, and how many it made.
    ///
    /// ```
    /// use tftp::netascii::Encoder;
    ///
    /// let (mut encoder, mut wire) = (Encoder::default(), [0; 2]);
    /// assert_eq!(encoder.encode(b"a\nb", &mut wire), (2, 2));
    /// assert_eq!(&wire, b"a\r");
    /// assert_eq!(encoder.encode(b"b", &mut wire), (1, 2));
    /// assert_eq!(&wire, b"\nb");
    /// ```
    ///
    /// # Your turn
    ///
    /// First what is owed. Then byte by byte while there is room: LF becomes CR LF, CR becomes CR NUL; the second byte
    /// of a pair is owed, and is paid in the next round if there is room.
    pub fn encode(&mut self, text: &[u8], wire: &mut [u8]) -> (usize, usize) {
        let mut taken = 0;
        for (made, room) in wire.iter_mut().enumerate() {
            if let Some(owed) = self.owed.take() {
                *room = owed;
                continue;
            }
            let Some(byte) = text.get(taken) else { return (taken, made) };
            taken += 1;
            (*room, self.owed) = match *byte {
                LF => (CR, Some(LF)),
                CR => (CR, Some(0)),
                byte => (byte, None),
            };
        }
        (taken, wire.len())
    }
}

/// From the wire to a file of this system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Decoder {
    /// The last byte was a CR, and only the next one tells what it means.
    after_cr: bool,
}

impl Decoder {
    /// Decodes a piece, and hands over each byte of the text. A CR that is followed by neither LF nor NUL stays as it is.
    ///
    /// ```
    /// use tftp::netascii::Decoder;
    ///
    /// let (mut decoder, mut text) = (Decoder::default(), Vec::new());
    /// decoder.decode(b"a\r", |byte| text.push(byte));
    /// decoder.decode(b"\nb\r\0c", |byte| text.push(byte));
    /// assert_eq!(text, b"a\nb\rc");
    /// ```
    ///
    /// # Your turn
    ///
    /// Keep a CR back until the byte after it is here: CR LF is LF, CR NUL is CR.
    pub fn decode(&mut self, wire: &[u8], mut hand_over: impl FnMut(u8)) {
        for &byte in wire {
            if std::mem::take(&mut self.after_cr) {
                match byte {
                    LF | 0 => {
                        hand_over(if byte == LF { LF } else { CR });
                        continue;
                    }
                    _ => hand_over(CR),
                }
            }
            if byte == CR {
                self.after_cr = true;
            } else {
                hand_over(byte);
            }
        }
    }

    /// At the end: a CR that is still kept back.
    pub fn finish(&mut self, mut hand_over: impl FnMut(u8)) {
        if std::mem::take(&mut self.after_cr) {
            hand_over(CR);
        }
    }
}
