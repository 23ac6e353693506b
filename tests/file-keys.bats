#!/usr/bin/env bats
# file-keys.bats - encrypted transfers: who has no key gets nothing, and leaves nothing.

load helpers
load transfers

setup() {
	cd "$BATS_TEST_TMPDIR"
	need_openssl
	head -c 300000 /dev/urandom >in
	(umask 077 && head -c 32 /dev/urandom | base64 >key && head -c 32 /dev/urandom | base64 >other)
}

# The pre-shared key of sockfile(7), in hexadecimal, of the secret in a file.
psk_of() {
	openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt "key:$(tr -d '\n' <"$1")" -kdfopt salt:sockfile \
		-kdfopt info:sockfile-psk-v1 HKDF | tr -d ':\n'
}

@test "with the same key it arrives, both ways, over TCP and UNIX sockets, with a final newline or not" {
	printf %s "$(cat key)" >bare
	chmod 600 bare
	start_receiver --key key 0 out
	[ ! -e out.part ] # nothing is on disk before somebody has shown that he has the key
	sockfile-send -q --key bare 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in out
	start_sender --key key -U sock in
	sockfile-recv -q --connect --key bare -U sock out2
	sender_ends 0
	cmp in out2
	head -c 200000 in >out3.part
	chmod 600 out3.part
	start_receiver --key key --resume 0 out3
	run --separate-stderr sockfile-send --key key 127.0.0.1 "$port" in
	assert_success
	[[ $stderr == *"(200000 bytes were there before)"* ]]
	receiver_ends 0
	cmp in out3
	mkdir d
	start_receiver --key key --dir d 0
	sockfile-send -q --key key 127.0.0.1 "$port" in key
	receiver_ends 0
	cmp key d/key
}

@test "another key, no key, no protocol: 5 that says so, nothing on disk, and the right one still comes" {
	start_receiver --key key 0 out
	run --separate-stderr sockfile-send --key other 127.0.0.1 "$port" in
	assert_failure 5
	assert_equal "$stderr" "sockfile-send: talk to 127.0.0.1 port $port: the keys of the two ends differ (--key)"
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" in
	assert_failure 5
	[[ $stderr == *"it wants a key, and this end has none"* ]]
	run --separate-stderr sockfile-send 127.0.0.1 "$port" in
	assert_failure 6
	nothing_left out
	sockfile-send -q --key key 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in out
	error_has recv.err "the keys of the two ends differ"
	start_receiver --verify 0 out2
	run --separate-stderr sockfile-send --key key 127.0.0.1 "$port" in
	assert_failure 5
	[[ $stderr == *"it has no key, and this end wants one"* ]]
	start_sender --key key 0 in
	for args in "--key other" "--verify"; do
		read -ra words <<<"$args"
		run --separate-stderr sockfile-recv "${words[@]}" --connect 127.0.0.1 "$port" out3
		assert_failure 5
		nothing_left out3
	done
	run --separate-stderr sockfile-recv --key key --connect 127.0.0.1 "$port" out3
	assert_success
	sender_ends 0
}

@test "a key file that others can read, that is short, missing or no file: before anything is opened" {
	cp key open
	chmod 640 open
	head -c 31 /dev/urandom | base64 -w0 | head -c 31 >short
	chmod 600 short
	for file in open short nosuch; do
		run --separate-stderr timeout 10 sockfile-recv --key "$file" 0 out
		assert_failure 1
		assert_output ""
		[[ $stderr == "sockfile-recv: read key $file: "* ]]
		run --separate-stderr sockfile-send --key "$file" 127.0.0.1 9 in
		assert_failure 1
		[[ $stderr == "sockfile-send: read key $file: "* ]]
	done
	mkdir dir
	run --separate-stderr sockfile-send --key dir 127.0.0.1 9 in
	assert_failure 2
	start_receiver --key key 0 out
	sockfile-send -q --key <(cat key) 127.0.0.1 "$port" in
	receiver_ends 0
	run ! grep -aqF "$(cat key)" recv.err
}

