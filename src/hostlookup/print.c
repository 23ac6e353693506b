/* print.c - an answer, as lines or as a record.
 * Row tool. */
#include "hostlookup/print.h"

#include "run/escape.h"
#include "run/event.h"
#include "run/message.h"
#include "run/output.h"
#include "run/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
print_list(const char *before, char *const *list, const char *after)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++)
		output_field(before, list[i], after);
}

json_t *
answer_name_string(const char *name)
{
	return name != NULL ? event_escaped(name, ESCAPE_FIELD) : json_null();
}

static json_t *
name_list(char *const *list)
{
	json_t *array = json_array();

	for (size_t i = 0; list != NULL && list[i] != NULL; i++)
		event_append(array, answer_name_string(list[i]));
	return array;
}

/* The family of the addresses; null if there are both. */
static json_t *
name_family(const struct lookup_answer *answer)
{
	bool v4 = false, v6 = false;

	for (size_t i = 0; answer->addresses != NULL && answer->addresses[i] != NULL; i++) {
		bool colon = strchr(answer->addresses[i], ':') != NULL;

		v6 = v6 || colon;
		v4 = v4 || !colon;
	}
	if (v4 && v6)
		return json_null();
	return json_string(v6 || (!v4 && answer->family == AF_INET6) ? "ipv6" : "ipv4");
}

static void
emit_answer(const char *query, const struct lookup_answer *answer)
{
	EVENT_RECORD(NULL, EVENT_TEXT("query", query),
	    EVENT_VALUE("name", answer_name_string(answer->name)),
	    EVENT_VALUE("aliases", name_list(answer->aliases)),
	    EVENT_VALUE("addresses", name_list(answer->addresses)),
	    EVENT_VALUE("family", name_family(answer)),
	    EVENT_SECONDS("seconds", answer->seconds_ns));
}

static void
report_failure(const char *query, const struct lookup_answer *answer)
{
	const struct event_error error = { (enum status)answer->status, answer->errnum,
		answer->message, "look up", query };

	EVENT_RECORD(NULL, EVENT_TEXT("query", query), EVENT_SECONDS("seconds", answer->seconds_ns),
	    EVENT_ERROR(&error));
}

static void
print_plain(const struct host_config *config, const struct lookup_answer *answer)
{
	if (config->ex) {
		output_field("name: ", answer->name, "\n");
		print_list("alias: ", answer->aliases, "\n");
		print_list("address: ", answer->addresses, "\n");
	} else if (config->lookup_kind == LOOKUP_REVERSE) {
		output_field("", answer->name, "\n");
	} else {
		print_list("", answer->addresses, "\n");
	}
}

static void
print_line(const struct host_config *config, const char *query, const struct lookup_answer *answer)
{
	output_field("", query, "");
	if (config->lookup_kind == LOOKUP_REVERSE)
		output_field("\t", answer->name, "");
	else
		print_list("\t", answer->addresses, "");
	output_print("\n");
}

/* Does a part of the address begin with 0, so that it is octal? */
static bool
has_octal(const char *query)
{
	if (query[strspn(query, "0123456789.")] != '\0')
		return false;
	for (const char *part = query; *part != '\0'; part += strspn(part, ".")) {
		if (part[0] == '0' && part[1] >= '0' && part[1] <= '9')
			return true;
		part += strcspn(part, ".");
	}
	return false;
}

/* Print notes about an answer. */
static void
tell_more(const char *query, const struct lookup_answer *answer)
{
	char when[40] = "from memory";
	bool named = answer->name != NULL;

	if (has_octal(query))
		msg_note("look up %s: a part that begins with 0 was read as octal", query);
	if (run.verbose == 0)
		return;
	if (!answer->from_memory)
		(void)snprintf(when, sizeof(when), "in %.3f s", (double)answer->seconds_ns / 1e9);
	msg_verbose(1, "look up %s: answered %s%s%s%s", query, named ? "as " : "",
	    named ? answer->name : "", named ? " " : "", when);
}

int
answer_print(
    const struct host_config *config, const char *query, const struct lookup_answer *answer)
{
	if (answer->status != STATUS_OK) {
		report_failure(query, answer);
		return answer->status;
	}
	tell_more(query, answer);
	if (run.json)
		emit_answer(query, answer);
	else if (config_is_bulk(config))
		print_line(config, query, answer);
	else
		print_plain(config, answer);
	return STATUS_OK;
}
