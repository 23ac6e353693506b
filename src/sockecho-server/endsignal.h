/* endsignal.h - the signals that end the server, as a descriptor for its event loop. */
#ifndef SERVER_ENDSIGNAL_H
#define SERVER_ENDSIGNAL_H

#include <stdbool.h>

struct end_signals {
	int fd;
	unsigned count; /* how many have come */
	int fatal; /* SIGHUP or SIGQUIT, of which the program dies once it has cleaned up; or 0 */
};

#define END_SIGNALS_INIT                                                                           \
	{                                                                                          \
		-1, 0, 0                                                                           \
	}

/* Block SIGINT, SIGTERM, SIGHUP and SIGQUIT and read them from fd.  SIGHUP or
 * SIGQUIT that is ignored stays ignored (nohup(1)), and SIGHUP is in the background.  0, or -1 with
 * errno. */
int end_signals_open(struct end_signals *signals, bool background);
/* Take what has come. */
void end_signals_read(struct end_signals *signals);
void end_signals_close(struct end_signals *signals);

#endif
