#!/usr/bin/env bats
# file-verified.bats - verified transfers: what exit 0 means, several files, resume, retry, hostile peers.

load helpers
load transfers

setup() {
	cd "$BATS_TEST_TMPDIR"
	head -c 3000000 /dev/urandom >in
	export PYTHONPATH=$SOCKUTILS_SOURCE/tests PYTHONDONTWRITEBYTECODE=1
}

# slow_verified [option ...] - a verified sender of "in" that takes its time.
slow_verified() {
	sockfile-send --verify --limit-rate 500K "$@" 2>send.err 3>&- &
	sender_pid=$!
	pids+=("$sender_pid")
}

part_has() {
	[ "$(stat -c %s out.part 2>/dev/null || echo 0)" -ge "$1" ]
}

@test "exit 0 of the sender means that the receiver has it under its name; a receiver knows it by itself" {
	start_receiver 0 out
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
	assert_success
	cmp in out # before anybody waited for the receiver
	receiver_ends 0
	error_has recv.err "(verified)"
	[ ! -e out.part ]
	start_sender --verify -c 3 0 in
	for i in 1 2 3; do
		sockfile-recv -q --verify --connect 127.0.0.1 "$port" "out.$i" 3>&- &
		receivers+=($!)
	done
	for i in 1 2 3; do
		wait_for "${receivers[i - 1]}"
		assert_equal "$waited_status" 0
		cmp in "out.$i"
	done
	sender_ends 0
}

@test "standard input, an empty file, /proc, a part of a file, over UNIX sockets, to standard output" {
	need_openssl
	start_receiver --size 3000000 --sha256 "$(sha256sum in | cut -c1-64)" -U sock out
	cat in | sockfile-send -q --verify -U sock -
	receiver_ends 0
	cmp in out
	: >empty
	start_receiver 0 out2
	sockfile-send -q --verify 127.0.0.1 "$port" empty
	receiver_ends 0
	[ -f out2 ] && [ ! -s out2 ]
	start_receiver 0 out3
	sockfile-send -q --verify 127.0.0.1 "$port" /proc/cmdline
	receiver_ends 0
	cmp out3 /proc/cmdline
	mkfifo fifo
	start_receiver --force 0 out3
	sockfile-send -q --verify 127.0.0.1 "$port" fifo 3>&- &
	sender_pid=$!
	pids+=("$sender_pid")
	cat in >fifo
	sender_ends 0
	receiver_ends 0
	cmp in out3
	start_receiver --verify 0 -
	cat in | sockfile-send -q --verify --offset 1000 --count 500000 127.0.0.1 "$port" -
	receiver_ends 0
	cmp recv.out <(tail -c +1001 in | head -c 500000)
	start_receiver --verify 0 -
	sockfile-send -q --verify --offset 1000 --count 500000 127.0.0.1 "$port" in
	receiver_ends 0
	cmp recv.out <(tail -c +1001 in | head -c 500000)
}

@test "several files into a directory, their names, modes and times" {
	mkdir d
	cp in a
	chmod 640 a
	touch -d 2001-02-03T04:05:06.789 a
	echo two >"b c"
	: >empty
	start_receiver --dir d --preserve 0
	sockfile-send -q --verify 127.0.0.1 "$port" a "b c" empty
	receiver_ends 0
	cmp a d/a
	cmp "b c" "d/b c"
	[ -f d/empty ]
	assert_equal "$(stat -c '%a %y' d/a)" "$(stat -c '%a %y' a)"
	start_receiver --dir d -c 2 0
	echo named | sockfile-send -q --verify --name stdin.txt 127.0.0.1 "$port" -
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" a in
	assert_failure 1
	[[ $stderr == *"send a to 127.0.0.1 port"*"it has another file of that name"* ]]
	receiver_ends 1
	assert_equal "$(cat d/stdin.txt)" named
	cmp in d/in
}

