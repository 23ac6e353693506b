#!/usr/bin/env bats
# echo-tcp.bats - the server and the client over TCP, and each with peers that we did not write.

load helpers
load goodbyes

setup() {
	cd "$BATS_TEST_TMPDIR"
}

@test "a message comes back, with a newline" {
	start_server sockecho-server 0
	run --separate-stderr sockecho-client "$host" "$port" hello
	assert_success
	assert_output hello
	[ "$stderr" = "" ]
}

@test "several messages, an empty one and one that begins with a dash" {
	start_server sockecho-server 0
	run --separate-stderr sockecho-client "$host" "$port" one "" -v "--two three"
	assert_success
	assert_equal "$output" $'one\n\n-v\n--two three'
}

@test "--upper changes ASCII letters and nothing else" {
	start_server sockecho-server --upper 0
	run --separate-stderr sockecho-client "$host" "$port" 'añz-09[`{'
	assert_success
	assert_output 'AñZ-09[`{'
}

@test "every byte value comes back through a stream" {
	start_server sockecho-server 0
	python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 300)' >"$BATS_TEST_TMPDIR/in"
	sockecho-client "$host" "$port" <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out"
	cmp "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
}

@test "--upper through a stream is bytes.upper()" {
	start_server sockecho-server --upper 0
	python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 300)' >"$BATS_TEST_TMPDIR/in"
	sockecho-client --expect upper "$host" "$port" <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out"
	python3 - "$BATS_TEST_TMPDIR" <<-'PY'
		import sys
		d = sys.argv[1]
		assert open(d + "/in", "rb").read().upper() == open(d + "/out", "rb").read()
	PY
}

@test "256 MiB of random data, at most 16 MiB of memory on each side" {
	is_sanitized && skip "the sanitizers need memory of their own"
	start_server sockecho-server 0
	head -c 256M /dev/urandom >"$BATS_TEST_TMPDIR/in"
	sockecho-client -t 30 "$host" "$port" <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 3>&- &
	client=$!
	pids+=("$client")
	most=0
	while kill -0 "$client" 2>/dev/null; do
		now=$(awk '/VmHWM/ { print $2 }' "/proc/$client/status" 2>/dev/null) || break
		most=${now:-$most}
		sleep 0.02
	done
	wait_for "$client"
	assert_equal "$waited_status" 0
	cmp "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
	((most < 16384))
	(($(awk '/VmHWM/ { print $2 }' "/proc/$server_pid/status") < 16384))
	rm "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
}

@test "a message that is larger than all socket buffers is no deadlock" {
	start_server sockecho-server --bufsize 100 0
	message=$(head -c 120000 /dev/zero | tr '\0' x)
	run --separate-stderr sockecho-client -t 20 "$host" "$port" "$message"
	assert_success
	assert_equal "${#output}" 120000
}

@test "--bufsize 1 on both sides" {
	start_server sockecho-server --bufsize 1 0
	run --separate-stderr sockecho-client --bufsize 1 "$host" "$port" "byte by byte"
	assert_success
	assert_output "byte by byte"
}

@test "a peer that closes before the reply is whole is 5" {
	start_server sockecho-server --close-after 3 0
	run --separate-stderr sockecho-client "$host" "$port" hello
	assert_failure 5
	assert_equal "$stderr" "sockecho-client: receive from 127.0.0.1 port $port: the peer closed before the whole reply had come"
}

@test "a peer that closes between two messages is 5, over TCP and a UNIX socket" {
	# A full standard output holds the client until the peer has closed: the next message then meets EPIPE
	# (UNIX), or an end (TCP).
	cat >"$BATS_TEST_TMPDIR/between.py" <<-'PY'
		import os, peer, socket, subprocess
		for family in socket.AF_UNIX, socket.AF_INET:
		    with socket.socket(family) as listener:
		        listener.bind("sock" if family == socket.AF_UNIX else ("127.0.0.1", 0))
		        listener.listen()
		        where = ["-U", "sock"] if family == socket.AF_UNIX else ["127.0.0.1", str(listener.getsockname()[1])]
		        r, w = os.pipe()
		        peer.fill_pipe(w)
		        client = subprocess.Popen(["sockecho-client", *where, "one", "two"], stdout=w, stderr=subprocess.PIPE)
		        os.close(w)
		        conn, _ = listener.accept()
		        assert conn.recv(3) == b"one"
		        conn.sendall(b"one")
		        conn.close()
		        with os.fdopen(r, "rb") as out:
		            assert out.read().lstrip() == b"one\n"
		        error = client.stderr.read().decode()
		        assert client.wait() == 5 and "the peer closed before the whole" in error, (client.returncode, error)
	PY
	cd "$BATS_TEST_TMPDIR"
	timeout 20 python3 between.py
}

@test "a reset is 6" {
	start_server sockecho-server --reset-after 3 0
	run --separate-stderr sockecho-client "$host" "$port" hello
	assert_failure 6
	assert_equal "$stderr" "sockecho-client: receive from 127.0.0.1 port $port: Connection reset by peer"
}

