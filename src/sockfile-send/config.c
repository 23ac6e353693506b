/* config.c - the options of sockfile-send.
 * Row tool. */
#include "sockfile-send/config.h"

#include "net/habits.h"
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

/* A mode of our own. */
enum { MODE_VERIFIED = MODES_END };

#define END_MARK_MAX 65536

static const char *
set_name(void *member, const char *value)
{
	if (!wire_name_is_plain(value, strlen(value)))
		return "a plain name (1 to 250 bytes of UTF-8, no '/', no leading '.' or '-', no "
		       "control characters, not ending in .part)";
	*(const char **)member = value;
	return NULL;
}

static const char *
set_end_mark(void *member, const char *value)
{
	if (*value == '\0' || strlen(value) > END_MARK_MAX)
		return "a text of 1 to 65536 bytes";
	*(const char **)member = value;
	return NULL;
}

static const struct option_row options[] = {
	OPTION_GROUP("Address"),
	FLAG(0, "listen", struct send_config, peer.listening,
	    "wait for the receiver instead of connecting"),
	OPTION_INCLUDE(struct send_config, peer, struct peer_options, peer_options),
	COUNT('c', "connections", "N", struct send_config, connections, 1, INT64_MAX, 1,
	    "serve N receivers, at once if they come at once", .none = 1, .needs = MODE_LISTENS),
	OPTION_GROUP("File"),
	SIZE(0, "offset", struct send_config, offset, 0, INT64_MAX, 0,
	    "start at this byte of FILE, counted from 0"),
	SIZE(0, "count", struct send_config, count, 1, INT64_MAX, SKU_SENDFILE_ALL,
	    "send exactly that many bytes", .preset_text = "default: to the end of FILE"),
	SETS(OPTION_OTHER, 0, "end-mark", "TEXT", struct send_config, end_mark, const char *,
	    set_end_mark, "standard input must end with TEXT, which is not sent"),
	SIZE(0, "limit-rate", struct send_config, limit_rate, 1, INT64_C(1) << 50, UNLIMITED,
	    "send at most SIZE bytes a second", .preset_text = "no limit by default"),
	OPTION_GROUP("Time"),
	OPTION_INCLUDE_FOR(&run.timeouts, timeout_options),
	OPTION_INCLUDE_FOR(&run.timeouts, max_time_options),
	OPTION_GROUP("Progress"),
	OPTION_INCLUDE(struct send_config, progress, enum progress_mode, progress_options),
	OPTION_GROUP("Verified transfers"),
	FLAG(0, "verify", struct send_config, verify,
	    "know that it arrived whole, on disk, under its name"),
	SETS(OPTION_OTHER, 0, "name", "NAME", struct send_config, name, const char *, set_name,
	    "give FILE this name if it has none (-, a FIFO, ...)", .needs = MODE_VERIFIED),
	COUNT(0, "retry", "N", struct send_config, retries, 0, INT64_MAX, RETRIES_NOT_GIVEN,
	    "go on after a lost connection, N times at most", .preset_text = "default 0",
	    .needs = MODE_VERIFIED),
	TEXT(OPTION_FILE, 0, "key", "FILE", struct send_config, key_file,
	    "encrypt with the secret in FILE; implies --verify"),
	OPTION_COMMON,
	OPTION_END_ROW,
};

static const struct option_need needs[] = {
	{ MODE_VERIFIED, "is about verified transfers: it goes with --verify" },
	{ MODE_CONNECTS, "is about connecting: it does not go with --listen" },
	{ MODE_LISTENS, "goes with --listen" },
	NEED_OPENS,
	NEED_INET,
	NEED_PATH,
	{ 0, NULL },
};

static const char habits[] = "-l\t--listen waits for the receiver instead of connecting\n"
			     "-k --keep-open\t-c none, with --listen, serves receivers for ever\n"
			     "--connect\tit connects unless --listen is given\n"
			     "--resume --dir --force --preserve --mode --size --max-size --sha256\t"
			     "that is an option of sockfile-recv, at the other end\n"
			     "-z\tsockecho-client --connect-only connects and says nothing\n"
			     "-u --udp\ta file goes over a stream: datagrams may be lost\n";
static const char *const hints[] = { habits, file_habits, connecting_habits, network_habits, NULL };

static const char *const synopsis[] = { "[options] HOST PORT FILE", "[options] -U PATH FILE",
	"[options] --listen [HOST:]PORT FILE", "--verify [options] HOST PORT FILE...", NULL };

static const struct command command = {
	.name = "sockfile-send",
	.synopsis = synopsis,
	.summary = "Send a file (-: standard input) and know that it arrived.",
	.operands = "host port file...",
	.options = options,
	.needs = needs,
	.hints = hints,
};

/* How many of the operands are an address; the rest are FILEs. */
static size_t
address_operands(const struct peer_options *peer, char *const *operands, size_t count)
{
	if (peer->listen.fd != -1)
		return 0;
	if (count == 0 || operand_has_port(&peer->address, operands[0]))
		return count == 0 ? 0 : 1;
	if (!peer->listening)
		return count < 2 ? count : 2;
	/* --listen PORT FILE; but `HOST PORT FILE`, as other listeners take it, is accepted. */
	return !value_is_digits(operands[0]) && count > 2 && value_is_digits(operands[1]) ? 2 : 1;
}

