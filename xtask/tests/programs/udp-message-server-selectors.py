#!/usr/bin/env python3
"""udp-message server with selectors, recvmsg_into and one preallocated buffer."""
import argparse, os, re, selectors, signal, socket, sys

CONTROL = re.compile('[\x00-\x1f"\\\\\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e0fff]')
NAMES = dict(zip('\0\t\r\n"\\', ["\\0", "\\t", "\\r", "\\n", '\\"', "\\\\"]))


def escape(match):
    char = match.group()
    return NAMES.get(char) or f"\\u{{{ord(char):x}}}"


def message(view):
    try:
        return f'"{CONTROL.sub(escape, bytes(view).decode())}"'
    except UnicodeError:
        return f"{len(view)} bytes that are not UTF-8"


def endpoint(a):
    if len(a) == 2:
        return f"{a[0]}:{a[1]}"
    return f"[{re.sub('%.*', '', a[0])}{'%' + str(a[3]) if a[3] else ''}]:{a[1]}"


def stop(text):
    print("error:", text, file=sys.stderr, flush=True)
    os._exit(1)


class Bind:
    def __init__(self, given):
        found = re.fullmatch(r"(\[(?P<six>[0-9A-Fa-f:.]+(%\w+)?)\]|(?P<name>[^:\[\]\s]+)):(?P<port>\d{1,5})", given, re.A)
        if not found or int(found["port"]) >= 1 << 16:
            raise ValueError
        self.given, self.host, self.port = given, found["six"] or found["name"], int(found["port"])


def positive(given):
    if not re.fullmatch(r"\d{0,8}\.?\d{0,9}", given, re.A) or float(given) == 0:
        raise ValueError
    return float(given)


def main():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    parser = argparse.ArgumentParser(prog="server", allow_abbrev=False, add_help=False,
                                     usage="%(prog)s [--help] [--bind HOST:PORT] [--timeout SECONDS]",
                                     epilog="Example: server --bind 192.168.1.2:3434")
    parser.add_argument("--help", "-h", action="help", help="explain the options")
    parser.add_argument("--bind", type=Bind, default=Bind("127.0.0.1:3434"), metavar="HOST:PORT",
                        help="own address; 127.0.0.1:3434 if not given; port 0: a free one")
    parser.add_argument("--timeout", type=positive, metavar="SECONDS", help="of no meaning for this server")
    bind = parser.parse_args().bind

    out = open(1, "w", encoding="utf-8", newline="\n", buffering=1, closefd=False)

    def tell(line):
        try:
            out.write(line + "\n")
            out.flush()
        except OSError as error:
            stop(f"standard output: {error.strerror}")

    try:
        family, *_, target = socket.getaddrinfo(bind.host, bind.port, 0, socket.SOCK_DGRAM, 0, socket.AI_PASSIVE)[0]
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.bind(target)
    except UnicodeError:
        stop(f"{bind.given!a}: not a host name")
    except OSError as error:
        stop(f"{bind.given} cannot be listened on: {error.strerror}")
    sock.setblocking(False)
    selector = selectors.DefaultSelector()
    selector.register(sock, selectors.EVENT_READ)
    memory = bytearray(1 << 16)
    tell("listening on " + endpoint(sock.getsockname()))
    while True:
        selector.select()
        while True:
            try:
                size, _, _, peer = sock.recvmsg_into([memory])
            except BlockingIOError:
                break
            except OSError as error:
                print("cannot receive:", error, file=sys.stderr)
                break
            tell(f"received {message(memoryview(memory)[:size])} from {endpoint(peer)}")


main()
