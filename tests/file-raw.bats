#!/usr/bin/env bats
# file-raw.bats - a file over a raw stream: what is sent, what is written, with whom.

load helpers
load transfers

setup() {
	cd "$BATS_TEST_TMPDIR"
	head -c 3000000 /dev/urandom >in
}

@test "a file arrives whole, with mode 0666 less the umask, and both say so" {
	umask 027
	start_receiver 0 out
	run --separate-stderr sockfile-send 127.0.0.1 "$port" in
	assert_success
	assert_output ""
	[[ $stderr =~ ^sockfile-send:\ sent\ 3000000\ bytes\ to\ 127.0.0.1\ port\ $port\ in\ [0-9.]+\ s\ \(.*/s\)$ ]]
	receiver_ends 0
	cmp in out
	assert_equal "$(stat -c %a out)" 640
	nothing_left out.none
	[ ! -e out.part ]
	grep -qE '^sockfile-recv: received 3000000 bytes from 127.0.0.1 port [0-9]+ in [0-9.]+ s \(.*/s\) \(not verified\)$' recv.err
}

@test "--quiet says nothing, --json says it in records" {
	need jq
	start_receiver -q 0 out
	run --separate-stderr sockfile-send -q "127.0.0.1:$port" in
	assert_success
	assert_equal "$output$stderr" ""
	receiver_ends 0
	assert_equal "$(cat recv.err)" ""
	start_receiver --json --size 3000000 0 out2
	run --separate-stderr sockfile-send --json 127.0.0.1 "$port" in
	assert_equal "$(jq -r '.event, .bytes, .name, .verified, .address' <<<"$output")" $'sent\n3000000\nin\nfalse\n127.0.0.1'
	receiver_ends 0
	assert_equal "$(jq -r .event recv.out)" $'listening\naccepted\nreceived'
	assert_equal "$(jq -r 'select(.event == "received") | .bytes, .name' recv.out)" $'3000000\nout2'
}

@test "the sender listens, to one receiver or to many at once" {
	start_sender 0 in
	run --separate-stderr sockfile-recv --connect 127.0.0.1 "$port" out
	assert_success
	sender_ends 0
	cmp in out
	start_sender -c 20 127.0.0.1:0 in
	for i in $(seq 20); do
		sockfile-recv -q --connect 127.0.0.1 "$port" "out.$i" 3>&- &
		receivers+=($!)
	done
	for pid in "${receivers[@]}"; do
		wait_for "$pid"
		assert_equal "$waited_status" 0
	done
	sender_ends 0
	for i in $(seq 20); do
		cmp in "out.$i"
	done
	assert_equal "$(grep -c '^sockfile-send: sent 3000000 bytes to' send.err)" 20
}

@test "one receiver that does not read does not hold the others up, and breaking off does not count" {
	truncate -s 30M large
	start_sender -c 2 0 large
	run_peer stuck "$port" hold
	until_true 20 grep -q hold stuck.out
	run --separate-stderr sockfile-recv -t 20 --connect 127.0.0.1 "$port" out
	assert_success
	kill -9 "$stuck_pid"
	until_true 20 grep -q "Connection reset by peer" send.err
	run --separate-stderr sockfile-recv -t 20 --connect 127.0.0.1 "$port" out2
	assert_success
	sender_ends 0
	cmp large out2
}

@test "--offset and --count are sendfile's, beyond 4 GiB too" {
	for args in "--offset 100" "--count 1000" "--offset 2999990 --count 10" "--offset 3000000" \
		"--offset 1M --count 1M"; do
		read -ra words <<<"$args"
		offset=0 count=3000000
		[[ $args == *--offset* ]] && offset=$(numfmt --from=iec "$(sed -E 's/.*--offset ([^ ]*).*/\1/' <<<"$args")")
		[[ $args == *--count* ]] && count=$(numfmt --from=iec "$(sed -E 's/.*--count ([^ ]*).*/\1/' <<<"$args")")
		tail -c "+$((offset + 1))" in | head -c "$count" >expected
		start_receiver --size "$(stat -c %s expected)" --force 0 out
		run --separate-stderr sockfile-send "${words[@]}" 127.0.0.1 "$port" in
		assert_success
		receiver_ends 0
		cmp expected out
		# The same from a pipe, which cannot seek, and from a file as standard input.
		start_receiver --size "$(stat -c %s expected)" --force 0 out
		cat in | sockfile-send -q "${words[@]}" 127.0.0.1 "$port" -
		receiver_ends 0
		cmp expected out
	done
	truncate -s 5G huge
	echo "the end" >>huge
	start_receiver 0 tail
	sockfile-send -q --offset 5G 127.0.0.1 "$port" huge
	receiver_ends 0
	assert_equal "$(cat tail)" "the end"
}

