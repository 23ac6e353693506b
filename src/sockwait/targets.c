/* targets.c - what is waited for: HOST:PORT, [V6]:PORT, a UNIX path or @NAME.
 * Row tool. */
#include "sockwait/targets.h"

#include "libsockutil/sockutil.h"
#include "options/options.h"
#include "run/message.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* ---- one TARGET ---------------------------------------------------------------------------- */

/* A ':' before the first '/': neither a path, which would have to begin with "./", nor HOST:PORT.
 */
static void
refuse_mixture(const char *text, const char *slash)
{
	if (strncmp(slash - 1, "://", 3) == 0)
		opt_usage_error("'%s' is a URL: a TARGET is HOST:PORT", opt_quote(text));
	if (strncmp(text, "unix:", 5) == 0)
		opt_usage_error("'%s' is no TARGET: a UNIX path stands alone, %s", opt_quote(text),
		    opt_quote(text + 5));
	opt_usage_error("'%s' is no TARGET: nothing follows HOST:PORT (a path with a ':' before "
			"its first '/' begins with ./)",
	    opt_quote(text));
}

static bool
is_path(const char *text)
{
	const char *slash = strchr(text, '/'), *colon = strchr(text, ':'),
		   *file = strstr(text, ":@");

	if (text[0] == '@')
		return true;
	if (slash == NULL || (file != NULL && file < slash))
		return false;
	if (colon != NULL && colon < slash)
		refuse_mixture(text, slash);
	return true;
}

/* What stands there and is no socket will not become one. */
static void
check_path(const char *path)
{
	struct stat st;

	if (path[0] == '@' || stat(path, &st) == -1)
		return;
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		opt_usage_error("%s is no UNIX socket but a %s (sockwait runs no command)", path,
		    S_ISDIR(st.st_mode) ? "directory" : "file");
}

/* Can a host have this name?  Else the system would look it up again and again.  What its letters
 * beyond ASCII become, and how long that is, is not known here. */
static bool
is_possible_name(const char *host)
{
	size_t label = 0;
	bool ascii = true, too_long = strlen(host) > 253;

	for (const char *p = host; *p != '\0'; p++) {
		if ((unsigned char)*p <= ' ' || *p == '\x7f' || *p == '@')
			return false;
		if (*p == '.' && label == 0)
			return false;
		label = *p == '.' ? 0 : label + 1;
		too_long = too_long || label > 63;
		ascii = ascii && (unsigned char)*p < 0x80;
	}
	return !ascii || !too_long;
}

static void
check_host_and_port(const struct address_flags *flags, const char *text)
{
	const char *colon = strchr(text, ':');

	if (strncasecmp(text, "tcp:", 4) == 0)
		opt_usage_error(
		    "'%s' is no TARGET: leave tcp: out, it is HOST:PORT", opt_quote(text));
	if (operand_has_port(flags, text)) {
		if (colon == text)
			opt_usage_error(
			    "HOST is missing in '%s': a TARGET is HOST:PORT", opt_quote(text));
		return;
	}
	if (colon != NULL && text[0] != '[')
		opt_usage_error(
		    "'%s' is no TARGET: an IPv6 address has brackets, [V6]:PORT", opt_quote(text));
	opt_usage_error("'%s' is no TARGET, which is " TARGET_FORMS, opt_quote(text));
}

void
target_parse(struct endpoint *endpoint, const struct address_flags *flags, char *text)
{
	struct address_flags its_flags = *flags;

	if (*text == '\0')
		opt_usage_error("a TARGET is empty: it is " TARGET_FORMS);
	its_flags.is_unix = is_path(text);
	if (!its_flags.is_unix)
		check_host_and_port(&its_flags, text);
	endpoint_parse(endpoint, &its_flags, &text, 1, false);
}

/* ---- all of them --------------------------------------------------------------------------- */

/* HOST in one spelling: an address as the system writes it, a name in lower case. */
static const char *
host_of(const struct endpoint *endpoint, char buf[SKU_HOST_MAX], bool *is_name)
{
	struct sku_address address;
	char numeric[SKU_ADDRESS_TEXT_MAX];

	*is_name = sku_address_from_numeric(&address, AF_UNSPEC, endpoint->host, 0) == -1;
	(void)snprintf(buf, SKU_HOST_MAX, "%s",
	    *is_name ? endpoint->host : sku_address_host(&address, numeric));
	for (char *p = buf; *is_name && *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return buf;
}

/* A name that is no service now will not become one. */
static unsigned
port_of(const struct endpoint *endpoint, const struct address_flags *flags)
{
	struct failure failure;
	struct sku_error err;
	int port = sku_port_from_text(endpoint->port, "tcp", flags->numeric, &err);

	if (port == -1 && err.kind == SKU_ERR_SYSTEM && err.code != EINVAL) {
		failure_clear(&failure);
		(void)failure_library(&failure, &err);
		exit(failure_report(&failure)); /* nobody can say whether there is one */
	}
	if (port == -1)
		opt_usage_error(
		    "there is no service '%s': PORT is a number from 1 to 65535, or the "
		    "name of a service",
		    opt_quote(endpoint->port));
	return (unsigned)port;
}

/* Fill a target.  Returns -1 without memory. */
static int
parse(struct target *target, const struct address_flags *flags, char *text)
{
	struct endpoint *endpoint = &target->endpoint;
	char host[SKU_HOST_MAX];
	int len;

	target->text = text;
	target_parse(endpoint, flags, text);
	if (endpoint->path != NULL) {
		check_path(endpoint->path);
		target->place = strdup(endpoint->path);
		return target->place == NULL ? -1 : 0;
	}
	(void)host_of(endpoint, host, &target->needs_lookup);
	if (target->needs_lookup && !is_possible_name(endpoint->host))
		opt_usage_error("'%s' is no name of a host", opt_quote(endpoint->host));
	if (endpoint->port_file != NULL)
		len = asprintf(&target->place, "[%s]:%s", host, endpoint->port);
	else
		len = asprintf(&target->place, "[%s]:%u", host, port_of(endpoint, flags));
	if (len != -1)
		return 0;
	target->place = NULL;
	return -1;
}

/* By place; those of one place in the order in which they were typed. */
static int
compare(const void *a, const void *b)
{
	const struct target *left = *(struct target *const *)a, *right = *(struct target *const *)b;
	int order = strcmp(left->place, right->place);

	return order != 0 ? order : (left > right) - (left < right);
}

static int
join(struct target *targets, size_t count)
{
	struct target **sorted = calloc(count, sizeof(*sorted));

	if (sorted == NULL)
		return -1;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &targets[i];
	qsort(sorted, count, sizeof(*sorted), compare);
	for (size_t i = 1; i < count; i++) {
		if (strcmp(sorted[i - 1]->place, sorted[i]->place) != 0)
			continue;
		sorted[i - 1]->same = sorted[i];
		sorted[i]->is_again = true;
	}
	free(sorted);
	return 0;
}

int
targets_parse(
    struct target *targets, const struct address_flags *flags, char *const *operands, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (parse(&targets[i], flags, operands[i]) == -1)
			return -1;
	}
	return join(targets, count);
}

void
targets_free(struct target *targets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(targets[i].place);
		free(targets[i].reason);
		free(targets[i].progress);
	}
}
