#!/usr/bin/env bats
# listen.bats - listening: readiness, where, who may come, how it ends.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
}

@test "the readiness line says where, for each kind of address" {
	start_server sockecho-server 0
	assert_equal "$transport $host" "tcp 127.0.0.1"
	((port > 0))
	start_server sockecho-server 0.0.0.0:0
	assert_equal "$host" 0.0.0.0
	start_server sockecho-server -u -4 '*' 0
	assert_equal "$transport $host" "udp 0.0.0.0"
}

@test "the readiness line says where, for each kind of address that IPv6 has; who can come there" {
	need_ipv6
	start_server sockecho-server -6 0
	assert_equal "$transport $host" "tcp ::1"
	start_server sockecho-server :0
	assert_equal "$transport $host" "tcp *"
	for address in 127.0.0.1 ::1; do
		run --separate-stderr sockecho-client "$address" "$port" x
		assert_success
	done
	start_server sockecho-server :: 0
	assert_equal "$host" "::"
	run --separate-stderr sockecho-client 127.0.0.1 "$port" x
	assert_failure 6
	start_server sockecho-server 0.0.0.0:0
	run --separate-stderr sockecho-client ::1 "$port" x
	assert_failure 6
	start_server sockecho-server '[::1]:0'
	assert_equal "$host" ::1
}

@test "with --json the readiness line is the event listening" {
	need jq
	start_server sockecho-server --json 0
	run jq -r '.event, .program, .transport, .address, (.port > 0), (.time > 1e9)' server.out
	assert_output $'listening\nsockecho-server\ntcp\n127.0.0.1\ntrue\ntrue'
}

@test "--json has an event for each connection and the stats at the end" {
	need jq
	start_server sockecho-server --json -c 1 0
	sockecho-client 127.0.0.1 "$port" hello
	sock_wait server
	run jq -r .event server.out
	assert_output $'listening\naccepted\nclosed\nstats'
	run jq -r 'select(.event == "closed") | .bytes_in, .bytes_out, .reason, (.seconds >= 0)' server.out
	assert_output $'5\n5\nended\ntrue'
	run jq -r 'select(.event == "stats") | .accepted, .active, .bytes_in' server.out
	assert_output $'1\n0\n5'
}

@test "--ready-fd and --port-file say the same, and the file goes at the end" {
	exec {fd}>readiness
	start_server sockecho-server --ready-fd "$fd" --port-file port 0
	assert_equal "$(cat readiness)" "listening tcp 127.0.0.1 $port"
	assert_equal "$(cat port)" "$port"
	stop_server
	assert_equal "$server_status" 0
	[ ! -e port ]
}

@test "--ready-fd has its line before standard output has" {
	mkfifo full
	exec {pipe}<>full
	dd if=/dev/zero of=full bs=4k oflag=nonblock 2>/dev/null || true # as much as it takes
	in_background sh -c 'exec sockecho-server --ready-fd 4 0 4>readiness >full'
	until_true 20 grep -qx "listening tcp 127.0.0.1 [0-9]*" readiness
}

@test "--ready-fd whose reader is gone is a failure of this end: 1" {
	mkfifo gone
	exec 9<>gone 8>gone 9>&-
	run --separate-stderr sockecho-server --ready-fd 8 0
	exec 8>&-
	assert_failure 1
	assert_equal "$stderr" "sockecho-server: write the readiness line to descriptor 8: Broken pipe"
}

@test "--ready-fd is closed once it is written" {
	start_server sh -c 'exec sockecho-server --ready-fd 4 0 4>&1'
	# The line that was read may be that of descriptor 4, which is closed right behind it.
	until_true 10 is_not_its_output 4
}

# is_not_its_output N - descriptor N of the server is not the file of its standard output.
is_not_its_output() {
	[ "$(readlink "/proc/$server_pid/fd/$1")" != "$(readlink "/proc/$server_pid/fd/1")" ]
}

@test "--port-file replaces a port file and nothing else" {
	echo 12345 >port
	start_server sockecho-server --port-file port 0
	assert_equal "$(cat port)" "$port"
	stop_server
	: >empty
	start_server sockecho-server --port-file empty 0
	assert_equal "$(cat empty)" "$port"
	stop_server
	echo "my thesis" >thesis
	ln -s thesis link
	mkdir dir
	for file in thesis link dir; do
		run --separate-stderr timeout 10 sockecho-server --port-file "$file" 0
		assert_failure 1
		assert_output ""
		assert_equal "$stderr" "sockecho-server: write port file $file: what is there is no port file, and is not overwritten"
	done
	assert_equal "$(cat thesis)" "my thesis"
	run --separate-stderr timeout 10 sockecho-server --port-file none/port 0
	assert_failure 1
	assert_equal "$stderr" "sockecho-server: write port file none/port: No such file or directory"
}

@test "a port file that is somebody else's by now is left alone" {
	start_server sockecho-server --port-file port 0
	rm port
	echo 1 >port
	stop_server
	assert_equal "$(cat port)" 1
}

@test "--port-file: a name that leads elsewhere when it is renamed is told, and nobody's file is written" {
	need_trace
	local traced=(env "ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0" strace -D -f -qq -o trace.out)
	echo "my thesis" >thesis
	sock_run server "${traced[@]}" -e trace=renameat,renameat2 -e inject=renameat,renameat2:delay_enter=1000000 \
		sockecho-server --port-file port 0
	until_true 20 compgen -G '.sockutils.*' >temporary
	temporary=$(cat temporary)
	rm "$temporary"
	ln -s thesis "$temporary"
	sock_wait server
	assert_equal "$server_status" 1
	assert_equal "$(cat server.err)" "sockecho-server: write port file port: another file took its place"
	assert_equal "$(readlink port)" thesis
	assert_equal "$(cat thesis)" "my thesis"
	[ ! -s server.out ]
}

@test "--port-file: what a killed server left behind is in nobody's way" {
	start_server python3 -c 'import os, sys
for i in range(3):
    open(f".sockutils.{os.getpid()}.{i}", "w").close()
os.execvp("sockecho-server", ["sockecho-server", "--port-file", "port", "0"])'
	assert_equal "$(cat port)" "$port"
}

@test "a UNIX path: served, in --port-file, removed at the end" {
	start_server sockecho-server --port-file where -U sock
	assert_equal "$transport $host" "unix sock"
	assert_equal "$(cat where)" sock
	run --separate-stderr sockecho-client -U sock hello
	assert_success
	assert_output hello
	stop_server
	[ ! -e sock ]
	[ ! -e where ]
}

@test "a UNIX path of any bytes is one field of the one readiness line; the port file has it as it is" {
	path=$'a b\n\tlistening tcp 1.2.3.4 5\\\e[31m\xff\x9b'
	escaped='unix a b\n\tlistening tcp 1.2.3.4 5\\\x1b[31m\xff\x9b'
	exec {fd}>readiness
	start_server sockecho-server --ready-fd "$fd" --port-file where -U "$path"
	assert_equal "$(cat server.out)" "listening $escaped"
	assert_equal "$(cat readiness)" "listening $escaped"
	printf '%s\n' "$path" | cmp - where
	# Where standard output carries data, it is on standard error.
	sock_start receiver sockfile-recv --port-file there -U "@$$$path" -
	assert_equal "$(cat receiver.err)" "listening unix @$$${escaped#* }"
	printf '@%s%s\n' $$ "$path" | cmp - there
}

