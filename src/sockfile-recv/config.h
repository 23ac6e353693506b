/* config.h - what the command line of sockfile-recv says. */
#ifndef RECV_CONFIG_H
#define RECV_CONFIG_H

#include "net/peer_options.h"
#include "run/progress.h"
#include "sockfile-recv/target.h"
#include "transfer/secret.h"
#include "transfer/sha256.h"

struct recv_config {
	struct peer_options peer;
	const char **operands;
	const char *file; /* as typed; "-": standard output; NULL with --dir */
	struct target_options options;
	int64_t size;	  /* what must arrive; UNLIMITED: whatever comes */
	int64_t max_size; /* UNLIMITED */
	bool sha256_given;
	unsigned char sha256[SHA256_BYTES];
	enum progress_mode progress;
	bool verify;	      /* nothing else is accepted */
	bool preserve;	      /* mode and time of what was offered */
	int64_t retries;      /* 0: none */
	const char *dir;      /* --dir: several files, under the names that they have; NULL */
	int dir_fd;	      /* it, once it is open; else -1 */
	int64_t connections;  /* with it: how many to take; -1: for ever */
	const char *key_file; /* NULL: no key */
	uint8_t key[SECRET_KEY_BYTES];
};

/* Misuse ends the program with status 2. */
void config_parse(struct recv_config *config, int argc, char **argv);
void config_free(struct recv_config *config);

#endif
