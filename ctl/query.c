/*
 * The query language; see query.h.
 *
 *	query = 1*term              all of them
 *	term  = ["-"] ("(" query ")" | [field ":"] value)
 *	term  = term "OR" term      binds closer than standing side by side
 *	value = 1*(any but blank, quote, parenthesis) | quoted string
 *
 * One pass, one level of the stack for each open parenthesis.
 */
#include "ctl/query.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/utf8.h"

#define DAY 86400

/* An open parenthesis, or the whole. */
struct level {
	struct imap_key *and; /* collects the terms */
	struct imap_key **last;
	size_t at; /* of the parenthesis */
	bool negated;
	bool either; /* an OR stands before the term that comes */
};

struct parser {
	struct ctl_query *query;
	struct pf_arena *arena;
	struct pf_str text;
	size_t pos;
	int64_t now;
	struct level levels[CTL_QUERY_DEPTH + 1];
	size_t depth;
	struct pf_error *err;
};

/* ---- errors ----------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static pf_status
bad(struct parser *p, size_t at, const char *format, ...)
{
	char text[200];
	va_list ap;

	p->query->column = 1;
	for (size_t i = 0; i < at && i < p->text.n; i++)
		if ((p->text.p[i] & 0xc0) != 0x80)
			p->query->column++;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	return pf_error_set(p->err, PF_INVALID, NULL, "column %zu: %s",
			    p->query->column, text);
}

static struct imap_key *new_key(struct parser *p, enum imap_key_kind kind,
				pf_status *status)
{
	struct imap_key *key = PF_ARENA_NEW(p->arena, struct imap_key);

	if (key) {
		*key = (struct imap_key){.kind = kind};
		*status = PF_OK;
	} else {
		*status = pf_error_set(p->err, PF_LIMIT, NULL,
				       "the query is too long");
	}
	return key;
}

/* ---- days ------------------------------------------------------------- */

static int64_t day_at(int year, int month, int day)
{
	struct tm tm = {
	    .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};

	return timegm(&tm);
}

/* "2024", "2024-03", "2024-03-15": from its first second to the next one's. */
static bool parse_period(struct pf_str s, int64_t *from, int64_t *to)
{
	uint64_t year, month = 1, day = 1;

	if ((s.n != 4 && s.n != 7 && s.n != 10) ||
	    !pf_str_u64(pf_str_head(s, 4), 9999, &year) || year < 1 ||
	    (s.n > 4 &&
	     (s.p[4] != '-' ||
	      !pf_str_u64(pf_str_head(pf_str_from(s, 5), 2), 12, &month))) ||
	    (s.n > 7 &&
	     (s.p[7] != '-' || !pf_str_u64(pf_str_from(s, 8), 31, &day))) ||
	    !month || !day)
		return false;
	int y = (int)year, m = (int)month, d = (int)day;
	*from = day_at(y, m, d);
	*to = s.n == 4	 ? day_at(y + 1, 1, 1)
	      : s.n == 7 ? day_at(y, m + 1, 1)
			 : *from + DAY;
	/* there is no 30th of February */
	return *from >= day_at(y, m, 1) && *from < day_at(y, m + 1, 1);
}

/* "3d", "2w", "6m", "1y": the day that is so far back. */
static bool parse_ago(struct pf_str s, int64_t now, int64_t *day)
{
	uint64_t n;
	struct tm tm;
	time_t when = now - now % DAY;

	if (s.n < 2 || !pf_str_u64(pf_str_head(s, s.n - 1), 1000000, &n) ||
	    !gmtime_r(&when, &tm))
		return false;
	switch (pf_ascii_lower(s.p[s.n - 1])) {
	case 'd':
		tm.tm_mday -= (int)n;
		break;
	case 'w':
		tm.tm_mday -= 7 * (int)n;
		break;
	case 'm':
		tm.tm_mon -= (int)n;
		break;
	case 'y':
		tm.tm_year -= (int)n;
		break;
	default:
		return false;
	}
	*day = timegm(&tm);
	return true;
}

