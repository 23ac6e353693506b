/* run.c - one run of a program: its signals, its limits, what is removed at its end.
 * Row run. */
#include "run/run.h"

#include "run/bare.h"
#include "run/event.h"
#include "run/failure.h"
#include "run/handover.h"
#include "run/log.h"
#include "run/message.h"
#include "run/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define OWNER_STACK ((size_t)1024 * 1024) /* touched on demand; sanitizers take most of it */
#define LIMIT_STACK ((size_t)128 * 1024)
#define GRACE_AFTER_SIGNAL (5250 * SKU_MS) /* a server's own 5 s, and a little */
#define GRACE_AFTER_LIMIT (5 * SKU_SECOND)
#define GRACE_AFTER_SECOND_SIGNAL (50 * SKU_MS) /* for its last output */

struct run run = { .timeouts = TIMEOUTS_INIT, .cancel_fd = -1, .signal_fd = -1, .ask_fd = -1 };

/* What the owner thread, which reads the signals, shares with the others. */
static struct {
	unsigned flags;
	pthread_t main;
	bool is_left_out; /* main's alone: there is no thread, and it reads the signals */
	struct sku_deadline by_force; /* for the reader of signals: when to end by force */
	atomic_uint count;
	atomic_int first;
	_Atomic int64_t first_at_ns;
	atomic_bool over; /* --max-time has passed */
	atomic_bool ends; /* being ended by force: the owner removes */
} owner = { .by_force = { INT64_MAX } };

/* What run_keep_limit() shares with its thread. */
static struct {
	struct sku_deadline end;
	pthread_t thread;
	bool is_kept;
	atomic_bool is_dropped;
} keeper;

/* The signals that end a process and can be caught, except those that report a fault in it. */
static const int termination_signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGVTALRM,
	SIGPROF, SIGUSR2, SIGXCPU, SIGIO, SIGPWR, SIGSTKFLT };

static struct remover {
	int (*remove)(void *arg);
	void *arg;
	const char *what;
	atomic_bool armed;
} removers[RUN_REMOVERS];

/* An empty root directory has no /dev/null. */
int
run_open_null(int how)
{
	int fd = open("/dev/null", how);

	return fd != -1 ? fd : open("/", O_PATH | how);
}

/* SIGINT and SIGTERM end a program even if they are ignored or blocked when it begins, as SIGINT is
 * in a background job of a script: they are sent on purpose. */
static void
heed_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	(void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void
run_begin(const char *program)
{
	run.program = program;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* Open it for the wrong direction, so that using it still fails. */
		if (fcntl(fd, F_GETFD) == -1)
			(void)run_open_null(fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)signal(SIGUSR1, SIG_IGN);
	heed_signals();
	event_begin();
}

const char *
run_time_out(void)
{
	if (!sku_deadline_passed(run.timeouts.run))
		return "timed out";
	return run.timeouts.run_by_timeout ? "timed out (--timeout)" : "timed out (--max-time)";
}

/* ---- what is removed at the end ------------------------------------------------------------ */

void
run_at_end(int (*remove)(void *arg), void *arg, const char *what)
{
	struct remover *free = removers;

	while (atomic_load(&free->armed)) {
		if (++free == removers + RUN_REMOVERS)
			abort();
	}
	free->remove = remove;
	free->arg = arg;
	free->what = what;
	atomic_store(&free->armed, true);
}

/* Call the remover, unless a thread has done so already. */
static void
use(struct remover *remover)
{
	int error = atomic_exchange(&remover->armed, false) ? remover->remove(remover->arg) : 0;

	if (error != 0 && !atomic_load(&owner.ends))
		msg_verbose(1, "remove %s: %s", remover->what, strerror(error));
}

static void
remove_all(void)
{
	for (size_t i = 0; i < RUN_REMOVERS; i++)
		use(&removers[i]);
}

/* If the owner is ending the program, wait for the end: what it removes must not be closed here. */
static void
let_owner_end(void)
{
	while (atomic_load(&owner.ends))
		(void)pause();
}

void
run_remove(void *arg)
{
	for (size_t i = 0; i < RUN_REMOVERS; i++) {
		if (removers[i].arg == arg)
			use(&removers[i]);
	}
	let_owner_end();
}

/* ---- signals ------------------------------------------------------------------------------- */

/* The first process of a PID namespace (a container) cannot die of a signal: it exits with the
 * status that a shell reports for it. */
__attribute__((noreturn)) static void
die_of(int signum)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, signum);
	(void)signal(signum, SIG_DFL);
	(void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	(void)raise(signum); /* to this thread: another one could read it from the descriptor */
	_exit(128 + signum);
}

unsigned
run_signals(void)
{
	return atomic_load(&owner.count);
}

