# sockutils.bash - completion for bash: options, and what they take.
# shellcheck shell=bash

_hostlookup_options=(
	--ipv4 -4
	--ipv6 -6
	--ex -e
	--all -a
	--reverse -r
	--confirm
	--hostname
	--fqdn
	--set-hostname
	--has-ipv6
	--file -f
	--jobs -j
	--no-cache --unordered
	--timeout -t
	--wait
	--max-time -w
	--quiet -q
	--verbose -v
	--json -J
	--help -h
	--version -V
)

_servlookup_options=(
	--proto -p
	--ex -e
	--all -a
	--file -f
	--services
	--quiet -q
	--verbose -v
	--json -J
	--help -h
	--version -V
)

_sockecho_client_options=(
	--ipv4 -4
	--ipv6 -6
	--numeric -n
	--unix -U
	--mptcp
	--udp -u
	--fd
	--connect-timeout
	--wait
	--source
	--connect-only
	--ping
	--expect
	--alpha
	--timeout -t
	--max-time -w
	--bufsize
	--keepalive
	--nagle
	--count -c
	--interval -i
	--size -s
	--duration
	--clients
	--histogram
	--quiet -q
	--verbose -v
	--json -J
	--help -h
	--version -V
)

_sockecho_server_options=(
	--ipv4 -4
	--ipv6 -6
	--numeric -n
	--unix -U
	--mptcp
	--udp -u
	--fd
	--accept-timeout
	--ready-fd
	--port-file
	--backlog
	--reuseaddr
	--no-reuseaddr
	--allow
	--deny
	--user
	--reuseport
	--upper
	--timeout -t
	--max-time -w
	--connections -c
	--max-clients
	--bufsize
	--keepalive
	--nagle
	--rate
	--allow-reserved
	--delay
	--limit-rate
	--close-after
	--reset-after
	--reset-first
	--drop
	--seed
	--daemon
	--pidfile
	--quiet -q
	--verbose -v
	--json -J
	--help -h
	--version -V
)

_sockfile_recv_options=(
	--connect
	--ipv4 -4
	--ipv6 -6
	--numeric -n
	--unix -U
	--mptcp
	--fd
	--connect-timeout
	--wait
	--source
	--accept-timeout
	--ready-fd
	--port-file
	--backlog
	--reuseaddr
	--no-reuseaddr
	--allow
	--deny
	--user
	--force
	--size
	--max-size
	--sha256
	--mode
	--timeout -t
	--max-time -w
	--progress
	--no-progress
	--verify
	--resume
	--retry
	--dir
	--connections -c
	--preserve
	--key
	--quiet -q
	--verbose -v
	--json -J
	--help -h
	--version -V
)

_sockfile_send_options=(
	--listen
	--ipv4 -4
	--ipv6 -6
	--numeric -n
	--unix -U
	--mptcp
	--fd
	--connect-timeout
	--wait
	--source
	--accept-timeout
	--ready-fd
	--port-file
	--backlog
	--reuseaddr
	--no-reuseaddr
	--allow
	--deny
	--user
	--connections -c
	--offset
	--count
	--limit-rate
	--timeout -t
	--max-time -w
	--progress
	--no-progress
	--verify
	--name
	--retry
	--key
	--quiet -q
	--verbose -v
	--json -J
	--help -h
	--version -V
)

# _sockutils PROGRAM WORD PREVIOUS
_sockutils() {
	local -n options=_${1//-/_}_options
	local word=$2 unix=
	COMPREPLY=()
	case $3 in
	--expect)
		mapfile -t COMPREPLY < <(compgen -W 'any echo upper' -- "$word")
		return
		;;
	--port-file | --pidfile | --file | -f | --services | --key)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	--dir)
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return
		;;
	--user)
		mapfile -t COMPREPLY < <(compgen -u -- "$word")
		return
		;;
	--proto | -p)
		mapfile -t COMPREPLY < <(compgen -W 'tcp udp' -- "$word")
		return
		;;
	--timeout | -t | --max-time | -w | --wait | --connect-timeout | --accept-timeout)
		mapfile -t COMPREPLY < <(compgen -W 'none 500ms 1 5 1m' -- "$word")
		return
		;;
	esac
	[[ " ${COMP_WORDS[*]} " == *" -U "* || " ${COMP_WORDS[*]} " == *" --unix "* ]] && unix=1
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${options[*]}" -- "$word")
	elif [[ -n $unix || $1 == sockfile-* ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	else
		mapfile -t COMPREPLY < <(compgen -A hostname -- "$word")
	fi
}

complete -F _sockutils hostlookup servlookup sockecho-client sockecho-server sockfile-recv sockfile-send
