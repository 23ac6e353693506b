/* place.h - the directory of FILE, and what its file system can do.
 *
 * Of the usual file systems that is known; any other is tried with names of its own, before
 * anybody is waited for.  What it cannot do is told under --verbose, and done in another way. */
#ifndef RECV_PLACE_H
#define RECV_PLACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>

enum place_lack {
	PLACE_MODES = 1,      /* every file has the same mode, or the same owner */
	PLACE_NO_REPLACE = 2, /* renameat2(2) with RENAME_NOREPLACE */
	PLACE_LINKS = 4,
	PLACE_LOCKS = 8,
	PLACE_FLUSH = 16,   /* fsync(2) */
	PLACE_NUMBERS = 32, /* a file that is renamed becomes another one, by its inode's number */
	PLACE_CASE = 64,    /* names may differ in case alone */
};

struct place {
	int fd;			/* the directory; -1: not open */
	const char *name;	/* of FILE or of the directory, for messages */
	_Atomic unsigned lacks; /* enum place_lack; several transfers may find out */
	/* On a disk of this machine, or in its memory.  Who writes a few bytes there waits for the
	 * disk alone, and nothing ends that wait, not kill -9. */
	bool is_local;
	/* What is made here with mode 0600 has this owner, and grants this to others. */
	uid_t owner;
	mode_t granted;
};

#define PLACE_INIT                                                                                 \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* Open the directory: 0, or -1 with errno.  name is kept. */
int place_open(struct place *place, const char *directory, const char *name);
/* Find out what it can do. */
void place_probe(struct place *place);
void place_close(struct place *place);

bool place_can(const struct place *place, enum place_lack what);
/* It turned out that it cannot. */
void place_lacks(struct place *place, enum place_lack what);
/* Does this error say that the file system, or a sandbox, has no such call? */
bool place_is_unsupported(int errnum);

/* Is what stands at name what fd has open? */
bool place_is_same(const struct place *place, const char *name, int fd);
/* Lock for as long as fd is open: 0, or -1 with errno (EWOULDBLOCK: another one has it).  Where
 * there are no locks that is 0. */
int place_lock(struct place *place, int fd);
/* fsync(2): 0, or -1 with errno.  Where there is none that is 0, and *flushed false. */
int place_flush(struct place *place, int fd, bool *flushed);
/* Rename what stands at from, never replacing: 0, or -1 with errno (EEXIST: to is there). */
int place_rename(struct place *place, const char *from, const char *to);
/* The mode that a new file gets here: usual, or what the directory's default ACL says. */
mode_t place_new_mode(const struct place *place, mode_t usual);

#endif
