/*
 * vacation (RFC 5230 4) and vacation-seconds (RFC 6131 2)
 *
 *	vacation [":days" number / ":seconds" number] [":subject" string]
 *		 [":from" string] [":addresses" string-list] [":mime"]
 *		 [":handle" string] <reason: string>;
 *
 * Gives an action only where the message may be answered at all: personal
 * mail, to an address of ours, from somebody who can read an answer.  Whether
 * this sender was answered lately is for the caller to know.
 */
#include "sieve/run.h"

#include <stdio.h>

#include "mime/mime.h"

enum {
	DAY = 24 * 60 * 60,
	DAYS_DEFAULT = 7,
	DAYS_MAX = 365,
};

extern const struct sieve_extension sieve_ext_vacation;

/* ---- may this message be answered? (RFC 5230 4.5, 4.6) ---- */

/* Is one of the words in the field, which holds "word, word; ..."? */
static bool header_is(struct sieve_run *run, const char *name,
		      const char *values)
{
	struct sieve_field *field;
	size_t pos = 0;

	while ((field = sieve_run_field(run, pf_str_c(name), &pos))) {
		struct pf_str text = sieve_field_value(run, field)->text, word;
		ptrdiff_t end = pf_str_chr(text, ';');

		if (end >= 0)
			text = pf_str_head(text, (size_t)end);
		if (!sieve_run_step(run, text.n))
			return false;
		while (pf_str_split(&text, ',', &word)) {
			word = pf_str_trim(word);
			if (word.n > 0 && sieve_word_in(word, values))
				return true;
		}
	}
	return false;
}

/* A field that only lists and robots write, or NULL */
static const char *robot_field(struct sieve_run *run)
{
	static const char *const fields[] = {
	    "List-Id",		"List-Help",
	    "List-Subscribe",	"List-Post",
	    "List-Unsubscribe", "List-Owner",
	    "List-Archive",	"X-Auto-Response-From",
	    "Feedback-ID",
	};
	size_t pos;

	if (sieve_run_automatic(run))
		return "Auto-Submitted";
	if (header_is(run, "Precedence", "bulk list junk auto_reply"))
		return "Precedence";
	if (header_is(run, "X-Auto-Response-Suppress", "All AutoReply OOF"))
		return "X-Auto-Response-Suppress";
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		pos = 0;
		if (sieve_run_field(run, pf_str_c(fields[i]), &pos))
			return fields[i];
	}
	return NULL;
}

/* Senders that no person reads */
static bool is_robot(struct pf_str sender)
{
	ptrdiff_t at = pf_str_rchr(sender, '@');
	struct pf_str local = at < 0 ? sender : pf_str_head(sender, (size_t)at);

	return sieve_word_in(local, "mailer-daemon listserv majordomo") ||
	       pf_str_istarts(local, PF_STR("owner-")) ||
	       (local.n >= 8 && pf_str_ieq(pf_str_from(local, local.n - 8),
					   PF_STR("-request"))) ||
	       (local.n >= 6 &&
		pf_str_ieq(pf_str_from(local, local.n - 6), PF_STR("-owner")));
}

/* The addresses of ours that :addresses names */
struct own {
	struct pf_str *v;
	size_t n;
};

static void read_own(struct sieve_run *run, const struct sieve_node *node,
		     struct own *own)
{
	const struct sieve_bound *list = sieve_node_tag(node, "addresses");
	struct sieve_address address;

	*own = (struct own){0};
	if (!list)
		return;
	own->v = sieve_run_alloc(run, list->value->count, sizeof *own->v);
	for (size_t i = 0; own->v && i < list->value->count; i++) {
		struct pf_str text =
		    sieve_run_string(run, &list->value->strings[i]);

		if (!sieve_run_step(run, 500 + text.n))
			return;
		if (sieve_address_parse(run->arena, text, &address))
			own->v[own->n++] = address.all;
	}
}

static bool in_own(struct sieve_run *run, struct pf_str address)
{
	struct pf_str rest = run->message->own, word;

	while (sieve_run_step(run, 10) && pf_str_split(&rest, ' ', &word)) {
		if (pf_str_ieq(word, address))
			return true;
	}
	return false;
}

