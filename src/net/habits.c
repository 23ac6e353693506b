/* habits.c - what users of nc, ncat, socat, scp and others type, and what to type here.
 * Row net. */
#include "net/habits.h"

#include "libsockutil/sockutil.h"
#include "options/values.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

const char connecting_habits[] = "-p --port\tPORT is an operand, behind HOST\n"
				 "-s -b --bind\t--source says from which address\n"
				 "--source-port\t--source ADDR:PORT says from which port\n"
				 "-G\t--connect-timeout limits name resolution and connecting\n"
				 "-x -X --proxy\tthere are no proxies: connect to HOST itself\n";

const char listening_habits[] =
    "-p --port\tPORT is an operand, behind HOST if there is one\n"
    "-s -b --bind --address\t[HOST] PORT, the operands, say where to listen\n"
    "--listen -l\tit listens by itself\n"
    "-m --max-conns\t--max-clients limits how many are served at once\n";

const char file_habits[] =
    "-P\tPORT is an operand, behind HOST\n"
    "-r -R --recursive\tfor a directory, send what tar(1) makes of it\n"
    "-f -o -O --file --output\tFILE is the last operand\n"
    "-l --bwlimit\t--limit-rate is the limit of bytes a second\n"
    "-C -z --compress\tnothing is compressed: send what gzip(1) makes of it\n"
    "--ssl --tls -i\t--key FILE encrypts, with the same secret at both ends\n"
    "--partial\t--retry goes on after a lost connection, sockfile-recv --resume later\n"
    "--checksum\t--verify checks that it arrived whole\n";

const char network_habits[] =
    "-N\tthat is so by default: the end of the input is the end of the stream\n"
    "--host --hostname\tHOST is an operand, before PORT\n"
    "--tcp -T\tTCP is the default\n"
    "-e --exec --sh-exec\tno other program is run for a connection\n"
    "-C --crlf\tbytes are sent as they are, a newline too\n"
    "--ssl --tls\tnothing is encrypted\n"
    "-W --idle-timeout\t-t is the limit of each operation\n"
    "-d --debug\t-v says more\n";

bool
habits_is_of_socat(const char *text)
{
	static const char *const kinds[] = { "tcp", "udp", "unix" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(kinds[i]);

		if (strncasecmp(text, kinds[i], len) != 0)
			continue;
		len += strspn(text + len, "46");
		return text[len] == ':' || strncasecmp(text + len, "-listen:", 8) == 0 ||
		       strncasecmp(text + len, "-connect:", 9) == 0;
	}
	return false;
}

/* What follows the colon of HOST:PORT, or of HOST:PATH (scp); NULL: nothing does. */
static const char *
behind_colon(const char *operand)
{
	const char *bracket = *operand == '[' ? strchr(operand, ']') : NULL;
	const char *colon = strchr(bracket != NULL ? bracket : operand, ':');

	return colon != NULL && colon != operand ? colon + 1 : NULL;
}

/* Is it a port, or does it end in one? */
static bool
is_port(const char *operand)
{
	const char *colon = strrchr(operand, ':');

	return value_is_digits(colon != NULL ? colon + 1 : operand) || *operand == '@' ||
	       strstr(operand, ":@") != NULL;
}

static bool
is_service(const char *operand)
{
	const char *colon = strrchr(operand, ':');

	return sku_port_from_text(colon != NULL ? colon + 1 : operand, "tcp", false, NULL) != -1;
}

/* Is it [USER@]HOST:PATH and not HOST:PORT?  A word behind the colon may be the name of a
 * service. */
static bool
is_of_scp(const char *operand, bool may_be_word)
{
	const char *path = behind_colon(operand), *slash = strchr(operand, '/'),
		   *at = strchr(operand, '@');

	if (path == NULL || (slash != NULL && slash < path) || is_port(operand) ||
	    habits_is_of_socat(operand) || access(operand, F_OK) == 0)
		return false;
	if (*path == '\0' || slash != NULL || (at != NULL && at < path))
		return true;
	return may_be_word && strchr(path, ':') == NULL && !is_service(operand);
}

static bool
is_directory(const char *operand)
{
	struct stat st;

	return stat(operand, &st) == 0 && S_ISDIR(st.st_mode);
}

static void __attribute__((noreturn)) fail_place(const char *operand, const char *form)
{
	bool is_url = strstr(operand, "://") != NULL;

	opt_usage_error("'%s' %s: give %s", opt_quote(operand),
	    is_url			 ? "is a URL" :
	    strchr(operand, '@') != NULL ? "names a user, as for scp" :
					   "is a place as scp has it",
	    form);
}

void
habits_check_order(char *const *operands, size_t count, const char *form)
{
	const char *first = operands[0], *last, *port;
	bool is_file;

	if (count == 0)
		return;
	last = operands[count - 1];
	if (is_of_scp(first, count == 1 || is_directory(last)))
		fail_place(first, form);
	port = operands[count > 1 ? count - 2 : 0];
	if (count == 1 || is_port(first) || is_port(port) || access(last, F_OK) == 0)
		return;
	is_file = access(first, F_OK) == 0;
	if (is_file && is_port(last))
		opt_usage_error("'%s' is a file, and the order is %s", opt_quote(first), form);
	/* With more operands, several may be FILEs. */
	if ((count > 3 && !is_file) || is_service(port))
		return;
	if (is_port(last))
		opt_usage_error("'%s' is no PORT, and the order is %s", opt_quote(port), form);
	if (is_of_scp(last, is_file) && (is_file || count == 2))
		fail_place(last, form);
}
