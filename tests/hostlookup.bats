#!/usr/bin/env bats
# hostlookup.bats - names and addresses, beside Python's socket and getent, and with a name server of
# our own in a namespace.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# The name server of the tests: what it answers depends on the name that is asked for.
cat_name_server() {
	cat <<-'PY'
		import socket, struct, sys, threading, time

		def name_of(q):
		    labels, i = [], 12
		    while q[i]:
		        labels.append(q[i + 1:i + 1 + q[i]].decode("latin-1"))
		        i += q[i] + 1
		    return ".".join(labels), struct.unpack("!H", q[i + 1:i + 3])[0], q[12:i + 5]

		def rr(kind, data, name=b"\xc0\x0c"):
		    return name + struct.pack("!HHIH", kind, 1, 60, len(data)) + data

		def wire(name):
		    return b"".join(bytes([len(l)]) + l.encode("latin-1") for l in name.split(".") if l) + b"\0"

		def answer(q, peer):
		    name, kind, question = name_of(q)
		    code, records = 0, []
		    first = name.split(".")[0]
		    if first == "silent":
		        return
		    if first == "second" and not name in heard:
		        heard.add(name)
		        return
		    if first.startswith("slow"):
		        time.sleep(0.3)
		    elif first == "later":
		        time.sleep(1.5)
		    if first == "servfail":
		        code = 2
		    elif first == "none":
		        code = 3
		    elif first == "nodata":
		        pass
		    elif name.endswith("ip6.arpa"):
		        records = [rr(12, wire("six.test"))] if name.startswith("6.0.0.0") else []
		        code = 0 if records else 3
		    elif name.endswith("in-addr.arpa"):
		        names = {"1": "one.test", "2": "liar.test", "3": "esc\x1b[31m.test", "4": "nobody.test",
		                 "13": "192.0.2.13", "22": "0xc0000216", "23": "192.0.535", "24": "127.1", "26": "a b.test", "28": "", "31": "trusted", "32": "servfail.test",
		                 "30": ".".join(c * 60 for c in "abc") + ".test"}
		        if first in names:
		            records = [rr(12, wire(names[first]))]
		        else:
		            code = 3
		    elif first == "only6":
		        if kind == 28:
		            records = [rr(28, socket.inet_pton(socket.AF_INET6, "2001:db8::6"))]
		    elif name.endswith(".wild.lan"):
		        records = [rr(1, bytes((203, 0, 113, 66)))] if kind == 1 else []
		    elif first == "trusted":
		        records = [rr(1, bytes((192, 0, 2, 31)))] if kind == 1 and name == "trusted.corp.lan" else []
		        code = 0 if name == "trusted.corp.lan" else 3
		    elif first in cnames:
		        records = [rr(5, wire(cnames[first]))]
		        if first == "cname6" and kind == 28:
		            records.append(rr(28, socket.inet_pton(socket.AF_INET6, "2001:db8::6"), wire(cnames[first])))
		        elif first == "cname4" and kind == 1:
		            records.append(rr(1, bytes((192, 0, 2, 4)), wire(cnames[first])))
		    elif first == "formerr":
		        code = 1
		    elif first == "mapped":
		        if kind == 28:
		            records = [rr(28, socket.inet_pton(socket.AF_INET6, "::ffff:192.0.2.77"))]
		    elif first == "alias":
		        records = [rr(5, wire("one.test"))]
		        if kind == 1:
		            records.append(rr(1, bytes((192, 0, 2, 1)), wire("one.test")))
		    elif first == "many":
		        if kind == 1:
		            records = [rr(1, bytes((192, 0, 2, i))) for i in range(1, 31)]
		    elif first == "both":
		        records = [rr(1, bytes((192, 0, 2, 9)))] if kind == 1 else [
		            rr(28, socket.inet_pton(socket.AF_INET6, "2001:db8::9"))]
		    elif first == "liar":
		        records = [rr(1, bytes((203, 0, 113, 1)))] if kind == 1 else []
		    elif first == "nobody":
		        code = 3
		    elif kind == 1:
		        n = int(first[1:]) if first[1:].isdigit() else 1
		        records = [rr(1, bytes((192, 0, 2 + n // 256, n % 256)))]
		    log.write("%s %d\n" % (name, kind))
		    log.flush()
		    s.sendto(q[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(records), 0, 0) +
		             question + b"".join(records), peer)

		cnames = {"cname6": "only6.test", "cname4": "four.test", "cnameless": "nodata.test", "loop": "loop.test"}
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
		s.bind(("127.0.0.1", 53))
		open("asked", "w").close()
		log, heard = open("asked", "a"), set() # a test may empty it
		open("dns", "w").close()
		while True:
		    q, peer = s.recvfrom(512)
		    threading.Thread(target=answer, args=(q, peer), daemon=True).start()
	PY
}

# with_dns SCRIPT - run it in namespaces with the name server, the hosts file "hosts" (or one of
# localhost alone) and a resolver that gives up after 30 s.
with_dns() {
	need_namespaces -nm
	cat_name_server >dns.py
	[ -e hosts ] || echo "127.0.0.1 localhost" >hosts
	echo "hosts: files dns" >nsswitch
	printf 'nameserver 127.0.0.1\noptions timeout:30 attempts:1\n' >resolv
	"${in_namespaces[@]}" bash -euc "$timing"'
		ip link set lo up
		ip addr add 192.0.2.250/32 dev lo # getent asks for the families of the interfaces alone
		mount --bind hosts /etc/hosts
		mount --bind nsswitch /etc/nsswitch.conf
		mount --bind resolv /etc/resolv.conf
		python3 dns.py & dns=$!
		trap "kill $dns" EXIT
		for i in $(seq 1000); do [ -e dns ] && break; sleep 0.02; done
		'"$1"
}

@test "numbers: a quad unchanged, other forms as their quad, IPv6 with -6" {
	run --separate-stderr hostlookup 127.0.0.1
	assert_output 127.0.0.1
	run --separate-stderr hostlookup 127.1 0x7f.1 2130706433
	assert_output $'127.1\t127.0.0.1\n0x7f.1\t127.0.0.1\n2130706433\t127.0.0.1'
	run --separate-stderr hostlookup -6 ::1 0:0::1
	assert_output $'::1\t::1\n0:0::1\t::1'
	run --separate-stderr hostlookup ::1
	assert_failure 3
	assert_equal "$stderr" "hostlookup: look up ::1: it is an IPv6 address (-6 or --all prints it)"
	run --separate-stderr hostlookup -6 127.1
	assert_failure 3
	assert_equal "$stderr" "hostlookup: look up 127.1: it is an IPv4 address (-4 or --all prints it)"
	# No form of an address, and nothing that looks like one, is asked for.
	while read -r options query address; do
		run --separate-stderr hostlookup -q "-$options" "$query"
		assert_success
		assert_output "name: $query"$'\n'"address: $address"
	done <<-'END'
		e 127.1 127.0.0.1
		e 0x7f.1 127.0.0.1
		e 0177.0X1 127.0.0.1
		e 4294967295 255.255.255.255
		e ::ffff:192.0.2.77 192.0.2.77
		6e ::ffff:192.0.2.77 ::ffff:192.0.2.77
		6e 2001:DB8:0::1 2001:db8::1
		6e fe80::1%lo fe80::1%lo
	END
	for query in 1.2.3.999 1.2.3.4.5 4294967296 0x100000000 1.2.0x10000 0x1.0x2.0x3.0x4.0x5 1..2 '[127.0.0.1]'; do
		run --separate-stderr hostlookup "$query"
		assert_failure 2
		assert_equal "${stderr_lines[0]}" "hostlookup: '$query': it is neither an address nor the name of a host"
	done
}

@test "the hosts file: the same answers as Python's socket and getent" {
	printf '127.0.0.1 localhost\n192.0.2.7 seven.test seven also7\n192.0.2.8 seven.test\n2001:db8::7 seven.test\n' >hosts
	cat >theirs.py <<-'PY'
		import socket
		def ex(name, aliases, addresses):
		    print("name: " + name)
		    for a in aliases: print("alias: " + a)
		    for a in addresses: print("address: " + a)
		for name in "localhost", "seven.test", "seven", "also7":
		    print(socket.gethostbyname(name))
		    ex(*socket.gethostbyname_ex(name))
		    print(*dict.fromkeys(i[4][0] for i in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)), sep="\n")
		for address in "127.0.0.1", "192.0.2.7", "2001:db8::7":
		    ex(*socket.gethostbyaddr(address))
		print(socket.gethostname(), socket.getfqdn(), socket.getfqdn("seven"), sep="\n")
	PY
	with_dns '
		for name in localhost seven.test seven also7; do
			hostlookup $name
			hostlookup -e $name
			hostlookup -a $name
			[ "$(hostlookup $name)" = "$(getent ahostsv4 $name | awk "NR == 1 { print \$1 }")" ]
		done >ours
		{
			for address in 127.0.0.1 192.0.2.7 2001:db8::7; do
				hostlookup -r --ex $address
			done
			hostlookup --hostname
			hostlookup --fqdn
			hostlookup --fqdn seven
		} >>ours
		python3 theirs.py >theirs
	'
	diff ours theirs
}

@test "--fqdn: what could not be looked up is no answer" {
	need_trace
	run --separate-stderr trace -f -qq -o trace -e inject=clone,clone3:error=EAGAIN hostlookup --fqdn -t 20 localhost
	assert_failure 1
	assert_output ""
	assert_equal "$stderr" "hostlookup: look up localhost: Resource temporarily unavailable"
}

@test "not found, try again, timed out are never confused" {
	with_dns '
		for name in none.test nodata.test servfail.test only6.test; do
			rc=0; hostlookup $name || rc=$?; echo "$name $rc"
		done
		on_time silent 1000 1100 hostlookup -t 1 silent.test
		printf "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n" >resolv
		rc=0; hostlookup silent.test || rc=$?; echo "impatient $rc"
	' >out 2>err
	run cat out
	assert_output $'none.test 3\nnodata.test 3\nservfail.test 4\nonly6.test 3\nsilent 124 on time\nimpatient 4'
	grep -q "look up only6.test: it has only IPv6 addresses" err
	grep -qx "hostlookup: look up silent.test: timed out" err
}

@test "CNAME, several addresses, both families, PTR and --confirm" {
	with_dns '
		hostlookup -e alias.test
		hostlookup -a many.test | sort -u | wc -l
		hostlookup many.test | wc -l
		hostlookup -a both.test | sort
		hostlookup -r 192.0.2.1
		hostlookup -r --confirm 192.0.2.1
		for a in 192.0.2.2 192.0.2.4 192.0.2.99 192.0.2.32; do
			rc=0; hostlookup -r --confirm $a || rc=$?; echo $rc
		done
	' >out 2>err
	assert_equal "$(cat out)" "name: one.test
alias: alias.test
address: 192.0.2.1
30
1
192.0.2.9
2001:db8::9
one.test
one.test
5
5
3
4"
	grep -qx "hostlookup: look up 192.0.2.32: its name servfail.test cannot be looked up: Temporary failure in name resolution" err
	grep -q "192.0.2.2: its name liar.test does not resolve back to it" err
	grep -qx "hostlookup: look up 192.0.2.99: it has no name" err
}

@test "--confirm asks for an absolute name: no search list breaks or makes a confirmation" {
	printf '127.0.0.1 localhost\nfe80::27 link.test\n192.0.2.27 name.test\n192.0.2.28 single\n192.0.2.29 b\xfccher.test\n192.0.2.32 bücher.test bücher\n' >hosts
	with_dns '
		printf "nameserver 127.0.0.1\nsearch corp.lan wild.lan\noptions ndots:5 timeout:30 attempts:1\n" >resolv
		for options in "" "-t 20"; do
			hostlookup -r --confirm $options fe80::27%lo # no database has zones
			for a in 1 31 27 28 29 32; do
				: >asked
				rc=0; hostlookup -r --confirm $options 192.0.2.$a || rc=$?; echo $rc
				cat asked >&2
			done
		done
	' >out 2>err
	for i in 1 2; do
		printf 'link.test\none.test\n0\n5\nname.test\n0\nsingle\n0\nb\\xfccher.test\n0\nbücher.test\n0\n'
	done >expected
	diff -u expected out
	run grep "lan [0-9]" err
	assert_failure
	assert_equal "$(grep -c "its name trusted does not resolve back to it" err)" 2
}

@test "a long name hides no reason" {
	with_dns 'rc=0; hostlookup -r --confirm 192.0.2.30 || rc=$?; echo $rc' >out 2>err
	assert_equal "$(cat out)" 5
	assert_equal "$(cat err)" "hostlookup: look up 192.0.2.30: its name $(printf '%0.sa' {1..60}).$(printf '%0.sb' {1..60}).$(printf '%0.sc' {1..60}).test does not resolve back to it"
}

@test "what there is of the other family is said, and how to see it" {
	printf '127.0.0.1 localhost\n2001:db8::12\tName ServFail.six # servfail.no\n192.0.2.12 servfail.four\n' >hosts
	with_dns '
		# The hosts file has them, whether or not a name server can be asked.
		for query in servfail.six "-e servfail.six" "-6 servfail.four" servfail.no; do
			rc=0; hostlookup $query 2>>offline || rc=$?; echo $rc >>offline
		done
		for options in -4 -6 "-a -4" "-a -6" "-e -6"; do
			for name in only6.test one.test; do
				rc=0; hostlookup $options $name >/dev/null || rc=$?; echo "$options $name $rc" >&2
			done
		done
	' 2>err
	assert_equal "$(cat offline)" "hostlookup: look up servfail.six: it has only IPv6 addresses (-6 or --all prints them)
3
hostlookup: look up servfail.six: it has only IPv6 addresses (-6 or --all prints them)
3
hostlookup: look up servfail.four: it has only IPv4 addresses (-4 or --all prints them)
3
hostlookup: look up servfail.no: Temporary failure in name resolution
4"
	diff -u - err <<-'END'
		hostlookup: look up only6.test: it has only IPv6 addresses (-6 or --all prints them)
		-4 only6.test 3
		-4 one.test 0
		-6 only6.test 0
		hostlookup: look up one.test: it has only IPv4 addresses (-4 or --all prints them)
		-6 one.test 3
		hostlookup: look up only6.test: it has only IPv6 addresses (-6 prints them)
		-a -4 only6.test 3
		-a -4 one.test 0
		-a -6 only6.test 0
		hostlookup: look up one.test: it has only IPv4 addresses (-4 prints them)
		-a -6 one.test 3
		-e -6 only6.test 0
		hostlookup: look up one.test: it has only IPv4 addresses (-4 or --all prints them)
		-e -6 one.test 3
	END
}

@test "the name that answered is in each record where it is known, and -v says it" {
	with_dns '
		printf "nameserver 127.0.0.1\nsearch corp.lan\noptions timeout:30 attempts:1\n" >resolv
		for options in "" -a -6 -r -e; do
			case $options in
			-6) name=cname6.test ;;
			-r) name=192.0.2.1 ;;
			*) name=alias.test ;;
			esac
			hostlookup --json $options $name | jq -c "[.query, .name]"
		done
		hostlookup --json trusted localhost 127.0.0.1 | jq -c "[.query, .name]"
		: >asked
		hostlookup -v trusted
		hostlookup -v 127.0.0.1
		hostlookup -v -j 1 one.test trusted
		cat asked
	' >out 2>err
	diff -u - out <<-'END'
		["alias.test","one.test"]
		["alias.test","one.test"]
		["cname6.test","only6.test"]
		["192.0.2.1","one.test"]
		["alias.test","one.test"]
		["trusted","trusted.corp.lan"]
		["localhost","localhost"]
		["127.0.0.1",null]
		192.0.2.31
		127.0.0.1
		one.test	192.0.2.1
		trusted	192.0.2.31
		trusted.corp.lan 1
		one.test 1
		trusted.corp.lan 1
	END
	sed -i -E 's/[0-9]+\.[0-9]{3} s$/N s/' err
	diff -u - err <<-'END'
		hostlookup: look up trusted: answered as trusted.corp.lan in N s
		hostlookup: look up 127.0.0.1: answered in N s
		hostlookup: look up one.test: answered as one.test in N s
		hostlookup: look up trusted: answered as trusted.corp.lan in N s
	END
}