/* The recipient, with and without detail, and our other addresses */
static bool is_ours(struct sieve_run *run, const struct own *own,
		    struct pf_str address)
{
	const struct sieve_message *message = run->message;
	ptrdiff_t at = pf_str_rchr(message->to, '@');

	if (!sieve_run_step(run, 32 * (1 + own->n)))
		return false;
	if (pf_str_ieq(address, message->to))
		return true;
	if (at >= 0 && message->user.n > 0 &&
	    pf_str_istarts(address, message->user) &&
	    pf_str_ieq(pf_str_from(address, message->user.n),
		       pf_str_from(message->to, (size_t)at)))
		return true;
	for (size_t i = 0; i < own->n; i++) {
		if (pf_str_ieq(address, own->v[i]))
			return true;
	}
	return pf_str_chr(address, '@') >= 0 && in_own(run, address);
}

static bool is_addressed_to_us(struct sieve_run *run, const struct own *own)
{
	static const char *const fields[] = {
	    "To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc",
	};
	struct sieve_field *field;

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		size_t pos = 0;

		while (
		    (field = sieve_run_field(run, pf_str_c(fields[i]), &pos))) {
			sieve_field_addresses(run, field);
			for (size_t k = 0; k < field->address_count; k++) {
				if (is_ours(run, own, field->addresses[k].all))
					return true;
			}
		}
	}
	return false;
}

/* NULL, or why not */
static const char *obstacle(struct sieve_run *run,
			    const struct sieve_node *node)
{
	struct pf_str sender = run->message->from;
	struct own own;

	read_own(run, node, &own);
	if (sender.n == 0)
		return "the sender is <>";
	if (is_robot(sender))
		return "the sender is a robot";
	if (is_ours(run, &own, sender))
		return "the sender is the user";
	const char *field = robot_field(run);
	if (field)
		return field;
	if (!is_addressed_to_us(run, &own))
		return "no address of the user is in To or Cc";
	return NULL;
}

/* ---- the answer ---- */

static struct pf_str tag_string(struct sieve_run *run,
				const struct sieve_node *node, const char *name)
{
	const struct sieve_bound *bound = sieve_node_tag(node, name);

	return bound ? sieve_run_string(run, &bound->value->strings[0])
		     : PF_STR("");
}

static int interval(const struct sieve_node *node)
{
	const struct sieve_bound *days = sieve_node_tag(node, "days");
	const struct sieve_bound *seconds = sieve_node_tag(node, "seconds");
	uint64_t n = (uint64_t)DAYS_DEFAULT * DAY;

	if (days) {
		n = days->value->number;
		n = n < 1 ? 1 : n > DAYS_MAX ? DAYS_MAX : n;
		n *= DAY;
	} else if (seconds) {
		n = seconds->value->number;
	}
	return n > (uint64_t)DAYS_MAX * DAY ? DAYS_MAX * DAY : (int)n;
}

static uint64_t mix(uint64_t hash, struct pf_str s)
{
	for (size_t i = 0; i < s.n; i++)
		hash = (hash ^ (unsigned char)s.p[i]) * 0x100000001b3u;
	return (hash ^ 0xff) * 0x100000001b3u; /* the end */
}

/*
 * Without :handle, the answers with the same words are the same (RFC 5230
 * 4.2).  As written in the script: what variables hold changes with each
 * message.
 */
static struct pf_str make_handle(struct sieve_run *run,
				 const struct sieve_node *node)
{
	static const char *const names[] = {"subject", "from"};
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
	char text[24];

	if (sieve_node_tag(node, "handle"))
		return tag_string(run, node, "handle");
	for (size_t i = 0; i < 2; i++) {
		const struct sieve_bound *b = sieve_node_tag(node, names[i]);

		hash =
		    mix(hash, b ? b->value->strings[0].value.text : PF_STR(""));
	}
	hash = mix(hash,
		   sieve_node_tag(node, "mime") ? PF_STR("mime") : PF_STR(""));
	hash = mix(hash, node->params[0]->strings[0].value.text);
	snprintf(text, sizeof text, "auto-%016llx", (unsigned long long)hash);
	return sieve_run_keep(run, pf_str_c(text));
}

