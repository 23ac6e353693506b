#!/usr/bin/env bats
# connect.bats - connecting: deadlines, retries, several addresses, both families.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# A listener whose backlog is full, so that the next connect hangs: its port is in $port.
full_backlog() {
	start_peer full full
}

@test "nobody there: 6, with the address and the reason" {
	start_server sockecho-server 0
	stop_server
	run --separate-stderr sockecho-client 127.0.0.1 "$port" x
	assert_failure 6
	assert_equal "$stderr" "sockecho-client: connect to 127.0.0.1 port $port: Connection refused"
	run --separate-stderr sockecho-client -U nosuch x
	assert_failure 6
	assert_equal "$stderr" "sockecho-client: connect to nosuch: No such file or directory"
}

@test "--connect-timeout is kept, to within 50 ms, also through SIGSTOP and a storm of signals" {
	full_backlog
	on_time 124 1000 1100 sockecho-client --connect-timeout 1 127.0.0.1 "$port" x 2>err
	assert_equal "$(tail -n 1 err)" "sockecho-client: connect to 127.0.0.1 port $port: timed out"
	storm_is_over() {
		! kill -WINCH "$client_pid" 2>/dev/null || ! kill -USR1 "$client_pid" 2>/dev/null
	}
	# It catches SIGUSR1, or it is too late for that.
	is_ready_for_a_storm() {
		has_ended "$client_pid" || grep -qs "^SigCgt:.*[2367abef]..$" "/proc/$client_pid/status"
	}
	through_a_storm() {
		sock_run client sockecho-client --connect-timeout 1 127.0.0.1 "$port" x
		until_true 20 grep -qsx sockecho-client "/proc/$client_pid/comm"
		until_true 20 is_ready_for_a_storm
		kill -USR1 "$client_pid"
		kill -STOP "$client_pid"
		sleep 0.2
		kill -CONT "$client_pid"
		until_true 20 storm_is_over
		sock_wait client
		return "$client_status"
	}
	on_time 124 1000 1200 through_a_storm
	grep -q "^state: bytes_out=0" client.err
}

@test "-t bounds connecting too, and -t 0 does not" {
	full_backlog
	on_time 124 500 700 sockecho-client -t 0.5 127.0.0.1 "$port" x 2>err
	start_server sockecho-server --delay 30 0
	run --separate-stderr sockecho-client -t 0 "$host" "$port" x
	assert_failure 1
	[[ $stderr == *"receive from 127.0.0.1 port $port: Operation would block" ]]
}

@test "-w bounds everything: connecting, waiting, a silent peer, a full pipe" {
	full_backlog
	on_time 124 500 700 sockecho-client -w 0.5 127.0.0.1 "$port" x 2>err
	assert_equal "$(cat err)" "sockecho-client: connect to 127.0.0.1 port $port: timed out (--max-time)"
	says_in_time 124 "sockecho-client: connect to 127.0.0.1 port 1: timed out (--max-time); the last failure: Connection refused" \
		sockecho-client -q -w 0.2 --wait none 127.0.0.1 1 x
	start_server sockecho-server --delay 30 0
	says_in_time 124 "sockecho-client: receive from 127.0.0.1 port $port: timed out (--max-time)" sockecho-client -w 0.3 "$host" "$port" x
	stop_server KILL
	start_server sockecho-server 0
	mkfifo pipe
	exec {open}<>pipe # nothing comes from it, and nobody reads it
	run --separate-stderr sockecho-client -w 0.5 "$host" "$port" <pipe
	assert_failure 124
	on_time 124 1000 1300 sh -c "head -c 10M /dev/zero | sockecho-client -w 1 $host $port >pipe" 2>err
}

@test "a silent peer is 124 within -t in stream mode, on time" {
	start_server sockecho-server --delay 30 0
	on_time 124 1000 1100 sh -c "echo x | sockecho-client -t 1 $host $port" 2>err
}

