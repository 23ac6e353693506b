/* lookup.c - one query and what the resolver said.
 * Row tool. */
#include "hostlookup/lookup.h"

#include "run/escape.h"
#include "run/event.h"
#include "run/message.h"
#include "run/output.h"
#include "run/run.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME_MAX_BYTES 253 /* RFC 1035, section 2.3.4, less the length bytes at both ends */
#define LABEL_MAX_BYTES 63

/* ---- what may be asked --------------------------------------------------------------------- */

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text >= 0x80)
			return false;
	}
	return true;
}

static const char *
validate_name(const char *name)
{
	struct sku_address address;
	size_t len = strlen(name);

	if (len == 0)
		return "the name is empty";
	if (strchr(name, '%') != NULL || strchr(name, ':') != NULL)
		return sku_address_from_numeric(&address, AF_UNSPEC, name, 0) == 0 ?
			   NULL :
			   "it is no address and no name";
	if (strspn(name, "0123456789.") == len)
		return sku_address_from_numeric(&address, AF_INET, name, 0) == 0 ?
			   NULL :
			   "it is no address and no name";
	if (strpbrk(name, "/ \t\\\"'") != NULL)
		return "it is no address and no name";
	if (len > NAME_MAX_BYTES + (name[len - 1] == '.'))
		return "a name has at most 253 bytes";
	for (const char *label = name; *label != '\0';) {
		size_t n = strcspn(label, ".");

		if (n == 0)
			return "a label of the name is empty";
		if (n > LABEL_MAX_BYTES)
			return "a label of a name has at most 63 bytes";
		label += n + (label[n] == '.');
	}
	return NULL;
}

const char *
lookup_validate(const struct host_config *config, const char *query)
{
	struct sku_address address;

	if (config->lookup_kind != LOOKUP_REVERSE)
		return validate_name(query);
	if (*query == '\0')
		return "the address is empty";
	return sku_address_from_numeric(&address, AF_UNSPEC, query, 0) == 0 ? NULL :
									      "it is no address";
}

/* ---- the parts of an answer ---------------------------------------------------------------- */

static void
free_list(char **list)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

void
lookup_clear(struct lookup_answer *answer)
{
	free(answer->name);
	free_list(answer->aliases);
	free_list(answer->addresses);
	answer->name = NULL;
	answer->aliases = answer->addresses = NULL;
}

static void
set_failure(struct lookup_answer *answer, int status, int errnum, const char *message)
{
	lookup_clear(answer);
	answer->status = status;
	answer->errnum = errnum;
	(void)snprintf(answer->message, sizeof(answer->message), "%s", message);
}

static void
set_resolver_failure(struct lookup_answer *answer, const struct sku_error *err)
{
	set_failure(answer, (int)status_of(err), err->kind == SKU_ERR_SYSTEM ? err->code : 0,
	    sku_error_reason(err));
}

void
lookup_set_timed_out(struct lookup_answer *answer)
{
	char message[sizeof(answer->message)] = "timed out";

	if (answer->status == STATUS_TIMED_OUT)
		return;
	if (answer->status != STATUS_OK)
		(void)snprintf(message, sizeof(message), "timed out; the last failure: %.160s",
		    answer->message);
	set_failure(answer, STATUS_TIMED_OUT, ETIMEDOUT, message);
}

void
lookup_set_no_memory(struct lookup_answer *answer)
{
	set_failure(answer, STATUS_FAILED, ENOMEM, strerror(ENOMEM));
}

void
lookup_set_error(struct lookup_answer *answer, const char *message)
{
	set_failure(answer, STATUS_USAGE, 0, message);
}

/* Append to a list that ends with NULL; one that is there already is left out. */
static bool
append(char ***list, const char *text)
{
	size_t n = 0;
	char **grown;

	while (*list != NULL && (*list)[n] != NULL) {
		if (strcmp((*list)[n++], text) == 0)
			return true;
	}
	grown = reallocarray(*list, n + 2, sizeof(char *));
	if (grown == NULL)
		return false;
	*list = grown;
	grown[n] = strdup(text);
	grown[n + 1] = NULL;
	return grown[n] != NULL;
}

static bool
copy_host(struct lookup_answer *answer, const struct sku_host *host)
{
	bool ok = true;

	answer->family = host->family;
	answer->name = strdup(host->name);
	for (size_t i = 0; host->aliases[i] != NULL; i++)
		ok = append(&answer->aliases, host->aliases[i]) && ok;
	for (size_t i = 0; host->addresses[i] != NULL; i++)
		ok = append(&answer->addresses, host->addresses[i]) && ok;
	return ok && answer->name != NULL;
}

/* ---- asking -------------------------------------------------------------------------------- */