@test "an abstract UNIX name" {
	start_server sockecho-server -U "@sockutils-$$"
	assert_equal "$host" "@sockutils-$$"
	run --separate-stderr sockecho-client -U "@sockutils-$$" hello
	assert_success
}

@test "a UNIX path of 108 bytes works, one of 109 is refused before anything is done" {
	name=$(printf '%0108d' 0)
	start_server sockecho-server -U "$name"
	run --separate-stderr sockecho-client -U "$name" hello
	assert_success
	run --separate-stderr timeout 10 sockecho-server -U "${name}x"
	assert_failure 2
	assert_output ""
	[[ ${stderr_lines[0]} == "sockecho-server: a UNIX path has at most 108 bytes, this one 109: "* ]]
	run --separate-stderr sockecho-client -U "${name}x" hello
	assert_failure 2
}

@test "a dead server's socket file is replaced; a living one's, and any other file, is not" {
	start_server sockecho-server -U sock
	run --separate-stderr timeout 10 sockecho-server -U sock
	assert_failure 1
	assert_equal "$stderr" "sockecho-server: bind to sock: Address already in use (a living server has this path)"
	run --separate-stderr sockecho-client -U sock "still served"
	assert_success
	stop_server KILL
	[ -S sock ]
	start_server sockecho-server -U sock
	run --separate-stderr sockecho-client -U sock hello
	assert_success
	stop_server
	echo precious >file
	run --separate-stderr timeout 10 sockecho-server -U file
	assert_failure 1
	assert_equal "$stderr" "sockecho-server: bind to file: there is a file that is no socket, and it is not removed"
	assert_equal "$(cat file)" precious
}

@test "a UNIX socket that is bound but does not listen yet is living; probing does not connect" {
	in_background python3 -c '
import os, socket, time
s = socket.socket(socket.AF_UNIX)
s.bind("sock")
open("bound", "w").close()
def told(name):
    while not os.path.exists(name):
        time.sleep(0.02)
told("listen")
s.listen(5)
open("listening", "w").close()
told("look")
s.setblocking(False)
try:
    s.accept()
    open("connected", "w").close()
except BlockingIOError:
    open("alone", "w").close()
told("end")
'
	until_true 20 test -e bound
	run --separate-stderr timeout 10 sockecho-server -U sock
	assert_failure 1
	[[ $stderr == *"living server"* ]]
	touch listen
	until_true 20 test -e listening
	run --separate-stderr timeout 10 sockecho-server -U sock
	assert_failure 1
	run --separate-stderr timeout 10 sockecho-server -u -U sock
	assert_failure 1
	touch look
	until_true 20 test -e alone -o -e connected
	[ -e alone ]
}

@test "a socket file that this user may not connect to, or not remove, is not said to be a living server's" {
	mkdir dir
	start_server sockecho-server -U dir/sock
	stop_server KILL
	chmod 444 dir/sock
	chmod 555 dir
	run --separate-stderr as_nobody sockecho-server -U dir/sock
	assert_failure 1
	assert_equal "$stderr" "sockecho-server: bind to dir/sock: Address already in use (a server has this path, or had it: this user may not find out)"
	chmod 666 dir/sock
	run --separate-stderr as_nobody sockecho-server -U dir/sock
	assert_failure 1
	assert_equal "$stderr" "sockecho-server: bind to dir/sock: a file is there, and this user may not remove it"
	chmod 755 dir
}

@test "of many that replace a dead socket at once, one wins" {
	start_server sockecho-server -U sock
	stop_server KILL
	for i in 1 2 3 4 5 6 7 8; do
		sock_run "server$i" timeout 20 sockecho-server -U sock
	done
	until_true 20 sh -c 'test "$(cat server?.err | grep -c living)" -eq 7'
	assert_equal "$(cat server?.out | wc -l)" 1
	run --separate-stderr sockecho-client -U sock hello
	assert_success
}

@test "a UNIX path does not stay behind, whichever descriptor is the first that cannot be had" {
	is_sanitized && skip "the sanitizers need descriptors of their own"
	local most served=0
	for most in {3..24}; do
		in_background prlimit --nofile="$most:$most" sockecho-server -U sock >out 2>err </dev/null
		until_true 20 eval 'grep -q listening out || has_ended "$last_pid"'
		! grep -q listening out || served=1
		kill -TERM "$last_pid" 2>/dev/null || true
		wait_for "$last_pid"
		[ ! -e sock ] || fail "with $most descriptors: $(cat err)"
	done
	((served)) || fail "nothing was served"
}

@test "a UNIX path that is somebody else's by now is left alone" {
	start_server sockecho-server -U sock
	rm sock
	echo mine >sock
	stop_server
	assert_equal "$(cat sock)" mine
}

@test "a port in use says so, and what helps" {
	start_server sockecho-server 0
	run --separate-stderr timeout 10 sockecho-server "$port"
	assert_failure 1
	[[ $stderr == "sockecho-server: bind to 127.0.0.1 port $port: Address already in use ("*"port 0"* ]]
}

@test "--reuseport shares a port; --no-reuseaddr and lingering connections" {
	start_server sockecho-server --reuseport 0
	run --separate-stderr timeout 5 sockecho-server --reuseport --accept-timeout 0.2 "$port"
	assert_failure 124
	assert_output "listening tcp 127.0.0.1 $port"
	stop_server
	# The server closes first, and the client only after it: the server's side lingers in TIME_WAIT.
	start_server sockecho-server -c 1 --close-after 1 0
	exec {client}<>"/dev/tcp/$host/$port"
	printf x >&"$client"
	wait_for "$server_pid"
	assert_equal "$(cat <&"$client")" x
	exec {client}>&-
	run --separate-stderr timeout 10 sockecho-server --no-reuseaddr --accept-timeout 0.2 "$port"
	assert_failure 1
	run --separate-stderr timeout 10 sockecho-server --accept-timeout 0.2 "$port"
	assert_failure 124
}

@test "for UDP two living servers share a port with --reuseaddr alone" {
	start_server sockecho-server -u --reuseaddr 0
	run --separate-stderr timeout 10 sockecho-server -u -w 0.2 "$port"
	assert_failure 1
	run --separate-stderr timeout 10 sockecho-server -u --reuseaddr -w 0.2 "$port"
	assert_failure 124
}

