/* main.c - servlookup: names and ports of services.
 * Row tool. */
#include "options/inputs.h"
#include "options/options.h"
#include "run/escape.h"
#include "run/event.h"
#include "run/message.h"
#include "run/output.h"
#include "run/run.h"
#include "servlookup/config.h"
#include "servlookup/services_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"

enum kind { BY_PORT, BY_NAME, RANGE, INVALID };

/* A parsed query. */
struct query {
	enum kind kind;
	const char *text;
	unsigned from, to;
	char name[256];
	char proto_buf[64];
	const char *proto; /* NULL: any */
	const char *error; /* for INVALID: the reason */
};

struct lookup_run {
	const struct serv_config *config;
	struct table *table;
	bool bulk;
	int status;
};

/* ---- parsing queries ----------------------------------------------------------------------- */

static void
set_error(struct query *q, const char *error)
{
	q->kind = INVALID;
	q->error = error;
}

static bool
parse_port(const char *text, size_t len, unsigned *port)
{
	unsigned long n = 0;

	for (size_t i = 0; i < len; i++) {
		n = n * 10 + (unsigned long)(text[i] - '0');
		if (n > 65535)
			return false;
	}
	*port = (unsigned)n;
	return true;
}

static void
parse_number(struct query *q, const char *text, size_t len)
{
	size_t digits = strspn(text, DIGITS), more;

	q->kind = BY_PORT;
	if (digits < len) { /* a range: is_number_or_range() has found '-' and digits */
		q->kind = RANGE;
		more = len - digits - 1;
	} else {
		more = 0;
	}
	if (!parse_port(text, digits, &q->from) ||
	    (more > 0 && !parse_port(text + digits + 1, more, &q->to)))
		set_error(q, "a port is a number from 0 to 65535");
	else if (more > 0 && q->from > q->to)
		set_error(q, "the range ends before it begins");
}

/* Is text digits, or digits - digits? */
static bool
is_number_or_range(const char *text, size_t len)
{
	size_t digits = strspn(text, DIGITS);

	if (digits == 0 || digits >= len)
		return digits > 0;
	return text[digits] == '-' && len - digits > 1 &&
	       strspn(text + digits + 1, DIGITS) >= len - digits - 1;
}

static void
parse_query(struct query *q, const struct lookup_run *r, const struct input *raw)
{
	const char *slash = strrchr(raw->text, '/');
	size_t len = slash != NULL ? (size_t)(slash - raw->text) : strlen(raw->text);

	*q = (struct query){ .text = raw->text, .proto = r->config->proto };
	if (raw->error != NULL) {
		set_error(q, raw->error);
		return;
	}
	if (slash != NULL && (slash[1] == '\0' || strlen(slash + 1) >= sizeof(q->proto_buf))) {
		set_error(q, "after '/' there is the name of a protocol");
		return;
	}
	if (slash != NULL) {
		if (q->proto != NULL && strcmp(q->proto, slash + 1) != 0) {
			set_error(q, "its protocol is another than --proto");
			return;
		}
		(void)snprintf(q->proto_buf, sizeof(q->proto_buf), "%s", slash + 1);
		q->proto = q->proto_buf;
	}
	if (len == 0 || len >= sizeof(q->name)) {
		set_error(q, len == 0 ? "it is empty" : "it is too long for a service");
		return;
	}
	memcpy(q->name, raw->text, len);
	if ((q->name[0] == '-' || q->name[0] == '+') && strspn(q->name + 1, DIGITS) == len - 1)
		set_error(q, "a port is a number from 0 to 65535");
	else if (is_number_or_range(q->name, len))
		parse_number(q, q->name, len);
	else
		q->kind = BY_NAME;
}

/* ---- printing ------------------------------------------------------------------------------ */

static void
print_field(const char *before, const char *text, const char *after)
{
	char *escaped = escape_text(text, strlen(text), ESCAPE_FIELD, NULL);

	output_print("%s%s%s", before, escaped != NULL ? escaped : "", after);
	free(escaped);
}

static void
emit_service(const char *query, const struct service *s)
{
	json_t *record = event_new(NULL), *aliases = json_array();

	if (query != NULL)
		event_text(record, "query", query);
	event_text(record, "name", s->name);
	for (size_t i = 0; s->aliases[i] != NULL; i++)
		(void)json_array_append_new(aliases, event_string(s->aliases[i]));
	event_add(record, "aliases", aliases);
	event_number(record, "port", s->port);
	event_text(record, "proto", s->proto);
	event_text(record, "source", s->source);
	event_emit(record);
}

static void
print_ex(const struct service *s)
{
	print_field("name: ", s->name, "\n");
	for (size_t i = 0; s->aliases[i] != NULL; i++)
		print_field("alias: ", s->aliases[i], "\n");
	output_print("port: %u\n", s->port);
	print_field("proto: ", s->proto, "\n");
}

/* Print the answer to a query: the name of a port, or the port of a name; with --all the protocol,
 * too. */
static void
print_answer(const struct lookup_run *r, const struct query *q, const struct service *s)
{
	if (q->kind == BY_NAME)
		output_print("%u", s->port);
	else
		print_field("", s->name, "");
	if (r->config->all)
		print_field("/", s->proto, "");
}

static void
report_failure(struct lookup_run *r, const char *query, int status, const char *reason)
{
	if (run.json) {
		json_t *record = event_new(NULL);

		event_text(record, "query", query);
		event_add(record, "error", event_error((enum status)status, 0, reason, "look up"));
		event_emit(record);
	}
	msg_error_line(reason, "look up %s", query);
	if (status > r->status)
		r->status = status;
}

