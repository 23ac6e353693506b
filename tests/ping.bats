#!/usr/bin/env bats
# ping.bats - round trips: what is printed, what is counted, how it ends.

load helpers

@test "a line each, then ping's own two lines" {
	start_server sockecho-server 0
	run --separate-stderr sockecho-client --ping -c 3 -i 0.05 "$host" "$port"
	assert_success
	assert_equal "$stderr" ""
	for i in 0 1 2; do
		assert_line --index $i --regexp "^64 bytes from 127\.0\.0\.1 port $port: seq=$((i + 1)) time=[0-9]+\.[0-9]{3} ms\$"
	done
	assert_line --index 3 --regexp '^3 packets transmitted, 3 received, 0% packet loss, time [1-9][0-9][0-9]+ms$'
	assert_line --index 4 --regexp '^rtt min/avg/max/mdev = [0-9.]+/[0-9.]+/[0-9.]+/[0-9.]+ ms$'
	assert_equal "${#lines[@]}" 6
	assert_line --index 5 --regexp '^p50 = [0-9.]+ ms$'
}

@test "-q leaves the summary; percentiles come where the sample supports them" {
	start_server sockecho-server 0
	run --separate-stderr sockecho-client -q --ping -c 1 "$host" "$port"
	assert_equal "${#lines[@]}" 2
	run --separate-stderr sockecho-client -q --json --ping -c 1 "$host" "$port"
	assert_equal "$(jq -r .event <<<"$output")" summary
	run --separate-stderr sockecho-client -q --ping -c 10 -i 0 "$host" "$port"
	assert_line --index 2 --regexp '^p50/p90 = [0-9.]+/[0-9.]+ ms$'
	run --separate-stderr sockecho-client -q --ping -c 100 -i 0 "$host" "$port"
	assert_line --index 2 --regexp '^p50/p90/p99 = [0-9.]+/[0-9.]+/[0-9.]+ ms$'
	run --separate-stderr sockecho-client -q --ping -c 100 -i 0 --histogram "$host" "$port"
	assert_line --regexp '^ +[0-9.]+ - +[0-9.]+ ms +[0-9]+ #+$'
}

@test "over UDP and UNIX sockets" {
	cd "$BATS_TEST_TMPDIR"
	start_server sockecho-server -u --upper 0
	run --separate-stderr sockecho-client -u --ping --expect upper -c 3 -i 0 -s 1400 "$host" "$port"
	assert_success
	assert_line --partial "1400 bytes from 127.0.0.1 port $port: seq=3"
	start_server sockecho-server -U sock
	run --separate-stderr sockecho-client --ping -c 3 -i 0 -U sock
	assert_success
	assert_line --partial "64 bytes from sock: seq=3"
	start_server sockecho-server -u -U gram
	run --separate-stderr sockecho-client -u --ping --expect echo -c 3 -i 0 -U gram
	assert_success
}

@test "probes are printable upper case and begin with their number" {
	in_background python3 -c '
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as s:
    open(sys.argv[1] + "/port", "w").write(str(s.getsockname()[1]) + "\n")
    c, _ = s.accept()
    data = b""
    while more := c.recv(100):
        data += more
        c.sendall(more)
    open(sys.argv[1] + "/probes", "wb").write(data)
' "$BATS_TEST_TMPDIR"
	server=$last_pid
	until_true 20 test -s "$BATS_TEST_TMPDIR/port"
	run --separate-stderr sockecho-client --ping -c 2 -i 0 -s 32 127.0.0.1 "$(cat "$BATS_TEST_TMPDIR/port")"
	assert_success
	wait_for "$server"
	assert_equal "$(cat "$BATS_TEST_TMPDIR/probes")" "1 ABCDEFGHIJKLMNOPQRSTUVWXYZABCD2 ABCDEFGHIJKLMNOPQRSTUVWXYZABCD"
}

