/* query.h - what is asked for: a port, a range of ports, or the name of a service. */
#ifndef SERVLOOKUP_QUERY_H
#define SERVLOOKUP_QUERY_H

#include "options/inputs.h"

enum query_kind { BY_PORT, BY_NAME, RANGE, INVALID };

struct query {
	enum query_kind kind;
	const char *text; /* the whole query, as given */
	unsigned from, to;
	char name[256];
	char proto_buf[64];
	const char *proto; /* NULL: any */
	const char *error; /* for INVALID: the reason */
};

/* Parse a query.  proto is that of --proto, or NULL.  The text of raw stays in use. */
void query_parse(struct query *q, const struct input *raw, const char *proto);

#endif
