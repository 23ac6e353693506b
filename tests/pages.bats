#!/usr/bin/env bats
# pages.bats - every command line of README.md, docs/ and the manuals is run as it is printed.

load helpers

setup() {
	need python3
	cd "$BATS_TEST_TMPDIR"
}

# pages PAGE ... - run the command lines of these pages.
pages() {
	PAGES_NAMESPACES=$(need_namespaces -nm && printf '%s\n' "${in_namespaces[@]}")
	export PAGES_NAMESPACES
	run python3 "$SOCKUTILS_SOURCE/tests/pages.py" "$@"
}

# run_pages PAGE ... - the same of pages of the tree.  What could not be run is named, as the reason for a skip.
run_pages() {
	are_right() { # a page has limits of time, which a busy machine may miss
		pages "${@/#/$SOCKUTILS_SOURCE/}"
		((status == 0))
	}
	in_three_tries are_right "$@" || fail "$output"
	output=${output//$SOCKUTILS_SOURCE\//}
	output=${output//skipped: /}
	[ -z "$output" ] || skip "${output//$'\n'/; }"
}

# run_text - the same of a page that is written here.
run_text() {
	cat >page.md
	pages page.md
}

@test "the examples of the manuals" {
	run_pages $(cd "$SOCKUTILS_SOURCE" && echo man/*.1)
}

@test "README.md" {
	run_pages README.md
}

@test "docs/architecture.md" {
	run_pages docs/architecture.md
}

@test "docs/coming-from.md" {
	run_pages docs/coming-from.md
}

@test "docs/performance.md" {
	run_pages docs/performance.md
}

@test "docs/tour.md" {
	run_pages docs/tour.md
}

@test "docs/cookbook.md" {
	run_pages docs/cookbook.md
}

@test "docs/install.md" {
	run_pages docs/install.md
}

@test "docs/releasing.md" {
	run_pages docs/releasing.md
}

@test "docs/many-machines.md" {
	run_pages docs/many-machines.md
}

@test "each page has its test here" {
	cd "$SOCKUTILS_SOURCE"
	for page in README.md docs/*.md; do
		grep -q "run_pages $page\$" tests/pages.bats || fail "nobody runs $page"
	done
}

@test "the recording of the README can be made again" {
	python3 -c 'import pty; pty.openpty()' 2>/dev/null || skip "there are no terminals here"
	"$SOCKUTILS_SOURCE/scripts/recording" torn.svg
	python3 - torn.svg <<-'PY'
		import sys
		import xml.dom.minidom
		texts = xml.dom.minidom.parse(sys.argv[1]).getElementsByTagName("text")
		said = "".join(text.firstChild.data for text in texts)
		for words in "Connection reset by peer", "were there before", "(verified)", "the same", "up again", "[==":
		    assert words in said, words
	PY
}

# What the driver finds, and what it does not take for a difference.

@test "what is shown is compared, but for ports, times and rates" {
	run_text <<-'END'
		```console
		$ sockecho-server --daemon --pidfile pid 0
		listening tcp 127.0.0.1 40123
		$ sockecho-client 127.0.0.1 40123 hello
		hello
		$ sockecho-client -J --connect-only 127.0.0.1:40123
		{"program":"sockecho-client","event":"connected",...,"port":40123,...}
		$ printf 'a\n%s\nb\n' 'rtt = 0.1/0.2 ms'
		a
		rtt = 5.55/6.66 ms
		b
		$ seq 5
		1
		...
		5

		$ seq 2 &
		2
		1
		$ sockecho-client -U no.sock x
		sockecho-client: connect to no.sock: No such file or directory
		$ echo $?
		6
		```
		<!-- any order: to see -->
		```console
		$ seq 2
		2
		1
		```
	END
	assert_output ""
	assert_success
}

# are_found FORMAT <TABLE - the part of each line before the | is the text, by printf's FORMAT; the rest is what is said.
are_found() {
	local text why
	while IFS='|' read -r text why; do
		# shellcheck disable=SC2059 # it is a format
		run_text < <(printf "$1" "$text")
		assert_failure
		assert_output --partial "$why"
	done
}

@test "another output, another port and a status that is not shown are found" {
	are_found '```console\n%b\n```\n' <<-'END'
		$ echo hello\nhallo|the output differs
		$ echo hello|the output differs
		$ seq 2\n2\n1|the output differs
		$ true\nhello|the output differs
		$ echo 'port 41000 port 41001'\nport 40123 port 40123|the output differs
		$ echo 4000 s\n4001 bytes|the output differs
		$ false|it exits with status 1
		$ false\n$ true|it exits with status 1
		$ false\n$ echo $?\n2|the output differs
		$ sockecho-server --daemon --json 0\n{}|the output differs
		hello|output before any command
	END
}

@test "two terminals, ^C, files, and what the reader does not see" {
	run_text <<-'END'
		# A file
		<!-- before: head -c 3000000 /dev/urandom >file -->
		```console
		there$ sockfile-recv --verify 0 copy
		listening tcp 127.0.0.1 43679
		here$ sockfile-send --verify 127.0.0.1 43679 file
		sockfile-send: sent 3000000 bytes to 127.0.0.1 port 43679 in 0.012 s (242 MiB/s)
		there$
		sockfile-recv: received 3000000 bytes from 127.0.0.1 port 42992 in 0.012 s (246 MiB/s) (verified)
		```
		The next one goes on in the same directory.
		<!-- after:
		cmp file copy
		echo of the same script -->
		```sh
		test -e copy
		```
		# Another section
		```console
		server$ sockecho-server 0
		listening tcp 127.0.0.1 40123
		$ sockecho-client 127.0.0.1 40123 hello
		hello
		server$ ^C
		$ sockecho-client 127.0.0.1 40123 hello
		sockecho-client: connect to 127.0.0.1 port 40123: Connection refused
		$ echo $?
		6
		$ ls
		```
		<!-- file: dir/hello.py -->
		```python
		print("hello")
		```
		```console
		$ python3 dir/hello.py
		hello
		```
		<!-- not run: it would take a day -->
		```sh
		exit 1
		```
	END
	assert_output ""
	assert_success
}

@test "a script that fails, in the block, before or after it, is found" {
	for text in '```sh\nfalse\ntrue\n```' '<!-- before: false -->\n```sh\ntrue\n```' '<!-- after: false -->\n```sh\ntrue\n```'; do
		run_text < <(printf '%b\n' "$text")
		assert_failure
		assert_output --partial "it exits with status 1"
	done
}

@test "a block that nobody runs, and a marker that is in the wrong place or says nothing, are found" {
	are_found '%b\n' <<-'END'
		```\ntrue\n```|'' is neither run nor written to a file
		```python\ntrue\n```|'python' is neither run nor written to a file
		<!-- not run: -->\n```sh\ntrue\n```|'not run:' says nothing
		<!-- not run: why -->\nText.\n```sh\ntrue\n```|'not run:' stands before no block
		<!-- before: true -->\n<!-- before: true -->\n```sh\ntrue\n```|a second 'before:'
		```sh\ntrue|the block does not end
	END
}

@test "in a table the commands of each cell run together" {
	need_namespaces -nm
	need ip nc.openbsd
	run_text <<-'END'
		<!-- network: host=192.0.2.2 -->
		<!-- rows: head -c 1000 /dev/urandom >file -->
		<!-- check: cmp file copy -->
		| you type | here | what is different |
		| --- | --- | --- |
		| `nc -l 4000 >copy`, `cat file \| nc -N host 4000` | `sockfile-recv '*' 4000 copy`, `sockfile-send host 4000 file` | `false` is not run |
		| `no-such-command file copy` | `cp file copy` | |
		| `false` <!-- not run: it fails --> | `false` | |

		<!-- servers: true -->
		<!-- check: [ "$(sockecho-client host 4000 hello)" = hello ] -->
		| you type | here |
		| --- | --- |
		| | `sockecho-server '*' 4000` |
	END
	assert_success
	assert_output "skipped: $PWD/page.md:7: no-such-command is not installed"
}

@test "a cell that fails, or whose check does, is found" {
	need_namespaces -nm
	need ip
	while IFS='|' read -r markers command why; do
		run_text < <(printf '%b\n' '<!-- network: host -->' "$markers" '| you type |' '| --- |' "| \`$command\` |")
		assert_failure
		assert_output --partial "$why"
	done <<-'END'
		<!-- rows: true -->|false|it exits with status 1
		<!-- rows: true -->\n<!-- check: exit 4 -->|true|it exits with status 4
		<!-- rows: true --> <!-- check: false -->|true|two comments in one line
		<!-- rows: exit 3 -->|true|it exits with status 3
		<!-- servers: true -->|false|it has ended before the check
	END
}

@test "nothing that a page starts is left" {
	export kept=$BATS_TEST_TMPDIR
	run_text <<-'END'
		```sh
		sockecho-server --daemon --pidfile "$kept/daemon" 0
		sockecho-server 0 &
		echo $! >"$kept/background"
		setsid sh -c 'echo $$ >"$kept/session"; exec sleep 1000' &
		until [ -s "$kept/session" ]; do sleep 0.01; done
		cd "$kept" && cp daemon kept
		```
	END
	assert_output ""
	assert_success
	for file in kept background session; do
		run kill -0 "$(<"$file")"
		assert_failure
	done
}

@test "in a network of its own a page has its names, addresses and ports" {
	need_namespaces -nm
	need ip
	run_text <<-'END'
		<!-- network: there=192.0.2.2 here=192.0.2.1 db.local -->
		<!-- before: head -c 1000 /dev/zero >file -->
		```console
		there$ sockfile-recv '*' 4000 copy
		listening tcp * 4000
		here$ sockfile-send -q there 4000 file
		there$
		sockfile-recv: received 1000 bytes from 192.0.2.2 port 40000 in 0.012 s (246 MiB/s) (not verified)
		$ hostlookup db.local
		127.0.0.1
		```
	END
	assert_output ""
	assert_success
}

@test "a section whose commands or namespaces are not there is skipped, and says so" {
	cat >page.md <<-'END'
		# One
		<!-- needs: sh no-such-command -->
		```sh
		false
		```
		# Two
		<!-- network: there -->
		```sh
		false
		```
	END
	PAGES_NAMESPACES="" run python3 "$SOCKUTILS_SOURCE/tests/pages.py" page.md
	assert_success
	assert_line "skipped: page.md:1: no-such-command is not installed"
	assert_line "skipped: page.md:6: unshare -nm is not allowed here"
	run_text < <(printf '<!-- before: echo no such device; exit 77 -->\n```sh\nfalse\n```\n')
	assert_success
	assert_output --partial "page.md:1: no such device"
	run_text < <(printf '%s\n' '<!-- rows: echo no such device; exit 77 -->' '| you type |' '| --- |' '| `false` |')
	assert_success
	assert_output --partial "page.md:1: no such device"
	run_text < <(printf '```sh\nexit 77\n```\n')
	assert_failure
}
