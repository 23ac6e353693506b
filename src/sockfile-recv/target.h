/* target.h - FILE: its part, and how the part becomes FILE, or a stream that is written directly.
 *
 * Everything in the directory happens relative to one descriptor, so that nobody can swap a path in
 * between.  Failures go into a struct failure: callers may add to them. */
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
	TARGET_DEVICE, /* a FIFO, a device, or what a descriptor has open: written to directly */
};

struct target_options {
	bool force;	 /* replace a FILE that is there */
	bool resume;	 /* continue FILE.part; FILE may be there and be the same */
	mode_t mode;	 /* of FILE at the end: of any new file, */
	bool mode_asked; /* or the one that was asked for */
};

struct target {
	enum target_kind kind;
	struct target_options options;
	const char *display_name; /* for messages: FILE as typed, or DIR/NAME */
	struct place *place;	  /* its directory */
	struct place own_place;
	bool is_descriptor; /* the name is a link of /proc/PID/fd, which is followed */
	char name[NAME_MAX + 1];
	char part[NAME_MAX + 1];
	bool exists;	   /* a regular FILE is there */
	int64_t size;	   /* and this is its size */
	struct stat final; /* of FILE when it was opened to be compared */
	int fd;		   /* FILE.part, locked; -1: not open */
	int64_t part_size; /* bytes that FILE.part had when it was opened */
	int64_t written;   /* the offset of the next byte */
	bool reserved;	   /* FILE.part has room for bytes that may not come */
	struct outlet outlet;
	/* FILE is there, but not with all that was asked for: that was reported */
	int status; /* an enum status */
};

#define TARGET_INIT                                                                                \
	{                                                                                          \
		.own_place = PLACE_INIT, .fd = -1, .outlet = OUTLET_INIT                           \
	}

/* Look at FILE ("-": standard output), open its directory, and fail if a part could not become
 * FILE. Call target_close() in any case. */
int target_init(struct target *target, const char *file, const struct target_options *options,
    struct failure *failure);
/* The same for a name in an open directory; shown and place stay the caller's. */
int target_init_at(struct target *target, struct place *place, const char *name, const char *shown,
    const struct target_options *options, struct failure *failure);
/* Look again at FILE, for another transfer to it. */
int target_inspect(struct target *target, struct failure *failure);
/* Open and lock FILE.part.  With create false, only look at an existing one, and whether it could
 * be made. */
int target_open_part(struct target *target, bool create, struct failure *failure);
/* Fail if the device has no room for so many bytes. */
int target_check_room(const struct target *target, int64_t size, struct failure *failure);

/* Begin to write at offset, which is 0 or the bytes that are held.  What FILE.part has behind it is
 * discarded (from 0 with a note).  A FIFO is opened here, within --timeout. */
int target_start(struct target *target, int64_t offset, struct failure *failure);
/* After target_start(): reserve the room for a FILE of this size, to find out if there is too
 * little.  FILE.part keeps its size. */
int target_reserve(struct target *target, int64_t size, struct failure *failure);
/* Write all of it: 0, or -1 and the failure. */
int target_write(struct target *target, const void *bytes, size_t len, struct failure *failure);
/* Leave a hole of so many bytes: true, or false if they must be written. */
bool target_leave_hole(struct target *target, int64_t len);
/* Fail, and discard FILE.part, if it is not as large as what was written. */
int target_check_size(struct target *target, struct failure *failure);
/* Open FILE to read it: a descriptor that the caller closes, or -1 with errno. */
int target_open_final(struct target *target);
/* Set the mode, flush, rename, flush the directory.  mtime may be NULL. */
int target_commit(struct target *target, const struct timespec *mtime, struct failure *failure);
/* FILE, which fd has open, is the file that should arrive.  Make sure that it has not changed since
 * it was compared, is on disk, and has the mode and the time that were asked for. */
int target_confirm(
    struct target *target, int fd, const struct timespec *mtime, struct failure *failure);
/* After a failure: flush and keep FILE.part, or remove it if it is empty.  Adds to the failure how
 * much is kept. */
void target_keep(struct target *target, struct failure *failure);
/* Remove FILE.part: what has come is useless. */
void target_discard(struct target *target);
void target_close(struct target *target);

#endif
