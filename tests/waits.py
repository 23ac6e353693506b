#!/usr/bin/env python3
"""waits.py - programs that wait in vain: --max-time, SIGTERM and a second SIGTERM must end them.

usage: waits.py [--margin SECONDS] [--at-once N] GROUP [TEXT]    (programs from PATH, files in the current directory)

Each case of a GROUP (those with TEXT in their names) brings a program into a situation and is measured in several
ways, all at once, since nearly all of the time is waiting:
  limit  with -w 1, the program ends with status 124 within the margin after its second
  term   once the program is at rest, SIGTERM ends it within the margin
  twice  a second SIGTERM, directly after the first, ends it within the margin
  ends   the program ends by itself
A busy machine may be late once or twice, but a wrong program is late each time: the best of three tries counts.
However the program ends, its port file and its UNIX path must be gone.  Status 77: this machine cannot produce the
situation, and the last line says why.
"""
import concurrent.futures
import ctypes
import errno
import fcntl
import json
import os
import platform
import re
import resource
import select
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time

import wire

MARGIN = 0.2
TRIES = 3
AT_ONCE = 32
TICK = 0.1
SKIPPED = 77
DEVNULL = subprocess.DEVNULL
CASES = {}
HUGE = 40 << 30


class NotSetUp(Exception):
    """The situation did not come about: the machine was too slow, or the program did not do its part."""


def case(group, name, set_up, **more):
    CASES.setdefault(group, []).append(Case(name, set_up, **more))


class Case:
    def __init__(self, name, set_up, ways=("limit", "term", "twice"), seconds=1, limit={124}, term={-15}, twice=None,
                 ends=None, grace=0, overtime=0, cpu=None, says=None):
        self.name, self.set_up, self.ways, self.seconds = name, set_up, ways, seconds
        self.status = {"limit": limit, "term": term, "twice": twice or term, "ends": ends}
        # The time that is allowed in addition to the margin: after the limit, and after the first signal.
        self.later = {"limit": overtime, "term": grace, "twice": 0, "ends": grace}
        self.cpu, self.says = cpu, says


SERVER = {"term": {0}}  # SIGTERM is the ordinary end of a server
OWES = {"term": {0}, "grace": 5}
PING = {"limit": {0, 1, 124}, "term": {-15, 0, 1, 124}}  # the status follows from the replies


class Pipe:
    """A pipe that nobody reads, except for the lines that a test asks for."""

    def __init__(self):
        self.r, self.w = os.pipe()
        self.buffer = b""

    def line(self, seconds=5):
        end = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            if not select.select([self.r], [], [], max(0, end - time.monotonic()))[0]:
                raise NotSetUp("no line came")
            more = os.read(self.r, 4096)
            if not more:
                raise NotSetUp("it ended before its line")
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode()

    def fill(self):
        # Open the pipe anew: O_NONBLOCK on the program's own description would change the program.
        fd = os.open("/proc/self/fd/%d" % self.w, os.O_WRONLY | os.O_NONBLOCK)
        for size in (4096, 1):
            try:
                while True:
                    os.write(fd, b"\n" * size)
            except BlockingIOError:
                pass
        os.close(fd)

    def close(self):
        os.close(self.r)
        os.close(self.w)


class Descriptor:
    def __init__(self, fd):
        self.fd = fd

    def close(self):
        os.close(self.fd)


class Trickle:
    """Jobs that run every TICK: each sends or receives a byte."""

    def __init__(self):
        self.lock, self.jobs = threading.Lock(), set()
        threading.Thread(target=self.run, daemon=True).start()

    def add(self, job):
        with self.lock:
            self.jobs.add(job)
        return job

    def run(self):
        while True:
            time.sleep(TICK)
            with self.lock:
                jobs = list(self.jobs)
            for job in jobs:
                try:
                    job()
                except OSError:
                    with self.lock:
                        self.jobs.discard(job)


trickle = Trickle()


class Rule:
    """The system calls that are supervised.  answer(call, pid, args) decides about a call.  None: it goes on.  NEVER:
    it does not return, as on a file system that hangs, where only the death of the thread ends it.  An errno: it
    fails."""

    NEVER = -1
    NUMBERS = {
        "x86_64": {"seccomp": 317, "read": 0, "pread64": 17, "preadv": 295, "sendfile": 40, "splice": 275, "write": 1, "pwrite64": 18,
                   "writev": 20, "pwritev": 296, "fallocate": 285, "fsync": 74, "fdatasync": 75, "openat": 257, "fstatfs": 138, "clone": 56, "clone3": 435},
        "aarch64": {"seccomp": 277, "read": 63, "pread64": 67, "preadv": 69, "sendfile": 71, "splice": 76, "write": 64, "pwrite64": 68,
                    "writev": 66, "pwritev": 70, "fallocate": 47, "fsync": 82, "fdatasync": 83, "openat": 56, "fstatfs": 44, "clone": 220, "clone3": 435},
    }.get(platform.machine())

    def __init__(self, calls, answer):
        self.calls, self.answer = calls, answer

    @staticmethod
    def install(calls):
        """In the process that becomes the program: install the filter, and return the descriptor that reports its
        calls."""
        code = [(0x20, 0, 0, 0)]  # load the call's number
        for i, call in enumerate(calls):
            code.append((0x15, len(calls) - i, 0, Rule.NUMBERS[call]))  # if equal, jump to the last line
        code += [(0x06, 0, 0, 0x7fff0000), (0x06, 0, 0, 0x7fc00000)]  # allow; report
        lines = b"".join(struct.pack("HBBI", *line) for line in code)
        buffer = ctypes.create_string_buffer(lines, len(lines))
        program = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(buffer))
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
        # With a listener (8), for which a call waits without caught signals interrupting it (32).
        fd = libc.syscall(Rule.NUMBERS["seccomp"], 1, 8 | 32, program)
        if fd == -1:
            raise OSError(ctypes.get_errno(), "seccomp")
        return fd


class Supervisor:
    def __init__(self, listener, rule):
        self.listener, self.rule = listener, rule
        self.names = {Rule.NUMBERS[call]: call for call in rule.calls}
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        poll = select.poll()
        poll.register(self.listener, select.POLLIN)
        try:
            while poll.poll()[0][1] & select.POLLIN:
                asked = bytearray(80)
                try:
                    fcntl.ioctl(self.listener, 0xc0502100, asked)
                    id_, pid, _, number, _, _, *args = struct.unpack("QIIiIQ6Q", asked)
                    answer = self.rule.answer(self.names[number], pid, args)
                    if answer != Rule.NEVER:
                        fcntl.ioctl(self.listener, 0xc0182101, struct.pack("QqiI", id_, 0, -answer if answer else 0, 0 if answer else 1))
                except FileNotFoundError:
                    pass  # the thread has ended meanwhile
        finally:
            os.close(self.listener)

    def close(self):
        pass  # ends when the program ends


def supervised(fd, calls, *argv):
    with socket.socket(fileno=int(fd)) as s:
        socket.send_fds(s, [b"x"], [Rule.install(calls.split(","))])
    os.execvp(argv[0], argv)


def may_supervise():
    """The reason why system calls cannot be supervised here, or None."""
    if Rule.NUMBERS is None:
        return "the system calls of %s are not listed here" % platform.machine()
    child = os.fork()
    if child == 0:
        try:
            Rule.install(["fsync"])
            os._exit(0)
        finally:
            os._exit(1)
    return "no supervised system calls here (Linux 5.19)" if os.waitpid(child, 0)[1] else None