@test "--fd adopts a listening socket, a datagram socket and a connection" {
	cat >hand.py <<-'PY'
		import os, socket, sys
		kind, *command = sys.argv[1:]
		if kind == "listen":
		    s = socket.create_server(("127.0.0.1", 0))
		elif kind in ("dgram", "unbound"):
		    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		    if kind == "dgram":
		        s.bind(("127.0.0.1", 0))
		elif kind == "reset":
		    listener = socket.create_server(("127.0.0.1", 0))
		    t = socket.create_connection(listener.getsockname())
		    s = listener.accept()[0]
		    t.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
		    t.close()
		else:
		    s, t = socket.socketpair(type=socket.SOCK_DGRAM if kind == "datagrams" else socket.SOCK_STREAM)
		    if os.fork() == 0:
		        s.close()
		        t.sendall(b"hello")
		        t.shutdown(socket.SHUT_WR)
		        data = t.recv(100)
		        while kind != "datagrams" and (more := t.recv(100)):
		            data += more
		        open("answer", "wb").write(data)
		        os._exit(0)
		    t.close()
		os.dup2(s.fileno(), 9)
		os.set_inheritable(9, True)
		os.execvp(command[0], command)
	PY
	start_server python3 hand.py listen sockecho-server --fd 9
	assert_equal "$transport $host" "tcp 127.0.0.1"
	run --separate-stderr sockecho-client "$host" "$port" hello
	assert_success
	start_server python3 hand.py dgram sockecho-server --fd 9
	assert_equal "$transport" udp
	run --separate-stderr sockecho-client -u "$host" "$port" hello
	assert_success
	run --separate-stderr timeout 10 python3 hand.py pair sockecho-server --upper --fd 9
	assert_success
	assert_output ""
	until_true 20 test -s answer
	assert_equal "$(cat answer)" HELLO
	rm answer
	run --separate-stderr timeout 10 python3 hand.py datagrams sockecho-server --upper -c 1 --fd 9
	assert_success
	until_true 20 test -s answer
	assert_equal "$(cat answer)" HELLO
	run --separate-stderr timeout 10 python3 hand.py unbound sockecho-server --fd 9
	assert_failure 1
	assert_equal "$stderr" "sockecho-server: use descriptor 9: the socket is bound to no address"
	assert_output ""
	# Nobody else comes to a connection, so that there is nothing to say about where it is.
	for option in "--ready-fd 2" "--port-file port"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr timeout 10 python3 hand.py pair sockecho-server $option --fd 9
		assert_failure 2
		[[ ${stderr_lines[0]} == "sockecho-server: option '${option% *}' means nothing: the socket is a connection, "* ]]
		[ ! -e port ]
	done
	run --separate-stderr timeout 10 python3 hand.py listen sockecho-server --ready-fd 9 --fd 9
	assert_failure 2
	assert_equal "${stderr_lines[0]}" "sockecho-server: option '--ready-fd' takes a descriptor for the readiness line: 9 is the socket"
	# The peer was there, and is gone.
	for command in "sockecho-server --fd 9" "sockfile-recv --fd 9 out" "sockecho-client --fd 9 hello" "sockfile-send --fd 9 hand.py"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr timeout 10 python3 hand.py reset $command
		assert_failure 6
		[[ $stderr == "${command%% *}: use descriptor 9"*": Connection reset by peer" ]]
		assert_output ""
	done
}

@test "the client takes a connected --fd" {
	start_server sockecho-server 0
	cat >hand.py <<-'PY'
		import os, socket, sys
		s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		os.dup2(s.fileno(), 9)
		os.execvp(sys.argv[2], sys.argv[2:])
	PY
	run --separate-stderr python3 hand.py "$port" sockecho-client --fd 9 hello
	assert_success
	assert_output hello
	run --separate-stderr sockecho-client --fd 0 hello </dev/null
	assert_failure 2
	[[ ${stderr_lines[0]} == "sockecho-client: option '--fd' takes an open socket, which 0 is not" ]]
}

# write_activate - activate.py N PID COMMAND ... runs it with a listening socket and LISTEN_FDS=N; in PID, {} is its own.
write_activate() {
	cat >activate.py <<-'PY'
		import os, socket, sys
		n, pid, *command = sys.argv[1:]
		s = socket.create_server(("127.0.0.1", 0))
		os.dup2(s.fileno(), 4)
		os.dup2(4, 3)
		os.set_inheritable(3, True)
		os.environ["LISTEN_FDS"] = n
		os.environ["LISTEN_PID"] = pid.format(os.getpid())
		os.execvp(command[0], command)
	PY
}

@test "LISTEN_FDS: one socket is taken, more are an error, another process's are not ours" {
	write_activate
	start_server python3 activate.py 1 {} sockecho-server
	run --separate-stderr sockecho-client "$host" "$port" hello
	assert_success
	run --separate-stderr python3 activate.py 2 {} sockecho-server
	assert_failure 2
	[[ ${stderr_lines[0]} == "sockecho-server: LISTEN_FDS hands over 2 sockets: one is taken" ]]
	run --separate-stderr python3 activate.py 1 {} sockecho-server 0
	assert_failure 2
	run --separate-stderr python3 activate.py 1 1 sockecho-server --accept-timeout 0.1 0
	assert_failure 124
	assert_output --partial "listening tcp 127.0.0.1"
}

@test "NOTIFY_SOCKET gets READY=1, by path and by abstract name" {
	for name in "$PWD/notify" "@sockutils-notify-$$"; do
		sock_run waiter python3 -c '
import socket, sys
name = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(name.replace("@", "\0", 1) if name[0] == "@" else name)
open("bound", "w").close()
open("got", "wb").write(s.recv(100))
' "$name"
		until_true 20 test -e bound
		NOTIFY_SOCKET=$name start_server sockecho-server 0
		sock_wait waiter
		assert_equal "$(cat got)" READY=1
		rm bound got
	done
}

@test "--allow and --deny: deny wins, with an allow the rest is refused" {
	start_server sockecho-server --allow 127.0.0.0/30 --deny 127.0.0.2 '*' 0
	for try in "0 127.0.0.1" "6 127.0.0.2" "0 127.0.0.3" "6 127.0.0.4"; do
		run --separate-stderr sockecho-client -t 5 --source "${try#* }" 127.0.0.1 "$port" hello
		assert_equal "$status" "${try% *}"
	done
	kill -USR1 "$server_pid"
	until_true 20 grep -q "accepted=2 active=0 refused=2" server.err
}

@test "--allow and --deny where both families come: a rule is about its own, mapped addresses are IPv4" {
	need_ipv6
	start_server sockecho-server --allow 127.0.0.0/30 '*' 0
	run --separate-stderr sockecho-client -t 5 ::1 "$port" hello
	assert_failure 6
	kill -USR1 "$server_pid"
	until_true 20 grep -q "accepted=0 active=0 refused=1" server.err
	stop_server
	start_server sockecho-server --allow ::/0 '*' 0
	run --separate-stderr sockecho-client -t 5 ::1 "$port" hello
	assert_success
	run --separate-stderr sockecho-client -t 5 127.0.0.1 "$port" hello
	assert_failure 6
	stop_server
	start_server sockecho-server --deny ::ffff:127.0.0.0/104 '*' 0
	run --separate-stderr sockecho-client -t 5 127.0.0.1 "$port" hello
	assert_failure 6
}

