//! How many bytes wait in a socket, as Linux tells: whether the other side has read what was sent.

use std::io::Read;
use std::net::SocketAddrV4;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// What waits in a socket: for its program, and for the other side's system.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Queues {
    pub(crate) received: u64,
    pub(crate) unsent: u64,
}

/// What waits in the socket at `local` that is connected with `remote`; nothing where the system does not tell.
pub(crate) fn queues(local: SocketAddrV4, remote: SocketAddrV4) -> Option<Queues> {
    // The table has a row for every connection of the machine, also for those that ended a minute ago, and takes long.
    told(local, remote).or_else(|| found_in_the_table(local, remote))
}

/// Asks the system about this socket alone: sock_diag(7).
fn told(local: SocketAddrV4, remote: SocketAddrV4) -> Option<Queues> {
    const NETLINK: i32 = 16;
    const SOCK_DIAG: i32 = 4;
    let mut socket = Socket::new(Domain::from(NETLINK), Type::DGRAM, Some(Protocol::from(SOCK_DIAG))).ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    socket.send(&question(local, remote)).ok()?;
    let mut answer = [0; 512];
    let length = socket.read(&mut answer).ok()?;
    if answer[4..6] != SOCK_DIAG_BY_FAMILY.to_ne_bytes() {
        return None;
    }
    // Behind a header of 16 bytes: what it is, 4 bytes; which socket, 48; a timer, 4; then the two queues.
    let number = |at| Some(u32::from_ne_bytes(answer[..length].get(at..at + 4)?.try_into().ok()?));
    Some(Queues { received: number(72)?.into(), unsent: number(76)?.into() })
}

const SOCK_DIAG_BY_FAMILY: u16 = 20;

/// `struct nlmsghdr` and `struct inet_diag_req_v2`.
fn question(local: SocketAddrV4, remote: SocketAddrV4) -> Vec<u8> {
    const LENGTH: u32 = 72;
    const REQUEST: u16 = 1;
    const IPV4: u8 = 2;
    const TCP: u8 = 6;
    let mut bytes = Vec::new();
    bytes.extend(LENGTH.to_ne_bytes());
    bytes.extend([SOCK_DIAG_BY_FAMILY, REQUEST].map(u16::to_ne_bytes).concat());
    bytes.extend([0; 8]);
    bytes.extend([IPV4, TCP, 0, 0]);
    // In any state.
    bytes.extend(u32::MAX.to_ne_bytes());
    bytes.extend([local, remote].map(|address| address.port().to_be_bytes()).concat());
    for address in [local, remote] {
        bytes.extend(address.ip().octets());
        // Room for an IPv6 address.
        bytes.extend([0; 12]);
    }
    // On any interface, whatever its cookie.
    bytes.extend([0; 4]);
    bytes.extend([0xff; 8]);
    bytes
}

/// Looks for the socket in the table of all TCP sockets.
fn found_in_the_table(local: SocketAddrV4, remote: SocketAddrV4) -> Option<Queues> {
    let hexadecimal =
        |address: SocketAddrV4| format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port());
    let (local, remote) = (hexadecimal(local), hexadecimal(remote));
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let row = table.lines().find(|row| {
        let mut fields = row.split_whitespace().skip(1);
        fields.next() == Some(&local) && fields.next() == Some(&remote)
    })?;
    // The queues stand as SENT:RECEIVED, in hexadecimal.
    let (unsent, received) = row.split_whitespace().nth(4)?.split_once(':')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some(Queues { received: number(received)?, unsent: number(unsent)? })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Write;
    use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

    use super::*;

    #[test]
    fn what_was_sent_is_unread_until_it_is_read() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut sender = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut receiver, SocketAddr::V4(remote)) = listener.accept().unwrap() else { panic!("this is IPv4") };
        let SocketAddr::V4(local) = receiver.local_addr().unwrap() else { panic!("this is IPv4") };
        sender.write_all(b"hello").unwrap();
        for look in [told, found_in_the_table] {
            assert!(look(local, remote).is_none_or(|queues| queues.received == 5));
        }
        receiver.read_exact(&mut [0; 3]).unwrap();
        for look in [told, found_in_the_table] {
            assert!(look(local, remote).is_none_or(|queues| queues.received == 2));
        }
        assert!(told(local, remote).is_some() || found_in_the_table(local, remote).is_some());
    }
}