@test "a stream whose peer closes before all input was sent is 5, a reset 6" {
	start_server sockecho-server --close-after 100 0
	run --separate-stderr sockecho-client -t 10 "$host" "$port" < <(head -c 64M /dev/zero)
	assert_failure 5
	stop_server
	start_server sockecho-server --reset-after 100 0
	run --separate-stderr sockecho-client -t 10 "$host" "$port" < <(head -c 64M /dev/zero)
	assert_failure 6
}

@test "a stream whose input stays open does not outlive its peer" {
	start_server sockecho-server --close-after 3 0
	mkfifo "$BATS_TEST_TMPDIR/input"
	exec {open}<>"$BATS_TEST_TMPDIR/input"
	printf abcdef >&"$open"
	# All that came was sent; the rest of the echo is --expect's matter.
	run --separate-stderr timeout 10 sockecho-client -t 2 "$host" "$port" <"$BATS_TEST_TMPDIR/input"
	assert_success
	assert_output abc
	printf abcdef >&"$open"
	run --separate-stderr timeout 10 sockecho-client --expect echo "$host" "$port" <"$BATS_TEST_TMPDIR/input"
	assert_failure 5
	assert_output abc
}

@test "--fd 0 where standard input is that socket: what comes is the peer's, and its end the end of both" {
	run --separate-stderr timeout 20 python3 -c '
import socket, subprocess
ours, theirs = socket.socketpair()
client = subprocess.Popen(["sockecho-client", "-t", "10", "--fd", "0"], stdin=theirs)
theirs.close()
for i in range(3):
    ours.sendall(b"hello")
ours.shutdown(socket.SHUT_WR)
raise SystemExit(client.wait())'
	assert_success
	assert_output hellohellohello
}

@test "--fd N where the standard streams are that socket: the peer gets what is sent and nothing else" {
	run --separate-stderr timeout 20 python3 -c '
import socket, subprocess, sys
for options, sent in ([], b"hello"), (["-v"], b"hello"), (["-J"], b"hello"), (["--ping", "-c", "1", "-s", "5"], b"1 ABC"):
    ours, theirs = socket.socketpair()
    message = [] if "--ping" in options else ["hello"]
    client = subprocess.Popen(["sockecho-client", *options, "--fd", "0", *message], stdin=theirs, stdout=theirs, stderr=theirs)
    theirs.close()
    ours.sendall(ours.recv(100))
    assert client.wait() == 0, options
    ours.setblocking(True)
    rest = ours.recv(1000)
    assert rest == b"", (options, rest)'
	assert_success
	assert_equal "$output$stderr" ""
}

@test "a peer that says as many bytes before it has read the whole MESSAGE still gets all of it" {
	run --separate-stderr timeout 20 python3 -c '
import socket, subprocess
ours, theirs = socket.socketpair()
theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
client = subprocess.Popen(["sockecho-client", "--fd", "0", "m" * 100000], stdin=theirs, stdout=subprocess.DEVNULL)
theirs.close()
ours.sendall(b"r" * 100000)
got = 0
while True:
    data = ours.recv(65536)
    if not data: break
    got += len(data)
assert got == 100000, got
assert client.wait() == 0'
	assert_success
}

@test "-t: a peer that is still owed bytes is reset, and does not take a part for the whole" {
	start_server sockecho-server -v -t 0.5 0
	cat >late.py <<-'PY'
		import socket, sys, threading, time
		def late(size):
		    with socket.socket() as s:
		        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
		        s.settimeout(30)
		        s.connect((sys.argv[1], int(sys.argv[2])))
		        got = 0
		        try:
		            s.sendall(bytes(size))
		            s.shutdown(socket.SHUT_WR)
		            while "closed: timed_out" not in open(sys.argv[3]).read():
		                time.sleep(0.05)
		            time.sleep(0.2)  # for the others
		            while data := s.recv(65536):
		                got += len(data)
		        except (ConnectionResetError, BrokenPipeError):
		            return
		        if got != size:
		            print("%d of %d bytes, and an orderly end" % (got, size))
		# With one of these sizes the server has read everything, and not sent everything.
		threads = [threading.Thread(target=late, args=(n,)) for n in range(3900000, 4600000, 16000)]
		[t.start() for t in threads]
		[t.join() for t in threads]
	PY
	run timeout 60 python3 late.py "$host" "$port" "$BATS_TEST_TMPDIR/server.err"
	assert_success
	assert_output ""
}

@test "--reset-first resets the first N connections and serves the next" {
	start_server sockecho-server --reset-first 2 -c 1 0
	for expected in 6 6 0; do
		run --separate-stderr sockecho-client -t 5 "$host" "$port" hello
		assert_equal "$status" "$expected"
	done
	wait_for "$server_pid"
	assert_equal "$waited_status" 0
}

