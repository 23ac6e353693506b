#!/usr/bin/env bats
# examples.bats - the programs that the documentation of the socket API shows, against our tools.

load helpers
load goodbyes

setup() {
	need python3
	cd "$BATS_TEST_TMPDIR"
}

# start_python PROGRAM - a server that writes its port to the file "port".
start_python() {
	in_background python3 -c "$1"
	python_pid=$last_pid
	until_true 20 test -s port
	read -r port <port
}

# on_terminal ARGUMENTS [SCRIPT] - run sockecho-client with them on a terminal, where SCRIPT of expect(1) types and
# waits.  The output is what comes after it.
on_terminal() {
	need expect
	run expect -c "
		set timeout 20
		log_user 0
		spawn -noecho sockecho-client $1
		${2-}
		log_user 1
		expect eof {} timeout { exit 99 }
		exit [lindex [wait] 3]
	"
}

@test "the upper-casing server of the notes, and our client" {
	start_python '
from socket import *
server = socket(AF_INET, SOCK_STREAM)
server.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
server.bind(("127.0.0.1", 0))
server.listen(5)
open("port.tmp", "w").write(str(server.getsockname()[1]) + "\n")
import os; os.rename("port.tmp", "port")
with server:
    conn, client_addr = server.accept()
    msg = conn.recv(1024)
    msg_length = conn.send(msg.upper())
    print("send %s bytes" % msg_length)
    conn.close()
' >server.out
	run --separate-stderr sockecho-client -v --expect upper 127.0.0.1 "$port" a
	assert_success
	assert_output A
	[[ $stderr == *"send 1 bytes"* ]]
	wait_for "$python_pid"
}

@test "the client of the notes, and our server" {
	start_server sockecho-server --upper -c 1 0
	run python3 - "$port" <<-'PY'
		import sys
		from socket import *
		server_addr = ("127.0.0.1", int(sys.argv[1]))
		client = create_connection(address=server_addr)
		with client:
		    peername = client.getpeername()
		    print(peername[0], peername[1] == server_addr[1])
		    sockname = client.getsockname()
		    print("client: %s - %s" % (sockname[0], sockname[1] > 0))
		    msg = "a"
		    msg_length = client.send(msg.encode("utf-8"))
		    print("send %s bytes" % msg_length)
		    data = client.recv(1024)
		    print(data.decode("utf-8"))
		try:
		    client.send("this msg can not be sent to the server ".encode("utf-8"))
		except OSError as e:
		    print(e.errno)
	PY
	assert_output $'127.0.0.1 True\nclient: 127.0.0.1 - True\nsend 1 bytes\nA\n9'
	wait_for "$server_pid"
	assert_equal "$waited_status" 0
}

@test "the with-statement server of the notes serves our stream to its end" {
	start_python '
from socket import *
addr = ("127.0.0.1", 0)
with socket(AF_INET, SOCK_STREAM) as s:
    s.bind(addr)
    s.listen(5)
    open("port.tmp", "w").write(str(s.getsockname()[1]) + "\n")
    import os; os.rename("port.tmp", "port")
    conn, client_addr = s.accept()
    with conn:
        while True:
            msg = conn.recv(1024)
            if not msg: break
            conn.send(msg.upper())
'
	run --separate-stderr sockecho-client -t 10 127.0.0.1 "$port" < <(printf 'one\ntwo\n')
	assert_success
	assert_output $'ONE\nTWO'
	wait_for "$python_pid"
	assert_equal "$waited_status" 0
}

@test "a datagram client of Python, over UDP and a UNIX path" {
	start_server sockecho-server -u --upper 0
	run python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.sendto(b"hello", ("127.0.0.1", int(sys.argv[1])))
data, address = s.recvfrom(100)
print(data.decode(), address[0], address[1] == int(sys.argv[1]))
' "$port"
	assert_output "HELLO 127.0.0.1 True"
	start_server sockecho-server -u -U sock
	run python3 -c '
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.settimeout(5)
s.bind("mine")
s.sendto(b"hello", "sock")
print(s.recvfrom(100))
'
	assert_output "(b'hello', 'sock')"
}