@test "a file that is gone when its turn comes is left out: 1, and the rest arrives" {
	mkdir d
	head -c 300000 in >first
	echo second >second
	echo third >third
	start_receiver --dir d 0
	sockfile-send --verify --limit-rate 500K 127.0.0.1 "$port" first second third 2>send.err 3>&- &
	sender_pid=$!
	pids+=("$sender_pid")
	until_true 10 test -s d/first.part
	rm second
	sender_ends 1
	error_has send.err "open second: No such file or directory"
	receiver_ends 0
	cmp first d/first
	cmp third d/third
	nothing_left d/second
}

@test "a listening sender outlives a receiver that fails, and not its own file that changes" {
	head -c 400000 /dev/urandom >file
	echo another >out
	start_sender --verify --limit-rate 500K 0 file
	run --separate-stderr sockfile-recv --resume --connect 127.0.0.1 "$port" out
	assert_failure 1
	run --separate-stderr sockfile-recv --verify --max-size 1000 --connect 127.0.0.1 "$port" out2
	assert_failure 5
	nothing_left out2
	sockfile-recv --connect 127.0.0.1 "$port" out3 2>recv.err 3>&- &
	receiver_pid=$!
	pids+=("$receiver_pid")
	until_true 10 test -s out3.part
	echo more >>file
	sender_ends 5
	error_has send.err "it changed while it was sent"
	receiver_ends 5
	nothing_left out3
}

@test "no name: told to both, and the receiver waits for a better one" {
	mkdir d
	start_receiver --dir d 0
	run --separate-stderr sh -c "echo x | sockfile-send --verify 127.0.0.1 $port -"
	assert_failure 5
	cp in .hidden
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" .hidden
	assert_failure 5
	[ -z "$(ls -A d)" ]
	sockfile-send -q --verify 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in d/in
	start_receiver 0 named
	sockfile-send -q --verify 127.0.0.1 "$port" .hidden
	receiver_ends 0
	cmp in named
}

@test "what the receiver refuses, both say, with the same status" {
	need_openssl
	for case in "5 --max-size 1000" "5 --size 5" "5 --sha256 $(printf '0%.0s' $(seq 64))"; do
		read -r expected options <<<"$case"
		read -ra words <<<"$options"
		start_receiver --verify "${words[@]}" 0 out
		run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
		assert_failure "$expected"
		[ ! -e out ]
		[[ $options == --sha256* ]] || { kill "$receiver_pid"; expected=143; }
		receiver_ends "$expected"
	done
	nothing_left out
	need_namespaces -m
	start_listening recv.err "${in_namespaces[@]}" bash -c 'mkdir m; mount -t tmpfs -o size=1m tmpfs m
		sockfile-recv 0 m/out; rc=$?; ls m >left; exit $rc'
	receiver_pid=$started_pid
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
	assert_failure 1
	[[ $stderr == *"it has no space left"* ]]
	receiver_ends 1
	assert_equal "$(cat left)" out.part
}

@test "a mixed pair ends at once, with a message that says what to do" {
	start_receiver --verify 0 out
	run --separate-stderr sockfile-send 127.0.0.1 "$port" in
	assert_failure 6
	until_true 5 grep -q "does not speak the protocol" recv.err
	run --separate-stderr nc.openbsd -N 127.0.0.1 "$port" <in
	sockfile-send -q --verify 127.0.0.1 "$port" in
	receiver_ends 0
	start_sender --verify 0 in
	run --separate-stderr sockfile-recv --verify --connect 127.0.0.1 "$port" out2
	assert_success
	start_sender 0 in
	run --separate-stderr sockfile-recv --verify --connect 127.0.0.1 "$port" out3
	assert_failure 5
	[[ $stderr == *"does not speak the protocol"* ]]
	nothing_left out3
	# Both send, both receive.
	start_sender --verify 0 in
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
	assert_failure 5
	[[ $stderr == *"both ends are senders"* ]]
	start_receiver --verify 0 out4
	run --separate-stderr sockfile-recv --verify --connect 127.0.0.1 "$port" out5
	assert_failure 5
	[[ $stderr == *"both ends are receivers"* ]]
}

