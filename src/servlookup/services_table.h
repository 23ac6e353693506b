/* services_table.h - the services: read once, or asked for one by one. */
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
	struct service *next;	      /* in the order of the source */
	struct service *next_of_port; /* the same port's, in that order */
};

/* A name or an alias, in its hash bucket. */
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

/* Read the whole of the system's services (getservent(3)), or the built-in table where the system
 * has none; NULL without memory. */
struct table *table_read_system(void);
/* Read a file of the format of services(5): NULL when it cannot be read, which is reported. */
struct table *table_read_file(const char *path);
/* A table with the one service that the system knows for this (name NULL: the port), without
 * reading all of them; it may be empty.  NULL without memory. */
struct table *table_read_one(const char *name, unsigned port, const char *proto);
void table_free(struct table *table);

/* The first service of that port, or after a previous one (not NULL) the next; proto NULL: any. */
const struct service *table_by_port(
    const struct table *table, unsigned port, const char *proto, const struct service *after);
/* The same by name or alias. */
const struct service *table_by_name(
    const struct table *table, const char *name, const char *proto, const struct service *after);

#endif
