#!/usr/bin/env bats
# file-places.bats - where FILE is: file systems that cannot do everything, names that others use, devices,
# descriptors, leases.

load helpers
load transfers

setup() {
	cd "$BATS_TEST_TMPDIR"
	head -c 300000 /dev/urandom >in
}

# inject FAULT ... -- COMMAND ... - set traced to a command that runs COMMAND with each FAULT injected.
inject() {
	traced=(trace -f -qq -o trace)
	while [ "$1" != -- ]; do
		traced+=(-e "inject=$1")
		shift
	done
	shift
	traced+=("$@")
}

# start_traced [FAULT ...] -- [option ...] - start_receiver with the faults.
start_traced() {
	local faults=()
	while [ "$1" != -- ]; do
		faults+=("$1")
		shift
	done
	shift
	inject "${faults[@]}" -- sockfile-recv "$@"
	as_receiver sock_start "${traced[@]}"
}

# arrives [option of sockfile-send ...] - send in to the receiver: both ends say 0, and out is whole.
arrives() {
	sockfile-send -q "$@" 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in out
	[ ! -e out.part ]
}

unknown=fstatfs:error=ENOSYS # a file system that the receiver does not know

@test "what a file system can do is tried before anything is listened on, with names of its own" {
	need_trace
	start_traced "$unknown" -- -v 0 out
	! ls -A | grep sockfile || fail "a name of its own is left"
	grep -q 'openat(.*"\.sockfile-' trace
	grep -q renameat2 trace
	arrives
	! grep -q "its file system" recv.err || fail "$(<recv.err)"
	rm out
	start_traced "$unknown" renameat2:error=EINVAL linkat:error=EIO fchmod:error=EPERM flock:error=ENOSYS \
		fsync:error=EOPNOTSUPP -- -v 0 out
	error_has recv.err "sockfile-recv: out: its file system has no modes or owners, no RENAME_NOREPLACE, no links"
	error_has recv.err "sockfile-recv: out: its file system has no fsync"
	arrives
	# A directory is tried once, and without a key nothing of it stays.
	mkdir dir
	start_traced "$unknown" renameat2:error=EINVAL -- -v --dir dir 0
	error_has recv.err "sockfile-recv: dir: its file system has no RENAME_NOREPLACE"
	assert_equal "$(ls -A dir)" ""
	sockfile-send -q --verify 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in dir/in
	assert_equal "$(ls -A dir)" in
	# The usual ones are known.
	case $(stat -f -c %T .) in
	ext2/ext3 | xfs | btrfs | tmpfs | overlayfs)
		rm out
		start_traced -- -v 0 out
		arrives
		! grep -q '"\.sockfile-' trace || fail "names were tried"
		;;
	esac
}

@test "with a key what is tried leaves nothing before somebody has shown it" {
	need_openssl
	need_trace
	(umask 077 && head -c 40 /dev/urandom | base64 >key)
	mkdir keyed
	start_traced "$unknown" -- --key key 0 keyed/out
	grep -q 'openat(.*"\.sockfile-' trace
	assert_equal "$(ls -A keyed)" ""
	sockfile-send -q --key key 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in keyed/out
}

@test "a mount where every file is another's: what was made here is ours" {
	need_trace
	for args in "" --verify; do
		read -ra words <<<"$args"
		rm -f out
		start_traced geteuid:retval=4242 -- "${words[@]}" 0 out
		arrives "${words[@]}"
	done
	# What is found is compared with what is made beside it, or refused.
	rm out
	echo old >out.part
	inject geteuid:retval=4242 -- sockfile-recv 0 out
	run --separate-stderr "${traced[@]}"
	assert_failure 1
	assert_equal "$stderr" "sockfile-recv: open out.part: it is not ours alone"
	assert_equal "$(<out.part)" old
	start_traced "$unknown" geteuid:retval=4242 -- 0 out
	arrives
}

@test "no rename that does not replace, no links: FILE is there all the same, and nothing is overwritten" {
	need_trace
	for faults in "renameat2:error=EINVAL linkat:error=EPERM" "renameat2:error=EOPNOTSUPP linkat:error=ENOSYS" \
		"$unknown renameat2:error=EIO linkat:error=EIO"; do
		for args in "" --verify; do
			read -ra injected <<<"$faults"
			read -ra words <<<"$args"
			rm -f out
			start_traced "${injected[@]}" -- "${words[@]}" 0 out
			arrives "${words[@]}"
			rm out
			start_traced "${injected[@]}" -- "${words[@]}" 0 out
			slow_sender "${words[@]}" 127.0.0.1 "$port" in
			until_true 20 part_has 20000
			echo mine >out
			receiver_ends 1
			assert_equal "$(<out)" mine
			rm -f out.part
		done
	done
	# The claim does not stay when the rename fails.
	rm out
	start_traced renameat2:error=EINVAL linkat:error=EPERM renameat:error=EIO rename:error=EIO -- 0 out
	run sockfile-send -q 127.0.0.1 "$port" in
	assert_failure 6
	receiver_ends 1
	error_has recv.err "rename out.part to out: Input/output error; 300000 bytes are safe in out.part"
	[ ! -e out ]
}

