/* source.h - FILE: which bytes of it are sent, and the steps of sending them. */
#ifndef SEND_SOURCE_H
#define SEND_SOURCE_H

#include "run/failure.h"
#include "sockfile-send/config.h"

#include <sys/stat.h>

struct source {
	int fd;
	const char *name; /* for messages */
	bool seekable;	  /* it can be read at any offset, any number of times */
	bool is_pipe;
	int64_t start;		      /* the offset of the first byte to send */
	int64_t count;		      /* --count; or SKU_SENDFILE_ALL */
	int64_t length;		      /* bytes to send; SIZE_UNKNOWN: to the end */
	struct stat opened;	      /* its state when it was opened */
	bool is_sparse;		      /* it may have holes */
	bool shares_offset;	      /* others use the offset of its descriptor, too */
	int64_t data_start, data_end; /* the last data that were looked for, from start */
	int64_t skip_left;	      /* if not seekable: bytes left up to --offset */
	char *buf;		      /* read, and not sent yet: from buf_start to buf_end */
	size_t buf_start, buf_end;
	const char *mark;  /* the end mark, which is not sent */
	size_t mark_len;   /* 0: none */
	bool consumed;	   /* it can be read only once, and bytes are gone */
	bool is_cut_short; /* it has ended without the mark */
};

#define SOURCE_INIT                                                                                \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* The name of the FILE of that index, for messages. */
const char *source_name(const struct send_config *config, size_t index);
/* Open the FILE of that index ("-": standard input, from its present offset): 0, or -1 and the
 * failure.  Call source_close() in both cases. */
int source_open(
    struct source *source, const struct send_config *config, size_t index, struct failure *failure);
/* Close the source, but return its descriptor, which the caller closes. */
int source_take(struct source *source);
void source_close(struct source *source);
/* Is it so short, and in memory, that reading it cannot hang? */
bool source_is_at_hand(const struct source *source);
/* The size of a regular file or a block device, in bytes; SIZE_UNKNOWN for anything else. */
int64_t source_size(int fd, const struct stat *st);

enum source_result {
	SOURCE_SENT,	    /* *sent bytes */
	SOURCE_BLOCKED,	    /* the socket is full; *sent may be above 0 */
	SOURCE_WAIT,	    /* there is nothing to read yet: poll source->fd */
	SOURCE_ENDED,	    /* the end of the file; *sent may be above 0 */
	SOURCE_READ_FAILED, /* errno; *sent may be above 0 */
	SOURCE_PEER_FAILED, /* errno; *sent may be above 0 */
};

/* Send at most `max` of the bytes that follow the first `done`, on a non-blocking socket. */
enum source_result source_send(
    struct source *source, struct sku_sock *s, int64_t done, size_t max, int64_t *sent);
/* Read up to len of the bytes that follow the first `done` into buf, without blocking if possible.
 * Returns SOURCE_SENT (read) and *got, SOURCE_WAIT, SOURCE_ENDED or SOURCE_READ_FAILED. */
enum source_result source_read(
    struct source *source, int64_t done, void *buf, size_t len, size_t *got);

/* How many of the bytes that follow the first `done` are data, before the next hole: 0 if a hole
 * follows, of *hole bytes; INT64_MAX if there is none. */
int64_t source_look_for_hole(struct source *source, int64_t done, int64_t *hole);

enum source_change {
	SOURCE_SAME,
	SOURCE_CHANGED,	      /* its size or modification time changed since it was opened */
	SOURCE_MORE,	      /* neither has, but there is a byte behind its size */
	SOURCE_LOOKUP_FAILED, /* errno */
};
/* Has the file changed?  The first `done` bytes are all that were to be sent. */
enum source_change source_look_for_change(const struct source *source, int64_t done);
/* Are the first `done` bytes all that its length says? */
bool source_is_at_end(const struct source *source, int64_t done);
/* Was all sent that should be?  0, or -1 and the failure (status 5): the file was cut short. */
int source_check_end(const struct source *source, int64_t done, struct failure *failure);
/* Fill the failure (status 5): the file has ended early, has more bytes, or has changed.  Returns
 * -1. */
int source_fail_changed(
    const struct source *source, int64_t done, enum source_change change, struct failure *failure);
/* Print a note if the file has more bytes than its size said when it was opened. */
void source_note_more(const struct source *source, int64_t done);

#endif