@test "a key that does not come is waited for, for -t, and --max-time: 124" {
	mkfifo -m 600 never silent
	exec {writer}<>silent
	for words in "-t 0.2" "-w 0.2" "-t 0 -w 0.2"; do
		for file in never silent; do
			# shellcheck disable=SC2086 # words are meant
			run --separate-stderr timeout 10 sockfile-recv $words --key "$file" 0 out
			assert_failure 124
			[[ $stderr == "sockfile-recv: read key $file: timed out"* ]] || fail "$words: $stderr"
			# shellcheck disable=SC2086
			run --separate-stderr timeout 10 sockfile-send $words --key "$file" 127.0.0.1 9 in
			assert_failure 124
			[[ $stderr == "sockfile-send: read key $file: timed out"* ]] || fail "$words: $stderr"
		done
	done
	# -t 0 is about connections.
	run --separate-stderr timeout 10 sockfile-recv -t 0 --accept-timeout 0.01 --key <(sleep 0.1; cat key) 0 out
	assert_failure 124
	[[ $stderr == *"timed out (--accept-timeout)" ]] || fail "$stderr"
	exec {writer}>&-
}

@test "a library that cannot be loaded is 1" {
	local options
	need_openssl
	mkdir none
	: >none/libssl.so.3
	: >none/libcrypto.so.3
	for options in "sockfile-recv --key key 0 out" "sockfile-send --key key 127.0.0.1 9 in" \
		"sockfile-recv --sha256 $(printf "0%.0s" {1..64}) 0 out"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr env LD_LIBRARY_PATH=none $options
		assert_failure 1
		assert_output ""
		[[ $stderr == "sockfile-"*": prepare for --"*": OpenSSL's lib"*".so.3 cannot be loaded" ]]
	done
}

# relay.py PORT [WHERE BIT] - between two ends: what goes by is in the file "wire"; a bit of the byte WHERE
# from the end that connected flips.
write_relay() {
	cat >relay.py <<-'PY'
		import socket, sys, wire
		seen = open("wire", "wb")
		flip = wire.flip(int(sys.argv[2]), int(sys.argv[3])) if len(sys.argv) > 2 else lambda forth, at, data: data
		def look(forth, at, data):
		    data = flip(forth, at, data)
		    seen.write(data)
		    seen.flush()
		    return data
		a = wire.accept_one()
		wire.relay(a, socket.create_connection(("127.0.0.1", int(sys.argv[1]))), look)
	PY
}

@test "nothing of the file is on the wire: not its bytes, not its name, not its size" {
	write_relay
	yes "the secret words" | head -n 20000 >the-secret-name
	start_receiver --key key 0 out
	sock_start relay python3 relay.py "$port"
	sockfile-send -q --key key 127.0.0.1 "$port" the-secret-name
	receiver_ends 0
	cmp the-secret-name out
	[ "$(stat -c %s wire)" -gt 300000 ]
	run grep -ac "secret" wire
	assert_output 0
	# The same without a key, to see that this test can fail.
	start_receiver 0 out2
	sock_start relay python3 relay.py "$port"
	sockfile-send -q --verify 127.0.0.1 "$port" the-secret-name
	receiver_ends 0
	grep -aq "the-secret-name" wire
	grep -aq "the secret words" wire
}

@test "a relay that alters the greeting, or a byte of what is encrypted, is found out" {
	write_relay
	for change in "8 3" "9 3" "11 1" "15 1"; do # version, role, the key's flag, zero
		read -ra words <<<"$change"
		start_receiver --key key 0 out
		sock_start relay python3 relay.py "$port" "${words[@]}"
		run --separate-stderr timeout 20 sockfile-send --key key 127.0.0.1 "$port" in
		[ "$status" = 5 ] || [ "$status" = 6 ]
		nothing_left out
		kill -TERM "$receiver_pid"
		receiver_ends 143
		run grep -c "sockfile-recv: talk to" recv.err
		assert_output 1
	done
	start_receiver --key key 0 out
	sock_start relay python3 relay.py "$port" 150000 1
	run --separate-stderr timeout 20 sockfile-send --key key 127.0.0.1 "$port" in
	[ "$status" = 5 ] || [ "$status" = 6 ]
	receiver_ends 5
	[ ! -e out ]
}