# answers STATUS ... - so many clients, one after the other, end with these.
answers() {
	local expected
	for expected in "$@"; do
		run --separate-stderr sockecho-client -t 5 "$host" "$port" hello
		assert_equal "$status: $stderr" "$expected: $stderr"
	done
}

@test "--faults FILE: a line for each connection, in order, and the last one for all that follow" {
	printf '\xef\xbb\xbf# a plan\n\n ok\nreset-after=3 \nreset-first=2\r\nclose-after=4\tdelay=0.3\nok' >plan
	# Those that are reset at once are no connections for -c.
	start_server sockecho-server -v --faults plan -c 6 0
	answers 0 6 6 6
	milliseconds answers 5
	((elapsed >= 300)) || fail "answered after $elapsed ms"
	answers 0 0 0
	wait_for "$server_pid"
	assert_equal "$waited_status" 0
	run sed -nE 's/.*: closed: ([a-z]+).* ([0-9]+) bytes out.*/\1 \2/p' server.err
	assert_output $'ended 5\nreset 3\nreset 0\nreset 0\nended 4\nended 5\nended 5\nended 5'
	# The last line is one that resets.
	printf 'ok\nreset-first=2\n' >plan
	start_server sockecho-server --faults plan 0
	answers 0 6 6 6 6
}

@test "--faults FILE: who is refused has no line, and UNIX sockets have them too" {
	printf 'close-after=3\nok\n' >plan
	start_server sockecho-server --faults plan --deny 127.0.0.2 0
	run --separate-stderr sockecho-client --source 127.0.0.2 "$host" "$port" hello
	assert_failure 6
	answers 5 0
	start_server sockecho-server --faults plan -U sock
	run --separate-stderr sockecho-client -U sock hello
	assert_failure 5
	run --separate-stderr sockecho-client -U sock hello
	assert_success
}

@test "over a UNIX path: a peer that has no name is called so, one that has a path by that" {
	start_server sockecho-server -v -c 2 -U sock
	run --separate-stderr sockecho-client -v -U sock hello
	assert_success
	[[ $stderr == "client: (unnamed)"$'\n'"server: sock"$'\n'* ]] || fail "$stderr"
	python3 -c '
import socket
s = socket.socket(socket.AF_UNIX)
s.bind("mine")
s.connect("sock")'
	wait_for "$server_pid"
	grep -qx "sockecho-server: an unnamed peer: accepted" server.err
	grep -qx "sockecho-server: mine: accepted" server.err
}

@test "--faults FILE is read whole before the server goes on: standard input, a pipe, a daemon's" {
	mkfifo in
	in_background sh -c '{ echo reset-first=1; sleep 0.2; echo ok; } >in'
	start_server sh -c "exec sockecho-server --faults - 0 <in"
	answers 6 0
	run --separate-stderr sockecho-server --daemon --pidfile pid --port-file port --faults <(echo reset-first=1; echo ok) 0
	assert_success
	pids+=("$(cat pid)")
	host=127.0.0.1 port=$(cat port)
	answers 6 0
	mkfifo fifo
	run --separate-stderr timeout 10 sockecho-server -w 0.2 --faults fifo 0
	assert_failure 124
	assert_equal "$stderr" "sockecho-server: read fifo: timed out (--max-time)"
}

# plan_fails STATUS MESSAGE [option ...] - the server with the file "plan" ends with them.
plan_fails() {
	run --separate-stderr timeout 10 sockecho-server --faults plan "${@:3}"
	assert_failure "$1"
	refute_output
	assert_equal "$stderr" "sockecho-server: $2"
}

@test "--faults FILE: a line that says anything else is named with its number, and nothing is guessed" {
	printf 'ok\n\n# one\ndelay=1 limit-rate=x\nfrob\n' >plan
	plan_fails 2 "read plan, line 4: 'limit-rate=x': limit-rate takes a SIZE of 1 to 1024T (bytes, or with K, M, G, T)" 0
	printf 'reset-after=down:1K\n' >plan
	plan_fails 2 "read plan, line 1: 'reset-after=down:1K': what comes goes back, which is one direction: leave up: and down: out" 0
	printf 'delay=\x1b[1m\xc2\x9b\n' >plan
	plan_fails 2 "read plan, line 1: 'delay=\\x1b[1m\\xc2\\x9b': delay takes SECONDS (2, 0.25, 500ms, 1m, 1h; 100 years at most)" 0
	printf 'ok\nok\0\n' >plan
	plan_fails 2 "read plan, line 2: there is a NUL in it" 0
	printf '\xff\xfeo\0k\0\n\0' >plan
	plan_fails 2 "read plan: it is UTF-16, not UTF-8" 0
	printf '# nothing\n' >plan
	plan_fails 2 "read plan: no line says anything: 'ok' is a line without faults" 0
	printf 'ok\nreset-first=1\n' >plan
	plan_fails 2 "read plan, line 2: reset-after and reset-first are about TCP alone" -U sock
	[ ! -e sock ]
	rm plan
	plan_fails 1 "open plan: No such file or directory" 0
}