@test "a silent peer, as nc is, ends a verified sender within the handshake's ten seconds" {
	in_background sh -c 'nc.openbsd -lU nc.sock >nc.out'
	until_true 5 test -S nc.sock
	on_time 124 200 3000 sockfile-send -q -t 0.3 --verify -U nc.sock in
	in_background sh -c 'nc.openbsd -lU nc2.sock >nc.out'
	until_true 5 test -S nc2.sock
	on_time 5 9500 14000 sockfile-send -q --verify -U nc2.sock in
}

@test "a file that changes while it is sent is 5 on both sides, and leaves nothing" {
	for change in "echo more >>in" "touch -d yesterday in" "truncate -s 1000 in"; do
		head -c 400000 /dev/urandom >in
		start_receiver 0 out
		slow_verified 127.0.0.1 "$port" in
		until_true 10 part_has 20000
		sh -c "$change"
		sender_ends 5
		error_has send.err "it changed while it was sent"
		receiver_ends 5
		nothing_left out
	done
	# A link or a mode is no change.
	start_receiver 0 out
	slow_verified 127.0.0.1 "$port" in
	until_true 10 sh -c 'test -s out.part || test -e out'
	ln in other
	sender_ends 0
	receiver_ends 0
}

@test "another sender is told that it is busy; the first one is not disturbed" {
	start_receiver 0 out
	slow_verified 127.0.0.1 "$port" in
	until_true 10 part_has 20000
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
	assert_failure 6
	[[ $stderr == *"busy with another transfer"* ]]
	run --separate-stderr sockfile-send 127.0.0.1 "$port" in
	assert_failure 6
	sender_ends 0
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
	start_receiver --retry 9 0 out
	slow_verified --retry 9 127.0.0.1 "$port" in
	until_true 10 part_has 500000
	destroy_sockets dst 127.0.0.1 dport = "$port"
	sender_ends 0
	receiver_ends 0
	cmp in out
	[ ! -e out.part ]
	grep -qE "sent 3000000 bytes .*\([0-9]+ bytes were there before\)" send.err
}

@test "kill -9 of either side, again and again: the file arrives, and what was there is not sent twice" {
	head -c 80M /dev/urandom >in
	start_receiver --retry 50 0 out
	for i in 1 2 3 4 5; do
		timeout -s KILL "0.$((RANDOM % 5 + 2))" sockfile-send -q --verify --limit-rate 20M 127.0.0.1 "$port" in || true
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
	sockfile-send --verify --retry 50 --wait 10 --limit-rate 40M 127.0.0.1 "$port" in 2>send.err 3>&- &
	sender_pid=$!
	pids+=("$sender_pid")
	for i in 1 2 3; do
		until_true 10 sh -c "test \$(stat -c %s out2.part 2>/dev/null || echo 0) -gt $((i * 8000000))"
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
	run timeout 100 python3 "$SOCKUTILS_SOURCE/tests/torn.py" 6 32
	assert_success
}

@test "the two moments that matter most: renamed but no verdict yet, and a verdict that was not heard" {
	need_trace
	need xxhsum
	# The receiver dies right after the rename; the next one finds that all is there.
	start_listening recv.err trace -f -qq -o trace -e inject=fsync:signal=KILL:when=2 sockfile-recv --resume 0 out
	receiver_pid=$started_pid
	wanted=$port
	sockfile-send --verify --retry 20 --wait 10 127.0.0.1 "$port" in 2>send.err 3>&- &
	sender_pid=$!
	pids+=("$sender_pid")
	until_true 10 is_gone "$receiver_pid"
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
	start_listening mute.err python3 mute.py
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
	assert_failure 6
	[[ $stderr == *"delivered or not: unknown"* ]]
}

