#!/usr/bin/env python3
"""start.py - how long a program takes that does one thing, from its start to its end: dynamic and static builds.

usage: bench/start.py [BUILD-DIRECTORY...]    (default: those of build, build-static and build-musl that exist)

Whole processes run interleaved, in random order, on this machine.  Each figure is the median of ROUNDS rounds, as a
multiple of the limit in the same round.  The limit is bench/oneoff.c, linked dynamically: a client that makes the fewest
system calls possible, with libc alone.  The same client, and a program that does nothing, are built with the compiler
of each build, static where the build is: what they take is the C library's.

The second table has page faults, which do not depend on how busy the machine is.  Writes bench/results/start.md.

Programs are copied first, as `make install` does.  The linker writes a file in many pieces.  The page cache then has it
in small pieces, too, and to map it takes longer.
"""
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
ROUNDS = 700
tmp = tempfile.mkdtemp(prefix="bench.")


def build(name, compiler, flags, source=None):
    """Compile bench/NAME.c, or the source."""
    target = os.path.join(tmp, "linked")
    path = os.path.join(HERE, name + ".c")
    if source is not None:
        path = os.path.join(tmp, name + ".c")
        with open(path, "w") as f:
            f.write(source)
    subprocess.run([*compiler, "-O2", "-D_GNU_SOURCE", "-o", target, path, *flags], check=True)
    return target


def installed(name, program):
    """A copy of the program."""
    target = os.path.join(tmp, name)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy(program, target)
    return target


def variable(directory, name):
    """A variable of the build's makefile."""
    with open(os.path.join(directory, "Makefile")) as f:
        found = re.search(rf"^{name} = *(.*)$", f.read(), re.MULTILINE)
    return found.group(1).split() if found else []


def title_of(directory):
    """What the build is, and how a C program is linked in the same way."""
    compiler = variable(directory, "CC")
    static = any(flag.startswith("-static") for flag in variable(directory, "SKU_LDFLAGS"))
    library = "musl" if "musl" in compiler[0] else "glibc"
    return f"{'static' if static else 'dynamic'}, {library}", compiler, ["-static"] if static else []


def run(command, output):
    """The seconds and the page faults of a process."""
    start = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, output, 1)])
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        raise SystemExit(f"{' '.join(command)}: status {status}")
    return seconds, usage.ru_minflt


def table(heading, titles, rows, cell):
    lines = [f"| {heading} | " + " | ".join(titles) + " |", "| --- |" + " ---: |" * len(titles)]
    return lines + [f"| {row} | " + " | ".join(cell(title, row) for title in titles) + " |" for row in rows]


def main():
    directories = sys.argv[1:] or [d for d in (os.path.join(TOP, b) for b in ("build", "build-static", "build-musl"))
                                   if os.path.exists(os.path.join(d, "sockecho-client"))]
    server = subprocess.Popen([build("echo_epoll", ["cc"], []), "tcp"], stdout=subprocess.PIPE, text=True)
    client = ["127.0.0.1", server.stdout.readline().split()[-1], "hello"]
    programs = {"sockecho-client": client, "hostlookup localhost": ["localhost"], "servlookup 80/tcp": ["80/tcp"]}
    commands = {"limit": [installed("limit", build("oneoff", ["cc"], [])), *client]}
    titles = []
    for directory in directories:
        title, compiler, flags = title_of(directory)
        titles.append(title)
        nothing = build("nothing", compiler, flags, "int main(void) { return 0; }\n")
        commands[title, "C, nothing at all"] = [installed(f"{title}/nothing", nothing)]
        commands[title, "C, libc alone"] = [installed(f"{title}/oneoff", build("oneoff", compiler, flags)), *client]
        for row, arguments in programs.items():
            name = row.split()[0]
            commands[title, row] = [installed(f"{title}/{name}", os.path.join(directory, name)), *arguments]
    ratios, faults, limits = {key: [] for key in commands}, {}, []
    with open(os.devnull, "w") as null:
        for command in commands.values():
            run(command, null.fileno())
        for _ in range(ROUNDS):
            times = {}
            for key in random.sample(list(commands), len(commands)):
                times[key], faults[key] = run(commands[key], null.fileno())
            limits.append(times["limit"])
            for key, seconds in times.items():
                ratios[key].append(seconds / times["limit"])
    server.terminate()
    rows = ["C, nothing at all", "C, libc alone", *programs]
    lines = table(f"limit: {statistics.median(limits) * 1e6:.0f} µs", titles, rows,
                  lambda title, row: f"{statistics.median(ratios[title, row]):.2f}")
    lines += ["", *table("page faults", titles, rows, lambda title, row: str(faults[title, row]))]
    os.makedirs(os.path.join(HERE, "results"), exist_ok=True)
    with open(os.path.join(HERE, "results", "start.md"), "w") as f:
        f.write("\n".join(lines) + "\n")
    print("\n".join(lines))


try:
    main()
finally:
    shutil.rmtree(tmp, ignore_errors=True)
