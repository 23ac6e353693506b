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
fail(struct transfer_failure *failure, enum cli_status status, int errnum, const char *message,
    const char *format, va_list args)
{
	const struct sku_error err = { .kind = SKU_ERR_SYSTEM, .code = errnum };

	if (failure->status == CLI_OK) {
		failure->status = (int)status;
		failure->errnum = errnum;
		(void)snprintf(failure->message, sizeof(failure->message), "%s",
		    message != NULL ? message : sku_error_reason(&err));
		(void)vsnprintf(failure->during, sizeof(failure->during), format, args);
	}
	return failure->status;
}

int
transfer_fail(struct transfer_failure *failure, enum cli_status status, int errnum,
    const char *message, const char *during_format, ...)
{
	va_list args;
	int result;

	va_start(args, during_format);
	result = fail(failure, status, errnum, message, during_format, args);
	va_end(args);
	return result;
}

int
transfer_fail_peer(struct transfer_failure *failure, int errnum, const struct sku_deadline *run,
    const char *during_format, ...)
{
	bool over = errnum == ETIMEDOUT && sku_deadline_passed(*run);
	va_list args;
	int result;

	va_start(args, during_format);
	result = fail(failure, cli_status_of_errno(errnum), errnum,
	    over		? "timed out (--max-time)" :
	    errnum == ECANCELED ? "interrupted" :
				  NULL,
	    during_format, args);
	va_end(args);
	return result;
}

void
transfer_failure_add(struct transfer_failure *failure, const char *format, ...)
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
transfer_failure_error(const struct transfer_failure *failure)
{
	return cli_error((enum cli_status)failure->status, failure->errnum, failure->message, "%s",
	    failure->during);
}

void
transfer_failure_note(const struct transfer_failure *failure, const struct sku_address *peer)
{
	cli_say_error(failure->message, "%s", failure->during);
	if (cli_voice.json) {
		json_t *record = cli_record("failed");

		cli_record_peer(record, peer);
		cli_record_add(record, "error",
		    cli_record_error((enum cli_status)failure->status, failure->errnum,
			failure->message, failure->during));
		cli_record_emit(record);
	}
}
