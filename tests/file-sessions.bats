#!/usr/bin/env bats
# file-sessions.bats - who may write at a receiver of verified transfers, who is told busy, and what counts.

load helpers
load transfers

setup() {
	cd "$BATS_TEST_TMPDIR"
	head -c 1000000 /dev/urandom >in
	head -c 1000 in >small
	mkdir d
}

# breaks_off PORT NAME - a stranger that offers a file of 3 MB, sends a byte of it, and is gone.
breaks_off() {
	python3 -c '
import sys, wire
p = wire.sender(sys.argv[1])
p.greet()
p.sock.sendall(wire.offer(size=3000000, name=sys.argv[2].encode()))
assert p.next()[0] == wire.HAVE
p.sock.sendall(wire.held(wire.START) + wire.message(wire.DATA, b"x"))
' "$1" "$2"
	until_true 20 grep -q "the next connection may go on" recv.err
}

# is_busy PORT FILE - a sender of FILE is told that the receiver is busy.
is_busy() {
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$1" "$2"
	assert_failure 6
	[[ $stderr == *"busy with another transfer"* ]]
}

@test "with --dir three senders of different names are served at once" {
	local name
	for name in a b c; do
		ln in $name
	done
	start_receiver --dir d -c 3 0
	for name in a b c; do
		in_background sockfile-send -q --verify --limit-rate 400K 127.0.0.1 "$port" $name
		senders+=("$last_pid")
	done
	for name in a b c; do
		until_true 20 part_has 1000 d/$name
	done
	[ ! -e d/a ] && [ ! -e d/b ] && [ ! -e d/c ]
	kill -USR1 "$receiver_pid" # their sizes add up
	until_true 10 grep -qE "state: bytes=[0-9]+ size=3000000 connections=3 transfers=0" recv.err
	for name in "${senders[@]}"; do
		wait_for "$name"
		assert_equal "$waited_status" 0
	done
	receiver_ends 0
	for name in a b c; do
		cmp in d/$name
	done
}

@test "while nobody reads standard error sessions go on, and then every line is there, whole and in order" {
	local sender files go=(go1 go2 go3)
	# A pipe of a page, which the test holds open.
	mkfifo err "${go[@]}"
	exec {err}<>err
	python3 -c 'import fcntl, sys; fcntl.fcntl(int(sys.argv[1]), 1031, 4096)' "$err" # F_SETPIPE_SZ
	as_receiver sock_start bash -c 'exec sockfile-recv "$@" 2>err' bash -v --json --dir d -c 3 0
	for sender in 1 2 3; do
		files=()
		for file in {10..34}; do
			head -c "$file" in >$sender-$file
			files+=("$sender-$file")
		done
		# The first one says nothing until it is told to.
		in_background sockfile-send -q --verify 127.0.0.1 "$port" go$sender "${files[@]}"
		senders+=("$last_pid")
	done
	until_true 20 eval '[ "$(grep -c accepted recv.out)" = 3 ]'
	for sender in "${go[@]}"; do
		: >"$sender"
	done
	for sender in "${senders[@]}"; do
		wait_for "$sender"
		assert_equal "$waited_status" 0
	done
	# What it says of 75 files is more than a page.
	kill -0 "$receiver_pid"
	cat err >lines {err}>&- &
	last_pid=$!
	exec {err}>&-
	receiver_ends 0
	wait "$last_pid"
	python3 - <<-'PY'
		import json, re
		lines = open("lines").read().splitlines()
		assert sum(": accepted" in line for line in lines) == 3
		order = {}
		for line in lines:
		    assert line.startswith("sockfile-recv: "), line
		    if received := re.fullmatch(r"sockfile-recv: d/(\S+): received (\d+) bytes from (.*) in \S+ s \(.*/s\) \(verified\)", line):
		        order.setdefault(received[3], []).append((received[1], int(received[2])))
		assert sorted(order.values()) == [[("go%d" % n, 0), *(("%d-%d" % (n, i), i) for i in range(10, 35))] for n in (1, 2, 3)], order
		order = {}
		for event in map(json.loads, open("recv.out")):
		    if event["event"] == "received":
		        order.setdefault(event["port"], []).append(event["name"])
		assert sorted(order.values()) == [["go%d" % n, *("%d-%d" % (n, i) for i in range(10, 35))] for n in (1, 2, 3)], order
	PY
}

