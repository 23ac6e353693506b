#!/usr/bin/env bats
# file-faults.bats - what goes wrong with a raw transfer: each fault is produced, and said on both sides.

load helpers
load transfers

setup() {
	cd "$BATS_TEST_TMPDIR"
	head -c 3000000 /dev/urandom >in
}

@test "a sender that is killed, stopped or interrupted is a reset at the receiver" {
	for signal in KILL TERM INT; do
		start_receiver 0 out
		slow_sender 127.0.0.1 "$port" in
		until_true 20 part_has 50000
		kill "-$signal" "$sender_pid"
		sender_ends $((128 + $(kill -l "$signal")))
		receiver_ends 6
		error_has recv.err "Connection reset by peer; "
		error_has recv.err "bytes are safe in out.part"
		[ ! -e out ]
		cmp -n "$(stat -c %s out.part)" in out.part
		# The very end counts too: all is sent, the end of the stream is not.
		rm out.part
	done
}

@test "over a UNIX socket a killed sender looks like the end: --size finds it" {
	start_receiver --size 3000000 -U sock out
	slow_sender -U sock in
	until_true 20 part_has 50000
	kill -KILL "$sender_pid"
	receiver_ends 5
	error_has recv.err "of 3000000 bytes"
	[ ! -e out ]
}

@test "a receiver that is killed or told to end: 6 at the sender, and the part says how much" {
	for signal in KILL TERM INT HUP; do
		start_receiver 0 out
		slow_sender 127.0.0.1 "$port" in
		until_true 20 part_has 50000
		kill "-$signal" "$receiver_pid"
		receiver_ends $((128 + $(kill -l "$signal")))
		sender_ends 6
		[ ! -e out ]
		[ "$signal" = KILL ] || error_has recv.err "interrupted; $(stat -c %s out.part) bytes are safe in out.part"
		cmp -n "$(stat -c %s out.part)" in out.part
		rm out.part
	done
}

@test "a reset by the sender in the middle is 6, and no FILE" {
	start_receiver 0 out
	peer_does "$port" send=100000 reset
	receiver_ends 6
	error_has recv.err "Connection reset by peer"
	[ ! -e out ]
}

@test "a reset by a receiver in the middle is told, and the listening sender lives" {
	truncate -s 30M large
	start_sender 0 large
	peer_does "$port" read=1000 reset
	until_true 20 grep -qE "Connection reset by peer|Broken pipe" send.err
	kill -0 "$sender_pid"
}

@test "ss -K: both ends say that they lost each other" {
	need ss
	start_receiver 0 out
	slow_sender 127.0.0.1 "$port" in
	until_true 20 part_has 50000
	destroy_sockets dst 127.0.0.1 dport = "$port"
	sender_ends 6
	receiver_ends 6
	[ ! -e out ]
}

@test "a file that shrinks while it is sent is 5, and a reset" {
	start_receiver 0 out
	slow_sender 127.0.0.1 "$port" in
	until_true 20 part_has 50000
	truncate -s 1000 in
	sender_ends 5
	error_has send.err "of 3000000 bytes"
	receiver_ends 6
	[ ! -e out ]
}

@test "a file that grows while it is sent is noted" {
	head -c 200000 /dev/urandom >in
	cp in before
	start_receiver 0 out
	slow_sender 127.0.0.1 "$port" in
	until_true 20 part_has 10000
	echo more >>in
	sender_ends 0
	error_has send.err "it grew by 5 bytes meanwhile, which were not sent"
	receiver_ends 0
	cmp before out
}

@test "a file that vanishes while it is sent arrives" {
	head -c 200000 /dev/urandom >in
	cp in before
	start_receiver 0 out
	slow_sender 127.0.0.1 "$port" in
	until_true 20 part_has 10000
	rm in
	sender_ends 0
	receiver_ends 0
	cmp before out
}

