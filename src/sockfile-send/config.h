/* config.h - the command line of sockfile-send. */
#ifndef SEND_CONFIG_H
#define SEND_CONFIG_H

#include "net/peer_options.h"
#include "run/progress.h"
#include "run/rate.h"
#include "transfer/secret.h"

#define RETRIES_NOT_GIVEN INT64_C(-1)

struct send_config {
	struct peer_options peer;
	char *const *files; /* the last operands, as typed; "-": standard input */
	size_t file_count;
	int *opened; /* their open descriptors; NULL: each is opened when its turn comes */
	int64_t offset;
	int64_t count;	     /* SKU_SENDFILE_ALL */
	int64_t connections; /* with --listen: how many to serve; -1: no limit */
	int64_t limit_rate;  /* UNLIMITED */
	bool verify;
	const char *name;     /* for a FILE without a name; NULL: not given */
	const char *end_mark; /* what standard input must end with; NULL: not given */
	int64_t retries;      /* RETRIES_NOT_GIVEN without --retry */
	const char *key_file; /* NULL: no key */
	uint8_t key[SECRET_KEY_BYTES];
	enum progress_mode progress;
};

/* The name that is sent with a FILE: its base name.  NULL for standard input and other descriptors,
 * and for a name that no receiver takes. */
const char *config_transfer_name(const char *file);
/* The bytes of all FILEs together; SIZE_UNKNOWN if one of them has no size. */
int64_t config_total_size(const struct send_config *config);
/* Misuse ends the program with status 2. */
void config_parse(struct send_config *config, int argc, char **argv);
void config_free(struct send_config *config);

#endif
