# helpers.bash - for every test file: the programs under test, starting a server, ending what was started.
# shellcheck shell=bash disable=SC2034 # the variables are for the tests

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

: "${SOCKUTILS_BUILD:?run these through make check}"
: "${SOCKUTILS_SOURCE:?run these through make check}"
# Debian leaves sbin out of a user's PATH: sysctl and dnsmasq are there.
PATH=$SOCKUTILS_BUILD:$PATH:/usr/sbin:/sbin
export LC_ALL=C.UTF-8
# peer.py is a module for the Python of the tests, too.
export PYTHONPATH=$SOCKUTILS_SOURCE/tests PYTHONDONTWRITEBYTECODE=1
unset NOTIFY_SOCKET LISTEN_FDS LISTEN_PID

pids=()

# in_background COMMAND ... - start it.  Sets last_pid; teardown ends it, in every outcome.
in_background() {
	"$@" 3>&- &
	last_pid=$!
	pids+=("$last_pid")
}

# sock_run NAME COMMAND ... - start it.  Sets NAME_pid; its output goes to NAME.out and NAME.err in
# $BATS_TEST_TMPDIR.
sock_run() {
	local output=$BATS_TEST_TMPDIR/$1
	# One that had this name before may still write to its own files.
	rm -f "$output.out" "$output.err"
	in_background "${@:2}" >"$output.out" 2>>"$output.err"
	declare -g "$1_pid=$last_pid"
}

# sock_start NAME COMMAND ... - sock_run, and wait for the readiness line.  Sets NAME_transport, NAME_host and
# NAME_port, too (the host is the path of a UNIX socket), and transport, host and port, which are those of the last
# one.
sock_start() {
	local end=$((${EPOCHREALTIME/./} + ${SOCK_TIMEOUT-20} * 1000000)) last=""
	sock_run "$@"
	until sock_is_ready "$1"; do
		# What has ended is asked once more: it may have become ready meanwhile.
		if [ -n "$last" ] || ((${EPOCHREALTIME/./} >= end)); then
			cat "$BATS_TEST_TMPDIR/$1".{out,err} >&2
			return 1
		fi
		! has_ended "$last_pid" || last=yes
		sleep 0.005
	done
	declare -g "$1_transport=$transport" "$1_host=$host" "$1_port=$port"
}