@test "a probe of one byte and one of 4 MiB" {
	start_server sockecho-server 0
	run --separate-stderr sockecho-client --ping --expect echo -c 5 -i 0 -s 1 "$host" "$port"
	assert_success
	run --separate-stderr sockecho-client --ping --expect echo -c 3 -i 0 -s 4M "$host" "$port"
	assert_success
	assert_line --partial "4194304 bytes from"
}

@test "some lost is 1, all lost 124; late answers are counted apart" {
	start_server sockecho-server -u --drop 50 --seed 1 0
	run --separate-stderr sockecho-client -u --ping -q -c 20 -i 0.01 -t 1 "$host" "$port"
	assert_failure 1
	assert_line --regexp '^20 packets transmitted, ([5-9]|1[0-5]) received, [0-9.]+% packet loss, '
	stop_server
	start_server sockecho-server -u --drop 100 0
	run --separate-stderr sockecho-client -u --ping -c 3 -i 0.01 -t 0.2 "$host" "$port"
	assert_failure 124
	assert_line "no answer from 127.0.0.1 port $port: seq=2"
	assert_line --partial "3 packets transmitted, 0 received, 100% packet loss"
	stop_server
	late() {
		run --separate-stderr sockecho-client "$@" --ping -q -c 5 -i 0.1 -t 0.2 "$host" "$port"
		assert_equal "$status" 124 &&
			assert_line --regexp '^5 packets transmitted, 0 received, \+[1-4] late, 100% packet loss'
	}
	start_server sockecho-server -u --delay 0.3 0
	in_three_tries late -u
	stop_server
	start_server sockecho-server --delay 0.3 0
	in_three_tries late
}

@test "double answers are counted apart, and a line says how many bytes came" {
	start_peer python datagrams 2 20
	run --separate-stderr sockecho-client -u --ping -c 3 -i 0.05 "$host" "$port"
	assert_success
	assert_line --regexp '^64 bytes from 127.0.0.1 port [0-9]+: seq=1 time=[0-9.]+ ms$'
	assert_line --regexp '^20 bytes from 127.0.0.1 port [0-9]+: seq=1 time=[0-9.]+ ms \(duplicate\)$'
	assert_line --regexp '^3 packets transmitted, 3 received, \+[23] duplicates, 0% packet loss'
}

@test "a delay is measured as such" {
	start_server sockecho-server --delay 0.1 0
	measured() {
		sockecho-client --ping -q --json -c 5 -i 0.05 "$host" "$port" >"$BATS_TEST_TMPDIR/out" &&
			jq -e '.event == "summary" and .transmitted == 5 and .received == 5 and .lost == 0 and
				.min >= 0.1 and .avg < 0.15 and .p90 == null' "$BATS_TEST_TMPDIR/out"
	}
	in_three_tries measured
}

@test "the schedule is kept: ten probes at 50 ms take half a second, however late the answers" {
	start_server sockecho-server --delay 0.2 0
	on_time 0 650 850 sockecho-client --ping -q -c 10 -i 0.05 "$host" "$port"
}

@test "a stall counts from when the probes were due" {
	start_server sockecho-server 0
	in_background sockecho-client --ping --json -i 0.05 "$host" "$port" >"$BATS_TEST_TMPDIR/out"
	client=$last_pid
	until_true 20 grep -q '"seq":3,' "$BATS_TEST_TMPDIR/out"
	kill -STOP "$client"
	stopped=$(grep -c . "$BATS_TEST_TMPDIR/out")
	sleep 0.5
	kill -CONT "$client"
	until_true 20 grep -q "\"seq\":$((stopped + 15))," "$BATS_TEST_TMPDIR/out"
	kill -INT "$client"
	wait_for "$client"
	assert_equal "$waited_status" 0
	run jq -s '[.[] | select(.event == "reply" and .seconds > 0.05)] | length' "$BATS_TEST_TMPDIR/out"
	((output >= 5))
}

