/* modes.h - what a program does with sockets, as far as options depend on it.
 *
 * The rows of src/net need these modes; each program says which of them hold, and adds its own. */
#ifndef NET_MODES_H
#define NET_MODES_H

#include "options/options.h"

enum {
	MODE_OPENS = 1, /* the socket is ours to open, and not from --fd or LISTEN_FDS */
	MODE_INET = 2,	/* not a UNIX socket */
	MODE_STREAM = 4,
	MODE_DATAGRAM = 8,
	MODE_CONNECTS = 16,
	MODE_LISTENS = 32,
	MODE_ANNOUNCES = 64, /* peers may connect: it is not a connection itself */
	MODE_PATH = 128,     /* the socket gets a path in the file system */
	MODES_END = 256,     /* the first of a program's own */
};

/* The usage errors of all programs if a mode does not hold. */
#define NEED_OPENS                                                                                 \
	{                                                                                          \
		MODE_OPENS, "means nothing: the socket is open already (--fd or LISTEN_FDS)"       \
	}
#define NEED_INET                                                                                  \
	{                                                                                          \
		MODE_INET, "does not go with a UNIX path"                                          \
	}
#define NEED_PATH                                                                                  \
	{                                                                                          \
		MODE_PATH, "goes with a UNIX path that is bound here: not with @NAME or --fd"      \
	}
#define NEED_ANNOUNCES                                                                             \
	{                                                                                          \
		MODE_ANNOUNCES, "means nothing: the socket is a connection, to which nobody comes" \
	}

#endif
