#!/usr/bin/env bats
# long-echo.bats - what of the echo pair takes a minute and more, for "make check-long"; shorter kin are in
# echo-tcp.

load helpers
load goodbyes

@test "2,000 times a byte through a pipe, 200 at once: no false failure" {
	pipe_into_clients 2000 200
}

@test "a peer that lives and does not read for a minute is not ended by --keepalive=3" {
	start_server sockecho-server -v --keepalive=3 0
	run python3 -c '
import socket, sys, threading, time
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
size = 50 << 20
def send():
    for _ in range(size >> 20):
        s.sendall(b"x" * (1 << 20))
    s.shutdown(socket.SHUT_WR)
sender = threading.Thread(target=send)
sender.start()
time.sleep(60)
got = 0
while data := s.recv(1 << 20):
    got += len(data)
sender.join()
print(got == size)
' "$port"
	assert_success
	assert_output True
	run ! grep -q "closed: lost" "$BATS_TEST_TMPDIR/server.err"
}
