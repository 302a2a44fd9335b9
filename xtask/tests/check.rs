//! The checker as its users meet it: right programs in another language, programs that misbehave in every way, names that
//! do not exist, and Ctrl-C. Whatever happens, nothing is left running.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// What a misbehaving server begins with: it binds as it should, and says where.
const BOUND: &str = "
import os, signal, socket, sys, time
host, port = sys.argv[sys.argv.index('--bind') + 1].rsplit(':', 1)
bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
bound.bind((host, int(port)))
def listening():
    print('listening on %s:%d' % bound.getsockname(), flush=True)
def serve():
    while True:
        data, peer = bound.recvfrom(65535)
        print('%s:%d sent \"%s\"' % (*peer, data.decode()), flush=True)
        bound.sendto(data, peer)
";

fn check(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).output().expect("the checker can be started")
}

fn text(output: &Output) -> String {
    // The report wraps its lines; what matters here are the words.
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn python() -> &'static str {
    let there = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    assert!(there, "python3 is missing: `apt-get install python3`, `brew install python3`");
    "python3"
}

fn passes(chapter: &str, role: &str, program: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(program);
    let output = check(&["check", chapter, role, &format!("{} '{}'", python(), path.display())]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

/// A script in a folder of its own, whose path marks every process that runs it.
struct Script {
    folder: tempfile::TempDir,
}

impl Script {
    fn new(code: &str) -> Script {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("program.py"), format!("{BOUND}{code}")).expect("a script");
        Script { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("program.py")
    }

    fn command_line(&self) -> String {
        format!("{} {}", python(), self.path().display())
    }

    fn nothing_runs(&self) {
        let processes = Command::new("ps").args(["-eo", "stat,args"]).output().expect("every Unix has ps");
        let processes = String::from_utf8_lossy(&processes.stdout).into_owned();
        let path = self.path().display().to_string();
        let left: Vec<_> = processes.lines().filter(|line| line.contains(&path) && !line.starts_with('Z')).collect();
        assert!(left.is_empty(), "still running: {left:?}");
    }

    /// The sentence that the checker has for this server in this stage.
    fn is_told(&self, stage: &str, status: i32, sentence: &str) {
        let output = check(&["check", "udp-echo", "--server", &self.command_line(), "--stage", stage]);
        let said = text(&output);
        self.nothing_runs();
        assert!(said.contains(sentence), "{said}");
        assert_eq!(output.status.code(), Some(status), "{said}");
    }
}

#[test]
fn right_servers_in_python_pass() {
    passes("tcp-time", "--server", "tcp-time-server-asyncio.py");
    passes("tcp-time", "--server", "tcp-time-server-byte-by-byte.py");
    passes("udp-message", "--server", "udp-message-server-selectors.py");
    passes("udp-echo", "--server", "udp-echo-server-threads.py");
}

#[test]
fn right_clients_in_python_pass() {
    passes("tcp-time", "--client", "tcp-time-client-selectors.py");
    passes("udp-message", "--client", "udp-message-client-connected.py");
    passes("udp-echo", "--client", "udp-echo-client-asyncio.py");
}

#[test]
fn a_server_that_never_prints_is_told_what_is_due() {
    let script = Script::new("time.sleep(1000)");
    script.is_told("returns-what-it-gets", 1, "printed nothing for 5 s, where `listening on ADDRESS` was due");
}

#[test]
fn a_server_that_exits_at_once_is_told_so() {
    let script = Script::new("sys.exit(3)");
    script.is_told("returns-what-it-gets", 1, "Your server ended with exit status 3 and did not print");
}

#[test]
fn a_server_that_prints_without_end_is_told_so() {
    let script = Script::new("listening()\nfor _ in range(1 << 24): print('x' * 63)");
    script.is_told("returns-what-it-gets", 1, "Your server printed more than anybody reads: over 8 MiB");
    let script = Script::new("listening()\nwhile True: print('x' * 1000, end='')");
    script.is_told("returns-what-it-gets", 1, "Your server printed more than anybody reads: over 8 MiB");
}

#[test]
fn a_server_that_closes_its_stdout_is_told_so() {
    let script = Script::new("listening()\nos.close(1)\nwhile True: bound.sendto(*bound.recvfrom(65535))");
    script.is_told("returns-what-it-gets", 1, "Your server closed its standard output and did not print");
}

#[test]
fn a_child_that_keeps_the_port_is_noticed_and_ended() {
    let script = Script::new("if os.fork() == 0: time.sleep(1000)\nlistening()\nserve()");
    script.is_told("listens-where-it-says", 1, "Your server left a child process behind");
}

#[test]
#[cfg(target_os = "linux")]
fn a_daemon_that_keeps_the_port_is_noticed_and_ended() {
    let daemon = "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(1000)\n    os._exit(0)\nlistening()\nserve()";
    let script = Script::new(daemon);
    script.is_told("listens-where-it-says", 1, "Your server left a child process behind");
}

#[test]
fn a_server_that_ignores_sigterm_is_right_and_ended_all_the_same() {
    let script = Script::new("signal.signal(signal.SIGTERM, signal.SIG_IGN)\nlistening()\nserve()");
    script.is_told("listens-where-it-says", 0, "Your server ignores SIGTERM");
}

#[test]
fn a_client_that_hangs_is_told_what_it_waits_for() {
    let script = Script::new("");
    let code = "
import socket, sys
host, port = sys.argv[sys.argv.index('--connect') + 1].rsplit(':', 1)
connection = socket.create_connection((host, int(port)))
print('connected to %s:%d' % connection.getpeername(), flush=True)
text = connection.recv(1024)
while connection.recv(1024): pass
print('received \"%s\"' % text.decode(), flush=True)
sys.stdin.read()
";
    std::fs::write(script.path(), code).unwrap();
    let stage = "client/prints-what-it-received";
    let output = check(&["check", "tcp-time", "--client", &script.command_line(), "--stage", stage]);
    let said = text(&output);
    script.nothing_runs();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let sentence = "Your client did not end within 5 s: it waits for";
    assert!(said.contains(sentence) && said.contains("the server has said all it had to say"), "{said}");
    if cfg!(target_os = "linux") {
        assert!(said.contains("it waits for more standard input"), "{said}");
    }
}

#[test]
fn a_program_that_cannot_be_started_is_not_the_students_fault() {
    let output = check(&["check", "udp-echo", "--server", "/no/such/program", "--stage", "returns-what-it-gets"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("cannot start"), "{}", text(&output));
}

#[test]
fn a_name_that_does_not_exist_gets_the_nearest() {
    let output = check(&["check", "udp-ecko"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("there is no chapter `udp-ecko`: the nearest are `udp-echo`"), "{}", text(&output));
    let output = check(&["hint", "udp-echo", "each-client-gets-his-own"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("`server/each-client-gets-its-own`"), "{}", text(&output));
}

#[test]
fn hints_come_in_three_layers() {
    let hint = |more: &[&str]| text(&check(&[&["hint", "udp-echo", "returns-what-it-gets"], more].concat()));
    let layers = [hint(&[]), hint(&["--more"]), hint(&["--more", "--more"])];
    let numbers = layers.each_ref().map(|layer| [" 1. ", " 2. ", " 3. "].map(|number| layer.contains(number)));
    assert_eq!(numbers, [[true, false, false], [true, true, false], [true, true, true]]);
}

#[test]
fn json_has_the_verdict_of_every_stage() {
    let script = Script::new("listening()\nserve()");
    let output = check(&["check", "udp-echo", "--server", &script.command_line(), "--format", "json"]);
    let document: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("one JSON document and nothing else");
    let stages = document["chapters"][0]["stages"].as_array().expect("stages");
    let count = |verdict: &str| stages.iter().filter(|stage| stage["verdict"] == verdict).count();
    assert_eq!(document["chapters"][0]["chapter"], "udp-echo");
    for (verdict, key) in [("passed", "passed"), ("failed", "failed"), ("skipped", "skipped")] {
        assert_eq!(document[key], count(verdict), "{verdict}");
    }
    assert!(count("passed") > 5 && count("failed") > 3 && count("skipped") > 10);
    let failed = stages.iter().find(|stage| stage["id"] == "server/returns-any-bytes").expect("the stage");
    assert_eq!((&failed["role"], &failed["verdict"]), (&"server".into(), &"failed".into()));
    assert!(failed["promises"].as_array().is_some_and(|promises| promises.contains(&"E1".into())));
    for key in ["title", "because", "transcript", "seconds"] {
        assert!(!failed[key].is_null(), "{key}");
    }
}

#[test]
fn interrupted_it_leaves_nothing_behind() {
    let script = Script::new("time.sleep(1000)");
    let mut checking = Command::new(env!("CARGO_BIN_EXE_xtask"));
    checking.args(["check", "udp-echo", "--server", &script.command_line()]);
    let mut checking = checking.stdout(Stdio::piped()).spawn().expect("the checker can be started");
    let mut lines = BufReader::new(checking.stdout.take().expect("its output")).lines();
    assert_eq!(lines.next().expect("a first line").expect("text"), "udp-echo");
    let interrupt = Command::new("kill").args(["-INT", &checking.id().to_string()]).status();
    assert!(interrupt.is_ok_and(|status| status.success()));
    let asked = Instant::now();
    let status = checking.wait().expect("its end");
    assert_eq!(status.code(), Some(130));
    assert!(asked.elapsed() < Duration::from_secs(5), "it took {:?} to end", asked.elapsed());
    script.nothing_runs();
}
