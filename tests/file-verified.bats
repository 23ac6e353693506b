#!/usr/bin/env bats
# file-verified.bats - verified transfers: what exit 0 means, several files, what both ends say.

load helpers
load transfers

setup() {
	cd "$BATS_TEST_TMPDIR"
	head -c 3000000 /dev/urandom >in
}

@test "exit 0 of the sender means that the receiver has it under its name; a receiver knows it by itself" {
	start_receiver 0 out
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
	assert_success
	cmp in out # before anybody waited for the receiver
	receiver_ends 0
	error_has recv.err "(verified)"
	[ ! -e out.part ]
	start_sender --verify -c 3 0 in
	for i in 1 2 3; do
		sockfile-recv -q --verify --connect 127.0.0.1 "$port" "out.$i" 3>&- &
		receivers+=($!)
	done
	for i in 1 2 3; do
		wait_for "${receivers[i - 1]}"
		assert_equal "$waited_status" 0
		cmp in "out.$i"
	done
	sender_ends 0
}

@test "standard input over a UNIX socket, with the digest that must come" {
	need_openssl
	start_receiver --size 3000000 --sha256 "$(sha256sum in | cut -c1-64)" -U sock out
	cat in | sockfile-send -q --verify -U sock -
	receiver_ends 0
	cmp in out
}

@test "an empty file, and one of /proc, which does not say its size" {
	: >empty
	start_receiver 0 out2
	sockfile-send -q --verify 127.0.0.1 "$port" empty
	receiver_ends 0
	[ -f out2 ] && [ ! -s out2 ]
	start_receiver 0 out3
	sockfile-send -q --verify 127.0.0.1 "$port" /proc/cmdline
	receiver_ends 0
	cmp out3 /proc/cmdline
}

@test "a FIFO is read to its end" {
	mkfifo fifo
	echo old >out
	start_receiver --force 0 out
	run_sender -q --verify 127.0.0.1 "$port" fifo
	cat in >fifo
	sender_ends 0
	receiver_ends 0
	cmp in out
}

@test "a part of standard input, or of a file, to standard output" {
	start_receiver --verify 0 -
	cat in | sockfile-send -q --verify --offset 1000 --count 500000 127.0.0.1 "$port" -
	receiver_ends 0
	cmp recv.out <(tail -c +1001 in | head -c 500000)
	start_receiver --verify 0 -
	sockfile-send -q --verify --offset 1000 --count 500000 127.0.0.1 "$port" in
	receiver_ends 0
	cmp recv.out <(tail -c +1001 in | head -c 500000)
}

# sparse FILE - 70 MiB with three pieces of data; skips where there are no holes.
sparse() {
	truncate -s 70M "$1"
	for at in 0 5000 17919; do # blocks of 4 KiB; the last one is the last
		dd if=in of="$1" bs=4096 seek=$at count=1 conv=notrunc status=none
	done
	(($(stat -c %b "$1") < 1000)) || skip "this file system has no holes"
}

# blocks_are_alike FILE FILE
blocks_are_alike() {
	(($(stat -c %b "$2") <= $(stat -c %b "$1") + 128)) || fail "$(stat -c '%n: %b blocks' "$@")"
}

@test "holes are neither sent nor stored, also of standard input, which stays where it is" {
	sparse full
	cat >count.py <<-'PY'
		import socket, sys, wire
		sent = 0
		def count(forth, at, data):
		    global sent
		    sent += len(data)
		    return data
		a = wire.accept_one()
		wire.relay(a, socket.create_connection(("127.0.0.1", int(sys.argv[1]))), count)
		print(sent)
	PY
	start_receiver 0 out
	sock_start relay python3 count.py "$port"
	{ sockfile-send -q --verify 127.0.0.1 "$relay_port" - && head -c 4096 >first; } <full
	receiver_ends 0
	sock_wait relay
	cmp full out
	blocks_are_alike full out
	cmp -n 4096 in first
	(($(tail -n 1 relay.out) < 20000)) || fail "$(cat relay.out)"
	start_receiver --size 70M 0 reserved
	sockfile-send -q --verify 127.0.0.1 "$port" full
	receiver_ends 0
	cmp full reserved
	blocks_are_alike full reserved
}

@test "holes of standard input that several receivers get at once: each has all of it" {
	local i
	need_trace
	truncate -s 2M full
	for ((i = 0; i < 20; i++)); do
		dd if=in of=full bs=4096 skip="$i" seek=$((20 * i)) count=1 conv=notrunc status=none
	done
	# Whoever moved the offset that the threads share would leave it there for a while.
	as_sender sock_start env ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0" sh -c 'exec "$@" <full' sh \
		strace -f -qq -o trace -e trace=lseek -e inject=lseek:delay_exit=10000 sockfile-send --listen -q --verify -c 8 0 -
	for ((i = 0; i < 8; i++)); do
		sock_run "to$i" sockfile-recv -q --verify --connect 127.0.0.1 "$port" "out.$i"
		((i > 0)) || until_true 20 part_has 1 out.0
	done
	sender_ends 0
	for ((i = 0; i < 8; i++)); do
		sock_wait "to$i"
		cmp full "out.$i"
	done
}

@test "holes: a part that ends in one is continued; a part of the file; where there can be none they are written" {
	sparse full
	for offset in 0 4096 4097 20484096 70M; do
		start_receiver --force 0 out
		sockfile-send -q --verify --offset "$offset" 127.0.0.1 "$port" full
		receiver_ends 0
		tail -c "+$((${offset/70M/73400320} + 1))" full | cmp - out
	done
	start_receiver --force 0 out
	sockfile-send -q --verify --count 30000000 127.0.0.1 "$port" full
	receiver_ends 0
	head -c 30000000 full | cmp - out
	rm out
	head -c 10000000 full >out.part
	chmod 600 out.part
	start_receiver --resume 0 out
	sockfile-send -q --verify 127.0.0.1 "$port" full
	receiver_ends 0
	cmp full out
	start_receiver 0 -
	sockfile-send -q --verify 127.0.0.1 "$port" full
	receiver_ends 0
	cmp full recv.out
}

