/* config.c - the options of hostlookup.
 * Row tool. */
#include "hostlookup/config.h"

#include "options/options.h"
#include "options/run_options.h"
#include "options/values.h"
#include "run/run.h"
#include "run/timeouts.h"

#include <string.h>

enum {
	OPT_CONFIRM = 400,
	OPT_HOSTNAME,
	OPT_FQDN,
	OPT_SET_HOSTNAME,
	OPT_HAS_IPV6,
	OPT_UNORDERED,
	OPT_WAIT_FOR_ANSWER,
};

/* The modes of option_row. */
enum { FORWARD = 1, ALL = 2, REVERSE = 4, FQDN = 8, MACHINE = 16 };
enum { LOOKS_UP = FORWARD | ALL | REVERSE };

#define ABOUT_LOOKUPS "is about look-ups"

static const struct option_row options[] = {
	OPTION_GROUP("What to ask"),
	{ '4', "ipv4", NULL, "IPv4 alone (default but for --all)", FORWARD | ALL,
	    "is about looking up addresses" },
	{ '6', "ipv6", NULL, "IPv6 alone", FORWARD | ALL, "is about looking up addresses" },
	{ 'e', "ex", NULL, "print name, aliases and addresses", FORWARD | REVERSE,
	    "goes with a NAME or --reverse" },
	{ 'a', "all", NULL, "print every address of both families", 0, NULL },
	{ 'r', "reverse", NULL, "print the name of an address", 0, NULL },
	{ OPT_CONFIRM, "confirm", NULL, "only a name that resolves back to the address", REVERSE,
	    "goes with --reverse" },
	OPTION_GROUP("This machine"),
	{ OPT_HOSTNAME, "hostname", NULL, "print its name", 0, NULL },
	{ OPT_FQDN, "fqdn", NULL, "print its name, or NAME's, with the domain", 0, NULL },
	{ OPT_SET_HOSTNAME, "set-hostname", "NAME", "set its name", 0, NULL },
	{ OPT_HAS_IPV6, "has-ipv6", NULL, "print whether it has IPv6: yes (0) or no (3)", 0, NULL },
	OPTION_GROUP("Many names"),
	{ 'f', "file", "FILE", "read the names from FILE; - is standard input", LOOKS_UP,
	    ABOUT_LOOKUPS },
	{ 'j', "jobs", "N", "look N up at once (16)", LOOKS_UP, ABOUT_LOOKUPS },
	{ OPT_UNORDERED, "unordered", NULL, "print answers as they come", LOOKS_UP, ABOUT_LOOKUPS },
	OPTION_GROUP("Time"),
	{ 't', "timeout", "SECONDS", "limit of each look-up; none", LOOKS_UP | FQDN,
	    ABOUT_LOOKUPS },
	{ OPT_WAIT_FOR_ANSWER, "wait", "SECONDS", "ask again until there is an answer; none",
	    LOOKS_UP, ABOUT_LOOKUPS },
	MAX_TIME_OPTION_ROW,
	COMMON_OPTION_ROWS,
	OPTION_END,
};

static const char *const synopsis[] = { "[options] NAME...", "[options] -r ADDR...",
	"--hostname | --fqdn [NAME] | --set-hostname NAME | --has-ipv6", NULL };

static const struct command command = { "hostlookup", synopsis,
	"Look names and addresses of hosts up, through the system's resolver.", options };

bool
config_is_bulk(const struct host_config *config)
{
	return config->file != NULL || config->name_count > 1;
}

static void
set_lookup_kind(struct host_config *c, enum lookup_kind kind)
{
	if (c->lookup_kind != LOOKUP_ADDRESS && c->lookup_kind != kind)
		opt_usage_error("--all, --reverse, --hostname, --fqdn, --set-hostname and "
				"--has-ipv6 exclude each other");
	c->lookup_kind = kind;
}

static void
set_family(struct host_config *c, int family)
{
	if (c->family != AF_UNSPEC && c->family != family)
		opt_usage_error("-4 and -6 exclude each other");
	c->family = family;
}

