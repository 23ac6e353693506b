/* main.c - servlookup: names and ports of services.
 * Row tool. */
#include "options/inputs.h"
#include "options/options.h"
#include "run/event.h"
#include "run/message.h"
#include "run/output.h"
#include "run/run.h"
#include "run/state.h"
#include "run/wait.h"
#include "servlookup/config.h"
#include "servlookup/query.h"
#include "servlookup/services_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lookup_run {
	const struct serv_config *config;
	struct table *table;
	bool bulk;
	int status;
};

static state_counter line_count, found_count, not_found_count, invalid_count;

static const struct state_row counter_rows[] = {
	{ "lines", &line_count },
	{ "found", &found_count },
	{ "not_found", &not_found_count },
	{ "invalid", &invalid_count },
	{ NULL, NULL },
};

/* ---- printing ------------------------------------------------------------------------------ */

static void
emit_service(const char *query, const struct service *s)
{
	json_t *aliases = json_array();

	for (size_t i = 0; s->aliases[i] != NULL; i++)
		event_append(aliases, event_string(s->aliases[i]));
	EVENT_RECORD(NULL, EVENT_TEXT("query", query), EVENT_TEXT("name", s->name),
	    EVENT_VALUE("aliases", aliases), EVENT_NUMBER("port", s->port),
	    EVENT_TEXT("proto", s->proto), EVENT_TEXT("source", s->source));
}

static void
print_ex(const struct service *s)
{
	output_field("name: ", s->name, "\n");
	for (size_t i = 0; s->aliases[i] != NULL; i++)
		output_field("alias: ", s->aliases[i], "\n");
	output_print("port: %u\n", s->port);
	output_field("proto: ", s->proto, "\n");
}

/* Print the answer to a query: the name for a port, or the port for a name; with --all the
 * protocol, too. */
static void
print_answer(const struct lookup_run *r, const struct query *q, const struct service *s)
{
	if (q->kind == BY_NAME)
		output_print("%u", s->port);
	else
		output_field("", s->name, "");
	if (r->config->all)
		output_field("/", s->proto, "");
}

static void
raise_status(struct lookup_run *r, int status)
{
	if (status > r->status)
		r->status = status;
}

