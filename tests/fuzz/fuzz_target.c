/* fuzz_target.c - TARGET of sockwait, compared with a second parser, which was written from the
 * manual: which texts are accepted, and what HOST, PORT or path they are.  What depends on the
 * machine, the interface of a zone, is left out. */
#include "sockwait/targets.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PATH_BYTES 108
#define TEXT_BYTES 1100

/* The parts of a TARGET: a path alone, or both others. */
struct parts {
	char *path, *host, *port;
	bool brackets;
};

/* HOST ends before the last ':', or before PORT as @FILE. */
static bool
split(char *text, struct parts *parts)
{
	char *colon, *slash = strchr(text, '/'), *file = strstr(text, ":@");

	*parts = (struct parts){ 0 };
	if (text[0] == '@' || (slash != NULL && (file == NULL || slash < file))) {
		parts->path = text;
		return text[0] == '@' || memchr(text, ':', (size_t)(slash - text)) == NULL;
	}
	parts->brackets = text[0] == '[' && strchr(text, ']') != NULL;
	if (parts->brackets)
		colon = strchr(text, ']') + 1;
	else
		colon = file != NULL ? file : strrchr(text, ':');
	if (colon == NULL || *colon != ':' || colon == text)
		return false;
	if (!parts->brackets && file == NULL && strchr(text, ':') != colon)
		return false;
	*colon = '\0';
	if (parts->brackets)
		colon[-1] = '\0';
	parts->host = text + parts->brackets;
	parts->port = colon + 1;
	return true;
}

/* socat's words for an address, which HOST would be here. */
static bool
is_of_socat(const char *host)
{
	static const char *const kinds[] = { "tcp", "udp", "unix" };

	for (size_t i = 0; i < 3; i++) {
		size_t len = strlen(kinds[i]);

		if (strncasecmp(host, kinds[i], len) != 0)
			continue;
		host += len;
		host += strspn(host, "46");
		return *host == '\0' || strcasecmp(host, "-listen") == 0 ||
		       strcasecmp(host, "-connect") == 0;
	}
	return false;
}

static bool
is_v6(const char *host)
{
	struct in6_addr in6;

	if (inet_pton(AF_INET6, host, &in6) != 1)
		return false;
	/* fe80::/10, and multicast of an interface or a link, would need a zone */
	if (in6.s6_addr[0] == 0xfe && (in6.s6_addr[1] & 0xc0) == 0x80)
		return false;
	return in6.s6_addr[0] != 0xff ||
	       ((in6.s6_addr[1] & 0xf) != 1 && (in6.s6_addr[1] & 0xf) != 2);
}

static bool
is_name(const char *host)
{
	size_t label = 0, len = strlen(host);
	bool ascii = true, too_long = len > 253u + (len > 0 && host[len - 1] == '.');

	for (const char *p = host; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if (c <= ' ' || c == 0x7f || strchr("/\\\"'@:", c) != NULL)
			return false;
		if (c == '.' && label == 0)
			return false;
		label = c == '.' ? 0 : label + 1;
		too_long = too_long || label > 63;
		ascii = ascii && c < 0x80;
	}
	return len > 0 && !(ascii && too_long) && strcmp(host, "*") != 0;
}

static bool
is_host(const struct parts *parts)
{
	const char *host = parts->host;
	struct in_addr in;

	if (parts->brackets)
		return is_v6(host);
	if (strlen(host) >= TEXT_BYTES || is_of_socat(host))
		return false;
	if (strpbrk(host, " \t\n\v\f\r") == NULL && inet_aton(host, &in) == 1)
		return true;
	return host[strspn(host, "0123456789.")] != '\0' && is_name(host);
}

static bool
is_port(const char *port)
{
	const char *digits = port;

	if (*port == '@')
		return port[1] != '\0';
	if (strlen(port) >= TEXT_BYTES || *port == '\0')
		return false;
	if (port[strspn(port, "0123456789")] != '\0') { /* the name of a service */
		for (const char *p = port; *p != '\0'; p++) {
			if (isspace((unsigned char)*p) || *p == '@')
				return false;
		}
		return *port != '+' && *port != '-';
	}
	while (*digits == '0')
		digits++;
	return *digits != '\0' && strlen(digits) <= 5 && atoi(digits) <= 65535;
}

static bool
is_right(char *text, struct parts *parts)
{
	if (!split(text, parts))
		return false;
	if (parts->path != NULL)
		return strlen(parts->path) <= PATH_BYTES && strcmp(parts->path, "@") != 0;
	return is_host(parts) && is_port(parts->port);
}

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct address_flags flags = { 0 };
	struct endpoint endpoint;
	struct failure failure = { 0 };
	struct parts parts;
	char *text, *mine;
	bool accepted, right;

	if (memchr(data, '%', size) != NULL)
		return 0;
	text = strndup((const char *)data, size);
	mine = text != NULL ? strdup(text) : NULL;
	if (mine != NULL) {
		accepted = target_parse(&endpoint, &flags, text, &failure) == 0;
		right = is_right(mine, &parts);
		if (accepted != right || (failure.status == STATUS_OK) != accepted)
			abort();
		if (accepted &&
		    !(is_same(endpoint.path, parts.path) && is_same(endpoint.host, parts.host) &&
			is_same(endpoint.port, parts.port)))
			abort();
	}
	free(mine);
	free(text);
	return 0;
}
