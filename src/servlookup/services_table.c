/* services_table.c - the services: all of them, read once, or one that is looked up.
 * Row tool. */
#include "servlookup/services_table.h"

#include "libsockutil/databases.h"
#include "libsockutil/hosts.h"
#include "libsockutil/services.h"
#include "options/mark.h"
#include "run/ascii.h"
#include "run/hash.h"
#include "run/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define WHITE_SPACE " \t\n\v\f\r"

/* ---- making a table ------------------------------------------------------------------------ */

/* The index is a megabyte, which one service does not need. */
static struct table *
new_table(void)
{
	struct table *table = calloc(1, sizeof(*table));

	if (table != NULL)
		table->last = &table->first;
	return table;
}

static struct table *
new_indexed_table(void)
{
	struct table *table = new_table();

	if (table != NULL)
		table->index = calloc(1, sizeof(*table->index));
	if (table == NULL || table->index != NULL)
		return table;
	free(table);
	return NULL;
}

/* Names that differ only in case are in one bucket. */
static size_t
bucket_of(const char *name)
{
	uint64_t hash = HASH_BEGIN;

	for (; *name != '\0'; name++) {
		char upper = *name;

		ascii_upper(&upper, 1);
		hash = hash_bytes(hash, &upper, 1);
	}
	return (size_t)(hash >> 24) & (TABLE_BUCKETS - 1);
}

static void
link_name(
    struct table_index *index, struct name_link *link, const char *name, struct service *service)
{
	size_t bucket = bucket_of(name);

	*link = (struct name_link){ NULL, name, service };
	if (index->last_of_name[bucket] != NULL)
		index->last_of_name[bucket]->next = link;
	else
		index->by_name[bucket] = link;
	index->last_of_name[bucket] = link;
}

/* The only service: its names are one list. */
static void
link_names(struct service *service)
{
	service->links[0] = (struct name_link){ NULL, service->name, service };
	for (size_t i = 0; service->aliases[i] != NULL; i++) {
		service->links[i].next = &service->links[i + 1];
		service->links[i + 1] = (struct name_link){ NULL, service->aliases[i], service };
	}
}

static void
index_service(struct table_index *index, struct service *service)
{
	unsigned port = service->port;

	if (index->last_of_port[port] != NULL)
		index->last_of_port[port]->next_of_port = service;
	else
		index->by_port[port] = service;
	index->last_of_port[port] = service;
	link_name(index, &service->links[0], service->name, service);
	for (size_t i = 0; service->aliases[i] != NULL; i++)
		link_name(index, &service->links[i + 1], service->aliases[i], service);
}

static void
free_service(struct service *service)
{
	for (size_t i = 0; service->aliases != NULL && service->aliases[i] != NULL; i++)
		free(service->aliases[i]);
	free(service->aliases);
	free(service->links);
	free(service->name);
	free(service->proto);
	free(service);
}

static struct service *
new_service(
    unsigned port, const char *name, const char *proto, char *const *aliases, const char *source)
{
	struct service *service = calloc(1, sizeof(*service));
	size_t n = sku_list_length(aliases);
	bool ok;

	if (service == NULL)
		return NULL;
	service->port = port;
	service->source = source;
	service->name = strdup(name);
	service->proto = strdup(proto);
	service->aliases = calloc(n + 1, sizeof(char *));
	service->links = calloc(n + 1, sizeof(struct name_link));
	ok = service->name != NULL && service->proto != NULL && service->aliases != NULL &&
	     service->links != NULL;
	for (size_t i = 0; ok && i < n; i++) {
		service->aliases[i] = strdup(aliases[i]);
		ok = service->aliases[i] != NULL;
	}
	if (ok)
		return service;
	free_service(service);
	return NULL;
}

static bool
add(struct table *table, unsigned port, const char *name, const char *proto, char *const *aliases,
    const char *source)
{
	struct service *service = new_service(port, name, proto, aliases, source);

	if (service == NULL)
		return false;
	*table->last = service;
	table->last = &service->next;
	if (table->index != NULL)
		index_service(table->index, service);
	else
		link_names(service);
	return true;
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
	free(table->index);
	free(table);
}

