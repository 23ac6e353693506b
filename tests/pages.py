"""pages.py - run the command lines of a page as they are printed, and compare what is printed below them.

pages.py PAGE ...

PAGE is README.md or a page of docs/ (*.md), or a manual (*.1), whose EXAMPLES are run.  CONTRIBUTING.md has the rules
for those who write pages.  The programs are those of the PATH.  Prints what went wrong, and `skipped: WHERE: WHY`.

PAGES_NAMESPACES is a command, a word a line, that runs another one as root in network and mount namespaces of its
own.  Without it the sections that need a network are skipped.
"""
import ctypes
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

COMMAND_SECONDS = 60
OUTPUT_SECONDS = 10
SILENT_SECONDS = 2
SKIPPED = 77
MARKERS = ("not run", "file", "before", "after", "any order", "rows", "servers", "check", "network",
           "needs")
# What may stand in a fence without being run: it has no command lines.
DATA = ("text", "json", "c")


class Wrong(Exception):
    """The page, or what it says, is wrong."""


class Skip(Exception):
    """What a section needs is not there."""


class Block:
    def __init__(self, number, language, markers):
        self.number = number
        self.language = language
        self.markers = markers
        self.lines = []

    def text(self):
        return "\n".join(self.lines) + "\n"


class Section:
    """From one heading to the next: one directory, and one shell a terminal."""

    def __init__(self, number):
        self.number = number
        self.network = None
        self.needs = []
        self.blocks = []


# ---- reading pages

def read_comment(lines, i):
    """The comment that begins in line i, and the line after it."""
    text = ""
    while True:
        text += lines[i] + "\n"
        i += 1
        if "-->" in text or i == len(lines):
            return text, i


def marker_of(comment):
    match = re.fullmatch(r"\s*<!--\s*([a-z ]+):\s*(.*?)\s*-->\s*", comment, re.S)
    if match and match[1] in MARKERS:
        if not match[2]:
            raise Wrong(f"'{match[1]}:' says nothing")
        if "-->" in match[2]:
            raise Wrong("two comments in one line")
        return match[1], match[2]
    return None


def read_markdown(page):
    with open(page, encoding="utf-8") as file:
        lines = file.read().splitlines()
    sections = [Section(1)]
    markers = {}
    i = 0
    while i < len(lines):
        line = lines[i]
        fence = re.fullmatch(r"( *)```+([a-z]*).*", line)
        try:
            if line.lstrip().startswith("<!--"):
                number = i + 1
                comment, i = read_comment(lines, i)
                marker = marker_of(comment)
                if marker and marker[0] == "network":
                    sections[-1].network = marker[1].split()
                elif marker and marker[0] == "needs":
                    sections[-1].needs += marker[1].split()
                elif marker:
                    if marker[0] in markers:
                        raise Wrong(f"a second '{marker[0]}:' for one block")
                    markers[marker[0]] = marker[1]
                continue
            if line.startswith("|") and ("rows" in markers or "servers" in markers):
                # The heads of the columns, and the line below them.
                block = Block(i + 1, "table", markers)
                markers = {}
                while i < len(lines) and lines[i].startswith("|"):
                    block.lines.append(lines[i])
                    i += 1
                sections[-1].blocks.append(block)
                continue
            if fence:
                block = Block(i + 1, fence[2], markers)
                markers = {}
                i += 1
                while i < len(lines) and lines[i].strip() != "```":
                    block.lines.append(lines[i].removeprefix(fence[1]))
                    i += 1
                if i == len(lines):
                    raise Wrong("the block does not end")
                sections[-1].blocks.append(block)
            elif line.strip():
                if markers:
                    raise Wrong(f"'{next(iter(markers))}:' stands before no block")
                if re.match("#+ ", line):
                    sections.append(Section(i + 1))
        except Wrong as wrong:
            raise Wrong(f"{page}:{i + 1}: {wrong}") from None
        i += 1
    if markers:
        raise Wrong(f"{page}: '{next(iter(markers))}:' stands before no block")
    return sections