@test "--faults FILE: its words are the options that are about connections" {
	local option found=0
	for option in $(sockecho-server --help | sed -nE '/^Faults/,/^$/s/^ +--([a-z-]+) [A-Z]+ .*/\1/p'); do
		printf '%s=x\n' "$option" >plan
		run --separate-stderr timeout 10 sockecho-server --faults plan 0
		assert_failure 2
		case $option in
		drop | seed | faults) assert_regex "$stderr" "'$option=x' is none of ok, " ;;
		*) assert_regex "$stderr" "'$option=x': $option takes " && found=$((found + 1)) ;;
		esac
	done
	assert_equal "$found" 5
}

@test "TCP_NODELAY is on unless --nagle, SO_KEEPALIVE off unless --keepalive, on both sides" {
	need_trace
	start_server trace -f -o server.trace -e trace=setsockopt sockecho-server 0
	trace -f -o client.trace -e trace=setsockopt sockecho-client "$host" "$port" x
	grep -q "TCP_NODELAY, \[1\]" server.trace
	grep -q "TCP_NODELAY, \[1\]" client.trace
	run ! grep -q SO_KEEPALIVE server.trace client.trace
	start_server trace -f -o server.trace -e trace=setsockopt sockecho-server --nagle --keepalive 0
	trace -f -o client.trace -e trace=setsockopt sockecho-client --nagle --keepalive "$host" "$port" x
	for side in server client; do
		grep -q "TCP_NODELAY, \[0\]" $side.trace
		grep -q "SO_KEEPALIVE, \[1\]" $side.trace
	done
}

@test "--keepalive: a peer that lives and does not read stays, one that vanished is gone, in each direction and phase" {
	cd "$BATS_TEST_TMPDIR"
	cat >deaf.py <<-'PY'
		import socket, sys, time
		s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
		s.settimeout(0.5)
		try:
		    while True:
		        s.send(b"x" * 65536)
		except TimeoutError:
		    open("deaf", "w").close()
		time.sleep(60)
	PY
	cat >mute.py <<-'PY'
		import socket, time
		s = socket.create_server(("10.9.9.2", 0), backlog=10)
		print(s.getsockname()[1], file=open("mute.port", "w"), flush=True)
		held = [s.accept() for _ in range(3)]
		open("held", "w").close()
		time.sleep(60)
	PY
	two_machines <<-'SH' >out
		pids=()
		trap 'kill "${pids[@]}" 2>/dev/null' EXIT
		$in_a sockecho-server -v --keepalive=1 --port-file port 10.9.9.1 0 >/dev/null 2>err.server & pids+=($!)
		$in_b python3 mute.py & pids+=($!)
		wait_until test -s port
		wait_until test -s mute.port
		$in_b python3 deaf.py 10.9.9.1 "$(cat port)" & pids+=($!)
		mkfifo hold idle
		exec 8<>hold 9<>idle
		$in_b sockecho-client 10.9.9.1 "$(cat port)" <idle >/dev/null 2>&1 & pids+=($!)
		# Nobody reads: of 100 MB most cannot leave.
		$in_a sockecho-client -w 20 --keepalive=1 10.9.9.2 "$(cat mute.port)" <idle >/dev/null 2>err.idle & idle=$!
		(head -c 100M /dev/zero; cat hold) | $in_a sockecho-client -w 20 --keepalive=1 10.9.9.2 "$(cat mute.port)" >/dev/null 2>err.stream & stream=$!
		$in_a sockecho-client -w 20 --keepalive=1 10.9.9.2 "$(cat mute.port)" hello 2>err.message & message=$!
		pids+=($idle $stream $message)
		wait_until test -e held
		wait_until test -e deaf
		sleep 4 # four times the limit: nobody is gone
		! grep -q closed err.server
		kill -0 $idle $stream $message
		begin=${EPOCHREALTIME/./}
		$in_b ip link set vb down
		for client in $idle $stream $message; do
			wait $client && status=0 || status=$?
			echo "client $status"
		done
		[ $(((${EPOCHREALTIME/./} - begin) / 1000)) -lt 10000 ]
		closed() { [ "$(grep -c "closed: lost" err.server)" = 2 ]; }
		wait_until closed
	SH
	assert_equal "$(cat out)" $'client 124\nclient 124\nclient 124'
	grep -q "the peer is gone (--keepalive)" err.stream
}

@test "--keepalive: SECONDS after a blank is told as such, whole seconds alone are taken" {
	for program in sockecho-client sockecho-server; do
		run --separate-stderr "$program" --keepalive 60 127.0.0.1 7
		assert_failure 2
		assert_regex "$stderr" "option '--keepalive' takes its SECONDS after a '=', as in --keepalive=60"
		for seconds in 0 1.5 "" 40000; do
			run --separate-stderr "$program" "--keepalive=$seconds" 127.0.0.1 7
			assert_failure 2
			assert_regex "$stderr" "takes a whole number from 1 to 32767, not '$seconds'"
		done
	done
}

