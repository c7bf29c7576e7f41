/*
 * LMTP.  Two machines: lines of commands, and the message.
 *
 * The end of a message is CRLF "." CRLF and nothing else (RFC 5321 4.1.1.4):
 * a lone LF or CR is data like any other byte, so nobody can hide a second
 * transaction in a message that other software saw as one.  The machine
 * below therefore knows only one kind of line start: the one after CRLF.
 *
 *	BOL  at the start of a line (after CRLF, or of the message)
 *	DOT  a "." was read there and not shown: stuffing, or the end
 *	DOTCR  "." CR was read there: the CR is held back
 *	MID  inside a line;  CR  the last byte shown was CR
 */
#include "mda/lmtp.h"

#include <stdio.h>
#include <stdlib.h>

#include "mda/lmtp_path.h"

#define ARENA_MAX   (4 * 1024 * 1024) /* all recipients of one transaction */
#define FORWARD_MAX (16 * 1024)

enum state {
	AT_COMMAND,
	AT_RCPT, /* waits for mda_lmtp_rcpt_reply */
	AT_DATA,
	AT_END, /* waits for mda_lmtp_end_reply */
	AT_QUIT,
};

enum data_state {
	BOL,
	MID,
	CR,
	DOT,
	DOTCR
};

struct mda_lmtp {
	struct mda_lmtp_conf conf;
	enum state state;
	enum data_state data_state;
	struct pf_buf out;
	struct pf_arena arena;	       /* the transaction's */
	struct pf_arena forward_arena; /* XFORWARD comes before MAIL */
	struct mda_lmtp_mail mail;
	char lhlo[256];
	bool greeted, in_mail;
	int errors;
};

static void reply(struct mda_lmtp *lmtp, const char *line)
{
	pf_buf_add_c(&lmtp->out, line);
	pf_buf_add_c(&lmtp->out, "\r\n");
}

static void reply_bad(struct mda_lmtp *lmtp, const char *line)
{
	if (++lmtp->errors < LMTP_ERRORS_MAX) {
		reply(lmtp, line);
		return;
	}
	reply(lmtp, "421 4.7.0 Too many errors");
	lmtp->state = AT_QUIT;
}

static void forget_mail(struct mda_lmtp *lmtp)
{
	pf_vec_release(&lmtp->mail.rcpts);
	pf_arena_release(&lmtp->arena);
	pf_arena_release(&lmtp->forward_arena);
	memset(&lmtp->mail, 0, sizeof lmtp->mail);
	lmtp->in_mail = false;
}

struct mda_lmtp *mda_lmtp_new(const struct mda_lmtp_conf *conf)
{
	struct mda_lmtp *lmtp = calloc(1, sizeof *lmtp);

	if (!lmtp)
		abort();
	lmtp->conf = *conf;
	pf_buf_init(&lmtp->out, 1 << 20);
	pf_arena_init(&lmtp->arena, ARENA_MAX);
	pf_arena_init(&lmtp->forward_arena, FORWARD_MAX);
	pf_buf_addf(&lmtp->out, "220 %s LMTP penfold\r\n", conf->hostname);
	return lmtp;
}

void mda_lmtp_free(struct mda_lmtp **lmtpp)
{
	struct mda_lmtp *lmtp = *lmtpp;

	if (!lmtp)
		return;
	*lmtpp = NULL;
	forget_mail(lmtp);
	pf_buf_release(&lmtp->out);
	free(lmtp);
}

struct pf_buf *mda_lmtp_out(struct mda_lmtp *lmtp)
{
	return &lmtp->out;
}

const struct mda_lmtp_mail *mda_lmtp_mail(const struct mda_lmtp *lmtp)
{
	return &lmtp->mail;
}

struct pf_str mda_lmtp_lhlo(const struct mda_lmtp *lmtp)
{
	return pf_str_c(lmtp->lhlo);
}

bool mda_lmtp_busy(const struct mda_lmtp *lmtp)
{
	return lmtp->state == AT_DATA || lmtp->state == AT_END;
}

bool mda_lmtp_too_big(const struct mda_lmtp *lmtp)
{
	return lmtp->conf.size_max && lmtp->mail.size > lmtp->conf.size_max;
}

/* ---- MAIL, RCPT and their parameters ---- */

