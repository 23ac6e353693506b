#!/usr/bin/env python3
"""lookups.py - compare hostlookup and servlookup with getent, and with the least that the job needs.

usage: bench/lookups.py [BUILD-DIRECTORY]    (default: build; needs root, for namespaces of its own)

All programs run interleaved.  Each figure is the median of ROUNDS rounds of wall time.  bench/dns.c answers
the names, in a network and mount namespace.  Writes bench/results/lookups.md and prints it.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
ROUNDS = 5

if len(sys.argv) < 3:
    build = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(TOP, "build"))
    os.execvp("unshare", ["unshare", "-nm", sys.executable, __file__, build, "inside"])

BUILD = sys.argv[1]
tmp = tempfile.mkdtemp(prefix="bench.")


def compile_c(name):
    target = os.path.join(tmp, name)
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", target, os.path.join(HERE, name + ".c"), "-lpthread"], check=True)
    return target


def bind(text, over):
    path = os.path.join(tmp, os.path.basename(over))
    with open(path, "w") as f:
        f.write(text)
    subprocess.run(["mount", "--bind", path, over], check=True)


def timed(command, stdin=None, repeat=1):
    start = time.perf_counter()
    for _ in range(repeat):
        with open(stdin or os.devnull) as f:
            done = subprocess.run(command, stdin=f, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, shell=isinstance(command, str))
        if done.returncode not in (0, 3):
            raise SystemExit(f"{command}: {done.returncode}")
    return (time.perf_counter() - start) / repeat


def spawn_time(command, repeat):
    null = [(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
    start = time.perf_counter()
    for _ in range(repeat):
        os.waitpid(os.posix_spawn(command[0], command, os.environ, file_actions=null), 0)
    return (time.perf_counter() - start) / repeat


def median_of(measures):
    results = {name: [] for name in measures}
    for _ in range(ROUNDS):
        for name, measure in measures.items():
            results[name].append(measure())
    return {name: statistics.median(values) for name, values in results.items()}


def rows(title, results, base):
    return [f"| {title if i == 0 else ''} | {name} | {value * 1e3:.2f} ms | {value / results[base]:.2f} |"
            for i, (name, value) in enumerate(results.items())]


POOL, DNS = compile_c("pool"), compile_c("dns")
HOST, SERV = os.path.join(BUILD, "hostlookup"), os.path.join(BUILD, "servlookup")
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
subprocess.run(["ip", "addr", "add", "192.0.2.250/32", "dev", "lo"], check=True)  # getent asks for IPv4 only if there is an IPv4 address
bind("127.0.0.1 localhost\n", "/etc/hosts")
bind("hosts: files dns\nservices: files\npasswd: files\n", "/etc/nsswitch.conf")
bind("nameserver 127.0.0.1\n", "/etc/resolv.conf")
for n in (1000, 10000):
    with open(f"{tmp}/names{n}", "w") as f:
        f.write("".join(f"host{i}.test\n" for i in range(n)))
with open(f"{tmp}/ports", "w") as f:
    f.write("".join(f"{i}\n" for i in range(65536)))


def with_dns(delay, measures):
    server = subprocess.Popen([DNS, "53", str(delay)], stdout=subprocess.PIPE, text=True)
    server.stdout.readline()
    try:
        return median_of(measures)
    finally:
        server.kill()
        server.wait()


table = ["| job | with | time | ratio |", "| --- | --- | ---: | ---: |"]
table += rows("one-off look-up of localhost", median_of({
    "getent hosts": lambda: spawn_time(["/usr/bin/getent", "hosts", "127.0.0.1"], 200),
    "getent ahostsv4": lambda: spawn_time(["/usr/bin/getent", "ahostsv4", "localhost"], 200),
    "hostlookup": lambda: spawn_time([HOST, "localhost"], 200),
}), "getent ahostsv4")
table += rows("one-off look-up of a service", median_of({
    "getent services": lambda: spawn_time(["/usr/bin/getent", "services", "ssh"], 200),
    "servlookup": lambda: spawn_time([SERV, "ssh"], 200),
}), "getent services")
names = f"{tmp}/names1000"
table += rows("1,000 names, answers at once", with_dns(0, {
    "pool of 16 threads": lambda: timed([POOL, "16"], names),
    "hostlookup -j 16": lambda: timed([HOST, "-j", "16", "-f", names]),
    "xargs -P16 -n64 getent": lambda: timed(f"xargs -P16 -n64 getent ahostsv4 <{names}"),
}), "pool of 16 threads")
names = f"{tmp}/names10000"
for width in (64, 256):
    table += rows(f"10,000 names, 20 ms each, {width} at once", with_dns(20, {
        f"pool of {width} threads": lambda: timed([POOL, str(width)], names),
        f"hostlookup -j {width}": lambda: timed([HOST, "-j", str(width), "-f", names]),
    }), f"pool of {width} threads")
table += rows("65,536 ports", median_of({
    "one getservent pass": lambda: timed([POOL, "services"], repeat=20),
    "servlookup -f": lambda: timed([SERV, "-f", f"{tmp}/ports"]),
    "servlookup 0-65535": lambda: timed([SERV, "0-65535"], repeat=5),
}), "one getservent pass")
os.makedirs(os.path.join(HERE, "results"), exist_ok=True)
with open(os.path.join(HERE, "results", "lookups.md"), "w") as f:
    f.write("\n".join(table) + "\n")
print("\n".join(table))
