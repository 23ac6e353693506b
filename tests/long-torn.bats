#!/usr/bin/env bats
# long-torn.bats - a verified transfer that is torn again and again; make check-long runs it.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
}

@test "torn at a thousand random moments, by kill -9 or a reset" {
	run python3 "$SOCKUTILS_SOURCE/tests/torn.py" 1000 32
	assert_success
}
