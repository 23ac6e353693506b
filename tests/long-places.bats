#!/usr/bin/env bats
# long-places.bats - FILE on real mounts of other people's making, as far as they are installed: bindfs, ntfs-3g, rclone,
# exfat-fuse, fusefat.  file-places.bats has the same faults injected.

load helpers
load transfers

device=""

setup() {
	cd "$BATS_TEST_TMPDIR"
	head -c 300000 /dev/urandom >in
}

teardown() {
	end_processes
	! mountpoint -q "$BATS_TEST_TMPDIR/m" || umount -l "$BATS_TEST_TMPDIR/m"
	[ -z "$device" ] || losetup -d "$device"
}

# on_mount - in the directory m of a mount: raw and verified, new and replaced, cut off and continued.
on_mount() {
	local force send
	for force in -q --force; do
		for send in -q --verify; do
			# Each has a name of its own: some mounts remember for a moment what was removed.
			start_receiver "$force" 0 "m/out$send"
			timeout 60 sockfile-send -q "$send" 127.0.0.1 "$port" in || fail "$?: $(<recv.err)"
			receiver_ends 0
			cmp in "m/out$send"
			[ -z "$(ls -A m | grep -vx -e out-q -e out--verify)" ]
		done
	done
	mv m/out-q m/out
	run --separate-stderr sockfile-recv 0 m/out
	assert_failure 1
	assert_equal "$stderr" "sockfile-recv: write m/out: it exists already (--force replaces it)"
	rm m/out
	mkdir m/dir
	start_receiver --dir m/dir 0
	timeout 60 sockfile-send -q --verify 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in m/dir/in
	rm -r m/dir
	start_receiver --retry 1 0 m/out
	slow_verified --limit-rate 200K 127.0.0.1 "$port" in
	until_true 20 part_has 50000 m/out
	kill -KILL "$sender_pid"
	until_true 20 grep -q "bytes are safe in m/out.part" recv.err
	timeout 60 sockfile-send -q --verify --wait 10 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in m/out
	rm m/out
}

# mounted COMMAND ... - mount on m; teardown unmounts.  Skips where that is not allowed.
mounted() {
	mkdir -p lower m
	timeout 10 "$@" >mount.log 2>&1 || skip "$1 may not mount here: $(tail -n 1 mount.log)"
	until_true 10 mountpoint -q m || skip "$1 mounts nothing: $(tail -n 1 mount.log)"
}

@test "a mount by bindfs, where everybody may write to every file" {
	need bindfs mountpoint
	mounted bindfs -p 0777 lower m
	on_mount
}

@test "a mount by ntfs-3g" {
	need ntfs-3g mkfs.ntfs mountpoint
	truncate -s 20M image
	mkfs.ntfs -qF image 2>/dev/null
	mounted ntfs-3g image m
	on_mount
}

@test "a mount by rclone, which knows neither links nor RENAME_NOREPLACE" {
	need rclone mountpoint
	export HOME=$BATS_TEST_TMPDIR
	mounted rclone mount --daemon "$PWD/lower" "$PWD/m"
	on_mount
}

@test "a mount by exfat-fuse, which takes upper and lower case for the same" {
	need mount.exfat-fuse mkfs.exfat losetup mountpoint
	truncate -s 20M image
	mkfs.exfat image >/dev/null
	device=$(losetup -f --show image) || skip "no loop device is to be had"
	mounted mount.exfat-fuse "$device" m
	on_mount
	mkdir m/dir
	start_receiver -v --dir m/dir 0
	error_has recv.err "no difference between upper and lower case"
	cp in in.PART
	run timeout 60 sockfile-send -q --verify 127.0.0.1 "$port" in.PART
	assert_failure 5
	receiver_ends 5
	[ -z "$(ls -A m/dir)" ]
}

@test "a FAT by fusefat, whose modes cannot be set" {
	need fusefat mkfs.fat mountpoint
	truncate -s 20M image
	mkfs.fat image >/dev/null
	mounted fusefat -o rw+ image m
	start_receiver 0 m/out
	timeout 60 sockfile-send -q 127.0.0.1 "$port" in
	receiver_ends 0
	cmp in m/out
}
