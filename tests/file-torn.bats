#!/usr/bin/env bats
# file-torn.bats - verified transfers that are broken off: what is there is not sent twice.

load helpers
load transfers

setup() {
	cd "$BATS_TEST_TMPDIR"
	head -c 3000000 /dev/urandom >in
}

@test "another sender is told that it is busy; the first one is not disturbed" {
	truncate -s 1000000 in
	start_receiver 0 out
	slow_verified 127.0.0.1 "$port" in
	until_true 20 part_has 20000
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
	assert_failure 6
	[[ $stderr == *"busy with another transfer"* ]]
	run --separate-stderr sockfile-send 127.0.0.1 "$port" in
	assert_failure 6
	sender_ends 0
	receiver_ends 0
	cmp in out
}

@test "a sender that comes anew takes the place of its old connection, as soon as that has ended" {
	cat >anew.py <<-'PY'
		import sys, time
		import wire
		took = []
		old = wire.sender(sys.argv[1])
		old.greet()
		old.sock.sendall(wire.offer(size=3000000))
		assert old.next()[0] == wire.HAVE
		for _ in range(3):
		    new = wire.sender(sys.argv[1])
		    new.id = old.id
		    begin = time.monotonic()
		    new.greet()
		    new.sock.sendall(wire.offer(size=3000000))
		    assert new.next()[0] == wire.HAVE  # it is not told that the receiver is busy
		    took.append(time.monotonic() - begin)
		    assert old.ended()
		    old = new
		assert min(took) < 2, took  # five seconds are waited at most
	PY
	start_receiver --retry 5 0 out
	run python3 anew.py "$port"
	assert_success
	# Whose sender is gone, is no writer for long.
	sockfile-send -q --verify 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in out
}

@test "--resume goes on with what is the same, begins anew with what is not, confirms what is there" {
	head -c 2000000 in >out.part
	chmod 600 out.part
	start_receiver --resume 0 out
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
	assert_success
	[[ $stderr == *"sent 3000000 bytes to 127.0.0.1 port $port in "*" (2000000 bytes were there before)" ]]
	receiver_ends 0
	cmp in out
	start_receiver --resume 0 out
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
	assert_success
	[[ $stderr == *"(3000000 bytes were there before)"* ]]
	receiver_ends 0
	error_has recv.err "it was there already"
	head -c 3000000 /dev/urandom >other
	start_receiver --resume 0 out
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" other
	assert_failure 1
	receiver_ends 1
	cmp in out
	start_receiver --resume --force 0 out
	sockfile-send -q --verify 127.0.0.1 "$port" other
	receiver_ends 0
	cmp other out
	rm out
	head -c 2000000 other >out.part
	chmod 600 out.part
	start_receiver --resume 0 out
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
	assert_success
	[[ $stderr != *"were there before"* ]]
	receiver_ends 0
	error_has recv.err "begun anew"
	cmp in out
}

@test "a torn connection, with --retry on both ends: reset, ss -K" {
	need ss
	truncate -s 1000000 in
	start_receiver --retry 9 0 out
	slow_verified --retry 9 127.0.0.1 "$port" in
	until_true 20 part_has 300000
	destroy_sockets dst 127.0.0.1 dport = "$port"
	sender_ends 0
	receiver_ends 0
	cmp in out
	[ ! -e out.part ]
	grep -qE "sent 1000000 bytes .*\([0-9]+ bytes were there before\)" send.err
}

@test "kill -9 of either side, again and again: the file arrives, and what was there is not sent twice" {
	head -c 20M /dev/urandom >in
	start_receiver --retry 50 0 out
	for i in 1 2 3 4 5; do
		run_sender -q --verify --limit-rate 3M 127.0.0.1 "$port" in
		until_true 20 part_has $((i * 500000 + RANDOM))
		sock_stop send KILL
		assert_equal "$send_status" 137
	done
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
	assert_success
	[[ $stderr == *"were there before"* ]]
	receiver_ends 0
	cmp in out
	[ ! -e out.part ]
	# The receiver is the one that dies; a supervisor starts it again on its port.
	start_receiver --resume 0 out2
	wanted=$port
	run_sender --verify --retry 50 --wait 10 --limit-rate 5M 127.0.0.1 "$port" in
	for i in 1 2 3; do
		until_true 20 part_has $((i * 1000000 + RANDOM)) out2
		kill -KILL "$receiver_pid"
		wait_for "$receiver_pid"
		start_receiver --resume "$wanted" out2
	done
	sender_ends 0
	receiver_ends 0
	cmp in out2
	[ ! -e out2.part ]
}