@test "a rule that cannot be read keeps the server from starting" {
	for rule in localhost 10.0.0.0/33 ::/129 10.0.0.0/ 10.0.0/x "" fe80::%lo/10 10/8 127.1 010.0.0.1 \
		"10.0.0.0/8 "; do
		run --separate-stderr timeout 10 sockecho-server --allow "$rule" 0
		assert_failure 2
		assert_output ""
		[[ ${stderr_lines[0]} == "sockecho-server: option '--allow' takes an address or a network, written out "*", not '$rule'" ]]
	done
}

@test "--user gives root up for good, after a privileged port is bound" {
	need_root
	unshare -n true 2>/dev/null || skip "unshare -n is not allowed here"
	chmod 755 "$BATS_TEST_TMPDIR"
	unshare -n bash -euc '
		ip link set lo up
		mkfifo ready
		sockecho-server --user nobody 7 >ready 3>&- & server=$!
		read -r _ <ready
		awk "/^(Uid|Gid):/ { print \$2, \$3, \$4, \$5 }" /proc/$server/status
		grep Groups: /proc/$server/status | tr -d "[:space:]"
		echo
		sockecho-client 127.0.0.1 echo hello
		kill $server; wait $server
	' >out
	run cat out
	assert_output "$(printf '%s\n' "$(id -u nobody) $(id -u nobody) $(id -u nobody) $(id -u nobody)" \
		"$(id -g nobody) $(id -g nobody) $(id -g nobody) $(id -g nobody)" \
		"Groups:$(id -G nobody | tr -d ' ')" hello)"
}

@test "--user: port file, pid file and UNIX path are that user's, and he removes them" {
	need_root
	chmod 755 "$BATS_TEST_TMPDIR"
	mkdir -m 755 dir
	chown nobody dir
	start_server sockecho-server --user nobody --pidfile dir/pid --port-file dir/port -U dir/sock
	run stat -c '%n %U %G' dir/pid dir/port dir/sock
	assert_output "$(printf "%s nobody $(id -gn nobody)\n" dir/pid dir/port dir/sock)"
	stop_server
	assert_equal "$server_status" 0
	run ls -A dir
	assert_output ""
	assert_equal "$(cat server.err)" ""
}

@test "--user: files that their directory does not let him remove are emptied, with a note" {
	need_root
	chmod 755 "$BATS_TEST_TMPDIR"
	mkdir -m 755 dir
	for again in 1 2; do
		start_server sockecho-server --user nobody --pidfile dir/pid --port-file dir/port 0
		assert_equal "$(cat dir/port)" "$port"
		stop_server
		assert_equal "$server_status" 0
		run stat -c '%n %s' dir/pid dir/port
		assert_output $'dir/pid 0\ndir/port 0'
		assert_equal "$(sort server.err)" "sockecho-server: dir/pid is empty now: its directory does not let it be removed
sockecho-server: dir/port is empty now: its directory does not let it be removed"
	done
	# Who reads the port is told that there is none.
	run --separate-stderr sockecho-client 127.0.0.1 @dir/port hello
	assert_failure 6
	# One that has been replaced is not emptied, and a socket, which cannot be, is replaced by the next server.
	start_server sockecho-server --user nobody --port-file dir/port -U dir/sock
	echo 7 >dir/new
	mv dir/new dir/port
	stop_server
	assert_equal "$server_status" 0
	assert_equal "$(cat dir/port)" 7
	[ -S dir/sock ]
	start_server sockecho-server -U dir/sock
	run --separate-stderr sockecho-client -U dir/sock hello
	assert_success
}

# log_has FILE TEXT
log_has() {
	grep -qF -- "$2" "$1"
}

@test "--log: messages, -v and SIGUSR1's line go to FILE, appended; records and the readiness line do not" {
	echo "an old line" >log
	start_server sockecho-server -v --log log 0
	sockecho-client "$host" "$port" hello
	kill -USR1 "$server_pid"
	until_true 20 log_has log "stats: accepted=1 "
	stop_server
	assert_equal "$server_status" 0
	log_has log "an old line"
	log_has log ": accepted"
	log_has log "sockecho-server: stats: accepted=1 "
	assert_equal "$(cat server.err)" ""
	# With --json the records stay where they are.
	start_server sockecho-server --log json.log --json -w 1 0
	wait_for "$server_pid"
	assert_equal "$waited_status" 124
	assert_equal "$(cat json.log)" "sockecho-server: serve: timed out (--max-time)"
	# Where standard output is data, the readiness line and the records are on standard error still.
	sockfile-recv --log recv.log -v --accept-timeout 1 --json 0 - >out 2>recv.err && status=0 || status=$?
	assert_equal "$status" 124
	log_has recv.log "timed out (--accept-timeout)"
	jq -se 'first.event == "listening" and last.error.code == "timed_out"' recv.err
	run --separate-stderr sockecho-server --log nowhere/log 0
	assert_failure 1
	assert_equal "$stderr" "sockecho-server: open log nowhere/log: No such file or directory"
	run --separate-stderr sockfile-recv --connect --log log 127.0.0.1 7 file
	assert_failure 2
	[ ! -e file ]
}

@test "--log: what cannot be written there goes to standard error, behind one line that says why" {
	[ -w /dev/full ] || skip "there is no /dev/full"
	sock_run server sockecho-server -v --log /dev/full --port-file port -c 2 0
	until_true 20 test -s port
	sockecho-client 127.0.0.1 @port hello
	kill -USR1 "$server_pid"
	until_true 20 grep -q "^stats: accepted=1 " server.err
	sockecho-client 127.0.0.1 @port hello
	wait_for "$server_pid"
	assert_equal "$waited_status" 0
	assert_equal "$(sed -E 's/port [0-9]+: (accepted|closed).*/\1/; s/(stats).*/\1/' server.err)" \
		"sockecho-server: write to log /dev/full: No space left on device; lines go to standard error until that works
sockecho-server: 127.0.0.1 accepted
sockecho-server: 127.0.0.1 closed
stats
sockecho-server: 127.0.0.1 accepted
sockecho-server: 127.0.0.1 closed
sockecho-server: stats"
}

@test "--log: at the end of the run a FIFO that nobody reads is said to be that" {
	mkfifo log
	exec {held}<>log
	python3 -c 'import fcntl; fcntl.fcntl(0, 1031, 4096) # F_SETPIPE_SZ' <&"$held"
	sock_run server sockecho-server -v --log log --port-file port 0
	until_true 20 test -s port
	sockecho-client --ping -q -i 0 -c 1 --clients 100 -t 0.2 127.0.0.1 @port >/dev/null || true # it fills
	kill "$server_pid"
	sock_wait server
	exec {held}>&-
	assert_equal "$server_status" 0
	assert_equal "$(head -n 1 server.err)" \
		"sockecho-server: write to log log: nobody reads it; lines go to standard error until that works"
}