def read_manual(page):
    sections = []
    inside = False
    block = None
    with open(page, encoding="utf-8") as file:
        for number, line in enumerate(file.read().splitlines(), 1):
            if line.startswith(".Sh"):
                inside = "EXAMPLES" in line
            elif inside and line.startswith(".Bd"):
                block = Block(number, "bash", {})
                sections.append(Section(number))
                sections[-1].blocks.append(block)
            elif line.startswith(".Ed"):
                block = None
            elif block:
                block.lines.append(line.replace("\\e", "\\"))
    if not sections:
        raise Wrong(f"{page}: it has no EXAMPLES")
    return sections


def read_page(page):
    return read_markdown(page) if page.endswith(".md") else read_manual(page)


# ---- comparing what is printed with what the page shows

VARIES = re.compile(
    r"(?P<rate>[\d.]+ (?:[KMGT]i)?B/s)"
    r"|(?P<time>\b[\d.]+(?:/[\d.]+)* ?(?:ms|s|µs)\b)"
    r'|(?P<number>(?<=")(?P<key>time|seconds|min|avg|max|mdev|p\d+|rate)": ?[\d.]+)'
    r"|(?P<seconds>\t\d+\.\d+$)"
    r"|(?P<port>\b[3-6]\d{4}\b)"
    r"|(?P<dots>\.\.\.)", re.M)
PORT_FOLLOWS = re.compile(r'(port |:|listening \S+ \S+ |"port": ?|\d\.\d+ )$')


def pattern_of(expected, ports):
    """A regular expression for the lines, and the ports of the page that it learns."""
    learns = {}

    def pattern(match):
        if match["rate"]:
            return r"[\d.]+ (?:[KMGT]i)?B/s"
        if match["time"]:
            return r"[\d.]+(?:/[\d.]+)* ?(?:ms|s|µs)"
        if match["number"]:
            return match["key"] + r'": ?[\d.e-]+'
        if match["seconds"]:
            return r"\t\d+\.\d+"
        if match["dots"]:
            return ".*"
        port = match["port"]
        if not PORT_FOLLOWS.search(expected, 0, match.start()):
            return port
        if port in ports:
            return ports[port]
        if port in learns:
            return f"(?P=p{port})"
        learns[port] = True
        return f"(?P<p{port}>\\d+)"

    result = ""
    at = 0
    for match in VARIES.finditer(expected):
        result += re.escape(expected[at:match.start()]) + pattern(match)
        at = match.end()
    return result + re.escape(expected[at:]), learns


def compare(expected, actual, ports, any_order):
    """Do the lines agree?  Learns which ports those of the page are."""
    if any_order and len(expected) > 1:
        found = {}
        left = list(actual)
        for line in expected:
            match = next((one for one in left if compare([line], [one], {**ports, **found}, False)), None)
            if match is None:
                return False
            compare([line], [match], found, False)
            left.remove(match)
        if left:
            return False
        ports.update({port: to for port, to in found.items() if port not in ports})
        return True
    # A line of dots stands for any lines.
    parts = []
    learns = {}
    for line in expected:
        if line == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            pattern, new = pattern_of(line, {**ports, **{port: f"(?P=p{port})" for port in learns}})
            learns.update(new)
            parts.append(pattern + r"\n")
    match = re.fullmatch("".join(parts), "".join(line + "\n" for line in actual))
    if match is None:
        return False
    ports.update({port: match[f"p{port}"] for port in learns})
    return True


# ---- running

