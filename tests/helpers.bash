# helpers.bash - what every test file needs: the programs under test, a server that is ready, its end.
# shellcheck shell=bash disable=SC2034 # the variables are for the tests

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

: "${SOCKUTILS_BUILD:?run these through make check}"
: "${SOCKUTILS_SOURCE:?run these through make check}"
# A user's PATH has no sbin on Debian: sysctl and dnsmasq are there.
PATH=$SOCKUTILS_BUILD:$PATH:/usr/sbin:/sbin
export LC_ALL=C.UTF-8
unset NOTIFY_SOCKET LISTEN_FDS LISTEN_PID

pids=()

# start_server PROGRAM [option ...] - run it in the background until it says that it is ready.
# Sets server_pid, transport, host and port (for a UNIX socket host is the path).  Its standard error
# goes to server.err, what follows the readiness line to server.out.
start_server() {
	local fifo
	fifo=$(mktemp -u "$BATS_TEST_TMPDIR/ready.XXXXXX")
	mkfifo "$fifo"
	"$@" >"$fifo" 2>"$BATS_TEST_TMPDIR/server.err" 3>&- &
	server_pid=$!
	pids+=("$server_pid")
	exec {ready}<"$fifo"
	if ! read -r -t 20 -u "$ready" _ transport host port; then
		cat "$BATS_TEST_TMPDIR/server.err" >&2
		return 1
	fi
}

# in_background COMMAND ... - run it; its pid is in last_pid, and teardown ends it.
in_background() {
	"$@" 3>&- &
	last_pid=$!
	pids+=("$last_pid")
}

# stop_server [SIGNAL] - and wait: its exit status is in server_status.
stop_server() {
	kill "-${1:-TERM}" "$server_pid"
	wait_for "$server_pid"
	server_status=$waited_status
}

# wait_for PID - until it ends, two minutes at most: its exit status is in waited_status.
wait_for() {
	until_true 120 has_ended "$1" || fail "process $1 has not ended: $(tr '\0' ' ' <"/proc/$1/cmdline")"
	waited_status=0
	wait "$1" || waited_status=$?
}

# has_ended PID - bash has seen the end of this child of its own.
has_ended() {
	! kill -0 "$1" 2>/dev/null
}

# until_true SECONDS COMMAND ... - try it every 20 ms until it succeeds.
until_true() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		((${EPOCHREALTIME/./} < end)) || return 1
		sleep 0.02
	done
}

# milliseconds COMMAND ... - how long it took is in elapsed; its status in timed_status.
milliseconds() {
	local begin=${EPOCHREALTIME/./}
	timed_status=0
	"$@" || timed_status=$?
	elapsed=$(((${EPOCHREALTIME/./} - begin) / 1000))
}

# best_time LEAST MOST COMMAND ... - milliseconds, of three tries the first that is over before MOST; what
# a sleep of LEAST beside it is late is the machine's fault.  Fails where each is late: a machine that is
# busy may be late twice, a program that does not keep its deadline is late each time.
best_time() {
	local least=$1 most=$2 try beside late
	shift 2
	! is_sanitized || most=$((most + 500))
	for try in 1 2 3; do
		exec {beside}< <(milliseconds sleep "${least}e-3" && echo "$((elapsed - least))")
		milliseconds "$@"
		read -r late <&"$beside"
		exec {beside}<&-
		((elapsed >= most + 2 * late)) || return 0
	done
	return 1
}

# on_time STATUS LEAST MOST COMMAND ... - it ends with STATUS, between LEAST and MOST.
on_time() {
	local expected=$1
	shift
	best_time "$@" || fail "still going after $2 ms: $elapsed"
	assert_equal "$timed_status" "$expected"
	((elapsed >= $1)) || fail "over after $elapsed ms"
}

# timing - the same for a script in a namespace, where nothing of bats is: on_time NAME LEAST MOST COMMAND ...
# prints "NAME STATUS on time".
timing=$(
	declare -f milliseconds is_sanitized best_time
	# shellcheck disable=SC2016 # the script expands it
	echo 'on_time() {
		local name=$1 said="on time"
		shift
		best_time "$@" || said="late: $elapsed ms"
		((elapsed >= $1)) || said="early: $elapsed ms"
		echo "$name $timed_status $said"
	}'
)

# in_three_tries COMMAND ... - it succeeds once: for what a busy machine may spoil twice, and a program
# that is wrong fails each time.
in_three_tries() {
	"$@" || "$@" || "$@"
}