/* " NAME=value NAME ...": the next one; false at the end. */
static bool next_param(struct pf_str *rest, struct pf_str *name,
		       struct pf_str *value, bool *has_value)
{
	struct pf_str word;
	ptrdiff_t at;

	*rest = pf_str_trim(*rest);
	if (rest->n == 0)
		return false;
	(void)pf_str_split(rest, ' ', &word);
	at = pf_str_chr(word, '=');
	*has_value = at >= 0;
	*name = at < 0 ? word : pf_str_head(word, (size_t)at);
	*value = at < 0 ? PF_STR("") : pf_str_from(word, (size_t)at + 1);
	return true;
}

/* [+/-]1*9DIGIT ";" ("N" / "R") ["T"]; what is to be returned when it is late
 * cannot be late already (RFC 2852 4). */
static bool parse_by(struct mda_lmtp_mail *mail, struct pf_str value)
{
	bool minus = pf_str_starts(value, PF_STR("-"));
	struct pf_str time, mode = value;
	uint64_t seconds;

	if (!pf_str_split(&mode, ';', &time))
		return false; /* "BY=" */
	if (minus || pf_str_starts(value, PF_STR("+")))
		time = pf_str_from(time, 1);
	if (!pf_str_u64(time, 999999999, &seconds) || mode.n < 1 || mode.n > 2)
		return false;
	mail->has_by = true;
	mail->by = minus ? -(int)seconds : (int)seconds;
	mail->by_return = pf_ascii_upper(mode.p[0]) == 'R';
	mail->by_trace = mode.n == 2;
	return (mail->by_return ? mail->by > 0
				: pf_ascii_upper(mode.p[0]) == 'N') &&
	       (!mail->by_trace || pf_ascii_upper(mode.p[1]) == 'T');
}

/* NULL, or the reply that refuses the parameter. */
static const char *mail_param(struct mda_lmtp *lmtp, struct pf_str name,
			      struct pf_str value, bool has_value)
{
	static const char bad[] = "501 5.5.4 Bad parameter value";
	struct mda_lmtp_mail *mail = &lmtp->mail;

	if (pf_str_ieq(name, PF_STR("SIZE"))) { /* RFC 1870 */
		if (!pf_str_u64(value, UINT64_MAX, &mail->declared))
			return bad;
		if (lmtp->conf.size_max && mail->declared > lmtp->conf.size_max)
			return "552 5.3.4 Message is too big";
		return NULL;
	}
	if (pf_str_ieq(name, PF_STR("BODY"))) { /* RFC 6152 */
		mail->eightbit = pf_str_ieq(value, PF_STR("8BITMIME"));
		return mail->eightbit || pf_str_ieq(value, PF_STR("7BIT"))
			   ? NULL
			   : bad;
	}
	if (pf_str_ieq(name, PF_STR("SMTPUTF8"))) /* RFC 6531 */
		return has_value ? bad : NULL;	  /* set by wants_utf8() */
	if (pf_str_ieq(name, PF_STR("RET"))) {	  /* RFC 3461 4.3 */
		if (pf_str_ieq(value, PF_STR("FULL")))
			mail->ret = PF_STR("FULL");
		else if (pf_str_ieq(value, PF_STR("HDRS")))
			mail->ret = PF_STR("HDRS");
		return mail->ret.n ? NULL : bad;
	}
	if (pf_str_ieq(name, PF_STR("ENVID"))) { /* RFC 3461 4.4 */
		mail->envid = mda_lmtp_xtext(&lmtp->arena, value);
		return mail->envid.p ? NULL : bad;
	}
	if (pf_str_ieq(name, PF_STR("BY"))) /* RFC 2852 4 */
		return parse_by(mail, value) ? NULL : bad;
	return "555 5.5.4 Unknown MAIL parameter";
}

/* The path stands before the parameter that says how to read it. */
static bool wants_utf8(struct pf_str line)
{
	struct pf_str name, value;
	bool has_value;

	while (next_param(&line, &name, &value, &has_value))
		if (pf_str_ieq(name, PF_STR("SMTPUTF8")))
			return true;
	return false;
}

