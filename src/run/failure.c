/* failure.c - why something failed, kept until whoever is outermost reports it.
 * Row run. */
#include "run/failure.h"

#include "run/event.h"
#include "run/message.h"
#include "run/peer.h"
#include "run/run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 5, 0))) static void
set(struct failure *failure, enum status status, int errnum, const char *message,
    const char *format, va_list args)
{
	const struct sku_error error = { .kind = SKU_ERR_SYSTEM, .code = errnum };

	if (failure->status != STATUS_OK)
		return;
	failure->status = (int)status;
	failure->errnum = errnum;
	(void)snprintf(failure->message, sizeof(failure->message), "%s",
	    message != NULL ? message : sku_error_reason(&error));
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
	/* EAGAIN has the words of a non-blocking socket only where there is one. */
	const char *message = errnum == EAGAIN ? strerror(errnum) : NULL;
	va_list args;

	va_start(args, action_format);
	set(failure, STATUS_FAILED, errnum, message, action_format, args);
	va_end(args);
	return -1;
}

int
failure_peer(struct failure *failure, int errnum, const char *action_format, ...)
{
	va_list args;

	va_start(args, action_format);
	set(failure, status_of_errno(errnum), errnum, NULL, action_format, args);
	va_end(args);
	return -1;
}

int
failure_library(struct failure *failure, const struct sku_error *error)
{
	char message[256];
	int n = snprintf(message, sizeof(message), "%s", sku_error_reason(error));

	if (error->addresses > 1 && n > 0 && (size_t)n < sizeof(message))
		(void)snprintf(message + n, sizeof(message) - (size_t)n, " (%u addresses tried)",
		    error->addresses);
	return failure_set(failure, status_of(error),
	    error->kind == SKU_ERR_SYSTEM ? error->code : 0, message, "%s", error->context);
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
	/* Not the pages behind. */
	failure->status = STATUS_OK;
	failure->errnum = 0;
	failure->message[0] = failure->action[0] = '\0';
}

int
failure_report(const struct failure *failure)
{
	return msg_error(
	    (enum status)failure->status, failure->errnum, failure->message, "%s", failure->action);
}

void
failure_note(const struct failure *failure, const struct sku_address *peer)
{
	msg_error_line(failure->message, "%s", failure->action);
	if (run.json) {
		json_t *record = event_new("failed");

		peer_json(record, peer);
		event_add(record, "error",
		    event_error((enum status)failure->status, failure->errnum, failure->message,
			failure->action));
		event_emit(record);
	}
}
