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

/* FILE before HOST and PORT, as scp would have it, is a usage error that says so. */
void habits_check_order(char *const *operands, size_t count, const char *form);

#endif