@test "an input that can be read once is not sent twice" {
	start_receiver --retry 5 0 out
	(head -c 1000000 in; sleep 1; tail -c 2000000 in) | sockfile-send --verify --retry 5 127.0.0.1 "$port" - 2>send.err 3>&- &
	sender_pid=$!
	pids+=("$sender_pid")
	until_true 10 part_has 1000000
	kill -KILL "$receiver_pid"
	sender_ends 6
	error_has send.err "cannot be read again"
}

@test "hostile senders: every field at its edges, wrong order, wrong bytes: 5, and nothing is left" {
	cat >hostile.py <<-'PY'
		import struct, sys, wire
		from wire import *
		port = sys.argv[1]
		big = 2**63
		cases = []
		def greeting_case(bytes):
		    def run(p):
		        p.sock.sendall(bytes)
		    cases.append(run)
		for g in (b"\x89SFX\r\n\x1a\n" + bytes(8), greeting(SEND, magic=MAGIC[:-1] + b"x"), greeting(SEND, version=0),
		          greeting(SEND, version=2), greeting(SEND, version=255), greeting(0), greeting(3), greeting(255),
		          greeting(RECEIVE), greeting(SEND, flags=2), greeting(SEND, flags=0xffff), greeting(SEND, flags=1), greeting(SEND, rest=1)):
		    greeting_case(g)
		def hello_case(make):
		    def run(p):
		        p.sock.sendall(p.own)
		        p.seen = p.exactly(16)
		        p.sock.sendall(make(p))
		    cases.append(run)
		hello_case(lambda p: hello(p.own, p.seen, p.id, 0))
		hello_case(lambda p: hello(p.own, p.seen, p.id, 65536))
		hello_case(lambda p: hello(p.own, p.seen, p.id, 2**32 - 1))
		hello_case(lambda p: hello(p.seen, p.seen, p.id, 1))
		hello_case(lambda p: hello(p.own, p.own, p.id, 1))
		hello_case(lambda p: offer())
		hello_case(lambda p: message(HELLO, bytes(51)))
		hello_case(lambda p: message(HELLO, bytes(53)))
		hello_case(lambda p: message(0, b""))
		hello_case(lambda p: message(13, b""))
		hello_case(lambda p: message(255, b""))
		hello_case(lambda p: message(HELLO, bytes(52), zero=b"\0\0\1"))
		hello_case(lambda p: message(DATA, b"", length=0))
		hello_case(lambda p: message(DATA, b"", length=2**20 + 1))
		hello_case(lambda p: message(OFFER, b"", length=2**32 - 1))
		def offer_case(*messages):
		    def run(p):
		        p.greet()
		        for m in messages:
		            p.sock.sendall(m)
		    cases.append(run)
		for bad in (b"", b".", b"..", b"../x", b"a/b", b"/etc/passwd", b".x", b"-x", b"x\0y", b"\x1b[31m", b"x\n", b"\xc2\x9b", b"\xff\xfe",
		            b"x.part", b"\x7f", b"x" * 4096):
		    offer_case(message(OFFER, struct.pack(">IHHQqI", 1, 0o644, len(bad), 3, 0, 0) + bad))
		offer_case(offer(index=0))
		offer_case(offer(index=2))
		offer_case(offer(index=65536))
		offer_case(offer(index=2**32 - 1))
		offer_case(offer(mode=0o1000))
		offer_case(offer(mode=0o4755))
		offer_case(offer(mode=0xffff))
		offer_case(offer(name_len=0))
		offer_case(offer(name_len=2))
		offer_case(offer(name_len=65535))
		offer_case(offer(size=big))
		offer_case(offer(size=UNKNOWN - 1))
		offer_case(offer(ns=10**9))
		offer_case(offer(ns=2**32 - 1))
		offer_case(message(START, bytes(16)))
		offer_case(message(DATA, b"abc"))
		offer_case(end())
		def after(*messages):
		    offer_case(offer(), *messages)
		start = held(START)
		after(held(START, index=2))
		after(held(START, n=1))
		after(held(START, n=big))
		after(held(START, what=1))
		after(held(START, zero=b"\0\1\0"))
		after(start, message(DATA, b"abcd"))
		after(start, message(DATA, b"abc"), message(DATA, b"d"))
		after(start, message(DATA, b"ab"), end(total=2))
		after(start, message(DATA, b"abc"), end(total=4))
		after(start, message(DATA, b"abc"), end(total=3))
		after(start, message(DATA, b"abc"), end(total=big))
		after(start, message(DATA, b"abc"), end(index=2))
		after(start, message(DATA, b"abc"), end(how=4))
		after(start, message(DATA, b"abc"), end(zero=b"\1\0\0"))
		after(start, message(DATA, b"abc"), end(how=1))
		after(start, message(DATA, b"abc"), end(how=2))
		after(start, message(DATA, b"abc"), offer(index=2))
		after(start, message(DATA, b"abc"), message(BYE))
		after(start, start)
		after(start, held(VERDICT))
		after(start, message(ABORT, b"\xff\0\0\0"))
		after(message(ABORT, b"\x0a\0\0\0"))
		offer_case(offer(size=UNKNOWN), start, message(DATA, b"x" * 2**20), end(total=2**20))
		which = int(sys.argv[2])
		if which >= len(cases):
		    sys.exit(99)
		p = wire.sender(port)
		try:
		    cases[which](p)
		except (ConnectionError, EOFError):
		    pass
		assert p.ended()
	PY
	mkdir d outside
	start_receiver --dir d -c none 0
	pid=$receiver_pid
	for ((i = 0; ; i++)); do
		status=0
		timeout 15 python3 hostile.py "$port" "$i" 2>hostile.err || status=$?
		[ "$status" = 99 ] && break
		[ "$status" = 0 ] || fail "case $i: $(cat hostile.err)"
	done
	((i > 70))
	kill -0 "$pid"
	kill -TERM "$pid"
	until_true 10 is_gone "$pid"
	! is_sanitized || ! grep -q Sanitizer recv.err
	rm -f d/x.part # "what the sender could not read": that much of it is kept
	[ -z "$(ls -A d)" ]
	[ -z "$(ls -A outside)" ]
	run grep -vE '^sockfile-recv: (talk to|receive|write|received 1048576|x.part: the) ' recv.err
	assert_output ""
	# No byte of a terminal's control sequence comes through.
	run grep -c $'\x1b' recv.err
	assert_output 0
	if ! is_sanitized; then
		start_receiver --dir d -c none 0
		python3 hostile.py "$port" 30
		(($(awk '/VmHWM/ { print $2 }' "/proc/$receiver_pid/status") < 8192))
	fi
}