@test "more than 2 GiB arrive whole: no limit of sendfile(2) is in the way, nor 4 GiB" {
	truncate -s 5G huge
	echo "the end" >>huge
	start_sender --offset 3G 0 huge
	run peer_does "$port" count
	assert_output "2147483656 the end"
	sender_ends 0
	error_has send.err "sent 2147483656 bytes"
}

@test "a file that ends before --offset or --count is 5, after what there is, and a reset" {
	run --separate-stderr sockfile-send --offset 3000001 127.0.0.1 9 in
	assert_failure 5
	assert_equal "$stderr" "sockfile-send: read in: the file ends before --offset"
	for source in in -; do
		start_receiver --force 0 out
		run --separate-stderr sh -c "cat in | sockfile-send --offset 2999000 --count 1001 127.0.0.1 $port $source"
		assert_failure 5
		[[ $stderr == *"it ended after 1000 of 1001 bytes" ]]
		receiver_ends 6
		error_has recv.err "1000 bytes are safe in out.part"
		[ ! -e out ]
		cmp out.part <(tail -c 1000 in)
	done
	start_receiver --force 0 out
	run --separate-stderr sh -c "cat in | sockfile-send --offset 3000001 127.0.0.1 $port -"
	assert_failure 5
}

@test "standard input that is a file is sent from where it stands" {
	printf 'one\ntwo\nthree\n' >lines
	start_receiver 0 out
	{
		read -r first
		sockfile-send -q 127.0.0.1 "$port" -
	} <lines
	receiver_ends 0
	assert_equal "$first $(cat out)" $'one two\nthree'
}

@test "standard input that stands behind the end of its file has nothing to send" {
	echo 'import os, sys; os.lseek(0, 1 << 30, os.SEEK_SET); os.execvp(sys.argv[1], sys.argv[1:])' >far.py
	for file in in /proc/self/status; do
		start_receiver --size 0 --force 0 out
		python3 far.py sockfile-send -q 127.0.0.1 "$port" - <"$file"
		receiver_ends 0
		[ -e out ]
		run --separate-stderr python3 far.py sockfile-send --offset 1 127.0.0.1 9 - <"$file"
		assert_failure 5
		assert_equal "$stderr" "sockfile-send: read standard input: the file ends before --offset"
	done
}

@test "what sendfile refuses is sent all the same: /proc, a FIFO, a device, an empty file" {
	start_receiver 0 out
	sockfile-send -q 127.0.0.1 "$port" /proc/cmdline
	receiver_ends 0
	cmp out /proc/cmdline
	mkfifo fifo
	start_receiver --force 0 out
	run_sender -q 127.0.0.1 "$port" fifo
	cat in >fifo
	wait_for "$sender_pid"
	assert_equal "$waited_status" 0
	receiver_ends 0
	cmp in out
	start_receiver --size 1M --force 0 out
	sockfile-send -q --count 1M 127.0.0.1 "$port" /dev/zero
	receiver_ends 0
	cmp out <(head -c 1M /dev/zero)
	start_receiver --size 0 --force 0 out
	sockfile-send -q 127.0.0.1 "$port" /dev/null
	receiver_ends 0
	[ ! -s out ]
}

@test "a stream without a byte is no transfer, unless --size 0" {
	: >empty
	start_receiver 0 out
	run --separate-stderr sockfile-send 127.0.0.1 "$port" empty
	assert_success
	sockecho-client --connect-only 127.0.0.1 "$port"
	until_true 20 sh -c 'test "$(grep -c "without sending anything" recv.err)" = 2'
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in out
	start_receiver --size 0 0 out2
	sockfile-send -q 127.0.0.1 "$port" empty
	receiver_ends 0
	[ -f out2 ] && [ ! -s out2 ]
	start_sender 0 empty
	run --separate-stderr sockfile-recv --connect 127.0.0.1 "$port" out3
	assert_failure 6
	[[ $stderr == *"--size 0"* ]]
	run --separate-stderr sockfile-recv --size 0 --connect 127.0.0.1 "$port" out3
	assert_success
	[ -f out3 ]
	sender_ends 0
}