/* getaddrinfo() with IDN for names beyond ASCII. */
static int
ask_addresses(const char *name, int family, struct addrinfo **list, struct sku_error *err)
{
	const struct addrinfo hints = { .ai_family = family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = is_ascii(name) ? 0 : AI_IDN | AI_CANONNAME };

	return sku_getaddrinfo(name, NULL, &hints, list, sku_deadline_never(), err);
}

/* Which of the two that internationalised names need is missing. */
static const char *
idn_error(void)
{
	void *idn;

	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		return "a name beyond ASCII needs a UTF-8 locale (LANG, LC_ALL)";
	idn = dlopen("libidn2.so.0", RTLD_LAZY | RTLD_LOCAL);
	if (idn == NULL)
		return "a name beyond ASCII needs libidn2, which is not installed";
	(void)dlclose(idn);
	return "it is no internationalised name";
}

static void
describe_failure(
    struct lookup_answer *answer, const struct sku_error *err, const char *name, int family)
{
	struct addrinfo *list;

	set_resolver_failure(answer, err);
	if (err->kind != SKU_ERR_RESOLVE)
		return;
	if (err->code == EAI_IDN_ENCODE) {
		set_failure(answer, STATUS_USAGE, 0, idn_error());
		return;
	}
	/* Is there nothing, or only something of the other family? */
	if (family == AF_INET && answer->status == STATUS_NOT_FOUND &&
	    ask_addresses(name, AF_INET6, &list, NULL) == 0) {
		freeaddrinfo(list);
		set_failure(answer, STATUS_NOT_FOUND, 0,
		    "it has only IPv6 addresses (-6 or --all prints them)");
	}
}

static void
forward(const struct host_config *config, const char *name, struct lookup_answer *answer)
{
	int family = config->lookup_kind == LOOKUP_ALL ? config->family :
		     config->family == AF_UNSPEC       ? AF_INET :
							 config->family;
	struct addrinfo *list;
	struct sku_error err;
	char text[SKU_ADDRESS_TEXT_MAX];

	if (ask_addresses(name, family, &list, &err) == -1) {
		describe_failure(answer, &err, name, family);
		return;
	}
	answer->family = list->ai_family;
	for (struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
		/* A v4-mapped address stays one of IPv6, unlike in sku_address_host(). */
		if (getnameinfo(ai->ai_addr, ai->ai_addrlen, text, sizeof(text), NULL, 0,
			NI_NUMERICHOST) != 0)
			continue;
		if (!append(&answer->addresses, text))
			lookup_set_no_memory(answer);
		if (config->lookup_kind == LOOKUP_ADDRESS || answer->status != STATUS_OK)
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

	/* gethostbyname(3) knows no IDN: the name in ASCII comes from getaddrinfo(3). */
	if (!is_ascii(name) && ask_addresses(name, family, &list, &err) == -1) {
		describe_failure(answer, &err, name, family);
		return;
	}
	result = sku_gethostbyname_ex(
	    list != NULL ? list->ai_canonname : name, family, &host, sku_deadline_never(), &err);
	if (list != NULL)
		freeaddrinfo(list);
	if (result == -1) {
		describe_failure(answer, &err, name, family);
		return;
	}
	if (!copy_host(answer, host))
		lookup_set_no_memory(answer);
	sku_host_free(host);
}

/* What a name came to that is none, or leads elsewhere: `its name NAME WHAT`. */
static void
refuse_name(struct lookup_answer *answer, const char *what)
{
	char message[sizeof(answer->message)];
	char *escaped = escape_text(answer->name, strlen(answer->name), ESCAPE_FIELD, NULL);

	(void)snprintf(
	    message, sizeof(message), "its name %.60s %s", escaped != NULL ? escaped : "", what);
	free(escaped);
	set_failure(answer, STATUS_MISMATCH, 0, message);
}

/* Does the name lead back to the address? */
static void
check_reverse(const char *query, struct lookup_answer *answer)
{
	struct sku_address asked, found;
	struct addrinfo *list;
	struct sku_error err;
	bool back = false;

	(void)sku_address_from_numeric(&asked, AF_UNSPEC, query, 0); /* it was checked */
	sku_address_unmap(&asked);
	if (ask_addresses(answer->name, asked.sa.sa_family, &list, &err) == -1) {
		enum status status = status_of(&err);

		if (status != STATUS_NOT_FOUND) {
			set_resolver_failure(answer, &err);
			return;
		}
		list = NULL;
	}
	for (struct addrinfo *ai = list; ai != NULL && !back; ai = ai->ai_next)
		back = sku_address_from_addrinfo(&found, ai, 0) == 0 &&
		       sku_address_equal(&asked, &found);
	if (list != NULL)
		freeaddrinfo(list);
	if (!back)
		refuse_name(answer, "does not resolve back to it");
}

static void
reverse(const struct host_config *config, const char *query, struct lookup_answer *answer)
{
	struct sku_address address;
	struct sku_host *host;
	struct sku_error err;

	if (sku_gethostbyaddr(query, &host, sku_deadline_never(), &err) == -1) {
		/* So the C library calls a PTR record with what no name may have. */
		if (err.kind == SKU_ERR_RESOLVE && err.code == EAI_FAIL)
			set_failure(answer, STATUS_MISMATCH, 0, "the answer is no name of a host");
		else
			set_resolver_failure(answer, &err);
		return;
	}
	if (!copy_host(answer, host))
		lookup_set_no_memory(answer);
	sku_host_free(host);
	if (answer->status != STATUS_OK)
		return;
	/* It would be asked of nobody, and lead back to whatever address it is. */
	if (sku_address_from_numeric(&address, AF_UNSPEC, answer->name, 0) == 0)
		refuse_name(answer, "is an address");
	else if (config->confirm)
		check_reverse(query, answer);
}

bool
lookup_is_temporary(const struct lookup_answer *answer)
{
	return answer->status == STATUS_NOT_FOUND || answer->status == STATUS_TRY_AGAIN ||
	       answer->status == STATUS_MISMATCH || answer->status == STATUS_TIMED_OUT;
}

void
lookup_ask(const struct host_config *config, const char *query, struct lookup_answer *answer)
{
	int64_t begin = sku_now();

	*answer = (struct lookup_answer){ .status = STATUS_OK };
	if (config->lookup_kind == LOOKUP_REVERSE)
		reverse(config, query, answer);
	else if (config->ex)
		forward_ex(config, query, answer);
	else
		forward(config, query, answer);
	answer->seconds_ns = sku_now() - begin;
}

/* ---- printing ------------------------------------------------------------------------------ */

static char *
escape_field(const char *text)
{
	char *escaped = escape_text(text, strlen(text), ESCAPE_FIELD, NULL);

	return escaped != NULL ? escaped : calloc(1, 1);
}

static void
print_field(const char *before, const char *text, const char *after)
{
	char *escaped = escape_field(text);

	output_print("%s%s%s", before, escaped != NULL ? escaped : "", after);
	free(escaped);
}

static void
print_list(const char *before, char *const *list, const char *after)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++)
		print_field(before, list[i], after);
}

