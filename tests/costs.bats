#!/usr/bin/env bats
# costs.bats - what a user pays: system calls a trip, shared objects a start; and what a program that
# links libsockutil gets with it.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# need_tracing - skip where strace is missing, or may not do its work.
need_tracing() {
	need strace
	strace -qqo /dev/null true 2>/dev/null || skip "strace may not trace here"
}

# programs - the names of all that are installed.
programs() {
	sed -e ':join' -e '/\\$/ { N; s/\\\n//; b join' -e '}' "$SOCKUTILS_SOURCE/Makefile.am" |
		sed -nE 's/^bin_PROGRAMS \+?= //p'
}

# calls TRIPS [option ...] - the system calls of a server's whole life with one client that makes so many
# trips: a line for each, `COUNT NAME`.
calls() {
	local trips=$1
	shift
	# -D: what was started is the server.
	start_server strace -D -f -qq -o "trace.$trips" sockecho-server "$@"
	python3 - "$trips" "$transport" "$host" "$port" <<-'PY'
		import os, socket, sys
		trips, transport, host, port = sys.argv[1:]
		kind = socket.SOCK_DGRAM if transport in ("udp", "unixgram") else socket.SOCK_STREAM
		with socket.socket(socket.AF_UNIX if transport.startswith("unix") else socket.AF_INET, kind) as s:
		    s.settimeout(10)
		    if transport == "unixgram":
		        s.bind(host + ".client")
		    s.connect((host, int(port)) if port else host)
		    for _ in range(int(trips)):
		        s.send(b"x" * 64)
		        assert len(s.recv(100)) == 64
		    if kind == socket.SOCK_STREAM:
		        # The end is an event of its own, before that of the signal.
		        s.shutdown(socket.SHUT_WR)
		        assert s.recv(1) == b""
		if transport == "unixgram":
		    os.unlink(host + ".client")
	PY
	stop_server
	assert_equal "$server_status" 0
	# The thread that serves; the one that reads signals has nothing to do but at the end.  A call that another
	# thread interrupts has two lines.  A loop may wait by any of these calls.
	sed -nE "s/^$server_pid +//p" "trace.$trips" |
		sed -nE 's/^(epoll_wait|epoll_pwait|epoll_pwait2|poll|ppoll)\(.*/wait/p; t; s/^([a-z_0-9]+)\(.*/\1/p' |
		sort | uniq -c
}

# three_a_trip RECEIVE SEND [option ...] - a thousand trips more cost a thousand calls more of each, and of what waits,
# and nothing else.
three_a_trip() {
	local receive=$1 send=$2
	shift 2
	calls 1 "$@" >few
	calls 1001 "$@" >many
	awk 'FNR == NR { few[$2] = $1; next } { print $1 - few[$2], $2; delete few[$2] } END { for (name in few) print -few[name], name }' few many |
		grep -v '^0 ' | sort -k 2 >difference || true
	printf '1000 %s\n' wait "$receive" "$send" | sort -k 2 | diff -u - difference || fail "sockecho-server $*: $(cat many)"
}

@test "a trip through sockecho-server is three system calls" {
	need_tracing
	is_sanitized && skip "the sanitizers make calls of their own"
	three_a_trip recvfrom sendto 0
	three_a_trip recvfrom sendto -U sock
	# A limit on each operation costs none.
	three_a_trip recvfrom sendto -t 60 0
	three_a_trip recvmmsg sendmmsg -u 0
}

@test "a program that does one thing starts no thread, and opens no locale, and nothing to write its result" {
	need_tracing
	is_sanitized && skip "the sanitizers make calls of their own"
	start_server sockecho-server 0
	local command
	export LC_ALL=C.UTF-8
	for command in "sockecho-client $host $port x" "hostlookup 127.0.0.1" "servlookup 80/tcp"; do
		# shellcheck disable=SC2086 # words are meant
		strace -f -qq -o trace $command | cat >out
		[ -s out ]
		grep -q '^[0-9]* *write(1, ' trace
		! grep -E '(^|[0-9 ])(clone|clone3|epoll_create1|eventfd2|signalfd4)\(|/proc/self/fd|/locale' trace || fail "$command"
	done
}