@test "hostile receivers: wrong order, wrong numbers: 5, and never exit 0" {
	cat >hostile.py <<-'PY'
		import socket, sys, wire
		from wire import *
		with socket.create_server(("127.0.0.1", 0)) as l:
		    print("listening tcp 127.0.0.1", l.getsockname()[1], flush=True)
		    s = l.accept()[0]
		p = Peer(s, RECEIVE)
		def plain(*messages):
		    def run():
		        p.greet()
		        p.next()
		        for m in messages:
		            p.sock.sendall(m)
		    return run
		def raw(data):
		    return lambda: p.sock.sendall(data)
		def early(how):
		    def run():
		        p.greet()
		        p.next()
		        p.sock.sendall(held(HAVE))
		        while p.next()[0] != END:
		            pass
		        p.sock.sendall(how)
		    return run
		cases = [raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"), raw(greeting(RECEIVE, version=9)), raw(greeting(SEND)), raw(greeting(RECEIVE, flags=1)),
		    plain(held(HAVE, index=2)), plain(held(HAVE, what=3)), plain(held(HAVE, what=0, n=1)), plain(held(HAVE, what=1, n=2**63)),
		    plain(held(VERDICT)), plain(held(VERDICT, what=255)), plain(held(HAVE, what=1, n=5), held(PREFIX, what=0, n=5, digest=bytes(32))),
		    plain(held(HAVE, what=1, n=5), held(PREFIX, what=1, n=6, digest=bytes(32))),
		    plain(message(BYE_OK)), plain(message(DATA, b"abc")), plain(held(HAVE), held(VERDICT)), plain(held(HAVE), held(VERDICT, what=255)),
		    early(held(VERDICT, index=2)), early(held(VERDICT, n=1)), early(held(VERDICT, what=6)), early(message(ABORT, b"\x0a\0\0\0"))]
		if int(sys.argv[1]) >= len(cases):
		    sys.exit(0)
		try:
		    cases[int(sys.argv[1])]()
		except (ConnectionError, EOFError):
		    pass
		p.ended()
	PY
	for i in $(seq 0 19); do
		start_listening peer.err python3 hostile.py "$i"
		run --separate-stderr timeout 20 sockfile-send --verify 127.0.0.1 "$port" in
		[ "$status" = 5 ] || fail "case $i: $status $stderr"
	done
}

