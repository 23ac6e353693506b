/* lookup.c - one query to the resolver.
 * Row tool. */
#include "hostlookup/lookup.h"

#include "hostlookup/reverse.h"
#include "libsockutil/hosts.h"
#include "net/host_name.h"
#include "run/escape.h"
#include "run/run.h"
#include "run/status.h"

#include <dlfcn.h>
#include <errno.h>
#include <langinfo.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#ifndef _PATH_HOSTS /* musl has no name for it */
#define _PATH_HOSTS "/etc/hosts"
#endif
#define WHITE_SPACE " \t\n\v\f\r"

/* A static program can load no libidn2, and musl knows no names beyond ASCII. */
#if defined(STATIC_BINARIES) || !defined(AI_IDN)
#define KNOWS_IDN false
#undef AI_IDN
#define AI_IDN 0
#define IS_IDN_ERROR(err) false
#else
#define KNOWS_IDN true
#define IS_IDN_ERROR(err) ((err)->kind == SKU_ERR_RESOLVE && (err)->code == EAI_IDN_ENCODE)
#endif

static void
fail_by_resolver(struct lookup_answer *answer, const struct sku_error *err)
{
	int errnum = err->kind == SKU_ERR_SYSTEM ? err->code : 0;

	answer_fail(answer, (int)status_of(err), errnum,
	    errnum == EBUSY ? "no source of hosts that nsswitch.conf names can be used" :
			      sku_error_reason(err));
}

static bool
copy_host(struct lookup_answer *answer, const struct sku_host *host)
{
	bool ok = true;

	answer->family = host->family;
	answer->name = strdup(host->name);
	for (size_t i = 0; host->aliases[i] != NULL; i++)
		ok = answer_append(&answer->aliases, host->aliases[i]) && ok;
	for (size_t i = 0; host->addresses[i] != NULL; i++)
		ok = answer_append(&answer->addresses, host->addresses[i]) && ok;
	return ok && answer->name != NULL;
}

static int
ask_addresses(
    const char *name, int family, int flags, struct addrinfo **list, struct sku_error *err)
{
	const struct addrinfo hints = {
		.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = flags
	};

	return sku_getaddrinfo(name, NULL, &hints, list, sku_deadline_never(), err);
}

/* The flags for a name as the user typed it. */
static int
flags_for(const char *name)
{
	return host_name_is_ascii(name) ? 0 : AI_IDN | AI_CANONNAME;
}

/* Why an internationalised name cannot be looked up: what is missing, or wrong with it. */
static const char *
idn_error(void)
{
	void *idn;

	if (!KNOWS_IDN)
		return "this program was built without names beyond ASCII (its xn-- form can be "
		       "asked "
		       "for)";
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		return "a name beyond ASCII needs a UTF-8 locale (LANG, LC_ALL)";
	idn = dlopen("libidn2.so.0", RTLD_LAZY | RTLD_LOCAL);
	if (idn == NULL)
		return "a name beyond ASCII needs libidn2, which is not installed";
	(void)dlclose(idn);
	return "IDNA 2008 does not allow its characters, or it is too long once encoded "
	       "(its xn-- form can be asked for)";
}

/* Does a line of hosts(5), an address and names, have the name? */
static bool
line_has_name(char *line, const char *name)
{
	const char *word;

	line[strcspn(line, "#\n")] = '\0';
	(void)strsep(&line, WHITE_SPACE);
	while ((word = strsep(&line, WHITE_SPACE)) != NULL) {
		if (strcasecmp(word, name) == 0)
			return true;
	}
	return false;
}

/* Does the hosts file have the name?  Then the resolver answers for it without a name server. */
static bool
is_in_hosts_file(const char *name)
{
	FILE *stream = fopen(_PATH_HOSTS, "re");
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	if (stream == NULL)
		return false;
	while (!found && getline(&line, &size, stream) != -1)
		found = line_has_name(line, name);
	free(line);
	(void)fclose(stream);
	return found;
}

/* Nothing was found: is there an address of the other family? */
static void
look_at_other_family(
    const struct host_config *config, const char *name, int family, struct lookup_answer *answer)
{
	int other = family == AF_INET ? AF_INET6 : AF_INET, digit = other == AF_INET ? 4 : 6;
	const char *or_all = config->lookup_kind == LOOKUP_ALL ? "" : " or --all";
	struct sku_address address;
	struct addrinfo *list;
	char message[sizeof(answer->message)];

	if (sku_address_from_numeric(&address, other, name, 0) == 0) {
		(void)snprintf(message, sizeof(message), "it is an IPv%d address (-%d%s prints it)",
		    digit, digit, or_all);
	} else if (ask_addresses(name, other, flags_for(name), &list, NULL) == 0) {
		freeaddrinfo(list);
		(void)snprintf(message, sizeof(message),
		    "it has only IPv%d addresses (-%d%s prints them)", digit, digit, or_all);
	} else {
		return;
	}
	answer_fail(answer, STATUS_NOT_FOUND, 0, message);
}

