#!/usr/bin/env python3
"""UDP echo client: a thread reads stdin into a bounded queue, an asyncio task sends and waits."""
import asyncio
import getopt
import os
import signal
import socket
import sys
import threading

ME, DEFAULT, MAX = "client", "127.0.0.1:8090", 65507

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


def reader(loop, box):
    """In a thread of its own: every line goes into the queue, None at the end."""
    rest = b""
    while True:
        try:
            piece = os.read(0, 8192)
        except OSError as e:
            give_up(1, "cannot read standard input:", e.strerror)
        if not piece:
            break
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            asyncio.run_coroutine_threadsafe(box.put(line), loop).result()
        if len(rest) > MAX:
            break  # too long in any case
    if rest:
        asyncio.run_coroutine_threadsafe(box.put(rest), loop).result()
    asyncio.run_coroutine_threadsafe(box.put(None), loop).result()


class Waiter(asyncio.DatagramProtocol):
    """Knows the bytes that are waited for; everything else is forgotten at once."""

    wanted = None
    future = None

    def datagram_received(self, data, addr):
        if self.future and not self.future.done() and data == self.wanted:
            self.future.set_result(None)

    def error_received(self, exc):
        pass  # no echo: the timeout decides


async def main(where, host, port, timeout):
    loop = asyncio.get_running_loop()
    try:
        family, kind, proto, _, target = (await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM))[0]
        sock = socket.socket(family, kind, proto)
        sock.setblocking(False)
        sock.connect(target)
    except (OSError, UnicodeError) as e:
        give_up(1, "cannot find", where + ":", getattr(e, "strerror", None) or e)
    _, waiter = await loop.create_datagram_endpoint(Waiter, sock=sock)

    def send(data):
        while True:
            try:
                return sock.send(data)
            except (ConnectionRefusedError, BlockingIOError):
                continue
            except OSError as e:
                give_up(1, "cannot send to", where + ":", e.strerror)

    box = asyncio.Queue(4)
    threading.Thread(target=reader, args=(loop, box), daemon=True).start()
    while (line := await box.get()) is not None:
        if len(line) > MAX:
            give_up(1, f"cannot send more than {MAX} bytes in one datagram to {where}, and here are {len(line)}")
        waiter.wanted, waiter.future = line, loop.create_future()
        for _ in range(3):
            send(line)
            done, _ = await asyncio.wait([waiter.future], timeout=timeout)
            if done:
                break
        else:
            give_up(1, f"sent 3 times to {as_addr(target)}, no reply")
        put("echo " + as_text(line))
        if line == b"exit":
            break
    os._exit(0)


def start():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")
    where, timeout = DEFAULT, 1.0
    try:
        opts, rest = getopt.gnu_getopt(sys.argv[1:], "h", ["connect=", "timeout=", "help"])
    except getopt.GetoptError as e:
        give_up(2, e)
    for name, value in opts:
        if name in ("-h", "--help"):
            put(f"""{ME} [OPTIONS] - sends the lines of standard input by UDP, prints their echoes

  --connect HOST:PORT   send there (without it: {DEFAULT})
  --timeout SECONDS     for one try of three (without it: 1)
  -h, --help            show this and stop

For example:  echo hello | {ME} --connect localhost:8090""")
            return
        if name == "--timeout":
            try:
                timeout = float(value)
            except ValueError:
                timeout = 0
            if not 0 < timeout < 1e7:
                give_up(2, "bad --timeout", repr(value))
        if name == "--connect":
            where = value
    if rest:
        give_up(2, "nothing but options expected, not", repr(rest[0]))
    host, port = split(where)
    asyncio.run(main(where, host, port, timeout))


if __name__ == "__main__":
    start()
