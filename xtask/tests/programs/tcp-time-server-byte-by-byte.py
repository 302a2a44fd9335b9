#!/usr/bin/env python3
"""Time server which sends one byte every 30 ms, in a segment of its own."""
import os, signal, socket, sys, threading, time, datetime

TEXT = """usage: server [--bind HOST:PORT]

  --bind HOST:PORT  address to bind (default: 127.0.0.1:3434), port 0 = any
  -h | --help       this

EXAMPLE

  server --bind 192.0.2.2:3434
"""

mutex = threading.Lock()


def leave(status, text):
    sys.stderr.write(text)
    sys.stderr.flush()
    os._exit(status)


def tell(text):
    with mutex:
        try:
            print(text, flush=True)
        except OSError as e:
            leave(1, f"warning: the server stops\nerror: cannot write to stdout: {e}\n")


def fmt(a):
    scope = f"%{a[3]}" if len(a) > 2 and a[3] else ""
    return f"{a[0]}:{a[1]}" if len(a) == 2 else f"[{a[0]}{scope}]:{a[1]}"


def work(c, who, t):
    text = f"Current time is {t:%Y-%m-%d %H:%M:%S}.{t.microsecond:06d}"
    tell(f"{who} connected")
    try:
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        c.settimeout(3)
        for b in text.encode():
            c.send(bytes([b]))
            time.sleep(0.03)
        tell(f'sent "{text}" to {who}')
        c.shutdown(socket.SHUT_WR)
        limit = time.monotonic() + 2
        buf = bytearray(1000)
        while time.monotonic() < limit:
            c.settimeout(limit - time.monotonic() + 0.001)
            if c.recv_into(buf) == 0:
                break
    except OSError:
        pass
    finally:
        c.close()


def main(args):
    spec = "127.0.0.1:3434"
    while args:
        a = args.pop(0)
        if a in ("-h", "--help"):
            try:
                print(TEXT, end="", flush=True)
            except OSError:
                pass
            os._exit(0)
        elif a == "--bind" and args:
            spec = args.pop(0)
        elif a.startswith("--bind="):
            spec = a[len("--bind="):]
        else:
            leave(2, TEXT + f"server: {ascii(a)} is unknown or lacks its value\n")
    host, _, port = spec.rpartition(":")
    ok = port.isascii() and port.isdigit() and len(port) < 10 and int(port) < 65536
    if host.startswith("["):
        ok = ok and host.endswith("]") and len(host) > 2
        name = host[1:-1]
    else:
        ok = ok and host != "" and not set(host) & set(": \n\t")
        name = host
    if not ok:
        leave(2, TEXT + f"server: {ascii(spec)} is no HOST:PORT\n")
    try:
        found = socket.getaddrinfo(name, int(port), type=socket.SOCK_STREAM)
        for n, (family, _, _, _, sa) in enumerate(found, 1):
            try:
                s = socket.create_server(sa[:2] if family == socket.AF_INET else sa, family=family, backlog=64)
                break
            except OSError:
                if n == len(found):
                    raise
    except (OSError, UnicodeError) as e:
        leave(1, f"error: bind to {spec} failed: {e}\n")
    tell(f"listening on {fmt(s.getsockname())}")
    while True:
        try:
            c, peer = s.accept()
            t = datetime.datetime.now()
            threading.Thread(target=work, args=(c, fmt(peer), t), daemon=True).start()
        except (OSError, RuntimeError):
            time.sleep(0.1)


signal.signal(signal.SIGINT, signal.SIG_DFL)
main(sys.argv[1:])
