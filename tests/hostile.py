#!/usr/bin/env python3
"""hostile.py - peers that break the protocol of verified transfers.  A row of a table is a case with its name.

usage: hostile.py senders TABLE PORT    run each case against the receiver that listens there
       hostile.py receivers             print a readiness line, then run each case against one sender that connects
       hostile.py cases                 print how many cases `receivers` has

`senders` prints the cases in which the other end did not close the connection.
"""
import socket
import struct
import sys

from wire import *

BIG = 2**63


# ---- senders


def greets(data):
    """Send this, and no more."""
    return lambda p: p.sock.sendall(data)


def introduces(make):
    """Send the greeting, and this instead of HELLO."""

    def run(p):
        p.sock.sendall(p.own)
        p.seen = p.exactly(16)
        p.sock.sendall(make(p))

    return run


def says(*messages):
    """Send greeting and HELLO, and then this."""

    def run(p):
        p.greet()
        for m in messages:
            p.sock.sendall(m)

    return run


def offers(*messages):
    return says(offer(), *messages)


def starts(*messages):
    return offers(held(START), *messages)


def sends(*messages):
    return starts(message(DATA, b"abc"), *messages)


def named(name):
    return says(message(OFFER, struct.pack(">IHHQqI", 1, 0o644, len(name), 3, 0, 0) + name))


NAMES = (b"", b".", b"..", b"../x", b"a/b", b"/etc/passwd", b".x", b"-x", b"x\0y", b"\x1b[31m", b"x\n", b"\xc2\x9b",
         b"\xff\xfe", b"x.part", b"\x7f", b"x" * 4096)

SENDERS = {
    "greetings": {
        "another magic": greets(b"\x89SFX\r\n\x1a\n" + bytes(8)),
        "a last byte of the magic": greets(greeting(SEND, magic=MAGIC[:-1] + b"x")),
        "version 0": greets(greeting(SEND, version=0)),
        "version 2": greets(greeting(SEND, version=2)),
        "version 255": greets(greeting(SEND, version=255)),
        "role 0": greets(greeting(0)),
        "role 3": greets(greeting(3)),
        "role 255": greets(greeting(255)),
        "a receiver": greets(greeting(RECEIVE)),
        "an unknown flag": greets(greeting(SEND, flags=2)),
        "all flags": greets(greeting(SEND, flags=0xffff)),
        "a key": greets(greeting(SEND, flags=1)),
        "what must be zero": greets(greeting(SEND, rest=1)),
    },
    "hellos": {
        "no files": introduces(lambda p: hello(p.own, p.seen, p.id, 0)),
        "65536 files": introduces(lambda p: hello(p.own, p.seen, p.id, 65536)),
        "2^32-1 files": introduces(lambda p: hello(p.own, p.seen, p.id, 2**32 - 1)),
        "another greeting of its own": introduces(lambda p: hello(p.seen, p.seen, p.id, 1)),
        "another greeting of the other": introduces(lambda p: hello(p.own, p.own, p.id, 1)),
        "OFFER": introduces(lambda p: offer()),
        "too short": introduces(lambda p: message(HELLO, bytes(51))),
        "too long": introduces(lambda p: message(HELLO, bytes(53))),
        "type 0": introduces(lambda p: message(0)),
        "type 14": introduces(lambda p: message(14)),
        "type 255": introduces(lambda p: message(255)),
        "what must be zero": introduces(lambda p: message(HELLO, bytes(52), zero=b"\0\0\1")),
        "DATA of 0 bytes": introduces(lambda p: message(DATA, length=0)),
        "DATA of more than 1 MiB": introduces(lambda p: message(DATA, length=2**20 + 1)),
        "OFFER of 4 GiB": introduces(lambda p: message(OFFER, length=2**32 - 1)),
    },
    "names": {repr(name[:12]): named(name) for name in NAMES},
    "offers": {
        "index 0": says(offer(index=0)),
        "index 2": says(offer(index=2)),
        "index 65536": says(offer(index=65536)),
        "index 2^32-1": says(offer(index=2**32 - 1)),
        "the sticky bit": says(offer(mode=0o1000)),
        "set-user-ID": says(offer(mode=0o4755)),
        "all bits of the mode": says(offer(mode=0xffff)),
        "a name of 0": says(offer(name_len=0)),
        "a name of 2": says(offer(name_len=2)),
        "a name of 65535": says(offer(name_len=65535)),
        "a size of 2^63": says(offer(size=BIG)),
        "a size next to unknown": says(offer(size=UNKNOWN - 1)),
        "10^9 nanoseconds": says(offer(ns=10**9)),
        "2^32-1 nanoseconds": says(offer(ns=2**32 - 1)),
        "START first": says(message(START, bytes(16))),
        "DATA first": says(message(DATA, b"abc")),
        "END first": says(end()),
        "HOLE first": says(hole(3)),
    },
    "starts": {
        "index 2": offers(held(START, index=2)),
        "at 1": offers(held(START, n=1)),
        "at 2^63": offers(held(START, n=BIG)),
        "what it is": offers(held(START, what=1)),
        "what must be zero": offers(held(START, zero=b"\0\1\0")),
        "twice": starts(held(START)),
        "VERDICT": starts(held(VERDICT)),
        "ABORT with an unknown code": starts(message(ABORT, b"\xff\0\0\0")),
        "ABORT before": offers(message(ABORT, b"\x0a\0\0\0")),
    },
    "data": {
        "more than offered": starts(message(DATA, b"abcd")),
        "more than offered, in two": sends(message(DATA, b"d")),
        "a hole of more than offered": starts(hole(4)),
        "a hole behind the end": sends(hole(1)),
        "a hole of 0": starts(hole(0)),
        "a hole of more than 64 MiB": says(offer(size=UNKNOWN), held(START), hole(2**26 + 1)),
        "a hole of 2^64-1": says(offer(size=UNKNOWN), held(START), hole(2**64 - 1)),
        "a hole with another digest": starts(hole(3), end(total=3)),
        "less than offered": starts(message(DATA, b"ab"), end(total=2)),
        "END says 4 of 3": sends(end(total=4)),
        "END with another digest": sends(end(total=3)),
        "END says 2^63": sends(end(total=BIG)),
        "END of index 2": sends(end(index=2)),
        "END how 4": sends(end(how=4)),
        "END with what must be zero": sends(end(zero=b"\1\0\0")),
        "END how 1": sends(end(how=1)),
        "END how 2": sends(end(how=2)),
        "OFFER before END": sends(offer(index=2)),
        "BYE before END": sends(message(BYE)),
        "1 MiB of unknown size with another digest":
            says(offer(size=UNKNOWN), held(START), message(DATA, b"x" * 2**20), end(total=2**20)),
    },
}