@test "with --json -qq what a session has to say is a message where its record cannot be written" {
	echo other >d/go
	mkfifo records step
	as_receiver sock_run bash -c 'exec sockfile-recv "$@" >records' bash -qq --json --port-file port --dir d -c none 0
	in_background python3 -c '
import wire
with open("step") as step:
    sender = wire.sender(step.readline())
    sender.greet()
    step.readline()
sender.sock.sendall(wire.offer(name=b"go"))
assert sender.next()[0] == wire.VERDICT
'
	exec 9>step
	{
		read -r _ # listening
		cat port >&9
		read -r line
		[[ $line == *'"accepted"'* ]]
	} <records # and nobody reads the next
	echo go >&9
	exec 9>&-
	wait_for "$last_pid"
	assert_equal "$waited_status" 0
	until_true 10 grep -q "sockfile-recv: write d/go: it exists already" recv.err || fail "$(cat recv.err)"
}

@test "a claim is on one name: another file of that name is told busy, another name is not; -c 1 takes one" {
	cp in a
	cp small b
	start_receiver --dir d -c none 0
	in_background sockfile-send -q --verify --limit-rate 400K 127.0.0.1 "$port" a
	until_true 20 part_has 1000 d/a
	run --separate-stderr sh -c "sockfile-send --verify --name a 127.0.0.1 $port - <small"
	assert_failure 6
	[[ $stderr == *"busy with another transfer"* ]]
	sockfile-send -q --verify 127.0.0.1 "$port" b
	cmp b d/b
	[ ! -e d/a ]
	wait_for "$last_pid"
	assert_equal "$waited_status" 0
	cmp a d/a
	rm d/*
	start_receiver --dir d 0
	in_background sockfile-send -q --verify --limit-rate 400K 127.0.0.1 "$port" a
	until_true 20 part_has 1000 d/a
	is_busy "$port" b
	wait_for "$last_pid"
	assert_equal "$waited_status" 0
	receiver_ends 0
	[ ! -e d/b ]
}

@test "a stranger that breaks off reserves its name, and nothing else, for -t" {
	start_receiver -t 1 --retry 100 0 out
	breaks_off "$port" x
	is_busy "$port" small
	until_true 20 sockfile-send -q --verify 127.0.0.1 "$port" small 2>send.err
	receiver_ends 0
	cmp small out
	cp small other
	start_receiver --retry 100 --dir d -c 2 0
	breaks_off "$port" small
	is_busy "$port" small
	sockfile-send -q --verify 127.0.0.1 "$port" other
	cmp other d/other
}

@test "who has delivered a file, and is told busy about the next, counts" {
	local first
	start_receiver --dir d -c 2 --retry 3 0
	in_background sockfile-send -q --verify --limit-rate 400K 127.0.0.1 "$port" in
	first=$last_pid
	until_true 20 part_has 1000 d/in
	mkdir other
	cp small other/in
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" small other/in
	assert_failure 6
	[[ $stderr == *"busy with another transfer"* ]]
	cmp small d/small
	error_has recv.err "another transfer is unfinished"
	wait_for "$first"
	assert_equal "$waited_status" 0
	receiver_ends 6
	cmp in d/in
}

@test "the place of a connection that was lost is given to nobody else: with -c 1 the sender may go on" {
	start_receiver --dir d -c 1 --retry 3 0
	slow_verified 127.0.0.1 "$port" in
	until_true 20 part_has 100000 d/in
	kill -KILL "$sender_pid"
	until_true 20 grep -q "the next connection may go on" recv.err
	is_busy "$port" small
	error_has recv.err "as many transfers as -c says are under way"
	sockfile-send -q --verify 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in d/in
	nothing_left d/small
	# Started anew, a sender of several files has its place again at once.
	rm d/in
	start_receiver --resume --dir d -c 1 --retry 3 0
	slow_verified 127.0.0.1 "$port" small in
	until_true 20 part_has 100000 d/in
	kill -KILL "$sender_pid"
	until_true 20 grep -q "the next connection may go on" recv.err
	sockfile-send -q --verify 127.0.0.1 "$port" small in
	receiver_ends 0
	cmp in d/in
}

# lost_between reset|"" - a connection that ends between two files, in a directory of its own.
lost_between() {
	mkdir d
	start_receiver -q --retry 3 --dir d -c 1 0
	python3 ../between.py "$port" "$1"
	receiver_ends 0
	[ -e d/first ] && [ -e d/second ]
}

lost_between_with_key() {
	mkdir d
	mkfifo pipe # the sender waits for it
	start_receiver -q --key ../key --retry 3 --dir d -c 1 0
	run_sender -q --key ../key 127.0.0.1 "$port" ../small pipe
	until_true 20 test -e d/small
	kill -KILL "$sender_pid"
	wait_for "$sender_pid"
	sockfile-send -q --key ../key 127.0.0.1 "$port" ../next
	receiver_ends 0
	[ -e d/next ]
}

@test "the place of a connection that was lost between two files is free at once, with a key too" {
	local try
	need_openssl
	head -c 32 /dev/urandom | base64 >key
	chmod 600 key
	cat >between.py <<-'PY'
		import socket, struct, sys
		import wire
		def deliver(peer, name, index):
		    offer, start = wire.offer(index=index, name=name), wire.held(wire.START, index=index)
		    peer.sock.sendall(offer)
		    kind, payload = peer.next()
		    if kind == wire.HAVE:
		        peer.sock.sendall(start + wire.message(wire.DATA, b"abc")
		                          + wire.end(index=index, digest=wire.seal(peer.hello, offer, start, b"abc")))
		        kind, payload = peer.next()
		    assert kind == wire.VERDICT
		    return payload[4]
		first, second = wire.sender(sys.argv[1]), wire.sender(sys.argv[1])
		first.greet(2)
		second.greet()
		assert deliver(first, b"first", 1) == 0
		if sys.argv[2] == "reset":
		    first.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		first.sock.close()
		verdict = deliver(second, b"second", 1)  # which comes before the receiver knows
		assert verdict == 0, verdict
		second.sock.sendall(wire.message(wire.BYE))  # else the receiver waits for who may ask again
		assert second.next()[0] == wire.BYE_OK
	PY
	cp small next
	for try in {1..4}; do
		beside "end$try" lost_between ""
		beside "reset$try" lost_between reset
		beside "key$try" lost_between_with_key
	done
	all_of {end,reset,key}{1..4}
}

@test "the same file takes over from a sender that is silent for 2 s; another one is told busy" {
	local first
	start_receiver 0 out
	slow_verified 127.0.0.1 "$port" in
	first=$sender_pid
	until_true 20 part_has 20000
	kill -STOP "$first"
	is_busy "$port" small
	touch -r in -d '1 second' other # another time is another file
	cat in >other
	is_busy "$port" other
	sockfile-send -q --verify 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in out
	kill -CONT "$first"
	sender_ends 6
}

@test "of an input of unknown size only the same sender is the same" {
	local first
	mkfifo input
	exec {open}<>input
	start_receiver --retry 3 0 out
	as_sender sock_run sh -c "exec sockfile-send --verify --name in 127.0.0.1 $port - <input"
	first=$sender_pid
	head -c 20000 in >&"$open"
	until_true 20 part_has 20000
	kill -KILL "$first"
	until_true 20 grep -q "may go on" recv.err
	run --separate-stderr sh -c "cat in | sockfile-send --verify --name in 127.0.0.1 $port -"
	assert_failure 6
	[[ $stderr == *"busy with another transfer"* ]]
}

@test "--retry N is about lost connections without progress in between" {
	start_receiver --retry 1 0 out
	for i in 1 2 3; do
		in_background sockfile-send -q --verify --limit-rate 500K 127.0.0.1 "$port" in
		until_true 20 part_has $((i * 100000))
		kill -KILL "$last_pid"
		until_true 20 eval "((\$(grep -c 'may go on' recv.err) == i))"
	done
	sockfile-send -q --verify 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in out
	# To begin anew each time is none.
	start_receiver --verify --force --retry 1 0 again
	for n in 300 200; do
		python3 -c '
import sys, wire
p = wire.sender(sys.argv[1])
p.greet()
p.sock.sendall(wire.offer(size=1000))
while p.next()[0] != (wire.HAVE if sys.argv[2] == "300" else wire.PREFIX):
    pass
p.sock.sendall(wire.held(wire.START) + wire.message(wire.DATA, b"x" * int(sys.argv[2])))
' "$port" "$n"
	done
	receiver_ends 6
}

@test "an offer that is refused counts: -c 1 ends with its status, -c N with the highest, -c none goes on" {
	local sent
	cp small a
	echo another >d/a
	start_receiver --dir d 0
	run sockfile-send -q --verify 127.0.0.1 "$port" a
	assert_failure 1
	receiver_ends 1
	for count in 3 none; do
		start_receiver --dir d --max-size 2000 -c $count 0
		run sockfile-send -q --verify 127.0.0.1 "$port" a
		assert_failure 1
		run sockfile-send -q --verify 127.0.0.1 "$port" in
		assert_failure 5
		sockfile-send -q --verify 127.0.0.1 "$port" small
		cmp small d/small
		rm d/small
		if [ $count = none ]; then
			kill -TERM "$receiver_pid"
			receiver_ends 143
		else
			receiver_ends 5
		fi
		error_has recv.err "write d/a: it exists already"
		error_has recv.err "into d/in: it is larger than --max-size allows"
	done
	# The one FILE, too: it appeared meanwhile.
	start_receiver --retry 2 0 out
	echo another >out
	run sockfile-send -q --verify 127.0.0.1 "$port" small
	assert_failure 1
	receiver_ends 1
}

# strangers_of PORT RECEIVER_OPTIONS - a probe, a stream of other bytes, a wrong key, and one that says nothing.
strangers_of() {
	nc.openbsd -z 127.0.0.1 "$1"
	if [[ $2 == *--verify* || $2 == *--key* ]]; then
		run sockfile-send -q 127.0.0.1 "$1" small
		assert_failure 6
		until_true 20 grep -q "does not speak the protocol" recv.err
	fi
	if [[ $2 == *--key* ]]; then
		head -c 32 /dev/urandom | base64 >wrong
		chmod 600 wrong
		run sockfile-send -q --key wrong 127.0.0.1 "$1" small
		assert_failure 5
		until_true 20 grep -q "keys of the two ends differ" recv.err
	fi
	in_background sh -c "sleep 60 | exec nc.openbsd 127.0.0.1 $1"
	until_true 20 grep -q "timed out" recv.err
	error_has recv.err "closed its connection without sending anything; still waiting"
}

@test "strangers are reported, and not counted; a silent one is let go after -t" {
	local options
	need_openssl
	head -c 32 /dev/urandom | base64 >key
	chmod 600 key
	for options in "0 out" "--verify 0 out" "--key key 0 out" "--dir d -c 1 0"; do
		rm -f out d/small
		# shellcheck disable=SC2086 # words are meant
		start_receiver -t 0.5 $options
		strangers_of "$port" "$options"
		if [[ $options == *--key* ]]; then
			sockfile-send -q --key key 127.0.0.1 "$port" small
		else
			sockfile-send -q --verify 127.0.0.1 "$port" small
		fi
		receiver_ends 0
	done
}

@test "who began a handshake and says nothing more does not turn a raw stream away; a transfer does" {
	start_receiver 0 out
	crowd "$port" 8
	sockfile-send -q 127.0.0.1 "$port" small
	receiver_ends 0
	cmp small out
	rm out
	start_receiver 0 out
	slow_verified 127.0.0.1 "$port" in
	until_true 20 part_has 20000
	run sockfile-send -q 127.0.0.1 "$port" small
	assert_failure 6
	error_has recv.err "another transfer is in progress"
	sender_ends 0
	receiver_ends 0
	cmp in out
}

# crowd PORT COUNT [KEY] [RECEIVE] - so many silent strangers, each at another point of the handshake (with a key; of a
# receiver), and ten more each second.
crowd() {
	cat >crowd.py <<-'PY'
		import socket, sys, time
		import wire
		port, count = int(sys.argv[1]), int(sys.argv[2])
		own = wire.greeting(wire.RECEIVE if "RECEIVE" in sys.argv else wire.SEND, flags="KEY" in sys.argv)
		held = []
		def come():
		    try:
		        held.append(socket.create_connection(("127.0.0.1", port)))
		        held[-1].sendall((b"", own[:3], own[:9], own)[len(held) % 4])
		    except ConnectionError:
		        pass
		for _ in range(count):
		    come()
		open("crowd", "w").close()
		for _ in range(600):
		    time.sleep(0.1)
		    come()
	PY
	rm -f crowd
	in_background python3 crowd.py "$@"
	until_true 20 test -e crowd
}

@test "a sender that vanished without a word is found out within 90 s: by keepalive probes" {
	cat >options.py <<-'PY'
		import ctypes, os, socket, sys
		pid, checked = int(sys.argv[1]), 0
		pidfd = os.pidfd_open(pid)
		for fd in os.listdir("/proc/%d/fd" % pid):
		    if not os.readlink("/proc/%d/fd/%s" % (pid, fd)).startswith("socket:"):
		        continue
		    copy = ctypes.CDLL(None, use_errno=True).syscall(438, pidfd, int(fd), 0)  # pidfd_getfd
		    if copy == -1:
		        sys.exit(77)
		    with socket.socket(fileno=copy) as s:
		        if s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
		            continue
		        tcp = [s.getsockopt(socket.IPPROTO_TCP, o) for o in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)]
		        assert s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1, fd
		        assert tcp[0] + tcp[1] * tcp[2] <= 90, tcp
		        checked += 1
		assert checked == 1, checked
	PY
	start_receiver 0 out
	slow_verified 127.0.0.1 "$port" in
	until_true 20 part_has 20000
	kill -STOP "$sender_pid" # the connection stays as long as the look takes
	for pid in "$receiver_pid" "$sender_pid"; do
		run python3 options.py "$pid"
		[ "$status" != 77 ] || skip "the descriptors of another process are not to be had here"
		assert_success
	done
	kill -CONT "$sender_pid"
	sender_ends 0
	receiver_ends 0
}

@test "a peer that vanished while bytes are under way: TCP is asked what was acknowledged, whatever the sender waits for" {
	need_trace
	start_receiver 0 out
	as_sender sock_run trace -f -qq -e trace=getsockopt -o rate sockfile-send --verify --limit-rate 1K 127.0.0.1 "$port" in
	until_true 20 grep -q TCP_INFO rate
	kill_tree "$sender_pid" || true
	receiver_ends 6
	rm out.part
	start_receiver 0 out
	as_sender sock_run trace -f -qq -e trace=getsockopt -o stopped sockfile-send --verify --name x 127.0.0.1 "$port" - </dev/zero
	until_true 20 part_has 1
	kill -STOP "$receiver_pid"
	until_true 20 grep -q TCP_INFO stopped
}

has_ten_seconds() {
	start_receiver --verify 0 out
	on_time 0 9500 14000 peer_does "$port" cut
	error_has recv.err "timed out"
	sockfile-send -q --verify 127.0.0.1 "$port" ../in
	receiver_ends 0
}

@test "a silent caller has ten seconds where verified transfers alone are taken; of more than have a place the oldest make room" {
	beside caller has_ten_seconds
	start_receiver --verify 0 out
	crowd "$port" 700
	# The handshake that they do not end has ten seconds.
	milliseconds sockfile-send -q --verify 127.0.0.1 "$port" small
	assert_equal "$timed_status" 0
	receiver_ends 0
	cmp small out
	((elapsed < 5000)) || fail "$elapsed ms"
	# At a listening sender, too, with two receivers to serve and with any number; the first keeps its place.
	for count in 2 none; do
		rm -f out first
		start_sender --verify --limit-rate 300 -c "$count" 0 small
		run_receiver -q --verify --connect 127.0.0.1 "$port" first
		until_true 20 part_has 1 first
		crowd "$port" $([ "$count" = 2 ] && echo 700 || echo 1800) RECEIVE
		milliseconds sockfile-recv -q --verify --connect 127.0.0.1 "$port" out
		assert_equal "$timed_status" 0
		cmp small out
		((elapsed < 8000)) || fail "-c $count: $elapsed ms"
		receiver_ends 0
		cmp small first
		[ "$count" = none ] || sender_ends 0
	done
	# Where descriptors are fewer than places, too.
	rm out
	as_sender sock_start prlimit --nofile=600:600 sockfile-send --listen --verify -c none 0 small
	crowd "$port" 700 RECEIVE
	milliseconds sockfile-recv -q --verify --connect 127.0.0.1 "$port" out
	assert_equal "$timed_status" 0
	((elapsed < 5000)) || fail "few descriptors: $elapsed ms"
	all_of caller
}

@test "sixty senders at once into one directory" {
	local name
	start_receiver --dir d -c 60 0
	for name in {1..60}; do
		ln small "$name"
		in_background sockfile-send -q --verify 127.0.0.1 "$port" "$name"
		senders+=("$last_pid")
	done
	for name in "${senders[@]}"; do
		wait_for "$name"
		assert_equal "$waited_status" 0
	done
	receiver_ends 0
}

@test "a hundred receivers that do not read on are no hundred large buffers of a listening sender" {
	head -c 4000000 /dev/zero >zeros
	start_sender --verify -c none 0 zeros
	run timeout 60 python3 -c '
import socket, sys, time, wire
peers = [wire.Peer(socket.create_connection(("127.0.0.1", int(sys.argv[1]))), wire.RECEIVE) for _ in range(100)]
for p in peers:
    p.greet()
    assert p.next()[0] == wire.OFFER
for p in peers:
    p.sock.sendall(wire.held(wire.HAVE))
for p in peers:
    assert p.next()[0] == wire.START
    p.exactly(1000)
' "$port"
	assert_success
	is_sanitized || (($(awk '/VmHWM/ { print $2 }' "/proc/$sender_pid/status") < 65536))
}

# undisturbed LISTEN CONNECT FILE [KEY] [RECEIVE] - start_receiver or start_sender with the words of LISTEN, 200 strangers,
# and the command CONNECT there: within 100 ms, the best of three, beyond what it takes without strangers; and what
# listened ends with its work.
undisturbed() {
	local try alone listening best=9999
	for try in 1 2 3; do
		rm -f out d/small
		# shellcheck disable=SC2086 # words are meant
		$1
		# shellcheck disable=SC2086
		milliseconds $2 127.0.0.1 "$port" "$3"
		alone=$elapsed
		ends "$last_pid" 0 /dev/null
		rm -f out d/small
		# shellcheck disable=SC2086
		$1
		listening=$last_pid
		crowd "$port" 200 "${@:4}"
		# shellcheck disable=SC2086
		milliseconds $2 127.0.0.1 "$port" "$3"
		assert_equal "$timed_status" 0
		((elapsed - alone >= best)) || best=$((elapsed - alone))
		until_true 5 is_gone "$listening" || fail "$1: it has not ended"
		ends "$listening" 0 /dev/null
		((best >= 100)) || return 0
	done
	is_sanitized || fail "$1: $best ms"
}

@test "200 silent strangers, and ten more each second, delay nobody who has the key, and do not hold the receiver" {
	need_openssl
	head -c 32 /dev/urandom | base64 >key
	chmod 600 key
	undisturbed "start_receiver --key key 0 out" "sockfile-send -q --key key" small KEY
	undisturbed "start_receiver --key key --dir d 0" "sockfile-send -q --key key" small KEY
	undisturbed "start_receiver --verify 0 out" "sockfile-send -q --verify" small
	undisturbed "start_receiver 0 out" "sockfile-send -q --verify" small
}

@test "nor do they delay a receiver that connects to a listening sender" {
	undisturbed "start_sender --verify 0 small" "sockfile-recv -q --verify --connect" out RECEIVE
}

@test "a flood of probes is no flood of notes: most are counted alone, and all of them are" {
	cat >probes.py <<-'PY'
		import socket, sys
		for _ in range(1000):
		    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as s:
		        pass
	PY
	# probe PID FILE - a thousand, until the program has none of them any more, and says so.
	probe() {
		python3 probes.py "$port"
		until_true 20 sh -c "! ss -Htn state close-wait sport = :$port | grep -q ."
		until_true 20 has_none "$@"
	}
	has_none() {
		local lines
		lines=$(grep -c "connections=" "$2")
		kill -USR1 "$1"
		until_true 20 sh -c "test \"\$(grep -c connections= $2)\" -gt $lines"
		grep "connections=" "$2" | tail -n 1 | grep -qw "connections=0"
	}
	# told FILE TEXT - a few have a note with TEXT, and those that have none are counted.
	told() {
		(($(grep -c "$2" "$1") < 500))
		awk -v note="$2" '$0 ~ note { n++ } / more connections came to nothing$/ { n += $2 } END { print n; exit n != 1000 }' "$1"
	}
	need ss
	start_receiver --verify 0 out
	probe "$receiver_pid" recv.err
	sockfile-send -q --verify 127.0.0.1 "$port" small
	receiver_ends 0
	told recv.err "without sending anything"
	start_sender --verify -c 1 0 small
	probe "$sender_pid" send.err
	sockfile-recv -q --verify --connect 127.0.0.1 "$port" out2
	sender_ends 0
	told send.err "talk to 127.0.0.1"
	truncate -s 20M large
	start_sender -c 1 0 large
	probe "$sender_pid" send.err
	sockfile-recv -q --connect 127.0.0.1 "$port" out3
	sender_ends 0
	told send.err "send large to 127.0.0.1"
}

# flood.py offers|lost|refused|takers|refusers PORT COUNT - a sender that offers so many files of the name `in`; so many
# that are lost amid another file, or are refused; so many receivers that are lost amid the file, or half as many that
# refuse two each.
write_sender_flood() {
	cat >flood.py <<-'PY'
		import socket, sys, wire
		what, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
		if what == "offers":
		    p = wire.sender(port)
		    p.greet(count)
		    for i in range(count):
		        p.sock.sendall(wire.offer(index=i + 1, name=b"in"))
		        assert p.next()[0] == wire.VERDICT
		    p.sock.sendall(wire.message(wire.BYE))
		    assert p.next()[0] == wire.BYE_OK
		for i in range(0 if what == "offers" else count):
		    if what == "takers":
		        p = wire.Peer(socket.create_connection(("127.0.0.1", port)), wire.RECEIVE)
		        p.greet()
		        assert p.next()[0] == wire.OFFER
		        p.sock.sendall(wire.held(wire.HAVE))
		        assert p.next()[0] == wire.START
		        p.sock.close()
		        continue
		    if what == "refusers":
		        if i % 2:
		            continue
		        p = wire.Peer(socket.create_connection(("127.0.0.1", port)), wire.RECEIVE)
		        p.greet()
		        for n in 1, 2:
		            assert p.next()[0] == wire.OFFER
		            p.sock.sendall(wire.held(wire.VERDICT, index=n, what=4))
		        assert p.next()[0] == wire.BYE
		        p.sock.sendall(wire.message(wire.BYE_OK))
		        continue
		    p = wire.sender(port)
		    p.greet()
		    p.sock.sendall(wire.offer(name=b"in" if what == "refused" else b"y%d" % i, size=9))
		    assert p.next()[0] == (wire.VERDICT if what == "refused" else wire.HAVE)
		    p.sock.close()
	PY
}

# flood WHAT COUNT NAME TEXT - at the program that was started as NAME: some are noted with TEXT, and the others are
# counted once the program ends.  Sets noted.
flood() {
	local pid=$3_pid
	timeout 60 python3 flood.py "$1" "$port" "$2"
	until_true 20 sh -c "kill -USR1 ${!pid} && tail -qn 1 $3.err $3.out | grep -Eq 'connections(=|\":)0[, ]'"
	kill -TERM "${!pid}"
	ends "${!pid}" 143 "$3.err"
	noted=$(grep -c -- "$4" "$3.err")
	((noted >= 100 && noted < $2))
	awk -v n="$noted" -v all="$2" '/ more transfers failed$/ { n += $2 } END { exit n != all }' "$3.err" ||
		fail "$1: not $2: $(grep -v "$4" "$3.err")"
}

@test "a flood of transfers that fail is no flood of notes, nor of records: most are counted, and all of them are" {
	write_sender_flood
	echo another >d/in
	start_receiver --dir d -c none --json 0
	flood offers 600 recv "write d/in: it exists already"
	assert_equal "$(grep -c '"failed"' recv.out)" "$noted"
	start_receiver --dir d -c none 0
	flood refused 300 recv "write d/in: it exists already"
	start_receiver --dir d -c none --retry 9999 0
	flood lost 300 recv "the next connection may go on"
	start_sender --verify -c none 0 in
	flood takers 300 send "send in to 127.0.0.1"
	start_sender --verify -c none 0 small in
	flood refusers 300 send "the peer says"
}

@test "of several files each that is refused is named, and of very many the others are counted when the connection ends" {
	local i
	mkdir s
	for ((i = 0; i < 150; i++)); do
		echo a >s/$i
		echo b >d/$i
	done
	start_receiver --dir d -c none 0
	cd s
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" {0..99}
	assert_failure 1
	assert_equal "$(grep -c "it has another file of that name" <<<"$stderr")" 100
	cd ..
	for ((i = 0; i < 100; i++)); do
		grep -qF "write d/$i: it exists already" recv.err
	done
	run -1 grep "more transfers failed" recv.err
	cd s
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" {0..149}
	assert_failure 1
	assert_equal "$(grep -c "it has another file of that name" <<<"$stderr")" 150
	cd ..
	until_true 20 sh -c 'awk "/exists already/ { n++ } / more transfers failed\$/ { n += \$2 } END { exit n != 250 }" recv.err'
}

# state_is NAME STATE - asked by SIGUSR1, the program that was started as NAME says so.
state_is() {
	local pid=$1_pid
	until_true 20 sh -c "kill -USR1 ${!pid} && tail -n 1 $1.err | grep -qx 'state: $2'" ||
		fail "not '$2': $(tail -n 1 "$1.err")"
}

@test "SIGUSR1 tells the size of the files that are begun, and leaves it out where there is none" {
	# The files of one receiver: one that is refused, one that is lost, one of unknown size, and two that arrive.
	mkfifo fifo said
	echo another >d/in
	start_receiver --dir d -c none 0
	state_is recv "bytes=0 connections=0 transfers=0"
	in_background python3 -c '
import sys, wire
sys.stdin = open("said")
p = wire.sender(sys.argv[1])
sys.stdin.readline()
p.greet(2)
p.sock.sendall(wire.offer(name=b"in"))
assert p.next()[0] == wire.VERDICT
sys.stdin.readline()
p.sock.sendall(wire.offer(index=2, size=3000000, name=b"y"))
assert p.next()[0] == wire.HAVE
p.sock.sendall(wire.held(wire.START, index=2) + wire.message(wire.DATA, b"x"))
sys.stdin.readline()
' "$port"
	exec {say}>said
	state_is recv "bytes=0 connections=1 transfers=0"
	echo >&"$say"
	until_true 20 grep -q "write d/in" recv.err
	state_is recv "bytes=0 connections=1 transfers=0"
	echo >&"$say"
	state_is recv "bytes=1 size=3000000 connections=1 transfers=0"
	exec {say}>&-
	state_is recv "bytes=0 connections=0 transfers=0"
	run_sender --verify 127.0.0.1 "$port" small fifo
	exec {say}>fifo
	printf abc >&"$say"
	state_is recv "bytes=1003 connections=1 transfers=1"
	state_is send "bytes=1003 connections=1 transfers=1"
	exec {say}>&-
	sender_ends 0
	state_is recv "bytes=1003 size=1003 connections=0 transfers=2"
}

@test "SIGUSR1 does not count a raw receiver that broke off, nor a connection that is being made again" {
	start_sender -c 2 0 in
	peer_does "$port" read=100000 reset
	until_true 20 grep -q "bytes were sent" send.err
	state_is send "bytes=0 connections=0 transfers=0"
	sockfile-recv -q --connect 127.0.0.1 "$port" out
	state_is send "bytes=1000000 size=1000000 connections=0 transfers=1"
	sock_start peer python3 -c '
import wire
p = wire.Peer(wire.accept_one(), wire.RECEIVE)
p.sock.sendall(wire.greeting(wire.SEND))
p.exactly(16)
'
	run_receiver --connect --verify --retry 9 --wait 60 --force 127.0.0.1 "$port" out
	until_true 20 grep -q "may go on" recv.err
	state_is recv "bytes=0 connections=0 transfers=0"
}