static const char *path_problem(enum mda_lmtp_path_result result, bool sender)
{
	switch (result) {
	case LMTP_PATH_OK:
		return NULL;
	case LMTP_PATH_UTF8: /* RFC 6531 3.5 */
		return sender ? "550 5.6.7 Address needs SMTPUTF8"
			      : "553 5.6.7 Address needs SMTPUTF8";
	case LMTP_PATH_BAD:
		break;
	}
	return sender ? "501 5.1.7 Bad sender address"
		      : "501 5.1.3 Bad recipient address";
}

static void command_mail(struct mda_lmtp *lmtp, struct pf_str rest)
{
	struct pf_str name, value, mailbox;
	const char *problem;
	bool has_value, utf8;

	if (!lmtp->greeted) {
		reply_bad(lmtp, "503 5.5.1 Say LHLO first");
		return;
	}
	if (lmtp->in_mail) {
		reply_bad(lmtp, "503 5.5.1 One MAIL at a time");
		return;
	}
	utf8 = wants_utf8(rest);
	rest = pf_str_trim(rest);
	problem = path_problem(mda_lmtp_path_parse(&lmtp->arena, &rest, utf8,
						   &lmtp->mail.from, &mailbox),
			       true);
	if (!problem && rest.n > 0 && rest.p[0] != ' ')
		problem = "501 5.5.4 Bad parameter";
	while (!problem && next_param(&rest, &name, &value, &has_value))
		problem = mail_param(lmtp, name, value, has_value);
	if (problem) {
		struct mda_lmtp_forward forward = lmtp->mail.forward;

		memset(&lmtp->mail, 0, sizeof lmtp->mail);
		lmtp->mail.forward = forward;
		pf_arena_release(&lmtp->arena);
		reply_bad(lmtp, problem);
		return;
	}
	lmtp->mail.utf8 = utf8;
	lmtp->in_mail = true;
	reply(lmtp, "250 2.1.0 OK");
}

static bool parse_notify(struct pf_str value, unsigned *notify)
{
	static const struct {
		struct pf_str name;
		unsigned bit;
	} words[] = {{PF_STR("NEVER"), LMTP_NOTIFY_NEVER},
		     {PF_STR("SUCCESS"), LMTP_NOTIFY_SUCCESS},
		     {PF_STR("FAILURE"), LMTP_NOTIFY_FAILURE},
		     {PF_STR("DELAY"), LMTP_NOTIFY_DELAY}};
	struct pf_str word;

	while (pf_str_split(&value, ',', &word)) {
		unsigned bit = 0;

		for (size_t i = 0; i < sizeof words / sizeof *words; i++)
			if (pf_str_ieq(word, words[i].name))
				bit = words[i].bit;
		if (!bit)
			return false;
		*notify |= bit;
	}
	/* NEVER stands alone (RFC 3461 4.1) */
	return *notify &&
	       (!(*notify & LMTP_NOTIFY_NEVER) || *notify == LMTP_NOTIFY_NEVER);
}

static const char *rcpt_param(struct mda_lmtp *lmtp, struct mda_lmtp_rcpt *rcpt,
			      struct pf_str name, struct pf_str value)
{
	if (pf_str_ieq(name, PF_STR("NOTIFY")))
		return parse_notify(value, &rcpt->notify)
			   ? NULL
			   : "501 5.5.4 Bad NOTIFY";
	if (pf_str_ieq(name, PF_STR("ORCPT"))) { /* RFC 3461 4.2 */
		rcpt->orcpt = mda_lmtp_xtext(&lmtp->arena, value);
		return rcpt->orcpt.p && pf_str_chr(value, ';') > 0
			   ? NULL
			   : "501 5.5.4 Bad ORCPT";
	}
	return "555 5.5.4 Unknown RCPT parameter";
}

static enum mda_lmtp_event command_rcpt(struct mda_lmtp *lmtp,
					struct pf_str rest)
{
	struct mda_lmtp_rcpt rcpt = {.notify = 0};
	struct pf_str name, value;
	const char *problem;
	bool has_value;

