/* status.c - the exit statuses of every program, and their names in records.
 * Row run. */
#include "run/status.h"

#include <errno.h>

enum status
status_of_errno(int errnum)
{
	switch (errnum) {
	case ETIMEDOUT:
		return STATUS_TIMED_OUT;
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
	/* there is no port, or no address, to connect from */
	case EADDRINUSE:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
		return STATUS_NO_PEER;
	default:
		return STATUS_FAILED;
	}
}

enum status
status_of(const struct sku_error *err)
{
	/* The source address that was asked for is not one of this machine's. */
	if (err->source && (err->code == EADDRNOTAVAIL || err->code == EAFNOSUPPORT))
		return STATUS_FAILED;
	/* The interface of the zone is gone, but may come back. */
	if (err->kind == SKU_ERR_SYSTEM && err->code == ENODEV)
		return STATUS_NO_PEER;
	if (err->kind == SKU_ERR_SYSTEM)
		return status_of_errno(err->code);
	switch (err->code) {
	case EAI_NONAME:
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
	case EAI_FAMILY:
	case EAI_SERVICE:
		return STATUS_NOT_FOUND;
	case EAI_AGAIN:
		return STATUS_TRY_AGAIN;
	default:
		return STATUS_FAILED;
	}
}

const char *
status_code(enum status status)
{
	switch (status) {
	case STATUS_USAGE:
		return "invalid";
	case STATUS_NOT_FOUND:
		return "not_found";
	case STATUS_TRY_AGAIN:
		return "try_again";
	case STATUS_MISMATCH:
		return "mismatch";
	case STATUS_NO_PEER:
		return "no_peer";
	case STATUS_TIMED_OUT:
		return "timed_out";
	case STATUS_OK:
	case STATUS_FAILED:
		break;
	}
	return "failed";
}
