//! A transfer's two roles: the sender, which has the file, and the receiver, which acknowledges.
//!
//! ```text
//!   windowsize 1                       windowsize 3, the second block is lost
//!   sender          receiver           sender          receiver
//!   DATA 1  ──────►                    DATA 1  ──────►
//!           ◄────── ACK 1              DATA 2  ──✗
//!   DATA 2  ──────►                    DATA 3  ──────►            not the one that was due:
//!           ◄────── ACK 2                      ◄────── ACK 1      "I have all up to 1"
//!                                      DATA 2  ──────►
//!                                      DATA 3  ──────►
//!                                      DATA 4  ──────►
//!                                              ◄────── ACK 4
//! ```
//!
//! Blocks are counted in 64 bits here and in 16 on the wire, where 0 comes after 65535. What a number on the wire means
//! follows from its distance to where the transfer is.

use std::time::{Duration, Instant};

use crate::files::{Bookmark, Fault, Incoming, Outgoing};
use crate::link::{Broken, Link, Patience};
use crate::options::{DEFAULT_BLKSIZE, Options};
use crate::packet::{ErrorCode, HEADER, Malformed, Packet, ack, write_data_header};

/// What holds for a transfer once its options are settled.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Bytes in every block but the last.
    pub block_size: usize,
    /// Blocks under way at a time.
    pub window: u16,
    /// How long to wait before sending again, at first.
    pub timeout: Duration,
    /// How often to send a packet before giving up.
    pub tries: u32,
}

impl Terms {
    /// The terms under these options.
    pub fn new(options: Options, timeout: Duration, tries: u32) -> Terms {
        Terms {
            block_size: options.blksize.unwrap_or(DEFAULT_BLKSIZE) as usize,
            window: options.windowsize.unwrap_or(1) as u16,
            timeout: options.timeout.map_or(timeout, Duration::from_secs),
            tries,
        }
    }
}

/// What a transfer has moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Bytes of payload, as they were on the wire.
    pub bytes: u64,
    /// Blocks, the last one too, each counted once.
    pub blocks: u64,
    /// How often something had to be said again.
    pub repeats: u64,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{} bytes in {} blocks", self.bytes, self.blocks)
    }
}

/// Hears how many bytes the peer has, or has sent, each time there are more.
pub type Watch<'a> = &'a mut dyn FnMut(u64);

/// Sends a packet until `is_answer` takes one from the peer for its answer: an OACK until its ACK 0 is here.
pub fn send_until_answered(
    link: &mut Link,
    packet: &[u8],
    terms: &Terms,
    is_answer: impl Fn(Packet) -> bool,
) -> Result<(), Broken> {
    link.send(packet)?;
    let mut patience = Patience::new(terms.timeout, terms.tries);
    loop {
        match link.receive(patience.until())?.map(Packet::parse).transpose()? {
            None => {
                patience.once_more()?;
                link.send(packet)?;
            }
            Some(Packet::Error { code, message }) => return Err(by_peer(code, message)),
            Some(answer) if is_answer(answer) => return Ok(()),
            Some(_) => {}
        }
    }
}

fn by_peer(code: u16, message: &[u8]) -> Broken {
    Broken::ByPeer { code, message: message.to_vec() }
}

/// A packet that neither delay nor repetition explains ends the transfer (RFC 1350, section 2).
fn out_of_place() -> Broken {
    Malformed("it has no place here").into()
}

/// Sends the file, from its first block to the acknowledgement of its last.
pub fn send(link: &mut Link, file: &mut Outgoing, terms: &Terms, watch: Watch) -> Result<Tally, Broken> {
    todo!(
        "Make a `Sender` and let it `send_window` and `await_ack` until it `is_done`; then the tally is what \
         it has acknowledged."
    )
}

