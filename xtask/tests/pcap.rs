//! What `run --pcap` writes is taken apart by tshark, Wireshark's sister without windows, and nothing in it is strange.

use std::path::Path;
use std::process::{Command, Output};

/// Runs a pair in a folder; returns the address that the server was listening on.
fn run(folder: &Path, arguments: &[&str]) -> String {
    let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
    let output = xtask.arg("run").args(arguments).current_dir(folder).output().expect("the pair can be run");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let address = said.lines().find_map(|line| line.split_once("listening on "));
    address.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&output.stderr))).1.to_owned()
}

/// The numbers of packets in a capture for which a filter of Wireshark's holds.
fn packets(capture: &Path, more: &[&str], filter: &str) -> usize {
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(capture).args(more).args(["-Y", filter, "-T", "fields", "-e", "frame.number"]);
    let Output { status, stdout, stderr } = tshark.output().expect("tshark can be started");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count()
}

/// Malformed, or worth a warning to Wireshark, as every ERROR of TFTP is.
const STRANGE: &str = "(_ws.malformed or (_ws.expert.severity >= 0x600000 and not tftp.opcode == 5))";

/// Whether there is a tshark. Where `PEERS=required` is in the environment, there must be.
fn has_tshark() -> bool {
    let there = Command::new("tshark").arg("--version").output().is_ok_and(|output| output.status.success());
    let advice = "left out: there is no `tshark` here: apt-get install tshark";
    assert!(there || std::env::var("PEERS").as_deref() != Ok("required"), "{advice}");
    if !there {
        eprintln!("{advice}");
    }
    there
}

#[test]
fn every_packet_of_tftp_is_understood() {
    if !has_tshark() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file: Vec<u8> = (0..5000_u32).map(|at| at as u8).collect();
    std::fs::write(folder.path().join("file"), file).expect("a file");
    let capture = folder.path().join("tftp.pcapng");
    let errands: [(&[&str], usize); 4] = [
        (&["get", "file", "got"], 20),
        (&["get", "file", "got", "--blksize", "600", "--windowsize", "2"], 10),
        (&["put", "file", "new", "--mode", "netascii"], 20),
        (&["get", "missing"], 2),
    ];
    for (errand, least) in errands {
        let faults = ["--loss", "20%", "--duplicate", "10%", "--reorder=10%", "--seed", "7"];
        let first = ["tftp", "--solution", "--pcap", "tftp.pcapng"];
        let errand = [errand, &["--timeout", "0.1", "--tries", "9"]].concat();
        let address = run(folder.path(), &[&first[..], &faults, &["--"], &errand].concat());
        let port = address.rsplit(':').next().unwrap_or_default();
        // The port of the requests is known; those of the transfers tshark finds by itself, as RFC 1350 has it.
        let known = ["-d", &format!("udp.port=={port},tftp")];
        assert!(packets(&capture, &known, "tftp") >= least, "{errand:?}");
        assert_eq!(packets(&capture, &known, &format!("not tftp or {STRANGE}")), 0, "{errand:?}");
    }
}

#[test]
fn a_connection_is_complete() {
    if !has_tshark() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    run(folder.path(), &["tcp-time", "--solution", "--split", "10", "--pcap", "tcp.pcapng"]);
    let capture = folder.path().join("tcp.pcapng");
    assert_eq!(packets(&capture, &[], "tcp.flags.syn == 1"), 2);
    assert_eq!(packets(&capture, &[], "tcp.flags.fin == 1"), 2);
    assert_eq!(packets(&capture, &["-o", "tcp.check_checksum:TRUE"], STRANGE), 0);
    // 42 bytes: 4 pieces of 10, and one of 2.
    assert_eq!(packets(&capture, &[], "tcp.len > 0"), 5);
}