# sock_is_ready NAME - has it written its readiness line, on standard output or, where that carries data, on
# standard error?  Sets transport, host and port.
sock_is_ready() {
	local file line
	for file in "$BATS_TEST_TMPDIR/$1".{out,err}; do
		while read -r line; do
			if [[ $line == "listening "* ]]; then
				read -r _ transport host port <<<"$line"
				return
			elif [[ $line =~ \"listening\".*\"transport\":\"([a-z]+)\",\"address\":\"([^\"]+)\",\"port\":([0-9]+) ]]; then
				transport=${BASH_REMATCH[1]} host=${BASH_REMATCH[2]} port=${BASH_REMATCH[3]}
				return
			fi
		done 2>/dev/null <"$file"
	done
	return 1
}

# sock_wait NAME - wait until it ends.  Sets NAME_status.
sock_wait() {
	local pid=$1_pid
	wait_for "${!pid}"
	declare -g "$1_status=$waited_status"
}

# sock_stop NAME [SIGNAL] - send the signal (default TERM) and wait.  Sets NAME_status.
sock_stop() {
	local pid=$1_pid
	kill "-${2:-TERM}" "${!pid}"
	sock_wait "$1"
}

# beside NAME COMMAND ... - run it in the background, in the new directory NAME: for what waits most of its time.  all_of
# NAME ... waits until they have ended, and checks that they succeeded.
beside() {
	mkdir "$1"
	sock_run "$1" in_its_directory "$@"
}

in_its_directory() {
	pids=()
	trap 'end_processes || true' EXIT
	cd "$1" || return
	BATS_TEST_TMPDIR=$PWD
	"${@:2}"
}

all_of() {
	local name
	for name; do
		sock_wait "$name"
		((waited_status == 0)) || fail "$name: $(cat "$BATS_TEST_TMPDIR/$name".{out,err})"
	done
}

# start_server PROGRAM [option ...], stop_server [SIGNAL] - most tests have one, whose NAME is server.
start_server() {
	sock_start server "$@"
}

stop_server() {
	sock_stop server "$@"
}

# start_peer NAME MODE [STEP ...] - sock_start of tests/peer.py, one that says where it listens; run_peer is for one
# that connects.
start_peer() {
	sock_start "$1" python3 "$SOCKUTILS_SOURCE/tests/peer.py" "${@:2}"
}

run_peer() {
	sock_run "$1" python3 "$SOCKUTILS_SOURCE/tests/peer.py" connect "${@:2}"
}

# peer_does PORT|PATH STEP ... - the same, to its end.
peer_does() {
	python3 "$SOCKUTILS_SOURCE/tests/peer.py" connect "$@"
}

# wait_for PID - wait until it ends, at most two minutes.  Sets waited_status to the exit status.
wait_for() {
	until_true 120 has_ended "$1" || fail "process $1 has not ended: $(tr '\0' ' ' <"/proc/$1/cmdline")"
	waited_status=0
	wait "$1" || waited_status=$?
}

# has_ended PID - has this child ended, and has bash collected its status?
has_ended() {
	! kill -0 "$1" 2>/dev/null
}

# until_true SECONDS COMMAND ... - run it every 20 ms until it succeeds.
until_true() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		((${EPOCHREALTIME/./} < end)) || return 1
		sleep 0.02
	done
}

is_sanitized() {
	grep -q __asan_init "$SOCKUTILS_BUILD/sockecho-server"
}

# milliseconds COMMAND ... - run it.  Sets elapsed to the time it took, and timed_status to its status.
milliseconds() {
	local begin=${EPOCHREALTIME/./}
	timed_status=0
	"$@" || timed_status=$?
	elapsed=$(((${EPOCHREALTIME/./} - begin) / 1000))
}

# best_time LEAST MOST COMMAND ... - run it up to three times, until it ends within MOST milliseconds.  A sleep of
# LEAST milliseconds runs beside it; twice its delay is allowed on top.  Fails if all three are late: a busy
# machine may be late twice, but a program that does not keep its deadline is late each time.
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

# on_time STATUS LEAST MOST COMMAND ... - check that it ends with STATUS, after LEAST to MOST milliseconds.
on_time() {
	local expected=$1
	shift
	best_time "$@" || fail "still going after $2 ms: $elapsed"
	assert_equal "$timed_status" "$expected"
	((elapsed >= $1)) || fail "over after $elapsed ms"
}

# timing - the same for a script in a namespace, where there is no bats: on_time NAME LEAST MOST COMMAND ... prints
# "NAME STATUS on time".
timing=$(
	declare -f milliseconds is_sanitized best_time
	# shellcheck disable=SC2016 # for the script
	echo 'on_time() {
		local name=$1 said="on time"
		shift
		best_time "$@" || said="late: $elapsed ms"
		((elapsed >= $1)) || said="early: $elapsed ms"
		echo "$name $timed_status $said"
	}'
)

# in_three_tries COMMAND ... - check that it succeeds once.  A busy machine may spoil two tries, but a wrong
# program fails in all.
in_three_tries() {
	"$@" || "$@" || "$@"
}

# says_in_time STATUS TEXT COMMAND ... - check that it ends with STATUS and says TEXT, a pattern, on standard error,
# as it does when it has come so far before its short limit is over: the best of three tries.
says_in_time() {
	local expected=$1 text=$2 try
	shift 2
	for try in 1 2 3; do
		run --separate-stderr "$@"
		# shellcheck disable=SC2053,SC2154 # a pattern; run sets the variables
		[[ $status != "$expected" || $stderr != $text ]] || return 0
	done
	fail "status $status, not $expected: $stderr"
}

# need COMMAND ... - skip the test, with a reason, if one of them is missing.
need() {
	local command
	for command in "$@"; do
		command -v "$command" >/dev/null || skip "$command is not installed"
	done
}