@test "where upper and lower case are the same, a file of --dir has no name that FILE.part may have" {
	need_trace
	mkdir d
	for name in x.PART "x.Part.." x.part.; do
		echo "$name" >"$name"
	done
	# The probe finds it, or the flag of an ext4 or tmpfs directory says that the probe is to be asked.
	for fault in "$unknown" "ioctl:poke_exit=@arg3=00000040:when=1"; do
		start_traced "$fault" /^faccessat:retval=0 -- -v --dir d -c 3 0
		error_has recv.err "d: its file system has no difference between upper and lower case"
		for name in x.PART "x.Part.." x.part.; do
			run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" "$name"
			assert_failure 5
			[[ $stderr == *"it takes no file of that name (--name gives another)"* ]]
		done
		receiver_ends 5
		error_has recv.err "into d/x.PART: "
		error_has recv.err "it is the name of an unfinished file, where upper and lower case are the same"
		assert_equal "$(ls -A d)" ""
	done
	# Elsewhere it is a name like others.
	start_receiver --dir d -c 3 0
	for name in x.PART "x.Part.." x.part.; do
		sockfile-send -q --verify 127.0.0.1 "$port" "$name"
		cmp "$name" "d/$name"
	done
	receiver_ends 0
}

@test "a receiver that is killed between link and unlink leaves FILE, and nothing in the way of the next" {
	need_trace
	for options in --force --resume; do
		rm -f out
		start_traced renameat2:error=EINVAL unlinkat:signal=KILL:when=1 -- 0 out
		run sockfile-send -q 127.0.0.1 "$port" in
		assert_failure 6
		receiver_ends 137
		cmp in out
		[ out -ef out.part ]
		start_receiver $options 0 out
		arrives --verify
		assert_equal "$(stat -c %h out)" 1
	done
	# One that has another name is not ours alone.
	mv out out.part
	ln out.part other
	run --separate-stderr sockfile-recv 0 out
	assert_failure 1
	assert_equal "$stderr" "sockfile-recv: open out.part: it has more than one link"
	cmp in other
}

@test "modes, times and flushes that are not to be had: FILE all the same, and 1 if they were asked for" {
	need_trace
	for error in ENOSYS EPERM EOPNOTSUPP; do
		for args in "" --verify --force; do
			read -ra words <<<"$args"
			rm -f out
			start_traced "fchmod:error=$error" "fsync:error=$error" -- "${words[@]}" 0 out
			[ "$args" = --verify ] || words=()
			arrives "${words[@]}"
			error_has recv.err "out: its file system does not say when it is on disk"
		done
	done
	for send in "" --verify; do
		read -ra words <<<"$send"
		rm -f out
		start_traced fchmod:error=EPERM -- --mode 644 0 out
		sockfile-send -q "${words[@]}" 127.0.0.1 "$port" in
		receiver_ends 1
		error_has recv.err "sockfile-recv: set the mode of out: its file system does not keep it"
		cmp in out
	done
	# retval=0: the time stays what it was.
	for fault in fchmod:error=EPERM utimensat:error=EPERM utimensat:retval=0; do
		rm -f out
		touch -d 2001-02-03 in
		start_traced "$fault" -- --preserve 0 out
		sockfile-send -q --verify 127.0.0.1 "$port" in
		receiver_ends 1
		error_has recv.err "sockfile-recv: set the mode and the time of out: its file system does not keep it"
		cmp in out
	done
	rm out
	start_traced fchmod:error=EIO -- 0 out
	run sockfile-send -q 127.0.0.1 "$port" in
	assert_failure 6
	receiver_ends 1
	error_has recv.err "set the mode of out.part: Input/output error"
}

@test "no flock: another kind of lock, or none; a lock that fails leaves nothing behind" {
	need_trace
	for error in ENOSYS EOPNOTSUPP ENOLCK; do
		for args in "" --verify; do
			read -ra words <<<"$args"
			rm -f out
			start_traced "flock:error=$error" -- "${words[@]}" 0 out
			inject "flock:error=$error" -- sockfile-recv 0 out
			run --separate-stderr "${traced[@]}"
			assert_failure 1
			assert_equal "$stderr" "sockfile-recv: open out.part: another receiver is writing it"
			arrives "${words[@]}"
		done
	done
	rm out
	inject flock:error=EIO -- sockfile-recv 0 out
	run --separate-stderr "${traced[@]}"
	assert_failure 1
	assert_equal "$stderr" "sockfile-recv: open out.part: Input/output error"
	nothing_left out
}

@test "a FILE.part that cannot be read back, or be cut, is begun anew" {
	need_trace
	for fault in pread64:error=EPERM ftruncate:error=EPERM; do
		rm -f out
		(umask 077 && head -c 100000 /dev/urandom >out.part)
		[[ $fault == pread64* ]] && resume=--resume || resume=-q
		as_receiver sock_start trace -f -qq -o trace -P "$PWD/out.part" -e "inject=$fault" \
			sockfile-recv "$resume" 0 out
		arrives --verify
		[ "$resume" = -q ] || error_has recv.err "out.part: the 100000 bytes of an earlier run are not continued, but begun anew"
	done
}

