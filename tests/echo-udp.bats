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
	until_true 20 grep -q "datagrams=3 dropped=0" "$BATS_TEST_TMPDIR/server.err"
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
	start_server sockecho-server -u --delay 30 0
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
		for mode in "" --ping; do
			status=0
			sockecho-client -u -v $mode two 1 2>"$BATS_TEST_TMPDIR/err.$mode" <<<x || status=$?
			echo "$status"
		done | grep . >>"$BATS_TEST_TMPDIR/out"
		sockecho-client -u two 1 x 2>"$BATS_TEST_TMPDIR/err" || true
	'
	assert_equal "$(cat "$BATS_TEST_TMPDIR/out")" $'first\nsecond\n6\nno answer from 127.0.0.2 port 1: seq=1
1 packets transmitted, 0 received, 100% packet loss, time 0ms\n6'
	# As over TCP: the first address (RFC 6724) with their number, each one with -v.
	local all="sockecho-client: send to 127.0.0.1 port 1: Connection refused (2 addresses tried)"
	assert_equal "$(cat "$BATS_TEST_TMPDIR/err")" "$all"
	for mode in "" --ping; do
		assert_equal "$(grep -v -e ^client: -e ^server: "$BATS_TEST_TMPDIR/err.$mode")" \
			"sockecho-client: send to 127.0.0.1 port 1: Connection refused
sockecho-client: send to 127.0.0.2 port 1: Connection refused
$all"
	done
}

@test "where an address cannot even be opened and the next refuses, the first is reported" {
	need_namespaces -nm
	cd "$BATS_TEST_TMPDIR"
	cat >inside <<-'SH'
		ip link set lo up
		# From 127.0.0.9 there is no way to the first address, and the resolver does not know.
		ip rule add pref 1 from 127.0.0.9 to 127.0.0.1 unreachable || exit 77
		ip rule add pref 2 lookup local && ip rule del pref 0 || exit 77
		printf '127.0.0.1 two\n127.0.0.2 two\n' >hosts
		mount --bind hosts /etc/hosts
		for mode in --ping -v; do
		    echo x | sockecho-client -u $mode --source 127.0.0.9 two 1 >out 2>err
		    echo $?
		    tail -n 1 err
		done
		ip rule add pref 1 from 127.0.0.9 to 127.0.0.2 unreachable
		sockecho-client -u --ping --source 127.0.0.9 two 1 2>&1
		echo $?
	SH
	run "${in_namespaces[@]}" sh inside
	[ "$status" != 77 ] || skip "no rules of routing can be set here"
	local all="sockecho-client: send to 127.0.0.1 port 1: Network is unreachable (2 addresses tried)"
	assert_output "6
$all
6
$all
$all
6"
}

@test "--wait goes on until a datagram server is there" {
	start_server sockecho-server -u 0
	p=$port
	stop_server
	in_background sockecho-client -u --wait 20 127.0.0.1 "$p" hello >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	client=$last_pid
	until_true 20 grep -q "Connection refused; trying again" "$BATS_TEST_TMPDIR/err"
	start_server sockecho-server -u 127.0.0.1 "$p"
	wait_for "$client"
	assert_equal "$waited_status" 0
	assert_equal "$(cat "$BATS_TEST_TMPDIR/out")" hello
	stop_server
	says_in_time 124 "*the last failure: Connection refused" sockecho-client -u --wait 0.2 127.0.0.1 "$p" hello
}

@test "--wait asks one that is silent at first again, until it answers or the time is up" {
	# Two of the first three datagrams are lost.
	start_server sockecho-server -u --drop 60 --seed 3 0
	for i in 1 2 3 4 5; do
		sockecho-client -u -q --wait 20 -t 0.2 "$host" "$port" "hi $i" >>"$BATS_TEST_TMPDIR/out"
	done
	assert_equal "$(cat "$BATS_TEST_TMPDIR/out")" $'hi 1\nhi 2\nhi 3\nhi 4\nhi 5'
	stop_server
	start_server sockecho-server -u --drop 100 0
	on_time 124 1000 1300 sockecho-client -u --wait 1 -t 0.3 "$host" "$port" hi 2>"$BATS_TEST_TMPDIR/err"
	assert_equal "$(cat "$BATS_TEST_TMPDIR/err")" "sockecho-client: receive from 127.0.0.1 port $port: timed out; trying again for up to 1 s
sockecho-client: receive from 127.0.0.1 port $port: timed out"
	# However long one try lasts, what is waited for is said within the first second.
	says_in_time 124 "sockecho-client: receive from 127.0.0.1 port $port: no answer yet; trying again for up to 0.8 s
sockecho-client: receive from 127.0.0.1 port $port: timed out" sockecho-client -u --wait 0.8 "$host" "$port" hi
	# Once somebody has answered, silence is a loss.
	stop_server
	start_server sockecho-server -u --bufsize 2 0
	on_time 124 300 700 sockecho-client -u --wait 20 -t 0.3 "$host" "$port" hi longer 2>"$BATS_TEST_TMPDIR/err"
}

