/*
 * Mailbox names between client and store.
 *
 * Inside a name is UTF-8.  A client of IMAP4rev1 writes modified UTF-7
 * (RFC 3501 5.1.3), or UTF-8 in a quoted string (RFC 9755 3: whoever speaks
 * UTF8=ACCEPT takes that from everybody); what has 8-bit bytes is UTF-8, for
 * modified UTF-7 has none.  After ENABLE everything is UTF-8, and "&" a letter
 * like others (RFC 9051 5.1).
 *
 * Names are Net-Unicode, so they are normalised (RFC 5198 2, NFC).  Only a
 * mailbox that some other program has made under a name in another form is
 * found under just that name.
 */
#include "base/utf8.h"
#include "imapd/place.h"

#define NAME_MAX_BYTES (64 * 1024)

void write_mailbox(struct pf_buf *to, const struct client *client,
		   struct pf_str name)
{
	imap_write_mailbox(to, name, client_utf8(client));
}

static bool has_8bit(struct pf_str text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] >= 0x80)
			return true;
	return false;
}

static bool is_there(struct cmd *cmd, struct pf_str name)
{
	struct share_place place;

	return place_quietly(cmd->client, name, STORE_LOOKUP, &place, NULL) ==
	       PF_OK;
}

static char separator_of(const struct cmd *cmd)
{
	return cmd->client->user->server->conf->hierarchy_separator[0];
}

/* INBOX is so called in any case, also as a parent. */
static void raise_inbox(struct cmd *cmd, struct pf_str *name)
{
	if (name->n <= 5 || name->p[5] != separator_of(cmd) ||
	    !pf_str_istarts(*name, PF_STR("INBOX")) ||
	    pf_str_starts(*name, PF_STR("INBOX")))
		return;
	char *copy = pf_arena_cstr(&cmd->arena, *name);
	memcpy(copy, "INBOX", 5);
	*name = pf_str_c(copy);
}

static void normalise(struct cmd *cmd, struct pf_str *name)
{
	struct pf_buf nfc = PF_BUF_INIT(NAME_MAX_BYTES);

	mime_nfc(&nfc, *name);
	if (!nfc.failed && !pf_str_eq(pf_buf_str(&nfc), *name) &&
	    !is_there(cmd, *name))
		*name = pf_arena_str(&cmd->arena, pf_buf_str(&nfc));
	pf_buf_release(&nfc);
}

bool arg_mailbox(struct cmd *cmd, const struct imap_arg *arg,
		 struct pf_str *name)
{
	struct pf_error err = {0};
	struct pf_str text;

	/* What is no string at all is a syntax error, and so are 8-bit bytes
	 * that are no UTF-8 (RFC 9755 3); a string that is no good name is
	 * refused politely. */
	if (!imap_arg_astring(arg, &text)) {
		reply_bad(cmd, "%s needs a mailbox name", cmd->def->name);
		return false;
	}
	if (!pf_utf8_valid(text)) {
		reply_bad(cmd, "The mailbox name is not valid UTF-8");
		return false;
	}
	bool utf8 = client_utf8(cmd->client) || has_8bit(text);
	if (imap_arg_mailbox(arg, utf8, &cmd->arena, name, &err) != PF_OK) {
		reply_error(cmd, &err);
		return false;
	}
	if (pf_str_chr(*name, '\0') >= 0) {
		reply_bad(cmd, "NUL in a mailbox name");
		return false;
	}
	raise_inbox(cmd, name);
	if (has_8bit(*name))
		normalise(cmd, name);
	return true;
}

bool name_allowed(struct cmd *cmd, struct pf_str name)
{
	size_t len;

	for (size_t i = 0; i < name.n; i += len) {
		uint32_t c = pf_utf8_next(pf_str_from(name, i), &len);

		if ((c >= 0x80 && c < 0xa0) || c == 0x2028 || c == 0x2029) {
			reply_no(cmd, "[CANNOT] Control characters cannot be "
				      "in mailbox names");
			return false;
		}
	}
	return true;
}

bool name_is_spelled(const struct cmd *cmd, const struct imap_arg *arg,
		     struct pf_str name)
{
	struct pf_str text;

	if (!imap_arg_astring(arg, &text))
		return true;
	if (text.n == name.n + 1 && text.p[name.n] == separator_of(cmd))
		text.n--; /* "this/" of CREATE */
	return pf_str_eq(text, name);
}

void tell_oldname(struct cmd *cmd, const struct imap_arg *arg,
		  struct pf_str name)
{
	if (cmd->client->rev2 && !name_is_spelled(cmd, arg, name))
		list_one(cmd, arg, name);
}
