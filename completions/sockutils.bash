# sockutils.bash - completion for bash.  Made by scripts/completions.
# shellcheck shell=bash disable=SC2034

declare -gA _sockutils_options=() _sockutils_operands=() _sockutils_values=()
_sockutils_options[hostlookup]='--ipv4 -4 --ipv6 -6 --ex -e --all -a --reverse -r --confirm --hostname --fqdn --set-hostname --has-ipv6 --file -f --jobs -j --no-cache --unordered --timeout -t --wait --max-time -w --quiet -q --verbose -v --json -J --help -h --version -V'
_sockutils_operands[hostlookup]='host'
_sockutils_values+=(
	[hostlookup --set-hostname]='other'
	[hostlookup --file]='file'
	[hostlookup -f]='file'
	[hostlookup --jobs]='count'
	[hostlookup -j]='count'
	[hostlookup --timeout]='words none 500ms 1 5 1m'
	[hostlookup -t]='words none 500ms 1 5 1m'
	[hostlookup --wait]='words none 500ms 1 5 1m'
	[hostlookup --max-time]='words none 500ms 1 5 1m'
	[hostlookup -w]='words none 500ms 1 5 1m'
)
_sockutils_options[servlookup]='--proto -p --ex -e --all -a --file -f --services --max-time -w --quiet -q --verbose -v --json -J --help -h --version -V'
_sockutils_operands[servlookup]='service'
_sockutils_values+=(
	[servlookup --proto]='words tcp udp'
	[servlookup -p]='words tcp udp'
	[servlookup --file]='file'
	[servlookup -f]='file'
	[servlookup --services]='file'
	[servlookup --max-time]='words none 500ms 1 5 1m'
	[servlookup -w]='words none 500ms 1 5 1m'
)
_sockutils_options[sockecho-client]='--ipv4 -4 --ipv6 -6 --numeric -n --unix -U --mptcp --udp -u --fd --connect-timeout --source --wait --ping --connect-only --expect --alpha --no-shutdown --whole --timeout -t --max-time -w --bufsize --keepalive --nagle --count -c --interval -i --size -s --duration --clients --histogram --quiet -q --verbose -v --json -J --help -h --version -V'
_sockutils_operands[sockecho-client]='host port none'
_sockutils_values+=(
	[sockecho-client --fd]='fd'
	[sockecho-client --connect-timeout]='words none 500ms 1 5 1m'
	[sockecho-client --source]='address'
	[sockecho-client --wait]='words none 500ms 1 5 1m'
	[sockecho-client --expect]='words any echo upper'
	[sockecho-client --timeout]='words none 500ms 1 5 1m'
	[sockecho-client -t]='words none 500ms 1 5 1m'
	[sockecho-client --max-time]='words none 500ms 1 5 1m'
	[sockecho-client -w]='words none 500ms 1 5 1m'
	[sockecho-client --bufsize]='size'
	[sockecho-client --count]='count'
	[sockecho-client -c]='count'
	[sockecho-client --interval]='words 500ms 1 5 1m'
	[sockecho-client -i]='words 500ms 1 5 1m'
	[sockecho-client --size]='size'
	[sockecho-client -s]='size'
	[sockecho-client --duration]='words 500ms 1 5 1m'
	[sockecho-client --clients]='count'
)
_sockutils_options[sockecho-server]='--ipv4 -4 --ipv6 -6 --numeric -n --unix -U --mptcp --udp -u --fd --accept-timeout --ready-fd --port-file --backlog --reuseaddr --no-reuseaddr --allow --deny --user --socket-mode --log --wait --reuseport --upper --timeout -t --max-time -w --connections -c --max-clients --bufsize --keepalive --nagle --rate --allow-reserved --delay --limit-rate --close-after --reset-after --reset-first --faults --drop --seed --daemon --pidfile --quiet -q --verbose -v --json -J --help -h --version -V'
_sockutils_operands[sockecho-server]='host port'
_sockutils_values+=(
	[sockecho-server --fd]='fd'
	[sockecho-server --accept-timeout]='words none 500ms 1 5 1m'
	[sockecho-server --ready-fd]='fd'
	[sockecho-server --port-file]='file'
	[sockecho-server --backlog]='count'
	[sockecho-server --allow]='cidr'
	[sockecho-server --deny]='cidr'
	[sockecho-server --user]='user'
	[sockecho-server --socket-mode]='other'
	[sockecho-server --log]='file'
	[sockecho-server --wait]='words none 500ms 1 5 1m'
	[sockecho-server --timeout]='words none 500ms 1 5 1m'
	[sockecho-server -t]='words none 500ms 1 5 1m'
	[sockecho-server --max-time]='words none 500ms 1 5 1m'
	[sockecho-server -w]='words none 500ms 1 5 1m'
	[sockecho-server --connections]='count'
	[sockecho-server -c]='count'
	[sockecho-server --max-clients]='count'
	[sockecho-server --bufsize]='size'
	[sockecho-server --rate]='count'
	[sockecho-server --delay]='words 500ms 1 5 1m'
	[sockecho-server --limit-rate]='size'
	[sockecho-server --close-after]='size'
	[sockecho-server --reset-after]='size'
	[sockecho-server --reset-first]='count'
	[sockecho-server --faults]='file'
	[sockecho-server --drop]='percent'
	[sockecho-server --seed]='count'
	[sockecho-server --pidfile]='file'
)
_sockutils_options[sockfile-recv]='--connect --ipv4 -4 --ipv6 -6 --numeric -n --unix -U --mptcp --fd --connect-timeout --source --wait --accept-timeout --ready-fd --port-file --backlog --reuseaddr --no-reuseaddr --allow --deny --user --socket-mode --log --force --size --max-size --sha256 --mode --timeout -t --max-time -w --progress --no-progress --verify --resume --retry --dir --connections -c --preserve --key --quiet -q --verbose -v --json -J --help -h --version -V'
_sockutils_operands[sockfile-recv]='host port file'
_sockutils_values+=(
	[sockfile-recv --fd]='fd'
	[sockfile-recv --connect-timeout]='words none 500ms 1 5 1m'
	[sockfile-recv --source]='address'
	[sockfile-recv --wait]='words none 500ms 1 5 1m'
	[sockfile-recv --accept-timeout]='words none 500ms 1 5 1m'
	[sockfile-recv --ready-fd]='fd'
	[sockfile-recv --port-file]='file'
	[sockfile-recv --backlog]='count'
	[sockfile-recv --allow]='cidr'
	[sockfile-recv --deny]='cidr'
	[sockfile-recv --user]='user'
	[sockfile-recv --socket-mode]='other'
	[sockfile-recv --log]='file'
	[sockfile-recv --size]='size'
	[sockfile-recv --max-size]='size'
	[sockfile-recv --sha256]='other'
	[sockfile-recv --mode]='other'
	[sockfile-recv --timeout]='words none 500ms 1 5 1m'
	[sockfile-recv -t]='words none 500ms 1 5 1m'
	[sockfile-recv --max-time]='words none 500ms 1 5 1m'
	[sockfile-recv -w]='words none 500ms 1 5 1m'
	[sockfile-recv --retry]='count'
	[sockfile-recv --dir]='directory'
	[sockfile-recv --connections]='count'
	[sockfile-recv -c]='count'
	[sockfile-recv --key]='file'
)
_sockutils_options[sockfile-send]='--listen --ipv4 -4 --ipv6 -6 --numeric -n --unix -U --mptcp --fd --connect-timeout --source --wait --accept-timeout --ready-fd --port-file --backlog --reuseaddr --no-reuseaddr --allow --deny --user --socket-mode --log --connections -c --offset --count --end-mark --limit-rate --timeout -t --max-time -w --progress --no-progress --verify --name --retry --key --quiet -q --verbose -v --json -J --help -h --version -V'
_sockutils_operands[sockfile-send]='host port file'
_sockutils_values+=(
	[sockfile-send --fd]='fd'
	[sockfile-send --connect-timeout]='words none 500ms 1 5 1m'
	[sockfile-send --source]='address'
	[sockfile-send --wait]='words none 500ms 1 5 1m'
	[sockfile-send --accept-timeout]='words none 500ms 1 5 1m'
	[sockfile-send --ready-fd]='fd'
	[sockfile-send --port-file]='file'
	[sockfile-send --backlog]='count'
	[sockfile-send --allow]='cidr'
	[sockfile-send --deny]='cidr'
	[sockfile-send --user]='user'
	[sockfile-send --socket-mode]='other'
	[sockfile-send --log]='file'
	[sockfile-send --connections]='count'
	[sockfile-send -c]='count'
	[sockfile-send --offset]='size'
	[sockfile-send --count]='size'
	[sockfile-send --end-mark]='other'
	[sockfile-send --limit-rate]='size'
	[sockfile-send --timeout]='words none 500ms 1 5 1m'
	[sockfile-send -t]='words none 500ms 1 5 1m'
	[sockfile-send --max-time]='words none 500ms 1 5 1m'
	[sockfile-send -w]='words none 500ms 1 5 1m'
	[sockfile-send --name]='other'
	[sockfile-send --retry]='count'
	[sockfile-send --key]='file'
)
_sockutils_options[sockwait]='--any --gone --steady --send --match --timeout -t --max-time -w --interval -i --connect-timeout --ipv4 -4 --ipv6 -6 --numeric -n --source --quiet -q --verbose -v --json -J --help -h --version -V'
_sockutils_operands[sockwait]='target'
_sockutils_values+=(
	[sockwait --steady]='words 500ms 1 5 1m'
	[sockwait --send]='other'
	[sockwait --match]='other'
	[sockwait --timeout]='words none 500ms 1 5 1m'
	[sockwait -t]='words none 500ms 1 5 1m'
	[sockwait --max-time]='words none 500ms 1 5 1m'
	[sockwait -w]='words none 500ms 1 5 1m'
	[sockwait --interval]='words 500ms 1 5 1m'
	[sockwait -i]='words 500ms 1 5 1m'
	[sockwait --connect-timeout]='words none 500ms 1 5 1m'
	[sockwait --source]='address'
)

