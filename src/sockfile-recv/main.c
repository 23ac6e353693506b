/* main.c - sockfile-recv: receive a file so that nothing is lost.
 * Row tool. */
#include "options/options.h"
#include "run/failure.h"
#include "run/run.h"
#include "sockfile-recv/config.h"
#include "sockfile-recv/server.h"
#include "transfer/summary.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int
open_directory(const struct recv_config *config, struct failure *failure)
{
	struct place *place = config->place;

	if (place_open(place, config->dir, config->dir) == -1 ||
	    faccessat(place->fd, ".", W_OK | X_OK, AT_EACCESS) == -1)
		return failure_errno(failure, errno, "write to %s", config->dir);
	if (place_is_append_only(place))
		return failure_set(failure, STATUS_FAILED, EPERM,
		    "it is append-only (chattr +a): nothing can be renamed there", "write to %s",
		    config->dir);
	place_probe(place);
	return 0;
}

/* With --key, create nothing until the peer has proved that it has the key.  With --connect, create
 * nothing until connected. */
static int
open_file(const struct recv_config *config, struct target *target, struct failure *failure)
{
	if (target_init(target, config->file, &config->options, failure) == -1)
		return -1;
	if (target->kind == TARGET_DEVICE && config->disk_option != NULL)
		opt_usage_error(
		    "option '--%s' is about files: it does not go with a FIFO or a device",
		    config->disk_option);
	return target_open_part(
	    target, config->peer.listening && config->key_file == NULL, failure);
}

/* Open FILE and its part, or the directory, as the user that will write there. */
static int
open_target(const struct recv_config *config, struct target *target, struct failure *failure)
{
	const struct user *user = &config->peer.listen.user;
	int result;

	if (user_become_temporarily(user, failure) == -1)
		return -1;
	result = config->dir != NULL ? open_directory(config, failure) :
				       open_file(config, target, failure);
	return user_restore(user, failure) == -1 ? -1 : result;
}

/* Everything that is done before the program waits for a peer. */
static int
prepare(struct recv_config *config, struct target *target, struct listener *listener,
    struct failure *failure)
{
	if ((config->key_file != NULL &&
		secret_read(config->key_file, config->key, failure) == -1) ||
	    open_target(config, target, failure) == -1)
		return -1;
	return config->peer.listening ? peer_options_open(&config->peer, listener, failure) :
					run_catch_signals(0, failure);
}

static int
receive(struct recv_config *config)
{
	struct listener listener = LISTENER_INIT;
	struct target target = TARGET_INIT;
	struct place directory = PLACE_INIT;
	static ASIDE struct failure failure;
	int status;

	config->place = &directory;
	if (prepare(config, &target, &listener, &failure) == -1)
		status = failure_report(&failure);
	else
		status = config->peer.listening ? receiver_serve(config, &listener, &target) :
						  receiver_connect(config, &target);
	listener_close(&listener);
	target_close(&target);
	place_close(&directory);
	return status;
}

int
main(int argc, char **argv)
{
	struct recv_config config;
	int status;

	run_begin("sockfile-recv");
	config_parse(&config, argc, argv);
	transfer_stats_on_sigusr1();
	status = receive(&config);
	explicit_bzero(config.key, sizeof(config.key));
	config_free(&config);
	return run_finish(status);
}
