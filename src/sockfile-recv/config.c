/* config.c - the options of sockfile-recv.
 * Row tool. */
#include "sockfile-recv/config.h"

#include "net/habits.h"
#include "options/run_options.h"
#include "options/values.h"
#include "run/rate.h"
#include "run/run.h"
#include "transfer/tls.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Modes of our own. */
enum {
	MODE_TO_DIRECTORY = MODES_END,
	MODE_TO_FILE = 2 * MODES_END,
	MODE_TO_DISK = 4 * MODES_END,
};

static const char *
set_mode(void *member, const char *value)
{
	return value_mode(value, member) ? NULL : VALUE_MODE_TEXT;
}

static const char *
set_sha256(void *member, const char *value)
{
	struct recv_config *config = member;

	if (!sha256_parse(value, config->sha256))
		return "64 hexadecimal digits";
	config->sha256_given = true;
	return NULL;
}

static const struct option_row options[] = {
	OPTION_GROUP("Address"),
	UNSET(0, "connect", struct recv_config, peer.listening,
	    "connect to the sender instead of waiting for it"),
	OPTION_INCLUDE(struct recv_config, peer, struct peer_options, peer_options),
	OPTION_GROUP("File"),
	FLAG(0, "force", struct recv_config, options.force, "replace FILE if it is there",
	    .needs = MODE_TO_DISK),
	SIZE(0, "size", struct recv_config, size, 0, INT64_MAX, UNLIMITED,
	    "fail unless exactly SIZE bytes arrive", .needs = MODE_TO_FILE),
	SIZE(0, "max-size", struct recv_config, max_size, 0, INT64_MAX, UNLIMITED,
	    "refuse more than SIZE bytes", .preset_text = "no limit by default"),
	/* No macro fits: it sets two members. */
	{ .kind = OPTION_OTHER,
	    .name = "sha256",
	    .arg = "HEX",
	    .set = set_sha256,
	    .help = "fail unless this is the SHA-256 of what arrives",
	    .needs = MODE_TO_FILE },
	SETS(OPTION_OTHER, 0, "mode", "OCTAL", struct recv_config, options.mode, mode_t, set_mode,
	    "give FILE this mode", .preset_text = "default: 666 less the umask",
	    .needs = MODE_TO_DISK),
	OPTION_GROUP("Time"),
	OPTION_INCLUDE_FOR(&run.timeouts, timeout_options),
	OPTION_INCLUDE_FOR(&run.timeouts, max_time_options),
	OPTION_GROUP("Progress"),
	OPTION_INCLUDE(struct recv_config, progress, enum progress_mode, progress_options),
	OPTION_GROUP("Verified transfers"),
	FLAG(0, "verify", struct recv_config, verify, "accept verified transfers alone"),
	FLAG(0, "resume", struct recv_config, options.resume,
	    "continue FILE.part; implies --verify", .needs = MODE_TO_DISK),
	COUNT(0, "retry", "N", struct recv_config, retries, 0, INT64_MAX, 0,
	    "go on after a lost connection, N times at most; implies --verify",
	    .preset_text = "default 0", .needs = MODE_TO_DISK),
	TEXT(OPTION_DIRECTORY, 0, "dir", "DIR", struct recv_config, dir,
	    "take files into DIR, under the names they have; implies --verify"),
	COUNT('c', "connections", "N", struct recv_config, connections, 1, INT64_MAX, 1,
	    "take N connections", .none = 1, .needs = MODE_TO_DIRECTORY | MODE_LISTENS),
	FLAG(0, "preserve", struct recv_config, preserve,
	    "apply the sender's mode and time; implies --verify", .excludes = "mode",
	    .needs = MODE_TO_DISK),
	TEXT(OPTION_FILE, 0, "key", "FILE", struct recv_config, key_file,
	    "accept only a sender with the secret in FILE; implies --verify"),
	OPTION_COMMON,
	OPTION_END_ROW,
};

static const struct option_need needs[] = {
	{ MODE_CONNECTS, "is about connecting: it goes with --connect" },
	{ MODE_LISTENS, "is about listening: it does not go with --connect" },
	NEED_OPENS,
	NEED_INET,
	NEED_PATH,
	{ MODE_TO_DIRECTORY, "goes with --dir" },
	{ MODE_TO_FILE, "is about one FILE: it does not go with --dir" },
	{ MODE_TO_DISK, "is about files: it does not go with - (standard output)" },
	{ 0, NULL },
};

static const char habits[] =
    "-l --listen\tit listens by itself, unless --connect is given\n"
    "-k --keep-open\t-c none, with --dir, takes files for ever\n"
    "--offset --count --end-mark --name\tthat is an option of sockfile-send, at the other end\n"
    "--limit-rate --bwlimit\t--limit-rate is an option of sockfile-send, at the other end\n"
    "--overwrite\t--force replaces FILE\n"
    "--directory\tit is called --dir\n"
    "--append\t--resume goes on where FILE.part ends\n"
    "-u --udp\ta file comes over a stream: datagrams may be lost\n";
static const char *const hints[] = { habits, file_habits, listening_habits, network_habits, NULL };

static const char *const synopsis[] = { "[options] [HOST] PORT FILE", "[options] -U PATH FILE",
	"[options] --connect HOST PORT FILE", "[options] --dir DIR [HOST] PORT", NULL };

