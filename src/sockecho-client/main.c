/* main.c - sockecho-client: talk to an echo server.
 * Row tool. */
#include "run/run.h"
#include "run/status.h"
#include "sockecho-client/config.h"
#include "sockecho-client/modes.h"
#include "sockecho-client/peer.h"

static int
run_mode(const struct client_config *config)
{
	switch (config->mode) {
	case MESSAGES:
		return run_messages(config);
	case STREAM:
		return run_stream(config);
	case PROMPT:
		return run_prompt(config);
	case DATAGRAMS:
		return run_datagrams(config);
	case PING:
		return run_ping(config);
	case CONNECT_ONLY:
		return run_connect_only(config);
	}
	return STATUS_USAGE;
}

int
main(int argc, char **argv)
{
	struct client_config config;
	int status;

	run_begin("sockecho-client");
	config_parse(&config, argc, argv);
	peer_count_on_sigusr1();
	status = run_mode(&config);
	return run_finish(status);
}