@test "what is easily mistaken gets a note: octal parts, a second operand that is an address" {
	run --separate-stderr hostlookup 127.0.010.1
	assert_success
	assert_output 127.0.8.1
	assert_equal "$stderr" "hostlookup: look up 127.0.010.1: a part that begins with 0 was read as octal"
	for query in 0.0.0.0 127.0.0.0 0x7f.0.0.1 127.1 10.0.0.20; do
		run --separate-stderr hostlookup "$query"
		assert_success
		assert_equal "$stderr" ""
	done
	run --separate-stderr hostlookup localhost 127.0.0.2
	assert_success
	assert_equal "$stderr" "hostlookup: 127.0.0.2 is looked up, too: the system's resolver is asked, and no server can be named"
	for arguments in "-q localhost 127.0.0.2" "127.0.0.1 127.0.0.2" "localhost 127.0.0.2 localhost" "-q 127.0.010.1"; do
		run --separate-stderr hostlookup $arguments
		assert_success
		assert_equal "$stderr" ""
	done
	for name in '' "$(printf 'a.%.0s' {1..127})b" "$(printf 'a%.0s' {1..2000})" 1.2.3.999 a..b; do
		run --separate-stderr hostlookup --fqdn "$name"
		assert_failure 2
		assert_equal "${#stderr_lines[@]}" 2
	done
}