teardown() {
	end_processes
	[ ! -e "$BATS_TEST_TMPDIR/d" ] || chattr -R -i -a "$BATS_TEST_TMPDIR/d" 2>/dev/null || true
	[ ! -e "$BATS_TEST_TMPDIR/loop" ] || losetup -d "$(<"$BATS_TEST_TMPDIR/loop")"
}

# ---- who may read FILE ----------------------------------------------------------------------------------

# set_acl FILE KIND TEXT - set the ACL system.posix_acl_KIND: "u::6 u:1234:4 g::0 m::4 o::0".  Skips where the
# file system has none.
set_acl() {
	python3 - "$@" <<-'PY' || skip "the file system has no ACLs"
		import os, struct, sys
		tags = {"u": (1, 2), "g": (4, 8), "m": (16, 16), "o": (32, 32)}
		acl = struct.pack("<I", 2)
		for entry in sys.argv[3].split():
		    tag, who, rights = entry.split(":")
		    acl += struct.pack("<HHI", tags[tag][1 if who else 0], int(rights), int(who or 2**32 - 1))
		try:
		    os.setxattr(sys.argv[1], "system.posix_acl_" + sys.argv[2], acl)
		except OSError:
		    sys.exit(1)
	PY
}

# has_acl FILE - its ACL in the same words; nothing where it has none.
has_acl() {
	python3 - "$1" <<-'PY'
		import os, struct, sys
		tags = {1: "u", 2: "u", 4: "g", 8: "g", 16: "m", 32: "o"}
		try:
		    acl = os.getxattr(sys.argv[1], "system.posix_acl_access")
		except OSError:
		    sys.exit(0)
		print(*(f"{tags[tag]}:{'' if who == 2**32 - 1 else who}:{rights}"
		        for tag, rights, who in struct.iter_unpack("<HHI", acl[4:])))
	PY
}

@test "a new FILE has the mode and the ACL that its directory gives to any" {
	mkdir d
	set_acl d default "u::7 g::7 o::0"
	: >d/ref
	assert_equal "$(stat -c %a d/ref)" 660
	for args in "" --verify; do
		read -ra words <<<"$args"
		rm -f d/out
		start_receiver "${words[@]}" 0 d/out
		assert_equal "$(stat -c %a d/out.part)" 600
		sockfile-send -q "${words[@]}" 127.0.0.1 "$port" in
		receiver_ends 0
		assert_equal "$(stat -c %a d/out)" 660
	done
	set_acl d default "u::7 u:4321:6 g::5 m::7 o::0"
	rm d/ref d/out
	: >d/ref
	start_receiver --dir d 0
	sockfile-send -q --verify 127.0.0.1 "$port" in
	receiver_ends 0
	assert_equal "$(has_acl d/in)" "$(has_acl d/ref)"
	assert_equal "$(ls -A d)" "$(printf '%s\n' in ref)"
	# What is asked for is had, and no more.
	start_receiver --mode 600 0 d/out
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	assert_equal "$(stat -c %a d/out)" 600
}

@test "a FILE that is replaced hands down its mode and its ACL: nobody can read more than before" {
	for args in "" --verify; do
		read -ra words <<<"$args"
		echo secret >out
		chmod 4600 out
		start_receiver --force "${words[@]}" 0 out
		sockfile-send -q "${words[@]}" 127.0.0.1 "$port" in
		receiver_ends 0
		assert_equal "$(stat -c %a out)" 600
		cmp in out
	done
	start_receiver --force --mode 640 0 out
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	assert_equal "$(stat -c %a out)" 640
	chmod 600 in
	start_receiver --force --preserve 0 out
	sockfile-send -q --verify 127.0.0.1 "$port" in
	receiver_ends 0
	assert_equal "$(stat -c %a out)" 600
	# A link is no file: what replaces it is new.
	rm out
	ln -s nowhere out
	start_receiver --force 0 out
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	assert_equal "$(stat -c %a out)" "$(printf %o $((0666 & ~0$(umask))))"
	set_acl out access "u::6 u:4321:4 g::0 m::4 o::0"
	acl=$(has_acl out)
	start_receiver --force 0 out
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	assert_equal "$(has_acl out)" "$acl"
	# What its directory would grant to a new one is not for this one.
	mkdir d
	echo secret >d/out
	chmod 640 d/out
	set_acl d default "u::7 u:4321:7 g::7 m::7 o::7"
	start_receiver --force 0 d/out
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	assert_equal "$(stat -c %a d/out) $(has_acl d/out)" "640 "
	# Where an ACL cannot be had, nobody but the owner gets anything.
	need_trace
	set_acl out access "u::6 u:4321:4 g::0 m::4 o::4"
	start_traced fsetxattr:error=EOPNOTSUPP -- --force 0 out
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	assert_equal "$(stat -c %a out) $(has_acl out)" "600 "
}

