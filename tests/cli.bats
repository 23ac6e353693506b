#!/usr/bin/env bats
# cli.bats - command lines: help, version, wrong values, flags that mean nothing in the mode.

load helpers

# usage PATTERN PROGRAM ARGUMENT ... - status 2, one line that matches, then where help is.
usage() {
	local pattern=$1
	shift
	run --separate-stderr timeout 10 "$@" </dev/null
	assert_equal "$status" 2
	assert_output ""
	assert_equal "${#stderr_lines[@]}" 2
	[ "$1" != python3 ] || shift 3
	[[ ${stderr_lines[0]} =~ ^$1:\ $pattern ]] || fail "$* said: ${stderr_lines[0]}"
	assert_equal "${stderr_lines[1]}" "Try '$1 --help' for more information."
}

# Before a command: it has a connected socket as descriptor 9.
connected=(python3 -c '
import os, socket, sys
s, t = socket.socketpair()
os.dup2(s.fileno(), 9)
os.execvp(sys.argv[1], sys.argv[1:])
')

@test "--help and --version go to standard output and are 0" {
	for program in sockecho-server sockecho-client; do
		run --separate-stderr "$program" --help
		assert_success
		assert_equal "$stderr" ""
		assert_line --index 0 --partial "usage: $program "
		run --separate-stderr "$program" -V
		assert_success
		assert_output --regexp "^$program \(sockutils\) [0-9.]+$"
	done
}

@test "unknown, ambiguous, overfed and hungry options" {
	usage "unknown option '--foo'" sockecho-server --foo
	usage "unknown option '--foo'" sockecho-server --foo=bar 0
	usage "unknown option '-x'" sockecho-server -x
	usage "unknown option '-x'" sockecho-server -qx
	usage "unknown option '-é'" sockecho-server -é
	usage "unknown option '-é'" sockecho-server -qévx
	usage "unknown option '-\\\\xc3'" sockecho-server -q$'\xc3'x
	usage "ambiguous option '--re'" sockecho-server --re 0
	usage "option '--upper' takes no value" sockecho-server --upper=yes 0
	usage "option '--bufsize' takes a value: SIZE" sockecho-server 0 --bufsize
	usage "option '--timeout' takes a value: SECONDS" sockecho-client -t
}

@test "operands: missing, too many, not what they should be" {
	usage "missing operand: \[HOST\] PORT or \[HOST:\]PORT" sockecho-server
	usage "too many operands" sockecho-server a b c
	usage "missing operand: HOST PORT or HOST:PORT" sockecho-client
	usage "a PORT is missing after 'localhost'" sockecho-client localhost
	usage "a PORT is missing after '::1'" sockecho-client ::1
	usage "a PORT is missing after '::1'" sockecho-server ::1
	usage "PORT is a number from 0 to 65535, not 65536" sockecho-server 65536
	usage "PORT is a number from 1 to 65535, not 65536" sockecho-client localhost:65536
	usage "PORT is a number from 1 to 65535, not 0" sockecho-client localhost 0
	usage "PORT is a number from 1 to 65535, not 99999999999999999999" sockecho-client h 99999999999999999999
	usage "'' is no PORT" sockecho-client localhost ''
	usage "'\+7' is no PORT" sockecho-client localhost +7
	usage "HOST is empty" sockecho-client '' 7
	usage "HOST is empty" sockecho-client :7
	# A variable that is not set is no order to listen to the network.
	usage "HOST is empty" sockecho-server '' 0
	usage "HOST is empty" sockfile-recv '' 0 out
	usage "a PORT is missing before '$BATS_TEST_FILENAME': HOST PORT FILE" sockfile-send 127.0.0.1 "$BATS_TEST_FILENAME"
	usage "a PORT is missing before '$BATS_TEST_FILENAME': \[HOST:\]PORT FILE" sockfile-send --listen "$BATS_TEST_FILENAME"
	usage "with --connect-only there are no MESSAGEs \(for several services: sockwait\)" sockecho-client --connect-only a:1 b:2
	run --separate-stderr sockecho-server localhost
	assert_failure 3
	assert_equal "$stderr" "sockecho-server: look up service localhost: no such service; if it is a HOST, its PORT is missing"
	run --separate-stderr sockecho-client ::1:7 hello
	assert_failure 3
	assert_equal "$stderr" "sockecho-client: look up service hello: no such service; for HOST:PORT an IPv6 address needs brackets, [V6]:PORT"
	run --separate-stderr sockfile-send 127.0.0.1 9 "${BATS_TEST_FILENAME%/*}"
	assert_failure 1
	assert_equal "$stderr" "sockfile-send: open ${BATS_TEST_FILENAME%/*}: Is a directory (of which tar(1) makes something to send)"
	local neither="it is neither an address nor the name of a host"
	usage "'::1:40000': $neither; for HOST:PORT an IPv6 address needs brackets, \[V6\]:PORT$" sockecho-client ::1:40000 hello
	usage "'1.2.3.999': $neither" sockecho-client 1.2.3.999 7
	usage "'::1::2': $neither" sockecho-client ::1::2 7
	usage "'10.9.0.2%lo': $neither" sockecho-client 10.9.0.2%lo 7
	usage "'10.9.0.2%lo': $neither" sockecho-server 10.9.0.2%lo 0
	usage "'a b': $neither" sockfile-send 'a b' 7 "$BATS_TEST_FILENAME"
	usage "'a..b': a label of the name is empty" sockecho-client a..b 7
	usage "'fe80::1%nosuch': its zone is no interface of this machine" hostlookup -6 fe80::1%nosuch
	usage "'::g' is no IPv6 address" sockecho-client '[::g]:7'
	usage "'127.0.0.1' is no IPv6 address" sockecho-client '[127.0.0.1]' 7
	usage "::1 is no IPv4 address" sockecho-client -4 ::1 7
	usage "127.0.0.1 is no IPv6 address" sockecho-server -6 127.0.0.1 0
	usage "with --unix there is one operand" sockecho-server -U a b
	usage "PATH is empty" sockecho-server -U ''
	usage "'localhost' is no address \(--numeric\)" sockecho-client -n localhost 7
	usage "'echo' is no PORT: .*\(--numeric\)" sockecho-server -n echo
}

@test "the forms of an IPv6 address" {
	need_ipv6
	start_server sockecho-server '[::1]' 0
	for operands in "::1 $port" "[::1] $port" "[::1]:$port" "0:0::1 $port"; do
		run --separate-stderr sockecho-client $operands hello
		assert_output hello
	done
}

@test "the forms of an address" {
	start_server sockecho-server 127.0.0.1:0
	for operands in "127.0.0.1 $port" "127.0.0.1:$port" "127.1 $port" "-n 0x7f.1:$port" "localhost:$port"; do
		run --separate-stderr sockecho-client -4 $operands hello
		assert_output hello
	done
}

@test "options may stand after operands; -- ends them" {
	start_server sockecho-server 0 --upper
	run --separate-stderr sockecho-client "$host" -t 5 "$port" -4 -- -v x
	assert_success
	assert_equal "$output" $'-V\nX'
	run --separate-stderr sockecho-server -w 0.1 -- 127.0.0.1 0
	assert_failure 124
	usage "'-1' is no PORT" sockecho-server -- -1
	usage "too many operands" sockecho-server -- a b c
	run --separate-stderr sockecho-client "$host:$port" --timeo=5 hello --
	assert_equal "$output" $'HELLO\n--'
}

@test "SECONDS: what is refused" {
	# They are all read in one place: tests/unit/test_values has more of what is refused.
	for value in '' 1x nOne; do
		usage "option '--timeout' takes SECONDS \(.*; or none\), not '" sockecho-server --timeout="$value" 0
	done
	usage "option '--wait' takes SECONDS" sockecho-client --wait=-1 localhost 7
	usage "option '--max-time' takes SECONDS" sockecho-server -w 1x 0
	usage "option '--accept-timeout' takes SECONDS" sockecho-server --accept-timeout 1e3 0
	usage "option '--connect-timeout' takes SECONDS" sockecho-client --connect-timeout +1 h 7
	usage "option '--delay' takes SECONDS" sockecho-server --delay '' 0
	usage "option '--delay' takes SECONDS" sockecho-server --delay none 0
	usage "option '--interval' takes SECONDS" sockecho-client --ping -i -1 h 7
	usage "option '--duration' takes SECONDS" sockecho-client --ping --duration x h 7
}

@test "SIZE and numbers: what is refused" {
	usage "option '--bufsize' takes a SIZE" sockecho-server --bufsize=1KB 0
	usage "option '--limit-rate' takes a SIZE" sockecho-server --limit-rate=-1 0
	usage "option '--close-after' takes a SIZE" sockecho-server --close-after=1KB 0
	usage "option '--reset-after' takes a SIZE" sockecho-server --reset-after= 0
	usage "option '--size' takes a SIZE" sockecho-client --ping --size=1x h 7
	usage "option '--bufsize' takes a SIZE of 1 to" sockecho-server --bufsize 0 0
	usage "option '--limit-rate' takes a SIZE of 1 to" sockecho-server --limit-rate 0 0
	usage "option '--connections' takes a whole number" sockecho-server --connections=x 0
	usage "option '--fd' takes a" sockecho-server --fd=x
	usage "option '--max-clients' takes a whole number" sockecho-server --max-clients=-1 0
	usage "option '--reset-first' takes a whole number" sockecho-server --reset-first=x 0
	usage "option '--rate' takes a whole number" sockecho-server -u --rate=1x 0
	usage "option '--seed' takes a whole number" sockecho-server -u --drop 1 --seed=-1 0
	usage "option '--count' takes a whole number" sockecho-client --ping --count= h 7
	usage "option '--clients' takes a whole number" sockecho-client --ping --clients=+1 h 7
	usage "option '--ready-fd' takes a" sockecho-server --ready-fd=x 0
	usage "option '--connections' takes a whole number" sockecho-server -c 0 0
	usage "option '--backlog' takes a whole number" sockecho-server --backlog x 0
	usage "option '--drop' takes a PERCENT from 0 to 100" sockecho-server -u --drop=5% 0
	usage "option '--ready-fd' takes a descriptor that is open, which 77 is not" sockecho-server --ready-fd 77 0
	usage "option '--fd' takes a descriptor that is open, which 77 is not" sockecho-server --fd 77
	usage "descriptor 0 is no socket" sockecho-server --fd 0
	usage "option '--expect' takes any, echo or upper, not 'lower'" sockecho-client --expect lower h 7
	for value in x localhost:7 1.2.3.4:70000 1.2.3.4:http 1.2.3.4: 1.2.3.4:@file ''; do
		usage "option '--source' takes an address of this machine, ADDR\[:PORT\], not '$value'" sockecho-client --source "$value" h 7
	done
	usage "option '--source': 'x' is no IPv6 address" sockecho-client --source '[x]:7' h 7
}

@test "flags that mean nothing in the mode" {
	usage "option '--count' goes with --ping" sockecho-client -c 1 localhost 7
	usage "option '--interval' goes with --ping" sockecho-client -i 1 localhost 7
	usage "option '--size' goes with --ping" sockecho-client -s 1 localhost 7
	usage "option '--duration' goes with --ping" sockecho-client --duration 1 localhost 7
	usage "option '--clients' goes with --ping" sockecho-client --clients 1 localhost 7
	usage "option '--histogram' goes with --ping" sockecho-client --histogram localhost 7
	usage "option '--alpha' is about the prompt" sockecho-client --alpha localhost 7 hello
	usage "option '--expect' does not go with --connect-only" sockecho-client --expect echo --connect-only localhost 7
	usage "option '--nagle' does not go with --connect-only" sockecho-client --nagle --connect-only localhost 7
	usage "option '--keepalive' does not go with --connect-only" sockecho-client --keepalive=9 --connect-only localhost 7
	usage "option '--ex' does not go with --all" hostlookup --ex --all localhost
	usage "--connect-only does not go with --udp" sockecho-client -u --connect-only localhost 7
	usage "--ping and --connect-only exclude each other" sockecho-client --ping --connect-only localhost 7
	usage "with --ping there are no MESSAGEs" sockecho-client --ping localhost 7 hello
	usage "option '--bufsize' is about messages and streams" sockecho-client -u --bufsize 1 localhost 7
	usage "option '--keepalive' is about streams: it does not go with --udp" sockecho-client -u --keepalive localhost 7
	usage "option '--nagle' does not go with a UNIX path" sockecho-client --nagle -U path
	usage "option '--mptcp' is about streams: it does not go with --udp" sockecho-client -u --mptcp localhost 7
	usage "option '--source' does not go with a UNIX path" sockecho-client --source 127.0.0.1 -U path
	for port in x 65536 ""; do
		usage "option '--source' takes an address of this machine, ADDR\[:PORT\], not '127.0.0.1:$port'" \
			sockecho-client --source "127.0.0.1:$port" localhost 7
	done
	usage "option '--numeric' does not go with a UNIX path" sockecho-client -n -U path
	usage "option '--size' takes at least 16 bytes with --udp" sockecho-client -u --ping -s 15 localhost 7
	usage "option '--size' takes at most 65507 bytes with --udp" sockecho-client -u --ping -s 65508 localhost 7
	usage "--ipv4 and --ipv6 exclude each other" sockecho-client -4 -6 localhost 7
	usage "option '--allow' does not go with a UNIX path" sockecho-server --allow 127.0.0.1 -U path
	usage "option '--deny' does not go with a UNIX path" sockecho-server --deny 127.0.0.1 -U path
	usage "option '--backlog' is about connections: it does not go with --udp" sockecho-server -u --backlog 1 0
	usage "option '--timeout' is about connections" sockecho-server -u -t 1 0
	usage "option '--max-clients' is about connections" sockecho-server -u --max-clients 1 0
	usage "option '--limit-rate' is about connections" sockecho-server -u --limit-rate 1 0
	usage "option '--close-after' is about connections" sockecho-server -u --close-after 1 0
	usage "option '--reset-after' does not go with a UNIX path" sockecho-server -U --reset-after 1 path
	usage "option '--reset-first' is about connections: it does not go with --udp" sockecho-server -u --reset-first 1 0
	usage "option '--faults' is about connections" sockecho-server -u --faults plan 0
	usage "--faults - reads standard input, which is the socket" "${connected[@]/dup2(s.fileno(), 9)/dup2(s.fileno(), 0)}" sockecho-server --fd 0 --faults -
	for flag in delay limit-rate close-after reset-after reset-first; do
		usage "--faults and --$flag exclude each other" sockecho-server --faults plan --$flag 1 0
	done
	usage "option '--drop' is about datagrams" sockecho-server --drop 1 0
	usage "option '--seed' is about datagrams" sockecho-server --seed 1 0
	usage "option '--seed' goes with --drop" sockecho-server -u --seed 1 0
	usage "option '--rate' is about datagrams: it goes with --udp" sockecho-server --rate 1 0
	usage "option '--allow-reserved' is about datagrams: it goes with --udp" sockecho-server --allow-reserved 0
	usage "option '--reuseport' does not go with a UNIX path" sockecho-server --reuseport -U path
	usage "--close-after and --reset-after exclude each other" sockecho-server --close-after 1 --reset-after 1 0
	usage "with --fd there is no HOST, PORT or PATH" sockecho-client localhost --fd 0
	usage "option '--wait' means nothing: the socket is open already" "${connected[@]}" sockecho-client --fd 9 --wait 1
}

@test "the socket of --fd has in messages the number that was given" {
	script=${connected[2]/socketpair()/socket(), None}
	unbound=(python3 -c "${script/fileno(), 9/fileno(), 0}")
	for command in "sockecho-server -u" "sockecho-client -u"; do
		# shellcheck disable=SC2086 # words are meant
		usage "descriptor 0 is no datagram socket: leave --udp out" "${unbound[@]}" $command --fd 0
	done
	usage "descriptor 0 is no UNIX socket: leave --unix out" "${unbound[@]}" sockfile-recv -U --fd 0 copy
	for command in "sockecho-server --fd 0" "sockfile-send --listen --fd 0 $0"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr "${unbound[@]}" $command
		assert_failure 1
		assert_equal "$stderr" "${command%% *}: use descriptor 0: the socket neither listens nor is connected"
	done
	run --separate-stderr "${unbound[@]}" sockecho-client --fd 0 hello
	assert_failure 1
	assert_equal "$stderr" "sockecho-client: use descriptor 0 as a connection: Transport endpoint is not connected"
}

@test "with --json a usage error is a record too" {
	need jq
	run --separate-stderr sockecho-client --ping --json
	assert_failure 2
	assert_equal "$(jq -r '.program, .error.code, .error.errno' <<<"$output")" $'sockecho-client\ninvalid\nnull'
	run --separate-stderr sockecho-client --foo --json
	assert_failure 2
	assert_equal "$(jq -r '.error.message' <<<"$output")" "unknown option '--foo'"
	# What follows the mistake counts, in any form; what is a value or a MESSAGE does not.
	for options in -qJ --js "-4t 5 -J" "127.0.0.1 9 -J"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr sockecho-client --foo $options
		assert_failure 2
		assert_equal "$(jq -r '.error.message' <<<"$output")" "unknown option '--foo'"
		[[ $stderr == *"unknown option"* ]] || fail "$options: $stderr"
	done
	for options in -qqJ "-Jq -q"; do
		# shellcheck disable=SC2086
		run --separate-stderr sockecho-client -t x $options
		assert_failure 2
		assert_equal "$(jq -r '.error.code' <<<"$output")" invalid
		assert_equal "$stderr" ""
	done
	for options in "-t -J" "-- -J" "127.0.0.1 9 x -J"; do
		# shellcheck disable=SC2086
		usage "unknown option '--foo'" sockecho-client --foo $options
	done
}

@test "-qq with --json: the record of an error alone; without --json it is -q" {
	need jq
	commands=("sockecho-client 127.0.0.1 1 hi" "sockwait -t 0 127.0.0.1:1" "servlookup nosuchservice"
		"hostlookup -a 1.2.3.4.5.6.7.example.invalid" "sockfile-send -U nosuch /etc/passwd" "sockfile-recv --nonsense"
		"sockecho-server --port-file /nosuch/file 0" "servlookup nosuchservice alsonot")
	for command in "${commands[@]}"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr timeout 20 ${command/ / -q -q --json }
		[ "$status" != 0 ] || fail "$command succeeds"
		assert_equal "$stderr" ""
		jq -es 'length >= 1 and all(.error.code)' <<<"$output" >/dev/null || fail "$command: $output"
		# shellcheck disable=SC2086
		run --separate-stderr timeout 20 ${command/ / -qq }
		assert_output ""
		[[ $stderr == "${command%% *}: "* ]] || fail "$command: $stderr"
	done
	# Where records go to standard error, nothing else does.
	run --separate-stderr sockfile-recv --connect -qqJ 127.0.0.1 1 -
	assert_failure 6
	assert_output ""
	assert_equal "$(jq -r .error.code <<<"$stderr")" no_peer
	# A record that cannot be written is no substitute.
	run bash -c "sockecho-client -qqJ 127.0.0.1 1 x >/dev/full"
	assert_line "sockecho-client: connect to 127.0.0.1 port 1: Connection refused"
	run bash -c "servlookup -qqJ nosuchservice >/dev/full"
	assert_failure
	assert_output --partial "write to standard output: No space left on device"
}

@test "what a person or a file says reaches a message escaped" {
	run --separate-stderr sockecho-client -U $'a\x1b[31mb\nc'
	assert_failure 6
	assert_equal "$stderr" 'sockecho-client: connect to a\x1b[31mb\nc: No such file or directory'
}

@test "a link-local address without a zone, or with one that is no interface, is told so by every program" {
	for address in fe80::1 ff02::1; do
		zone="$address is a link-local address, which needs a zone: $address%INTERFACE"
		usage "$zone" sockecho-client "$address" 9 hi
		usage "$zone" sockecho-client -u "[$address]:9" hi
		usage "option '--source': $zone" sockecho-client --source "$address" ::1 9 hi
		usage "$zone" sockecho-server -w 5 "$address" 0
		usage "$zone" sockecho-server -w 5 -u "[$address]:0"
		usage "$zone" sockfile-send "$address" 9 /etc/passwd
		usage "$zone" sockfile-send -w 5 --listen "$address" 9 /etc/passwd
		usage "$zone" sockfile-recv -w 5 "$address" 0 -
		usage "$zone" sockfile-recv --connect "$address" 9 -
		usage "$zone" sockwait "[$address]:9"
	done
	for interface in nosuch 4294967295; do
		zone="'$interface' is no interface of this machine, and so no zone of fe80::1"
		usage "$zone" sockecho-client "fe80::1%$interface" 9 hi
		usage "$zone" sockecho-client -u "[fe80::1%$interface]:9" hi
		usage "$zone" sockecho-server -w 5 "fe80::1%$interface" 0
		usage "$zone" sockfile-send "fe80::1%$interface" 9 /etc/passwd
		usage "$zone" sockwait "[fe80::1%$interface]:9"
	done
	# One with its zone is tried.
	[ -e /sys/class/net/lo ] || skip "no interface lo"
	run timeout 20 sockecho-client -w 1 fe80::1%lo 9 hi
	[ "$status" != 2 ] || fail "$output"
}

@test "an empty FILE is a usage error for every option that takes one" {
	empty() {
		usage "option '--$2' takes a ${3-FILE}, and it is empty" "$1" "--$2" "" "${@:4}"
	}
	empty sockecho-server faults
	empty sockecho-server port-file
	empty sockecho-server pidfile
	empty sockfile-send key
	empty sockfile-send port-file
	empty sockfile-recv key
	empty sockfile-recv dir directory
	empty hostlookup file
	empty servlookup file
	empty servlookup services
}

@test "- is no FILE to write to, and ./- is one" {
	mkdir "$BATS_TEST_TMPDIR/files"
	cd "$BATS_TEST_TMPDIR/files"
	for program in "sockecho-server 0" "sockfile-recv 0 copy" "sockfile-send --listen 0 -"; do
		# shellcheck disable=SC2086 # words are meant
		for option in log port-file; do
			usage "option '--$option' takes a FILE, not '-': without it .+ \(\./- is a file of that name\)" $program "--$option" -
		done
	done
	usage "option '--pidfile' takes a FILE, not '-': " sockecho-server --pidfile=- 0
	run timeout 10 sockecho-server -w 0 --log ./- 0
	assert_failure 124
	assert_equal "$(ls)" -
}

@test "one FILE for two options, or for an option and an operand, by whatever name" {
	mkdir "$BATS_TEST_TMPDIR/files"
	cd "$BATS_TEST_TMPDIR/files"
	mkdir d
	ln -s d e
	ln -s ../file d/link
	echo ok >there
	ln there again
	same() {
		local which=$1
		shift
		usage "$which are the same file" "$@"
	}
	same "--port-file 'x' and --pidfile 'x'" sockecho-server --port-file x --pidfile x 0
	same "--port-file './x' and --log 'x'" sockecho-server --log x --port-file ./x 0
	same "--port-file 'nosuch/x' and --log 'nosuch/x'" sockecho-server --log nosuch/x --port-file nosuch/x 0
	same "--log 'd/x' and --pidfile 'e/../e/x'" sockecho-server --log d/x --pidfile e/../e/x 0
	same "--log 'd/link' and --pidfile 'file'" sockecho-server --log d/link --pidfile file 0
	same "--log 'there' and --faults 'again'" sockecho-server --log there --faults again 0
	same "--port-file 'x' and PATH './x'" sockecho-server --port-file x -U ./x
	same "--log 'x' and FILE './x'" sockfile-recv --log x 0 ./x
	same "--port-file './x\.part' and FILE\.part 'x\.part'" sockfile-recv --port-file ./x.part 0 x
	same "--log 'there' and --key 'there'" sockfile-recv --log there --key there 0 x
	same "PATH 'x' and FILE 'd/../x'" sockfile-recv -U x d/../x
	same "--log 'again' and FILE 'there'" sockfile-send --listen --log again 0 there
	assert_equal "$(echo *)" "again d e there"
	assert_equal "$(cat there)" ok
	# What is none is not compared, nor a device; an abstract name is no file.
	for command in "sockfile-recv --log /dev/null 0 /dev/null" "sockfile-recv --log x -U @x -" \
		"sockecho-server --log x --port-file y --pidfile d/x 0" "sockecho-server --faults there --log x --port-file x.part -U y"; do
		# shellcheck disable=SC2086 # words are meant
		run timeout 10 $command -w 0
		assert_equal "$command $status" "$command 124"
	done
}

@test "'*' is nothing to connect to" {
	every="'\*' is every address, to listen on; to connect, give one HOST"
	usage "$every" sockecho-client '*' 9 hi
	usage "$every" sockecho-client -u '*:9' hi
	usage "$every" sockecho-client --ping --wait 5 '*:9'
	usage "$every" sockfile-send '*:9' /etc/passwd
	usage "$every" sockfile-recv --connect '*' 9 -
	usage "$every" sockwait '*:9'
}

@test "@FILE is a PORT, and a HOST is missing before it" {
	usage "a HOST is missing before '@port', which is a PORT: give HOST PORT or HOST:PORT" sockecho-client @port hi
	usage "a HOST is missing before '@port'" sockfile-send @port /etc/passwd
	usage "a HOST is missing before '@port'" sockfile-recv --connect @port -
}

@test "a PORT with a blank in it is no name of a service" {
	for port in '80 ' ' 80' $'80\t' $'\t80' $'80\n' '8 0'; do
		usage "'.*' is no PORT: a number from 1 to 65535, or the name of a service" sockecho-client 127.0.0.1 "$port" hi
		usage "'.*' is no PORT: a number from 0 to 65535, or the name of a service" sockecho-server -w 5 127.0.0.1 "$port"
	done
}

@test "a MESSAGE that looks like --json is none" {
	start_server sockecho-server 0
	run --separate-stderr sockecho-client "$host" "$port" hello -J --json
	assert_success
	assert_equal "$output" $'hello\n-J\n--json'
}

@test "a misspelt option is answered with the nearest" {
	usage "unknown option '--servces': did you mean --services\?" servlookup --servces x 22
	usage "unknown option '--timout': did you mean --timeout\?" hostlookup --timout=5 x
	usage "unknown option '--jbos': did you mean --jobs\?" hostlookup --jbos 5 x
	usage "unknown option '--xyz'$" hostlookup --xyz
}

@test "what users of other programs type is told what it is here, and taken for no other option" {
	usage "unknown option '-x': -r looks" hostlookup -x 192.0.2.1
	usage "'@192.0.2.1': the system's resolver is asked" hostlookup @192.0.2.1 localhost
	usage "'\+short': this is an option of dig" hostlookup +short localhost
	usage "unknown option '-type=mx': names and addresses are looked up" hostlookup -type=mx localhost
	for type in mx AAAA txt; do
		usage "option '--timeout=$type': -t is the limit of each look-up, and names and addresses are looked up" \
			hostlookup -t "$type" localhost
	done
	usage "unknown option '--port': PORT is an operand" servlookup --port 22
	usage "unknown option '-u': the protocol is --proto udp" servlookup -u 53
	usage "unknown option '--port': PORT is an operand" sockecho-server --port 5000
	usage "unknown option '--port=5000': PORT is an operand" sockfile-recv --port=5000 0 out
	usage "unknown option '-p': PORT is an operand" sockecho-client -p 7 localhost
	usage "unknown option '--host': HOST is an operand" sockecho-client --host localhost 7
	usage "unknown option '--bind': \[HOST\] PORT, the operands" sockecho-server --bind 127.0.0.1 0
	usage "unknown option '--bind': --source says" sockfile-send --bind 127.0.0.1 h 7 f
	usage "unknown option '-l': it listens by itself" sockecho-server -l 0
	usage "unknown option '-l': it listens by itself" sockfile-recv -vl 0 out
	usage "unknown option '-l': --listen waits" sockfile-send -l 0 f
	usage "unknown option '--resume': that is an option of sockfile-recv" sockfile-send --resume localhost 7 f
	usage "unknown option '--count=9': that is an option of sockfile-send" sockfile-recv --count=9 0 out
	usage "unknown option '--bwlimit': --limit-rate is an option of sockfile-send" sockfile-recv --bwlimit 1M 0 out
	usage "unknown option '-u': a file goes over a stream" sockfile-send -u localhost 7 f
	usage "unknown option '--udp': a file comes over a stream" sockfile-recv --udp 0 out
	usage "unknown option '-l': it connects" sockecho-client -l 0
	usage "unknown option '-k': it serves many" sockecho-server -k 0
	usage "unknown option '-z': --connect-only connects" sockecho-client -z localhost 7
	usage "unknown option '-N': that is so by default" sockecho-client -N localhost 7
	usage "unknown option '-r': for a directory" sockfile-send -r dir
	# What the program has is no habit of others.
	run --separate-stderr sockfile-recv --connect -w 5 127.0.0.1 1 out
	assert_failure 6
	run --separate-stderr sockecho-client 127.0.0.1 1 @x +x
	assert_failure 6
}

@test "what users of nc type is told apart in every program" {
	for program in hostlookup servlookup sockecho-client sockecho-server sockfile-send sockfile-recv sockwait; do
		for option in -l -z -k -N -p --port --host --bind; do
			[ "$program $option" != "servlookup -p" ] || continue # the protocol
			usage "unknown option '$option': ." "$program" "$option" 1
		done
	done
}

@test "operands as other programs have them are told apart" {
	usage "'http://localhost:80/' is a URL: give HOST PORT" sockecho-client http://localhost:80/
	usage "'me@localhost:/tmp/x' names a user" sockfile-send me@localhost:/tmp/x "$BATS_TEST_FILENAME"
	usage "'7 localhost' is the wrong way round: give HOST PORT" sockecho-client 7 localhost
	usage "'host:/path' is a place as scp has it: give HOST PORT or HOST:PORT" sockecho-client host:/path
	usage "'5000 127.0.0.1' is the wrong way round: give \[HOST\] PORT" sockecho-server 5000 127.0.0.1
	usage "'TCP-LISTEN:5000' is an address of socat" sockecho-server TCP-LISTEN:5000
	usage "'tcp4:localhost:80' is an address of socat" sockecho-client tcp4:localhost:80
	usage "a PORT is missing after '127.0.0.1'" sockecho-server 127.0.0.1
	usage "a PORT is missing after '::1:7': HOST PORT or \[HOST\]:PORT" sockecho-client ::1:7
	cd "$BATS_TEST_TMPDIR"
	touch afile
	usage "'afile' is a file, and the order is HOST PORT FILE" sockfile-send afile localhost 4000
	usage "'afile' is a file, and the order is HOST PORT FILE" sockfile-send afile localhost:4000
	usage "'afile' is a file, and the order is \[HOST\] PORT FILE" sockfile-recv afile 4000
	# As scp has it, whether FILE is there or not.
	usage "'user@host:/tmp/' names a user, as for scp: give HOST PORT FILE" sockfile-send afile user@host:/tmp/
	usage "'user@host:/tmp/' names a user, as for scp: give HOST PORT FILE" sockfile-send afile afile user@host:/tmp/
	for place in host: host:/tmp/ host:name '[::1]:/tmp'; do
		[[ $place == *name ]] || usage ".* is a place as scp has it: give HOST PORT FILE" sockfile-send nofile "$place"
		usage ".* is a place as scp has it: give HOST PORT FILE" sockfile-send afile "$place"
	done
	usage "'host:file' is a place as scp has it: give HOST PORT FILE" sockfile-send host:file ./
	usage "'host:/tmp/file' is a place as scp has it: give HOST PORT FILE" sockfile-send host:/tmp/file afile
	usage "'http://host/' is a URL: give HOST PORT FILE" sockfile-send afile http://host/
	usage "'user@host:file' names a user, as for scp: give \[HOST\] PORT FILE" sockfile-recv user@host:file
	usage "'host:file' is a place as scp has it: give \[HOST\] PORT FILE" sockfile-recv host:file
	usage "'host:file' is a place as scp has it: give \[HOST\] PORT FILE" sockfile-recv host:file .
	usage "'nofile' is no PORT, and the order is \[HOST\] PORT FILE" sockfile-recv nofile 0
	usage "'nofile' is no PORT, and the order is \[HOST\] PORT FILE" sockfile-recv nofile 127.0.0.1:0
	usage "'127.0.0.1' is no PORT, and the order is \[HOST\] PORT FILE" sockfile-recv nofile 127.0.0.1 0
	usage "'localhost' is no PORT, and the order is HOST PORT FILE" sockfile-send nofile localhost 80
	# What only looks so.
	usage "a FILE is missing behind 'fe80::a'" sockfile-recv fe80::a
	usage "a FILE is missing behind 'localhost:http'" sockfile-recv localhost:http
	run --separate-stderr sockfile-send 127.0.0.1 1 host:/tmp
	assert_failure 1
	run --separate-stderr sockfile-recv -w 0.1 0 host:name
	assert_failure 124
	# The '@' of @FILE is not that of a user.
	run --separate-stderr sockecho-client 127.0.0.1:@nofile
	assert_failure 6
	# A service by its name, and a FILE that is called as a port.
	touch http 4000
	run --separate-stderr sockfile-send --listen -w 0.1 -c 1 http 4000
	[ "$status" != 2 ]
}

@test "what a usage error quotes of an operand is cut at 60 characters, and escaped" {
	usage "too many operands: '$(printf 'x%.0s' {1..60})\.\.\.'$" hostlookup --hostname "$(printf 'x%.0s' {1..61})"
	usage "a PORT is missing after '$(printf 'é%.0s' {1..60})\.\.\.':" sockecho-client "$(printf 'é%.0s' {1..70})"
	usage "too many operands: '$(printf 'x%.0s' {1..60})'$" hostlookup --hostname "$(printf 'x%.0s' {1..60})"
	usage "unknown option '--$(printf 'x%.0s' {1..60})\.\.\.'$" hostlookup "--$(printf 'x%.0s' {1..61})=y"
	usage "option '--jobs' takes a whole number from 1 to 4096, not '\\\\x1b'" hostlookup --jobs $'\x1b' x
}

@test "records say exactly what was asked and what came, without a control character" {
	printf 'http 80/tcp \xc2\x9b3m\x7f \xff\n' >"$BATS_TEST_TMPDIR/services"
	run --separate-stderr servlookup --services "$BATS_TEST_TMPDIR/services" --json 80
	assert_success
	assert_output --partial '"aliases":["\u009b3m\u007f","\\xff"]'
	# Two that differ stay two.
	run --separate-stderr hostlookup --json $'tab\there' 'tab\there'
	assert_failure 2
	assert_equal "$(jq -r .query <<<"$output")" $'tab\there\ntab\\there'
	start_server sockecho-server 0
	run --separate-stderr sockecho-client --json "$host" "$port" $'\xc2\x9b3 1mX\x7f\xc2\xa0'
	assert_success
	assert_output --partial '"text":"\u009b3 1mX\u007f'$'\xc2\xa0"'
	stop_server
}

@test "the path or host on which something was tried is shown whole, however long" {
	local path host options
	path=$(printf 'd%.0s' {1..200})
	path=$(printf "$path/%.0s" {1..14})end
	host=$(printf 'name.%.0s' {1..49})end # the longest name has 253 bytes
	for options in "sockfile-send 127.0.0.1 1 $path" "sockfile-send --verify 127.0.0.1 1 $path" "sockfile-recv 0 $path" \
		"sockfile-recv --verify 0 $path" "sockecho-server --port-file $path 0" "sockecho-client 127.0.0.1 @$path x" \
		"sockfile-recv --connect 127.0.0.1 @$path out" "sockwait -t 5 127.0.0.1:@$path" "sockecho-client $host 1 x" \
		"sockfile-send --wait 0.1 127.0.0.1 @$path in" "sockecho-client --wait 0.1 $host 1 x"; do
		# shellcheck disable=SC2086 # words are meant
		run --separate-stderr timeout 20 $options
		[ "$status" -ne 0 ]
		[[ ${stderr_lines[-1]} == *end": "* ]] || fail "${options:0:30}: $stderr"
	done
}

@test "a message of any length has its end" {
	local directory n
	directory=$(printf '%0200d/' 1 2 3 4)
	for n in $(seq 100 180); do
		run sockfile-send 127.0.0.1 1 "$directory$(printf "%0${n}d" 1)"
		assert_failure 1
		[[ $output == *": No such file or directory" ]] || fail "$n: $output"
	done
}