@test "a CNAME without an address of this family is told as in Python, in every form" {
	cat >theirs.py <<-'PY'
		import socket, sys
		for name in sys.argv[1:]:
		    try:
		        socket.gethostbyname_ex(name)
		        print(name, 0)
		    except socket.gaierror as e:
		        print(name, 3 if e.errno in (socket.EAI_NONAME, socket.EAI_NODATA) else e)
	PY
	with_dns '
		names="cname6.test cname4.test cnameless.test loop.test formerr.test only6.test one.test"
		python3 theirs.py $names >theirs
		for options in -e "" -t20 "-e -t 20"; do
			for name in $names; do
				rc=0; hostlookup $options $name >/dev/null 2>>err || rc=$?; echo "$name $rc"
			done >ours
			diff theirs ours
		done
		for options in "-6 -e" -6; do
			for name in cname4.test one.test cname6.test; do
				rc=0; hostlookup $options $name >/dev/null 2>>err6 || rc=$?; echo $options $name $rc
			done
		done
	' >out
	assert_equal "$(cat out)" "-6 -e cname4.test 3
-6 -e one.test 3
-6 -e cname6.test 0
-6 cname4.test 3
-6 one.test 3
-6 cname6.test 0"
	assert_equal "$(grep -c 'cname6.test: it has only IPv6 addresses (-6 or --all prints them)' err)" 4
	assert_equal "$(grep -c 'only6.test: it has only IPv6 addresses (-6 or --all prints them)' err)" 4
}

@test "a v4-mapped address is the same text in every form" {
	with_dns '
		for options in -6 "-6 -e" -a "-a -6" "-6 -t 20"; do
			hostlookup $options mapped.test
		done
		hostlookup --json -6 mapped.test | jq -r .addresses[0],.family
		hostlookup -6 ::ffff:192.0.2.77
		hostlookup -a ::ffff:192.0.2.77
	' >out
	run grep -vx "name: mapped.test" out
	assert_output "::ffff:192.0.2.77
address: ::ffff:192.0.2.77
::ffff:192.0.2.77
::ffff:192.0.2.77
::ffff:192.0.2.77
::ffff:192.0.2.77
ipv6
::ffff:192.0.2.77
::ffff:192.0.2.77"
}

@test "the default form asks one question, for IPv4" {
	with_dns 'hostlookup one.test; cat asked' >out
	assert_equal "$(cat out)" $'192.0.2.1\none.test 1'
}

@test "a hostile name does not reach the terminal as it is" {
	# glibc refuses it from a name server; what is in the hosts file it believes.
	printf '127.0.0.1 localhost\n192.0.2.5 esc\x1b[31m.test \x1b]0;alias\x07\n' >hosts
	with_dns '
		hostlookup -r 192.0.2.5; hostlookup -r -e 192.0.2.5; hostlookup -J -r -e 192.0.2.5; hostlookup -r 192.0.2.3
	' >out 2>err || true
	run cat out
	assert_line --index 0 "esc\x1b[31m.test"
	assert_line "alias: \x1b]0;alias\x07"
	run cat -v out err
	refute_output --partial '^['
	refute_output --partial '\u001b'
}

@test "bulk: in order, each line one answer or one error, comments and blanks skipped" {
	with_dns '
		printf "# a list\n\nn1.test\n  n2.test  \nnone.test\nn3.test\n1.2.3.999\nn1.test\nlast.test" >list
		rc=0; hostlookup -f list >out 2>err || rc=$?; echo $rc
		rc=0; hostlookup -f - <list >out2 2>/dev/null || rc=$?; cmp out out2; echo $rc
	' >status
	assert_equal "$(cat status)" $'3\n3'
	assert_equal "$(cat out)" $'n1.test\t192.0.2.1\nn2.test\t192.0.2.2\nn3.test\t192.0.2.3\nn1.test\t192.0.2.1\nlast.test\t192.0.2.1'
	assert_equal "$(cat err)" "hostlookup: look up none.test: Name or service not known
hostlookup: look up 1.2.3.999: it is neither an address nor the name of a host"
}

