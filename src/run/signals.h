/* signals.h - the signals that end a program, as a descriptor for its event loop. */
#ifndef RUN_SIGNALS_H
#define RUN_SIGNALS_H

#include <stdbool.h>

struct term_signals {
	int fd;
	unsigned count; /* how many have come */
	int first;	/* the first of them; 0: none yet */
};

#define TERM_SIGNALS_INIT                                                                          \
	{                                                                                          \
		-1, 0, 0                                                                           \
	}

/* Block SIGINT, SIGTERM, SIGHUP and SIGQUIT and read them from fd.  SIGHUP or SIGQUIT that is
 * ignored stays ignored (nohup(1)), and SIGHUP is in the background.  0, or the error is reported
 * and its status returned. */
int signals_open(struct term_signals *signals, bool background);
/* Take what has come. */
void signals_read(struct term_signals *signals);
/* SIGHUP or SIGQUIT, if the first was one of these: the others are the ordinary end of a server. */
int signals_fatal(const struct term_signals *signals);
/* Let them have their default effect for a while (wanted), as where a wait cannot look at fd and
 * there is nothing to clean up; or no longer. */
void signals_by_default(const struct term_signals *signals, bool wanted);
void signals_close(struct term_signals *signals);
/* After cleaning up: die of it, so that whoever waits sees 128+N.  0 is none: returns. */
void run_die_of_signal(int signum);

#endif
