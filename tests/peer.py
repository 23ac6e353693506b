"""peer.py - one end of a TCP connection or of a UNIX one, that does what it is told, for the tests; or of datagrams.

peer.py connect PORT|PATH STEP ...    connects, and does the steps
peer.py listen [PATH] : STEP ...      says where it listens, and does the steps with each that comes
peer.py full [PATH]                   says where it listens, and its queue is full: who comes has no answer
peer.py datagrams [N [SIZE]]          says where it is, and answers each datagram N times (1), in upper case; behind
                                      the first answer with SIZE bytes at most

send=N       send N bytes
say=TEXT     send TEXT
read=N       read until there are N bytes
count        read to the end, and say how many bytes came and the last 8 of them
fill         send until there is no room any more
flood        send until the other end cuts the connection off; that must come within ten seconds
cut          say nothing, and wait until the other end cuts the connection off
shut         end its own direction
reset        close with a reset
wait=S       do nothing for S seconds
hold         do nothing until it is killed

Each step is told on standard output when it is done, or, for the last two, when it begins.
"""
import os
import socket
import struct
import sys
import time


def fill_pipe(w):
    """Write to a pipe until it is full, and say how many bytes that took.

    It is opened anew: O_NONBLOCK on its description would be the other end's, too.
    """
    filled = 0
    fd = os.open("/proc/self/fd/%d" % w, os.O_WRONLY | os.O_NONBLOCK)
    try:
        while True:
            filled += os.write(fd, b"\n" * 4096)
    except BlockingIOError:
        return filled
    finally:
        os.close(fd)


def say(*words):
    print(*words, flush=True)


def address(where):
    return ("127.0.0.1", int(where)) if where.isdigit() else where


def stream(where):
    return socket.socket(socket.AF_INET if isinstance(where, tuple) else socket.AF_UNIX)


def listener(path, backlog):
    where = path or ("127.0.0.1", 0)
    sock = stream(where)
    sock.bind(where)
    sock.listen(backlog)
    return sock


def tell(sock):
    name = sock.getsockname()
    say("listening", *(("unix", name) if isinstance(name, str) else ("tcp", *name)))


def fill_queue(sock):
    """Some who connect are there, and the others wait."""
    waiting = [stream(sock.getsockname()) for _ in range(8)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(sock.getsockname())
    time.sleep(0.1)
    return waiting


def fill(sock):
    """Send until nothing has been taken for a while."""
    sock.settimeout(0.2)
    try:
        while True:
            sock.send(b"x" * 65536)
    except TimeoutError:
        sock.settimeout(None)


def flood(sock):
    """Send until the other end cuts the connection off."""
    end = time.monotonic() + 10
    sock.settimeout(10)
    try:
        while time.monotonic() < end:
            sock.send(b"x" * 65536)
    except (ConnectionResetError, BrokenPipeError):
        return
    except TimeoutError:
        pass
    sys.exit("it was not cut off")


def step(sock, word, value):
    if word == "send":
        sock.sendall(b"x" * int(value))
    elif word == "say":
        sock.sendall(value.encode())
    elif word == "read":
        left = int(value)
        while left > 0 and (piece := sock.recv(min(left, 65536))):
            left -= len(piece)
        assert left == 0, f"{left} bytes did not come"
    elif word == "count":
        block, last, n = bytearray(1 << 20), b"", 0
        while got := sock.recv_into(block):
            last, n = (last + block[max(got - 8, 0):got])[-8:], n + got
        say(n, last.decode(errors="replace"))
        return
    elif word == "fill":
        fill(sock)
    elif word == "flood":
        flood(sock)
    elif word == "cut":
        try:
            assert sock.recv(1) == b"", "it said something"
        except ConnectionResetError:
            pass
    elif word == "shut":
        sock.shutdown(socket.SHUT_WR)
    elif word == "reset":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    elif word in ("wait", "hold"):
        say(word)
        time.sleep(float(value or 600))
        return
    else:
        sys.exit(f"peer.py: what is '{word}'?")
    say(word)


def steps(sock, words):
    for word in words:
        step(sock, *word.split("=", 1) if "=" in word else (word, ""))
    sock.close()


def main():
    mode, *words = sys.argv[1:]
    if mode == "connect":
        where = address(words[0])
        sock = stream(where)
        sock.connect(where)
        steps(sock, words[1:])
    elif mode == "listen":
        colon = words.index(":")
        sock = listener(words[0] if colon else None, 128)
        tell(sock)
        while True:
            steps(sock.accept()[0], words[colon + 1:])
    elif mode == "full":
        sock = listener(words[0] if words else None, 0)
        waiting = fill_queue(sock)
        tell(sock)
        time.sleep(600)
        del waiting
    elif mode == "datagrams":
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        say("listening", "udp", *sock.getsockname())
        while True:
            data, asker = sock.recvfrom(70000)
            for i in range(int(words[0]) if words else 1):
                sock.sendto(data.upper()[:int(words[1]) if i and words[1:] else None], asker)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
