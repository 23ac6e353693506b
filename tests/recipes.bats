#!/usr/bin/env bats
# recipes.bats - what docs/cookbook.md and docs/many-machines.md promise beyond the command lines that they show.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
	devices=()
}

teardown() {
	end_processes
	local device
	for device in "${devices[@]}"; do
		losetup --detach "$device"
	done
}

# need_machines NAME ... - machines for GNU parallel (tests/machines).
need_machines() {
	need parallel sshd ssh ssh-keygen
	# parallel keeps its state in the home directory.
	export HOME=$BATS_TEST_TMPDIR
	run --separate-stderr "$SOCKUTILS_SOURCE/tests/machines" "$@"
	[ "$status" != 77 ] || skip "$output"
	assert_success
}

# look_up COMMAND - what the page does with the list "names", in small blocks.
look_up() {
	parallel --sshloginfile machines --jobs 1 --pipe --block 4k --keep-order --retries 3 --joblog log "$1" \
		<names >answers 2>err
}

@test "a machine that is lost under way: its block is looked up again elsewhere, nothing is missing or there twice" {
	need_machines alpha beta
	for i in {1..2000}; do echo "127.0.$((i / 250)).$((i % 250))"; done >names
	# The first block of beta is half looked up when the sshd of its connection is killed.
	cat >lookup <<-'SH'
		#!/bin/sh
		if [ "$PARALLEL_SSHHOST" = beta ] && mkdir ../lost 2>/dev/null; then
			head -n 100 | hostlookup -f -
			pid=$$
			until grep -q "^sshd" "/proc/$pid/comm"; do # sshd-session since OpenSSH 9.8
				[ "$pid" -gt 1 ] || exit 1
				pid=$(sed -n 's/^PPid:\t//p' "/proc/$pid/status")
			done
			exec kill -KILL "$pid"
		fi
		hostlookup -f - || [ $? -lt 125 ]
	SH
	chmod +x lookup
	look_up ../lookup
	[ -e lost ]
	cut -f1 answers | diff names -
}

@test "a machine that cannot be reached is left out" {
	need_machines alpha
	echo "1/ssh -F $PWD/no_such_file beta" >>machines
	for i in {1..1000}; do echo "127.0.0.$((i % 250))"; done >names
	# shellcheck disable=SC2016 # for the machine
	look_up 'hostlookup -f - || [ $? -lt 125 ]'
	cut -f1 answers | diff names -
}

# servers_share PORT - 200 connections, of which each of the servers "one" and "two" serves some.
servers_share() {
	sockecho-client --ping -q -c 1 --clients 200 127.0.0.1 "$1"
	until_true 20 all_served 200
	for server in one two; do
		[ "$(grep -c accepted "$server.out")" -ge 50 ]
	done
}

all_served() {
	[ "$(cat one.out two.out | grep -c closed)" = "$1" ]
}

@test "servers share a port by --reuseport, and one that is left has all of it" {
	sock_start one sockecho-server --json --reuseport 0
	sock_start two sockecho-server --json --reuseport "$port"
	servers_share "$port"
	sock_stop two
	sockecho-client --ping -q -c 1 --clients 10 127.0.0.1 "$port"
	until_true 20 all_served 210
}

@test "servers share a port when a service manager hands each a socket of it" {
	need python3
	in_background python3 -c '
import os, socket
port = 0
for name in ("one.out", "two.out"):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    port = listener.getsockname()[1]
    if os.fork() == 0:
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT, 0o666), 1)
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)
        os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
        os.execvp("sockecho-server", ["sockecho-server", "--json"])
os.wait()
'
	until_true 20 sock_is_ready one
	until_true 20 sock_is_ready two
	servers_share "$port"
}

@test "the health check in a root that holds nothing but the program" {
	! is_sanitized || skip "a sanitizer needs /proc"
	need ldd chroot
	start_server sockecho-server 127.0.0.1 0
	mkdir root
	cp "$SOCKUTILS_BUILD/sockwait" root
	# A static program has no libraries.
	for library in $(ldd root/sockwait | grep -o '/[^ ]*'); do
		mkdir -p "root$(dirname "$library")"
		cp "$library" "root$library"
	done
	# There a user may change the root.
	need_namespaces -u
	run --separate-stderr "${in_namespaces[@]}" chroot root /sockwait -q -n -t 0 "127.0.0.1:$port"
	assert_success
	stop_server
	run --separate-stderr "${in_namespaces[@]}" chroot root /sockwait -q -n -t 0 "127.0.0.1:$port"
	assert_failure 124
	[[ $stderr == *"Connection refused"* ]]
}

@test "a disk image is a device, on either end" {
	need losetup
	local disk copy
	head -c 4M /dev/urandom >disk.img
	truncate -s 4M copy.img
	disk=$(losetup --show --find disk.img 2>&1) || skip "$disk"
	devices+=("$disk")
	copy=$(losetup --show --find copy.img 2>&1) || skip "$copy"
	devices+=("$copy")
	sock_run receiver sockfile-recv --port-file port 127.0.0.1 0 image
	run sockfile-send --verify --wait 20 127.0.0.1 @port "$disk"
	assert_success
	sock_wait receiver
	cmp disk.img image
	sock_run receiver sockfile-recv --port-file port 127.0.0.1 0 "$copy"
	run sockfile-send --verify --wait 20 127.0.0.1 @port image
	assert_success
	sock_wait receiver
	assert_equal "$receiver_status" 0
	cmp disk.img "$copy"
}