	if (!lmtp->in_mail) {
		reply_bad(lmtp, "503 5.5.1 Say MAIL first");
		return LMTP_MORE;
	}
	rest = pf_str_trim(rest);
	problem = path_problem(
	    mda_lmtp_path_parse(&lmtp->arena, &rest, lmtp->mail.utf8,
				&rcpt.address, &rcpt.mailbox),
	    false);
	if (!problem && rcpt.address.n == 0)
		problem = "501 5.1.3 Bad recipient address";
	if (!problem && rest.n > 0 && rest.p[0] != ' ')
		problem = "501 5.5.4 Bad parameter";
	while (!problem && next_param(&rest, &name, &value, &has_value))
		problem = rcpt_param(lmtp, &rcpt, name, value);
	if (problem) {
		reply_bad(lmtp, problem);
		return LMTP_MORE;
	}
	/* RFC 5321 4.5.3.1.10: 452, so that the rest is tried again */
	if (lmtp->mail.rcpts.n >= lmtp->conf.rcpts_max ||
	    lmtp->arena.used > ARENA_MAX / 2) {
		reply(lmtp, "452 4.5.3 Too many recipients");
		return LMTP_MORE;
	}
	pf_vec_push(&lmtp->mail.rcpts, rcpt);
	lmtp->state = AT_RCPT;
	return LMTP_RCPT;
}

void mda_lmtp_rcpt_reply(struct mda_lmtp *lmtp, const char *text)
{
	if (lmtp->state != AT_RCPT)
		return;
	reply(lmtp, text);
	if (text[0] != '2')
		lmtp->mail.rcpts.n--;
	lmtp->state = AT_COMMAND;
}

/* ---- XFORWARD (Postfix' XFORWARD_README) ---- */

static bool forward_attr(struct mda_lmtp *lmtp, struct pf_str name,
			 struct pf_str value)
{
	struct mda_lmtp_forward *f = &lmtp->mail.forward;
	const struct {
		struct pf_str name;
		struct pf_str *field;
	} attrs[] = {
	    {PF_STR("NAME"), &f->name},	   {PF_STR("ADDR"), &f->addr},
	    {PF_STR("PORT"), &f->port},	   {PF_STR("PROTO"), &f->proto},
	    {PF_STR("HELO"), &f->helo},	   {PF_STR("IDENT"), &f->ident},
	    {PF_STR("SOURCE"), &f->source}};

	for (size_t i = 0; i < sizeof attrs / sizeof *attrs; i++) {
		struct pf_str text;

		if (!pf_str_ieq(name, attrs[i].name))
			continue;
		text = mda_lmtp_xtext(&lmtp->forward_arena, value);
		if (!text.p || text.n > 255)
			return false;
		if (pf_str_ieq(text, PF_STR("[UNAVAILABLE]")) ||
		    pf_str_ieq(text, PF_STR("[TEMPUNAVAIL]")))
			text = PF_STR("");
		if (attrs[i].field == &f->addr &&
		    pf_str_istarts(text, PF_STR("IPV6:")))
			text = pf_str_from(text, 5);
		*attrs[i].field = text;
		return true;
	}
	return false;
}

static void command_xforward(struct mda_lmtp *lmtp, struct pf_str rest)
{
	struct pf_str name, value;
	bool has_value, any = false;

	if (!lmtp->conf.trusted) {
		reply_bad(lmtp, "550 5.7.0 You may not use XFORWARD");
		return;
	}
	if (!lmtp->greeted || lmtp->in_mail) {
		reply_bad(lmtp, "503 5.5.1 XFORWARD comes before MAIL");
		return;
	}
	while (next_param(&rest, &name, &value, &has_value)) {
		any = true;
		if (!has_value || !forward_attr(lmtp, name, value)) {
			reply_bad(lmtp, "501 5.5.4 Bad XFORWARD attribute");
			return;
		}
	}
	if (any)
		reply(lmtp, "250 2.0.0 OK");
	else
		reply_bad(lmtp, "501 5.5.4 XFORWARD needs attributes");
}

/* ---- the other commands ---- */

static enum mda_lmtp_event command_lhlo(struct mda_lmtp *lmtp,
					struct pf_str rest)
{
	bool had_mail = lmtp->in_mail;

