//! TFTP, the Trivial File Transfer Protocol (RFC 1350), with options (RFC 2347, 2348, 2349) and windows (RFC 7440).
//!
//! A transfer has two roles, whoever asked for it: one side sends the file block by block, the other acknowledges. In a
//! download the server sends, in an upload the client does. So there is one sender and one receiver, for both programs.
//!
//! - [`packet`]: the six kinds of packets, bytes in, values out;
//! - [`options`]: what the two sides agree on before the first block;
//! - [`netascii`]: text on the wire;
//! - [`link`](mod@link): a socket that knows its peer, and how long to wait for it;
//! - [`transfer`]: the sender and the receiver;
//! - [`files`]: which file a name means, and how one comes into being complete or not at all.

pub mod files;
pub mod link;
pub mod netascii;
pub mod options;
pub mod packet;
pub mod terminal;
pub mod transfer;
