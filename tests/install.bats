#!/usr/bin/env bats
# install.bats - what make install puts where, and a program that uses the library as installed.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
	make -s -C "$SOCKUTILS_BUILD" install DESTDIR="$PWD/root" >/dev/null
	prefix=$(sed -n 's/^prefix = //p' "$SOCKUTILS_BUILD/Makefile")
	there=$PWD/root$prefix
}

@test "programs, library, header, manuals and completions are installed, and uninstalled" {
	for program in $SOCKUTILS_PROGRAMS; do
		for file in "bin/$program" "share/man/man1/$program.1" "share/bash-completion/completions/$program"; do
			[ -e "$there/$file" ] || fail "$file is not installed"
		done
	done
	for file in lib/libsockutil.a include/sockutil.h lib/pkgconfig/sockutil.pc share/man/man3/sockutil.3 \
		share/man/man7/sockfile.7 share/man/man7/sockutils.7 share/zsh/site-functions/_sockutils \
		share/fish/vendor_completions.d/sockutils.fish; do
		[ -e "$there/$file" ] || fail "$file is not installed"
	done
	for file in README.md NEWS $(cd "$SOCKUTILS_SOURCE" && echo docs/*); do
		[ -e "$there/share/doc/sockutils/$file" ] || fail "$file is not installed"
	done
	make -s -C "$SOCKUTILS_BUILD" uninstall DESTDIR="$PWD/root" >/dev/null
	run find root ! -type d
	assert_output ""
}

@test "a program built with pkg-config against the library talks to our server" {
	is_sanitized && skip "the sanitizers would have to be linked too"
	cat >prog.c <<-'C'
		#include <sockutil.h>
		#include <stdio.h>

		int
		main(int argc, char **argv)
		{
			SKU_AUTOCLOSE struct sku_sock s = SKU_SOCK_INIT;
			struct sku_error err;
			char buf[1024];
			ssize_t n;

			if (argc != 2 ||
			    sku_create_connection(&s, "localhost", argv[1], 5 * SKU_SECOND, NULL, &err) == -1) {
				fprintf(stderr, "%s: %s\n", err.context, sku_error_reason(&err));
				return 1;
			}
			if (sku_sendall(&s, "hello", 5, 0, NULL) == -1)
				return 2;
			n = sku_recv(&s, buf, sizeof(buf), 0);
			return n == 5 ? (int)(fwrite(buf, 1, 5, stdout) != 5) : 3;
		}
	C
	export PKG_CONFIG_PATH=$there/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$PWD/root
	# pkg-config's words are quoted for a shell.
	eval "cc -std=c11 -Wall -Wextra -Wpedantic -Werror prog.c $(pkg-config --cflags --libs sockutil) -o prog"
	start_server sockecho-server 0
	run --separate-stderr ./prog "$port"
	assert_success
	assert_output hello
}

@test "the archive goes into a shared object, and exports names with its prefix alone" {
	is_sanitized && skip "the sanitizers would have to be linked too"
	cat >plugin.c <<-'C'
		#include <sockutil.h>

		int
		plugin(const char *port)
		{
			SKU_AUTOCLOSE struct sku_sock s = SKU_SOCK_INIT;

			return sku_create_connection(&s, "127.0.0.1", port, SKU_SECOND, NULL, NULL) +
			       sku_getservbyname("https", "tcp");
		}
	C
	cc -std=c11 -fPIC -shared -Wl,--no-undefined -I"$there/include" -o plugin.so plugin.c \
		-Wl,--whole-archive "$there/lib/libsockutil.a" -Wl,--no-whole-archive -lpthread
	run nm -D --defined-only plugin.so
	assert_line --partial " T sku_create_connection"
	run sh -c "nm -g --defined-only '$SOCKUTILS_BUILD/libsockutil.a' | grep -E ' [TDBRC] ' | grep -v ' sku_'"
	assert_output ""
}

@test "the header compiles alone, as C99, C11 and C++17, without a warning" {
	need gcc clang g++ clang++
	printf '#include <sockutil.h>\n' >alone.c
	cc -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$there/include" alone.c
	cc -std=gnu11 -Wall -Wextra -Werror -fsyntax-only -I"$there/include" alone.c
	cc -std=c99 -D_POSIX_C_SOURCE=200809L -Wpedantic -Werror -fsyntax-only -I"$there/include" alone.c
	cat >closed.cc <<-'C'
		#include <sockutil.h>

		int
		main()
		{
			struct sku_sock many[2] = { SKU_SOCK_INIT, SKU_SOCK_INIT };
			struct sku_unix_path path = SKU_UNIX_PATH_INIT;

			many[1] = SKU_SOCK_CLOSED;
			return sku_fileno(&many[1]) == path.dir_fd ? 0 : 1;
		}
	C
	# A program of 32 bits chooses the size of these (_FILE_OFFSET_BITS), and the library has chosen before.
	run grep -nwE 'off_t|ino_t|dev_t|blkcnt_t|time_t|timeval|timespec|stat' "$there/include/sockutil.h"
	assert_output ""
	# The unnamed union of struct sku_address is an extension, which both know.
	for compiler in g++ clang++; do
		"$compiler" -std=c++17 -Wall -Wextra -Wold-style-cast -Werror -I"$there/include" -c closed.cc -o closed.o
	done
}

@test "each header of ours compiles alone" {
	cd "$SOCKUTILS_SOURCE/src"
	for header in */*.h; do
		printf '#include "%s"\n' "$header" >"$BATS_TEST_TMPDIR/one.c"
		cc -std=c11 -D_GNU_SOURCE -DPACKAGE_VERSION='""' -fsyntax-only \
			$(pkg-config --cflags libbsd-overlay jansson libxxhash) -I. \
			"$BATS_TEST_TMPDIR/one.c" || fail "$header"
	done
}

# make_examples - example1.c and so on, as they stand in sockutil(3).
make_examples() {
	awk '
		/^\.Sh/ { in_examples = /EXAMPLES/ }
		in_examples && /^\.Bd/ { file = "example" ++n ".c"; next }
		/^\.Ed/ { file = "" }
		file != "" { gsub(/\\e/, "\\"); gsub(/\\&/, ""); print > file }' "$SOCKUTILS_SOURCE/man/sockutil.3"
	assert_equal "$(echo example*.c)" "example1.c example2.c example3.c example4.c"
}

# try_examples - run them: a client, a server with a loop, a question in datagrams, a file server.
try_examples() {
	start_server sockecho-server 0
	run --separate-stderr ./example1 localhost "$port" "hello, world"
	assert_success
	assert_output "hello, world"
	stop_server
	run --separate-stderr ./example1 127.0.0.1 "$port" hello
	assert_failure 1
	assert_equal "$stderr" "example1: connect to 127.0.0.1 port $port: Connection refused"
	# Several clients at once, one of which says nothing.
	start_server ./example2 0
	exec {silent}<>"/dev/tcp/$host/$port"
	for client in "sockecho-client --expect echo" ./example1; do
		run --separate-stderr $client "$host" "$port" hello
		assert_success
		assert_output hello
	done
	head -c 300000 /dev/urandom >sent
	sockecho-client -t 20 "$host" "$port" <sent >came
	cmp sent came
	exec {silent}>&-
	kill "$server_pid"
	start_server sockecho-server -u 0
	run --separate-stderr ./example3 localhost "$port" "what is it"
	assert_success
	assert_output "what is it"
	stop_server
	# Nobody answers: the one deadline holds for all that is sent.
	rm -f port
	in_background python3 -c '
import os, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
open("port.tmp", "w").write(str(s.getsockname()[1]) + "\n")
os.rename("port.tmp", "port")
s.settimeout(20)
while s.recv(100) != b"end":
    pass
'
	until_true 20 test -s port
	read -r port <port
	run --separate-stderr ./example3 127.0.0.1 "$port" silence
	assert_failure 1
	assert_equal "$stderr" "example3: ask 127.0.0.1 port $port: timed out"
	printf end >"/dev/udp/127.0.0.1/$port"
	start_server ./example4 0 sent
	for copy in one two; do
		sockfile-recv -q --connect "$host" "$port" "$copy"
		cmp sent "$copy"
		rm "$copy"
	done
	kill "$server_pid"
}

@test "the examples of sockutil(3) compile and run as written, with gcc and clang, and as C++" {
	is_sanitized && skip "the sanitizers would have to be linked too"
	need gcc clang g++ clang++ python3
	make_examples
	export PKG_CONFIG_PATH=$there/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$PWD/root
	for compiler in gcc clang; do
		for example in example?.c; do
			"$compiler" -std=c11 -Wall -Wextra -Werror "$example" $(pkg-config --cflags --libs sockutil) -o "${example%.c}"
		done
		try_examples
	done
	cp example1.c example1.cc
	for compiler in g++ clang++; do
		"$compiler" -std=c++17 -Wall -Wextra -Wold-style-cast -Werror example1.cc $(pkg-config --cflags --libs sockutil) \
			-o example1
		start_server sockecho-server 0
		run --separate-stderr ./example1 "$host" "$port" "hello, world"
		assert_output "hello, world"
		stop_server
	done
}

@test "the examples of sockutil(3) run under the sanitizers" {
	is_sanitized && skip "they are linked here"
	need clang python3
	# The sanitizer of leaks traces, which not every container allows.
	[ -z "$(command -v strace)" ] || strace -qqo /dev/null true 2>/dev/null || export ASAN_OPTIONS=detect_leaks=0
	make_examples
	for sanitizers in address,undefined thread; do
		mkdir "$sanitizers"
		for file in "$SOCKUTILS_SOURCE"/src/libsockutil/*.c; do
			clang -std=gnu11 -D_GNU_SOURCE -g -O1 -fsanitize="$sanitizers" -I"$SOCKUTILS_SOURCE/src" -c "$file" \
				-o "$sanitizers/$(basename "$file" .c).o"
		done
		for example in example?.c; do
			clang -std=c11 -g -fsanitize="$sanitizers" -fno-sanitize-recover=all -I"$there/include" "$example" \
				"$sanitizers"/*.o -o "${example%.c}"
		done
		try_examples
	done
}

@test "one thread receives while another sends, and ThreadSanitizer finds nothing in it" {
	is_sanitized && skip "it is another sanitizer"
	need clang
	cat >both.c <<-'C'
		#include <pthread.h>
		#include <sockutil.h>
		#include <stdlib.h>

		static char data[1 << 20];

		static void *
		echo(void *arg)
		{
			static char buf[65536];
			ssize_t n;

			while ((n = sku_recv(arg, buf, sizeof(buf), 0)) > 0)
				if (sku_sendall(arg, buf, (size_t)n, 0, NULL) == -1)
					break;
			return NULL;
		}

		static void *
		talk(void *arg)
		{
			return sku_sendall(arg, data, sizeof(data), 0, NULL) == 0 ? arg : NULL;
		}

		int
		main(void)
		{
			static char buf[1 << 20];
			struct sku_sock pair[2];
			pthread_t echoing, talking;
			void *result;

			if (sku_socketpair(pair, AF_UNIX, SOCK_STREAM, 0) == -1 ||
			    sku_setdeadline(&pair[0], sku_deadline_in(60 * SKU_SECOND)) == -1 ||
			    pthread_create(&echoing, NULL, echo, &pair[1]) != 0 ||
			    pthread_create(&talking, NULL, talk, &pair[0]) != 0 ||
			    sku_recvall(&pair[0], buf, sizeof(buf), 0, NULL) == -1)
				return 1;
			pthread_join(talking, &result);
			sku_close(&pair[0]);
			pthread_join(echoing, NULL);
			sku_close(&pair[1]);
			return result == NULL;
		}
	C
	clang -std=gnu11 -D_GNU_SOURCE -g -O1 -fsanitize=thread -I"$SOCKUTILS_SOURCE/src/libsockutil" -I"$SOCKUTILS_SOURCE/src" \
		both.c "$SOCKUTILS_SOURCE"/src/libsockutil/*.c -o both
	run ./both
	assert_success
	assert_output ""
}

@test "man finds each function by its name" {
	[ "$(ls "$there"/share/man/man3/sku_*.3 | wc -l)" -ge 90 ]
	for name in sku_recv sku_create_connection sku_deadline_in sku_set_interrupt; do
		assert_equal "$(cat "$there/share/man/man3/$name.3")" ".so man3/sockutil.3"
	done
	# Each that the header declares.
	grep -oE '\bsku_[a-z0-9_]+\(' "$there/include/sockutil.h" | tr -d '(' | grep -vx sku_autoclose | sort -u |
		while read -r name; do
			[ -e "$there/share/man/man3/$name.3" ] || fail "there is no $name.3"
		done
	command -v man >/dev/null || return 0
	man -M "$there/share/man" 3 sku_recv >shown 2>/dev/null
	grep -q sku_recv shown
}

@test "pkg-config says how to link, statically too" {
	is_sanitized && skip "the sanitizers would have to be linked too"
	need pkg-config
	cat >services.c <<-'C'
		#include <sockutil.h>

		int
		main(void)
		{
			struct sku_sock pair[2];

			return sku_socketpair(pair, AF_UNIX, SOCK_STREAM, 0);
		}
	C
	export PKG_CONFIG_PATH=$there/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$PWD/root
	for how in "" --static; do
		cc -std=c11 services.c $(pkg-config $how --cflags --libs sockutil) -o services
		./services
	done
	echo 'int main(void) { return 0; }' | cc -static -x c - -o empty 2>/dev/null || skip "no C library to link statically"
	cc -static -std=c11 services.c $(pkg-config --static --cflags --libs sockutil) -o services
	./services
}

@test "a program built with CMake finds the library by pkg-config" {
	is_sanitized && skip "the sanitizers would have to be linked too"
	need cmake pkg-config
	cat >CMakeLists.txt <<-'END'
		cmake_minimum_required(VERSION 3.13)
		project(consumer C)
		find_package(PkgConfig REQUIRED)
		pkg_check_modules(SOCKUTIL REQUIRED IMPORTED_TARGET sockutil>=0.1)
		add_executable(consumer example1.c)
		target_link_libraries(consumer PkgConfig::SOCKUTIL)
	END
	make_examples
	export PKG_CONFIG_PATH=$there/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$PWD/root
	cmake -S . -B out >said 2>&1 || fail "$(cat said)"
	cmake --build out >said 2>&1 || fail "$(cat said)"
	start_server sockecho-server 0
	run --separate-stderr out/consumer "$host" "$port" hello
	assert_output hello
}
