#!/usr/bin/env bats
# faults.bats - what goes wrong on a machine: descriptors, signals, full disks, lost peers.

load helpers
load transfers

setup() {
	cd "$BATS_TEST_TMPDIR"
}

cpu_ticks() { # cpu_ticks PID - user and system time so far, in clock ticks
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

@test "out of descriptors: no spin, no end, served again when some close" {
	start_server prlimit --nofile=20:20 sockecho-server 0
	python3 - "$port" "$server_pid" <<-'PY'
		import select, socket, sys, time
		port, pid = int(sys.argv[1]), sys.argv[2]
		def ticks():
		    f = open("/proc/%s/stat" % pid).read().split()
		    return int(f[13]) + int(f[14])
		held = [socket.create_connection(("127.0.0.1", port)) for i in range(40)]
		time.sleep(0.2)
		before = ticks()
		time.sleep(2)
		assert ticks() - before <= 5, ticks() - before
		for s in held:
		    s.sendall(b"x")
		time.sleep(1)
		ready = select.select(held, [], [], 0)[0]
		answers = [s in ready and s.recv(1) == b"x" for s in held]
		assert 5 < sum(answers) < 20, answers
		waiting = held[answers.index(False)]
		for s, yes in zip(held, answers):
		    if yes:
		        s.close()
		waiting.settimeout(5)
		assert waiting.recv(1) == b"x"
	PY
	run grep -c "Too many open files" server.err
	assert_output 1
	stop_server
	assert_equal "$server_status" 0
}

@test "a listener that the loop cannot watch is 1, and nobody is told that it is ready" {
	need_trace
	local nth
	for nth in 1 2; do
		# The first is the loop's own.
		run --separate-stderr timeout 10 strace -f -qq -o trace -e "inject=epoll_ctl:error=ENOSPC:when=$nth" \
			env "ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0" sockecho-server --port-file port 0
		assert_failure 1
		assert_output ""
		[[ $stderr == "sockecho-server: "*": No space left on device" ]]
		[ ! -e port ]
		grep -q INJECTED trace
	done
	# Later, too: the only client comes and goes, and the next one cannot be waited for any more.
	start_failing epoll_ctl:error=ENOSPC:when=5+ sockecho-server --max-clients 1 0
	run --separate-stderr env -u ASAN_OPTIONS sockecho-client "$host" "$port" hello
	assert_output hello
	wait_for "$server_pid"
	assert_equal "$waited_status" 1
	assert_equal "$(cat server.err)" "sockecho-server: accept: No space left on device"
}

@test "a connection that the loop cannot watch is reset and not counted: -c 1 serves the next one" {
	need_trace
	start_failing epoll_ctl:error=ENOSPC:when=3 sockecho-server -v -c 1 0
	run python3 - "$port" <<-'PY'
		import socket, sys
		for i in range(2):
		    try:
		        with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20) as s:
		            s.sendall(b"x")
		            print(s.recv(1))
		    except (ConnectionResetError, BrokenPipeError):
		        print("reset")
	PY
	assert_output $'reset\nb\'x\''
	wait_for "$server_pid"
	assert_equal "$waited_status" 0
	grep -q "stats: accepted=1 active=0 refused=0 " server.err
	# Who was accepted is closed, too.
	assert_equal "$(grep -c ": accepted$" server.err)" 2
	assert_equal "$(grep -c ": closed: " server.err)" 2
	grep -q ": closed: no_memory: No space left on device; 0 bytes in, 0 bytes out, " server.err
}

@test "a daemon without a descriptor for /dev/null does not start, and so holds no pipe of the command's" {
	need_trace
	run --separate-stderr timeout 10 strace -f -qq -o trace -P /dev/null -e inject=openat:error=EMFILE \
		env "ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0" sockecho-server --daemon --port-file port 0
	assert_failure 1
	assert_output ""
	assert_equal "$stderr" "sockecho-server: go to the background: open /dev/null: Too many open files"
	[ ! -e port ]
}

@test "a sandbox that forbids calls that it does not know (EPERM): the older ones are used" {
	need_trace
	local call
	for call in epoll_pwait2 pwritev2; do
		timeout 10 strace -f -qq -o trace -e "inject=$call:error=EPERM" env "ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0" \
			sockecho-server --accept-timeout 0.01 0 2>err | cat >out
		assert_equal "${PIPESTATUS[0]}" 124
		grep -q "^listening tcp " out
		assert_equal "$(cat err)" "sockecho-server: accept: timed out (--accept-timeout)"
		assert_equal "$call: $(grep -c INJECTED trace)" "$call: 1"
	done
}

