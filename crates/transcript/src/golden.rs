//! Golden text: what differs from run to run, replaced by what it is.
//!
//! Each replacement is a claim about shape. An address becomes `<alice>` only where it is exactly alice's, a time
//! becomes `<time>` only where it has every digit of one: what does not fit stays, and shows up in the comparison.

use crate::Transcript;

/// The transcript with addresses and times replaced, and without what depends on time.
///
/// ```
/// use transcript::{Act, Transcript, golden};
///
/// let mut talk = Transcript::default();
/// talk.introduce("alice", "127.0.0.1:4000");
/// talk.note("server", Act::Prints, "127.0.0.1:4000 connected");
/// talk.note("server", Act::Prints, "listening on 127.0.0.1:4001");
/// assert_eq!(golden::text(&talk), "server   | <alice> connected\nserver   | listening on 127.0.0.1:<port>\n");
/// ```
pub fn text(transcript: &Transcript) -> String {
    normalised(&transcript.steady().render(), transcript.addresses())
}

/// `text` with the addresses replaced by their owners' names, other ports and times by what they are.
pub fn normalised(text: &str, addresses: &[(String, String)]) -> String {
    // The longest first: 127.0.0.1:4000 is the beginning of 127.0.0.1:40001.
    let mut addresses: Vec<_> = addresses.iter().collect();
    addresses.sort_by_key(|(address, _)| std::cmp::Reverse(address.len()));
    let named = addresses
        .into_iter()
        .fold(text.to_owned(), |text, (address, owner)| replace_address(&text, address, &format!("<{owner}>")));
    replace_times(&replace_ports(&named))
}

fn replace_address(text: &str, address: &str, name: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(address) {
        let (before, after) = (&rest[..at], &rest[at + address.len()..]);
        result.push_str(before);
        let longer_port = after.starts_with(|next: char| next.is_ascii_digit());
        result.push_str(if longer_port { address } else { name });
        rest = after;
    }
    result + rest
}

/// Ports after a host, `127.0.0.1:45113` or `localhost:45113`: four digits or five. Port 0 is a wish, and stays.
fn replace_ports(text: &str) -> String {
    let mut pieces = text.split(':');
    let mut result = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.len() - piece.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let after_host = result.ends_with(|c: char| c.is_alphanumeric() || c == ']');
        result.push(':');
        result.push_str(if after_host && (4..=5).contains(&digits) { "<port>" } else { &piece[..digits] });
        result.push_str(&piece[digits..]);
    }
    result
}

/// Times of the shape `2024-02-20 12:00:00.000000`.
fn replace_times(text: &str) -> String {
    const SHAPE: &[u8] = b"dddd-dd-dd dd:dd:dd.dddddd";
    let fits = |window: &[u8]| {
        window.iter().zip(SHAPE).all(|(byte, shape)| if *shape == b'd' { byte.is_ascii_digit() } else { byte == shape })
    };
    let mut result = text.to_owned();
    while let Some(at) = result.as_bytes().windows(SHAPE.len()).position(fits) {
        result.replace_range(at..at + SHAPE.len(), "<time>");
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_address_becomes_a_name() {
        let alice = [("127.0.0.1:4000".to_owned(), "alice".to_owned())];
        assert_eq!(normalised("127.0.0.1:4000 127.0.0.1:40001", &alice), "<alice> 127.0.0.1:<port>");
    }

    #[test]
    fn a_time_of_another_shape_stays() {
        assert_eq!(normalised("2024-02-20 12:00:00.000000", &[]), "<time>");
        assert_eq!(normalised("2024-02-20 12:00:00.000", &[]), "2024-02-20 12:00:00.000");
        assert_eq!(normalised("20-02-2024 12:00:00.000000", &[]), "20-02-2024 12:00:00.000000");
    }

    #[test]
    fn port_zero_stays() {
        assert_eq!(normalised("--bind 127.0.0.1:0", &[]), "--bind 127.0.0.1:0");
        assert_eq!(normalised("localhost:8090 [::1]:45113 at 12:30", &[]), "localhost:<port> [::1]:<port> at 12:30");
    }
}