@test "a raw stream that begins like a greeting, and is none, loses no byte" {
	start_receiver 0 out
	printf '\x89SF' | sockfile-send -q 127.0.0.1 "$port" -
	receiver_ends 0
	assert_equal "$(od -An -tx1 out)" " 89 53 46"
	start_receiver 0 out2
	(printf '\x89SFV\r\n'; sleep 0.3; cat in) | sockfile-send -q 127.0.0.1 "$port" -
	receiver_ends 0
	cmp <(printf '\x89SFV\r\n'; cat in) out2
}

@test "--size and --sha256 are checked, --max-size is kept" {
	need_openssl
	sum=$(sha256sum in | cut -c1-64)
	start_receiver --size 3000000 --sha256 "${sum^^}" 0 out
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in out
	run ! grep -q "not verified" recv.err
	for wrong in "--size 3000001" "--size 2999999" "--sha256 ${sum//[0-9]/0}" "--max-size 2999999"; do
		read -ra words <<<"$wrong"
		start_receiver "${words[@]}" 0 out2
		run --separate-stderr sockfile-send 127.0.0.1 "$port" in
		assert_failure 6
		receiver_ends 5
		error_has recv.err " into out2: "
		[ ! -e out2 ]
	done
	start_receiver --max-size 3000000 0 out2
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	[ -e out2 ]
}

@test "an existing FILE is refused before anything is listened on; --force replaces it in one step" {
	echo old >out
	run --separate-stderr timeout 10 sockfile-recv 0 out
	assert_failure 1
	assert_output ""
	assert_equal "$stderr" "sockfile-recv: write out: it exists already (--force replaces it)"
	start_receiver --force --mode 600 0 out
	inode=$(stat -c %i out)
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in out
	assert_equal "$(stat -c %a out)" 600
	[ "$inode" != "$(stat -c %i out)" ]
}

@test "a FILE that appears meanwhile is not overwritten" {
	# The whole of a long path is shown, and what is kept.
	long=$(printf "%0200d/" {1..15})
	mkdir -p "$long"
	for file in out "${long}out"; do
		rm -f go
		start_receiver 0 "$file"
		in_background sh -c "(cat in; until test -e go; do sleep 0.02; done) | sockfile-send 127.0.0.1 $port - 2>send.err"
		until_true 20 sh -c 'test "$(stat -c %s "$0.part")" = 3000000' "$file"
		echo mine >"$file"
		touch go
		receiver_ends 1
		error_has recv.err "rename $file.part to out: it appeared meanwhile"
		error_has recv.err "; 3000000 bytes are safe in out.part"
		assert_equal "$(cat "$file")" mine
		cmp in "$file.part"
	done
}

@test "symbolic links are not followed: FILE, FILE.part" {
	echo precious >precious
	ln -s precious out
	run --separate-stderr timeout 10 sockfile-recv 0 out
	assert_failure 1
	[[ $stderr == *"symbolic link"* ]]
	start_receiver --force 0 out
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	[ ! -L out ]
	cmp in out
	ln -s precious new.part
	run --separate-stderr timeout 10 sockfile-recv 0 new
	assert_failure 1
	[[ $stderr == *"symbolic link"* ]]
	assert_equal "$(cat precious)" precious
}

@test "a FILE.part that is not ours alone is never touched" {
	echo mine >other
	ln other out.part
	run --separate-stderr timeout 10 sockfile-recv 0 out
	assert_failure 1
	[[ $stderr == *"more than one link"* ]]
	assert_equal "$(cat other)" mine
	rm out.part
	mkfifo out.part
	run --separate-stderr timeout 10 sockfile-recv 0 out
	assert_failure 1
	[[ $stderr == *"no regular file"* ]]
	rm out.part
	mkdir out.part
	run --separate-stderr timeout 10 sockfile-recv 0 out
	assert_failure 1
	rmdir out.part
	echo x >out.part
	chmod 666 out.part
	run --separate-stderr timeout 10 sockfile-recv 0 out
	assert_failure 1
}

@test "a second receiver of the same FILE is refused" {
	start_receiver 0 out
	run --separate-stderr timeout 10 sockfile-recv 0 out
	assert_failure 1
	assert_equal "$stderr" "sockfile-recv: open out.part: another receiver is writing it"
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in out
}

@test "who is refused because another one was faster leaves FILE.part to that one" {
	need_trace
	# It has made FILE.part, and comes to lock it three seconds later.
	sock_run first trace -f -qq -o trace -e trace=flock -e inject=flock:delay_enter=3000000:when=1 \
		sockfile-recv 0 out
	until_true 20 test -e out.part
	start_receiver 0 out
	ends "$first_pid" 1 first.err
	error_has first.err "open out.part: another receiver is writing it"
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in out
	nothing_left out.part
}

