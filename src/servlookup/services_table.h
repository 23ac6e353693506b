/* services_table.h - the services: all of them, read once, or one that is looked up. */
#ifndef SERVLOOKUP_SERVICES_TABLE_H
#define SERVLOOKUP_SERVICES_TABLE_H

#include "run/failure.h"

#include <stdbool.h>
#include <stddef.h>

struct service;

/* A name or an alias in its hash bucket. */
struct name_link {
	struct name_link *next;
	const char *name;
	struct service *service;
};

struct service {
	unsigned port;
	char *name;
	char *proto;
	char **aliases;		      /* ends with NULL */
	const char *source;	      /* "system", "built-in" or the file's name */
	struct service *next;	      /* in the order of the file or database */
	struct service *next_of_port; /* with the same port, in the same order */
	struct name_link *links;      /* for the name, then for the aliases */
};

#define TABLE_BUCKETS ((size_t)8192) /* a power of two */

struct table_index {
	struct service *by_port[65536], *last_of_port[65536];
	struct name_link *by_name[TABLE_BUCKETS], *last_of_name[TABLE_BUCKETS];
};

struct table {
	struct service *first, **last;
	struct table_index *index; /* NULL: it is the table of table_read_one() */
};

/* Each of the next three returns a table, which the caller frees with table_free(), or NULL and the
 * failure. */
/* All services of the system (getservent(3)), or the built-in table if the system has none. */
struct table *table_read_system(struct failure *failure);
/* A file in the format of services(5). */
struct table *table_read_file(const char *path, struct failure *failure);
/* One service, by name, or by port (0 to 65535) if name is NULL.  proto NULL: any.  The table is
 * empty if there is no such service, and may be asked about that name or port alone. */
struct table *table_read_one(
    const char *name, unsigned port, const char *proto, struct failure *failure);
void table_free(struct table *table);

/* The next service of a port: with after NULL the first one, else the one behind after, which this
 * function had returned.  proto NULL: any.  Returns NULL if there is no more. */
const struct service *table_by_port(
    const struct table *table, unsigned port, const char *proto, const struct service *after);
/* The same for a name or an alias. */
const struct service *table_by_name(
    const struct table *table, const char *name, const char *proto, const struct service *after);
/* The first service that matches except for the case of letters in name and proto: by name or
 * alias, or with name NULL by a port of the range.  NULL: there is none.  *spelling is the name
 * that matched, and not set with name NULL. */
const struct service *table_by_spelling(const struct table *table, const char *name, unsigned from,
    unsigned to, const char *proto, const char **spelling);

#endif
