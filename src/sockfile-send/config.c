/* config.c - the options of sockfile-send.
 * Row tool. */
#include "sockfile-send/config.h"

#include "options/run_options.h"
#include "options/values.h"
#include "sockfile-send/source.h"
#include "transfer/sha256.h"
#include "transfer/tls.h"
#include "transfer/wire.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	OPT_LISTEN = 400,
	OPT_OFFSET,
	OPT_COUNT,
	OPT_LIMIT_RATE,
	OPT_VERIFY,
	OPT_NAME,
	OPT_RETRY,
	OPT_KEY,
};

/* Modes of our own. */
enum {
	VERIFIED = MODES_END,
};

#define ABOUT_CONNECTING "is about connecting: it does not go with --listen"
#define ABOUT_LISTENING "goes with --listen"
#define ABOUT_VERIFIED "is about verified transfers: it goes with --verify"

static const struct option_row options[] = {
	OPTION_GROUP("Where to"),
	{ OPT_LISTEN, "listen", NULL, "wait for the receiver instead of connecting", 0, NULL },
	PEER_OPTION_ROWS(ABOUT_CONNECTING, ABOUT_LISTENING),
	{ 'c', "connections", "N", "serve N receivers, at once if they come at once (1); none",
	    MODE_LISTENS, ABOUT_LISTENING },
	OPTION_GROUP("What to send, and how"),
	{ OPT_OFFSET, "offset", "SIZE", "start at this byte of FILE (0)", 0, NULL },
	{ OPT_COUNT, "count", "SIZE", "send exactly that much", 0, NULL },
	{ OPT_LIMIT_RATE, "limit-rate", "SIZE", "at most SIZE bytes a second", 0, NULL },
	TIMEOUT_OPTION_ROW(0, NULL),
	MAX_TIME_OPTION_ROW,
	PROGRESS_OPTION_ROWS,
	OPTION_GROUP("Verified transfers"),
	{ OPT_VERIFY, "verify", NULL, "know that it arrived whole, on disk, under its name", 0,
	    NULL },
	{ OPT_NAME, "name", "NAME", "the name of what has none: standard input, a FIFO, ...",
	    VERIFIED, ABOUT_VERIFIED },
	{ OPT_RETRY, "retry", "N", "go on after a lost connection, N times at most", VERIFIED,
	    ABOUT_VERIFIED },
	{ OPT_KEY, "key", "FILE", "encrypt with the secret in FILE; implies --verify", 0, NULL },
	COMMON_OPTION_ROWS,
	OPTION_END,
};

static const char *const synopsis[] = { "[options] HOST PORT FILE", "[options] -U PATH FILE",
	"[options] --listen [HOST:]PORT FILE", "--verify [options] HOST PORT FILE...", NULL };

static const struct command command = { "sockfile-send", synopsis,
	"Send a file (-: standard input) and know that it arrived.", options };

static void
take_option(struct send_config *c, int id, const char *value)
{
	switch (id) {
	case OPT_LISTEN:
		c->peer.listening = true;
		break;
	case 'c':
		c->connections = value_count_or_none("connections", value, 1, INT64_MAX);
		break;
	case OPT_OFFSET:
		c->offset = value_size("offset", value, 0, INT64_MAX);
		break;
	case OPT_COUNT:
		c->count = value_size("count", value, 1, INT64_MAX);
		break;
	case OPT_VERIFY:
		c->verify = true;
		break;
	case OPT_NAME:
		if (!wire_name_is_plain(value, strlen(value)))
			opt_usage_error("option '--name' takes a plain name (1 to 250 bytes of "
					"UTF-8, no '/', no leading '.' or '-', no control "
					"characters, not ending in .part), not '%s'",
			    value);
		c->name = value;
		break;
	case OPT_RETRY:
		c->retries = value_count("retry", value, 0, INT64_MAX);
		break;
	case OPT_KEY:
		c->key_file = value;
		c->verify = true;
		break;
	case OPT_LIMIT_RATE:
		c->limit_rate = value_size("limit-rate", value, 1, INT64_C(1) << 50);
		break;
	default:
		if (!progress_take_option(&c->progress, id))
			(void)peer_options_take_option(&c->peer, id, value);
	}
}

/* How many of the operands say where to; the rest are FILEs. */
static size_t
address_operands(const struct peer_options *peer, const char *const *operands, size_t count)
{
	if (peer->listen.fd != -1)
		return 0;
	if (count == 0 || operand_has_port(&peer->address, operands[0]))
		return count == 0 ? 0 : 1;
	if (!peer->listening)
		return count < 2 ? count : 2;
	/* --listen PORT FILE; but `HOST PORT FILE`, as other listeners take it, is understood. */
	return !value_is_digits(operands[0]) && count > 2 && value_is_digits(operands[1]) ? 2 : 1;
}

/* As /dev/fd/63, which a shell makes of <(command): the number is no name. */
static bool
is_descriptor(const char *file)
{
	return strcmp(file, "-") == 0 || strcmp(file, "/dev/stdin") == 0 ||
	       strncmp(file, "/dev/fd/", 8) == 0 || strncmp(file, "/proc/", 6) == 0;
}

