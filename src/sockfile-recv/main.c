/* main.c - sockfile-recv: receive a file so that nothing is lost.
 * Row tool. */
#include "net/retry.h"
#include "run/message.h"
#include "run/run.h"
#include "run/signals.h"
#include "sockfile-recv/config.h"
#include "sockfile-recv/server.h"
#include "transfer/summary.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

struct sender_connector {
	const struct recv_config *config;
	struct term_signals *signals;
	struct retry retry;
};

static int
connect_to_sender(void *arg, struct sku_sock *sock, bool again)
{
	struct sender_connector *sender = arg;
	const struct peer_options *peer = &sender->config->peer;
	int status;

	if (again)
		return retry_reconnect(&sender->retry, peer, sender->signals, sock);
	/* There is nothing to clean up yet: signals just end it. */
	signals_by_default(sender->signals, true);
	status = connect_now(&peer->connect, &peer->endpoint, &peer->timeouts, sock);
	signals_by_default(sender->signals, false);
	return status;
}

static int
connect_and_receive(
    const struct recv_config *config, struct target *target, struct term_signals *signals)
{
	struct sender_connector sender = { config, signals, RETRY_INIT(config->retries) };
	const struct receiver_connector connector = { connect_to_sender, &sender };
	int status = signals_open(signals, false);

	if (status == STATUS_OK)
		status = receiver_connect(config, &connector, target, signals);
	return status;
}

static int
listen_and_receive(
    const struct recv_config *config, struct target *target, struct term_signals *signals)
{
	struct listener listener = LISTENER_INIT;
	int status = peer_options_listen(&config->peer, &listener, signals);

	if (status == STATUS_OK)
		status = receiver_serve(config, &listener, target, signals);
	listener_close(&listener);
	return status;
}

static int
open_directory(struct recv_config *config)
{
	config->dir_fd = open(config->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (config->dir_fd == -1 || faccessat(config->dir_fd, ".", W_OK | X_OK, AT_EACCESS) == -1)
		return msg_error_errno(STATUS_FAILED, errno, "write to %s", config->dir);
	return STATUS_OK;
}

static int
open_file(const struct recv_config *config, struct target *target)
{
	struct failure failure = { .status = STATUS_OK };

	/* With a key nothing is on disk before somebody has shown that he has it, and nothing
	 * before we are connected. */
	if (target_init(target, config->file, &config->options, &failure) == STATUS_OK)
		(void)target_open_part(
		    target, config->peer.listening && config->key_file == NULL, &failure);
	return failure.status != STATUS_OK ? failure_report(&failure) : STATUS_OK;
}

/* FILE and its part, or the directory, as the user who will write there. */
static int
open_target(struct recv_config *config, struct target *target)
{
	const struct user *user = &config->peer.listen.user;
	int status = user_become_temporarily(user), back;

	if (status == STATUS_OK)
		status = config->dir != NULL ? open_directory(config) : open_file(config, target);
	back = user_restore(user);
	return status != STATUS_OK ? status : back;
}

static int
receive(struct recv_config *config, struct term_signals *signals)
{
	struct target target = TARGET_INIT;
	int status = STATUS_OK;

	if (config->key_file != NULL)
		status = secret_read(config->key_file, config->key);
	if (status == STATUS_OK)
		status = open_target(config, &target);
	if (status == STATUS_OK)
		status = config->peer.listening ? listen_and_receive(config, &target, signals) :
						  connect_and_receive(config, &target, signals);
	target_close(&target);
	if (config->dir_fd != -1)
		(void)close(config->dir_fd);
	return status;
}

int
main(int argc, char **argv)
{
	struct term_signals signals = TERM_SIGNALS_INIT;
	struct recv_config config;
	int status;

	run_begin("sockfile-recv");
	(void)signal(SIGXFSZ, SIG_IGN); /* a limit of the file's size is an error like others */
	config_parse(&config, argc, argv);
	transfer_stats_on_sigusr1();
	status = receive(&config, &signals);
	signals_close(&signals);
	config_free(&config);
	if (output_flush() != STATUS_OK && status == STATUS_OK)
		status = STATUS_FAILED;
	run_die_of_signal(signals.first);
	return status;
}