@test "out of memory for the buffer: 1, and nobody is told that the server is ready" {
	is_sanitized && skip "the sanitizers need more than the limit"
	local options
	for options in "" "-u" "--daemon" "--daemon -u"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr prlimit --as=300000000 timeout 10 sockecho-server $options --bufsize 1G --port-file port 0
		assert_failure 1
		assert_output ""
		assert_equal "$stderr" "sockecho-server: get a buffer (--bufsize): Cannot allocate memory"
		[ ! -e port ]
	done
}

@test "a --timeout that is shorter than --delay: the answer comes, without a spin" {
	need_trace
	run python3 - <<-'PY'
		import os, socket, subprocess
		ours, theirs = socket.socketpair()
		ours.settimeout(20)
		ours.sendall(b"x")  # there before the first microsecond is over
		server = subprocess.Popen(["strace", "-D", "-f", "-qq", "-o", "trace", "sockecho-server", "-t", "0.000001", "--delay", "1",
		                           "--fd", str(theirs.fileno())], pass_fds=[theirs.fileno()],
		                          env=dict(os.environ, ASAN_OPTIONS=os.environ["ASAN_OPTIONS"] + ":detect_leaks=0"))
		theirs.close()
		print(ours.recv(1), server.wait(20))
	PY
	assert_success
	assert_output "b'x' 0"
	(($(grep -c epoll_ trace) < 20)) || fail "$(grep -c epoll_ trace) calls"
}

@test "system calls that signals interrupt, and short ones, lose nothing" {
	need_trace
	start_server trace -f -qq -o trace \
		-e inject=recvfrom:error=EINTR:when=2+3 -e inject=sendto:error=EINTR:when=1+2 \
		-e inject=epoll_wait:error=EINTR:when=3+5 sockecho-server 0
	head -c 3M /dev/urandom >in
	trace -f -qq -o trace2 -e inject=recvfrom:error=EINTR:when=2+3 \
		-e inject=sendto:error=EINTR:when=1+2 -e inject=poll:error=EINTR:when=2+7 \
		-e inject=write:error=EINTR:when=1+4 -e inject=read:error=EINTR:when=5+4 \
		sockecho-client -t 30 --expect echo "$host" "$port" <in >out
	cmp in out
}

@test "SIGSTOP, SIGCONT and a storm of signals change nothing but the time" {
	start_server sockecho-server -v 0
	head -c 64M /dev/urandom >in
	sock_run client sh -c "exec sockecho-client -t 30 $host $port <in"
	until_true 20 grep -q accepted server.err
	for i in $(seq 30); do
		kill -STOP "$client_pid" "$server_pid" 2>/dev/null || break
		kill -CONT "$client_pid" "$server_pid" 2>/dev/null
		kill -WINCH "$client_pid" "$server_pid" 2>/dev/null
		kill -USR1 "$client_pid" "$server_pid" 2>/dev/null
	done
	sock_wait client
	assert_equal "$client_status" 0
	cmp in client.out
	rm in client.out
}

@test "SIGUSR1 prints the state as one line, also while the client waits for its peer" {
	start_server sockecho-server -v --delay 3 0
	sock_run client sockecho-client "$host" "$port" hello
	until_true 20 grep -q accepted server.err
	until_true 20 sh -c "kill -USR1 $client_pid && grep -q bytes_out=5 client.err"
	sock_wait client
	assert_equal "$client_status" 0
	run tail -n 1 client.err
	assert_output "state: bytes_out=5 bytes_in=0 messages=1 replies=0 lost=0"
	kill -USR1 "$server_pid"
	until_true 20 grep -qx "stats: accepted=1 active=[01] refused=0 timed_out=0 bytes_in=5 bytes_out=5 datagrams=0 dropped=0" server.err
}

@test "SIGUSR1 with --json is an event" {
	start_server sockecho-server --json 0
	kill -USR1 "$server_pid"
	until_true 10 grep -q '"stats"' server.out
	run jq -r '.event, .program, .accepted, (.time > 1e9)' <(tail -n +2 server.out)
	assert_output $'stats\nsockecho-server\n0\ntrue'
}

