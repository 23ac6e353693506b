# tree.sh - what the other scripts have in common; to be sourced, with the top of the tree as the current directory.
# shellcheck shell=sh

# own_tree - fail, saying why, where a script would not be able to write later on.
own_tree() {
	for path in . build build-check build-sanitizers build-aux autom4te.cache configure \
		build.log check.log packages.log; do
		[ ! -e "$path" ] || [ -w "$path" ] || {
			echo "${0##*/}: $(realpath "$path") belongs to $(stat -c %U "$path"), and $(id -un) may not" \
				"write there: have it removed, or make a clone of your own" >&2
			return 1
		}
	done
}

# configured DIR [option ...] - have ./configure made, and run in DIR with these options.  What is newer than
# its sources is not made again; without options, what DIR was configured with stays.
configured() {
	dir=$1
	shift
	if [ ! -e configure ] || [ ! -e Makefile.in ] ||
		[ -n "$(find bootstrap configure.ac Makefile.am m4 -newer configure)" ]; then
		./bootstrap || return
	fi
	mkdir -p "$dir"
	if [ -e "$dir/Makefile" ]; then
		[ $# -gt 0 ] && [ "$*" != "$(cat "$dir/options" 2>/dev/null)" ] || return 0
	fi
	(cd "$dir" && ../configure -q "$@" && echo "$*" >options)
}
