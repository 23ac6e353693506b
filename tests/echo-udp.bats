#!/usr/bin/env bats
# echo-udp.bats - datagrams, over UDP and UNIX sockets.

load helpers

@test "a message is a datagram, and comes back as one" {
	start_server sockecho-server -u 0
	assert_equal "$transport" udp
	run --separate-stderr sockecho-client -u "$host" "$port" hello "" "three words here"
	assert_success
	assert_equal "$output" $'hello\n\nthree words here'
}

@test "lines of standard input are datagrams; an empty line is an empty one" {
	start_server sockecho-server -u --upper 0
	run --separate-stderr sockecho-client -u "$host" "$port" < <(printf 'one\n\nlast')
	assert_success
	assert_equal "$output" $'ONE\n\nLAST'
	kill -USR1 "$server_pid"
	until_true 5 grep -q "datagrams=3 dropped=0" "$BATS_TEST_TMPDIR/server.err"
}

@test "65507 bytes go, 65508 are an error before anything is sent" {
	start_server sockecho-server -u 0
	python3 -c 'print("x" * 65507)' | sockecho-client -u --expect echo "$host" "$port" >"$BATS_TEST_TMPDIR/out"
	assert_equal "$(wc -c <"$BATS_TEST_TMPDIR/out")" 65508
	run --separate-stderr sockecho-client -u "$host" "$port" < <(python3 -c 'print("x" * 65508)')
	assert_failure 1
	assert_equal "$stderr" "sockecho-client: send a datagram of 65508 bytes: Message too long"
}

@test "nobody there: refused is 6" {
	start_server sockecho-server -u 0
	stop_server
	run --separate-stderr sockecho-client -u "$host" "$port" hello
	assert_failure 6
	assert_equal "$stderr" "sockecho-client: send to 127.0.0.1 port $port: Connection refused"
}

@test "no answer within -t is 124, and on time" {
	start_server sockecho-server -u --drop 100 0
	on_time 124 1000 1200 sockecho-client -u -t 1 "$host" "$port" hello 2>"$BATS_TEST_TMPDIR/err"
	assert_equal "$(tail -n 1 "$BATS_TEST_TMPDIR/err")" \
		"sockecho-client: receive from 127.0.0.1 port $port: timed out"
}

@test "-t 0 does not wait at all" {
	start_server sockecho-server -u --delay 0.2 0
	run --separate-stderr sockecho-client -u -t 0 "$host" "$port" hello
	assert_failure 1
	[[ $stderr == *"Operation would block" ]]
}

@test "where one address of a name refuses, the next is tried" {
	need_namespaces -nm
	"${in_namespaces[@]}" bash -euc '
		ip link set lo up
		printf "127.0.0.2 two\n127.0.0.1 two\n" >"$BATS_TEST_TMPDIR/hosts"
		mount --bind "$BATS_TEST_TMPDIR/hosts" /etc/hosts
		mkfifo "$BATS_TEST_TMPDIR/ready"
		timeout 20 sockecho-server -u -c 1 127.0.0.2 0 >"$BATS_TEST_TMPDIR/ready" 3>&- &
		read -r _ _ _ port <"$BATS_TEST_TMPDIR/ready"
		sockecho-client -u two "$port" first >"$BATS_TEST_TMPDIR/out"
		wait
		mkfifo "$BATS_TEST_TMPDIR/ready2"
		timeout 20 sockecho-server -u -c 1 127.0.0.1 "$port" >"$BATS_TEST_TMPDIR/ready2" 3>&- &
		read -r _ <"$BATS_TEST_TMPDIR/ready2"
		sockecho-client -u two "$port" second >>"$BATS_TEST_TMPDIR/out"
		wait
	'
	assert_equal "$(cat "$BATS_TEST_TMPDIR/out")" $'first\nsecond'
}

@test "--wait goes on until a datagram server is there" {
	start_server sockecho-server -u 0
	p=$port
	stop_server
	timeout 20 sockecho-client -u --wait 10 127.0.0.1 "$p" hello >"$BATS_TEST_TMPDIR/out" 3>&- &
	client=$!
	pids+=("$client")
	sleep 0.3 # it must have been refused by now; if not, the test proves less, but holds
	start_server sockecho-server -u 127.0.0.1 "$p"
	wait_for "$client"
	assert_equal "$waited_status" 0
	assert_equal "$(cat "$BATS_TEST_TMPDIR/out")" hello
	stop_server
	run --separate-stderr sockecho-client -u --wait 0.2 127.0.0.1 "$p" hello
	assert_failure 124
	[[ $stderr == *"the last failure: Connection refused" ]]
}

@test "a datagram larger than --bufsize is dropped and counted, never cut" {
	start_server sockecho-server -u --bufsize 10 0
	run --separate-stderr sockecho-client -u -t 0.3 "$host" "$port" 0123456789 0123456789a
	assert_failure 124
	assert_output 0123456789
	kill -USR1 "$server_pid"
	until_true 5 grep -q "datagrams=2 dropped=1" "$BATS_TEST_TMPDIR/server.err"
}

