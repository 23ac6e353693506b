/* target.h - FILE: its part, and how the part becomes FILE, or a stream that is written directly.
 *
 * Everything in the directory happens relative to one descriptor, so that nobody can swap a path in
 * between.  Failures go into a struct failure, for there may be more to say about them. */
#ifndef RECV_TARGET_H
#define RECV_TARGET_H

#include "run/failure.h"
#include "sockfile-recv/outlet.h"
#include "sockfile-recv/place.h"

#include <limits.h>
#include <sys/stat.h>

#define TARGET_SUFFIX ".part"
#define TARGET_NAME_MAX (NAME_MAX - (sizeof(TARGET_SUFFIX) - 1))

enum target_kind {
	TARGET_FILE,
	TARGET_OUTPUT, /* standard output */
	TARGET_DEVICE, /* a FIFO or a device, written to directly; or what a descriptor has open */
};

struct target_options {
	bool force;	 /* replace what stands there */
	bool resume;	 /* continue FILE.part; FILE may be there and be the same */
	mode_t mode;	 /* of FILE in the end; of any new file, unless it */
	bool mode_asked; /* was asked for */
};

struct target {
	enum target_kind kind;
	struct target_options options;
	const char *display_name; /* FILE as typed, for messages */
	struct place *place;	  /* its directory */
	struct place own_place;
	bool is_descriptor; /* the name is a link of /proc/PID/fd, which is followed */
	char name[NAME_MAX + 1];
	char part[NAME_MAX + 1];
	bool exists;	   /* a regular FILE is there */
	int64_t size;	   /* and this is its size */
	struct stat final; /* FILE as it was when it was opened to be compared */
	int fd;		   /* FILE.part, locked; -1: not open */
	int64_t part_size; /* bytes that FILE.part had when it was opened */
	int64_t written;   /* where the next byte goes */
	struct outlet outlet;
	/* FILE is there, but not all that was asked for could be had: that was reported */
	int status; /* an enum status */
};

#define TARGET_INIT                                                                                \
	{                                                                                          \
		.own_place = PLACE_INIT, .fd = -1, .outlet = OUTLET_INIT                           \
	}

/* Look at FILE ("-": standard output), open its directory and refuse what could not become FILE in
 * the end.  Close with target_close() in any case. */
int target_init(struct target *target, const char *file, const struct target_options *options,
    struct failure *failure);
/* The same for a name in a directory that is open; shown stays the caller's, place too. */
int target_init_at(struct target *target, struct place *place, const char *name, const char *shown,
    const struct target_options *options, struct failure *failure);
/* Look again at what stands there: for another transfer to the same FILE. */
int target_inspect(struct target *target, struct failure *failure);
/* Open and lock FILE.part.  With create false only what is there is looked at, and whether it could
 * be made. */
int target_open_part(struct target *target, bool create, struct failure *failure);
/* So many bytes will come: is there room on the device? */
int target_check_room(const struct target *target, int64_t size, struct failure *failure);

/* Begin to write at offset, which is 0 or what is held; what FILE.part has behind it is thrown away
 * (from 0 with a note).  A FIFO is opened here, within --timeout. */
int target_start(struct target *target, int64_t offset, struct failure *failure);
/* All of it, or a failure. */
int target_write(struct target *target, const void *bytes, size_t len, struct failure *failure);
/* FILE as it is, to be read: a descriptor for the caller to close, or -1 with errno. */
int target_open_final(struct target *target);
/* Mode, flush, rename, flush the directory.  mtime may be NULL. */
int target_commit(struct target *target, const struct timespec *mtime, struct failure *failure);
/* FILE, which fd has open, is what should arrive: that it has not changed since then, is on disk,
 * and has the mode and the time that were asked for. */
int target_confirm(
    struct target *target, int fd, const struct timespec *mtime, struct failure *failure);
/* After a failure: what has come stays in FILE.part, flushed; an empty one is removed.  The failure
 * then says how much there is. */
void target_keep(struct target *target, struct failure *failure);
/* What has come is worth nothing: remove FILE.part. */
void target_discard(struct target *target);
void target_close(struct target *target);

#endif
