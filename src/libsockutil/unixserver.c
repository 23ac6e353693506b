/* unixserver.c - a server on a UNIX path, which replaces only the socket file of a dead server.
 * Row 2: above socket, address and error. */
#include "libsockutil/socket.h"
#include "libsockutil/sockutil.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TIMEOUT (5 * SKU_SECOND)
#define LOCK_PAUSE (10 * SKU_MS)

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static int
open_directory(const char *path, int how)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path) + 1] = ".";
	size_t len = (size_t)(base_name(path) - path);

	if (len > 0) {
		memcpy(dir, path, len);
		dir[len] = '\0';
	}
	return open(dir, how | O_DIRECTORY | O_CLOEXEC);
}

/* Lock the directory until dir_fd is closed.  The wait is limited: another process may keep the
 * lock. */
static int
lock_directory(int dir_fd)
{
	struct sku_deadline deadline = sku_deadline_in(LOCK_TIMEOUT);
	const struct timespec pause = { 0, LOCK_PAUSE };

	while (flock(dir_fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		if (sku_deadline_passed(deadline)) {
			errno = ETIMEDOUT;
			return -1;
		}
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

/* Does a process have the socket at this address bound?  The kernel looks the socket up before it
 * compares the types.  So connecting a datagram socket finds out, and a stream server does not
 * notice. A datagram server does not notice either: connecting only stores its address in our
 * socket. */
static bool
server_is_alive(const struct sku_address *address)
{
	SKU_AUTOCLOSE struct sku_sock probe = SKU_SOCK_INIT;

	if (sku_socket(&probe, AF_UNIX, SOCK_DGRAM, 0) == -1)
		return true; /* we do not know that it is dead */
	return sku_connect(&probe, address) == 0 || errno != ECONNREFUSED;
}

/* Remove a socket file without a process.  Returns 0 once there is no file, or -1 with errno. */
static int
remove_stale(const struct sku_address *address, const char *path, int dir_fd)
{
	struct stat st;

	if (fstatat(dir_fd, base_name(path), &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	if (server_is_alive(address)) {
		errno = EADDRINUSE;
		return -1;
	}
	return unlinkat(dir_fd, base_name(path), 0);
}

static int
bind_path(struct sku_sock *s, const struct sku_address *address, const char *path)
{
	int dir_fd, result, saved;

	if (sku_bind(s, address) == 0)
		return 0;
	if (errno != EADDRINUSE || *path == '@')
		return -1;
	dir_fd = open_directory(path, O_RDONLY); /* flock(2) does not take an O_PATH descriptor */
	if (dir_fd == -1)
		return -1;
	result = lock_directory(dir_fd);
	if (result == 0)
		result = remove_stale(address, path, dir_fd);
	if (result == 0)
		result = sku_bind(s, address);
	saved = errno;
	(void)close(dir_fd);
	errno = saved;
	return result;
}

/* Store which file sku_unlink_unix_server() may remove; none, if it is already gone. */
static void
record_identity(struct sku_unix_path *bound, const char *path)
{
	struct stat st;

	if (bound->dir_fd == -1)
		return;
	(void)snprintf(bound->name, sizeof(bound->name), "%s", base_name(path));
	if (fstatat(bound->dir_fd, bound->name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    !S_ISSOCK(st.st_mode)) {
		(void)close(bound->dir_fd);
		bound->dir_fd = -1;
		return;
	}
	bound->device = st.st_dev;
	bound->inode = st.st_ino;
}

int
sku_create_unix_server(struct sku_sock *s, const char *path, int type, int backlog,
    struct sku_unix_path *bound, struct sku_error *err)
{
	struct sku_address address;
	const char *what = "open a socket for";

	*bound = (struct sku_unix_path)SKU_UNIX_PATH_INIT;
	if (sku_address_from_path(&address, path) == -1 || sku_socket(s, AF_UNIX, type, 0) == -1)
		goto fail;
	what = "bind to";
	/* Open it before there is a file, which could not be removed without it. */
	if (*path != '@' && (bound->dir_fd = open_directory(path, O_PATH)) == -1)
		goto fail;
	if (bind_path(s, &address, path) == -1)
		goto fail;
	record_identity(bound, path);
	what = "listen on";
	if (s->type == SOCK_STREAM && sku_listen(s, sku_backlog(backlog)) == -1)
		goto fail;
	return 0;
fail:
	sku_error_set(err, SKU_ERR_SYSTEM, errno, "%s %s", what, path);
	(void)sku_unlink_unix_server(bound);
	sku_autoclose(s);
	errno = err != NULL ? err->code : errno;
	return -1;
}

int
sku_unlink_unix_server(struct sku_unix_path *bound)
{
	struct stat st;
	int result = 0, saved;

	if (bound->dir_fd == -1)
		return 0;
	if (fstatat(bound->dir_fd, bound->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISSOCK(st.st_mode) && st.st_dev == bound->device && st.st_ino == bound->inode)
		result = unlinkat(bound->dir_fd, bound->name, 0);
	saved = errno;
	(void)close(bound->dir_fd);
	bound->dir_fd = -1;
	errno = saved;
	return result;
}