static void
describe_failure(const struct host_config *config, const char *name, int family,
    const struct sku_error *err, struct lookup_answer *answer)
{
	fail_by_resolver(answer, err);
	if (IS_IDN_ERROR(err))
		answer_fail(answer, STATUS_USAGE, 0, idn_error());
	else if (family != AF_UNSPEC &&
		 (answer->status == STATUS_NOT_FOUND ||
		     /* no name server can be asked, and none needs to be */
		     (answer->status == STATUS_TRY_AGAIN && is_in_hosts_file(name))))
		look_at_other_family(config, name, family, answer);
}

/* The name under which the answer was found.  An address that was asked for as a name has none. */
static void
take_canonical_name(const struct addrinfo *list, struct lookup_answer *answer)
{
	struct sku_address address;

	if (list->ai_canonname == NULL ||
	    sku_address_from_numeric(&address, AF_UNSPEC, list->ai_canonname, 0) == 0)
		return;
	answer->name = strdup(list->ai_canonname);
	if (answer->name == NULL)
		answer_set_no_memory(answer);
}

static void
forward(const struct host_config *config, const char *name, struct lookup_answer *answer)
{
	int family = config->lookup_kind == LOOKUP_ALL ? config->family :
		     config->family == AF_UNSPEC       ? AF_INET :
							 config->family;
	bool shows_name = run.json || run.verbose > 0;
	struct addrinfo *list;
	struct sku_error err;
	char text[SKU_ADDRESS_TEXT_MAX];

	if (ask_addresses(name, family, flags_for(name) | (shows_name ? AI_CANONNAME : 0), &list,
		&err) == -1) {
		describe_failure(config, name, family, &err, answer);
		return;
	}
	answer->family = list->ai_family;
	if (shows_name)
		take_canonical_name(list, answer);
	for (struct addrinfo *ai = list; ai != NULL && answer->status == STATUS_OK;
	     ai = ai->ai_next) {
		if (!answer_append(&answer->addresses, sku_answer_text(ai, text)))
			answer_set_no_memory(answer);
		if (config->lookup_kind == LOOKUP_ADDRESS)
			break;
	}
	freeaddrinfo(list);
}

static void
forward_ex(const struct host_config *config, const char *name, struct lookup_answer *answer)
{
	int family = config->family == AF_UNSPEC ? AF_INET : config->family;
	struct addrinfo *list = NULL;
	struct sku_host *host;
	struct sku_error err;
	int result;

	/* gethostbyname(3) does not know IDN: getaddrinfo(3) converts the name to ASCII. */
	if (!host_name_is_ascii(name) &&
	    ask_addresses(name, family, flags_for(name), &list, &err) == -1) {
		describe_failure(config, name, family, &err, answer);
		return;
	}
	result = sku_gethostbyname_ex(
	    list != NULL ? list->ai_canonname : name, family, &host, sku_deadline_never(), &err);
	if (list != NULL)
		freeaddrinfo(list);
	if (result == -1) {
		describe_failure(config, name, family, &err, answer);
		return;
	}
	if (!copy_host(answer, host))
		answer_set_no_memory(answer);
	sku_host_free(host);
}

/* Replace the answer by what is wrong with its name: `its name NAME WHAT`.  A name of DNS is shown
 * whole.  The hosts file may have longer ones. */
static void
fail_by_name(struct lookup_answer *answer, int status, int errnum, const char *what)
{
	char message[sizeof(answer->message)];
	size_t len = 0;
	char *escaped = escape_text(answer->name, strlen(answer->name), ESCAPE_FIELD, &len);

	(void)snprintf(message, sizeof(message), "its name %.253s%s %s",
	    escaped != NULL ? escaped : "", len > 253 ? "..." : "", what);
	free(escaped);
	answer_fail(answer, status, errnum, message);
}

static void
refuse_name(struct lookup_answer *answer, const char *what)
{
	fail_by_name(answer, STATUS_MISMATCH, 0, what);
}

