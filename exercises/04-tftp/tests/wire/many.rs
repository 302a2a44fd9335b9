//! More blocks than there are numbers, small ones, in large windows: quick all the same.

use scenario::{Lab, Outcome, UdpPeer, demand};

use super::{ack, block, content, data, describe, parse_data};

/// For who sends them: 65536, of which the number is 0, is the last block of a window.
pub const WINDOWS_OF_64: [(&str, &str); 2] = [("blksize", "8"), ("windowsize", "64")];

/// For who receives them: 65536 is the first block of a window. Whoever goes by numbers in place of distances is soon
/// out of step.
pub const WINDOWS_OF_85: [(&str, &str); 2] = [("blksize", "8"), ("windowsize", "85")];

/// A file of 65,721 blocks of 8 bytes.
pub fn many_blocks() -> Vec<u8> {
    content(65_720 * 8 + 3)
}

/// Hears them, and acknowledges each window; but of the one in which the numbers begin anew only what is before that, as
/// if the rest were lost. It comes again then.
pub fn hears_many_blocks(lab: &Lab, peer: &mut UdpPeer, file: &[u8], window: usize) -> Outcome {
    let (mut done, last) = (0, file.len() / 8 + 1);
    while done < last {
        let end = (done + window).min(last);
        for number in done + 1..=end {
            let came = peer.receive(&format!("DATA {}", number as u16))?.bytes;
            let is_due = parse_data(&came) == Some((number as u16, block(file, number, 8)));
            demand(is_due, || {
                format!("{} came, where block {number} was due: DATA {}.", describe(&came), number as u16)
            })?;
        }
        done = if (done + 1..end).contains(&65535) { 65535 } else { end };
        peer.send(ack(done as u16))?;
        grants_more_time_on_the_way(lab, done / window);
    }
    Ok(())
}

/// Sends them, and expects an acknowledgement of each window.
pub fn sends_many_blocks(lab: &Lab, peer: &mut UdpPeer, file: &[u8], window: usize) -> Outcome {
    let (mut done, last) = (0, file.len() / 8 + 1);
    peer.forgives_repeats();
    while done < last {
        let end = (done + window).min(last);
        (done + 1..=end).try_for_each(|number| peer.send(data(number as u16, block(file, number, 8))))?;
        peer.expect(ack(end as u16))?;
        done = end;
        grants_more_time_on_the_way(lab, done / window);
    }
    Ok(())
}

/// Some languages are slow, and so many blocks take their time. Whoever stops is waited for no longer than ever.
fn grants_more_time_on_the_way(lab: &Lab, windows: usize) {
    if windows.is_multiple_of(256) {
        lab.grants_more_time();
    }
}