# _sockutils_add KIND [CHOICE ...] - what a value or an operand of that kind may be
_sockutils_add() {
	local action prefix=
	case $1:$word in
	target:*/*) set -- file ;;
	target:*) set -- host ;;
	esac
	case $1 in
	port-file) action=(-f) prefix=@ ;;
	file | path) action=(-f) ;;
	directory) action=(-d) ;;
	user) action=(-u) ;;
	host | address) action=(-A hostname) ;;
	port | service) action=(-A service) ;;
	words) action=(-W "${*:2}") ;;
	*) return ;;
	esac
	mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -P "$prefix" "${action[@]}" -- "${word#"$prefix"}")
}

# _sockutils PROGRAM WORD PREVIOUS
_sockutils() {
	local word=$2 previous=$3 kinds value i operands=0 is_unix=
	COMPREPLY=()
	# bash makes three words of --name=value.
	[[ $word != '=' ]] || word=
	[[ $previous != '=' ]] || previous=${COMP_WORDS[COMP_CWORD - 2]}
	value=${_sockutils_values["$1 $previous"]-}
	if [[ -n $value ]]; then
		# shellcheck disable=SC2086
		_sockutils_add $value
		return
	fi
	if [[ $word == -* ]]; then
		_sockutils_add words "${_sockutils_options[$1]-}"
		return
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-U | --unix) is_unix=1 ;;
		-*) [[ -z ${_sockutils_values["$1 ${COMP_WORDS[i]}"]-} ]] || i=$((i + 1)) ;;
		*) operands=$((operands + 1)) ;;
		esac
	done
	read -ra kinds <<<"${_sockutils_operands[$1]-}"
	# The address may be one word or two, so that a file may come earlier.
	# PORT may be @FILE.  bash makes several words of HOST:@FILE, so that they cannot be counted.
	if [[ $word == @* && -z $is_unix && ${kinds[*]} == *@(port|target)* ]]; then
		_sockutils_add port-file
	elif [[ -n $is_unix || (${kinds[*]} == *file* && $operands -gt 0) ]]; then
		_sockutils_add file
	elif ((${#kinds[@]} > 0)); then
		_sockutils_add "${kinds[operands < ${#kinds[@]} ? operands : -1]}"
	fi
}

complete -F _sockutils hostlookup servlookup sockecho-client sockecho-server sockfile-recv sockfile-send sockwait
