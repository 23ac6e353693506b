/* owned_file.h - a file that is ours: written, and at the end removed, if it is still the one that
 * was written.
 *
 * The file is known by its descriptor, not by its name: before it is removed, the file at the name
 * is compared with the descriptor. */
#ifndef NET_OWNED_FILE_H
#define NET_OWNED_FILE_H

#include "libsockutil/sockutil.h"
#include "net/user.h"
#include "run/failure.h"

#include <limits.h>

struct owned_file {
	int dir_fd; /* its directory; -1: there is no file */
	int fd;	    /* while it is open, its inode number is not reused */
	bool can_be_emptied, was_emptied;
	const char *path; /* as it was given */
	char name[NAME_MAX + 1];
};

#define OWNED_FILE_INIT                                                                            \
	{                                                                                          \
		.dir_fd = -1, .fd = -1                                                             \
	}

/* A kind of file. */
struct owned_kind {
	const char *name; /* "pid file" */
	/* May old, the len bytes of a file that is there, be replaced by text, because a run like
	 * ours wrote it? */
	bool (*may_replace)(const char *old, size_t len, const char *text);
	const char *in_use; /* the message if another process has locked it */
};

/* Write text and a newline to path.  A reader sees all of it, or what was there before. */
int owned_file_write(struct owned_file *file, const struct owned_kind *kind, const char *path,
    const char *text, const struct user *user, struct failure *failure);
/* Lock path, and write text and a newline there. */
int owned_file_lock(struct owned_file *file, const struct owned_kind *kind, const char *path,
    const char *text, const struct user *user, struct failure *failure);
/* Take over the socket file of a server: bound needs no sku_unlink_unix_server() any more. */
int owned_file_take_socket(struct owned_file *file, struct sku_unix_path *bound, const char *path,
    const struct user *user, struct failure *failure);
/* Each of these returns 0, or -1 and the failure, and there is no file then.  If we are root, the
 * file belongs to user.  It is removed at the end of the run, however that ends.  If its directory
 * does not let it be removed any more, it is emptied. */

/* Remove it now. */
void owned_file_remove(struct owned_file *file);

#endif