@test "a full or closed standard output is 1" {
	start_server sockecho-server 0
	run --separate-stderr sh -c "sockecho-client $host $port hello >/dev/full"
	assert_failure 1
	assert_equal "$stderr" "sockecho-client: write to standard output: No space left on device"
	run --separate-stderr sh -c "head -c 1M /dev/zero | sockecho-client $host $port >/dev/full"
	assert_failure 1
	assert_equal "$stderr" "sockecho-client: write to standard output: No space left on device"
	run --separate-stderr sh -c "sockecho-client $host $port hello >&-"
	assert_failure 1
	run --separate-stderr sh -c "sockecho-server -w 1 0 >/dev/full"
	assert_failure 1
	for option in --help --version; do
		run --separate-stderr sh -c "sockecho-client $option >/dev/full"
		assert_failure 1
	done
	mkfifo input
	exec {open}<>input
	run --separate-stderr bash -c "set -o pipefail; timeout 20 sockecho-client $host $port <input | true"
	assert_failure 1
	{ sockecho-client --ping -i 0.02 "$host" "$port" || echo $? >status; } 2>err | head -n 1
	assert_equal "$(cat status)" 1
}

@test "the reader of our stream goes away while the peer is silent: the client ends" {
	start_server sockecho-server --delay 30 0
	mkfifo input
	exec {open}<>input
	printf x >&"$open"
	{ timeout 20 sockecho-client "$host" "$port" <input 2>err || echo $? >status; } | sleep 0.2
	assert_equal "$(cat status)" 1
}

@test "the reader of our stream goes away: a socketpair as standard output" {
	# What Node and ksh give their children.  Hung up, it is no reason to spin.
	cat >gone.py <<-'PY'
		import os, socket, subprocess
		with socket.create_server(("127.0.0.1", 0)) as listener:
		    ours, theirs = socket.socketpair()
		    r, w = os.pipe()
		    client = subprocess.Popen(["sockecho-client", "127.0.0.1", str(listener.getsockname()[1])], stdin=r, stdout=theirs,
		                              stderr=subprocess.PIPE)
		    theirs.close()
		    peer, _ = listener.accept()
		    peer.sendall(b"hello")
		    assert ours.recv(5) == b"hello"
		    ours.close()
		    try:
		        error = client.communicate(timeout=10)[1].decode()
		    finally:
		        client.kill()
		    assert (client.returncode, error) == (1, "sockecho-client: write to standard output: Broken pipe\n"), (client.returncode, error)
	PY
	python3 gone.py
}

@test "a standard output that is stuck is not the peer's silence: --timeout begins when it goes on" {
	cat >stuck.py <<-'PY'
		import os, peer, socket, subprocess, time
		with socket.create_server(("127.0.0.1", 0)) as listener:
		    r, w = os.pipe()
		    filled = peer.fill_pipe(w)
		    client = subprocess.Popen(["sockecho-client", "-t", "1", "127.0.0.1", str(listener.getsockname()[1])],
		                              stdin=subprocess.DEVNULL, stdout=w, stderr=subprocess.PIPE)
		    os.close(w)
		    conn, _ = listener.accept()
		    conn.sendall(b"one")
		    time.sleep(1.5)
		    out = os.fdopen(r, "rb")
		    out.read(filled)
		    assert out.read(3) == b"one"
		    time.sleep(0.2)  # it must not be over by now
		    conn.sendall(b"two")
		    conn.close()
		    assert (out.read(), client.communicate()[1], client.returncode) == (b"two", b"", 0)
	PY
	in_three_tries python3 stuck.py
}

@test "file system errors: a full disk for the port file and the pid file" {
	need_namespaces -m
	"${in_namespaces[@]}" bash -euc '
		mkdir m; mount -t tmpfs -o size=4k,nr_inodes=2 tmpfs m
		head -c 4096 /dev/zero >m/full || true
		for option in --port-file --pidfile; do
			rc=0; sockecho-server $option m/x 0 2>err || rc=$?
			echo $rc; ls m
		done
	' >out
	assert_equal "$(cat out)" $'1\nfull\n1\nfull'
}

