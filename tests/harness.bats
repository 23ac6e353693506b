#!/usr/bin/env bats
# harness.bats - what runs the tests, and what a newcomer meets first: the driver, the limits, scripts/.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
	mkdir tree stubs
	cp -R "$SOCKUTILS_SOURCE"/{scripts,bootstrap,configure.ac,Makefile.am,m4} tree
	chmod -R u+w tree
	# Debian's, as far as scripts/packages looks: nothing is missing, and nothing can be installed.
	stub dpkg-query 'echo installed'
	stub apt-get 'exit 100'
	PATH=$PWD/stubs:$PATH
}

# stub NAME SCRIPT - a command of that name comes first.
stub() {
	printf '#!/bin/sh\n%s\n' "$2" >"stubs/$1"
	chmod +x "stubs/$1"
}

# only "COMMAND ..." COMMAND-LINE - run it where PATH has these commands, and no other.
only() {
	local command
	mkdir -p only
	for command in $1; do
		ln -sf "$(command -v "$command")" only
	done
	shift
	PATH=$PWD/only "$@"
}

# drive SCRIPT [option ...] - what the driver says of a test program.
drive() {
	local script=$1
	shift
	printf '#!/bin/sh\n%s\n' "$script" >program
	sh "$SOCKUTILS_SOURCE/tests/driver" "$SOCKUTILS_SOURCE/build-aux/tap-driver.sh" --test-name tests/x.bats \
		--log-file log --trs-file trs "$@" -- sh program >told
	grep '^tests' told | sed 's/, in [0-9]* s$//' || true
}

@test "the driver says which tests failed and why, which were skipped and why, and how many" {
	run drive 'printf "1..4\nok 1 a\nnot ok 2 b\n# (line 7)\n#   failed\nok 3 c # skip no IPv6\nok 4 d\n"; exit 1' --ignore-exit
	assert_output 'tests/x.bats: not ok 2 b
tests/x.bats: # (line 7)
tests/x.bats: #   failed
tests/x.bats: skipped: no IPv6
tests/x.bats: 2 passed, 1 failed, 1 skipped'
	run drive 'echo "1..0 # SKIP bats is not installed"'
	assert_output 'tests/x.bats: skipped: bats is not installed
tests/x.bats: 0 passed, 0 failed, 1 skipped'
}

@test "the driver: what says nothing, or ends early, has failed, and its last words are shown" {
	run drive 'printf "1..2\nok 1 a\n"; echo "a sanitizer speaks" >&2; exit 1' --ignore-exit
	assert_line --partial "tests/x.bats: error: too few tests run"
	assert_line "tests/x.bats: a sanitizer speaks"
	assert_line "tests/x.bats: 1 passed, 1 failed, 0 skipped"
}

@test "the driver: signals that are ignored where it runs are not ignored by the tests" {
	env --default-signal true 2>/dev/null || skip "env --default-signal is not known here"
	trap "" PIPE INT
	run drive 'sh -c "kill -PIPE \$\$"; [ $? = 141 ] || printf "not "
		echo ok 1; sh -c "kill -INT \$\$"; [ $? = 130 ] || printf "not "
		echo ok 2; echo 1..2'
	trap - PIPE INT
	assert_output "tests/x.bats: 2 passed, 0 failed, 0 skipped"
}

@test "a unit test that fails is counted once; a sanitizer's status counts where none failed" {
	unit=(sh "$SOCKUTILS_SOURCE/tests/unit/run" sh -c)
	run "${unit[@]}" 'echo "not ok 1 - a"; exit 1'
	assert_success
	assert_output "not ok 1 - a"
	run "${unit[@]}" 'echo "ok 1 - a"; exit 23'
	assert_failure 23
	run "${unit[@]}" 'echo "# skip: no IPv6"; echo "not ok 1 # SKIP a"; echo "ok 2 - b"; exit 3'
	assert_failure 3
	assert_output $'ok 1 a # SKIP no IPv6\nok 2 - b'
}

@test "a test that hangs is ended, with all that it has started" {
	# Not as it stands: bats would take these tests for this file's.
	sed 's/^test/@&/' >hangs.bats <<-'BATS'
		load "$SOCKUTILS_SOURCE/tests/helpers"
		test "hangs" { run bash -c 'sleep 60 | cat'; }
		test "the next one" { true; }
	BATS
	BATS_TEST_TIMEOUT=1 on_time 1 1000 15000 bats --tap hangs.bats >told
	grep -q "^not ok 1 hangs # timeout after 1" told
	grep -q "^ok 2 the next one" told
}

@test "no Debian: the packages are named, and it goes on" {
	run only dirname tree/scripts/packages build
	assert_success
	assert_line --index 0 "This is no Debian: have these installed, under the names that they have here:"
	assert_line --index 1 --partial "gcc make autoconf"
	assert_equal "${#lines[@]}" 2
}

@test "neither root nor sudo: the command that root is to run" {
	stub dpkg-query 'exit 1'
	stub id 'echo 1000'
	run only "dirname dpkg-query apt-get id" tree/scripts/packages build
	assert_failure 1
	assert_output --partial "apt-get install --no-install-recommends gcc make"
	assert_equal "${#lines[@]}" 1
}