@test "a slow reader of standard output has a piece before the DATA message is whole" {
	mkfifo pipe
	sock_run reader sh -c 'exec <pipe; head -c 65536 >piece && : >has && cat >rest'
	as_receiver sock_start sh -c 'exec sockfile-recv --verify 0 - >pipe'
	python3 -c '
import os, sys, time, wire
p = wire.sender_amid_data(sys.argv[1], 2**20, 65536)
for i in range(2000):
    if os.path.exists("has"):
        break
    time.sleep(0.01)
assert os.path.getsize("piece") == 65536
' "$port"
	receiver_ends 6
}

# slowly_read - it takes longer for the 1 MiB of a DATA message than the sender's -t; true: it has everything.
slowly_read() {
	rm -f pipe
	mkfifo pipe
	sock_run reader python3 -c '
import os, time
fd = os.open("pipe", os.O_RDONLY)
total = 0
while True:
    data = os.read(fd, 65536)
    if not data:
        break
    total += len(data)
    time.sleep(0.2)
print(total)
'
	as_receiver sock_start sh -c 'exec sockfile-recv --verify 0 - >pipe'
	sockfile-send -q --verify -t 1 127.0.0.1 "$port" slowly || return
	receiver_ends 0
	sock_wait reader
	assert_equal "$(cat reader.out)" 1500000
}

@test "a reader of standard output who is slower than the sender's -t is waited for as long as it reads" {
	head -c 1500000 /dev/zero | tr '\0' x >slowly
	in_three_tries slowly_read
}

@test "a sender that is lost among the bytes of a DATA message, which a slow reader holds up, is 6" {
	mkfifo pipe
	as_receiver sock_start sh -c 'exec sockfile-recv --verify 0 - 1<>pipe'
	python3 -c '
import fcntl, socket, struct, sys, termios, time, wire
p = wire.sender_amid_data(sys.argv[1], 2**20, 140000)
pipe = open("pipe", "rb", buffering=0)
for i in range(1000):  # until it is there: 64 KiB in the pipe, 64 KiB in the buffer, and more
    if fcntl.ioctl(p.sock, termios.TIOCOUTQ, bytes(4)) == bytes(4):
        break
    time.sleep(0.02)
p.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
p.sock.close()
time.sleep(0.12)  # PROGRESS is due each 0.1 s
while pipe.read(65536):
    pass
' "$port"
	receiver_ends 6
}

@test "several files into a directory, their names, modes and times" {
	mkdir d
	cp in a
	chmod 640 a
	touch -d 2001-02-03T04:05:06.789 a
	echo two >"b c"
	: >empty
	cp empty $'\u202e'
	start_receiver --dir d --preserve 0
	run_sender --verify 127.0.0.1 "$port" a "b c" ./empty $'\u202e'
	sender_ends 0
	receiver_ends 0
	cmp a d/a
	cmp "b c" "d/b c"
	[ -f d/empty ]
	assert_equal "$(stat -c '%a %y' d/a)" "$(stat -c '%a %y' a)"
	# Each summary says which file it is about.
	assert_equal "$(sed -E 's/ bytes to 127.0.0.1 port [0-9]+ in [0-9.]+ s \(.*\/s\)$//' send.err)" \
		"$(printf 'sockfile-send: %s sent %s\n' a: 3000000 "b c:" 4 ./empty: 0 '\u{202e}:' 0)"
	assert_equal "$(sed -E 's/ bytes from 127.0.0.1 port [0-9]+ in [0-9.]+ s \(.*\/s\) \(verified\)$//' recv.err)" \
		"$(printf 'sockfile-recv: %s received %s\n' d/a: 3000000 "d/b c:" 4 d/empty: 0 'd/\u{202e}:' 0)"
}

@test "of one file that goes into a directory the summaries are as ever, and of one by each connection not" {
	mkdir d
	cp in a
	start_receiver --dir d 0
	run_sender --verify 127.0.0.1 "$port" in
	sender_ends 0
	receiver_ends 0
	error_has send.err "sockfile-send: sent 3000000 bytes to 127.0.0.1 port $port in "
	error_has recv.err "sockfile-recv: received 3000000 bytes from 127.0.0.1 port "
	start_receiver --force --dir d/ -c 2 0
	sockfile-send -q --verify 127.0.0.1 "$port" in
	sockfile-send -q --verify 127.0.0.1 "$port" a
	receiver_ends 0
	error_has recv.err "sockfile-recv: d/in: received 3000000 bytes from 127.0.0.1 port "
	error_has recv.err "sockfile-recv: d/a: received 3000000 bytes from 127.0.0.1 port "
}

@test "a name that is taken in the directory is refused, and the rest arrives; standard input has the name of --name" {
	mkdir d
	cp in a
	cp -p a d
	start_receiver --dir d -c 2 0
	echo named | sockfile-send -q --verify --name stdin.txt 127.0.0.1 "$port" -
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" a in
	assert_failure 1
	[[ $stderr == *"send a to 127.0.0.1 port"*"it has another file of that name"* ]]
	receiver_ends 1
	assert_equal "$(cat d/stdin.txt)" named
	cmp in d/in
	# The records name it, too.
	start_receiver --json --dir d 0
	run --separate-stderr sockfile-send -qq --json --verify 127.0.0.1 "$port" ./a in
	receiver_ends 1
	failed_names='s/.*"event":"failed",.*"name":"([^"]*)".*/\1/p'
	assert_equal "$(sed -nE "$failed_names" <<<"$output")" $'./a\nin'
	assert_equal "$(sed -nE "$failed_names" recv.out)" $'a\nin'
}

@test "a file that is gone when its turn comes is left out: 1, at the receiver 5, and the rest arrives" {
	local files
	mkdir d
	mkfifo first
	for files in "first gone last" "first last gone"; do
		rm -f d/*
		echo gone >gone
		echo last >last
		start_receiver --dir d 0
		# shellcheck disable=SC2086 # names
		run_sender --verify 127.0.0.1 "$port" $files
		exec {first}>first # the sender reads it, and has opened no other
		rm gone
		cat in >&"$first"
		exec {first}>&-
		sender_ends 1
		error_has send.err "open gone: No such file or directory"
		receiver_ends 5
		error_has recv.err ": the sender left out 1 of 3 files"
		cmp in d/first
		cmp last d/last
		nothing_left d/gone
	done
}

# what_became FILE - the lines of FILE without the peer, and summaries without their numbers.
what_became() {
	sed -E 's/^sockfile-send: //; s/ to 127.0.0.1 port [0-9]+//; s/: sent [0-9]+ bytes in .*/: sent/' "$1"
}

