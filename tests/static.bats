#!/usr/bin/env bats
# static.bats - programs of --enable-static-binaries: nothing but the program, and nothing of the machine's.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
	grep -q -- -DSTATIC_BINARIES "$SOCKUTILS_BUILD/Makefile" ||
		skip "the programs are not static (configure --enable-static-binaries; scripts/check builds such)"
}

# empty_root - make the directory root, with the programs and no other file.  Sets in_root: "${in_root[@]}" PROGRAM
# runs it there.
empty_root() {
	local program
	mkdir -p root
	for program in $SOCKUTILS_PROGRAMS; do
		cp "$SOCKUTILS_BUILD/$program" root
	done
	in_root=(chroot "$PWD/root")
	"${in_root[@]}" /servlookup -q 80 >/dev/null 2>&1 && return
	in_root=(unshare --map-root-user chroot "$PWD/root")
	"${in_root[@]}" /servlookup -q 80 >/dev/null 2>&1 || skip "neither chroot nor unshare is allowed here"
}

@test "the programs need no shared library and no loader" {
	need readelf
	for program in $SOCKUTILS_PROGRAMS; do
		readelf -lWd "$SOCKUTILS_BUILD/$program" >said
		run grep -E 'NEEDED|INTERP' said
		assert_output ""
	done
}

@test "in an empty root: addresses, services, messages, and what cannot be known there" {
	empty_root
	run --separate-stderr "${in_root[@]}" /hostlookup 127.1
	assert_output 127.0.0.1
	run --separate-stderr "${in_root[@]}" /servlookup ssh 80
	assert_output $'ssh\t22\n80\thttp'
	start_server "${in_root[@]}" /sockecho-server --port-file /port 0
	run --separate-stderr "${in_root[@]}" /sockwait -t 10 127.0.0.1:@/port
	assert_success
	run --separate-stderr "${in_root[@]}" /sockecho-client 127.0.0.1 @/port hello
	assert_output hello
	run --separate-stderr "${in_root[@]}" /sockecho-client -t 10 localhost @/port hello
	[ "$status" = 3 ] || [ "$status" = 4 ]
	mkdir root/etc
	echo "127.0.0.1 localhost" >root/etc/hosts
	run --separate-stderr "${in_root[@]}" /sockecho-client localhost @/port hello
	assert_output hello
	stop_server
	assert_equal "$server_status" 0
	run --separate-stderr "${in_root[@]}" /sockecho-server --user nobody 0
	assert_failure 2
	# The modules for the file's users are shared libraries.
	echo "passwd: nosuch" >root/etc/nsswitch.conf
	echo "somebody:x:0:0::/:/x" >root/etc/passwd
	echo "somebody:x:0:" >root/etc/group
	start_server "${in_root[@]}" /sockecho-server --user somebody 0
	stop_server
	assert_equal "$server_status" 0
}

@test "in an empty root: a file, encrypted and checked" {
	empty_root
	head -c 300000 /dev/urandom >root/in
	grep -q 'DHAVE_OPENSSL' "$SOCKUTILS_BUILD/Makefile" || skip "built without OpenSSL"
	(umask 077 && head -c 36 /dev/urandom | base64 >root/key)
	# A configuration that asks for a module would be an error.
	mkdir -p root/usr/lib/ssl root/etc/ssl
	printf 'openssl_conf = a\n[a]\nproviders = b\n[b]\nnosuch = c\n[c]\nmodule = /nosuch.so\nactivate = 1\n' |
		tee root/usr/lib/ssl/openssl.cnf >root/etc/ssl/openssl.cnf
	start_server "${in_root[@]}" /sockfile-recv --key /key --sha256 "$(sha256sum <root/in | cut -c1-64)" 0 /out
	run --separate-stderr "${in_root[@]}" /sockfile-send --key /key "$host" "$port" /in
	assert_success
	sock_wait server
	assert_equal "$server_status" 0
	cmp root/in root/out
}

@test "no module of the machine's resolver is loaded, and the files are read" {
	need_trace
	need_namespaces -mn
	echo "192.0.2.7 seven.test" >hosts
	printf 'hosts: nosuch [NOTFOUND=return] files\nservices: nosuch\n' >nsswitch.conf
	echo "seventy 7070/tcp" >services
	# shellcheck disable=SC2016 # for the inner shell
	run --separate-stderr "${in_namespaces[@]}" sh -euc '
		for file in hosts nsswitch.conf services; do
			[ -e "/etc/$file" ] || exit 77
			mount --bind "$file" "/etc/$file"
		done
		strace -f -qq -o trace -e trace=?open,openat hostlookup seven.test
		strace -f -qq -A -o trace -e trace=?open,openat hostlookup -r 192.0.2.7
		strace -f -qq -A -o trace -e trace=?open,openat servlookup seventy'
	[ "$status" != 77 ] || skip "this machine has no such files"
	assert_success
	assert_output $'192.0.2.7\nseven.test\n7070'
	grep -q '/etc/hosts' trace
	run grep -E '\.so|ld\.so\.cache' trace
	assert_output ""
}

@test "a name beyond ASCII is told as such" {
	run --separate-stderr hostlookup bücher.test
	assert_failure 2
	assert_equal "$stderr" "hostlookup: look up bücher.test: this program was built without names beyond ASCII (its xn-- form can be asked for)"
}