@test "a part of an earlier run is begun anew, with a note; an empty one never stays" {
	echo old >out.part
	chmod 600 out.part
	start_receiver 0 out
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	error_has recv.err "out.part: the 4 bytes of an earlier run"
	cmp in out
	start_receiver 0 out2
	kill -TERM "$receiver_pid"
	receiver_ends 143
	nothing_left out2
}

@test "FILE that cannot be: a directory, no directory, no right, a long name, a socket, a mount point" {
	mkdir dir
	for file in dir . .. dir/ / ""; do
		run --separate-stderr timeout 10 sockfile-recv 0 "$file"
		[ "$status" = 1 ] || [ "$status$file" = 2 ]
		[ "${#stderr_lines[@]}" -le 2 ]
	done
	run --separate-stderr timeout 10 sockfile-recv --force 0 dir
	assert_failure 1
	run --separate-stderr timeout 10 sockfile-recv 0 nosuch/out
	assert_failure 1
	assert_equal "$stderr" "sockfile-recv: write nosuch/out: No such file or directory"
	run --separate-stderr timeout 10 sockfile-recv 0 "$(printf 'x%.0s' $(seq 251))"
	assert_failure 1
	[[ $stderr == *"too long"* ]]
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("sock")'
	run --separate-stderr timeout 10 sockfile-recv --force 0 sock
	assert_failure 1
	need_namespaces -m
	"${in_namespaces[@]}" bash -euc '
		echo a >a; echo b >b; mount --bind a b
		rc=0; timeout 10 sockfile-recv --force 0 b 2>err || rc=$?
		[ $rc = 1 ]; grep -q "mount point" err'
}

@test "a directory that may not be written, a file that may not be read: before anything is opened" {
	need_root
	mkdir -m 755 dir
	chmod 600 in
	run --separate-stderr as_nobody sockfile-recv 0 dir/out
	assert_failure 1
	[[ $stderr == *"open dir/out.part: Permission denied" ]]
	run --separate-stderr as_nobody sockfile-send 127.0.0.1 9 in
	assert_failure 1
	assert_equal "$stderr" "sockfile-send: open in: Permission denied"
	mkdir -m 1777 sticky
	echo theirs >sticky/out
	run --separate-stderr as_nobody sockfile-recv --force 0 sticky/out
	assert_failure 1
	[[ $stderr == *"sticky directory"* ]]
}

@test "a standard input that cannot be read, a standard output that cannot be written: before anything is opened" {
	for args in "" --verify; do
		while IFS='|' read -r command said; do
			run --separate-stderr sh -c "exec $command"
			assert_failure 1
			assert_equal "$stderr" "$said"
		done <<-END
			sockfile-send $args 127.0.0.1 9 - 0>empty|sockfile-send: open standard input: Bad file descriptor
			sockfile-send $args 127.0.0.1 9 - <&-|sockfile-send: open standard input: Bad file descriptor
			sockfile-recv $args 0 - >&- </dev/null|sockfile-recv: write standard output: Bad file descriptor
		END
	done
}

@test "--user gives root up, and the file is that user's" {
	need_root
	mkdir dir
	chown nobody dir
	chmod 755 "$BATS_TEST_TMPDIR"
	setpriv --reuid nobody test -w dir || skip "another user cannot reach the directory"
	start_receiver --user nobody 0 dir/out
	assert_equal "$(stat -c %U "/proc/$receiver_pid")" nobody
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	assert_equal "$(stat -c %U dir/out)" nobody
}

@test "a FIFO and a device are written to directly, standard output too" {
	mkfifo fifo
	start_receiver 0 fifo
	sock_run reader sh -c 'cat fifo >out'
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	sock_wait reader
	cmp in out
	start_receiver -t 0.3 0 fifo
	run --separate-stderr sockfile-send 127.0.0.1 "$port" in
	assert_failure 6
	receiver_ends 124
	start_receiver 0 /dev/null
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	start_receiver 0 /dev/full
	run --separate-stderr sockfile-send 127.0.0.1 "$port" in
	assert_failure 6
	receiver_ends 1
	error_has recv.err "write to /dev/full: No space left on device"
	start_receiver 0 -
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in recv.out
	start_sender 0 in
	run bash -c "set -o pipefail; sockfile-recv --connect 127.0.0.1 $port - 2>err 3>&- | head -c 10 >/dev/null"
	assert_failure 1
	grep -q "write to standard output: Broken pipe" err
}