@test "--log: SIGHUP opens it anew, in the background and as another user, too; where that fails the old one stays" {
	for how in plain daemon user; do
		mkdir -m 755 "$how"
		case $how in
		plain) options=() ;;
		daemon) options=(--daemon) ;;
		user)
			[ "$(id -u)" = 0 ] || continue
			chmod 755 "$BATS_TEST_TMPDIR"
			chown nobody "$how"
			options=(--user nobody)
			;;
		esac
		cd "$how"
		in_background sockecho-server -v --log log --pidfile pid --port-file port "${options[@]}" 0 >/dev/null 2>err
		until_true 20 test -s port
		read -r server <pid
		pids+=("$server")
		talk() { # talk LOG - the server says so there
			sockecho-client 127.0.0.1 @port hello >/dev/null
			until_true 20 log_has "$1" ": closed"
		}
		talk log
		mv log log.1
		kill -HUP "$server"
		until_true 20 test -e log
		run ! log_has log ": closed"
		talk log
		[ "$how" != user ] || assert_equal "$(stat -c %U log)" nobody
		# A directory of that name: the old file is kept, and says so.
		mv log log.2
		mkdir log
		kill -HUP "$server"
		until_true 20 log_has log.2 "open log log anew: Is a directory; the old one is kept"
		rmdir log
		kill -TERM "$server"
		until_true 20 log_has log.2 "sockecho-server: stats: "
		until_true 20 test ! -e pid
		assert_equal "$(cat err)" ""
		cd ..
	done
}

@test "--socket-mode: the path has it from bind(2) on; without it 666 less the umask; @NAME and --fd have none" {
	for umask in 022 077; do
		for udp in "" -u; do
			rm -f given default
			sock_run given sh -c "umask $umask; exec sockecho-server -q -w 30 $udp --socket-mode 660 --port-file given.ready -U given"
			sock_run default sh -c "umask $umask; exec sockecho-server -q -w 30 $udp --port-file default.ready -U default"
			until_true 20 test -s given.ready
			until_true 20 test -s default.ready
			assert_equal "$(stat -c %a given)" 660
			assert_equal "$(stat -c %a default)" "$(printf %o $((0666 & ~umask)))"
			kill "$given_pid" "$default_pid"
			until_true 20 test ! -e given.ready
			until_true 20 test ! -e default.ready
		done
	done
	for program in "sockecho-server" "sockfile-recv"; do
		run --separate-stderr "$program" --socket-mode 600 -U @name file
		assert_failure 2
		for mode in 888 1777 "" rw; do
			run --separate-stderr "$program" --socket-mode "$mode" -U path
			assert_failure 2
			assert_regex "$stderr" "takes an OCTAL mode of 0 to 777"
		done
	done
	run --separate-stderr sockecho-server --socket-mode 600 0
	assert_failure 2
	assert_regex "$stderr" "'--socket-mode' goes with a UNIX path"
	if may_trace; then
		trace -o trace -e trace=bind,chmod,fchmod,fchmodat sockecho-server -w 0.2 --socket-mode 600 -U traced >/dev/null 2>&1 || true
		run ! grep -q chmod trace
	fi
}

@test "--user: an unknown one is a usage error; without root it is 1" {
	run --separate-stderr sockecho-server --user no-such-user-here 0
	assert_failure 2
	need_root
	run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups "$(command -v sockecho-server)" --user root 0
	assert_failure 1
	assert_output ""
	assert_equal "$stderr" "sockecho-server: become user root: Operation not permitted"
}

@test "a privileged port as a normal user is 1 and says why" {
	need_root
	[ "$(sysctl -n net.ipv4.ip_unprivileged_port_start)" -gt 7 ] || skip "port 7 is not privileged here"
	run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups "$(command -v sockecho-server)" 7
	assert_failure 1
	assert_equal "$stderr" "sockecho-server: bind to 127.0.0.1 port 7: Permission denied (ports below 1024 are for root, or CAP_NET_BIND_SERVICE)"
}

@test "--accept-timeout ends an idle listener with 124; 0 does not block at all" {
	on_time 124 1000 1300 sockecho-server --accept-timeout 1 0 >out 2>err
	run --separate-stderr timeout 10 sockecho-server --accept-timeout 0 0
	assert_failure 1
	assert_equal "$stderr" "sockecho-server: accept: Operation would block"
	run --separate-stderr timeout 10 sockecho-server -u --accept-timeout 0.1 0
	assert_failure 124
	comes_in_time() {
		start_server sockecho-server --accept-timeout 1 0
		exec {client}<>"/dev/tcp/$host/$port"
	}
	in_three_tries comes_in_time
	sleep 1.2
	printf x >&"$client"
	read -r -n 1 -t 10 -u "$client"
	exec {client}>&-
	wait_for "$server_pid"
	assert_equal "$waited_status" 124
}

@test "--accept-timeout: whom the rules refuse, however often he comes, is nobody" {
	local options
	echo text >in
	cat >knock.py <<-'PY'
		import socket, subprocess, sys, time
		with open("server.err", "w") as err:
		    server = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=err, text=True)
		_, transport, host, port = server.stdout.readline().split()
		knocks = 0
		while knocks < 200 and server.poll() is None:
		    with socket.socket(type=socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM) as s:
		        try:
		            s.connect((host, int(port)))
		            s.send(b"x")
		        except OSError:
		            pass  # refused, or gone
		    knocks += 1
		    time.sleep(0.1)
		if server.poll() is None:
		    server.kill()
		    sys.exit("it goes on after 200 knocks")
		sys.exit(server.returncode)
	PY
	knocked() {
		local status=0
		# shellcheck disable=SC2086 # words are meant
		python3 knock.py ${options%% *} -vv --accept-timeout 1 ${options#* } || status=$?
		# A busy machine may let nobody knock in time.
		((status == 124)) && grep -qE "refused|dropped" server.err
	}
	for options in "sockecho-server --deny 127.0.0.1 0" "sockecho-server -u --allow ::1 0" \
		"sockfile-recv --allow 192.0.2.0/24 0 out" "sockfile-send --listen --deny 127.0.0.0/8 0 in"; do
		in_three_tries knocked || fail "$options: $(cat server.err)"
	done
}

@test "--max-time bounds the whole run" {
	on_time 124 1000 1300 sockecho-server -w 1 0 >out 2>err
	grep -q "sockecho-server: serve: timed out (--max-time)" err
}

@test "-c N serves N, then whoever comes is refused, and the server ends with 0" {
	start_server sockecho-server -c 2 0
	in_background sh -c "sleep 20 | sockecho-client $host $port"
	until_true 20 sh -c "kill -USR1 $server_pid; grep -q accepted=1 server.err"
	in_background sh -c "sleep 0.5 | sockecho-client $host $port"
	until_true 20 sh -c "kill -USR1 $server_pid; grep -q accepted=2 server.err"
	run --separate-stderr sockecho-client -t 5 "$host" "$port" hello
	assert_failure 6
	stop_server
	assert_equal "$server_status" 0
}

