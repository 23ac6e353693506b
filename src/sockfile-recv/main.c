/* main.c - sockfile-recv: receive a file so that nothing is lost.
 * Row tool. */
#include "run/failure.h"
#include "run/message.h"
#include "run/run.h"
#include "sockfile-recv/config.h"
#include "sockfile-recv/server.h"
#include "transfer/summary.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int
connect_and_receive(const struct recv_config *config, struct target *target)
{
	static ASIDE struct failure failure;

	if (run_catch_signals(0, &failure) == -1)
		return failure_report(&failure);
	return receiver_connect(config, target);
}

static int
listen_and_receive(const struct recv_config *config, struct target *target)
{
	struct listener listener = LISTENER_INIT;
	int status = peer_options_open(&config->peer, &listener);

	if (status == STATUS_OK)
		status = receiver_serve(config, &listener, target);
	listener_close(&listener);
	return status;
}

static int
open_directory(const struct recv_config *config)
{
	struct place *place = config->place;

	if (place_open(place, config->dir, config->dir) == -1 ||
	    faccessat(place->fd, ".", W_OK | X_OK, AT_EACCESS) == -1)
		return msg_error_errno(STATUS_FAILED, errno, "write to %s", config->dir);
	place_probe(place);
	return STATUS_OK;
}

static int
open_file(const struct recv_config *config, struct target *target)
{
	static ASIDE struct failure failure;
	int result;

	/* With a key nothing is on disk before somebody has shown that he has it, and nothing
	 * before we are connected. */
	result = target_init(target, config->file, &config->options, &failure);
	if (result == 0)
		result = target_open_part(
		    target, config->peer.listening && config->key_file == NULL, &failure);
	return result == -1 ? failure_report(&failure) : STATUS_OK;
}

/* FILE and its part, or the directory, as the user who will write there. */
static int
open_target(const struct recv_config *config, struct target *target)
{
	const struct user *user = &config->peer.listen.user;
	int status = user_become_temporarily(user), back;

	if (status == STATUS_OK)
		status = config->dir != NULL ? open_directory(config) : open_file(config, target);
	back = user_restore(user);
	return status != STATUS_OK ? status : back;
}

static int
receive(struct recv_config *config)
{
	struct target target = TARGET_INIT;
	struct place directory = PLACE_INIT;
	int status = STATUS_OK;

	config->place = &directory;
	if (config->key_file != NULL)
		status = secret_read(config->key_file, config->key);
	if (status == STATUS_OK)
		status = open_target(config, &target);
	if (status == STATUS_OK)
		status = config->peer.listening ? listen_and_receive(config, &target) :
						  connect_and_receive(config, &target);
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
