#!/usr/bin/env bats
# long-install.bats - the commands of docs/install.md, in a bare Debian: SOCKUTILS_ROOT names its root directory, as
# debootstrap --variant=minbase makes it.  It is copied, and apt must work in the copy.

load helpers

setup() {
	[ -n "${SOCKUTILS_ROOT-}" ] || skip "SOCKUTILS_ROOT names no bare root directory"
	need_root
	cd "$BATS_TEST_TMPDIR"
	cp -a "$SOCKUTILS_ROOT" root
	cp -L /etc/resolv.conf root/etc/ || true
	mount -t proc proc root/proc || skip "nothing can be mounted here"
	mkdir root/src
	tar -c -C "$SOCKUTILS_SOURCE" --exclude ./build --exclude './build-[!a]*' --exclude ./build-asan --exclude './*.log' . |
		tar -x -C root/src
}

teardown() {
	end_processes
	! mountpoint -q root/proc || umount root/proc
}

# way HEADING - run the first commands of that part.  They are at most three.
way() {
	awk -v heading="## $1" '
		/^## / { inside = $0 == heading }
		inside && /^```/ { if (++n == 2) exit; next }
		inside && n == 1' "$SOCKUTILS_SOURCE/docs/install.md" |
		sed 's,^git clone URL sockutils,git clone -q file:///src /sockutils,; s,cd sockutils$,cd /sockutils,' >root/commands
	[ -s root/commands ]
	[ "$(wc -l <root/commands)" -le 3 ]
	chroot root sh -euxc "cd ${2:-/src}; . /commands" >said 2>&1 3>&- || fail "$(tail -n 30 said)"
}

# works DIR - the programs in DIR do what they are for.
works() {
	run --separate-stderr chroot root "$1/servlookup" ssh
	assert_output 22
	run --separate-stderr chroot root "$1/hostlookup" 127.1
	assert_output 127.0.0.1
	start_server chroot root "$1/sockecho-server" 0
	run --separate-stderr chroot root "$1/sockecho-client" --expect echo "$host" "$port" hello
	assert_output hello
	stop_server
}

@test "a Debian package" {
	way "A Debian package"
	works /usr/bin
	run chroot root dpkg-query -W -f '${Depends}' sockutils
	assert_output --regexp '^libc6 \(>= [0-9.]+\)$'
}

@test "an archive" {
	chroot root sh -euxc 'cd /src; scripts/packages build; ./bootstrap; mkdir /out; cd /out; /src/configure -q; make -s dist' >said 2>&1 3>&- ||
		fail "$(tail -n 30 said)"
	way "An archive" /out
	works /usr/local/bin
}

@test "source" {
	[ -e root/src/.git ] || skip "these sources are no clone"
	chroot root sh -c 'apt-get update && apt-get install -y --no-install-recommends git && git config --global safe.directory "*"' >said 2>&1 3>&-
	way "Source" /
	works /usr/local/bin
}

@test "static programs, in an empty root" {
	way "Static programs"
	mv root/srv/sockutils empty
	umount root/proc
	rm -rf root
	mv empty root
	works /bin
}
