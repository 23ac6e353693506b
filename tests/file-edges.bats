#!/usr/bin/env bats
# file-edges.bats - the ends of a transfer: where an input ends, a last word that is not heard, what is kept and what
# is not, and failures at either end.

load helpers
load transfers

setup() {
	cd "$BATS_TEST_TMPDIR"
	head -c 3000000 /dev/urandom >in
}

# marked_input HOW - standard input of a sender with --end-mark "$mark", by a pipe.
mark='end of what tar said'
marked_input() {
	case $1 in
	whole) cat in && printf %s "$mark" ;;
	killed) head -c 2000000 in ;;
	half) cat in && printf %s "${mark:0:7}" ;;
	behind) cat in && printf '%s\n' "$mark" ;;
	empty) printf %s "$mark" ;;
	none) ;;
	trickle) # the mark comes in pieces, and its beginning among the bytes
		printf %s "${mark:0:5}"
		sleep 0.1
		printf %s "$mark${mark:0:9}"
		sleep 0.1
		printf %s "${mark:9}"
		;;
	esac
}

@test "--end-mark: an input that ends with it arrives without it, raw and verified; --offset and files too" {
	for how in whole trickle; do
		marked_input "$how" >expected
		truncate -s -"${#mark}" expected
		for mode in raw --verify --listen; do
			options=(--end-mark "$mark")
			[ "$mode" = raw ] || options+=("$mode")
			if [ "$mode" = --listen ]; then
				mkfifo input
				marked_input "$how" >input &
				start_sender_with_input input --verify --end-mark "$mark" 0 -
				sockfile-recv -q --connect 127.0.0.1 "$port" out
				sender_ends 0
				rm input
			else
				start_receiver 0 out
				marked_input "$how" | sockfile-send -q "${options[@]}" 127.0.0.1 "$port" -
				receiver_ends 0
			fi
			cmp expected out
			rm out
		done
	done
	# A file as standard input, from where it stands; what is thrown away may be longer than a read.
	marked_input whole >file
	for mode in -q --verify; do
		start_receiver 0 out
		sockfile-send $mode --offset 1500000 --end-mark "$mark" 127.0.0.1 "$port" - <file
		receiver_ends 0
		tail -c +1500001 in | cmp - out
		rm out
	done
	start_receiver --size 0 0 out
	marked_input empty | sockfile-send -q --end-mark "$mark" 127.0.0.1 "$port" -
	receiver_ends 0
	[ -e out ] && [ ! -s out ]
}

start_sender_with_input() {
	local input=$1
	shift
	as_sender sock_start sh -c 'input=$1; shift; exec sockfile-send --listen "$@" <"$input"' sh "$input" "$@"
}

@test "--end-mark: an input without it was cut short: 5 on both ends and no FILE; raw it is a reset" {
	for how in killed half behind none; do
		start_receiver --verify 0 out
		run --separate-stderr sockfile-send --verify --retry 3 --end-mark "$mark" 127.0.0.1 "$port" - < <(marked_input "$how")
		assert_failure 5
		[[ $stderr == *"standard input: it ended without the text of --end-mark"* ]]
		error_has recv.err "the sender's input ended early"
		receiver_ends 5
		nothing_left out
	done
	for how in killed half; do
		start_receiver 0 out
		run --separate-stderr sockfile-send --end-mark "$mark" 127.0.0.1 "$port" - < <(marked_input "$how")
		assert_failure 5
		[[ $stderr == *"it ended without the text of --end-mark"* ]]
		receiver_ends 6
		[ ! -e out ]
		rm -f out.part
	done
	# Over a UNIX socket, which has no reset, this end's status alone tells.
	start_receiver -U s out
	run sockfile-send -U --end-mark "$mark" s - < <(marked_input killed)
	assert_failure 5
	receiver_ends 0
}

@test "--end-mark is about standard input, once, and not with --count: 2" {
	for arguments in "127.0.0.1 9 in" "--count 5 127.0.0.1 9 -" "--listen -c 2 0 -" "--verify 127.0.0.1 9 in in2"; do
		# shellcheck disable=SC2086
		run --separate-stderr sockfile-send --end-mark x $arguments
		assert_failure 2
		[[ $stderr == *"end-mark"* ]]
	done
	run sockfile-send --end-mark '' 127.0.0.1 9 -
	assert_failure 2
}