/* ---- reading services ---------------------------------------------------------------------- */

static bool
system_has_none(void)
{
	return access(_PATH_SERVICES, F_OK) == -1 && errno == ENOENT;
}

/* Cut a word and the white space behind it off the front of text. */
static char *
cut_word(char **text)
{
	char *word = *text, *end = word + strcspn(word, WHITE_SPACE);

	*text = end + strspn(end, WHITE_SPACE);
	*end = '\0';
	return word;
}

/* Add a service; its aliases are words. */
static bool
add_with_words(struct table *table, unsigned port, const char *name, const char *proto, char *words,
    const char *source)
{
	char **aliases = calloc(strlen(words) / 2 + 2, sizeof(*aliases));
	bool ok = aliases != NULL;

	for (size_t n = 0; ok && *words != '\0'; n++)
		aliases[n] = cut_word(&words);
	ok = ok && add(table, port, name, proto, aliases, source);
	free(aliases);
	return ok;
}

static bool
add_builtin(struct table *table, const struct sku_service *service, const char *proto)
{
	char *copy = strdup(service->aliases);
	bool ok = copy != NULL &&
		  add_with_words(table, service->port, service->name, proto, copy, "built-in");

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

/* Add a line of services(5), NAME PORT/PROTO ALIAS..., as the C library reads it: PORT may be octal
 * or hexadecimal and have a sign, of its 32 bits the last 16 count, and PROTO may be missing.  Any
 * other line is ignored.  Returns false when there is no memory. */
static bool
add_line(struct table *table, char *line, const char *source)
{
	const char *name, *proto;
	unsigned long port;
	char *end;

	line[strcspn(line, "#\n")] = '\0';
	line += strspn(line, WHITE_SPACE);
	name = cut_word(&line);
	port = strtoul(line, &end, 0);
	if (end == line || (*end != '/' && *end != '\0') || port > UINT32_MAX)
		return true;
	line = end + strspn(end, "/");
	proto = cut_word(&line);
	return add_with_words(table, (uint16_t)port, name, proto, line, source);
}

static ssize_t
read_in_time(void *cookie, char *buf, size_t size)
{
	int fd = *(const int *)cookie;
	ssize_t n;

	do {
		/* A FIFO without a writer yet reads as if it had ended, but is not ready. */
		if (run_wait_fd(fd, POLLIN, sku_deadline_never()) == -1)
			return -1;
		n = read(fd, buf, size);
	} while (n == -1 && (errno == EINTR || errno == EAGAIN));
	return n;
}

/* A stream that --max-time ends, also where nobody writes to a FIFO. */
static FILE *
open_in_time(const char *path, int *fd)
{
	FILE *stream;

	*fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*fd == -1)
		return NULL;
	stream = fopencookie(fd, "r", (cookie_io_functions_t){ .read = read_in_time });
	if (stream == NULL)
		(void)close(*fd);
	return stream;
}

/* Add the lines of a file, after a byte order mark. */
static int
add_file(struct table *table, const char *path, const char *source, struct failure *failure)
{
	int fd;
	FILE *stream = open_in_time(path, &fd);
	char *line = NULL;
	size_t size = 0;
	ssize_t len = 0;
	enum text_mark mark = MARK_NONE;
	int result = 0;
	bool first = true;

	if (stream == NULL)
		return failure_errno(failure, errno, "open %s", path);
	while (mark != MARK_UTF16 && (len = getline(&line, &size, stream)) != -1) {
		mark = first ? text_mark(line, (size_t)len) : MARK_NONE;
		first = false;
		if (!add_line(table, mark == MARK_UTF8 ? line + MARK_UTF8_LENGTH : line, source))
			break;
	}
	if (mark == MARK_UTF16)
		result = failure_set(failure, STATUS_USAGE, 0, MARK_UTF16_ERROR, "read %s", path);
	else if (errno == ETIMEDOUT && ferror(stream))
		result = run_wait_failed(failure, errno, LIMIT_OTHER, "read %s", path);
	else if (len != -1 || !feof(stream))
		result = failure_errno(failure, errno, "read %s", path);
	free(line);
	(void)fclose(stream);
	(void)close(fd);
	return result;
}

