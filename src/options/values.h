/* values.h - durations, sizes and counts as people write them.
 *
 * Each parses the value of an option and ends the program with a usage error that names the option
 * and what it takes, when the value is something else. */
#ifndef OPTIONS_VALUES_H
#define OPTIONS_VALUES_H

#include <stdbool.h>
#include <stdint.h>

/* `2`, `0.25`, `.5`, with ms, s, m or h, 100 years at most: nanoseconds, so few that an instant of
 * the clock can be added.  With none_allowed `none` is SKU_NO_TIMEOUT.  Anything above 0 stays
 * above 0. */
int64_t value_seconds(const char *option, const char *value, bool none_allowed);
/* Bytes, or with K, M, G, T, KiB …: powers of 1024; from least to most. */
int64_t value_size(const char *option, const char *value, int64_t min, int64_t max);
/* A whole number from least to most; only digits, with '-' where least is below 0. */
int64_t value_count(const char *option, const char *value, int64_t min, int64_t max);
/* The same, or `none`: -1. */
int64_t value_count_or_none(const char *option, const char *value, int64_t min, int64_t max);
/* `12.5`, from 0 to 100: millionths of the whole. */
int64_t value_percent(const char *option, const char *value);

/* One digit or more, and nothing else. */
bool value_is_digits(const char *text);

/* The parsers without a program around them: false when value is no such thing. */
bool value_parse_seconds(const char *value, int64_t *ns);
bool value_parse_size(const char *value, int64_t *size);

#endif
