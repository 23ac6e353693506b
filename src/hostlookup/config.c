/* config.c - the options of hostlookup.
 * Row tool. */
#include "hostlookup/config.h"

#include "hostlookup/network.h"
#include "options/run_options.h"

#include <string.h>

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

static const char *
set_hostname(void *member, const char *value)
{
	if (!is_hostname(value))
		return "a NAME of letters, digits and '-', in labels of 1 to 63 with dots "
		       "between, 64 bytes at most";
	*(const char **)member = value;
	return NULL;
}

/* What a lookup_kind allows: the modes of the rows. */
enum {
	MODE_LOOKS_UP = 1, /* names or addresses */
	MODE_FORWARD = 2,  /* addresses are looked up */
	MODE_REVERSE = 4,
	MODE_PRINTS_EX = 8, /* there is more to print than one kind of answer */
	MODE_ASKS = 16,	    /* the resolver is asked */
	MODE_MANY = 32,	    /* there may be several names */
};

static const struct option_need needs[] = {
	{ MODE_REVERSE, "goes with --reverse" },
	{ MODE_PRINTS_EX, "does not go with --all, --fqdn, --hostname, --set-hostname or "
			  "--has-ipv6" },
	{ MODE_FORWARD, "is about looking up addresses" },
	{ MODE_LOOKS_UP | MODE_ASKS, "is about look-ups" },
	{ MODE_MANY, "goes with several names" },
	{ 0, NULL },
};

static const struct option_row timeout_of_look_up[] = {
	SECONDS('t', "timeout", struct timeouts, operation_ns, SKU_NO_TIMEOUT,
	    "limit of each look-up", .none = 1, .needs = MODE_ASKS),
	OPTION_END_ROW,
};

static const struct option_row options[] = {
	OPTION_GROUP("Query"),
	ONE_OF('4', "ipv4", struct host_config, family, AF_INET, "print IPv4 addresses alone",
	    .preset_text = "default but for --all", .needs = MODE_FORWARD),
	ONE_OF('6', "ipv6", struct host_config, family, AF_INET6, "print IPv6 addresses alone",
	    .needs = MODE_FORWARD),
	FLAG('e', "ex", struct host_config, ex, "print name, aliases and addresses",
	    .needs = MODE_PRINTS_EX),
	ONE_OF('a', "all", struct host_config, lookup_kind, LOOKUP_ALL,
	    "print every address of both families"),
	ONE_OF('r', "reverse", struct host_config, lookup_kind, LOOKUP_REVERSE,
	    "print the name of an address"),
	FLAG(0, "confirm", struct host_config, confirm,
	    "print a name only if it resolves back to the address", .needs = MODE_REVERSE),
	OPTION_GROUP("This machine"),
	ONE_OF(0, "hostname", struct host_config, lookup_kind, LOOKUP_HOSTNAME,
	    "print the name of this machine"),
	ONE_OF(0, "fqdn", struct host_config, lookup_kind, LOOKUP_FQDN,
	    "print the fully qualified name of this machine, or NAME's"),
	SETS(OPTION_OTHER, 0, "set-hostname", "NAME", struct host_config, set_hostname,
	    const char *, set_hostname, "set the name of this machine",
	    .excludes = "all reverse hostname fqdn has-ipv6", .spelt_out = 1),
	ONE_OF(0, "has-ipv6", struct host_config, lookup_kind, LOOKUP_HAS_IPV6,
	    "print whether there is IPv6: yes (0) or no (3)"),
	OPTION_GROUP("Many names"),
	SETS(OPTION_FILE, 'f', "file", "FILE", struct host_config, files, struct input_files,
	    inputs_add_file, "read names from FILE; - is standard input", .repeats = 1,
	    .needs = MODE_LOOKS_UP),
	COUNT('j', "jobs", "N", struct host_config, jobs, 1, 4096, 16, "look N names up at once",
	    .needs = MODE_LOOKS_UP),
	FLAG(0, "no-cache", struct host_config, no_cache, "ask anew for every line",
	    .needs = MODE_LOOKS_UP),
	FLAG(0, "unordered", struct host_config, unordered, "print answers as they come",
	    .needs = MODE_LOOKS_UP | MODE_MANY),
	OPTION_GROUP("Time"),
	OPTION_INCLUDE_FOR(&run.timeouts, timeout_of_look_up),
	SECONDS(0, "wait", struct host_config, wait_ns, 0,
	    "ask again for that long until there is an answer", .none = 1,
	    .preset_text = "default: ask once", .needs = MODE_LOOKS_UP),
	OPTION_INCLUDE_FOR(&run.timeouts, max_time_options),
	OPTION_COMMON,
	OPTION_END_ROW,
};