@test "a peer that is reset from outside (ss -K) is 6 and ends nobody else" {
	need ss
	start_server sockecho-server -v 0
	mkfifo input
	exec {open}<>input
	sock_run other sh -c "exec sockecho-client $host $port <input"
	until_true 20 grep -q accepted server.err
	sock_run client sh -c "exec sockecho-client $host $port <input"
	until_true 20 sh -c 'test "$(grep -c accepted server.err)" = 2'
	local_port=$(sed -n '2s/.* port \([0-9]*\): accepted/\1/p' <(grep accepted server.err))
	destroy_sockets dst 127.0.0.1 dport = "$local_port"
	sock_wait client
	assert_equal "$client_status" 6
	run --separate-stderr sockecho-client "$host" "$port" "still served"
	assert_success
}

@test "a client that does not read is not read from, and holds nobody else back" {
	start_server sockecho-server 0
	run_peer stuck "$port" fill hold
	until_true 20 grep -q fill stuck.out
	run --separate-stderr sockecho-client -t 5 "$host" "$port" "somebody else"
	assert_success
	is_sanitized && return
	(($(awk '/VmRSS/ { print $2 }' "/proc/$server_pid/status") < 4096))
	before=$(cpu_ticks "$server_pid")
	sleep 1
	(($(cpu_ticks "$server_pid") - before <= 2))
}

@test "a peer that is gone while its answer waits (--delay) is noticed, without a spin" {
	start_server sockecho-server -v --delay 30 0
	peer_does "$port" send=1 wait=0.2 reset
	until_true 20 grep -q "closed: lost: Connection reset by peer" server.err
	peer_does "$port" send=1 shut wait=1
	before=$(cpu_ticks "$server_pid")
	sleep 1
	(($(cpu_ticks "$server_pid") - before <= 2))
}