@test "--duration ends it, whatever is under way, which is neither lost nor counted" {
	start_server sockecho-server --delay 60 0
	run --separate-stderr sockecho-client --ping -q -i 0.1 --duration 0.25 --clients 2 "$host" "$port"
	assert_failure 1
	assert_output --regexp '^[1-6] packets transmitted, 0 received, [1-6] under way, 0% packet loss, time [0-9]+ms$'
}

@test "a peer that sends without end keeps no limit from ending it" {
	need_trace
	start_flood() { # start_flood BYTES, or the question's, again and again
		in_background python3 -c '
import os, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
open("port.new", "w").write(str(s.getsockname()[1]) + "\n")
os.rename("port.new", "port")
data, peer = s.recvfrom(100)
s.connect(peer)
s.send(data)
try:
    while True:
        s.send(sys.argv[1].encode() or data)
except ConnectionRefusedError:
    pass  # the client is gone
' "$1"
		until_true 20 test -s port
		read -r port <port
		rm port
	}
	# A client that is slower than its peer finds another datagram at each look.
	slowly() { trace -qqo /dev/null -e trace=recvfrom -e inject=recvfrom:delay_enter=1000 timeout 20 "$@"; }
	cd "$BATS_TEST_TMPDIR"
	start_flood junk
	run --separate-stderr slowly sockecho-client -u --ping -q -i 0.1 --duration 0.3 127.0.0.1 "$port"
	assert_success
	start_flood ""
	one_is_answered() {
		run --separate-stderr slowly sockecho-client -u --expect echo -t 0.3 127.0.0.1 "$port" one two
		((status == 124)) && [ "$output" = one ]
	}
	in_three_tries one_is_answered || fail "status $status: $output"
}

@test "an interval shorter than a probe takes keeps no limit from ending it, and no answer from being seen" {
	start_server sockecho-server -u 0
	says_in_time 0 "" sockecho-client -u --ping -q -i 0.0000001 -w 0.3 "$host" "$port"
	assert_line --regexp '^[0-9]+ packets transmitted, [1-9][0-9]* received, '
}

@test "--duration and --clients" {
	start_server sockecho-server 0
	a_second() {
		on_time 0 1000 1300 sockecho-client --ping -q --duration 1 -i 0.1 "$host" "$port" >"$BATS_TEST_TMPDIR/out" &&
			tail -n 4 "$BATS_TEST_TMPDIR/out" | grep -q "^10 packets transmitted, 10 received"
	}
	in_three_tries a_second
	run --separate-stderr sockecho-client --ping --clients 50 -c 4 -i 0 "$host" "$port"
	assert_success
	assert_line --partial "200 packets transmitted, 200 received"
	assert_line --partial "seq=4 time="
	assert_line --partial "client=50"
	kill -USR1 "$server_pid"
	until_true 20 grep -qE "accepted=5[1-9]" "$BATS_TEST_TMPDIR/server.err"
}

@test "SIGINT ends it with the summary, by its results" {
	start_server sockecho-server 0
	sockecho-client --ping -i 0.05 "$host" "$port" >"$BATS_TEST_TMPDIR/out" 3>&- &
	client=$!
	pids+=("$client")
	until_true 20 grep -q "seq=3" "$BATS_TEST_TMPDIR/out"
	kill -INT "$client"
	wait_for "$client"
	assert_equal "$waited_status" 0
	grep -q "packets transmitted" "$BATS_TEST_TMPDIR/out"
}

