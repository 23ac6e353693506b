/* services.c - names and ports of services, from the system or, if that has no services database,
 * from the built-in table.
 * Row 2: above error. */
#include "libsockutil/services.h"
#include "libsockutil/databases.h"
#include "libsockutil/sockutil.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An entry of the services database, and the memory of its strings. */
struct service_entry {
	struct servent servent;
	char *memory;
};

/* Call getservbyname_r(3), or with name NULL getservbyport_r(3), with a buffer that is large
 * enough.  Returns 0, and the caller frees entry->memory; or an errno value. */
static int
lookup_system(const char *name, unsigned port, const char *proto, struct service_entry *entry)
{
	struct servent *found = NULL;
	size_t size = 1024;
	int error = ERANGE;

	sku_leave_out_modules();
	entry->memory = NULL;
	while (error == ERANGE && size <= (size_t)1 << 20) {
		char *memory = realloc(entry->memory, size);

		if (memory == NULL) {
			error = ENOMEM;
			break;
		}
		entry->memory = memory;
		error = name != NULL ?
			    getservbyname_r(name, proto, &entry->servent, memory, size, &found) :
			    getservbyport_r(htons((in_port_t)port), proto, &entry->servent, memory,
				size, &found);
		size *= 4;
	}
	if (error == 0 && found != NULL)
		return 0;
	free(entry->memory);
	return error != 0 && error != ERANGE ? error : ENOENT;
}

/* Is word in words, which are separated by spaces? */
static bool
has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	while (*words != '\0') {
		size_t n = strcspn(words, " ");

		if (n == len && memcmp(words, word, n) == 0)
			return true;
		words += n + (words[n] == ' ');
	}
	return false;
}

static const struct sku_service *
lookup_builtin(const char *name, unsigned port, const char *proto)
{
	if (access(_PATH_SERVICES, F_OK) == 0 || errno != ENOENT)
		return NULL;
	for (size_t i = 0; i < sku_builtin_services_count; i++) {
		const struct sku_service *service = &sku_builtin_services[i];

		if (proto != NULL && !has_word(service->protocols, proto))
			continue;
		if (name == NULL ?
			service->port == port :
			strcmp(service->name, name) == 0 || has_word(service->aliases, name))
			return service;
	}
	return NULL;
}

/* A name that was not found may be in a database that this process may not read. */
static int
not_found(int error)
{
	if (error == ENOENT && faccessat(AT_FDCWD, _PATH_SERVICES, R_OK, AT_EACCESS) == -1)
		return errno;
	return error;
}

int
sku_getservbyname(const char *name, const char *proto)
{
	const struct sku_service *service;
	struct service_entry entry;
	int error = lookup_system(name, 0, proto, &entry);

	if (error == 0) {
		free(entry.memory);
		return ntohs((in_port_t)entry.servent.s_port);
	}
	service = lookup_builtin(name, 0, proto);
	if (service != NULL)
		return service->port;
	errno = not_found(error);
	return -1;
}

static int
copy_name(const char *name, char *buf, size_t len)
{
	if (strlen(name) >= len) {
		errno = ERANGE;
		return -1;
	}
	memcpy(buf, name, strlen(name) + 1);
	return 0;
}

int
sku_getservbyport(unsigned port, const char *proto, char *buf, size_t len)
{
	const struct sku_service *service;
	struct service_entry entry;
	int error, result;

	if (port > 65535) {
		errno = EINVAL;
		return -1;
	}
	error = lookup_system(NULL, port, proto, &entry);
	if (error == 0) {
		result = copy_name(entry.servent.s_name, buf, len);
		free(entry.memory);
		return result;
	}
	service = lookup_builtin(NULL, port, proto);
	if (service != NULL)
		return copy_name(service->name, buf, len);
	errno = not_found(error);
	return -1;
}

int
sku_port_from_text(const char *text, const char *proto, bool numeric, struct sku_error *err)
{
	size_t digits = strspn(text, "0123456789");
	int found;

	if (digits > 0 && text[digits] == '\0') {
		unsigned long port = strtoul(text, NULL, 10); /* too large a number is ULONG_MAX */

		if (port <= 65535)
			return (int)port;
	} else if (!numeric && *text != '\0') {
		found = sku_getservbyname(text, proto);
		if (found == -1 && errno == ENOENT)
			sku_error_set(
			    err, SKU_ERR_RESOLVE, EAI_SERVICE, "look up service %s", text);
		else if (found == -1)
			sku_error_set(err, SKU_ERR_SYSTEM, errno, "look up service %s", text);
		return found;
	}
	sku_error_set(err, SKU_ERR_SYSTEM, EINVAL, "port %s", text);
	return -1;
}
