"""wire.py - the protocol of sockfile(7), written from that page: one end of a transfer for the tests."""
import os
import socket
import struct
import subprocess
import threading

MAGIC = b"\x89SFV\r\n\x1a\n"
SEND, RECEIVE = 1, 2
HELLO, OFFER, HAVE, PREFIX, START, DATA, END, VERDICT, PROGRESS, BYE, BYE_OK, ABORT, HOLE = range(1, 14)
UNKNOWN = 2**64 - 1


def greeting(role, version=1, flags=0, rest=0, magic=MAGIC):
    return magic + struct.pack(">BBHI", version, role, flags, rest)


def message(kind, payload=b"", zero=b"\0\0\0", length=None):
    return bytes([kind]) + zero + struct.pack(">I", len(payload) if length is None else length) + payload


def hello(own, seen, id, files):
    return message(HELLO, own + seen + id + struct.pack(">I", files))


def offer(index=1, mode=0o644, name=b"x", size=3, mtime=0, ns=0, name_len=None):
    return message(OFFER, struct.pack(">IHHQqI", index, mode, len(name) if name_len is None else name_len, size, mtime, ns) + name)


def held(kind, index=1, what=0, n=0, zero=b"\0\0\0", digest=b""):
    return message(kind, struct.pack(">IB", index, what) + zero + struct.pack(">Q", n) + digest)


def end(index=1, how=0, total=3, digest=b"\0" * 16, zero=b"\0\0\0"):
    return message(END, struct.pack(">IB", index, how) + zero + struct.pack(">Q", total) + digest)


def hole(n):
    return message(HOLE, struct.pack(">Q", n))


def xxh3(data):
    out = subprocess.run(["xxhsum", "-H2"], input=data, capture_output=True, check=True).stdout
    return bytes.fromhex(out.split()[0].decode())


def seal(hello, offer, start, data):
    """The transcript digest, which END carries: over the messages about a file and its bytes."""
    return xxh3(hello + offer + start + xxh3(data))


class Peer:
    def __init__(self, sock, role):
        self.sock, self.role = sock, role
        self.sock.settimeout(20)
        self.own = greeting(role)
        self.id = os.urandom(16)

    def exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.sock.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def next(self):
        """Receive the next message that is no PROGRESS.  Returns its type and payload."""
        while True:
            header = self.exactly(8)
            kind, length = header[0], struct.unpack(">I", header[4:])[0]
            payload = self.exactly(length)
            if kind != PROGRESS:
                return kind, payload

    def greet(self, files=1):
        self.sock.sendall(self.own)
        self.seen = self.exactly(16)
        if self.role == SEND:
            self.hello = hello(self.own, self.seen, self.id, files)
            self.sock.sendall(self.hello)
            kind, payload = self.next()
            assert kind == HELLO and payload[32:48] == self.id, (kind, payload)
        else:
            kind, payload = self.next()
            assert kind == HELLO, kind
            self.id = payload[32:48]
            self.sock.sendall(hello(self.own, self.seen, self.id, 0))

    def ended(self):
        """Does the other end close the connection, whatever it still sends?"""
        try:
            while self.sock.recv(65536):
                pass
        except ConnectionError:
            pass
        return True


def sender(port):
    return Peer(socket.create_connection(("127.0.0.1", int(port))), SEND)


def sender_amid_data(port, size, sent):
    """A sender of which so many bytes of a file, and of its one DATA message, have come."""
    p = sender(port)
    p.greet()
    p.sock.sendall(offer(size=size))
    assert p.next()[0] == HAVE
    p.sock.sendall(held(START) + message(DATA, b"x" * sent, length=size))
    return p


def accept_one(port=0):
    """Print a readiness line for port (0: a free one), and return the first connection."""
    with socket.create_server(("127.0.0.1", port)) as l:
        print("listening tcp 127.0.0.1", l.getsockname()[1], flush=True)
        return l.accept()[0]


def relay(a, b, alter=lambda forth, at, data: data):
    """Relay between two connections until one of them ends.  alter(from a to b?, bytes so far, bytearray) returns the
    bytes to pass on."""

    def pump(x, y, forth):
        at = 0
        try:
            while True:
                data = x.recv(65536)
                if not data:
                    break
                y.sendall(alter(forth, at, bytearray(data)))
                at += len(data)
        except OSError:
            pass
        for s in (x, y):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    back = threading.Thread(target=pump, args=(b, a, False), daemon=True)
    back.start()
    pump(a, b, True)
    back.join(5)


def flip(where, bit=1):
    """An alter() that flips a bit of one byte from a to b."""

    def alter(forth, at, data):
        if forth and at <= where < at + len(data):
            data[where - at] ^= bit
        return data

    return alter