struct state {
	int line; /* of the vacation that was executed */
};

static void execute(struct sieve_run *run, const struct sieve_node *node)
{
	const char *why = obstacle(run, node);
	struct sieve_address from = {0};

	struct state *state = sieve_run_state(run, &sieve_ext_vacation);

	/* also where no answer is due (RFC 5230 4.7) */
	if (state->line) {
		sieve_run_fail(run,
			       "vacation is not possible after vacation "
			       "(line %d)",
			       state->line);
		return;
	}
	state->line = node->at.line;
	if (why) {
		sieve_run_trace(run, "vacation: no answer: %s", why);
		return;
	}
	struct pf_str text = tag_string(run, node, "from");
	if (text.n > 0 && !sieve_address_parse(run->arena, text, &from)) {
		sieve_run_fail(run, "vacation: :from is not an address");
		return;
	}
	sieve_run_action(
	    run, node,
	    (struct sieve_action){
		.kind = SIEVE_VACATION,
		.address = text,
		.text = sieve_run_string(run, &node->params[0]->strings[0]),
		.subject = tag_string(run, node, "subject"),
		.handle = make_handle(run, node),
		.reply_to = run->message->from,
		.mime = sieve_node_tag(node, "mime") != NULL,
		.seconds = interval(node),
	    });
}

static void check_addresses(struct sieve_compiler *compiler,
			    struct sieve_node *node,
			    const struct sieve_arg *value)
{
	struct sieve_address address;

	(void)node;
	for (size_t i = 0; i < value->count; i++) {
		const struct sieve_string *s = &value->strings[i];

		if (!s->pieces && !sieve_address_parse(compiler->arena,
						       s->value.text, &address))
			sieve_error(compiler, s->at,
				    "such as \"user@example.org\"",
				    "this is not an address");
	}
}

/* A MIME entity: its header says how to read it, in ASCII (RFC 5230 5). */
static void check_mime(struct sieve_compiler *compiler, struct sieve_node *node)
{
	const struct sieve_string *reason = &node->params[0]->strings[0];
	struct pf_str text = reason->value.text, header;
	bool ascii = true;

	if (!sieve_node_tag(node, "mime") || reason->pieces)
		return;
	header = pf_str_head(text, mime_header_end(text));
	for (size_t i = 0; i < header.n; i++)
		ascii &= (unsigned char)header.p[i] < 0x80;
	if (!pf_str_istarts(text, PF_STR("Content-")) &&
	    !pf_str_istarts(text, PF_STR("MIME-Version:")))
		sieve_warning(compiler, reason->at,
			      "such as Content-Type: text/plain, and an empty "
			      "line",
			      "with :mime the text begins with header fields");
	else if (!ascii)
		sieve_error(compiler, reason->at,
			    "write =?utf-8?q?...?=", "header fields are ASCII");
}

static const struct sieve_def defs[] = {
    {.name = "vacation",
     .params = "s",
     .usage = "vacation [:days 7] [:subject \"...\"] [:addresses [...]] "
	      "\"text\";",
     .check = check_mime,
     .execute = execute},
    {0},
};

static const struct sieve_tag tags[] = {
    {.name = "days", .on = "vacation", .group = "interval", .value = 'n'},
    {.name = "subject", .on = "vacation", .value = 's'},
    {.name = "from", .on = "vacation", .value = 's', .check = check_addresses},
    {.name = "addresses",
     .on = "vacation",
     .value = 'l',
     .check = check_addresses},
    {.name = "mime", .on = "vacation"},
    {.name = "handle", .on = "vacation", .value = 's'},
    {0},
};

static const struct sieve_tag seconds_tags[] = {
    {.name = "seconds", .on = "vacation", .group = "interval", .value = 'n'},
    {0},
};

const struct sieve_extension sieve_ext_vacation = {.name = "vacation",
						   .delivery = true,
						   .defs = defs,
						   .tags = tags,
						   .state_size =
						       sizeof(struct state)};
const struct sieve_extension sieve_ext_vacation_seconds = {
    .name = "vacation-seconds",
    .delivery = true,
    .implies = "vacation",
    .tags = seconds_tags};