@test "over a UNIX socket, both ways" {
	start_receiver -U sock out
	assert_equal "$transport $host" "unix sock"
	sockfile-send -q -U sock in
	receiver_ends 0
	cmp in out
	[ ! -e sock ]
	start_sender -U @"sockutils-test-$$" in
	sockfile-recv -q --connect -U @"sockutils-test-$$" out2
	sender_ends 0
	cmp in out2
}

@test "over IPv6" {
	need_ipv6
	start_receiver -6 0 out
	assert_equal "$host" ::1
	sockfile-send -q ::1 "$port" in
	receiver_ends 0
	cmp in out
}

@test "an open socket: --fd and LISTEN_FDS" {
	cat >fd.py <<-'PY'
		import os, socket, subprocess, sys
		a, b = socket.socketpair()
		r = subprocess.Popen(["sockfile-recv", "-q", "--connect", "--fd", str(a.fileno()), "out"], pass_fds=[a.fileno()])
		s = subprocess.Popen(["sockfile-send", "-q", "--fd", str(b.fileno()), "in"], pass_fds=[b.fileno()])
		a.close(); b.close()
		assert s.wait() == 0 and r.wait() == 0
		l = socket.create_server(("127.0.0.1", 0))
		def adopt():
		    os.dup2(l.fileno(), 3)
		    os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
		    os.execvp("sockfile-recv", ["sockfile-recv", "-q", "out2"])
		pid = os.fork()
		if pid == 0:
		    adopt()
		s = subprocess.run(["sockfile-send", "-q", "127.0.0.1", str(l.getsockname()[1]), "in"])
		assert s.returncode == 0 and os.waitpid(pid, 0)[1] == 0
	PY
	run python3 fd.py
	assert_success
	cmp in out
	cmp in out2
}

@test "from and to nc, ncat, socat, curl and Python" {
	need nc.openbsd ncat socat curl python3
	start_receiver 0 from-nc
	nc.openbsd -N 127.0.0.1 "$port" <in >nc.out
	receiver_ends 0
	cmp in from-nc
	[ ! -s nc.out ]
	start_receiver 0 from-socat
	socat -u FILE:in "TCP:127.0.0.1:$port"
	receiver_ends 0
	cmp in from-socat
	start_receiver 0 from-ncat
	ncat --send-only 127.0.0.1 "$port" <in
	receiver_ends 0
	cmp in from-ncat
	start_receiver 0 from-python
	python3 -c '
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as s, open("in", "rb") as f:
    s.sendfile(f)' "$port"
	receiver_ends 0
	cmp in from-python
	start_sender -c 4 0 in
	nc.openbsd -d 127.0.0.1 "$port" >to-nc
	cmp in to-nc
	socat -u "TCP:127.0.0.1:$port" CREATE:to-socat
	cmp in to-socat
	curl -s --http0.9 "http://127.0.0.1:$port/" >to-curl
	cmp in to-curl
	# Its standard input ends at once, and so does its sending half: the transfer goes on.
	ncat 127.0.0.1 "$port" </dev/null >to-ncat
	cmp in to-ncat
	sender_ends 0
	sock_run nc nc.openbsd -lU nc.sock
	sockfile-send -q --wait 10 -U nc.sock in
	sock_wait nc
	cmp in nc.out
	start_socat -u TCP-LISTEN:0,bind=127.0.0.1 CREATE:to-socat2
	sockfile-send -q 127.0.0.1 "$socat_port" in
	sock_wait socat
	cmp in to-socat2
}

@test "a peer that talks to the sender, or shuts its half early, takes nothing away" {
	truncate -s 8M large
	start_sender -c 2 0 large
	cat >talker.py <<-'PY'
		import socket, sys, threading
		s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		early = sys.argv[2] == "early"
		if early:
		    s.shutdown(socket.SHUT_WR)
		def talk():
		    try:
		        while True:
		            s.sendall(b"blah" * 1000)
		    except OSError:
		        pass
		if not early:
		    threading.Thread(target=talk, daemon=True).start()
		n = 0
		while True:
		    d = s.recv(65536)
		    if not d:
		        break
		    n += len(d)
		assert n == 8 << 20, n
	PY
	run timeout 30 python3 talker.py "$port" early
	assert_success
	run timeout 30 python3 talker.py "$port" talks
	assert_success
	sender_ends 0
}