@test "--whole sends standard input as one datagram, newlines and NULs included; an empty one is an empty datagram" {
	start_server sockecho-server -u 0
	printf 'one\n\0two\n' >"$BATS_TEST_TMPDIR/in"
	sockecho-client -u --whole --expect echo "$host" "$port" <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out"
	cmp "$BATS_TEST_TMPDIR/out" <(cat "$BATS_TEST_TMPDIR/in" - <<<"")
	run --separate-stderr timeout 20 sockecho-client -u --whole "$host" "$port" < <(printf a; sleep 0.2; printf b)
	assert_success
	assert_output ab
	run --separate-stderr timeout 20 sockecho-client -u --whole "$host" "$port" </dev/null
	assert_success
	assert_output ""
	kill -USR1 "$server_pid"
	until_true 20 grep -q "bytes_in=11 bytes_out=11 datagrams=3 " "$BATS_TEST_TMPDIR/server.err"
	head -c 65507 /dev/zero | sockecho-client -u --whole --expect echo "$host" "$port" >/dev/null
	run --separate-stderr timeout 20 sockecho-client -u --whole "$host" "$port" < <(head -c 65508 /dev/zero)
	assert_failure 1
	assert_equal "$stderr" "sockecho-client: send a datagram of 65508 bytes: Message too long"
	run --separate-stderr timeout 20 sockecho-client -u --whole "$host" "$port" < <(head -c 10M /dev/zero)
	assert_failure 1
	[[ $stderr == *"bytes: Message too long" ]]
	for mode in "127.0.0.1 7" "-u --ping 127.0.0.1 7" "-u 127.0.0.1 7 hello"; do
		# shellcheck disable=SC2086 # several words
		run --separate-stderr sockecho-client --whole $mode
		assert_failure 2
		assert_regex "$stderr" "'--whole' sends standard input as a datagram"
	done
}

@test "--expect: a late copy of an earlier answer is no answer to the next message" {
	# It repeats its last answer before the next one, as a network that duplicates does.
	in_background python3 -c '
import os, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
open(sys.argv[1] + ".new", "w").write(str(s.getsockname()[1]) + "\n")
os.rename(sys.argv[1] + ".new", sys.argv[1])
last = {}
while True:
    data, peer = s.recvfrom(100)
    if peer in last:
        s.sendto(last[peer], peer)
    last[peer] = data.upper() if data != b"wrong" else b"something else"
    s.sendto(last[peer], peer)
' "$BATS_TEST_TMPDIR/port"
	until_true 20 test -s "$BATS_TEST_TMPDIR/port"
	read -r p <"$BATS_TEST_TMPDIR/port"
	run --separate-stderr sockecho-client -u -v --expect upper 127.0.0.1 "$p" one two three
	assert_success
	assert_output $'ONE\nTWO\nTHREE'
	assert_equal "$(grep -c "a late copy of an earlier answer is thrown away" <<<"$stderr")" 2
	run --separate-stderr sockecho-client -u --expect upper 127.0.0.1 "$p" < <(printf 'one\ntwo\n')
	assert_success
	assert_output $'ONE\nTWO'
	run --separate-stderr sockecho-client -u --expect upper 127.0.0.1 "$p" one wrong
	assert_failure 5
	assert_output $'ONE\nsomething else'
}

@test "--ping -u --wait waits for one that refuses" {
	start_server sockecho-server -u 0
	p=$port
	stop_server
	in_background sockecho-client --ping -u -c 3 -i 0.05 --clients 2 --wait 20 127.0.0.1 "$p" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	client=$last_pid
	until_true 20 grep -q "Connection refused; trying again" "$BATS_TEST_TMPDIR/err"
	start_server sockecho-server -u 127.0.0.1 "$p"
	wait_for "$client"
	assert_equal "$waited_status" 0
	grep -q "^6 packets transmitted, 6 received" "$BATS_TEST_TMPDIR/out"
	stop_server
	says_in_time 124 "*the last failure: Connection refused" timeout 20 sockecho-client --ping -u -i 0 -q --wait 0.3 127.0.0.1 "$p"
	# Back to back, too, it pauses before it begins anew.
	may_trace || return 0
	pauses() {
		trace -f -o "$BATS_TEST_TMPDIR/trace" -e trace=sendto sockecho-client --ping -u -i 0 -q --wait 0.5 127.0.0.1 "$p" 2>/dev/null || true
		((tries = $(grep -c 'sendto(' "$BATS_TEST_TMPDIR/trace")))
		((tries >= 2 && tries <= 11))
	}
	in_three_tries pauses || fail "$tries tries"
}

