/* error.c - what failed and why, kept for a caller to print.
 * Row 0: nothing of ours below it. */
#include "libsockutil/sockutil.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
sku_error_set(struct sku_error *err, enum sku_error_kind kind, int code, const char *format, ...)
{
	va_list args;

	if (err != NULL) {
		err->kind = kind;
		err->code = code;
		err->addresses = 0;
		err->source = false;
		va_start(args, format);
		/* A context that is too long is cut. */
		(void)vsnprintf(err->context, sizeof(err->context), format, args);
		va_end(args);
	}
	errno = kind == SKU_ERR_SYSTEM ? code : EHOSTUNREACH;
}

const char *
sku_reason(int error)
{
	switch (error) {
	case ETIMEDOUT:
		return "timed out";
	case EAGAIN:
		return "Operation would block";
	case ENODATA:
		return "the stream ended early";
	case EPROTOTYPE: /* of a UNIX path; the text of the C library does not say what is wrong */
		return "the socket there is of another type (streams or datagrams)";
	default:
		return strerror(error);
	}
}

const char *
sku_error_reason(const struct sku_error *err)
{
	switch (err->kind) {
	case SKU_ERR_SYSTEM:
		if (err->code == ENODEV)
			return "no such interface";
		/* No operation of the non-blocking mode has a struct sku_error.  EAGAIN means that
		 * there is no thread, or no room in a backlog. */
		return err->code == EAGAIN ? strerror(EAGAIN) : sku_reason(err->code);
	case SKU_ERR_RESOLVE:
		/* glibc has no words for EAI_OVERFLOW. */
		return err->code == EAI_SERVICE	 ? "no such service" :
		       err->code == EAI_OVERFLOW ? "the buffer is too short" :
						   gai_strerror(err->code);
	case SKU_ERR_NONE:
		break;
	}
	return "no error";
}
