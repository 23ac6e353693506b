/* services_table.h - the services: all of them, read once, or one that is looked up. */
#ifndef SERVLOOKUP_SERVICES_TABLE_H
#define SERVLOOKUP_SERVICES_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct service {
	unsigned port;
	char *name;
	char *proto;
	char **aliases;		      /* ends with NULL */
	const char *source;	      /* "system", "built-in" or the file's name */
	struct service *next;	      /* in the order of the file or database */
	struct service *next_of_port; /* with the same port, in the same order */
};

/* A name or an alias in its hash bucket. */
struct name_link {
	struct name_link *next;
	const char *name;
	struct service *service;
};

#define TABLE_BUCKETS ((size_t)8192) /* a power of two */

struct table {
	struct service *first, **last;
	struct service *by_port[65536], *last_of_port[65536];
	struct name_link *by_name[TABLE_BUCKETS], *last_of_name[TABLE_BUCKETS];
};

/* Read all services of the system (getservent(3)), or the built-in table if the system has none.
 * Returns a table that the caller frees with table_free(), or NULL when there is no memory. */
struct table *table_read_system(void);
/* Read a file in the format of services(5).  Returns as above, or reports the error and returns
 * NULL. */
struct table *table_read_file(const char *path);
/* Look up one service by name, or by port (0 to 65535) if name is NULL.  proto NULL: any.
 * Returns a table with that service or an empty one, which the caller frees; NULL when there is
 * no memory. */
struct table *table_read_one(const char *name, unsigned port, const char *proto);
void table_free(struct table *table);

/* The next service of a port: after NULL the first one, else the one behind after, which this
 * function returned.  proto NULL: any.  Returns NULL when there is no more. */
const struct service *table_by_port(
    const struct table *table, unsigned port, const char *proto, const struct service *after);
/* The same for a name or an alias. */
const struct service *table_by_name(
    const struct table *table, const char *name, const char *proto, const struct service *after);

#endif
