/* event.h - JSON Lines: one object a record. */
#ifndef RUN_EVENT_H
#define RUN_EVENT_H

#include "run/status.h"

#include <jansson.h>
#include <stdint.h>

/* {"program": …}, and with an event {"program", "event", "time"}. */
json_t *event_new(const char *event);
/* A value that may be NULL for want of memory is left out; the record is never broken by it. */
void event_add(json_t *record, const char *key, json_t *value);
/* Text from anywhere, escaped where it is not fit to be shown. */
void event_text(json_t *record, const char *key, const char *text);
void event_number(json_t *record, const char *key, uint64_t value);
/* Nanoseconds as seconds. */
void event_seconds(json_t *record, const char *key, int64_t ns);
/* Bytes: `text` where they are UTF-8, else `base64`. */
void event_bytes(json_t *record, const char *bytes, size_t len);
/* The value of `error`; errnum 0 is none. */
json_t *event_error(enum status status, int errnum, const char *message, const char *during);
/* Print it as one line, on standard output or, where that carries data, on standard error.  Frees
 * the record. */
void event_emit(json_t *record);

#endif