@test "a datagram larger than --bufsize is dropped and counted, never cut" {
	first_is_answered() {
		start_server sockecho-server -u --bufsize 10 0
		run --separate-stderr sockecho-client -u -t 1 "$host" "$port" 0123456789 0123456789a
		((status == 124)) && [ "$output" = 0123456789 ]
	}
	in_three_tries first_is_answered || fail "status $status: $output"
	kill -USR1 "$server_pid"
	until_true 20 grep -q "datagrams=2 dropped=1" "$BATS_TEST_TMPDIR/server.err"
}

# answers_to_fifty - to datagrams that all came at once: the numbers from 0 that came back.
answers_to_fifty() {
	python3 - "$port" "$server_pid" "$BATS_TEST_TMPDIR/server.err" <<-'PY'
		import os, signal, socket, sys, time
		port, server = int(sys.argv[1]), int(sys.argv[2])
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.connect(("127.0.0.1", port))
		os.kill(server, signal.SIGSTOP)
		for i in range(50):
		    s.send(b"%d" % i)
		os.kill(server, signal.SIGCONT)
		end = time.monotonic() + 20
		while "datagrams=50" not in open(sys.argv[3]).read():
		    assert time.monotonic() < end
		    os.kill(server, signal.SIGUSR1)
		    time.sleep(0.02)
		s.setblocking(False)
		got = []
		try:
		    while True:
		        got.append(s.recv(100).decode())
		except BlockingIOError:
		    print(*got)
	PY
}

