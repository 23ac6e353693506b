/* query.c - what is asked for: a port, a range of ports, or the name of a service.
 * Row tool. */
#include "servlookup/query.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"
#define HEX_DIGITS DIGITS "abcdefABCDEF"
#define NO_PORT "a port is a number from 0 to 65535"

static void
set_error(struct query *q, const char *error)
{
	q->kind = INVALID;
	q->error = error;
}

static bool
parse_port(const char *text, size_t len, unsigned *port)
{
	unsigned long n = 0;

	for (size_t i = 0; i < len; i++) {
		n = n * 10 + (unsigned long)(text[i] - '0');
		if (n > 65535)
			return false;
	}
	*port = (unsigned)n;
	return true;
}

/* Parse PORT, or PORT-PORT if last is not NULL: the text behind the '-'. */
static void
parse_ports(struct query *q, const char *last)
{
	q->kind = last != NULL ? RANGE : BY_PORT;
	if (!parse_port(q->name, strspn(q->name, DIGITS), &q->from) ||
	    !parse_port(last != NULL ? last : q->name,
		strspn(last != NULL ? last : q->name, DIGITS), &q->to))
		set_error(q, NO_PORT);
	else if (q->from > q->to)
		set_error(q, "the range ends before it begins");
}

/* Every registered name has a letter (RFC 6335, section 5.1), and so has every other name in
 * use. */
static bool
has_letter(const char *name)
{
	for (; *name != '\0'; name++) {
		if (isalpha((unsigned char)*name) || (unsigned char)*name >= 0x80)
			return true;
	}
	return false;
}

static bool
is_hexadecimal(const char *name)
{
	return name[0] == '0' && (name[1] == 'x' || name[1] == 'X') && name[2] != '\0' &&
	       name[2 + strspn(name + 2, HEX_DIGITS)] == '\0';
}

static void
parse_name(struct query *q)
{
	size_t digits = strspn(q->name, DIGITS);
	const char *rest = q->name + digits;
	bool signs = (q->name[0] == '-' || q->name[0] == '+') &&
		     q->name[1 + strspn(q->name + 1, DIGITS)] == '\0';

	if (digits > 0 && *rest == '\0')
		parse_ports(q, NULL);
	else if (digits > 0 && *rest == '-' && rest[1] != '\0' &&
		 rest[1 + strspn(rest + 1, DIGITS)] == '\0')
		parse_ports(q, rest + 1);
	else if (signs)
		set_error(q, NO_PORT);
	else if (is_hexadecimal(q->name))
		set_error(q, "a port is a decimal number");
	else if (strchr(q->name, ',') != NULL)
		set_error(q, "several queries are words of their own, without commas");
	else if (!has_letter(q->name))
		set_error(q, "it is neither a port, nor a range PORT-PORT, nor a name");
	else
		q->kind = BY_NAME;
}

/* What is wrong with the form of a query (PORT, PORT-PORT or NAME, maybe with /PROTO), or NULL. */
static const char *
fault_of_form(const char *text, size_t len, const char *proto)
{
	bool is_number = proto != NULL && proto[strspn(proto, DIGITS)] == '\0';

	if (text[strcspn(text, " \t\n\v\f\r")] != '\0')
		return "a query is one word";
	if (strstr(text, "://") != NULL)
		return "it is a URL (give the word before \"://\")";
	if (memchr(text, '/', len) != NULL)
		return "a query has one '/' at most";
	if (is_number && *proto != '\0' && strspn(text, DIGITS "-") < len)
		return "the port comes before the protocol: PORT/PROTO";
	if (proto != NULL && (is_number || strlen(proto) >= sizeof(((struct query *)0)->proto_buf)))
		return "after '/' there is the name of a protocol";
	if (len == 0)
		return "it is empty";
	return len >= sizeof(((struct query *)0)->name) ? "it is too long for a service" : NULL;
}

void
query_parse(struct query *q, const struct input *raw, const char *proto)
{
	const char *slash = strrchr(raw->text, '/');
	size_t len = slash != NULL ? (size_t)(slash - raw->text) : strlen(raw->text);
	const char *fault = raw->error;

	*q = (struct query){ .text = raw->text, .proto = proto };
	if (fault == NULL)
		fault = fault_of_form(raw->text, len, slash != NULL ? slash + 1 : NULL);
	if (fault == NULL && slash != NULL && proto != NULL && strcmp(proto, slash + 1) != 0)
		fault = "its protocol is another than --proto";
	if (fault != NULL) {
		set_error(q, fault);
		return;
	}
	if (slash != NULL) {
		(void)snprintf(q->proto_buf, sizeof(q->proto_buf), "%s", slash + 1);
		q->proto = q->proto_buf;
	}
	memcpy(q->name, raw->text, len);
	parse_name(q);
}