static bool parse_days(const struct parser *p, struct pf_str s, int64_t *from,
		       int64_t *to)
{
	int64_t today = p->now - p->now % DAY;

	if (pf_str_ieq(s, PF_STR("today")))
		*from = today;
	else if (pf_str_ieq(s, PF_STR("yesterday")))
		*from = today - DAY;
	else if (!parse_ago(s, p->now, from))
		return parse_period(s, from, to);
	*to = *from + DAY;
	return true;
}

static pf_status days_key(struct parser *p, struct pf_str value, size_t at,
			  struct imap_key *key)
{
	int64_t from, to;

	if (!parse_days(p, value, &from, &to))
		return bad(p, at,
			   "a day is 2024-01-31, 2024-01, 2024, 7d, 2w, 6m, "
			   "1y, today or yesterday");
	key->date = from;
	return PF_OK;
}

/* "A..B", "A..", "..B", "A" */
static pf_status range_key(struct parser *p, struct pf_str value, size_t at,
			   struct imap_key *key)
{
	struct pf_str first = value, last = value;
	int64_t from = 0, to = 0, other;
	struct imap_key *before, *since;
	pf_status status;

	for (size_t i = 0; i + 1 < value.n; i++)
		if (value.p[i] == '.' && value.p[i + 1] == '.') {
			first = pf_str_head(value, i);
			last = pf_str_from(value, i + 2);
			break;
		}
	if ((!first.n && !last.n) ||
	    (first.n && !parse_days(p, first, &from, &other)) ||
	    (last.n && !parse_days(p, last, &other, &to)))
		return bad(p, at,
			   "dates are DAY, DAY..DAY, DAY.. or ..DAY, where a "
			   "DAY is 2024-01-31, 2024-01, 2024, 7d, today, ...");
	key->kind = IMAP_KEY_AND;
	if (last.n) {
		before = new_key(p, IMAP_KEY_BEFORE, &status);
		if (!before)
			return status;
		before->date = to;
		key->child = before;
	}
	if (first.n) {
		since = new_key(p, IMAP_KEY_SINCE, &status);
		if (!since)
			return status;
		since->date = from;
		since->next = key->child;
		key->child = since;
	}
	return PF_OK;
}

/* ---- other values ----------------------------------------------------- */

/* 500, 10k, 1M, 2G */
static pf_status size_key(struct parser *p, struct pf_str s, size_t at,
			  struct imap_key *key)
{
	static const char units[] = "kmg";
	struct pf_str digits = s;
	uint64_t factor = 1;

	if (s.n > 1) {
		const char *unit = strchr(units, pf_ascii_lower(s.p[s.n - 1]));

		if (unit && *unit) {
			factor = (uint64_t)1 << (10 * (unit - units + 1));
			digits.n--;
		}
	}
	if (!pf_str_u64(digits, UINT32_MAX, &key->number) ||
	    __builtin_mul_overflow(key->number, factor, &key->number))
		return bad(p, at, "a size is 500, 10k, 1M or 2G");
	return PF_OK;
}

/* is:... : a flag, there or not there. */
static pf_status state_key(struct parser *p, struct pf_str word, size_t at,
			   struct imap_key *key)
{
	static const struct {
		const char *word, *flag;
		bool there;
	} states[] = {
	    {"seen", "\\Seen", true},
	    {"read", "\\Seen", true},
	    {"unseen", "\\Seen", false},
	    {"unread", "\\Seen", false},
	    {"flagged", "\\Flagged", true},
	    {"unflagged", "\\Flagged", false},
	    {"answered", "\\Answered", true},
	    {"unanswered", "\\Answered", false},
	    {"deleted", "\\Deleted", true},
	    {"undeleted", "\\Deleted", false},
	    {"draft", "\\Draft", true},
	};
	pf_status status;

	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		struct imap_key *flag = key;