class Terminal:
    """A shell, what it is doing, and what the page shows of it."""

    SHELL = ('back() { return "$1"; }; status=0; while IFS= read -r file <&9; do '
             'back $status; . "$file" </dev/null 8>&- 9<&-; status=$?; echo $status >&8; done')

    def __init__(self, where):
        told, tells = os.pipe()
        reads, self.orders = os.pipe()
        out, out_end = os.pipe()
        # The numbers that the shell knows them by.
        high = [os.dup2(fd, 60 + i, inheritable=True) for i, fd in enumerate((tells, reads))]
        self.process = subprocess.Popen(
            ["bash", "-c", f"exec 8>&60 9<&61 60>&- 61<&-; {self.SHELL}"],
            stdin=subprocess.DEVNULL, stdout=out_end, stderr=out_end, pass_fds=high)
        for fd in (tells, reads, out_end, *high):
            os.close(fd)
        self.told, self.out = told, out
        self.where = where
        self.command = None
        self.running = False
        self.status = 0
        self.expected = []
        self.output = b""

    def start(self, command, number, any_order=False):
        fd, name = tempfile.mkstemp(dir=os.environ["PAGES_SCRIPTS"])
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(command + "\n")
        self.command, self.number = command, number
        self.running = True
        self.interrupted = False
        # What runs beside each other prints when it likes to.
        self.any_order = any_order or re.search(r"(?<!&)&(?!&|\d)", command) is not None
        self.expected = []
        self.output = b""
        os.write(self.orders, (name + "\n").encode())

    def look(self, seconds):
        """Take what comes within so many seconds."""
        ready = select.select([self.told, self.out] if self.running else [self.out], [], [], seconds)[0]
        if self.told in ready:
            said = os.read(self.told, 100)
            self.running = False
            self.status = int(said) if said.strip() else self.process.wait()
        # What it wrote before it ended is there by now.
        while select.select([self.out], [], [], 0)[0]:
            data = os.read(self.out, 65536)
            if not data:
                break
            self.output += data

    def lines(self):
        return self.output.decode("utf-8", "backslashreplace").rstrip("\n").splitlines()

    def fail(self, why):
        shown = "".join(f"\n    {line}" for line in self.expected)
        came = "".join(f"\n    {line}" for line in self.lines())
        raise Wrong(f"{self.where}:{self.number}: {self.command}\n  {why}\n  the page shows:{shown}\n  what came:{came}")

    def agrees(self, ports):
        return compare(self.expected, self.lines(), ports, self.any_order)

    def wait_for_end(self):
        end = time.monotonic() + COMMAND_SECONDS
        while self.running:
            self.look(max(0, end - time.monotonic()))
            if self.running and time.monotonic() >= end:
                self.fail(f"it has not ended after {COMMAND_SECONDS} s")

    def give_time(self, seconds):
        end = time.monotonic() + seconds
        while self.running and time.monotonic() < end:
            self.look(max(0, end - time.monotonic()))

    def wait_for_output(self, ports):
        """Until it agrees: what is in the background may be late."""
        end = time.monotonic() + OUTPUT_SECONDS
        self.look(0)
        while not self.agrees(ports):
            if time.monotonic() >= end or (not self.running and not children_of(self.process.pid) and not orphans()):
                self.look(0.1)
                if self.agrees(ports):
                    return
                self.fail("the output differs")
            self.look(0.05)

    def interrupt(self):
        children = children_of(self.process.pid)
        if not children:
            self.fail("nothing runs that ^C would end")
        self.interrupted = True
        os.kill(children[-1], signal.SIGINT)


