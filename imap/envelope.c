/*
 * ENVELOPE (RFC 3501 7.4.2, RFC 9051 7.5.2) of a raw header.
 *
 * Where a header is not as it should be, clients get what Dovecot gives them,
 * so that moving a mailbox changes nothing in their caches: of repeated
 * Subject, Date and so on the last counts, repeated address fields are one
 * long list, and a missing part of an address has a name, because NIL there
 * would say "group".
 */
#include "imap/imap.h"

enum slot {
	DATE,
	SUBJECT,
	FROM,
	SENDER,
	REPLY_TO,
	TO,
	CC,
	BCC,
	IN_REPLY_TO,
	MESSAGE_ID,
	SLOTS
};

static const char *const names[SLOTS] = {
    "Date", "Subject", "From", "Sender",      "Reply-To",
    "To",   "Cc",      "Bcc",  "In-Reply-To", "Message-ID"};

static bool has_addresses(enum slot slot)
{
	return slot >= FROM && slot <= BCC;
}

struct envelope {
	struct pf_str raw[SLOTS];     /* of text fields; p NULL: none */
	struct pf_buf written[SLOTS]; /* of address fields: "(...)(...)" */
	size_t addresses[SLOTS];
};

/* Runs of blanks and folds as one blank: what people read (subjects, names). */
static void add_tidy(struct pf_buf *to, struct pf_str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!memchr(" \t\r\n", s.p[i], 4))
			pf_buf_add_byte(to, s.p[i]);
		else if (to->len > 0 && to->data[to->len - 1] != ' ')
			pf_buf_add_byte(to, ' ');
	if (to->len > 0 && to->data[to->len - 1] == ' ')
		pf_buf_cut(to, to->len - 1);
}

static void write_tidy(struct pf_buf *to, struct pf_str s)
{
	struct pf_buf tidy = PF_BUF_INIT(s.n + 1);

	add_tidy(&tidy, s);
	imap_write_nstring(to, s.p ? pf_buf_str(&tidy) : s);
	pf_buf_release(&tidy);
}

/* ---- addresses ---------------------------------------------------------- */

static void write_part(struct pf_buf *to, struct pf_str part,
		       const char *missing)
{
	pf_buf_add_byte(to, ' ');
	imap_write_nstring(to, part.p ? part : pf_str_c(missing));
}

static void write_address(struct pf_buf *to, const struct mime_addr *addr)
{
	pf_buf_add_byte(to, '(');
	switch (addr->kind) {
	case MIME_ADDR:
		write_tidy(to, addr->name);
		write_part(to, addr->route, NULL);
		write_part(to, addr->local, "MISSING_MAILBOX");
		write_part(to, addr->domain, "MISSING_DOMAIN");
		break;
	case MIME_GROUP_START:
		pf_buf_add_c(to, "NIL NIL");
		write_part(to, addr->name, "");
		pf_buf_add_c(to, " NIL");
		break;
	case MIME_GROUP_END:
		pf_buf_add_c(to, "NIL NIL NIL NIL");
		break;
	}
	pf_buf_add_byte(to, ')');
}

static void add_addresses(struct envelope *env, enum slot slot,
			  struct pf_str raw)
{
	struct mime_addrs addrs = {0};
	struct pf_arena arena;

	pf_arena_init(&arena, (size_t)64 << 20);
	mime_addresses(&arena, raw, &addrs);
	/* a group that is cut short stays open: the limit is for attacks */
	for (size_t i = 0; i < addrs.n && env->addresses[slot] < MIME_ADDRS_MAX;
	     i++) {
		write_address(&env->written[slot], &addrs.v[i]);
		env->addresses[slot]++;
	}
	pf_arena_release(&arena);
}

/* ---- the whole ------------------------------------------------------------
 */

static void read_header(struct envelope *env, struct pf_str header)
{
	struct mime_field field;
	size_t pos = 0;

	while (mime_field_next(header, &pos, &field))
		for (enum slot slot = 0; slot < SLOTS; slot++) {
			if (!pf_str_ieq(field.name, pf_str_c(names[slot])))
				continue;
			if (has_addresses(slot))
				add_addresses(env, slot, field.raw);
			else
				env->raw[slot] = field.raw;
			break;
		}
}

static void write_text(struct pf_buf *to, struct pf_str raw)
{
	struct pf_buf text = PF_BUF_INIT(raw.n + 1);

	if (raw.p)
		mime_unfold(&text, raw);
	imap_write_nstring(to, raw.p ? pf_buf_str(&text) : raw);
	pf_buf_release(&text);
}

static void write_addresses(struct pf_buf *to, const struct envelope *env,
			    enum slot slot)
{
	/* RFC 9051 7.5.2: empty counts as missing here */
	if ((slot == SENDER || slot == REPLY_TO) && env->addresses[slot] == 0)
		slot = FROM;
	if (env->addresses[slot] == 0) {
		pf_buf_add_c(to, "NIL");
		return;
	}
	pf_buf_add_byte(to, '(');
	pf_buf_add_str(to, pf_buf_str(&env->written[slot]));
	pf_buf_add_byte(to, ')');
	to->failed |= env->written[slot].failed;
}

void imap_write_envelope(struct pf_buf *to, struct pf_str header)
{
	struct envelope env = {0};

	header = pf_str_head(header, MIME_HEADER_MAX);
	for (enum slot slot = 0; slot < SLOTS; slot++)
		pf_buf_init(&env.written[slot],
			    64 * MIME_ADDRS_MAX + 4 * header.n);
	read_header(&env, header);
	for (enum slot slot = 0; slot < SLOTS; slot++) {
		pf_buf_add_byte(to, slot ? ' ' : '(');
		if (has_addresses(slot))
			write_addresses(to, &env, slot);
		else if (slot == SUBJECT)
			write_tidy(to, env.raw[slot]);
		else
			write_text(to, env.raw[slot]);
	}
	pf_buf_add_byte(to, ')');
	for (enum slot slot = 0; slot < SLOTS; slot++)
		pf_buf_release(&env.written[slot]);
}
