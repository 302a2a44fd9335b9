#!/usr/bin/env python3
"""UDP echo server. The main thread receives, four workers print and answer; a bounded queue in between."""
import getopt
import os
import queue
import signal
import socket
import sys
import threading

ME = "server"
DEFAULT = "127.0.0.1:8090"

# exactly the control characters, the quote and the backslash
TABLE = {i: "\\u{%x}" % i for i in [*range(32), *range(127, 160)]}
TABLE.update({0: "\\0", 9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 92: "\\\\"})


def as_text(data: bytes) -> str:
    try:
        return '"' + data.decode().translate(TABLE) + '"'
    except ValueError:
        return str(len(data)) + " bytes that are not UTF-8"


def as_addr(a) -> str:
    if len(a) == 4:
        ip = a[0].partition("%")[0]
        if a[3]:
            ip += "%" + str(a[3])
        return "[" + ip + "]:" + str(a[1])
    return a[0] + ":" + str(a[1])


def give_up(status: int, *words) -> None:
    line = "error: " + " ".join(str(w) for w in words)
    try:
        os.write(2, line.encode("utf-8", "backslashreplace") + b"\n")
    finally:
        os._exit(status)


def put(line: str) -> None:
    try:
        sys.stdout.buffer.write(line.encode("utf-8") + b"\n")
        sys.stdout.buffer.flush()
    except OSError as e:
        give_up(1, "writing to stdout:", e.strerror)


def split(where: str):
    if where.startswith("["):
        host, _, rest = where[1:].partition("]")
        if not rest.startswith(":"):
            give_up(2, "no port in", repr(where))
        port = rest[1:]
    else:
        host, sep, port = where.rpartition(":")
        if not sep:
            give_up(2, "no port in", repr(where))
    if not host:
        give_up(2, "no host in", repr(where))
    if not port or port.strip("0123456789") or len(port) > 5 or int(port) > 0xFFFF:
        give_up(2, "bad port in", repr(where))
    return host, int(port)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")
    where = DEFAULT
    try:
        opts, rest = getopt.gnu_getopt(sys.argv[1:], "h", ["bind=", "timeout=", "help"])
    except getopt.GetoptError as e:
        give_up(2, e)
    for name, value in opts:
        if name in ("-h", "--help"):
            put(f"""{ME} - return UDP messages

  --bind HOST:PORT   listen there; PORT 0 means any free port
                     (without it: {DEFAULT})
  --timeout SECONDS  allowed, has no effect: clients may take their time
  -h, --help         show this and stop

For example:  {ME} --bind localhost:8090""")
            return
        if name == "--timeout":
            try:
                ok = 0 < float(value) < 1e7
            except ValueError:
                ok = False
            if not ok:
                give_up(2, "bad --timeout", repr(value))
        if name == "--bind":
            where = value
    if rest:
        give_up(2, "nothing but options expected, not", repr(rest[0]))
    host, port = split(where)

    sock = None
    why = "no address"
    try:
        for family, kind, proto, _, target in socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM):
            try:
                sock = socket.socket(family, kind, proto)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind(target)
                break
            except OSError as e:
                sock, why = None, e.strerror
    except (OSError, UnicodeError) as e:
        why = getattr(e, "strerror", None) or e
    if sock is None:
        give_up(1, "cannot bind to", where + ":", why)

    box: "queue.Queue" = queue.Queue(maxsize=100)

    lock = threading.Lock()

    def work() -> None:
        while True:
            data, peer = box.get()
            with lock:
                put(as_addr(peer) + " sent " + as_text(data))
            try:
                sock.sendto(data, peer)
            except OSError as e:
                print("answering", as_addr(peer), "failed:", e, file=sys.stderr)

    for _ in range(4):
        threading.Thread(target=work, daemon=True).start()
    put("listening on " + as_addr(sock.getsockname()))
    while True:
        try:
            box.put(sock.recvfrom(70000))
        except OSError as e:
            print("receiving failed:", e, file=sys.stderr)


if __name__ == "__main__":
    main()
