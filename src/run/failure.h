/* failure.h - why something failed, kept until whoever is outermost reports it.
 *
 * A function that can fail returns 0, or -1 and fills a struct failure; the first cause stays, what
 * follows is its consequence.
 *
 * It is larger than a page, and nearly always nothing is in it.  What is done once in the life of a
 * program has one that is static, and ASIDE: its pages are not touched where nothing fails. */
#ifndef RUN_FAILURE_H
#define RUN_FAILURE_H

#include "libsockutil/sockutil.h"
#include "run/aside.h"
#include "run/status.h"

#include <limits.h>
#include <stdbool.h>

/* Room for the longest path or the longest host, and the words around them. */
#define FAILURE_ACTION_MAX (PATH_MAX + SKU_ERROR_CONTEXT_MAX)

struct failure {
	int status;			 /* an enum status; STATUS_OK: there is none */
	int errnum;			 /* 0: none */
	bool is_told;			 /* it has been reported already */
	char message[400];		 /* why */
	char action[FAILURE_ACTION_MAX]; /* what was tried */
};

/* message NULL: the words for errnum.  Each of these returns -1. */
__attribute__((format(printf, 5, 6))) int failure_set(struct failure *failure, enum status status,
    int errnum, const char *message, const char *action_format, ...);
/* A system call that concerns no peer: status 1. */
__attribute__((format(printf, 3, 4))) int failure_errno(
    struct failure *failure, int errnum, const char *action_format, ...);
/* A system call on a connection: the status follows from errnum. */
__attribute__((format(printf, 3, 4))) int failure_peer(
    struct failure *failure, int errnum, const char *action_format, ...);
int failure_library(struct failure *failure, const struct sku_error *error);
/* Append to the message how many addresses were tried, if there were several. */
void failure_tried(struct failure *failure, size_t addresses);
/* Append "; …" to the message. */
__attribute__((format(printf, 2, 3))) void failure_add(
    struct failure *failure, const char *format, ...);
/* Clear the failure.  Its texts stay as they are: they are long. */
void failure_clear(struct failure *failure);

/* Report a failure that ends the program, with the error's line and record, unless it has been
 * reported.  Returns the status. */
int failure_report(const struct failure *failure);
/* Report a failure after which the program goes on: the line, and with --json the event `failed`,
 * about that peer. */
void failure_note(const struct failure *failure, const struct sku_address *peer);
/* The same about one of several files, which the event names; NULL: about none. */
void failure_note_file(
    const struct failure *failure, const char *name, const struct sku_address *peer);
/* Report a usage error: its lines (`PROGRAM: MESSAGE`, and how to get help) and its record. */
int failure_report_usage(const char *message);
/* Write standard output, and report its failure: the status.  For main alone. */
int failure_report_output(void);

#endif
