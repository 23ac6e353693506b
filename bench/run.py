#!/usr/bin/env python3
"""run.py - compare the echo server and client with others, and with the least that the job needs.

usage: bench/run.py [BUILD-DIRECTORY]    (default: build)

All programs run interleaved on this machine, on loopback.  Each figure is the median of ROUNDS rounds.
Writes bench/results/echo.md and bench/results/echo.svg, and prints the table.  What is measured:

- server CPU for a round trip, or for a cycle of connect, one trip, close;
- the time of a whole process for a one-off client.

`limit` is bench/echo_epoll.c or bench/oneoff.c, which make the fewest system calls possible.
"""
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(TOP, "build"))
RESULTS = os.path.join(HERE, "results")
ROUNDS = 5
TICK = os.sysconf("SC_CLK_TCK")
OURS = "sockecho-server"
CLIENT = os.path.join(BUILD, "sockecho-client")
tmp = tempfile.mkdtemp(prefix="bench.")


def build(name, *packages):
    """Compile bench/NAME.c.  Returns None if a library is missing."""
    flags = []
    if packages:
        found = subprocess.run(["pkg-config", "--cflags", "--libs", *packages], capture_output=True, text=True)
        if found.returncode != 0:
            return None
        flags = found.stdout.split()
    target = os.path.join(tmp, name)
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", target, os.path.join(HERE, name + ".c"), *flags], check=True)
    return target