def processes():
    """The parent of each process."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(name)] = int(fields[1])
    return parents


def children_of(pid):
    return sorted(child for child, parent in processes().items() if parent == pid)


def orphans():
    """What went into the background and is ours now."""
    return [pid for pid in children_of(os.getpid()) if pid not in shells]


def end_all():
    """Kill what the section has started.  Whose parent ends becomes a child of this process."""
    while children := children_of(os.getpid()):
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        for pid in children:
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                pass


shells = set()


LISTENING = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}


def listening():
    """The sockets that listen here."""
    found = set()
    for name, state in LISTENING.items():
        with open(f"/proc/net/{name}", encoding="ascii") as file:
            found.update((name, fields[1], fields[9]) for line in file if (fields := line.split())[3] == state)
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as file:
        found.update(("unix", fields[6]) for line in file if (fields := line.split())[3] == "00010000")
    return found


def commands_of(cell):
    return re.findall(r"`([^`]+)`", cell)


def missing(command):
    """The first program of a command that is not there."""
    begins = r"(?:^|[|;&({]|\bdo|\buntil)\s*([a-z][\w.+-]*)"
    for name in re.findall(begins, re.sub(r"'[^']*'", "''", command)):
        if subprocess.run(["bash", "-c", f"type -t {shlex.quote(name)}"], stdout=subprocess.DEVNULL).returncode:
            return name
    return None


class Cell:
    """The commands of one cell of a table, which run beside each other."""

    def __init__(self, where, commands, markers):
        self.where = where
        self.commands = commands
        self.servers = "servers" in markers
        self.before = markers.get("rows", "") + markers.get("servers", "")
        self.check = markers.get("check", "true")

    def run(self, top):
        directory = tempfile.mkdtemp(dir=top)
        os.mkdir(os.path.join(directory, "here"))
        os.chdir(os.path.join(directory, "here"))
        self.output = os.path.join(directory, "output")
        self.errors = os.path.join(directory, "errors")
        try:
            self.wait_for(self.start(self.before, "bash -euo pipefail"), self.before, may_skip=True)
            running = []
            for command in self.commands:
                there = listening()
                process = self.start(command)
                running.append((process, command))
                if self.servers or len(running) < len(self.commands):
                    self.wait_until_ready(process, command, there)
            for process, command in reversed([] if self.servers else running):
                self.wait_for(process, command)
            if self.servers and running[0][0].poll() is not None:
                self.fail(self.commands[0], "it has ended before the check")
            self.wait_for(self.start(self.check, "bash -euo pipefail"), self.check)
        finally:
            end_all()
            os.chdir(top)

    def start(self, command, shell="bash"):
        with open(self.output, "ab") as output, open(self.errors, "ab") as errors:
            return subprocess.Popen([*shell.split(), "-c", command], stdin=subprocess.DEVNULL, stdout=output,
                                    stderr=errors, env=dict(os.environ, OUTPUT=self.output))

    def fail(self, command, why):
        with open(self.output, encoding="utf-8", errors="replace") as output, \
                open(self.errors, encoding="utf-8", errors="replace") as errors:
            raise Wrong(f"{self.where}: {' and '.join(self.commands)}\n  {command}\n  {why}\n  output:\n"
                        f"{output.read()}\n  messages:\n{errors.read()}")

    def wait_until_ready(self, process, command, there):
        end = time.monotonic() + OUTPUT_SECONDS
        while listening() <= there and process.poll() is None:
            if time.monotonic() >= end:
                self.fail(command, "it does not listen")
            time.sleep(0.01)

    def wait_for(self, process, command, may_skip=False):
        try:
            status = process.wait(COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            self.fail(command, f"it has not ended after {COMMAND_SECONDS} s")
        if may_skip and status == SKIPPED:
            with open(self.output, encoding="utf-8") as output:
                raise Skip(output.read().strip().rpartition("\n")[2])
        if status:
            self.fail(command, f"it exits with status {status}")


class Run:
    def __init__(self, page):
        self.page = page
        self.terminals = {}
        self.ports = {}

    def terminal(self, name):
        if name not in self.terminals:
            self.terminals[name] = Terminal(self.page)
            shells.add(self.terminals[name].process.pid)
        return self.terminals[name]

    def script(self, text, number, shell="sh -eu", may_skip=False):
        """Run it to its end; only its status counts."""
        fd, name = tempfile.mkstemp(dir=os.environ["PAGES_SCRIPTS"])
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
        terminal = self.terminal("")
        self.finish(terminal)
        terminal.start(f"{shell} {name}", number)
        terminal.wait_for_end()
        if may_skip and terminal.status == SKIPPED:
            raise Skip(" ".join(terminal.lines()[-1:]))
        if terminal.status:
            terminal.fail(f"it exits with status {terminal.status}:\n{text}")
        terminal.command = None

    def table(self, block):
        """The commands of the first two columns.  Those of a cell run together, in a directory of their own."""
        top = os.getcwd()
        for number, row in enumerate(block.lines[2:], block.number + 2):
            if "<!-- not run: " in row:
                continue
            for cell in re.split(r"(?<!\\)\|", row)[1:3]:
                commands = [command.replace("\\|", "|") for command in commands_of(cell)]
                lacks = next(filter(None, map(missing, commands)), None)
                if lacks:
                    print(f"skipped: {self.page}:{number}: {lacks} is not installed")
                elif commands:
                    Cell(f"{self.page}:{number}", commands, block.markers).run(top)

    def block(self, block):
        markers = block.markers
        if block.language == "table":
            self.table(block)
            return
        if "before" in markers:
            self.script(markers["before"] + "\n", block.number, "bash -euo pipefail", may_skip=True)
        if "file" in markers:
            os.makedirs(os.path.dirname(markers["file"]) or ".", exist_ok=True)
            with open(markers["file"], "w", encoding="utf-8") as file:
                file.write(block.text())
        elif block.language == "console":
            self.console(block)
        else:
            self.script(block.text(), block.number, "sh -eu" if block.language == "sh" else "bash -euo pipefail")
        if "after" in markers:
            self.script(markers["after"] + "\n", block.number, "bash -euo pipefail")

    def console(self, block):
        current = current_name = None
        number = block.number
        lines = block.lines + [None]
        i = 0
        while i < len(lines):
            line = lines[i]
            prompt = line is not None and re.fullmatch(r"([a-z0-9]*)\$(?: (.*))?", line)
            if line is not None and not prompt:
                if current is None:
                    raise Wrong(f"{self.page}:{number + 1 + i}: output before any command")
                current.expected.append(line)
                i += 1
                continue
            if current is not None:
                self.seen(current, prompt and prompt[1] != current_name)
            if line is None:
                break
            current_name, command = prompt[1], prompt[2]
            current = self.terminal(current_name)
            i += 1
            if not command:
                continue
            if command == "^C":
                current.interrupt()
                continue
            while (command.endswith("\\") or (lines[i] or "").startswith("> ")) and lines[i] is not None:
                command += "\n" + lines[i].removeprefix("> ")
                i += 1
            asks = command.startswith("echo $?")
            self.finish(current, asks)
            for port, real in self.ports.items():
                command = re.sub(rf"\b{port}\b", real, command)
            current.start(command, number + i, "any order" in block.markers)
        for terminal in self.terminals.values():
            if not terminal.running:
                self.finish(terminal)

    def seen(self, terminal, leaves):
        """The page has shown what it shows of this command for now.  It leaves it for another terminal, or not."""
        while terminal.expected[-1:] == [""]:
            terminal.expected.pop()
        if not leaves:
            terminal.wait_for_end()
        terminal.wait_for_output(self.ports)
        if leaves:
            # What goes on has mostly said so.  What says nothing may be about to end.
            terminal.give_time(0.2 if terminal.expected else SILENT_SECONDS)

    def finish(self, terminal, asked=False):
        """Before the next command in it."""
        if terminal.command is None:
            return
        terminal.wait_for_end()
        terminal.wait_for_output(self.ports)
        if terminal.status and not asked and not terminal.interrupted:
            terminal.fail(f"it exits with status {terminal.status}, which the page does not show with 'echo $?'")
        terminal.command = None


def make_network(names):
    """Hosts with these addresses, all of them this namespace."""
    hosts = "127.0.0.1 localhost\n"
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for word in names:
        name, _, address = word.partition("=")
        hosts += f"{address or '127.0.0.1'} {name}\n"
        if address:
            subprocess.run(["ip", "address", "replace", f"{address}/32", "dev", "lo"], check=True)
    path = os.path.join(os.environ["PAGES_SCRIPTS"], "hosts")
    with open(path, "w", encoding="utf-8") as file:
        file.write(hosts)
    subprocess.run(["mount", "--bind", path, "/etc/hosts"], check=True)
    path = os.path.join(os.environ["PAGES_SCRIPTS"], "resolv.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write("nameserver 127.0.0.1\n")
    if os.path.exists("/etc/resolv.conf"):
        subprocess.run(["mount", "--bind", path, os.path.realpath("/etc/resolv.conf")], check=True)


def run_section(page, number):
    """In a process of its own, whose directory is the section's."""
    section = next(one for one in read_page(page) if one.number == number)
    # PR_SET_CHILD_SUBREAPER: daemons become children of this process.
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    run = Run(page)
    try:
        if section.network is not None:
            make_network(section.network)
        for block in section.blocks:
            if "not run" not in block.markers and (block.language not in DATA or "file" in block.markers):
                run.block(block)
    except Skip as why:
        print(f"skipped: {page}:{number}: {why}")
        return SKIPPED
    except Wrong as wrong:
        print(wrong)
        return 1
    finally:
        end_all()
    return 0