@test "a receiver that ends its half and reads nothing has not received the file" {
	head -c 100000 /dev/urandom >in
	start_sender -c 1 0 in
	run timeout 30 python3 - "$port" <<-'PY'
		import socket, sys, time
		port = int(sys.argv[1])
		def connect():
		    s = socket.socket()
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
		    s.connect(("127.0.0.1", port))
		    return s
		def sender_waits_for_its_end():  # in FIN-WAIT-1
		    ports = ":%04X" % port, ":%04X" % s.getsockname()[1]
		    lines = [line.split() for line in open("/proc/net/tcp")]
		    return any((f[1][8:], f[2][8:], f[3]) == (*ports, "04") for f in lines)
		s = connect()
		while not sender_waits_for_its_end():
		    time.sleep(0.01)
		s.shutdown(socket.SHUT_WR)
		time.sleep(0.05)  # so that it is the end that comes first
		s.close()
		# That was no transfer: it is still there.
		s = connect()
		n = 0
		while d := s.recv(65536):
		    n += len(d)
		assert n == 100000, n
	PY
	assert_success
	sender_ends 0
	assert_regex "$(cat send.err)" ': Connection reset by peer; 100000 bytes were sent'
}

@test "--limit-rate and --timeout keep their word" {
	head -c 100000 in >small
	a_second() {
		start_receiver --force 0 out
		sockfile-send -q --limit-rate 100000 127.0.0.1 "$port" small
	}
	on_time 0 900 4000 a_second
	receiver_ends 0
	start_receiver -t 1 0 out2
	mkfifo input
	exec {open}<>input
	head -c 1000 in >&"$open"
	as_sender sock_run sh -c "exec sockfile-send 127.0.0.1 $port - <input"
	receiver_ends 124
	error_has recv.err "timed out; 1000 bytes are safe in out2.part"
	start_receiver -t 0.3 0 out3
	in_background sh -c "exec nc.openbsd 127.0.0.1 $port <input"
	until_true 20 grep -q "timed out" recv.err # and it is let go, as if it had not come
	sockfile-send -q 127.0.0.1 "$port" small
	receiver_ends 0
	cmp small out3
	start_receiver -t 0 0 out4 # but that does not block
	in_background sh -c "exec nc.openbsd 127.0.0.1 $port <input"
	receiver_ends 1
	error_has recv.err "Operation would block"
	on_time 124 200 3000 sockfile-recv -q --accept-timeout 0.3 0 out4
	on_time 124 200 3000 sockfile-recv -q -w 0.3 0 out4
	on_time 124 200 3000 sockfile-send -q --listen -w 0.3 0 in
	nothing_left out4
	run --separate-stderr sockfile-recv --accept-timeout 0 0 out4
	assert_failure 1
	[[ $stderr == *"Operation would block" ]]
}

@test "a receiver that is slow with what the kernel holds at the end is waited for" {
	cat >slow.py <<-'PY'
		import socket, subprocess, time
		with socket.create_server(("127.0.0.1", 0)) as l:
		    l.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
		    s = subprocess.Popen(["sockfile-send", "-q", "-t", "1", "127.0.0.1", str(l.getsockname()[1]), "some"])
		    with l.accept()[0] as c:
		        end, got = time.monotonic() + 2, 0
		        while piece := c.recv(2000 if time.monotonic() < end else 65536):
		            got += len(piece)
		            time.sleep(0.02 if time.monotonic() < end else 0)
		    assert (s.wait(), got) == (0, 400000), (s.returncode, got)
	PY
	truncate -s 400000 some
	in_three_tries timeout 20 python3 slow.py
}

@test "a receiver that is slow in the middle is waited for, and one that stops is not" {
	cat >slow.py <<-'PY'
		import socket, subprocess, sys, time
		with socket.create_server(("127.0.0.1", 0)) as l:
		    s = subprocess.Popen(["sockfile-send", "-q", "-t", "1", "127.0.0.1", str(l.getsockname()[1]), "large"])
		    with l.accept()[0] as c:
		        end, got = time.monotonic() + 2.5, 0
		        while time.monotonic() < end and (piece := c.recv(16384)):
		            got += len(piece)
		            time.sleep(0.1)
		        while sys.argv[1] == "0" and (piece := c.recv(65536)):
		            got += len(piece)
		        assert s.wait() == int(sys.argv[1]), (s.returncode, got)
		        assert got == 32 << 20 or sys.argv[1] != "0", got
	PY
	truncate -s 32M large
	in_three_tries timeout 20 python3 slow.py 0
	run --separate-stderr timeout 20 python3 slow.py 124
	assert_success
	[[ $stderr == *": timed out; "*" bytes were sent" ]]
}