/// The side that has the file.
struct Sender<'a> {
    link: &'a mut Link,
    file: &'a mut Outgoing,
    terms: &'a Terms,
    /// DATA, header and block, built anew for each.
    packet: Vec<u8>,
    /// All blocks up to this one have arrived.
    acknowledged: u64,
    /// Where the block after it begins in the file.
    bookmark: Bookmark,
    /// How many blocks after it were sent, and may or may not have arrived.
    under_way: u16,
    /// The number of the last block, once it was sent, and how much was in it.
    last: Option<u64>,
    last_length: usize,
    patience: Patience,
    /// For so many steps forward, repeated ACKs come of our own repetition.
    excused: u8,
    repeats: u64,
}

impl<'a> Sender<'a> {
    fn new(link: &'a mut Link, file: &'a mut Outgoing, terms: &'a Terms) -> Sender<'a> {
        Sender {
            packet: vec![0; HEADER + terms.block_size],
            acknowledged: 0,
            bookmark: file.bookmark(),
            under_way: 0,
            last: None,
            last_length: 0,
            patience: Patience::new(terms.timeout, terms.tries),
            excused: 0,
            repeats: 0,
            link,
            file,
            terms,
        }
    }

    fn is_done(&self) -> bool {
        self.last == Some(self.acknowledged)
    }

    /// Sends the blocks after the acknowledged ones, a window of them or to the end of the file. The file stands where
    /// they begin.
    fn send_window(&mut self) -> Result<(), Broken> {
        todo!(
            "For each: `fill` the packet behind its header, `write_data_header` with the number's lower 16 \
             bits, `send`. A block that is not full is the last, so a file that fills its blocks ends with \
             an empty one."
        )
    }

    /// Waits until more blocks are acknowledged than before.
    fn await_ack(&mut self) -> Result<(), Broken> {
        todo!(
            "`receive` until the patience is over, then `once_more` and `resend`. How far an ACK is ahead of \
             what is acknowledged already is a `wrapping_sub` of 16 bits: from 1 to what is `under_way` it \
             is news (`advance`); 0 is a repetition (`hear_again`); anything else is from the past. An ERROR \
             is the end."
        )
    }

    /// The peer has `ahead` blocks more, and wants the one after them next.
    fn advance(&mut self, ahead: u16) -> Result<(), Broken> {
        if ahead < self.under_way {
            self.file.return_to(self.bookmark)?;
            for _ in 0..ahead {
                self.file.fill(&mut self.packet[HEADER..])?;
            }
            self.repeats += 1;
            self.excused = 2;
        }
        self.excused = self.excused.saturating_sub(1);
        self.bookmark = self.file.bookmark();
        self.acknowledged += u64::from(ahead);
        Ok(())
    }

    /// The same ACK once more. Whoever answers each with DATA is the Sorcerer's Apprentice: one repeated packet, and
    /// everything after it is sent twice, to the end of the file (RFC 1123, section 4.2.3.1). Only in a window it may
    /// mean that its first block was lost (RFC 7440, section 4), unless our own repetition explains it: what we sent
    /// twice is acknowledged twice.
    fn hear_again(&mut self) -> Result<(), Broken> {
        todo!("`resend` when the window is larger than 1 and nothing is excused.")
    }

    /// Sends the window again from its first block.
    fn resend(&mut self) -> Result<(), Broken> {
        todo!(
            "The file must `return_to` the bookmark first. Excuse what will come of it: here, and after the \
             next step."
        )
    }
}

/// Receives the file. `reply` is what was sent last, and is sent again until the first block is here: ACK 0, an OACK,
/// or the request itself. Returns when the file is complete, has its name, and its last block is acknowledged.
pub fn receive(
    link: &mut Link,
    file: &mut Incoming,
    terms: &Terms,
    reply: &[u8],
    watch: Watch,
) -> Result<Tally, Broken> {
    todo!("Make a `Receiver` and let it `take_packet` until it is `complete`.")
}

/// For one timeout after the end, acknowledges the last block again when it comes again: our last ACK may be lost, and
/// the other side would never know that all is well (RFC 1350, section 6).
pub fn dally(link: &mut Link, tally: Tally, terms: &Terms) -> Result<(), Broken> {
    todo!(
        "Until one timeout is over, `receive`. A DATA packet that has the number of the last block is \
         answered with its `ack`; all else is left alone."
    )
}

/// The side that acknowledges.
struct Receiver<'a> {
    link: &'a mut Link,
    file: &'a mut Incoming,
    terms: &'a Terms,
    /// What is sent again when nothing comes.
    reply: Vec<u8>,
    patience: Patience,
    /// Blocks that came since the last ACK.
    unacknowledged: u16,
    /// The sender was told that a block is missing.
    gap_reported: bool,
    complete: bool,
    tally: Tally,
}

