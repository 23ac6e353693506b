/* outlet.h - a FILE that is written directly: standard output, a FIFO or a device. */
#ifndef RECV_OUTLET_H
#define RECV_OUTLET_H

#include "run/escape.h"
#include "run/failure.h"
#include "run/output.h"

#include <stdint.h>
#include <sys/stat.h>

struct outlet {
	struct output output;
	struct escape_rest rest; /* of a character, for a terminal */
	bool opened;
	bool exclusive; /* a block device that nobody else may have */
	int64_t room;	/* bytes that fit; -1: nobody knows */
};

#define OUTLET_INIT                                                                                \
	{                                                                                          \
		.output = { .fd = -1 }, .room = -1                                                 \
	}

/* Before anything is received: may it be written to, is it in use, and how much fits?  0, or -1 and
 * the failure.  force takes what is in use. */
int outlet_inspect(struct outlet *outlet, int dir_fd, const char *name, const char *shown,
    const struct stat *st, bool force, struct failure *failure);
/* Open it.  A FIFO without a reader is waited for: --timeout.  follow: the name is a link of
 * /proc/PID/fd. */
int outlet_open(struct outlet *outlet, int dir_fd, const char *name, const char *shown, bool follow,
    struct failure *failure);
void outlet_open_stdout(struct outlet *outlet);
/* All of it, or a failure; written counts what went. */
int outlet_write(struct outlet *outlet, const char *shown, const char *bytes, size_t len,
    int64_t *written, struct failure *failure);
/* What a device has is flushed; nothing more is written. */
int outlet_flush(struct outlet *outlet, const char *shown, struct failure *failure);
void outlet_close(struct outlet *outlet);

/* The file that a link such as /dev/stdout or /dev/fd/9 (a descriptor of some process, in the end)
 * is found by: its directory, which is of /proc, for the caller to close, and its name there; or
 * -1, if the link is none of those. */
int outlet_find_descriptor(int dir_fd, const char *link, char *name, size_t size);
/* Is this directory, or what is in it, that of devices or of processes? */
bool outlet_is_system_directory(int dir_fd);

#endif
