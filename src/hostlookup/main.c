/* main.c - hostlookup: names and addresses of hosts, through the system's resolver.
 * Row tool. */
#include "hostlookup/bulk.h"
#include "hostlookup/config.h"
#include "hostlookup/lookup.h"
#include "hostlookup/print.h"
#include "hostlookup/query.h"
#include "net/host_name.h"
#include "options/options.h"
#include "run/event.h"
#include "run/message.h"
#include "run/output.h"
#include "run/run.h"
#include "run/wait.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Look up one name, without a time limit: the resolver is called directly, without a thread. */
static int
look_up_one(const struct host_config *config)
{
	struct lookup_answer answer;
	int status;

	lookup_ask(config, config->names[0], &answer);
	status = answer_print(config, config->names[0], &answer);
	answer_clear(&answer);
	return status;
}

/* A note for users of host and nslookup, who type two operands as `NAME SERVER`. */
static void
note_no_server(const struct host_config *config)
{
	struct sku_address address;

	if (config->lookup_kind != LOOKUP_REVERSE && config->name_count == 2 &&
	    config->files.count == 0 &&
	    sku_address_from_numeric(&address, AF_UNSPEC, config->names[0], 0) == -1 &&
	    sku_address_from_numeric(&address, AF_UNSPEC, config->names[1], 0) == 0)
		msg_note("%s is looked up, too: the system's resolver is asked, and no server can "
			 "be named",
		    config->names[1]);
}

static int
look_up(const struct host_config *config, struct failure *failure)
{
	char buf[QUERY_FAULT_MAX];
	const char *fault;

	note_no_server(config);
	if (config->name_count == 1 && config->files.count == 0) {
		fault = query_fault(config, config->names[0], buf);
		if (fault != NULL)
			opt_usage_error("'%s': %s", opt_quote(config->names[0]), fault);
	}
	if (!config_is_bulk(config) && run.timeouts.operation_ns == SKU_NO_TIMEOUT &&
	    config->wait_ns == 0 && sku_deadline_left(run.timeouts.run) == SKU_NO_TIMEOUT)
		return look_up_one(config);
	return bulk_run(config, failure);
}

static int
print_name(const char *name)
{
	if (run.json)
		EVENT_RECORD(NULL, EVENT_VALUE("name", answer_name_string(name)));
	else
		output_field("", name, "\n");
	return STATUS_OK;
}

static int
print_hostname(struct failure *failure)
{
	char name[SKU_HOST_MAX];

	if (sku_gethostname(name, sizeof(name)) == -1)
		return failure_errno(failure, errno, "get the host name");
	return print_name(name);
}

static int
print_fqdn(const struct host_config *config, struct failure *failure)
{
	const char *asked = config->name_count > 0 ? config->names[0] : NULL;
	char name[SKU_HOST_MAX], message[400];
	struct sku_error err;
	const char *fault = asked != NULL ? query_name_fault(asked) : NULL;

	if (fault == NULL && asked != NULL && strlen(asked) >= sizeof(name))
		fault = "the name is too long";
	if (fault != NULL)
		opt_usage_error("'%s': %s", opt_quote(asked), fault);
	if (sku_getfqdn(asked, name, run_operation_deadline(), &err) == -1)
		return failure_library(failure, &err);
	/* Without an answer sku_getfqdn() returns what was asked. */
	if (asked != NULL && strcmp(name, asked) != 0 &&
	    (fault = lookup_name_fault(name)) != NULL) {
		(void)snprintf(message, sizeof(message), "its name %.253s %s", name, fault);
		return failure_set(failure, STATUS_MISMATCH, 0, message, "look up %s", asked);
	}
	return print_name(name);
}

static int
set_hostname(const struct host_config *config, struct failure *failure)
{
	if (sku_sethostname(config->set_hostname) == -1)
		return failure_errno(
		    failure, errno, "set the host name to %s", config->set_hostname);
	return STATUS_OK;
}

static int
print_has_ipv6(struct failure *failure)
{
	bool yes = sku_has_ipv6();

	if (!yes && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
		return failure_errno(failure, errno, "look for IPv6");
	if (run.json)
		EVENT_RECORD(NULL, EVENT_FLAG("has_ipv6", yes));
	else
		output_print("%s\n", yes ? "yes" : "no");
	return yes ? STATUS_OK : STATUS_NOT_FOUND;
}

/* The exit status, or -1 and the failure. */
static int
run_command(const struct host_config *config, struct failure *failure)
{
	switch (config->lookup_kind) {
	case LOOKUP_ADDRESS:
	case LOOKUP_ALL:
	case LOOKUP_REVERSE:
		return look_up(config, failure);
	case LOOKUP_HOSTNAME:
		return print_hostname(failure);
	case LOOKUP_FQDN:
		return print_fqdn(config, failure);
	case LOOKUP_SET_HOSTNAME:
		return set_hostname(config, failure);
	case LOOKUP_HAS_IPV6:
		return print_has_ipv6(failure);
	}
	return STATUS_USAGE;
}

/* Internationalised names need the user's locale; the C locale supports none.  Its files take a
 * tenth of a look-up, and an ASCII name does not need them. */
static void
set_locale(const struct host_config *config)
{
	bool is_needed = config->files.count > 0 || config->confirm;

	for (size_t i = 0; i < config->name_count; i++)
		is_needed = is_needed || !host_name_is_ascii(config->names[i]);
	if (is_needed)
		(void)setlocale(LC_CTYPE, "");
}

int
main(int argc, char **argv)
{
	/* Static, since an abandoned worker may use it until the process ends. */
	static struct host_config config;
	static ASIDE struct failure failure;
	int status;

	run_begin("hostlookup");
	config_parse(&config, argc, argv);
	set_locale(&config);
	status = run_command(&config, &failure);
	if (status == -1)
		status = failure_report(&failure);
	return run_finish(status);
}
