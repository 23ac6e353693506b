#!/usr/bin/env bats
# long-packages.bats - the archive, the Debian packages, and static programs with musl: each built as a user would.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# tree DIR - a copy of the sources, as an archive has them, with ./configure.
tree() {
	mkdir -p "$1"
	tar -c -C "$SOCKUTILS_SOURCE" --exclude ./build --exclude './build-[!a]*' --exclude ./build-asan --exclude ./.git --exclude './*.log' . | tar -x -C "$1"
	[ -x "$1/configure" ] || (cd "$1" && ./bootstrap >/dev/null 2>&1)
}

# archive DIR - make the archive there, with the time given.
archive() (
	cd "$1"
	./configure -q >/dev/null 2>&1
	SOURCE_DATE_EPOCH=1700000000 make -s dist >/dev/null
	cp sockutils-*.tar.gz sockutils-*.cdx.json ..
)

@test "make dist makes the same bytes in another place, at another time, by another user's umask" {
	tree one/here
	(umask 077 && tree two/somewhere-else)
	archive one/here
	find two -exec touch -h -d '2001-02-03' {} +
	# What is made from others must not be older than they.
	(cd two/somewhere-else && ./bootstrap >/dev/null 2>&1)
	(cd one/here && ./bootstrap >/dev/null 2>&1)
	(umask 077 && TZ=Asia/Tokyo archive two/somewhere-else)
	(cd one && sha256sum sockutils-*) >sums
	(cd two && sha256sum --check ../sums)
	[ "$(wc -l <sums)" = 2 ]
	tar -tvf one/sockutils-*.tar.gz >listed
	run grep -v ' 0/0 .* 2023-11-14 22:13 ' listed
	assert_output ""
}

@test "an archive is signed, and checked, as docs/releasing.md says" {
	need gpg
	# A path of a socket in it must be short.
	GNUPGHOME=$(mktemp -d)
	export GNUPGHOME
	gpg -q --batch --passphrase '' --quick-gen-key releaser ed25519 sign never
	echo archive >sockutils-0.1.0.tar.gz
	echo list >sockutils-0.1.0.cdx.json
	sed -nE 's/^ +(sha256sum|gpg)/\1/p' "$SOCKUTILS_SOURCE/docs/releasing.md" >commands
	[ "$(wc -l <commands)" = 4 ]
	run bash -euxc "$(cat commands)"
	assert_success
	echo more >>sockutils-0.1.0.tar.gz
	run bash -euc "$(cat commands | tail -n 1)"
	assert_failure
	gpgconf --kill all
	rm -rf "$GNUPGHOME"
}

@test "scripts/package builds packages that lintian has nothing against, and that need libc6 alone" {
	need dpkg-buildpackage dh lintian
	tree tree
	cd tree
	run scripts/package
	assert_success
	cd build-package
	for package in sockutils libsockutil-dev; do
		[ -e "$package"_*.deb ] || fail "there is no package $package"
	done
	run dpkg-deb -f sockutils_*.deb Depends
	assert_output --regexp '^libc6 \(>= [0-9.]+\)$'
	# What an older lintian, or a newer one, does not know of the other's is no fault.
	run lintian --fail-on error,warning --suppress-tags newer-standards-version,unused-override -EvIL +pedantic ./*.changes
	assert_success
	dpkg-deb -x sockutils_*.deb root
	run root/usr/bin/servlookup ssh
	assert_output $'22'
	for program in $SOCKUTILS_PROGRAMS; do
		for file in "bin/$program" "share/man/man1/$program.1.gz" "share/bash-completion/completions/$program"; do
			[ -e "root/usr/$file" ] || fail "$file is not in the package"
		done
	done
	[ -e root/usr/lib/systemd/system/sockecho@.socket ]
	# docs/install.md says how much it is.
	size=$(dpkg-deb -f sockutils_*.deb Installed-Size)
	((size < 2500)) || fail "the package has become $size KiB"
}

@test "static programs are built with musl, where SOCKUTILS_STATIC_DEPS has its libraries" {
	need musl-gcc
	[ -n "${SOCKUTILS_STATIC_DEPS-}" ] || skip "SOCKUTILS_STATIC_DEPS names no directory that scripts/static-deps filled"
	tree tree
	cd tree
	./configure -q --enable-static-binaries --with-static-deps="$SOCKUTILS_STATIC_DEPS" CC=musl-gcc >configured 2>&1
	make -s >built 2>&1
	for program in $SOCKUTILS_PROGRAMS; do
		run readelf -lW "$program"
		refute_output --partial INTERP
	done
	run --separate-stderr ./servlookup ssh
	assert_output 22
	run --separate-stderr ./hostlookup -r 192.0.2.1
	[ "$status" = 3 ] || [ "$status" = 4 ]
	(umask 077 && head -c 36 /dev/urandom | base64 >key)
	start_server ./sockfile-recv --key key 0 copy
	run --separate-stderr ./sockfile-send --key key 127.0.0.1 "$port" configure
	assert_success
	cmp configure copy
}