		if (!pf_str_ieq(word, pf_str_c(states[i].word)))
			continue;
		if (!states[i].there) {
			flag = new_key(p, IMAP_KEY_FLAG, &status);
			if (!flag)
				return status;
			key->kind = IMAP_KEY_NOT;
			key->child = flag;
		}
		flag->name = pf_str_c(states[i].flag);
		return PF_OK;
	}
	return bad(p, at,
		   "mail is: read, unread, flagged, unflagged, answered, "
		   "unanswered, deleted, undeleted or draft");
}

static pf_status has_key(struct parser *p, struct pf_str word, size_t at,
			 struct imap_key *key)
{
	for (size_t i = 0; i < word.n; i++) {
		char c = pf_ascii_lower(word.p[i]);

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
			word.n = 0;
	}
	if (!word.n)
		return bad(p, at,
			   "mail has: attachment, image, audio, video, "
			   "calendar, message, or what a file name ends in, "
			   "such as pdf or docx");
	key->text = word;
	return PF_OK;
}

static pf_status in_key(struct parser *p, struct pf_str name, size_t at,
			struct imap_key *key)
{
	struct ctl_query_in in = {.name = name, .key = key};

	if (!name.n)
		return bad(p, at, "in: which mailbox?");
	pf_vec_push(&p->query->ins, in);
	return PF_OK;
}

static pf_status keyword_key(struct parser *p, struct pf_str name, size_t at,
			     struct imap_key *key)
{
	if (!name.n)
		return bad(p, at, "keyword: which one?");
	key->name = name;
	return PF_OK;
}

/* ---- fields ----------------------------------------------------------- */

typedef pf_status (*value_fn)(struct parser *p, struct pf_str value, size_t at,
			      struct imap_key *key);

