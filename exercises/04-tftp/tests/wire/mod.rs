//! TFTP as the lab speaks it: packets, and files in blocks.

mod many;
mod talks;

use scenario::quoted;

pub use self::many::*;
pub use self::talks::*;

/// What a packet says, as a line of the transcript.
pub fn describe(packet: &[u8]) -> String {
    let number = packet.get(2..4).map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
    match packet {
        [0, kind @ (1 | 2), rest @ ..] => {
            let strings: Vec<_> = rest.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
            let [name, mode, options @ ..] = &strings[..] else { return quoted(packet) };
            let options: String = options.chunks_exact(2).map(|pair| format!(" {}={}", pair[0], pair[1])).collect();
            format!("{} {name:?} {mode}{options}", if *kind == 1 { "RRQ" } else { "WRQ" })
        }
        [0, 3, _, _, bytes @ ..] => format!("DATA {number}, {} bytes", bytes.len()),
        [0, 4, _, _] => format!("ACK {number}"),
        [0, 5, _, _, text @ ..] => format!("ERROR {number} {}", quoted(text.strip_suffix(&[0]).unwrap_or(text))),
        [0, 6, rest @ ..] => {
            let options: String = pairs(rest).iter().map(|(name, value)| format!(" {name}={value}")).collect();
            format!("OACK{options}")
        }
        _ => quoted(packet),
    }
}

/// Options and values, names in small letters.
fn pairs(bytes: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(bytes);
    let strings: Vec<_> = text.split_terminator('\0').collect();
    strings.chunks(2).map(|pair| (pair[0].to_lowercase(), pair.get(1).copied().unwrap_or("").to_owned())).collect()
}

/// RRQ (1) or WRQ (2) with mode and options.
pub fn request(kind: u8, name: &str, mode: &str, options: &[(&str, &str)]) -> Vec<u8> {
    let mut packet = vec![0, kind];
    for string in [name, mode].into_iter().chain(options.iter().flat_map(|(name, value)| [*name, *value])) {
        packet.extend(string.as_bytes());
        packet.push(0);
    }
    packet
}

pub fn rrq(name: &str, options: &[(&str, &str)]) -> Vec<u8> {
    request(1, name, "octet", options)
}

pub fn wrq(name: &str, options: &[(&str, &str)]) -> Vec<u8> {
    request(2, name, "octet", options)
}

pub fn data(number: u16, bytes: &[u8]) -> Vec<u8> {
    [&[0, 3], &number.to_be_bytes()[..], bytes].concat()
}

pub fn ack(number: u16) -> Vec<u8> {
    [&[0, 4], &number.to_be_bytes()[..]].concat()
}

pub fn error(code: u16, text: &str) -> Vec<u8> {
    [&[0, 5], &code.to_be_bytes()[..], text.as_bytes(), &[0]].concat()
}

pub fn oack(options: &[(&str, &str)]) -> Vec<u8> {
    let strings = options.iter().flat_map(|(name, value)| [name.as_bytes(), &[0], value.as_bytes(), &[0]].concat());
    [0, 6].into_iter().chain(strings).collect()
}

/// `length` bytes of which no two blocks are equal.
pub fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8 ^ (at / 256 % 256) as u8).collect()
}

/// The block with this number, from 1, in blocks of `size` bytes; empty behind the end.
pub fn block(file: &[u8], number: usize, size: usize) -> &[u8] {
    let begin = ((number - 1) * size).min(file.len());
    &file[begin..(begin + size).min(file.len())]
}

/// Number and bytes of DATA.
pub fn parse_data(packet: &[u8]) -> Option<(u16, &[u8])> {
    match packet {
        [0, 3, high, low, bytes @ ..] => Some((u16::from_be_bytes([*high, *low]), bytes)),
        _ => None,
    }
}

/// Where two packets that look alike differ.
fn difference(due: &[u8], came: &[u8]) -> String {
    if describe(due) != describe(came) {
        return String::new();
    }
    let at = due.iter().zip(came).take_while(|(due, came)| due == came).count();
    match (due.get(at), came.get(at)) {
        (Some(due), Some(came)) => format!(" They differ from byte {at} on: {came:02x}, where {due:02x} was due."),
        _ => " They differ in length.".to_owned(),
    }
}

/// `1025 bytes in 3 blocks`
pub fn tally(length: usize, size: usize) -> String {
    format!("{length} bytes in {} blocks", length / size + 1)
}

/// Whether this is a number from `least` to the one that was wished for.
fn is_at_most(value: &str, least: usize, wish: &str) -> bool {
    let (value, wish) = (value.parse::<usize>(), wish.parse::<usize>());
    matches!((value, wish), (Ok(value), Ok(wish)) if (least..=wish).contains(&value))
}

/// Kind, name and mode of a request, and its options.
type Parts = (Vec<u8>, Vec<u8>, Vec<u8>, Vec<(String, String)>);

fn parts(packet: &[u8]) -> Option<Parts> {
    let strings: Vec<_> = packet.get(2..)?.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    let [name, mode, rest @ ..] = &strings[..] else { return None };
    let mut options = pairs(&rest.join(&0));
    options.sort();
    Some((packet[..2].to_vec(), name.clone(), mode.to_ascii_lowercase(), options))
}

pub fn is_request(came: &[u8], due: &[u8]) -> bool {
    parts(came).is_some() && parts(came) == parts(due) && came.ends_with(&[0])
}

/// Whether they differ in their options alone.
pub fn asks_for_the_same(came: &[u8], due: &[u8]) -> bool {
    let without_options = |packet| parts(packet).map(|(kind, name, mode, _)| (kind, name, mode));
    parts(came).is_some() && without_options(came) == without_options(due)
}

/// Asks for windows of four small blocks. A server may make them smaller; then there are fewer blocks in each.
pub const WINDOWS: [(&str, &str); 2] = [("blksize", "16"), ("windowsize", "4")];
