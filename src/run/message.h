/* message.h - what a program says: errors and notes. */
#ifndef RUN_MESSAGE_H
#define RUN_MESSAGE_H

#include <stdbool.h>

/* Everything below prints a whole line in one write, `PROGRAM: …` on standard error, or in the
 * log, with what a peer or a resolver sent escaped.  Any thread may call it (handover.h). */

/* Text as it stands, on standard error, without the program's name: the prompt, and lines that
 * scripts read. */
__attribute__((format(printf, 1, 2))) void msg_text(const char *format, ...);
/* A note for people: nothing with --quiet. */
__attribute__((format(printf, 1, 2))) void msg_note(const char *format, ...);
/* The same, with --verbose given at least level times. */
__attribute__((format(printf, 2, 3))) void msg_verbose(int level, const char *format, ...);

/* The line of an error, `PROGRAM: DURING: MESSAGE`; during NULL: `PROGRAM: MESSAGE`. */
void msg_error(const char *message, const char *during);
/* Does a record replace the line (--json -qq)?  Not if records cannot be written.  For the thread
 * that prints. */
bool msg_is_record_enough(void);

#endif