/* Is it a descriptor, as /dev/fd/63, which a shell makes of <(command), or /proc/self/fd/63?  Its
 * number is not a name.  base is behind the last slash of file. */
static bool
is_descriptor(const char *file, const char *base)
{
	return strcmp(file, "-") == 0 || strcmp(file, "/dev/stdin") == 0 ||
	       strncmp(file, "/dev/fd/", 8) == 0 ||
	       (strncmp(file, "/proc/", 6) == 0 && base - file >= 10 &&
		   strncmp(base - 4, "/fd/", 4) == 0);
}

const char *
config_transfer_name(const char *file)
{
	const char *slash = strrchr(file, '/'), *base = slash != NULL ? slash + 1 : file;

	return !is_descriptor(file, base) && wire_name_is_plain(base, strlen(base)) ? base : NULL;
}

/* Does the FILE have a name, which --name must not change? */
static bool
has_own_name(const char *file)
{
	struct stat st;

	return config_transfer_name(file) != NULL && strncmp(file, "/proc/", 6) != 0 &&
	       stat(file, &st) == 0 && S_ISREG(st.st_mode);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Several files are sent under their names: check that these are valid and differ. */
static void
check_names(const struct send_config *c)
{
	const char **names = calloc(c->file_count, sizeof(*names));

	if (names == NULL)
		opt_no_memory("compare the names of the FILEs");
	for (size_t i = 0; i < c->file_count; i++) {
		if (strcmp(c->files[i], "-") == 0)
			opt_usage_error("standard input goes alone, not among several FILEs");
		names[i] = config_transfer_name(c->files[i]);
		if (names[i] == NULL)
			opt_usage_error("among several FILEs, '%s' has no name that a receiver may "
					"take (1 to 250 bytes of UTF-8, no leading '.' or '-', no "
					"control characters, not ending in .part, no descriptor)",
			    opt_quote(c->files[i]));
	}
	qsort(names, c->file_count, sizeof(*names), compare_names);
	for (size_t i = 1; i < c->file_count; i++) {
		if (strcmp(names[i - 1], names[i]) == 0)
			opt_usage_error("two FILEs have the name '%s'", opt_quote(names[i]));
	}
	free(names);
}

static void
check_combinations(const struct send_config *c)
{
	const char *port = c->peer.endpoint.port;

	if (c->file_count == 0 && port != NULL && !value_is_digits(port) && access(port, F_OK) == 0)
		opt_usage_error("a PORT is missing before '%s': %s", opt_quote(port),
		    c->peer.listening ? "[HOST:]PORT FILE" : "HOST PORT FILE");
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
	if (c->end_mark != NULL && (c->file_count > 1 || strcmp(c->files[0], "-") != 0))
		opt_usage_error("option '--end-mark' is about standard input (-) alone");
	if (c->end_mark != NULL && c->count != SKU_SENDFILE_ALL)
		opt_usage_error("--end-mark and --count both say where standard input ends: give "
				"one of them");
	if (c->end_mark != NULL && c->peer.listening && c->connections != 1)
		opt_usage_error("with --end-mark standard input is read once: --connections has no "
				"more than one to serve");
	if (c->count != SKU_SENDFILE_ALL && c->offset > INT64_MAX - c->count)
		opt_usage_error("--offset and --count together are too large");
}

static void
load_key_library(const struct send_config *c)
{
	const char *reason;

	if (c->key_file != NULL && (!tls_load(&reason) || !sha256_load(&reason)))
		opt_cannot("prepare for --key", reason);
}

static void
check_files(const struct options *parsed, const struct send_config *c)
{
	struct named_file files[] = { endpoint_file(&c->peer.endpoint, c->peer.listening),
		{ .what = "FILE" } };

	for (size_t i = 0; i < c->file_count; i++) {
		files[1].path = c->files[i];
		files_check(parsed, files, 2);
	}
}

void
config_parse(struct send_config *config, int argc, char **argv)
{
	struct options parsed;
	uint32_t modes;
	size_t address;

	*config = (struct send_config){ .offset = 0 };
	opt_parse(&parsed, &command, config, argc, argv);
	config->verify = config->verify || config->key_file != NULL;
	if (!peer_options_is_open(&config->peer) && !config->peer.address.is_unix)
		habits_check_order(parsed.operands, parsed.operand_count, "HOST PORT FILE");
	address = address_operands(&config->peer, parsed.operands, parsed.operand_count);
	config->files = parsed.operands + address;
	config->file_count = parsed.operand_count - address;
	load_key_library(config);
	modes = peer_options_finish(&config->peer, parsed.operands, address);
	if (config->verify)
		modes |= MODE_VERIFIED;
	opt_check_modes(&parsed, modes);
	if (config->retries != RETRIES_NOT_GIVEN)
		peer_options_check_retry(&config->peer);
	check_combinations(config);
	check_files(&parsed, config);
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
	free(config->opened);
	access_free(&config->peer.listen.access);
}
