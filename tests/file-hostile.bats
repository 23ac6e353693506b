#!/usr/bin/env bats
# file-hostile.bats - peers of a verified transfer that do not keep to the protocol.

load helpers
load transfers

setup() {
	cd "$BATS_TEST_TMPDIR"
	head -c 3000000 /dev/urandom >in
	export PYTHONPATH=$SOCKUTILS_SOURCE/tests PYTHONDONTWRITEBYTECODE=1
}

@test "a silent peer, as nc is, ends a verified sender within the handshake's ten seconds" {
	in_background sh -c 'nc.openbsd -lU nc.sock >nc.out'
	until_true 5 test -S nc.sock
	on_time 124 200 3000 sockfile-send -q -t 0.3 --verify -U nc.sock in
	in_background sh -c 'nc.openbsd -lU nc2.sock >nc.out'
	until_true 5 test -S nc2.sock
	on_time 5 9500 14000 sockfile-send -q --verify -U nc2.sock in
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
