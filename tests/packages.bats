#!/usr/bin/env bats
# packages.bats - what distributions and machines get beside the programs: units of systemd, the image, lists.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
	systemd=$SOCKUTILS_BUILD/systemd
}

# unit NAME - put both units of a template here, as systemd would read them for port 4000, with the programs of the build.
unit() {
	sed "s,^ExecStart=[^ ]*/,ExecStart=$SOCKUTILS_BUILD/," "$systemd/$1@.service" >"$1@4000.service"
	cp "$SOCKUTILS_SOURCE/systemd/$1@.socket" "$1@4000.socket"
	sed -i /^Documentation=/d "$1@4000.service" "$1@4000.socket" # no manual is installed
}

@test "systemd understands the units, and they leave a server little" {
	need systemd-analyze
	local name
	for name in sockecho sockfile-recv; do
		unit "$name"
		for file in "$name@4000.socket" "$name@4000.service"; do
			run env SYSTEMD_UNIT_PATH="$PWD:" systemd-analyze verify "$PWD/$file"
			[[ $output != *"bus"* ]] || skip "systemd-analyze: $output"
			assert_output ""
			assert_success
		done
		run systemd-analyze security --offline=true "$PWD/$name@4000.service"
		[[ $output != *"nrecognized option"* ]] || continue
		[[ $output =~ "Overall exposure level for "[^:]*": "([0-9.]+) ]] || fail "$output"
		[ "${BASH_REMATCH[1]%.*}" -lt 2 ] || fail "${BASH_REMATCH[0]}"
	done
}

# activated NAME - start the service as systemd would when somebody connects to a path, ./NAME.sock.
activated() {
	local command words
	unit "$1"
	command=$(sed -n 's/^ExecStart=//p' "$1@4000.service")
	command=${command//%S\/sockfile-recv\/%i/$PWD/state} command=${command//\$OPTIONS/}
	read -ra words <<<"$command"
	in_background systemd-socket-activate -l "$PWD/$1.sock" "${words[@]}" >"$1.out" 2>"$1.err"
	until_true 20 test -S "$1.sock"
}

@test "the units' commands serve the socket that they are handed" {
	need systemd-socket-activate
	activated sockecho
	run --separate-stderr sockecho-client --wait 10 -U sockecho.sock hello
	assert_output hello
	kill "$last_pid"
	mkdir state
	head -c 100000 /dev/urandom >one
	head -c 1000 /dev/urandom >two
	activated sockfile-recv
	for file in one two; do
		run --separate-stderr sockfile-send --verify --wait 10 -U sockfile-recv.sock "$file"
		assert_success
		cmp "$file" "state/$file"
	done
	kill "$last_pid"
}

@test "a list of what a release consists of is JSON, with the archive's sum" {
	need python3
	echo archive >archive
	SOURCE_DATE_EPOCH=1700000000 "$SOCKUTILS_SOURCE/scripts/sbom" archive 1.2.3 >list
	run python3 - "$(sha256sum archive | cut -d ' ' -f 1)" <<-'PY'
		import json, sys
		bom = json.load(open("list"))
		root = bom["metadata"]["component"]
		assert bom["bomFormat"] == "CycloneDX" and bom["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"
		assert root["version"] == "1.2.3" and root["hashes"] == [{"alg": "SHA-256", "content": sys.argv[1]}]
		refs = {c["bom-ref"] for c in bom["components"]}
		assert refs == set(bom["dependencies"][0]["dependsOn"]) and "libbsd" in refs, refs
		assert all(c["licenses"] for c in bom["components"])
	PY
	assert_success
	run "$SOCKUTILS_SOURCE/scripts/sbom" nosuch 1.2.3
	assert_failure
}

@test "what packages and the image name is there" {
	cd "$SOCKUTILS_SOURCE"
	[ "$(sed -n '1s/.*(\(.*\)-[0-9]*).*/\1/p' packaging/debian/changelog)" = "$(sed -n 's/^AC_INIT(\[sockutils\], \[\([^]]*\)\].*/\1/p' configure.ac)" ] ||
		fail "packaging/debian/changelog is of another version"
	for word in $(grep -ohE '(scripts|\.)/[a-z]+' Containerfile .github/workflows/check.yml packaging/debian/rules | sort -u); do
		case $word in ./configure) continue ;; esac # bootstrap makes it
		[ -x "$word" ] || fail "there is no $word"
	done
	run grep -oE '[a-z]+\.bats' packaging/debian/tests/suite
	for file in $output; do
		[ -e "tests/$file" ] || fail "packaging/debian/tests/suite names $file, which is not there"
	done
}