@test "bytes of an input that were read before a connection was lost are not left out of the next one" {
	# What stands before --offset, or may be the mark, was read, although nothing was sent.
	cat >loses.py <<-'PY'
		import sys
		import wire
		peer = wire.Peer(wire.accept_one(), wire.RECEIVE)
		peer.greet()
		assert peer.next()[0] == wire.OFFER
		peer.sock.sendall(wire.held(wire.HAVE))
		assert peer.next()[0] == wire.START
		open("started", "w").close()
		while input_left := sys.stdin.readline():
		    break
	PY
	for options in "--offset 3" "--end-mark abcdefgh"; do
		rm -f input started
		mkfifo input hold 2>/dev/null || true
		exec {open}<>input {held}<>hold
		sock_start loses sh -c 'exec python3 loses.py <hold'
		# shellcheck disable=SC2086
		as_sender sock_run sh -c "exec sockfile-send --verify --retry 5 $options 127.0.0.1 $port - <input"
		until_true 20 test -e started
		printf abcde >&"$open"
		until_true 20 is_drained input
		sock_stop loses KILL
		sender_ends 6
		error_has send.err "cannot be read again"
		exec {open}>&- {held}>&-
	done
}

# is_drained FIFO - has its reader taken everything?
is_drained() {
	[ "$(python3 -c 'import fcntl, os, sys, termios
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK)
print(int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, b"\0\0\0\0"), "little"))' "$1")" = 0 ]
}

# rendezvous.py - a relay that listens for both ends (two ports on its readiness line), or connects to both.
write_rendezvous() {
	cat >rendezvous.py <<-'PY'
		import socket, sys
		import wire
		if len(sys.argv) > 1:
		    a, b = (socket.create_connection(("127.0.0.1", int(p))) for p in sys.argv[1:])
		else:
		    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
		    print("listening tcp", *(l.getsockname()[1] for l in listeners), flush=True)
		    a, b = (l.accept()[0] for l in listeners)
		wire.relay(a, b)
	PY
}

@test "both ends connect to a relay, or are connected to by one: verified, and with a key" {
	need_openssl
	write_rendezvous
	(umask 077 && head -c 36 /dev/urandom | base64 >key)
	for how in --verify "--key key"; do
		sock_start relay python3 rendezvous.py
		run_receiver -q $how --connect 127.0.0.1 "$host" out
		sockfile-send -q $how 127.0.0.1 "$port" in
		receiver_ends 0
		cmp in out
		rm out
		start_receiver $how 0 out
		to=$port
		start_sender $how 0 in
		in_background python3 rendezvous.py "$port" "$to"
		sender_ends 0
		receiver_ends 0
		cmp in out
		rm out
	done
}

# peer_until.py WHEN - a receiver whose last word is behind END: none (end), its verdict, a verdict whose header is
# damaged, or an ABORT.
write_peer_until() {
	cat >peer_until.py <<-'PY'
		import struct, sys, time
		import wire
		when = sys.argv[1]
		peer = wire.Peer(wire.accept_one(), wire.RECEIVE)
		peer.greet()
		assert peer.next()[0] == wire.OFFER
		peer.sock.sendall(wire.held(wire.HAVE))
		got = 0
		while (message := peer.next())[0] != wire.END:
		    got += len(message[1]) if message[0] == wire.DATA else 0
		    open("data", "w").close()
		verdict = wire.held(wire.VERDICT, n=got)
		if when == "verdict":
		    peer.sock.sendall(verdict)
		elif when == "damaged":
		    peer.sock.sendall(b"\x88" + verdict[1:])
		elif when == "abort":
		    peer.sock.sendall(wire.message(wire.ABORT, b"\x0b\0\0\0"))
		if when in ("end", "verdict"):
		    time.sleep(60)
		peer.sock.shutdown(1)
		peer.ended()
	PY
}

no_goodbye() {
	sock_start peer python3 ../peer_until.py verdict
	run --separate-stderr timeout 25 sockfile-send --verify 127.0.0.1 "$port" ../in
	assert_success
}

no_verdict() {
	head -c 40M /dev/zero >large
	sock_start peer python3 ../peer_until.py end
	as_sender sock_run timeout 25 sockfile-send --verify --limit-rate 20M 127.0.0.1 "$port" large
	until_true 20 test -e data
	truncate -s 1M large
	sender_ends 5
	error_has send.err "changed while it was sent"
}