/* A name from the resolver, as it stands in a line. */
static json_t *
name_string(const char *name)
{
	char *escaped = name != NULL ? escape_field(name) : NULL;
	json_t *string = escaped != NULL ? event_string(escaped) : json_null();

	free(escaped);
	return string;
}

static void
add_list(json_t *record, const char *key, char *const *list)
{
	json_t *array = json_array();

	for (size_t i = 0; list != NULL && list[i] != NULL; i++)
		(void)json_array_append_new(array, name_string(list[i]));
	event_add(record, key, array);
}

/* Null where there are addresses of both. */
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
emit_lookup(const char *query, const struct lookup_answer *answer)
{
	json_t *record = event_new(NULL);

	event_text(record, "query", query);
	if (answer->status == STATUS_OK) {
		event_add(record, "name", name_string(answer->name));
		add_list(record, "aliases", answer->aliases);
		add_list(record, "addresses", answer->addresses);
		event_add(record, "family", name_family(answer));
	}
	event_seconds(record, "seconds", answer->seconds_ns);
	if (answer->status != STATUS_OK)
		event_add(record, "error",
		    event_error(
			(enum status)answer->status, answer->errnum, answer->message, "look up"));
	event_emit(record);
}

static void
print_plain(const struct host_config *config, const struct lookup_answer *answer)
{
	if (config->ex) {
		print_field("name: ", answer->name, "\n");
		print_list("alias: ", answer->aliases, "\n");
		print_list("address: ", answer->addresses, "\n");
	} else if (config->lookup_kind == LOOKUP_REVERSE) {
		print_field("", answer->name, "\n");
	} else {
		print_list("", answer->addresses, "\n");
	}
}

static void
print_line(const struct host_config *config, const char *query, const struct lookup_answer *answer)
{
	print_field("", query, "");
	if (config->lookup_kind == LOOKUP_REVERSE)
		print_field("\t", answer->name, "");
	else
		print_list("\t", answer->addresses, "");
	output_print("\n");
}

int
lookup_print(
    const struct host_config *config, const char *query, const struct lookup_answer *answer)
{
	if (run.json)
		emit_lookup(query, answer);
	if (answer->status != STATUS_OK)
		msg_error_line(answer->message, "look up %s", query);
	else if (!run.json && config_is_bulk(config))
		print_line(config, query, answer);
	else if (!run.json)
		print_plain(config, answer);
	return answer->status;
}
