/*
 * i;unicode-casemap (RFC 5051 2): each character is mapped to its simple
 * titlecase, then decomposed fully (compatibility mappings included).  There
 * is no reordering of combining marks across characters, so the fold of a
 * substring is a substring of the fold.
 */
#include "mime/mime.h"

#include <stdlib.h>
#include <unicase.h>
#include <uninorm.h>
#include <unictype.h>

#include "base/utf8.h"

static void fold_char(struct pf_buf *to, uint32_t c)
{
	uint32_t stack[128], mapping[UC_DECOMPOSITION_MAX_LENGTH];
	size_t n = 0;

	stack[n++] = uc_totitle(c);
	while (n) {
		int tag;
		uint32_t top = stack[--n];
		int len = uc_decomposition(top, &tag, mapping);
		if (len < 0 || n + (size_t)len > sizeof stack / sizeof *stack) {
			pf_utf8_add(to, top);
			continue;
		}
		while (len > 0)
			stack[n++] = mapping[--len];
	}
}

void mime_fold(struct pf_buf *to, struct pf_str utf8)
{
	/* Most text is ASCII, where folding is upper case. */
	for (size_t i = 0, len; i < utf8.n; i += len) {
		char chunk[512];
		for (len = 0; len < sizeof chunk && i + len < utf8.n; len++) {
			if ((uint8_t)utf8.p[i + len] >= 0x80)
				break;
			chunk[len] = pf_ascii_upper(utf8.p[i + len]);
		}
		if (len) {
			pf_buf_add(to, chunk, len);
			continue;
		}
		uint32_t c = pf_utf8_next(pf_str_from(utf8, i), &len);
		if (c == PF_UTF8_BAD)
			pf_buf_add_byte(to, utf8.p[i]);
		else
			fold_char(to, c);
	}
}

void mime_nfc(struct pf_buf *to, struct pf_str utf8)
{
	size_t n = 0;
	uint8_t *text = NULL;

	if (pf_utf8_valid(utf8))
		text = u8_normalize(UNINORM_NFC, (const uint8_t *)utf8.p,
				    utf8.n, NULL, &n);
	if (text)
		pf_buf_add(to, (const char *)text, n);
	else
		pf_buf_add_str(to, utf8);
	free(text);
}