@test "an error while the file is read is 1, and a reset" {
	need_trace
	start_receiver 0 out
	run --separate-stderr trace -f -qq -o trace -e inject=sendfile:error=EIO:when=1 sockfile-send 127.0.0.1 "$port" in
	assert_failure 1
	assert_equal "$stderr" "sockfile-send: read in: Input/output error"
	# As of a network file system whose server is gone: it is no error of the connection.
	run --separate-stderr trace -f -qq -o trace -P in \
		-e inject=sendfile,pread64:error=ENOTCONN:when=1 sockfile-send 127.0.0.1 "$port" in
	assert_failure 1
	[[ $stderr == *"sockfile-send: read in: Transport endpoint is not connected" ]]
	kill -0 "$receiver_pid" # nothing had been sent: no transfer
	(cat in; sleep 0.5) | trace -f -qq -o trace -e inject=splice:error=EIO:when=2 sockfile-send 127.0.0.1 "$port" - 2>send.err || status=$?
	assert_equal "$status" 1
	receiver_ends 6
	[ ! -e out ]
}

@test "room that is announced and never there does not outlast --timeout" {
	need_trace
	start_receiver 0 out
	run --separate-stderr trace -f -qq -o trace -e inject=sendfile:error=EAGAIN sockfile-send -t 0.2 -w 20 127.0.0.1 "$port" in
	assert_failure 124
	assert_equal "$stderr" "sockfile-send: send in to 127.0.0.1 port $port: timed out; 0 bytes were sent"
}

# watch_fails_from N - sets unwatched, before a command: it can watch N - 1 descriptors, of which the first is for the
# signals.
watch_fails_from() {
	need_trace
	unwatched=(trace -f -qq -o trace -e trace=epoll_ctl -e "inject=epoll_ctl:error=ENOSPC:when=$1+")
}

@test "a receiver that cannot be watched is a failure, and not waited for for ever: 1" {
	watch_fails_from 2
	truncate -s 64M large # more than the kernel takes at once
	start_receiver 0 out
	run --separate-stderr "${unwatched[@]}" sockfile-send -w 20 127.0.0.1 "$port" large
	assert_failure 1
	[[ "$stderr" == "sockfile-send: send large to 127.0.0.1 port $port: No space left on device; "* ]]
	receiver_ends 6
}

@test "an input that is silent and cannot be watched is a failure: 1" {
	watch_fails_from 2
	start_receiver 0 out
	mkfifo quiet
	exec 9<>quiet
	run --separate-stderr "${unwatched[@]}" sockfile-send -w 20 127.0.0.1 "$port" - <&9
	exec 9>&-
	assert_failure 1
	assert_equal "$stderr" "sockfile-send: read standard input: No space left on device"
	kill -0 "$receiver_pid" # nothing had been sent: no transfer
}

@test "a listener that cannot be watched is a failure, and nobody is told that it is ready: 1" {
	watch_fails_from 2
	for verify in -q --verify; do
		run --separate-stderr "${unwatched[@]}" sockfile-send -w 20 "$verify" --listen 0 in
		assert_failure 1
		assert_output ""
		assert_equal "$stderr" "sockfile-send: accept: No space left on device"
	done
}

@test "of those who connect to a sender one that cannot be watched fails alone" {
	watch_fails_from 3
	truncate -s 64M large
	as_sender sock_start "${unwatched[@]}" sockfile-send --listen -c none --accept-timeout 1 0 large
	run sockfile-recv --connect 127.0.0.1 "$port" other
	assert_failure 6
	sender_ends 124
	error_has send.err ": No space left on device; "
	error_has send.err "accept: timed out (--accept-timeout)"
}

@test "system calls of a sender that are refused or interrupted change nothing" {
	need_trace
	for inject in sendfile:error=EINVAL sendfile:error=EINTR:when=1+2 sendfile:error=ENOSYS; do
		start_receiver --force 0 out
		trace -f -qq -o trace -e "inject=$inject" sockfile-send -q 127.0.0.1 "$port" in
		receiver_ends 0
		cmp in out
	done
}

