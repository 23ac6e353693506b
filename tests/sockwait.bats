#!/usr/bin/env bats
# sockwait.bats - waiting for services: when they are there, what counts as there, and what never will be.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# start_service [PATH] - a server that does what service says.  At first its address is bound, but nobody listens: it
# refuses, and no other process can take it.  Sets port, and its_port to the same.
start_service() {
	mkfifo commands answers
	cat >service.py <<-'PY'
		import os, queue, socket, sys, threading
		path = sys.argv[1:]
		listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
		listener.bind(path[0] if path else ("127.0.0.1", 0))
		kept = queue.Queue()  # connections, in the order in which they came
		def serve(how, text):
		    while True:
		        try:
		            c = listener.accept()[0]
		        except OSError:
		            return
		        kept.put(c)
		        if how == "close":
		            c.close()
		        elif how == "answer":
		            c.settimeout(20)
		            got = b""
		            while not got.endswith(b"\n"):
		                got += c.recv(100)
		            for byte in text:  # a packet each
		                c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
		                c.sendall(bytes([byte]))
		        elif how == "greet":
		            c.sendall(text)
		        elif how == "bye":
		            c.sendall(text)
		            c.close()
		        elif how == "flood":
		            threading.Thread(target=flood, args=(c, text), daemon=True).start()
		def flood(c, text):
		    try:
		        while True:
		            c.sendall(text * 1000)
		    except OSError:
		        pass
		def ending(c):
		    c.settimeout(20)
		    try:
		        while c.recv(4096):
		            pass
		        return "end"
		    except ConnectionResetError:
		        return "reset"
		def do(command, text=""):
		    text = text.encode().decode("unicode_escape").encode("latin-1")
		    if command == "listen":
		        listener.listen(64)
		    elif command == "ending":  # of the connection that came first
		        return ending(kept.get(timeout=20))
		    elif command == "count":  # of those that came before one of its own
		        last, n = socket.create_connection(listener.getsockname()), 0
		        while kept.get(timeout=20).getpeername() != last.getsockname():
		            n += 1
		        return str(n)
		    else:
		        listener.listen(64)
		        threading.Thread(target=serve, args=(command, text), daemon=True).start()
		    return "done"
		answers = open("answers", "w")
		print(listener.getsockname() if path else listener.getsockname()[1], file=answers, flush=True)
		for line in open("commands"):
		    print(do(*line.rstrip("\n").split(" ", 1)), file=answers, flush=True)
	PY
	in_background python3 service.py "$@"
	exec {answers}<answers {commands}>commands
	read -r -t 20 -u "$answers" port
	its_port=$port
}

# service COMMAND [TEXT] - have it do that.  Sets answer.
service() {
	echo "$*" >&"$commands"
	read -r -t 20 -u "$answers" answer
}

# waits [option ...] TARGET ... - start it in the background, with its output in out and err, and wait until it has
# tried in vain (-v says why).
waits() {
	in_background sockwait -v "$@" >out 2>err
	waiter=$last_pid
	until_true 20 grep -q ': ' err
}

# comes STATUS - the program that waits ends with it.
comes() {
	wait_for "$waiter"
	assert_equal "$waited_status" "$1"
}

# lines_of FILE - its lines, with S for each number of seconds.
lines_of() {
	sed -E 's/\t[0-9]+\.[0-9]{3}$/ S/' "$1"
}

# ---- what is there

@test "a TARGET that is there: a line with its seconds, and nothing else" {
	start_server sockecho-server 0
	run --separate-stderr sockwait "$host:$port"
	assert_success
	[[ $output =~ ^127\.0\.0\.1:$port$'\t'[0-9]+\.[0-9]{3}$ ]] || fail "$output"
	assert_equal "$stderr" ""
}

@test "each form of a TARGET" {
	start_server sockecho-server --port-file file 0
	run --separate-stderr sockwait "localhost:$port" "127.1:$port" "localhost:@$PWD/file" "127.0.0.1:@file"
	assert_success
	assert_equal "${#lines[@]}" 4
	for transport in "-U sock" "-U @sockwait.$BASHPID"; do
		# shellcheck disable=SC2086 # words are meant
		start_server sockecho-server $transport
		[[ $host == @* ]] || host=./$host
		run --separate-stderr sockwait "$host"
		assert_success
		[[ $output == "$host"$'\t'* ]] || fail "$output"
	done
	run --separate-stderr sockwait "$PWD/sock"
	assert_success
}

@test "IPv6, with brackets" {
	need_ipv6
	start_server sockecho-server ::1 0
	run --separate-stderr sockwait "[::1]:$port" -6 "[0:0::1]:$port"
	assert_success
	assert_equal "${#lines[@]}" 2
}

@test "a service by name" {
	in_namespaces=()
	need_namespaces -n
	make_inside <<-'SH'
		nc.openbsd -lk 127.0.0.1 80 &
		trap 'kill $!' EXIT
		sockwait -t 20 127.0.0.1:http
	SH
	need nc.openbsd ip
	run --separate-stderr "${in_namespaces[@]}" sh inside
	assert_success
	[[ $output == "127.0.0.1:http"$'\t'* ]] || fail "$output"
}

@test "a TARGET that is given twice is tried once and printed twice, as typed" {
	start_service
	service hold
	run --separate-stderr sockwait "127.0.0.1:$port" "127.1:0$port" "localhost:$port" "LOCALHOST:$port" "127.0.0.1:$port"
	assert_success
	assert_equal "$(lines_of <(printf '%s\n' "${lines[@]}") | sort)" "$(printf '%s S\n' "127.0.0.1:$port" "127.0.0.1:$port" \
		"127.1:0$port" "LOCALHOST:$port" "localhost:$port" | LC_ALL=C.UTF-8 sort)"
	service count
	assert_equal "$answer" 2 # the address, and the name
}

@test "a TARGET's name is escaped as a field" {
	start_server sockecho-server -U $'so\tck\n\x01\\'
	run --separate-stderr sockwait $'./so\tck\n\x01\\'
	assert_success
	[[ $output == './so\tck\n\x01\\'$'\t'0.* ]] || fail "$output"
}

# ---- what comes later

@test "a port, a path and an abstract name that come later" {
	start_service
	waits -t 60 "127.0.0.1:$port"
	service listen
	comes 0
	assert_equal "$(lines_of out)" "127.0.0.1:$port S"
	waits -t 60 ./sock
	[[ $(<err) == *"connect to ./sock: No such file or directory"* ]] || fail "$(<err)"
	start_server sockecho-server -U sock
	comes 0
	waits -t 60 "@sockwait.$BASHPID"
	start_server sockecho-server -U "@sockwait.$BASHPID"
	comes 0
}