# start_socat LISTEN OTHER - start socat, from a port of 127.0.0.1 that the system chooses.  Sets socat_port.
start_socat() {
	need socat
	sock_run socat socat -d -d "$@"
	until_true 20 grep -q "listening on" "$BATS_TEST_TMPDIR/socat.err"
	socat_port=$(sed -nE 's/.*listening on .*:([0-9]+)$/\1/p' "$BATS_TEST_TMPDIR/socat.err")
}

# need_namespaces OPTIONS - options of unshare (-n, -nm, -u).  Sets in_namespaces: "${in_namespaces[@]}" COMMAND
# runs COMMAND as root in such namespaces.  Skips if this kernel or user may not make them.
need_namespaces() {
	# Use a user namespace only if needed: root in a chroot may not make one.
	in_namespaces=(unshare "$@")
	"${in_namespaces[@]}" true 2>/dev/null && return
	in_namespaces=(unshare --map-root-user "$@")
	"${in_namespaces[@]}" true 2>/dev/null && return
	# In a chroot, / is no mount point, so new mounts would be seen outside of it, too.  Mounts below a mount
	# point of our own, /proc, are not.
	# shellcheck disable=SC2016 # for the inner shell
	local script='mount --make-private /proc; mount --rbind / /proc; mount --make-rprivate /proc; '\
'exec chroot /proc env -C "$PWD" "$@"' # one line, for tests/pages.py
	in_namespaces=(unshare --propagation unchanged "$@" sh -euc "$script" -)
	[[ $1 == *m* ]] && "${in_namespaces[@]}" true 2>/dev/null && return
	skip "unshare $* is not allowed here"
}

# make_inside <SCRIPT - `inside`, to be run by "${in_namespaces[@]}" sh inside: loopback is up, the files hosts,
# nsswitch and resolv of this folder, those that are there, are the system's, and the script follows.
make_inside() {
	cat - >inside.sh
	cat >inside <<-'SH'
		set -eu
		ip link set lo up
		for file in hosts:hosts nsswitch:nsswitch.conf resolv:resolv.conf; do
			[ ! -e "${file%:*}" ] || mount --bind "${file%:*}" "/etc/${file#*:}"
		done
		. ./inside.sh
	SH
}

# two_machines <SCRIPT - bash -eu runs it as root of two machines.  $in_a COMMAND runs on the one, at 10.9.9.1 and
# fd09::1, $in_b COMMAND on the other, at 10.9.9.2 and fd09::2 (where there is IPv6); their interfaces are va and vb.
# link_down and link_up set va, and wait_until COMMAND waits ten seconds at most.
two_machines() {
	local script
	script=$(cat)
	need ip
	need_namespaces -nm
	# shellcheck disable=SC2016 # for the inner shell
	"${in_namespaces[@]}" bash -euc '
		mount -t tmpfs tmpfs /run
		mkdir -p /run/netns
		ip netns add a
		ip netns add b
		ip link add va netns a type veth peer name vb netns b
		in_a="ip netns exec a"
		in_b="ip netns exec b"
		$in_a ip addr add 10.9.9.1/24 dev va
		$in_b ip addr add 10.9.9.2/24 dev vb
		link_down() { $in_a ip link set va down; }
		link_up() { # its IPv6 address is lost when it is down
			$in_a ip link set va up
			$in_a ip addr replace fd09::1/64 dev va nodad 2>/dev/null || true
		}
		$in_b ip addr add fd09::2/64 dev vb nodad 2>/dev/null || true
		$in_b ip link set vb up
		link_up
		wait_until() {
			for i in $(seq 500); do
				! "$@" || return 0
				sleep 0.02
			done
			echo "in vain: $*" >&2
			cat *err* >&2
			exit 90
		}
		'"$script" 3>&-
}

# need_sysctl NAME - after need_namespaces -n: skip if it cannot be set there (/proc/sys is read-only).
need_sysctl() {
	# shellcheck disable=SC2016 # for the inner shell
	"${in_namespaces[@]}" sh -c 'sysctl -qw "$1=$(sysctl -n "$1")"' - "$1" >/dev/null 2>&1 ||
		skip "sysctl $1 cannot be set here, not even in a namespace"
}

