/* run.h - one process: how this run of the program speaks, and its beginning. */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include <stdbool.h>

/* How this run of the program speaks; set while options are parsed. */
struct run {
	const char *program;
	bool quiet;
	int verbose;
	bool json;
	bool stdout_is_data; /* records and the readiness line go to standard error */
};
extern struct run run;

/* The first thing a program does: its name, descriptors 0 to 2 that are open (closed ones would be
 * given to the next socket), SIGPIPE ignored. */
void run_begin(const char *program);

#endif