static const char *const synopsis[] = { "[options] NAME...", "[options] -r ADDR|NETWORK...",
	"--hostname | --fqdn [NAME] | --set-hostname NAME | --has-ipv6", NULL };

/* What users of dig, host, nslookup and getent type. */
static const char habits[] =
    "-x\t-r looks the name of an address up\n"
    "@* -s --server\tthe system's resolver is asked, and no server can be named (dig does that)\n"
    "+*\tthis is an option of dig\n"
    "-type=* -query=* -querytype=* -class=* --type -c\tnames and addresses are looked up, not "
    "records of DNS (dig and host do that)\n"
    "--timeout=a --timeout=A --timeout=aaaa --timeout=AAAA --timeout=any --timeout=ANY "
    "--timeout=cname --timeout=CNAME --timeout=mx --timeout=MX --timeout=ns --timeout=NS "
    "--timeout=ptr --timeout=PTR --timeout=soa --timeout=SOA --timeout=srv --timeout=SRV "
    "--timeout=txt --timeout=TXT\t-t is the limit of each look-up, and names and addresses are "
    "looked up, not records of DNS (dig and host do that)\n"
    "-A\t-a prints every address\n"
    "-d -debug\t-v says more\n"
    "-R --retry\t--wait asks again until there is an answer\n"
    "-W -timeout=*\t-t is the limit of each look-up\n"
    "--host --name\tNAME is an operand: hostlookup example.org\n"
    "-l -z -k -N --bind\tnames are looked up, and nothing is connected (sockecho-client does "
    "that)\n"
    "-p -port=* --port\ta look-up has no port\n";
static const char *const hints[] = { habits, NULL };

static const struct command command = {
	.name = "hostlookup",
	.synopsis = synopsis,
	.summary = "Look names and addresses of hosts up, through the system's resolver.",
	.operands = "host...",
	.options = options,
	.needs = needs,
	.hints = hints,
};

bool
config_is_bulk(const struct host_config *config)
{
	return config->files.count > 0 || config->name_count > 1 ||
	       (config->lookup_kind == LOOKUP_REVERSE && config->name_count == 1 &&
		   network_is_meant(config->names[0]));
}

static uint32_t
modes_of(const struct host_config *c)
{
	static const uint32_t modes[] = { [LOOKUP_ADDRESS] = MODE_LOOKS_UP | MODE_FORWARD |
							     MODE_PRINTS_EX | MODE_ASKS,
		[LOOKUP_ALL] = MODE_LOOKS_UP | MODE_FORWARD | MODE_ASKS,
		[LOOKUP_REVERSE] = MODE_LOOKS_UP | MODE_REVERSE | MODE_PRINTS_EX | MODE_ASKS,
		[LOOKUP_FQDN] = MODE_ASKS };

	return (c->lookup_kind < LOOKUP_SET_HOSTNAME ? modes[c->lookup_kind] : 0) |
	       (config_is_bulk(c) ? MODE_MANY : 0);
}

static void
check_operands(const struct host_config *c)
{
	uint32_t modes = modes_of(c);

	if ((modes & MODE_LOOKS_UP) != 0 && c->name_count == 0 && c->files.count == 0)
		opt_usage_error("missing operand: NAME");
	if (c->lookup_kind == LOOKUP_FQDN && c->name_count > 1)
		opt_usage_error("--fqdn takes one NAME at most");
	if ((modes & MODE_ASKS) == 0 && c->name_count > 0)
		opt_usage_error("too many operands: '%s'", opt_quote(c->names[0]));
	if (c->ex && config_is_bulk(c) && !run.json)
		opt_usage_error("--ex with several names, or with a network, goes with --json");
}

void
config_parse(struct host_config *config, int argc, char **argv)
{
	struct options parsed;

	*config = (struct host_config){ .names = NULL };
	opt_parse(&parsed, &command, config, argc, argv);
	config->names = parsed.operands;
	config->name_count = parsed.operand_count;
	if (config->set_hostname != NULL)
		config->lookup_kind = LOOKUP_SET_HOSTNAME;
	opt_check_modes(&parsed, modes_of(config));
	check_operands(config);
}