class Run:
    """One try of a case, in a directory of its own."""

    count = 0
    lock = threading.Lock()

    def __init__(self, one, way):
        self.case, self.way = one, way
        with Run.lock:
            Run.count += 1
            self.dir = os.path.abspath("run.%d" % Run.count)
        os.mkdir(self.dir)
        self.kept, self.peers, self.process = [], [], None

    def keep(self, thing):
        self.kept.append(thing)
        return thing

    def pipe(self):
        return self.keep(Pipe())

    def full(self):
        pipe = self.pipe()
        pipe.fill()
        return pipe.w

    def path(self, name):
        return os.path.join(self.dir, name)

    # ---- the program under test
    def spawn(self, command, stdin=DEVNULL, stdout=None, stderr=None, fds=(), env={}, wrap=(), rule=None):
        argv = shlex.split(command)
        if self.way == "limit":
            argv[1:1] = ["-w", str(self.case.seconds)]
        # With strace -D the program itself is our child.  The leak sanitizer does not work under strace.
        ours = None
        if rule:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self.keep(ours)
            wrap = [sys.executable, os.path.abspath(__file__), "--supervised", str(theirs.fileno()), ",".join(rule.calls)]
            fds = (*fds, theirs.fileno())
        if wrap:
            env = dict(env, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
        with open(self.path("stdout"), "wb") as out, open(self.path("stderr"), "wb") as err:
            self.begin = time.monotonic()
            self.process = subprocess.Popen([*wrap, *argv], cwd=self.dir, stdin=stdin, pass_fds=fds, env={**os.environ, **env},
                                            stdout=out if stdout is None else stdout, stderr=err if stderr is None else stderr)
        self.over = threading.Event()
        threading.Thread(target=self.watch, daemon=True).start()
        if rule:
            theirs.close()
            ours.settimeout(5)
            _, (listener,), _, _ = socket.recv_fds(ours, 1, 1)
            self.begin = time.monotonic()
            self.keep(Supervisor(listener, rule))

    def watch(self):
        """Record when the program ended, independently of what the test does."""
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        self.end = time.monotonic()
        self.over.set()

    def reap(self):
        """Kill the program if it still runs, and collect its status.  Returns its resource usage."""
        if not self.over.is_set():
            self.kill(signal.SIGKILL)  # Popen.kill() would collect the status of one that has just ended
        self.over.wait()
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return used

    def listen(self, command, fds=(), port_file="--port-file port", **more):
        """Start the program and wait for the readiness line on --ready-fd.  Returns the address."""
        ready = Pipe()
        program, options = command.split(" ", 1)
        self.spawn("%s --ready-fd %d %s %s" % (program, ready.w, port_file, options), fds=(ready.w, *fds), **more)
        os.close(ready.w)
        try:
            return self.address(ready.line())
        finally:
            os.close(ready.r)

    def address(self, line):
        if line.startswith("{"):
            said = json.loads(line)
            return self.path(said["path"]) if "path" in said else (said["address"], said["port"])
        words = line.split(" ")
        return self.path(words[2]) if words[1].startswith("unix") else (words[2], int(words[3]))

    def kill(self, signum):
        os.kill(self.process.pid, signum)

    def ask(self):
        """SIGUSR1, once the program no longer dies of it."""
        def heeded():
            with open("/proc/%d/status" % self.process.pid) as f:
                masks = [int(line.split()[1], 16) for line in f if line.startswith(("SigBlk", "SigIgn", "SigCgt"))]
            return any(mask & 1 << signal.SIGUSR1 - 1 for mask in masks)
        self.until(heeded, "it has not begun")
        self.kill(signal.SIGUSR1)

    def settle(self, seconds=1.0):
        """Wait until the program is at rest: no thread ran for 60 ms.  A program that spins is never at rest."""
        end, last, since = time.monotonic() + seconds, None, 0
        while time.monotonic() < end:
            now = self.activity()
            if now != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since >= 0.06:
                return
            time.sleep(0.01)

    def activity(self):
        found = []
        try:
            for task in sorted(os.listdir("/proc/%d/task" % self.process.pid)):
                with open("/proc/%d/task/%s/status" % (self.process.pid, task)) as f:
                    found.append((task, [line for line in f if "ctxt_switches" in line or line.startswith("State")]))
        except OSError:
            pass
        return found

    def system_call(self):
        """The one that the main thread is in: its number and its arguments."""
        with open("/proc/%d/syscall" % self.process.pid) as f:
            return f.read().split()

    def ended(self):
        return self.over.is_set()

    def taken(self, seconds=0.05):
        """Wait a little until no signal is pending: two pending SIGTERM would count as one."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.ended():
            with open("/proc/%d/status" % self.process.pid) as f:
                pending = [int(line.split()[1], 16) for line in f if line.startswith(("SigPnd", "ShdPnd"))]
            if not any(pending):
                return

    # ---- its peers
    def connect(self, address, kind=socket.SOCK_STREAM):
        s = self.keep(socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET, kind))
        s.settimeout(5)
        if kind == socket.SOCK_DGRAM and isinstance(address, str):
            s.bind(address + ".%d" % s.fileno())
        s.connect(address)
        return s

    def listener(self, unix=False, backlog=16):
        s = self.keep(socket.socket(socket.AF_UNIX if unix else socket.AF_INET))
        s.settimeout(5)
        s.bind(self.path("peer") if unix else ("127.0.0.1", 0))
        s.listen(backlog)
        return s

    def accept(self, listener):
        s = self.keep(listener.accept()[0])
        s.settimeout(5)
        return s

    def peer(self, command, **more):
        p = subprocess.Popen(shlex.split(command), cwd=self.dir, stderr=DEVNULL, **{"stdin": DEVNULL, "stdout": DEVNULL, **more})
        self.peers.append(p)
        return p

    def ready_peer(self, command):
        p = self.peer(command, stdout=subprocess.PIPE)
        return p, self.address(p.stdout.readline().decode().rstrip())

    def until(self, true, what, seconds=5):
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end:
                raise NotSetUp(what)
            time.sleep(0.005)

    def part_has(self, size, name="out.part"):
        def has():
            try:
                return os.stat(self.path(name)).st_size >= size
            except FileNotFoundError:
                return False
        self.until(has, "no byte arrived")

    def trickle(self, job):
        return trickle.add(job)

    def takes_all(self, s):
        """Receive all until the peer ends, and then close the connection."""
        def take():
            try:
                while s.recv(65536):
                    pass
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        threading.Thread(target=take, daemon=True).start()

    # ---- the measurement
    def measure(self):
        """Returns what is wrong, and whether another try may succeed."""
        one, way = self.case, self.way
        try:
            one.set_up(self)
        except (NotSetUp, OSError, EOFError, AssertionError) as e:
            if self.process is None:
                raise
            # Without the situation there is no result.
            self.reap()
            return "no situation: %s: %s" % (e or type(e).__name__, self.said()), True
        if way == "limit" and self.ended() and self.end - self.begin >= one.seconds:
            self.reap()
            return "no situation: its time was over before", True
        allowed = MARGIN + one.later[way] + (one.seconds if way == "limit" else 0)
        if way == "limit":
            begin = self.begin
        elif way == "ends":
            begin = time.monotonic()
        else:
            self.settle()
            if way == "twice":
                self.kill(signal.SIGTERM)
                self.taken()
            begin = time.monotonic()
            self.kill(signal.SIGTERM)
        hung = not self.over.wait(max(0, begin + allowed + 1 - time.monotonic()))
        used = self.reap()
        took, status = self.end - begin, self.process.returncode
        cpu = used.ru_utime + used.ru_stime
        problems, again = [], False
        if one.cpu is not None and cpu > one.cpu:
            problems.append("%.2f s of CPU" % cpu)
        if took > allowed:
            problems.append("still there after %.2f s" % took if hung else "late: %.3f s" % took)
            again = True
        elif status not in one.status[way]:
            problems.append("status %d: %s" % (status, self.said()))
        elif one.says and (problem := one.says(self)):
            problems.append(problem)
        if took <= allowed:
            problems += ["%s is left" % name for name in ("port", "pid", "sock") if os.path.lexists(self.path(name))]
        return ", ".join(problems), again

    def said(self):
        try:
            with open(self.path("stderr"), errors="replace") as f:
                return f.read(300).strip()
        except OSError:
            return ""

    def close(self):
        if self.process and self.process.returncode is None:
            self.reap()
        for p in self.peers:
            p.kill()
            p.wait()
            if p.stdout:
                p.stdout.close()
        for thing in self.kept:
            thing.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def one_line(run):
    """Check that the program printed exactly one line, which says what failed and why."""
    lines = run.said().splitlines()
    if len(lines) != 1 or not re.fullmatch(r"(hostlookup|sock[a-z-]+): .+: .+", lines[0]):
        return "it says %r" % lines
    return None


class Echo:
    """The servers that the clients of a group share, one for each set of options."""

    def __init__(self):
        self.lock, self.started = threading.Lock(), {}

    def address(self, options=""):
        with self.lock:
            if options not in self.started:
                p = subprocess.Popen(["sockecho-server", *options.split(), "0"], stdin=DEVNULL, stdout=subprocess.PIPE, stderr=DEVNULL)
                words = p.stdout.readline().decode().split()
                self.started[options] = p, "%s %s" % (words[2], words[3])
            return self.started[options][1]

    def close(self):
        for p, _ in self.started.values():
            p.kill()
            p.wait()
            p.stdout.close()


echo = Echo()


def at(address):
    return "-U %s" % address if isinstance(address, str) else "%s %d" % address


def target(where):
    """The same as an operand of sockwait, from "HOST PORT" or "-U PATH"."""
    return where[3:] if where.startswith("-U ") else where.replace(" ", ":")


def terminal(run, *lines):
    """A terminal as standard input, on which lines were typed."""
    master, slave = os.openpty()
    run.keep(Descriptor(master))
    run.keep(Descriptor(slave))
    attributes = termios.tcgetattr(slave)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    for line in lines:
        os.write(master, line)
    return slave


def quiet(run):
    """An input that stays open without data."""
    return run.pipe().r


def endless():
    return open("/dev/zero", "rb")


def nobody():
    """Where nobody listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return at(s.getsockname())


def spawn_towards(run, l, command, stdin):
    """The program is told where l listens; its input is "endless", or what stdin(RUN) makes."""
    peer = at(l.getsockname())
    given = run.keep(endless()) if stdin == "endless" else stdin(run) if stdin else DEVNULL
    run.spawn(command.format(peer, target=target(peer)), stdin=given)


def starter(stream):
    """A function start(COMMAND, STDIN): the program starts, and its standard output or error is full."""
    def start(command, stdin=None):
        def set_up(run):
            where = {"echo": echo.address(), "target": target(echo.address()), "udp": echo.address("-u"), "nobody": nobody()}
            with endless() if stdin == "endless" else open(os.devnull) as given:
                run.spawn(command.format(**where), stdin=given, **{stream: run.full()})
        return set_up
    return start


def notes(command, act):
    """The program listens, its standard error is full from then on, and somebody acts."""
    def set_up(run):
        err = run.pipe()
        address = run.listen(command, stderr=err.w)
        err.fill()
        act(run, address)
    return set_up


# ---- a full standard output
def callers(run, address):
    for _ in range(3):
        run.connect(address)


def asks(run, address):
    run.settle()
    run.ask()


def sends(run, address):
    s = run.connect(address)
    s.sendall(b"x" * 1000)
    s.shutdown(socket.SHUT_WR)


def takes(run, address):
    run.takes_all(run.connect(address))


def full_output():
    start = starter("stdout")

    for json_ in ("", " --json"):
        # The readiness line does not fit, but the port file is written before it.
        case("stdout", "sockecho-server%s, ready" % json_, start("sockecho-server%s --port-file port 0" % json_), **SERVER)
        case("stdout", "sockecho-server%s -U, ready" % json_, start("sockecho-server%s --port-file port -U sock" % json_), **SERVER)
        case("stdout", "sockecho-server%s -u, ready" % json_, start("sockecho-server%s --port-file port -u 0" % json_), **SERVER)
        case("stdout", "sockfile-recv%s, ready" % json_, start("sockfile-recv%s --port-file port 0 copy" % json_))
        case("stdout", "sockfile-recv%s --verify, ready" % json_, start("sockfile-recv%s --verify --port-file port -U sock copy" % json_))
        case("stdout", "sockfile-send%s --listen, ready" % json_, start("sockfile-send%s --listen --port-file port 0 ../in" % json_))
        case("stdout", "sockfile-send%s --listen --verify, ready" % json_,
             start("sockfile-send%s --verify --listen --port-file port 0 ../in" % json_))
        case("stdout", "sockecho-client%s, messages" % json_, start("sockecho-client%s {echo} one two" % json_))
        case("stdout", "sockecho-client%s, datagrams" % json_, start("sockecho-client%s -u {udp} one two" % json_))
        case("stdout", "sockecho-client%s --ping" % json_, start("sockecho-client%s --ping -i 0.02 {echo}" % json_), **PING)
        case("stdout", "sockecho-client%s, prompt" % json_, lambda run, json_=json_: run.spawn(
            "sockecho-client%s %s" % (json_, echo.address()), stdin=terminal(run, b"one\n", b"two\n"), stdout=run.full()))
        case("stdout", "hostlookup%s" % json_, start("hostlookup%s 127.0.0.1" % json_))
        case("stdout", "hostlookup%s --ex" % json_, start("hostlookup%s --ex localhost" % json_))
        case("stdout", "hostlookup%s -f" % json_, start("hostlookup%s -f ../names" % json_))
        case("stdout", "hostlookup%s --unordered" % json_, start("hostlookup%s --unordered -f ../names" % json_))
        case("stdout", "servlookup%s" % json_, start("servlookup%s 80" % json_))
        case("stdout", "servlookup%s -f" % json_, start("servlookup%s -f ../ports" % json_))
        case("stdout", "servlookup%s --all" % json_, start("servlookup%s --all" % json_))
        case("stdout", "sockwait%s" % json_, start("sockwait%s {target}" % json_))
        case("stdout", "sockwait%s, and one is missing" % json_, start("sockwait%s {target} ./nosuch" % json_))
    case("stdout", "sockecho-client, stream", start("sockecho-client {echo}", "endless"))

    def events(command, act):
        def set_up(run):
            out = run.pipe()
            address = run.listen(command, stdout=out.w)
            out.line()
            out.fill()
            act(run, address)
        return set_up

    case("stdout", "sockecho-server --json, events", events("sockecho-server --json 0", callers), **SERVER)
    case("stdout", "sockecho-server --json -U, events", events("sockecho-server --json -U sock", callers), **SERVER)
    case("stdout", "sockecho-server --json -u, SIGUSR1", events("sockecho-server --json -u 0", asks), **SERVER)

    def receives(run, address):
        run.peer("sockfile-recv --connect %s copy" % at(address))

    def verified(run, address):
        run.peer("sockfile-send --verify %s ../small" % at(address))

    case("stdout", "sockfile-recv --json, done", events("sockfile-recv --json 0 copy", sends))
    case("stdout", "sockfile-recv --json, done with a verified one", events("sockfile-recv --json --verify 0 copy", verified))
    case("stdout", "sockfile-recv --json -c none, done", events("sockfile-recv --json --dir . -c none 0", verified))
    case("stdout", "sockfile-send --json --listen, done", events("sockfile-send --json --listen 0 ../small", takes))
    case("stdout", "sockfile-send --json --listen --verify, done", events("sockfile-send --json --verify --listen 0 ../small", receives))

    def sender(run):
        l = run.listener()
        run.spawn("sockfile-send --json %s ../small" % at(l.getsockname()), stdout=run.full())
        run.takes_all(run.accept(l))

    def verified_sender(run):
        _, address = run.ready_peer("sockfile-recv 0 copy")
        run.spawn("sockfile-send --json --verify %s ../small" % at(address), stdout=run.full())

    case("stdout", "sockfile-send --json, done", sender)
    case("stdout", "sockfile-send --json --verify, done", verified_sender)

    # Standard output carries the data.
    def data(options):
        def set_up(run):
            address = run.listen("sockfile-recv %s 0 -" % options, stdout=run.full())
            if "--verify" in options:
                run.peer("sockfile-send --verify %s ../in" % at(address))
            else:
                run.connect(address).sendall(b"x" * 1000)
        return set_up

    def data_connecting(run):
        l = run.listener()
        run.spawn("sockfile-recv --connect %s -" % at(l.getsockname()), stdout=run.full())
        run.accept(l).sendall(b"x" * 1000)

    case("stdout", "sockfile-recv -, data", data(""))
    case("stdout", "sockfile-recv --verify -, data", data("--verify"))
    case("stdout", "sockfile-recv --connect -, data", data_connecting)


# ---- a full standard error
def queued(fd):
    """The bytes that can be read from it."""
    buffer = bytearray(4)
    fcntl.ioctl(fd, termios.FIONREAD, buffer)
    return int.from_bytes(buffer, sys.byteorder)


def full_errors():
    start = starter("stderr")

    for v in ("-v", "-vv"):
        case("stderr", "sockecho-server %s, start" % v, start("sockecho-server %s --port-file port 0" % v), **SERVER)
        case("stderr", "sockfile-recv %s, start" % v, start("sockfile-recv %s --port-file port 0 copy" % v))
        case("stderr", "sockfile-send %s --listen, start" % v, start("sockfile-send %s --listen --port-file port 0 ../in" % v))
    for v in (" -v", " -v --json"):
        case("stderr", "sockecho-client%s, messages" % v, start("sockecho-client%s {echo} one two" % v))
        case("stderr", "sockecho-client%s, stream" % v, start("sockecho-client%s {echo}" % v, "endless"))
        case("stderr", "sockecho-client%s, datagrams" % v, start("sockecho-client%s -u {udp} one two" % v))
        case("stderr", "sockecho-client%s --ping" % v, start("sockecho-client%s --ping -i 0.02 {echo}" % v), **PING)
    case("stderr", "sockecho-client --json, stream", start("sockecho-client --json {echo}", "endless"))
    case("stderr", "sockecho-client, prompt", lambda run: run.spawn(
        "sockecho-client " + echo.address(), stdin=terminal(run, b"one\n"), stderr=run.full()))
    # The program's own message does not fit: it is dropped, or waited for until the limit.
    case("stderr", "sockecho-client, nobody there", start("sockecho-client {nobody} one"), limit={6, 124}, term={6, -15})
    case("stderr", "sockfile-send, nobody there", start("sockfile-send {nobody} ../in"), limit={6, 124}, term={6, -15})
    case("stderr", "sockfile-recv, nobody there", start("sockfile-recv --connect {nobody} copy"), limit={6, 124}, term={6, -15})
    case("stderr", "hostlookup -v -f", start("hostlookup -v -f ../names"), limit={0, 124}, term={0, -15})
    case("stderr", "hostlookup -f, errors", start("hostlookup -f ../wrong"))
    case("stderr", "hostlookup, error", start("hostlookup 1.2.3.999"), limit={2, 3, 124}, term={2, 3, -15})
    case("stderr", "sockwait, a note", start("sockwait ./nosuch"), seconds=1)
    case("stderr", "sockwait -v", start("sockwait -v --gone -i 0.01 ./nosuch 127.0.0.1:1"), limit={0, 124}, term={0, -15})
    case("stderr", "sockwait, missing", start("sockwait -t 0 ./a ./b"), limit={124}, term={124, -15})
    case("stderr", "servlookup -f, errors", start("servlookup -f ../wrong"))

    def refused(run, address):
        for _ in range(3):
            run.connect(address, socket.SOCK_DGRAM).send(b"x")

    case("stderr", "sockecho-server -v", notes("sockecho-server -v 0", callers), **SERVER)
    case("stderr", "sockecho-server -v -U", notes("sockecho-server -v -U sock", callers), **SERVER)
    case("stderr", "sockecho-server -v, refusing", notes("sockecho-server -v --deny 127.0.0.0/8 0", callers), **SERVER)
    case("stderr", "sockecho-server -v -u", notes("sockecho-server -vv -u --deny 127.0.0.0/8 0", refused), **SERVER)
    case("stderr", "sockecho-server -v -u, SIGUSR1", notes("sockecho-server -v -u 0", asks), **SERVER)

    def strangers(run, address):
        for _ in range(3):
            run.connect(address).close()

    case("stderr", "sockfile-recv -v, strangers", notes("sockfile-recv -v 0 copy", strangers))
    case("stderr", "sockfile-recv -v, done", notes("sockfile-recv -v 0 copy", sends))
    case("stderr", "sockfile-recv -v -, done", notes("sockfile-recv -v 0 -", sends))
    case("stderr", "sockfile-recv --verify, strangers", notes("sockfile-recv -v --verify 0 copy", sends))
    case("stderr", "sockfile-recv --verify, done", notes("sockfile-recv -v --verify 0 copy", lambda run, address: run.peer(
        "sockfile-send --verify %s ../small" % at(address))))

    def sends_much(run, address):
        # What it says of a file is 0.8 KB: all of them are more than is kept until somebody reads.
        names = ["many/%03d" % i + '"' * 240 for i in range(200)]
        os.mkdir(run.path("many"))
        for name in names:
            with open(run.path(name), "w"):
                pass
        run.peer("sockfile-send -q --verify %s %s" % (at(address), shlex.join(names)))

        def here():
            return sum('"' in name for name in os.listdir(run.dir))
        # Main waits for the reader, and the thread for room.
        run.until(lambda: here() > 50, "the files do not come")
        run.settle(3)
        if here() == len(names):
            raise NotSetUp("there is room for all")

    case("stderr", "sockfile-recv --verify, more to say than is kept", notes("sockfile-recv --json --dir . -c none 0", sends_much))
    case("stderr", "sockfile-send -v --listen", notes("sockfile-send -v --listen -c none 0 ../small", takes))
    case("stderr", "sockfile-send --listen --verify, strangers", notes("sockfile-send -v --verify --listen -c none 0 ../small", strangers))

    def sender(options):
        def set_up(run):
            l = run.listener()
            run.spawn("sockfile-send -v %s %s ../small" % (options, at(l.getsockname())), stderr=run.full())
            run.keep(l.accept()[0]).close()
        return set_up

    def bar(run):
        l = run.listener()
        run.spawn("sockfile-send --progress --limit-rate 100K %s ../in" % at(l.getsockname()), stderr=run.full())
        run.accept(l)

    def receiver(run):
        l = run.listener()
        run.spawn("sockfile-recv -v --connect %s copy" % at(l.getsockname()), stderr=run.full())
        s = run.accept(l)
        s.sendall(b"x" * 1000)
        s.shutdown(socket.SHUT_WR)

    def retrier(run):
        # The note about what was lost has room, that about the next try has not.
        pipe, l = run.pipe(), run.listener()
        room = fcntl.fcntl(pipe.w, 1031, 4096)  # F_SETPIPE_SZ
        os.write(pipe.w, b"\n" * (room - 120))
        run.spawn("sockfile-send --verify --retry 1 --wait none %s ../small" % at(l.getsockname()), stderr=pipe.w)
        s = run.accept(l)
        l.close()
        s.recv(4096)
        s.close()
        run.until(lambda: queued(pipe.r) > room - 120, "nothing was lost")
        # In the pause before the next try it polls one descriptor, and then two: standard error, too.
        run.until(lambda: run.system_call()[2:3] == ["0x2"], "it does not wait for standard error")

    # The peer ends at once.  If the program notices that before its limit, the status is 5 or 6.
    case("stderr", "sockfile-send -v", sender(""), limit={124, 5, 6}, term={-15, 5, 6})
    case("stderr", "sockfile-send -v --verify", sender("--verify"), limit={124, 5, 6}, term={-15, 5, 6})
    case("stderr", "sockfile-send --retry, about to try again", retrier, seconds=2)
    case("stderr", "sockfile-send --progress", bar)
    case("stderr", "sockfile-recv -v --connect", receiver)


# ---- a notify socket whose queue is full
def full_notify():
    def start(command):
        def set_up(run):
            path = run.path("notify")
            queue = run.keep(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            queue.bind(path)
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
                s.setblocking(False)
                try:
                    while True:
                        s.sendto(b"x", path)
                except BlockingIOError:
                    pass
            run.spawn(command, env={"NOTIFY_SOCKET": path})
            run.until(lambda: os.path.exists(run.path("port")), "no port file")
        return set_up

    for options in ("0", "-u 0", "-U sock"):
        case("notify", "sockecho-server %s" % options, start("sockecho-server --port-file port %s" % options), **SERVER)
        if options != "-u 0":
            for verify in ("", "--verify "):
                case("notify", "sockfile-recv %s%s" % (verify, options), start("sockfile-recv --port-file port %s%s copy" % (verify, options)))
                case("notify", "sockfile-send %s--listen %s" % (verify, options),
                     start("sockfile-send --listen --port-file port %s%s ../in" % (verify, options)))


# ---- SIGUSR1 with a full standard error
def full_state():
    def asked(run):
        run.settle(0.3)
        for _ in range(2):
            run.ask()
            run.taken()
            run.settle(0.3)

    def server(command, kind=socket.SOCK_STREAM):
        def set_up(run):
            err = run.pipe()
            address = run.listen(command, stderr=err.w)
            before = run.connect(address, kind)
            err.fill()
            asked(run)
            for s in (before, run.connect(address, kind)):
                s.settimeout(1)
                s.sendall(b"x")
                try:
                    served = s.recv(1) == b"x"
                except OSError:
                    served = False
                if not served and not run.ended():
                    raise NotSetUp("it does not serve any more")
        return set_up

    slow = {"seconds": 3}  # asking for the state takes some time
    case("usr1", "sockecho-server", server("sockecho-server 0"), **SERVER, **slow)
    case("usr1", "sockecho-server -U", server("sockecho-server -U sock"), **SERVER, **slow)
    case("usr1", "sockecho-server -u", server("sockecho-server -u 0", socket.SOCK_DGRAM), **SERVER, **slow)

    def start(command, stdin=quiet):
        def set_up(run):
            err = run.pipe()
            silent = run.listener()
            err.fill()
            run.spawn(command.format(echo=echo.address(), silent=at(silent.getsockname())), stdin=stdin(run), stderr=err.w)
            if "{silent}" in command:
                run.accept(silent)
            asked(run)
        return set_up

    case("usr1", "sockecho-client, message", start("sockecho-client {silent} one"), **slow)
    case("usr1", "sockecho-client, stream", start("sockecho-client {echo}"), **slow)
    case("usr1", "sockecho-client --ping", start("sockecho-client --ping -i 0.02 {echo}"), **PING, **slow)
    case("usr1", "sockecho-client, prompt", start("sockecho-client {echo}", terminal), **slow)
    case("usr1", "hostlookup -f -", start("hostlookup -f -"), **slow)
    case("usr1", "sockwait", start("sockwait -q ./nosuch"), **slow)
    case("usr1", "sockfile-send", start("sockfile-send {silent} ../in"), **slow)
    case("usr1", "sockfile-send --verify", start("sockfile-send --verify {silent} ../in"), **slow)
    case("usr1", "sockfile-send -", start("sockfile-send {silent} -"), **slow)
    case("usr1", "sockfile-recv --connect", start("sockfile-recv --connect {silent} copy"), **slow)

    def transfer(command, end):
        """The program goes on with its work."""
        def act(run, address):
            asked(run)
            end(run, address)
        return notes(command, act)

    def sends(run, address):
        s = run.connect(address)
        s.sendall(b"x" * 1000)
        asked(run)
        s.shutdown(socket.SHUT_WR)

    def takes(run, address):
        s = run.connect(address)
        asked(run)
        run.takes_all(s)

    done = {"ways": ("ends",), "ends": {0}, "grace": 2}
    case("usr1", "sockfile-recv goes on", transfer("sockfile-recv -q 0 copy", sends), **done)
    case("usr1", "sockfile-send --listen goes on", transfer("sockfile-send -q --listen 0 ../in", takes), **done)
    case("usr1", "sockfile-recv --verify goes on", transfer("sockfile-recv -q --verify 0 copy", lambda run, address: run.peer(
        "sockfile-send --verify %s ../in" % at(address))), **done)
    case("usr1", "sockfile-send --listen --verify goes on", transfer("sockfile-send -q --verify --listen 0 ../in", lambda run, address: run.peer(
        "sockfile-recv --connect %s copy" % at(address))), **done)


# ---- a peer that stopped
def stopped():
    def owing(command):
        def set_up(run):
            s = run.connect(run.listen(command))
            s.setblocking(False)
            # Send until the server takes nothing more for a while: then it has replies to send, and does not read.
            while select.select([], [s], [], 0.05)[1]:
                s.send(b"x" * 65536)
        return set_up

    # After the first signal the server may wait 5 s to send its replies, but not for what peers may send.
    case("stopped", "sockecho-server, owing", owing("sockecho-server 0"), **OWES)
    case("stopped", "sockecho-server -U, owing", owing("sockecho-server -U sock"), **OWES)
    case("stopped", "sockecho-server --delay, owing", owing("sockecho-server --delay 60 0"), **OWES)
    case("stopped", "sockecho-server --limit-rate, owing", owing("sockecho-server --limit-rate 1 0"), **OWES)
    case("stopped", "sockecho-server, silent client", lambda run: run.connect(run.listen("sockecho-server 0")), **SERVER)
    case("stopped", "sockecho-server --fd, connected", lambda run: connected(run, "sockecho-server --fd {fd}"), **SERVER)

    def connected(run, command):
        ours, theirs = socket.socketpair()
        run.keep(ours)
        run.keep(theirs)
        run.spawn(command.format(fd=theirs.fileno()), fds=(theirs.fileno(),))

    def silent(command, stdin=None, unix=False, full=False):
        def set_up(run):
            l = run.listener(unix, backlog=0 if full else 16)
            if full:
                # The kernel accepts one connection.  The next SYN stays unanswered.
                for _ in range(2):
                    s = run.keep(socket.socket())
                    s.setblocking(False)
                    s.connect_ex(l.getsockname())
            spawn_towards(run, l, command, stdin)
            if not full:
                run.accept(l)
        return set_up

    for unix in (False, True):
        where = ", UNIX" if unix else ""
        case("stopped", "sockecho-client, messages" + where, silent("sockecho-client {} one", unix=unix))
        case("stopped", "sockecho-client, stream" + where, silent("sockecho-client {}", "endless", unix=unix))
        case("stopped", "sockecho-client, stream at its end" + where, silent("sockecho-client {}", unix=unix))
        case("stopped", "sockecho-client, prompt" + where, silent("sockecho-client {}", lambda run: terminal(run, b"one\n"), unix=unix))
        case("stopped", "sockecho-client --ping" + where, silent("sockecho-client --ping -i 0.02 {}", unix=unix), **PING)
        case("stopped", "sockfile-send" + where, silent("sockfile-send {} ../in", unix=unix))
        case("stopped", "sockfile-send, done" + where, silent("sockfile-send {} ../small", unix=unix))
        # What is sent from memory has no thread for the signals.
        case("stopped", "sockfile-send, little" + where, silent("sockfile-send {} ../little", unix=unix))
        case("stopped", "sockfile-send --verify, little" + where, silent("sockfile-send --verify {} ../little", unix=unix))
        case("stopped", "sockfile-send --verify" + where, silent("sockfile-send --verify {} ../in", unix=unix))
        case("stopped", "sockfile-recv --connect" + where, silent("sockfile-recv --connect {} copy", unix=unix))
        case("stopped", "sockfile-recv --connect --verify" + where, silent("sockfile-recv --verify --connect {} copy", unix=unix))
        case("stopped", "sockwait --match" + where, silent("sockwait --match x {target}", unix=unix))
        case("stopped", "sockwait --steady" + where, silent("sockwait -t none --steady 60 {target}", unix=unix), ways=("term", "twice"))
        case("stopped", "sockwait --match, among others" + where, silent("sockwait --match x ./nosuch {target} 127.0.0.1:1", unix=unix))
    case("stopped", "sockwait, connecting", silent("sockwait {target}", full=True))
    case("stopped", "sockwait, nobody there", lambda run: run.spawn("sockwait ./nosuch"))
    case("stopped", "sockecho-client, connecting", silent("sockecho-client {} one", full=True))
    case("stopped", "sockecho-client --ping, connecting", silent("sockecho-client --ping {}", full=True), **PING)
    case("stopped", "sockfile-send, connecting", silent("sockfile-send {} ../in", full=True))
    case("stopped", "sockfile-recv, connecting", silent("sockfile-recv --connect {} copy", full=True))

    def unanswered(run):
        s = run.keep(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        s.bind(("127.0.0.1", 0))
        s.settimeout(5)
        run.spawn("sockecho-client -u %s one" % at(s.getsockname()))
        s.recv(16)

    case("stopped", "sockecho-client, datagrams", unanswered)

    def wanting(program, command):
        case("stopped", program, lambda run: run.spawn(command.format(nobody())))

    wanting("sockecho-client --wait", "sockecho-client --wait 60 {} one")
    wanting("sockfile-send --wait", "sockfile-send --wait 60 {} ../in")
    wanting("sockfile-recv --wait", "sockfile-recv --wait 60 --connect {} copy")
    wanting("sockfile-send --retry", "sockfile-send --retry 60 --wait 60 --verify {} ../in")

    case("stopped", "sockfile-recv, nobody came", lambda run: run.listen("sockfile-recv 0 copy"))
    case("stopped", "sockfile-send --listen, nobody came", lambda run: run.listen("sockfile-send --listen 0 ../in"))
    case("stopped", "sockfile-send --listen --verify, nobody came", lambda run: run.listen("sockfile-send --verify --listen 0 ../in"))

    def caller(command, data=b""):
        def set_up(run):
            s = run.connect(run.listen(command))
            s.sendall(data)
        return set_up

    for where in ("0", "-U sock"):
        case("stopped", "sockfile-recv %s, silent sender" % where, caller("sockfile-recv %s copy" % where))
        case("stopped", "sockfile-recv %s, half a file" % where, caller("sockfile-recv %s copy" % where, b"x" * 100000))
        case("stopped", "sockfile-recv --verify %s, silent sender" % where, caller("sockfile-recv --verify %s copy" % where))
        case("stopped", "sockfile-recv --verify %s, a greeting" % where, caller("sockfile-recv --verify %s copy" % where, wire.greeting(wire.SEND)))
        case("stopped", "sockfile-send --listen %s" % where, caller("sockfile-send --listen %s ../in" % where))
        case("stopped", "sockfile-send --listen --verify %s" % where, caller("sockfile-send --verify --listen %s ../in" % where))

    # Real peers, stopped by SIGSTOP in the middle of a transfer.
    def stop(peer):
        peer.send_signal(signal.SIGSTOP)

    def receiver(run, command="sockfile-recv --verify 0 out"):
        address = run.listen(command)
        peer = run.peer("sockfile-send --verify --limit-rate 300K %s ../in" % at(address))
        run.part_has(1)
        stop(peer)

    def receiver_connecting(run):
        peer, address = run.ready_peer("sockfile-send --verify --listen --limit-rate 300K 0 ../in")
        run.spawn("sockfile-recv --verify --connect %s out" % at(address))
        run.part_has(1)
        stop(peer)

    def sender(run):
        peer, address = run.ready_peer("sockfile-recv --verify 0 out")
        run.spawn("sockfile-send --verify --limit-rate 4M %s ../in" % at(address))
        run.part_has(1)
        stop(peer)

    def sender_listening(run):
        address = run.listen("sockfile-send --verify --listen --limit-rate 4M 0 ../in")
        peer = run.peer("sockfile-recv --verify --connect %s out" % at(address))
        run.part_has(1)
        stop(peer)

    case("stopped", "sockfile-recv --verify, stopped sender", receiver)
    case("stopped", "sockfile-recv --verify --connect, stopped sender", receiver_connecting)
    case("stopped", "sockfile-recv --retry, stopped sender", lambda run: receiver(run, "sockfile-recv --retry 5 0 out"))
    case("stopped", "sockfile-send --verify, stopped receiver", sender)
    case("stopped", "sockfile-send --verify --listen, stopped receiver", sender_listening)
    # The last message of an end, such as ABORT, is not waited for either: no two seconds more.
    case("stopped", "sockfile-recv -w 3, stopped sender", receiver, seconds=3, ways=("limit",))
    case("stopped", "sockfile-send -w 3, stopped receiver", sender, seconds=3, ways=("limit",))


# ---- a peer, or an input, that trickles
def trickling():
    def sends(s):
        def job():
            s.setblocking(False)
            s.send(b"x")
        return job

    def takes(s):
        def job():
            s.setblocking(False)
            try:
                s.recv(1)
            except BlockingIOError:
                pass
        return job

    def says(s, data):
        left = list(data)

        def job():
            s.setblocking(False)
            if left:
                s.send(bytes([left.pop(0)]))
        return job

    def client(command, stdin=None, job=sends):
        def set_up(run):
            l = run.listener()
            spawn_towards(run, l, command, stdin)
            run.trickle(job(run.accept(l)))
        return set_up

    case("trickle", "sockecho-client, message", client("sockecho-client {} " + "x" * 1000))
    case("trickle", "sockecho-client, stream", client("sockecho-client {}"))
    case("trickle", "sockecho-client, stream that is read slowly", client("sockecho-client {}", "endless", takes))
    case("trickle", "sockecho-client, prompt", client("sockecho-client {}", lambda run: terminal(run, b"x" * 1000 + b"\n")))
    case("trickle", "sockecho-client --ping", client("sockecho-client --ping {}"), **dict(PING, limit={0, 1, 5, 124}, term={-15, 0, 1, 5, 124}))
    case("trickle", "sockwait --match", client("sockwait --match never {target}"))
    case("trickle", "sockfile-send", client("sockfile-send {} ../in", job=takes))
    case("trickle", "sockfile-send --verify", client("sockfile-send --verify {} ../in", job=lambda s: says(s, wire.greeting(wire.RECEIVE) * 9)))
    case("trickle", "sockfile-recv --connect", client("sockfile-recv --connect {} copy"))
    case("trickle", "sockfile-recv --connect, greeting", client("sockfile-recv --connect {} copy", job=lambda s: says(s, wire.greeting(wire.SEND))))

    def server(command, *jobs, first=b""):
        def set_up(run):
            s = run.connect(run.listen(command))
            s.sendall(first)
            for job in jobs:
                run.trickle(job(s))
        return set_up

    case("trickle", "sockecho-server", server("sockecho-server 0", sends), **SERVER)
    case("trickle", "sockecho-server, read slowly", server("sockecho-server 0", takes, first=b"x" * 50000), **OWES)
    case("trickle", "sockfile-recv", server("sockfile-recv 0 copy", sends))
    case("trickle", "sockfile-recv --verify", server("sockfile-recv --verify 0 copy", lambda s: says(s, wire.greeting(wire.SEND))))
    case("trickle", "sockfile-send --listen", server("sockfile-send --listen 0 ../in", takes))
    case("trickle", "sockfile-send --listen --verify", server(
        "sockfile-send --verify --listen 0 ../in", lambda s: says(s, wire.greeting(wire.RECEIVE) * 9)))

    def data(run):
        peer = wire.Peer(run.connect(run.listen("sockfile-recv --verify 0 copy")), wire.SEND)
        peer.greet()
        peer.sock.sendall(wire.offer(size=1 << 20))
        assert peer.next()[0] == wire.HAVE
        peer.sock.sendall(wire.message(wire.START, struct.pack(">IIQ", 1, 0, 0)) + wire.message(wire.DATA, length=1 << 20))
        run.trickle(sends(peer.sock))

    def read(run):
        l = run.listener()
        run.spawn("sockfile-send --verify %s ../in" % at(l.getsockname()))
        peer = wire.Peer(run.accept(l), wire.RECEIVE)
        peer.greet()
        assert peer.next()[0] == wire.OFFER
        peer.sock.sendall(wire.held(wire.HAVE))
        assert peer.next()[0] == wire.START
        run.trickle(takes(peer.sock))

    case("trickle", "sockfile-recv --verify, data", data)
    case("trickle", "sockfile-send --verify, data", read)

    def input(command):
        def set_up(run):
            pipe = run.pipe()
            l = run.listener()
            run.spawn(command.format(echo=echo.address(), udp=echo.address("-u"), silent=at(l.getsockname())), stdin=pipe.r)

            def job():
                os.write(pipe.w, b"1")
            run.trickle(job)
            run.job = job
        return set_up

    case("trickle", "hostlookup -f -", input("hostlookup -f -"))
    case("trickle", "sockecho-client, input", input("sockecho-client {echo}"))
    case("trickle", "sockecho-client -u, input", input("sockecho-client -u {udp}"))
    case("trickle", "sockfile-send -", input("sockfile-send {silent} -"))


# ---- an input that says nothing, and what cannot be opened yet
def quiet_input():
    def start(command, stdin=quiet, fifo=None):
        def set_up(run):
            l = run.listener()
            given = stdin(run)
            if fifo:
                os.mkfifo(run.path("fifo"))
            if fifo == "held":
                run.keep(Descriptor(os.open(run.path("fifo"), os.O_RDWR)))
            run.spawn(command.format(echo=echo.address(), udp=echo.address("-u"), silent=at(l.getsockname())), stdin=given)
        return set_up

    def said(text):
        def stdin(run):
            pipe = run.pipe()
            os.write(pipe.w, text)
            return pipe.r
        return stdin

    case("quiet", "hostlookup -f -", start("hostlookup -f -"))
    case("quiet", "hostlookup -f -, after a name", start("hostlookup -f -", said(b"localhost\n")))
    case("quiet", "hostlookup -f -, in a line", start("hostlookup -f -", said(b"local")))
    case("quiet", "hostlookup -f -, terminal", start("hostlookup -f -", terminal))
    case("quiet", "hostlookup -j 1 --unordered -f -", start("hostlookup -j 1 --unordered -f -", said(b"localhost\n127.0.0.1\n")))
    case("quiet", "hostlookup -f FIFO", start("hostlookup -f fifo", fifo="held"))
    case("quiet", "hostlookup -f FIFO, no writer", start("hostlookup -f fifo", fifo="free"))
    case("quiet", "servlookup -f -", start("servlookup -f -"))
    case("quiet", "servlookup -f FIFO, no writer", start("servlookup -f fifo", fifo="free"))
    case("quiet", "servlookup --services FIFO, no writer", start("servlookup --services fifo 80", fifo="free"))
    case("quiet", "sockecho-client, stream", start("sockecho-client {echo}"))
    case("quiet", "sockecho-client, stream from a terminal's line", start("sockecho-client {echo}", terminal))
    case("quiet", "sockecho-client, datagrams", start("sockecho-client -u {udp}"))
    case("quiet", "sockecho-client, datagrams from a terminal", start("sockecho-client -u {udp}", terminal))
    case("quiet", "sockfile-send -", start("sockfile-send {silent} -"))
    case("quiet", "sockfile-send, terminal", start("sockfile-send {silent} -", terminal))
    case("quiet", "sockfile-send FIFO", start("sockfile-send {silent} fifo", fifo="held"))
    case("quiet", "sockfile-send FIFO, no writer", start("sockfile-send {silent} fifo", fifo="free"))
    case("quiet", "sockfile-send --listen -", start("sockfile-send --port-file port --listen 0 -"))
    case("quiet", "sockfile-send --verify FIFO, no writer", start("sockfile-send --verify {silent} fifo", fifo="free"))

    def verified(run):
        _, address = run.ready_peer("sockfile-recv 0 copy")
        run.spawn("sockfile-send --verify %s -" % at(address), stdin=quiet(run))

    case("quiet", "sockfile-send --verify -", verified)

    def into(options, sends):
        def set_up(run):
            os.mkfifo(run.path("fifo"))
            if "full" in options:
                fd = run.keep(Descriptor(os.open(run.path("fifo"), os.O_RDWR | os.O_NONBLOCK))).fd
                try:
                    while True:
                        os.write(fd, b"x" * 4096)
                except BlockingIOError:
                    pass
            # A FIFO that nobody reads.  It is opened at the start, or when somebody sends.
            run.spawn("sockfile-recv --port-file port %s 0 fifo" % options.replace("full", ""))
            if "full" in options:
                run.until(lambda: os.path.exists(run.path("port")), "no port file")
                with open(run.path("port")) as f:
                    address = "127.0.0.1", int(f.read())
                if sends == "verified":
                    run.peer("sockfile-send --verify %s ../small" % at(address))
                else:
                    run.connect(address).sendall(b"x" * 1000)
        return set_up

    case("quiet", "sockfile-recv FIFO, no reader", into("", None))
    case("quiet", "sockfile-recv --verify FIFO, no reader", into("--verify", None))
    case("quiet", "sockfile-recv FIFO, full", into("full", "raw"))
    case("quiet", "sockfile-recv --verify FIFO, full", into("full --verify", "verified"))


# ---- a listener that its other owner shuts down
def shut():
    def adopted(command, unix):
        def set_up(run):
            l = run.listener(unix)
            run.spawn(command.format(fd=l.fileno()), fds=(l.fileno(),))
            run.until(lambda: os.path.exists(run.path("port")), "no port file")
            run.settle()
            l.shutdown(socket.SHUT_RDWR)
        return set_up

    for unix in (False, True):
        for command in ("sockecho-server --port-file port --fd {fd}", "sockecho-server --max-clients 1 --port-file port --fd {fd}",
                        "sockfile-recv --port-file port --fd {fd} copy", "sockfile-recv --verify --port-file port --fd {fd} copy",
                        "sockfile-recv --dir . -c none --port-file port --fd {fd}",
                        "sockfile-send --port-file port --listen --fd {fd} ../in",
                        "sockfile-send --port-file port -c none --listen --fd {fd} ../in",
                        "sockfile-send --verify --port-file port --listen --fd {fd} ../in"):
            # However long the program pauses between two tries, it uses no CPU.  With nothing to do it ends soon.
            case("shut", "%s%s" % (command.replace("--port-file port ", "").format(fd="N"), ", UNIX" if unix else ""),
                 adopted(command, unix), ways=("ends",), ends={1}, grace=1, cpu=0.3, says=one_line)

    def datagrams(unix, half):
        def set_up(run):
            s = run.keep(socket.socket(socket.AF_UNIX if unix else socket.AF_INET, socket.SOCK_DGRAM))
            s.bind(run.path("sock") if unix else ("127.0.0.1", 0))
            run.spawn("sockecho-server --port-file port --fd %d" % s.fileno(), fds=(s.fileno(),))
            run.until(lambda: os.path.exists(run.path("port")), "no port file")
            run.settle()
            try:
                s.shutdown(half)
            except OSError as e:
                if e.errno != errno.ENOTCONN:  # it is shut all the same
                    raise
            if unix:
                os.unlink(run.path("sock"))
        return set_up

    for unix in (False, True):
        for half, name in ((socket.SHUT_RD, "the half that is read"), (socket.SHUT_RDWR, "both halves")):
            case("shut", "sockecho-server --fd N, datagrams%s, %s" % (", UNIX" if unix else "", name), datagrams(unix, half),
                 ways=("ends",), ends={1}, grace=1, cpu=0.3, says=one_line)


# ---- errors that last
def lasting():
    def strace(run, calls, error):
        return ["strace", "-D", "-f", "-qq", "-o", run.path("trace"), "-e", "trace=" + calls, "-e", "inject=%s:error=%s" % (calls, error)]

    def calls(most):
        def says(run):
            with open(run.path("trace")) as f:
                n = sum("INJECTED" in line for line in f)
            if n == 0:
                return "no error was injected"
            return "%d calls" % n if n > most else None
        return says

    def failing(command, injected, error, act):
        def set_up(run):
            address = run.listen(command, wrap=strace(run, injected, error))
            act(run, address)
            # Wait long enough to notice a program that spins.
            if run.way != "limit":
                run.settle()
        return set_up

    def datagrams(run, address):
        for _ in range(3):
            run.connect(address, socket.SOCK_DGRAM).send(b"x")

    def streams(run, address):
        for _ in range(3):
            s = run.keep(socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET))
            s.setblocking(False)
            s.connect_ex(address)

    sending, accepting = "sendmmsg,sendmsg,sendto", "accept4,accept"
    # A pause of 10 ms between two tries is not yet spinning.
    few = {"says": calls(300), "cpu": 0.4}
    case("errors", "sockecho-server -u, ENOBUFS of sendmmsg", failing("sockecho-server -u 0", sending, "ENOBUFS", datagrams), **OWES, **few)
    case("errors", "sockecho-server -u -U, ENOBUFS of sendmmsg", failing("sockecho-server -u -U sock", sending, "ENOBUFS", datagrams), **OWES, **few)
    for where in ("0", "-U sock"):
        case("errors", "sockecho-server -u %s, ENOMEM of recvmmsg" % where,
             failing("sockecho-server -u %s" % where, "recvmmsg,recvmsg,recvfrom", "ENOMEM", datagrams), **SERVER, **few)
    for error in ("ENFILE", "EMFILE", "ENOMEM"):
        for where in ("0", "-U sock"):
            case("errors", "sockecho-server %s, %s of accept4" % (where, error),
                 failing("sockecho-server %s" % where, accepting, error, streams), **SERVER, **few)
            if error == "ENFILE":
                for verify in ("", "--verify "):
                    case("errors", "sockfile-recv %s%s, %s of accept4" % (verify, where, error),
                         failing("sockfile-recv %s%s copy" % (verify, where), accepting, error, streams), **few)
                    case("errors", "sockfile-send %s--listen %s, %s of accept4" % (verify, where, error),
                         failing("sockfile-send %s--listen %s ../in" % (verify, where), accepting, error, streams), **few)


# ---- hashing what takes long to read
def hashing():
    def sparse(run, name, mode=0o644):
        fd = os.open(run.path(name), os.O_WRONLY | os.O_CREAT, mode)
        try:
            os.ftruncate(fd, HUGE)
        finally:
            os.close(fd)

    def receiver(silent):
        def set_up(run):
            sparse(run, "copy.part", 0o600)
            peer = wire.Peer(run.connect(run.listen("sockfile-recv --resume 0 copy")), wire.SEND)
            peer.greet()
            peer.sock.sendall(wire.offer(size=HUGE))
            kind, payload = peer.next()
            assert kind == wire.HAVE and struct.unpack(">Q", payload[8:])[0] == HUGE, (kind, payload)
            if not silent:
                run.takes_all(peer.sock)
        return set_up

    def sender(options, silent=False):
        def set_up(run):
            sparse(run, "big")
            if "--listen" in options:
                s = run.connect(run.listen("sockfile-send %s 0 big" % options))
            else:
                l = run.listener()
                run.spawn("sockfile-send %s %s big" % (options, at(l.getsockname())))
                s = run.accept(l)
            peer = wire.Peer(s, wire.RECEIVE)
            peer.greet()
            assert peer.next()[0] == wire.OFFER
            peer.sock.sendall(wire.held(wire.HAVE, what=1, n=HUGE))
            if not silent:
                run.takes_all(s)
        return set_up

    case("hash", "sockfile-recv --resume", receiver(False))
    case("hash", "sockfile-recv --resume, silent peer", receiver(True))
    case("hash", "sockfile-send --verify", sender("--verify"))
    case("hash", "sockfile-send --verify, silent peer", sender("--verify", True))
    case("hash", "sockfile-send --verify --listen", sender("--verify --listen"))


# ---- a file system that hangs
def hanging():
    late = {"ways": ("limit", "twice"), "overtime": 5}
    reading = ("read", "pread64", "preadv", "sendfile", "splice")
    writing, flushing = ("write", "pwrite64", "writev", "pwritev", "splice", "fallocate"), ("fsync", "fdatasync")

    def hangs(run, calls, name):
        run.stuck = threading.Event()

        def answer(call, pid, args):
            # sendfile(2) reads from its second descriptor, splice(2) from the first into the third.
            fds = {"sendfile": [1], "splice": [0, 2]}.get(call, [0])
            if all(os.path.basename(os.readlink("/proc/%d/fd/%d" % (pid, args[i]))) != name for i in fds):
                return None
            run.stuck.set()
            return Rule.NEVER
        return Rule(calls, answer)

    def stuck(run):
        if not run.stuck.wait(5):
            raise NotSetUp("it did not touch the file")

    def opening(command, name):
        def set_up(run):
            run.stuck = threading.Event()

            def answer(call, pid, args):
                with open("/proc/%d/mem" % pid, "rb", 0) as memory:
                    memory.seek(args[1])
                    if not memory.read(len(name) + 1) == name.encode() + b"\0":
                        return None
                run.stuck.set()
                return Rule.NEVER
            os.link("small", run.path("file"))
            run.spawn(command, rule=Rule(("openat",), answer))
            stuck(run)
        return set_up

    def sender(options):
        def set_up(run):
            os.link("small", run.path("file"))
            if "--verify" in options:
                _, address = run.ready_peer("sockfile-recv 0 copy")
            else:
                address = run.listener().getsockname()
            run.spawn("sockfile-send %s %s file" % (options, at(address)), rule=hangs(run, reading, "file"))
            stuck(run)
        return set_up

    def unknown(rule):
        """Of a file system that cannot hang so the program may know that: this one has no name."""
        return Rule(rule.calls + ("fstatfs",), lambda call, *rest: errno.ENOSYS if call == "fstatfs" else rule.answer(call, *rest))

    def receiver(calls, options, signum=None):
        def set_up(run):
            # A file that it writes beside that one would make it careful before anybody comes.
            address = run.listen("sockfile-recv %s 0 copy" % options, rule=unknown(hangs(run, calls, "copy.part")), port_file="",
                                 stdout=DEVNULL, stderr=DEVNULL)
            if "--verify" in options:
                run.peer("sockfile-send --verify %s ../small" % at(address))
            else:
                s = run.connect(address)
                s.sendall(b"x" * 1000)
                s.shutdown(socket.SHUT_WR)
            stuck(run)
            if signum:
                run.kill(signum)
        return set_up

    for options in ("", " --verify"):
        for command, name in (("sockfile-send%s 127.0.0.1 9 file", "file"), ("sockfile-send%s --listen 0 file", "file"),
                              ("sockfile-recv%s 0 copy", "copy.part")):
            # A signal kills it: it is not caught yet.
            case("hanging", (command % options) + ", opening", opening(command % options, name), ways=("limit",), overtime=5)
        case("hanging", "sockfile-send%s, reading" % options, sender(options), **late)
        # The main thread of a receiver never touches the file, and leaves in time.
        case("hanging", "sockfile-recv%s, writing" % options, receiver(writing, options), ways=late["ways"])
        case("hanging", "sockfile-recv%s, flushing" % options, receiver(flushing, options), ways=late["ways"])
        # After a signal the flush has 5 s, but not beyond --max-time.
        case("hanging", "sockfile-recv%s, flushing after SIGTERM" % options, receiver(flushing, options, signal.SIGTERM),
             ways=("limit",), limit={-signal.SIGTERM})


# ---- no thread can be started
def threads():
    def start(command, there_may_be, text=b"localhost\n"):
        def set_up(run):
            pipe = run.pipe()
            os.write(pipe.w, text)
            os.close(pipe.w)
            pipe.w = os.open(os.devnull, os.O_WRONLY)
            run.threads = 0

            def answer(*_):
                run.threads += 1
                return errno.EAGAIN if run.threads > there_may_be else None
            run.spawn(command, stdin=pipe.r, rule=Rule(("clone", "clone3"), answer))
        return set_up

    def either(run):
        """The program works without that thread, or says why not."""
        return one_line(run) if run.process.returncode == 1 else None

    def sender(options):
        def set_up(run):
            l = run.listener()
            run.spawn("sockfile-send %s %s ../little" % (options, at(l.getsockname())), rule=Rule(("clone", "clone3"), lambda *_: errno.EAGAIN))
            run.accept(l)
        return set_up

    # Its first signal would start one.
    for options in ("", "--verify"):
        case("threads", "sockfile-send %s, little" % options, sender(options), ways=("limit", "term"))

    for command in ("hostlookup -t 2 localhost", "hostlookup -f -", "hostlookup -t 2 -f -", "hostlookup -w 3 --unordered -j 4 -f -",
                    "hostlookup -t 2 127.0.0.1 localhost"):
        case("threads", "%s, no thread" % command, start(command, 0), ways=("ends",), ends={1}, grace=1, says=one_line)
        for n in (1, 2, 3):
            case("threads", "%s, %d thread%s" % (command, n, "s"[:n - 1]), start(command, n), ways=("ends",), ends={0, 1}, grace=1, says=either)
    def resources(run):
        """It says that a thread is missing, in the words for that."""
        return one_line(run) or (None if "Resource temporarily unavailable" in run.said() else run.said())

    case("threads", "sockecho-client, no thread", start("sockecho-client --connect-only localhost 1", 0), ways=("ends",), ends={1}, grace=1,
         says=resources)
    # A look-up that cannot start is tried again.
    case("threads", "sockwait, no thread", start("sockwait -t 0.5 --gone localhost:1", 0), ways=("ends",), ends={1}, grace=1, says=one_line)
    for n in (1, 2, 3):
        case("threads", "sockwait, %d thread%s" % (n, "s"[:n - 1]), start("sockwait -t 0.5 --gone localhost:1", n), ways=("ends",),
             ends={0, 124}, grace=1)


# ---- a resolver that never answers (in a namespace of our own, which asks it)
def resolver():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 53))
    resolver.silent = s

    def start(command, text=None, **more):
        def set_up(run):
            pipe = run.pipe()
            os.write(pipe.w, text or b"")
            run.spawn(command, stdin=pipe.r)
        case("resolver", command, set_up, **more)

    start("hostlookup silent.test")
    start("hostlookup -e silent.test")
    start("hostlookup --all silent.test")
    start("hostlookup -r 192.0.2.1")
    start("hostlookup -t 60 silent.test")
    start("hostlookup -f -", b"silent.test\n" * 40)
    start("hostlookup -j 2 -t 60 -f -", b"silent.test\nlocalhost\nsilent.test\nsilent.test\n" * 40)
    start("hostlookup --fqdn silent.test")
    start("hostlookup --wait 60 silent.test")
    start("sockwait silent.test:7")
    start("sockwait --gone silent.test:7 127.0.0.1:1")
    start("sockecho-client silent.test 7 one")
    start("sockecho-client -u silent.test 7 one")
    start("sockecho-client --ping silent.test 7", **PING)
    start("sockfile-send silent.test 7 ../in")
    start("sockfile-send --verify silent.test 7 ../in")
    start("sockfile-recv --connect silent.test 7 copy")
    # These do not listen yet.
    start("sockecho-server --port-file port --pidfile pid silent.test 0", term={0, -15})
    start("sockfile-recv --port-file port silent.test 0 copy")
    start("sockfile-send --port-file port --listen silent.test:0 ../in")