@test "16 KiB in one message come back without a pause (Nagle's algorithm and delayed ACKs)" {
	start_server sockecho-server 0
	without_a_pause() { # which would be one of 40 ms
		sockecho-client --ping --json -q -c 200 -i 0 -s 16K "$host" "$port" | jq -e '.p50 < 0.02'
	}
	in_three_tries without_a_pause
}

@test "--expect echo names the byte that differs" {
	start_server sockecho-server --upper 0
	run --separate-stderr sockecho-client --expect echo "$host" "$port" "12 abc"
	assert_failure 5
	assert_equal "$stderr" "sockecho-client: receive from 127.0.0.1 port $port: the reply differs at byte 3"
	run --separate-stderr sockecho-client --expect echo "$host" "$port" < <(printf '12 abc')
	assert_failure 5
	assert_equal "$stderr" "sockecho-client: receive from 127.0.0.1 port $port: the reply differs at byte 3"
	run --separate-stderr sockecho-client --expect upper "$host" "$port" "12 abc"
	assert_success
}

@test "--expect finds what a peer adds or keeps back in a stream" {
	start_server sockecho-server 0
	head -c 20M /dev/urandom | timeout 60 sockecho-client --expect echo "$host" "$port" >/dev/null
	in_background python3 -c '
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as s:
    open(sys.argv[1], "w").write(str(s.getsockname()[1]) + "\n")
    for extra in (b"x", None):
        c, _ = s.accept()
        with c:
            data = b""
            while more := c.recv(100):
                data += more
            c.sendall(data + extra if extra else data[:-1])
' "$BATS_TEST_TMPDIR/port"
	until_true 20 test -s "$BATS_TEST_TMPDIR/port"
	read -r p <"$BATS_TEST_TMPDIR/port"
	run --separate-stderr timeout 20 sockecho-client --expect echo 127.0.0.1 "$p" < <(printf 12345)
	assert_failure 5
	[[ $stderr == *"differs at byte 5" ]]
	run --separate-stderr timeout 20 sockecho-client --expect echo 127.0.0.1 "$p" < <(printf 12345)
	assert_failure 5
	[[ $stderr == *"the peer closed before everything had come back" ]]
}

# with_open_input COMMAND ... - run it with a standard input that says hello, and then nothing, but does not end.
with_open_input() {
	local input name=input.$BASHPID
	mkfifo "$name"
	exec {input}<>"$name" # whoever has it can write to it, too: it has no end
	rm "$name"
	printf hello >&"$input"
	"$@" <&"$input" {input}>&-
}

# hello_and WORD OUTPUT - say hello, and WORD once OUTPUT has the peer's goodbye, and its end has arrived, too.
hello_and() {
	printf hello
	until_true 20 grep -qs bye "$2"
	sleep 0.3
	printf %s "$1"
}

# The peer has ended while standard input is open: its next event decides.
@test "standard input that is still open when the peer has ended: its end is 0, more is 5, nothing is 0 with a note" {
	local transport tcp unix
	local note="the peer ended while standard input was still open: all that came there was sent"
	# Without a limit it waits for five seconds.  The other cases are tried meanwhile.
	waits_five_seconds() {
		sockecho-client -J "${where[@]}" >"out.$transport"
	}
	in_five_seconds() {
		on_time 0 5000 6000 with_open_input waits_five_seconds
		assert_equal "$(cat "out.$transport")" bye
	}
	says_more() {
		rm -f out
		status=0
		timeout 20 sockecho-client "${where[@]}" < <(hello_and "$1" out) >out 2>err || status=$?
		((status == $2)) && [ "$(<out)" = bye ] && [[ $(<err) == $3 ]]
	}
	says_nothing() {
		run --separate-stderr with_open_input timeout 20 sockecho-client "$@" "${where[@]}"
	}
	is_noted() {
		says_nothing -t 0.5
		((status == 0)) && [[ $stderr == *"$note"* ]]
	}
	start_goodbyes 5
	tcp=(127.0.0.1 "$port")
	start_goodbyes 5 "$BATS_TEST_TMPDIR/goodbyes"
	unix=(-U "$port")
	for transport in tcp unix; do
		local -n where=$transport
		sock_run "$transport" in_five_seconds
	done
	for transport in tcp unix; do
		local -n where=$transport
		in_three_tries says_more "" 0 "" || fail "status $status: $(cat err)"
		in_three_tries says_more more 5 "*: the peer closed before all of the input was sent" || fail "status $status: $(cat err)"
		in_three_tries is_noted || fail "status $status: $stderr"
		says_nothing -w 1
		assert_failure 124
		# What was expected has not come: no need to wait.
		says_nothing --expect echo
		assert_failure 5
	done
	for transport in tcp unix; do
		sock_wait "$transport"
		((waited_status == 0)) && grep -q "$note" "$transport.err" || fail "$(cat "$transport.err")"
	done
}