@test "a listening sender that has nothing to say is 5 at a receiver that connects, and not asked again" {
	cat >bye.py <<-'PY'
		import socket, sys, wire
		with socket.create_server(("127.0.0.1", 0)) as l:
		    print("listening tcp 127.0.0.1", l.getsockname()[1], flush=True)
		    for turn in range(2):
		        p = wire.Peer(l.accept()[0], wire.SEND)
		        p.greet()
		        p.sock.sendall(wire.message(wire.BYE))
		        p.ended()
		        open("calls", "a").write("x")
	PY
	start_listening bye.err python3 bye.py
	run --separate-stderr timeout 20 sockfile-recv --retry 3 --connect 127.0.0.1 "$port" out
	assert_failure 5
	assert_equal "$(cat calls)" x
	nothing_left out
}

@test "a receiver that is interrupted while it connects leaves nothing" {
	in_background sh -c 'exec sockfile-recv --wait 30 --connect -U nosuch out 2>recv.err'
	receiver_pid=$last_pid
	# It has tried, and waits to try again.
	until_true 5 grep -q "^SigBlk:.*0000000000000000" "/proc/$receiver_pid/status"
	kill -TERM "$receiver_pid"
	until_true 10 is_gone "$receiver_pid"
	nothing_left out
}

@test "a byte that flips on the way is found: in the data by the digest, in the rest by the protocol" {
	cat >flip.py <<-'PY'
		import socket, sys, wire
		a = wire.accept_one()
		wire.relay(a, socket.create_connection(("127.0.0.1", int(sys.argv[1]))), wire.flip(int(sys.argv[2]), 0x10))
	PY
	head -c 5000 /dev/urandom >small
	# greeting 16, hello 60, offer 36 and the name, start 24, data 8 and 5000, end 40
	for where in 3 8 9 13 20 30 50 70 80 85 100 125 140 160 2000 5155 5180; do
		rm -f out out.part
		start_receiver --verify 0 out
		receiver=$port
		start_listening flip.err python3 flip.py "$receiver" "$where"
		status=0
		timeout 30 sockfile-send --verify 127.0.0.1 "$port" small 2>send.err || status=$?
		[ "$status" != 0 ] || fail "byte $where: $(cat send.err)"
		kill -TERM "$receiver_pid" 2>/dev/null || is_gone "$receiver_pid"
		until_true 10 is_gone "$receiver_pid"
		[ ! -e out ] || fail "byte $where: FILE is there"
	done
}

