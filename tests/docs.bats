#!/usr/bin/env bats
# docs.bats - what the pages, the completions and the README say is what the programs do.

load helpers

programs=${SOCKUTILS_PROGRAMS:?run these through make check}

setup() {
	# fish writes to the home directory of whoever runs it.
	export HOME=$BATS_TEST_TMPDIR
	unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_CACHE_HOME
}

# rows PROGRAM - a line for each option: heading, letter, name, argument.
rows() {
	"$1" --options | awk -F'\t' '$4 != "" { print $2 "\t" $3 "\t" $4 "\t" $5 }' | sort
}

# items PROGRAM - the same of the manual.
items() {
	awk '
		/^\.Ss / { heading = substr($0, 5) }
		/^\.It Fl / {
			letter = ""; n = 0
			for (i = 2; i <= NF; i++) {
				if ($i == "Ar")
					arg[n] = $(i + 1)
				else if ($i ~ /^-[a-z]/ || $i ~ /^-[a-z0-9-]+$/) {
					name[++n] = substr($i, 2); arg[n] = ""
				} else if ($(i - 1) == "Fl")
					letter = $i
			}
			for (i = 1; i <= n; i++)
				print heading "\t" letter "\t" name[i] "\t" arg[i]
		}' "$SOCKUTILS_SOURCE/man/$1.1" | sort
}

# item PROGRAM NAME - what the manual says of an option, in one line.
item() {
	awk -v name="-$2" '
		/^\.(It|El)/ { inside = index(" " $0 " ", " " name " ") > 0 }
		inside { gsub(/^\.[A-Z][a-z] /, ""); printf "%s ", $0 }' "$SOCKUTILS_SOURCE/man/$1.1"
}

@test "the manual has each option under the same heading, with the same letter and argument" {
	for program in $programs; do
		rows "$program" >"$BATS_TEST_TMPDIR/rows"
		items "$program" >"$BATS_TEST_TMPDIR/items"
		diff -u "$BATS_TEST_TMPDIR/rows" "$BATS_TEST_TMPDIR/items"
	done
}

@test "the manual says the default of each option that has one" {
	for program in $programs; do
		"$program" --options | awk -F'\t' '$4 != "" && $9 != "" && $9 != "none" { print $4, $9 }' >"$BATS_TEST_TMPDIR/defaults"
		while read -r name value; do
			item=$(item "$program" "$name")
			[[ " $item" == *" $value by default"* || "$item" == *"default is $value"* ]] ||
				fail "man/$program.1 does not say of --$name that the default is $value"
		done <"$BATS_TEST_TMPDIR/defaults"
	done
}

# What --help says in one way, the manuals say in one way, but for what is the program's own.
@test "an option of several programs has the same item in each manual" {
	own=" accept-timeout bufsize fd json keepalive log max-time quiet reuseaddr source timeout udp unix user verbose "
	for program in $programs; do
		while IFS=$'\t' read -r name help; do
			[[ $own == *" $name "* ]] || printf '%s\t%s\t%s\t%s\n' "$name" "$help" "$(item "$program" "$name" | sed 's/^[^,]*It [^ ]* //')" "$program"
		done < <("$program" --options | awk -F'\t' '$4 != "" { print $4 "\t" $10 }')
	done >"$BATS_TEST_TMPDIR/items"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/items")" -gt 60 ]
	run awk -F'\t' '
		{ key = $1 "\t" $2 }
		key in text && text[key] != $3 { print "--" $1 " of " $4 " and of " program[key] ":\n" $3 "\n" text[key] }
		!(key in text) { text[key] = $3; program[key] = $4 }' "$BATS_TEST_TMPDIR/items"
	assert_output ""
}

@test "--help fits 80 columns, and each option has its line" {
	for program in $programs; do
		"$program" --help >"$BATS_TEST_TMPDIR/help"
		run awk 'length($0) > 80' "$BATS_TEST_TMPDIR/help"
		assert_output ""
		while IFS=$'\t' read -r _ _ name help; do
			grep -qE -- "^(  -., |      )--$name([ =[]|$)" "$BATS_TEST_TMPDIR/help"
			[[ $help =~ ^[a-zA-Z].{5,} ]] || fail "$program --$name: '$help' says nothing"
		done < <("$program" --options | awk -F'\t' '$4 != "" { print $1 "\t" $2 "\t" $4 "\t" $10 }')
	done
}