impl<'a> Receiver<'a> {
    fn new(link: &'a mut Link, file: &'a mut Incoming, terms: &'a Terms, reply: &[u8]) -> Receiver<'a> {
        Receiver {
            reply: reply.to_vec(),
            patience: Patience::new(terms.timeout, terms.tries),
            unacknowledged: 0,
            gap_reported: false,
            complete: false,
            tally: Tally::default(),
            link,
            file,
            terms,
        }
    }

    /// Takes the next packet of the peer, or sends the last reply again.
    fn take_packet(&mut self) -> Result<(), Broken> {
        todo!(
            "`receive`; when nothing came in time, `once_more`, and the reply again. A DATA packet is one \
             block ahead of those that are here (`append`), more (`report_gap`), or one that is here already \
             (`acknowledge_again`): a `wrapping_sub` of 16 bits tells, and half of the numbers are ahead. An \
             OACK that is repeated before the first block is answered with the reply. A block that is too \
             long is malformed."
        )
    }

    /// Counts a block that was written, and acknowledges at the end of a window and of the file.
    fn append(&mut self, length: usize) -> Result<(), Broken> {
        todo!(
            "A block that is not full is the last: the file must be `complete`d before that is acknowledged. \
             `renew` the patience: this was progress."
        )
    }

    /// A block is missing before the one that came. The sender learns at once from where on to send again; once, for
    /// the rest of its window is still to come.
    fn report_gap(&mut self) -> Result<(), Broken> {
        if self.terms.window == 1 || self.gap_reported {
            return Ok(());
        }
        self.gap_reported = true;
        self.tally.repeats += 1;
        self.acknowledge()
    }

    /// A block that is here already: its ACK was lost, so it gets another. It is not written again. Of a window, only
    /// the last block has an ACK.
    fn acknowledge_again(&mut self, block: u16) -> Result<(), Broken> {
        self.tally.repeats += 1;
        let is_newest = block == self.tally.blocks as u16;
        match self.terms.window {
            _ if self.tally.blocks == 0 => Ok(()),
            1 => self.link.send(&ack(block)),
            _ if is_newest && self.unacknowledged == 0 => self.acknowledge(),
            _ => Ok(()),
        }
    }

    /// Says that all blocks so far are here.
    fn acknowledge(&mut self) -> Result<(), Broken> {
        self.unacknowledged = 0;
        let packet = ack(self.tally.blocks as u16);
        self.reply.clear();
        self.reply.extend(packet);
        self.link.send(&packet)
    }

    /// Says the last thing again; or, in the middle of a window, how far it has come.
    fn repeat(&mut self) -> Result<(), Broken> {
        self.tally.repeats += 1;
        if self.unacknowledged > 0 { self.acknowledge() } else { self.link.send(&self.reply) }
    }
}

/// Ends a transfer that failed on our side in good order: the peer is told.
pub fn conclude<T>(link: &Link, outcome: Result<T, Broken>) -> Result<T, Broken> {
    if let Err(Broken::ByUs(fault)) = &outcome {
        link.send_error(fault);
    }
    outcome
}

/// What an OACK that does not please is answered with (RFC 2347).
pub fn refuse_options(why: String) -> Broken {
    Broken::ByUs(Fault { code: ErrorCode::OptionRefused, why })
}