@test "--drop loses the same datagrams again for the same seed" {
	send_fifty() {
		start_server sockecho-server -u --drop 50 --seed "$1" 0
		answers_to_fifty
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

@test "an answer that --delay holds back: --accept-timeout does not count, and SIGTERM waits for it" {
	cd "$BATS_TEST_TMPDIR"
	comes_in_time() {
		start_server sockecho-server -u --delay 1 --accept-timeout 0.5 0
		run --separate-stderr sockecho-client -u "$host" "$port" hello
		((status == 0))
	}
	in_three_tries comes_in_time || fail "$stderr"
	wait_for "$server_pid"
	assert_equal "$waited_status" 124

	start_server sockecho-server -u --delay 1 0
	in_background sockecho-client -u "$host" "$port" hello >out
	until_true 20 sh -c "kill -USR1 $server_pid; grep -q datagrams=1 server.err"
	stop_server
	assert_equal "$server_status" 0
	wait_for "$last_pid"
	assert_equal "$waited_status" 0
	assert_equal "$(cat out)" hello
}

@test "-c N counts an answer that --delay holds back when it is sent" {
	start_server sockecho-server -u --delay 0.3 -c 2 0
	run --separate-stderr python3 - "$port" <<-'PY'
		import socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.settimeout(20)
		s.connect(("127.0.0.1", int(sys.argv[1])))
		for i in b"12":
		    s.send(bytes([i]))
		print(s.recv(1), s.recv(1))
	PY
	assert_output "b'1' b'2'"
	wait_for "$server_pid"
	assert_equal "$waited_status" 0
}

@test "an answer that finds no room is tried again, for a second, and then dropped and counted" {
	need_trace
	cd "$BATS_TEST_TMPDIR"
	local error
	for error in EAGAIN ENOBUFS; do
		start_failing "sendmmsg:error=$error:when=1..5" sockecho-server -u -v 0
		run --separate-stderr sockecho-client -u -t 20 "$host" "$port" hello
		assert_success
		assert_output hello
		stop_server
		assert_equal "$server_status" 0
		grep -q "bytes_out=5 datagrams=1 dropped=0" server.err

		start_failing "sendmmsg:error=$error" sockecho-server -u -v 0
		milliseconds given_up
		((elapsed >= 1000)) || fail "given up after $elapsed ms"
		stop_server
		assert_equal "$server_status" 0
		(($(grep -c sendmmsg trace) < 200)) || fail "$(grep -c sendmmsg trace) calls"
	done
}

given_up() {
	printf x >"/dev/udp/$host/$port"
	until_true 20 sh -c "kill -USR1 $server_pid; grep -q 'bytes_out=0 datagrams=1 dropped=1' server.err"
}

@test "--rate answers so many a second and notes the first drop" {
	only_ten() { # a tenth of a second later there is one more
		start_server sockecho-server -u --rate 10 0
		run answers_to_fifty
		[ "$output" = "0 1 2 3 4 5 6 7 8 9" ]
	}
	in_three_tries only_ten || fail "$output"
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

# answered PORT ... - which of them are, one after the other and a free one at last.
answered() {
	python3 - "$port" "$@" <<-'PY'
		import socket, sys
		asked = []
		for port in sys.argv[2:] + ["0"]:
		    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		    s.bind(("127.0.0.1", int(port)))
		    s.connect(("127.0.0.1", int(sys.argv[1])))
		    s.send(b"hello")
		    asked.append((port, s))
		s.settimeout(20)
		s.recv(100) # the last one's, so that the others' would have come
		for port, s in asked[:-1]:
		    s.setblocking(False)
		    try:
		        print(port, s.recv(100).decode())
		    except BlockingIOError:
		        print(port, "nothing")
	PY
}

@test "a question from a reserved port is not answered, unless --allow-reserved" {
	python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind(("127.0.0.1", 7))' 2>/dev/null ||
		skip "port 7 cannot be bound here"
	start_server sockecho-server -u 0
	run answered 7 1023
	assert_output $'7 nothing\n1023 nothing'
	kill -USR1 "$server_pid"
	until_true 20 grep -q "datagrams=3 dropped=2" "$BATS_TEST_TMPDIR/server.err"
	stop_server
	start_server sockecho-server -u --allow-reserved 0
	run answered 7
	assert_output "7 hello"
}

@test "a server does not answer itself, nor multicast, nor broadcast" {
	cd "$BATS_TEST_TMPDIR"
	need_namespaces -n
	# The peer is on another machine: what comes from there can be answered, from an address of ours.
	"${in_namespaces[@]}" bash -euc '
		unshare -n sleep 60 3>&- & peer=$!
		until [ "$(readlink /proc/$peer/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done
		in_peer() { nsenter -t $peer -n "$@"; }
		ip link set lo up
		ip link add va type veth peer name vb netns $peer
		ip addr add 10.9.8.1/24 dev va brd +
		ip link set va up
		in_peer ip addr add 10.9.8.2/24 dev vb brd +
		in_peer ip link set vb up
		in_peer ip route add default dev vb
		mkfifo ready
		sockecho-server -u 0.0.0.0 0 >ready 2>err 3>&- & server=$!
		read -r _ _ _ port <ready
		# As if from the server itself: a raw socket can say so.
		python3 -c "
import socket, struct, sys
port = int(sys.argv[1])
for own in \"127.0.0.1\", \"127.0.0.2\", \"10.9.8.1\":
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    raw.bind((own, 0))
    raw.sendto(struct.pack(\"!HHHH\", port, port, 8 + 6, 0) + b\"itself\", (\"127.0.0.1\", 0))" $port
		# The answer to the last question is the first one that comes.
		in_peer python3 -c "
import socket, sys
port = int(sys.argv[1])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.settimeout(20)
for to in \"10.9.8.255\", \"255.255.255.255\", \"224.0.0.1\":
    s.sendto(b\"to \" + to.encode(), (to, port))
s.sendto(b\"control\", (\"10.9.8.1\", port))
print(*s.recvfrom(100))
# The port of the server, but another machine.
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((\"10.9.8.2\", port))
s.settimeout(20)
s.sendto(b\"control\", (\"10.9.8.1\", port))
print(*s.recvfrom(100))" $port
		kill -USR1 $server
		for i in $(seq 500); do grep -q bytes_out err && break; sleep 0.02; done
		kill $server
		wait $server
		# On one socket for both families, too, the question is known for a broadcast: the answer has an address.
		if [ -e /proc/net/if_inet6 ]; then
			sockecho-server -u --allow-reserved "*" 0 >ready 3>&- & server=$!
			read -r _ _ _ port <ready
			in_peer python3 -c "
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.settimeout(20)
s.sendto(b\"all\", (\"10.9.8.255\", int(sys.argv[1])))
print(*s.recvfrom(100))" $port
			kill $server
			wait $server
		fi
		kill $peer
	' >out
	assert_equal "$(grep -v all out | cut -d' ' -f1-2)" "b'control' ('10.9.8.1',
b'control' ('10.9.8.1',"
	[[ ! -e /proc/net/if_inet6 || $(cut -d' ' -f1-2 <(tail -n 1 out)) == "b'all' ('10.9.8.1'," ]] || fail "$(cat out)"
	run cat err
	assert_output --regexp '^stats: .* bytes_out=14 datagrams=8 dropped=6$'
}

@test "two servers and one forged datagram: fewer than ten go, 64 off loopback, on any ports, with and without --rate and --delay" {
	need ip
	need_namespaces -n
	cat >"$BATS_TEST_TMPDIR/forge.py" <<-'PY'
		# forge.py FROM PORT TO PORT - a datagram from FROM that does not come from there.
		import ipaddress, socket, struct, sys
		source, sport, to, dport = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
		data = b"hello"
		udp = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
		if ":" in to:
		    a, b = ipaddress.ip_address(source).packed, ipaddress.ip_address(to).packed
		    words = a + b + struct.pack("!II", len(udp), 17) + udp + b"\0" * (len(udp) % 2)
		    total = sum(struct.unpack(f"!{len(words) // 2}H", words))
		    while total >> 16:
		        total = (total & 0xFFFF) + (total >> 16)
		    udp = udp[:6] + struct.pack("!H", ~total & 0xFFFF) + udp[8:]
		    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
		    s.sendto(struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + a + b + udp, (to, 0))
		else:
		    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0,
		                       socket.inet_aton(source), socket.inet_aton(to))
		    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
		    s.sendto(head + udp, (to, 0))
	PY
	"${in_namespaces[@]}" bash -euc '
		cd "$BATS_TEST_TMPDIR"
		ip link set lo up
		datagrams() { # that both have received so far
			kill -USR1 "${servers[@]}"
			sleep 0.05 # the lines come at once, or with the next round
			for i in a b; do tail -n 1 err.$i; done | sed "s/.* datagrams=\([0-9]*\).*/\1/" | awk "{ n += \$1 } END { print n }"
		}
		wait_file() {
			for i in $(seq 500); do
				[ ! -s "$1" ] || return 0
				sleep 0.02
			done
			cat err.* >&2
			exit 90
		}
		# pair HOST HOST OPTION ... - two servers; with 127.0.0.2 on one port.
		pair() {
			first=$1 second=$2
			shift 2
			servers=()
			set -f
			sockecho-server -u "$@" --port-file port.b $second 0 >/dev/null 2>err.b & servers+=($!)
			wait_file port.b
			[ "$second" = 127.0.0.2 ] && port=$(cat port.b) || port=0
			sockecho-server -u "$@" --port-file port.a $first $port >/dev/null 2>err.a & servers+=($!)
			wait_file port.a
			set +f
			from=$first to=$second
			[ "$first" != "*" ] || from=${second%.*}.3
			python3 forge.py $from "$(cat port.a)" $to "$(cat port.b)"
			for i in $(seq 100); do
				[ "$(datagrams)" -lt "$most" ] || break
				sleep 0.05
			done
			sleep 0.2 # another one would come by now
			echo "$first $second $*: $(datagrams) of $most"
			kill "${servers[@]}"
			wait
		}
		most=9
		pair 127.0.0.1 127.0.0.1
		pair 127.0.0.1 127.0.0.2
		pair 127.0.0.1 127.0.0.1 --rate none --delay 5ms
		pair 127.0.0.1 127.0.0.2 --rate 1000 --delay 5ms
		pair 127.0.0.1 127.0.0.1 --allow-reserved
		pair "*" 127.0.0.1
		if [ -e /proc/net/if_inet6 ]; then
			pair ::1 ::1
			pair ::1 ::1 --rate 1000 --delay 5ms
		fi
		# Not on loopback: as many as the forged one had TTL.
		most=64
		ip addr add 10.9.8.1/32 dev lo
		ip addr add 10.9.8.2/32 dev lo
		ip addr add 10.9.8.3/32 dev lo
		pair 10.9.8.1 10.9.8.2
		pair "*" 10.9.8.2 --rate none
	' 3>&- >"$BATS_TEST_TMPDIR/out"
	run ! grep -Ev ': (9 of 9|64 of 64)$' "$BATS_TEST_TMPDIR/out"
	(($(grep -c . "$BATS_TEST_TMPDIR/out") >= 8))
}

@test "a question of TTL 1 is not answered; equal ones in a row are, and probes back to back" {
	start_server sockecho-server -u -v -v 0
	run --separate-stderr sockecho-client -u "$host" "$port" same same same
	assert_success
	assert_output $'same\nsame\nsame'
	run --separate-stderr sockecho-client --ping -u -q -i 0 -c 2000 "$host" "$port"
	assert_success
	run python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(20)
s.setsockopt(socket.IPPROTO_IP, 12, 1) # IP_RECVTTL
for ttl, answer in (1, None), (2, 1), (5, 4), (64, 8), (255, 8):
    s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
    s.sendto(b"%d" % ttl, ("127.0.0.1", int(sys.argv[1])))
    if answer is not None:
        data, control, _, _ = s.recvmsg(100, 100)
        assert data == b"%d" % ttl, data
        assert int.from_bytes(control[0][2], sys.byteorder) == answer, (ttl, control)
' "$port"
	assert_success
	assert_output ""
	grep -q "a datagram is dropped: its TTL is 1" "$BATS_TEST_TMPDIR/server.err"
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
	run --separate-stderr sockecho-client -u 127.0.0.1 "$port" hello
	assert_success
	run --separate-stderr sockecho-client -u -t 0.3 --source 127.0.0.2 127.0.0.1 "$port" hello
	assert_failure 124
	kill -USR1 "$server_pid"
	until_true 20 grep -q "refused=1" "$BATS_TEST_TMPDIR/server.err"
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
	run --separate-stderr sockecho-client -U sock hello
	assert_failure 1
	assert_equal "$stderr" "sockecho-client: connect to sock: the socket there is of another type (streams or datagrams)"
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
	until_true 20 test -e done
	run --separate-stderr sockecho-client -u -t 5 -U sock hello
	assert_success
}

@test "our datagram client talks to socat's and Python's servers" {
	start_socat UDP-LISTEN:0,bind=127.0.0.1,fork PIPE
	start_peer python datagrams
	run --separate-stderr sockecho-client -u --expect upper "$host" "$port" hello
	assert_success
	run --separate-stderr sockecho-client -u --expect echo 127.0.0.1 "$socat_port" hello
	assert_success
}

@test "a datagram of one's own is never an answer: nobody there is refused, whichever port the system gives" {
	need_namespaces -Urn
	run --separate-stderr timeout 240 unshare -Urn bash -euc '
		ip link set lo up
		echo 40000 40003 >/proc/sys/net/ipv4/ip_local_port_range
		count() { for ((i = 0; i < $1; i++)); do "${@:2}" >/dev/null 2>&1 && echo "0" || echo "$?"; done | sort | uniq -c; }
		count 40 sockecho-client -u -t 2 --expect echo 127.0.0.1 40002 hi
		count 40 sockecho-client -u -t 2 --expect echo ::1 40002 hi
		count 10 sockecho-client -u -t 2 --expect echo --wait 0.2 127.0.0.1 40002 hi
		count 10 sockecho-client --ping -u -q -t 2 -c 1 -i 0.1 --clients 3 127.0.0.1 40002
		echo 40002 40002 >/proc/sys/net/ipv4/ip_local_port_range
		count 1 sockecho-client -u -t 2 --expect echo 127.0.0.1 40002 hi
		python3 -c "
import socket, subprocess
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((\"127.0.0.1\", 40002))
subprocess.run([\"sockecho-client\", \"-u\", \"127.0.0.1\", \"7\", \"no free port\"])"
	'
	assert_success
	assert_equal "$(awk '{ print $1, $2 }' <<<"$output")" $'40 6\n40 6\n10 124\n10 6\n1 6'
	assert_equal "$stderr" "sockecho-client: send to 127.0.0.1 port 7: Cannot assign requested address (no free local port, or no local address of that family)"
}

@test "with the peer's own port as --source there is nobody: 6, with --wait 124" {
	start_server sockecho-server -u 0
	stop_server
	for mode in "--expect echo" "--ping -c 1"; do
		run --separate-stderr sockecho-client -u -t 2 $mode --source "127.0.0.1:$port" 127.0.0.1 "$port" $([ "$mode" = "--ping -c 1" ] || echo hi)
		assert_failure 6
		assert_output ""
		[[ $stderr == *" 127.0.0.1 port $port: Connection refused" ]]
	done
	run --separate-stderr sockecho-client -u -t 2 --wait 0.2 --source "127.0.0.1:$port" 127.0.0.1 "$port" hi
	assert_failure 124
	assert_output ""
}
