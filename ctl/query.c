/*
 * One condition of a query to one IMAP SEARCH key; see query.h.
 */
#include "ctl/query.h"

#include <time.h>

/* Text conditions: which header field they look at. */
static const struct {
	const char *prefix, *field;
} text_fields[] = {
    {"from:", "from"}, {"to:", "to"},		{"cc:", "cc"},
    {"bcc:", "bcc"},   {"subject:", "subject"},
};

/* is:... conditions: a flag, there or not there. */
static const struct {
	const char *word, *flag;
	bool there;
} states[] = {
    {"seen", "\\Seen", true},	      {"unseen", "\\Seen", false},
    {"read", "\\Seen", true},	      {"unread", "\\Seen", false},
    {"flagged", "\\Flagged", true},   {"unflagged", "\\Flagged", false},
    {"answered", "\\Answered", true}, {"unanswered", "\\Answered", false},
    {"deleted", "\\Deleted", true},   {"undeleted", "\\Deleted", false},
    {"draft", "\\Draft", true},
};

static bool take_prefix(struct pf_str *s, const char *prefix)
{
	if (!pf_str_istarts(*s, pf_str_c(prefix)))
		return false;
	*s = pf_str_from(*s, strlen(prefix));
	return true;
}

static struct pf_str unquoted(struct pf_str s)
{
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		return (struct pf_str){s.p + 1, s.n - 2};
	return s;
}

static pf_status bad(struct pf_error *err, struct pf_str what, const char *want)
{
	return pf_error_set(err, PF_INVALID, NULL, "\"%.*s\" is no %s",
			    (int)(what.n < 80 ? what.n : 80), what.p, want);
}

/* 2024-01-31 -> its first second, UTC */
static bool parse_day(struct pf_str s, int64_t *when)
{
	uint64_t year, month, day;

	if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-' ||
	    !pf_str_u64(pf_str_head(s, 4), 9999, &year) ||
	    !pf_str_u64((struct pf_str){s.p + 5, 2}, 12, &month) ||
	    !pf_str_u64((struct pf_str){s.p + 8, 2}, 31, &day) || !month ||
	    !day)
		return false;
	struct tm tm = {
	    .tm_year = (int)year - 1900,
	    .tm_mon = (int)month - 1,
	    .tm_mday = (int)day,
	};
	*when = timegm(&tm);
	return tm.tm_mday == (int)day;
}

/* 500, 10k, 1M, 2G */
static bool parse_size(struct pf_str s, uint64_t *size)
{
	static const char units[] = "kmg";
	uint64_t factor = 1;

	if (s.n > 1) {
		const char *unit = strchr(units, pf_ascii_lower(s.p[s.n - 1]));
		if (unit && *unit) {
			factor = (uint64_t)1 << (10 * (unit - units + 1));
			s.n--;
		}
	}
	return pf_str_u64(s, UINT32_MAX, size) &&
	       !__builtin_mul_overflow(*size, factor, size);
}

static pf_status state_key(struct pf_str word, struct imap_key *key,
			   bool *negated, struct pf_error *err)
{
	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (pf_str_ieq(word, pf_str_c(states[i].word))) {
			key->kind = IMAP_KEY_FLAG;
			key->name = pf_str_c(states[i].flag);
			*negated ^= !states[i].there;
			return PF_OK;
		}
	return bad(err, word, "state (seen, unseen, flagged, ...)");
}

static pf_status header_key(struct pf_str s, struct imap_key *key,
			    struct pf_error *err)
{
	ptrdiff_t colon = pf_str_chr(s, ':');

	if (colon <= 0)
		return bad(err, s, "field:text");
	key->kind = IMAP_KEY_HEADER;
	key->name = pf_str_head(s, (size_t)colon);
	key->text = unquoted(pf_str_from(s, (size_t)colon + 1));
	return PF_OK;
}

static pf_status positive_key(struct pf_str s, struct imap_key *key,
			      bool *negated, struct pf_error *err)
{
	for (size_t i = 0; i < sizeof text_fields / sizeof *text_fields; i++)
		if (take_prefix(&s, text_fields[i].prefix)) {
			key->kind = IMAP_KEY_HEADER;
			key->name = pf_str_c(text_fields[i].field);
			key->text = unquoted(s);
			return PF_OK;
		}
	if (take_prefix(&s, "body:")) {
		key->kind = IMAP_KEY_BODY;
		key->text = unquoted(s);
	} else if (take_prefix(&s, "header:")) {
		return header_key(s, key, err);
	} else if (take_prefix(&s, "is:")) {
		return state_key(s, key, negated, err);
	} else if (take_prefix(&s, "keyword:")) {
		key->kind = IMAP_KEY_FLAG;
		key->name = s;
	} else if (take_prefix(&s, "before:")) {
		key->kind = IMAP_KEY_BEFORE;
		if (!parse_day(s, &key->date))
			return bad(err, s, "day such as 2024-01-31");
	} else if (take_prefix(&s, "since:") || take_prefix(&s, "after:")) {
		key->kind = IMAP_KEY_SINCE;
		if (!parse_day(s, &key->date))
			return bad(err, s, "day such as 2024-01-31");
	} else if (take_prefix(&s, "larger:")) {
		key->kind = IMAP_KEY_LARGER;
		if (!parse_size(s, &key->number))
			return bad(err, s, "size such as 10k or 1M");
	} else if (take_prefix(&s, "smaller:")) {
		key->kind = IMAP_KEY_SMALLER;
		if (!parse_size(s, &key->number))
			return bad(err, s, "size such as 10k or 1M");
	} else {
		key->kind = IMAP_KEY_TEXT;
		key->text = unquoted(s);
	}
	return PF_OK;
}

pf_status ctl_query_key(struct pf_arena *arena, struct pf_str condition,
			struct imap_key **key, struct pf_error *err)
{
	struct imap_key *found = PF_ARENA_NEW(arena, struct imap_key);
	bool negated = condition.n > 1 && condition.p[0] == '-';

	if (!found)
		return pf_error_set(err, PF_LIMIT, NULL, "query too long");
	if (negated)
		condition = pf_str_from(condition, 1);
	pf_status status = positive_key(condition, found, &negated, err);
	if (status != PF_OK)
		return status;
	if (negated) {
		struct imap_key *not = PF_ARENA_NEW(arena, struct imap_key);
		if (!not )
			return pf_error_set(err, PF_LIMIT, NULL,
					    "query too long");
		not ->kind = IMAP_KEY_NOT;
		not ->child = found;
		found = not ;
	}
	*key = found;
	return PF_OK;
}
