//! Where a program meets its user: options, lines on stdout, the last line on stderr.
//!
//! Nothing here is about the network, so nothing here is left for you to write. The file is the same in every chapter.

use std::fmt::Display;
use std::io::{self, BufRead, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;

/// Checks the shape of a `HOST:PORT` option. Whether the host exists is for the network to say.
pub fn host_port(text: &str) -> Result<String, String> {
    let (host, port) = text.rsplit_once(':').ok_or("a port is missing: write HOST:PORT")?;
    let bare_ipv6 = host.contains(':') && !host.starts_with('[');
    if host.is_empty() || bare_ipv6 {
        return Err("write HOST:PORT, with brackets around an IPv6 address: [::1]:8090".into());
    }
    port.parse::<u16>().map_err(|_| format!("{port:?} is not a port: a number from 0 to 65535"))?;
    Ok(text.to_owned())
}

/// Reads a `SECONDS` option: more than 0, decimals allowed, at most a day.
pub fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        // A nanosecond is the least that there is: a timeout of zero would mean "for ever".
        Ok(seconds) if (1e-9..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("not a number of seconds from above 0 to 86400".into()),
    }
}

/// Prints one line of the program's transcript.
///
/// `println!` would panic once nobody reads our stdout any more (`server | head -1`); this returns an error.
/// Rust's stdout hands every whole line to the system at once, into a pipe too.
pub fn say(line: impl Display) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{line}").context("cannot write to standard output")
}

/// Reads one line of at most `most` bytes, without its line end; `None` at the end of the input. The end of a line that is
/// too long stays where it is, and so does the next line.
pub fn read_line(input: &mut impl BufRead, most: usize) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    // Without a limit, input that never ends its line would fill the memory.
    if input.take(most as u64 + 1).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    // A line end may have two bytes.
    if line.len() > most && line.ends_with(b"\r") {
        input.take(1).read_until(b'\n', &mut line)?;
    }
    if line.ends_with(b"\n") {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    }
    if line.len() > most {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("a line has more than {most} bytes")));
    }
    Ok(Some(line))
}

/// What came over the network, made safe to print: text as a Rust string literal, anything else as its length.
///
/// Printed raw, a peer's bytes could clear the screen, forge a line or retitle the window.
pub fn quoted(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("{} bytes that are not UTF-8", bytes.len()),
    }
}

/// Turns the program's result into its exit status, and its error into one last line on stderr.
pub fn finish(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints a diagnostic on stderr. When even stderr is gone there is nobody left to tell.
pub fn complain(diagnostic: impl Display) {
    let _ = writeln!(io::stderr(), "{diagnostic}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_line_needs_no_newline_and_an_empty_line_is_a_line() {
        let mut input = &b"one\r\n\ntwo"[..];
        assert_eq!(read_line(&mut input, 3).unwrap().as_deref(), Some(&b"one"[..]));
        assert_eq!(read_line(&mut input, 3).unwrap().as_deref(), Some(&b""[..]));
        assert_eq!(read_line(&mut input, 3).unwrap().as_deref(), Some(&b"two"[..]));
        assert_eq!(read_line(&mut input, 3).unwrap(), None);
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_before_its_end_is_read() {
        assert_eq!(
            read_line(&mut io::BufReader::new(io::repeat(b'x')), 80).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }

    #[test]
    fn a_line_that_is_too_long_does_not_take_the_next_with_it() {
        let mut input = &b"1234\n123\r\n1234\r\nend"[..];
        for (is_right, next) in [(false, &b"123\r"[..]), (true, b"1234"), (false, b"end")] {
            assert_eq!(read_line(&mut input, 3).is_ok(), is_right);
            if !is_right {
                input.skip_until(b'\n').unwrap();
            }
            assert!(input.starts_with(next), "{input:?}");
        }
    }

    #[test]
    fn an_option_of_the_wrong_shape_is_refused() {
        for wrong in ["", "8090", "localhost", "localhost:", ":8090", "localhost:65536", "localhost:-1", "::1"] {
            assert!(host_port(wrong).is_err(), "{wrong:?}");
        }
        for right in ["localhost:0", "[::1]:8090", "127.0.0.1:65535"] {
            assert!(host_port(right).is_ok(), "{right:?}");
        }
        for wrong in ["", "0", "-1", "1e-10", "inf", "NaN", "1e99", "soon"] {
            assert!(seconds(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
    }

    #[test]
    fn a_peer_cannot_drive_the_terminal() {
        assert_eq!(quoted(b"\x1b[2J"), r#""\u{1b}[2J""#);
        assert_eq!(quoted(b"\xff"), "1 bytes that are not UTF-8");
    }
}
