/* test_values.c - SECONDS, SIZE, numbers and the like: what is read, what is refused, and how. */
#include "libsockutil/sockutil.h"
#include "options/values.h"
#include "run/run.h"

#include "unit.h"

#include <string.h>

struct reading {
	const char *text;
	int64_t value; /* -1: malformed */
};

static void
assert_readings(
    const struct reading *cases, size_t count, bool (*parse)(const char *text, int64_t *value))
{
	for (size_t i = 0; i < count; i++) {
		int64_t value = -1;

		if (parse(cases[i].text, &value) != (cases[i].value != -1) ||
		    (cases[i].value != -1 && value != cases[i].value))
			fail_msg("'%s': %lld", cases[i].text, (long long)value);
	}
}

static void
seconds_are_read_exactly(void **state)
{
	static const struct reading cases[] = {
		{ "2", 2 * SKU_SECOND },
		{ "0.25", 250 * SKU_MS },
		{ ".5", 500 * SKU_MS },
		{ "500ms", 500 * SKU_MS },
		{ "1.5ms", 1500 * SKU_US },
		{ "1m", 60 * SKU_SECOND },
		{ "1.5h", 5400 * SKU_SECOND },
		{ "3s", 3 * SKU_SECOND },
		{ "0", 0 },
		{ "0.0000000001", 1 },
		{ "0.0000000000", 0 },
		{ "0.0001ms", 100 },
		/* nothing is rounded before it is multiplied by the unit */
		{ "0.00000000001h", 36 },
		{ "0.000000000001h", 4 },
		{ "0.01666666666m", 1000000000 },
		{ "0000000000000000000000000000001", SKU_SECOND },
		{ "3155760000", INT64_C(3155760000) * SKU_SECOND }, /* 100 years of 365.25 days */
		{ "3155760000000ms", INT64_C(3155760000) * SKU_SECOND },
		{ "876600h", INT64_C(3155760000) * SKU_SECOND },
		{ "3155760000.000000001", -1 },
		{ "876600.0000000000001h", -1 },
		{ "52596001m", -1 },
		{ "9223372036", -1 },
		{ "18446744073709551617", -1 }, /* 2^64 + 1 */
		{ "99999999999999999999", -1 },
		{ "", -1 },
		{ ".", -1 },
		{ "5.", -1 },
		{ "-1", -1 },
		{ "+1", -1 },
		{ " 1", -1 },
		{ "1 ", -1 },
		{ "1e3", -1 },
		{ "1.2.3", -1 },
		{ "1d", -1 },
		{ "1S", -1 },
		{ "inf", -1 },
		{ "none", -1 },
		{ "0x10", -1 },
		{ "1 s", -1 },
		{ "1ms ", -1 },
		{ "1sm", -1 },
		{ "\t1", -1 },
		{ "1\n", -1 },
		{ "s", -1 },
		{ ".s", -1 },
		{ "1,5", -1 },
	};

	(void)state;
	assert_readings(cases, sizeof(cases) / sizeof(cases[0]), value_parse_seconds);
}