# need_ipv6 ["${in_namespaces[@]}"] - skip if the kernel has no IPv6, or loopback has none.
need_ipv6() {
	# shellcheck disable=SC2016 # for the inner shell
	"$@" sh -c '[ $# = 0 ] || ip link set lo up
		python3 -c "import socket; socket.socket(socket.AF_INET6).bind((\"::1\", 0))"' - "$@" 2>/dev/null ||
		skip "there is no IPv6 here"
}

# need_root - skip unless this is root and may become another user.
need_root() {
	setpriv --reuid 65534 --regid 65534 --clear-groups true 2>/dev/null ||
		skip "needs root, to become another user"
}

# destroy_sockets FILTER ... - run ss -K, whose status is always 0.  Skips if the kernel lacks it or does not allow
# it.
destroy_sockets() {
	local said
	need ss
	said=$(ss -K "$@" 2>&1 >/dev/null) || fail "ss -K $*: $said"
	[[ $said != *"SOCK_DESTROY answers: "* ]] || skip "ss -K: ${said##*SOCK_DESTROY answers: }"
}

# may_trace - may a process trace another one here?  The answer is kept for the whole run.
may_trace() {
	local answer=$BATS_RUN_TMPDIR/may_trace
	[ -e "$answer" ] || { strace -qqo /dev/null true 2>/dev/null && echo yes || echo no; } >"$answer"
	[ "$(<"$answer")" = yes ]
}

# as_nobody COMMAND ... - run it for ten seconds at most as a user without rights: this one, or another if this is root.
# setpriv(1) can still reach the command where that user cannot, as where root has built it.
as_nobody() {
	if [ "$(id -u)" = 0 ]; then
		chmod 711 "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR"/../.. "$BATS_RUN_TMPDIR"
		timeout 10 setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
	else
		timeout 10 "$@"
	fi
}

# need_trace - skip if strace is missing or not allowed.
need_trace() {
	need strace
	may_trace || skip "strace may not trace here"
}

# trace ARGUMENT ... - run strace without the leak sanitizer, which does not work under it.
trace() {
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 strace "$@"
}

# start_failing RULE PROGRAM [option ...] - start_server, under strace's inject=RULE.
start_failing() {
	local rule=$1
	shift
	# -D: what was started is the server.
	start_server env "ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0" \
		strace -D -f -qq -o "$BATS_TEST_TMPDIR/trace" -e "inject=$rule" "$@"
}

# The leak sanitizer traces its own process.  If that is not allowed, it ends each program with an error.
if command -v strace >/dev/null && ! may_trace; then
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
else
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=1
fi

# kill_tree PID - kill it and all its descendants.
kill_tree() {
	local child
	for child in $(pgrep -P "$1"); do
		kill_tree "$child"
	done
	kill -KILL "$1" 2>/dev/null
}

# When a test takes too long, bats kills only its children.  Their children would keep it waiting for ever.
bats_kill_childprocesses_of() {
	local child
	for child in $(pgrep -P "$1"); do
		[ "$child" = "$BASHPID" ] || kill_tree "$child"
	done
}

# Print the standard error of a failed test, and end all that it started.
teardown() {
	end_processes
}

end_processes() {
	local pid
	[ -n "${BATS_TEST_COMPLETED-}" ] || [ -z "${stderr-}" ] || printf 'stderr: %s\n' "$stderr"
	for pid in "${pids[@]}"; do
		kill_tree "$pid" && wait "$pid" 2>/dev/null
	done
	await_timer
}

# A test that ends at once, as one that is skipped, may end before bats' timer has set its trap.  The timer then dies
# without its sleep, which holds the file until the time of a test is over (bats 1.8).  So wait for the trap: bit 5 of
# SigCgt is SIGABRT.
await_timer() {
	local key value
	[ -n "${BATS_killer_pid-}" ] || return 0
	while [ -e "/proc/$BATS_killer_pid/status" ]; do
		while read -r key value; do
			case $key in
			State:) [[ $value != Z* ]] || return 0 ;;
			SigCgt:) ! ((0x$value & 0x20)) || return 0 ;;
			esac
		done <"/proc/$BATS_killer_pid/status"
	done 2>/dev/null
}
