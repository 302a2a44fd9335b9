//! netascii: text on its way.

use scenario::{Outcome, Program, Stage, UdpPeer, demand};

use super::traces::{Tells, holds};
use super::wire::{Talks, WINDOWS, ack, block, data, error, hears_window, request};
use super::{patient_server, reads, writes};

pub fn translates_text_to_the_wire() -> Stage {
    Stage::server("netascii: a line ends with CR LF on the wire, also where a block ends")
        .promises(["F8", "F1"])
        .why(
            "Systems end their lines differently. With one way on the wire, each need know only its own. A pair may be cut in two by the \
             end of a block.",
        )
        .hints([
            "What becomes of a newline that is the 512th byte of a block?",
            "Its CR ends this block, its LF begins the next: the translation must remember what it owes. Modes are compared in any case.",
            "(*room, self.owed) = match byte { b'\\n' => (b'\\r', Some(b'\\n')), b'\\r' => (b'\\r', Some(0)), byte => (byte, None) }",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let texts = [
                (b"one\ntwo\n\nthree".to_vec(), b"one\r\ntwo\r\n\r\nthree".to_vec()),
                ([&[b'x'; 511][..], b"\ny"].concat(), [&[b'x'; 511][..], b"\r\ny"].concat()),
                ([&[b'x'; 510][..], b"\n\n"].concat(), [&[b'x'; 510][..], b"\r\n\r\n"].concat()),
                (vec![b'\n'; 256], b"\r\n".repeat(256)),
            ];
            let mut alice = lab.udp("alice", &server)?;
            for (mode, (text, wire)) in ["netascii", "NETASCII", "NetAscii", "netascii"].into_iter().zip(&texts) {
                folder.put("text", text)?;
                alice.send_to(server.address(), request(1, "text", mode, &[]))?;
                reads(&mut alice, wire, 1, 512)?;
                server.says_among_others(&format!("{} reads \"text\"", alice.address()))?;
                sent_something(&server)?;
            }
            // In the other mode, bytes are bytes.
            alice.send_to(server.address(), request(1, "text", "OcTeT", &[]))?;
            reads(&mut alice, &texts[3].0, 1, 512)?;
            server.says_among_others(&format!("{} reads \"text\"", alice.address()))?;
            sent_something(&server)?;
            folder.put("lines", [&[b'x'; 31][..], b"\n", &[b'x'; 30], b"\n", &b"one\n".repeat(30)].concat())?;
            goes_back_in_lines(&mut alice, &server)?;
            lab.lowers_the_curtain()
        })
}

/// A window that is sent again begins where it began, though a pair was cut there, and another at its end.
fn goes_back_in_lines(peer: &mut UdpPeer, server: &Program) -> Outcome {
    let wire = [&[b'x'; 31][..], b"\r\n", &[b'x'; 30], b"\r\n", &b"one\r\n".repeat(30)].concat();
    peer.send_to(server.address(), request(1, "lines", "netascii", &WINDOWS))?;
    let (size, window) = peer.granted(&WINDOWS)?;
    let packet = |number: u16| data(number, block(&wire, number.into(), size));
    let (window, half) = (window as u16, window.div_ceil(2) as u16);
    peer.send(ack(0))?;
    hears_window(peer, &packet, 1..=window)?;
    peer.send(ack(half))?;
    hears_window(peer, &packet, half + 1..=half + window)?;
    peer.send(error(0, "that is enough"))
}

/// Whether text is counted as it is in the file or on the wire is left open.
fn sent_something(server: &Program) -> Outcome {
    let line = server.next_line("sent \"text\" to …")?;
    demand(line.starts_with("sent \"text\" to ") && line.ends_with(" blocks"), || {
        format!("Your server printed `{line}` where its line about a file that was sent was due.")
    })
}

pub fn translates_text_from_the_wire() -> Stage {
    Stage::server("netascii on an upload: CR LF becomes the system's line end, also across blocks")
        .promises(["F8", "F5"])
        .why("What was translated on one side is translated back on the other, also where a pair fell into two blocks.")
        .hints([
            "What does your server do with a CR that is the last byte of a block?",
            "Keep it back until the next byte is here: with LF it is a line end, with NUL a CR.",
            "if take(&mut self.after_cr) { match byte { LF => push(LF), 0 => push(CR), … } }",
        ])
        .story(|lab| {
            let (server, folder) = patient_server(lab, &[])?;
            let texts = [
                (b"one\r\ntwo\r\n\r\nthree".to_vec(), b"one\ntwo\n\nthree".to_vec()),
                ([&[b'x'; 511][..], b"\r\ny"].concat(), [&[b'x'; 511][..], b"\ny"].concat()),
                ([&[b'x'; 510][..], b"\r\n\r\n"].concat(), [&[b'x'; 510][..], b"\n\n"].concat()),
            ];
            let mut alice = lab.udp("alice", &server)?;
            for (number, (wire, text)) in texts.iter().enumerate() {
                let name = format!("text-{number}");
                alice.send_to(server.address(), request(2, &name, "NetASCII", &[]))?;
                alice.first(&ack(0))?;
                writes(&mut alice, wire, 1, 512)?;
                server.says(&format!("{} writes {name:?}", alice.address()))?;
                let line = server.next_line("received …")?;
                demand(line.starts_with("received "), || {
                    format!("Your server printed `{line}` where its line about {name:?} was due.")
                })?;
                if cfg!(unix) {
                    holds(&folder, &name, text)?;
                }
            }
            Ok(())
        })
}