static const struct command command = {
	.name = "sockfile-recv",
	.synopsis = synopsis,
	.summary = "Receive a file (-: to standard output) so that nothing is lost.",
	.operands = "host port file",
	.options = options,
	.needs = needs,
	.hints = hints,
};

static mode_t
default_mode(void)
{
	mode_t mask = umask(0);

	(void)umask(mask);
	return 0666 & ~mask;
}

static void
check_combinations(const struct recv_config *c)
{
	const char *reason;

	if (c->file != NULL && *c->file == '\0')
		opt_usage_error("FILE is empty");
	if (c->size != UNLIMITED && c->max_size != UNLIMITED && c->size > c->max_size)
		opt_usage_error("--size is more than --max-size allows");
	if (c->sha256_given && !sha256_load(&reason))
		opt_cannot("prepare for --sha256", reason);
	if (c->key_file != NULL && (!tls_load(&reason) || !sha256_load(&reason)))
		opt_cannot("prepare for --key", reason);
}

/* Take FILE, the last operand unless --dir is given.  Returns how many operands are left for the
 * address. */
static size_t
take_file_operand(struct recv_config *c, char *const *operands, size_t count)
{
	bool open = peer_options_is_open(&c->peer);

	if (c->dir != NULL) {
		if (open && count > 0)
			opt_usage_error("the socket is open already (--fd or LISTEN_FDS): with "
					"--dir there are no operands");
		/* With --dir, a number in front is a PORT, so the operand after it is a FILE, which
		 * is a mistake. */
		if (count > 2 ||
		    (count == 2 && (value_is_digits(operands[0]) ||
				       operand_has_port(&c->peer.address, operands[0]))))
			opt_usage_error("--dir takes the place of FILE: '%s' is too much",
			    opt_quote(operands[count - 1]));
		return count;
	}
	if (count == 0)
		opt_usage_error("operands are missing: %s FILE",
		    c->peer.listening ? "[HOST] PORT" : "HOST PORT");
	c->file = operands[--count];
	if (open && count > 0)
		opt_usage_error("the socket is open already (--fd or LISTEN_FDS): FILE is the only "
				"operand");
	if (count == 0 && !open)
		opt_usage_error(
		    "a FILE is missing behind '%s' (-: standard output)", opt_quote(c->file));
	return count;
}

/* Is file standard output, as /dev/stdout, or the terminal by its name? */
static bool
is_standard_output(const char *file)
{
	struct stat there, ours;

	return stat(file, &there) == 0 && fstat(STDOUT_FILENO, &ours) == 0 &&
	       !S_ISREG(there.st_mode) && there.st_dev == ours.st_dev &&
	       there.st_ino == ours.st_ino;
}

/* Whether FILE is a FIFO or a device is seen when it is opened. */
static const char *
find_disk_option(const struct options *parsed)
{
	static const char *const names[] = { "mode", "preserve", "resume", "retry" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (opt_given(parsed, names[i]))
			return names[i];
	}
	return NULL;
}

static unsigned
target_modes(const struct recv_config *c)
{
	if (c->dir != NULL)
		return MODE_TO_DIRECTORY | MODE_TO_DISK;
	return strcmp(c->file, "-") == 0 ? MODE_TO_FILE : MODE_TO_FILE | MODE_TO_DISK;
}

static void
check_files(const struct options *parsed, const struct recv_config *c)
{
	struct named_file files[] = { endpoint_file(&c->peer.endpoint, c->peer.listening),
		{ .what = "FILE", .path = c->file, .is_written = true } };
	char part[PATH_MAX];

	files_check(parsed, files, 2);
	if (c->file == NULL || strcmp(c->file, "-") == 0)
		return;
	(void)snprintf(part, sizeof(part), "%s.part", c->file);
	files[1].what = "FILE.part";
	files[1].path = part;
	files_check(parsed, files, 2);
}

void
config_parse(struct recv_config *config, int argc, char **argv)
{
	struct options parsed;
	uint32_t modes;
	size_t count;

	*config = (struct recv_config){ .options = { .mode = default_mode() } };
	opt_parse(&parsed, &command, config, argc, argv);
	config->verify = config->verify || config->options.resume || config->dir != NULL ||
			 config->preserve || config->key_file != NULL ||
			 opt_given(&parsed, "retry");
	if (config->dir == NULL && config->peer.listen.fd == -1 && !config->peer.address.is_unix)
		habits_check_order(parsed.operands, parsed.operand_count, "[HOST] PORT FILE");
	count = take_file_operand(config, parsed.operands, parsed.operand_count);
	modes = peer_options_finish(&config->peer, parsed.operands, count);
	opt_check_modes(&parsed, modes | target_modes(config));
	check_combinations(config);
	check_files(&parsed, config);
	config->options.mode_asked = opt_given(&parsed, "mode");
	config->disk_option = find_disk_option(&parsed);
	if (opt_given(&parsed, "retry"))
		peer_options_check_retry(&config->peer);
	run.stdout_is_data = config->file != NULL &&
			     (strcmp(config->file, "-") == 0 || is_standard_output(config->file));
}

void
config_free(struct recv_config *config)
{
	access_free(&config->peer.listen.access);
}