	rest = pf_str_trim(rest);
	if (rest.n == 0 || rest.n >= sizeof lmtp->lhlo) {
		reply_bad(lmtp, "501 5.5.4 LHLO needs a name");
		return LMTP_MORE;
	}
	forget_mail(lmtp);
	for (size_t i = 0; i < rest.n; i++) {
		/* it goes into Received and the log */
		bool safe = rest.p[i] > 0x20 && rest.p[i] < 0x7f &&
			    !strchr("()<>;\\\"", rest.p[i]);

		lmtp->lhlo[i] = safe ? rest.p[i] : '?';
	}
	lmtp->lhlo[rest.n] = 0;
	lmtp->greeted = true;
	pf_buf_addf(&lmtp->out,
		    "250-%s\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
		    "250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n"
		    "250-DELIVERBY\r\n",
		    lmtp->conf.hostname);
	if (lmtp->conf.trusted)
		reply(lmtp, "250-XFORWARD NAME ADDR PORT PROTO HELO IDENT "
			    "SOURCE");
	pf_buf_addf(&lmtp->out, "250 SIZE %llu\r\n",
		    (unsigned long long)lmtp->conf.size_max);
	return had_mail ? LMTP_RESET : LMTP_MORE;
}

static void command_data(struct mda_lmtp *lmtp)
{
	if (!lmtp->in_mail) {
		reply_bad(lmtp, "503 5.5.1 Say MAIL and RCPT first");
		return;
	}
	/* RFC 2033 4.2: with no recipient left, DATA must fail */
	if (lmtp->mail.rcpts.n == 0) {
		reply(lmtp, "503 5.5.1 No valid recipients");
		return;
	}
	reply(lmtp, "354 Go ahead, end with a dot on a line of its own");
	lmtp->state = AT_DATA;
	lmtp->data_state = BOL;
}

static enum mda_lmtp_event command_rset(struct mda_lmtp *lmtp)
{
	bool had_mail = lmtp->in_mail;

	forget_mail(lmtp);
	reply(lmtp, "250 2.0.0 OK");
	return had_mail ? LMTP_RESET : LMTP_MORE;
}

static bool command_is(struct pf_str line, const char *verb,
		       struct pf_str *rest)
{
	size_t n = strlen(verb);

	if (!pf_str_istarts(line, pf_str_c(verb)))
		return false;
	if (line.n > n && line.p[n] != ' ' && verb[n - 1] != ':')
		return false;
	*rest = pf_str_from(line, n);
	return true;
}

static enum mda_lmtp_event run_command(struct mda_lmtp *lmtp,
				       struct pf_str line)
{
	struct pf_str rest;

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	while (line.n > 0 && line.p[line.n - 1] == ' ')
		line.n--;
	if (memchr(line.p, 0, line.n) || memchr(line.p, '\r', line.n)) {
		reply_bad(lmtp, "501 5.5.2 Bad character in a command");
		return LMTP_MORE;
	}
	if (command_is(line, "LHLO", &rest))
		return command_lhlo(lmtp, rest);
	if (command_is(line, "RCPT TO:", &rest))
		return command_rcpt(lmtp, rest);
	if (command_is(line, "RSET", &rest))
		return command_rset(lmtp);
	if (command_is(line, "MAIL FROM:", &rest)) {
		command_mail(lmtp, rest);
	} else if (command_is(line, "XFORWARD", &rest)) {
		command_xforward(lmtp, rest);
	} else if (command_is(line, "DATA", &rest)) {
		command_data(lmtp);
	} else if (command_is(line, "NOOP", &rest)) {
		reply(lmtp, "250 2.0.0 OK");
	} else if (command_is(line, "VRFY", &rest)) {
		/* RFC 5321 3.5.3: who asks must send */
		reply(lmtp, "252 2.5.0 Try RCPT");
	} else if (command_is(line, "HELP", &rest)) {
		reply(lmtp, "214 2.0.0 LMTP, RFC 2033");
	} else if (command_is(line, "QUIT", &rest)) {
		reply(lmtp, "221 2.0.0 Bye");
		lmtp->state = AT_QUIT;
	} else if (command_is(line, "HELO", &rest) ||
		   command_is(line, "EHLO", &rest)) {
		reply_bad(lmtp, "500 5.5.1 This is LMTP: say LHLO");
	} else {
		reply_bad(lmtp, "500 5.5.1 Unknown command");
	}
	return LMTP_MORE;
}

/* ---- the message ---- */

/*
 * Shows the longest run that can be shown as it stands; *used counts it and
 * what was swallowed.  LMTP_MORE with *used < n: call again.
 */
static enum mda_lmtp_event take_data(struct mda_lmtp *lmtp, const char *p,
				     size_t n, size_t *used,
				     struct pf_str *data)
{
	static const char held_cr[] = "\r";
	size_t i = 0;

