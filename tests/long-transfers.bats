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
