#!/usr/bin/env bats
# servlookup.bats - services, beside Python's socket and getent.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
	cat >services <<-'S'
		# a small one
		tcpmux		1/tcp
		echo		7/tcp
		echo		7/udp
		ftp		21/tcp
		ssh		22/tcp		# the shell
		domain		53/tcp		nameserver
		domain		53/udp		nameserver
		http		80/tcp		www www-http
		shell		514/tcp		cmd
		syslog		514/udp
		broken
		broken2		x/tcp
		broken3		70000000000/tcp
		last		60000/sctp
	S
}

@test "a number is getservbyport, anything else getservbyname" {
	for pair in "22 ssh" "www 80" "http 80" "7 echo" "514/udp syslog" "domain/udp 53" "60000 last" "last/sctp 60000"; do
		run --separate-stderr servlookup --services services "${pair% *}"
		assert_success
		assert_output "${pair#* }"
	done
	run --separate-stderr servlookup --services services -p udp 514
	assert_output syslog
	run --separate-stderr servlookup --services services -p udp ssh
	assert_failure 3
	assert_equal "$stderr" "servlookup: look up ssh: no such service: did you mean ssh/tcp?"
	run --separate-stderr servlookup --services services 22-23/udp
	assert_failure 3
	assert_equal "$stderr" "servlookup: look up 22-23/udp: no such service: did you mean 22-23/tcp?"
	run --separate-stderr servlookup --services services nosuch/udp
	assert_failure 3
	assert_equal "$stderr" "servlookup: look up nosuch/udp: no such service"
}

@test "a service that has a name more than once is printed once" {
	printf 'foo 1/tcp foo\nbar 2/tcp baz baz\nbaz 3/udp\n' >twice
	run --separate-stderr timeout 20 servlookup --services twice --all foo baz
	assert_success
	assert_output $'foo\t1/tcp\nbaz\t2/tcp\t3/udp'
}

@test "--ex, --all, ranges and the whole table" {
	run --separate-stderr servlookup --services services -e www
	assert_output $'name: http\nalias: www\nalias: www-http\nport: 80\nproto: tcp'
	run --separate-stderr servlookup --services services -a 514
	assert_output $'shell/tcp\tsyslog/udp'
	run --separate-stderr servlookup --services services -a domain
	assert_output $'53/tcp\t53/udp'
	run --separate-stderr servlookup --services services 20-60
	assert_output $'21\tftp\n22\tssh\n53\tdomain'
	run --separate-stderr servlookup --services services 20-60/udp
	assert_output $'53\tdomain'
	run --separate-stderr servlookup --services services 100-200
	assert_failure 3
	run --separate-stderr servlookup --services services -a
	assert_equal "${#lines[@]}" 11
	assert_line $'http\t80/tcp\twww\twww-http'
}

@test "every service of the system both ways, as Python's socket and getent have it" {
	[ -e /etc/services ] || skip "there is no services database here"
	python3 - >theirs <<-'PY'
		import socket
		for port in range(65536):
		    try:
		        print("%d\t%s" % (port, socket.getservbyport(port)))
		    except OSError:
		        pass
	PY
	seq 0 65535 | servlookup -f - 2>/dev/null >ours || [ $? = 3 ]
	diff ours theirs
	cut -f2 theirs | sort -u >names
	servlookup -f names >ours
	while read -r name; do
		printf '%s\t' "$name"
		getent services "$name" | sed -E 's#^[^ ]+ +([0-9]+)/.*#\1#'
	done <names >theirs
	diff ours theirs
	run --separate-stderr servlookup -a
	assert_equal "${#lines[@]}" "$(getent services | wc -l)"
}

@test "several queries, --file and --json" {
	run --separate-stderr servlookup --services services 22 nosuch http
	assert_failure 3
	assert_output $'22\tssh\nhttp\t80'
	assert_equal "$stderr" "servlookup: look up nosuch: no such service"
	printf '# list\n\n 22 \n70000\nftp/tcp\n' >list
	run --separate-stderr servlookup --services services -f list
	assert_failure 2
	assert_output $'22\tssh\nftp/tcp\t21'
	assert_equal "$stderr" "servlookup: look up 70000: a port is a number from 0 to 65535"
	run --separate-stderr servlookup --services services --json 80
	assert_equal "$(jq -r '.query, .name, .aliases[1], .port, .proto, .source' <<<"$output")" \
		$'80\nhttp\nwww-http\n80\ntcp\nservices'
	run --separate-stderr servlookup --services services --json -a domain nosuch
	assert_failure 3
	assert_equal "$(jq -r '.proto // .error.code' <<<"$output")" $'tcp\nudp\nnot_found'
}

