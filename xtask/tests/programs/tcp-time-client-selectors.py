#!/usr/bin/env python3
"""Time client: non-blocking socket and selector, one byte per read, options by getopt."""
import errno
import getopt
import os
import selectors
import signal
import socket
import sys
import time


def stop(status, why):
    try:
        sys.stderr.write("error: " + why + "\n")
        sys.stderr.flush()
    except (OSError, AttributeError):
        pass
    os._exit(status)


def line(text):
    try:
        sys.stdout.buffer.write(text.encode() + b"\n")
        sys.stdout.buffer.flush()
    except (OSError, AttributeError) as e:
        stop(1, "cannot write the transcript to standard output: " + str(e))


def help_and_leave():
    try:
        sys.stdout.write(
            "client - asks for the time\n"
            "\n"
            "  -c, --connect HOST:PORT   whom to ask (127.0.0.1:3434 if not given)\n"
            "  -t, --timeout SECONDS     patience, for connecting and for each wait\n"
            "                            (5 if not given)\n"
            "  -h, --help                this help\n"
            "\n"
            "e.g. client --connect time.example.org:3434 --timeout 10\n"
        )
        sys.stdout.flush()
    except (OSError, AttributeError):
        pass
    os._exit(0)


def pretty(addr):
    if len(addr) > 2:
        return "[" + addr[0] + ("%" + str(addr[3]) if addr[3] else "") + "]:" + str(addr[1])
    return addr[0] + ":" + str(addr[1])


def split_address(text):
    host, sep, port = text.rpartition(":")
    if not sep or not host:
        stop(2, "--connect takes HOST:PORT, not " + ascii(text))
    if host[0] == "[" and host[-1] == "]":
        host = host[1:-1]
    if not host or set(host) & set("[] \t\n"):
        stop(2, "--connect takes HOST:PORT, not " + ascii(text))
    if not port or len(port) > 6 or set(port) - set("0123456789") or int(port) > 65535:
        stop(2, "not a port number in " + ascii(text))
    return host, int(port)


def options():
    connect, timeout = "127.0.0.1:3434", 5.0
    try:
        opts, rest = getopt.gnu_getopt(sys.argv[1:], "c:t:h", ["connect=", "timeout=", "help"])
    except getopt.GetoptError as e:
        stop(2, e.msg)
    for key, value in opts:
        if key in ("-h", "--help"):
            help_and_leave()
        elif key in ("-c", "--connect"):
            connect = value
        else:
            whole, _, part = value.partition(".")
            if not whole + part or len(value) > 30 or set(whole + part) - set("0123456789") or float(value) == 0:
                stop(2, "--timeout takes a positive number of seconds, not " + ascii(value))
            timeout = min(float(value), 86400.0)
    if rest:
        stop(2, "too many arguments: " + ascii(rest[0]))
    return connect, timeout


def ready(sock, events, timeout):
    with selectors.DefaultSelector() as sel:
        sel.register(sock, events)
        end = time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            if sel.select(max(left, 0)):
                return True
            if left <= 0:
                return False


def connect_to(spec, timeout):
    host, port = split_address(spec)
    try:
        choices = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as e:
        stop(1, "cannot find the address " + spec + ": " + str(e))
    for choice in choices:
        sock = None
        try:
            sock = socket.socket(*choice[:3])
            sock.setblocking(False)
            code = sock.connect_ex(choice[4])
            if code == errno.EINPROGRESS:
                if ready(sock, selectors.EVENT_WRITE, timeout):
                    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                else:
                    code = errno.ETIMEDOUT
        except OSError as e:
            code = e.errno
        if code == 0:
            return sock, pretty(choice[4])
        if sock:
            sock.close()
        sys.stderr.write("tried " + pretty(choice[4]) + ": " + os.strerror(code) + "\n")
    stop(1, "cannot connect to " + spec + ": " + os.strerror(code))


def rust(text):
    table = {34: '\\"', 92: "\\\\", 10: "\\n", 13: "\\r", 9: "\\t", 0: "\\0"}
    for n in list(range(1, 32)) + list(range(127, 160)):
        table.setdefault(n, "\\u{%x}" % n)
    return '"' + text.translate(table) + '"'


def main():
    spec, timeout = options()
    sock, peer = connect_to(spec, timeout)
    line("connected to " + peer)
    got = bytearray()
    while True:
        if not ready(sock, selectors.EVENT_READ, timeout):
            stop(1, "gave up on " + peer + ": no sign of life within " + str(timeout) + " seconds")
        try:
            byte = sock.recv(1)
        except BlockingIOError:
            continue
        except OSError as e:
            stop(1, "connection to " + peer + " broke: " + str(e))
        if byte == b"":
            break
        got += byte
        if len(got) == 1025:
            stop(1, peer + " sends more than 1024 bytes")
    if len(got) == 0:
        stop(1, peer + " closed the connection and said nothing")
    try:
        line("received " + rust(got.decode("utf-8")))
    except UnicodeDecodeError:
        line("received %d bytes that are not UTF-8" % len(got))
    os._exit(0)


signal.signal(signal.SIGINT, signal.SIG_DFL)
main()