@test "--max-clients lets the rest wait" {
	start_server sockecho-server --max-clients 1 0
	exec {first}<>"/dev/tcp/$host/$port"
	until_true 20 sh -c "kill -USR1 $server_pid; grep -q active=1 server.err"
	sock_run client bash -c "exec sockecho-client -v $host $port second $first>&-"
	until_true 20 grep -q "server: $host - $port" client.err
	until_true 20 sh -c "kill -USR1 $client_pid; grep -q bytes_out=6 client.err"
	: >server.err
	until_true 20 sh -c "kill -USR1 $server_pid; grep -q 'accepted=1 active=1' server.err"
	[ ! -s client.out ]
	exec {first}>&-
	sock_wait client
	assert_equal "$client_status" 0
	assert_equal "$(cat client.out)" second
}

@test "--timeout: a connection on which nothing comes for that long is closed, on time, and counted" {
	start_server sockecho-server -t 1 -v 0
	silent_client() {
		exec {client}<>"/dev/tcp/$host/$port"
		clients+=(1)
		! read -r -t 20 -u "$client" # to the end that the server makes
		exec {client}>&-
	}
	on_time 0 1000 1050 silent_client
	assert_equal "$(grep -c "closed: timed_out; 0 bytes in, 0 bytes out, 1\.[0-9]* s" server.err)" "${#clients[@]}"
	kill -USR1 "$server_pid"
	until_true 20 grep -q "timed_out=${#clients[@]}" server.err
}

@test "--timeout counts anew with each byte, and counts for a peer that does not read" {
	start_server sockecho-server -t 1 0
	slowly() {
		run --separate-stderr sockecho-client "$host" "$port" < <(for i in 1 2 3 4 5; do printf $i; sleep 0.3; done)
		((status == 0)) && [ "$output" = 12345 ]
	}
	in_three_tries slowly || fail "status $status: $output"
	stop_server
	start_server sockecho-server -t 1 0
	peer_does "$port" flood
	kill -USR1 "$server_pid"
	until_true 20 grep -q "timed_out=1" server.err
}

@test "--daemon: when the command returns, the port answers; the pid file and the end" {
	run --separate-stderr sockecho-server --daemon --pidfile pid --port-file port 0
	assert_success
	assert_output --regexp '^listening tcp 127.0.0.1 [0-9]+$'
	pid=$(cat pid)
	pids+=("$pid")
	run --separate-stderr sockecho-client 127.0.0.1 "$(cat port)" hello
	assert_success
	run --separate-stderr timeout 10 sockecho-server --daemon --pidfile pid 0
	assert_failure 1
	assert_equal "$stderr" "sockecho-server: lock pid file pid: a server is running already, process $pid"
	run --separate-stderr timeout 10 sockecho-server --pidfile pid 0
	assert_failure 1
	kill "$pid"
	until_true 20 test ! -e pid
	until_true 20 test ! -e port
}

@test "--daemon: it holds no pipe and no socket that the command was given" {
	sockecho-server --daemon --pidfile pid 0 2>&1 3>&- | timeout 10 cat >out
	pids+=("$(cat pid)")
	assert_equal "$(cut -d' ' -f1 out)" listening
	kill "$(cat pid)"
	until_true 20 test ! -e pid
	# With records to print where a socket was.
	python3 - <<-'PY'
		import socket, subprocess
		ours, theirs = socket.socketpair()
		server = subprocess.run(["sockecho-server", "--json", "--daemon", "--pidfile", "pid", "0"],
		                        stdout=theirs, stderr=theirs)
		theirs.close()
		assert server.returncode == 0
		ours.settimeout(10)
		data = b""
		while piece := ours.recv(4096):
		    data += piece
		assert data.count(b"\n") == 1, data
		print(__import__("json").loads(data)["port"])
	PY
	pids+=("$(cat pid)")
	kill -0 "$(cat pid)"
}

@test "--daemon: what fails is the command's failure" {
	start_server sockecho-server 0
	run --separate-stderr timeout 10 sockecho-server --daemon "$port"
	assert_failure 1
	[[ $stderr == *"Address already in use"* ]]
}

@test "--daemon: before it is ready, the end of the command and that of the server are one" {
	start_server sockecho-server 0
	for signal in TERM KILL; do
		sock_run command sockecho-server --daemon --pidfile pid --wait 60 "$port"
		until_true 20 test -s pid
		kill -s "$signal" "$command_pid"
		until_true 20 test ! -e pid
	done
	sock_run command sockecho-server --daemon --pidfile pid --wait 60 "$port"
	until_true 20 test -s pid
	kill "$(cat pid)"
	sock_wait command
	assert_equal "$command_status" 1
	assert_equal "$(cat command.err)" "sockecho-server: go to the background: a signal ended the server before it was ready"
}

@test "--pidfile overwrites nothing but a pid file" {
	echo "my thesis" >thesis
	ln -s nowhere link
	for file in thesis link; do
		run --separate-stderr timeout 10 sockecho-server --pidfile "$file" 0
		assert_failure 1
		[[ $stderr == "sockecho-server: write pid file $file: what is there is no pid file, and is not overwritten" ]]
	done
	assert_equal "$(cat thesis)" "my thesis"
	[ ! -e nowhere ]
	# Nor what has another name, too: of another one's empty file, say.
	: >empty
	ln empty another
	printf '1234\nmy thesis\n' >notes
	mkdir dir
	mkfifo fifo
	for file in another notes dir fifo; do
		run --separate-stderr timeout 10 sockecho-server --pidfile "$file" 0
		assert_failure 1
		assert_equal "$stderr" "sockecho-server: write pid file $file: what is there is no pid file, and is not overwritten"
	done
	assert_equal "$(cat notes)" $'1234\nmy thesis'
	for old in '' 999999999999 $'99999\n'; do
		printf %s "$old" >stale
		start_server sockecho-server --pidfile stale 0
		printf '%s\n' "$server_pid" | cmp - stale
		stop_server
		[ ! -e stale ]
	done
}

@test "--pidfile is opened once, and a link that takes its place leads nowhere" {
	need_trace
	local traced=(env "ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0" strace -D -f -qq -o trace.out)
	start_server "${traced[@]}" -e trace=open,openat,openat2 sockecho-server --pidfile pid 0
	run grep -F '"pid"' trace.out
	assert_equal "${#lines[@]}" 1
	[[ $output == *O_NOFOLLOW* ]]
	stop_server
	[ ! -e pid ]
	# Between the open and the lock another one removes it, and a link stands there.
	echo "my thesis" >thesis
	sock_run server "${traced[@]}" -e trace=flock -e inject=flock:delay_enter=1000000 sockecho-server --pidfile pid 0
	until_true 20 test -e pid
	rm pid
	ln -s thesis pid
	sock_wait server
	assert_equal "$server_status" 1
	assert_equal "$(cat server.err)" "sockecho-server: write pid file pid: what is there is no pid file, and is not overwritten"
	assert_equal "$(cat thesis)" "my thesis"
	# Or its owner has just ended: then there is a new one.
	rm pid
	sock_run server "${traced[@]}" -e trace=flock -e inject=flock:delay_enter=1000000:when=1 sockecho-server --pidfile pid 0
	until_true 20 test -e pid
	rm pid
	until_true 20 sock_is_ready server
	assert_equal "$(cat pid)" "$server_pid"
}