@test "no option has two rows, and no two options have one letter" {
	for program in $programs; do
		run bash -c "$program --options | awk -F'\t' '\$4 != \"\" { print \"--\" \$4; if (\$3 != \"\") print \"-\" \$3 }' | sort | uniq -d"
		assert_output ""
	done
}

# Stale ones are made anew by `make completions`.
@test "the completions are those of the options that the programs have" {
	cd "$SOCKUTILS_SOURCE"
	for shell in bash zsh fish; do
		# shellcheck disable=SC2086 # names
		scripts/completions "$shell" $(for program in $programs; do command -v "$program"; done) >"$BATS_TEST_TMPDIR/$shell"
	done
	diff -u completions/sockutils.bash "$BATS_TEST_TMPDIR/bash"
	diff -u completions/_sockutils "$BATS_TEST_TMPDIR/zsh"
	diff -u completions/sockutils.fish "$BATS_TEST_TMPDIR/fish"
}

# complete_in_bash WORD ... - what bash offers for the last one; of --name=value it makes three words
complete_in_bash() {
	bash -c '
		load() { source "$SOCKUTILS_SOURCE/completions/sockutils.bash"; } # as bash-completion does: in a function
		load
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_sockutils "$1" "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
		echo "${COMPREPLY[*]}"' bash "$@"
}

