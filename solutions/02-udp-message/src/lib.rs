//! The protocol of this chapter: a datagram is a message. What is left to say is how large one can be.

use std::io;

pub mod terminal;

/// The largest payload of a UDP datagram over IPv4, in bytes: 65,535 less 20 of IP header and 8 of UDP header
/// (RFC 768 and RFC 791, section 3.1).
pub const MAX_DATAGRAM: usize = 65_507;

/// Says why `message` cannot be sent as one datagram.
///
/// ```
/// assert!(udp_message::fits_a_datagram("Hello UDP!".as_bytes()).is_ok());
/// assert!(udp_message::fits_a_datagram(&[b'x'; 65_508]).is_err());
/// ```
///
/// # Errors
///
/// `InvalidInput` for more than [`MAX_DATAGRAM`] bytes.
///
/// # Your turn
///
/// Compare the length in bytes with `MAX_DATAGRAM`; the error says how many bytes there are and how many fit.
pub fn fits_a_datagram(message: &[u8]) -> io::Result<()> {
    if message.len() <= MAX_DATAGRAM {
        return Ok(());
    }
    let why = format!("a message of {} bytes is too long: a datagram carries at most {MAX_DATAGRAM}", message.len());
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}