static void
sizes_are_powers_of_1024(void **state)
{
	static const struct reading cases[] = {
		{ "0", 0 },
		{ "1", 1 },
		{ "64K", 65536 },
		{ "64k", 65536 },
		{ "1KiB", 1024 },
		{ "1kib", 1024 },
		{ "2M", 2 << 20 },
		{ "3GiB", INT64_C(3) << 30 },
		{ "1T", INT64_C(1) << 40 },
		{ "9223372036854775807", INT64_MAX },
		{ "9223372036854775808", -1 },
		{ "8388608T", -1 },
		{ "1KB", -1 },
		{ "1kb", -1 },
		{ "1B", -1 },
		{ "1P", -1 },
		{ "1Ki", -1 },
		{ "1KiBx", -1 },
		{ "K", -1 },
		{ "", -1 },
		{ "-1", -1 },
		{ "+1", -1 },
		{ " 1", -1 },
		{ "1.5K", -1 },
		{ "0x10", -1 },
		{ "1KIB", 1024 },
		{ "8388607T", INT64_C(8388607) << 40 },
		{ "8796093022207m", INT64_C(8796093022207) << 20 },
		{ "18446744073709551617", -1 }, /* 2^64 + 1 */
		{ "1 ", -1 },
		{ "1\n", -1 },
		{ "1K ", -1 },
		{ "1 K", -1 },
		{ "1KiB ", -1 },
		{ "1iB", -1 },
		{ "1 iB", -1 },
		{ "1KK", -1 },
		{ "1KBi", -1 },
		{ "1e3", -1 },
		{ "1_000", -1 },
		{ "\xd9\xa1", -1 }, /* ARABIC-INDIC DIGIT ONE */
		{ "none", -1 },
	};

	(void)state;
	assert_readings(cases, sizeof(cases) / sizeof(cases[0]), value_parse_size);
}

static void
read_seconds(const char *value)
{
	(void)value_seconds("x", value, true);
}

static void
read_size(const char *value)
{
	(void)value_size("x", value, 1, INT64_MAX);
}

static void
read_number(const char *value)
{
	(void)value_number("x", value, 1, INT64_MAX, true);
}

static void
read_fd(const char *value)
{
	(void)value_fd("x", value);
}

static void
read_percent(const char *value)
{
	(void)value_percent("x", value);
}

/* What the child reads, and where it says why not. */
static void (*read_value)(const char *);
static const char *value_to_read;
static int said[2];

static void
read_it_and_go_on(void)
{
	if (dup2(said[1], STDERR_FILENO) == -1)
		_exit(90);
	run_begin("test");
	read_value(value_to_read);
}

static void
what_is_refused_is_named_with_what_is_taken(void **state)
{
	static const struct {
		void (*read)(const char *);
		const char *takes;
		const char *const values[16];
	} cases[] = {
		{ read_seconds, "takes SECONDS (",
		    { "", "-1", "+1", "1e3", "1x", "5.", ".", " 1", "1 ", "99999999999999999999",
			"3155760001", "nOne", "1M" } },
		{ read_size, "takes a SIZE",
		    { "", "-1", "+1", "1KB", "1x", "1.5K", " 1", "1 ", "1 iB",
			"99999999999999999999", "8388608T", "0", "none" } },
		{ read_number, "takes a whole number",
		    { "", "-1", "+1", "x", "1x", " 1", "99999999999999999999", "0", "nOne" } },
		{ read_fd, "takes a", { "", "-1", "+1", "x", "1x", " 1", "99999999999999999999" } },
		{ read_fd, "takes a descriptor that is open, which 77 is not", { "77" } },
		{ read_percent, "takes a PERCENT from 0 to 100",
		    { "", "-1", "101", "100.1", "x", "5%" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t j = 0; cases[i].values[j] != NULL; j++) {
			char line[1000] = "", prefix[100];
			int status;

			read_value = cases[i].read;
			value_to_read = cases[i].values[j];
			assert_int_equal(pipe2(said, O_CLOEXEC), 0);
			status = in_a_child(read_it_and_go_on);
			(void)close(said[1]);
			(void)!read(said[0], line, sizeof(line) - 1);
			(void)close(said[0]);
			(void)snprintf(
			    prefix, sizeof(prefix), "test: option '--x' %s", cases[i].takes);
			if (!WIFEXITED(status) || WEXITSTATUS(status) != 2 ||
			    strncmp(line, prefix, strlen(prefix)) != 0)
				fail_msg("'%s': %#x, %s", value_to_read, (unsigned)status, line);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds_are_read_exactly),
		cmocka_unit_test(sizes_are_powers_of_1024),
		cmocka_unit_test(what_is_refused_is_named_with_what_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