@test "300 times a byte through a pipe, 50 at once: no false failure" {
	pipe_into_clients 300 50
}

@test "--no-shutdown keeps the sending half open after the end of input, until the peer ends" {
	# It takes a half-close for a hang-up, as proxies do: the first that comes has no other end, and no answer; the
	# second has one a moment later, in which no end came.
	start_server python3 -c '
import socket
s = socket.create_server(("127.0.0.1", 0))
print("listening tcp", *s.getsockname(), flush=True)
with s.accept()[0] as c:
    while c.recv(100):
        pass
while True:
    with s.accept()[0] as c:
        c.recv(100)
        c.settimeout(0.5)
        try:
            c.recv(100)
        except TimeoutError:
            c.sendall(b"the answer\n")
'
	run timeout 20 sockecho-client "$host" "$port" < <(echo question)
	assert_success
	assert_output ""
	run timeout 20 sockecho-client --no-shutdown "$host" "$port" < <(echo question)
	assert_success
	assert_output "the answer"
	for mode in "-u 127.0.0.1 7" "--ping 127.0.0.1 7" "--connect-only 127.0.0.1 7" "127.0.0.1 7 hello"; do
		# shellcheck disable=SC2086 # several words
		run --separate-stderr sockecho-client --no-shutdown $mode
		assert_failure 2
		assert_regex "$stderr" "'--no-shutdown' is about a stream of standard input"
	done
}

@test "-v says who talks to whom and how much is sent, on standard error" {
	start_server sockecho-server 0
	run --separate-stderr sockecho-client -v "$host" "$port" hello
	assert_success
	assert_output hello
	[[ $stderr =~ client:\ 127\.0\.0\.1\ -\ [0-9]+ ]]
	[[ $stderr == *"server: 127.0.0.1 - $port"* ]]
	[[ $stderr == *"send 5 bytes"* ]]
}

@test "--json: replies, bytes that are no UTF-8, and errors are records" {
	need jq
	start_server sockecho-server 0
	sockecho-client --json "$host" "$port" "hé" $'\xff\x01' >"$BATS_TEST_TMPDIR/out"
	run jq -r 'select(.event == "reply") | .text // .base64' "$BATS_TEST_TMPDIR/out"
	assert_output $'hé\n/wE='
	run jq -r 'select(.event == "connected") | .program, .port' "$BATS_TEST_TMPDIR/out"
	assert_output "sockecho-client
$port"
	stop_server
	run --separate-stderr sockecho-client --json "$host" "$port" x
	assert_failure 6
	assert_equal "$(jq -r '.error | .code, .errno, .during, .message' <<<"$output")" \
		"no_peer
111
connect to 127.0.0.1 port $port
Connection refused"
	assert_equal "$stderr" "sockecho-client: connect to 127.0.0.1 port $port: Connection refused"
}

@test "--json of a stream goes to standard error, the data to standard output" {
	need jq
	start_server sockecho-server 0
	echo data | sockecho-client --json "$host" "$port" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	assert_equal "$(cat "$BATS_TEST_TMPDIR/out")" data
	assert_equal "$(jq -r .event "$BATS_TEST_TMPDIR/err")" connected
}

@test "--connect-only connects and says nothing" {
	start_server sockecho-server -v 0
	run --separate-stderr sockecho-client --connect-only "$host" "$port"
	assert_success
	assert_output ""
	until_true 20 grep -q "closed: ended; 0 bytes in, 0 bytes out" "$BATS_TEST_TMPDIR/server.err"
	stop_server
	run --separate-stderr sockecho-client --connect-only "$host" "$port"
	assert_failure 6
}

# Ten ways for a connection to end: who ends first, how, and with what under way.
end_case() { # end_case EXPECTED-STATUS SERVER-OPTIONS -- CLIENT-OPTIONS; input from standard input
	local expected=$1 server=() status=0
	shift
	while [ "$1" != -- ]; do
		server+=("$1")
		shift
	done
	shift
	start_server sockecho-server "${server[@]}" 0
	timeout 20 sockecho-client "$@" "$host" "$port" >"$BATS_TEST_TMPDIR/out" || status=$?
	assert_equal "$status" "$expected"
	kill -KILL "$server_pid"
	wait_for "$server_pid"
}

@test "ends: the client first, nothing said" {
	end_case 0 -- <<<""
	end_case 0 -- </dev/null
	[ ! -s "$BATS_TEST_TMPDIR/out" ]
}

@test "ends: the client first, answers still to come" {
	end_case 0 --delay 0.3 -- < <(printf 'late answer')
	assert_equal "$(cat "$BATS_TEST_TMPDIR/out")" "late answer"
}

@test "ends: the client first, answers come slowly" {
	end_case 0 --limit-rate 100K -- < <(head -c 50K /dev/zero)
	assert_equal "$(wc -c <"$BATS_TEST_TMPDIR/out")" 51200
}