struct sku_deadline
run_canceled_at(void)
{
	struct sku_deadline first = { run_signals() > 0 ? atomic_load(&owner.first_at_ns) :
							  INT64_MAX };

	return sku_deadline_earlier(first, run.timeouts.run);
}

/* The signal to die of; 0: none came, or one that is the ordinary end. */
static int
fatal_signal(void)
{
	int first = atomic_load(&owner.first);

	if ((owner.flags & RUN_ENDS_BY_SIGNAL) != 0 && (first == SIGINT || first == SIGTERM))
		return 0;
	return first;
}

bool
run_is_killed(void)
{
	return fatal_signal() != 0;
}

/* The whole run is over, and main cannot say so. */
static void
report_limit(void)
{
	static const char during[] = "wait for a system call";
	struct bare_line line = { .len = 0 }, record = { .len = 0 };

	if (!run.json || run.quiet < 2) {
		bare_add(&line, run.program);
		bare_add(&line, ": ");
		bare_add(&line, during);
		bare_add(&line, ": ");
		bare_add(&line, run_time_out());
		bare_write(&line);
	}
	if (!run.json)
		return;
	bare_begin_record(&record);
	bare_add(&record, ",\"error\":{\"code\":\"");
	bare_add(&record, status_code(STATUS_TIMED_OUT));
	bare_add(&record, "\",\"message\":\"");
	bare_add(&record, run_time_out());
	bare_add(&record, "\",\"errno\":");
	bare_add_number(&record, ETIMEDOUT, 1);
	bare_add(&record, ",\"during\":\"");
	bare_add(&record, during);
	bare_add(&record, "\"}");
	bare_write_record(&record);
}

/* End the program although a thread may hang where nothing can wake it. */
__attribute__((noreturn)) static void
end_by_force(void)
{
	if (atomic_exchange(&owner.ends, true))
		let_owner_end(); /* another thread is at it */
	remove_all();
	if (fatal_signal() != 0)
		die_of(fatal_signal());
	if (atomic_load(&owner.count) == 0)
		report_limit();
	_exit(atomic_load(&owner.count) > 0 ? STATUS_OK : STATUS_TIMED_OUT);
}

static void
tell(int event_fd)
{
	const uint64_t one = 1;

	(void)!write(event_fd, &one, sizeof(one));
}

static void
cancel(void)
{
	tell(run.cancel_fd); /* it is never read, so it stays readable */
}

/* A signal that is blocked is queued even if it is ignored. */
static bool
is_ignored(int signum)
{
	struct sigaction action;

	return signum != SIGINT && signum != SIGTERM && sigaction(signum, NULL, &action) == 0 &&
	       action.sa_handler == SIG_IGN;
}

static void
count_signal(int signum)
{
	bool is_first = atomic_load(&owner.count) == 0;

	if (is_first) {
		atomic_store(&owner.first, signum);
		atomic_store(&owner.first_at_ns, sku_now());
	}
	(void)atomic_fetch_add(&owner.count, 1);
	owner.by_force = sku_deadline_earlier(owner.by_force,
	    sku_deadline_in(is_first ? GRACE_AFTER_SIGNAL : GRACE_AFTER_SECOND_SIGNAL));
}

static void
take_signals(void)
{
	struct signalfd_siginfo info;

	while (read(run.signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int signum = (int)info.ssi_signo;

		if (signum == SIGUSR1)
			state_print();
		else if (signum == SIGHUP && log_is_open())
			log_reopen();
		else if (signum == SIGQUIT && run.ask_fd != -1)
			tell(run.ask_fd);
		else if (!is_ignored(signum))
			count_signal(signum);
	}
}

static void *
owner_main(void *arg)
{
	struct pollfd pfd = { .fd = run.signal_fd, .events = POLLIN };

	(void)arg;
	for (;;) {
		struct sku_deadline wake =
		    atomic_load(&owner.over) ?
			owner.by_force :
			sku_deadline_earlier(owner.by_force, run.timeouts.run);
		unsigned before = run_signals();

		if (poll(&pfd, 1, sku_deadline_poll_ms(wake)) == 1)
			take_signals();
		if (run_signals() > before)
			cancel();
		if (!atomic_load(&owner.over) && sku_deadline_passed(run.timeouts.run)) {
			atomic_store(&owner.over, true);
			owner.by_force = sku_deadline_earlier(
			    owner.by_force, sku_deadline_in(GRACE_AFTER_LIMIT));
			cancel();
		}
		if (sku_deadline_passed(owner.by_force))
			end_by_force();
	}
}

/* Choose the signals that are counted, and SIGUSR1, which the thread handles. */
static void
choose_signals(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGUSR1);
	(void)sigaddset(set, SIGINT);
	if ((owner.flags & RUN_SIGQUIT_ASKS) != 0)
		(void)sigaddset(set, SIGQUIT);
	if ((owner.flags & RUN_SIGINT_ALONE) != 0)
		return;
	if ((owner.flags & RUN_IN_BACKGROUND) != 0)
		(void)signal(SIGHUP, SIG_IGN);
	for (size_t i = 0; i < sizeof(termination_signals) / sizeof(termination_signals[0]); i++)
		(void)sigaddset(set, termination_signals[i]);
	for (int signum = SIGRTMIN; signum <= SIGRTMAX; signum++)
		(void)sigaddset(set, signum);
}

