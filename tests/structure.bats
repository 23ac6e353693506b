#!/usr/bin/env bats
# structure.bats - the rows of src/: who may include whom, and who alone waits, handles signals, writes
# to standard error, writes JSON, prints text, and reports a failure.

load helpers

# Whom the calls of each kind belong to.
owners() {
	cat <<-'END'
		wait src/run/handover.c
		wait src/run/loop.c
		wait src/run/pool.c
		wait src/run/run.c
		wait src/run/wait.c
		wait src/libsockutil/background.c
		wait src/libsockutil/connecting.c
		wait src/libsockutil/sendfile.c
		wait src/libsockutil/socket.c
		wait src/libsockutil/unixserver.c
		signal src/run/run.c
		signal src/run/state.c
		stderr src/run/output.c
		json src/run/event.c
		error src/run/event.c
		error src/run/message.c
		error src/run/message.h
		report src/run/failure.c
		report src/run/failure.h
		report src/run/run.c
		report src/options/options.c
	END
	printers
	reporters
}

# Who prints: what runs in the loop alone.  Everybody else calls message or event, whose text a thread of a pool
# hands over to the loop.
printers() {
	printf 'print src/run/%s\n' output.c {output,message}.{c,h} event.c failure.c log.c
	printf 'print src/%s.c\n' options/options net/listen hostlookup/{bulk,main,print} servlookup/main \
		sockecho-client/{peer,ping_connection,ping_stats} sockwait/report
}

# Who reports a failure, and has an exit status of it: what is outermost.  Everybody else returns -1 and fills
# a struct failure.
reporters() {
	# main, and what main calls to run a mode to its end
	printf 'report src/%s/main.c\n' hostlookup servlookup sockecho-server sockfile-recv sockfile-send sockwait
	printf 'report src/sockecho-client/mode_%s.c\n' datagrams messages ping prompt stream
	printf 'report src/sockfile-send/%s.c\n' connect raw serve
	echo report src/sockfile-recv/server.c
	# before there is a run: misuse, and what keeps it from being judged
	printf 'report src/sockwait/%s.c\n' config targets
	# one of many has failed, and the others go on
	printf 'report src/%s.c\n' hostlookup/bulk sockecho-client/ping_connection sockfile-recv/receive_session \
		sockfile-send/send_session
	# the file is there, but not its mode
	echo report src/sockfile-recv/target.c
}

# Who makes such a call all the same.  This list may only become shorter.
allowed() {
	cat <<-'END'
	END
}

# includes DIR - each include of DIR/src that its row does not allow, as `FILE: WHY`.
includes() {
	(cd "$1" && awk '
		BEGIN { n = split("libsockutil run options net transfer", names, " "); for (i = 1; i <= n; i++) row[names[i]] = i }
		!/^[ \t]*#[ \t]*include[ \t]*"/ { next }
		{
			split(FILENAME, path, "/")
			from = path[2]
			header = $0
			sub(/^[^"]*"/, "", header)
			sub(/".*/, "", header)
			if (split(header, part, "/") < 2) {
				print FILENAME ": \"" header "\" is not written from src/"
				next
			}
			to = part[1]
			if (from != to && (!(to in row) || (from in row && row[to] > row[from])))
				print FILENAME ": " from " may not include " header
		}' src/*/*.[ch])
}

# calls DIR - the calls of DIR/src that belong to one module, as `KIND FILE CALL`, once each.
calls() {
	(cd "$1" && for file in src/*/*.[ch]; do
		awk -v file="$file" '
			function note(kind, call) { print kind, file, call }
			function look(kind, names,    i, n, name) {
				n = split(names, name, " ")
				for (i = 1; i <= n; i++)
					if (match(statement, "(^|[^A-Za-z0-9_.>])" name[i] "[(]"))
						note(kind, name[i])
			}
			# The text without comments and strings, as statements.
			{
				text = text " " $0
			}
			END {
				out = ""
				while (match(text, /\/\*|"|'"'"'/)) {
					begin = substr(text, RSTART, RLENGTH)
					out = out substr(text, 1, RSTART - 1)
					text = substr(text, RSTART + RLENGTH)
					if (begin == "/*") {
						i = index(text, "*/")
						text = i ? substr(text, i + 2) : ""
						out = out " "
					} else {
						while (substr(text, 1, 1) != begin && text != "")
							text = substr(text, substr(text, 1, 1) == "\\" ? 3 : 2)
						text = substr(text, 2)
						out = out "0"
					}
				}
				out = out text
				n = split(out, statements, /[;{}]/)
				for (s = 1; s <= n; s++) {
					statement = statements[s]
					look("wait", "poll ppoll epoll_wait epoll_pwait epoll_pwait2 select pselect nanosleep " \
						"clock_nanosleep sleep usleep sigtimedwait sigwait sigwaitinfo pthread_cond_wait " \
						"pthread_cond_timedwait pthread_cond_clockwait pthread_join pthread_timedjoin_np")
					look("signal", "signal sigaction signalfd")
					look("error", "msg_error")
					look("print", "output_print output_add output_field output_record output_flush output_lack_memory " \
						"output_has_failed output_error_text output_log_text msg_is_record_enough")
					look("report", "failure_report failure_report_output failure_report_usage failure_note")
					look("json", "json_dump json_dumps json_dumpb json_dumpf json_dumpfd json_dump_file")
					if (statement ~ /(^|[^A-Za-z0-9_])(stderr|STDERR_FILENO)([^A-Za-z0-9_]|$)/)
						look("stderr", "fprintf vfprintf dprintf vdprintf write writev fputs fputc putc fwrite")
				}
			}' "$file"
	done) | LC_ALL=C sort -u
}

