//! One end of a TCP connection of the lab, as an actor: it sends, reads to the end, closes in every way.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::SockRef;
use transcript::{Act, shortened};

use crate::program::side_by_side;
use crate::queues::queues;
use crate::scene::{GLANCE, Scene, titled};
use crate::trouble::{Outcome, Trouble, broken};

/// Somebody with a TCP connection.
#[derive(Debug)]
pub struct TcpPeer {
    scene: Scene,
    name: String,
    stream: TcpStream,
    address: SocketAddr,
    /// What was read beyond what was asked for.
    ahead: Vec<u8>,
}

impl TcpPeer {
    pub(crate) fn new(scene: &Scene, name: &str, stream: TcpStream) -> Outcome<TcpPeer> {
        let address = stream.local_addr()?;
        stream.set_nodelay(true)?;
        Ok(TcpPeer { scene: scene.clone(), name: name.to_owned(), stream, address, ahead: Vec::new() })
    }

    /// The connection's own address: what its other end sees as the peer.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends bytes.
    ///
    /// # Errors
    ///
    /// The connection is broken, or nobody reads.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Outcome {
        let bytes = bytes.as_ref();
        self.note(Act::Sends, self.scene.described(bytes));
        self.write(bytes)
    }

    /// Sends each byte in a segment of its own, with a pause after each.
    ///
    /// # Errors
    ///
    /// The connection is broken, or nobody reads.
    pub fn send_byte_by_byte(&mut self, bytes: impl AsRef<[u8]>, pause: Duration) -> Outcome {
        let bytes = bytes.as_ref();
        self.note(Act::Sends, format!("{}, byte by byte", self.scene.described(bytes)));
        for byte in bytes.chunks(1) {
            // Without Nagle (TCP_NODELAY), and with time to be read, every write is a segment and a read of its own.
            self.write(byte)?;
            thread::sleep(pause);
        }
        Ok(())
    }

    /// Sends bytes and the end of the stream to somebody who may break off meanwhile, and be right.
    pub fn send_unwelcome(&mut self, bytes: impl AsRef<[u8]>) {
        self.send_unheeded(bytes);
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Sends bytes to somebody who may have closed meanwhile, and be right.
    pub fn send_unheeded(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.note(Act::Sends, self.scene.described(bytes));
        let _ = self.stream.set_write_timeout(Some(self.scene.patience()));
        let _ = self.stream.write_all(bytes);
    }

    /// Whether something arrives within `time`, be it the end; it is left where it is.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn hears_within(&self, time: Duration) -> Outcome<bool> {
        self.stream.set_read_timeout(Some(time))?;
        Ok(!matches!(self.stream.peek(&mut [0]), Err(error) if is_silence(&error)))
    }

    /// Sends bytes until `most` bytes are sent, nobody takes more, or the other side is gone; returns how many were taken.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn send_flood(&mut self, most: usize) -> Outcome<usize> {
        self.stream.set_write_timeout(Some(Duration::from_millis(200)))?;
        let chunk = [b'x'; 64 << 10];
        let (mut sent, mut in_vain) = (0, 0);
        let deadline = Instant::now() + self.scene.patience();
        // Once, the other side may have been too busy to read.
        while sent < most && in_vain < 5 && Instant::now() < deadline {
            match self.stream.write(&chunk) {
                Ok(length) => (sent, in_vain) = (sent + length, 0),
                Err(error) if is_silence(&error) => in_vain += 1,
                Err(_) => break,
            }
        }
        self.note(Act::Sends, "as much as the other side takes");
        Ok(sent)
    }

    /// Sends the same bytes again and again, until `most` bytes are sent, the other side takes nothing for a second, or is
    /// gone; returns how many were taken.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn pour(&mut self, bytes: impl AsRef<[u8]>, most: usize) -> Outcome<usize> {
        const IN_VAIN: Duration = Duration::from_secs(1);
        let bytes = bytes.as_ref();
        self.note(Act::Sends, format!("{} again and again", self.scene.described(bytes)));
        let (mut sent, mut last, deadline) = (0, Instant::now(), Instant::now() + self.scene.patience());
        // A write that may wait would wait with what it has sent a part of, and then a second time.
        self.stream.set_nonblocking(true)?;
        while sent < most && last.elapsed() < IN_VAIN && Instant::now() < deadline {
            match self.stream.write(&bytes[sent % bytes.len()..]) {
                Ok(length) => (sent, last) = (sent + length, Instant::now()),
                Err(error) if is_silence(&error) => thread::sleep(MOMENT),
                Err(_) => break,
            }
        }
        self.stream.set_nonblocking(false)?;
        Ok(sent)
    }

    fn write(&mut self, bytes: &[u8]) -> Outcome {
        self.stream.set_write_timeout(Some(self.scene.patience()))?;
        self.stream.write_all(bytes).map_err(|error| {
            self.note(Act::Does, format!("cannot send: {error}"));
            broken(if is_silence(&error) {
                format!("The other side did not read what {} sent.", self.name)
            } else {
                format!("The other side closed the connection while {} was still sending ({error}).", self.name)
            })
        })
    }

    /// Must read these bytes next, in whatever pieces they come. What comes behind them is left for later.
    ///
    /// # Errors
    ///
    /// Other bytes come, too few, or none.
    pub fn expect(&mut self, bytes: impl AsRef<[u8]>) -> Outcome {
        let due = bytes.as_ref();
        let words = shortened(&self.scene.described(due));
        loop {
            let came = &self.ahead[..due.len().min(self.ahead.len())];
            if came == due {
                self.ahead.drain(..due.len());
                self.note_received(due);
                return Ok(());
            }
            if !due.starts_with(came) {
                return Err(self.got_other_bytes(due));
            }
            self.read_ahead(&words)?;
        }
    }

    /// Reads so many bytes, whatever they are.
    ///
    /// # Errors
    ///
    /// Fewer come.
    pub fn reads(&mut self, count: usize) -> Outcome {
        while self.ahead.len() < count {
            self.read_ahead(&format!("{count} bytes"))?;
        }
        self.ahead.drain(..count);
        self.note(Act::Receives, format!("{count} bytes"));
        Ok(())
    }

    /// The next message of a protocol, in whatever pieces it comes. What comes behind it is left for later.
    ///
    /// `parse` is given what has come, and whether that is all there will ever be. It returns a message and its length in
    /// bytes, nothing as long as more is needed, or what is wrong with it, as a sentence.
    ///
    /// # Errors
    ///
    /// Nothing comes that is such a message.
    pub fn next_message<T>(
        &mut self,
        due: &str,
        mut parse: impl FnMut(&[u8], bool) -> Result<Option<(T, usize)>, String>,
    ) -> Outcome<T> {
        let mut ended = false;
        loop {
            match parse(&self.ahead, ended) {
                Ok(Some((message, length))) => {
                    self.note_received(&self.ahead[..length]);
                    self.ahead.drain(..length);
                    return Ok(message);
                }
                Err(wrong) => {
                    self.note_received(&self.ahead);
                    return Err(broken(wrong));
                }
                Ok(None) => match self.read_some()? {
                    Came::End if !ended => ended = true,
                    came => self.is_more(came, due)?,
                },
            }
        }
    }

    /// The next line, without its newline, whatever it is; `due` says what was expected if none comes.
    ///
    /// # Errors
    ///
    /// No line comes, or one that is longer than any.
    pub fn next_line(&mut self, due: &str) -> Outcome<String> {
        const LONGEST: usize = 1 << 20;
        let mut searched = 0;
        loop {
            if let Some(end) = self.ahead[searched..].iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.ahead.drain(..=searched + end).collect();
                self.note_received(&line);
                return Ok(String::from_utf8_lossy(&line[..line.len() - 1]).into_owned());
            }
            searched = self.ahead.len();
            if searched > LONGEST {
                return Err(broken(format!("{} got a line without an end.", titled(&self.name))));
            }
            self.read_ahead(&format!("{due:?}"))?;
        }
    }

    /// Must read this line next.
    ///
    /// # Errors
    ///
    /// Another line comes, or none.
    pub fn expect_line(&mut self, due: &str) -> Outcome {
        let line = self.next_line(due)?;
        if line == due {
            return Ok(());
        }
        let because = format!("{} got a line that is not the one that was due.", titled(&self.name));
        Err(broken(because).seen_in(side_by_side(&format!("{due:?}"), "got", &format!("{line:?}"))))
    }

    /// Nothing must come for a short time: for what no later event proves.
    ///
    /// # Errors
    ///
    /// Something comes, or the connection ends.
    pub fn expect_silence(&mut self, time: Duration) -> Outcome {
        let deadline = Instant::now() + time;
        self.stream.set_read_timeout(Some(GLANCE))?;
        while self.ahead.is_empty() && Instant::now() < deadline {
            match self.stream.peek(&mut [0]) {
                Err(error) if is_silence(&error) => {}
                _ => self.read_ahead("silence")?,
            }
        }
        let came = self.ahead.clone();
        self.note_received(&came);
        if came.is_empty() {
            return Ok(());
        }
        Err(broken(format!(
            "{} got {}, where nothing was due.",
            titled(&self.name),
            shortened(&self.scene.described(&came))
        )))
    }

    /// Reads once; the end of the stream is a failure, because `due` was due.
    fn read_ahead(&mut self, due: &str) -> Outcome {
        let came = self.read_some()?;
        self.is_more(came, due)
    }

    fn is_more(&mut self, came: Came, due: &str) -> Outcome {
        let due = shortened(due);
        let instead = match came {
            Came::Bytes(bytes) => {
                self.ahead.extend(bytes);
                return Ok(());
            }
            Came::End => "reads the end of the stream".to_owned(),
            Came::Reset(error) => format!("is cut off: {error}"),
            Came::Nothing => {
                self.note_received(&self.ahead);
                return Err(self.scene.in_vain(&self.name, &due));
            }
        };
        self.note_received(&self.ahead);
        self.note(Act::Does, &instead);
        Err(broken(format!("{} {instead}, where {due} was due.", titled(&self.name))))
    }

    fn got_other_bytes(&self, due: &[u8]) -> Trouble {
        self.note_received(&self.ahead);
        let got = &self.ahead[..due.len().min(self.ahead.len())];
        let at = due.iter().zip(got).position(|(due, got)| due != got).unwrap_or_default();
        let because =
            format!("{} got bytes that are not those that were due, from byte {} on.", titled(&self.name), at + 1);
        broken(because).seen_in(side_by_side(&escaped(due), "got", &escaped(&self.ahead)))
    }

    /// Reads nothing for a while: only the story can see that it does not.
    pub fn stops_reading(&self) {
        self.note(Act::Does, "reads nothing from now on");
    }

    /// Reads until the end of the stream, and returns all that came; at most `most` bytes.
    ///
    /// # Errors
    ///
    /// The end does not come, the connection is reset, or there is more.
    pub fn read_to_end(&mut self, most: usize) -> Outcome<Vec<u8>> {
        let mut all = std::mem::take(&mut self.ahead);
        loop {
            match self.read_some()? {
                Came::Bytes(bytes) => all.extend(bytes),
                Came::End => {
                    self.note_received(&all);
                    self.note(Act::Does, "reads the end of the stream");
                    return Ok(all);
                }
                Came::Reset(error) => {
                    self.note_received(&all);
                    self.note(Act::Does, format!("is cut off: {error}"));
                    return Err(broken(format!(
                        "{}'s connection was reset, where the end of the stream was due. A socket that is closed while it \
                         holds unread bytes sends RST, not FIN.",
                        titled(&self.name)
                    )));
                }
                Came::Nothing => {
                    self.note_received(&all);
                    return Err(self.scene.in_vain(&self.name, "the end of the stream"));
                }
            }
            if all.len() > most {
                self.note_received(&all);
                return Err(broken(format!(
                    "{} got more than {most} bytes, and no end of the stream.",
                    titled(&self.name)
                )));
            }
        }
    }

    /// The stream must end here, with nothing before that.
    ///
    /// # Errors
    ///
    /// More comes, the end does not, or the connection is reset.
    pub fn expect_end(&mut self) -> Outcome {
        const LONGEST: usize = 1 << 20;
        let rest = self.read_to_end(LONGEST)?;
        if rest.is_empty() {
            return Ok(());
        }
        let rest = shortened(&self.scene.described(&rest));
        Err(broken(format!("{} got {rest}, where the end of the stream was due.", titled(&self.name))))
    }

    /// Whether the connection ends here, in order or not, with nothing before that: whoever closes while bytes wait that it
    /// did not want to read breaks off.
    ///
    /// # Errors
    ///
    /// Nothing comes, and the connection stays.
    pub fn is_at_its_end(&mut self) -> Outcome<bool> {
        if !self.ahead.is_empty() {
            return Ok(false);
        }
        match self.read_some()? {
            Came::End | Came::Reset(_) => {
                self.note(Act::Does, "sees the connection closed");
                Ok(true)
            }
            Came::Nothing => Err(self.scene.in_vain(&self.name, "the connection to be closed")),
            Came::Bytes(bytes) => {
                self.ahead.extend(bytes);
                Ok(false)
            }
        }
    }

    /// Closes its sending side, and tells whether nothing more comes but the end. Somebody who does not close in turn within
    /// `time` is left alone.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn takes_leave(&mut self, time: Duration) -> Outcome<bool> {
        // Whoever has closed already is as good as one that will.
        let _ = self.stream.shutdown(Shutdown::Write);
        if self.ahead.is_empty()
            && self.hears_within(time)?
            && let Came::Bytes(bytes) = self.read_some()?
        {
            self.ahead.extend(bytes);
        }
        self.note_received(&self.ahead);
        Ok(self.ahead.is_empty())
    }

    /// The connection must end here, in order or not, with nothing before that.
    ///
    /// # Errors
    ///
    /// More comes, or the connection stays.
    pub fn expect_close(&mut self) -> Outcome {
        if self.is_at_its_end()? {
            return Ok(());
        }
        self.note_received(&self.ahead);
        let came = shortened(&self.scene.described(&self.ahead));
        Err(broken(format!("{} got {came}, where the end of the connection was due.", titled(&self.name))))
    }

    /// For `time` after the end of the stream, the other side must not break the connection off.
    ///
    /// # Errors
    ///
    /// It does.
    pub fn is_not_reset_for(&mut self, time: Duration) -> Outcome {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            thread::sleep(GLANCE);
            // After the end of the stream, `read` says 0 for ever; a reset shows in the socket's pending error alone.
            if let Some(error) = self.stream.take_error()? {
                self.note(Act::Does, format!("is cut off: {error}"));
                return Err(broken(format!(
                    "{}'s connection was reset after the end of the stream. A socket that is closed while it holds unread \
                     bytes sends RST, whatever it sent before.",
                    titled(&self.name)
                )));
            }
        }
        self.note(Act::Does, "is left in peace");
        Ok(())
    }

    /// Waits until the other side cannot send any more, because nothing is read here.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn is_full(&self) -> Outcome {
        const UNCHANGED: u32 = 20;
        let (mut last, mut unchanged) = (self.bytes_on_the_way(), 0);
        while unchanged < UNCHANGED {
            thread::sleep(MOMENT);
            let now = self.bytes_on_the_way();
            unchanged = if now == last { unchanged + 1 } else { 0 };
            last = now;
        }
        Ok(())
    }

    /// How many bytes are on their way to this peer, and not read yet: those that wait here, and those that the other
    /// side's system could not send yet. Linux tells; elsewhere nobody knows.
    pub fn bytes_on_the_way(&self) -> Option<u64> {
        let (Ok(SocketAddr::V4(there)), SocketAddr::V4(here)) = (self.stream.peer_addr(), self.address) else {
            return None;
        };
        Some(queues(here, there)?.received + queues(there, here)?.unsent)
    }

    /// How many of the `sent` bytes the other side's program has read: megabytes may wait in the sockets between.
    /// Linux tells; elsewhere, all count as read.
    pub fn read_of(&self, sent: usize) -> u64 {
        let (Ok(SocketAddr::V4(there)), SocketAddr::V4(here)) = (self.stream.peer_addr(), self.address) else {
            return sent as u64;
        };
        let unread = queues(there, here).map_or(0, |queues| queues.received);
        let unsent = queues(here, there).map_or(0, |queues| queues.unsent);
        (sent as u64).saturating_sub(unread + unsent)
    }

    fn read_some(&mut self) -> Outcome<Came> {
        self.stream.set_read_timeout(Some(GLANCE))?;
        let mut buffer = [0; 16 << 10];
        let read = self.scene.wait_for(|| match self.stream.read(&mut buffer) {
            Ok(0) => Ok(Some(Came::End)),
            Ok(length) => Ok(Some(Came::Bytes(buffer[..length].to_vec()))),
            Err(error) if is_silence(&error) => Ok(None),
            Err(error) => Ok(Some(Came::Reset(error))),
        })?;
        Ok(read.unwrap_or(Came::Nothing))
    }

    /// Sends no more; the other side reads the end of the stream.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    pub fn ends_sending(&mut self) -> Outcome {
        self.note(Act::Does, "closes its sending side");
        self.stream
            .shutdown(Shutdown::Write)
            .map_err(|error| broken(format!("{} could not close its sending side: {error}.", titled(&self.name))))
    }

    /// From now on takes as much at a time as the system lets it. What waits for somebody with little room comes in very
    /// small pieces.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn makes_room(&self) -> Outcome {
        Ok(SockRef::from(&self.stream).set_recv_buffer_size(LONGEST)?)
    }

    /// Waits for the other side to close or to break off; what it sends before is dropped.
    ///
    /// # Errors
    ///
    /// It does neither.
    pub fn wait_for_close(&mut self) -> Outcome {
        self.last_words().map(drop)
    }

    /// Waits until the other side has closed the connection, in whichever way; returns what it sent before.
    ///
    /// # Errors
    ///
    /// The connection stays open.
    pub fn last_words(&mut self) -> Outcome<Vec<u8>> {
        self.makes_room()?;
        let mut words = std::mem::take(&mut self.ahead);
        while words.len() < LONGEST {
            match self.read_some()? {
                Came::Bytes(bytes) => words.extend(bytes),
                Came::End | Came::Reset(_) => {
                    self.note(Act::Does, "sees the connection closed");
                    return Ok(words);
                }
                Came::Nothing => return Err(self.scene.in_vain(&self.name, "the connection to be closed")),
            }
        }
        Err(broken(format!("{} got {} bytes, and no end.", titled(&self.name), words.len())))
    }

    /// Waits until the other side has read everything that was sent: until its program did, not only its system.
    /// Linux tells; elsewhere, a moment has to do.
    ///
    /// # Errors
    ///
    /// It does not read.
    pub fn is_read(&self) -> Outcome {
        let (Ok(SocketAddr::V4(there)), SocketAddr::V4(here)) = (self.stream.peer_addr(), self.address) else {
            return Ok(());
        };
        let read = self.scene.wait_for(|| {
            thread::sleep(MOMENT);
            Ok(queues(there, here).is_none_or(|queues| queues.received == 0).then_some(()))
        })?;
        read.ok_or_else(|| self.scene.in_vain(&self.name, "the other side to read"))
    }

    /// Breaks the connection off: the other side is sent RST.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn resets(self) -> Outcome {
        self.note(Act::Does, "resets the connection");
        // Closing without lingering throws away what is unsent, and sends RST instead of FIN.
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))?;
        Ok(())
    }

    /// Closes the connection.
    pub fn closes(self) {
        self.note(Act::Does, "closes the connection");
    }

    fn note(&self, act: Act, text: impl Into<String>) {
        self.scene.note(&self.name, act, text);
    }

    fn note_received(&self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.note(Act::Receives, self.scene.described(bytes));
        }
    }
}

