#!/usr/bin/env bats
# valgrind.bats - short runs of each mode, with every block freed and every descriptor closed.

load helpers

setup() {
	need valgrind
	cd "$BATS_TEST_TMPDIR"
	checked=(valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect
		--errors-for-leak-kinds=definite,indirect)
}

@test "TCP: messages, a stream, a reset, --json" {
	start_server "${checked[@]}" "$SOCKUTILS_BUILD/sockecho-server" -v --upper 0
	run --separate-stderr "${checked[@]}" "$SOCKUTILS_BUILD/sockecho-client" "$host" "$port" one two
	assert_success
	assert_output $'ONE\nTWO'
	head -c 300K /dev/zero | "${checked[@]}" "$SOCKUTILS_BUILD/sockecho-client" --expect upper "$host" "$port" >/dev/null
	run --separate-stderr "${checked[@]}" "$SOCKUTILS_BUILD/sockecho-client" --json localhost "$port" one
	assert_success
	run --separate-stderr "${checked[@]}" "$SOCKUTILS_BUILD/sockecho-client" -q --ping --histogram -c 3 -i 0 --clients 3 "$host" "$port"
	assert_success
	stop_server
	assert_equal "$server_status" 0
	run --separate-stderr "${checked[@]}" "$SOCKUTILS_BUILD/sockecho-client" localhost "$port" one
	assert_failure 6
}

@test "a peer that misbehaves, with every rule and file" {
	start_server "${checked[@]}" "$SOCKUTILS_BUILD/sockecho-server" --json --delay 0.1 --limit-rate 1K --reset-after 2K \
		--allow 127.0.0.0/8 --deny 127.0.0.2 --port-file port --pidfile pid -t 5 0 || true
	read -r port <port
	run --separate-stderr "$SOCKUTILS_BUILD/sockecho-client" 127.0.0.1 "$port" hello
	assert_success
	run --separate-stderr "$SOCKUTILS_BUILD/sockecho-client" --source 127.0.0.2 127.0.0.1 "$port" hello
	assert_failure 6
	stop_server
	assert_equal "$server_status" 0
}

@test "UDP and UNIX datagrams" {
	start_server "${checked[@]}" "$SOCKUTILS_BUILD/sockecho-server" -u --delay 0.05 '*' 0
	run --separate-stderr "${checked[@]}" "$SOCKUTILS_BUILD/sockecho-client" -u 127.0.0.1 "$port" one two
	assert_success
	stop_server
	assert_equal "$server_status" 0
	start_server "${checked[@]}" "$SOCKUTILS_BUILD/sockecho-server" -u -U sock
	run --separate-stderr "${checked[@]}" "$SOCKUTILS_BUILD/sockecho-client" -u -U sock one
	assert_success
	run --separate-stderr "${checked[@]}" "$SOCKUTILS_BUILD/sockecho-client" -u --ping -c 3 -i 0 -U sock
	assert_success
	stop_server
	assert_equal "$server_status" 0
}

@test "files: raw, verified, resumed, several, encrypted, refused" {
	load transfers
	head -c 300000 /dev/urandom >in
	(umask 077 && head -c 36 /dev/urandom | base64 >key)
	send=("${checked[@]}" "$SOCKUTILS_BUILD/sockfile-send")
	receiver() {
		as_receiver sock_start "${checked[@]}" "$SOCKUTILS_BUILD/sockfile-recv" "$@"
	}
	receiver --sha256 "$(sha256sum in | cut -c1-64)" 0 out
	run --separate-stderr "${send[@]}" 127.0.0.1 "$port" in
	assert_success
	receiver_ends 0
	run --separate-stderr "${checked[@]}" "$SOCKUTILS_BUILD/sockfile-recv" 0 out
	assert_failure 1
	head -c 100000 in >out2.part
	chmod 600 out2.part
	receiver --resume 0 out2
	run --separate-stderr "${send[@]}" --verify 127.0.0.1 "$port" in
	assert_success
	receiver_ends 0
	mkdir d
	receiver --dir d --key key 0
	keyed() { # a handshake has 10 s, which a busy machine may need under valgrind
		run --separate-stderr "${send[@]}" --key key 127.0.0.1 "$port" in out
		[ "$status" = 0 ] || ! echo "$status: $stderr"
	}
	in_three_tries keyed
	receiver_ends 0
	receiver --max-size 5 --verify 0 out3
	run --separate-stderr "${send[@]}" --verify 127.0.0.1 "$port" in
	assert_failure 5
	receiver_ends 5
}

# waits SECONDS OPTION ... - nothing is lost, in one of three tries: on a busy machine a look-up may be under way in the
# C library when the program ends, and then what that has at hand is.
waits() {
	nothing_is_lost() {
		run --separate-stderr "${checked[@]}" "$SOCKUTILS_BUILD/sockwait" -t "$@"
		((status == 0 || status == 124))
	}
	in_three_tries nothing_is_lost "$@" || fail "status $status: $stderr"
}

@test "waiting: there, gone, missing, given up, said something else" {
	start_server sockecho-server 0
	for options in "$host:$port localhost:$port 127.1:$port" "--any nosuch.invalid:80 ./nosuch $host:$port" \
		"--send x\\n --match x --steady 0.1 $host:$port" "--json --gone localhost:1 ./nosuch"; do
		# shellcheck disable=SC2086 # words are meant
		waits 60 $options
		assert_success
	done
	for options in "-v ./nosuch localhost:1 $host:$port $host:$port" "--gone $host:$port" \
		"--connect-timeout 0.3 --send x --match y $host:$port" "--steady 0.5 $host:$port"; do
		# shellcheck disable=SC2086 # words are meant
		waits 1 $options
	done
	# Tries are under way when it ends.
	in_background "${checked[@]}" "$SOCKUTILS_BUILD/sockwait" -v --match x --json "$host:$port" localhost:1 ./nosuch 2>err
	until_true 60 grep -q "nosuch: connect" err
	kill "$last_pid"
	wait_for "$last_pid"
	assert_equal "$waited_status" 143
}