@test "--drop loses the same datagrams again for the same seed" {
	send_fifty() {
		start_server sockecho-server -u --drop 50 --seed "$1" 0
		python3 - "$port" <<-'PY'
			import socket, sys
			s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
			s.connect(("127.0.0.1", int(sys.argv[1])))
			for i in range(50):
			    s.send(b"%d" % i)
			s.settimeout(0.5)
			got = []
			try:
			    while True:
			        got.append(s.recv(100).decode())
			except TimeoutError:
			    print(" ".join(got))
		PY
		stop_server
	}
	first=$(send_fifty 7)
	[ "$(wc -w <<<"$first")" -gt 10 ]
	[ "$(wc -w <<<"$first")" -lt 40 ]
	assert_equal "$(send_fifty 7)" "$first"
	[ "$(send_fifty 8)" != "$first" ]
}

@test "-c N ends after N datagrams" {
	start_server sockecho-server -u -c 2 0
	run --separate-stderr sockecho-client -u "$host" "$port" one two
	assert_success
	wait_for "$server_pid"
	assert_equal "$waited_status" 0
}

@test "--delay answers later, to each its own time" {
	start_server sockecho-server -u --delay 0.5 0
	on_time 0 500 800 sockecho-client -u "$host" "$port" hello
}

@test "--rate answers so many a second and notes the first drop" {
	start_server sockecho-server -u --rate 10 0
	run python3 - "$port" <<-'PY'
		import socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.connect(("127.0.0.1", int(sys.argv[1])))
		for i in range(50):
		    s.send(b"x")
		s.settimeout(0.5)
		n = 0
		try:
		    while True:
		        s.recv(100)
		        n += 1
		except TimeoutError:
		    print(n)
	PY
	assert_output 10
	run grep -c "sends more than --rate allows" "$BATS_TEST_TMPDIR/server.err"
	assert_output 1
	sleep 1
	run --separate-stderr sockecho-client -u -t 5 "$host" "$port" "a second later"
	assert_success
}

@test "a rate without --rate: none on loopback" {
	start_server sockecho-server -u 0
	run --separate-stderr sockecho-client -u -q --ping -c 3000 -i 0 "$host" "$port"
	assert_success
	assert_line --partial "3000 received"
}

# send_from ADDRESS PORT - a datagram from there; prints what comes back, or "nothing".
send_from() {
	python3 - "$@" "$port" <<-'PY'
		import socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
		s.bind((sys.argv[1], int(sys.argv[2])))
		s.settimeout(0.5)
		s.sendto(b"hello", ("127.0.0.1", int(sys.argv[3])))
		try:
		    print(s.recvfrom(100)[0].decode())
		except TimeoutError:
		    print("nothing")
	PY
}

@test "a question from a reserved port is not answered, unless --allow-reserved" {
	python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(("127.0.0.1", 7))' 2>/dev/null ||
		skip "port 7 cannot be bound here"
	start_server sockecho-server -u 0
	run send_from 127.0.0.1 7
	assert_output nothing
	run send_from 127.0.0.1 1023
	assert_output nothing
	run send_from 127.0.0.1 0
	assert_output hello
	kill -USR1 "$server_pid"
	until_true 5 grep -q "datagrams=3 dropped=2" "$BATS_TEST_TMPDIR/server.err"
	stop_server
	start_server sockecho-server -u --allow-reserved 0
	run send_from 127.0.0.1 7
	assert_output hello
}

@test "a server does not answer itself, nor multicast, nor broadcast" {
	need_namespaces -n
	need_trace
	"${in_namespaces[@]}" bash -euc '
		ip link set lo up
		ip link add va type veth peer name vb
		ip addr add 10.9.8.1/24 dev va brd +
		ip link set va up; ip link set vb up
		ip route add default dev va
		mkfifo "$BATS_TEST_TMPDIR/ready"
		sockecho-server -u "*" 0 >"$BATS_TEST_TMPDIR/ready" 2>"$BATS_TEST_TMPDIR/err" 3>&- & server=$!
		read -r _ _ _ port <"$BATS_TEST_TMPDIR/ready"
		python3 - "$port" <<-"PY"
			import socket, struct, sys
			port = int(sys.argv[1])
			# As if from the server itself: a raw socket can say so.
			raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
			raw.bind(("127.0.0.1", 0))
			raw.sendto(struct.pack("!HHHH", port, port, 8 + 5, 0) + b"hello", ("127.0.0.1", 0))
			# To a broadcast address, and to everybody.
			s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
			s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
			s.settimeout(0.5)
			for to in ("10.9.8.255", "255.255.255.255"):
			    s.sendto(b"hello", (to, port))
			    try:
			        print("answered", to, s.recvfrom(100))
			        sys.exit(1)
			    except TimeoutError:
			        pass
			# The control: the same socket is answered when it asks for itself.
			s.sendto(b"hello", ("10.9.8.1", port))
			assert s.recvfrom(100) == (b"hello", ("10.9.8.1", port))
		PY
		kill -USR1 "$server"
		for i in $(seq 100); do grep -q bytes_out "$BATS_TEST_TMPDIR/err" && break; sleep 0.05; done
		kill "$server"; wait "$server"
	'
	run cat "$BATS_TEST_TMPDIR/err"
	assert_output --regexp 'bytes_out=5 .*dropped=[1-9]'
}

