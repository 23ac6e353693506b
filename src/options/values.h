/* values.h - durations, sizes and counts as people write them.
 *
 * Each function parses the value of an option.  If the value is malformed, it ends the program with
 * a usage error that names the option and what it takes. */
#ifndef OPTIONS_VALUES_H
#define OPTIONS_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A duration: `2`, `0.25` or `.5`, with ms, s, m or h (default s), at most 100 years.  Returns
 * nanoseconds, rounded up, or SKU_NO_TIMEOUT for `none` if none_allowed. */
int64_t value_seconds(const char *option, const char *value, bool none_allowed);
/* A size from min to max: bytes, or with K, M, G, T, KiB and so on, which are powers of 1024. */
int64_t value_size(const char *option, const char *value, int64_t min, int64_t max);
/* A whole number from least to most: digits only, with a '-' in front if least is below 0.  `none`
 * returns -1 if none_allowed. */
int64_t value_number(
    const char *option, const char *value, int64_t least, int64_t most, bool none_allowed);
/* A descriptor that is open. */
int64_t value_fd(const char *option, const char *value);
/* A percentage from 0 to 100, as `12.5`.  Returns millionths of the whole, from 0 to 1000000. */
int64_t value_percent(const char *option, const char *value);

/* Is text one or more digits and nothing else? */
bool value_is_digits(const char *text);

/* The same parsers for other callers.  They return false if value is malformed.  value_parse_size()
 * sets errno to ERANGE if value is a size, but too large. */
bool value_parse_seconds(const char *value, int64_t *ns);
bool value_parse_size(const char *value, int64_t *size);

/* The reverse: write text that these parsers take, as "60", "50ms" and "64K". */
void value_show_seconds(int64_t ns, char *buf, size_t size);
void value_show_size(int64_t bytes, char *buf, size_t size);

/* Parse an octal mode of 0 to 777: no set-id bits.  False: it is malformed. */
#define VALUE_MODE_TEXT "an OCTAL mode of 0 to 777 (no set-id bits)"
bool value_mode(const char *text, mode_t *mode);

#endif
