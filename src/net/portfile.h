/* portfile.h - a file that says where a server listens.  It is complete or absent, and removed at
 * the end. */
#ifndef NET_PORTFILE_H
#define NET_PORTFILE_H

#include <limits.h>

struct portfile {
	int dir_fd; /* -1: there is no port file */
	int fd;	    /* kept open so that the kernel does not use its inode number again */
	char name[NAME_MAX + 1];
};

#define PORTFILE_INIT                                                                              \
	{                                                                                          \
		-1, -1, ""                                                                         \
	}

/* Write text and a newline to path, which must exist until the file is removed.  A file that stands
 * there is replaced if it is a port file: empty, a port, or this text.  Any other file is an error.
 * Returns 0, or reports the error and returns its status. */
int portfile_write(struct portfile *file, const char *path, const char *text);
/* Remove the file if it is still the one that was written. */
void portfile_remove(struct portfile *file);

#endif
