/* main.c - sockfile-send: send a file and know that it arrived.
 * Row tool. */
#include "run/failure.h"
#include "run/run.h"
#include "run/status.h"
#include "sockfile-send/config.h"
#include "sockfile-send/connect.h"
#include "sockfile-send/raw.h"
#include "sockfile-send/serve.h"
#include "sockfile-send/source.h"
#include "transfer/summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Must the FILEs be opened before root is given up, because only root may read them? */
static bool
must_stay_open(const struct send_config *config)
{
	return config->peer.listening && config->peer.listen.user.name != NULL;
}

/* *at_hand: there is one FILE, and reading it cannot hang. */
static int
open_files(const struct send_config *config, int *opened, bool *at_hand, struct failure *failure)
{
	for (size_t i = 0; i < config->file_count; i++) {
		struct source source;
		struct stat st;
		int result;

		/* Opening and closing a FIFO would send its writer SIGPIPE. */
		if (opened == NULL && stat(config->files[i], &st) == 0 && S_ISFIFO(st.st_mode))
			continue;
		result = source_open(&source, config, i, failure);
		*at_hand = result == 0 && config->file_count == 1 && source_is_at_hand(&source);
		if (result == 0 && opened != NULL)
			opened[i] = source_take(&source);
		source_close(&source);
		if (result == -1)
			return -1;
	}
	return 0;
}

/* Find out what cannot be opened before the program connects or announces itself. */
static int
check_readable(struct send_config *config, bool *at_hand, struct failure *failure)
{
	int *opened = NULL, result;

	*at_hand = false;
	if (must_stay_open(config)) {
		run_raise_descriptor_limit();
		opened = calloc(config->file_count, sizeof(*opened));
		if (opened == NULL)
			return failure_errno(failure, ENOMEM, "open the files");
	}
	result = open_files(config, opened, at_hand, failure);
	config->opened = opened; /* for the sessions, until the program ends */
	return result;
}

static int
run_verified(struct send_config *config)
{
	struct listener listener = LISTENER_INIT;
	static ASIDE struct failure failure;
	bool at_hand;
	int status;

	if ((config->key_file != NULL &&
		secret_read(config->key_file, config->key, &failure) == -1) ||
	    check_readable(config, &at_hand, &failure) == -1 ||
	    (config->peer.listening && peer_options_open(&config->peer, &listener, &failure) == -1))
		status = failure_report(&failure);
	else
		status = config->peer.listening ? verified_serve(config, &listener) :
						  verified_send(config, at_hand);
	listener_close(&listener);
	return status;
}

/* Connect to the receiver, or open the listener. */
static int
open_peer(const struct send_config *config, const struct source *source, struct listener *listener,
    struct sku_sock *sock, struct sku_address *receiver, struct failure *failure)
{
	const struct peer_options *peer = &config->peer;

	if (peer->listening)
		return peer_options_open(peer, listener, failure);
	if (connect_now(&peer->endpoint, &peer->connect, sock, receiver, failure) == -1)
		return -1;
	return run_catch_signals(source_is_at_hand(source) ? RUN_WITHOUT_THREAD : 0, failure);
}

static int
run_raw(const struct send_config *config)
{
	SKU_AUTOCLOSE struct sku_sock sock = SKU_SOCK_INIT;
	struct listener listener = LISTENER_INIT;
	static ASIDE struct failure failure;
	struct sku_address receiver;
	struct source source;
	int status;

	if (source_open(&source, config, 0, &failure) == -1 ||
	    open_peer(config, &source, &listener, &sock, &receiver, &failure) == -1)
		status = failure_report(&failure);
	else
		status = config->peer.listening ? raw_serve(config, &source, &listener) :
						  raw_send(config, &source, &sock, &receiver);
	listener_close(&listener);
	source_close(&source);
	return status;
}

/* A source that can be read only once serves one receiver. */
static void
check_rereadable(const struct send_config *config)
{
	struct stat st;
	bool input = strcmp(config->files[0], "-") == 0;

	if (!config->peer.listening || config->connections == 1)
		return;
	if ((input ? fstat(STDIN_FILENO, &st) : stat(config->files[0], &st)) == 0 &&
	    !S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode) && !S_ISDIR(st.st_mode))
		opt_usage_error("%s can be read once: --connections has no more than one to serve",
		    input ? "standard input" : config->files[0]);
}

int
main(int argc, char **argv)
{
	struct send_config config;
	int status;

	run_begin("sockfile-send");
	config_parse(&config, argc, argv);
	transfer_stats_on_sigusr1();
	check_rereadable(&config);
	status = config.verify ? run_verified(&config) : run_raw(&config);
	explicit_bzero(config.key, sizeof(config.key));
	config_free(&config);
	return run_finish(status);
}