@test "a FILE of another user that is replaced stays his, or grants no more to others" {
	need_root
	echo old >out
	chmod 640 out
	chown 4321:4322 out
	start_receiver --force 0 out
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	assert_equal "$(stat -c "%a %u %g" out)" "640 4321 4322"
	cmp in out
	need_trace
	chmod 664 out
	start_traced fchown:error=EPERM -- --force 0 out
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	assert_equal "$(stat -c "%a %u" out)" "644 0"
	# A FILE.part that does not get the name is ours alone again.
	chown 4321 out
	start_traced renameat:error=EIO rename:error=EIO -- --force 0 out
	run sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 1
	assert_equal "$(stat -c "%a %u" out.part)" "600 0"
}

@test "an old FILE.part that others may read is ours alone while it is filled" {
	echo old >out.part
	chmod 644 out.part
	start_receiver 0 out
	assert_equal "$(stat -c %a out.part)" 600
	sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in out
}

# ---- what was written is what gets the name ---------------------------------------------------------------

@test "a FILE.part that somebody replaces does not get the name: 1 on both ends, FILE stays" {
	for args in "" --verify --force "--force --verify"; do
		read -ra words <<<"$args"
		rm -f out out.part
		[[ $args != *--force* ]] || echo before >out
		start_receiver "${words[@]}" 0 out
		[[ $args == *--verify ]] && words=(--verify) || words=()
		slow_sender "${words[@]}" 127.0.0.1 "$port" in
		until_true 20 part_has 20000
		mv out.part away
		echo "something else" >out.part
		receiver_ends 1
		error_has recv.err "rename out.part to out: somebody replaced what was written; nothing is kept"
		[[ $args == *--verify ]] && sender_ends 1 || sender_ends 6
		[[ $args == *--force* ]] && assert_equal "$(<out)" before || [ ! -e out ]
		assert_equal "$(<out.part)" "something else"
	done
}

# replaced_meanwhile, taken_meanwhile [--verify] - in a directory of its own: the receiver's rename takes two seconds.
replaced_meanwhile() {
	start_traced renameat2:delay_exit=2000000 -- "$@" 0 out
	run_sender -q "$@" 127.0.0.1 "$port" ../in
	until_true 20 test -e out
	echo "something else" >another
	mv another out
	receiver_ends 1
	error_has recv.err "rename out.part to out: somebody replaced what was written by something else"
	[ "$*" = --verify ] && sender_ends 1 || sender_ends 6
}

taken_meanwhile() {
	start_traced renameat2:delay_exit=2000000 -- "$@" 0 out
	run_sender -q "$@" 127.0.0.1 "$port" ../in
	until_true 20 test -e out
	mv out taken
	receiver_ends 0
	sender_ends 0
	cmp ../in taken
}

@test "a FILE that somebody replaces while it gets its name is told as such; who takes it away has got it" {
	need_trace
	beside replaced replaced_meanwhile
	beside replaced_verified replaced_meanwhile --verify
	beside taken taken_meanwhile
	beside taken_verified taken_meanwhile --verify
	all_of replaced replaced_verified taken taken_verified
}

@test "a FILE.part that is not ours is a failure at the receiver, not another file in its way" {
	local reason
	mkdir dir
	echo another >dir/out.part
	chmod 666 dir/out.part
	start_receiver -q --dir dir -c 3 0
	for reason in "it is not ours alone" "it is a directory" "its directory was removed"; do
		case $reason in
		*directory) rm dir/out.part && mkdir dir/out.part ;;
		*removed) rm -r dir && mkdir dir ;;
		esac
		run --separate-stderr sockfile-send --verify --name out 127.0.0.1 "$port" - <in
		assert_failure 1
		assert_equal "$stderr" "sockfile-send: send standard input to 127.0.0.1 port $port: the peer says: it could not write the file, or could not go on"
	done
	receiver_ends 1
	assert_equal "$(cat recv.err)" "sockfile-recv: open dir/out.part: it is not ours alone
sockfile-recv: open dir/out.part: it is a directory
sockfile-recv: open dir/out.part: its directory was removed"
}

@test "what may never be renamed or replaced is refused before anything is listened on" {
	need chattr
	refused() {
		run --separate-stderr timeout 20 sockfile-recv --force 0 "$1"
		chattr -i -a "${1%/*}" "$1" 2>/dev/null || true
		assert_failure 1
		assert_output ""
		assert_equal "$stderr" "sockfile-recv: write $1: $2"
	}
	mkdir d
	echo old >d/f
	chattr +i d/f 2>/dev/null || skip "chattr is not allowed here"
	refused d/f "it is immutable (chattr +i)"
	chattr +a d/f
	refused d/f "it is append-only (chattr +a)"
	chattr +a d
	refused d/new "its directory is append-only (chattr +a): nothing can be renamed there"
	chattr +a d
	refused d/f "its directory is append-only (chattr +a): nothing can be renamed there"
	chattr +a d
	run --separate-stderr timeout 20 sockfile-recv --dir d 0
	chattr -a d
	assert_failure 1
	assert_output ""
	assert_equal "$stderr" "sockfile-recv: write to d: it is append-only (chattr +a): nothing can be renamed there"
}