@test "--wait: comes up later, is connected; never comes up, 124 with the last failure" {
	start_server sockecho-server 0
	p=$port
	stop_server
	sock_run client sockecho-client -vv --wait 20 --connect-only 127.0.0.1 "$p"
	until_true 20 grep -q "Connection refused; trying again" client.err
	start_server sockecho-server "$p"
	sock_wait client
	assert_equal "$client_status" 0
	sock_run client sockecho-client -vv --wait 20 -U --connect-only sock
	until_true 20 grep -q "No such file or directory; trying again" client.err
	start_server sockecho-server -U sock
	sock_wait client
	assert_equal "$client_status" 0
	on_time 124 1000 1200 sockecho-client --wait 1 127.0.0.1 1 x 2>err
	assert_equal "$(tail -n 1 err)" "sockecho-client: connect to 127.0.0.1 port 1: timed out; the last failure: Connection refused"
}

@test "--wait pauses at least 50 ms between tries" {
	need_trace
	local pauses
	# A busy machine makes a pause longer.  A stamp of the trace that is late makes the pause behind it look shorter, but
	# not the ones together, of which the first stamp alone matters.
	pauses_between() {
		trace -f -ttt -o trace -e trace=connect sockecho-client --wait 0.5 127.0.0.1 1 x 2>/dev/null || true
		pauses=$(awk '/EINPROGRESS/ { if (!n++) first = $2; last = $2 } END { print n - 1, int((last - first) * 1000) }' trace)
		((${pauses% *} >= 2 && ${pauses#* } >= 47 * ${pauses% *}))
	}
	in_three_tries pauses_between || fail "pauses, and the milliseconds of all: $pauses"
}

@test "--wait does not retry what time cannot mend" {
	start_server sockecho-server 0
	run --separate-stderr timeout 10 sockecho-client --wait none --source 192.0.2.1 "$host" "$port" x
	assert_failure 1
	run --separate-stderr timeout 10 sockecho-client --wait none "$host" no-such-service x
	assert_failure 3
}

@test "--wait 0 is as no --wait" {
	run --separate-stderr sockecho-client --wait 0 127.0.0.1 1 x
	assert_failure 6
	assert_equal "$stderr" "sockecho-client: connect to 127.0.0.1 port 1: Connection refused"
	run --separate-stderr sockecho-client -u --wait 0 127.0.0.1 1 x
	assert_failure 6
	run --separate-stderr sockecho-client -U --wait 0 nosuch x
	assert_failure 6
}

@test "--wait says what it waits for within a second, and again when the reason changes" {
	says_so() {
		sock_run client sockecho-client --wait none -U --connect-only sock
		until_true 1 grep -qx "sockecho-client: connect to sock: No such file or directory; trying again until it succeeds" client.err || {
			sock_stop client && return 1
		}
	}
	in_three_tries says_so
	sock_run quiet sockecho-client --wait none -q -U --connect-only sock
	mkfifo go
	sock_run late python3 -c '
import socket
s = socket.socket(socket.AF_UNIX)
s.bind("sock")
open("bound", "w").close()
open("go").read()
s.listen()
s.accept(), s.accept()'
	exec {go}>go
	until_true 20 test -e bound
	until_true 20 grep -qx "sockecho-client: connect to sock: Connection refused; trying again until it succeeds" client.err
	sleep 1.2 # it has the time to say it once more
	exec {go}>&-
	for name in client quiet late; do
		sock_wait $name
		assert_equal "$waited_status" 0
	done
	assert_equal "$(grep -c . client.err)" 2
	assert_equal "$(cat quiet.err)" ""
}

@test "--wait: -v adds at most one line in five seconds" {
	says_it_again() {
		on_time 124 6000 6400 sockecho-client -v --wait 6 127.0.0.1 1 x 2>err &&
			[ "$(sed -E 's/[0-9]+ tries/N tries/' err)" = "sockecho-client: connect to 127.0.0.1 port 1: Connection refused; trying again for up to 6 s
sockecho-client: connect to 127.0.0.1 port 1: Connection refused; N tries so far
sockecho-client: connect to 127.0.0.1 port 1: timed out; the last failure: Connection refused" ]
	}
	in_three_tries says_it_again || fail "$(cat err)"
}

@test "--wait: no free local port is 6, and waited for" {
	need_namespaces -n
	need_sysctl net.ipv4.ip_local_port_range
	"${in_namespaces[@]}" bash -euc '
		ip link set lo up
		sockecho-server -q 7600 >ready & server=$!
		until [ -s ready ]; do :; done
		sysctl -qw net.ipv4.ip_local_port_range="40000 40003"
		mkfifo go
		python3 -c "
import socket, struct
held = [socket.create_connection((\"127.0.0.1\", 7600)) for i in range(4)]
for port in range(40000, 40004):
    held.append(socket.socket(type=socket.SOCK_DGRAM))
    held[-1].bind((\"127.0.0.1\", port))
open(\"held\", \"w\").close()
open(\"go\").read()
for s in held:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(\"ii\", 1, 0))
    s.close()" &
		until [ -e held ]; do :; done
		rc=0
		sockecho-client 127.0.0.1 7600 x || rc=$?
		echo $rc
		for options in "" --ping; do
			rc=0
			sockecho-client -u $options 127.0.0.1 7600 $([ -n "$options" ] || echo x) || rc=$?
			echo $rc
		done
		sockecho-client --wait 20 127.0.0.1 7600 hello 2>wait.err & client=$!
		until grep -qs "Cannot assign requested address (no free local port, or no local address of that family); trying again for up to 20 s" wait.err; do sleep 0.02; done
		: >go
		wait $client
		kill $server
	' >out 2>err
	run cat out
	assert_output $'6\n6\n6\nhello'
	local none="127.0.0.1 port 7600: Cannot assign requested address (no free local port, or no local address of that family)"
	assert_equal "$(cat err)" "sockecho-client: connect to $none
sockecho-client: send to $none
sockecho-client: send to $none"
}

@test "a connection of a socket with itself is no peer" {
	need_namespaces -n
	need_sysctl net.ipv4.ip_local_port_range
	"${in_namespaces[@]}" bash -euc '
		ip link set lo up
		sysctl -qw net.ipv4.ip_local_port_range="40000 40001"
		for i in $(seq 20); do
			rc=0
			sockecho-client -t 2 127.0.0.1 40000 hello || rc=$?
			echo $rc
		done
	' >out 2>err
	run sort -u out
	assert_output 6
}

@test "--source: the address is used; a port too; one of the other family is told" {
	start_server sockecho-server -v '*' 0
	run --separate-stderr sockecho-client --source 127.0.0.9 127.0.0.1 "$port" x
	assert_success
	grep -q "^sockecho-server: 127.0.0.9 port [0-9]*: accepted" server.err
	free=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	run --separate-stderr sockecho-client --source "127.0.0.9:$free" 127.0.0.1 "$port" x
	assert_success
	grep -q "127.0.0.9 port $free: accepted" server.err
	run --separate-stderr sockecho-client --source ::1 127.0.0.1 "$port" x
	assert_failure 2
	run --separate-stderr sockecho-client --source localhost 127.0.0.1 "$port" x
	assert_failure 2
	run --separate-stderr sockecho-client -6 --source 127.0.0.1 ::1 "$port" x
	assert_failure 2
}

@test "-v: what failed is said once where there is one address, and each where there are several" {
	for options in "" "-t 0" "-6 --source ::1"; do
		[[ $options != -6* ]] || need_ipv6
		address=127.0.0.1
		[[ $options != -6* ]] || address=::1
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr sockecho-client -v $options "$address" 1 x
		assert_failure 6
		assert_equal "$stderr" "sockecho-client: connect to $address port 1: Connection refused"
	done
	run --separate-stderr sockecho-client -v -4 localhost 1 x
	assert_failure 6
	assert_equal "$stderr" "sockecho-client: connect to 127.0.0.1 port 1: Connection refused
sockecho-client: connect to localhost (127.0.0.1) port 1: Connection refused"
}

@test "--source: an address that is not here is 1, a port that is taken is 6, and both are named" {
	start_server sockecho-server 0
	run --separate-stderr sockecho-client --source 192.0.2.1 "$host" "$port" x
	assert_failure 1
	assert_equal "$stderr" "sockecho-client: connect to 127.0.0.1 port $port from 192.0.2.1: Cannot assign requested address"
	run --separate-stderr sockecho-client --source "127.0.0.1:$port" "$host" "$port" x
	assert_failure 6
	assert_equal "$stderr" "sockecho-client: connect to 127.0.0.1 port $port from 127.0.0.1 port $port: Address already in use"
}

@test "--source: datagrams, too; and a family that this machine has not is nothing to wait for" {
	start_server sockecho-server -u 0
	for mode in "" "--ping -c 1"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr timeout 10 sockecho-client -u --wait none $mode --source 192.0.2.1 "$host" "$port" $([ -n "$mode" ] || echo x)
		assert_failure 1
		assert_equal "$stderr" "sockecho-client: send to 127.0.0.1 port $port from 192.0.2.1: Cannot assign requested address"
	done
	run --separate-stderr sockecho-client -u --source "127.0.0.1:$port" "$host" "$port" x
	assert_failure 6
	assert_equal "$stderr" "sockecho-client: send to 127.0.0.1 port $port from 127.0.0.1 port $port: Address already in use"
	need_trace
	trace -f -o trace -e trace=socket -e inject=socket:error=EAFNOSUPPORT timeout 10 \
		sockecho-client --wait none --source ::1 ::1 9 x 2>err || status=$?
	assert_equal "$status" 1
	trace -f -o trace -e trace=socket -e inject=socket:error=EAFNOSUPPORT timeout 10 \
		sockecho-client --wait 0.2 ::1 9 x 2>err || status=$?
	assert_equal "$status" 124
	assert_equal "$(tail -n 1 err)" "sockecho-client: connect to ::1 port 9: timed out; the last failure: Address family not supported by protocol"
}

@test "--source of a name with both families: the addresses of its family are tried" {
	need_namespaces -nm
	printf '::1 both\n127.0.0.1 both\nfd00::1 six\n' >hosts
	in_dual_stack '
		sockecho-server -q --port-file port 0 >/dev/null & server=$!
		until [ -s port ]; do :; done
		rc=0
		sockecho-client --source 127.0.0.1 both "$(cat port)" hello || rc=$?
		echo $rc
		rc=0
		sockecho-client --source 127.0.0.1 both 1 x || rc=$?
		echo $rc
		sockecho-client --source 127.0.0.1 six 1 x || rc=$?
		echo $rc
		kill $server
	' >out 2>err
	run cat out
	assert_output $'hello\n0\n6\n3'
	run cat err
	assert_line --index 0 "sockecho-client: connect to both (127.0.0.1) port 1: Connection refused"
	assert_line --index 1 --partial "sockecho-client: look up six for a connection from 127.0.0.1: "
}

@test "--source of IPv6" {
	need_ipv6
	start_server sockecho-server -v '*' 0
	run --separate-stderr sockecho-client --source '[::1]:0' ::1 "$port" x
	assert_success
	grep -q "^sockecho-server: ::1 port [0-9]*: accepted" server.err
}

@test "a name that is not there is 3, a resolver that fails is 4, one that is silent 124 on time" {
	need dnsmasq
	need_namespaces -nm
	"${in_namespaces[@]}" bash -euc "$timing"'
		ip link set lo up
		echo "hosts: files dns" >nsswitch
		echo "127.0.0.1 localhost" >hosts
		printf "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n" >resolv
		mount --bind nsswitch /etc/nsswitch.conf
		mount --bind hosts /etc/hosts
		mount --bind resolv /etc/resolv.conf
		python3 -c "
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((\"127.0.0.1\", 53))
open(\"dns\", \"w\").close()
while True:
    q, peer = s.recvfrom(512)
    if b\"silent\" in q:
        continue
    code = 2 if b\"servfail\" in q else 3
    s.sendto(q[:2] + struct.pack(\"!HHHHH\", 0x8180 | code, 1, 0, 0, 0) + q[12:], peer)
" & dns=$!
		for i in $(seq 1000); do [ -e dns ] && break; sleep 0.02; done
		for name in none.test servfail.test; do
			rc=0
			sockecho-client --connect-timeout 1 $name 7 x || rc=$?
			echo $name $rc
		done
		on_time silent.test 1000 1100 sockecho-client --connect-timeout 1 silent.test 7 x
		for udp in "" -u; do
			for i in 1 2 3; do # a busy machine may have no time for it
				rc=0
				sockecho-client $udp --wait 0.8 silent.test 7 x 2>waited$udp || rc=$?
				! grep -q "no answer yet" waited$udp || break
			done
			echo "waited$udp $rc"
		done
		for i in 1 2 3; do
			sockecho-client -u --wait 0.7 none.test 7 x 2>refused || true
			! grep -q "trying again" refused || break
		done
		(ulimit -n 20; sockecho-client -q --wait 1 --connect-timeout 0.02 silent.test 7 x) 2>given-up || true
		kill $dns
	' >out 2>err || true
	run cat out
	assert_output $'none.test 3\nservfail.test 4\nsilent.test 124 on time\nwaited 124\nwaited-u 124'
	assert_equal "$(tail -n 1 err)" "sockecho-client: look up silent.test: timed out"
	# What is waited for is said within the first second, however long the look-up takes.
	for udp in "" -u; do
		run cat "waited$udp"
		assert_output --partial ": no answer yet; trying again for up to 0.8 s"
	done
	# Look-ups that were given up go on in threads: there are not more and more of them.
	assert_equal "$(cat given-up)" "sockecho-client: look up silent.test: timed out"
	assert_equal "$(head -n 1 refused)" "sockecho-client: look up none.test: Name or service not known; trying again for up to 0.7 s"
}

# in_dual_stack SCRIPT - in namespaces where the name "both" is ::1 and 127.0.0.1 (and so on, as
# the lines in the file "hosts" say), with loopback up.
in_dual_stack() {
	"${in_namespaces[@]}" bash -euc "$timing"'
		ip link set lo up
		mount --bind hosts /etc/hosts
		echo "hosts: files" >nsswitch
		mount --bind nsswitch /etc/nsswitch.conf
		'"$1"
}

@test "every address of a name is tried; where all fail the first is reported, with their number" {
	need_namespaces -nm
	need_ipv6 "${in_namespaces[@]}"
	printf '::1 both\n127.0.0.1 both\n' >hosts
	in_dual_stack '
		mkfifo ready
		sockecho-server 0 >ready 3>&- & server=$!
		read -r _ _ _ port <ready
		sockecho-client -v both $port hello 2>err
		kill $server; wait $server
		sockecho-client both $port hello 2>err2 || echo $?
	' >out
	assert_equal "$(cat out)" $'hello\n6'
	grep -q "connect to ::1 port [0-9]*: Connection refused" err
	run cat err2
	assert_output --regexp '^sockecho-client: connect to both \(::1\) port [0-9]+: Connection refused \(2 addresses tried\)$'
}

@test "an address that never answers costs 250 ms, not the deadline, and leaves no trace at the peer" {
	need_namespaces -nm
	need_ipv6 "${in_namespaces[@]}"
	printf '2001:db8::1 both\n127.0.0.1 both\n2001:db8::1 silent\n2001:db8::3 silent\n' >hosts
	in_dual_stack '
		ip link add va type veth peer name vb
		ip link set va up; ip link set vb up
		ip -6 addr add 2001:db8::2/64 dev va nodad
		ip -6 neigh add 2001:db8::1 lladdr 02:00:00:00:00:01 dev va
		ip -6 neigh add 2001:db8::3 lladdr 02:00:00:00:00:03 dev va
		mkfifo ready
		sockecho-server -v 0 >ready 2>log 3>&- & server=$!
		read -r _ _ _ port <ready
		on_time connected 250 500 sockecho-client both $port hello
		kill $server; wait $server
		sockecho-client -v -t 0.6 silent 4000 hello 2>silent || [ $? = 124 ]
	' >out
	diff -u - silent <<-'ERR'
		sockecho-client: connect to 2001:db8::3 port 4000: timed out
		sockecho-client: connect to 2001:db8::1 port 4000: timed out
		sockecho-client: connect to silent (2001:db8::3) port 4000: timed out (2 addresses tried)
	ERR
	assert_equal "$(head -n 1 out)" hello
	assert_equal "$(tail -n 1 out)" "connected 0 on time"
	assert_equal "$(grep -c ": accepted$" log)" "$(grep -c hello out)"
}

@test "the attempt that lost the race is reset, not closed" {
	need_namespaces -nm
	need ss
	printf '127.0.0.2 two\n127.0.0.3 two\n' >hosts
	# Neither of two listeners answers, since its backlog is full.  While the client is stopped both
	# do: it finds two connections, and one of them has lost.
	cat >race.py <<-'PY'
		import os, signal, socket, subprocess, time
		def until(true):
		    end = time.monotonic() + 20
		    while not true():
		        assert time.monotonic() < end
		        time.sleep(0.02)
		def of_client(state):
		    out = subprocess.run(["ss", "-Htnp", "state", state, "dport = :4000"], capture_output=True, text=True).stdout
		    return out.count("pid=%d," % client.pid)
		listeners, held = [], []
		for host in ("127.0.0.2", "127.0.0.3"):
		    l = socket.socket()
		    l.bind((host, 4000))
		    l.listen(0)
		    listeners.append(l)
		    held.append(socket.create_connection((host, 4000)))
		client = subprocess.Popen(["sockecho-client", "two", "4000", "hello"])
		until(lambda: of_client("syn-sent") == 2)
		client.send_signal(signal.SIGSTOP)
		for l in listeners:
		    l.accept()
		until(lambda: of_client("established") == 2)
		client.send_signal(signal.SIGCONT)
		for l in listeners:
		    c, _ = l.accept()
		    c.settimeout(20)
		    try:
		        data = c.recv(100)
		        print(l.getsockname()[0], data, flush=True)
		        c.sendall(data)
		    except ConnectionResetError:
		        print(l.getsockname()[0], "reset", flush=True)
		client.wait()
	PY
	in_dual_stack 'python3 race.py' >out
	run sort out
	assert_line hello
	assert_line --regexp "^127.0.0.[23] b'hello'$"
	assert_line --regexp "^127.0.0.[23] reset$"
}

@test "resolution is inside the race: a question about IPv6 that is never answered does not hold IPv4" {
	need_namespaces -nm
	echo "127.0.0.1 localhost" >hosts
	in_dual_stack '
		echo "hosts: files dns" >nsswitch
		printf "nameserver 127.0.0.1\noptions timeout:30 attempts:1\n" >resolv
		mount --bind resolv /etc/resolv.conf
		python3 - <<-"PY" &
			import socket, struct
			s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
			s.bind(("127.0.0.1", 53))
			open("dns", "w").close()
			while True:
			    q, peer = s.recvfrom(512)
			    if q[-4:-2] == b"\0\x1c":
			        continue
			    s.sendto(q[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0) + q[12:] +
			        b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + bytes((127, 0, 0, 1)), peer)
		PY
		dns=$!
		for i in $(seq 1000); do [ -e dns ] && break; sleep 0.02; done
		mkfifo ready
		sockecho-server 0 >ready 3>&- & server=$!
		read -r _ _ _ port <ready
		on_time connected 0 1500 sockecho-client server.test $port hello
		rc=0; sockecho-client --connect-timeout 2 server.test 1 x || rc=$?; echo $rc
		rc=0; sockecho-client --connect-timeout 1 --wait 2 server.test 1 x || rc=$?; echo $rc
		kill $server $dns
	' >out 2>err
	assert_equal "$(cat out)" $'hello\nconnected 0 on time\n6\n124'
	# Without the addresses of the other family, what is known of this one is the cause.
	assert_equal "$(head -n 1 err)" "sockecho-client: connect to server.test (127.0.0.1) port 1: Connection refused"
	assert_equal "$(tail -n 1 err)" \
		"sockecho-client: connect to server.test (127.0.0.1) port 1: timed out; the last failure: Connection refused"
}

@test "unreachable and prohibited networks: 6 and 1" {
	need_namespaces -n
	"${in_namespaces[@]}" bash -euc '
		ip link set lo up
		ip route add unreachable 192.0.2.0/24
		for a in 192.0.2.1 198.51.100.1; do
			rc=0; sockecho-client -t 2 $a 7 x || rc=$?; echo $rc
		done
	' >out 2>err
	assert_equal "$(cat out)" $'6\n6'
	grep -q "connect to 192.0.2.1 port 7: No route to host" err
	grep -q "connect to 198.51.100.1 port 7: Network is unreachable" err
}

@test "a service's name is a port; an unknown one is 3" {
	run --separate-stderr sockecho-client -t 2 127.0.0.1 no-such-service x
	assert_failure 3
	assert_equal "$stderr" "sockecho-client: look up service no-such-service: no such service"
	need_namespaces -nm
	need_sysctl net.ipv4.ip_unprivileged_port_start
	"${in_namespaces[@]}" bash -euc '
		ip link set lo up
		sysctl -qw net.ipv4.ip_unprivileged_port_start=0
		sockecho-server echo & server=$!
		sockecho-client --wait 10 127.0.0.1 echo named
		kill $server
	' >out
	run cat out
	assert_line named
}

@test "-n looks nothing up" {
	need_trace
	run --separate-stderr sockecho-client -n localhost 7 x
	assert_failure 2
	run --separate-stderr sockecho-client -n 127.0.0.1 echo x
	assert_failure 2
	start_server sockecho-server -n 0
	trace -f -o trace -e trace=openat,clone3,clone sockecho-client -n 127.0.0.1 "$port" x
	run grep -E '/etc/(hosts|resolv\.conf|nsswitch\.conf|services)|clone' trace
	assert_failure
}

@test "a UNIX server whose backlog is full: the deadline holds" {
	start_peer full full sock
	on_time 124 1000 1100 sockecho-client --connect-timeout 1 -U sock x 2>err
	assert_equal "$(tail -n 1 err)" "sockecho-client: connect to sock: timed out"
}

@test "a peer that has reset the connection is named all the same" {
	need_trace
	# It is reset once it has sent something: a reset that comes before would end the attempt to connect.
	start_server sockecho-server --reset-after 1 --port-file p 0
	for operands in "127.0.0.1 @p" "localhost @p" "127.0.0.1 $port"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr trace -o trace -e trace=getpeername -e inject=getpeername:error=ENOTCONN \
			sockecho-client $operands hello
		assert_failure 6
		[[ $stderr =~ ^sockecho-client:\ [a-z]+\ (to|from)\ 127.0.0.1\ port\ $port:\ Connection\ reset ]] || fail "$stderr"
	done
}

@test "@FILE: the port is read from a file, in both forms of an address, over TCP and UDP" {
	start_server sockecho-server --port-file 'p:1' 0
	for operands in "127.0.0.1 @p:1" "127.0.0.1:@p:1" "-n 127.0.0.1 @p:1"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr sockecho-client $operands hello
		assert_success
		assert_output hello
	done
	stop_server
	if hostlookup --has-ipv6 >/dev/null; then
		start_server sockecho-server -6 --port-file p 0
		for operands in "[::1]:@p" "::1 @p" "[::1] @p"; do
			# shellcheck disable=SC2086 # words are meant
			run --separate-stderr sockecho-client $operands hello
			assert_success
		done
		stop_server
	fi
	start_server sockecho-server -u --port-file p 0
	run --separate-stderr sockecho-client -u 127.0.0.1 @p hello
	assert_success
	run --separate-stderr sockecho-client --ping -u -c 2 -i 0 127.0.0.1:@p
	assert_success
}

@test "@FILE: missing or empty is 6, anything but a port 1; with --wait it is waited for" {
	run --separate-stderr sockecho-client 127.0.0.1 @nosuch x
	assert_failure 6
	assert_equal "$stderr" "sockecho-client: read the port from nosuch: No such file or directory"
	: >empty
	mkfifo fifo
	for file in empty fifo; do
		run --separate-stderr timeout 10 sockecho-client 127.0.0.1 @$file x
		assert_failure 6
		assert_equal "$stderr" "sockecho-client: read the port from $file: it is empty"
	done
	for text in 0 65536 -1 http '1 2' $'1\n2' ' 1' 0x10 "$(printf '1%.0s' $(seq 100))"; do
		printf '%s\n' "$text" >bad
		run --separate-stderr timeout 10 sockecho-client --wait none 127.0.0.1 @bad x
		assert_failure 1
		[[ ${stderr_lines[0]} == "sockecho-client: read the port from bad: '"*"' is no port number" ]]
	done
	for text in '1\0junk' '1\0' '\0' "$(printf '0%.0s' {1..62})12" "$(printf '0%.0s' {1..62})\n1"; do
		printf "$text" >bad
		run --separate-stderr timeout 10 sockecho-client --wait none 127.0.0.1 @bad x
		assert_failure 1
		[[ ${stderr_lines[0]} == "sockecho-client: read the port from bad: '"*"' is no port number" ]]
	done
	run --separate-stderr timeout 10 sockecho-client --wait none 127.0.0.1 @. x
	assert_failure 1
	for option in "" -u; do
		# shellcheck disable=SC2086 # words are meant
		on_time 124 300 600 sockecho-client $option --wait 0.3 127.0.0.1 @nosuch x 2>err
		# shellcheck disable=SC2086
		says_in_time 124 "*sockecho-client: read the port from nosuch: timed out; the last failure: No such file or directory" \
			sockecho-client $option --wait 0.3 127.0.0.1 @nosuch x
	done
}

@test "@FILE: it is read anew at each try" {
	local udp client=(sockecho-client --wait 20)
	for command in "" "-u" "--ping -c 1"; do
		udp=${command/--ping*/}
		# The port of one that is gone, as a server that was killed leaves it.
		start_server sockecho-server $udp 0
		stop_server
		echo "$port" >p
		# shellcheck disable=SC2086 # words are meant
		sock_run client "${client[@]}" $command 127.0.0.1 @p $([[ $command == --ping* ]] || echo hi)
		until_true 20 grep -q "Connection refused; trying again" client.err
		rm p
		until_true 20 grep -q "No such file or directory; trying again" client.err
		start_server sockecho-server $udp --port-file p 0
		sock_wait client
		assert_equal "$client_status" 0
		stop_server
	done
	# Round trips of datagrams go on with the port that is there.
	start_server sockecho-server -u 0
	stop_server
	echo "$port" >p
	sock_run client "${client[@]}" --ping -u -c 1 127.0.0.1 @p
	until_true 20 grep -q "Connection refused; trying again" client.err
	start_server sockecho-server -u --port-file p 0
	sock_wait client
	assert_equal "$client_status" 0
}

@test "@FILE is for connecting, and needs a HOST and a FILE" {
	run --separate-stderr sockecho-server @p
	assert_failure 2
	assert_equal "${stderr_lines[0]}" "sockecho-server: '@p' is no PORT to listen on: @FILE is for connecting"
	run --separate-stderr sockecho-client @p
	assert_failure 2
	[[ ${stderr_lines[0]} == "sockecho-client: a HOST is missing before '@p': "* ]]
	run --separate-stderr sockecho-client localhost @
	assert_failure 2
	assert_equal "${stderr_lines[0]}" "sockecho-client: '@' is no PORT: a FILE is missing after it"
	# With -U it is a name.
	run --separate-stderr sockecho-client -U "@no-such-$$" x
	assert_failure 6
	assert_equal "$stderr" "sockecho-client: connect to @no-such-$$: Connection refused"
}
