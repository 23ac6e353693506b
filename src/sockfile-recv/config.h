/* config.h - the command line of sockfile-recv. */
#ifndef RECV_CONFIG_H
#define RECV_CONFIG_H

#include "net/peer_options.h"
#include "run/progress.h"
#include "sockfile-recv/target.h"
#include "transfer/secret.h"
#include "transfer/sha256.h"

struct recv_config {
	struct peer_options peer;
	const char *file; /* as written; "-": standard output; NULL with --dir */
	struct target_options options;
	int64_t size;	  /* the size that must arrive; UNLIMITED: any */
	int64_t max_size; /* or UNLIMITED */
	bool sha256_given;
	unsigned char sha256[SHA256_BYTES];
	enum progress_mode progress;
	bool verify;	 /* accept verified transfers only */
	bool preserve;	 /* keep the mode and the time that the sender offers */
	int64_t retries; /* how many; 0: none */
	/* An option that was given and means nothing for a FIFO or a device; NULL: none. */
	const char *disk_option;
	/* --dir: store several files in this directory, under the sender's names; NULL: one file */
	const char *dir;
	struct place *place;  /* the directory, once it is open; else NULL */
	int64_t connections;  /* with --dir: how many connections to accept; -1: no limit */
	const char *key_file; /* NULL: no key */
	uint8_t key[SECRET_KEY_BYTES];
};

/* Parse the command line.  Misuse ends the program with status 2.  Free it with config_free(). */
void config_parse(struct recv_config *config, int argc, char **argv);
void config_free(struct recv_config *config);

#endif
