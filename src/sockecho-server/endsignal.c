/* endsignal.c - the signals that end the server, as a descriptor for its event loop.
 * Row tool. */
#include "endsignal.h"

#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

int
end_signals_open(struct end_signals *signals, bool background)
{
	static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
		struct sigaction action;

		if (ending[i] == SIGHUP && background)
			(void)signal(SIGHUP, SIG_IGN);
		/* nohup(1) has its way.  SIGINT, which a script's `&` sets to be ignored, ends a
		 * server all the same: it is the ordinary end. */
		if (ending[i] == SIGINT || ending[i] == SIGTERM)
			(void)signal(ending[i], SIG_DFL);
		if (sigaction(ending[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			(void)sigaddset(&set, ending[i]);
	}
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		return -1;
	signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals->fd == -1 ? -1 : 0;
}

void
end_signals_read(struct end_signals *signals)
{
	struct signalfd_siginfo info;

	while (read(signals->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		signals->count++;
		if (info.ssi_signo == SIGHUP || info.ssi_signo == SIGQUIT)
			signals->fatal = (int)info.ssi_signo;
	}
}

void
end_signals_close(struct end_signals *signals)
{
	if (signals->fd != -1)
		(void)close(signals->fd);
	signals->fd = -1;
}