@test "--max-time says what was waited for, and how far it came" {
	cat >waited.py <<-'PY'
		import os, re, socket, subprocess
		os.mkfifo("fifo")
		l = socket.create_server(("127.0.0.1", 0))
		l.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
		port = str(l.getsockname()[1])
		sent = "sockfile-send: send %s to 127.0.0.1 port " + port + ": timed out (--max-time); "
		cases = {
		    ("sockfile-send", "--listen", "0", "in"): "sockfile-send: wait for a receiver: timed out (--max-time)\n",
		    ("sockfile-send", "127.0.0.1", port, "large"): sent % "large" + "N bytes were sent\n",
		    ("sockfile-send", "127.0.0.1", port, "some"): sent % "some" + "the peer has not acknowledged all of it; 200000 bytes were sent\n",
		    ("sockfile-send", "127.0.0.1", port, "small"): sent % "small" + "the peer has it, but does not close; 5 bytes were sent\n",
		    ("sockfile-send", "127.0.0.1", port, "fifo"): "sockfile-send: read fifo: timed out (--max-time); 0 bytes were sent\n",
		    ("sockfile-recv", "0", "out"): "sockfile-recv: wait for a sender: timed out (--max-time)\n",
		    ("sockfile-recv", "--connect", "127.0.0.1", port, "out2"):
		        "sockfile-recv: receive from 127.0.0.1 port " + port + ": timed out (--max-time)\n",
		}
		run = {case: subprocess.Popen([case[0], "-w", "0.5", *case[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for case in cases}
		for case, said in cases.items():
		    told = run[case].communicate()[1].decode()
		    if "large" in case:
		        fits = int(re.search("([0-9]+) bytes", told)[1])
		        told = re.sub("[0-9]+ bytes", "N bytes", told)
		    assert (run[case].returncode, told) == (124, said), (case, run[case].returncode, told)
		# The end is seen although the socket has no room for more.
		os.truncate("large", fits * 3 // 4)
		r = subprocess.run(["sockfile-send", "-w", "0.5", "127.0.0.1", port, "large"], stderr=subprocess.PIPE)
		assert "the peer has not acknowledged all of it" in r.stderr.decode(), r
	PY
	echo hell >small
	truncate -s 200000 some
	all_have_begun() {
		rm -f fifo
		truncate -s 32M large
		run timeout 20 python3 waited.py
		((status == 0))
	}
	in_three_tries all_have_begun || fail "$output"
}

@test "--wait: the receiver may come later" {
	start_receiver 0 out
	kill "$receiver_pid"
	receiver_ends 143
	in_background sh -c "sockfile-send -q --wait 20 127.0.0.1 $port in; echo \$? >status"
	start_receiver "$port" out
	receiver_ends 0
	until_true 20 test -s status
	assert_equal "$(cat status)" 0
	cmp in out
}

@test "@FILE: sender and receiver are started at once, with an old port file and without" {
	send_to_port_file 20
}

@test "the bar: on a terminal, after a second, gone at the end; lines elsewhere when asked for" {
	need expect
	head -c 300000 in >small
	start_receiver 0 out
	run expect -c "
		set timeout 20
		set stty_init {cols 60}
		spawn -noecho sockfile-send --limit-rate 150000 127.0.0.1 $port small
		expect -re {[0-9]+%.*of.*left} {} timeout { exit 99 }
		expect eof
		exit [lindex [wait] 3]"
	assert_success
	receiver_ends 0
	# Each drawing fits the line, and the last thing before the summary clears it.
	[[ $output == *$'\r\033[K'"sockfile-send: sent 300000 bytes"* ]]
	while IFS= read -r -d $'\r' drawing; do
		[[ $drawing != *%* ]] || ((${#drawing} < 60 + 3)) || fail "$drawing"
	done <<<"$output"
	start_receiver --force 0 out
	run --separate-stderr sockfile-send --progress 127.0.0.1 "$port" small
	assert_success
	[[ $stderr == *"sockfile-send: 100% 293 KiB of 293 KiB"* ]]
	receiver_ends 0
	# The last line stands before the summary, and has the same rate.
	local options rate
	for options in "" "--verify"; do
		without_a_pause() { # in one there would be another line
			start_receiver --force --progress 0 out
			# shellcheck disable=SC2086 # words are meant
			run --separate-stderr sockfile-send $options --progress --limit-rate 400K 127.0.0.1 "$port" small
			((status == 0)) && receiver_ends 0 && ! grep -v 100% <<<"$stderr" | grep -q %
		}
		in_three_tries without_a_pause || fail "$stderr"
		for stderr in "$stderr" "$(<recv.err)"; do
			rate='\(([0-9.]+ [KMG]?i?B/s)\)'
			[[ $stderr =~ $rate ]] || fail "$stderr"
			rate=${BASH_REMATCH[1]}
			grep -A1 "293 KiB.* $rate " <<<"$stderr" | tail -n 1 | grep -qE ': (sent|received) 300000 bytes ' || fail "$stderr"
			assert_equal "$(grep -c "[^(]293 KiB" <<<"$stderr")" 1
		done
	done
	start_receiver --force 0 out
	run --separate-stderr sockfile-send --no-progress 127.0.0.1 "$port" small
	[ "${#stderr_lines[@]}" = 1 ]
	receiver_ends 0
}

@test "SIGUSR1 prints the state of the work" {
	start_receiver --size 3000000 0 out
	as_sender sock_run sh -c "exec sockfile-send --limit-rate 200K 127.0.0.1 $port in"
	until_true 20 test -s out.part
	kill -USR1 "$sender_pid" "$receiver_pid"
	until_true 20 grep -qE '^state: bytes=[0-9]+ size=3000000 connections=1 transfers=0$' send.err
	until_true 20 grep -qE '^state: bytes=[0-9]+ size=3000000 connections=1 transfers=0$' recv.err
}

@test "bad input: one clear line and status 2" {
	for args in "--offset -1" "--offset x" "--count 0" "--count 1KB" "--limit-rate 0" \
		"--listen --wait x" "-c 2" "--listen -c 0" "--backlog 3" "--allow 1.2.3.4" "-4 -6" "--fd 77" \
		"--listen --source 127.0.0.1" "-n"; do
		read -ra words <<<"$args"
		run --separate-stderr sockfile-send "${words[@]}" localhost 9 in
		assert_failure 2
		[ "${#stderr_lines[@]}" = 2 ]
		assert_equal "${stderr_lines[1]}" "Try 'sockfile-send --help' for more information."
	done
	for args in "--size -1" "--size x" "--sha256 12" "--sha256 $(printf 'g%.0s' $(seq 64))" "--mode 4755" \
		"--mode 8" "--mode rw" "--max-size x" "--wait x" "--connect --backlog 3" "--source 127.0.0.1" \
		"--size 2 --max-size 1" "--connect --accept-timeout 3" "-U --allow 1.2.3.4"; do
		read -ra words <<<"$args"
		run --separate-stderr sockfile-recv "${words[@]}" 127.0.0.1:9 out
		assert_failure 2
		[ "${#stderr_lines[@]}" = 2 ]
	done
	run --separate-stderr sockfile-send 127.0.0.1 9
	assert_failure 2
	run --separate-stderr sockfile-send 127.0.0.1 9 ""
	assert_failure 2
	run --separate-stderr sockfile-recv 0
	assert_failure 2
	run --separate-stderr sockfile-recv
	assert_failure 2
	run --separate-stderr sh -c "cat in | sockfile-send --listen -c 2 0 -"
	assert_failure 2
	[[ $stderr == *"can be read once"* ]]
	nothing_left out
}

@test "--retry and --wait mean nothing where the open socket is the one connection: 2, in every form" {
	cat >open.py <<-'PY'
		import socket, subprocess, sys
		a, b = socket.socketpair()
		l = socket.create_server(("127.0.0.1", 0))
		for option in ("--retry", "--wait"):
		    for form in (("sockfile-send", "--verify", "in"), ("sockfile-send", "--verify", "in", "--listen"),
		                 ("sockfile-recv", "out"), ("sockfile-recv", "out", "--connect")):
		        p = subprocess.run([*form, "-w", "0.1", option, "1", "--fd", str(a.fileno())], pass_fds=[a.fileno()],
		            stderr=subprocess.PIPE, text=True)
		        assert p.returncode == 2 and option in p.stderr and p.stderr.count("\n") == 2, (form, p)
		# One that listens has others.
		for form in (("sockfile-send", "--verify", "in", "--listen"), ("sockfile-recv", "out")):
		    p = subprocess.run([*form, "-w", "0.1", "--retry", "1", "--fd", str(l.fileno())], pass_fds=[l.fileno()])
		    assert p.returncode == 124, (form, p)
	PY
	run python3 open.py
	assert_success
	nothing_left out
}
