/* signals.c - the signals that end a program, as a descriptor for its event loop.
 * Row run. */
#include "run/signals.h"

#include "run/message.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const int termination_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

int
signals_open(struct term_signals *signals, bool background)
{
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof(termination_signals) / sizeof(termination_signals[0]); i++) {
		struct sigaction action;

		if (termination_signals[i] == SIGHUP && background)
			(void)signal(SIGHUP, SIG_IGN);
		/* nohup(1) has its way.  SIGINT, which a script's `&` sets to be ignored, ends a
		 * program all the same: whoever sends it to that process means it. */
		if (termination_signals[i] == SIGINT || termination_signals[i] == SIGTERM)
			(void)signal(termination_signals[i], SIG_DFL);
		if (sigaction(termination_signals[i], NULL, &action) == 0 &&
		    action.sa_handler != SIG_IGN)
			(void)sigaddset(&set, termination_signals[i]);
	}
	if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
		signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals->fd != -1 ? STATUS_OK :
				   msg_error_errno(STATUS_FAILED, errno, "prepare for signals");
}

void
signals_read(struct term_signals *signals)
{
	struct signalfd_siginfo info;

	while (read(signals->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (signals->count++ == 0)
			signals->first = (int)info.ssi_signo;
	}
}

int
signals_fatal(const struct term_signals *signals)
{
	return signals->first == SIGHUP || signals->first == SIGQUIT ? signals->first : 0;
}

void
signals_by_default(const struct term_signals *signals, bool wanted)
{
	sigset_t set;

	if (signals->fd == -1)
		return;
	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof(termination_signals) / sizeof(termination_signals[0]); i++)
		(void)sigaddset(&set, termination_signals[i]); /* an ignored one stays so */
	(void)sigprocmask(wanted ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

void
signals_close(struct term_signals *signals)
{
	if (signals->fd != -1)
		(void)close(signals->fd);
	signals->fd = -1;
}

void
run_die_of_signal(int signum)
{
	sigset_t set;

	if (signum == 0)
		return;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, signum);
	(void)raise(signum);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}