@test "bulk: each --file is read, in order" {
	printf '\xef\xbb\xbf22' >first
	printf 'http\n' >second
	run --separate-stderr servlookup --services services -f first -f second 7
	assert_success
	assert_output $'7\techo\n22\tssh\nhttp\t80'
}

@test "bulk: each answer comes before the next line is waited for" {
	mkfifo in
	servlookup --services services -f - <in >out 3>&- &
	pids+=($!)
	exec {writer}>in
	echo 22 >&"$writer"
	until_true 20 grep -qx $'22\tssh' out
	printf 80 >&"$writer"
	printf '\nwww' >&"$writer"
	until_true 20 grep -qx $'80\thttp' out
	exec {writer}>&-
	wait_for "${pids[0]}"
	assert_equal "$waited_status" 0
	assert_equal "$(tail -n 1 out)" $'www\t80'
}

@test "bulk: a standard output that nobody reads any more is the end" {
	run --separate-stderr timeout 20 bash -c 'set -o pipefail; yes 80 | servlookup --services services -f - | head -n 1'
	assert_failure 1
	assert_output $'80\thttp'
	assert_equal "$stderr" "servlookup: write to standard output: Broken pipe"
}

@test "bulk: a FIFO is at its end when its last writer has left, however early" {
	mkfifo in
	for text in "" "22"; do
		printf %s "$text" >in 3>&- &
		pids+=($!)
		run timeout 20 servlookup --services services -f - <in
		assert_success
		assert_output "${text:+22$'\t'ssh}"
		printf %s "$text" >in 3>&- &
		pids+=($!)
		run timeout 20 servlookup --services services -f in
		assert_success
		assert_output "${text:+22$'\t'ssh}"
	done
}

# times_out - the limit passes once the first query was answered.
times_out() {
	echo 22 >&"$writer"
	run --separate-stderr servlookup -w 0.2 --services services -f in
	[[ "$status $output" == $'124 22\tssh'* ]] &&
		[ "$stderr" = "servlookup: look up the rest of in: timed out (--max-time)" ]
}

@test "--max-time: what was answered is printed, and the rest is one message" {
	mkfifo in
	exec {writer}<>in
	in_three_tries times_out
	exec {writer}>&-
	run --separate-stderr servlookup -w 0 --services services 22
	assert_failure 124
	assert_equal "$stderr" "servlookup: read services: timed out (--max-time)"
}

@test "without a services database the built-in table answers, here and for the others" {
	need_namespaces -nm
	"${in_namespaces[@]}" bash -euc '
		ip link set lo up
		mkdir etc; cp /etc/passwd /etc/group etc/; echo "127.0.0.1 localhost" >etc/hosts
		printf "services: files\nhosts: files\npasswd: files\n" >etc/nsswitch.conf
		mount --bind etc /etc
		servlookup ssh https 53 www 5432
		servlookup -v ssh 2>&1 >/dev/null
		servlookup --json 443 | jq -r .source
		servlookup -a | wc -l
		rc=0; sockecho-client -t 2 127.0.0.1 http x 2>&1 || rc=$?; echo $rc
	' >out
	run head -n 7 out
	assert_output $'ssh\t22\nhttps\t443\n53\tdomain\nwww\t80\n5432\tpostgresql\nservlookup: ssh: from built-in\nbuilt-in'
	(($(sed -n 8p out) >= 100))
	assert_equal "$(tail -n 2 out)" $'sockecho-client: connect to 127.0.0.1 port 80: Connection refused\n6'
}

@test "a services database that may not be read is no database without the service: 1" {
	need_namespaces -nm
	need setpriv
	"${in_namespaces[@]}" bash -euc '
		printf "services: files\n" >nsswitch; echo "ssh 22/tcp" >services; chmod 600 services
		mount --bind nsswitch /etc/nsswitch.conf
		mount --bind services /etc/services
		chmod 711 . ..
		exec 9>out
		for command in "servlookup ssh" "sockecho-client 127.0.0.1 ssh x" "sockecho-server ssh" "sockwait -t 1 127.0.0.1:ssh"; do
			rc=0; setpriv --reuid 65534 --regid 65534 --clear-groups $command 2>&1 >/dev/null || rc=$?; echo $rc
		done
	' >out
	run cat out
	assert_output $'servlookup: open /etc/services: Permission denied\n1
sockecho-client: look up service ssh: Permission denied\n1
sockecho-server: look up service ssh: Permission denied\n1
sockwait: look up service ssh: Permission denied\n1'
}

