/* pool.c - the limit to compare with for look-ups: a pool of threads over a list of names.
 *
 * usage: pool THREADS <names - gethostbyname-like look-ups (IPv4); prints nothing.
 *        pool services - one pass of getservent(3). */
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static char **names;
static size_t count;
static atomic_size_t next;

static void *
work(void *arg)
{
	const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
	size_t i;

	(void)arg;
	while ((i = atomic_fetch_add(&next, 1)) < count) {
		struct addrinfo *list;

		if (getaddrinfo(names[i], NULL, &hints, &list) != 0)
			exit(1);
		freeaddrinfo(list);
	}
	return NULL;
}

static void
read_names(void)
{
	char line[300];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		names = reallocarray(names, count + 1, sizeof(*names));
		names[count++] = strdup(line);
	}
}

int
main(int argc, char **argv)
{
	pthread_t threads[4096];
	pthread_attr_t attr;
	int n;

	if (argc != 2)
		return 2;
	if (strcmp(argv[1], "services") == 0) {
		setservent(1);
		while (getservent() != NULL)
			;
		return 0;
	}
	n = atoi(argv[1]);
	read_names();
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, (size_t)256 * 1024);
	for (int i = 0; i < n; i++)
		(void)pthread_create(&threads[i], &attr, work, NULL);
	for (int i = 0; i < n; i++)
		(void)pthread_join(threads[i], NULL);
	return 0;
}