# ---- what is gone at the end, whatever signal ends it
def gone():
    def by(command, signals):
        def set_up(run):
            run.listen(command)
            if "--pidfile" in command and not os.path.exists(run.path("pid")):
                raise NotSetUp("no pid file")
            for signum in signals:
                run.kill(signum)
                run.taken()
        return set_up

    several = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR2", "SIGALRM", "SIGXCPU", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR",
               "SIGSTKFLT", "SIGRTMIN", "SIGRTMAX")
    for command in ("sockecho-server --pidfile pid 0", "sockecho-server --pidfile pid -U sock", "sockecho-server -u -U sock",
                    "sockfile-recv 0 copy", "sockfile-recv --verify -U sock copy", "sockfile-send --listen 0 ../in",
                    "sockfile-send --verify --listen -U sock ../in"):
        for name in several:
            signum = getattr(signal, name)
            ordinary = command.startswith("sockecho-server") and name in ("SIGTERM", "SIGINT")
            case("gone", "%s, %s" % (command, name), by(command, [signum]), ways=("ends",), ends={0 if ordinary else -signum})
        case("gone", command, by(command, []), **(SERVER if command.startswith("sockecho-server") else {}))


GROUPS = {"stdout": full_output, "stderr": full_errors, "notify": full_notify, "usr1": full_state, "stopped": stopped, "trickle": trickling,
          "quiet": quiet_input, "shut": shut, "errors": lasting, "hash": hashing, "hanging": hanging, "threads": threads,
          "resolver": resolver, "gone": gone}