@test "system calls of a receiver that are refused or interrupted change nothing" {
	need_trace
	for inject in splice:error=EINTR:when=1+2 splice:error=EINVAL:when=2+2 pipe2:error=EMFILE \
		renameat2:error=EINVAL renameat2:error=ENOSYS poll:error=EINTR:when=2+2; do
		rm -f out
		as_receiver sock_start trace -f -qq -o trace -e "inject=$inject" sockfile-recv 0 out
		sockfile-send -q 127.0.0.1 "$port" in
		receiver_ends 0
		cmp in out
		[ ! -e out.part ]
	done
}

@test "an error while the part is flushed is 1, and the part, which cannot be trusted, is removed" {
	need_trace
	as_receiver sock_start trace -f -qq -o trace -e inject=fsync:error=EIO:when=1 sockfile-recv 0 out
	run --separate-stderr sockfile-send 127.0.0.1 "$port" in
	assert_failure 6
	receiver_ends 1
	error_has recv.err "flush out.part to disk: Input/output error"
	nothing_left out
}

@test "an error while the part gets its name is 1, and the part is kept" {
	need_trace
	for error in EXDEV EIO EACCES; do
		as_receiver sock_start trace -f -qq -o trace -e "inject=renameat2:error=$error" sockfile-recv 0 out
		run --separate-stderr sockfile-send 127.0.0.1 "$port" in
		assert_failure 6
		receiver_ends 1
		error_has recv.err "rename out.part to out"
		[ ! -e out ]
		cmp in out.part
	done
}

@test "a receiver that is killed before all is on disk is a reset for a raw sender, which has sent all" {
	need_trace
	# A small file has arrived whole by then, and nothing of it is left to be read.
	head -c 1000 in >small
	for inject in fsync:signal=KILL renameat2:signal=KILL; do
		as_receiver sock_start trace -f -qq -o trace -e "inject=$inject" sockfile-recv 0 out
		run --separate-stderr sockfile-send 127.0.0.1 "$port" small
		assert_failure 6
		receiver_ends 137
		[ ! -e out ]
		rm out.part
	done
}

# start_full [option ...] - start_receiver, onto a disk of 1 MiB; what is there at the end is in the file "left".
start_full() {
	need_namespaces -m
	as_receiver sock_start "${in_namespaces[@]}" bash -c '
		mkdir -p m; mount -t tmpfs -o size=1m tmpfs m
		sockfile-recv "$@" 0 m/out; rc=$?; ls -l m >left; exit $rc' - "$@"
}

@test "a full disk: 1, with how much is safe, and no FILE" {
	start_full
	run --separate-stderr sockfile-send 127.0.0.1 "$port" in
	assert_failure 6
	receiver_ends 1
	error_has recv.err "No space left on device; 1048576 bytes are safe in m/out.part"
	run grep -c "out$" left
	assert_output 0
}

@test "without room for what must come nothing is taken: 1, verified or not" {
	local options status
	while read -r status options; do
		start_full --size 3000000
		# shellcheck disable=SC2086 # words
		run --separate-stderr sockfile-send $options 127.0.0.1 "$port" in
		assert_failure "$status"
		receiver_ends 1
		error_has recv.err "make room for m/out.part: No space left on device"
		run grep -c "out" left
		assert_output 0
	done <<-'END'
		6
		1 --verify
	END
}