def check_languages(page, section):
    for block in section.blocks:
        known = block.language in ("sh", "bash", "console", "table", *DATA)
        if not known and "file" not in block.markers and "not run" not in block.markers:
            raise Wrong(f"{page}:{block.number}: '{block.language}' is neither run nor written to a file: "
                        "it takes <!-- file: NAME --> or <!-- not run: WHY -->")


def runs(section):
    return any("not run" not in block.markers and block.language not in DATA for block in section.blocks)


def environment_of_a_user():
    """Without what bats adds: a page may run a bats of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BATS_")}
    environment["PATH"] = ":".join(path for path in environment["PATH"].split(":") if "/bats-core" not in path)
    return environment


def try_section(page, section, namespaces):
    """Its status: 0, 1, or SKIPPED."""
    where = f"{page}:{section.number}"
    for command in section.needs + (["ip", "mount"] if section.network is not None else []):
        if not shutil.which(command):
            print(f"skipped: {where}: {command} is not installed")
            return SKIPPED
    if section.network is not None and not namespaces:
        print(f"skipped: {where}: unshare -nm is not allowed here")
        return SKIPPED
    with tempfile.TemporaryDirectory() as top:
        directory = os.path.join(top, "here")
        scripts = os.path.join(top, "scripts")
        os.mkdir(directory)
        os.mkdir(scripts)
        # Where a page says nc, it means OpenBSD's.
        if (netcat := shutil.which("nc.openbsd")) is not None:
            os.symlink(netcat, os.path.join(scripts, "nc"))
        environment = environment_of_a_user()
        environment.update(HOME=directory, PAGES_SCRIPTS=scripts, PATH=f"{scripts}:{environment['PATH']}")
        prefix = namespaces if section.network is not None else []
        return subprocess.run([*prefix, sys.executable, os.path.abspath(__file__), "--section",
                               os.path.abspath(page), str(section.number)],
                              cwd=directory, env=environment, stdin=subprocess.DEVNULL).returncode


def main(arguments):
    if arguments[:1] == ["--section"]:
        return run_section(arguments[1], int(arguments[2]))
    namespaces = os.environ.get("PAGES_NAMESPACES", "").splitlines()
    failed = False
    for page in arguments:
        try:
            for section in read_page(page):
                check_languages(page, section)
                if runs(section) and try_section(page, section, namespaces) not in (0, SKIPPED):
                    failed = True
        except Wrong as wrong:
            print(wrong)
            failed = True
    return failed


sys.exit(main(sys.argv[1:]))