# need COMMAND ... - skip the test, saying why, where one is missing.
need() {
	local command
	for command in "$@"; do
		command -v "$command" >/dev/null || skip "$command is not installed"
	done
}

# need_namespaces OPTIONS - of unshare, for what is to be one's own (-n, -nm, -u): "${in_namespaces[@]}"
# before a command runs it there, as root.  Skips where this kernel or user may not make them.
need_namespaces() {
	# A user namespace is for who cannot do without: root in a chroot may not make one.
	in_namespaces=(unshare "$@")
	"${in_namespaces[@]}" true 2>/dev/null && return
	in_namespaces=(unshare --map-root-user "$@")
	"${in_namespaces[@]}" true 2>/dev/null && return
	# In a chroot / is no mount point, so that what is mounted would be seen outside of it, too: what is
	# under a mount point of ours, /proc, is not.
	# shellcheck disable=SC2016 # the inner shell expands it
	in_namespaces=(unshare --propagation unchanged "$@" sh -euc 'mount --make-private /proc
		mount --rbind / /proc; mount --make-rprivate /proc; exec chroot /proc env -C "$PWD" "$@"' -)
	[[ $1 == *m* ]] && "${in_namespaces[@]}" true 2>/dev/null && return
	skip "unshare $* is not allowed here"
}

# need_sysctl NAME - after need_namespaces -n: skip where it cannot be set there (a read-only /proc/sys).
need_sysctl() {
	# shellcheck disable=SC2016 # the inner shell expands it
	"${in_namespaces[@]}" sh -c 'sysctl -qw "$1=$(sysctl -n "$1")"' - "$1" >/dev/null 2>&1 ||
		skip "sysctl $1 cannot be set here, not even in a namespace"
}

# need_ipv6 ["${in_namespaces[@]}"] - skip where the kernel has none, or none on loopback.
need_ipv6() {
	# shellcheck disable=SC2016 # the inner shell expands it
	"$@" sh -c '[ $# = 0 ] || ip link set lo up
		python3 -c "import socket; socket.socket(socket.AF_INET6).bind((\"::1\", 0))"' - "$@" 2>/dev/null ||
		skip "there is no IPv6 here"
}

# need_root - skip where this is not root, or a root that may not become another user.
need_root() {
	setpriv --reuid 65534 --regid 65534 --clear-groups true 2>/dev/null ||
		skip "needs root, to become another user"
}

# destroy_sockets FILTER ... - ss -K, which is successful whatever it did; skips where that is not allowed,
# or not in the kernel.
destroy_sockets() {
	local said
	need ss
	said=$(ss -K "$@" 2>&1 >/dev/null) || fail "ss -K $*: $said"
	[[ $said != *"SOCK_DESTROY answers: "* ]] || skip "ss -K: ${said##*SOCK_DESTROY answers: }"
}

is_sanitized() {
	grep -q __asan_init "$SOCKUTILS_BUILD/sockecho-server"
}

# may_trace - whether one process may trace another here; found out once a run.
may_trace() {
	local answer=$BATS_RUN_TMPDIR/may_trace
	[ -e "$answer" ] || { strace -qqo /dev/null true 2>/dev/null && echo yes || echo no; } >"$answer"
	[ "$(<"$answer")" = yes ]
}

# need_trace - skip where strace is missing, or may not do its work.
need_trace() {
	need strace
	may_trace || skip "strace may not trace here"
}

# trace ARGUMENT ... - strace, under which the leak sanitizer cannot work.
trace() {
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 strace "$@"
}

# The leak sanitizer traces its own process: where that is denied, each program would end in its complaint.
if command -v strace >/dev/null && ! may_trace; then
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
else
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=1
fi

# kill_tree PID - it and what it has started, by their ids.
kill_tree() {
	local child
	for child in $(pgrep -P "$1"); do
		kill_tree "$child"
	done
	kill -KILL "$1" 2>/dev/null
}

# Where a test takes too long, bats ends its children alone; what these have started would hold it up for ever.
bats_kill_childprocesses_of() {
	local child
	for child in $(pgrep -P "$1"); do
		[ "$child" = "$BASHPID" ] || kill_tree "$child"
	done
}

# What a failed test had got on standard error is shown; teardown ends what was started.
teardown() {
	local pid
	[ -n "${BATS_TEST_COMPLETED-}" ] || [ -z "${stderr-}" ] || printf 'stderr: %s\n' "$stderr"
	for pid in "${pids[@]}"; do
		kill_tree "$pid" && wait "$pid" 2>/dev/null
	done
	return 0
}
