# tree.sh - functions for the other scripts.  Source it with the top of the tree as the current directory.
# shellcheck shell=sh

# own_tree - fail, with a reason, if a script could not write into the tree later on.
own_tree() {
	for path in . build build-check build-sanitizers build-static build-32 build-package build-aux autom4te.cache configure \
		build.log check.log packages.log; do
		[ ! -e "$path" ] || [ -w "$path" ] || {
			echo "${0##*/}: $(realpath "$path") belongs to $(stat -c %U "$path"), and $(id -un) may not" \
				"write there: have it removed, or make a clone of your own" >&2
			return 1
		}
	done
}

# configured DIR [option ...] - make ./configure if it is older than its sources, and run it in DIR with these
# options.  Without options, DIR keeps the options that it was configured with.
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
