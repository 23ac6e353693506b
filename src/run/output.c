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
output_open(struct output *output)
{
	struct stat st;
	int fd;

	*output = (struct output){ .fd = STDOUT_FILENO, .max = SIZE_MAX };
	if (fstat(STDOUT_FILENO, &st) == -1)
		return; /* writing will say why */
	output->terminal = isatty(STDOUT_FILENO) == 1;
	output->is_socket = S_ISSOCK(st.st_mode);
	output->can_wait = output->is_socket || S_ISFIFO(st.st_mode) || output->terminal;
	if (!output->can_wait || output->is_socket)
		return;
	fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd != -1)
		output->fd = fd;
	else
		output->max = PIPE_BUF; /* pipe(7): that much goes when poll says it has room */
}

ssize_t
output_write(struct output *output, const char *bytes, size_t len)
{
	ssize_t n;

	if (len > output->max)
		len = output->max;
	do {
		n = output->is_socket ? send(output->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) :
					write(output->fd, bytes, len);
	} while (n == -1 && errno == EINTR);
	return n;
}

void
output_close(struct output *output)
{
	if (output->fd != STDOUT_FILENO)
		(void)close(output->fd);
	output->fd = STDOUT_FILENO;
}

/* ---- results -------------------------------------------------------------------------------- */

void
output_print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vprintf(format, args); /* an error stays in stdout for output_flush() */
	va_end(args);
}

int
output_flush(void)
{
	static bool reported;

	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return STATUS_OK;
	if (!reported) {
		reported = true;
		/* The record of this error has nowhere to go, if it is standard output's. */
		(void)msg_error_errno(
		    STATUS_FAILED, errno != 0 ? errno : EIO, "write to standard output");
	}
	return STATUS_FAILED;
}
