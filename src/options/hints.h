/* hints.h - which option was meant by a word that is none. */
#ifndef OPTIONS_HINTS_H
#define OPTIONS_HINTS_H

#include <stddef.h>

#define HINT_DISTANCE_MAX 2

/* How many letters must be added, left out, replaced or swapped with their neighbour to make the
 * first len bytes of word the name.  HINT_DISTANCE_MAX + 1: too many to have been meant. */
size_t hint_distance(const char *word, size_t len, const char *name);

#endif
