/* fuzz_text.c - any text as an address, a port or a digest, and escaped. */
#include "libsockutil/sockutil.h"
#include "run/escape.h"
#include "transfer/sha256.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
as_address(const char *text)
{
	struct sku_address address, again;
	char host[SKU_ADDRESS_TEXT_MAX];

	if (sku_address_from_numeric(&address, AF_UNSPEC, text, 7) == 0 &&
	    (sku_address_from_numeric(&again, AF_UNSPEC, sku_address_host(&address, host), 7) ==
		-1))
		abort();
	(void)sku_address_from_path(&address, text);
}

static void
as_number(const char *text)
{
	unsigned char digest[SHA256_BYTES];

	(void)sha256_parse(text, digest);
	(void)sku_port_from_text(text, NULL, true, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *shown;
	size_t len;

	if (text == NULL)
		return 0;
	(void)memcpy(text, data, size);
	text[size] = '\0';
	as_address(text);
	as_number(text);
	shown = escape_text(text, size, ESCAPE_FIELD, &len);
	if (shown == NULL || !escape_is_utf8(shown, len) || memchr(shown, '\x1b', len) != NULL)
		abort();
	free(shown);
	free(text);
	return 0;
}