@test "another apt at work is waited for; one that fails says why" {
	stub dpkg-query 'exit 1'
	stub id 'echo 0'
	stub sleep ''
	stub apt-get 'echo "$*" >>asked
		[ "$(wc -l <asked)" -gt 3 ] || { echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7"; exit 100; }'
	run tree/scripts/packages build
	assert_success
	assert_line "another apt is at work; waiting for it to end ..."
	grep -q "install --no-install-recommends gcc" tree/asked
	stub apt-get 'echo "E: Unable to locate package gcc"; exit 100'
	run tree/scripts/packages build
	assert_failure 1
	assert_line "E: Unable to locate package gcc"
	assert_line --partial "packages.log has it all"
	stub id 'echo 1000'
	stub sudo 'echo "sudo: a password is required"; exit 1'
	run tree/scripts/packages build
	assert_failure 1
	assert_line "sudo: a password is required"
	assert_line --partial "have this done as root: apt-get install --no-install-recommends gcc make"
}

@test "bootstrap names what is missing" {
	run only dirname tree/bootstrap
	assert_failure 1
	assert_output "bootstrap: autoconf is missing: install autoconf, automake and pkg-config (scripts/packages does on Debian)"
}

@test "check ends with its line: nothing to install with, no tools at all" {
	stub dpkg-query 'exit 1'
	stub id 'echo 0'
	run tree/scripts/check
	assert_failure 1
	assert_equal "${lines[-1]}" "0 passed, 1 failed, 0 skipped"
	run only "awk bash chmod cut dirname find grep head id mkdir nproc sed sort stat tail tee uniq wc" tree/scripts/check
	assert_failure 1
	assert_line "check: bats is missing: its tests cannot be run"
	assert_line --partial "bootstrap: autoconf is missing"
	[[ ${lines[-1]} =~ ^"0 passed, "[1-9]" failed, 0 skipped"$ ]]
}

@test "check shows each file, the tests that failed, and why tests were skipped" {
	stub autoreconf ': >configure; : >Makefile.in; chmod +x configure; echo ": >Makefile" >configure'
	for tool in autoconf automake pkg-config gcc clang bats; do
		stub $tool 'echo 12'
	done
	stub gcc 'case "$*" in *-static*) exit 1;; esac; echo 12'
	stub make 'case "$*" in
		*distcheck*) echo "PASS: tests/a.bats 1 x"; echo "tests/a.bats: skipped: no IPv6"; echo "tests/a.bats: 1 passed, 0 failed, 1 skipped, in 3 s";;
		*check*) echo "tests/b.bats: not ok 1 y"; echo "tests/b.bats: # why"; echo "tests/b.bats: 2 passed, 1 failed, 0 skipped, in 3 s"; exit 2;;
		esac'
	run tree/scripts/check
	assert_failure 1
	assert_line "tests/a.bats: 1 passed, 0 failed, 1 skipped, in 3 s"
	assert_line "tests/b.bats: # why"
	assert_line --regexp "^ +1 skipped: no IPv6$"
	refute_line --partial "PASS"
	assert_line --partial "static programs ... left out"
	assert_equal "${lines[-1]}" "3 passed, 1 failed, 1 skipped"
	# What is newer than its sources is not made again.
	stub autoreconf 'exit 1'
	run tree/scripts/check
	assert_equal "${lines[-1]}" "3 passed, 1 failed, 1 skipped"
	touch -d "1 hour" tree/m4/*
	run tree/scripts/check
	assert_equal "${lines[-1]}" "0 passed, 2 failed, 0 skipped"
}

@test "a check that is broken off says so, and leaves nothing that cannot be removed" {
	stub autoreconf ': >configure; : >Makefile.in; chmod +x configure; echo ": >Makefile" >configure'
	for tool in autoconf automake pkg-config gcc clang bats; do
		stub $tool 'echo 12'
	done
	stub make 'mkdir -p build-check/sockutils-1/read-only; : >build-check/sockutils-1/read-only/file
		chmod -R a-w build-check/sockutils-1; kill -TERM $PPID'
	run tree/scripts/check
	assert_failure 143
	assert_line --partial "check: interrupted"
	assert_equal "${lines[-1]}" "0 passed, 1 failed, 0 skipped"
	[ "$(stat -c %A tree/build-check/sockutils-1/read-only | cut -c3)" = w ]
}

@test "a tree of somebody else's: whose it is, in one line" {
	: >tree/build.log
	chmod a-w tree/build.log
	# Root may write everywhere, unless it has no capabilities.
	someone=()
	[ ! -w tree/build.log ] || someone=(setpriv --bounding-set -all --inh-caps -all)
	"${someone[@]}" true || skip "root may not give its capabilities up"
	for script in demo check; do
		run "${someone[@]}" tree/scripts/$script
		assert_failure 1
		assert_line --index 0 --regexp "^$script: .*/tree/build.log belongs to $(id -un), and .* may not write there: have it removed, or make a clone of your own"
	done
	assert_equal "${lines[-1]}" "0 passed, 1 failed, 0 skipped"
}

@test "sock_start: what ends before it is ready fails at once, with what it said" {
	run sock_start early sh -c 'echo half a word; echo why >&2; exit 3'
	assert_failure 1
	assert_output $'half a word\nwhy'
}

@test "sock_start: readiness on standard error beside data, and as a record; sock_wait and sock_stop" {
	sock_start data sh -c 'echo data; echo a note >&2; echo listening unix sock >&2; exit 7'
	assert_equal "$data_transport $data_host" "unix sock"
	sock_start record sh -c 'echo "{\"event\":\"listening\",\"transport\":\"tcp\",\"address\":\"::1\",\"port\":7}"; exec sleep 60'
	assert_equal "$record_transport $record_host $record_port" "tcp ::1 7"
	assert_equal "$transport $host $port" "tcp ::1 7"
	sock_wait data
	assert_equal "$data_status" 7
	sock_stop record KILL
	assert_equal "$record_status" 137
	assert_equal "$(cat "$BATS_TEST_TMPDIR/data.out")" data
}
