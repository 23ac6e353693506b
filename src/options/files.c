/* files.c - the files that a command line names.
 * Row options. */
#include "options/files.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX (8 + FILES_OPERANDS_MAX)
#define LINKS_MAX 40

/* A file that is there, or a name in a directory where it would be created. */
struct location {
	bool is_known;
	bool is_shared; /* a character device */
	dev_t device;
	ino_t inode;
	char name[NAME_MAX + 1]; /* "": it is there */
};

/* The part of a path behind its last slash. */
static char *
last_part(char *path)
{
	char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* Replace the path of a symbolic link by what it leads to.  False: it is none. */
static bool
follow_link(char path[PATH_MAX])
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n == -1)
		return false;
	target[n] = '\0';
	*(target[0] == '/' ? path : last_part(path)) = '\0';
	return strlcat(path, target, PATH_MAX) < PATH_MAX;
}

static struct location
locate(const char *path)
{
	struct location at = { .is_known = false };
	char now[PATH_MAX], *name;
	struct stat st;

	if (strlcpy(now, path, sizeof(now)) >= sizeof(now))
		return at;
	at.is_known = stat(now, &st) == 0;
	for (int i = 0; !at.is_known && i < LINKS_MAX && follow_link(now); i++)
		at.is_known = stat(now, &st) == 0;
	name = last_part(now);
	if (!at.is_known && strlcpy(at.name, name, sizeof(at.name)) < sizeof(at.name)) {
		*name = '\0';
		at.is_known = stat(*now != '\0' ? now : ".", &st) == 0;
	}
	if (!at.is_known)
		return at;
	at.is_shared = S_ISCHR(st.st_mode);
	at.device = st.st_dev;
	at.inode = st.st_ino;
	return at;
}

static bool
is_same(const char *a, const char *b)
{
	struct location at = locate(a), other = locate(b);

	if (at.is_shared)
		return false;
	return strcmp(a, b) == 0 ||
	       (at.is_known && other.is_known && at.device == other.device &&
		   at.inode == other.inode && strcmp(at.name, other.name) == 0);
}

static void
check_pair(const struct named_file *a, const struct named_file *b)
{
	if ((a->is_written || b->is_written) && is_same(a->path, b->path))
		opt_usage_error("%s%s '%s' and %s%s '%s' are the same file",
		    a->is_option ? "--" : "", a->what, opt_quote(a->path), b->is_option ? "--" : "",
		    b->what, opt_quote(b->path));
}

void
files_check(const struct options *options, const struct named_file *operands, size_t operand_count)
{
	struct named_file files[FILES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < options->count; i++) {
		const struct option_entry *entry = &options->entries[i];
		const struct option_row *row = entry->row;

		if (!entry->given || row->kind != OPTION_FILE || row->set != NULL)
			continue;
		if (n == FILES_MAX - FILES_OPERANDS_MAX)
			abort(); /* the table has more options with a FILE */
		files[n++] = (struct named_file){ row->name, *(const char **)entry->member,
			row->without != NULL, true };
	}
	for (size_t i = 0; i < operand_count; i++)
		files[n++] = operands[i];
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < i; j++) {
			if (files[i].path != NULL && files[j].path != NULL &&
			    strcmp(files[i].path, "-") != 0 && strcmp(files[j].path, "-") != 0)
				check_pair(&files[j], &files[i]);
		}
	}
}
