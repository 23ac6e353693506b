/* main.c - sockecho-server: send back what is received.
 * Row tool. */
#include "run/failure.h"
#include "run/run.h"
#include "sockecho-server/config.h"
#include "sockecho-server/daemon.h"
#include "sockecho-server/serving.h"
#include "sockecho-server/stats.h"

#include <errno.h>

/* Plan which connection has which faults. */
static int
plan_faults(struct server_config *config, struct failure *failure)
{
	const struct fault_line first = { FAULTS_INIT, true, config->reset_first };
	const struct fault_line rest = { config->faults, false, 1 };

	if (config->faults_file != NULL)
		return fault_plan_read(
		    &config->plan, config->faults_file, !config->listen.address.is_unix, failure);
	if ((config->reset_first > 0 && fault_plan_add(&config->plan, &first) == -1) ||
	    fault_plan_add(&config->plan, &rest) == -1)
		return failure_errno(failure, ENOMEM, "plan the faults");
	return 0;
}

/* Prepare the process: background, signals and pid file. */
static int
prepare(const struct server_config *config, struct failure *failure)
{
	if (config->daemon &&
	    daemon_start(config->listen.fd, config->listen.ready_fd, failure) == -1)
		return -1;
	stats_on_sigusr1();
	if (run_catch_signals(
		RUN_ENDS_BY_SIGNAL | (config->daemon ? RUN_IN_BACKGROUND : 0), failure) == -1)
		return -1;
	return config->pidfile == NULL ?
		   0 :
		   pid_file_open(config->pidfile, &config->listen.user, failure);
}

/* Announce readiness only when everything is ready. */
static int
serve(struct listener *listener, const struct server_config *config)
{
	const struct serving *serving =
	    listener->sock.type == SOCK_DGRAM ? &serving_datagrams : &serving_streams;
	static ASIDE struct failure failure;
	struct server *server;
	int status = STATUS_OK;

	server = serving->open(listener, config, &failure);
	if (server == NULL)
		return failure_report(&failure);
	if (listener_announce(listener, &config->listen, &failure) == -1) {
		status = failure_report(&failure);
		serving->close(server);
		return status;
	}
	if (config->daemon)
		daemon_ready();
	if (server_run(server, &failure) == -1)
		status = failure_report(&failure);
	serving->close(server);
	stats_report();
	return status;
}

int
main(int argc, char **argv)
{
	struct server_config config;
	struct listener listener = LISTENER_INIT;
	static ASIDE struct failure failure;
	int status = STATUS_OK;

	run_begin("sockecho-server");
	config_parse(&config, argc, argv);
	if (plan_faults(&config, &failure) == -1 || prepare(&config, &failure) == -1 ||
	    listener_open(&listener, &config.listen, &config.endpoint, &failure) == -1)
		status = failure_report(&failure);
	else if (sku_fileno(&listener.sock) != -1)
		status = serve(&listener, &config);
	listener_close(&listener);
	access_free(&config.listen.access);
	fault_plan_free(&config.plan);
	pid_file_remove();
	return run_finish(status);
}