@test "bulk reads the database once" {
	need_trace
	seq 1 500 >list
	trace -f -o trace -e trace=openat servlookup -f list >/dev/null 2>&1 || true
	run grep -c /services trace
	assert_output 1
}

@test "names of services and protocols that differ in case alone get a hint" {
	while read -r query meant; do
		for more in "" 22; do
			run --separate-stderr servlookup --services services $query $more
			assert_failure 3
			assert_equal "$stderr" "servlookup: look up ${query##* }: no such service: did you mean $meant?"
		done
	done <<-'END'
		HTTP http
		Www-HTTP www-http
		HTTP/tcp http/tcp
		80/TCP 80/tcp
		HTTP/TCP http/tcp
		20-25/Tcp 20-25/tcp
	END
	run --separate-stderr servlookup --services services -p UDP 514
	assert_failure 3
	assert_equal "$stderr" "servlookup: look up 514: no such service: did you mean 514/udp?"
	run --separate-stderr servlookup --services services HTTP/udp
	assert_failure 3
	assert_equal "$stderr" "servlookup: look up HTTP/udp: no such service"
	run --separate-stderr servlookup --services services --all -p UDP
	assert_failure 3
	assert_equal "$stderr" "servlookup: look up protocol UDP: no service has it; did you mean udp?"
	run --separate-stderr servlookup --services services --all -p ddp
	assert_failure 3
	assert_output ""
	assert_equal "$stderr" "servlookup: look up protocol ddp: no service has it"
	run --separate-stderr servlookup --services /dev/null --all
	assert_success
	assert_output ""
	[ -e /etc/services ] || return 0
	run --separate-stderr servlookup HTTP
	assert_failure 3
	assert_equal "$stderr" "servlookup: look up HTTP: no such service: did you mean http?"
}

@test "--services reads a file as the system reads its own" {
	need_namespaces -m
	{
		printf '\xef\xbb\xbf' # which the system takes for a part of the name
		cat <<-'S'
			marked 1/tcp
			octal 010/tcp
			hex 0x50/tcp
			none 81
			none2 82/
			none3 83/ an-alias
			slashes 84//tcp also
			  indented	85/tcp	x # y z
			x86 86/udp#comment
			08 08/tcp
			short
			blank 87 tcp
			late 88 /tcp
			word x/tcp
			bad 89x/tcp
			empty /tcp
			plus +99/tcp
			minus -18446744073709551515/tcp
			wraps 70000/tcp
			all 4294967295/tcp
			over 4294967296/tcp
		S
		printf 'feed 90/tcp\fa\vb\r\n'
		printf 'many 97/tcp'
		printf ' al%d' {0..2000}
		printf '\nlast 98/tcp'
	} >marked
	tail -c +4 marked >plain
	"${in_namespaces[@]}" bash -euc '
		printf "services: files\n" >nsswitch
		mount --bind nsswitch /etc/nsswitch.conf
		mount --bind plain /etc/services
		servlookup -a >system
		getent services | wc -l'  >count
	servlookup --services marked -a >ours
	diff system ours
	assert_equal "$(wc -l <ours)" "$(cat count)"
	run --separate-stderr servlookup --services marked octal hex al2000 none last 84
	assert_output $'octal\t8\nhex\t80\nal2000\t97\nnone\t81\nlast\t98\n84\tslashes'
	printf '\xff\xfeh\0' >utf16
	run --separate-stderr servlookup --services utf16 80
	assert_failure 2
	assert_equal "$stderr" "servlookup: read utf16: it is UTF-16, not UTF-8"
}

@test "a database that the C library cannot list is read as a file" {
	need_namespaces -m
	"${in_namespaces[@]}" bash -euc '
		printf "services: nosuchsource\n" >nsswitch
		mount --bind nsswitch /etc/nsswitch.conf
		mount --bind services /etc/services
		servlookup 20-25
		servlookup -a | wc -l
		servlookup ssh 80' >out
	assert_equal "$(cat out)" $'21\tftp\n22\tssh\n11\nssh\t22\n80\thttp'
}

