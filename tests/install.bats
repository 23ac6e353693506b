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

@test "the header compiles alone, as C11 and as C++" {
	need c++
	printf '#include <sockutil.h>\n' >alone.c
	cc -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$there/include" alone.c
	cc -std=gnu11 -Wall -Wextra -Werror -fsyntax-only -I"$there/include" alone.c
	c++ -x c++ -fsyntax-only -I"$there/include" alone.c
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

@test "the examples of sockutil(3) compile and run as written, with gcc and with clang" {
	is_sanitized && skip "the sanitizers would have to be linked too"
	need gcc clang
	awk '
		/^\.Sh/ { in_examples = /EXAMPLES/ }
		in_examples && /^\.Bd/ { file = "example" ++n ".c"; next }
		/^\.Ed/ { file = "" }
		file != "" { gsub(/\\e/, "\\"); gsub(/\\&/, ""); print > file }' "$SOCKUTILS_SOURCE/man/sockutil.3"
	[ "$(ls example*.c)" = $'example1.c\nexample2.c' ]
	export PKG_CONFIG_PATH=$there/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$PWD/root
	for compiler in gcc clang; do
		for example in example1 example2; do
			"$compiler" -std=c11 -Wall -Wextra -Werror "$example.c" $(pkg-config --cflags --libs sockutil) -o "$example"
		done
		start_server sockecho-server 0
		run --separate-stderr ./example1 localhost "$port" "hello, world"
		assert_success
		assert_output "hello, world"
		stop_server
		run --separate-stderr ./example1 127.0.0.1 "$port" hello
		assert_failure 1
		assert_equal "$stderr" "example1: connect to 127.0.0.1 port $port: Connection refused"
		start_server ./example2 0
		for client in "sockecho-client --expect echo" ./example1; do
			run --separate-stderr $client "$host" "$port" hello
			assert_success
			assert_output hello
		done
		kill "$server_pid"
	done
}