@test "a FILE.part whose size somebody changed does not get the name, and is not kept: 1" {
	local option
	for option in "" --verify at-end; do
		start_receiver 0 out
		if [ "$option" = at-end ]; then
			(head -c 50000 in; until [ -e go ]; do sleep 0.02; done) | sockfile-send -q 127.0.0.1 "$port" - &
		else
			# shellcheck disable=SC2086 # words
			slow_sender $option 127.0.0.1 "$port" in
		fi
		until_true 20 part_has 50000
		truncate -s 0 out.part # what comes next would leave a hole
		touch go
		receiver_ends 1
		error_has recv.err "write out: somebody changed its size while it was written"
		[ ! -e out ] && [ ! -e out.part ]
		rm go
	done
	# Before a hole, and on both sides of the START of one that goes on.
	for option in hole before after; do
		[ "$option" = hole ] || (umask 077 && head -c 8 in >out.part)
		start_receiver --resume 0 out
		python3 -c '
import os, sys, time
from wire import *

def is_at_8(pid):
    for fd in os.listdir(f"/proc/{pid}/fd"):
        if os.readlink(f"/proc/{pid}/fd/{fd}").endswith("/out.part"):
            return "pos:\t8\n" in open(f"/proc/{pid}/fdinfo/{fd}").read()

option, port, pid = sys.argv[1:]
p, data = sender(port), open("in", "rb").read(8)
p.greet()
asked, start = offer(size=12), held(START, n=0 if option == "hole" else 8)
p.sock.sendall(asked)
while p.next()[0] == HAVE and option != "hole":
    pass
if option != "before":
    p.sock.sendall(start + (message(DATA, data) if option == "hole" else b""))
    while not is_at_8(pid):
        time.sleep(0.02)
os.truncate("out.part", 0)
p.sock.sendall(start if option == "before" else b"")
p.sock.sendall((hole(4) if option == "hole" else message(DATA, bytes(4))) +
    end(total=12, digest=seal(p.hello, asked, start, data + bytes(4))))
p.ended()' "$option" "$port" "$receiver_pid"
		receiver_ends 1
		error_has recv.err "write out: somebody changed its size while it was written"
		[ ! -e out ] && [ ! -e out.part ]
	done
}

@test "room that was made for what did not come is given back" {
	start_receiver --size 100M 0 out
	slow_sender 127.0.0.1 "$port" in
	until_true 20 part_has 50000
	[ "$(stat -c %b out.part)" -ge 200000 ] || skip "the file system makes no room beforehand"
	kill -KILL "$sender_pid"
	receiver_ends 6
	error_has recv.err "bytes are safe in out.part"
	[ "$(stat -c %b out.part)" -lt 20000 ]
}

@test "a limit of the file's size: 1, with how much is safe, and no FILE" {
	as_receiver sock_start prlimit --fsize=1000000 sockfile-recv 0 out
	run --separate-stderr sockfile-send 127.0.0.1 "$port" in
	assert_failure 6
	receiver_ends 1
	error_has recv.err "File too large; 1000000 bytes are safe in out.part"
	[ ! -e out ]
}

@test "standard output that is full: 1" {
	as_receiver sock_start sh -c "exec sockfile-recv 0 - >/dev/full"
	run --separate-stderr sockfile-send 127.0.0.1 "$port" in
	assert_failure 6
	receiver_ends 1
	error_has recv.err "write to standard output: No space left on device"
}

@test "a directory that is removed meanwhile is 1" {
	mkdir dir
	head -c 500000 /dev/urandom >in
	start_receiver 0 dir/out
	slow_sender 127.0.0.1 "$port" in
	until_true 20 sh -c 'test -s dir/out.part'
	rm -r dir
	sender_ends 6
	receiver_ends 1
	error_has recv.err "rename dir/out.part to dir/out: No such file or directory"
}

@test "a directory that is renamed meanwhile has the file" {
	mkdir dir
	head -c 500000 /dev/urandom >in
	start_receiver 0 dir/out
	slow_sender 127.0.0.1 "$port" in
	until_true 20 sh -c 'test -s dir/out.part'
	mv dir elsewhere
	mkdir dir
	sender_ends 0
	receiver_ends 0
	cmp in elsewhere/out
	[ -z "$(ls dir)" ]
}

@test "a receiver that stops reading: 124, with less than a socket buffer left too" {
	truncate -s 30M large
	for file in large in; do
		start_receiver 0 "out.$file"
		kill -STOP "$receiver_pid"
		run --separate-stderr sockfile-send -t 0.5 127.0.0.1 "$port" large
		assert_failure 124
		kill -CONT "$receiver_pid"
		receiver_ends 6
		[ ! -e "out.$file" ]
	done
	run --separate-stderr sockfile-send -t 0 --count 20M 127.0.0.1 "$port" large
	assert_failure
}