# stranger.py ROLE PORT TLS-PORT - speaks the greeting, then is a relay to openssl.
write_stranger() {
	cat >stranger.py <<-'PY'
		import socket, sys, wire
		role, port, tls_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
		if role == "client":  # openssl s_client connects to us, and we to their receiver
		    tls = wire.accept_one()
		    peer = wire.sender(port)
		    peer.sock.sendall(wire.greeting(wire.SEND, flags=1))
		else:  # their sender connects to us, and we to openssl s_server
		    peer = wire.Peer(wire.accept_one(), wire.RECEIVE)
		    tls = socket.create_connection(("127.0.0.1", tls_port))
		    peer.sock.sendall(wire.greeting(wire.RECEIVE, flags=1))
		peer.exactly(16)
		wire.relay(tls, peer.sock)
	PY
}

@test "openssl s_client with the key is let in as far as TLS goes, with another or none it is not" {
	need openssl
	write_stranger
	start_receiver --key key 0 out
	receiver=$port
	for psk in "$(psk_of key)" "$(psk_of other)" ""; do
		sock_start stranger python3 stranger.py client "$receiver" 0
		args=(-connect "127.0.0.1:$port" -tls1_3 -quiet -no_ign_eof)
		[ -z "$psk" ] || args+=(-psk_identity sockfile-v1 -psk "$psk")
		timeout 20 openssl s_client "${args[@]}" </dev/null >tls.out 2>&1 || true
		if [ "$psk" = "$(psk_of key)" ]; then
			# Encrypted, it is a peer that breaks off before its hello.
			until_true 20 grep -q "the connection ended before the transfer did" recv.err
		else
			until_true 20 sh -c 'test "$(grep -cE "keys of the two ends differ|encryption failed" recv.err)" -ge 1'
		fi
	done
	until_true 20 sh -c 'test "$(wc -l <recv.err)" = 3'
	nothing_left out
}

@test "a TLS server with a certificate and no key is not our peer" {
	need openssl
	write_stranger
	openssl req -x509 -newkey rsa:2048 -nodes -keyout cert.key -out cert.pem -days 2 -subj /CN=stranger >/dev/null 2>&1
	tls_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	in_background sh -c "exec openssl s_server -accept 127.0.0.1:$tls_port -cert cert.pem -key cert.key -tls1_3 -quiet >tls.out 2>&1"
	until_true 20 sh -c "ss -ltn sport = :$tls_port | grep -q LISTEN"
	sock_start stranger python3 stranger.py server 0 "$tls_port"
	run --separate-stderr timeout 20 sockfile-send --key key 127.0.0.1 "$port" in
	assert_failure 5
	run grep -ac "in" tls.out
	refute_line --partial "$(head -c 20 in | base64)"
}

@test "an encrypted transfer that is torn goes on where it stopped" {
	head -c 3000000 /dev/urandom >in
	start_receiver --key key --retry 20 0 out
	run_sender -q --key key --limit-rate 1M 127.0.0.1 "$port" in
	until_true 20 part_has 500000
	sock_stop send KILL
	run --separate-stderr sockfile-send --key key 127.0.0.1 "$port" in
	assert_success
	[[ $stderr == *"were there before"* ]]
	receiver_ends 0
	cmp in out
}

