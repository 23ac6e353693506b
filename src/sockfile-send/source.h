/* source.h - FILE: what of it is sent, and the steps of sending it. */
#ifndef SEND_SOURCE_H
#define SEND_SOURCE_H

#include "run/failure.h"
#include "sockfile-send/config.h"

#include <sys/stat.h>

struct source {
	int fd;
	const char *name; /* for messages */
	bool seekable;	  /* it can be read at any place, any number of times */
	bool is_pipe;
	int64_t start;	    /* the first byte's place in the file */
	int64_t count;	    /* as asked for; SKU_SENDFILE_ALL */
	int64_t length;	    /* bytes to send; SIZE_UNKNOWN: to the end */
	struct stat opened; /* as it was */
	int64_t skip_left;  /* what cannot seek: bytes up to --offset */
	char *buf;	    /* read, and not sent yet: from buf_start to buf_end */
	size_t buf_start, buf_end;
	const char *mark;  /* what it must end with, which is not sent */
	size_t mark_len;   /* 0: none */
	bool consumed;	   /* bytes of what can be read once are gone */
	bool is_cut_short; /* it has ended, and not with the mark */
};

#define SOURCE_INIT                                                                                \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* The FILE of that index, for people. */
const char *source_name(const struct send_config *config, size_t index);
/* Open the FILE of that index ("-": standard input, from where it stands): 0, or -1 and the
 * failure.  Close with source_close() in both cases. */
int source_open(
    struct source *source, const struct send_config *config, size_t index, struct failure *failure);
/* Take its descriptor, for the caller to close, and close the rest. */
int source_take(struct source *source);
void source_close(struct source *source);
/* Is it so little, and all of it in memory, that to read it cannot hang? */
bool source_is_at_hand(const struct source *source);
/* The bytes of a regular file or a block device; SIZE_UNKNOWN of anything else. */
int64_t source_size(int fd, const struct stat *st);

enum source_result {
	SOURCE_SENT,	    /* *sent bytes */
	SOURCE_BLOCKED,	    /* the socket takes no more for now; *sent may be above 0 */
	SOURCE_WAIT,	    /* there is nothing to read yet: poll source->fd */
	SOURCE_ENDED,	    /* the end of the file; *sent may be above 0 */
	SOURCE_READ_FAILED, /* errno; *sent may be above 0 */
	SOURCE_PEER_FAILED, /* errno; *sent may be above 0 */
};

/* Send at most `max` of the bytes that follow the first `done`, on a non-blocking socket. */
enum source_result source_send(
    struct source *source, struct sku_sock *s, int64_t done, size_t max, int64_t *sent);
/* Read up to len of the bytes that follow the first `done` into buf, without blocking where it can:
 * SOURCE_SENT and *got (for what is read here is as good as sent), SOURCE_WAIT, SOURCE_ENDED or
 * SOURCE_READ_FAILED. */
enum source_result source_read(
    struct source *source, int64_t done, void *buf, size_t len, size_t *got);

enum source_change {
	SOURCE_SAME,
	SOURCE_CHANGED,	      /* its size or its modification time moved since it was opened */
	SOURCE_MORE,	      /* neither did, but there is a byte behind its size */
	SOURCE_LOOKUP_FAILED, /* errno */
};
/* Behind the first `done` bytes, which are all that were to be sent. */
enum source_change source_look_for_change(const struct source *source, int64_t done);
/* Was all sent that should be?  0, or -1 and the failure (5): the file was cut short. */
int source_check_end(const struct source *source, int64_t done, struct failure *failure);
/* It has ended early, or has more, or has changed: the failure (5).  Returns -1. */
int source_fail_changed(
    const struct source *source, int64_t done, enum source_change change, struct failure *failure);
/* A note, if there is more in the file than its size said when it was opened. */
void source_note_more(const struct source *source, int64_t done);

#endif