@test "two machines, a link between them goes down and up: the file arrives; IPv4 and IPv6" {
	need_namespaces -nm
	need_ipv6 "${in_namespaces[@]}"
	two_machines <<-'SH'
		head -c 1000000 in >some
		for address in 10.9.9.2 fd09::2; do
			rm -f out ready
			$in_b sockfile-recv -q -t 20 "$address" 0 out >ready 2>recv.err &
			receiver=$!
			wait_until test -s ready
			read -r line <ready
			$in_a sockfile-send -q -t 20 --limit-rate 500K $address "${line##* }" some 2>send.err &
			sender=$!
			wait_until test -s out.part
			link_down
			sleep 1
			link_up
			wait $sender || { cat send.err recv.err; exit 94; }
			wait $receiver || { cat send.err recv.err; exit 95; }
			cmp some out
		done
	SH
}

@test "two machines, a link between them goes down and stays so: 124 on both" {
	two_machines <<-'SH'
		for size in 3000000 100000; do
			# The link stays down: with much left to send, and with nothing but what is in the buffers.
			head -c $size in >left
			rm -f out out.part ready
			$in_b sockfile-recv -t 2 10.9.9.2:0 out >ready 2>recv.err &
			receiver=$!
			wait_until test -s ready
			read -r line <ready
			$in_a sockfile-send -t 2 --wait 20 --limit-rate 50K 10.9.9.2 "${line##* }" left 2>send.err &
			sender=$!
			wait_until test -s out.part
			link_down
			rc=0; wait $sender || rc=$?
			[ $rc = 124 ] || { cat send.err; exit 92; }
			rc=0; wait $receiver || rc=$?
			[ $rc = 124 ] || { cat recv.err; exit 93; }
			[ ! -e out ]
			link_up
		done
	SH
}

# descriptors PID - how many it has open.
descriptors() {
	ls "/proc/$1/fd" | wc -l
}

has_descriptors() {
	[ "$(descriptors "$1")" = "$2" ]
}

@test "memory does not grow with the file" {
	need_openssl
	is_sanitized && skip "memory is the sanitizers' there"
	truncate -s 64M large
	for args in "" "--sha256 $(sha256sum large | cut -c1-64)"; do
		read -ra words <<<"$args"
		start_receiver --force "${words[@]}" 0 out
		run_sender --limit-rate 64M 127.0.0.1 "$port" large
		until_true 20 part_has 40000000
		limit=8192
		[ -z "$args" ] || limit=16384 # OpenSSL itself
		for pid in "$sender_pid" "$receiver_pid"; do
			peak=$(awk '/VmHWM/ { print $2 }' "/proc/$pid/status")
			((peak < limit)) || fail "$peak KiB"
		done
		sender_ends 0
		receiver_ends 0
	done
}

@test "a receiver that goes on has no more descriptors after several sessions than after the first" {
	mkdir dir
	start_receiver --dir dir -c none 0
	open=$(descriptors "$receiver_pid")
	for ((i = 0; i < 3; i++)); do
		sockfile-send -q --verify --name "$i" 127.0.0.1 "$port" - <in
		run sockfile-send -q --verify --name "$i" 127.0.0.1 "$port" - <in # it is there
		assert_failure 1
		peer_does "$port"
	done
	# The first session brings the descriptor by which threads wake the loop.
	until_true 20 has_descriptors "$receiver_pid" "$((open + 1))" || fail "$(ls -l "/proc/$receiver_pid/fd")"
}

@test "a sender that listens and goes on has no more descriptors afterwards than before" {
	start_sender -c none 0 in
	open=$(descriptors "$sender_pid")
	for ((i = 0; i < 3; i++)); do
		sockfile-recv -q --force --connect 127.0.0.1 "$port" out
	done
	until_true 20 has_descriptors "$sender_pid" "$open" || fail "$(ls -l "/proc/$sender_pid/fd")"
}
