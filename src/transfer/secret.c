/* secret.c - the secret that both ends share: --key.
 * Row transfer. */
#include "transfer/secret.h"

#include "options/options.h"
#include "run/uninitialized.h"
#include "transfer/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MIN ((size_t)32)
#define SECRET_MAX ((size_t)65536)

/* Read the whole file into buf.  Returns its length, at most room, or -1 with errno. */
static ssize_t
read_all(int fd, uint8_t *buf, size_t room)
{
	size_t len = 0;
	ssize_t n = 1;

	while (n != 0 && len < room) {
		n = read(fd, buf + len, room - len);
		if (n == -1 && errno != EINTR)
			return -1;
		if (n > 0)
			len += (size_t)n;
	}
	return (ssize_t)len;
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
	int fd = open(file, O_RDONLY | O_NOCTTY | O_CLOEXEC), result;
	ssize_t len = 0;

	if (fd == -1)
		return failure_errno(failure, errno, "read key %s", file);
	result = check(fd, file, failure);
	if (result == 0 && (len = read_all(fd, secret, sizeof(secret))) == -1)
		result = failure_errno(failure, errno, "read key %s", file);
	(void)close(fd);
	if (result == 0)
		result = derive_key(secret, (size_t)len, file, key, failure);
	explicit_bzero(secret, sizeof(secret));
	return result;
}