/// What is kept at most of somebody who is heard to the end.
const LONGEST: usize = 16 << 20;

/// Bytes as an ASCII string literal.
fn escaped(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
}

/// What one read brings.
enum Came {
    Bytes(Vec<u8>),
    End,
    Reset(io::Error),
    Nothing,
}

fn is_silence(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

/// A pause that lets others come to their turn.
const MOMENT: Duration = Duration::from_millis(5);

/// Takes connections on every given listener, from the first moment, until it is dropped.
#[derive(Debug)]
pub(crate) struct Porter {
    arrivals: Receiver<TcpStream>,
    doors: Vec<SocketAddr>,
    waiting: Vec<JoinHandle<()>>,
    closing: Arc<AtomicBool>,
}

impl Porter {
    pub(crate) fn new(listeners: Vec<TcpListener>) -> Outcome<Porter> {
        let (announce, arrivals) = channel();
        let closing = Arc::new(AtomicBool::new(false));
        let doors = listeners.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;
        let wait_at = |listener: TcpListener| {
            let (announce, closing) = (announce.clone(), Arc::clone(&closing));
            thread::spawn(move || {
                loop {
                    // A client that is gone before it is accepted is an error on some systems, but not of ours.
                    let Ok((stream, _)) = listener.accept() else {
                        if closing.load(Ordering::Relaxed) {
                            return;
                        }
                        continue;
                    };
                    if closing.load(Ordering::Relaxed) {
                        // Closed in good order, it would keep the port in TIME_WAIT for a minute.
                        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                        return;
                    }
                    if announce.send(stream).is_err() {
                        return;
                    }
                }
            })
        };
        let waiting = listeners.into_iter().map(wait_at).collect();
        Ok(Porter { arrivals, doors, waiting, closing })
    }

    pub(crate) fn doors(&self) -> &[SocketAddr] {
        &self.doors
    }

    pub(crate) fn next(&self, scene: &Scene, stand: &str) -> Outcome<TcpStream> {
        let arrived = scene.wait_for(|| self.next_within(GLANCE))?;
        arrived.ok_or_else(|| scene.in_vain(stand, "a connection"))
    }

    pub(crate) fn next_within(&self, time: Duration) -> Outcome<Option<TcpStream>> {
        match self.arrivals.recv_timeout(time) {
            Ok(stream) => Ok(Some(stream)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Trouble::Lab("the lab's listener failed".into())),
        }
    }
}

impl Drop for Porter {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        for (door, waiting) in self.doors.iter().zip(self.waiting.drain(..)) {
            // A blocked accept is woken by the connection it waits for.
            if TcpStream::connect_timeout(door, Duration::from_secs(1)).is_ok() {
                let _ = waiting.join();
            }
        }
    }
}
