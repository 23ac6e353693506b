/* output.c - standard output: results, and bytes that are written without ever blocking.
 * Row run.
 *
 * O_NONBLOCK belongs to the open file description, which a shell and other programs may share, so
 * it is not set on descriptor 1: a pipe or a terminal is opened once more for ourselves. */
#include "run/output.h"

#include "run/message.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void
cli_outlet_open(struct cli_outlet *outlet)
{
	struct stat st;
	int fd;

	*outlet = (struct cli_outlet){ .fd = STDOUT_FILENO, .most = SIZE_MAX };
	if (fstat(STDOUT_FILENO, &st) == -1)
		return; /* writing will say why */
	outlet->terminal = isatty(STDOUT_FILENO) == 1;
	outlet->is_socket = S_ISSOCK(st.st_mode);
	outlet->can_wait = outlet->is_socket || S_ISFIFO(st.st_mode) || outlet->terminal;
	if (!outlet->can_wait || outlet->is_socket)
		return;
	fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd != -1)
		outlet->fd = fd;
	else
		outlet->most = PIPE_BUF; /* pipe(7): that much goes when poll says it has room */
}

ssize_t
cli_outlet_write(struct cli_outlet *outlet, const char *bytes, size_t len)
{
	ssize_t n;

	if (len > outlet->most)
		len = outlet->most;
	do {
		n = outlet->is_socket ? send(outlet->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) :
					write(outlet->fd, bytes, len);
	} while (n == -1 && errno == EINTR);
	return n;
}

void
cli_outlet_close(struct cli_outlet *outlet)
{
	if (outlet->fd != STDOUT_FILENO)
		(void)close(outlet->fd);
	outlet->fd = STDOUT_FILENO;
}

/* ---- results -------------------------------------------------------------------------------- */

void
cli_print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vprintf(format, args); /* an error stays in stdout for cli_flush() */
	va_end(args);
}

int
cli_flush(void)
{
	static bool reported;

	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CLI_OK;
	if (!reported) {
		reported = true;
		/* The record of this error has nowhere to go, if it is standard output's. */
		(void)cli_error_errno(
		    CLI_FAILED, errno != 0 ? errno : EIO, "write to standard output");
	}
	return CLI_FAILED;
}
