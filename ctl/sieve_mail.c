/* What a run comes to, and how a message is shown in a list. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/utf8.h"
#include "ctl/sieve.h"
#include "mime/mime.h"

/* ---- places ---------------------------------------------------------------
 */

void ctl_places_add(struct ctl_places *places, struct pf_str place)
{
	size_t at = 0;
	int order = 1;

	while (at < places->n &&
	       (order = pf_str_cmp(pf_str_c(places->v[at]), place)) < 0)
		at++;
	if (at < places->n && order == 0)
		return;
	pf_vec_push(places, NULL);
	for (size_t i = places->n - 1; i > at; i--)
		places->v[i] = places->v[i - 1];
	places->v[at] = pf_str_dup(place);
}

bool ctl_places_equal(const struct ctl_places *a, const struct ctl_places *b)
{
	bool equal = a->n == b->n;

	for (size_t i = 0; equal && i < a->n; i++)
		equal = strcmp(a->v[i], b->v[i]) == 0;
	return equal;
}

void ctl_places_print(const struct ctl_places *places, struct pf_buf *to)
{
	for (size_t i = 0; i < places->n; i++)
		pf_buf_addf(to, "%s%s", i ? ", " : "", places->v[i]);
	if (places->n == 0)
		pf_buf_add_c(to, "nowhere");
}

void ctl_places_json(const struct ctl_places *places)
{
	putchar('[');
	for (size_t i = 0; i < places->n; i++) {
		if (i)
			fputs(", ", stdout);
		ctl_json_string(pf_str_c(places->v[i]));
	}
	putchar(']');
}

void ctl_places_release(struct ctl_places *places)
{
	for (size_t i = 0; i < places->n; i++)
		free(places->v[i]);
	pf_vec_release(places);
}

static void add_keep(struct ctl_sieve *s, const struct sieve_message *message,
		     bool implicit, struct ctl_places *places)
{
	struct pf_buf folder = PF_BUF_INIT(4096), rule = PF_BUF_INIT(8192);

	if (implicit && s->store)
		(void)filter_keep_folder(&s->filter, &s->id, s->store,
					 message->detail, &folder, &rule);
	else
		pf_buf_add_c(&folder, "INBOX");
	ctl_places_add(places, pf_buf_str(&folder));
	pf_buf_release(&folder);
	pf_buf_release(&rule);
}

static void add_named(const char *what, struct pf_str name,
		      struct ctl_places *places)
{
	struct pf_buf text = PF_BUF_INIT(65536);

	pf_buf_addf(&text, "%s%.*s", what, (int)name.n, name.n ? name.p : "");
	ctl_places_add(places, pf_buf_str(&text));
	pf_buf_release(&text);
}

void ctl_sieve_places(struct ctl_sieve *s, const struct sieve_message *message,
		      const struct sieve_result *result,
		      struct ctl_places *places)
{
	for (size_t i = 0; i < result->count; i++) {
		const struct sieve_action *a = &result->actions[i];

		switch (a->kind) {
		case SIEVE_KEEP:
			add_keep(s, message, a->implicit, places);
			break;
		case SIEVE_FILEINTO:
			ctl_places_add(places, a->mailbox);
			break;
		case SIEVE_DISCARD:
			break;
		case SIEVE_REDIRECT:
			add_named("redirect to ", a->address, places);
			break;
		case SIEVE_REJECT:
			ctl_places_add(places, PF_STR("reject"));
			break;
		case SIEVE_PIPE:
			add_named("pipe to ", a->program->name, places);
			break;
		case SIEVE_REPORT:
		case SIEVE_VACATION: /* letters of ours: no place */
		case SIEVE_NOTIFY:
			break;
		}
	}
	if (places->n == 0)
		ctl_places_add(places, PF_STR("discard"));
}

static void print_flags(const struct sieve_action *a)
{
	fputs(", \"flags\": [", stdout);
	for (size_t i = 0; i < a->flag_count; i++) {
		if (i)
			fputs(", ", stdout);
		ctl_json_string(a->flags[i]);
	}
	putchar(']');
}

void ctl_actions_json(const struct sieve_result *result)
{
	static const char *const kinds[] = {
	    [SIEVE_KEEP] = "keep",	 [SIEVE_FILEINTO] = "fileinto",
	    [SIEVE_DISCARD] = "discard", [SIEVE_REDIRECT] = "redirect",
	    [SIEVE_REJECT] = "reject",	 [SIEVE_VACATION] = "vacation",
	    [SIEVE_NOTIFY] = "notify",	 [SIEVE_PIPE] = "pipe",
	    [SIEVE_REPORT] = "report",
	};

	putchar('[');
	for (size_t i = 0; i < result->count; i++) {
		const struct sieve_action *a = &result->actions[i];

		printf("%s\n  {\"action\": \"%s\", \"line\": %d", i ? "," : "",
		       kinds[a->kind], a->line);
		if (a->kind == SIEVE_KEEP)
			printf(", \"implicit\": %s",
			       a->implicit ? "true" : "false");
		if (a->mailbox.n)
			ctl_json_member("mailbox", a->mailbox);
		if (a->address.n)
			ctl_json_member("address", a->address);
		if (a->kind == SIEVE_VACATION)
			ctl_json_member("reply_to", a->reply_to);
		print_flags(a);
		printf(", \"header_edited\": %s}",
		       a->header.p ? "true" : "false");
	}
	putchar(']');
}

/* ---- showing ---------------------------------------------------------------
 */

void ctl_mail_fields(struct pf_str header, struct pf_buf *from,
		     struct pf_buf *subject)
{
	struct mime_field field;
	size_t pos = 0;

	while (mime_field_next(header, &pos, &field)) {
		if (pf_str_ieq(field.name, PF_STR("From")) && from->len == 0)
			mime_decode_text(from, field.raw);
		else if (pf_str_ieq(field.name, PF_STR("Subject")) &&
			 subject->len == 0)
			mime_decode_text(subject, field.raw);
	}
}

void ctl_print_column(struct pf_str text, int columns)
{
	size_t n;
	int used = 0;

	for (text = pf_str_trim(text); text.n > 0 && used < columns;
	     text = pf_str_from(text, n), used++) {
		uint32_t c = pf_utf8_next(text, &n);

		/* nothing from a stranger drives the terminal */
		if (c == PF_UTF8_BAD || (c >= 0x7f && c < 0xa0))
			putchar('?');
		else if (c < 0x20)
			putchar(' ');
		else
			fwrite(text.p, 1, n, stdout);
	}
	printf("%*s", columns - used + 1, "");
}

void ctl_progress(const char *what, size_t done, size_t total)
{
	enum {
		WIDTH = 40
	};
	size_t filled = total ? done * WIDTH / total : WIDTH;
	char bar[WIDTH + 1];

	if (!isatty(STDERR_FILENO))
		return;
	memset(bar, ' ', WIDTH);
	memset(bar, '#', filled > WIDTH ? WIDTH : filled);
	bar[WIDTH] = '\0';
	fprintf(stderr, "\r%s [%s] %zu of %zu%s", what, bar, done, total,
		done >= total ? "\n" : "");
}