@test "a handshake that trickles is over after ten seconds, and holds nobody up" {
	start_receiver --verify 0 out
	in_background python3 -c '
import sys, time, wire
p = wire.sender(sys.argv[1])
for b in p.own:
    p.sock.sendall(bytes([b]))
    time.sleep(1)
' "$port"
	until_true 5 sh -c "ss -tn state established sport = :$port | grep -q ':'"
	sockfile-send -q --verify 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in out
	start_receiver --verify 0 out2
	on_time 0 9000 14000 python3 -c '
import sys, time, wire
p = wire.sender(sys.argv[1])
begin = time.time()
try:
    for i in range(30):
        p.sock.sendall(p.own[:8][i:i + 1] or b"\1")
        time.sleep(1)
        p.sock.setblocking(False)
        try:
            if p.sock.recv(100, 0x40) == b"" : break
            p.sock.recv(100)
        except BlockingIOError:
            pass
        p.sock.setblocking(True)
except ConnectionError:
    pass
assert time.time() - begin < 13
' "$port"
}

@test "SIGTERM: the part says how much, and the other end that it was told to end" {
	start_receiver 0 out
	slow_verified 127.0.0.1 "$port" in
	until_true 10 part_has 20000
	kill -TERM "$receiver_pid"
	receiver_ends 143
	error_has recv.err "interrupted; "
	error_has recv.err "are safe in out.part"
	sender_ends 6
	rm out.part
	start_receiver 0 out
	slow_verified 127.0.0.1 "$port" in
	until_true 10 part_has 20000
	kill -TERM "$sender_pid"
	sender_ends 143
	receiver_ends 6
	[ ! -e out ]
}

@test "-t counts for verified transfers too, and hashing is no silence" {
	start_receiver -t 0.5 0 out
	(head -c 1000000 in; sleep 20) | sockfile-send --verify 127.0.0.1 "$port" - 2>send.err 3>&- &
	sender_pid=$!
	pids+=("$sender_pid")
	receiver_ends 124
	error_has recv.err "1000000 bytes are safe in out.part"
	truncate -s 1500M large
	cp --sparse=always large out2.part
	chmod 600 out2.part
	start_receiver -t 0.3 --resume 0 out2
	sockfile-send -q -t 0.3 --verify 127.0.0.1 "$port" large
	receiver_ends 0
}

@test "bad input for verified transfers: one clear line and status 2" {
	mkdir d
	cp in d/in
	for args in "--dir d 0 out" "--dir d 127.0.0.1 0 out" "--retry -1 0 out" "--retry x 0 out" "-c 2 0 out" \
		"--dir d --size 3 0" "--force 0 -" "--mode 600 0 -" "--resume 0 -" "--retry 2 0 -" "--preserve 0 -" "--preserve --mode 600 0 out" "--key d 0 out" "--dir d --connect -c 2 127.0.0.1 9"; do
		read -ra words <<<"$args"
		run --separate-stderr sockfile-recv "${words[@]}"
		[ "$status" = 2 ] || fail "$args: $status"
		[ "${#stderr_lines[@]}" = 2 ]
	done
	for args in "in d/in" "--verify in d/in" "--verify - in" "--retry 2 in" "--verify --retry -1 in" "--name x in" \
		"--verify --name x in" "--verify --name ../x -" "--verify --name .x -" "--verify --name x.part -" \
		"--verify in .hidden" "--key d in" "--verify --offset 3 in d"; do
		read -ra words <<<"$args"
		run --separate-stderr sockfile-send 127.0.0.1 9 "${words[@]}"
		[ "$status" = 2 ] || fail "$args: $status"
		[ "${#stderr_lines[@]}" = 2 ]
	done
	run --separate-stderr sockfile-recv --dir nosuch 0
	assert_failure 1
	assert_output "" # before anything is listened on
	run --separate-stderr sockfile-send --verify 127.0.0.1 9 nosuch
	assert_failure 1
}