	*used = 0;
	switch (lmtp->data_state) {
	case BOL:
		if (p[0] == '.') {
			lmtp->data_state = DOT;
			*used = 1;
			return LMTP_MORE;
		}
		break;
	case DOT: /* the dot is gone whatever follows */
		if (p[0] == '\r') {
			lmtp->data_state = DOTCR;
			*used = 1;
			return LMTP_MORE;
		}
		break;
	case DOTCR:
		if (p[0] == '\n') {
			*used = 1;
			lmtp->state = AT_END;
			return LMTP_END;
		}
		lmtp->data_state = CR;
		*data = (struct pf_str){held_cr, 1};
		return LMTP_DATA;
	case MID:
	case CR:
		break;
	}
	if (lmtp->data_state == CR && p[0] == '\n') {
		i = 1;
		lmtp->data_state = BOL;
	} else {
		lmtp->data_state = MID;
	}
	while (i < n) {
		const char *lf;

		if (lmtp->data_state == BOL && p[i] == '.')
			break; /* shown up to here; the dot next time */
		lf = memchr(p + i, '\n', n - i);
		if (!lf) {
			lmtp->data_state = p[n - 1] == '\r' ? CR : MID;
			i = n;
			break;
		}
		i = (size_t)(lf - p) + 1;
		lmtp->data_state = i >= 2 && p[i - 2] == '\r' ? BOL : MID;
	}
	*used = i;
	*data = (struct pf_str){p, i};
	return LMTP_DATA;
}

/* Counts all of it; what is beyond size_max nobody needs to see. */
static void show_up_to_limit(struct mda_lmtp *lmtp, struct pf_str *data)
{
	uint64_t max = lmtp->conf.size_max, before = lmtp->mail.size;

	lmtp->mail.size += data->n;
	if (max && lmtp->mail.size > max)
		data->n = before < max ? (size_t)(max - before) : 0;
}

static enum mda_lmtp_event data_input(struct mda_lmtp *lmtp, const char *p,
				      size_t n, size_t *used,
				      struct pf_str *data)
{
	size_t all = 0;

	while (all < n) {
		size_t step = 0;
		enum mda_lmtp_event event;

		event = take_data(lmtp, p + all, n - all, &step, data);
		all += step;
		*used = all;
		if (event == LMTP_END)
			return event;
		if (event != LMTP_DATA)
			continue;
		show_up_to_limit(lmtp, data);
		if (data->n > 0)
			return event;
	}
	return LMTP_MORE;
}

void mda_lmtp_end_reply(struct mda_lmtp *lmtp, const char *const *replies,
			size_t n)
{
	if (lmtp->state != AT_END)
		return;
	for (size_t i = 0; i < n; i++)
		reply(lmtp, replies[i]);
	lmtp->state = AT_COMMAND;
	forget_mail(lmtp);
}

void mda_lmtp_bye(struct mda_lmtp *lmtp, const char *text)
{
	reply(lmtp, text);
	lmtp->state = AT_QUIT;
}

enum mda_lmtp_event mda_lmtp_input(struct mda_lmtp *lmtp, const char *p,
				   size_t n, size_t *used, struct pf_str *data)
{
	size_t all = 0;

	*used = 0;
	while (lmtp->state == AT_COMMAND) {
		const char *lf =
		    n > all ? memchr(p + all, '\n', n - all) : NULL;
		enum mda_lmtp_event event;
		struct pf_str line;

		if (!lf) {
			if (n - all < LMTP_LINE_MAX)
				return LMTP_MORE;
			*used = n;
			mda_lmtp_bye(lmtp, "500 5.5.6 Line too long");
			break;
		}
		line = (struct pf_str){p + all, (size_t)(lf - (p + all))};
		all += line.n + 1;
		*used = all;
		event = run_command(lmtp, line);
		if (event != LMTP_MORE)
			return event;
	}
	if (lmtp->state == AT_QUIT) {
		*used = n;
		return LMTP_QUIT;
	}
	if (lmtp->state == AT_DATA) {
		size_t step = 0;
		enum mda_lmtp_event event;

		event = data_input(lmtp, p + all, n - all, &step, data);
		*used = all + step;
		return event;
	}
	return LMTP_WAIT;
}