# ---- devices and descriptors ------------------------------------------------------------------------------

@test ">(command), /dev/stdout and /dev/fd/N are what they stand for, and are never replaced" {
	for args in "" --force --verify; do
		read -ra words <<<"$args"
		rm -f out
		mkfifo done
		start_receiver "${words[@]}" 0 >(cat >out; echo >done)
		[ "$args" = --verify ] || words=()
		sockfile-send -q "${words[@]}" 127.0.0.1 "$port" in
		receiver_ends 0
		read -r <done
		cmp in out
		rm done
		# The readiness line is not among the bytes.
		# shellcheck disable=SC2016 # for the inner shell
		as_receiver sock_start bash -c 'exec sockfile-recv "$@" 0 /dev/stdout > >(cat >out)' - "${words[@]}"
		sockfile-send -q "${words[@]}" 127.0.0.1 "$port" in
		receiver_ends 0
		until_true 20 cmp -s in out || fail "it is another"
		[ -L /dev/stdout ]
	done
	# shellcheck disable=SC2016 # for the inner shell
	run --separate-stderr bash -c 'sockfile-recv --force 0 /dev/stdout >file'
	assert_failure 1
	assert_equal "$stderr" "sockfile-recv: write /dev/stdout: it is a file that is open already (-: standard output)"
	[ ! -s file ]
	for file in /dev/fd/77 /proc/self/fd/77; do
		run --separate-stderr sockfile-recv 0 "$file" 77>&-
		assert_failure 1
		assert_equal "$stderr" "sockfile-recv: write $file: Bad file descriptor"
	done
	need_namespaces -m
	# shellcheck disable=SC2016 # for the inner shell
	run "${in_namespaces[@]}" bash -c '
		mkdir bin && cp "$SOCKUTILS_BUILD/sockfile-recv" bin
		mount -t tmpfs tmpfs /dev
		ln -s /nowhere /dev/link
		bin/sockfile-recv --force 0 /dev/link 2>&1
		echo "$? $(readlink /dev/link)"'
	assert_output "sockfile-recv: write /dev/link: it is a symbolic link of the system's, which is neither followed nor replaced
1 /nowhere"
}

@test "a FIFO or a device that may not be written is refused before anything is listened on" {
	mkfifo fifo
	chmod 400 fifo
	run --separate-stderr as_nobody sockfile-recv 0 "$PWD/fifo"
	assert_failure 1
	assert_output ""
	assert_equal "$stderr" "sockfile-recv: write $PWD/fifo: Permission denied"
}

@test "a terminal that is not there is no FIFO: nobody is waited for" {
	as_receiver sock_start setsid sockfile-recv -w 20 0 /dev/tty
	run sockfile-send -q 127.0.0.1 "$port" in
	assert_failure 6
	receiver_ends 1
	assert_equal "$(<recv.err)" "sockfile-recv: write /dev/tty: No such device or address"
}

# loop_device SIZE [OPTION ...] - make one, with these options of losetup(8).  Sets device.
loop_device() {
	need losetup
	truncate -s "$1" image
	device=$(losetup "${@:2}" -f --show image 2>/dev/null) || skip "no loop device is to be had here"
	echo "$device" >loop
}

@test "a block device that is read-only is refused before anything is listened on" {
	loop_device 200K -r
	run --separate-stderr sockfile-recv --force 0 "$device"
	assert_failure 1
	assert_output ""
	assert_equal "$stderr" "sockfile-recv: write $device: it is read-only"
}

@test "a block device that is in use is refused, unless --force; one that is too small takes nothing" {
	loop_device 200K
	sock_run holder python3 -c '
import os, sys, time
os.open(sys.argv[1], os.O_RDWR | os.O_EXCL)
open("held", "w").close()
time.sleep(100)' "$device"
	until_true 20 test -e held
	for args in "" --verify; do
		read -ra words <<<"$args"
		run --separate-stderr sockfile-recv "${words[@]}" 0 "$device"
		assert_failure 1
		assert_output ""
		assert_equal "$stderr" "sockfile-recv: write $device: it is in use (mounted?); --force writes to it"
	done
	head -c 100000 in >small
	start_receiver --force 0 "$device"
	sockfile-send -q 127.0.0.1 "$port" small
	receiver_ends 0
	cmp -n 100000 small "$device"
	sock_stop holder
	# It has 200 KiB, and nothing of 300,000 bytes.
	for args in --verify "--size 300000"; do
		read -ra words <<<"$args"
		start_receiver "${words[@]}" 0 "$device"
		[ "$args" = --verify ] || words=()
		run sockfile-send "${words[@]}" 127.0.0.1 "$port" in
		assert_failure
		until_true 20 grep -qF "write $device: it has 204800 bytes, and 300000 are to come" recv.err
		kill -KILL "$receiver_pid" 2>/dev/null || true
		wait_for "$receiver_pid"
	done
	cmp -n 100000 small "$device"
	start_receiver --verify 0 "$device"
	sockfile-send -q --verify 127.0.0.1 "$port" small
	receiver_ends 0
	cmp -n 100000 small "$device"
}

