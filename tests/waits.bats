#!/usr/bin/env bats
# waits.bats - whatever a program waits for: -w, SIGTERM and a second SIGTERM end it, in time.
#
# The situations, and how they are measured, are in waits.py.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
	export PYTHONDONTWRITEBYTECODE=1
}

# all_end GROUP - all programs of that group of waits.py do.
all_end() {
	local options=() status=0
	# The sanitizers make a start slow: fewer at once, and later.
	is_sanitized && options=(--margin 0.7 --at-once 8)
	python3 "$SOCKUTILS_SOURCE/tests/waits.py" "${options[@]}" "$1" >report 2>&1 || status=$?
	((status != 77)) || skip "$(tail -n 1 report)"
	((status == 0)) || fail "$(cat report)"
}

# need_tracing - skip where strace is missing, or may not do its work.
need_tracing() {
	need strace
	strace -qqo /dev/null true 2>/dev/null || skip "strace may not trace here"
}

@test "a full standard output" {
	all_end stdout
}

@test "a full standard error" {
	all_end stderr
}

@test "a notify socket whose queue is full" {
	all_end notify
}

@test "SIGUSR1 with a full standard error: the work goes on" {
	all_end usr1
}

@test "a peer that stopped" {
	all_end stopped
}

@test "a peer, or an input, that trickles" {
	all_end trickle
}

@test "an input that says nothing, a FIFO whose other end is not there" {
	all_end quiet
}

@test "an adopted listener that its other owner shuts down is 1, and no spin" {
	all_end shut
}

@test "errors of accept4 and sendmmsg that last: no spin" {
	need_tracing
	all_end errors
}

@test "hashing 40 GiB" {
	need xxhsum
	all_end hash
}

@test "a file system that hangs: a second signal, or 5 s after the limit" {
	all_end hanging
}

@test "no thread can be started" {
	all_end threads
}

@test "a resolver that never answers" {
	in_namespaces=(unshare -nm)
	need_namespaces -nm
	echo "127.0.0.1 localhost" >hosts
	echo "hosts: files dns" >nsswitch
	printf 'nameserver 127.0.0.1\noptions timeout:30 attempts:1\n' >resolv
	make_inside <<-'SH'
		exec python3 "$@"
	SH
	local options=()
	is_sanitized && options=(--margin 0.7 --at-once 8)
	"${in_namespaces[@]}" sh inside "$SOCKUTILS_SOURCE/tests/waits.py" "${options[@]}" resolver >report 2>&1 || fail "$(cat report)"
}

@test "port file, pid file and UNIX path are gone, whatever signal ended the program" {
	all_end gone
}

@test "SIGINT and SIGTERM that are ignored, or blocked, at the start end a program all the same, before its work, too" {
	mkfifo never
	start_server sockecho-server 0
	run python3 - "$port" <<-'PY'
		import os, signal, subprocess, sys, time
		def ignored():
		    signal.signal(signal.SIGINT, signal.SIG_IGN)
		def blocked():
		    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
		for line in ("sockecho-server --faults never 0", "sockecho-server --daemon --wait 60 " + sys.argv[1],
		             "sockecho-client --wait 60 -U never-there hello", "sockfile-send --wait 60 -U never-there never",
		             "sockfile-recv --key never 0 out", "servlookup -f never", "hostlookup -f never", "sockwait ./never-there"):
		    for prepare, signum in ((ignored, signal.SIGINT), (blocked, signal.SIGTERM)):
		        p = subprocess.Popen(line.split(), preexec_fn=prepare, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
		        end = time.monotonic() + 20
		        while p.poll() is None and time.monotonic() < end:
		            p.send_signal(signum)  # it is of no effect until the program has begun
		            time.sleep(0.01)
		        p.kill()
		        assert p.wait() == -signum, (line, signum, p.returncode)
	PY
	assert_success
}

@test "sockecho-server -t 0 is a usage error: it would serve nobody" {
	local options
	for options in "0" "-U sock" "--delay 1 0" "--json 0"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr timeout 5 sockecho-server -t 0 $options
		assert_failure 2
		[[ $stderr == *"--timeout"* ]] || fail "$stderr"
		assert_equal "${#stderr_lines[@]}" 2
		assert_equal "${stderr_lines[1]}" "Try 'sockecho-server --help' for more information."
		[ ! -e sock ]
	done
}