def tree(pid):
    """pid and all its descendants."""
    children = {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            parent = int(open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append(int(p))
        except OSError:
            pass
    pids = [pid]
    for p in pids:
        pids += children.get(p, [])
    return pids


def cpu(pid):
    """The CPU seconds that a server and its descendants have used so far."""
    total = 0.0
    for p in tree(pid):
        try:
            # Ended children are counted in ticks, running ones in nanoseconds.
            fields = open(f"/proc/{p}/stat").read().rsplit(")", 1)[1].split()
            total += sum(map(int, fields[13:15])) / TICK
            for task in os.listdir(f"/proc/{p}/task"):
                total += int(open(f"/proc/{p}/task/{task}/schedstat").read().split()[0]) / 1e9
        except OSError:
            pass
    return total


class Server:
    """A running server.  `where` is its port or path."""

    def __init__(self, name, command, where=None, kind="tcp"):
        self.name = name
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if where is None:
            where = self.process.stdout.readline().split()[-1]
        self.where = where
        if kind == "tcp":
            wait_for(where)

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def wait_for(where):
    if not where.isdigit():
        return
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", int(where))).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nobody answers on {where}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return str(s.getsockname()[1])


PROCESSORS = os.sched_getaffinity(0)


def servers_for(kind):
    """(name, command, port or None) for each server of that kind that is installed."""
    yield "limit", [EPOLL, kind if kind != "unix" else "unix:" + os.path.join(tmp, "limit")], None
    ours = [os.path.join(BUILD, OURS)]
    if kind == "unix":
        path = os.path.join(tmp, "ours")
        yield OURS, ours + ["-U", path], path
    elif kind == "udp":
        yield OURS, ours + ["-u", "0"], None
    else:
        yield OURS, ours + ["0"], None
        if LIBEVENT:
            yield "libevent", [LIBEVENT], None
        if LIBUV:
            yield "libuv", [LIBUV], None
        yield "asyncio", [sys.executable, os.path.join(HERE, "echo_asyncio.py")], None
    if shutil.which("socat"):
        if kind == "unix":
            path = os.path.join(tmp, "socat")
            yield "socat", ["socat", f"UNIX-LISTEN:{path},fork", "PIPE"], path
        else:
            port = free_port()
            if kind == "udp":
                yield "socat", ["socat", f"UDP-LISTEN:{port},bind=127.0.0.1,fork", "PIPE"], port
            else:
                yield "socat", ["socat", f"TCP-LISTEN:{port},bind=127.0.0.1,fork,backlog=4096,nodelay", "PIPE"], port
    if shutil.which("ncat") and kind == "tcp":
        port = free_port()
        yield "ncat", ["ncat", "-l", "-k", "-m", "4096", "-c", "cat", "127.0.0.1", port], port


SLOW = ("asyncio", "socat", "ncat")

# (title, kind, mode, connections, size, trips, trips of the slow ones or 0)
SCENARIOS = [
    (f"TCP, {size} B, {n} connection{'s' if n > 1 else ''}", "tcp", "trips", n, size, trips, slow)
    for size, counts in ((64, ((1, 40000, 4000), (100, 60000, 5000), (1000, 60000, 0), (5000, 60000, 0))),
                         (16384, ((1, 20000, 200), (100, 30000, 2000), (1000, 30000, 0), (5000, 30000, 0))))
    for n, trips, slow in counts
] + [
    ("connect, 64 B, close, 32 at once", "tcp", "cycles", 32, 64, 15000, 100),
    ("UDP, 64 B, 1 socket", "udp", "trips", 1, 64, 40000, 4000),
    ("UDP, 64 B, 100 sockets", "udp", "trips", 100, 64, 60000, 0),
    ("UNIX, 64 B, 1 connection", "unix", "trips", 1, 64, 40000, 4000),
    ("UNIX, 64 B, 100 connections", "unix", "trips", 100, 64, 60000, 5000),
]


def pin(pid, count):
    """Bind a process to one processor if there is one connection.  Else each trip wakes an idle processor, and in a
    virtual machine that costs far more than all the rest."""
    for p in tree(pid):
        try:
            os.sched_setaffinity(p, {min(PROCESSORS)} if count == 1 else PROCESSORS)
        except OSError:
            pass


def measure(server, kind, mode, count, size, trips):
    """The server's CPU seconds for one trip or cycle."""
    pin(server.process.pid, count)
    pin(os.getpid(), count)
    before = cpu(server.process.pid)
    subprocess.run([LOAD, mode, kind, server.where, str(count), str(size), str(trips)],
                   check=True, stdout=subprocess.DEVNULL)
    time.sleep(0.05)
    return (cpu(server.process.pid) - before) / trips


def start_all(kind, slow):
    """Start the servers of a scenario in random order.  The order decides which memory a server gets, which changes the
    result of the same program by a factor of up to 1.3."""
    running = []
    chosen = [s for s in servers_for(kind) if slow or s[0] not in SLOW]
    for name, command, where in random.sample(chosen, len(chosen)):
        for path in ("limit", "ours", "socat"):
            if kind == "unix" and name == {"limit": "limit", "ours": OURS}.get(path, path):
                if os.path.exists(os.path.join(tmp, path)):
                    os.unlink(os.path.join(tmp, path))
        server = Server(name, command, where, kind)
        while kind == "unix" and not os.path.exists(server.where):
            time.sleep(0.01)
        running.append(server)
    return running


def run_scenario(title, kind, mode, count, size, trips, slow_trips):
    results = {}
    for _ in range(ROUNDS):
        running = start_all(kind, slow_trips > 0)
        for server in random.sample(running, len(running)):
            n = slow_trips if server.name in SLOW else trips
            results.setdefault(server.name, []).append(measure(server, kind, mode, count, size, n))
        for server in running:
            server.close()
    medians = {name: statistics.median(values) for name, values in results.items()}
    # The CPU of servers that fork is counted in ticks: a few ticks are no result.
    return {name: m for name, m in medians.items()
            if name not in ("socat", "ncat") or m * slow_trips > 5 / TICK}


def spawn(command):
    actions = [(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 0, NC_INPUT, os.O_RDONLY, 0)]
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
    os.waitpid(pid, 0)


def run_oneoff():
    """The seconds of a whole client process: connect, five bytes there and back."""
    pin(os.getpid(), 0)
    server = Server("limit", [EPOLL, "tcp"])
    python = "import socket,sys; s=socket.create_connection(('127.0.0.1',int(sys.argv[1]))); s.sendall(b'hello'); print(s.recv(5))"
    commands = {
        "limit": [ONEOFF, "127.0.0.1", server.where, "hello"],
        "sockecho-client": [CLIENT, "127.0.0.1", server.where, "hello"],
        "python": [sys.executable, "-c", python, server.where],
    }
    for name, options in (("nc.openbsd", ["-N"]), ("nc.traditional", ["-q0"]), ("socat", None), ("ncat", [])):
        path = shutil.which(name)
        if path and name == "socat":
            commands[name] = [path, "-", f"TCP:127.0.0.1:{server.where}"]
        elif path:
            commands[name] = [path, *options, "127.0.0.1", server.where]
    results = {}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            runs = 20 if name in ("python", "ncat") else 200
            start = time.perf_counter()
            for _ in range(runs):
                spawn(command)
            results.setdefault(name, []).append((time.perf_counter() - start) / runs)
    server.close()
    return {name: statistics.median(values) for name, values in results.items()}


def idle_memory():
    """The bytes of resident memory for each of 5,000 idle connections."""
    results = {}
    for name, command, where in servers_for("tcp"):
        if name in ("socat", "ncat"):
            continue
        server = Server(name, command, where)
        rss = lambda: int(open(f"/proc/{server.process.pid}/statm").read().split()[1]) * 4096
        before = rss()
        held = [socket.create_connection(("127.0.0.1", int(server.where))) for _ in range(5000)]
        for s in held:
            s.sendall(b"x")
        for s in held:
            s.recv(1)
        results[name] = (rss() - before) / 5000
        for s in held:
            s.close()
        server.close()
    return results


ORDER = ["limit", OURS, "libevent", "libuv", "asyncio", "socat", "ncat"]


def table(rows):
    lines = ["| server CPU, as a multiple of the limit | limit | " + " | ".join(ORDER[1:]) + " |",
             "| --- | ---: |" + " ---: |" * (len(ORDER) - 1)]
    for title, results in rows:
        limit = results["limit"]
        lines.append(f"| {title} | {limit * 1e6:.1f} µs | " +
                     " | ".join(f"{results[n] / limit:.2f}" if n in results else "" for n in ORDER[1:]) + " |")
    return lines


def chart(rows):
    """Horizontal bars, cut at 4 times the limit."""
    colours = {OURS: "#1b7837", "libevent": "#2166ac", "libuv": "#67a9cf", "asyncio": "#998ec3", "socat": "#f1a340", "ncat": "#b35806"}
    shown = ORDER[1:]
    bar, gap, left, width, most = 12, 14, 260, 420, 4.0
    y, body = 50, []
    for title, results in rows:
        present = [n for n in shown if n in results]
        body.append(f'<text x="{left - 8}" y="{y + bar * len(present) / 2 + 4}" text-anchor="end">{title}</text>')
        for name in present:
            ratio = results[name] / results["limit"]
            w = min(ratio, most) / most * width
            body.append(f'<rect x="{left}" y="{y}" width="{w:.1f}" height="{bar - 2}" fill="{colours[name]}"/>')
            body.append(f'<text x="{left + w + 4:.1f}" y="{y + bar - 3}" class="n">{ratio:.2f} {name}</text>')
            y += bar
        y += gap
    line = left + width / most
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 140}" height="{y + 10}" font-family="sans-serif" font-size="12">',
        '<style>.n { font-size: 10px; fill: #333 }</style><rect width="100%" height="100%" fill="white"/>',
        '<text x="10" y="20" font-size="15">Server CPU for a round trip, as a multiple of a bare epoll loop (less is better)</text>',
        *body,
        f'<line x1="{line}" y1="40" x2="{line}" y2="{y}" stroke="#c00" stroke-dasharray="4 3"/>',
        "</svg>", ""])


