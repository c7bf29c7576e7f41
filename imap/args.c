/* Reading arguments: each accessor checks what it is given. */
#include "imap/imap.h"

#include <stdio.h>

#include "base/utf8.h"
#include "imap/private.h"

bool imap_arg_is_atom(const struct imap_arg *arg, const char *upper)
{
	return (arg->kind == IMAP_ATOM || arg->kind == IMAP_NIL) &&
	       pf_str_ieq(arg->text, pf_str_c(upper));
}

bool imap_arg_astring(const struct imap_arg *arg, struct pf_str *text)
{
	if (arg->kind != IMAP_ATOM && arg->kind != IMAP_STRING &&
	    arg->kind != IMAP_NIL)
		return false;
	if (arg->literal8)
		return false; /* may hold NUL */
	*text = arg->text;
	return true;
}

bool imap_arg_nstring(const struct imap_arg *arg, struct pf_str *text)
{
	if (arg->kind == IMAP_NIL) {
		*text = (struct pf_str){0};
		return true;
	}
	if (arg->kind != IMAP_STRING || arg->literal8)
		return false;
	*text = arg->text;
	return true;
}

bool imap_arg_number(const struct imap_arg *arg, uint64_t max, uint64_t *n)
{
	return arg->kind == IMAP_ATOM && pf_str_u64(arg->text, max, n);
}

bool imap_arg_list(const struct imap_arg *arg, const struct imap_arg **list)
{
	if (arg->kind != IMAP_LIST)
		return false;
	*list = arg->list;
	return true;
}

static bool has_control(struct pf_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

pf_status imap_arg_mailbox(const struct imap_arg *arg, bool utf8,
			   struct pf_arena *arena, struct pf_str *name,
			   struct pf_error *err)
{
	struct pf_str text;

	if (!imap_arg_astring(arg, &text))
		return pf_error_set(err, PF_INVALID, "Mailbox name expected",
				    "imap: mailbox argument is no astring");
	if (has_control(text))
		return pf_error_set(err, PF_INVALID,
				    "Control character in mailbox name",
				    "imap: control character in mailbox name");
	if (utf8 && !pf_utf8_valid(text))
		return pf_error_set(err, PF_INVALID,
				    "Mailbox name is not valid UTF-8",
				    "imap: mailbox name is not UTF-8");
	struct pf_buf decoded = PF_BUF_INIT(text.n * 2 + 1);
	if (utf8)
		pf_buf_add_str(&decoded, text);
	else if (!imap_utf7_decode(&decoded, text)) {
		pf_buf_release(&decoded);
		return pf_error_set(err, PF_INVALID,
				    "Mailbox name is not valid modified UTF-7",
				    "imap: mailbox name is not mUTF-7");
	}
	bool inbox = pf_str_ieq(pf_buf_str(&decoded), PF_STR("INBOX"));
	struct pf_str copy =
	    pf_arena_str(arena, inbox ? PF_STR("INBOX") : pf_buf_str(&decoded));
	pf_buf_release(&decoded);
	if (!copy.p)
		return pf_error_set(err, PF_LIMIT, NULL,
				    "imap: mailbox name too long");
	*name = copy;
	return PF_OK;
}

void imap_error_word(char *text, size_t size, const char *what,
		     struct pf_str word)
{
	struct pf_str cut = pf_str_head(word, 30);
	int n = snprintf(text, size, "%s %.*s%s", what, (int)cut.n, cut.p,
			 cut.n < word.n ? "..." : "");

	for (int i = 0; i < n && (size_t)i < size; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] & 0x80 ||
		    text[i] == 0x7f)
			text[i] = '?';
}
