/* main.c - sockecho-server: send back what is received.
 * Row tool. */
#include "run/output.h"
#include "run/run.h"
#include "run/signals.h"
#include "run/status.h"
#include "sockecho-server/config.h"
#include "sockecho-server/daemon.h"
#include "sockecho-server/datagrams.h"
#include "sockecho-server/stats.h"
#include "sockecho-server/streams.h"
static int
announce_and_serve(
    struct listener *listener, const struct server_config *config, struct term_signals *signals)
{
	int status = listener_announce(listener, &config->listen);

	if (status != STATUS_OK)
		return status;
	if (config->daemon)
		daemon_ready();
	status = listener->sock.type == SOCK_DGRAM ? datagrams_serve(listener, config, signals) :
						     streams_serve(listener, config, signals);
	stats_report();
	return status;
}

static int
open_and_serve(const struct server_config *config, struct term_signals *signals)
{
	struct listener listener = LISTENER_INIT;
	struct pidfh *pid_file = NULL;
	int status;

	stats_on_sigusr1();
	status = config->pidfile != NULL ? pid_file_open(&pid_file, config->pidfile) : STATUS_OK;
	if (status == STATUS_OK)
		status =
		    listener_open(&listener, &config->listen, &config->endpoint, &config->timeouts);
	/* Not before: a name that takes its time to resolve must not keep SIGINT waiting. */
	if (status == STATUS_OK)
		status = signals_open(signals, config->daemon);
	if (status == STATUS_OK)
		status = announce_and_serve(&listener, config, signals);
	listener_close(&listener);
	pid_file_remove(pid_file);
	signals_close(signals);
	return status;
}

int
main(int argc, char **argv)
{
	struct term_signals signals = TERM_SIGNALS_INIT;
	struct server_config config;
	int status = STATUS_OK;

	run_begin("sockecho-server");
	config_parse(&config, argc, argv);
	if (config.daemon)
		status = daemon_start(config.listen.fd, config.listen.ready_fd);
	if (status == STATUS_OK)
		status = open_and_serve(&config, &signals);
	if (output_flush() != STATUS_OK && status == STATUS_OK)
		status = STATUS_FAILED;
	run_die_of_signal(signals_fatal(&signals));
	access_free(&config.listen.access);
	return status;
}