@test "a one-off client makes the fewest system calls, and asks for no memory" {
	need_tracing
	is_sanitized && skip "the sanitizers make calls of their own"
	start_server sockecho-server 0
	local n
	printf '%s\n' fcntl{,,} rt_sigaction{,,,,,} socket connect{,} getsockname getpeername setsockopt sendto poll recvfrom \
		ioctl write close exit_group >wanted
	# On a busy machine the peer may answer later, and a call more waits for it.
	for n in 1 2 3 4 5; do
		strace -qq -o trace sockecho-client "$host" "$port" hello | cat >out
		assert_equal "$(cat out)" hello
		# From run_begin() on.  musl allows its own signals before the first handler.
		sed -nE '/^fcntl(64)?\(0, F_GETFD/,$ s/^([a-z_]+)(64)?\(.*/\1/p' trace | grep -vx rt_sigprocmask >calls
		diff wanted calls >difference && return
	done
	fail "$(cat difference)"
}

@test "a one-off client touches few pages more than a program that does nothing" {
	is_sanitized && skip "the sanitizers touch pages of their own"
	[ -e "$SOCKUTILS_BUILD/Makefile" ] || skip "what is installed does not say how it was built"
	case $(stat -f -c %T .) in
	ext2/ext3 | xfs | btrfs | tmpfs) ;;
	*) skip "this file system may map a program page by page" ;;
	esac
	local nothing more
	local -a compiler flags
	read -ra compiler < <(sed -n 's/^CC = //p' "$SOCKUTILS_BUILD/Makefile")
	flags=(-O2)
	! grep -q -- -DSTATIC_BINARIES "$SOCKUTILS_BUILD/Makefile" || flags+=(-static)
	echo 'int main(void) { return 0; }' >nothing.c
	"${compiler[@]}" "${flags[@]}" nothing.c -o linked || skip "there is no compiler"
	# As they are installed: what the linker wrote is in pieces in memory.
	cp linked nothing
	cp "$SOCKUTILS_BUILD/sockecho-client" client
	start_server sockecho-server 0
	nothing=$(page_faults ./nothing)
	more=$(($(page_faults ./client "$host" "$port" hello) - nothing))
	echo "$nothing, and $more more"
	# Of code and constants, of variables, of the stack; of the C library's code, where it is in the program, too.
	((more <= 14))
}

# page_faults COMMAND... - the fewest of ten runs.
page_faults() {
	python3 - "$@" <<-'PY'
		import os, sys
		fewest = None
		null = os.open(os.devnull, os.O_WRONLY)
		for _ in range(10):
		    pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])
		    _, status, usage = os.wait4(pid, 0)
		    assert status == 0, status
		    fewest = usage.ru_minflt if fewest is None else min(fewest, usage.ru_minflt)
		print(fewest)
	PY
}

# threads - how many were started in the last sending, or receiving, of a file.
threads() {
	grep -cE '(^|[0-9 ])clone3?\(' trace || true
}

# send [option ...] FILE - to a receiver, and with the system calls of the sender in trace.
send() {
	start_server sockfile-recv --force 0 copy
	strace -f -qq -o trace sockfile-send "${@:1:$#-1}" "$host" "$port" "${@: -1}" 2>&1 | cat
	wait_for "$server_pid"
	assert_equal "$waited_status" 0
}

@test "a thread for the signals is there where something may hang, and not where a little is sent" {
	need_tracing
	is_sanitized && skip "the sanitizers make calls of their own"
	head -c 1000 /dev/urandom >little
	head -c 100000 /dev/urandom >more
	python3 - <<-'PY' || skip "this file system does not tell what is in memory"
		import os
		os.preadv(os.open("little", os.O_RDONLY), [bytearray(1000)], 0, os.RWF_NOWAIT)
	PY
	send little
	assert_equal "$(threads)" 0
	send --verify little
	assert_equal "$(threads)" 0
	send more
	assert_equal "$(threads)" 1
	send --verify more
	assert_equal "$(threads)" 1
	# From memory, or not at all.
	send --verify --retry 1 little
	assert_equal "$(threads)" 1
	send - <little
	assert_equal "$(threads)" 0
	send /proc/version
	assert_equal "$(threads)" 1
	head -c 1000 little | send -
	assert_equal "$(threads)" 1
}

