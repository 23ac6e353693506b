/* failure.c - why a transfer failed, kept until there is more to say about it.
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

__attribute__((format(printf, 5, 0))) static int
set_first(struct failure *failure, enum status status, int errnum, const char *message,
    const char *format, va_list args)
{
	const struct sku_error err = { .kind = SKU_ERR_SYSTEM, .code = errnum };

	if (failure->status == STATUS_OK) {
		failure->status = (int)status;
		failure->errnum = errnum;
		(void)snprintf(failure->message, sizeof(failure->message), "%s",
		    message != NULL ? message : sku_error_reason(&err));
		(void)vsnprintf(failure->during, sizeof(failure->during), format, args);
	}
	return failure->status;
}

int
failure_set(struct failure *failure, enum status status, int errnum, const char *message,
    const char *during_format, ...)
{
	va_list args;
	int result;

	va_start(args, during_format);
	result = set_first(failure, status, errnum, message, during_format, args);
	va_end(args);
	return result;
}

int
failure_errno(struct failure *failure, int errnum, const struct sku_deadline *run_deadline,
    const char *during_format, ...)
{
	bool over = errnum == ETIMEDOUT && sku_deadline_passed(*run_deadline);
	va_list args;
	int result;

	va_start(args, during_format);
	result = set_first(failure, status_of_errno(errnum), errnum,
	    over		? "timed out (--max-time)" :
	    errnum == ECANCELED ? "interrupted" :
				  NULL,
	    during_format, args);
	va_end(args);
	return result;
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

int
failure_report(const struct failure *failure)
{
	return msg_error(
	    (enum status)failure->status, failure->errnum, failure->message, "%s", failure->during);
}

void
failure_note(const struct failure *failure, const struct sku_address *peer)
{
	msg_error_line(failure->message, "%s", failure->during);
	if (run.json) {
		json_t *record = event_new("failed");

		peer_json(record, peer);
		event_add(record, "error",
		    event_error((enum status)failure->status, failure->errnum, failure->message,
			failure->during));
		event_emit(record);
	}
}
