/* targets.c - what is waited for: HOST:PORT, [V6]:PORT, a UNIX path or @NAME.
 * Row tool. */
#include "sockwait/targets.h"

#include "libsockutil/sockutil.h"
#include "options/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* ---- one TARGET ---------------------------------------------------------------------------- */

/* The usage error for a ':' before the first '/': it is neither a path, which would have to begin
 * with "./", nor HOST:PORT. */
static int
refuse_mixture(const char *text, const char *slash, struct failure *failure)
{
	if (strncmp(slash - 1, "://", 3) == 0)
		return opt_misuse(failure, "'%s' is a URL: a TARGET is HOST:PORT", opt_quote(text));
	if (strncmp(text, "unix:", 5) == 0)
		return opt_misuse(failure, "'%s' is no TARGET: a UNIX path stands alone, %s",
		    opt_quote(text), opt_quote(text + 5));
	return opt_misuse(failure,
	    "'%s' is no TARGET: nothing follows HOST:PORT (a path with a ':' before its first '/' "
	    "begins with ./)",
	    opt_quote(text));
}

/* Is it a path, or HOST:PORT?  0, or -1 and the failure. */
static int
find_kind(const char *text, bool *is_path, struct failure *failure)
{
	const char *slash = strchr(text, '/'), *colon = strchr(text, ':'),
		   *file = strstr(text, ":@");

	*is_path = text[0] == '@' || (slash != NULL && (file == NULL || file > slash));
	if (*is_path && text[0] != '@' && colon != NULL && colon < slash)
		return refuse_mixture(text, slash, failure);
	return 0;
}

/* A file or directory at the path will not become a socket. */
static int
check_path(const char *path, struct failure *failure)
{
	struct stat st;

	if (path[0] == '@' || stat(path, &st) == -1 ||
	    !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return 0;
	return opt_misuse(failure, "%s is no UNIX socket but a %s (sockwait runs no command)", path,
	    S_ISDIR(st.st_mode) ? "directory" : "file");
}

static int
check_host_and_port(const struct address_flags *flags, const char *text, struct failure *failure)
{
	const char *colon = strchr(text, ':');

	if (strncasecmp(text, "tcp:", 4) == 0)
		return opt_misuse(
		    failure, "'%s' is no TARGET: leave tcp: out, it is HOST:PORT", opt_quote(text));
	if (colon != NULL && text[0] != '[' && strchr(colon + 1, ':') != NULL &&
	    strncmp(colon, ":@", 2) != 0)
		return opt_misuse(failure,
		    "'%s' is no TARGET: an IPv6 address has brackets, [V6]:PORT", opt_quote(text));
	if (colon == text)
		return opt_misuse(
		    failure, "HOST is missing in '%s': a TARGET is HOST:PORT", opt_quote(text));
	if (operand_has_port(flags, text))
		return 0;
	return opt_misuse(failure, "'%s' is no TARGET, which is " TARGET_FORMS, opt_quote(text));
}

int
target_parse(struct endpoint *endpoint, const struct address_flags *flags, char *text,
    struct failure *failure)
{
	struct address_flags its_flags = *flags;

	if (*text == '\0')
		return opt_misuse(failure, "a TARGET is empty: it is " TARGET_FORMS);
	if (find_kind(text, &its_flags.is_unix, failure) == -1)
		return -1;
	if (!its_flags.is_unix && check_host_and_port(&its_flags, text, failure) == -1)
		return -1;
	return endpoint_parse(endpoint, &its_flags, &text, 1, false, failure);
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

/* The number of PORT, or -1 and the failure.  A name that is not a service now will not become
 * one. */
static int
port_of(const struct endpoint *endpoint, const struct address_flags *flags, struct failure *failure)
{
	struct sku_error err;
	int port = sku_port_from_text(endpoint->port, "tcp", flags->numeric, &err);

	if (port != -1)
		return port;
	if (err.kind == SKU_ERR_SYSTEM && err.code != EINVAL)
		return failure_library(failure, &err); /* the database cannot be read */
	return opt_misuse(failure,
	    "there is no service '%s': PORT is a number from 1 to 65535, or the name of a service",
	    opt_quote(endpoint->port));
}

/* The place that a target means, in one spelling; NULL and the failure. */
static char *
find_place(struct target *target, const struct address_flags *flags, struct failure *failure)
{
	const struct endpoint *endpoint = &target->endpoint;
	char host[SKU_HOST_MAX], *place = NULL;
	int len, port;

	if (endpoint->path != NULL) {
		if (check_path(endpoint->path, failure) == -1)
			return NULL;
		place = strdup(endpoint->path);
		len = place != NULL ? 0 : -1;
	} else if (endpoint->port_file != NULL) {
		(void)host_of(endpoint, host, &target->needs_lookup);
		len = asprintf(&place, "[%s]:%s", host, endpoint->port);
	} else {
		(void)host_of(endpoint, host, &target->needs_lookup);
		port = port_of(endpoint, flags, failure);
		if (port == -1)
			return NULL;
		len = asprintf(&place, "[%s]:%d", host, port);
	}
	if (len != -1)
		return place;
	(void)failure_errno(failure, ENOMEM, "read the TARGETs");
	return NULL;
}

static int
parse(struct target *target, const struct address_flags *flags, char *text, struct failure *failure)
{
	target->text = text;
	if (target_parse(&target->endpoint, flags, text, failure) == -1)
		return -1;
	target->place = find_place(target, flags, failure);
	return target->place != NULL ? 0 : -1;
}

/* Order by place, and within a place as they were typed. */
static int
compare(const void *a, const void *b)
{
	const struct target *left = *(struct target *const *)a, *right = *(struct target *const *)b;
	int order = strcmp(left->place, right->place);

	return order != 0 ? order : (left > right) - (left < right);
}

static int
join(struct target *targets, size_t count, struct failure *failure)
{
	struct target **sorted = calloc(count, sizeof(*sorted));

	if (sorted == NULL)
		return failure_errno(failure, ENOMEM, "read the TARGETs");
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
targets_parse(struct target *targets, const struct address_flags *flags, char *const *operands,
    size_t count, struct failure *failure)
{
	for (size_t i = 0; i < count; i++) {
		if (parse(&targets[i], flags, operands[i], failure) == -1)
			return -1;
	}
	return join(targets, count, failure);
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
