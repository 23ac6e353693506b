/* habits.h - what users of nc, ncat, socat, scp and others type, and what that is here. */
#ifndef NET_HABITS_H
#define NET_HABITS_H

#include "options/options.h"

/* For programs that connect, that listen, that send and receive what others call a file. */
extern const char connecting_habits[];
extern const char listening_habits[];
extern const char file_habits[];
/* For all of them; last, since the others may say more. */
extern const char network_habits[];

/* Is it an address as socat has it: TCP:HOST:PORT, UNIX-LISTEN:PATH? */
bool habits_is_of_socat(const char *text);
/* FILE before HOST and PORT, HOST:PATH as scp would have it, and a URL are usage errors that say
 * so.  form: the operands, FILE last. */
void habits_check_order(char *const *operands, size_t count, const char *form);

#endif
