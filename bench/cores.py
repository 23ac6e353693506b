#!/usr/bin/env python3
"""cores.py - one server on a port against one a core on the same port (--reuseport).

usage: bench/cores.py [BUILD-DIRECTORY]    (default: build)

Everything is on this machine, on loopback, so that the load takes its share of the cores: LOADS processes of
bench/load.c at once.  Each figure is the median of ROUNDS rounds, in which the numbers of servers take turns.
"""
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(HERE), "build"))
SERVER = os.path.join(BUILD, "sockecho-server")
CORES = len(os.sched_getaffinity(0))
LOADS = max(2, CORES)
ROUNDS = 5

# (title, mode of load.c, connections, size, trips), all of one load
SCENARIOS = [
    ("round trips, 64 B, 100 connections", "trips", 50, 64, 60000),
    ("round trips, 16 KiB, 100 connections", "trips", 50, 16384, 30000),
    ("connect, 64 B, close, 32 at once", "cycles", 16, 64, 10000),
]


def start(count):
    """So many servers on one port.  Returns them, and the port."""
    servers = []
    port = "0"
    for _ in range(count):
        servers.append(subprocess.Popen([SERVER, "--reuseport", "127.0.0.1", port], stdout=subprocess.PIPE, text=True))
        port = servers[-1].stdout.readline().split()[-1]
    return servers, port


def measure(count, mode, connections, size, trips):
    """Trips a second, the cores that the servers kept busy, and the servers' CPU seconds for a trip."""
    servers, port = start(count)
    command = [LOAD, mode, "tcp", port, str(connections), str(size), str(trips)]
    begin = time.monotonic()
    loads = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(LOADS)]
    failed = any([load.wait() for load in loads])
    seconds = time.monotonic() - begin
    if failed:
        raise SystemExit("a load has failed")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for server in servers:
        server.terminate()
    for server in servers:
        server.wait()
        server.stdout.close()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return LOADS * trips / seconds, cpu / seconds, cpu / (LOADS * trips)


with tempfile.TemporaryDirectory(prefix="bench.") as tmp:
    LOAD = os.path.join(tmp, "load")
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", LOAD, os.path.join(HERE, "load.c")], check=True)
    print(f"{CORES} cores, {LOADS} loads\n")
    print("| job | servers | a second | of one server | cores that the servers used | server CPU, each |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for title, *load in SCENARIOS:
        results = {}
        for _ in range(ROUNDS):
            for servers in sorted({1, 2, CORES}):
                results.setdefault(servers, []).append(measure(servers, *load))
        rates = {}
        for servers, values in results.items():
            rate, cores, cpu = (statistics.median(value) for value in zip(*values))
            rates[servers] = rate
            print(f"| {title} | {servers} | {rate:,.0f} | {rate / rates[1]:.2f} | {cores:.2f} | {cpu * 1e6:.1f} µs |")
