#!/usr/bin/env python3
# Time server on asyncio; the options are taken apart by hand.
import asyncio, os, signal, socket, sys, time

HELP = """Usage: server [OPTIONS]

Sends the current local time to whoever connects, and closes.

Options:
  --bind HOST:PORT   listen here instead of 127.0.0.1:3434; with port 0 the
                     system chooses a free port
  --timeout SECONDS  how long a peer may keep its side open after it got the
                     time (decimals allowed, at least 1.1, default 1.5)
  -h, --help         show this text

Examples:
  server
  server --bind [::1]:3434
"""


def bail(code, text):
    try:
        os.write(2, text.encode("utf-8", "backslashreplace") + b"\n")
    except OSError:
        pass
    os._exit(code)


def usage(why):
    bail(2, f"error: {why}\nTry --help.")


def put(text):
    rest = memoryview(text.encode() + b"\n")
    try:
        while rest:
            rest = rest[os.write(1, rest):]
    except OSError as e:
        bail(1, f"error: standard output cannot be written: {e.strerror}")


def parse(argv):
    bind, linger = "127.0.0.1:3434", 1.5
    it = iter(argv)
    for arg in it:
        name, eq, value = arg.partition("=")
        if name in ("--bind", "--timeout"):
            if not eq:
                value = next(it, None)
                if value is None:
                    usage(f"{name} needs a value")
            if name == "--bind":
                bind = value
            else:
                digits = value.replace(".", "", 1)
                if not (digits.isascii() and digits.isdigit()):
                    usage(f"{value!r} is not a number of seconds")
                linger = min(float(value), 1e6)
                if linger < 1.1:
                    usage("--timeout must be at least 1.1")
        elif arg in ("-h", "--help"):
            put(HELP.rstrip("\n"))
            os._exit(0)
        else:
            usage(f"unknown argument {arg!r}")
    host, colon, port = bind.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        bare = host[1:-1]
    elif ":" in host:
        usage(f"{bind!r}: an IPv6 address and a port are written [ADDRESS]:PORT")
    else:
        bare = host
    if not colon or not bare or not bare.isprintable() or " " in bare:
        usage(f"{bind!r} is not HOST:PORT")
    if not (port.isascii() and port.isdigit()) or len(port) > 9 or int(port) > 65535:
        usage(f"{bind!r}: the port must be a number from 0 to 65535")
    return bind, bare, int(port), linger


def name_of(sockaddr):
    if len(sockaddr) == 2:
        return f"{sockaddr[0]}:{sockaddr[1]}"
    zone = f"%{sockaddr[3]}" if sockaddr[3] else ""
    return f"[{sockaddr[0]}{zone}]:{sockaddr[1]}"


async def attend(loop, conn, peer, stamp, linger):
    seconds, nanos = divmod(stamp, 10**9)
    line = time.strftime("Current time is %Y-%m-%d %H:%M:%S.", time.localtime(seconds)) + f"{nanos // 1000:06}"
    try:
        async with asyncio.timeout(linger):
            await loop.sock_sendall(conn, line.encode())
        put(f'sent "{line}" to {name_of(peer)}')
        conn.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(linger):
            while await loop.sock_recv(conn, 1 << 14):
                pass
    except (OSError, TimeoutError):
        pass
    finally:
        conn.close()


async def run(bind, host, port, linger):
    loop = asyncio.get_running_loop()
    try:
        infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as e:
        bail(1, f"error: listening on {bind}: {e}")
    problem = None
    for family, kind, proto, _, sockaddr in infos:
        try:
            listener = socket.socket(family, kind, proto)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(sockaddr)
            listener.listen(256)
            break
        except OSError as e:
            problem = e
    else:
        bail(1, f"error: listening on {bind}: {problem.strerror}")
    listener.setblocking(False)
    put(f"listening on {name_of(listener.getsockname())}")
    tasks = set()
    while True:
        try:
            conn, peer = await loop.sock_accept(listener)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        stamp = time.time_ns()
        put(f"{name_of(peer)} connected")
        task = loop.create_task(attend(loop, conn, peer, stamp, linger))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


signal.signal(signal.SIGINT, signal.SIG_DFL)
asyncio.run(run(*parse(sys.argv[1:])))