@test "the answer leaves from the address that the question came to" {
	# On the one socket of both families, where there are two.
	for listen in '*' 0.0.0.0; do
		start_server sockecho-server -u "$listen" 0
		run python3 - "$port" <<-'PY'
			import socket, sys
			for to in ("127.0.0.1", "127.0.0.2", "127.3.2.1"):
			    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
			    s.settimeout(5)
			    s.sendto(b"x", (to, int(sys.argv[1])))
			    print(s.recvfrom(10)[1][0])
		PY
		assert_output $'127.0.0.1\n127.0.0.2\n127.3.2.1'
	done
}

@test "the answer leaves from the address that the question came to, over IPv6 too" {
	need_ipv6
	start_server sockecho-server -u '*' 0
	assert_equal "$host" '*'
	run python3 - "$port" <<-'PY'
		import socket, sys
		s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
		s.settimeout(5)
		s.sendto(b"x", ("::1", int(sys.argv[1])))
		print(s.recvfrom(10)[1][0])
	PY
	assert_output ::1
}

@test "an answer is never longer than its question, and one question never has two answers" {
	start_server sockecho-server -u --upper 0
	run python3 - "$port" <<-'PY'
		import random, socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.connect(("127.0.0.1", int(sys.argv[1])))
		s.settimeout(5)
		r = random.Random(1)
		for i in range(200):
		    q = r.randbytes(r.choice((0, 1, 2, 63, 64, 1400, 1500, 9000, 65507)))
		    s.send(q)
		    assert s.recv(70000) == q.upper()
		s.settimeout(0.2)
		try:
		    s.recv(70000)
		    sys.exit(1)
		except TimeoutError:
		    print("ok")
	PY
	assert_output ok
}

@test "--allow and --deny hold for datagrams" {
	start_server sockecho-server -u --deny 127.0.0.2 '*' 0
	run --separate-stderr sockecho-client -u -t 0.3 127.0.0.1 "$port" hello
	assert_success
	run --separate-stderr sockecho-client -u -t 0.3 --source 127.0.0.2 127.0.0.1 "$port" hello
	assert_failure 124
	kill -USR1 "$server_pid"
	until_true 5 grep -q "refused=1" "$BATS_TEST_TMPDIR/server.err"
}

@test "an unconnected peer's ECONNREFUSED does not stop the server" {
	start_server sockecho-server -u --delay 0.2 0
	python3 -c '
import socket, sys
for i in range(5):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"x", ("127.0.0.1", int(sys.argv[1])))
    s.close()
' "$port"
	run --separate-stderr sockecho-client -u "$host" "$port" "still here"
	assert_success
}

@test "UNIX datagrams: the client has a name of its own, socat's answer too" {
	need socat
	cd "$BATS_TEST_TMPDIR"
	start_server sockecho-server -u -U --upper sock
	assert_equal "$transport $host" "unixgram sock"
	run --separate-stderr sockecho-client -u -U sock hello
	assert_success
	assert_output HELLO
	run socat -t 2 - UNIX-SENDTO:sock,bind=mine <<<hi
	assert_output HI
	run --separate-stderr sockecho-client -u -U nosuch hello
	assert_failure 6
	assert_equal "$stderr" "sockecho-client: send to nosuch: No such file or directory"
}

@test "a UNIX datagram client that never reads holds nobody else back" {
	cd "$BATS_TEST_TMPDIR"
	start_server sockecho-server -u -U sock
	in_background python3 -c '
import socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("lazy")
s.setblocking(False)
for i in range(200):
    try:
        s.sendto(b"x" * 1000, "sock")
    except BlockingIOError:
        time.sleep(0.001)
open("done", "w").close()
time.sleep(30)
'
	until_true 10 test -e done
	run --separate-stderr sockecho-client -u -t 5 -U sock hello
	assert_success
}

@test "our datagram client talks to socat's and Python's servers" {
	need socat
	in_background socat -d -d UDP-LISTEN:0,bind=127.0.0.1,fork PIPE 2>"$BATS_TEST_TMPDIR/socat"
	in_background python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
open(sys.argv[1], "w").write(str(s.getsockname()[1]) + "\n")
while True:
    data, peer = s.recvfrom(70000)
    s.sendto(data.upper(), peer)
' "$BATS_TEST_TMPDIR/port"
	until_true 10 test -s "$BATS_TEST_TMPDIR/port"
	read -r p <"$BATS_TEST_TMPDIR/port"
	run --separate-stderr sockecho-client -u --expect upper 127.0.0.1 "$p" hello
	assert_success
	until_true 10 grep -q "listening on" "$BATS_TEST_TMPDIR/socat"
	p=$(sed -n 's/.*listening on .*127\.0\.0\.1:\([0-9]*\).*/\1/p' "$BATS_TEST_TMPDIR/socat")
	run --separate-stderr sockecho-client -u --expect echo 127.0.0.1 "$p" hello
	assert_success
}
