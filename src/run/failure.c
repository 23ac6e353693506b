/* failure.c - why something failed, kept until the outermost function reports it.
 * Row run. */
#include "run/failure.h"

#include "run/event.h"
#include "run/message.h"
#include "run/output.h"
#include "run/run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 5, 0))) static void
set(struct failure *failure, enum status status, int errnum, const char *message,
    const char *format, va_list args)
{
	if (failure->status != STATUS_OK)
		return;
	failure->status = (int)status;
	failure->errnum = errnum;
	failure->is_told = false;
	(void)snprintf(failure->message, sizeof(failure->message), "%s",
	    message != NULL ? message : sku_reason(errnum));
	(void)vsnprintf(failure->action, sizeof(failure->action), format, args);
}

int
failure_set(struct failure *failure, enum status status, int errnum, const char *message,
    const char *action_format, ...)
{
	va_list args;

	va_start(args, action_format);
	set(failure, status, errnum, message, action_format, args);
	va_end(args);
	return -1;
}

int
failure_errno(struct failure *failure, int errnum, const char *action_format, ...)
{
	/* sku_reason() words EAGAIN for a non-blocking socket, and here there is none. */
	const char *message = errnum == EAGAIN ? strerror(errnum) : NULL;
	va_list args;

	va_start(args, action_format);
	set(failure, STATUS_FAILED, errnum, message, action_format, args);
	va_end(args);
	return -1;
}

/* A message that says more than strerror(3): which limit passed, or that a connection has no local
 * address.  NULL: none. */
static const char *
words_for_connection(int errnum)
{
	switch (errnum) {
	case ETIMEDOUT:
		return run_time_out();
	case EADDRNOTAVAIL:
		return "Cannot assign requested address (no free local port, or no local address "
		       "of that family)";
	default:
		return NULL;
	}
}

int
failure_peer(struct failure *failure, int errnum, const char *action_format, ...)
{
	va_list args;

	va_start(args, action_format);
	set(failure, status_of_errno(errnum), errnum, words_for_connection(errnum), action_format,
	    args);
	va_end(args);
	return -1;
}

int
failure_library(struct failure *failure, const struct sku_error *error)
{
	const char *words = error->kind == SKU_ERR_SYSTEM && !error->source ?
				words_for_connection(error->code) :
				NULL;
	bool is_first = failure->status == STATUS_OK;

	(void)failure_set(failure, status_of(error),
	    error->kind == SKU_ERR_SYSTEM ? error->code : 0,
	    words != NULL ? words : sku_error_reason(error), "%s", error->context);
	if (is_first)
		failure_tried(failure, error->addresses);
	return -1;
}

void
failure_tried(struct failure *failure, size_t addresses)
{
	size_t len = strlen(failure->message);

	if (addresses > 1)
		(void)snprintf(failure->message + len, sizeof(failure->message) - len,
		    " (%zu addresses tried)", addresses);
}

void
failure_add(struct failure *failure, const char *format, ...)
{
	size_t len = strlen(failure->message);
	va_list args;

	if (len + 3 >= sizeof(failure->message))
		return;
	(void)memcpy(failure->message + len, "; ", 3);
	va_start(args, format);
	(void)vsnprintf(
	    failure->message + len + 2, sizeof(failure->message) - len - 2, format, args);
	va_end(args);
}

void
failure_clear(struct failure *failure)
{
	failure->status = STATUS_OK;
	failure->errnum = 0;
	failure->is_told = false;
}

static struct event_error
error_of(const struct failure *failure)
{
	return (struct event_error){ (enum status)failure->status, failure->errnum,
		failure->message, failure->action, NULL };
}

int
failure_report(const struct failure *failure)
{
	const struct event_error error = error_of(failure);

	if (!failure->is_told)
		EVENT_RECORD(NULL, EVENT_ERROR(&error));
	return failure->status;
}

void
failure_note_file(const struct failure *failure, const char *name, const struct sku_address *peer)
{
	const struct event_error error = error_of(failure);

	EVENT_RECORD("failed", EVENT_TEXT("name", name), EVENT_PEER(peer), EVENT_ERROR(&error));
}

void
failure_note(const struct failure *failure, const struct sku_address *peer)
{
	failure_note_file(failure, NULL, peer);
}

int
failure_report_usage(const char *message)
{
	const struct event_error error = { STATUS_USAGE, 0, message, NULL, NULL };

	EVENT_RECORD(NULL, EVENT_ERROR(&error));
	if (!msg_is_record_enough())
		msg_text("Try '%s --help' for more information.\n", run.program);
	return STATUS_USAGE;
}

int
failure_report_output(void)
{
	static ASIDE struct failure failure;
	int status;

	if (output_flush(&failure) == 0)
		return STATUS_OK;
	status = failure_report(&failure);
	failure_clear(&failure);
	return status;
}
