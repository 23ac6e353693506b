#!/usr/bin/env bats
# file-hostile.bats - peers of a verified transfer that do not keep to the protocol.

load helpers
load transfers

setup() {
	cd "$BATS_TEST_TMPDIR"
	head -c 3000000 /dev/urandom >in
}

# hostile_senders TABLE - of hostile.py, to one receiver: it says of each that it is no good, and lives.
hostile_senders() {
	mkdir d
	start_receiver --dir d -c none 0
	run timeout 100 python3 "$SOCKUTILS_SOURCE/tests/hostile.py" senders "$1" "$port"
	assert_success
	assert_output --regexp '^[0-9]+ cases$'
	cases=${output% cases}
	is_sanitized || (($(awk '/VmHWM/ { print $2 }' "/proc/$receiver_pid/status") < 8192))
	kill -TERM "$receiver_pid"
	receiver_ends 143
	assert_equal "$(grep -cE '^sockfile-recv: (talk to|receive|write) ' recv.err)" "$cases"
	run grep -vE '^sockfile-recv: (talk to|receive|write|received 1048576|d/x.part: the) ' recv.err
	assert_output ""
	# No byte of a terminal's control sequence comes through.
	run grep -c $'\x1b' recv.err
	assert_output 0
	cd d
	rm -f "${@:2}"
	[ -z "$(ls -A)" ] || fail "left: $(ls -A)"
}

@test "hostile senders: a greeting that is none" {
	hostile_senders greetings
}

@test "hostile senders: HELLO at its edges, and what is none" {
	hostile_senders hellos
}

@test "hostile senders: names that nobody may have" {
	hostile_senders names
}

@test "hostile senders: OFFER at its edges, and what must come after it" {
	hostile_senders offers
}

@test "hostile senders: START at its edges, and what must come after it" {
	hostile_senders starts
}

@test "hostile senders: DATA and END that are not what was offered" {
	hostile_senders data x.part # END may say that the sender could not read it all: what came is kept
}

@test "hostile receivers: wrong order, wrong numbers: 5, and never exit 0" {
	sock_start peer python3 "$SOCKUTILS_SOURCE/tests/hostile.py" receivers
	while read -r case; do
		run --separate-stderr timeout 20 sockfile-send --verify 127.0.0.1 "$port" in </dev/null
		[ "$status" = 5 ] || wrong+=("$case: $status $stderr")
		# A verdict that cannot be true is none.
		[[ $case != "VERDICT of "* || $stderr == *"; delivered or not: unknown" ]] || wrong+=("$case: $stderr")
	done < <(python3 "$SOCKUTILS_SOURCE/tests/hostile.py" cases)
	[ "${#wrong[@]}" = 0 ] || fail "$(printf '%s\n' "${wrong[@]}")"
	wait_for "$peer_pid"
	assert_equal "$waited_status" 0
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
	sock_start bye python3 bye.py
	run --separate-stderr timeout 20 sockfile-recv --retry 3 --connect 127.0.0.1 "$port" out
	assert_failure 5
	assert_equal "$(cat calls)" x
	nothing_left out
}

@test "a byte that flips on the way is found: in the data by the digest, in the rest by the protocol" {
	# greeting 16, hello 60, offer 36 and the name, start 24, data 8 and 5000, end 40
	places=(3 8 9 13 20 30 50 70 80 85 100 125 140 160 2000 5155 5180)
	cat >flip.py <<-'PY'
		import socket, sys, wire
		with socket.create_server(("127.0.0.1", 0)) as listener:
		    print("listening tcp 127.0.0.1", listener.getsockname()[1], flush=True)
		    for place in sys.argv[2:]:
		        receiver = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		        wire.relay(listener.accept()[0], receiver, wire.flip(int(place), 0x10))
	PY
	mkdir d
	start_receiver --dir d -c none 0
	sock_start flip python3 flip.py "$port" "${places[@]}"
	for place in "${places[@]}"; do
		head -c 5000 /dev/urandom >"$(printf 'f%04d' "$place")"
		run --separate-stderr timeout 30 sockfile-send --verify 127.0.0.1 "$port" "$(printf 'f%04d' "$place")"
		((status == 5 || status == 6)) || wrong+=("byte $place: $status $stderr")
	done
	[ "${#wrong[@]}" = 0 ] || fail "$(printf '%s\n' "${wrong[@]}")"
	wait_for "$flip_pid"
	kill -TERM "$receiver_pid"
	receiver_ends 143
	run find d -type f ! -name '*.part'
	assert_output ""
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
	until_true 20 sh -c "ss -tn state established sport = :$port | grep -q ':'"
	sockfile-send -q --verify 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in out
	start_receiver --verify 0 out2
	on_time 0 9000 14000 python3 -c '
import sys, time, wire
p = wire.sender(sys.argv[1])
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
' "$port"
}