EPOLL, LOAD, ONEOFF = build("echo_epoll"), build("load"), build("oneoff")
LIBEVENT, LIBUV = build("echo_libevent", "libevent"), build("echo_libuv", "libuv")
NC_INPUT = os.path.join(tmp, "input")
with open(NC_INPUT, "w") as f:
    f.write("hello")

try:
    rows = []
    for scenario in SCENARIOS:
        rows.append((scenario[0], run_scenario(*scenario)))
        print(rows[-1][0], {k: round(v * 1e6, 2) for k, v in rows[-1][1].items()}, file=sys.stderr)
    oneoff = run_oneoff()
    memory = idle_memory()
    lines = table(rows)
    lines += ["", "| one-off client, whole process | time | of the limit |", "| --- | ---: | ---: |"]
    lines += [f"| {n} | {t * 1e3:.2f} ms | {t / oneoff['limit']:.2f} |" for n, t in sorted(oneoff.items(), key=lambda i: i[1])]
    lines += ["", "| an idle connection | resident memory |", "| --- | ---: |"]
    lines += [f"| {n} | {b / 1024:.2f} KiB |" for n, b in memory.items()]
    os.makedirs(RESULTS, exist_ok=True)
    with open(os.path.join(RESULTS, "echo.md"), "w") as f:
        f.write("\n".join(lines) + "\n")
    with open(os.path.join(RESULTS, "echo.svg"), "w") as f:
        f.write(chart(rows))
    print("\n".join(lines))
finally:
    shutil.rmtree(tmp, ignore_errors=True)
