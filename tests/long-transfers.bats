#!/usr/bin/env bats
# long-transfers.bats - transfers of many GiB, for "make check-long"; shorter kin are in file-raw, file-verified
# and file-torn.

load helpers
load transfers

setup() {
	cd "$BATS_TEST_TMPDIR"
}

@test "a 5-GiB file arrives whole, raw and verified" {
	truncate -s 5G huge
	echo "the end" >>huge
	for option in "" --verify; do
		start_sender $option 0 huge
		run timeout 300 bash -c "set -o pipefail; sockfile-recv -q --connect 127.0.0.1 $port - | tail -c +5368709121"
		assert_success
		assert_output "the end"
		sender_ends 0
		error_has send.err "sent 5368709128 bytes"
	done
}

@test "@FILE: 200 senders and receivers are started at once, with an old port file and without" {
	head -c 300000 /dev/urandom >in
	send_to_port_file 200
}

@test "a peer that vanished is found out within 90 s: in the middle of the bytes, full or idle, with a key, at both ends" {
	need_openssl
	head -c 32 /dev/urandom | base64 >key
	chmod 600 key
	head -c 30M /dev/zero >in
	head -c 400M /dev/zero >large
	mkfifo silent
	two_machines <<-'SH' >told
		pids=()
		trap '[ ${#pids[@]} = 0 ] || kill -KILL "${pids[@]}"' EXIT
		exec 8<>silent
		# pair NAME KEY WORDS - a sender with these words, and its receiver.
		pair() {
			$in_b sockfile-recv $2 --port-file port.$1 10.9.9.2 0 out.$1 >/dev/null 2>err.$1.recv &
			pids+=($!) receiver=$!
			$in_a sockfile-send ${2:---verify} $3 --wait 20 10.9.9.2 @port.$1 ${4-in} 2>err.$1.send <silent &
			pids+=($!)
		}
		pair slow "" "--limit-rate 50K"
		pair secret "--key key" "--limit-rate 50K"
		pair idle "" "" -
		head -c 1000 in >&8
		pair full "" "" large
		for name in slow secret idle full; do
			wait_until test -s out.$name.part
		done
		kill -STOP $receiver
		sleep 2
		begin=${EPOCHREALTIME/./}
		$in_b ip link set vb down
		kill -CONT $receiver
		for pid in "${pids[@]}"; do
			wait $pid && status=0 || status=$?
			echo "$status $(((${EPOCHREALTIME/./} - begin) / 1000000 <= 90))"
		done
		pids=()
	SH
	assert_equal "$(<told)" "$(printf '124 1\n%.0s' {1..8})"
	error_has err.slow.send "it is gone: nothing was acknowledged"
}
