/* hints.c - which option was meant by a word that is no option.
 * Row options. */
#include "options/hints.h"

#include <string.h>

#define WORD_MAX 40

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t
hint_distance(const char *word, size_t len, const char *name)
{
	/* distance[i][j]: between the first i letters of word and the first j of name */
	unsigned char distance[WORD_MAX + 1][WORD_MAX + 1];
	size_t n = strlen(name), result;

	if (len > WORD_MAX || n > WORD_MAX)
		return HINT_DISTANCE_MAX + 1;
	for (size_t i = 0; i <= len; i++) {
		for (size_t j = 0; j <= n; j++) {
			size_t d;

			if (i == 0 || j == 0) {
				distance[i][j] = (unsigned char)(i + j);
				continue;
			}
			d = distance[i - 1][j - 1] + (size_t)(word[i - 1] != name[j - 1]);
			d = least(d, distance[i - 1][j] + (size_t)1);
			d = least(d, distance[i][j - 1] + (size_t)1);
			if (i > 1 && j > 1 && word[i - 1] == name[j - 2] &&
			    word[i - 2] == name[j - 1])
				d = least(d, distance[i - 2][j - 2] + (size_t)1);
			distance[i][j] = (unsigned char)d;
		}
	}
	result = distance[len][n];
	/* In a short word, at most a third of the letters may be wrong. */
	return result <= HINT_DISTANCE_MAX && 3 * result <= least(len, n) ? result :
									    HINT_DISTANCE_MAX + 1;
}
