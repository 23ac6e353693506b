/* main.c - sockwait: wait until services are there.
 * Row tool. */
#include "run/failure.h"
#include "run/run.h"
#include "sockwait/config.h"
#include "sockwait/schedule.h"

int
main(int argc, char **argv)
{
	struct wait_config config;
	static ASIDE struct failure failure;
	int status;

	run_begin("sockwait");
	config_parse(&config, argc, argv);
	schedule_count_on_sigusr1();
	status = run_catch_signals(0, &failure);
	if (status == 0)
		status = schedule_run(&config, &failure);
	if (status == -1)
		status = failure_report(&failure);
	config_free(&config);
	return run_finish(status);
}
