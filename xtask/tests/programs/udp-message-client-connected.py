#!/usr/bin/env python3
# UDP message client with a connected socket. The whole of stdin is read when "-" is reached.
# Options by hand; everything that is not printable ASCII is written as an escape.
import errno
import os
import re
import signal
import socket
import sys

HELP = """\
Usage: client [OPTIONS] [TEXT]...

Each TEXT goes out as one UDP datagram, in order. No answer is expected.

Arguments:
  TEXT                     a message [default: Hello UDP!];
                           - means every line of standard input

Options:
  -c, --connect HOST:PORT  where the server is [default: 127.0.0.1:3434]
      --timeout SECONDS    accepted like everywhere, without a use here
  -h, --help               this text

Examples:
  client --connect [::1]:3434 "two words" another
  printf 'a\\nb\\n' | client first - last
"""
MOST = 65507


def fatal(text, status=1):
    sys.stderr.write("error: " + text.encode("utf-8", "replace").decode() + "\n")
    sys.stderr.flush()
    os._exit(status)


def usage(text):
    fatal(text + " (see --help)", 2)


def parse(args):
    connect, texts = "127.0.0.1:3434", []
    args = list(args)
    while args:
        arg = args.pop(0)
        if arg == "--":
            texts += args
            break
        if arg == "-" or not arg.startswith("-"):
            texts.append(arg)
            continue
        name, equals, value = arg.partition("=")
        if name in ("-h", "--help"):
            sys.stdout.write(HELP)
            sys.stdout.flush()
            os._exit(0)
        if name not in ("-c", "--connect", "--timeout"):
            usage(f"unknown option {arg!a}")
        if not equals:
            if not args:
                usage(f"{name} needs a value")
            value = args.pop(0)
        if name == "--timeout":
            if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]*)?|\.[0-9]+", value) or float(value) == 0:
                usage(f"bad number of seconds {value!a}")
        else:
            connect = value
    match = re.fullmatch(r"(?:\[([^\[\]]+)\]|([^:\[\]]+)):([0-9]{1,5})", connect)
    if not match or int(match[3]) > 65535:
        usage(f"HOST:PORT with a port up to 65535 expected, got {connect!a}")
    return connect, match[1] or match[2], int(match[3]), texts


NAMED = {9: r"\t", 10: r"\n", 13: r"\r", 0: r"\0", 34: r"\"", 92: r"\\"}


def quote(data):
    try:
        text = str(data, "utf-8", "strict")
    except UnicodeDecodeError:
        return f"{len(data)} bytes that are not UTF-8"
    return '"' + "".join(
        NAMED[c] if c in NAMED else chr(c) if 32 <= c < 127 else f"\\u{{{c:x}}}" for c in map(ord, text)
    ) + '"'


def pretty(addr):
    if len(addr) > 2:
        zone = f"%{addr[3]}" if addr[3] else ""
        return f"[{addr[0].split('%')[0]}{zone}]:{addr[1]}"
    return f"{addr[0]}:{addr[1]}"


def emit(line):
    try:
        print(line, flush=True)
    except OSError as e:
        fatal(f"stdout: {e.strerror}")


def read_lines():
    whole = bytearray()
    try:
        while piece := os.read(0, 1 << 16):
            whole += piece
    except OSError as e:
        fatal(f"reading standard input: {e.strerror}")
    lines = bytes(whole).split(b"\n")
    if not lines[-1]:
        del lines[-1]
    return lines


def main():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if None in (sys.stdin, sys.stdout, sys.stderr):
        null = os.open(os.devnull, os.O_RDWR)
        while null < 3:
            null = os.dup(null)
        sys.stdout = sys.stdout or open(os.devnull, "w")
        sys.stderr = sys.stderr or open(os.devnull, "w")
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    given, host, port, texts = parse(sys.argv[1:])
    texts = [os.fsencode(t) for t in texts or ["Hello UDP!"]]
    for text in texts:
        if len(text) > MOST:
            fatal(f"a text of {len(text)} bytes for {given} is too long: at most {MOST} bytes fit")
    try:
        info = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        sock = socket.socket(info[0], info[1])
        sock.connect(info[4])
    except (OSError, UnicodeError) as e:
        fatal(f"connecting to {given}: {getattr(e, 'strerror', None) or e}")

    def send(data):
        if len(data) > MOST:
            fatal(f"a line of {len(data)} bytes for {given} is too long: at most {MOST} bytes fit")
        while True:
            try:
                sock.send(data)
                break
            except ConnectionRefusedError:
                continue  # that was about an earlier datagram: this one has not been sent yet
            except OSError as e:
                fatal(f"sending to {given}: {e.strerror}")
        emit(f"sent {quote(data)} to {pretty(info[4])}")

    for text in texts:
        if text == b"-":
            for line in read_lines():
                send(line)
        else:
            send(text)


main()
