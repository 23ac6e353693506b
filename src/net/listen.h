/* listen.h - what every listening program does: open a socket, announce it, close it. */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "net/access.h"
#include "net/endpoint.h"
#include "net/owned_file.h"
#include "net/user.h"
#include "run/timeouts.h"

/* The mode of a socket's path. */
struct socket_mode {
	bool is_given; /* else 666, less the umask */
	mode_t mode;
};

struct listen_options {
	struct address_flags address;
	int fd;	      /* from --fd or LISTEN_FDS; -1: open one */
	int ready_fd; /* -1: none */
	const char *port_file;
	int backlog;
	int64_t wait_ns; /* --wait: for a port or a path that is in use; 0: not at all */
	enum sku_reuseaddr reuseaddr;
	bool reuseport;
	struct access_list access;
	struct user user;
	struct socket_mode socket_mode;
	const char *log_file;
};

/* All options about listening except --fd and the address, for a struct listen_options. */
extern const struct option_row listen_options[];
/* Use the socket that a service manager passed (LISTEN_FDS, LISTEN_PID; sd_listen_fds(3)) as if it
 * came from --fd.  More than one is a usage error.  The variables are removed from the environment.
 * Standard streams that are that socket are replaced by the null device. */
void listen_take_socket(struct listen_options *config);

/* An open socket that waits for peers. */
struct listener {
	struct sku_sock sock; /* non-blocking */
	struct sku_address address;
	const char *transport; /* tcp, udp, mptcp, unix or unixgram */
	bool connected;	       /* --fd is not a listener, but the only connection */
	bool adopted;	       /* from --fd or LISTEN_FDS: other processes may have it, too */
	struct owned_file unix_path, port_file;
};

#define LISTENER_INIT                                                                              \
	{                                                                                          \
		SKU_SOCK_INIT, { .len = 0 }, "", false, false, OWNED_FILE_INIT, OWNED_FILE_INIT    \
	}

/* Open the socket, or use the one of --fd; endpoint is ignored then.  Returns 0, or -1 and the
 * failure.  If a signal that is the ordinary end comes first, it returns 0 without a socket.  Call
 * listener_close() in each case. */
int listener_open(struct listener *listener, const struct listen_options *config,
    const struct endpoint *endpoint, struct failure *failure);
/* Write the port file, give up root, then print the readiness line on --ready-fd and on standard
 * output (on standard error if standard output is data), and tell NOTIFY_SOCKET.  A connected --fd
 * is not announced.  Everything else that needs root must be open by now.  Returns 0, or -1 and the
 * failure. */
int listener_announce(
    struct listener *listener, const struct listen_options *config, struct failure *failure);
/* Remove the socket path and the port file, then close the socket. */
void listener_close(struct listener *listener);

#endif
