/* habits.c - what users of nc, ncat, socat, scp and others type, and what that is here.
 * Row net. */
#include "net/habits.h"

#include "options/values.h"

#include <string.h>
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

/* Is it the number of a port, or does it end in one? */
static bool
is_port(const char *operand)
{
	const char *colon = strrchr(operand, ':');

	return value_is_digits(colon != NULL ? colon + 1 : operand);
}

void
habits_check_order(char *const *operands, size_t count, const char *form)
{
	const char *last = count > 1 ? operands[count - 1] : "";

	if (is_port(last) && access(last, F_OK) == -1 && !is_port(operands[0]) &&
	    access(operands[0], F_OK) == 0)
		opt_usage_error(
		    "'%s' is a file, and the order is %s", opt_quote(operands[0]), form);
}