@test "probes under way at the end are neither lost nor counted: SIGINT and -w" {
	start_server sockecho-server --delay 0.5 0
	in_background sockecho-client --ping -J -i 0.1 -t 20 "$host" "$port" >"$BATS_TEST_TMPDIR/out"
	until_true 20 grep -q '"seq":5,' "$BATS_TEST_TMPDIR/out"
	kill -INT "$last_pid"
	wait_for "$last_pid"
	assert_equal "$waited_status" 0
	jq -se 'last | .final and .lost == 0 and .pending > 0 and .transmitted == .received + .pending' "$BATS_TEST_TMPDIR/out"
	says_in_time 0 "" sockecho-client --ping -q -i 0.1 -t 20 -w 1 "$host" "$port"
	assert_line --regexp '^[0-9]+ packets transmitted, [0-9]+ received, [0-9]+ under way, 0% packet loss, time [0-9]+ms$'
	stop_server
	start_server sockecho-server -u --delay 30 0
	# None answered and none lost.
	run --separate-stderr sockecho-client --ping -u -q -i 0.1 -t 20 -w 1 --clients 3 "$host" "$port"
	assert_failure 1
	assert_line --regexp '^[0-9]+ packets transmitted, 0 received, [0-9]+ under way, 0% packet loss'
	# Those whose time has passed are lost.
	some_are_lost() {
		run --separate-stderr sockecho-client --ping -u -q -J -i 0.1 -t 0.45 -w 1 "$host" "$port"
		((status == 124)) && jq -e '.final and .lost > 0 and .pending > 0 and .received == 0' <<<"$output"
	}
	in_three_tries some_are_lost
}

@test "SIGQUIT prints the summary so far, and it goes on" {
	start_server sockecho-server 0
	for json in "" -J; do
		in_background sockecho-client --ping $json -i 0.05 "$host" "$port" >"$BATS_TEST_TMPDIR/out"
		until_true 20 grep -qE 'seq(=|":)3' "$BATS_TEST_TMPDIR/out"
		for count in 1 2; do
			kill -QUIT "$last_pid"
			until_true 20 summaries "$count"
		done
		answers=$(grep -cE 'seq(=|":)' "$BATS_TEST_TMPDIR/out")
		until_true 20 grep -qE "seq(=|\":)$((answers + 2))" "$BATS_TEST_TMPDIR/out"
		kill -INT "$last_pid"
		wait_for "$last_pid"
		assert_equal "$waited_status" 0
		summaries 3
	done
	assert_equal "$(jq -sc '[.[] | select(.event == "summary") | .final, .lost]' "$BATS_TEST_TMPDIR/out")" '[false,0,false,0,true,0]'
}

# summaries N - so many are in the output.
summaries() {
	[ "$(grep -cE 'packets transmitted|"transmitted"' "$BATS_TEST_TMPDIR/out")" = "$1" ]
}

@test "SIGINT and SIGTERM end it while nobody reads its results" {
	cat >"$BATS_TEST_TMPDIR/full.py" <<-'PY'
		import os, peer, select, signal, socket, subprocess
		for signum, expected in (signal.SIGINT, (0, 1)), (signal.SIGTERM, (-15,)):
		    with socket.create_server(("127.0.0.1", 0)) as listener:
		        r, w = os.pipe()
		        peer.fill_pipe(w)
		        client = subprocess.Popen(["sockecho-client", "--ping", "-i", "0.02", "127.0.0.1", str(listener.getsockname()[1])], stdout=w)
		        conn, _ = listener.accept()
		        try:
		            # It stands still: no probe comes any more.
		            while select.select([conn], [], [], 0.5)[0]:
		                conn.sendall(conn.recv(4096))
		            client.send_signal(signum)
		            assert client.wait(timeout=10) in expected, client.returncode
		        finally:
		            client.kill()
	PY
	python3 "$BATS_TEST_TMPDIR/full.py"
}

@test "a peer that resets or closes under way: 6, 5, with the summary" {
	start_server sockecho-server --reset-after 100 0
	run --separate-stderr sockecho-client --ping -c 5 -i 0.05 "$host" "$port"
	assert_failure 6
	assert_line --partial "packets transmitted, 1 received"
	stop_server
	start_server sockecho-server --close-after 64 0
	run --separate-stderr sockecho-client --ping -c 5 -i 0.05 "$host" "$port"
	assert_failure 5
	stop_server
	run --separate-stderr sockecho-client -u --ping -c 2 -i 0.05 127.0.0.1 9
	assert_failure 6
}

