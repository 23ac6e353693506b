/* connect.c - verified transfers to the one receiver that we connect to.
 * Row tool.
 *
 * One connection after the other.  With a bar, a thread sends while the loop of main draws. */
#include "sockfile-send/connect.h"

#include "net/reconnect.h"
#include "run/failure.h"
#include "run/message.h"
#include "run/pool.h"
#include "run/run.h"
#include "sockfile-send/send_session.h"
#include "transfer/channel.h"
#include "transfer/summary.h"

#include <errno.h>

struct sender {
	struct loop loop;
	struct loop_worker worker;
	const struct send_config *config;
	struct sku_sock sock;
	struct sku_address peer;
	uint8_t id[WIRE_ID_SIZE];
	struct send_job job;
	struct reconnect reconnect;
	struct failure *failure; /* reported at the end, after the bar */
	int status;
};

/* ---- one connection after the other -------------------------------------------------------- */

static int
send_on(struct sender *sender)
{
	struct failure *failure = sender->failure;
	int result;

	if (sku_settimeout(&sender->sock, 0) == -1)
		return failure_errno(failure, errno, "prepare the connection");
	counter_set(&transfer_stats.connections, 1);
	result = send_session_run(&sender->job, &sender->sock, &sender->peer, failure);
	counter_set(&transfer_stats.connections, 0);
	return result;
}

/* The connection failed.  True: connect again.  False: the transfer failed. */
static bool
should_retry(struct sender *sender)
{
	struct failure *failure = sender->failure;
	bool retries;

	if (sender->job.progressed && sender->config->retries != RETRIES_NOT_GIVEN)
		reconnect_refill(&sender->reconnect, sender->config->retries);
	sender->job.progressed = false;
	retries = failure_is_connection_loss(failure) && sender->reconnect.left > 0;
	if (retries && !sender->job.input_consumed) {
		failure_note(failure, &sender->peer);
		return true;
	}
	if (retries)
		send_mention_consumed(&sender->job, failure);
	return false;
}

/* Connect again.  False: it failed.  The peer then stays the one of the last connection. */
static bool
reconnect(struct sender *sender)
{
	const struct peer_options *options = &sender->config->peer;
	struct sku_address peer;

	failure_clear(sender->failure);
	sender->job.next_is_named = false;
	if (reconnect_now(&sender->reconnect, &options->endpoint, &options->connect, &sender->sock,
		&peer, sender->failure) == -1)
		return false;
	sender->peer = peer;
	return true;
}

static void
send_all(struct sender *sender)
{
	for (;;) {
		int result = send_on(sender);

		(void)sku_close(&sender->sock);
		if (result == 0)
			sender->status = sender->job.status;
		if (result == 0 || !should_retry(sender) || !reconnect(sender))
			return;
	}
}

/* ---- with a bar ---------------------------------------------------------------------------- */

static void
work(struct loop_worker *worker)
{
	send_all(LOOP_OWNER(worker, struct sender, worker));
}

static void
all_sent(struct loop *loop, struct loop_worker *worker)
{
	(void)worker;
	loop_stop(loop, 0);
}

static void
canceled(struct loop *loop)
{
	(void)loop; /* the thread sees it, too */
}

static void
send_and_draw(struct sender *sender, struct progress *progress)
{
	struct pool *pool = NULL;

	if (loop_open(&sender->loop) == 0 &&
	    (pool = pool_new(&sender->loop, 1, SEND_SESSION_STACK)) != NULL &&
	    pool_submit(pool, &sender->worker) == 0) {
		progress_draw_in(progress, &sender->loop, &transfer_stats.bytes);
		(void)loop_run(&sender->loop);
	} else {
		(void)failure_errno(sender->failure, errno, "prepare to send");
	}
	progress_end(progress, (int64_t)counter_value(&transfer_stats.bytes));
	pool_free(pool);
	loop_close(&sender->loop);
}

static void
run_sender(struct sender *sender)
{
	struct progress progress;

	progress_begin(&progress, sender->config->progress, config_total_size(sender->config));
	if (progress.active)
		send_and_draw(sender, &progress);
	else
		send_all(sender);
	if (sender->failure->status != STATUS_OK)
		sender->status = send_report_end(&sender->job, &sender->peer, sender->failure);
}

int
verified_send(const struct send_config *config, bool at_hand)
{
	static ASIDE struct failure failure;
	struct sender sender = { .loop = { .canceled = canceled },
		.worker = { .work = work, .done = all_sent },
		.config = config,
		.failure = &failure,
		.sock = SKU_SOCK_INIT,
		.job = { .config = config, .id = sender.id },
		.reconnect =
		    RECONNECT_INIT(config->retries == RETRIES_NOT_GIVEN ? 0 : config->retries) };
	const struct peer_options *peer = &config->peer;
	unsigned signals = 0;

	if (send_random_id(sender.id, &failure) == -1)
		return failure_report(&failure);
	/* Between two connections the FILE may be replaced by one that can hang. */
	if (at_hand && sender.reconnect.left == 0)
		signals = RUN_WITHOUT_THREAD;
	if (connect_now(&peer->endpoint, &peer->connect, &sender.sock, &sender.peer, &failure) ==
		0 &&
	    run_catch_signals(signals, &failure) == 0)
		run_sender(&sender);
	else
		sender.status = failure_report(&failure);
	sku_autoclose(&sender.sock);
	return sender.status;
}