def play_senders(table, port):
    for name, run in SENDERS[table].items():
        p = sender(port)
        try:
            run(p)
        except (ConnectionError, EOFError):
            pass
        try:
            p.ended()
        except TimeoutError:
            print("not closed:", name)
    print(len(SENDERS[table]), "cases")


# ---- receivers


def answers(*messages):
    """Answer OFFER with this."""

    def run(p):
        p.greet()
        p.next()
        for m in messages:
            p.sock.sendall(m)

    return run


def judges(*messages):
    """Receive the whole file, and send this instead of VERDICT."""

    def run(p):
        answers(held(HAVE))(p)
        while p.next()[0] != END:
            pass
        for m in messages:
            p.sock.sendall(m)

    return run


RECEIVERS = {
    "a web server": greets(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "version 9": greets(greeting(RECEIVE, version=9)),
    "a sender": greets(greeting(SEND)),
    "a key": greets(greeting(RECEIVE, flags=1)),
    "HAVE of index 2": answers(held(HAVE, index=2)),
    "HAVE of kind 3": answers(held(HAVE, what=3)),
    "HAVE nothing, 1 byte": answers(held(HAVE, what=0, n=1)),
    "HAVE 2^63 bytes": answers(held(HAVE, what=1, n=BIG)),
    "VERDICT at once": answers(held(VERDICT)),
    "VERDICT 255 at once": answers(held(VERDICT, what=255)),
    "PREFIX of another kind": answers(held(HAVE, what=1, n=5), held(PREFIX, what=0, n=5, digest=bytes(32))),
    "PREFIX of another length": answers(held(HAVE, what=1, n=5), held(PREFIX, what=1, n=6, digest=bytes(32))),
    "BYE_OK at once": answers(message(BYE_OK)),
    "DATA": answers(message(DATA, b"abc")),
    "VERDICT before END": answers(held(HAVE), held(VERDICT)),
    "VERDICT 255 before END": answers(held(HAVE), held(VERDICT, what=255)),
    "VERDICT of index 2": judges(held(VERDICT, index=2)),
    "VERDICT of 1 byte": judges(held(VERDICT, n=1)),
    "VERDICT 6": judges(held(VERDICT, what=6)),
    "ABORT": judges(message(ABORT, b"\x0a\0\0\0")),
}


def play_receivers():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print("listening tcp 127.0.0.1", listener.getsockname()[1], flush=True)
        for run in RECEIVERS.values():
            p = Peer(listener.accept()[0], RECEIVE)
            try:
                run(p)
            except (ConnectionError, EOFError):
                pass
            p.ended()
            p.sock.close()


if sys.argv[1] == "senders":
    play_senders(sys.argv[2], sys.argv[3])
elif sys.argv[1] == "receivers":
    play_receivers()
else:
    print(*RECEIVERS, sep="\n")