/* RFC 1123, section 2.1: letters, digits and '-', in labels of 1 to 63 bytes. */
static bool
is_hostname(const char *name)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	size_t len = strlen(name);

	if (len == 0 || len > 64) /* the limit of Linux: __NEW_UTS_LEN */
		return false;
	for (;;) {
		size_t n = strspn(name, allowed);

		if (n == 0 || n > 63 || name[0] == '-' || name[n - 1] == '-')
			return false;
		if (name[n] == '\0')
			return true;
		if (name[n] != '.')
			return false;
		name += n + 1;
	}
}

static void
take_option(struct host_config *c, const struct opt_parser *parser, int id, const char *value)
{
	switch (id) {
	case '4':
		set_family(c, AF_INET);
		break;
	case '6':
		set_family(c, AF_INET6);
		break;
	case 'e':
		c->ex = true;
		break;
	case 'a':
		set_lookup_kind(c, LOOKUP_ALL);
		break;
	case 'r':
		set_lookup_kind(c, LOOKUP_REVERSE);
		break;
	case OPT_CONFIRM:
		c->confirm = true;
		break;
	case OPT_HOSTNAME:
		set_lookup_kind(c, LOOKUP_HOSTNAME);
		break;
	case OPT_FQDN:
		set_lookup_kind(c, LOOKUP_FQDN);
		break;
	case OPT_SET_HOSTNAME:
		if (!opt_was_written_in_full(parser, "set-hostname"))
			opt_usage_error("--set-hostname must be spelt out");
		set_lookup_kind(c, LOOKUP_SET_HOSTNAME);
		c->set_hostname = value;
		break;
	case OPT_HAS_IPV6:
		set_lookup_kind(c, LOOKUP_HAS_IPV6);
		break;
	case 'f':
		c->file = value;
		break;
	case 'j':
		c->jobs = value_count("jobs", value, 1, 4096);
		break;
	case OPT_UNORDERED:
		c->unordered = true;
		break;
	case OPT_WAIT_FOR_ANSWER:
		c->wait_ns = value_seconds("wait", value, true);
		break;
	default:
		(void)timeouts_take_option(id, value);
	}
}

static unsigned
mode_of(const struct host_config *c)
{
	static const unsigned modes[] = { [LOOKUP_ADDRESS] = FORWARD,
		[LOOKUP_ALL] = ALL,
		[LOOKUP_REVERSE] = REVERSE,
		[LOOKUP_HOSTNAME] = MACHINE,
		[LOOKUP_FQDN] = FQDN,
		[LOOKUP_SET_HOSTNAME] = MACHINE,
		[LOOKUP_HAS_IPV6] = MACHINE };

	return modes[c->lookup_kind];
}

static void
check_operands(const struct host_config *c)
{
	bool looks_up = (mode_of(c) & LOOKS_UP) != 0;

	if (looks_up && c->name_count == 0 && c->file == NULL)
		opt_usage_error("missing operand: NAME");
	if (c->lookup_kind == LOOKUP_FQDN && c->name_count > 1)
		opt_usage_error("--fqdn takes one NAME at most");
	if (mode_of(c) == MACHINE && c->name_count > 0)
		opt_usage_error("too many operands: '%s'", c->names[0]);
	if (c->lookup_kind == LOOKUP_SET_HOSTNAME && !is_hostname(c->set_hostname))
		opt_usage_error(
		    "option '--set-hostname' takes a NAME of letters, digits and '-', "
		    "in labels of 1 to 63 with dots between, 64 bytes at most, not '%s'",
		    c->set_hostname);
	if (c->ex && config_is_bulk(c) && !run.json)
		opt_usage_error("--ex with several names goes with --json");
	if (c->unordered && !config_is_bulk(c))
		opt_usage_error("option '--unordered' goes with several names");
}

void
config_parse(struct host_config *config, int argc, char **argv)
{
	struct opt_parser parser;
	const char *value;
	int id;

	*config = (struct host_config){ .jobs = 16, .names = argv };
	opt_init(&parser, &command, argc, argv);
	while ((id = opt_next(&parser, &value)) != OPT_DONE) {
		if (id != OPT_OPERAND)
			take_option(config, &parser, id, value);
		else /* the operands go to the front of argv, over what was parsed */
			argv[config->name_count++] = opt_operand(&parser);
	}
	opt_check_modes(&parser, mode_of(config));
	check_operands(config);
}
