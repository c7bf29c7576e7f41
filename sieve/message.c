/* What a run sees of the message: its header fields, decoded when needed. */
#include "sieve/run.h"

#include "mime/mime.h"

enum {
	FIELD_STEPS = 4,
	VALUE_MAX = 8192 /* of a field that a script makes */
};

static void read_fields(struct sieve_run *run)
{
	struct pf_str whole = sieve_content_header(run);
	struct pf_str header = pf_str_head(whole, MIME_HEADER_MAX);
	struct mime_field field;
	size_t pos = 0, n = 0;

	run->fields_read = true;
	while (n < SIEVE_FIELDS_MAX && mime_field_next(header, &pos, &field))
		n++;
	if (!sieve_run_step(run, header.n + n))
		return;
	run->fields_cut = n >= SIEVE_FIELDS_MAX || whole.n > header.n;
	run->field_room = n + SIEVE_EDITS_MAX;
	run->fields =
	    sieve_run_alloc(run, run->field_room, sizeof *run->fields);
	if (!run->fields)
		return;
	pos = 0;
	run->field_count = 0;
	while (run->field_count < n && mime_field_next(header, &pos, &field))
		run->fields[run->field_count++] =
		    (struct sieve_field){.name = field.name, .raw = field.raw};
}

bool sieve_run_fields(struct sieve_run *run)
{
	if (!run->fields_read)
		read_fields(run);
	return run->fields && !run->fields_cut;
}

struct sieve_field *sieve_run_field(struct sieve_run *run, struct pf_str name,
				    size_t *pos)
{
	if (!run->fields_read)
		read_fields(run);
	for (size_t start = *pos; *pos < run->field_count;) {
		struct sieve_field *field = &run->fields[(*pos)++];

		if (!pf_str_ieq(field->name, name))
			continue;
		if (!sieve_run_step(run, (*pos - start) * FIELD_STEPS))
			return NULL;
		return field;
	}
	sieve_run_step(run, run->field_count * FIELD_STEPS);
	return NULL;
}

struct sieve_value *sieve_field_value(struct sieve_run *run,
				      struct sieve_field *field)
{
	if (field->decoded || !sieve_run_step(run, field->raw.n))
		return &field->value;
	/* decoding to UTF-8 takes up to three bytes for one */
	struct pf_buf text = PF_BUF_INIT(4 * field->raw.n + 16);

	field->decoded = true;
	mime_decode_text(&text, field->raw);
	field->value.text = sieve_run_keep(run, pf_str_trim(pf_buf_str(&text)));
	pf_buf_release(&text);
	return &field->value;
}

bool sieve_run_automatic(struct sieve_run *run)
{
	struct sieve_field *field;
	bool any = false;
	size_t pos = 0;

	while ((field = sieve_run_field(run, PF_STR("Auto-Submitted"), &pos))) {
		struct pf_str text = sieve_field_value(run, field)->text;
		ptrdiff_t end = pf_str_chr(text, ';');

		if (end >= 0)
			text = pf_str_head(text, (size_t)end);
		any |= !pf_str_ieq(pf_str_trim(text), PF_STR("no"));
	}
	return any;
}

struct pf_str sieve_field_line(const struct sieve_field *field)
{
	/* name and value lie in one piece, the colon between them */
	const char *start = field->name.p;

	return pf_str_mem(start, (size_t)(field->raw.p + field->raw.n - start));
}

bool sieve_field_make(struct sieve_run *run, struct pf_str name,
		      struct pf_str value, struct sieve_field *field)
{
	struct pf_buf line = PF_BUF_INIT(16 * VALUE_MAX);
	struct pf_buf clean = PF_BUF_INIT(VALUE_MAX + 1);

	for (size_t i = 0; i < value.n && i < VALUE_MAX; i++) {
		unsigned char c = (unsigned char)value.p[i];

		pf_buf_add_byte(&clean,
				c < 0x20 || c == 0x7f ? ' ' : value.p[i]);
	}
	pf_buf_addf(&line, "%.*s: ", (int)name.n, name.p);
	mime_encode_text(&line, pf_str_trim(pf_buf_str(&clean)));
	pf_buf_add_byte(&line, '\n');
	struct pf_str kept = sieve_run_keep(run, pf_buf_str(&line));
	*field = (struct sieve_field){.name = pf_str_head(kept, name.n),
				      .raw = pf_str_from(kept, name.n + 1)};
	bool good = !line.failed && kept.n > name.n;
	pf_buf_release(&line);
	pf_buf_release(&clean);
	return good;
}

static struct pf_str join(struct pf_arena *arena, struct pf_str local,
			  struct pf_str domain)
{
	char *all = pf_arena_alloc(arena, local.n + domain.n + 2);

	if (!all)
		return PF_STR("");
	memcpy(all, local.p, local.n);
	all[local.n] = '@';
	memcpy(all + local.n + 1, domain.p, domain.n);
	return pf_str_mem(all, local.n + 1 + domain.n);
}

static struct sieve_address make_address(struct pf_arena *arena,
					 const struct mime_addr *from)
{
	struct sieve_address to = {0};

	if (from->local.p && from->local.n && from->domain.p &&
	    from->domain.n) {
		to.local = from->local;
		to.domain = from->domain;
		to.all = join(arena, from->local, from->domain);
	} else {
		to.all = from->local.p ? from->local : PF_STR("");
	}
	return to;
}

void sieve_field_addresses(struct sieve_run *run, struct sieve_field *field)
{
	struct mime_addrs found = {0};

	if (field->parsed || run->address_count >= SIEVE_ADDRESSES_MAX ||
	    !sieve_run_step(run, field->raw.n))
		return;
	field->parsed = true;
	mime_addresses(run->arena, field->raw, &found);
	run->address_count += found.n;
	field->addresses =
	    sieve_run_alloc(run, found.n, sizeof *field->addresses);
	if (!field->addresses)
		return;
	for (size_t i = 0; i < found.n; i++) {
		if (found.v[i].kind == MIME_ADDR)
			field->addresses[field->address_count++] =
			    make_address(run->arena, &found.v[i]);
	}
}

/* Fit for a mail command as it is, without quotation marks? */
static bool is_plain(struct pf_str part, const char *unfit)
{
	for (size_t i = 0; i < part.n; i++) {
		unsigned char c = (unsigned char)part.p[i];

		if (c <= ' ' || c == 0x7f || strchr(unfit, c))
			return false;
	}
	return part.n > 0;
}

/* The parser forgives much; a script's address is written plainly:
 * "local@domain" or "Name <local@domain>". */
static bool is_written_so(struct pf_str text, struct pf_str all)
{
	text = pf_str_trim(text);
	if (pf_str_eq(text, all))
		return true;
	if (!pf_str_ends(text, PF_STR(">")))
		return false;
	text = pf_str_head(text, text.n - 1);
	return pf_str_ends(text, all) && text.n > all.n &&
	       text.p[text.n - all.n - 1] == '<';
}

bool sieve_address_parse(struct pf_arena *arena, struct pf_str text,
			 struct sieve_address *address)
{
	struct mime_addrs found = {0};

	if (memchr(text.p ? text.p : "", '\n', text.n) ||
	    memchr(text.p ? text.p : "", '\r', text.n))
		return false;
	mime_addresses(arena, text, &found);
	if (found.n != 1 || found.v[0].kind != MIME_ADDR)
		return false;
	*address = make_address(arena, &found.v[0]);
	return is_written_so(text, address->all) &&
	       is_plain(address->local, "<>()[],;:\\\"@") &&
	       is_plain(address->domain, "<>(),;\\\"@");
}
