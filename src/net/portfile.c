/* portfile.c - a file that says where a server listens.
 * Row net. */
#include "net/portfile.h"

#include <string.h>

static bool
is_port_text(const char *old, size_t len, const char *text)
{
	size_t digits = 0;

	if (len == 0)
		return true;
	if (old[len - 1] != '\n')
		return false;
	while (old[digits] >= '0' && old[digits] <= '9')
		digits++;
	if (digits > 0 && digits <= 5 && digits == len - 1)
		return true;
	return strlen(text) == len - 1 && memcmp(old, text, len - 1) == 0;
}

int
portfile_write(struct owned_file *file, const char *path, const char *text, const struct user *user,
    struct failure *failure)
{
	static const struct owned_kind kind = { "port file", is_port_text, NULL };

	return owned_file_write(file, &kind, path, text, user, failure);
}
