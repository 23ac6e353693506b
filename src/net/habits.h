/* habits.h - what users of nc, ncat, socat, scp and others type, and what to type here. */
#ifndef NET_HABITS_H
#define NET_HABITS_H

#include "options/options.h"

/* For programs that connect, that listen, and that transfer files. */
extern const char connecting_habits[];
extern const char listening_habits[];
extern const char file_habits[];
/* For all of them.  It comes last, since the others may be more specific. */
extern const char network_habits[];

/* Is it an address as socat has it: TCP:HOST:PORT, UNIX-LISTEN:PATH? */
bool habits_is_of_socat(const char *text);
/* Usage errors for FILE before HOST and PORT, for HOST:PATH as in scp, and for a URL.  form: the
 * right operands, FILE last. */
void habits_check_order(char *const *operands, size_t count, const char *form);

#endif