# ---- leases -----------------------------------------------------------------------------------------------

@test "a FILE that another program holds under a lease is waited for, by who resumes" {
	cp in out
	lease out 0.3
	start_receiver --resume 0 out
	sockfile-send --verify 127.0.0.1 "$port" in
	receiver_ends 0
	error_has recv.err "(it was there already)"
	[ -e asked ]
	end_lease
	head -c 100000 in >out.part
	rm out
	lease out.part 0.3
	start_receiver --resume 0 out
	arrives --verify
	end_lease
	echo old >out.part
	chmod 600 out.part
	rm out
	lease out.part
	run --separate-stderr sockfile-recv -t 0.3 0 out
	assert_failure 124
	assert_equal "$stderr" "sockfile-recv: open out.part: another program holds it (a lease), and has not given it back"
}

# ---- raw streams ------------------------------------------------------------------------------------------

# peer WHAT - connect to the receiver, send in and then: stay, reset, or one more byte and stay.
peer() {
	cat >peer.py <<-'PY'
		import os, socket, struct, sys, time
		s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		s.sendall(open("in", "rb").read())
		if sys.argv[2] == "more":
		    s.sendall(b"x")
		if sys.argv[2] == "reset":
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		    while os.stat("out.part").st_size < 300000:
		        time.sleep(0.01)
		    s.close()
		time.sleep(100)
	PY
	sock_run peer python3 peer.py "$port" "$1"
}

# whole_at_its_last_byte AFTER [option ...], more_than_its_size, stays_open - in a directory of its own.
whole_at_its_last_byte() {
	ln ../in in
	start_receiver --size 300000 "${@:2}" 0 out
	peer "$1"
	receiver_ends 0
	cmp in out
}

more_than_its_size() {
	ln ../in in
	start_receiver --size 300000 0 out
	peer more
	receiver_ends 5
	error_has recv.err "more than 300000 bytes came (--size)"
	[ ! -e out ]
}

stays_open() {
	ln ../in in
	start_receiver 0 out
	peer stay
	until_true 60 grep -q "has sent nothing for 10 s, and has not closed" recv.err
	kill -TERM "$receiver_pid"
	receiver_ends 143
	assert_equal "$(grep -c "has sent nothing" recv.err)" 1
}

@test "with --size a raw stream is whole at its last byte, whatever the peer does then; without it, what would end it is said" {
	beside open stays_open
	sha256=$(sha256sum in | cut -c1-64)
	for after in stay reset; do
		beside "$after" whole_at_its_last_byte "$after"
		beside "${after}_limit" whole_at_its_last_byte "$after" -t 1
		beside "${after}_sum" whole_at_its_last_byte "$after" --sha256 "$sha256"
	done
	beside more more_than_its_size
	as_receiver sock_start sockfile-recv --size 300000 0 -
	peer stay
	receiver_ends 0
	cmp in recv.out
	all_of {stay,reset}{,_limit,_sum} more open
}

@test "a sandbox without splice or sendfile: bytes are copied" {
	need_trace
	for error in ENOSYS EPERM; do
		rm -f out
		start_traced "splice:error=$error" -- 0 out
		arrives
		rm -f out
		start_traced "splice:error=$error:when=2" -- 0 out # into the file
		arrives
	done
}

# ---- what is sent -----------------------------------------------------------------------------------------

# with_size BYTES FILE COMMAND ... - run it, and let it see FILE with that size.
with_size() {
	local size=$1 file=$2 bytes
	shift 2
	need_trace
	[ "$(uname -m)" = x86_64 ] || skip "struct stat is another here"
	bytes=$(python3 - "$file" "$size" <<-'PY'
		import os, struct, sys
		st = os.stat(sys.argv[1])
		print(struct.pack("<QQQIIIIQq", st.st_dev, st.st_ino, st.st_nlink, st.st_mode, st.st_uid, st.st_gid, 0,
		                  st.st_rdev, int(sys.argv[2])).hex())
	PY
	)
	# fstat(3) calls the one or the other, as the C library likes.
	trace -f -qq -o trace -P "$PWD/$file" -e trace=newfstatat,fstat \
		-e "inject=newfstatat:poke_exit=@arg3=$bytes" -e "inject=fstat:poke_exit=@arg2=$bytes" "$@"
}