static int
no_memory(struct failure *failure)
{
	return failure_errno(failure, ENOMEM, "read the services");
}

/* What a function that fills a table returns: the table, or NULL after a failure. */
static struct table *
finish(struct table *table, int result)
{
	if (result == 0)
		return table;
	table_free(table);
	return NULL;
}

struct table *
table_read_file(const char *path, struct failure *failure)
{
	struct table *table = new_indexed_table();

	return finish(
	    table, table != NULL ? add_file(table, path, path, failure) : no_memory(failure));
}

struct table *
table_read_system(struct failure *failure)
{
	struct table *table = new_indexed_table();
	struct servent *ent;
	bool ok = table != NULL;

	if (!ok)
		return finish(table, no_memory(failure));
	sku_leave_out_modules();
	setservent(1);
	while (ok && (ent = getservent()) != NULL)
		ok = add_servent(table, ent);
	endservent();
	if (ok && table->first == NULL && !system_has_none())
		/* The source cannot be listed, or the C library has no getservent(3), as musl. */
		return finish(table, add_file(table, _PATH_SERVICES, "system", failure));
	if (ok && table->first == NULL)
		ok = add_all_builtin(table);
	return finish(table, ok ? 0 : no_memory(failure));
}

struct table *
table_read_one(const char *name, unsigned port, const char *proto, struct failure *failure)
{
	struct table *table;
	struct servent *ent;
	bool ok;

	if (system_has_none())
		/* they come from another source of nsswitch.conf(5), or are built in */
		return table_read_system(failure);
	table = new_table();
	sku_leave_out_modules();
	ent = name != NULL ? getservbyname(name, proto) :
			     getservbyport(htons((in_port_t)port), proto);
	ok = table != NULL && (ent == NULL || add_servent(table, ent));
	return finish(table, ok ? 0 : no_memory(failure));
}

/* ---- queries ------------------------------------------------------------------------------- */

static const struct service *
first_of_port(const struct table *table, unsigned port)
{
	return table->index != NULL ? table->index->by_port[port] : table->first;
}

static const struct name_link *
first_of_name(const struct table *table, const char *name)
{
	if (table->index != NULL)
		return table->index->by_name[bucket_of(name)];
	return table->first != NULL ? table->first->links : NULL;
}

static bool
has_proto(const struct service *service, const char *proto)
{
	return proto == NULL || strcmp(service->proto, proto) == 0;
}

const struct service *
table_by_port(
    const struct table *table, unsigned port, const char *proto, const struct service *after)
{
	const struct service *s = after != NULL ? after->next_of_port : first_of_port(table, port);

	while (s != NULL && !has_proto(s, proto))
		s = s->next_of_port;
	return s;
}

const struct service *
table_by_name(
    const struct table *table, const char *name, const char *proto, const struct service *after)
{
	bool passed = after == NULL;

	for (const struct name_link *link = first_of_name(table, name); link != NULL;
	     link = link->next) {
		if (strcmp(link->name, name) != 0 || !has_proto(link->service, proto))
			continue;
		if (link->service == after) /* it may have the name more than once */
			passed = true;
		else if (passed)
			return link->service;
	}
	return NULL;
}

static bool
resembles_proto(const struct service *service, const char *proto)
{
	return proto == NULL || strcasecmp(service->proto, proto) == 0;
}

static const struct service *
name_by_spelling(
    const struct table *table, const char *name, const char *proto, const char **spelling)
{
	for (const struct name_link *link = first_of_name(table, name); link != NULL;
	     link = link->next) {
		if (strcasecmp(link->name, name) == 0 && resembles_proto(link->service, proto)) {
			*spelling = link->name;
			return link->service;
		}
	}
	return NULL;
}

const struct service *
table_by_spelling(const struct table *table, const char *name, unsigned from, unsigned to,
    const char *proto, const char **spelling)
{
	if (name != NULL)
		return name_by_spelling(table, name, proto, spelling);
	for (unsigned port = from; port <= to; port++) {
		for (const struct service *s = first_of_port(table, port); s != NULL;
		     s = s->next_of_port) {
			if (resembles_proto(s, proto))
				return s;
		}
	}
	return NULL;
}
