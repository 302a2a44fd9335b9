//! Bytes in, messages out. `None` means "not yet"; a sentence says what is wrong.

use super::{Fields, Framing, Request, Response, list, values};

type Parsed<T> = Result<Option<T>, String>;

/// A response to the request that began with the line `asked`, and its length.
pub fn response(bytes: &[u8], ended: bool, asked: &str) -> Parsed<(Response, usize)> {
    const WHO: &str = "Your server";
    let Some((first, fields, at)) = head(bytes, WHO)? else { return Ok(None) };
    let (version, rest) = first.split_once(' ').unwrap_or((&first, ""));
    let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let is_status = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit()) && status >= "100";
    if !["HTTP/1.0", "HTTP/1.1"].contains(&version) || !is_status {
        return Err(format!("{WHO} sent {first:?}, which is no status line like `HTTP/1.1 200 OK`."));
    }
    let status: u16 = status.parse().unwrap_or_default();
    let never_has_a_body = asked.starts_with("HEAD ") || status < 200 || status == 204 || status == 304;
    let framing = if never_has_a_body { Framing::None } else { framing(&fields, Framing::Close, WHO)? };
    let Some((body, length)) = body(&bytes[at..], framing, &fields, ended, WHO)? else { return Ok(None) };
    let response = Response {
        asked: asked.to_owned(),
        version: version.to_owned(),
        status,
        reason: reason.to_owned(),
        fields,
        body,
        framing,
        body_on_the_wire: length,
    };
    Ok(Some((response, at + length)))
}

/// A request, and its length.
pub fn request(bytes: &[u8]) -> Parsed<(Request, usize)> {
    const WHO: &str = "Your client";
    let Some((first, fields, at)) = head(bytes, WHO)? else { return Ok(None) };
    let [method, target, version] = first.split(' ').collect::<Vec<_>>()[..] else {
        return Err(format!("{WHO} sent {first:?}, which is no request line like `GET / HTTP/1.1`."));
    };
    let method_is_right = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    let target_is_right = !target.is_empty() && target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if !method_is_right || !target_is_right || version != "HTTP/1.1" {
        return Err(format!("{WHO} sent {first:?}, which is no request line like `GET / HTTP/1.1`."));
    }
    if values(&fields, "host").len() != 1 {
        return Err(format!("{WHO} sent a request with {} fields `Host`; it is one.", values(&fields, "host").len()));
    }
    let framing = framing(&fields, Framing::None, WHO)?;
    let Some((body, length)) = body(&bytes[at..], framing, &fields, false, WHO)? else { return Ok(None) };
    let [method, target, version] = [method, target, version].map(str::to_owned);
    Ok(Some((Request { method, target, version, fields, body }, at + length)))
}

/// The first line, the fields, and where they end.
fn head(bytes: &[u8], who: &str) -> Parsed<(String, Fields, usize)> {
    const LONGEST: usize = 1 << 20;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let text = String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len().min(LONGEST))]);
    let mut lines = text.split('\n').collect::<Vec<_>>();
    if end.is_none() {
        lines.pop();
    }
    let last = lines.len().saturating_sub(1);
    for (number, line) in lines.iter().enumerate() {
        // The last line's end is that of the head.
        if !line.ends_with('\r') && (end.is_none() || number < last) {
            return Err(format!("{who} ended the line {line:?} with LF alone; a line of a head ends with CR LF."));
        }
    }
    let Some(end) = end else {
        return if bytes.len() > LONGEST { Err(format!("{who} sent a head without an end.")) } else { Ok(None) };
    };
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default().to_owned();
    let fields = lines.map(|line| field(line, who)).collect::<Result<_, _>>()?;
    Ok(Some((first, fields, end + 4)))
}

fn field(line: &str, who: &str) -> Result<(String, String), String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let (name, value) = line.split_once(':').unwrap_or((line, "\0"));
    let value = value.trim_matches([' ', '\t']);
    if name.is_empty() || !name.bytes().all(is_token) || value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(format!("{who} sent the line {line:?} in a head, which is no field like `Name: value`."));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// How the end of the body is known; `otherwise` when no field says it.
fn framing(fields: &Fields, otherwise: Framing, who: &str) -> Result<Framing, String> {
    let (codings, lengths) = (list(fields, "transfer-encoding"), values(fields, "content-length"));
    match (&codings[..], &lengths[..]) {
        ([], []) => Ok(otherwise),
        ([], [length]) if !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Framing::Length),
        ([coding], []) if coding == "chunked" => Ok(Framing::Chunked),
        _ => Err(format!(
            "{who} sent Transfer-Encoding {codings:?} and Content-Length {lengths:?}: either one length, or `chunked`."
        )),
    }
}

/// The body, and how many bytes it took.
fn body(bytes: &[u8], framing: Framing, fields: &Fields, ended: bool, who: &str) -> Parsed<(Vec<u8>, usize)> {
    match framing {
        Framing::None => Ok(Some((Vec::new(), 0))),
        Framing::Close => Ok(ended.then(|| (bytes.to_vec(), bytes.len()))),
        Framing::Chunked => chunked(bytes, who),
        Framing::Length => {
            let length = values(fields, "content-length")[0].parse::<usize>();
            let length =
                length.map_err(|error| format!("{who} sent a Content-Length that nobody can read: {error}."))?;
            Ok(bytes.get(..length).map(|body| (body.to_vec(), length)))
        }
    }
}

/// Chunks up to the empty one, and the trailer (RFC 9112, section 7.1).
fn chunked(bytes: &[u8], who: &str) -> Parsed<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let Some(line) = line(&bytes[at..]) else { return Ok(None) };
        let text = String::from_utf8_lossy(line).into_owned();
        let digits = text.split(';').next().unwrap_or_default().trim_end();
        let is_size = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let size = usize::from_str_radix(digits, 16).ok().filter(|_| is_size);
        let size = size.ok_or_else(|| format!("{who} sent the line {text:?} where the size of a chunk was due."))?;
        at += line.len() + 2;
        if size == 0 {
            return trailer(bytes, at).map(|end| end.map(|end| (body, end)));
        }
        let Some(chunk) = bytes[at..].get(..size.saturating_add(2)) else { return Ok(None) };
        if !chunk.ends_with(b"\r\n") {
            return Err(format!("{who} sent a chunk that is not {size} bytes long, as its size says."));
        }
        body.extend(&chunk[..size]);
        at += chunk.len();
    }
}

/// Where the fields behind the last chunk end.
fn trailer(bytes: &[u8], mut at: usize) -> Parsed<usize> {
    loop {
        let Some(line) = line(&bytes[at..]) else { return Ok(None) };
        at += line.len() + 2;
        if line.is_empty() {
            return Ok(Some(at));
        }
    }
}

/// Up to the next CR LF, without it.
fn line(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.windows(2).position(|window| window == b"\r\n")?;
    Some(&bytes[..end])
}