@test "torn at random moments, by kill -9 or a reset (tests/torn.py does more of them)" {
	run timeout 100 python3 "$SOCKUTILS_SOURCE/tests/torn.py" 6 16
	assert_success
}

@test "the two moments that matter most: renamed but no verdict yet, and a verdict that was not heard" {
	need_trace
	need xxhsum
	# The receiver dies right after the rename; the next one finds that all is there.
	as_receiver sock_start trace -f -qq -o trace -e inject=fsync:signal=KILL:when=2 sockfile-recv --resume 0 out
	wanted=$port
	run_sender --verify --retry 20 --wait 10 127.0.0.1 "$port" in
	until_true 20 is_gone "$receiver_pid"
	start_receiver --resume "$wanted" out
	sender_ends 0
	receiver_ends 0
	cmp in out
	nothing_left out.part
	error_has recv.err "it was there already"
	# The sender dies with all sent, and the verdict unheard; it comes again.
	start_receiver --retry 3 0 out2
	cat >unheard.py <<-'PY'
		import sys, wire
		p = wire.sender(sys.argv[1])
		p.greet()
		offer, start = wire.offer(size=0), wire.held(wire.START)
		p.sock.sendall(offer)
		assert p.next()[0] == wire.HAVE
		p.sock.sendall(start + wire.end(total=0, digest=wire.seal(p.hello, offer, start, b"")))
		kind, payload = p.next()
		assert (kind, payload[4]) == (wire.VERDICT, 0), (kind, payload)
		p.sock.close()
	PY
	python3 unheard.py "$port"
	[ -f out2 ]
	: >empty
	sockfile-send -q --verify 127.0.0.1 "$port" empty
	receiver_ends 0
	# Nobody to ask: then nobody knows.
	cat >mute.py <<-'PY'
		import socket, wire
		with socket.create_server(("127.0.0.1", 0)) as l:
		    print("listening tcp 127.0.0.1", l.getsockname()[1], flush=True)
		    p = wire.Peer(l.accept()[0], wire.RECEIVE)
		    p.greet()
		    assert p.next()[0] == wire.OFFER
		    p.sock.sendall(wire.held(wire.HAVE))
		    while p.next()[0] != wire.END:
		        pass
	PY
	sock_start mute python3 mute.py
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
	assert_failure 6
	[[ $stderr == *"delivered or not: unknown"* ]]
}

@test "an input that can be read once is not sent twice" {
	mkfifo input
	exec {open}<>input
	start_receiver --retry 5 0 out
	as_sender sock_run sh -c "exec sockfile-send --verify --retry 5 127.0.0.1 $port - <input"
	head -c 1000000 in >&"$open"
	until_true 20 part_has 1000000
	kill -KILL "$receiver_pid"
	wait_for "$receiver_pid"
	head -c 65536 in >&"$open"
	sender_ends 6
	error_has send.err "cannot be read again"
}

# connecting_to PORT - how many connections to it wait for an answer.
connecting_to() {
	grep -c "^ *[0-9]*: 0100007F:.... 0100007F:$(printf %04X "$1") 02 " /proc/net/tcp || true
}

has_connecting() {
	[ "$(connecting_to "$1")" -ge "$2" ]
}

@test "a receiver that is interrupted while it connects leaves nothing" {
	# Nobody takes anybody from this listener, and its queue is full: the last one waits for an answer.
	start_peer full full
	until_true 20 has_connecting "$port" 1
	waiting=$(connecting_to "$port")
	as_receiver sock_run sh -c "exec sockfile-recv --connect 127.0.0.1 $port out"
	until_true 20 has_connecting "$port" "$((waiting + 1))"
	kill -TERM "$receiver_pid"
	receiver_ends 143
	nothing_left out
}

@test "SIGTERM: the part says how much, and the other end that it was told to end" {
	start_receiver 0 out
	slow_verified 127.0.0.1 "$port" in
	until_true 20 part_has 20000
	kill -TERM "$receiver_pid"
	receiver_ends 143
	error_has recv.err "interrupted; "
	error_has recv.err "are safe in out.part"
	sender_ends 6
	rm out.part
	start_receiver 0 out
	slow_verified 127.0.0.1 "$port" in
	until_true 20 part_has 20000
	kill -TERM "$sender_pid"
	sender_ends 143
	receiver_ends 6
	[ ! -e out ]
}
