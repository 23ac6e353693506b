#!/usr/bin/env python3
"""waits.py - compare sockwait with `sockecho-client --wait`, and with a shell's loop around nc.

usage: bench/waits.py [BUILD-DIRECTORY]    (default: build)

A service is a port that is bound from the start, and refuses until it listens.  How late is the end of the program,
after the last service listens, and what does it cost in CPU, that of its children included?  All programs run
interleaved; each figure is the median of ROUNDS rounds.  Writes bench/results/waits.md and prints it.
"""
import os
import random
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(TOP, "build"))
ROUNDS = 11
WAIT, CLIENT = os.path.join(BUILD, "sockwait"), os.path.join(BUILD, "sockecho-client")
LOOP = 'for port; do until nc -z 127.0.0.1 "$port"; do sleep 0.05; done; done'


def commands(ports):
    targets = ["127.0.0.1:%d" % port for port in ports]
    found = {
        "sockwait": [WAIT, "-q", *targets],
        "sockwait -i 50ms": [WAIT, "-q", "-i", "50ms", *targets],
        "sh, nc -z, sleep 0.05": ["sh", "-c", LOOP, "-", *map(str, ports)],
    }
    if len(ports) == 1:
        found["sockecho-client --wait 30 --connect-only"] = [CLIENT, "-q", "--wait", "30", "--connect-only", "127.0.0.1", str(ports[0])]
    return found


def measure(count, name, after):
    """One run: how late it ended, and its CPU time, in seconds.  after 0: the service is there from the start."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        late = sockets[random.randrange(count)]
        for s in sockets:
            if s is not late or after == 0:
                s.listen(64)
        command = commands([s.getsockname()[1] for s in sockets])[name]
        begun = time.perf_counter()
        p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if after > 0:
            time.sleep(after + random.random() / 2)
            begun = time.perf_counter()
            late.listen(64)
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = status
        took = time.perf_counter() - begun
        if status != 0:
            raise SystemExit("%s: %d" % (name, status))
        return took, usage.ru_utime + usage.ru_stime
    finally:
        for s in sockets:
            s.close()


def rows(title, count, after):
    results = {name: [] for name in commands([1] * count)}
    for _ in range(ROUNDS):
        for name in results:
            results[name].append(measure(count, name, after))
    median = {name: [statistics.median(column) * 1e3 for column in zip(*runs)] for name, runs in results.items()}
    return ["| %s | %s | %.1f ms | %.1f ms |" % (title if i == 0 else "", name, *median[name]) for i, name in enumerate(median)]


table = ["| services | with | late by | CPU |", "| --- | --- | ---: | ---: |"]
table += rows("one, which is there", 1, 0)
table += rows("one, which comes after 2 s", 1, 2)
table += rows("1,000, which are there", 1000, 0)
table += rows("1,000, one of which comes after 2 s", 1000, 2)
os.makedirs(os.path.join(HERE, "results"), exist_ok=True)
with open(os.path.join(HERE, "results", "waits.md"), "w") as f:
    f.write("\n".join(table) + "\n")
print("\n".join(table))