/* The thread ends with the process: to wait for it would cost a short run more than it does.  So
 * would a mapping for its stack, which is NULL where that is no matter. */
static int
start_thread(pthread_t *joinable, void *(*thread_main)(void *), void *stack, size_t stack_size)
{
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	(void)pthread_attr_init(&attr);
	if (stack != NULL)
		(void)pthread_attr_setstack(&attr, stack, stack_size);
	else
		(void)pthread_attr_setstacksize(&attr, stack_size);
	if (joinable == NULL)
		(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	error = pthread_create(joinable != NULL ? joinable : &thread, &attr, thread_main, NULL);
	(void)pthread_attr_destroy(&attr);
	errno = error;
	return error == 0 ? 0 : -1;
}

static void *
limit_main(void *arg)
{
	sigset_t wake;

	(void)arg;
	(void)sigemptyset(&wake);
	(void)sigaddset(&wake, SIGURG);
	while (!sku_deadline_passed(keeper.end)) {
		int64_t left = sku_deadline_left(keeper.end);
		const struct timespec time = { .tv_sec = (time_t)(left / SKU_SECOND),
			.tv_nsec = (long)(left % SKU_SECOND) };

		(void)sigtimedwait(&wake, NULL, &time);
		if (atomic_load(&keeper.is_dropped))
			return NULL;
	}
	end_by_force();
}

void
run_keep_limit(void)
{
	sigset_t all, before;

	if (run.timeouts.run.at_ns > INT64_MAX - GRACE_AFTER_LIMIT)
		return;
	keeper.end.at_ns = run.timeouts.run.at_ns + GRACE_AFTER_LIMIT;
	atomic_store(&keeper.is_dropped, false);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before); /* main takes signals */
	/* If it fails, a hang is not ended. */
	keeper.is_kept = start_thread(&keeper.thread, limit_main, NULL, LIMIT_STACK) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void
drop_limit(void)
{
	atomic_store(&keeper.is_dropped, true);
	if (keeper.is_kept && pthread_kill(keeper.thread, SIGURG) == 0)
		(void)pthread_join(keeper.thread, NULL);
	keeper.is_kept = false;
}

pid_t
run_fork(void)
{
	pid_t child;

	drop_limit();
	child = fork();
	if (child == 0)
		run_keep_limit();
	return child;
}

bool
run_reads_signals(void)
{
	return run.signal_fd != -1 && pthread_equal(pthread_self(), owner.main) &&
	       owner.is_left_out;
}

int
run_start_thread(void)
{
	static ASIDE char stack[OWNER_STACK] __attribute__((aligned(64)));

	if (!run_reads_signals())
		return 0;
	/* The signals are blocked in main, and so in the thread. */
	if (start_thread(NULL, owner_main, stack, sizeof(stack)) == -1)
		return -1;
	owner.is_left_out = false;
	if (run_signals() > 0)
		cancel();
	return 0;
}

/* If no thread can be started, the program cannot be ended by force later. */
void
run_take_signals(void)
{
	if (!run_reads_signals())
		return;
	take_signals();
	if (run_signals() > 0 && run_start_thread() == -1)
		end_by_force();
}

int
run_catch_signals(unsigned flags, struct failure *failure)
{
	sigset_t set;

	owner.flags = flags;
	choose_signals(&set);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	run.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	run.cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if ((flags & RUN_SIGQUIT_ASKS) != 0)
		run.ask_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	owner.main = pthread_self();
	owner.is_left_out = true;
	if (run.signal_fd == -1 || run.cancel_fd == -1 ||
	    ((flags & RUN_WITHOUT_THREAD) == 0 && run_start_thread() == -1))
		return failure_set(
		    failure, STATUS_FAILED, errno, strerror(errno), "prepare for signals");
	return 0;
}

/* ---- the end ------------------------------------------------------------------------------- */

int
run_finish(int status)
{
	int flushed;

	run_take_signals();
	handover_take();
	flushed = failure_report_output();
	if (status == STATUS_OK)
		status = flushed;
	remove_all();
	let_owner_end();
	if (fatal_signal() != 0)
		die_of(fatal_signal());
	return status;
}

void
run_raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}
