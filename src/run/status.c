/* status.c - the exit statuses of every program, and their words.
 * Row run. */
#include "run/status.h"

#include <errno.h>

enum cli_status
cli_status_of_errno(int errnum)
{
	switch (errnum) {
	case ETIMEDOUT:
		return CLI_TIMED_OUT;
	case ECONNREFUSED:
	case ECONNRESET:
	case ECONNABORTED:
	case EPIPE:
	case ENOTCONN:
	case ENETUNREACH:
	case ENETDOWN:
	case ENETRESET:
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENONET:
	case ENOENT:
		return CLI_NO_PEER;
	default:
		return CLI_FAILED;
	}
}

enum cli_status
cli_status_of(const struct sku_error *err)
{
	if (err->kind == SKU_ERR_SYSTEM)
		return cli_status_of_errno(err->code);
	switch (err->code) {
	case EAI_NONAME:
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
	case EAI_FAMILY:
	case EAI_SERVICE:
		return CLI_NOT_FOUND;
	case EAI_AGAIN:
		return CLI_TRY_AGAIN;
	default:
		return CLI_FAILED;
	}
}

const char *
cli_status_code(enum cli_status status)
{
	switch (status) {
	case CLI_USAGE:
		return "invalid";
	case CLI_NOT_FOUND:
		return "not_found";
	case CLI_TRY_AGAIN:
		return "try_again";
	case CLI_MISMATCH:
		return "mismatch";
	case CLI_NO_PEER:
		return "no_peer";
	case CLI_TIMED_OUT:
		return "timed_out";
	case CLI_OK:
	case CLI_FAILED:
		break;
	}
	return "failed";
}