const char *
config_transfer_name(const char *file)
{
	const char *slash = strrchr(file, '/'), *base = slash != NULL ? slash + 1 : file;

	return !is_descriptor(file) && wire_name_is_plain(base, strlen(base)) ? base : NULL;
}

/* One that --name is not to change. */
static bool
has_own_name(const char *file)
{
	struct stat st;

	return config_transfer_name(file) != NULL && stat(file, &st) == 0 && S_ISREG(st.st_mode);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Several files travel under their names, which must do for that and differ. */
static void
check_names(const struct send_config *c)
{
	const char **names = calloc(c->file_count, sizeof(*names));

	if (names == NULL)
		opt_usage_error("no memory for %zu FILEs", c->file_count);
	for (size_t i = 0; i < c->file_count; i++) {
		if (strcmp(c->files[i], "-") == 0)
			opt_usage_error("standard input goes alone, not among several FILEs");
		names[i] = config_transfer_name(c->files[i]);
		if (names[i] == NULL)
			opt_usage_error("among several FILEs, '%s' has no name that a receiver may "
					"take (no leading '.' or '-', no control characters, not "
					"ending in .part)",
			    c->files[i]);
	}
	qsort(names, c->file_count, sizeof(*names), compare_names);
	for (size_t i = 1; i < c->file_count; i++) {
		if (strcmp(names[i - 1], names[i]) == 0)
			opt_usage_error("two FILEs have the name '%s'", names[i]);
	}
	free(names);
}

static void
check_combinations(const struct send_config *c)
{
	if (c->file_count == 0)
		opt_usage_error("a FILE is missing: what to send (-: standard input)");
	if (c->file_count > 1 && !c->verify)
		opt_usage_error(
		    "more than one FILE needs --verify: a raw stream has no ends of files");
	if (c->file_count > WIRE_FILES_MAX)
		opt_usage_error("at most %d FILEs go in one transfer", WIRE_FILES_MAX);
	for (size_t i = 0; i < c->file_count; i++) {
		if (*c->files[i] == '\0')
			opt_usage_error("FILE is empty");
	}
	if (c->file_count > 1)
		check_names(c);
	if (c->file_count > 1 && (c->offset > 0 || c->count != SKU_SENDFILE_ALL))
		opt_usage_error("--offset and --count are about one FILE");
	if (c->name != NULL && c->file_count > 1)
		opt_usage_error("option '--name' is about one FILE");
	if (c->name != NULL && has_own_name(c->files[0]))
		opt_usage_error("option '--name' is about a FILE that has no name to go by: "
				"standard input (-), a FIFO, a device, <(command), or one whose "
				"name no receiver takes");
	if (c->count != SKU_SENDFILE_ALL && c->offset > INT64_MAX - c->count)
		opt_usage_error("--offset and --count together are too large");
}

static void
load_key_library(const struct send_config *c)
{
	const char *reason;

	if (c->key_file != NULL && (!tls_load(&reason) || !sha256_load(&reason)))
		opt_usage_error("option '--key' is not possible: %s", reason);
}

void
config_parse(struct send_config *config, int argc, char **argv)
{
	const char **operands;
	struct opt_parser parser;
	const char *value;
	size_t count = 0, address;
	unsigned modes;
	int id;

	*config = (struct send_config){ .peer = PEER_OPTIONS_INIT,
		.count = SKU_SENDFILE_ALL,
		.connections = 1,
		.limit_rate = UNLIMITED,
		.retries = RETRIES_NOT_GIVEN };
	config->operands = operands = calloc((size_t)argc + 1, sizeof(*operands));
	if (operands == NULL)
		opt_usage_error("no memory for the command line");
	opt_init(&parser, &command, argc, argv);
	while ((id = opt_next(&parser, &value)) != OPT_DONE) {
		if (id == OPT_OPERAND)
			operands[count++] = value;
		else
			take_option(config, id, value);
	}
	(void)peer_options_is_open(&config->peer);
	address = address_operands(&config->peer, operands, count);
	config->files = operands + address;
	config->file_count = count - address;
	load_key_library(config);
	modes = peer_options_finish(&config->peer, &parser, operands, address);
	if (config->verify)
		modes |= VERIFIED;
	opt_check_modes(&parser, modes);
	if (opt_given(&parser, OPT_RETRY))
		peer_options_check_retry(&config->peer);
	check_combinations(config);
}

static int64_t
file_size(const char *file)
{
	int64_t size = SIZE_UNKNOWN;
	struct stat st;
	int fd;

	if (stat(file, &st) == -1)
		return SIZE_UNKNOWN;
	if (!S_ISBLK(st.st_mode))
		return source_size(-1, &st);
	fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd != -1) {
		size = source_size(fd, &st);
		(void)close(fd);
	}
	return size;
}

int64_t
config_total_size(const struct send_config *config)
{
	int64_t total = 0;

	for (size_t i = 0; i < config->file_count; i++) {
		int64_t size = file_size(config->files[i]);

		if (size == SIZE_UNKNOWN || __builtin_add_overflow(total, size, &total))
			return SIZE_UNKNOWN;
	}
	if (config->count != SKU_SENDFILE_ALL)
		return config->count;
	return total > config->offset ? total - config->offset : 0;
}

void
config_free(struct send_config *config)
{
	free(config->operands);
	free(config->opened);
	access_free(&config->peer.listen.access);
}
