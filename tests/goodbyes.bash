# goodbyes.bash - a server that reads a little, answers and closes, as many do after a goodbye.
# shellcheck shell=bash

# start_goodbyes N [PATH] - N bytes are read of each connection before it says bye and closes.  Sets port.
start_goodbyes() {
	cat >"$BATS_TEST_TMPDIR/goodbyes.py" <<-'PY'
		import os, socket, sys
		n, ready = int(sys.argv[1]), sys.argv[2]
		if len(sys.argv) > 3:
		    s = socket.socket(socket.AF_UNIX)
		    s.bind(sys.argv[3])
		    s.listen(1024)
		    where = sys.argv[3]
		else:
		    s = socket.create_server(("127.0.0.1", 0), backlog=1024)
		    where = str(s.getsockname()[1])
		open(ready + ".new", "w").write(where + "\n")
		os.rename(ready + ".new", ready)
		while True:
		    c, _ = s.accept()
		    with c:
		        got = 0
		        while got < n:
		            got += len(c.recv(n - got)) or n
		        c.sendall(b"bye\n")
	PY
	rm -f "$BATS_TEST_TMPDIR/goodbyes.port"
	in_background python3 "$BATS_TEST_TMPDIR/goodbyes.py" "$1" "$BATS_TEST_TMPDIR/goodbyes.port" "${@:2}"
	until_true 20 test -s "$BATS_TEST_TMPDIR/goodbyes.port"
	read -r port <"$BATS_TEST_TMPDIR/goodbyes.port"
}

# pipe_into_clients N AT_ONCE - N times a byte through a pipe into a client, so many at once: none may fail.
pipe_into_clients() {
	start_goodbyes 1
	# shellcheck disable=SC2016 # for the inner shell
	seq "$1" | xargs -P "$2" -I{} bash -c 'set -o pipefail
		printf x | timeout 120 sockecho-client -q --wait 60 127.0.0.1 "$1" || echo "failed: $?"' - "$port" \
		>"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- || true
	assert_equal "$(sort "$BATS_TEST_TMPDIR/out" | uniq -c | tr -s ' ')" " $1 bye"
	assert_equal "$(cat "$BATS_TEST_TMPDIR/err")" ""
}