@test "bad input: one clear line, its status, the rest served" {
	for query in 65536 99999999999 -1 +5 '' /tcp 22/ 30-20 20-70000 80- 20-30-40 80/tcp/udp 0x50 0X50 22,80 http,https \
		'80 ' 'http ssh' $'80\t' '53/udp # c' / // '*' tcp/80 http://host/; do
		run --separate-stderr servlookup --services services -- "$query"
		assert_failure 2
		assert_output ""
		assert_equal "${#stderr_lines[@]}" 2
	done
	run --separate-stderr servlookup tcp/80
	assert_equal "${stderr_lines[0]}" "servlookup: 'tcp/80': the port comes before the protocol: PORT/PROTO"
	run --separate-stderr servlookup 80/53
	assert_equal "${stderr_lines[0]}" "servlookup: '80/53': after '/' there is the name of a protocol"
	run --separate-stderr servlookup http://host/
	assert_equal "${stderr_lines[0]}" "servlookup: 'http://host/': it is a URL (give the word before \"://\")"
	run --separate-stderr servlookup
	assert_failure 2
	run --separate-stderr servlookup -e 22 80
	assert_failure 2
	run --separate-stderr servlookup -e -a 22
	assert_failure 2
	run --separate-stderr servlookup -p '' 22
	assert_failure 2
	run --separate-stderr servlookup -p udp 22/tcp
	assert_failure 2
	run --separate-stderr servlookup --services nosuch 22
	assert_failure 1
	assert_equal "$stderr" "servlookup: open nosuch: No such file or directory"
	run --separate-stderr servlookup --services . 22
	assert_failure 1
	run --separate-stderr servlookup -f .
	assert_failure 1
	assert_equal "$stderr" "servlookup: read .: Is a directory"
	run --separate-stderr sh -c 'servlookup --services services -a >/dev/full'
	assert_failure 1
	run --separate-stderr timeout 20 sh -c 'servlookup -f - <&-'
	assert_failure 1
	assert_equal "$stderr" "servlookup: open standard input: Bad file descriptor"
	run --separate-stderr timeout 20 sh -c ': | servlookup -f - 0>&1 | cat; true'
	assert_equal "$stderr" "servlookup: open standard input: Bad file descriptor"
}

@test "SIGUSR1 prints the state of a bulk look-up, whether it waits for input or for a reader" {
	need jq
	mkfifo "$BATS_TEST_TMPDIR/in"
	for json in "" --json; do
		in_background servlookup $json -f "$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
		exec {writer}>"$BATS_TEST_TMPDIR/in"
		printf '%s\n' ssh 22/tcp nosuchservice 70000 >&"$writer"
		until_true 20 grep -q 70000 "$BATS_TEST_TMPDIR/err"
		kill -USR1 "$last_pid"
		if [ -z "$json" ]; then
			until_true 20 grep -qx "state: lines=4 found=2 not_found=1 invalid=1" "$BATS_TEST_TMPDIR/err"
		else
			until_true 20 grep -q '"event":"state"' "$BATS_TEST_TMPDIR/out"
			assert_equal "$(jq -c 'select(.event == "state") | [.program, .lines, .found, .not_found, .invalid]' "$BATS_TEST_TMPDIR/out")" \
				'["servlookup",4,2,1,1]'
		fi
		exec {writer}>&-
		wait_for "$last_pid"
		assert_equal "$waited_status" 3
	done
	# It goes on behind a pipe that was full.
	mkfifo "$BATS_TEST_TMPDIR/full"
	exec {reader}<>"$BATS_TEST_TMPDIR/full"
	for _ in {1..100000}; do echo ssh; done >"$BATS_TEST_TMPDIR/list"
	in_background servlookup -f "$BATS_TEST_TMPDIR/list" >"$BATS_TEST_TMPDIR/full" 2>"$BATS_TEST_TMPDIR/err"
	sleeps() { # nothing but the pipe makes it
		[[ $(<"/proc/$last_pid/stat") == *") S "* ]]
	}
	until_true 20 sleeps
	kill -USR1 "$last_pid"
	until_true 20 grep -qx "state: lines=[0-9]* found=[0-9]* not_found=0 invalid=0" "$BATS_TEST_TMPDIR/err"
	timeout 20 head -n 100000 <&"$reader" >"$BATS_TEST_TMPDIR/out"
	wait_for "$last_pid"
	assert_equal "$waited_status" 0
	assert_equal "$(sort "$BATS_TEST_TMPDIR/out" | uniq -c | tr -s ' ')" $' 100000 ssh\t22'
}
