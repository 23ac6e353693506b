/* main.c - sockecho-server: send back what is received.
 * Row tool. */
#include "run/failure.h"
#include "run/run.h"
#include "sockecho-server/config.h"
#include "sockecho-server/daemon.h"
#include "sockecho-server/datagrams.h"
#include "sockecho-server/stats.h"
#include "sockecho-server/streams.h"

static int
announce_and_serve(struct listener *listener, const struct server_config *config)
{
	int status = listener_announce(listener, &config->listen);

	if (status != STATUS_OK)
		return status;
	if (config->daemon)
		daemon_ready();
	status = listener->sock.type == SOCK_DGRAM ? datagrams_serve(listener, config) :
						     streams_serve(listener, config);
	stats_report();
	return status;
}

static int
open_and_serve(const struct server_config *config)
{
	struct listener listener = LISTENER_INIT;
	struct failure failure = { .status = STATUS_OK };
	int status = STATUS_OK;

	stats_on_sigusr1();
	if (run_catch_signals(
		RUN_ENDS_BY_SIGNAL | (config->daemon ? RUN_IN_BACKGROUND : 0), &failure) == -1)
		return failure_report(&failure);
	if (config->pidfile != NULL)
		status = pid_file_open(config->pidfile);
	run_let_signals_kill(true); /* a name takes its time to resolve */
	if (status == STATUS_OK)
		status = listener_open(&listener, &config->listen, &config->endpoint);
	run_let_signals_kill(false);
	if (status == STATUS_OK)
		status = announce_and_serve(&listener, config);
	listener_close(&listener);
	return status;
}

int
main(int argc, char **argv)
{
	struct server_config config;
	int status = STATUS_OK;

	run_begin("sockecho-server");
	config_parse(&config, argc, argv);
	if (config.daemon)
		status = daemon_start(config.listen.fd, config.listen.ready_fd);
	if (status == STATUS_OK)
		status = open_and_serve(&config);
	access_free(&config.listen.access);
	return run_finish(status);
}
