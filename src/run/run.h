/* run.h - one run of a program: its output, its time limits, the signals that end it, and what is
 * removed at its end.
 *
 * A process has one set of signals and one standard output, so there is one struct run.  After
 * run_catch_signals(), only run_wait() and loop_run() wait. */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "libsockutil/sockutil.h"
#include "run/failure.h"
#include "run/timeouts.h"

#include <stdbool.h>

struct run {
	const char *program;
	int quiet; /* how often --quiet was given; twice: no message if there is a record */
	bool json;
	bool stdout_is_data; /* records and the readiness line go to standard error */
	int verbose;
	struct timeouts timeouts;
	int ask_fd; /* an eventfd, readable after SIGQUIT; -1: SIGQUIT ends the program */
	/* Readable once a signal came or --max-time passed, and for good; but not for --max-time
	 * while the thread is left out.  -1: signals are not caught. */
	int cancel_fd;
	int signal_fd; /* readable when a signal has come that was not read */
};
extern struct run run;

/* Call it first in main; program is its name.  Opens /dev/null for each of descriptors 0 to 2 that
 * is closed, since the next socket would get it.  Ignores SIGPIPE and SIGXFSZ: a reader that is
 * gone and a file size limit are then ordinary write errors.  Ignores SIGUSR1 until
 * state_on_sigusr1(), since it would kill the program.  Opens nothing else and starts no thread. */
void run_begin(const char *program);
/* Open /dev/null with these flags of open(2), or else something of which no byte can be read, and
 * to which none can be written.  Returns a descriptor, or -1. */
int run_open_null(int how);

enum {
	RUN_IN_BACKGROUND = 1, /* SIGHUP is ignored, unless there is a log */
	RUN_ENDS_BY_SIGNAL =
	    2, /* SIGINT and SIGTERM are the ordinary end: run_finish() returns its status */
	RUN_SIGINT_ALONE = 4,	/* the other signals keep their effect */
	RUN_WITHOUT_THREAD = 8, /* until run_start_thread() */
	RUN_SIGQUIT_ASKS = 16,	/* SIGQUIT does not end the program: run.ask_fd */
};
/* From here on the signals that would end the program are counted instead.  A thread of its own
 * reads them, so that they come through even where the program waits for a file system that hangs;
 * it prints the state that SIGUSR1 asks for, and it ends the program by force at the second
 * signal, or 5 s after the first one or after --max-time.  SIGHUP and SIGQUIT that were ignored
 * stay so (nohup(1)).  0, or -1 and the failure.
 *
 * The thread is a twentieth of what a small transfer costs.  RUN_WITHOUT_THREAD leaves it out while
 * main cannot hang, that is, while it waits by run_wait() and loop_run() alone: these then read the
 * signals, and so does run_check().  What other threads do is no matter.  The first signal starts
 * the thread, and so do --max-time in a loop, the wait for a pool's threads and a text that goes to
 * a file; main calls run_start_thread() before anything else that may hang. */
int run_catch_signals(unsigned flags, struct failure *failure);
/* Enforce --max-time, if it was given, for what is opened before run_catch_signals() and may hang:
 * a thread ends the program by force 5 s after the limit. */
void run_keep_limit(void);
/* fork(2), before run_catch_signals(): no thread is there meanwhile, and the limit is the child's.
 */
pid_t run_fork(void);
/* Start the thread if it was left out: 0, or -1 with errno.  Nothing but in main. */
int run_start_thread(void);
/* Is this main, and reads the signals itself?  Then who waits looks at run.signal_fd, too, and has
 * them read. */
bool run_reads_signals(void);
void run_take_signals(void);

/* The words for a limit that has passed, which name --max-time if it was that.  Async-signal-safe.
 */
const char *run_time_out(void);

/* How many signals have come that end the program. */
unsigned run_signals(void);
/* When the program was, or will be, asked to end: by the first signal, or by --max-time. */
struct sku_deadline run_canceled_at(void);
/* Did a signal come that kills the program, and is not its ordinary end? */
bool run_is_killed(void);

/* Remove something at the end of the program, however it ends: call remove(arg) once, in whichever
 * thread ends the program.  It must take no lock and no memory and print nothing, because another
 * thread may be stopped anywhere.  It returns 0 or an errno value, which -v reports with what.  At
 * most RUN_REMOVERS at a time: one more is a mistake in the program, and aborts it. */
#define RUN_REMOVERS 8
void run_at_end(int (*remove)(void *arg), void *arg, const char *what);
/* Remove it now, unless that was done. */
void run_remove(void *arg);

/* The last line of main: flush standard output, remove what is left, die of the signal that came.
 * Returns the exit status: status, or that of a failure of standard output if status is 0. */
int run_finish(int status);

/* Raise the limit of open descriptors to the hard limit. */
void run_raise_descriptor_limit(void);

#endif