@test "a peer that says nothing behind END, or no goodbye, is not waited for for ever" {
	write_peer_until
	beside goodbye no_goodbye
	beside verdict no_verdict
	all_of goodbye verdict
}

@test "a verdict that cannot be read is unknown, an ABORT in its place is none" {
	write_peer_until
	sock_start peer python3 peer_until.py damaged
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
	assert_failure 5
	[[ $stderr == *"protocol error: a malformed header"*"delivered or not: unknown"* ]]
	sock_start peer python3 peer_until.py abort
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
	assert_failure 6
	[[ $stderr != *"unknown"* ]]
}

# write_eater WAY [PYTHON] - write a relay that runs PYTHON and breaks off the first of two connections when the
# verdict comes, which goes `forth` or `not forth`.
write_eater() {
	cat >eater.py <<-PY
		import os, socket, sys
		import wire
		def alter(forth, at, data):
		    if $1 and at + len(data) > 16 + 60 + 24:  # behind HELLO and HAVE: the verdict
		        ${2:-pass}
		        raise OSError
		    return data
		with socket.create_server(("127.0.0.1", 0)) as l:
		    print("listening tcp", *l.getsockname(), flush=True)
		    for i in range(2):
		        a, b = l.accept()[0], wire.sender(sys.argv[1]).sock
		        wire.relay(a, b, *([alter] if i == 0 else []))
	PY
}

# start_eater PYTHON - a receiver into box, and such a relay to it.
start_eater() {
	write_eater "not forth" "$1"
	mkdir box
	start_receiver --dir box -c none 0
	sock_start eater python3 eater.py "$port"
}

@test "a verdict that was lost, and a receiver that does not know the file any more: delivered or not is unknown" {
	start_eater ""
	run --separate-stderr sockfile-send --verify --retry 5 127.0.0.1 "$port" in
	assert_failure 1
	[[ $stderr == *"it has another file of that name"*"delivered or not: unknown"* ]]
	cmp in box/in
}

@test "a verdict that was lost is asked for again by a sender that listens: who has connected comes back" {
	write_eater forth
	start_sender --verify 0 in
	sock_start eater python3 eater.py "$port"
	run --separate-stderr sockfile-recv --retry 3 --connect 127.0.0.1 "$port" out
	assert_success
	[[ $stderr == *"the sender may not know that all is here"*"(it was there already)"* ]]
	cmp in out
	sender_ends 0
	# If the sender is gone, that is no failure: all is here.
	rm out
	write_eater forth 'os._exit(0)'
	start_sender --verify 0 in
	sock_start eater python3 eater.py "$port"
	run --separate-stderr sockfile-recv --retry 1 --connect 127.0.0.1 "$port" out
	assert_success
	cmp in out
}

# traced_receiver INJECT OPTION ... - a receiver one of whose system calls is injected; its trace is in trace.
traced_receiver() {
	local inject=$1
	shift
	as_receiver sock_start trace -f -qq -o trace -e "inject=$inject" sockfile-recv "$@"
}

@test "a FILE that is confirmed is flushed, its name too, and has the mode and the time that were asked for" {
	need_trace
	chmod 640 in
	touch -d 2001-02-03 in
	# Killed between the rename and the flush of the directory.
	traced_receiver fsync:signal=KILL:when=2 --resume 0 out
	run sockfile-send --verify 127.0.0.1 "$port" in
	assert_failure 6
	receiver_ends 137
	cmp in out
	[ "$(stat -c %Y out)" != "$(stat -c %Y in)" ]
	for options in "" "--mode 604" --preserve; do
		as_receiver sock_start trace -f -qq -e trace=fsync,statx -o trace sockfile-recv --resume $options 0 out
		run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
		assert_success
		[[ $stderr == *"3000000 bytes were there before"* ]]
		receiver_ends 0
		[ "$(grep -c 'fsync.*) *= 0' trace)" = 2 ]
		[ "$(grep -c 'statx.*AT_STATX_FORCE_SYNC' trace)" = 2 ]
		[[ "$options" != "--mode"* ]] || [ "$(stat -c %a out)" = 604 ]
	done
	[ "$(stat -c %a,%Y out)" = "$(stat -c %a,%Y in)" ]
	traced_receiver fsync:error=EIO:when=1 --resume 0 out
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
	assert_failure 1
	receiver_ends 1
	error_has recv.err "flush out to disk: Input/output error"
}

