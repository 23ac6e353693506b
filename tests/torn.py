#!/usr/bin/env python3
"""torn.py - interrupt a verified transfer at random moments, and check that the file arrives all the same.

usage: torn.py MOMENTS MIB [SEED]    (programs from PATH, files in the current directory)

An interruption is a kill -9 of the sender, a kill -9 of the receiver, or a reset of their connection (ss -K, if
kernel and user may).  What was killed is started again, as a supervisor would do.  Both ends have --retry.
"""
import filecmp
import os
import random
import re
import shutil
import signal
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
    rate = [] if fast else ["--limit-rate", str(2 * size)]
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


def killed(process, what):
    """Kill it.  Returns False if it had ended before, with all done."""
    process.kill()
    _, err = process.communicate()
    if process.returncode not in (0, -signal.SIGKILL):
        raise SystemExit(f"{what}: status {process.returncode}: {err}")
    return process.returncode != 0


def destroy(port):
    """Reset a connection with ss -K, whose status is always 0.  Returns whether that is allowed."""
    ss = subprocess.run(["ss", "-K", "dst", "127.0.0.1", "dport", "=", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    return "SOCK_DESTROY answers" not in ss.stderr


def may_destroy():
    """Try to reset a connection of our own."""
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
    kind, where = random.choice(kinds), int(size * random.random() * 1.05)
    what = f"{moment}: {kind} at {where}"
    r, port = receiver(0)
    s = sender(port)
    # Wait for a position in the file, not for a time, so that a busy machine makes no difference.
    while part() < where and r.poll() is None and not os.path.exists("torn.out"):
        time.sleep(0.002)
    time.sleep(random.random() * 0.02)
    held = part()
    if kind == "sender":
        if killed(s, f"{what}, sender"):
            s = sender(port, fast=True)
    elif kind == "receiver":
        if killed(r, f"{what}, receiver"):
            whole = os.path.exists("torn.out")
            r, _ = receiver(port)
    else:
        destroy(port)
    if kind == "sender" and s.returncode is None and os.path.exists("torn.out"):
        # The first sender may have sent BYE.  Then the receiver ends, and the second sender finds nobody.
        s.wait(60)
        told = s.stderr.read()
        if s.returncode != 0:
            finish(r, f"{what}, receiver after {told}")
    else:
        told = finish(s, f"{what}, sender") if s.returncode is None else ""
    if kind == "receiver" and r.returncode is None and whole:
        r.terminate()  # the sender may have its VERDICT already, and does not connect again
        r.communicate()
    elif r.returncode is None:
        finish(r, f"{what}, receiver")
    if not filecmp.cmp("torn.in", "torn.out", shallow=False):
        raise SystemExit(f"{what}: the files differ")
    if os.path.exists("torn.out.part"):
        raise SystemExit(f"{what}: torn.out.part is left")
    again = re.findall(r"\((\d+) bytes were there before\)", told)
    if held > 0 and "sent" in told and (not again or int(again[-1]) < held):
        raise SystemExit(f"{what}: {held} bytes were there, and {again} were not sent again: {told}")
    print(f"{what}, {held} bytes were there: well", flush=True)
for name in ("torn.in", "torn.out"):
    os.unlink(name)
