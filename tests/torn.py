#!/usr/bin/env python3
"""torn.py - tear a verified transfer at random moments, and see that the file arrives all the same.

usage: torn.py MOMENTS MIB [SEED]    (programs from PATH, files in the current directory)

Each moment is a kill -9 of the sender or of the receiver, or a reset of their connection (ss -K, where this
kernel and user may); whoever was killed is started again, as a supervisor would.  Both have --retry.
"""
import filecmp
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import time

moments, mib = int(sys.argv[1]), int(sys.argv[2])
seed = int(sys.argv[3]) if len(sys.argv) > 3 else int.from_bytes(os.urandom(4), "big")
random.seed(seed)
print("seed", seed)
with open("torn.in", "wb") as f:
    for _ in range(mib):
        f.write(os.urandom(1 << 20))
size = mib << 20


def receiver(port):
    p = subprocess.Popen(["sockfile-recv", "--resume", "--retry", "20", str(port), "torn.out"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = p.stdout.readline().split()
    if not line:
        raise SystemExit("the receiver did not start: " + p.stderr.read())
    return p, int(line[3])


def sender(port, fast=False):
    rate = [] if fast else ["--limit-rate", str(size)]
    return subprocess.Popen(["sockfile-send", "--verify", "--retry", "20", "--wait", "20", *rate, "127.0.0.1", str(port), "torn.in"],
                            stderr=subprocess.PIPE, text=True)


def finish(process, what):
    try:
        _, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise SystemExit(f"{what} has not ended: {process.communicate()[1]}")
    if process.returncode != 0:
        raise SystemExit(f"{what}: status {process.returncode}: {err}")
    return err


def destroy(port):
    """ss -K, whose status is 0 whatever it did; returns whether it was allowed."""
    ss = subprocess.run(["ss", "-K", "dst", "127.0.0.1", "dport", "=", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    return "SOCK_DESTROY answers" not in ss.stderr


def may_destroy():
    """Tried on a connection of our own."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        return destroy(listener.getsockname()[1])


def part():
    try:
        return os.stat("torn.out.part").st_size
    except FileNotFoundError:
        return 0


kinds = ["sender", "receiver"]
if shutil.which("ss") and may_destroy():
    kinds.append("reset")
for moment in range(moments):
    for name in ("torn.out", "torn.out.part"):
        if os.path.exists(name):
            os.unlink(name)
    kind, when = random.choice(kinds), random.random() * 1.02
    r, port = receiver(0)
    s = sender(port)
    time.sleep(when)
    held = 0
    if kind == "sender":
        s.kill()
        s.communicate()
        held = part()
        if r.poll() is None:
            s = sender(port, fast=True)
        else:
            s = None
    elif kind == "receiver":
        r.kill()
        r.communicate()
        held = part()
        r, _ = receiver(port)
    else:
        held = part()
        destroy(port)
    told = finish(s, f"{moment}: {kind} at {when:.3f}, sender") if s else ""
    if kind == "receiver" and "sent" in told and r.poll() is None and "there before" not in told and held == 0 and not part() and os.path.exists("torn.out") and when > 0.98:
        r.terminate()  # it had all before it was killed: the new one waits for nobody
        r.communicate()
    else:
        finish(r, f"{moment}: {kind} at {when:.3f}, receiver")
    if not filecmp.cmp("torn.in", "torn.out", shallow=False):
        raise SystemExit(f"{moment}: {kind} at {when:.3f}: the files differ")
    if os.path.exists("torn.out.part"):
        raise SystemExit(f"{moment}: {kind} at {when:.3f}: torn.out.part is left")
    again = re.findall(r"\((\d+) bytes were there before\)", told)
    if held > 0 and s and told and (not again or int(again[-1]) < held):
        raise SystemExit(f"{moment}: {kind} at {when:.3f}: {held} bytes were there, and {again} were not sent again: {told}")
    print(f"{moment}: {kind} at {when:.3f} s, {held} bytes were there: well", flush=True)
for name in ("torn.in", "torn.out"):
    os.unlink(name)