@test "bash completes options, values and operands" {
	cd "$BATS_TEST_TMPDIR"
	touch there
	while read -r words; do
		# shellcheck disable=SC2086 # words
		set -- ${words%% : *}
		run complete_in_bash "${@/#EMPTY/}"
		expected=${words#* : }
		assert_output "${expected#NOTHING}"
	done <<-'END'
		sockecho-server --acc : --accept-timeout
		sockecho-client --expect u : upper
		sockecho-client --expect = u : upper
		sockecho-client -t n : none
		sockfile-recv --port-file th : there
		sockfile-send host port th : there
		sockfile-send -U th : there
		sockwait ./th : ./there
		sockwait localhost:1 ./th : ./there
		sockwait @th : @there
		sockecho-client localhost @th : @there
		sockfile-send localhost @th : @there
		sockfile-send localhost @there th : there
		servlookup --proto EMPTY : tcp udp
		hostlookup --set-hostname EMPTY : NOTHING
	END
}

@test "zsh and fish understand their completions, and complete" {
	need fish zsh
	cd "$SOCKUTILS_SOURCE/completions"
	zsh -n _sockutils
	run grep '^#compdef' _sockutils
	assert_output "#compdef $programs"
	fish --no-execute sockutils.fish
	run fish -c "source sockutils.fish; complete -C 'sockecho-client --expect '"
	assert_line --partial upper
}

@test "the manuals are well formed" {
	need mandoc
	for page in "$SOCKUTILS_SOURCE"/man/*.[137]; do
		run mandoc -T lint -W warning "$page"
		assert_success
		assert_output ""
	done
}

@test "each program's manual lists every exit status it can have" {
	for program in $programs; do
		statuses="0 1 2 3 4 124 128+N"
		case $program in
		servlookup) statuses="0 1 2 3 128+N" ;;
		sockwait) statuses="0 1 2 124 128+N" ;; # what is not found may still come
		esac
		for status in $statuses; do
			grep -qxF ".It $status" "$SOCKUTILS_SOURCE/man/$program.1"
		done
	done
}

@test "every public function is in sockutil(3), and the other way round" {
	grep -oE '\bsku_[a-z0-9_]+\(' "$SOCKUTILS_SOURCE/src/libsockutil/sockutil.h" | tr -d '(' |
		grep -vx sku_autoclose | sort -u >"$BATS_TEST_TMPDIR/header"
	grep -oE '^\.F[no] sku_[a-z0-9_]+' "$SOCKUTILS_SOURCE/man/sockutil.3" | sed 's/.* //' |
		sort -u >"$BATS_TEST_TMPDIR/manual"
	diff -u "$BATS_TEST_TMPDIR/header" "$BATS_TEST_TMPDIR/manual"
}

@test "each program is named where people look for it, and each test file is run" {
	cd "$SOCKUTILS_SOURCE"
	for program in $programs; do
		grep -q "^| .*\`$program\`" README.md || fail "README.md has no row for $program"
		grep -q "^- .*\<$program\>" NEWS || fail "NEWS says nothing of $program"
		[ "$(grep -c "^\.Xr $program 1" man/sockutils.7)" -ge 2 ] || fail "sockutils.7 does not name $program both in its text and at its end"
		[ ! -e .gitignore ] || grep -qx "/$program" .gitignore || fail ".gitignore lacks $program"
	done
	for file in tests/*.bats; do
		grep -qE "^(.*[[:space:]])?$file( |$)" Makefile.am || fail "nobody runs $file"
	done
}

@test "each link of the README and of docs/ leads somewhere, and the README links every page" {
	cd "$SOCKUTILS_SOURCE"
	for page in README.md docs/*.md; do
		grep -oE '\]\([^)]+\)' "$page" | sed 's/^](//; s/)$//' | grep -v '^https\?:' | while read -r link; do
			file=$(dirname "$page")/${link%%#*}
			[[ $link != "#"* ]] || file=$page
			[ -e "$file" ] || fail "$page: $link leads nowhere"
			[[ $link != *"#"* ]] || sed -n 's/^#* //p' "$file" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9\n-' |
				grep -qx -- "${link#*#}" || fail "$page: $link is no heading of $file"
		done
	done
	for page in docs/*.md; do
		grep -qF "]($page)" README.md || fail "the README has no link to $page"
	done
}

@test "the events that the sources emit are in sockutils(7)" {
	{
		grep -rhoE '\<EVENT(_RECORD)?\([^,]*,' "$SOCKUTILS_SOURCE/src"
		grep -rhoE 'state_on_sigusr1\("[a-z_]+"' "$SOCKUTILS_SOURCE/src"
	} | grep -oE '"[a-z_]+"' | tr -d '"' | sort -u >"$BATS_TEST_TMPDIR/emitted"
	sed -nE 's/^\.It ([a-z]+) Ta .*/\1/p' "$SOCKUTILS_SOURCE/man/sockutils.7" | sort -u \
		>"$BATS_TEST_TMPDIR/documented"
	diff -u "$BATS_TEST_TMPDIR/emitted" "$BATS_TEST_TMPDIR/documented"
}

# need_version COMMAND VERSION ... - skip where a style would be judged by another than it was tried with.
need_version() {
	local command=$1 version accepted
	need "$command"
	version=$("$command" --version | grep -oE '[0-9]+\.[0-9.]+' | head -n 1)
	shift
	for accepted in "$@"; do
		[[ $version != "$accepted".* ]] || return 0
	done
	skip "$command $version may judge otherwise than $*"
}

@test "the shell scripts pass shellcheck" {
	need_version shellcheck 0.9 0.10
	cd "$SOCKUTILS_SOURCE"
	shellcheck -x bootstrap $(grep -lE '^#!.*sh$|^# shellcheck shell' scripts/*) .ci/run tests/driver tests/machines tests/unit/run tests/unit/no-cmocka tests/*.bash \
		completions/sockutils.bash packaging/debian/tests/suite packaging/debian/tests/library
}

@test "the C sources are as clang-format would have them" {
	need_version clang-format 14
	cd "$SOCKUTILS_SOURCE"
	clang-format --dry-run --Werror src/*/*.[ch] tests/*/*.[ch] bench/*.[ch]
}

@test "no source names a path or a host of the machine it was written on" {
	cd "$SOCKUTILS_SOURCE"
	run grep -rnE '/(home|root|work)/|registry\.|deb\.debian' src tests/unit man completions README.md CONTRIBUTING.md docs NEWS scripts bench
	assert_failure
}

@test "the map of src/ names every file" {
	cd "$SOCKUTILS_SOURCE"
	awk '/^## The map/ { on = 1; next } /^## / { on = 0 } on' docs/architecture.md >"$BATS_TEST_TMPDIR/map"
	for file in src/*/*.c; do
		name=$(basename "$file" .c)
		case $name in main) continue ;; esac
		grep -q "\`$name\`" "$BATS_TEST_TMPDIR/map" || fail "docs/architecture.md does not name $file"
	done
}