def tried(job):
    one, way = job
    for left in range(TRIES - 1, -1, -1):
        run = Run(one, way)
        try:
            problem, again = run.measure()
        finally:
            run.close()
        if not problem or not again:
            break
    return one.name, way, problem


def main():
    global MARGIN, AT_ONCE
    arguments = sys.argv[1:]
    if arguments[0] == "--supervised":
        supervised(*arguments[1:])
    while arguments[0].startswith("-"):
        if arguments[0] == "--margin":
            MARGIN = float(arguments[1])
        elif arguments[0] == "--at-once":
            AT_ONCE = int(arguments[1])
        else:
            raise SystemExit(__doc__)
        del arguments[:2]
    group, text = arguments[0], arguments[1] if len(arguments) > 1 else ""
    if group in ("hanging", "threads") and (reason := may_supervise()):
        print(reason)
        return SKIPPED
    # Write no core files.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open("in", "wb") as f:
        f.write(os.urandom(16 << 20))
    with open("small", "wb") as f:
        f.write(os.urandom(100000))
    with open("little", "wb") as f:
        f.write(os.urandom(1000))
    with open("names", "w") as f:
        f.write("127.0.0.1\nlocalhost\n" * 20000)
    with open("wrong", "w") as f:
        f.write("1.2.3.999/x y\n" * 20000)
    with open("ports", "w") as f:
        f.write("80\ndomain\n" * 20000)
    GROUPS[group]()
    jobs = [(one, way) for one in CASES[group] if text in one.name for way in one.ways]
    # Start the longest first.
    jobs.sort(key=lambda job: -(job[0].seconds + job[0].later[job[1]] if job[1] == "limit" else job[0].later[job[1]]))
    failed = 0
    try:
        # Hashing keeps a processor busy.  What is traced or supervised needs some time to start.
        at_once = {"hash": 3, "errors": 8, "hanging": 12, "threads": 6}.get(group, AT_ONCE)
        with concurrent.futures.ThreadPoolExecutor(min(at_once, AT_ONCE)) as pool:
            for name, way, problem in pool.map(tried, jobs):
                if problem:
                    failed += 1
                    print("%s (%s): %s" % (name, way, problem))
    finally:
        echo.close()
    print("%d of %d are right" % (len(jobs) - failed, len(jobs)))
    return failed > 0 or not jobs


if __name__ == "__main__":
    sys.exit(main())
