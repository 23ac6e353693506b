#!/usr/bin/env bats
# long-echo.bats - what of the echo pair takes a minute and more, for "make check-long"; shorter kin are in
# echo-tcp.

load helpers
load goodbyes

@test "2,000 times a byte through a pipe, 200 at once: no false failure" {
	pipe_into_clients 2000 200
}
