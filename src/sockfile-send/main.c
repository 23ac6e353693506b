/* main.c - sockfile-send: send a file and know that it arrived.
 * Row tool. */
#include "config.h"
#include "endsignal.h"
#include "raw.h"
#include "report.h"
#include "source.h"
#include "tally.h"

#include <errno.h>

static int
open_signals(struct cli_end_signals *signals)
{
	return cli_end_signals_open(signals, false) == 0 ?
		   CLI_OK :
		   cli_error_errno(CLI_FAILED, errno, "prepare for signals");
}

static int
connect_and_send(
    const struct send_config *config, struct source *source, struct cli_end_signals *signals)
{
	SKU_AUTOCLOSE struct sku_sock sock = SKU_SOCK_INIT;
	const struct transfer_link *link = &config->link;
	int status = cli_dial(&link->dial, &link->endpoint, &link->limits, &sock);

	if (status == CLI_OK)
		status = open_signals(signals);
	return status == CLI_OK ? raw_send(config, source, &sock, signals) : status;
}

static int
listen_and_send(
    const struct send_config *config, struct source *source, struct cli_end_signals *signals)
{
	struct cli_listener listener = CLI_LISTENER_INIT;
	const struct transfer_link *link = &config->link;
	int status = cli_listener_open(&listener, &link->listen, &link->endpoint, &link->limits);

	if (status == CLI_OK)
		status = open_signals(signals);
	if (status == CLI_OK)
		status = cli_listener_announce(&listener, &link->listen);
	if (status == CLI_OK)
		status = raw_serve(config, source, &listener, signals);
	cli_listener_close(&listener);
	return status;
}

static int
run(const struct send_config *config, struct cli_end_signals *signals)
{
	struct source source;
	int status = source_open(&source, config->files[0], config->offset, config->count);

	if (status == CLI_OK && config->link.listening && config->connections != 1 &&
	    !source.seekable)
		status = cli_error(CLI_USAGE, 0,
		    "it can be read once: --connections has no more than one to serve", "read %s",
		    source.name);
	if (status == CLI_OK)
		status = config->link.listening ? listen_and_send(config, &source, signals) :
						  connect_and_send(config, &source, signals);
	source_close(&source);
	return status;
}

int
main(int argc, char **argv)
{
	struct cli_end_signals signals = CLI_END_SIGNALS_INIT;
	struct send_config config;
	int status;

	cli_start("sockfile-send");
	config_parse(&config, argc, argv);
	transfer_tally_on_sigusr1();
	status = run(&config, &signals);
	cli_end_signals_close(&signals);
	config_free(&config);
	if (cli_flush() != CLI_OK && status == CLI_OK)
		status = CLI_FAILED;
	cli_die_of(signals.first);
	return status;
}