@test "-u: where one address of a name refuses, the next is tried, by each client" {
	need_namespaces -nm
	cd "$BATS_TEST_TMPDIR"
	"${in_namespaces[@]}" bash -euc '
		ip link set lo up
		printf "127.0.0.2 two\n127.0.0.1 two\n" >hosts
		mount --bind hosts /etc/hosts
		for address in 127.0.0.1 127.0.0.2; do
			mkfifo "ready.$address"
			timeout 20 sockecho-server -u "$address" 0 >"ready.$address" 3>&- & server=$!
			read -r _ _ _ port <"ready.$address"
			for options in "-i 0.01" "-i 0" "-i 0.01 --clients 3"; do
				sockecho-client -u --ping -c 3 $options two "$port" >"out.$address"
				grep -q "^64 bytes from $address port $port: seq=3 " "out.$address"
				grep -qE "^(3 packets transmitted, 3|9 packets transmitted, 9) received" "out.$address"
			done
			kill "$server"
			wait "$server"
		done
		sockecho-client -u --ping -c 3 -i 0.01 two "$port" >out 2>err || echo $? >status
	' || fail "$(head out*)"
	assert_equal "$(cat status)" 6
	assert_equal "$(wc -l <err)" 1
}

@test "--expect finds a wrong answer and names probe and byte" {
	in_background python3 -c '
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as s:
    open(sys.argv[1], "w").write(str(s.getsockname()[1]) + "\n")
    for change in (lambda answer: answer.replace(b"B", b"x", 1)), bytes.lower, bytes.lower:
        c, _ = s.accept()
        c.sendall(c.recv(100))
        c.sendall(change(c.recv(100)))
        c.recv(100)
' "$BATS_TEST_TMPDIR/port"
	until_true 20 test -s "$BATS_TEST_TMPDIR/port"
	p=$(cat "$BATS_TEST_TMPDIR/port")
	# Probes are in upper case, and a peer that changes that is found out with both.
	for check in "echo 3" "echo 2" "upper 2"; do
		run --separate-stderr sockecho-client --ping --expect "${check% *}" -c 3 -i 0 127.0.0.1 "$p"
		assert_failure 5
		assert_equal "$stderr" "sockecho-client: receive from 127.0.0.1 port $p, probe 2, byte ${check#* }: the reply differs"
	done
}

@test "a peer that stops reading is a loss, not a hang" {
	start_peer silent listen : hold
	run --separate-stderr timeout 20 sockecho-client --ping -q -s 16M -c 3 -i 0.1 -t 1 "$host" "$port"
	assert_failure 124
	assert_line --partial "0 received, 100% packet loss"
}

@test "probes that leave late because this end was stopped are told as such" {
	start_server sockecho-server 0
	run --separate-stderr python3 - "$host" "$port" <<-'PY'
		import signal, subprocess, sys, time
		def ping(*options):
		    p = subprocess.Popen(["sockecho-client", "--ping", "-t", "20", "-i", "0.1", "-c", "20", *options, *sys.argv[1:]],
		                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
		    p.stdout.readline()
		    p.send_signal(signal.SIGSTOP)
		    time.sleep(0.9)
		    p.send_signal(signal.SIGCONT)
		    print(p.communicate()[1], p.returncode)
		ping()
		ping("--clients", "4")
		ping("-v")
	PY
	assert_success
	assert_equal "$(grep -cE '^sockecho-client: probes [0-9]+ to [0-9]+ left up to [0-9]+\.[0-9] s late: this end was busy or stopped$' <<<"$output")" 3
	assert_equal "$(grep -c ' 0$' <<<"$output")" 3
}