# outsiders DIR - the calls that somebody else than their owner makes.
outsiders() {
	calls "$1" | awk 'NR == FNR { owner[$1 " " $2] = 1; next } !(($1 " " $2) in owner)' <(owners) -
}

# check_calls DIR - fails, and says why, where the outsiders are not those of the list.
check_calls() {
	outsiders "$1" >"$BATS_TEST_TMPDIR/found"
	allowed | LC_ALL=C sort -u >"$BATS_TEST_TMPDIR/allowed"
	LC_ALL=C comm -23 "$BATS_TEST_TMPDIR/found" "$BATS_TEST_TMPDIR/allowed" | sed 's/$/: not there: call the module that owns it/' \
		>"$BATS_TEST_TMPDIR/differences"
	LC_ALL=C comm -13 "$BATS_TEST_TMPDIR/found" "$BATS_TEST_TMPDIR/allowed" | sed 's/$/: needless on the list: take it off/' \
		>>"$BATS_TEST_TMPDIR/differences"
	cat "$BATS_TEST_TMPDIR/differences"
	[ ! -s "$BATS_TEST_TMPDIR/differences" ]
}

# copy_sources - into $BATS_TEST_TMPDIR/tree, to be spoilt.
copy_sources() {
	mkdir "$BATS_TEST_TMPDIR/tree"
	cp -R "$SOCKUTILS_SOURCE/src" "$BATS_TEST_TMPDIR/tree/src"
	chmod -R u+w "$BATS_TEST_TMPDIR/tree"
	tree=$BATS_TEST_TMPDIR/tree
}

@test "a file includes only its own row and those below it" {
	run includes "$SOCKUTILS_SOURCE"
	assert_success
	assert_output ""
}

@test "an include of a row above, of another program, or not from src/ is found" {
	copy_sources
	sed -i '1a #include "net/listen.h"' "$tree/src/run/escape.c"
	sed -i '1a #include "sockfile-recv/config.h"' "$tree/src/sockfile-send/main.c"
	sed -i '1a #include "transfer/wire.h"' "$tree/src/net/user.h"
	sed -i '1a #include "run/run.h"' "$tree/src/libsockutil/error.c"
	sed -i '1a #include "sockutil.h"' "$tree/src/options/values.c"
	run includes "$tree"
	assert_line "src/run/escape.c: run may not include net/listen.h"
	assert_line "src/sockfile-send/main.c: sockfile-send may not include sockfile-recv/config.h"
	assert_line "src/net/user.h: net may not include transfer/wire.h"
	assert_line "src/libsockutil/error.c: libsockutil may not include run/run.h"
	assert_line 'src/options/values.c: "sockutil.h" is not written from src/'
	assert_equal "${#lines[@]}" 5
}

@test "nobody waits, handles signals, writes to standard error, makes JSON, prints or reports but who owns that" {
	run check_calls "$SOCKUTILS_SOURCE"
	assert_output ""
	assert_success
}

@test "a call that is added elsewhere is found, and so is one that the list has in vain" {
	copy_sources
	cat >>"$tree/src/run/escape.c" <<-'END'
		/* poll(2), signal(2) */
		static void
		spoil(void)
		{
			puts("nanosleep(");
			(void)poll(NULL, 0, 1);
			(void)fputs("x",
			    stderr);
			output_record(line, len);
			return failure_report(failure);
		}
	END
	run check_calls "$tree"
	assert_failure
	assert_line "wait src/run/escape.c poll: not there: call the module that owns it"
	assert_line "stderr src/run/escape.c fputs: not there: call the module that owns it"
	assert_line "print src/run/escape.c output_record: not there: call the module that owns it"
	assert_line "report src/run/escape.c failure_report: not there: call the module that owns it"
	assert_equal "${#lines[@]}" 4

	copy=$(allowed | head -n 1)
	[ -n "$copy" ] || return 0 # the list is empty
	read -r _ file call <<<"$copy"
	sed -i "s/\b$call(/no_$call(/g" "$tree/$file"
	run check_calls "$tree"
	assert_failure
	assert_line "$copy: needless on the list: take it off"
}

# compiles ROW - a table with that row.
compiles() {
	printf '%s\n' '#include "options/options.h"' 'struct config { int n; bool b; int64_t big; const char *text; };' \
		"const struct option_row rows[] = { $1, OPTION_END_ROW };" |
		cc -std=gnu11 -fsyntax-only -I"$SOCKUTILS_SOURCE/src" -x c - 2>/dev/null
}

@test "a row for a member of another type, or of too few bits, does not compile" {
	need cc
	compiles 'FLAG(0, "x", struct config, b, "do it")'
	refute compiles 'FLAG(0, "x", struct config, n, "do it")'
	compiles 'COUNT(0, "x", "N", struct config, n, 0, INT32_MAX, 0, "so many")'
	refute compiles 'COUNT(0, "x", "N", struct config, n, 0, INT64_MAX, 0, "so many")'
	refute compiles 'COUNT(0, "x", "N", struct config, text, 0, 1, 0, "so many")'
	refute compiles 'SECONDS(0, "x", struct config, n, 0, "so long")'
	refute compiles 'TEXT(OPTION_TEXT, 0, "x", "NAME", struct config, big, "so called")'
	compiles 'OPTION_INCLUDE(struct config, n, int, rows)'
	refute compiles 'OPTION_INCLUDE(struct config, b, int, rows)'
}