static void
report_failure(struct lookup_run *r, const char *query, int status, const char *reason)
{
	const struct event_error error = { (enum status)status, 0, reason, "look up", query };

	EVENT_RECORD(NULL, EVENT_TEXT("query", query), EVENT_ERROR(&error));
	raise_status(r, status);
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
		output_field("", display, "\t");
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

/* The first service that a query would match if it had no protocol; NULL: none. */
static const struct service *
match_of_any_proto(const struct lookup_run *r, const struct query *q)
{
	const struct service *s = NULL;

	if (q->kind == BY_NAME)
		return table_by_name(r->table, q->name, NULL, NULL);
	for (unsigned port = q->from; port <= q->to && s == NULL; port++)
		s = table_by_port(r->table, port, NULL, NULL);
	return s;
}

/* Report a query that was not found, with a hint if a service differs only in case, or has another
 * protocol. */
static void
report_not_found(struct lookup_run *r, const struct query *q)
{
	const char *name = q->kind == BY_NAME ? q->name : NULL, *spelling;
	const struct service *s =
	    table_by_spelling(r->table, name, q->from, q->to, q->proto, &spelling);
	char reason[600];

	if (s == NULL && q->proto != NULL) {
		s = match_of_any_proto(r, q);
		spelling = q->name;
	}
	if (s == NULL) {
		report_failure(r, q->text, STATUS_NOT_FOUND, "no such service");
		return;
	}
	(void)snprintf(reason, sizeof(reason), "no such service: did you mean %.*s%s%s?",
	    name != NULL ? (int)strlen(spelling) : (int)strcspn(q->text, "/"),
	    name != NULL ? spelling : q->text, q->proto != NULL ? "/" : "",
	    q->proto != NULL ? s->proto : "");
	report_failure(r, q->text, STATUS_NOT_FOUND, reason);
}

static void
answer_query(struct lookup_run *r, const struct query *q)
{
	bool found = false;

	counter_add(&line_count, 1);
	switch (q->kind) {
	case INVALID:
		counter_add(&invalid_count, 1);
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
	counter_add(found ? &found_count : &not_found_count, 1);
	if (!found)
		report_not_found(r, q);
}

/* Print one service of the whole table. */
static void
print_service(const struct service *s)
{
	if (run.json) {
		emit_service(NULL, s);
		return;
	}
	output_field("", s->name, "\t");
	output_print("%u", s->port);
	output_field("/", s->proto, "");
	for (size_t i = 0; s->aliases[i] != NULL; i++)
		output_field("\t", s->aliases[i], "");
	output_print("\n");
}

/* Print the services of a protocol; NULL: all of them. */
static int
print_table(const struct lookup_run *r, const char *proto, struct failure *failure)
{
	const struct service *similar;
	bool any = false;

	for (const struct service *s = r->table->first; s != NULL; s = s->next) {
		if (proto != NULL && strcmp(s->proto, proto) != 0)
			continue;
		print_service(s);
		any = true;
	}
	if (any || proto == NULL)
		return 0;
	similar = table_by_spelling(r->table, NULL, 0, 65535, proto, NULL);
	(void)failure_set(
	    failure, STATUS_NOT_FOUND, 0, "no service has it", "look up protocol %s", proto);
	if (similar != NULL)
		failure_add(failure, "did you mean %s?", similar->proto);
	return -1;
}

/* ---- running ------------------------------------------------------------------------------- */

/* A table was read, or could not be: is there time left to answer from it? */
static int
finish_table(const struct lookup_run *r, struct failure *failure)
{
	if (r->table == NULL)
		return -1;
	return run_check() == 0 ? 0 :
				  run_wait_failed(failure, errno, LIMIT_OTHER, "read the services");
}

/* Read the services. */
static int
open_table(struct lookup_run *r, struct failure *failure)
{
	r->table = r->config->services != NULL ? table_read_file(r->config->services, failure) :
						 table_read_system(failure);
	return finish_table(r, failure);
}

/* A single query with one answer is asked for by key, which costs less than reading all services.
 * If it is not found, all are read. */
static int
open_for_single(struct lookup_run *r, const struct query *q, struct failure *failure)
{
	if (r->config->services != NULL || r->config->all || q->kind == RANGE)
		return open_table(r, failure);
	r->table = table_read_one(q->kind == BY_NAME ? q->name : NULL, q->from, q->proto, failure);
	if (r->table == NULL || r->table->first != NULL)
		return finish_table(r, failure);
	table_free(r->table);
	return open_table(r, failure);
}

/* Answer one operand.  A malformed one is a usage error. */
static int
run_single(struct lookup_run *r, struct failure *failure)
{
	struct inputs inputs;
	struct input raw;
	struct query q;

	inputs_open(&inputs, r->config->queries, 1, &r->config->files, failure);
	(void)inputs_next(&inputs, &raw);
	query_parse(&q, &raw, r->config->proto);
	if (q.kind == INVALID)
		opt_usage_error("'%s': %s", opt_quote(q.text), q.error);
	if (open_for_single(r, &q, failure) == -1)
		return -1;
	answer_query(r, &q);
	return 0;
}

static void
answer_input(struct lookup_run *r, const struct input *input)
{
	struct query q;

	if (input->failure != NULL) {
		raise_status(r, failure_report(input->failure));
		return;
	}
	query_parse(&q, input, r->config->proto);
	answer_query(r, &q);
}

static int
run_bulk(struct lookup_run *r, struct failure *failure)
{
	struct inputs inputs;
	struct input input;
	const char *rest;
	int result = 0;

	state_on_sigusr1("state", counter_rows);
	if (open_table(r, failure) == -1)
		return -1;
	inputs_open(
	    &inputs, r->config->queries, r->config->query_count, &r->config->files, failure);
	do {
		while (run_check() == 0 && inputs_next(&inputs, &input))
			answer_input(r, &input);
		/* Flush before waiting, so that what is known is seen. */
	} while (failure_report_output() == STATUS_OK && inputs_wait(&inputs));
	rest = inputs_rest(&inputs);
	if (rest != NULL && !output_has_failed() && run_check() == -1)
		result =
		    run_wait_failed(failure, errno, LIMIT_OTHER, "look up the rest of %s", rest);
	inputs_close(&inputs);
	return result;
}

static int
run_table(struct lookup_run *r, struct failure *failure)
{
	if (open_table(r, failure) == -1)
		return -1;
	return print_table(r, r->config->proto, failure);
}

int
main(int argc, char **argv)
{
	struct serv_config config;
	struct lookup_run r = { .config = &config, .status = STATUS_OK };
	static ASIDE struct failure failure;
	int result;

	run_begin("servlookup");
	config_parse(&config, argc, argv);
	r.bulk = config_is_bulk(&config);
	if (config.query_count == 0 && config.files.count == 0)
		result = run_table(&r, &failure);
	else
		result = r.bulk ? run_bulk(&r, &failure) : run_single(&r, &failure);
	if (result == -1)
		raise_status(&r, failure_report(&failure));
	table_free(r.table);
	inputs_free_files(&config.files);
	return run_finish(r.status);
}
