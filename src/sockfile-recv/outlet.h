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
	struct escape_rest rest; /* the first bytes of a character, for a terminal */
	bool opened;
	bool exclusive; /* a block device that must not be in use */
	int64_t room;	/* bytes that fit; -1: not known */
};

#define OUTLET_INIT                                                                                \
	{                                                                                          \
		.output = { .fd = -1 }, .room = -1                                                 \
	}

/* Call it before anything is received: may FILE be written to, is it in use, and how much fits?
 * Returns 0, or -1 and the failure.  force: take a device that is in use. */
int outlet_inspect(struct outlet *outlet, int dir_fd, const char *name, const char *shown,
    const struct stat *st, bool force, struct failure *failure);
/* Open FILE.  Waits for the reader of a FIFO, as long as --timeout says.  follow: the name is a
 * link of /proc/PID/fd. */
int outlet_open(struct outlet *outlet, int dir_fd, const char *name, const char *shown, bool follow,
    struct failure *failure);
void outlet_open_stdout(struct outlet *outlet);
/* Write all of it: 0, or -1 and the failure.  *written grows by the bytes that were written. */
int outlet_write(struct outlet *outlet, const char *shown, const char *bytes, size_t len,
    int64_t *written, struct failure *failure);
/* Flush a block device.  Nothing more may be written. */
int outlet_flush(struct outlet *outlet, const char *shown, struct failure *failure);
void outlet_close(struct outlet *outlet);

/* Is it a directory of /proc, where names are those of descriptors? */
bool outlet_is_proc(int dir_fd);
/* Resolve a link to a descriptor of a process, as /dev/stdout or /dev/fd/9.  Returns its directory
 * in /proc, which the caller closes, and its name there; or -1 if it is no such link. */
int outlet_find_descriptor(int dir_fd, const char *link, char *name, size_t size);
/* Is this directory in /proc, or in /dev? */
bool outlet_is_system_directory(int dir_fd);

#endif