@test "descriptors do not leak into anything, and closed standard ones are not reused" {
	start_server sockecho-server -v 0
	# What is read from 0 or written to 1 and 2 fails, or is lost; it never reaches the peer.
	for try in "1 0 0 $host $port" "1 1 5 $host $port hello" "0 2 5 -vv $host $port hello"; do
		read -r expected fd bytes command <<<"$try"
		: >server.err
		run timeout 10 sh -c "sockecho-client $command $fd>&-" </dev/null
		assert_equal "$status" "$expected"
		until_true 20 grep -q "closed: .*; $bytes bytes in, $bytes bytes out" server.err
	done
	# In an empty root directory, too.
	if ! is_sanitized && strace -qqo trace true 2>/dev/null; then
		: >server.err
		run timeout 10 strace -qqo trace -P /dev/null -e inject=openat:error=ENOENT sh -c "exec sockecho-client -vv $host $port hello 2>&-"
		assert_output hello
		until_true 20 grep -q "closed: .*; 5 bytes in, 5 bytes out" server.err
	fi
	mkfifo input
	exec {open}<>input
	: >server.err
	sock_run client sh -c "exec sockecho-client $host $port <input"
	until_true 20 grep -q accepted server.err
	# Every socket of the server is close-on-exec.
	for f in "/proc/$server_pid/fdinfo/"*; do
		n=${f##*/}
		((n > 2)) || continue
		[ "$(readlink "/proc/$server_pid/fd/$n")" = "$(readlink "/proc/$$/fd/$n" 2>/dev/null)" ] && continue
		case $(readlink "/proc/$server_pid/fd/$n") in
		socket:* | anon_inode:*) ;;
		*) continue ;;
		esac
		flags=$(awk '/flags/ { print $2 }' "$f")
		(((8#$flags & 8#2000000) != 0))
	done
}

@test "20,000 connect-echo-close cycles leak no descriptor and no memory" {
	is_sanitized && skip "memory is the sanitizers' there"
	start_server sockecho-server 0
	cycles() {
		python3 - "$port" "$1" <<-'PY'
			import socket, struct, sys
			address, n = ("127.0.0.1", int(sys.argv[1])), int(sys.argv[2])
			now = struct.pack("ii", 1, 0)
			for i in range(n):
			    s = socket.create_connection(address)
			    s.sendall(b"x")
			    assert s.recv(1) == b"x"
			    if i % 2:
			        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
			    s.close()
		PY
	}
	cycles 1000
	fds=$(ls "/proc/$server_pid/fd" | wc -l)
	rss=$(awk '/VmRSS/ { print $2 }' "/proc/$server_pid/status")
	cycles 20000
	until_true 20 sh -c "kill -USR1 $server_pid; tail -n 1 server.err | grep -q 'accepted=21000 active=0'"
	assert_equal "$(ls "/proc/$server_pid/fd" | wc -l)" "$fds"
	(($(awk '/VmRSS/ { print $2 }' "/proc/$server_pid/status") - rss <= 256))
}

@test "5,000 connections at once, each answered, under 1 KiB of memory each" {
	(($(ulimit -Hn) >= 11000)) || skip "the hard limit of descriptors is $(ulimit -Hn)"
	start_server sockecho-server 0
	rss=$(awk '/VmRSS/ { print $2 }' "/proc/$server_pid/status")
	cat >hold.py <<-'PY'
		import resource, socket, sys, time
		resource.setrlimit(resource.RLIMIT_NOFILE, (6000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
		held = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for i in range(5000)]
		for turn in range(2):
		    for s in held:
		        s.sendall(b"hello")
		    for s in held:
		        s.settimeout(30)
		        assert s.recv(5) == b"hello"
		open("held", "w").close()
		time.sleep(60)
	PY
	sock_run hold python3 hold.py "$port"
	until_true 60 test -e held
	kill -USR1 "$server_pid"
	until_true 20 grep -q "accepted=5000 active=5000" server.err
	is_sanitized && return
	(($(awk '/VmRSS/ { print $2 }' "/proc/$server_pid/status") - rss < 5000))
	before=$(cpu_ticks "$server_pid")
	sleep 1
	(($(cpu_ticks "$server_pid") - before <= 2))
}

# fills_a_pipe - make full.py: `python3 full.py FD COMMAND ...` runs it with a pipe as descriptor FD that
# is full and that nobody reads.
fills_a_pipe() {
	cat >full.py <<-'PY'
		import os, sys
		r, w = os.pipe()
		os.set_inheritable(r, True)
		os.set_blocking(w, False)
		try:
		    while True:
		        os.write(w, b"x" * 4096)
		except BlockingIOError:
		    os.set_blocking(w, True)
		os.dup2(w, int(sys.argv[1]))
		os.execvp(sys.argv[2], sys.argv[2:])
	PY
}

# send_usr1 PID - and wait until it has taken the signal.
send_usr1() {
	kill -USR1 "$1"
	until_true 5 grep -qE '^ShdPnd:[[:space:]]+0+$' "/proc/$1/status"
}

@test "SIGUSR1 while nobody reads standard error: a server serves on, and one SIGTERM ends it" {
	fills_a_pipe
	for option in -q --udp; do
		start_server python3 full.py 2 sockecho-server $option 0
		for i in 1 2 3; do
			send_usr1 "$server_pid"
			run --separate-stderr sockecho-client $option -t 5 "$host" "$port" hello
			assert_success
			assert_output hello
		done
		stop_server
		assert_equal "$server_status" 0
	done
}

@test "SIGUSR1 while nobody reads standard error: every other program does its work" {
	fills_a_pipe
	echo hello >in
	start_server python3 full.py 2 sockfile-recv -q 0 out
	send_usr1 "$server_pid"
	run sockfile-send -q -t 5 "$host" "$port" in
	assert_success
	ends "$server_pid" 0 server.err
	start_server python3 full.py 2 sockfile-send -q --listen 0 in
	send_usr1 "$server_pid"
	run sockfile-recv -q -t 5 --connect "$host" "$port" out2
	assert_success
	ends "$server_pid" 0 server.err
	cmp in out
	cmp in out2

	start_server sockecho-server 0
	mkfifo lines names
	sock_run client sh -c "exec python3 full.py 2 sockecho-client -w 10 $host $port <lines"
	exec {to}>lines
	echo one >&"$to"
	until_true 5 grep -q one client.out
	send_usr1 "$client_pid"
	echo two >&"$to"
	exec {to}>&-
	ends "$client_pid" 0 client.err
	assert_equal "$(<client.out)" $'one\ntwo'
	sock_run lookup sh -c "exec python3 full.py 2 hostlookup -f - <names"
	exec {to}>names
	echo 192.0.2.77 >&"$to"
	until_true 5 grep -q 77 lookup.out
	send_usr1 "$lookup_pid"
	echo 192.0.2.2 >&"$to"
	exec {to}>&-
	ends "$lookup_pid" 0 lookup.err
	assert_equal "$(wc -l <lookup.out)" 2
}

@test "SIGUSR1 with --json while nobody reads the records: the event is left out, the work goes on" {
	cat >serve.py <<-'PY'
		import json, os, peer, signal, socket, subprocess, sys
		r, w = os.pipe()
		server = subprocess.Popen(["sockecho-server", "--json", "-u", "0"], stdout=w)
		port = json.loads(os.read(r, 4096))["port"]
		peer.fill_pipe(w)
		os.close(w)
		try:
		    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		    s.settimeout(5)
		    s.connect(("127.0.0.1", port))
		    for i in range(3):
		        server.send_signal(signal.SIGUSR1)
		        while "\nShdPnd:\t0000000000000000\n" not in open(f"/proc/{server.pid}/status").read():
		            pass
		        s.send(b"hello")
		        print(s.recv(100))
		    server.send_signal(signal.SIGTERM)
		    print([json.loads(line)["event"] for line in os.fdopen(r) if line != "\n"], server.wait())
		finally:
		    server.kill()
	PY
	run python3 serve.py
	assert_success
	assert_output $'b\'hello\'\nb\'hello\'\nb\'hello\'\n[\'stats\'] 0'
}

@test "without memory nothing is left out in silence: what was asked for, or 1 with a message" {
	is_sanitized && skip "the sanitizers have a malloc of their own"
	need gcc
	cat >short.c <<-'C'
		/* The allocation SHORT fails, with SHORT_LASTS all that follow, too; then descriptor 9 has a byte. */
		#include <errno.h>
		#include <stdlib.h>
		#include <unistd.h>
		extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
		static long left = -1;
		__attribute__((constructor)) static void begin(void) { left = atol(getenv("SHORT")); }
		static int fails(void)
		{
			if (left < 0 || (left == 0 && getenv("SHORT_LASTS") == NULL))
				return 0;
			if (left > 0 && --left > 0)
				return 0;
			errno = ENOMEM;
			return write(9, "x", 1);
		}
		void *malloc(size_t n) { return fails() ? NULL : __libc_malloc(n); }
		void *calloc(size_t n, size_t m) { return fails() ? NULL : __libc_calloc(n, m); }
		void *realloc(void *p, size_t n) { return fails() ? NULL : __libc_realloc(p, n); }
	C
	gcc -shared -fPIC -o short.so short.c
	printf '%s\n' "shell 514/tcp cmd" "syslog 514/udp" "ssh 22/tcp" >services
	cat >short.py <<-'PY'
		import os, socket, subprocess, sys
		def run(words, nth=10**9, lasts=False, stdin=None):
		    told, tell = os.pipe()
		    os.dup2(tell, 9)
		    os.close(tell)
		    more = {"SHORT_LASTS": "x"} if lasts else {}
		    p = subprocess.run(words, stdin=stdin, capture_output=True, text=True, pass_fds=[9], timeout=20,
		                       env=dict(os.environ, LD_PRELOAD=os.path.abspath("short.so"), SHORT=str(nth), **more))
		    os.close(9)
		    failed = os.read(told, 1) == b"x"
		    os.close(told)
		    return failed, p.returncode, p.stdout, p.stderr
		most = 0
		for line in sys.stdin:
		    words = line.split()
		    good = run(words)
		    for lasts in (False, True):
		        for nth in range(1, 1000):
		            failed, status, out, err = run(words, nth, lasts)
		            if not failed:
		                break
		            if (status, out) == good[1:3]:
		                continue
		            reason = err.rstrip("\n").split(": ")[-1]
		            assert status == 1 and "memory" in reason.lower(), (words, nth, lasts, status, out, err)
		        assert nth < 1000, (words, nth)
		        most = max(most, nth)
		assert most > 3
		for nth in range(1, 25):  # some of them end in the C library
		    err = run(["sockecho-server", "--user", "root", "--accept-timeout", "0", "-U", "short"], nth)[3]
		    assert "user of this machine" not in err, (nth, err)
		    ours, theirs = socket.socketpair()
		    ours.close()
		    err = run(["sockecho-server", "-v", "--fd", "0"], nth, stdin=theirs)[3]
		    assert err.count("\n") and "{" not in err, (nth, err)
	PY
	run python3 short.py <<-'END'
		servlookup --services services ssh
		servlookup --services services -e ssh
		servlookup --services services --json -e shell 20-30
		servlookup --services services -a 514
		hostlookup 127.0.0.1
		hostlookup --hostname
		hostlookup --json --has-ipv6
		hostlookup --json --hostname
	END
	assert_success
	assert_output ""
}