/* ---- answering ----------------------------------------------------------------------------- */

static const struct service *
next_match(const struct lookup_run *r, const struct query *q, const struct service *after)
{
	return q->kind == BY_NAME ? table_by_name(r->table, q->name, q->proto, after) :
				    table_by_port(r->table, q->from, q->proto, after);
}

/* Print all answers to a query for one port or name.  Returns false if there is none. */
static bool
answer(const struct lookup_run *r, const struct query *q, const char *display, bool with_query)
{
	const struct service *s = next_match(r, q, NULL);
	const char *separator = "";

	if (s == NULL)
		return false;
	if (run.verbose > 0)
		msg_verbose(1, "%s: from %s", display, s->source);
	if (!run.json && r->config->ex) {
		print_ex(s);
		return true;
	}
	if (!run.json && with_query)
		print_field("", display, "\t");
	for (; s != NULL; s = r->config->all ? next_match(r, q, s) : NULL) {
		if (run.json) {
			emit_service(display, s);
			continue;
		}
		output_print("%s", separator);
		print_answer(r, q, s);
		separator = "\t";
	}
	if (!run.json)
		output_print("\n");
	return true;
}

static bool
answer_range(const struct lookup_run *r, const struct query *q)
{
	struct query one = { .kind = BY_PORT, .proto = q->proto };
	bool any = false;
	char display[16];

	for (unsigned port = q->from; port <= q->to; port++) {
		if (table_by_port(r->table, port, q->proto, NULL) == NULL)
			continue;
		one.from = port;
		(void)snprintf(display, sizeof(display), "%u", port);
		any = answer(r, &one, display, true) || any;
	}
	return any;
}

static void
answer_query(struct lookup_run *r, const struct query *q)
{
	bool found = false;

	switch (q->kind) {
	case INVALID:
		report_failure(r, q->text, STATUS_USAGE, q->error);
		return;
	case RANGE:
		found = answer_range(r, q);
		break;
	case BY_PORT:
	case BY_NAME:
		found = answer(r, q, q->text, r->bulk);
		break;
	}
	if (!found)
		report_failure(r, q->text, STATUS_NOT_FOUND, "no such service");
}

static void
print_table(const struct lookup_run *r)
{
	for (const struct service *s = r->table->first; s != NULL; s = s->next) {
		if (r->config->proto != NULL && strcmp(s->proto, r->config->proto) != 0)
			continue;
		if (run.json) {
			emit_service(NULL, s);
			continue;
		}
		print_field("", s->name, "\t");
		output_print("%u", s->port);
		print_field("/", s->proto, "");
		for (size_t i = 0; s->aliases[i] != NULL; i++)
			print_field("\t", s->aliases[i], "");
		output_print("\n");
	}
}

/* ---- running ------------------------------------------------------------------------------- */

/* Open the services.  A single query with one answer is looked up by itself, which costs less than
 * to read all services. */
static struct table *
open_table(const struct lookup_run *r, const struct query *single)
{
	if (r->config->services != NULL)
		return table_read_file(r->config->services);
	if (single != NULL && !r->config->all &&
	    (single->kind == BY_PORT || single->kind == BY_NAME))
		return table_read_one(
		    single->kind == BY_NAME ? single->name : NULL, single->from, single->proto);
	return table_read_system();
}

static int
report_no_table(const struct lookup_run *r)
{
	return r->config->services != NULL ?
		   STATUS_FAILED :
		   msg_error_errno(STATUS_FAILED, ENOMEM, "read the services");
}

/* Answer one operand.  A malformed one is a usage error. */
static int
run_single(struct lookup_run *r)
{
	struct inputs inputs;
	struct input raw;
	struct query q;

	inputs_open(&inputs, r->config->queries, 1, &r->config->files);
	(void)inputs_next(&inputs, &raw);
	parse_query(&q, r, &raw);
	if (q.kind == INVALID)
		opt_usage_error("'%s': %s", q.text, q.error);
	r->table = open_table(r, &q);
	if (r->table == NULL)
		return report_no_table(r);
	answer_query(r, &q);
	return r->status;
}

static int
run_bulk(struct lookup_run *r)
{
	struct inputs inputs;
	struct input raw;
	struct query q;

	r->table = open_table(r, NULL);
	if (r->table == NULL)
		return report_no_table(r);
	inputs_open(&inputs, r->config->queries, r->config->query_count, &r->config->files);
	do {
		while (inputs_next(&inputs, &raw)) {
			parse_query(&q, r, &raw);
			answer_query(r, &q);
		}
		/* What is known is seen before anybody waits. */
	} while (msg_flush() == STATUS_OK && inputs_wait(&inputs));
	inputs_close(&inputs);
	return inputs.status > r->status ? inputs.status : r->status;
}

static int
run_table(struct lookup_run *r)
{
	r->table = open_table(r, NULL);
	if (r->table == NULL)
		return report_no_table(r);
	print_table(r);
	return STATUS_OK;
}

int
main(int argc, char **argv)
{
	struct serv_config config;
	struct lookup_run r = { .config = &config, .status = STATUS_OK };
	int status;

	run_begin("servlookup");
	config_parse(&config, argc, argv);
	r.bulk = config_is_bulk(&config);
	if (config.query_count == 0 && config.files.count == 0)
		status = run_table(&r);
	else
		status = r.bulk ? run_bulk(&r) : run_single(&r);
	table_free(r.table);
	return run_finish(status);
}
