/* fuzz_services.c - any bytes as a file in the format of services(5). */
#include "run/failure.h"
#include "run/run.h"
#include "servlookup/services_table.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("services", MFD_CLOEXEC);
	struct failure failure;
	struct table *table;
	char path[40];

	run.program = "fuzz";
	if (fd == -1 || write(fd, data, size) != (ssize_t)size)
		abort();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	failure_clear(&failure);
	table = table_read_file(path, &failure);
	if (table != NULL) {
		for (const struct service *s = table->first; s != NULL; s = s->next) {
			if (s->port > 65535 || *s->name == '\0' ||
			    table_by_port(table, s->port, s->proto, NULL) == NULL ||
			    table_by_name(table, s->name, s->proto, NULL) == NULL)
				abort();
		}
		table_free(table);
	}
	(void)close(fd);
	return 0;
}