@test "ends: the server first, before anything is said" {
	need ss
	# The input is made beside end_case, and so before there is a port.
	end_has_come() {
		local port
		port=$(sed -nE 's/^listening tcp .* //p' server.out)
		[[ $port ]] && ss -Htn state close-wait dport = ":$port" | grep -q .
	}
	end_case 5 --close-after 0 -- < <(
		until_true 20 end_has_come 2>/dev/null
		sleep 0.3 # so that the client knows it as well
		printf x
	)
	end_case 0 --close-after 0 -- </dev/null
}

@test "ends: the server first, when all was said" {
	end_case 0 --close-after 5 -- < <(printf 12345)
	assert_equal "$(cat "$BATS_TEST_TMPDIR/out")" 12345
}

@test "ends: the server first, while more is said" {
	end_case 5 --close-after 5 -- < <(
		printf 1234567
		until_true 20 grep -qs 12345 out
		sleep 0.3 # so that the client knows of the end as well
		printf 89
		exec sleep 5 3>&-
	)
	assert_equal "$(cat "$BATS_TEST_TMPDIR/out")" 12345
}

@test "ends: the server resets at once" {
	end_case 6 --reset-after 0 -- < <(printf x; exec sleep 5 3>&-)
}

@test "ends: the server resets after some" {
	end_case 6 --reset-after 5 -- < <(printf 1234567; exec sleep 5 3>&-)
	assert_equal "$(cat "$BATS_TEST_TMPDIR/out")" 12345
}

@test "ends: the server is told to stop, and finishes what it has read" {
	start_server sockecho-server --delay 0.5 0
	printf 'owed' | timeout 20 sockecho-client "$host" "$port" >"$BATS_TEST_TMPDIR/out" 3>&- &
	client=$!
	pids+=("$client")
	until_true 20 sh -c "kill -USR1 $server_pid; grep -q bytes_in=4 $BATS_TEST_TMPDIR/server.err"
	stop_server
	assert_equal "$server_status" 0
	wait_for "$client"
	assert_equal "$waited_status" 0
	assert_equal "$(cat "$BATS_TEST_TMPDIR/out")" owed
}

# flood.py PORT|PATH PID - say more than a server takes, tell the server to stop, then read: how much came, and how
# it ended.
write_flood() {
	cat >"$BATS_TEST_TMPDIR/flood.py" <<-'PY'
		import os, select, signal, socket, sys
		where, pid = sys.argv[1], int(sys.argv[2])
		s = socket.socket(socket.AF_UNIX if "/" in where else socket.AF_INET)
		s.connect(where if "/" in where else ("127.0.0.1", int(where)))
		s.setblocking(False)
		while select.select([], [s], [], 0.5)[1]:
		    try:
		        s.send(b"x" * 65536)
		    except BlockingIOError:
		        pass
		os.kill(pid, signal.SIGTERM)
		s.settimeout(20)
		came, end = 0, "end"
		try:
		    while n := len(s.recv(65536)):
		        came += n
		except OSError as error:
		    end = error.strerror
		print(came, end)
	PY
}

@test "ends: the server is told to stop, with more to be read: what it has read arrives" {
	write_flood
	local options came
	for options in 0 "-U $BATS_TEST_TMPDIR/socket" "--delay 0.5 0"; do
		# shellcheck disable=SC2086 # words are meant
		start_server sockecho-server -v $options
		run python3 "$BATS_TEST_TMPDIR/flood.py" "${port:-$host}" "$server_pid"
		wait_for "$server_pid"
		assert_equal "$waited_status" 0
		came=$output
		run sed -n 's/.*closed: ended; \([0-9]*\) bytes in, \1 bytes out.*/\1 end/p' "$BATS_TEST_TMPDIR/server.err"
		assert_equal "$came" "$output"
		refute_output ""
	done
}

@test "ends: the server is told to stop before it has read anything: a reset, which no client takes for an answer" {
	run python3 - <<-'PY'
		import fcntl, os, signal, socket, struct, subprocess, termios, time
		# Nobody reads what it says of the first connection: it waits there until it is told to stop.
		_, full = os.pipe()
		os.set_blocking(full, False)
		try:
		    while True:
		        os.write(full, bytes(4096))
		except BlockingIOError:
		    os.set_blocking(full, True)
		server = subprocess.Popen(["sockecho-server", "-v", "-w", "60", "0"], stdout=subprocess.PIPE, stderr=full)
		port = int(server.stdout.readline().split()[3])
		quiet, s = (socket.create_connection(("127.0.0.1", port), 20) for _ in range(2))
		s.sendall(b"hello")
		s.shutdown(socket.SHUT_WR)
		while struct.unpack("i", fcntl.ioctl(s, termios.TIOCOUTQ, bytes(4)))[0] > 0:
		    time.sleep(0.01)  # it has not arrived yet
		server.terminate()
		print(quiet.recv(5))
		try:
		    print(s.recv(5))
		except ConnectionResetError:
		    print("reset")
		print(server.wait(20))
	PY
	assert_output $'b\'\'\nreset\n0'
}

