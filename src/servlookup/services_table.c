/* services_table.c - the services: all of them, read once, or one that is looked up.
 * Row tool. */
#include "servlookup/services_table.h"

#include "libsockutil/services.h"
#include "run/message.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096
#define ALIASES_MAX 64

/* ---- making a table ------------------------------------------------------------------------ */

static struct table *
new_table(void)
{
	struct table *table = calloc(1, sizeof(*table));

	if (table != NULL)
		table->last = &table->first;
	return table;
}

static size_t
bucket_of(const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return (size_t)(hash >> 24) & (TABLE_BUCKETS - 1);
}

static bool
link_name(struct table *table, const char *name, struct service *service)
{
	size_t bucket = bucket_of(name);
	struct name_link *link = malloc(sizeof(*link));

	if (link == NULL)
		return false;
	*link = (struct name_link){ NULL, name, service };
	if (table->last_of_name[bucket] != NULL)
		table->last_of_name[bucket]->next = link;
	else
		table->by_name[bucket] = link;
	table->last_of_name[bucket] = link;
	return true;
}

static void
free_service(struct service *service)
{
	for (size_t i = 0; service->aliases != NULL && service->aliases[i] != NULL; i++)
		free(service->aliases[i]);
	free(service->aliases);
	free(service->name);
	free(service->proto);
	free(service);
}

