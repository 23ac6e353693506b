/* inputs.c - what is asked: operands, or the lines of a file, one after the other.
 * Row options. */
#include "options/inputs.h"

#include "run/escape.h"
#include "run/message.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

void
cli_queries_init(struct cli_queries *queries, char *const *operands, size_t count, const char *file)
{
	*queries = (struct cli_queries){
		.operands = operands, .operand_count = count, .file = file, .status = CLI_OK
	};
}

static const char *
shown_name(const struct cli_queries *queries)
{
	return strcmp(queries->file, "-") == 0 ? "standard input" : queries->file;
}

static bool
open_file(struct cli_queries *queries)
{
	if (queries->stream != NULL)
		return true;
	queries->stream = strcmp(queries->file, "-") == 0 ? stdin : fopen(queries->file, "re");
	if (queries->stream == NULL)
		queries->status =
		    cli_error_errno(CLI_FAILED, errno, "open %s", shown_name(queries));
	return queries->stream != NULL;
}

/* Cut white space off both ends; the start of what is left. */
static char *
trim(char *line, size_t *len)
{
	while (*len > 0 && isspace((unsigned char)line[*len - 1]))
		line[--*len] = '\0';
	while (*len > 0 && isspace((unsigned char)*line)) {
		line++;
		--*len;
	}
	return line;
}

static const char *
find_fault(const char *text, size_t len)
{
	if (memchr(text, '\0', len) != NULL)
		return "there is a NUL in it";
	if (len > CLI_QUERY_MAX)
		return "it is too long";
	return cli_is_utf8(text, len) ? NULL : "it is no UTF-8";
}

/* One line into the buffer; of one that is too long the rest is thrown away, so that memory does
 * not grow with it.  False at the end. */
static bool
read_line(struct cli_queries *queries, size_t *len)
{
	int c = EOF;

	*len = 0;
	while ((c = getc_unlocked(queries->stream)) != EOF && c != '\n') {
		if (*len <= CLI_QUERY_MAX)
			queries->line[(*len)++] = (char)c;
	}
	queries->line[*len] = '\0';
	return c != EOF || *len > 0;
}

static bool
next_line(struct cli_queries *queries, struct cli_query *query)
{
	size_t len;

	while (read_line(queries, &len)) {
		query->text = trim(queries->line, &len);
		if (len == 0 || query->text[0] == '#')
			continue;
		query->malformed = find_fault(query->text, len);
		return true;
	}
	if (ferror(queries->stream))
		queries->status =
		    cli_error_errno(CLI_FAILED, errno, "read %s", shown_name(queries));
	return false;
}

bool
cli_queries_next(struct cli_queries *queries, struct cli_query *query)
{
	*query = (struct cli_query){ NULL, NULL };
	if (queries->operand_count > 0) {
		query->text = *queries->operands++;
		queries->operand_count--;
		query->malformed = find_fault(query->text, strlen(query->text));
		return true;
	}
	return queries->file != NULL && queries->status == CLI_OK && open_file(queries) &&
	       next_line(queries, query);
}

void
cli_queries_close(struct cli_queries *queries)
{
	if (queries->stream != NULL && queries->stream != stdin)
		(void)fclose(queries->stream);
	queries->stream = NULL;
}