@test "a file whose size is not its length: /proc and /sys are read to their end, of others it is said" {
	shown=
	for file in /sys/kernel/*; do
		[ ! -r "$file" ] || [ ! -f "$file" ] || [ "$(wc -c <"$file")" = "$(stat -c %s "$file")" ] || shown=$file
	done
	for file in $shown /proc/version; do
		for args in "" --verify; do
			read -ra words <<<"$args"
			for input in "$file" -; do
				rm -f out
				start_receiver 0 out
				sockfile-send -q "${words[@]}" 127.0.0.1 "$port" "$input" <"$file"
				receiver_ends 0
				cmp "$file" out
			done
		done
		run --separate-stderr sockfile-send --offset 1M 127.0.0.1 9 "$file"
		assert_failure 5
		assert_equal "$stderr" "sockfile-send: read $file: the file ends before --offset"
	done
	# In a directory it has its name, unless that is the number of a descriptor.
	mkdir d
	start_receiver --dir d -c 2 0
	sockfile-send -q --verify 127.0.0.1 "$port" /proc/version /proc/self/comm
	sockfile-send -q --verify --name release 127.0.0.1 "$port" /proc/version
	receiver_ends 0
	cmp /proc/version d/version
	cmp /proc/version d/release
	assert_equal "$(cat d/comm)" sockfile-send
	for file in /proc/self/fd/0 /dev/fd/0; do
		run --separate-stderr sockfile-send --verify 127.0.0.1 9 in "$file" <in
		assert_failure 2
		[[ $stderr == *"'$file' has no name that a receiver may take"* ]]
	done
	for args in "" --verify; do
		read -ra words <<<"$args"
		rm -f out out.part
		start_receiver "${words[@]}" 0 out
		run --separate-stderr with_size 400000 in sockfile-send -q "${words[@]}" 127.0.0.1 "$port" in
		assert_failure 5
		[[ "$stderr" == "sockfile-send: read in: it has 300000 bytes, although its size says 400000"* ]]
		receiver_ends "$([ -n "$args" ] && echo 5 || echo 6)"
	done
	rm -f out out.part
	# One whose size says 0, and that cannot be read, is not empty.
	start_receiver 0 out
	run --separate-stderr sockfile-send --verify 127.0.0.1 "$port" /proc/self/mem
	assert_failure 1
	assert_equal "$stderr" "sockfile-send: read /proc/self/mem: Input/output error"
	receiver_ends 5
	start_receiver 0 out
	run --separate-stderr with_size 200000 in sockfile-send --verify 127.0.0.1 "$port" in
	assert_failure 5
	assert_equal "$stderr" "sockfile-send: read in: it has more than 200000 bytes, although its size says 200000"
	start_receiver --force 0 raw
	run --separate-stderr with_size 200000 in sockfile-send 127.0.0.1 "$port" in
	assert_success
	[[ "$stderr" == "sockfile-send: in: it has more than the 200000 bytes that its size says, which were not sent"* ]]
	receiver_ends 0
}

@test "a log that grows behind --count has not changed, one that is written anew has" {
	for args in "" "--offset 1000"; do
		read -ra words <<<"$args"
		cp in log
		rm -f out
		start_receiver 0 out
		slow_verified --count 100000 "${words[@]}" 127.0.0.1 "$port" log
		until_true 20 part_has 10000
		echo more >>log
		sender_ends 0
		receiver_ends 0
		cmp -n 100000 -i "${words[1]-0}:0" in out
	done
	rm out
	start_receiver 0 out
	slow_verified --count 100000 127.0.0.1 "$port" log
	until_true 20 part_has 10000
	touch -d "1 hour ago" log
	sender_ends 5
	error_has send.err "read log: it changed while it was sent"
}

@test "a FILE whose state cannot be looked up has not changed: 1" {
	need_trace
	for ((n = 2; n < 40; n++)); do
		rm -f out out.part
		start_receiver 0 out
		run --separate-stderr trace -f -qq -o trace -P "$PWD/in" -e "inject=newfstatat,fstat:error=EIO:when=$n" \
			sockfile-send -q --verify 127.0.0.1 "$port" in
		kill -KILL "$receiver_pid" 2>/dev/null || true
		wait_for "$receiver_pid"
		[ "$status" != 0 ] || break
		assert_equal "$status" 1
		[[ "$stderr" == *": Input/output error" ]]
	done
	((n > 2)) || fail "nothing was injected"
}

@test "a FILE that another program holds under a lease is waited for, by who sends it" {
	cp in leased.file
	for args in "" --verify; do
		read -ra words <<<"$args"
		lease leased.file 0.3
		rm -f out
		start_receiver 0 out
		sockfile-send -q "${words[@]}" 127.0.0.1 "$port" leased.file
		receiver_ends 0
		cmp in out
		[ -e asked ]
		end_lease
		lease leased.file 0.3
		rm -f out
		start_sender "${words[@]}" 0 leased.file
		sockfile-recv -q --connect 127.0.0.1 "$port" out
		sender_ends 0
		cmp in out
		end_lease
	done
	lease leased.file
	run --separate-stderr sockfile-send -t 0.3 127.0.0.1 9 leased.file
	assert_failure 124
	assert_equal "$stderr" "sockfile-send: open leased.file: another program holds it (a lease), and has not given it back"
}

@test "a sandbox without splice or sendfile: what is sent is copied" {
	need_trace
	for error in ENOSYS EPERM; do
		for inject in splice sendfile; do
			rm -f out
			start_receiver 0 out
			if [ "$inject" = splice ]; then
				(cat in; until_true 20 part_has 300000; cat in) |
					trace -f -qq -o trace -e "inject=splice:error=$error" sockfile-send -q 127.0.0.1 "$port" -
				cat in in >expected
			else
				trace -f -qq -o trace -e "inject=sendfile:error=$error" sockfile-send -q 127.0.0.1 "$port" in
				cp in expected
			fi
			receiver_ends 0
			cmp expected out
		done
	done
}

@test "a block device has its size: the share is known, and an --offset behind it is 5" {
	loop_device 200K
	head -c 204800 in >"$device"
	for args in "" --verify; do
		read -ra words <<<"$args"
		for input in "$device" -; do
			run --separate-stderr sockfile-send "${words[@]}" --offset 300K 127.0.0.1 9 "$input" <"$device"
			assert_failure 5
			[[ "$stderr" == *": the file ends before --offset" ]]
		done
		rm -f out
		start_receiver 0 out
		run --separate-stderr sockfile-send --progress "${words[@]}" --limit-rate 100K 127.0.0.1 "$port" "$device"
		assert_success
		[[ "$stderr" == *"%"* ]]
		receiver_ends 0
		cmp -n 204800 in out
	done
}

@test "--name is for what has no name of its own" {
	mkdir dir
	mkfifo fifo
	printf 'x' >$'bad\xff'
	received() {
		sockfile-send -q --verify "${@:2}"
		until_true 20 test -e "dir/$1"
	}
	start_receiver --dir dir -c none 0
	received a --name a 127.0.0.1 "$port" <(cat in)
	cmp in dir/a
	cat in >fifo &
	received b --name b 127.0.0.1 "$port" fifo
	cat in >fifo &
	received fifo 127.0.0.1 "$port" fifo
	received c --name c 127.0.0.1 "$port" $'bad\xff'
	received d --name d 127.0.0.1 "$port" /dev/fd/9 9<in
	cmp in dir/d
	run --separate-stderr sockfile-send -q --verify 127.0.0.1 "$port" <(cat in)
	assert_failure 5
	[[ $stderr == "sockfile-send: send /dev/fd/"*" to 127.0.0.1 port $port: the peer says: it takes no file of that name (--name gives another)" ]] || fail "$stderr"
	error_has recv.err "it comes without a name that a file may have (the sender's --name gives one)"
	run --separate-stderr sockfile-send --verify --name x 127.0.0.1 "$port" in
	assert_failure 2
	[[ "$stderr" == *"option '--name' is about a FILE that has no name to go by"* ]]
	assert_equal "$(ls dir)" "$(printf '%s\n' a b c d fifo)"
}

@test "--user: what root alone may read is opened before root is given up" {
	need_root
	mkdir private
	cp in private/in
	chmod 700 private
	chmod 600 private/in
	umask 077
	head -c 40 /dev/urandom | base64 >key
	umask 022
	chmod 711 . .. ../.. "$BATS_RUN_TMPDIR"
	for args in "" --verify "--key key"; do
		read -ra words <<<"$args"
		rm -f out
		start_sender -c 2 --user nobody "${words[@]}" 0 private/in
		for ((i = 0; i < 2; i++)); do
			rm -f out
			[ "$args" = "--key key" ] || words=()
			sockfile-recv -q "${words[@]}" --connect 127.0.0.1 "$port" out
			cmp in out
		done
		sender_ends 0
	done
	# A FIFO too, whose writer waits for us.
	mkfifo private/fifo
	in_background sh -c 'cat in >private/fifo'
	rm out
	start_sender --verify --user nobody 0 private/fifo
	sockfile-recv -q --connect 127.0.0.1 "$port" out
	sender_ends 0
	cmp in out
}

@test "what is said: an empty raw stream, a directory as FILE, a pipe as --fd, a file too large" {
	: >empty
	start_receiver 0 out
	run --separate-stderr sockfile-send 127.0.0.1 "$port" empty
	assert_success
	[[ "$stderr" == "sockfile-send: empty: nothing was sent, which is no transfer for most receivers (--verify makes an empty file)"* ]]
	mkdir dir
	run --separate-stderr sockfile-recv 0 dir
	assert_failure 1
	assert_equal "$stderr" "sockfile-recv: write dir: it is a directory (--dir takes files into one)"
	run --separate-stderr sockfile-recv 0 dir/
	assert_failure 1
	assert_equal "$stderr" "sockfile-recv: write dir/: it is a directory (--dir takes files into one)"
	run --separate-stderr sockfile-recv --fd 0 new < <(cat in)
	assert_failure 2
	[[ "$stderr" == *"descriptor 0 is no socket (a pipe, as ssh's, is no connection: 'ssh -L' and 'ssh -R' forward a port)"* ]]
	as_receiver sock_start prlimit --fsize=100000 sockfile-recv 0 large
	run --separate-stderr sockfile-send -q --verify 127.0.0.1 "$port" in
	assert_failure 1
	assert_equal "$stderr" "sockfile-send: send in to 127.0.0.1 port $port: the peer says: it has no space left, or takes no file that large"
}
