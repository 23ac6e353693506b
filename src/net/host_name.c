/* host_name.c - what can be the name of a host.
 * Row net. */
#include "net/host_name.h"

#include "libsockutil/sockutil.h"

#include <errno.h>
#include <string.h>

#define NAME_MAX_BYTES 253 /* RFC 1035, section 2.3.4, less the length bytes at both ends */
#define LABEL_MAX_BYTES 63
#define NEITHER "it is neither an address nor the name of a host"

bool
host_name_is_ascii(const char *name)
{
	for (; *name != '\0'; name++) {
		if ((unsigned char)*name >= 0x80)
			return false;
	}
	return true;
}

/* Is each part a number, decimal, octal or hexadecimal?  No name is like that. */
static bool
resembles_address(const char *name)
{
	while (*name != '\0') {
		bool hex = name[0] == '0' && (name[1] == 'x' || name[1] == 'X');

		name += hex ? 2 + strspn(name + 2, "0123456789abcdefABCDEF") :
			      strspn(name, "0123456789");
		if (*name != '.' && *name != '\0')
			return false;
		name += *name == '.';
	}
	return true;
}

/* Does the name have a byte that no name of a host can have, in any database? */
static bool
has_impossible_byte(const char *name)
{
	for (; *name != '\0'; name++) {
		if ((unsigned char)*name <= ' ' || strchr("/\\\"'@[]\x7f", *name) != NULL)
			return true;
	}
	return false;
}

const char *
host_name_fault(const char *name)
{
	struct sku_address address;
	size_t len = strlen(name);
	bool ascii = host_name_is_ascii(name);

	if (len == 0)
		return "the name is empty";
	if (sku_address_from_numeric(&address, AF_UNSPEC, name, 0) == 0)
		return NULL;
	if (errno == ENODEV)
		return HOST_NAME_NO_ZONE;
	if (strpbrk(name, "%:") != NULL || resembles_address(name) || has_impossible_byte(name))
		return NEITHER;
	/* The limits are those of the encoded name. */
	if (ascii && len > NAME_MAX_BYTES + (name[len - 1] == '.'))
		return "a name has at most 253 bytes";
	for (const char *label = name; *label != '\0';) {
		size_t n = strcspn(label, ".");

		if (n == 0)
			return "a label of the name is empty";
		if (ascii && n > LABEL_MAX_BYTES)
			return "a label of a name has at most 63 bytes";
		label += n + (label[n] == '.');
	}
	return NULL;
}
