/* config.h - the options of sockwait. */
#ifndef SOCKWAIT_CONFIG_H
#define SOCKWAIT_CONFIG_H

#include "sockwait/probe.h"
#include "sockwait/targets.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wait_config {
	struct probe_options probe;
	int64_t timeout_ns;  /* 0: each TARGET is tried once; SKU_NO_TIMEOUT */
	int64_t interval_ns; /* between the starts of two tries; 0: it grows */
	bool any;	     /* one TARGET is enough */
	bool gone;	     /* wait until none answers any more */
	struct target *targets;
	size_t count;
};

/* Misuse ends the program with status 2. */
void config_parse(struct wait_config *config, int argc, char **argv);
void config_free(struct wait_config *config);

#endif