@test "the prompt of the notes: lines are stripped, empty ones skipped, --alpha skips the rest" {
	start_server sockecho-server --upper 0
	on_terminal "--alpha $host $port" "
		expect {>> } { send \"\r\" } timeout { exit 1 }
		expect {>> } { send \"abc1\r\" } timeout { exit 2 }
		expect {>> } { send \"  hello  \r\" } timeout { exit 3 }
		expect {HELLO} {} timeout { exit 4 }
		expect {>> } { send \"\004\" } timeout { exit 5 }
	"
	assert_success
	stop_server
	run grep -c . "$BATS_TEST_TMPDIR/server.err"
	assert_output 0
}

@test "what a peer sends reaches a terminal escaped" {
	in_background python3 -c '
import socket
with socket.create_server(("127.0.0.1", 0)) as s:
    open("port.tmp", "w").write(str(s.getsockname()[1]) + "\n")
    import os; os.rename("port.tmp", "port")
    c, _ = s.accept()
    with c:
        c.recv(100)
        c.sendall(b"\x1b[31mX\x9b\xff")
'
	until_true 20 test -s port
	read -r port <port
	on_terminal "127.0.0.1 $port 12345678"
	assert_success
	assert_output --partial '\x1b[31mX\x9b\xff'
}

@test "a character that comes in two pieces reaches a terminal whole; one that is cut for good, escaped" {
	cd "$BATS_TEST_TMPDIR"
	run --separate-stderr python3 - <<-'PY'
		import os, pty, socket, subprocess, sys, tty

		def shown(command, peer):
		    """What a terminal shows of the pieces: each is sent once it shows what was before."""
		    master, slave = pty.openpty()
		    tty.setraw(slave)
		    p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.PIPE)
		    c = peer(p)
		    seen = b""
		    for piece, expected in (b"caf\xc3", b"caf"), (b"\xa9 \xf0\x9f", b"caf\xc3\xa9 "), (b"\x98\x80\xe2", b"caf\xc3\xa9 \xf0\x9f\x98\x80"):
		        c.sendall(piece)
		        while len(seen) < len(expected):
		            seen += os.read(master, 100)
		        assert seen == expected, (command, seen)
		    c.close()
		    assert p.wait() == 0, p.stderr.read()
		    return seen + os.read(master, 100)

		def accepted(p):
		    c = listener.accept()[0]
		    assert c.recv(1) == b""
		    return c

		def connected(p):
		    port = p.stderr.readline().split()[-1]
		    return socket.create_connection(("127.0.0.1", int(port)))

		listener = socket.create_server(("127.0.0.1", 0))
		print(shown(["sockecho-client", "127.0.0.1", str(listener.getsockname()[1])], accepted))
		print(shown(["sockfile-recv", "0", "-"], connected))
	PY
	assert_success
	assert_output "b'caf\\xc3\\xa9 \\xf0\\x9f\\x98\\x80\\\\xe2'
b'caf\\xc3\\xa9 \\xf0\\x9f\\x98\\x80\\\\xe2'"
}

@test "a line that the terminal cuts is told as such and is 1, at the prompt and with -u" {
	for udp in "" -u; do
		start_server sockecho-server $udp 0
		on_terminal "$udp $host $port" "
			expect {>> }
			send \"[string repeat A 4094]\r\"
			expect {>> } {} timeout { exit 98 }
			send \"[string repeat A 5000]\r\"
		"
		assert_failure 1
		assert_output --partial "read standard input: the terminal has cut the line"
		stop_server
	done
}

@test "the end of the input ends the line of the prompt, with -u too" {
	for udp in "" -u; do
		start_server sockecho-server $udp 0
		on_terminal "$udp $host $port" "
			expect {>> } { send \"a\r\" } timeout { exit 97 }
			expect -re {\na\r\n>> } { send \"\004\" } timeout { exit 98 }
			expect -re {^\r\n\$} {} timeout { exit 95 } eof { exit 96 }
		"
		assert_success
		stop_server
	done
}

@test "the prompt says that it is not for peers that speak unasked" {
	start_goodbyes 0
	on_terminal "127.0.0.1 $port"
	assert_failure 5
	assert_output --partial "the prompt takes answers alone (a pipe to standard input takes whatever comes)"
}

@test "the prompt notices that the peer is gone" {
	start_server sockecho-server -c 1 --close-after 0 0
	on_terminal "$host $port"
	assert_failure 5
	# The message has a line of its own, not the one of the prompt.
	assert_output --regexp $'>> \r\nsockecho-client: receive from [0-9. port]+: the peer closed before you did'
}