# receive OPTIONS OPTIONS [FILE] - of the receiver and the sender: a little is received, and the receiver's system calls are
# in trace.  Its lines go to a pipe.  strace holds more options of strace(1).
strace=""
receive() {
	local receiver _
	rm -f line
	mkfifo line
	# shellcheck disable=SC2086 # words are meant
	in_background bash -c 'set -o pipefail; "$@" | cat >line' bash strace -f -qq -o trace $strace sockfile-recv -q $1 --force 0 copy
	receiver=$last_pid
	read -r _ _ host port <line
	# shellcheck disable=SC2086 # words are meant
	sockfile-send -q $2 "$host" "$port" "${3-little}"
	wait_for "$receiver"
	assert_equal "$waited_status" 0
}

@test "a receiver has a thread for the signals where it may hang itself, and for nothing else before anybody comes" {
	need_tracing
	is_sanitized && skip "the sanitizers make calls of their own"
	head -c 1000 /dev/urandom >little
	head -c 5000 /dev/urandom >more
	# It takes the raw stream itself, and to flush it may take long; for a little, on a disk or in memory, nothing could
	# end that.
	receive "" ""
	case $(stat -f -c %T .) in
	ext2/ext3 | xfs | tmpfs) assert_equal "$(threads)" 0 ;;
	*) assert_equal "$(threads)" 1 ;;
	esac
	receive "" "" more
	assert_equal "$(threads)" 1
	# With --max-time a thread does, and another ends what hangs before signals are caught.
	receive "--max-time 60" ""
	assert_equal "$(threads)" 2
	# A session is in a thread, and has one for the flush.
	receive "" --verify
	assert_equal "$(threads)" 2
	# The line says that it is ready: whatever is there then is there too soon.
	! grep -E 'clone3?\(|listening' trace | head -1 | grep clone || fail "$(cat trace)"
}

@test "a pipe is opened once more only where a write to it cannot say that it must not wait" {
	is_sanitized && skip "the sanitizers make calls of their own"
	need_tracing
	head -c 1000 /dev/urandom >little
	strace="-e inject=pwritev2:error=EOPNOTSUPP" receive "" ""
	grep -q 'openat(AT_FDCWD, "/proc/self/fd/1", [A-Z_|]*O_NONBLOCK' trace
	grep -qE ' write\([0-9]+, "listening ' trace
	cmp little copy
	receive "" ""
	grep -qE 'pwritev2\(1, \[\{iov_base="listening .*RWF_NOWAIT\) = [0-9]' trace || skip "no such writes here (Linux 6.4)"
	! grep -F /proc/self/fd trace || fail "$(cat trace)"
}

@test "every program needs libc.so.6 alone" {
	need readelf
	is_sanitized && skip "the sanitizers need objects of their own"
	local program found=0
	for program in $(programs); do
		run readelf -d "$SOCKUTILS_BUILD/$program"
		assert_success
		assert_equal "$program: $(sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p' <<<"$output")" "$program: libc.so.6"
		found=$((found + 1))
	done
	((found >= 6))
}

@test "libsockutil neither prints, nor exits, nor handles signals" {
	need nm
	nm -u "$SOCKUTILS_BUILD/libsockutil.a" | awk '$1 == "U" { print $2 }' | sort -u >used
	grep -qx socket used
	# Their checked forms (__fprintf_chk) are the same functions.
	sed -E 's/^__(.*)_chk$/\1/' used |
		grep -xE 'v?d?f?printf|f?puts|f?putc|putchar|fwrite|perror|psignal|v?(err|warn)x?|v?syslog|std(out|err)|_?exit|_Exit|quick_exit|abort|__assert_fail|signal|bsd_signal|sysv_signal|__sysv_signal|sigset|sigaction|signalfd' >forbidden || true
	assert_equal "$(cat forbidden)" ""
}

@test "libsockutil includes nothing of the programs" {
	local src=$SOCKUTILS_SOURCE/src file name
	for file in "$src"/libsockutil/*.[ch]; do
		while read -r name; do
			[ -e "$src/libsockutil/${name#libsockutil/}" ] || fail "${file##*/} includes $name"
		done < <(sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"(.*)".*/\1/p' "$file")
	done
	# Nor does the makefile take a source from elsewhere.
	run sed -nE '/^libsockutil_a_SOURCES/,/[^\\]$/ { /src\/libsockutil\/|^libsockutil_a_SOURCES = \\$/! p }' "$SOCKUTILS_SOURCE/Makefile.am"
	assert_output ""
}