# three_files - a, b, and one whose name has to be escaped.
three_files() {
	mkdir d $'\e'
	echo a >a
	cp in b
	echo c >$'\e/c'
}

# send_three [option ...] - start to send them to a receiver, slowly, and wait until b is under way.
send_three() {
	rm -f d/*
	start_receiver --dir d 0
	slow_verified "$@" 127.0.0.1 "$port" a b $'\e/c'
	until_true 20 part_has 1 d/b
}

@test "each of several FILEs that was not delivered is named, once, whatever ended the transfer" {
	three_files
	send_three
	: >b
	sender_ends 5
	receiver_ends 5
	assert_equal "$(what_became send.err)" "$(printf '%s\n' "a: sent" "read b: it changed while it was sent" 'send \x1b/c: not delivered')"
	cp in b
	send_three -qq --json
	kill -TERM "$sender_pid"
	sender_ends 143
	receiver_ends 6
	[ ! -s send.err ]
	python3 - <<-'PY'
		import json
		def said(record):
		    error = record.get("error", {})
		    return record.get("event"), record.get("name"), error.get("message"), error.get("during", "").split(" to ")[0]
		said = list(map(said, map(json.loads, open("send.out"))))
		assert said == [("sent", "a", None, ""), (None, None, "interrupted", "send b"),
		    ("failed", "\x1b/c", "not delivered", "send \\x1b/c")], said
	PY
	send_three -q --retry 1
	kill -KILL "$receiver_pid"
	sender_ends 6
	assert_equal "$(sed 1d send.err | what_became -)" "$(printf '%s\n' \
		"connect: Connection refused; --retry with --wait, as --retry 3 --wait 1h, waits for it" \
		"send b: not delivered" 'send \x1b/c: not delivered')"
	# before the first offer
	start_receiver 0 out
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" a b
	assert_failure 5
	kill "$receiver_pid"
	receiver_ends 143
	assert_equal "$(what_became - <<<"$stderr")" "$(printf '%s\n' "talk: the peer says: it takes one file (--dir takes several)" "send a: not delivered" "send b: not delivered")"
}

@test "what a receiver says of one FILE, or does not, leaves no doubt about the others" {
	three_files
	cat >receiver.py <<-'PY'
		import sys
		from wire import *
		p = Peer(accept_one(), RECEIVE)
		p.greet()
		def second():
		    """Take a, and b as far as START."""
		    while True:
		        kind, payload = p.next()
		        index = int.from_bytes(payload[:4], "big")
		        if kind == OFFER:
		            p.sock.sendall(held(HAVE, index))
		        elif kind == START and index == 2:
		            return
		        elif kind == END:
		            p.sock.sendall(held(VERDICT, index, 0, 2))
		second()
		if sys.argv[1] == "refuse":
		    p.sock.sendall(held(VERDICT, 2, 2, 2**63 - 1))
		elif sys.argv[1] == "give up":
		    p.sock.sendall(message(ABORT, bytes([3, 0, 0, 0])))
		elif sys.argv[1] == "vanish":
		    while p.next()[0] != END:
		        pass
		    sys.exit()
		p.ended()
	PY
	to_peer() {
		sock_start peer python3 receiver.py "$1"
		run --separate-stderr sockfile-send -q --verify "${@:3}" 127.0.0.1 "$port" a b $'\e/c'
		assert_failure "$2"
		became=$(what_became - <<<"$stderr")
	}
	to_peer refuse 1
	assert_equal "$became" "$(printf '%s\n' "send b: the peer says: it has no space left, or takes no file that large" 'send \x1b/c: not delivered')"
	to_peer "give up" 1
	assert_equal "$became" "$(printf '%s\n' "send b: the peer says: it could not write the file, or could not go on" 'send \x1b/c: not delivered')"
	to_peer vanish 6 --retry 1
	assert_equal "$(sed -n '2,$p' <<<"$became")" "$(printf '%s\n' \
		"connect: Connection refused; --retry with --wait, as --retry 3 --wait 1h, waits for it" \
		"send b: delivered or not: unknown" 'send \x1b/c: not delivered')"
	# On a slow machine the time may be over earlier.
	to_peer silent 124 -t 0.5 --connect-timeout 20
	[[ $became == *": timed out"* ]]
	[[ $became == *'send \x1b/c: not delivered' ]]
}

@test "a listening sender counts the FILEs that a receiver has not had, and names them at its end" {
	three_files
	start_sender --verify --limit-rate 500K 0 a b $'\e/c'
	run_receiver --dir d --connect 127.0.0.1 "$port"
	until_true 20 part_has 1 d/b
	kill -KILL "$receiver_pid"
	until_true 20 grep -qF "FILEs behind it that were not sent: 1" send.err
	rm d/*
	run_receiver --dir d --connect 127.0.0.1 "$port"
	until_true 20 part_has 1 d/b
	kill -TERM "$sender_pid"
	sender_ends 143
	receiver_ends 6
	assert_equal "$(grep -c 'send .* to 127.0.0.1 port [0-9]*: not delivered' send.err)" 1
	error_has send.err 'send \x1b/c to 127.0.0.1 port '
}

@test "a sender that says nothing between two files is let go after -t" {
	mkdir d
	start_receiver -t 1 --dir d 0
	python3 -c '
import sys
from wire import *
p = sender(sys.argv[1])
p.greet(files=2)
o, st = offer(), held(START)
p.sock.sendall(o)
assert p.next()[0] == HAVE
p.sock.sendall(st + message(DATA, b"abc") + end(digest=seal(p.hello, o, st, b"abc")))
assert p.next()[0] == VERDICT
assert p.next()[0] == ABORT
' "$port"
	receiver_ends 124
	error_has recv.err "timed out"
	[ "$(cat d/x)" = abc ]
}

@test "a listening sender outlives a receiver that fails" {
	head -c 400000 /dev/urandom >file
	echo another >out
	start_sender --verify --limit-rate 500K 0 file
	run --separate-stderr sockfile-recv --resume --connect 127.0.0.1 "$port" out
	assert_failure 1
	run --separate-stderr sockfile-recv --verify --max-size 1000 --connect 127.0.0.1 "$port" out2
	assert_failure 5
	nothing_left out2
	sockfile-recv -q --verify --connect 127.0.0.1 "$port" out3
	sender_ends 0
	cmp file out3
}

@test "a listening sender does not outlive its own file that changes" {
	head -c 400000 /dev/urandom >file
	start_sender --verify --limit-rate 500K 0 file
	run_receiver --connect 127.0.0.1 "$port" out3
	until_true 20 test -s out3.part
	echo more >>file
	sender_ends 5
	error_has send.err "it changed while it was sent"
	receiver_ends 5
	nothing_left out3
}

@test "no name: told to both, and it counts" {
	mkdir d
	start_receiver --dir d -c 3 0
	run --separate-stderr sh -c "echo x | sockfile-send --verify 127.0.0.1 $port -"
	assert_failure 5
	cp in .hidden
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" .hidden
	assert_failure 5
	[ -z "$(ls -A d)" ]
	sockfile-send -q --verify 127.0.0.1 "$port" in
	receiver_ends 5
	cmp in d/in
	start_receiver 0 named
	sockfile-send -q --verify 127.0.0.1 "$port" .hidden
	receiver_ends 0
	cmp in named
}

@test "what the receiver refuses, both say, with the same status" {
	need_openssl
	for case in "5 --max-size 1000" "5 --size 5" "5 --sha256 $(printf '0%.0s' $(seq 64))"; do
		read -r expected options <<<"$case"
		read -ra words <<<"$options"
		start_receiver --verify "${words[@]}" 0 out
		run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
		assert_failure "$expected"
		# Both name the file.
		[[ $stderr == "sockfile-send: send in to 127.0.0.1 port $port: the peer says: it "* ]] || fail "$stderr"
		[ ! -e out ]
		receiver_ends "$expected"
		grep -qE '^sockfile-recv: receive from 127\.0\.0\.1 port [0-9]+ into out: it' recv.err || fail "$(cat recv.err)"
		start_receiver --verify "${words[@]}" 0 out
		run sockfile-send --verify 127.0.0.1 "$port" - < <(cat in)
		assert_failure "$expected"
		receiver_ends "$expected"
		error_has recv.err " into out: "
		rm -f out.part
		start_receiver --verify "${words[@]}" 0 -
		run sockfile-send --verify 127.0.0.1 "$port" in
		assert_failure "$expected"
		receiver_ends "$expected"
		error_has recv.err " into standard output: it"
	done
	nothing_left out
}

@test "the last line of --progress stands before the error that ends a transfer, and nothing lost is shown" {
	cat >full.py <<-'PY'
		import wire
		peer = wire.Peer(wire.accept_one(), wire.RECEIVE)
		peer.greet()
		peer.next()
		peer.sock.sendall(wire.held(wire.HAVE))
		while peer.next()[0] != wire.END:
		    pass
		peer.sock.sendall(wire.held(wire.VERDICT, n=3000000))
		peer.next()
		peer.sock.sendall(wire.held(wire.HAVE, index=2) + wire.held(wire.VERDICT, index=2, what=2, n=2**63 - 1))
		peer.ended()
	PY
	cp in two
	sock_start full python3 full.py
	run --separate-stderr sockfile-send --verify --progress 127.0.0.1 "$port" in two
	assert_failure 1
	[[ ${stderr_lines[-2]} == "sockfile-send:  50% "* ]] || fail "$stderr"
	[[ ${stderr_lines[-1]} == "sockfile-send: send two to "*"no space left"* ]] || fail "$stderr"
	start_receiver --progress --size 5 --verify 0 out
	run --separate-stderr sockfile-send --verify --progress 127.0.0.1 "$port" in
	assert_failure 5
	assert_equal "${#stderr_lines[@]}" 1
	receiver_ends 5
	assert_equal "$(wc -l <recv.err)" 1
}

@test "a full disk of the receiver is told to the sender, too: 1" {
	need_namespaces -m
	as_receiver sock_start "${in_namespaces[@]}" bash -c 'mkdir m; mount -t tmpfs -o size=1m tmpfs m
		sockfile-recv 0 m/out; rc=$?; ls m >left; exit $rc'
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
	assert_failure 1
	[[ $stderr == *"it has no space left"* ]]
	receiver_ends 1
	assert_equal "$(cat left)" out.part
}

@test "a raw sender, or nc, at a receiver of verified transfers ends at once, and the receiver waits on" {
	start_receiver --verify 0 out
	run --separate-stderr sockfile-send 127.0.0.1 "$port" in
	assert_failure 6
	until_true 20 grep -q "does not speak the protocol" recv.err
	run --separate-stderr nc.openbsd -N 127.0.0.1 "$port" <in
	sockfile-send -q --verify 127.0.0.1 "$port" in
	receiver_ends 0
}

@test "a receiver of verified transfers that connects: what a raw sender says is told to be none" {
	start_sender --verify 0 in
	run --separate-stderr sockfile-recv --verify --connect 127.0.0.1 "$port" out2
	assert_success
	start_sender 0 in
	run --separate-stderr sockfile-recv --verify --connect 127.0.0.1 "$port" out3
	assert_failure 5
	[[ $stderr == *"does not speak the protocol"* ]]
	nothing_left out3
}

@test "two senders, or two receivers, end at once, and say so" {
	start_sender --verify 0 in
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
	assert_failure 5
	[[ $stderr == *"both ends are senders"* ]]
	start_receiver --verify 0 out4
	run --separate-stderr sockfile-recv --verify --connect 127.0.0.1 "$port" out5
	assert_failure 5
	[[ $stderr == *"both ends are receivers"* ]]
}

@test "a silent peer, as nc is, ends a verified sender after -t" {
	sock_run nc nc.openbsd -lkU nc.sock
	until_true 20 test -S nc.sock
	on_time 124 200 3000 sockfile-send -q -t 0.3 --verify -U nc.sock in
}

# within_ten_seconds, tries_again, takes_longer - each in a directory of its own.
within_ten_seconds() {
	sock_run nc nc.openbsd -lkU nc.sock
	until_true 20 test -S nc.sock
	on_time 5 9500 14000 sockfile-send -q --verify -U nc.sock ../in
}

tries_again() {
	cat >deaf.py <<-'PY'
		import socket, sys, wire
		with socket.create_server(("127.0.0.1", 0)) as l:
		    print("listening tcp 127.0.0.1", l.getsockname()[1], flush=True)
		    first = l.accept()[0]
		    wire.relay(l.accept()[0], socket.create_connection(("127.0.0.1", int(sys.argv[1]))))
	PY
	start_receiver 0 out
	sock_start deaf python3 deaf.py "$port"
	run --separate-stderr sockfile-send --verify --retry 1 127.0.0.1 "$port" ../in
	assert_success
	[[ $stderr == *"the peer said nothing for 10 s"* ]]
	receiver_ends 0
	cmp ../in out
}

takes_longer() {
	mkdir d
	mkfifo first
	echo second >second
	start_receiver --dir d 0
	run_sender --verify 127.0.0.1 "$port" first second
	exec 9>first # the sender reads it, and has not opened the next one
	lease second 11 9>&-
	echo first >&9
	exec 9>&-
	sender_ends 0
	receiver_ends 0
	assert_equal "$(cat d/first)" first
	cmp second d/second
}

@test "a silent peer, as nc is, has the handshake's ten seconds, then --retry tries again; a file may take longer to be opened" {
	beside silent within_ten_seconds
	beside retry tries_again
	beside lease takes_longer
	all_of silent retry lease
	[ ! -e lease/refused ] || skip "the file system has no leases"
}

@test "a file that changes while it is sent is 5 on both sides, and leaves nothing" {
	for change in "echo more >>in" "touch -d yesterday in" "truncate -s 1000 in"; do
		head -c 400000 /dev/urandom >in
		start_receiver 0 out
		slow_verified 127.0.0.1 "$port" in
		until_true 20 part_has 20000
		sh -c "$change"
		sender_ends 5
		error_has send.err "it changed while it was sent"
		receiver_ends 5
		nothing_left out
	done
}

@test "a file that ends before --count is not said to have changed" {
	start_receiver --verify 0 out
	run --separate-stderr sockfile-send --verify --offset 2999990 --count 100 127.0.0.1 "$port" in
	assert_failure 5
	receiver_ends 5
	error_has recv.err "or is shorter than the sender's --count"
	nothing_left out
}

@test "a link that is made while a file is sent is no change" {
	truncate -s 400000 in
	start_receiver 0 out
	slow_verified 127.0.0.1 "$port" in
	until_true 20 sh -c 'test -s out.part || test -e out'
	ln in other
	sender_ends 0
	receiver_ends 0
}

@test "-t counts for verified transfers, too" {
	mkfifo input
	exec {open}<>input
	start_receiver -t 1 0 out
	as_sender sock_run sh -c "exec sockfile-send --verify 127.0.0.1 $port - <input"
	head -c 1000000 in >&"$open"
	receiver_ends 124
	error_has recv.err "1000000 bytes are safe in out.part"
}

@test "hashing is no silence: one end takes 0.3 s for each MiB, the other waits for it" {
	need_trace
	slowly=(trace -f -qq -o trace -e inject=pread64:delay_enter=300000)
	head -c 5M /dev/urandom >large
	receiver_hashes() {
		cp large out2
		as_receiver sock_start "${slowly[@]}" -P out2 sockfile-recv -t 1 --resume 0 out2
		sockfile-send -q -t 1 --verify 127.0.0.1 "$port" large || return
		receiver_ends 0
	}
	in_three_tries receiver_hashes
	assert_equal "$(grep -c "pread64.*DELAYED" trace)" 5
	sender_hashes() {
		start_receiver -t 1 --resume 0 out2
		"${slowly[@]}" -P large sockfile-send -q -t 1 --verify 127.0.0.1 "$port" large || return
		receiver_ends 0
	}
	in_three_tries sender_hashes
	assert_equal "$(grep -c "pread64.* = 1048576 (DELAYED" trace)" 5 # and one behind the end
}

@test "bad input for verified transfers: one clear line and status 2" {
	mkdir d
	cp in d/in
	for args in "--dir d 0 out" "--dir d 127.0.0.1 0 out" "--retry -1 0 out" "--retry x 0 out" "-c 2 0 out" \
		"--dir d --size 3 0" "--force 0 -" "--mode 600 0 -" "--resume 0 -" "--retry 2 0 -" "--preserve 0 -" "--preserve --mode 600 0 out" "--key d 0 out" "--dir d --connect -c 2 127.0.0.1 9"; do
		read -ra words <<<"$args"
		run --separate-stderr sockfile-recv "${words[@]}"
		[ "$status" = 2 ] || fail "$args: $status"
		[ "${#stderr_lines[@]}" = 2 ]
	done
	mkfifo fifo
	for args in "--mode 600" --preserve --resume "--retry 2"; do
		read -ra words <<<"$args"
		for file in fifo /dev/null; do
			run --separate-stderr sockfile-recv "${words[@]}" 0 "$file"
			assert_failure 2
			assert_equal "${stderr_lines[0]}" "sockfile-recv: option '${words[0]}' is about files: it does not go with a FIFO or a device"
		done
	done
	for args in "in d/in" "--verify in d/in" "--verify - in" "--retry 2 in" "--verify --retry -1 in" "--name x in" \
		"--verify --name x in" "--verify --name ../x -" "--verify --name .x -" "--verify --name x.part -" \
		"--verify in .hidden" "--key d in" "--verify --offset 3 in d"; do
		read -ra words <<<"$args"
		run --separate-stderr sockfile-send 127.0.0.1 9 "${words[@]}"
		[ "$status" = 2 ] || fail "$args: $status"
		[ "${#stderr_lines[@]}" = 2 ]
	done
	run --separate-stderr sockfile-recv --dir nosuch 0
	assert_failure 1
	assert_output "" # before anything is listened on
	run --separate-stderr sockfile-send --verify 127.0.0.1 9 nosuch
	assert_failure 1
}

# flood.py send|receive PHASE [PORT] - an end that, come to PHASE, says PROGRESS and nothing else, until
# it is cut off, which must be within 20 seconds; "flooding" is there once it has begun.
write_flood() {
	cat >flood.py <<-'PY'
		import sys, time, wire
		from wire import *
		role, phase = sys.argv[1:3]
		def flood(sock, done=0, total=2**40, behind=b""):
		    many = message(PROGRESS, struct.pack(">QQ", done, total)) * 8000
		    begin = time.monotonic()
		    try:
		        sock.sendall(behind + many)
		        while time.monotonic() < begin + 20:
		            sock.sendall(many)
		            open("flooding", "w")
		    except OSError:
		        sys.exit(0)
		    sys.exit("it was not cut off")
		if role == "send":
		    p = wire.sender(sys.argv[3])
		    if phase == "hello":
		        p.sock.sendall(p.own)
		        p.exactly(16)
		        flood(p.sock)
		    p.greet(2 if phase == "next" else 1)
		    o = offer(size=0 if phase == "next" else 3000000, name=b"out")
		    p.sock.sendall(o)
		    assert p.next()[0] == HAVE
		    if phase in ("start", "held"):
		        flood(p.sock)
		    p.sock.sendall(held(START))
		    if phase == "bytes":
		        flood(p.sock)
		    p.sock.sendall(end(total=0, digest=seal(p.hello, o, held(START), b"")))
		    kind, payload = p.next()
		    assert kind == VERDICT and payload[4] == 0, payload
		    flood(p.sock)
		p = Peer(accept_one(), RECEIVE)
		if phase == "hello":
		    p.sock.sendall(p.own)
		    flood(p.sock)
		p.greet()
		assert p.next()[0] == OFFER
		if phase == "have":
		    flood(p.sock)
		if phase == "prefix":
		    p.sock.sendall(held(HAVE, what=1, n=5))
		    flood(p.sock)
		if phase == "bytes": # it is there before the first byte
		    flood(p.sock, behind=held(HAVE))
		p.sock.sendall(held(HAVE))
		total = 0
		while True:
		    kind, payload = p.next()
		    if kind == DATA:
		        total += len(payload)
		    if kind == END:
		        break
		if phase == "verdict":
		    flood(p.sock)
		if phase == "flushed":
		    flood(p.sock, 1, 1)
		p.sock.sendall(held(VERDICT, n=total))
		assert p.next()[0] == BYE
		flood(p.sock)
	PY
}

@test "PROGRESS out of its order, however much of it, in the handshake is a stranger's" {
	write_flood
	start_receiver --verify 0 out
	python3 flood.py send hello "$port"
	error_has recv.err "protocol error: an unexpected PROGRESS"
	sockfile-send -q --verify 127.0.0.1 "$port" in # it was a stranger
	receiver_ends 0
}

disordered_sender() {
	mkdir d
	start_receiver --dir d 0
	python3 ../flood.py send "$1" "$port"
	receiver_ends 5
	error_has recv.err "protocol error: an unexpected PROGRESS"
}

@test "PROGRESS out of its order from a sender, however much of it: 5, at once, in every phase" {
	need xxhsum
	write_flood
	for phase in start bytes next; do
		beside "$phase" disordered_sender "$phase"
	done
	all_of start bytes next
}

disordered_receiver() {
	sock_start flood python3 ../flood.py receive "$1"
	run --separate-stderr timeout 30 sockfile-send --verify 127.0.0.1 "$port" ../in
	assert_failure 5
	[[ $stderr == *"protocol error: an unexpected PROGRESS"* ]]
	ends "$flood_pid" 0 flood.err
}

@test "PROGRESS out of its order from a receiver, however much of it: 5, at once, in every phase" {
	write_flood
	for phase in hello have; do
		beside "$phase" disordered_receiver "$phase"
	done
	all_of hello have
}

@test "PROGRESS behind the last verdict changes nothing" {
	write_flood
	sock_start flood python3 flood.py receive bye
	timeout 30 sockfile-send -q --verify 127.0.0.1 "$port" in
	ends "$flood_pid" 0 flood.err
}

# endless STATUS SIGNAL WORDS [PHASE ...] - PROGRESS in its order, but for ever, ends with the status at a receiver with
# the words, and in these phases at a sender: by itself, or by the signal.
endless() {
	local status=$1 signal=$2 words phase
	read -ra words <<<"$3"
	shift 3
	write_flood
	beside receiver endless_receiver
	for phase; do
		beside "$phase" endless_sender "$phase"
	done
	all_of receiver "$@"
}

endless_receiver() {
	head -c 1000 ../in >out.part
	chmod 600 out.part
	start_receiver "${words[@]}" --resume 0 out
	sock_run flood python3 ../flood.py send held "$port"
	end_flooded "$receiver_pid" "$signal"
	receiver_ends "$status"
	ends "$flood_pid" 0 flood.err
}

endless_sender() {
	sock_start flood python3 ../flood.py receive "$1"
	run_sender "${words[@]}" --verify 127.0.0.1 "$port" ../in
	end_flooded "$sender_pid" "$signal"
	sender_ends "$status"
	ends "$flood_pid" 0 flood.err
}

# end_flooded PID SIGNAL - once the flood has begun; "none": it ends by itself.
end_flooded() {
	[ "$2" != none ] || return 0
	until_true 10 test -e flooding
	kill "-$2" "$1"
}

@test "PROGRESS in its order, but for ever: -t ends it" {
	endless 124 none "-t 0.5" prefix bytes # not "flushed": the disk is waited for, and that is no silence
}

@test "PROGRESS in its order, but for ever: --max-time ends it" {
	endless 124 none "-w 3" verdict flushed
}

@test "PROGRESS in its order, but for ever: SIGTERM ends it" {
	endless 143 TERM -q prefix flushed
}

@test "PROGRESS in its order, but for ever: SIGINT ends it" {
	endless 130 INT -q
}

# called STATUS RUNS COMMAND ... - each run of it ends with the status.
called() {
	local expected=$1 runs=$2 i status
	shift 2
	for ((i = 0; i < runs; i++)); do
		rm -f out out.part
		status=0
		"$@" 2>recv.err || status=$?
		[ "$status" = "$expected" ] || fail "run $i: status $status, not $expected: $(cat recv.err)"
	done
}

@test "a conversation that is over before anybody looks counts as it ended: 0, 5 or 6" {
	start_peer raw listen : say="this is raw"
	start_peer silent listen :
	echo small >small
	start_sender --verify -c none 0 small
	called 5 30 sockfile-recv -t 10 --verify --connect 127.0.0.1 "$raw_port" out
	called 6 30 sockfile-recv -t 10 --verify --connect 127.0.0.1 "$silent_port" out
	called 0 30 sockfile-recv -q -t 10 --verify --connect 127.0.0.1 "$send_port" out
	need strace
	# The thread has ended, for certain, when the one that began it goes on.
	slow=(trace -f -o trace.out -e trace=clone,clone3 -e inject=clone,clone3:delay_exit=300000)
	called 5 1 "${slow[@]}" sockfile-recv -t 10 --verify --connect 127.0.0.1 "$raw_port" out
	called 6 1 "${slow[@]}" sockfile-recv -t 10 --verify --connect 127.0.0.1 "$silent_port" out
	called 0 1 "${slow[@]}" sockfile-recv -t 10 --verify --connect 127.0.0.1 "$send_port" out
	cmp small out
}

@test "a conversation that cannot begin is 1, and not waited for" {
	need strace
	start_sender --verify -c none 0 in
	# The first threads are those of the limit and of the signals.
	none=(trace -f -o trace.out -e trace=clone,clone3 -e inject=clone,clone3:error=EAGAIN:when=3+)
	for args in --verify -q; do
		called 1 1 "${none[@]}" sockfile-recv -w 20 "$args" --connect 127.0.0.1 "$send_port" out
		error_has recv.err "prepare the connection: Resource temporarily unavailable"
	done
}

# A disk that is slower than the peer, which is therefore never waited for.
slow_receiver() {
	as_receiver sock_start "${slow[@]}" sockfile-recv -w 2 "$@" 0 out
	run_sender -q "$@" 127.0.0.1 "$port" ../large
	receiver_ends 124
	error_has recv.err "timed out (--max-time)"
}

slow_reader() {
	start_receiver --verify 0 out
	run --separate-stderr "${slow[@]}" sockfile-send --verify -w 2 127.0.0.1 "$port" ../large
	assert_failure 124
	[[ $stderr == *"timed out (--max-time)"* ]]
	[ ! -e out ]
}

@test "who has a disk that is slower than the peer ends at --max-time all the same: receivers, and a verified sender" {
	need strace
	head -c 20000000 /dev/zero >large
	slow=(trace -f -o trace.out -e trace=pread64,write,splice -e inject=pread64,write,splice:delay_enter=300000)
	beside raw slow_receiver
	beside verified slow_receiver --verify
	beside sender slow_reader
	all_of raw verified sender
}

# strangers PORT COUNT [ROLE] - connected, each at another point of the handshake of a sender (or of ROLE RECEIVE),
# for as long as the test goes on; another one comes and goes each 0.3 s.  The file strangers is there once they are.
strangers() {
	cat >strangers.py <<-'PY'
		import socket, sys, time
		import wire
		port, count = int(sys.argv[1]), int(sys.argv[2])
		own = wire.greeting(wire.RECEIVE if "RECEIVE" in sys.argv else wire.SEND)
		held = []
		for i in range(count):
		    s = socket.create_connection(("127.0.0.1", port))
		    s.sendall((b"", own[:3], own[:9], own)[i % 4])
		    held.append(s)
		open("strangers", "w").close()
		for _ in range(200):
		    time.sleep(0.3)
		    try:
		        socket.create_connection(("127.0.0.1", port)).close()
		    except ConnectionError:
		        pass
	PY
	rm -f strangers
	sock_run strangers python3 strangers.py "$@"
	until_true 20 test -e strangers || fail "$(cat strangers.err)"
}

@test "a receiver that is done ends at once, whoever else is connected and says nothing" {
	local options late
	mkdir dir
	head -c 1000 in >small
	for options in "--verify 0 out" "--verify --retry 2 0 out" "0 out" "--dir dir 0"; do
		late=yes
		for try in 1 2 3; do
			rm -f out dir/small
			# shellcheck disable=SC2086 # words are meant
			start_receiver $options
			strangers "$port" 9
			sockfile-send -q --verify 127.0.0.1 "$port" small
			# The handshake that they do not end has ten seconds.
			until_true 2 is_gone "$receiver_pid" && late="" && break
			receiver_ends 0
		done
		[ -z "$late" ] || fail "$options: it waits for strangers"
		receiver_ends 0
		sock_stop strangers
	done
}

@test "--accept-timeout is not put off by offers that are refused" {
	local try
	start_receiver --accept-timeout 0.5 --max-size 1 --dir . -c none 0
	# In time: 100 of them take much longer.
	for ((try = 0; try < 100; try++)); do
		sockfile-send -q --verify 127.0.0.1 "$port" in 2>send.err || is_gone "$receiver_pid" && break
		sleep 0.02
	done
	[ "$try" -lt 100 ] || fail "they hold it"
	receiver_ends 124
	error_has recv.err "it is larger than --max-size allows"
	error_has recv.err "accept: timed out (--accept-timeout)"
}

@test "a listening sender that is done ends at once, whoever else is connected and says nothing" {
	local late=yes try
	for try in 1 2 3; do
		rm -f out
		start_sender --verify 0 in
		strangers "$port" 9 RECEIVE
		sockfile-recv -q --verify --connect 127.0.0.1 "$port" out
		# The handshake that they do not end has ten seconds.
		until_true 2 is_gone "$sender_pid" && late="" && break
		sender_ends 0
	done
	[ -z "$late" ] || fail "it waits for strangers"
	sender_ends 0
}

# The cases of --accept-timeout, each in a directory of its own: at a receiver and at a listening sender that only
# strangers come to, and at those with a transfer that takes longer.
receiver_of_strangers() {
	start_receiver --accept-timeout 3 "$@"
	strangers "$port" 5
	ends "$receiver_pid" 124 recv.err
}

sender_of_strangers() {
	start_sender --verify --accept-timeout 3 -c none 0 ../in
	strangers "$port" 5 RECEIVE
	ends "$sender_pid" 124 send.err
}

strangers_do_not_count() {
	on_time 0 3000 6000 "$@"
	grep -qF "accept: timed out (--accept-timeout)" recv.err send.err 2>/dev/null
}

receiver_at_work() {
	mkdir dir
	start_receiver --accept-timeout 3 --dir dir -c none 0
	run_sender -q --verify --limit-rate 250K 127.0.0.1 "$port" ../large
	strangers "$port" 5
	sender_ends 0
	cmp ../large dir/large
	receiver_ends 124 # the time begins anew behind it
}

raw_receiver_at_work() {
	start_receiver --accept-timeout 3 0 out
	exec 9<>"/dev/tcp/127.0.0.1/$port" # a stranger; it listens no more once a stream has come
	sockfile-send -q --limit-rate 250K 127.0.0.1 "$port" ../large 9>&-
	receiver_ends 0
	cmp ../large out
}

sender_at_work() {
	start_sender --verify --accept-timeout 3 --limit-rate 250K -c none 0 ../large
	run_receiver -q --verify --connect 127.0.0.1 "$port" out
	strangers "$port" 5 RECEIVE
	receiver_ends 0
	cmp ../large out
	kill -0 "$sender_pid" # the time begins anew behind it
	sender_ends 124
}

@test "--accept-timeout is about transfers: strangers do not count, one that takes longer is not disturbed, and it begins anew" {
	head -c 1000000 /dev/zero >large
	beside one strangers_do_not_count receiver_of_strangers --verify 0 out
	beside any strangers_do_not_count receiver_of_strangers 0 out
	beside dir strangers_do_not_count receiver_of_strangers --dir . -c none 0
	beside sender strangers_do_not_count sender_of_strangers
	beside at_work receiver_at_work
	beside raw_at_work raw_receiver_at_work
	beside sender_at_work sender_at_work
	all_of one any dir sender at_work raw_at_work sender_at_work
}

@test "an adopted listener that its other owner shuts down during a transfer: that is done, then it is 1" {
	head -c 1000000 /dev/zero >large
	cat >shut.py <<-'PY'
		import os, socket, subprocess, time
		l = socket.create_server(("127.0.0.1", 0))
		r = subprocess.Popen(["sockfile-recv", "--dir", "dir", "-c", "none", "--fd", str(l.fileno())], pass_fds=[l.fileno()],
		                     stderr=subprocess.PIPE)
		s = subprocess.Popen(["sockfile-send", "-q", "--verify", "--limit-rate", "400K", "127.0.0.1", str(l.getsockname()[1]), "large"])
		while not (os.path.exists("dir/large.part") and os.stat("dir/large.part").st_size):
		    assert s.poll() is None
		    time.sleep(0.01)
		l.shutdown(socket.SHUT_RDWR)
		said = r.communicate()[1].decode()
		assert (s.wait(), r.returncode) == (0, 1), (s.returncode, r.returncode, said)
		assert "sockfile-recv: accept: Invalid argument\n" in said, said
	PY
	mkdir dir
	run timeout 20 python3 shut.py
	assert_success
	cmp large dir/large
}

@test "--max-time is 124 where an open socket is the one connection, in every form, and said once" {
	cat >open.py <<-'PY'
		import socket, subprocess
		import wire
		runs = []
		for options in ([], ["--verify"], ["--connect"], ["--connect", "--verify"]):
		    for first in (b"", wire.MAGIC[:4], wire.greeting(wire.SEND)):
		        a, b = socket.socketpair()
		        b.sendall(first)
		        # FILE.part is one receiver's.
		        command = ["sockfile-recv", "-w", "1", *options, "--fd", str(a.fileno()), "out.%d" % len(runs)]
		        r = subprocess.Popen(command, pass_fds=[a.fileno()], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
		        runs.append((r, b, options, first))
		for r, _, options, first in runs:
		    said = r.communicate()[1].decode()
		    assert r.returncode == 124 and said.count("\n") == 1 and said.endswith("timed out (--max-time)\n"), (options, first, said)
		    assert "wait for a sender" not in said, (options, first, said)
	PY
	run python3 open.py
	assert_success
}

@test "what an open socket brings has the status that it has with --connect" {
	cat >open.py <<-'PY'
		import socket, subprocess, sys
		for options in (["--verify"], ["--connect", "--verify"]):
		    for first, status in ((b"no greeting at all", 5), (b"", 6)):
		        a, b = socket.socketpair()
		        b.sendall(first)
		        b.shutdown(socket.SHUT_WR)
		        r = subprocess.run(["sockfile-recv", *options, "--fd", str(a.fileno()), "out"], pass_fds=[a.fileno()],
		                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
		        assert r.returncode == status and r.stderr.count(b"\n") == 1, (options, first, r)
	PY
	run timeout 20 python3 open.py
	assert_success
}

@test "-t waits for a slow network as long as it takes more" {
	cat >slow.py <<-'PY'
		import socket, subprocess, sys, threading, time
		def back():
		    while piece := there.recv(65536):
		        here.sendall(piece)
		with socket.create_server(("127.0.0.1", 0)) as l:
		    s = subprocess.Popen(["sockfile-send", "-q", "--verify", "-t", "1", "127.0.0.1", str(l.getsockname()[1]), "large"])
		    here, there = l.accept()[0], socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		    threading.Thread(target=back, daemon=True).start()
		    end = time.monotonic() + 1.6
		    while piece := here.recv(16384 if time.monotonic() < end else 1 << 20):
		        there.sendall(piece)
		        time.sleep(0.1 if time.monotonic() < end else 0)
		    there.shutdown(socket.SHUT_WR)
		    assert s.wait() == 0, s.returncode
	PY
	head -c 32M /dev/urandom >large
	slowly() {
		rm -f out
		start_receiver --verify 0 out
		run timeout 20 python3 slow.py "$port"
		((status == 0)) || return
		receiver_ends 0
	}
	in_three_tries slowly || fail "$output"
	cmp large out
}

@test "--max-time of a verified sender says what was waited for" {
	mkfifo fifo
	mkdir dir
	start_receiver --dir dir -c none 0
	says_in_time 124 "sockfile-send: send in to 127.0.0.1 port $port: timed out (--max-time)" \
		sockfile-send --verify --limit-rate 1000 -w 0.5 127.0.0.1 "$port" in
	says_in_time 124 "sockfile-send: read fifo: timed out (--max-time)" \
		sockfile-send --verify --name x -w 0.5 127.0.0.1 "$port" fifo
}
