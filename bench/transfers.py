#!/usr/bin/env python3
"""transfers.py - compare sockfile-send and sockfile-recv with others, and with the least that the job needs.

usage: bench/transfers.py [BUILD-DIRECTORY [DIRECTORY-FOR-FILES [MIB [TABLE...]]]]
       (default: build /dev/shm 1024 raw pipe small verified key resume)

Whole processes run interleaved, in random order, on loopback, onto new files.  Each figure is the median of
ROUNDS rounds: wall time, CPU of the sender and of the receiver.  Prints tables in Markdown.
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
BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(HERE), "build"))
FILES = tempfile.mkdtemp(prefix="bench.", dir=sys.argv[2] if len(sys.argv) > 2 else "/dev/shm")
MIB = int(sys.argv[3]) if len(sys.argv) > 3 else 1024
TABLES = sys.argv[4:] or ["raw", "pipe", "small", "verified", "key", "resume"]
ROUNDS = 5
SEND, RECV = os.path.join(BUILD, "sockfile-send"), os.path.join(BUILD, "sockfile-recv")
BIG, SMALL, OUT, KEY = (os.path.join(FILES, n) for n in ("in", "small", "out", "key"))


def build(name, *libraries):
    target = os.path.join(FILES, name)
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", target, os.path.join(HERE, name + ".c"), *libraries], check=True)
    return target


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return str(s.getsockname()[1])


def listens(port):
    hexport = "%04X" % int(port)
    return any(line.split()[1].endswith(":" + hexport) and line.split()[3] == "0A"
               for name in ("/proc/net/tcp", "/proc/net/tcp6") for line in open(name).readlines()[1:])


def shell(command):
    return ["sh", "-c", command]


def run(receiver, sender):
    """Wall time, CPU of the sender, CPU of the receiver.  A receiver on port 0 prints the port that it got."""
    if os.path.exists(OUT):
        os.unlink(OUT)
    port = free_port()
    command = receiver(port)
    r = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if "0" in command or "recv" in command:
        port = r.stdout.readline().split()[-1]
    else:
        while not listens(port):
            time.sleep(0.005)
    begin = time.perf_counter()
    s = subprocess.Popen(sender(port), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, s_status, s_usage = os.wait4(s.pid, 0)
    _, r_status, r_usage = os.wait4(r.pid, 0)
    wall = time.perf_counter() - begin
    s.returncode = r.returncode = 0
    if s_status or r_status:
        raise RuntimeError(f"{s_status} {r_status}")
    return wall, s_usage.ru_utime + s_usage.ru_stime, r_usage.ru_utime + r_usage.ru_stime


def compare(table, title, candidates, size, first, rounds=ROUNDS):
    if table not in TABLES:
        return
    results = {name: [] for name in candidates}
    for turn in range(rounds + 1):
        for name in random.sample(list(results), len(results)):
            try:
                figures = run(*candidates[name])
                if os.path.getsize(OUT) != size:
                    raise RuntimeError(f"{os.path.getsize(OUT)} bytes arrived")
            except RuntimeError as error:  # a program that cannot do it is left out
                print(f"{name}: {error}", file=sys.stderr)
                del results[name]
                continue
            if turn > 0:  # the first round warms up
                results[name].append(figures)
    medians = {name: [statistics.median(r[i] for r in rows) for i in range(3)] for name, rows in results.items()}
    base = medians[first]
    print(f"| {title} | wall | ratio | CPU, sender | CPU, receiver | CPU ratio |\n| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, (wall, s, r) in sorted(medians.items(), key=lambda i: i[1][0]):
        print(f"| {name} | {wall * 1e3:.1f} ms | {wall / base[0]:.2f} | {s * 1e3:.1f} ms | {r * 1e3:.1f} ms | {(s + r) / max(base[1] + base[2], 1e-9):.2f} |")
    print(flush=True)


def have(*programs):
    return all(shutil.which(p) for p in programs)


def ours_recv(*options):
    return lambda port: [RECV, "-q", *options, "0", OUT]


def ours_send(*options, file=None):
    return lambda port: [SEND, "-q", *options, "127.0.0.1", port, file or BIG]


try:
    limit = build("file_limit")
    with open(BIG, "wb") as f:
        for _ in range(MIB):
            f.write(os.urandom(1 << 20))
    with open(SMALL, "wb") as f:
        f.write(os.urandom(1024))
    with open(os.open(KEY, os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
        f.write("k" * 48)
    size = MIB << 20

    raw = {"sendfile and splice alone": (lambda p: [limit, "recv", OUT], lambda p: [limit, "send", p, BIG]),
           "sockfile-send, sockfile-recv": (ours_recv(), ours_send())}
    if have("socat"):
        raw["socat -b1M"] = (lambda p: ["socat", "-u", "-b1048576", f"TCP-LISTEN:{p},bind=127.0.0.1", f"CREATE:{OUT}"],
                             lambda p: ["socat", "-u", "-b1048576", f"FILE:{BIG}", f"TCP:127.0.0.1:{p}"])
    if have("nc.openbsd"):
        raw["nc.openbsd"] = (lambda p: shell(f"exec nc.openbsd -l 127.0.0.1 {p} >{OUT}"),
                             lambda p: shell(f"exec nc.openbsd -N 127.0.0.1 {p} <{BIG}"))
    if have("ncat"):
        raw["ncat"] = (lambda p: shell(f"exec ncat -l 127.0.0.1 {p} >{OUT}"),
                       lambda p: shell(f"exec ncat --send-only 127.0.0.1 {p} <{BIG}"))
    compare("raw", f"raw, {MIB} MiB, file to file", raw, size, "sendfile and splice alone")

    pipe = {"sockfile-send -": (ours_recv(), lambda p: shell(f"cat {BIG} | {SEND} -q 127.0.0.1 {p} -"))}
    if have("socat"):
        pipe["socat -b1M -"] = (ours_recv(), lambda p: shell(f"cat {BIG} | socat -u -b1048576 - TCP:127.0.0.1:{p}"))
    compare("pipe", f"raw, {MIB} MiB from a pipe, into sockfile-recv", pipe, size, "sockfile-send -")

    small = {"C, libc alone": (lambda p: [limit, "recv", OUT], lambda p: [limit, "send", p, SMALL]),
             "sockfile-send, sockfile-recv": (ours_recv(), ours_send(file=SMALL)),
             "the same, --verify": (ours_recv(), ours_send("--verify", file=SMALL)),
             "the same, --key": (ours_recv("--key", KEY), ours_send("--key", KEY, file=SMALL))}
    if have("nc.openbsd"):
        small["nc.openbsd"] = (lambda p: shell(f"exec nc.openbsd -l 127.0.0.1 {p} >{OUT}"),
                               lambda p: shell(f"exec nc.openbsd -N 127.0.0.1 {p} <{SMALL}"))
    compare("small", "1 KiB, from the sender's start to both ends' ends", small, 1024, "C, libc alone", 100)

    verified = {"raw": (ours_recv(), ours_send()), "--verify": (ours_recv(), ours_send("--verify"))}
    if have("mbuffer"):
        verified["mbuffer -H"] = (lambda p: ["mbuffer", "-q", "-H", "-m", "16M", "-I", f"127.0.0.1:{p}", "-o", OUT],
                                  lambda p: ["mbuffer", "-q", "-H", "-m", "16M", "-i", BIG, "-O", f"127.0.0.1:{p}"])
    if have("nc.openbsd"):
        verified["nc.openbsd, sha256sum on both ends"] = (
            lambda p: shell(f"nc.openbsd -l 127.0.0.1 {p} >{OUT}; sha256sum {OUT}"),
            lambda p: shell(f"nc.openbsd -N 127.0.0.1 {p} <{BIG}; sha256sum {BIG}"))
    if have("netrw") or have("netread"):
        verified["netrw, MD5"] = (lambda p: shell(f"exec netread -C md5 {p} >{OUT}"),
                                  lambda p: shell(f"exec netwrite -C md5 127.0.0.1 {p} <{BIG}"))
    compare("verified", f"verified, {MIB} MiB", verified, size, "raw")
    if have("rsync") and "verified" in TABLES:
        port = free_port()
        with open(os.path.join(FILES, "rsyncd.conf"), "w") as f:
            f.write(f"port = {port}\naddress = 127.0.0.1\nuse chroot = no\n[m]\npath = {FILES}\nread only = no\nuid = {os.getuid()}\ngid = {os.getgid()}\n")
        daemon = subprocess.Popen(["rsync", "--daemon", "--no-detach", f"--config={FILES}/rsyncd.conf"], stderr=subprocess.DEVNULL)
        while not listens(port):
            time.sleep(0.01)
        walls = []
        for _ in range(ROUNDS):
            if os.path.exists(OUT):
                os.unlink(OUT)
            begin = time.perf_counter()
            subprocess.run(["rsync", "-q", "--whole-file", BIG, f"rsync://127.0.0.1:{port}/m/out"], check=True)
            walls.append(time.perf_counter() - begin)
        daemon.terminate()
        daemon.wait()
        print(f"rsync --whole-file to a daemon: {statistics.median(walls) * 1e3:.1f} ms\n", flush=True)

    tls = build("tls_limit", "-lssl", "-lcrypto")
    keyed = {"SSL_write, SSL_read alone": (lambda p: [tls, "recv", OUT], lambda p: [tls, "send", p, BIG]),
             "--key": (ours_recv("--key", KEY), ours_send("--key", KEY))}
    if have("socat", "openssl"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", FILES + "/k.pem", "-out", FILES + "/c.pem",
                        "-days", "2", "-subj", "/CN=127.0.0.1"], check=True, stderr=subprocess.DEVNULL)
        keyed["socat OPENSSL -b1M"] = (
            lambda p: ["socat", "-u", "-b1048576", f"OPENSSL-LISTEN:{p},bind=127.0.0.1,cert={FILES}/c.pem,key={FILES}/k.pem,verify=0", f"CREATE:{OUT}"],
            lambda p: ["socat", "-u", "-b1048576", f"FILE:{BIG}", f"OPENSSL:127.0.0.1:{p},verify=0"])
    if have("ncat"):
        keyed["ncat --ssl"] = (lambda p: shell(f"exec ncat --ssl -l 127.0.0.1 {p} >{OUT}"),
                               lambda p: shell(f"exec ncat --ssl --send-only 127.0.0.1 {p} <{BIG}"))
    compare("key", f"encrypted, {MIB} MiB", keyed, size, "SSL_write, SSL_read alone")

    # Each side reads the bytes that are there already once.  They are not sent.
    held = size * 900 // 1024
    figures = []
    for _ in range(ROUNDS if "resume" in TABLES else 0):
        for path in (OUT, OUT + ".part"):
            if os.path.exists(path):
                os.unlink(path)
        with open(BIG, "rb") as source, open(os.open(OUT + ".part", os.O_CREAT | os.O_WRONLY, 0o600), "wb") as part:
            os.sendfile(part.fileno(), source.fileno(), 0, held)
            while part.tell() < held and os.sendfile(part.fileno(), source.fileno(), part.tell(), held - part.tell()):
                pass
        r = subprocess.Popen([RECV, "-q", "--resume", "0", OUT], stdout=subprocess.PIPE, text=True)
        port = r.stdout.readline().split()[-1]
        begin = time.perf_counter()
        subprocess.run([SEND, "-q", "--verify", "127.0.0.1", port, BIG], check=True)
        figures.append(time.perf_counter() - begin)
        r.wait()
    if figures:
        print(f"--resume of {MIB} MiB with {held >> 20} MiB there: {statistics.median(figures) * 1e3:.1f} ms")
finally:
    shutil.rmtree(FILES, ignore_errors=True)