called() {
	[ "$(grep -o "$1(" trace | wc -l)" -ge "$2" ]
}

# changes_meanwhile CALL N CHANGE OPTION ... - in a directory of its own, change out while the receiver is in its Nth CALL,
# which takes two seconds: it is not confirmed.
changes_meanwhile() {
	local call=$1 nth=$2 change=$3
	shift 3
	cp ../in out
	as_receiver sock_start trace -f -qq -o trace -P out -e "trace=$call" -e "inject=$call:delay_enter=2000000:when=$nth" \
		sockfile-recv --resume "$@" 0 out
	run_sender --verify 127.0.0.1 "$port" ../in
	until_true 20 called "$call" "$nth"
	eval "$change"
	sender_ends 1
	receiver_ends 1
	error_has recv.err "write out: somebody changed it while it was compared"
}

@test "a FILE that changes after it was compared is not confirmed: 1 on both ends" {
	need_trace
	# The first megabyte was read, and is what the sender has.
	local changed="printf x | dd of=out conv=notrunc status=none" longer="echo >>out"
	beside changed changes_meanwhile pread64 2 "$changed"
	beside longer changes_meanwhile pread64 2 "$longer"
	beside mode_changed changes_meanwhile pread64 2 "$changed" --mode 600
	beside mode_longer changes_meanwhile pread64 2 "$longer" --mode 600
	beside cut changes_meanwhile fsync 1 "truncate -s 100 out"
	all_of changed longer mode_changed mode_longer cut
}

@test "what could not be flushed is not kept, and not told as safe" {
	need_trace
	for verify in "" --verify; do
		traced_receiver fsync:error=EIO:when=1 $verify 0 out
		slow_sender $verify 127.0.0.1 "$port" in
		until_true 20 part_has 50000
		kill -KILL "$sender_pid"
		receiver_ends 6
		error_has recv.err "nothing is kept: out.part could not be flushed: Input/output error"
		nothing_left out
	done
}

@test "others may not write FILE.part while it is flushed, whatever FILE's mode shall be" {
	need_trace
	for options in "--mode 664" "--mode 606" umask --force; do
		rm -f out
		if [ "$options" = --force ]; then
			echo old >out
			chmod 666 out
		fi
		umask "$([ "$options" = umask ] && echo 002 || echo 022)"
		traced_receiver fsync:signal=KILL:when=1 ${options#umask} 0 out
		run sockfile-send -q 127.0.0.1 "$port" in
		assert_failure 6
		receiver_ends 137
		[ "$(stat -c %a out.part)" = 600 ]
		# There is no other flush before it has its name.
		mv out.part kept
		traced_receiver fsync:signal=KILL:when=2 ${options#umask} 0 out
		run sockfile-send -q 127.0.0.1 "$port" in
		assert_failure 6
		receiver_ends 137
		cmp in out
		[ ! -e out.part ]
		if [ "$options" = --force ]; then
			echo old >out
		else
			rm out
		fi
		mv kept out.part
		start_receiver --resume ${options#umask} 0 out
		run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
		assert_success
		[[ $stderr == *"3000000 bytes were there before"* ]]
		receiver_ends 0
		case $options in
		*664 | umask) [ "$(stat -c %a out)" = 664 ] ;;
		*606) [ "$(stat -c %a out)" = 606 ] ;;
		*) [ "$(stat -c %a out)" = 666 ] ;;
		esac
	done
	umask 022
	rm out
	traced_receiver fsync:error=EIO:when=2 --mode 664 0 out
	run sockfile-send -q 127.0.0.1 "$port" in
	assert_failure 6
	receiver_ends 1
	error_has recv.err "flush out to disk: Input/output error"
	[ ! -e out.part ]
}

@test "a FILE whose size a stranger does not know is not told to him; one that is a beginning is replaced by --force" {
	cat >asks.py <<-'PY'
		import struct, sys
		import wire
		peer = wire.sender(sys.argv[1])
		peer.greet()
		peer.sock.sendall(wire.offer(name=b"secret", size=wire.UNKNOWN))
		kind, payload = peer.next()
		print(kind, payload[4], payload[8:16].hex())
	PY
	mkdir box
	head -c 29 in >box/secret
	chmod 600 box/secret
	start_receiver --dir box --resume -c none 0
	run python3 asks.py "$port"
	assert_output "8 1 7fffffffffffffff" # another file of that name is there
	kill "$receiver_pid"
	head -c 1000000 in >out
	start_receiver --resume --force 0 out
	sockfile-send -q --verify --name x 127.0.0.1 "$port" - < <(cat in)
	receiver_ends 0
	cmp in out
}

@test "a FIFO that nobody reads: -t and --max-time are 124, -t 0 does not block, on both ends alike, once" {
	mkfifo fifo
	while read -r limit expected said; do
		for retry in "" "--retry 3"; do
			comes_in_time() {
				start_receiver ${limit//_/ } 0 fifo
				run --separate-stderr sockfile-send --verify $retry 127.0.0.1 "$port" in
				((status == expected)) && receiver_ends "$expected" && [[ $(<recv.err) == *fifo* ]]
			}
			in_three_tries comes_in_time || fail "status $status: $stderr"
			assert_equal "$(<recv.err)" "sockfile-recv: open fifo: $said; nobody reads it"
		done
		start_receiver ${limit//_/ } 0 fifo
		run sockfile-send 127.0.0.1 "$port" in
		assert_failure 6
		receiver_ends "$expected"
		assert_equal "$(<recv.err)" "sockfile-recv: open fifo: $said; nobody reads it"
	done <<-END
		-t_0.3 124 timed out
		-t_none_-w_1 124 timed out (--max-time)
	END
	# With -t 0 the bytes must be there when the receiver looks.
	start_receiver -t 0 0 fifo
	kill -STOP "$receiver_pid"
	exec {peer}<>"/dev/tcp/127.0.0.1/$port"
	echo hello >&"$peer"
	kill -CONT "$receiver_pid"
	receiver_ends 1
	assert_equal "$(<recv.err)" "sockfile-recv: open fifo: Operation would block; nobody reads it"
}

@test "a lease that is not given back is no lost connection: 124 on both ends, and nobody is awaited" {
	cp in out
	lease out
	for retry in "" "--retry 3"; do
		start_receiver --resume -t 0.3 $retry 0 out
		run --separate-stderr sockfile-send --verify $retry 127.0.0.1 "$port" in
		assert_failure 124
		receiver_ends 124
		error_has recv.err "read out: another program holds it (a lease), and has not given it back"
	done
}

@test "a name that is too long for the file system is 5 on both ends" {
	need_trace
	mkdir d
	as_receiver sock_start trace -f -qq -o trace -P in -e inject=newfstatat:error=ENAMETOOLONG sockfile-recv --dir d 0
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
	assert_failure 5
	[[ $stderr == *"--name gives another"* ]]
	receiver_ends 5
	error_has recv.err "write d/in: File name too long"
}

@test "a FIFO among several FILEs is read once, and the next FILE is sent; what cannot be read again is named" {
	mkdir d
	mkfifo pipe
	cp in next
	start_receiver --dir d 0
	in_background cp in pipe
	sockfile-send -q --verify 127.0.0.1 "$port" pipe next
	receiver_ends 0
	cmp in d/pipe
	cmp in d/next
	rm d/*
	exec {open}<>pipe
	start_receiver --retry 5 --dir d 0
	sockfile-send --verify --retry 5 127.0.0.1 "$port" next pipe 2>send.err 3>&- &
	sender_pid=$!
	pids+=("$sender_pid")
	until_true 20 test -e d/next
	head -c 60000 in >&"$open"
	until_true 20 part_has 60000 d/pipe
	kill -KILL "$receiver_pid"
	head -c 60000 in >&"$open"
	sender_ends 6
	error_has send.err "; pipe cannot be read again"
}

@test "a sender none of whose FILEs can be opened any more is noted by a listening receiver, and the next one comes" {
	sockfile-send --verify --wait 60 127.0.0.1 @p in 2>send.err 3>&- &
	sender_pid=$!
	pids+=("$sender_pid")
	until_true 20 test -s send.err # it waits
	mv in gone
	start_receiver --verify --port-file p 0 out
	sender_ends 1
	error_has send.err "open in: No such file or directory"
	until_true 20 grep -q "it has nothing to offer: it could not open its files" recv.err
	sockfile-send -q --verify 127.0.0.1 "$port" gone
	receiver_ends 0
	cmp gone out
}

# fickle.py PORT TIMES [BYTES] - relays to PORT, but ends the first TIMES connections at once, or behind so many BYTES.
write_fickle() {
	cat >fickle.py <<-'PY'
		import socket, sys
		import wire
		port, times, most = int(sys.argv[1]), int(sys.argv[2]), int((sys.argv + ["0"])[3])
		def alter(forth, at, data):
		    if forth and at + len(data) > most:
		        raise OSError
		    return data
		with socket.create_server(("127.0.0.1", 0)) as l:
		    print("listening tcp", *l.getsockname(), flush=True)
		    for i in range(times):
		        a = l.accept()[0]
		        if most:
		            wire.relay(a, wire.sender(port).sock, alter)
		        a.close()
		    wire.relay(l.accept()[0], wire.sender(port).sock)
	PY
}

@test "a connection that ends without a byte is 6 with --connect, and --retry connects again" {
	write_fickle
	for verify in "" --verify; do
		sock_start fickle python3 fickle.py 1 1
		run --separate-stderr sockfile-recv $verify --connect 127.0.0.1 "$port" out
		assert_failure 6
		nothing_left out
	done
	start_sender --verify 0 in
	sock_start fickle python3 fickle.py "$port" 2
	run --separate-stderr sockfile-recv --retry 2 --connect 127.0.0.1 "$port" out
	assert_success
	cmp in out
	sender_ends 0
	sock_start fickle python3 fickle.py 1 3
	run --separate-stderr sockfile-recv --retry 2 --connect 127.0.0.1 "$port" out2
	assert_failure 6
	[[ $stderr == *"connecting again, 0 more tries"* && $stderr != *"-1 more"* ]]
}

@test "--retry N counts connections without progress in between, at each end, listening and connecting" {
	write_fickle
	# Six connections are lost, each of which brought something.
	start_receiver --retry 1 0 out
	sock_start fickle python3 fickle.py "$port" 6 400000
	run --separate-stderr sockfile-send --verify --retry 1 127.0.0.1 "$port" in
	assert_success
	receiver_ends 0
	cmp in out
	rm out
	start_sender --verify --retry 1 0 in
	cat >back.py <<-'PY'
		import wire
		relay = wire.relay
		wire.relay = lambda a, b, alter=None: relay(a, b, *([lambda forth, at, data: alter(not forth, at, data)] if alter else []))
		exec(open("fickle.py").read())
	PY
	sock_start fickle python3 back.py "$port" 6 400000
	run --separate-stderr sockfile-recv --retry 1 --connect 127.0.0.1 "$port" out
	assert_success
	sender_ends 0
	cmp in out
	# Without progress N is N, and the last try says what would have helped.
	sock_start fickle python3 fickle.py 1 1
	run --separate-stderr sockfile-send --verify --retry 2 127.0.0.1 "$port" in
	assert_failure 6
	[[ $stderr == *"Connection refused; --retry with --wait, as --retry 3 --wait 1h, waits for it"* ]]
}

@test "with a key nothing is written over a record that could not be written" {
	need_trace
	need_openssl
	(umask 077 && head -c 36 /dev/urandom | base64 >key)
	traced_sender() {
		start_receiver --key key 0 out
		run --separate-stderr trace -f -qq -o trace -e trace=write "$@" sockfile-send --key key 127.0.0.1 "$port" in
	}
	traced_sender
	assert_success
	receiver_ends 0
	rm out
	# The header of the second DATA: a record of 30 bytes.
	n=$(grep -n ', 30) *= 30' trace | cut -d: -f1 | sed -n 2p)
	traced_sender -e "inject=write:error=ENOBUFS:when=$n"
	assert_failure 1
	[[ $stderr == *"No buffer space available"* ]]
	receiver_ends 6
	error_has recv.err "1048576 bytes are safe in out.part"
	cmp -n 1048576 in out.part
}

@test "who hashes what is held hears the other end all the same" {
	cat >hasty.py <<-'PY'
		import sys
		import wire
		abort = wire.message(wire.ABORT, b"\x0b\0\0\0")
		size = 1 << 40
		if len(sys.argv) == 1:
		    peer = wire.Peer(wire.accept_one(), wire.RECEIVE)
		    peer.greet()
		    assert peer.next()[0] == wire.OFFER
		    peer.sock.sendall(wire.held(wire.HAVE, what=1, n=size) + abort)
		else:
		    peer = wire.sender(sys.argv[1])
		    peer.greet()
		    peer.sock.sendall(wire.offer(size=size))
		    assert peer.next()[0] == wire.HAVE
		    peer.sock.sendall(abort)
		peer.sock.shutdown(1)
		peer.ended()
	PY
	truncate -s 1T huge out.part
	chmod 600 out.part
	sock_start hasty python3 hasty.py
	run --separate-stderr timeout 30 sockfile-send --verify 127.0.0.1 "$port" huge
	assert_failure 6
	[[ $stderr == *"the peer says: it was told to end"* ]]
	start_receiver --resume 0 out
	run timeout 30 python3 hasty.py "$port"
	assert_success
	receiver_ends 6
	error_has recv.err "the peer says: it was told to end"
}

@test "an input that cannot be read while it is compared does not cost the receiver what it has" {
	need_trace
	head -c 2000000 in >out.part
	chmod 600 out.part
	start_receiver --resume 0 out
	run --separate-stderr trace -f -qq -o trace -P in -e inject=pread64:error=EIO:when=2 sockfile-send --verify 127.0.0.1 "$port" in
	assert_failure 1
	[[ $stderr == *"read in: Input/output error"* ]]
	receiver_ends 5
	[ "$(stat -c %s out.part)" = 2000000 ]
}

@test "a sender none of whose files can be opened any more breaks no protocol" {
	start_sender --verify -c none --accept-timeout 1 0 in
	mv in away
	run --separate-stderr sockfile-recv --verify --connect 127.0.0.1 "$port" out
	assert_failure 5
	[[ $stderr == *"it has nothing to offer: it could not open its files"* ]]
	nothing_left out
	error_has send.err "open in: No such file or directory"
}

@test "a verdict that was lost, and a FILE that cannot be opened any more: delivered or not is unknown" {
	start_eater 'os.rename("in", "gone")'
	run --separate-stderr sockfile-send --verify --retry 5 127.0.0.1 "$port" in
	assert_failure 1
	[[ $stderr == *"open in: No such file or directory; delivered or not: unknown"* ]]
	cmp gone box/in
}

@test "-t 0: what cannot be done at once is 1 at that end, and the other end is told" {
	local options
	cat >queued.py <<-'PY'
		import socket, subprocess, sys
		import wire
		# What the peer says first is there before the program looks: only what it would say next is not.
		program, *rest = sys.argv[1:]
		ours, theirs = socket.socketpair()
		if program == "sockfile-recv":
		    own, seen = wire.greeting(wire.SEND), wire.greeting(wire.RECEIVE)
		    ours.sendall(own + wire.hello(own, seen, b"i" * 16, 1))
		else:
		    ours.sendall(wire.greeting(wire.RECEIVE))
		p = subprocess.Popen([program, "--verify", "-t", "0", "--fd", str(theirs.fileno()), *rest], pass_fds=[theirs.fileno()])
		theirs.close()
		peer = wire.Peer(ours, wire.RECEIVE)
		peer.exactly(16)
		assert peer.next()[0] == wire.HELLO
		print(*peer.next())
		ours.close()
		sys.exit(p.wait(20))
	PY
	for options in "sockfile-recv out" "sockfile-send in"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr python3 queued.py $options
		assert_failure 1
		assert_output "12 b'\\x03\\x00\\x00\\x00'"
		[[ $stderr == *": Operation would block" ]]
	done
	for options in "" "--verify" "--verify --dir ."; do
		# shellcheck disable=SC2086
		start_receiver -t 0 0 $options $([[ $options == *--dir* ]] || echo out)
		run_peer silent "$port" hold
		receiver_ends 1
		error_has recv.err "Operation would block"
	done
	start_sender -t 0 --verify 0 in
	run_peer silent "$port" hold
	sender_ends 1
	error_has send.err "Operation would block"
}

@test "what fails at this end is not the peer's fault: 1, with its reason, and 1 at the other end" {
	need_trace
	# The greeting cannot be sent: nothing else is said, and the next sender comes.
	traced_receiver sendto:error=ENOMEM:when=1 0 out
	run sockfile-send -q --verify 127.0.0.1 "$port" in
	assert_failure 6
	sockfile-send -q --verify 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in out
	rm out
	error_has recv.err ": Cannot allocate memory"
	run ! grep -q "protocol" recv.err
	# In the middle of the bytes.
	traced_receiver recvfrom:error=ENOMEM:when=40 0 out
	run --separate-stderr sockfile-send --verify --limit-rate 500K 127.0.0.1 "$port" in
	assert_failure 1
	[[ $stderr == *"the peer says: it could not write the file, or could not go on" ]]
	receiver_ends 1
	error_has recv.err ": Cannot allocate memory; "
	part_has 1
}
