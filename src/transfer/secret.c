/* secret.c - the secret that both ends share: --key.
 * Row transfer. */
#include "transfer/secret.h"

#include "options/options.h"
#include "run/run.h"
#include "run/uninitialized.h"
#include "run/wait.h"
#include "transfer/leased.h"
#include "transfer/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MIN ((size_t)32)
#define SECRET_MAX ((size_t)65536)

/* How long the file may take: a FIFO has a command at its other end.  --timeout 0 is about what is
 * done once connected. */
static struct sku_deadline
reading_deadline(void)
{
	return run.timeouts.operation_ns == 0 ? run.timeouts.run : run_operation_deadline();
}

/* Read the whole file into buf.  Returns its length, at most room, or -1 with errno. */
static ssize_t
read_all(int fd, uint8_t *buf, size_t room)
{
	struct sku_deadline deadline = reading_deadline();
	size_t len = 0;
	ssize_t n = 1;

	while (n != 0 && len < room) {
		/* A FIFO without a writer yet reads as if it had ended, but is not ready. */
		if (run_wait_fd(fd, POLLIN, deadline) == -1)
			return -1;
		n = read(fd, buf + len, room - len);
		if (n == -1 && errno != EINTR && errno != EAGAIN)
			return -1;
		if (n > 0)
			len += (size_t)n;
	}
	return (ssize_t)len;
}

static int
fail_reading(int errnum, const char *file, struct failure *failure)
{
	if (errnum == ETIMEDOUT)
		return run_wait_failed(failure, errnum, LIMIT_OTHER, "read key %s", file);
	return failure_errno(failure, errnum, "read key %s", file);
}

static int
check(int fd, const char *file, struct failure *failure)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return failure_errno(failure, errno, "read key %s", file);
	if (S_ISDIR(st.st_mode))
		opt_usage_error(
		    "option '--key' takes a FILE with the secret: %s is a directory", file);
	if (S_ISREG(st.st_mode) && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return failure_set(failure, STATUS_FAILED, 0,
		    "group or others may read it: that is no secret (chmod 600)", "read key %s",
		    file);
	return 0;
}

static int
derive_key(const uint8_t *secret, size_t len, const char *file, uint8_t key[SECRET_KEY_BYTES],
    struct failure *failure)
{
	if (len > 0 && secret[len - 1] == '\n')
		len--;
	if (len < SECRET_MIN)
		return failure_set(failure, STATUS_FAILED, 0,
		    "it is too short: a secret has at least 32 bytes", "read key %s", file);
	if (len >= SECRET_MAX)
		return failure_set(failure, STATUS_FAILED, 0, "it is too long: at most 65535 bytes",
		    "read key %s", file);
	if (!tls_derive_key(secret, len, key))
		return failure_set(
		    failure, STATUS_FAILED, 0, "OpenSSL failed", "derive a key from %s", file);
	return 0;
}

int
secret_read(const char *file, uint8_t key[SECRET_KEY_BYTES], struct failure *failure)
{
	uint8_t secret[SECRET_MAX + 1] UNINITIALIZED;
	int fd = open_leased(AT_FDCWD, file, O_RDONLY), result;
	ssize_t len = 0;

	if (fd == -1)
		return open_leased_failed(failure, errno, "read key %s", file);
	result = check(fd, file, failure);
	if (result == 0 && (len = read_all(fd, secret, sizeof(secret))) == -1)
		result = fail_reading(errno, file, failure);
	(void)close(fd);
	if (result == 0)
		result = derive_key(secret, (size_t)len, file, key, failure);
	explicit_bzero(secret, sizeof(secret));
	return result;
}