# ends_with PORT PID SIGNAL ... - the server ends by itself, or is told to by these signals: how two connections end, one
# that is owed most of its answer, and one that has its own.
ends_with() {
	python3 - "$@" <<-'PY'
		import os, signal, socket, sys, time
		port, pid, signals = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
		owed, done = (socket.create_connection(("127.0.0.1", port), 20) for _ in range(2))
		owed.sendall(b"x" * 50000)
		done.sendall(b"whole")
		answer = b""
		while len(answer) < 5:
		    answer += done.recv(5)
		owed.recv(1)
		for name in signals:
		    os.kill(pid, getattr(signal, name))
		    time.sleep(0.2)  # else two are one
		for s in owed, done:
		    try:
		        while s.recv(65536):
		            pass
		        print("end", end=" ")
		    except ConnectionResetError:
		        print("reset", end=" ")
	PY
}

@test "ends: the server ends with answers unsent: these connections are reset, what is done ends in order" {
	local i signals=("" SIGHUP "SIGTERM SIGTERM" SIGTERM) options=("-w 3") statuses=(124 129 0 0)
	# Beside each other, since most of the time is waiting.
	for i in 0 1 2 3; do
		# shellcheck disable=SC2086 # words are meant
		sock_start "server$i" sockecho-server --limit-rate 1000 ${options[i]-} 0
		# shellcheck disable=SC2086
		sock_run "ends$i" ends_with "$port" "$last_pid" ${signals[i]}
	done
	for i in 0 1 2 3; do
		sock_wait "ends$i"
		assert_equal "$(cat "ends$i.out")" "reset end "
		sock_wait "server$i"
		assert_equal "$waited_status" "${statuses[i]}"
	done
}

@test "ends: the server is killed: the client's stream is cut, and is not taken for whole" {
	start_server sockecho-server --limit-rate 10K 0
	head -c 100K /dev/zero | timeout 20 sockecho-client --expect echo "$host" "$port" >/dev/null 2>&1 3>&- &
	client=$!
	pids+=("$client")
	until_true 20 sh -c "kill -USR1 $server_pid; grep -q 'bytes_in=[1-9]' $BATS_TEST_TMPDIR/server.err"
	stop_server KILL
	wait_for "$client"
	((waited_status == 5 || waited_status == 6))
}

# ---- peers that we did not write

@test "nc.openbsd, nc.traditional, ncat and socat talk to our server" {
	need nc.openbsd nc.traditional ncat socat
	start_server sockecho-server --upper 0
	run nc.openbsd -N "$host" "$port" <<<one
	assert_output ONE
	run nc.traditional -q 1 "$host" "$port" <<<two
	assert_output TWO
	run ncat "$host" "$port" <<<three
	assert_output THREE
	run socat - "TCP:$host:$port" <<<four
	assert_output FOUR
}

@test "curl's telnet: talks to our server" {
	need curl
	start_server sockecho-server -c 1 --close-after 6 0
	# It ends with its input.
	timeout 20 curl -sN "telnet://$host:$port" < <(echo hello; until_true 20 grep -qs hello out) >out
	assert_equal "$(cat out)" hello
}

@test "our client talks to socat's echo, and to asyncio's with more than fits in any buffer" {
	# Little to socat: its PIPE echo blocks itself when the pipe is almost full.
	start_socat TCP-LISTEN:0,bind=127.0.0.1,fork PIPE
	run --separate-stderr sockecho-client -t 10 --expect echo 127.0.0.1 "$socat_port" one two
	assert_success
	assert_output $'one\ntwo'
	sock_start asyncio python3 -c '
import asyncio
async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    print("listening tcp", *server.sockets[0].getsockname(), flush=True)
    await server.serve_forever()
asyncio.run(main())
'
	head -c 20M /dev/urandom >"$BATS_TEST_TMPDIR/in"
	sockecho-client -t 20 --expect echo "$host" "$port" <"$BATS_TEST_TMPDIR/in" |
		cmp - "$BATS_TEST_TMPDIR/in"
}

@test "an early end from the peer (ncat with its input at the end) is told" {
	need ncat
	start_server sockecho-server 0 # a free port
	p=$port
	stop_server
	in_background ncat -l 127.0.0.1 "$p" </dev/null >/dev/null
	mkfifo "$BATS_TEST_TMPDIR/input"
	exec {open}<>"$BATS_TEST_TMPDIR/input"
	in_background sh -c "exec sockecho-client --wait 10 127.0.0.1 $p <$BATS_TEST_TMPDIR/input"
	until_true 20 sh -c "! kill -0 $last_pid || ss -Htn state close-wait dport = :$p | grep -q ."
	printf x >&"$open"
	wait_for "$last_pid"
	assert_equal "$waited_status" 5
}