const char *
lookup_name_fault(const char *name)
{
	struct sku_address address;

	/* Such a name would never reach a name server: it would confirm itself. */
	if (sku_address_from_numeric(&address, AF_UNSPEC, name, 0) == 0)
		return "is an address";
	/* The root of DNS is the one name that the C library takes and no host has. */
	return strcmp(name, ".") == 0 ? "is no name of a host" : NULL;
}

/* Ask for the name of a PTR record, which is absolute: without the search list, which could break
 * it or lead elsewhere.  A dot behind it does not help: the hosts file would not know it. */
static int
ask_absolute(const char *name, int family, struct addrinfo **list, struct sku_error *err)
{
	unsigned long options;
	int result;

	if ((_res.options & RES_INIT) == 0) /* each thread has its own */
		(void)res_init();
	options = _res.options;
	_res.options &= ~(unsigned long)(RES_DEFNAMES | RES_DNSRCH);
	result = ask_addresses(name, family, 0, list, err);
	_res.options = options;
	return result;
}

/* No database of hosts has zones. */
static void
clear_zone(struct sku_address *address)
{
	if (address->sa.sa_family == AF_INET6)
		address->in6.sin6_scope_id = 0;
}

/* Check that the name resolves to the address again.  The name is used as the resolver returned it,
 * in whatever encoding. */
static void
check_reverse(const char *address, struct lookup_answer *answer)
{
	struct sku_address asked, found;
	struct addrinfo *list;
	struct sku_error err;
	bool back = false;
	char what[100];

	(void)sku_address_from_numeric(&asked, AF_UNSPEC, address, 0); /* it was checked */
	sku_address_unmap(&asked);
	clear_zone(&asked);
	if (ask_absolute(answer->name, asked.sa.sa_family, &list, &err) == -1) {
		enum status status = status_of(&err);

		if (status != STATUS_NOT_FOUND) {
			(void)snprintf(
			    what, sizeof(what), "cannot be looked up: %s", sku_error_reason(&err));
			fail_by_name(
			    answer, (int)status, err.kind == SKU_ERR_SYSTEM ? err.code : 0, what);
			return;
		}
		list = NULL;
	}
	for (struct addrinfo *ai = list; ai != NULL && !back; ai = ai->ai_next) {
		if (sku_address_from_addrinfo(&found, ai, 0) == -1)
			continue;
		clear_zone(&found);
		back = sku_address_equal(&asked, &found);
	}
	if (list != NULL)
		freeaddrinfo(list);
	if (!back)
		refuse_name(answer, "does not resolve back to it");
}

static void
reverse(const struct host_config *config, const char *query, struct lookup_answer *answer)
{
	static const char no_name[] = "it has no name";
	char buf[SKU_ADDRESS_TEXT_MAX];
	const char *asked = reverse_address(query, buf); /* it was checked */
	const char *fault;
	struct sku_host *host;
	struct sku_error err;

	if (sku_gethostbyaddr(asked, &host, sku_deadline_never(), &err) == -1) {
		fail_by_resolver(answer, &err);
		/* The C library returns this for a PTR record with a text that no name may have. */
		if (err.kind == SKU_ERR_RESOLVE && err.code == EAI_FAIL)
			answer_fail(answer, STATUS_MISMATCH, 0, "the answer is no name of a host");
		else if (answer->status == STATUS_NOT_FOUND)
			answer_fail(answer, STATUS_NOT_FOUND, 0, no_name);
		return;
	}
	if (!copy_host(answer, host))
		answer_set_no_memory(answer);
	sku_host_free(host);
	if (answer->status != STATUS_OK)
		return;
	fault = lookup_name_fault(answer->name);
	if (*answer->name == '\0') /* a line of the hosts file that is an address alone */
		answer_fail(answer, STATUS_NOT_FOUND, 0, no_name);
	else if (fault != NULL)
		refuse_name(answer, fault);
	else if (config->confirm)
		check_reverse(asked, answer);
}

void
lookup_ask(const struct host_config *config, const char *query, struct lookup_answer *answer)
{
	int64_t begin = sku_now();

	*answer = (struct lookup_answer){ .status = STATUS_OK };
	if (config->lookup_kind == LOOKUP_REVERSE)
		reverse(config, query, answer);
	else if (!KNOWS_IDN && !host_name_is_ascii(query))
		answer_fail(answer, STATUS_USAGE, 0, idn_error());
	else if (config->ex)
		forward_ex(config, query, answer);
	else
		forward(config, query, answer);
	answer->seconds_ns = sku_now() - begin;
}
