/* ping_connection.c - what is in a probe of --ping.
 * Row tool. */
#include "sockecho-client/ping_connection.h"

#include <stdio.h>

void
probe_fill(char *buf, size_t len, uint64_t seq, size_t offset)
{
	char head[24];
	size_t head_len = (size_t)snprintf(head, sizeof(head), "%llu ", (unsigned long long)seq);

	for (size_t i = 0; i < len; i++) {
		size_t at = offset + i;

		buf[i] = at < head_len ? head[at] : (char)('A' + (at - head_len) % 26);
	}
}

uint64_t
probe_number(const char *bytes, size_t len)
{
	uint64_t seq = 0;
	size_t i;

	for (i = 0; i < len && i < 19 && bytes[i] >= '0' && bytes[i] <= '9'; i++)
		seq = seq * 10 + (uint64_t)(bytes[i] - '0');
	return i > 0 && i < len && bytes[i] == ' ' ? seq : 0;
}