# flood.py WHAT PORT PSK send|receive [PID] - an end with the key that, once encryption stands, says
# nothing but PROGRESS, or (keys) nothing but that it has new keys, and ends; amid that PID gets SIGTERM.
write_flood() {
	cat >flood.py <<-'PY'
		import ctypes, os, signal, socket, sys, wire
		from ctypes import c_int, c_size_t, c_void_p, byref, POINTER
		what, port, psk, role = sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3]), sys.argv[4]
		ssl, crypto = ctypes.CDLL("libssl.so.3"), ctypes.CDLL("libcrypto.so.3")
		def f(lib, name, *args, result=c_void_p):
		    f = getattr(lib, name)
		    f.argtypes, f.restype = args, result
		    return f
		@ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, POINTER(ctypes.c_char_p), POINTER(c_size_t), POINTER(c_void_p))
		def use_key(s, md, id, id_len, session):
		    new = f(ssl, "SSL_SESSION_new")()
		    f(ssl, "SSL_SESSION_set1_master_key", c_void_p, ctypes.c_char_p, c_size_t)(new, psk, len(psk))
		    f(ssl, "SSL_SESSION_set_cipher", c_void_p, c_void_p)(new, f(ssl, "SSL_CIPHER_find", c_void_p, ctypes.c_char_p)(s, b"\x13\x01"))
		    f(ssl, "SSL_SESSION_set_protocol_version", c_void_p, c_int)(new, 0x304)
		    id[0], id_len[0], session[0] = b"sockfile-v1", 11, new
		    return 1
		@ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t, POINTER(c_void_p))
		def find_key(s, id, id_len, session):
		    return use_key(s, None, ctypes.pointer(ctypes.c_char_p()), ctypes.pointer(c_size_t()), session)
		p = wire.Peer(socket.create_connection(("127.0.0.1", port)), wire.SEND if role == "send" else wire.RECEIVE)
		p.sock.sendall(wire.greeting(p.role, flags=1))
		p.exactly(16)
		p.sock.settimeout(None)
		context = f(ssl, "SSL_CTX_new", c_void_p)(f(ssl, "TLS_client_method" if role == "send" else "TLS_server_method")())
		f(ssl, "SSL_CTX_set_psk_use_session_callback", c_void_p, c_void_p)(context, ctypes.cast(use_key, c_void_p))
		f(ssl, "SSL_CTX_set_psk_find_session_callback", c_void_p, c_void_p)(context, ctypes.cast(find_key, c_void_p))
		f(ssl, "SSL_CTX_set_num_tickets", c_void_p, c_size_t)(context, 0)
		s = f(ssl, "SSL_new", c_void_p)(context)
		f(ssl, "SSL_set_fd", c_void_p, c_int)(s, p.sock.fileno())
		assert f(ssl, "SSL_connect" if role == "send" else "SSL_accept", c_void_p, result=c_int)(s) == 1
		# What comes now is made first and sent then, faster than it can be taken.
		bio = f(crypto, "BIO_new", c_void_p)(f(crypto, "BIO_s_mem")())
		f(ssl, "SSL_set0_wbio", c_void_p, c_void_p, result=None)(s, bio)
		update, shake = f(ssl, "SSL_key_update", c_void_p, c_int, result=c_int), f(ssl, "SSL_do_handshake", c_void_p, result=c_int)
		write = f(ssl, "SSL_write", c_void_p, ctypes.c_char_p, c_int, result=c_int)
		many = wire.message(wire.PROGRESS, bytes(7) + b"\1" + bytes(7) + b"\2") * 680
		for i in range(25000 if what == "keys" else 100):
		    assert update(s, 0) == 1 and shake(s) == 1 if what == "keys" else write(s, many, len(many)) > 0
		buf = ctypes.create_string_buffer(2**25)
		n = f(crypto, "BIO_read", c_void_p, ctypes.c_char_p, c_int, result=c_int)(bio, buf, len(buf))
		data = memoryview(buf)[:n]
		try:
		    p.sock.sendall(data[:n // 2])
		    if what == "keys":
		        os.kill(int(sys.argv[5]), signal.SIGTERM)
		    p.sock.sendall(data[n // 2:])
		except OSError:
		    pass
	PY
}

@test "who has the key, and says nothing but PROGRESS or new keys, is cut off: by the order, by a signal" {
	python3 -c 'import ctypes; ctypes.CDLL("libssl.so.3")' || skip "Python finds no libssl.so.3"
	write_flood
	start_receiver --key key 0 out
	timeout 60 python3 flood.py work "$port" "$(psk_of key)" send
	until_true 10 grep -q "protocol error: an unexpected PROGRESS" recv.err
	sockfile-send -q --key key 127.0.0.1 "$port" in
	receiver_ends 0
	start_sender --key key 0 in
	timeout 60 python3 flood.py work "$port" "$(psk_of key)" receive
	until_true 10 grep -q "protocol error: an unexpected PROGRESS" send.err
	sockfile-recv -q --key key --connect 127.0.0.1 "$port" out2
	sender_ends 0
	start_receiver --key key 0 out3
	timeout 60 python3 flood.py keys "$port" "$(psk_of key)" send "$receiver_pid"
	receiver_ends 143
	error_has recv.err "interrupted" # before it saw the end of it
	start_sender --key key 0 in
	timeout 60 python3 flood.py keys "$port" "$(psk_of key)" receive "$sender_pid"
	sender_ends 143
	error_has send.err "interrupted"
}