@test "bulk: a byte order mark is skipped, at the start alone, and UTF-16 is named" {
	local program
	printf '\xef\xbb\xbf# a list\n127.0.0.1\n' >list
	for program in hostlookup servlookup; do
		[ $program = hostlookup ] || printf '\xef\xbb\xbf80/tcp\n' >list
		run --separate-stderr $program -f list
		assert_success
		assert_output --regexp $'^(127.0.0.1\t127.0.0.1|80/tcp\thttp)$'
		printf '\n' | cat - list >second
		run --separate-stderr $program -f second
		assert_failure
		# Nothing but the mark.
		run --separate-stderr $program -f - < <(printf '\xef\xbb\xbf')
		assert_success
		refute_output
		# Both byte orders; the mark comes in two pieces.
		for order in '\xff \xfe1\0\n\0' '\xfe \xff\0001\0\n'; do
			# shellcheck disable=SC2059 # the bytes
			run --separate-stderr $program -f - < <(printf "${order%% *}"; sleep 0.1; printf "${order#* }")
			assert_failure 2
			refute_output
			assert_equal "$stderr" "$program: read standard input: it is UTF-16, not UTF-8"
		done
	done
}

@test "bulk: malformed lines are told, the rest is served" {
	printf '127.0.0.1\n::1::2\n10.0.0.1/8\n%0300d.test\n127.0.0.2\0in\0\n\xff\xfe\n127.0.0.2\n' 0 >list
	run --separate-stderr hostlookup -f list
	assert_failure 2
	assert_output $'127.0.0.1\t127.0.0.1\n127.0.0.2\t127.0.0.2'
	assert_equal "${#stderr_lines[@]}" 5
	assert_equal "${stderr_lines[3]}" "hostlookup: look up 127.0.0.2\x00in\x00: there is a NUL in it"
	assert_equal "${stderr_lines[4]}" 'hostlookup: look up \xff\xfe: it is no UTF-8'
	run --separate-stderr hostlookup -qq --json -f list
	assert_equal "$(jq -r '.error | select(.message | contains("NUL")) | .code' <<<"$output")" invalid
	assert_equal "$(jq -r 'select(.error.message | contains("NUL")?) | .query' <<<"$output")" '127.0.0.2\x00in\x00'
	for size in 4096 4097 10000 200000; do
		head -c "$size" /dev/zero | tr '\0' x >long
		echo >>long
		echo 127.0.0.1 >>long
		run --separate-stderr hostlookup -f long
		assert_failure 2
		assert_output $'127.0.0.1\t127.0.0.1'
		# No more of it is kept.
		((${#stderr} <= 4097 + 100))
	done
}

@test "bulk: each --file is read, in order, after the operands; byte order marks are skipped" {
	printf '\xef\xbb\xbf127.0.0.1\n127.0.0.2' >marked
	printf '127.0.0.3\n' >second
	for utf16 in '\xff\xfe1\0\n\0' '\xfe\xff\0001\0\n' '\xff\xfe'; do
		printf "$utf16" >utf16
		run --separate-stderr hostlookup -f marked -f utf16 -f second -f nosuch -f - 127.1 <marked
		assert_failure 2
		assert_output $'127.1\t127.0.0.1\n127.0.0.1\t127.0.0.1\n127.0.0.2\t127.0.0.2\n127.0.0.3\t127.0.0.3\n127.0.0.1\t127.0.0.1\n127.0.0.2\t127.0.0.2'
		assert_equal "$stderr" 'hostlookup: read utf16: it is UTF-16, not UTF-8
hostlookup: open nosuch: No such file or directory'
	done
	# There is one at the start of a file alone.
	printf '::1::\n\xef\xbb\xbf127.0.0.4\n' >middle
	run --separate-stderr hostlookup -r -f middle
	assert_failure 2
	assert_equal "${stderr_lines[1]}" 'hostlookup: look up \u{feff}127.0.0.4: it is no address (leave -r out to look up a name)'
	run --separate-stderr hostlookup -f nosuch -f marked
	assert_failure 1
	assert_output $'127.0.0.1\t127.0.0.1\n127.0.0.2\t127.0.0.2'
	# One that comes in pieces, and one that has nothing behind it.
	mkfifo pieces
	{ printf '\xef' && until_true 20 test -e asked && printf '\xbb\xbf127.1\n'; } >pieces 3>&- &
	pids+=($!)
	hostlookup -f - <pieces >out 3>&- &
	pids+=($!)
	touch asked
	wait_for "${pids[1]}"
	assert_equal "$(cat out)" $'127.1\t127.0.0.1'
	printf '\xef\xbb\xbf' >empty
	run --separate-stderr hostlookup -f empty
	assert_success
	assert_output ""
}

@test "bulk: a look-up that hangs holds nobody else, and the end does not wait for it" {
	with_dns '
		{ echo silent.test; for i in $(seq 200); do echo n$i.test; done; echo silent.test; } >list
		on_time bulk 1000 2500 sh -c "hostlookup -t 1 -j 4 -f list >out 2>err"
		# At most 4 times --jobs of them go on: 16 of 40 are asked, then the run is over.
		for i in $(seq 40); do echo silent.s$i; done >list
		on_time abandoned 2000 2300 sh -c "hostlookup -t 0.2 -j 4 -f list -w 2 2>err2"
	' >status
	assert_equal "$(cat status)" $'bulk 124 on time\nabandoned 124 on time'
	assert_equal "$(wc -l <out)" 200
	assert_equal "$(grep -c "silent.s[0-9]*: timed out$" err2)" 16
	assert_equal "$(grep -c "silent.s[0-9]*: timed out (--max-time)$" err2)" 24
	assert_equal "$(grep -c "silent.test: timed out" err)" 2
}

@test "bulk: the clock starts when the look-up starts, not when it is queued" {
	with_dns '
		for i in $(seq 16); do echo slow$i.test; done >list
		hostlookup -t 1.5 -j 2 -f list
	' >out
	assert_equal "$(wc -l <out)" 16
}

@test "bulk: no more look-ups go on at once than there are descriptors for" {
	with_dns '
		seq -f "slow.n%g" 36 | (ulimit -n 40; hostlookup -j 100 -f -)
	' >out
	assert_equal "$(wc -l <out)" 36
}

@test "bulk: the same name under way many times is asked once; --unordered prints as they come" {
	with_dns '
		for i in $(seq 100); do echo slow.test; done >list
		hostlookup -f list | sort -u
		grep -c "^slow.test" asked
		printf "later.test\nn2.test\n" | hostlookup --unordered -f -
	' >out
	assert_equal "$(cat out)" $'slow.test\t192.0.2.1\n1\nn2.test\t192.0.2.2\nlater.test\t192.0.2.1'
}

@test "bulk: with --unordered a slow name holds nobody, however many come behind it" {
	with_dns '
		mkfifo in
		hostlookup -j 4 --unordered -f in >out 2>&1 & bulk=$!
		exec 4>in
		echo silent.test >&4
		for i in $(seq 3000); do echo 10.0.$((i / 256)).$((i % 256)); done >&4
		for i in $(seq 1000); do [ $(wc -l <out) = 3000 ] && break; sleep 0.02; done
		kill $bulk
	'
	assert_equal "$(sort -u out | wc -l)" 3000
	assert_equal "$(grep -c "silent" out)" 0
}

@test "bulk: --max-time prints what is known, also behind what is not, and names what is not known" {
	with_dns '
		hostlookup -w 0.2 --json silent.test 2>/dev/null | jq -r .query,.error.code >one
		for options in "" --unordered; do
			seq -f "silent.s%g" 1500 | hostlookup -w 0.2 $options -f - 2>&1 >/dev/null | cat >>rest
		done
		for i in 1 2 3; do # a busy machine may have no answer by then
			hostlookup -w 0.2 --wait none none.test >failed 2>&1 || true
			! grep -q "last failure" failed || break
		done
		for options in "" --unordered; do
			rc=0; printf "127.0.0.1\nsilent.test\n127.0.0.2\n127.0.0.1\n" | hostlookup -w 1 $options -f - || rc=$?; echo $rc
		done
	' >out 2>err
	assert_equal "$(grep -v 124 out | sort | uniq -c | sed 's/^ *//')" $'4 127.0.0.1\t127.0.0.1\n2 127.0.0.2\t127.0.0.2'
	assert_equal "$(grep -c '^124$' out)" 2
	assert_equal "$(sort -u err)" "hostlookup: look up silent.test: timed out (--max-time)"
	assert_equal "$(cat one)" $'silent.test\ntimed_out'
	assert_equal "$(sort rest | uniq -c | awk '$1 == 2' | grep -c 'look up silent.s[0-9]*: timed out (--max-time)$')" 1024
	assert_equal "$(grep -v 'silent.s' rest | uniq -c | sed 's/^ *//')" \
		"2 hostlookup: look up the rest of standard input: timed out (--max-time)"
	assert_equal "$(cat failed)" \
		"hostlookup: look up none.test: timed out (--max-time); the last failure: Name or service not known"
}

@test "bulk: answers are flushed as they are known, while the input stays open" {
	mkfifo in
	hostlookup -f in >out 3>&- &
	pids+=($!)
	exec {writer}>in
	echo 127.0.0.1 >&"$writer"
	until_true 20 grep -q $'127.0.0.1\t127.0.0.1' out
	exec {writer}>&-
	wait_for "${pids[0]}"
	assert_equal "$waited_status" 0
}

@test "bulk: the same name asked again soon is answered from memory" {
	with_dns '
		for i in 1 2 3 4; do seq -f n%.0f.test 5000; done >list
		hostlookup -f list >out
		sort asked | uniq -c | awk "{ print \$1 }" | sort | uniq -c | sed "s/^ *//"
		for options in "" --unordered -J; do
			: >asked
			for i in 1 2 3; do seq -f n%.0f.test 300; echo none.test; echo 192.0.2.1; done |
				hostlookup $options -t 20 -f - >out.$options 2>err.$options || echo $?
			wc -l <asked
		done
		: >asked
		for i in 1 2 3; do seq -f n%.0f.test 300; echo none.test; done | hostlookup --no-cache -f - >out.no 2>err.no || echo $?
		sort asked | uniq -c | awk "{ print \$1 }" | sort -u
	' >counts
	# For a name that is not there both families are asked.
	assert_equal "$(cat counts)" "5000 1
3
302
3
302
3
302
3
3"
	seq -f n%.0f.test 5000 >names
	cut -f1 out | split -l 5000 - part.
	for part in part.??; do
		cmp "$part" names
	done
	assert_equal "$(sort -u out | wc -l)" 5000
	sort out. | diff - <(sort out.--unordered)
	grep -v '^192' out. | diff - out.no
	for options in "" --unordered no; do
		assert_equal "$(grep -c "none.test: Name or service not known" "err.$options")" 3
	done
	assert_equal "$(jq -r 'select(.error) | .error.code' out.-J | uniq -c | sed 's/^ *//')" "3 not_found"
	rm dns
	with_dns '
		mkfifo in
		hostlookup -v -f in >out 2>err & bulk=$!
		exec 4>in
		for i in 1 2; do
			printf "slow.test\n" >&4
			for n in $(seq 1000); do [ $(wc -l <out) = $i ] && break; sleep 0.02; done
		done
		exec 4>&-
		wait $bulk
	'
	assert_equal "$(sed -E 's/[0-9.]+ s$/N s/' err)" "hostlookup: look up slow.test: answered as slow.test in N s
hostlookup: look up slow.test: answered as slow.test from memory"
}

@test "bulk: an answer stays in memory for a minute, a not-found for ten seconds" {
	need cc
	is_sanitized && skip "the sanitizers come before what is preloaded"
	cat >later.c <<-'C'
		/* A clock that is as many seconds ahead as the file "later" says. */
		#define _GNU_SOURCE
		#include <stdio.h>
		#include <sys/syscall.h>
		#include <time.h>
		#include <unistd.h>
		int
		clock_gettime(clockid_t id, struct timespec *ts)
		{
			long seconds = 0;
			FILE *f = fopen("later", "r");

			if (f != NULL) {
				if (fscanf(f, "%ld", &seconds) != 1)
					seconds = 0;
				fclose(f);
			}
			if (syscall(SYS_clock_gettime, id, ts) != 0)
				return -1;
			ts->tv_sec += seconds;
			return 0;
		}
	C
	cc -shared -fPIC -o later.so later.c
	with_dns '
		mkfifo in
		: >printed
		LD_PRELOAD=$PWD/later.so hostlookup -f in >printed 2>&1 & bulk=$!
		exec 4>in
		lines=0
		for later in 0 9 11 59 61 120; do
			echo $later >later.new
			mv later.new later
			: >asked
			for name in one.test none.test; do
				echo $name >&4
				lines=$((lines + 1))
				for n in $(seq 1000); do [ $(wc -l <printed) = $lines ] && break; sleep 0.02; done
			done
			echo $later $(cut -d" " -f1 asked | sort -u)
		done
		exec 4>&-
		wait $bulk || true
		# An answer whose turn does not come is not told for longer, either.
		: >asked
		LD_PRELOAD=$PWD/later.so hostlookup -f in >printed 2>&1 & bulk=$!
		exec 4>in
		printf "silent.test\none.test\n" >&4
		for n in $(seq 1000); do grep -q one.test asked && break; sleep 0.02; done
		echo 200 >later.new
		mv later.new later
		echo one.test >&4
		for n in $(seq 1000); do [ $(grep -c one.test asked) = 2 ] && break; sleep 0.02; done
		grep -c one.test asked
		kill $bulk
	' >out
	diff -u - out <<-'END'
		0 none.test one.test
		9
		11 none.test
		59 none.test
		61 one.test
		120 none.test
		2
	END
}

@test "bulk: memory does not grow with the length of the input" {
	is_sanitized && skip "memory is the sanitizers' there"
	env time true 2>/dev/null || skip "time is not installed"
	# The cache has its limit, too.
	with_dns '
		echo "hosts: files" >nsswitch
		seq 0 59999 | awk "{ printf \"10.1.%d.%d\\n\", \$1 / 256, \$1 % 256 }" >list
		env time -f %M hostlookup -q -r -f list >out 2>err || [ $? = 3 ]
		[ $(wc -l <err) -ge 60000 ]
		grep -vc 10.1. err || true
		tail -n 1 err
	' >found
	(($(tail -n 1 found) < 10240))
	python3 -c '
for i in range(300000):
    print("10.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255))' >list
	env time -f %M hostlookup -f list 2>memory >out
	assert_equal "$(wc -l <out)" 300000
	awk '{ print $1 }' out | cmp - list
	(($(tail -n 1 memory) < 10240))
}

@test "--wait asks again until there is an answer" {
	with_dns '
		rc=0; hostlookup --wait 1 none.test || rc=$?; echo $rc
		[ "$(grep -c "^none.test 1" asked)" -ge 3 ] && echo again
	' >out 2>err
	assert_equal "$(cat out)" $'124\nagain'
	assert_equal "$(cat err)" "hostlookup: look up none.test: Name or service not known; trying again for up to 1 s
hostlookup: look up none.test: timed out; the last failure: Name or service not known"
}

@test "--wait ends in the middle of a look-up, and says what it waits for" {
	with_dns '
		on_time middle 300 5000 hostlookup -j 1 --wait 0.3 silent.test silent.b
		on_time noted 1000 5000 hostlookup --wait 1 -t 20 silent.test
		on_time quiet 600 5000 hostlookup -q --wait 0.6 silent.test
	' >out 2>err
	assert_equal "$(cat out)" $'middle 124 on time\nnoted 124 on time\nquiet 124 on time'
	assert_equal "$(cat err)" "hostlookup: look up silent.test: timed out
hostlookup: look up silent.b: timed out
hostlookup: look up silent.test: no answer yet; trying again for up to 1 s
hostlookup: look up silent.test: timed out
hostlookup: look up silent.test: timed out"
}

@test "--wait asks again after a time-out, too" {
	with_dns '
		hostlookup -t 0.3 --wait 20 second.test
		hostlookup -t 0.3 --wait 20 --json -j 1 second.b second.c second.b | jq -r .query,.addresses[0],.seconds
		rc=0; hostlookup -t 0.1 --wait 0.5 silent.test || rc=$?; echo $rc
		rc=0; hostlookup -t 0.1 --wait 0.5 none.test silent.test || rc=$?; echo $rc
	' >out 2>err
	assert_equal "$(grep -v '^0\.' out)" "192.0.2.1
second.b
192.0.2.1
second.c
192.0.2.1
second.b
192.0.2.1
124
124"
	# From the first question on.
	awk '/^0\.|^[0-9]$/ { n++; if ($1 < 0.3) exit 1 } END { exit n != 3 }' out
	assert_equal "$(cat err)" "hostlookup: look up silent.test: timed out
hostlookup: look up none.test: timed out; the last failure: Name or service not known
hostlookup: look up silent.test: timed out"
}

@test "--json: one record an answer, with the error in it" {
	with_dns 'hostlookup --json -e alias.test none.test || echo $?' >out 2>err
	assert_equal "$(jq -r 'select(.query == "alias.test") | .name, .aliases[0], .addresses[0], .family' <(head -n 1 out))" \
		$'one.test\nalias.test\n192.0.2.1\nipv4'
	assert_equal "$(sed -n 2p out | jq -r '.query, .error.code')" $'none.test\nnot_found'
	assert_equal "$(tail -n 1 out)" 3
}

@test "internationalised names work as typed, or the message says what is missing" {
	with_dns 'LC_ALL=C.UTF-8 hostlookup bücher.test; cat asked; LC_ALL=C hostlookup bücher.test || echo $?' >out 2>err
	if grep -q libidn2 err; then
		skip "libidn2 is not installed"
	fi
	assert_equal "$(cat out)" $'192.0.2.1\nxn--bcher-kva.test 1\n2'
	grep -q "a name beyond ASCII needs a UTF-8 locale" err
}

@test "the length of an internationalised name is that of its encoded form" {
	with_dns '
		export LC_ALL=C.UTF-8
		hostlookup онлайнмагазинстройматериаловвмоскве.test
		hostlookup $(printf "ü%.0s" $(seq 40)).test
		for name in ☃.test $(printf "ü%.0s" $(seq 60)).test $(printf "ü.%.0s" $(seq 40))test; do
			rc=0; hostlookup $name || rc=$?; echo $rc
		done
		cat asked
	' >out 2>err
	if grep -q libidn2 err; then
		skip "libidn2 is not installed"
	fi
	diff -u - out <<-'END'
		192.0.2.1
		192.0.2.1
		2
		2
		2
		xn--80aaaaamaadwernchfxdmjghedgomhd1cfzpsf.test 1
		xn--tdaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.test 1
	END
	run grep -c "IDNA 2008 does not allow its characters, or it is too long once encoded" err
	assert_output 3
}

@test "sethostname: for real in a namespace; refused as a normal user; malformed" {
	need_namespaces -u
	run --separate-stderr "${in_namespaces[@]}" sh -c 'hostlookup --set-hostname new-name.test && hostlookup --hostname && uname -n'
	assert_success
	assert_output $'new-name.test\nnew-name.test'
	if unshare -u true 2>/dev/null; then
		run --separate-stderr unshare -u setpriv --reuid=65534 --regid=65534 --clear-groups "$(command -v hostlookup)" --set-hostname x
	else
		run --separate-stderr hostlookup --set-hostname x
	fi
	assert_failure 1
	assert_equal "$stderr" "hostlookup: set the host name to x: Operation not permitted"
	for name in '' 'a b' -x x- .x x..y "$(printf '%065d' 0)" 'ü' x_y; do
		run --separate-stderr hostlookup --set-hostname="$name"
		assert_failure 2
	done
	run --separate-stderr hostlookup --set-hostnam x
	assert_failure 2
	assert_equal "${stderr_lines[0]}" "hostlookup: --set-hostname must be spelt out"
}

@test "--has-ipv6 says yes or no" {
	need_namespaces -n
	need_sysctl net.ipv6.conf.all.disable_ipv6
	"${in_namespaces[@]}" sh -c '
		ip link set lo up; hostlookup --has-ipv6; echo $?
		sysctl -qw net.ipv6.conf.all.disable_ipv6=1; hostlookup --has-ipv6; echo $?' >out
	assert_equal "$(cat out)" $'yes\n0\nno\n3'
}

@test "--has-ipv6 is 1 where descriptors are short" {
	need_trace
	run --separate-stderr trace -qq -o trace -e inject=socket:error=EMFILE hostlookup --has-ipv6
	assert_failure 1
	assert_output ""
	assert_equal "$stderr" "hostlookup: look for IPv6: Too many open files"
}

@test "bad input: a directory, a file that is not there, a closed standard output, wrong flags" {
	run --separate-stderr hostlookup -f .
	assert_failure 1
	assert_equal "$stderr" "hostlookup: read .: Is a directory"
	run --separate-stderr hostlookup -f nosuch
	assert_failure 1
	run --separate-stderr sh -c 'hostlookup 127.0.0.1 >&-'
	assert_failure 1
	run --separate-stderr sh -c 'hostlookup 127.0.0.1 127.0.0.2 >/dev/full'
	assert_failure 1
	assert_equal "$stderr" "hostlookup: write to standard output: No space left on device"
	for arguments in "" "-e a b" "--confirm a" "-a -r 1.2.3.4" "-4 -6 a" "--hostname a" "-j 0 a b" \
		"-j x a b" "--unordered a" "--hostname -t 1" "--fqdn a b" "-r localhost" "-r -6 ::1" "-e -a x"; do
		run --separate-stderr hostlookup $arguments
		assert_equal "$status" 2
		assert_equal "${#stderr_lines[@]}" 2
	done
	while IFS='|' read -r query reason; do
		run --separate-stderr hostlookup "$query"
		assert_failure 2
		assert_equal "${stderr_lines[0]}" "hostlookup: '$query': it is $reason"
	done <<-'END'
		http://host.test/|a URL (give its host alone)
		host.test:80|no name of a host (leave the port out)
		127.0.0.1:80|no name of a host (leave the port out)
		127.0.0.1:http|no name of a host (leave the port out)
		[::1]:80|no name of a host (leave the port out)
		[::1]|no name of a host (leave the brackets out)
		user@host.test|no name of a host (leave the user out)
		192.0.2.0/24|a network (-r prints the names of its addresses)
	END
	for option in -4 -r --fqdn; do
		run --separate-stderr hostlookup "$option" $'b\xfc.test'
		assert_failure 2
		assert_equal "${stderr_lines[0]}" "hostlookup: 'b\xfc.test': it is no UTF-8"
	done
	for name in 1.2.3.999 ::1::2 10.0.0.1/8 '' a..b .a "$(printf '%064d' 0).test"; do
		run --separate-stderr hostlookup "$name"
		assert_failure 2
	done
}

@test "a resolver without any source is a failure, and has a message" {
	need_namespaces -m
	echo "hosts: nosuchsource" >nsswitch
	"${in_namespaces[@]}" bash -uc '
		mount --bind nsswitch /etc/nsswitch.conf
		for query in "-a localhost" "-e localhost" "-r 127.0.0.1"; do
			hostlookup $query
			echo $?
		done
	' >out 2>err
	assert_equal "$(cat out)" $'1\n1\n1'
	assert_equal "$(sort -u err)" "hostlookup: look up 127.0.0.1: no source of hosts that nsswitch.conf names can be used
hostlookup: look up localhost: no source of hosts that nsswitch.conf names can be used"
}

@test "SIGUSR1 prints the state of a bulk look-up" {
	mkfifo in
	hostlookup -f in >out 2>err 3>&- &
	client=$!
	pids+=("$client")
	exec {writer}>in
	echo 127.0.0.1 >&"$writer"
	until_true 20 test -s out
	kill -USR1 "$client"
	until_true 20 grep -qx "state: read=1 printed=1 abandoned=0" err
	exec {writer}>&-
	wait_for "$client"
	assert_equal "$waited_status" 0
}

@test "an address in the place of a name is no name, and never confirms itself" {
	echo "192.0.2.25 198.51.100.7" >hosts
	echo "192.0.2.27 name.test" >>hosts
	with_dns '
		for a in 13 22 23 24 25; do
			for options in "-r --confirm" -r "-r -e" "-r -e --confirm" "-r --json --confirm"; do
				rc=0; hostlookup $options 192.0.2.$a >printed 2>>messages || rc=$?
				jq -r .error.code printed 2>&1
				echo $a "$options" $rc
			done
		done
		printf "192.0.2.%s\n" 22 1 23 >list
		rc=0; hostlookup -r --confirm -f list || rc=$?; echo $rc
		cat messages >&2
	' >out 2>err
	for a in 13 22 23 24 25; do
		for options in "-r --confirm" -r "-r -e" "-r -e --confirm"; do
			echo "$a $options 5"
		done
		echo mismatch
		echo "$a -r --json --confirm 5"
	done >expected
	printf '192.0.2.1\tone.test\n5\n' >>expected
	diff -u expected out
	grep -qx "hostlookup: look up 192.0.2.22: its name 0xc0000216 is an address" err
	grep -qx "hostlookup: look up 192.0.2.25: its name 198.51.100.7 is an address" err
	run grep -c "is an address" err
	assert_output 27
	rm dns
	with_dns '
		hostlookup -r --confirm 192.0.2.27
		hostlookup --fqdn 192.0.2.1
		hostlookup --fqdn 192.0.2.99
		for a in 22 23 24 25; do
			rc=0; hostlookup --fqdn 192.0.2.$a || rc=$?; echo $rc
			rc=0; hostlookup --fqdn --json 192.0.2.$a 2>/dev/null | jq -r .error.code; echo ${PIPESTATUS[0]}
		done
	' >out 2>err
	diff -u - out <<-'OUT'
		name.test
		one.test
		192.0.2.99
		5
		mismatch
		5
		5
		mismatch
		5
		5
		mismatch
		5
		5
		mismatch
		5
	OUT
	grep -qx "hostlookup: look up 192.0.2.23: its name 192.0.535 is an address" err
}

@test "a PTR that is no name of a host is 5, and a line of the hosts file without a name is none" {
	printf '192.0.2.29\n' >hosts
	with_dns '
		for a in 3 26 28 29; do
			for options in -r "-r --confirm" --fqdn; do
				rc=0; hostlookup $options 192.0.2.$a || rc=$?; echo $rc
			done
		done
	' >out 2>err
	diff -u - out <<-'OUT'
		5
		5
		192.0.2.3
		0
		5
		5
		192.0.2.26
		0
		5
		5
		5
		3
		3
		192.0.2.29
		0
	OUT
	grep -qx "hostlookup: look up 192.0.2.26: the answer is no name of a host" err
	assert_equal "$(grep -cx "hostlookup: look up 192.0.2.28: its name . is no name of a host" err)" 3
	assert_equal "$(grep -cx "hostlookup: look up 192.0.2.29: it has no name" err)" 2
}

@test "-r takes addresses as lists hold them" {
	with_dns '
		six=6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2
		for query in 1.2.0.192.in-addr.arpa 1.2.0.192.IN-ADDR.ARPA. "[2001:db8::6]" $six.ip6.arpa ${six^^}.IP6.arpa.; do
			hostlookup -r "$query"
			hostlookup -r -t 20 "$query"
			hostlookup --json -r "$query" | jq -r .query
		done
		hostlookup -r --confirm 1.2.0.192.in-addr.arpa
		printf "1.2.0.192.in-addr.arpa\n192.0.2.1\n" | hostlookup -r -f -
	' >out
	six=6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2
	{
		printf 'one.test\none.test\n%s\n' 1.2.0.192.in-addr.arpa 1.2.0.192.IN-ADDR.ARPA.
		printf 'six.test\nsix.test\n%s\n' "[2001:db8::6]" "$six.ip6.arpa" "${six^^}.IP6.arpa."
		printf 'one.test\n1.2.0.192.in-addr.arpa\tone.test\n192.0.2.1\tone.test\n'
	} >expected
	diff -u expected out
	while IFS='|' read -r query reason; do
		for more in "" 127.0.0.1; do
			run --separate-stderr hostlookup -r "$query" $more
			assert_failure 2
			[[ $stderr == *"it is no address$reason"* ]] || fail "$query: $stderr"
		done
	done <<-END
		192.0.2.1:443| (leave the port out)
		[2001:db8::6]:443| (leave the port out)
		127.1:x| (leave the port out)
		host.test:80| (leave the port out)
		localhost| (leave -r out to look up a name)
		2.0.192.in-addr.arpa| (there are four numbers up to 255 before in-addr.arpa)
		1.1.2.0.192.in-addr.arpa| (there are four numbers up to 255 before in-addr.arpa)
		256.2.0.192.in-addr.arpa| (there are four numbers up to 255 before in-addr.arpa)
		1.2.0..in-addr.arpa| (there are four numbers up to 255 before in-addr.arpa)
		0.$six.ip6.arpa| (there are 32 hexadecimal digits before ip6.arpa)
		${six#6}6.ip6.arpa| (there are 32 hexadecimal digits before ip6.arpa)
		g${six#6}.ip6.arpa| (there are 32 hexadecimal digits before ip6.arpa)
		[127.0.0.1]|
		[::1|
		[]|
		a b|
	END
	# An IPv6 address without brackets has no port.
	while IFS='|' read -r query reason; do
		run --separate-stderr hostlookup -r "$query"
		assert_failure 2
		assert_equal "${stderr_lines[0]}" "hostlookup: '$query': $reason"
	done <<-'END'
		1::2::3|it is no address
		12345::|it is no address
		fe80::1%nosuch0|its zone is no interface of this machine
		http://192.0.2.1/|it is a URL (give its host alone)
	END
}

@test "-r of a network prints the names of its addresses, in order" {
	with_dns '
		status() { rc=0; "$@" || rc=$?; echo $rc; }
		status hostlookup -r 192.0.2.0/29
		status hostlookup -r 192.0.2.1/32
		status hostlookup -r -t 20 2001:db8::/124
		for options in "" -t20 --unordered; do
			status hostlookup -r $options 192.0.2.128/25
		done
		hostlookup -r --json 192.0.2.128/25 | jq -r .query,.error.code
		status hostlookup -r --confirm 192.0.2.0/30
		hostlookup -r --json -e 192.0.2.0/31 192.0.2.2/31 2>/dev/null | jq -c "[.query, .name, .addresses[0], .error.code]"
		printf "192.0.2.1\n192.0.2.0/30\n192.0.2.99\n192.0.2.128/25\n192.0.2.1\n" >list
		status hostlookup -r -f list
		status hostlookup -r --unordered 192.0.2.0/30 192.0.2.1 192.0.2.128/25 | sort
		: >asked
		hostlookup -r 192.0.2.0/29 192.0.2.0/29 192.0.2.1 >/dev/null || true
		sort asked | uniq -d
	' >out 2>err
	diff -u - out <<-'END'
		192.0.2.1	one.test
		192.0.2.2	liar.test
		192.0.2.4	nobody.test
		5
		192.0.2.1	one.test
		0
		2001:db8::6	six.test
		0
		3
		3
		3
		192.0.2.128/25
		not_found
		192.0.2.1	one.test
		5
		["192.0.2.1","one.test","192.0.2.1",null]
		["192.0.2.2","liar.test","192.0.2.2",null]
		["192.0.2.3",null,null,"mismatch"]
		192.0.2.1	one.test
		192.0.2.1	one.test
		192.0.2.2	liar.test
		192.0.2.1	one.test
		5
		192.0.2.1	one.test
		192.0.2.1	one.test
		192.0.2.2	liar.test
		5
	END
	none="hostlookup: look up 192.0.2.128/25: no address of it has a name"
	three="hostlookup: look up 192.0.2.3: the answer is no name of a host"
	{
		printf '%s\n' "$three" "$none" "$none" "$none" "$none"
		# --confirm
		echo "hostlookup: look up 192.0.2.2: its name liar.test does not resolve back to it"
		printf '%s\n' "$three" "$three" "hostlookup: look up 192.0.2.99: it has no name" "$none" "$three" "$none" "$three" "$three"
	} | sort >expected
	sort err | diff -u expected -
}

@test "a network is checked before anything is asked" {
	while IFS='|' read -r query reason; do
		run --separate-stderr hostlookup -r "$query"
		assert_failure 2
		assert_equal "${stderr_lines[0]}" "hostlookup: '$query': $reason"
		assert_equal "${#stderr_lines[@]}" 2
		run --separate-stderr hostlookup -r 127.0.0.1 "$query"
		assert_failure 2
		assert_equal "$stderr" "hostlookup: look up $query: $reason"
	done <<-'END'
		192.0.2.1/24|it is an address in a network (the network is 192.0.2.0/24)
		2001:db8::1/127|it is an address in a network (the network is 2001:db8::/127)
		10.0.0.0/15|it has more than 65536 addresses (an IPv4 network is /16 to /32)
		2001:db8::/111|it has more than 65536 addresses (an IPv6 network is /112 to /128)
		192.0.2.0/33|an IPv4 network is ADDR/16 to ADDR/32
		192.0.2.0/|an IPv4 network is ADDR/16 to ADDR/32
		192.0.2.0/24/8|an IPv4 network is ADDR/16 to ADDR/32
		::/129|an IPv6 network is ADDR/112 to ADDR/128
		10/16|it is no network ADDR/BITS
		/16|it is no network ADDR/BITS
		localhost/24|it is no network ADDR/BITS
		fe80::%lo/120|it is no network ADDR/BITS
	END
	run --separate-stderr hostlookup -r -e 127.0.0.0/31
	assert_failure 2
	assert_equal "${stderr_lines[0]}" "hostlookup: --ex with several names, or with a network, goes with --json"
}

@test "-r of the largest network: each of its addresses is asked once, in bounded memory" {
	with_dns '
		printf "127.0.0.1 localhost\n10.1.0.0 first.test\n10.1.255.255 last.test\n10.2.0.0 beyond.test\n" >hosts
		echo "hosts: files" >nsswitch
		hostlookup -r 10.1.0.0/16
	' >out
	assert_equal "$(cat out)" $'10.1.0.0\tfirst.test\n10.1.255.255\tlast.test'
}

@test "without memory there is an error, and never a name that is not known, or a part of the answer with status 0" {
	need cc
	is_sanitized && skip "the sanitizers come before what is preloaded"
	cat >short.c <<-'C'
		/* The allocation that NTH names fails. */
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <errno.h>
		#include <stdlib.h>
		void *
		malloc(size_t size)
		{
			static void *(*next)(size_t);
			static int nth = -1;
			if (next == NULL)
				next = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
			if (nth == -1)
				nth = getenv("NTH") != NULL ? atoi(getenv("NTH")) : 0;
			if (nth > 0 && --nth == 0) {
				errno = ENOMEM;
				return NULL;
			}
			return next(size);
		}
	C
	cc -shared -fPIC -o short.so short.c -ldl
	local command nth status unknown failures
	for command in "hostlookup -a localhost" "hostlookup localhost" "hostlookup -e localhost" "hostlookup -r 127.0.0.1" \
		"hostlookup -J --hostname" "servlookup 80" "servlookup -J 80"; do
		whole=$($command)
		unknown=0
		failures=0
		for nth in {1..90}; do
			status=0
			NTH=$nth LD_PRELOAD=$PWD/short.so $command >out 2>err || status=$?
			case $status in
			# glibc 2.41 leaves out aliases, and does not say so.
			0) assert_equal "$(grep -v '^alias: ' out)" "$(grep -v '^alias: ' <<<"$whole")" ;;
			1) failures=$((failures + 1)) ;;
			3) unknown=$((unknown + 1)) ;; # the C library has not said that it had no memory
			# The C library's own: it aborts, or follows a null pointer.
			134 | 139) ;;
			*) fail "$command, allocation $nth: $status, $(<err)" ;;
			esac
		done
		[ $unknown -le 2 ] || fail "$command: $unknown times not known"
		[ $failures -ge 1 ] || fail "$command: it has not failed"
	done
}