@test "a pid file that is somebody else's by now is left alone" {
	start_server sockecho-server --pidfile pid 0
	rm pid
	echo 1 >pid
	stop_server
	assert_equal "$server_status" 0
	assert_equal "$(cat pid)" 1
}

@test "SIGINT, SIGTERM: 0; SIGHUP cleans up and dies of it; a second signal ends at once" {
	for signal in INT TERM; do
		start_server sockecho-server --port-file port 0
		stop_server "$signal"
		assert_equal "$server_status" 0
	done
	start_server sockecho-server --port-file port 0
	stop_server HUP
	assert_equal "$server_status" 129
	[ ! -e port ]
	second_signal() {
		start_server sockecho-server --delay 30 0
		in_background sockecho-client "$host" "$port" hello
		until_true 20 sh -c "kill -USR1 $server_pid; grep -q bytes_in=5 server.err"
		kill -TERM "$server_pid"
		sleep 0.3
		kill -0 "$server_pid" && # it waits, for 5 s at most, for what it has read
			milliseconds stop_server TERM &&
			((server_status == 0 && elapsed < 2000))
	}
	in_three_tries second_signal
}

@test "the first process of a PID namespace, which no signal kills, has the status of one that it killed" {
	need_namespaces -pf
	echo hello >in
	for program in "sockfile-send --listen" "sockfile-send --listen --verify" sockfile-recv; do
		file=in
		[[ $program != sockfile-recv ]] || file=out
		run --separate-stderr timeout 20 "${in_namespaces[@]}" sh -c '
			(until [ -s port ]; do sleep 0.02; done; kill -TERM 1) &
			exec "$@"' - $program --port-file port 0 "$file"
		assert_failure 143
		[ ! -e port ]
	done
}

@test "--max-time ends what a signal left time for, with the server's last words" {
	max_time_in_grace() {
		start_server sockecho-server -v --delay 30 -w 3 0
		in_background sockecho-client "$host" "$port" hello
		until_true 2 sh -c "kill -USR1 $server_pid; grep -q bytes_in=5 server.err" &&
			milliseconds stop_server TERM &&
			((server_status == 0 && elapsed < 4000)) &&
			grep -q "closed: cut" server.err && grep -q "stats: accepted=1" server.err
	}
	in_three_tries max_time_in_grace
}

@test "--backlog: 0 and below let one wait" {
	start_server sockecho-server --backlog -5 0
	run --separate-stderr ss -Htln "sport = :$port"
	assert_output --regexp '^LISTEN 0 +0 '
	stop_server
	start_server sockecho-server --backlog 17 0
	run --separate-stderr ss -Htln "sport = :$port"
	assert_output --regexp '^LISTEN 0 +17 '
}

@test "no IPv6 in the kernel's namespace: every address is 0.0.0.0" {
	need_namespaces -n
	need_sysctl net.ipv6.conf.all.disable_ipv6
	"${in_namespaces[@]}" bash -euc '
		ip link set lo up
		sysctl -qw net.ipv6.conf.all.disable_ipv6=1
		mkfifo ready
		sockecho-server "*" 0 >ready 3>&- & server=$!
		read -r line <ready
		sockecho-client 127.0.0.1 "${line##* }" hello
		kill $server
		wait $server
	' >out
	assert_equal "$(cat out)" hello
}

@test "--mptcp where the kernel has it, else TCP" {
	start_server sockecho-server --mptcp 0
	[[ $transport == mptcp || $transport == tcp ]]
	run --separate-stderr sockecho-client --mptcp -v "$host" "$port" hello
	assert_success
	assert_output hello
	local told=$stderr
	run --separate-stderr sockecho-client "$host" "$port" hello
	assert_success
	[[ $transport != mptcp || $told != *"plain TCP is used"* ]] || fail "$told"
	# A peer without it makes it TCP, which is said, too.
	sock_stop server
	start_server sockecho-server 0
	run --separate-stderr sockecho-client --mptcp -v "$host" "$port" hello
	assert_success
	[[ $stderr == *"no Multipath TCP here or at the peer: plain TCP is used"* ]] || fail "$stderr"
}

@test "a rule with host bits set is refused, by each program, and the network is named" {
	touch file
	for rule in 10.1.2.3/8=10.0.0.0/8 2001:db8::5/64=2001:db8::/64 ::ffff:10.1.2.3/104=10.0.0.0/8 ::ffff:0:0/95=::fffe:0:0/95; do
		for command in "sockecho-server -w 5 --deny=${rule%=*} 0" "sockfile-recv -w 5 --allow=${rule%=*} 0 out" \
			"sockfile-send -w 5 --listen --deny=${rule%=*} 0 file"; do
			run --separate-stderr $command
			assert_failure 2
			assert_output ""
			[[ ${stderr_lines[0]} == *"takes a network without host bits (${rule#*=}), or one address"*", not '${rule%=*}'" ]]
		done
	done
}

@test "inetd: where the standard streams are the socket of --fd, its peers get their echo and nothing else" {
	cat >inetd.py <<-'PY'
		import socket, subprocess, sys
		def echo(s, *to):
		    s.settimeout(20)
		    s.sendto(b"hello", *to) if to else s.sendall(b"hello")
		    assert s.recv(100) == b"hello"
		    return s
		for options in [], ["-v"], ["-J"], ["-q"], ["-v", "--daemon"]:
		    # wait = yes: a listener, a datagram socket
		    for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
		        with socket.socket(socket.AF_INET, kind) as l:
		            l.bind(("127.0.0.1", 0))
		            if kind == socket.SOCK_STREAM:
		                l.listen()
		            command = ["sockecho-server", *options, "-w", "60", "-c", "3", "--fd", "0"]
		            server = subprocess.Popen(command, stdin=l, stdout=l, stderr=l)
		            where = l.getsockname()
		        for i in range(3):
		            if kind == socket.SOCK_STREAM:
		                with socket.create_connection(where) as c:
		                    echo(c)
		                    c.shutdown(socket.SHUT_WR)
		                    assert c.recv(100) == b"", "more than the echo"
		            else:
		                with socket.socket(socket.AF_INET, kind) as c:
		                    echo(c, where)
		                    c.setblocking(False)
		                    try:
		                        raise SystemExit(f"more than the echo: {c.recv(1000)}")
		                    except BlockingIOError:
		                        pass
		        assert server.wait(20) == 0, (server.returncode, options)
		    # wait = no: a connection
		    ours, theirs = socket.socketpair()
		    server = subprocess.Popen(["sockecho-server", *options, "-w", "60", "--fd", "0"], stdin=theirs, stdout=theirs, stderr=theirs)
		    theirs.close()
		    echo(ours).shutdown(socket.SHUT_WR)
		    assert ours.recv(1000) == b""
		    assert server.wait(20) == 0
		# A standard error of its own gets what is said.
		ours, theirs = socket.socketpair()
		server = subprocess.Popen(["sockecho-server", "-v", "--fd", "0"], stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)
		theirs.close()
		echo(ours).close()
		assert b"accepted" in server.communicate(timeout=20)[1]
	PY
	run timeout 120 python3 inetd.py
	assert_success
	assert_output ""
}

