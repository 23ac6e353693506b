/* portfile.h - a file that says where a server listens: complete or not there, gone at the end. */
#ifndef NET_PORTFILE_H
#define NET_PORTFILE_H

#include <limits.h>

struct portfile {
	int dir_fd; /* -1: there is none */
	int fd;	    /* kept open, so that its inode's number cannot be used again */
	char name[NAME_MAX + 1];
};

#define PORTFILE_INIT                                                                              \
	{                                                                                          \
		-1, -1, ""                                                                         \
	}

/* Write text and a newline to path.  What stands there is replaced if it is a port file (empty, a
 * port, or this text); anything else is left alone.  0, or the error is reported and its status
 * returned. */
int portfile_write(struct portfile *file, const char *path, const char *text);
/* Remove it, if it is still ours. */
void portfile_remove(struct portfile *file);

#endif