@test "a port that is not known yet: HOST:@FILE is read anew at each try" {
	waits -t 60 127.0.0.1:@file
	grep -q "127.0.0.1:@file: read the port from file: No such file or directory" err
	start_server sockecho-server --port-file file 0
	comes 0
	assert_equal "$(lines_of out)" "127.0.0.1:@file S"
	stop_server
	run --separate-stderr sockwait --gone 127.0.0.1:@file
	assert_success
	echo nonsense >file
	run --separate-stderr sockwait -t 60 127.0.0.1:@file
	assert_failure 1
}

@test "each line is printed when its TARGET comes, not at the end" {
	start_service
	start_server sockecho-server -U sock
	mkfifo lines
	# shellcheck disable=SC2016 # for the inner shell
	in_background sh -c 'exec sockwait -t 60 "$@" >lines' - "127.0.0.1:$its_port" ./sock
	waiter=$last_pid
	exec {lines}<lines
	read -r -t 20 -u "$lines" target seconds
	assert_equal "$target" ./sock
	has_ended "$waiter" && fail "it did not wait"
	service listen
	read -r -t 20 -u "$lines" target seconds
	assert_equal "$target" "127.0.0.1:$its_port"
	comes 0
}

@test "a name that does not resolve yet is asked again" {
	need ip
	in_namespaces=()
	need_namespaces -nm
	echo "127.0.0.1 localhost" >hosts
	echo "hosts: files" >nsswitch
	make_inside <<-'SH'
		sockecho-server --daemon --pidfile pid --port-file port 0 >/dev/null
		trap 'kill "$(cat pid)"' EXIT
		mkfifo said
		sockwait -v -t 60 "db.example:$(cat port)" 2>said &
		read -r line <said
		echo "$line"
		echo "127.0.0.1 db.example" >>hosts
		wait "$!"
	SH
	run --separate-stderr "${in_namespaces[@]}" sh inside
	assert_success
	assert_equal "${lines[0]%: *}" "sockwait: db.example:$(cat port 2>/dev/null || echo "${lines[0]//[!0-9]/}"): look up db.example"
	[[ ${lines[1]} == "db.example:"*$'\t'* ]] || fail "$output"
}

# ---- what does not come

@test "124, and a message for each that is missing that names its last failure" {
	start_service
	start_server sockecho-server 0
	says_in_time 124 "*; the last failure: *; the last failure: *; the last failure: *; the last failure: *" \
		sockwait -q -t 0.5 "127.0.0.1:$port" ./nosuch "127.0.0.1:$its_port" "@nosuch.$BASHPID" nosuch.invalid:80
	[[ $output == "127.0.0.1:$port"$'\t'* ]] || fail "$output"
	assert_equal "${#lines[@]}" 1
	assert_equal "${stderr_lines[0]}" "sockwait: wait for ./nosuch: timed out; the last failure: connect to ./nosuch: No such file or directory"
	assert_equal "${stderr_lines[1]}" \
		"sockwait: wait for 127.0.0.1:$its_port: timed out; the last failure: connect to 127.0.0.1 port $its_port: Connection refused"
	assert_equal "${stderr_lines[2]}" \
		"sockwait: wait for @nosuch.$BASHPID: timed out; the last failure: connect to @nosuch.$BASHPID: Connection refused"
	[[ ${stderr_lines[3]} == "sockwait: wait for nosuch.invalid:80: timed out; the last failure: look up nosuch.invalid: "* ]] ||
		fail "${stderr_lines[3]}"
	assert_equal "${#stderr_lines[@]}" 4
}

@test "-t and -w bound the whole run, with a peer that never answers and one that refuses" {
	start_peer silent full
	start_service
	for options in "-t 0.5" "-w 0.5" "-t 0.5 -w 60" "-t none -w 0.5" "-t 60 -w 0.5"; do
		# shellcheck disable=SC2086 # words are meant
		on_time 124 500 700 sockwait -q $options "127.0.0.1:$silent_port" "127.0.0.1:$port" 2>err
		grep -q "^sockwait: wait for 127.0.0.1:$silent_port: timed out; " err
	done
}

@test "one try ends after --connect-timeout" {
	start_peer silent full
	run --separate-stderr sockwait -q -t 0 --connect-timeout 0.3 "127.0.0.1:$silent_port"
	assert_failure 124
	assert_equal "$stderr" \
		"sockwait: wait for 127.0.0.1:$silent_port: timed out; the last failure: connect to 127.0.0.1 port $silent_port: timed out"
}

@test "one try ends after 5 s where no limit of a try was given, as --help says" {
	start_peer silent full
	[[ $(sockwait --help) =~ --connect-timeout\ SECONDS[[:space:]]+limit\ of\ one\ try\ \(default\ 5 ]] || fail "another default"
	on_time 124 5000 5500 sockwait -q -t 0 "127.0.0.1:$silent_port" 2>err
	grep -q "connect to 127.0.0.1 port $silent_port: timed out" err
}

@test "-t 0 tries each TARGET once" {
	need jq
	start_service
	start_server sockecho-server -U sock
	run --separate-stderr sockwait -t 0 --json "127.0.0.1:$its_port" ./sock ./nosuch
	assert_failure 124
	assert_equal "$(jq -r '"\(.event) \(.target) \(.attempts)"' <<<"$output" | sort)" \
		"$(printf '%s\n' "failed ./nosuch 1" "failed 127.0.0.1:$its_port 1" "there ./sock 1" | sort)"
	# The time of a try is its own.
	service flood x
	run --separate-stderr sockwait -t 0 --steady 0.3 "127.0.0.1:$its_port"
	assert_success
}

# ---- what counts

@test "--any: one is enough" {
	start_service
	start_peer silent full
	start_server sockecho-server -U sock
	run --separate-stderr sockwait --any "127.0.0.1:$its_port" "127.0.0.1:$silent_port" ./sock nosuch.invalid:80
	assert_success
	assert_equal "$(lines_of <(echo "$output"))" "./sock S"
	assert_equal "$stderr" ""
	run --separate-stderr sockwait -q --any -t 0.2 "127.0.0.1:$its_port" ./nosuch
	assert_failure 124
	assert_equal "${#stderr_lines[@]}" 2
	# One that can never be hides none of the others, whose time or whose only try is over.
	echo nonsense >file
	for options in "-t 0" "-t 0.3"; do
		[ "$options" = "-t 0" ] && expected=1 || expected=124
		# shellcheck disable=SC2086 # words are meant
		says_in_time $expected "*wait for 127.0.0.1:@file: read the port from file: *wait for ./nosuch: timed out; the last failure: *" \
			sockwait -q --any $options 127.0.0.1:@file ./nosuch
		assert_equal "${#stderr_lines[@]}" 2
	done
}

@test "--gone: a refusal, an unknown name, a path that is not there" {
	start_service
	run --separate-stderr sockwait --gone "127.0.0.1:$its_port" nosuch.invalid:80 ./nosuch "@nosuch.$BASHPID"
	assert_success
	assert_equal "${#lines[@]}" 4
	assert_equal "$stderr" ""
}

@test "--gone waits until nobody answers any more" {
	start_server sockecho-server 0
	waits --gone -t 60 "127.0.0.1:$port"
	grep -q "it still answers" err
	stop_server
	comes 0
	assert_equal "$(lines_of out)" "127.0.0.1:$port S"
	start_server sockecho-server 0
	says_in_time 124 "sockwait: wait for 127.0.0.1:$port: timed out; it still answers" sockwait -q --gone -t 0.2 "127.0.0.1:$port"
	# One that does not answer within the time of a try is gone, but not one whose try the end of the run cut short.
	start_peer silent full
	run --separate-stderr sockwait -q --gone --connect-timeout 0.2 -t 20 "127.0.0.1:$silent_port"
	assert_success
	run --separate-stderr sockwait -q --gone -t 0.3 "127.0.0.1:$silent_port"
	assert_failure 124
	[[ $stderr == *": timed out; "* ]] || fail "$stderr"
	# A UNIX server whose backlog is full is there.
	sock_start busy python3 "$SOCKUTILS_SOURCE/tests/peer.py" full busy.sock
	says_in_time 124 "sockwait: wait for ./busy.sock: timed out; connect to ./busy.sock: timed out" \
		sockwait -q --gone --connect-timeout 0.1 -t 0.4 ./busy.sock
	sock_stop busy
	run --separate-stderr sockwait -q --gone -t 20 ./busy.sock
	assert_success
}

@test "--gone: a name server that does not answer, or no free local port, says nothing about the service" {
	need ip
	in_namespaces=()
	need_namespaces -nm
	need_sysctl net.ipv4.ip_local_port_range
	echo "hosts: dns" >nsswitch
	printf 'nameserver 127.0.0.1\noptions timeout:30 attempts:1\n' >resolv
	: >hosts
	make_inside <<-'SH'
		sockwait -q --gone -t 0.5 db.example:80 || echo "$?"
		python3 - <<-'PY'
			import socket, subprocess
			silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
			silent.bind(("127.0.0.1", 53))
			print(subprocess.run(["sockwait", "-q", "--gone", "-t", "1", "--connect-timeout", "0.2", "db.example:80"]).returncode)
			subprocess.run(["sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 40003"], check=True)
			s = socket.socket()
			s.bind(("127.0.0.1", 30000))
			s.listen()
			held = []
			for _ in range(4):
			    c = socket.socket()
			    c.connect(s.getsockname())
			    held.append(c)
			print(subprocess.run(["sockwait", "-q", "--gone", "-t", "0.3", "127.0.0.1:30000"]).returncode)
		PY
	SH
	says_in_time 0 "*look up db.example: *
*look up db.example: timed out
*Cannot assign requested address*" "${in_namespaces[@]}" sh inside
	assert_output $'124\n124\n124'
}

@test "--gone: an interface that is gone says nothing about the service" {
	need ip
	need python3
	in_namespaces=()
	need_namespaces -nm
	cat >inside.py <<-'PY'
		import json, os, socket, subprocess, sys, time
		def ip(*args):
		    return json.loads(subprocess.run(["ip", "-j", *args], check=True, stdout=subprocess.PIPE).stdout or "null")
		server = subprocess.Popen(["unshare", "-n", "cat"], stdin=subprocess.PIPE)
		while os.readlink("/proc/self/ns/net") == os.readlink("/proc/%d/ns/net" % server.pid):
		    time.sleep(0.01)
		def inside(*args):
		    return subprocess.run(["nsenter", "-t", str(server.pid), "-n", *args], check=True, stdout=subprocess.PIPE).stdout
		ip("link", "add", "here", "type", "veth", "peer", "name", "there", "netns", str(server.pid))
		ip("link", "set", "here", "up")
		inside("ip", "link", "set", "there", "up")
		for name, run in ("here", lambda *args: ip(*args)), ("there", lambda *args: json.loads(inside("ip", "-j", *args))):
		    while not [a for a in run("addr", "show", "dev", name)[0]["addr_info"] if not a.get("tentative")]:
		        time.sleep(0.05)
		    address = [a["local"] for a in run("addr", "show", "dev", name)[0]["addr_info"]][0]
		listening = subprocess.Popen(["nsenter", "-t", str(server.pid), "-n", "sockecho-server", "*", "0"], stdout=subprocess.PIPE)
		port = listening.stdout.readline().split()[-1].decode()
		zones = ["here", str(socket.if_nametoindex("here"))]
		waiting = [subprocess.Popen(["sockwait", "-v", "--gone", "-t", "1", "-i", "20ms", "[%s%%%s]:%s" % (address, zone, port)],
		           stderr=subprocess.PIPE) for zone in zones]
		first = [p.stderr.readline() for p in waiting]
		ip("link", "del", "here")
		last = [p.communicate()[1] for p in waiting]
		listening.kill()
		server.stdin.close()
		assert all(line.endswith(b"it still answers\n") for line in first), first
		assert [p.returncode for p in waiting] == [124, 124], last
		assert all(line.endswith(b": no such interface\n") for line in last), last
	PY
	all_is_said() { # within the second that they have
		run "${in_namespaces[@]}" python3 inside.py
		((status == 0)) && [ "$output" = "" ]
	}
	in_three_tries all_is_said || fail "$output"
}

@test "--steady: a forwarder that accepts for a dead service is not taken for it" {
	start_service
	start_socat TCP-LISTEN:0,bind=127.0.0.1,fork,reuseaddr "TCP:127.0.0.1:$port"
	run --separate-stderr sockwait "127.0.0.1:$socat_port"
	assert_success # it accepts
	# A busy forwarder may take its time to close what it has accepted.
	run --separate-stderr sockwait -q -t 0 --steady 4 "127.0.0.1:$socat_port"
	assert_failure 124
	[[ $stderr == *"stay connected to 127.0.0.1 port $socat_port: it accepted and closed the connection"* ]] || fail "$stderr"
	run --separate-stderr sockwait --gone --steady 4 "127.0.0.1:$socat_port"
	assert_success
	waits -t 60 --steady 1 "127.0.0.1:$socat_port"
	service hold
	comes 0
	seconds=$(cut -f 2 out)
	[[ $seconds != 0.* ]] || fail "not steady: $seconds"
}

@test "--match: a forwarder, a server that hangs, and one that says something else are not taken for the service" {
	start_service
	start_socat TCP-LISTEN:0,bind=127.0.0.1,fork,reuseaddr "TCP:127.0.0.1:$port"
	waits -t 60 --send 'PING\r\n' --match '+PONG' "127.0.0.1:$socat_port"
	grep -qE "(wait for TEXT from|talk to) 127.0.0.1 port $socat_port: (it said nothing and closed the connection|Connection reset)" err
	# Each byte comes by itself, and what comes first looks like it.
	service answer '-LOADING\r\n+P+PO+PONG\r\n'
	comes 0
}

@test "--match: what a service says instead is told, and no other answer counts" {
	start_service
	service bye '-LOADING \x1b[31m\xff\r\n'
	run --separate-stderr sockwait -q -t 0 --match '+PONG' "127.0.0.1:$port"
	assert_failure 124
	assert_equal "$stderr" "sockwait: wait for 127.0.0.1:$port: timed out; the last failure: wait for TEXT from 127.0.0.1 port $port: it said '-LOADING \\x1b[31m\\xff\\x0d\\n' and closed the connection"
	# Without --send: what it says by itself.  TEXT is bytes.
	run --separate-stderr sockwait -t 0 --match 'LOADING \x1b[31m\xff\r' "127.0.0.1:$port"
	assert_success
	run --separate-stderr sockwait -q -t 0 --match 'LOADING \x1b[31m\xfe' "127.0.0.1:$port"
	assert_failure 124
}

@test "--match: a server that says nothing ends the try after --connect-timeout" {
	start_service
	service hold
	run --separate-stderr sockwait -q -t 0 --connect-timeout 0.3 --match x "127.0.0.1:$port"
	assert_failure 124
	[[ $stderr == *"it said nothing within the time of one try" ]] || fail "$stderr"
	# With --gone that is an answer that does not come.
	run --separate-stderr sockwait --gone --connect-timeout 0.3 --match x "127.0.0.1:$port"
	assert_success
}

@test "--match and --steady: both must hold" {
	start_service
	service bye hello
	run --separate-stderr sockwait -t 0 --match hello "127.0.0.1:$port"
	assert_success
	run --separate-stderr sockwait -q -t 0 --match hello --steady 4 "127.0.0.1:$port"
	assert_failure 124
	[[ $stderr == *"it accepted and closed the connection"* ]] || fail "$stderr"
}

@test "--match: memory stays bounded, whatever a service says" {
	start_service
	service flood x
	in_background sockwait -t 60 --connect-timeout 60 --match 'xxxxxxxxxxxxxxxy' "127.0.0.1:$port"
	read_much() { # it has read 64 MiB
		awk '$1 == "rchar:" { exit $2 < 0 }' "/proc/$last_pid/io" &&
			(($(ss -tnHi "sport = :$port" | grep -oE 'bytes_acked:[0-9]+' | cut -d : -f 2 | sort -n | tail -n 1) > 64 << 20))
	}
	need ss
	until_true 60 read_much
	peak=$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$last_pid/status")
	is_sanitized || ((peak < 8 << 10)) || fail "$peak KiB"
}

@test "--send: a long TEXT is sent whole" {
	start_server sockecho-server 0
	text=$(head -c 100000 /dev/zero | tr '\0' x)y
	run --separate-stderr sockwait --send "$text" --match xxxxy "$host:$port"
	assert_success
}

@test "a try that succeeds ends in good order, one that is given up in a reset" {
	start_service
	service hold
	run --separate-stderr sockwait "127.0.0.1:$port"
	assert_success
	service ending
	assert_equal "$answer" end
	run --separate-stderr sockwait --gone -q -t 0 "127.0.0.1:$port"
	assert_failure 124
	service ending
	assert_equal "$answer" reset
	run --separate-stderr sockwait -q -t 0 --connect-timeout 0.1 --match x "127.0.0.1:$port"
	assert_failure 124
	service ending
	assert_equal "$answer" reset
	start_server sockecho-server -U sock
	# One that another TARGET makes needless.
	run --separate-stderr sockwait --any --send 'x\n' --match x "127.0.0.1:$its_port" ./sock
	assert_success
	service ending
	assert_equal "$answer" reset
}

# ---- how often

# starts SECONDS [option ...] - when each try of so many seconds began, in milliseconds after the first, as the peer
# saw it.
starts() {
	python3 - "$@" <<-'PY'
		import socket, subprocess, sys, time
		s = socket.socket()
		s.bind(("127.0.0.1", 0))
		s.listen(64)
		p = subprocess.Popen(["sockwait", "-q", "--gone", "-t", *sys.argv[1:], "127.0.0.1:%d" % s.getsockname()[1]],
		                     stderr=subprocess.DEVNULL)
		s.settimeout(0.2)
		times = []
		while p.poll() is None:
		    try:
		        s.accept()[0].close()
		        times.append(time.monotonic())
		    except TimeoutError:
		        pass
		print(*("%d" % ((t - times[0]) * 1000) for t in times))
	PY
}

@test "the interval grows from 50 ms to 1 s; a given one does not grow" {
	grows() {
		read -r -a at < <(starts 12.5)
		last=$((at[-1] - at[-2]))
		((${#at[@]} >= 30 && ${#at[@]} <= 38 && at[1] >= 40 && at[1] < 90 && last > 950 && last < 1050)) || { echo "${at[@]}" && false; }
	}
	stays() {
		read -r -a at < <(starts 3 -i 100ms)
		((${#at[@]} >= 25 && ${#at[@]} <= 31)) || { echo "${at[@]}" && false; }
	}
	# Beside each other, since the first takes long.
	beside stays in_three_tries stays
	in_three_tries grows
	all_of stays
}

@test "1,000 TARGETs, of which one comes after 1 s: within 100 ms of it, at rest while it waits, in 8 MiB" {
	cat >thousand.py <<-'PY'
		import os, socket, subprocess, sys, time
		sockets = [socket.socket() for _ in range(1000)]
		for s in sockets:
		    s.bind(("127.0.0.1", 0))
		for s in sockets[1:]:
		    s.listen(16)
		p = subprocess.Popen([*sys.argv[1:], "sockwait", "-q", "-i", "50ms", *("127.0.0.1:%d" % s.getsockname()[1] for s in sockets)],
		                     stdout=subprocess.PIPE)
		for _ in range(999):
		    p.stdout.readline()
		clock = ~p.pid << 3 | 2  # the CPU time of that process: clock_getcpuclockid(3)
		before, begun = time.clock_gettime(clock), time.monotonic()
		time.sleep(1)
		share = (time.clock_gettime(clock) - before) / (time.monotonic() - begun)
		peak = next(int(line.split()[1]) for line in open("/proc/%d/status" % p.pid) if line.startswith("VmHWM"))
		begun = time.monotonic()
		sockets[0].listen(16)
		status = p.wait()
		late = time.monotonic() - begun
		rest = p.stdout.read().decode()
		print("status %d, %d KiB, %.3f of a CPU, %.3f s late: %s" % (status, peak, share, late, rest))
		sanitized = os.environ.get("SANITIZED") == "yes"
		sys.exit(status or rest.count("\n") != 1 or share >= 0.02 or late >= 0.1 or (peak >= 8192 and not sanitized))
	PY
	is_sanitized && export SANITIZED=yes
	ulimit -n "$(ulimit -Hn)"
	(($(ulimit -n) > 1100)) || skip "no 1,100 descriptors"
	in_three_tries python3 thousand.py
	in_three_tries python3 thousand.py prlimit --nofile=256
}

@test "TARGETs that never answer hold back no others, with few descriptors and many names" {
	start_peer silent full
	start_server sockecho-server 0
	targets=()
	for i in {1..200}; do
		targets+=("127.0.0.$((i % 250 + 1)):$silent_port")
	done
	run --separate-stderr prlimit --nofile=96 sockwait -q -t 20 --connect-timeout 0.2 --any "${targets[@]}" "$host:$port"
	assert_success
	assert_output --regexp "^$host:$port"$'\t'
	targets=()
	for i in {1..40}; do
		targets+=("localhost:$i")
	done
	run --separate-stderr sockwait -q -t 20 -4 --any "${targets[@]}" "localhost:$port" "$host:$port"
	assert_success
}

# with_silent_server SECONDS <SCRIPT - `inside` runs the script, in Python, where the resolver asks a server that never
# answers, and waits so long.  There most_threads(PROCESS) is the most that it has had when it ends.
with_silent_server() {
	cat - >script.py
	cat - script.py >inside.py <<-'PY'
		import json, os, socket, subprocess
		silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		silent.bind(("127.0.0.1", 53))

		def most_threads(process):
		    most = 0
		    while process.poll() is None:
		        try:
		            most = max(most, len(os.listdir("/proc/%d/task" % process.pid)))
		        except FileNotFoundError:
		            pass
		    return most

	PY
	need ip
	in_namespaces=()
	need_namespaces -nm
	echo "hosts: dns" >nsswitch
	printf 'nameserver 127.0.0.1\noptions timeout:%d attempts:1\n' "$1" >resolv
	make_inside <<<"exec python3 inside.py"
}

@test "a name server that never answers holds back names alone, and few threads wait for it" {
	with_silent_server 30 <<-'PY'
		there = socket.socket()
		there.bind(("127.0.0.1", 0))
		there.listen()
		names = ["host%d.test:80" % i for i in range(100)]
		p = subprocess.Popen(["sockwait", "-q", "-t", "1", *names, "127.0.0.1:%d" % there.getsockname()[1]],
		                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
		print(p.stdout.readline().decode().split(":")[0])
		most = most_threads(p)
		# A look-up has up to three threads: one for both families, then one for each.
		print(p.returncode, 16 < most <= 2 + 3 * 16 or most)
	PY
	all_at_once() { # a second is little for 100 names on a busy machine
		run --separate-stderr "${in_namespaces[@]}" sh inside
		[ "$output" = $'127.0.0.1\n124 True' ]
	}
	in_three_tries all_at_once || fail "$output"
}

@test "threads of look-ups that were given up count, too, and names are asked again once they are gone" {
	with_silent_server 1 <<-'PY'
		names = ["host%d.test:80" % i for i in range(8)]
		p = subprocess.Popen(["sockwait", "-qq", "--json", "-t", "3", "-i", "10ms", "--connect-timeout", "0.3", *names],
		                     stdout=subprocess.PIPE, text=True)
		most = most_threads(p)
		tries = sum(json.loads(line)["attempts"] for line in p.stdout)
		# 16 tries fill them.
		print(p.returncode, 40 < most <= 2 + 48 or most, tries > 24 or tries)
	PY
	all_are_asked() {
		run --separate-stderr "${in_namespaces[@]}" sh inside
		[ "$output" = "124 True True" ]
	}
	in_three_tries all_are_asked || fail "$output"
}

@test "names hold back others before the descriptors are gone" {
	cat >hang.py <<-'PY'
		import resource, select, socket, subprocess
		listeners, held, targets = [], [], []
		for _ in range(100):
		    s = socket.socket()
		    s.bind(("127.0.0.1", 0))
		    s.listen(0)
		    for _ in range(3):  # its backlog is full
		        c = socket.socket()
		        c.setblocking(False)
		        c.connect_ex(s.getsockname())
		        held.append(c)
		    listeners.append(s)
		    targets.append("localhost:%d" % s.getsockname()[1])
		for i in range(0, len(held), 3):
		    select.select([], [held[i]], [], 20)
		p = subprocess.run(["prlimit", "--nofile=200", "sockwait", "-q", "-vv", "-t", "2", "--connect-timeout", "0.5", *targets],
		                   stderr=subprocess.PIPE, text=True)
		print(p.returncode, "Too many open files" in p.stderr, p.stderr.count("not tried yet"))
	PY
	ulimit -n "$(ulimit -Hn)"
	(($(ulimit -n) > 500)) || skip "no 500 descriptors"
	all_are_tried() {
		run --separate-stderr python3 hang.py
		[ "$output" = "124 False 0" ]
	}
	in_three_tries all_are_tried || fail "$output"
}

@test "an interface that goes away while its address is waited for is a failed try" {
	need ip
	in_namespaces=()
	need_namespaces -n
	cat >inside <<-'SH'
		set -eu
		ip link add va type veth peer name vb
		ip link set va up
		ip link set vb up
		ip -6 addr add fe80::7/64 dev va nodad
		mkfifo said
		sockwait -v -t 30 --connect-timeout 0.1 '[fe80::9%va]:9' 2>said &
		exec 4<said
		read -r line <&4
		ip link del va
		while read -r line <&4; do
			case $line in *"connect to fe80::9%va port 9: no such interface") kill "$!" && echo "it goes on" ;; esac
		done
		wait "$!" || echo "$?"
	SH
	run --separate-stderr "${in_namespaces[@]}" sh inside
	[[ $stderr != *"not supported"* && $stderr != *"Unknown device type"* ]] || skip "no veth"
	assert_output $'it goes on\n143'
}

@test "running out of descriptors is no failure: names of many addresses that do not answer" {
	need ip
	in_namespaces=()
	need_namespaces -nm
	echo "hosts: files" >nsswitch
	for i in {1..120}; do
		printf "127.0.0.%d host$i.test\n" 1 2 3 4
	done >hosts
	make_inside <<-'SH'
		exec python3 inside.py
	SH
	cat >inside.py <<-'PY'
		import os, select, socket, subprocess
		silent = socket.socket()
		silent.bind(("0.0.0.0", 0))
		silent.listen(0)
		port = silent.getsockname()[1]
		held = [socket.socket() for _ in range(8)]  # its backlog is full
		for c in held:
		    c.setblocking(False)
		    c.connect_ex(("127.0.0.1", port))
		late = socket.socket()
		late.bind(("127.0.0.1", 0))
		p = subprocess.Popen(["prlimit", "--nofile=256", "sockwait", "-vv", "-t", "4", "--connect-timeout", "1",
		                      *("host%d.test:%d" % (i, port) for i in range(1, 121)), "127.0.0.1:%d" % late.getsockname()[1]],
		                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
		full = next((line for line in p.stderr if "Too many open files" in line), "there are enough")
		print(full.rstrip().split(": ")[-1].split(" (")[0])
		late.listen()
		p.stderr.read()
		print(p.wait(), p.stdout.read().split(":")[0])
	PY
	it_is_found() {
		run --separate-stderr "${in_namespaces[@]}" sh inside
		[ "$output" = $'Too many open files\n124 127.0.0.1' ]
	}
	in_three_tries it_is_found || fail "$output"
}

# ---- what can never be

# wrong ERROR [option ...] TARGET - one line that says so, at once, and nothing is tried.
wrong() {
	local error=$1
	shift
	run --separate-stderr timeout 10 sockwait "$@"
	assert_failure 2
	assert_output ""
	assert_equal "${stderr_lines[0]}" "sockwait: $error"
	assert_equal "${stderr_lines[1]}" "Try 'sockwait --help' for more information."
	assert_equal "${#stderr_lines[@]}" 2
}

@test "every wrong TARGET is one clear line" {
	forms="HOST:PORT, [V6]:PORT, a UNIX path (it has a '/') or @NAME"
	number="PORT is a number from 1 to 65535, not"
	wrong "a TARGET is empty: it is $forms" ""
	wrong "'db' is no TARGET, which is $forms" db
	wrong "'db' is no TARGET, which is $forms" localhost:1 db
	wrong "'[::1]' is no TARGET, which is $forms" "[::1]"
	wrong "'[::1]5432' is no TARGET, which is $forms" "[::1]5432"
	wrong "'[::1' is no TARGET, which is $forms" "[::1"
	wrong "'::1:5432' is no TARGET: an IPv6 address has brackets, [V6]:PORT" ::1:5432
	wrong "HOST is missing in ':5432': a TARGET is HOST:PORT" :5432
	wrong "'' is no IPv6 address" "[]:5432"
	wrong "'localhost' is no IPv6 address" "[localhost]:5432"
	wrong "'' is no PORT: a number from 1 to 65535, or the name of a service" db:
	wrong "'-1' is no PORT: a number from 1 to 65535, or the name of a service" db:-1
	wrong "'80 ' is no PORT: a number from 1 to 65535, or the name of a service" "db:80 "
	wrong "$number 0" db:0
	wrong "$number 65536" db:65536
	wrong "there is no service 'postgress': PORT is a number from 1 to 65535, or the name of a service" db:postgress
	wrong "'1.2.3.999': it is neither an address nor the name of a host" 1.2.3.999:80
	wrong "'user@db:5432' names a user, who is no part of an address: give HOST PORT or HOST:PORT" user@db:5432
	wrong "'d b': it is neither an address nor the name of a host" "d b:5432"
	wrong "'a..b': a label of the name is empty" a..b:5432
	label=$(printf 'x%.0s' {1..64})
	wrong "'${label:0:60}...': a label of a name has at most 63 bytes" "$label:5432"
	wrong "'http://db:80/' is a URL: a TARGET is HOST:PORT" http://db:80/
	wrong "'tcp:db:80' is no TARGET: leave tcp: out, it is HOST:PORT" tcp:db:80
	wrong "'unix:/run/db' is no TARGET: a UNIX path stands alone, /run/db" unix:/run/db
	wrong "'db:80/tcp' is no TARGET: nothing follows HOST:PORT (a path with a ':' before its first '/' begins with ./)" db:80/tcp
	wrong "PATH is empty" @
	path=/$(printf 'x%.0s' {1..108})
	wrong "a UNIX path has at most 108 bytes, this one 109: ${path:0:60}..." "$path"
	touch file
	wrong "./file is no UNIX socket but a file (sockwait runs no command)" db:80 -- ./file
	wrong "./ is no UNIX socket but a directory (sockwait runs no command)" --gone ./
	wrong "missing operand: TARGET ($forms)"
	# Help and 0 would look as if the service were there.
	wrong "option '-h': it is --help; a TARGET is an operand, HOST:PORT" -t 1 -h localhost -p 80
	wrong "'@' is no PORT: a FILE is missing after it" db:@
	wrong "a TARGET is one operand: 127.0.0.1:80" 127.0.0.1 80
	wrong "a TARGET is one operand: db:5432" cache:6379 db 5432
	wrong "a TARGET is one operand: [::1]:80" ::1 80
	wrong "a TARGET is one operand: [::1]:80" "[::1]" 80
	wrong "'*' is every address, to listen on; to connect, give one HOST" '*:80'
	wrong "fe80::1 is a link-local address, which needs a zone: fe80::1%INTERFACE" "[fe80::1]:9"
	wrong "'nope' is no interface of this machine, and so no zone of fe80::1" "[fe80::1%nope]:9"
}

@test "what can never become known: -n with a name, -4 with IPv6, --source of the other family" {
	wrong "'localhost' is no address (--numeric)" -n localhost:80
	wrong "'http' is no PORT: a number from 1 to 65535 (--numeric)" -n 127.0.0.1:http
	wrong "::1 is no IPv4 address" -4 "[::1]:80"
	wrong "127.0.0.1 is no IPv6 address" -6 127.0.0.1:80
	wrong "--ipv4 and --ipv6 exclude each other" -4 -6 localhost:80
	wrong "--source ::1 is of the other family than HOST, which is 127.0.0.1" --source ::1 ./nosuch 127.0.0.1:80
	wrong "--source ::1 is of the other family than -4" --source ::1 -4 localhost:80
}

@test "options that make no sense" {
	text="TEXT in which a backslash begins \\r, \\n, \\t, \\\\ or \\xNN"
	wrong "option '--match' takes $text, not 'a\\0'" --match 'a\0' db:80
	wrong "option '--send' takes $text, not '\\'" --send '\' db:80
	wrong "option '--send' takes TEXT that is not empty, not ''" --send '' db:80
	wrong "--steady must be shorter than --timeout, which limits the whole run" --steady 30 db:80
	wrong "--steady must be shorter than --max-time, which limits the whole run" --steady 5 -w 5 db:80
	wrong "--steady must be shorter than --max-time, which limits the whole run" --steady 5 -t 0 -w 4 db:80
	for option in --wait --retry; do
		wrong "unknown option '$option': it tries until --timeout is over" "$option" 30 db:80
	done
	wrong "unknown option '--silent': it is called --quiet" --silent db:80
	wrong "unknown option '-l': it connects; sockecho-server listens" -l 80
	wrong "unknown option '-k': it connects; sockecho-server listens" -k db:80
	for option in "-4:ipv4" "-6:ipv6" "-n:numeric" "--source=127.0.0.1:source"; do
		wrong "option '--${option##*:}' does not go with a UNIX path" "${option%:*}" ./sock @name
	done
	wrong "unknown option '--host': a TARGET is an operand, HOST:PORT" --host db
	wrong "option '--interval' takes 1ms or more, not '0'" -i 0 db:80
	wrong "option '--interval' takes 1ms or more, not '0.5ms'" -i 0.5ms db:80
}

@test "a source address that this machine does not have ends it at once; a source port that is taken does not" {
	start_server sockecho-server 0
	there=$host:$port
	run --separate-stderr sockwait -t 20 --source 192.0.2.1 "$there"
	assert_failure 1
	[[ $stderr == *"192.0.2.1"*"Cannot assign requested address"* ]] || fail "$stderr"
	start_service
	says_in_time 124 "*Address already in use*" sockwait -q -t 0.3 --source "127.0.0.1:$its_port" "$there"
	run --separate-stderr sockwait --source 127.0.0.9 "$there"
	assert_success
}

# ---- what it says

@test "after a second a note says what is waited for, once, and not with -q" {
	start_service
	says_in_time 124 "sockwait: waiting for *" sockwait -t 1.5 "127.0.0.1:$port" ./a ./b ./c
	assert_equal "${stderr_lines[0]}" "sockwait: waiting for 127.0.0.1:$port: connect to 127.0.0.1 port $port: Connection refused"
	assert_equal "${stderr_lines[3]}" "sockwait: waiting for 1 more"
	assert_equal "${#stderr_lines[@]}" 8
	run --separate-stderr sockwait -q -t 1.2 ./a
	assert_equal "${#stderr_lines[@]}" 1
}

@test "each TARGET that is missing has its message, for a slow reader, too" {
	cat >slow.py <<-'PY'
		import os, subprocess, time
		targets = ["127.0.%d.%d:9" % (i // 250, i % 250 + 1) for i in range(1000)]
		waits = subprocess.Popen(["sockwait", "-q", "-n", "-t", "0.3", *targets], stderr=subprocess.PIPE)
		lines = 0
		while data := os.read(waits.stderr.fileno(), 4096):
		    lines += data.count(b"\n")
		    time.sleep(0.02)
		print(lines, waits.wait())
	PY
	all_are_named() {
		[[ $(python3 slow.py) == "1000 124" ]]
	}
	in_three_tries all_are_named
}

@test "what a try has come to is told, where the end of the run cuts it short" {
	start_server sockecho-server 0
	says_in_time 124 "sockwait: waiting for $host:$port: it accepted, and must stay connected for 1.4 s
*" sockwait -t 1.5 --steady 1.4 "$host:$port" ./nosuch
	says_in_time 124 "sockwait: wait for $host:$port: timed out; it said 'abc' so far" \
		sockwait -q -t 0.5 --send abc --match ABC "$host:$port"
	says_in_time 124 "sockwait: wait for $host:$port: timed out; it said nothing so far" sockwait -q -t 0.5 --match ABC "$host:$port"
	# What the last one failed of is told, too.
	printf 'close-after=0\nok\n' >plan
	both_are_told() {
		start_server sockecho-server --faults plan 0
		run --separate-stderr sockwait -q -i 100ms -t 1 --steady 0.98 "$host:$port"
		[ "$stderr" = "sockwait: wait for $host:$port: timed out; it accepted, and must stay connected for 0.98 s; the last failure: stay connected to $host port $port: it accepted and closed the connection" ]
	}
	in_three_tries both_are_told || fail "$stderr"
	says_in_time 124 "sockwait: wait for $host:$port: timed out; it still answers" \
		sockwait -q -i 100ms -t 1 --gone --steady 0.4 "$host:$port"
}

@test "a last try that the end of the run cuts short does not hide why the one before failed" {
	in_background python3 -c '
import os, socket, time
s = socket.socket(socket.AF_UNIX)
s.bind("full")
s.listen(0)
held = [socket.socket(socket.AF_UNIX) for _ in range(8)]
for c in held:
    c.setblocking(False)
    c.connect_ex("full")
open("filled", "w").close()
time.sleep(300)
'
	until_true 20 test -e filled
	in_background sockwait -v -t 1.5 ./sock 2>err
	waiting=$last_pid
	until_true 20 grep -q "No such file" err
	mv full sock
	wait_for "$waiting"
	assert_equal "$waited_status" 124
	assert_equal "$(tail -n 1 err)" "sockwait: wait for ./sock: timed out; the last failure: connect to ./sock: No such file or directory"
}

@test "descriptors that no other try can give back end it at once" {
	start_server sockecho-server 0
	for ((limit = 5; limit < 40; limit++)); do # it needs some itself, and has inherited others
		status=0
		timeout 20 prlimit --nofile="$limit" sockwait -t none "$host:$port" 2>err || status=$?
		! grep -q "connect to" err && ((status != 0)) || break
	done
	assert_equal "$status" 1
	assert_equal "$(<err)" "sockwait: wait for $host:$port: connect to $host port $port: Too many open files"
}

@test "what the loop cannot watch is a failed try that says so" {
	need_trace
	start_server sockecho-server -U sock
	# The first is for the signals, the second the connection's.
	run --separate-stderr timeout 20 strace -f -qq -o trace -e inject=epoll_ctl:error=ENOSPC:when=2 \
		env "ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0" sockwait -v --steady 0.1 ./sock
	grep -q INJECTED trace
	assert_success
	assert_equal "$stderr" "sockwait: ./sock: talk to ./sock: No space left on device"
}

@test "a try for which there are no descriptors counts as none" {
	need_trace
	need jq
	start_server sockecho-server -U sock
	start_server sockecho-server 0
	# Of this process: the other try gives some back.  Of the system: somebody will.
	for lack in "EMFILE $host:$port ./sock" "ENFILE ./sock"; do
		read -r error targets <<<"$lack"
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr timeout 20 strace -f -qq -o trace -e "inject=socket:error=$error:when=1" \
			env "ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0" sockwait -v -t 0 --json $targets
		grep -q INJECTED trace
		assert_success
		assert_equal "$(jq .attempts <<<"$output" | sort -u)" 1
		assert_equal "$stderr" ""
	done
}

@test "-v says why a TARGET is not there, once for each reason" {
	start_server sockecho-server 0
	run --separate-stderr sockwait -v "$host:$port"
	assert_success
	assert_equal "$stderr" ""
	says_in_time 124 "sockwait: ./a: connect to ./a: No such file or directory
sockwait: wait for ./a: *" sockwait -v -t 0.8 ./a
	assert_equal "${#stderr_lines[@]}" 2
}

@test "-v: a service that says something else each time has one line in 5 s" {
	in_background python3 -c '
import contextlib, itertools, socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(16)
open("port", "w").write("%d\n" % s.getsockname()[1])
for i in itertools.count():
    with s.accept()[0] as c, contextlib.suppress(ConnectionError): # it may be cut short
        c.sendall(b"%d\n" % i)
'
	until_true 20 test -s port
	says_two() { # with the last word
		run --separate-stderr sockwait -qv -t 1 -i 20ms --match x 127.0.0.1:@port
		((status == 124 && $(grep -c "it said '" <<<"$stderr") == 2))
	}
	in_three_tries says_two || fail "$stderr"
}

@test "-w 0 tries each TARGET once, as -t 0 does" {
	run --separate-stderr sockwait -w 0 127.0.0.1:1
	assert_failure 124
	[[ $stderr != *--steady* ]]
}

@test "--json: there, gone and failed, with target, seconds and attempts" {
	need jq
	start_server sockecho-server 0
	says_in_time 124 "*; the last failure: *" sockwait --json -t 0.3 "$host:$port" "127.1:$port" ./nosuch
	assert_equal "$(jq -r '"\(.program) \(.event) \(.target) \(.attempts >= 1) \(.seconds < 20) \(.time > 1e9)"' <<<"$output")" \
		"$(printf 'sockwait %s true true true\n' "there $host:$port" "there 127.1:$port" "failed ./nosuch")"
	assert_equal "$(jq -r 'select(.event == "failed") | .error | "\(.code) \(.errno) \(.during): \(.message)"' <<<"$output")" \
		"timed_out 110 wait for ./nosuch: timed out; the last failure: connect to ./nosuch: No such file or directory"
	assert_equal "$stderr" "sockwait: wait for ./nosuch: timed out; the last failure: connect to ./nosuch: No such file or directory"
	# The message comes before the record, as in the other programs.
	run sockwait --json -t 0 ./nosuch
	[[ $output == "sockwait: wait for "*$'\n{'* ]] || fail "$output"
	run --separate-stderr sockwait --json --gone ./nosuch
	assert_success
	assert_equal "$(jq -r '"\(.event) \(.target)"' <<<"$output")" "gone ./nosuch"
}

@test "--json: a TARGET that is no UTF-8, or has control characters, is escaped in each part of the error" {
	need jq
	run --separate-stderr sockwait --json -t 0 $'./no\xffsuch\x1b'
	assert_failure 124
	assert_equal "$(jq -r .error.during <<<"$output")" 'wait for ./no\xffsuch\x1b'
	[[ $stderr == 'sockwait: wait for ./no\xffsuch\x1b: '* ]] || fail "$stderr"
	[[ $(jq -r .error.message <<<"$output") == *'connect to ./no\xffsuch\x1b: No such'* ]] || fail "$output"
}

@test "a reader that takes nothing: -t, -w and -t 0 end it, and the message names the option that did" {
	start_server sockecho-server 0
	cat >full.py <<-'PY'
		import fcntl, os, subprocess, sys
		stream, *command = sys.argv[1:]
		r, w = os.pipe()
		fcntl.fcntl(w, fcntl.F_SETPIPE_SZ, 4096)
		os.write(w, b"x" * 4096)
		other = open("other", "w")
		streams = {"stdout": w, "stderr": other} if stream == "stdout" else {"stdout": other, "stderr": w}
		sys.exit(subprocess.run(["timeout", "20", *command], **streams).returncode)
	PY
	missing="@nosuch.$BASHPID"
	on_time 124 1000 2000 python3 full.py stdout sockwait -t 1 "$host:$port"
	assert_equal "$(<other)" "sockwait: write to standard output: timed out (--timeout)"
	on_time 124 1000 2000 python3 full.py stdout sockwait -w 1 "$host:$port"
	assert_equal "$(<other)" "sockwait: write to standard output: timed out (--max-time)"
	on_time 124 500 1500 python3 full.py stdout sockwait -t 0 --connect-timeout 0.5 "$host:$port"
	assert_equal "$(<other)" "sockwait: write to standard output: timed out"
	# Each of several messages is one, and they are waited for once.
	on_time 124 500 1500 python3 full.py stderr sockwait -t 0 --connect-timeout 0.5 "$missing" "$missing" "$missing"
	on_time 124 1000 2000 python3 full.py stderr sockwait -t 1 -v "$missing" "$missing" "$missing"
}

@test "SIGUSR1: the numbers of TARGETs, of those that are done, and of tries" {
	start_server sockecho-server -U sock
	waits -t 60 ./sock ./nosuch ./nosuch
	until_true 20 grep -q ./sock out
	kill -USR1 "$waiter"
	until_true 20 grep -q "^state: " err
	[[ $(grep "^state: " err) =~ ^state:\ targets=2\ done=1\ attempts=[0-9]+$ ]] || fail "$(<err)"
	kill "$waiter"
	comes 143
}

@test "standard output that cannot be written is 1, at once" {
	start_server sockecho-server 0
	for command in "sockwait -t 60 $host:$port ./nosuch >/dev/full" "sockwait -t 60 $host:$port ./nosuch >&-" \
		"sockwait --json -t 60 $host:$port ./nosuch >/dev/full"; do
		run --separate-stderr timeout 20 bash -c "$command"
		assert_failure 1
		[[ $stderr == "sockwait: write to standard output: "* ]] || fail "$stderr"
	done
}