@test "port 0 with --reuseport or a UDP --reuseaddr is a port that nobody has, and may be shared then" {
	need_namespaces -n
	need ip
	"${in_namespaces[@]}" bash -euc '
		ip link set lo up
		echo 41000 41007 >/proc/sys/net/ipv4/ip_local_port_range
		for options in "-u --reuseport" "-u --reuseaddr" "-u -6 --reuseport" "-u --reuseport *" "--reuseport"; do
			set -f
			[ "$options" != "-u -6 --reuseport" ] || [ -e /proc/net/if_inet6 ] || continue
			servers=()
			for i in 1 2 3 4 5 6 7 8; do
				sockecho-server -w 60 --port-file port.$i $options 0 >/dev/null 2>&1 & servers+=($!)
			done
			set +f
			for i in $(seq 1000); do
				cat port.[0-9] >ports 2>/dev/null || :
				[ "$(wc -l <ports)" -lt 8 ] || break
				sleep 0.02
			done
			echo "$options: $(sort -u ports | wc -l)"
			# Another one shares it.
			set -f
			sockecho-server -w 0.2 $options "$(head -n 1 ports)" >/dev/null 2>&1 || echo $?
			set +f
			kill "${servers[@]}"
			wait
		done
	' 3>&- >out
	run ! grep -v ": 8$" <(grep -v "^124$" out)
	assert_equal "$(grep -c "^124$" out)" "$(grep -c : out)"
}

@test "a port that is in use: who may hold it is named" {
	for held in "" -u; do
		start_server sockecho-server $held 0
		run --separate-stderr sockecho-server $held 127.0.0.1 "$port"
		assert_failure 1
		assert_regex "$stderr" "Address already in use .*'ss -[tu]anp' tells"
		run --separate-stderr sockecho-server $held --no-reuseaddr 127.0.0.1 "$port"
		assert_failure 1
		[ -n "$held" ] || assert_regex "$stderr" "with --no-reuseaddr, one that is over"
	done
}

@test "--daemon --json: the events go on where standard output is a file" {
	sockecho-server --daemon --json --pidfile pid -c 1 -w 60 0 >out
	sockecho-client 127.0.0.1 "$(jq .port out)" hello
	until_true 20 test ! -e pid
	assert_equal "$(jq -sc 'map(.event)' out)" '["listening","accepted","closed","stats"]'
}

@test "LISTEN_FDS and LISTEN_PID are numbers and nothing else" {
	write_activate
	for n in "1x" "" "-1" " 1" 4294967297; do
		run --separate-stderr python3 activate.py "$n" {} sockecho-server -w 5
		assert_failure 2
		[[ ${stderr_lines[0]} == "sockecho-server: LISTEN_FDS hands over $n sockets: one is taken" ]]
	done
	run --separate-stderr python3 activate.py 1 {}x sockecho-server --accept-timeout 0.1 0
	assert_failure 124
	assert_output --partial "listening tcp 127.0.0.1"
}

@test "--wait: a listener takes the port, or the path, once it is free; 124 where it stays in use" {
	sock_start first sockecho-server 0
	for command in "sockecho-server -c 1 --wait 20 $port" "sockfile-recv --wait 20 $port out" \
		"sockfile-send --listen --wait 20 $port in"; do
		echo file >in
		sock_run second $command
		until_true 20 grep -q "bind to 127.0.0.1 port $port: Address already in use .*; trying again for up to 20 s" second.err
		assert_equal "$(cat second.out)" ""
		sock_stop first
		until_true 20 grep -qx "listening tcp 127.0.0.1 $port" second.out
		first_pid=$second_pid
	done
	on_time 124 300 600 sockecho-server --wait 0.3 "$port" 2>err
	grep -q "^sockecho-server: bind to 127.0.0.1 port $port: timed out; the last failure: Address already in use" err
	# At once without it, and where it is not the port that is in the way.
	run --separate-stderr timeout 10 sockecho-server --wait 0 "$port"
	assert_failure 1
	run --separate-stderr timeout 10 sockecho-server --wait none 192.0.2.1 "$port"
	assert_failure 1
	sock_stop first

	start_server sockecho-server -U sock
	sock_run second sockecho-server --wait none -U sock
	until_true 20 grep -q "bind to sock: Address already in use .*; trying again until it succeeds" second.err
	# A signal ends it meanwhile, as it ends a server.
	sock_stop second
	assert_equal "$second_status" 0
	sock_run second sockecho-server -u --wait none -U sock
	until_true 20 grep -q "trying again until it succeeds" second.err
	stop_server
	until_true 20 grep -qx "listening unixgram sock" second.out
	sock_stop second
}

@test "a name is listened on at its first IPv4 address, with -6 at its first IPv6 address" {
	need_namespaces -nm
	need_ipv6
	printf 'fd00::2 both\n127.0.0.7 both\nfd00::1 six\n' >hosts
	"${in_namespaces[@]}" bash -euc '
		ip link set lo up
		ip -6 addr add fd00::2/128 dev lo nodad
		mount --bind hosts /etc/hosts
		echo "hosts: files" >nsswitch
		mount --bind nsswitch /etc/nsswitch.conf
		timeout 20 sockecho-server --accept-timeout 0.1 both 0 || true
		timeout 20 sockecho-server -6 --accept-timeout 0.1 both 0 || true
		rc=0
		timeout 20 sockecho-server --accept-timeout 0.1 six 0 || rc=$?
		echo $rc
	' >out 2>err
	assert_equal "$(sed -E 's/ [0-9]+$//' out)" $'listening tcp 127.0.0.7\nlistening tcp fd00::2\n3'
}

@test "where no port is free, PORT 0 is not told to take one" {
	need ip
	need_namespaces -n
	need_sysctl net.ipv4.ip_local_port_range
	"${in_namespaces[@]}" bash -euc '
		cd "$BATS_TEST_TMPDIR"
		ip link set lo up
		echo 41000 41000 >/proc/sys/net/ipv4/ip_local_port_range
		mkfifo ready
		for udp in "" -u; do
			sockecho-server $udp 0 >ready 3>&- & server=$!
			read -r line <ready
			sockecho-server $udp -w 5 0 || echo $?
			kill $server
			wait $server
		done
	' >out 2>err
	run cat out
	assert_output $'1\n1'
	run sort -u err
	assert_output "sockecho-server: bind to 127.0.0.1 port 0: Address already in use (no port of those that the system gives is free: 'ss -uanp' and 'ss -tanp' tell who has them)"
}