static const struct field {
	const char *name;
	enum imap_key_kind kind;
	value_fn value;	    /* NULL: it is the text */
	const char *header; /* HEADER: which */
} fields[] = {
    {"from", IMAP_KEY_HEADER, NULL, "From"},
    {"to", IMAP_KEY_HEADER, NULL, "To"},
    {"cc", IMAP_KEY_HEADER, NULL, "Cc"},
    {"bcc", IMAP_KEY_HEADER, NULL, "Bcc"},
    {"subject", IMAP_KEY_HEADER, NULL, "Subject"},
    {"header", IMAP_KEY_HEADER, NULL, NULL},
    {"body", IMAP_KEY_BODY, NULL, NULL},
    {"attachment", IMAP_KEY_ATTACHMENT, NULL, NULL},
    {"has", IMAP_KEY_HAS, has_key, NULL},
    {"is", IMAP_KEY_FLAG, state_key, NULL},
    {"keyword", IMAP_KEY_FLAG, keyword_key, NULL},
    {"in", IMAP_KEY_OR, in_key, NULL},
    {"date", IMAP_KEY_AND, range_key, NULL},
    {"before", IMAP_KEY_BEFORE, days_key, NULL},
    {"after", IMAP_KEY_SINCE, days_key, NULL},
    {"since", IMAP_KEY_SINCE, days_key, NULL},
    {"larger", IMAP_KEY_LARGER, size_key, NULL},
    {"smaller", IMAP_KEY_SMALLER, size_key, NULL},
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool ends_word(char c)
{
	return is_blank(c) || c == '(' || c == ')' || c == '"';
}

static char next_char(const struct parser *p)
{
	return p->pos < p->text.n ? p->text.p[p->pos] : '\0';
}

/* Letters and then a colon: a field.  Leaves p->pos behind the colon. */
static struct pf_str take_name(struct parser *p, bool dashes)
{
	size_t end = p->pos;
	struct pf_str name;

	while (end < p->text.n) {
		char c = pf_ascii_lower(p->text.p[end]);

		if ((c < 'a' || c > 'z') &&
		    !(dashes && c != ':' && !ends_word(c)))
			break;
		end++;
	}
	if (end == p->pos || end >= p->text.n || p->text.p[end] != ':')
		return PF_STR("");
	name = pf_str_mem(p->text.p + p->pos, end - p->pos);
	p->pos = end + 1;
	return name;
}

/* "with \" and \\ in it" */
static pf_status take_quoted(struct parser *p, struct pf_str *value)
{
	size_t begin = p->pos++, n = 0, end = p->pos;
	char *to;

	while (end < p->text.n && p->text.p[end] != '"')
		end += p->text.p[end] == '\\' ? 2 : 1;
	if (end >= p->text.n)
		return bad(p, begin, "this quote is not closed");
	to = pf_arena_alloc(p->arena, end - begin);

	if (!to)
		return pf_error_set(p->err, PF_LIMIT, NULL,
				    "the query is too long");
	for (; p->pos < end; p->pos++) {
		p->pos += next_char(p) == '\\';
		to[n++] = next_char(p);
	}
	p->pos++;
	if (p->pos < p->text.n && !is_blank(next_char(p)) &&
	    next_char(p) != ')')
		return bad(p, p->pos, "a blank belongs behind a quote");
	*value = pf_str_mem(to, n);
	return PF_OK;
}

static pf_status take_value(struct parser *p, struct pf_str *value)
{
	size_t begin = p->pos;

	if (next_char(p) == '"')
		return take_quoted(p, value);
	while (p->pos < p->text.n && !ends_word(next_char(p)))
		p->pos++;
	*value = pf_str_mem(p->text.p + begin, p->pos - begin);
	if (p->pos < p->text.n && (next_char(p) == '"' || next_char(p) == '('))
		return bad(p, p->pos, "a blank belongs before this");
	return PF_OK;
}

/* A word or phrase: anywhere in the message, or in what is attached. */
static pf_status word_key(struct parser *p, struct imap_key **out)
{
	struct imap_key *text, *attached, *either;
	struct pf_str value;
	size_t at = p->pos;
	pf_status status = take_value(p, &value);

	if (status)
		return status;
	if (!value.n)
		return bad(p, at, "a word is missing");
	either = new_key(p, IMAP_KEY_OR, &status);
	text = either ? new_key(p, IMAP_KEY_TEXT, &status) : NULL;
	attached = text ? new_key(p, IMAP_KEY_ATTACHMENT, &status) : NULL;
	if (!attached)
		return status;
	text->text = attached->text = value;
	text->next = attached;
	either->child = text;
	*out = either;
	return PF_OK;
}

static pf_status field_key(struct parser *p, const struct field *field,
			   struct imap_key **out)
{
	struct pf_str name = pf_str_c(field->header), value;
	struct imap_key *key;
	size_t at = p->pos;
	pf_status status;

	if (field->kind == IMAP_KEY_HEADER && !field->header) {
		name = take_name(p, true);
		if (!name.n)
			return bad(p, at, "header:NAME:TEXT");
		at = p->pos;
	}
	status = take_value(p, &value);
	if (status)
		return status;
	key = new_key(p, field->kind, &status);
	if (!key)
		return status;
	key->name = name;
	if (field->value)
		status = field->value(p, value, at, key);
	else if (!value.n && (p->text.n == at || p->text.p[at] != '"'))
		status = bad(p, at, "%s: what?", field->name);
	else
		key->text = value;
	if (!status)
		*out = key;
	return status;
}

/* ---- terms ------------------------------------------------------------ */

static pf_status add_term(struct parser *p, struct imap_key *key, bool negated)
{
	struct level *level = &p->levels[p->depth];
	struct imap_key *above;
	pf_status status;

	if (negated) {
		above = new_key(p, IMAP_KEY_NOT, &status);
		if (!above)
			return status;
		above->child = key;
		key = above;
	}
	if (!level->either) {
		if (*level->last)
			level->last = &(*level->last)->next;
		*level->last = key;
		return PF_OK;
	}
	level->either = false;
	above = new_key(p, IMAP_KEY_OR, &status);
	if (!above)
		return status;
	above->child = *level->last;
	above->child->next = key;
	*level->last = above;
	return PF_OK;
}

static pf_status open_level(struct parser *p, bool negated)
{
	struct level *level;
	pf_status status;

	if (p->depth == CTL_QUERY_DEPTH)
		return bad(p, p->pos, "more than %d parentheses",
			   CTL_QUERY_DEPTH);
	level = &p->levels[++p->depth];
	*level = (struct level){.at = p->pos, .negated = negated};
	level->and = new_key(p, IMAP_KEY_AND, &status);
	if (level->and)
		level->last = &level->and->child;
	p->pos++;
	return status;
}

static pf_status close_level(struct parser *p)
{
	struct level *level = &p->levels[p->depth];

	if (!p->depth)
		return bad(p, p->pos, "this parenthesis was never opened");
	if (!level->and->child)
		return bad(p, p->pos, "there is nothing in these parentheses");
	if (level->either)
		return bad(p, p->pos, "OR what?");
	p->pos++;
	p->depth--;
	return add_term(p, level->and, level->negated);
}

static bool take_or(struct parser *p)
{
	struct pf_str rest = pf_str_from(p->text, p->pos);

	if (!pf_str_starts(rest, PF_STR("OR")) ||
	    (rest.n > 2 && !ends_word(rest.p[2])))
		return false;
	p->pos += 2;
	return true;
}

static pf_status parse_term(struct parser *p)
{
	bool negated = next_char(p) == '-';
	struct imap_key *key = NULL;
	struct pf_str name;
	size_t begin;
	pf_status status;

	p->pos += negated;
	if (next_char(p) == '(')
		return open_level(p, negated);
	begin = p->pos;
	name = take_name(p, false);
	if (name.n) {
		const struct field *field = NULL;

		for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
			if (pf_str_ieq(name, pf_str_c(fields[i].name)))
				field = &fields[i];
		if (!field)
			return bad(p, begin,
				   "there is no field \"%.*s\"; in quotes it "
				   "is looked for as text",
				   (int)(name.n < 40 ? name.n : 40), name.p);
		status = field_key(p, field, &key);
	} else {
		status = word_key(p, &key);
	}
	return status ? status : add_term(p, key, negated);
}

static pf_status parse(struct parser *p)
{
	pf_status status = PF_OK;

	while (!status && p->pos < p->text.n) {
		struct level *level = &p->levels[p->depth];
		size_t at = p->pos;

		if (is_blank(next_char(p)) || next_char(p) == '\0') {
			p->pos++;
		} else if (next_char(p) == ')') {
			status = close_level(p);
		} else if (take_or(p)) {
			if (!*level->last || level->either)
				status = bad(p, at,
					     "something belongs before "
					     "OR");
			level->either = true;
		} else {
			status = parse_term(p);
		}
	}
	if (!status && p->depth)
		status = bad(p, p->levels[p->depth].at,
			     "this parenthesis is not closed");
	if (!status && p->levels[0].either)
		status = bad(p, p->pos, "OR what?");
	if (!status && !p->query->root.child)
		status = bad(p, p->pos, "what shall I look for?");
	return status;
}

pf_status ctl_query_parse(struct ctl_query *query, struct pf_arena *arena,
			  struct pf_str text, int64_t now, struct pf_error *err)
{
	struct parser p = {.query = query,
			   .arena = arena,
			   .text = text,
			   .now = now,
			   .err = err};

	*query = (struct ctl_query){.root = {.kind = IMAP_KEY_AND}};
	p.levels[0].and = &query->root;
	p.levels[0].last = &query->root.child;
	if (!pf_utf8_valid(text))
		return bad(&p, 0, "this is not UTF-8");
	return parse(&p);
}

void ctl_query_release(struct ctl_query *query)
{
	pf_vec_release(&query->ins);
}

/* AND of nothing is true, OR of nothing is false. */
void ctl_query_place(struct ctl_query *query, struct pf_str mailbox,
		     char separator)
{
	for (size_t i = 0; i < query->ins.n; i++) {
		struct ctl_query_in *in = &query->ins.v[i];
		bool here =
		    pf_str_ieq(pf_str_head(mailbox, in->name.n), in->name) &&
		    (mailbox.n == in->name.n ||
		     mailbox.p[in->name.n] == separator);

		in->found = in->found || here;
		in->key->kind = here ? IMAP_KEY_AND : IMAP_KEY_OR;
	}
}
