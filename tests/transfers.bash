# transfers.bash - for the tests of sockfile-send and sockfile-recv, in addition to helpers.bash.
# shellcheck shell=bash disable=SC2034,SC2154 # the variables are for the tests, or come from helpers.bash

# as_receiver sock_start|sock_run COMMAND ... - start the receiver of the test so.  Sets receiver_pid; its standard
# error goes to recv.err, and data on its standard output to recv.out.
as_receiver() {
	"$1" recv "${@:2}"
	receiver_pid=$recv_pid
}

# as_sender sock_start|sock_run COMMAND ... - the same for the sender: sender_pid, send.err.
as_sender() {
	"$1" send "${@:2}"
	sender_pid=$send_pid
}

# start_receiver [option ...] - start sockfile-recv and wait for its readiness line.  Sets port, too.
start_receiver() {
	as_receiver sock_start sockfile-recv "$@"
}

# start_sender [option ...] - the same for sockfile-send --listen.
start_sender() {
	as_sender sock_start sockfile-send --listen "$@"
}

# run_receiver [option ...], run_sender [option ...] - start it, and wait for nothing.
run_receiver() {
	as_receiver sock_run sockfile-recv "$@"
}

run_sender() {
	as_sender sock_run sockfile-send "$@"
}

# slow_sender [option ...], slow_verified [option ...] - start sockfile-send at 500 KiB a second, so that a test
# can act during the transfer.
slow_sender() {
	run_sender --limit-rate 500K "$@"
}

slow_verified() {
	slow_sender --verify "$@"
}

# part_has BYTES [FILE] - has FILE.part (default out.part) at least so many bytes?
part_has() {
	[ "$(stat -c %s "${2-out}.part" 2>/dev/null || echo 0)" -ge "$1" ]
}

# receiver_ends STATUS, sender_ends STATUS - check that it ends with STATUS, within two minutes.
receiver_ends() {
	ends "$receiver_pid" "$1" recv.err
}

sender_ends() {
	ends "$sender_pid" "$1" send.err
}

ends() {
	until_true 120 is_gone "$1" || fail "it has not ended: $(cat "$3")"
	wait_for "$1"
	[ "$waited_status" = "$2" ] || fail "status $waited_status, not $2: $(cat "$3")"
}

is_gone() {
	! kill -0 "$1" 2>/dev/null || [ "$(awk '/^State/ { print $2 }' "/proc/$1/status" 2>/dev/null)" = Z ]
}

# error_has FILE TEXT - check that a line of FILE contains TEXT.
error_has() {
	grep -qF -- "$2" "$1" || fail "no '$2' in: $(cat "$1")"
}

# nothing_left FILE ... - check that neither FILE nor FILE.part exists.
nothing_left() {
	local file
	for file in "$@"; do
		[ ! -e "$file" ] || fail "$file is there"
		[ ! -e "$file.part" ] || fail "$file.part is there"
	done
}

# need_openssl - skip if the programs were built without OpenSSL.
need_openssl() {
	! sockfile-recv --sha256 "$(printf "0%.0s" {1..64})" 0 nosuch/out 2>&1 | grep -q "built without OpenSSL" ||
		skip "built without OpenSSL"
}

# send_to_port_file N - N transfers whose sender has the port from the file that the receiver writes, and does not
# wait for it before.  In every second one the file is there from a receiver that was killed.
send_to_port_file() {
	local i receiver
	for ((i = 0; i < $1; i++)); do
		rm -f p copy copy.part
		if ((i % 2)); then
			in_background sockfile-recv -q --port-file p 0 copy >/dev/null 2>&1
			receiver=$last_pid
			until_true 20 test -s p
			kill -9 "$receiver"
			wait "$receiver" || true
			rm -f copy.part
		fi
		in_background sockfile-recv -q --port-file p 0 copy >recv.out 2>recv.err
		receiver=$last_pid
		sockfile-send -q --wait 10 127.0.0.1 @p in 2>send.err || fail "run $i: $(cat send.err)"
		wait "$receiver" || fail "run $i: $(cat recv.err)"
		cmp in copy || fail "run $i"
	done
}

# lease FILE [SECONDS] - hold it under a write lease, which is given back that long after somebody asked; without
# SECONDS never (the kernel takes it, after 45 s).
lease() {
	cat >lease.py <<-'PY'
		import fcntl, os, signal, sys, time
		def broken(*_):
		    open("asked", "a").close()
		    if len(sys.argv) > 2:
		        time.sleep(float(sys.argv[2]))
		        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
		signal.signal(signal.SIGIO, broken)
		fd = os.open(sys.argv[1], os.O_RDWR)
		try:
		    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
		except OSError:
		    open("refused", "w").close()
		open("leased", "w").close()
		while True:
		    time.sleep(1)
	PY
	sock_run lease python3 lease.py "$@"
	until_true 20 test -e leased
	[ ! -e refused ] || skip "the file system has no leases"
}

end_lease() {
	kill "$lease_pid"
	wait_for "$lease_pid"
	rm -f leased asked
}
