/* hints.h - which option was meant by a word that is no option. */
#ifndef OPTIONS_HINTS_H
#define OPTIONS_HINTS_H

#include <stddef.h>

#define HINT_DISTANCE_MAX 2

/* How many letters of the first len bytes of word must be added, left out, replaced or swapped with
 * their neighbour to get name.  HINT_DISTANCE_MAX + 1: so many that name was not meant. */
size_t hint_distance(const char *word, size_t len, const char *name);

#endif