static struct service *
new_service(
    unsigned port, const char *name, const char *proto, char *const *aliases, const char *source)
{
	struct service *service = calloc(1, sizeof(*service));
	size_t n = 0;

	if (service == NULL)
		return NULL;
	while (aliases[n] != NULL)
		n++;
	service->port = port;
	service->source = source;
	service->name = strdup(name);
	service->proto = strdup(proto);
	service->aliases = calloc(n + 1, sizeof(char *));
	if (service->name == NULL || service->proto == NULL || service->aliases == NULL) {
		free_service(service);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		service->aliases[i] = strdup(aliases[i]);
	return service;
}

static bool
add(struct table *table, unsigned port, const char *name, const char *proto, char *const *aliases,
    const char *source)
{
	struct service *service = new_service(port, name, proto, aliases, source);
	bool ok;

	if (service == NULL)
		return false;
	*table->last = service;
	table->last = &service->next;
	if (table->last_of_port[port] != NULL)
		table->last_of_port[port]->next_of_port = service;
	else
		table->by_port[port] = service;
	table->last_of_port[port] = service;
	ok = link_name(table, service->name, service);
	for (size_t i = 0; service->aliases[i] != NULL; i++)
		ok = link_name(table, service->aliases[i], service) && ok;
	return ok;
}

void
table_free(struct table *table)
{
	if (table == NULL)
		return;
	while (table->first != NULL) {
		struct service *service = table->first;

		table->first = service->next;
		free_service(service);
	}
	for (size_t i = 0; i < TABLE_BUCKETS; i++) {
		while (table->by_name[i] != NULL) {
			struct name_link *link = table->by_name[i];

			table->by_name[i] = link->next;
			free(link);
		}
	}
	free(table);
}

/* ---- reading services ---------------------------------------------------------------------- */

static bool
system_has_none(void)
{
	return access(_PATH_SERVICES, F_OK) == -1 && errno == ENOENT;
}

/* Split text in place into words, which are separated by blanks.  words ends with NULL.  Returns
 * their number. */
static size_t
split(char *text, char *words[], size_t max)
{
	size_t n = 0;
	char *rest = text;

	for (char *word; n + 1 < max && (word = strtok_r(rest, " \t\r\n", &rest)) != NULL;)
		words[n++] = word;
	words[n] = NULL;
	return n;
}

static bool
add_builtin(struct table *table, const struct sku_service *service, const char *proto)
{
	char *aliases[ALIASES_MAX], *copy = strdup(service->aliases);
	bool ok = copy != NULL;

	if (ok) {
		(void)split(copy, aliases, ALIASES_MAX);
		ok = add(table, service->port, service->name, proto, aliases, "built-in");
	}
	free(copy);
	return ok;
}

static bool
add_all_builtin(struct table *table)
{
	bool ok = true;

	for (size_t i = 0; i < sku_builtin_services_count; i++) {
		const struct sku_service *service = &sku_builtin_services[i];

		if (strstr(service->protocols, "tcp") != NULL)
			ok = add_builtin(table, service, "tcp") && ok;
		if (strstr(service->protocols, "udp") != NULL)
			ok = add_builtin(table, service, "udp") && ok;
	}
	return ok;
}

static bool
add_servent(struct table *table, const struct servent *ent)
{
	return add(table, ntohs((in_port_t)ent->s_port), ent->s_name, ent->s_proto, ent->s_aliases,
	    "system");
}

struct table *
table_read_system(void)
{
	struct table *table = new_table();
	struct servent *ent;
	bool ok = table != NULL;

	if (!ok)
		return NULL;
	setservent(1);
	while (ok && (ent = getservent()) != NULL)
		ok = add_servent(table, ent);
	endservent();
	if (ok && table->first == NULL && system_has_none())
		ok = add_all_builtin(table);
	if (ok)
		return table;
	table_free(table);
	return NULL;
}

struct table *
table_read_one(const char *name, unsigned port, const char *proto)
{
	struct table *table;
	struct servent *ent;

	if (system_has_none())
		/* from another source of nsswitch.conf(5), or built in */
		return table_read_system();
	table = new_table();
	if (table == NULL)
		return NULL;
	ent = name != NULL ? getservbyname(name, proto) :
			     getservbyport(htons((in_port_t)port), proto);
	if (ent == NULL || add_servent(table, ent))
		return table;
	table_free(table);
	return NULL;
}

/* Add a line of services(5): NAME PORT/PROTO ALIAS...  Any other line is ignored.  Returns false
 * when there is no memory. */
static bool
add_line(struct table *table, char *line, const char *source)
{
	char *words[ALIASES_MAX + 2], *slash, *end;
	unsigned long port;

	line[strcspn(line, "#")] = '\0';
	if (split(line, words, ALIASES_MAX + 2) < 2)
		return true;
	slash = strchr(words[1], '/');
	if (slash == NULL || slash[1] == '\0' || words[1][0] < '0' || words[1][0] > '9')
		return true;
	port = strtoul(words[1], &end, 10);
	if (end != slash || port > 65535)
		return true;
	return add(table, (unsigned)port, words[0], slash + 1, &words[2], source);
}

struct table *
table_read_file(const char *path)
{
	FILE *stream = fopen(path, "re");
	struct table *table = stream != NULL ? new_table() : NULL;
	char line[LINE_MAX_BYTES];
	bool ok = table != NULL;

	while (ok && fgets(line, sizeof(line), stream) != NULL)
		ok = add_line(table, line, path);
	if (!ok || ferror(stream)) {
		(void)msg_error_errno(
		    STATUS_FAILED, errno, "%s %s", stream == NULL ? "open" : "read", path);
		table_free(table);
		table = NULL;
	}
	if (stream != NULL)
		(void)fclose(stream);
	return table;
}

/* ---- queries ------------------------------------------------------------------------------- */

static bool
has_proto(const struct service *service, const char *proto)
{
	return proto == NULL || strcmp(service->proto, proto) == 0;
}

const struct service *
table_by_port(
    const struct table *table, unsigned port, const char *proto, const struct service *after)
{
	const struct service *s = after != NULL ? after->next_of_port : table->by_port[port];

	while (s != NULL && !has_proto(s, proto))
		s = s->next_of_port;
	return s;
}

const struct service *
table_by_name(
    const struct table *table, const char *name, const char *proto, const struct service *after)
{
	bool passed = after == NULL;

	for (struct name_link *link = table->by_name[bucket_of(name)]; link != NULL;
	     link = link->next) {
		if (strcmp(link->name, name) != 0 || !has_proto(link->service, proto))
			continue;
		if (passed)
			return link->service;
		passed = link->service == after;
	}
	return NULL;
}
