/* place.h - the directory of FILE, and what its file system can do.
 *
 * For the usual file systems that is known.  Any other is tried out with names of our own, before
 * the program waits for a peer.  What it cannot do is reported with --verbose, and done in another
 * way. */
#ifndef RECV_PLACE_H
#define RECV_PLACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum place_lack {
	PLACE_MODES = 1,      /* each file has a mode and an owner of its own */
	PLACE_NO_REPLACE = 2, /* renameat2(2) with RENAME_NOREPLACE */
	PLACE_LINKS = 4,
	PLACE_LOCKS = 8,
	PLACE_FLUSH = 16,   /* fsync(2) */
	PLACE_NUMBERS = 32, /* a renamed file keeps its inode number */
	PLACE_CASE = 64,    /* names that differ only in case are different */
};

struct place {
	int fd;			/* the directory; -1: not open */
	const char *name;	/* of FILE or of the directory, for messages */
	_Atomic unsigned lacks; /* enum place_lack; changed by several threads */
	/* On a disk of this machine, or in its memory.  Who writes a few bytes there waits for the
	 * disk alone, and nothing ends that wait, not kill -9. */
	bool is_local;
	/* A file that is made here with mode 0600 has this owner, and grants these rights to
	 * others. */
	uid_t owner;
	mode_t granted;
};

#define PLACE_INIT                                                                                 \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* What stands between the name of the directory and that of a file in it: "/", unless it has one.
 */
const char *place_separator(const struct place *place);
/* Open the directory: 0, or -1 with errno.  name is kept. */
int place_open(struct place *place, const char *directory, const char *name);
/* Find out what its file system can do. */
void place_probe(struct place *place);
void place_close(struct place *place);

bool place_can(const struct place *place, enum place_lack what);
/* Note that the file system cannot do this. */
void place_lacks(struct place *place, enum place_lack what);
/* Does this error say that the file system, or a sandbox, has no such call? */
bool place_is_unsupported(int errnum);

/* The attributes (STATX_ATTR_IMMUTABLE and others) of the file at name; "": of the directory. */
uint64_t place_attributes(const struct place *place, const char *name);
/* Is the directory append-only, so that nothing can be renamed there? */
bool place_is_append_only(const struct place *place);

/* Is the file at name the one that fd has open? */
bool place_is_same(const struct place *place, const char *name, int fd);
/* Lock the file while fd is open: 0, or -1 with errno (EWOULDBLOCK: another process has the lock).
 * Also 0 if there are no locks. */
int place_lock(struct place *place, int fd);
/* fsync(2): 0, or -1 with errno.  If the file system has none, it returns 0, and *flushed is
 * false. */
int place_flush(struct place *place, int fd, bool *flushed);
/* Rename from to to without replacing: 0, or -1 with errno (EEXIST: to is there). */
int place_rename(struct place *place, const char *from, const char *to);
/* The mode that a new file gets here: usual, or what follows from the directory's default ACL. */
mode_t place_new_mode(const struct place *place, mode_t usual);

#endif
