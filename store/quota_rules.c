/*
 * Quota rules, as Dovecot's quota_rule writes them:
 *
 *	*:storage=1G			the account: bytes (no unit: KiB)
 *	*:messages=50000:mailboxes=200	... messages, mailboxes
 *	Trash:storage=+10%		into Trash a tenth more may be put
 *	Lists/old:ignore		not counted, not limited
 *	Spam:storage=100M		the mailbox itself has a limit
 *
 * A later word for the same mailbox overrides an earlier one, so a user's
 * rules are read behind the site's.  The last kind differs from Dovecot,
 * where an amount without a sign replaces the account's limit: nobody means
 * that (docs/decisions/126).
 */
#include <stdlib.h>

#include "base/conf.h"
#include "store/quota.h"

#define RULES_MAX 1000

static uint64_t unit_of(char c)
{
	switch (pf_ascii_lower(c)) {
	case 'b':
		return 1;
	case 'k':
		return UINT64_C(1) << 10;
	case 'm':
		return UINT64_C(1) << 20;
	case 'g':
		return UINT64_C(1) << 30;
	case 't':
		return UINT64_C(1) << 40;
	default:
		return 0;
	}
}

/* unit 0: a plain number */
static bool parse_amount(struct pf_str s, uint64_t unit,
			 struct quota_amount *amount)
{
	struct quota_amount a = {.given = true};

	if (s.n && (s.p[0] == '+' || s.p[0] == '-')) {
		a.more = s.p[0] == '+';
		a.less = !a.more;
		s = pf_str_from(s, 1);
	}
	if (s.n && s.p[s.n - 1] == '%') {
		a.percent = true;
		unit = 0;
		s.n--;
	} else if (s.n && unit && unit_of(s.p[s.n - 1])) {
		unit = unit_of(s.p[s.n - 1]);
		s.n--;
	}
	if (unit == 0)
		unit = 1;
	if (!pf_str_u64(s, a.percent ? 10000 : INT64_MAX / unit, &a.value))
		return false;
	a.value *= unit;
	*amount = a;
	return true;
}

/* One of "ignore", "storage=...", "bytes=...", "messages=...", "mailboxes=" */
static bool parse_limit(struct pf_str text, struct quota_rule *rule,
			struct quota_amount *mailboxes)
{
	ptrdiff_t equals = pf_str_chr(text, '=');

	if (pf_str_eq(text, PF_STR("ignore"))) {
		rule->ignore = true;
		return true;
	}
	if (equals < 0)
		return false;
	struct pf_str key = pf_str_head(text, (size_t)equals);
	struct pf_str value = pf_str_from(text, (size_t)equals + 1);
	if (pf_str_eq(key, PF_STR("storage")))
		return parse_amount(value, 1024, &rule->storage);
	if (pf_str_eq(key, PF_STR("bytes")))
		return parse_amount(value, 1, &rule->storage);
	if (pf_str_eq(key, PF_STR("messages")))
		return parse_amount(value, 0, &rule->messages);
	if (pf_str_eq(key, PF_STR("mailboxes")))
		return parse_amount(value, 0, mailboxes);
	return false;
}

static bool is_plain(const struct quota_amount *a)
{
	return !a->given || (!a->more && !a->less && !a->percent);
}

static bool set_account(struct quota_rules *rules, const struct quota_rule *r,
			const struct quota_amount *mailboxes)
{
	if (r->ignore || !is_plain(&r->storage) || !is_plain(&r->messages) ||
	    !is_plain(mailboxes))
		return false;
	if (r->storage.given)
		rules->account.storage = r->storage.value;
	if (r->messages.given)
		rules->account.messages = r->messages.value;
	if (mailboxes->given)
		rules->account.mailboxes = mailboxes->value;
	return true;
}

static bool same_mailbox(struct pf_str a, struct pf_str b)
{
	return pf_str_eq(a, b) || (store_is_inbox(a) && store_is_inbox(b));
}

static void set_mailbox(struct quota_rules *rules, struct pf_str mailbox,
			const struct quota_rule *r)
{
	struct quota_rule fresh = {0};
	struct quota_rule *old = NULL;

	for (size_t i = 0; i < rules->v.n; i++)
		if (same_mailbox(pf_str_c(rules->v.v[i].mailbox), mailbox))
			old = &rules->v.v[i];
	if (!old) {
		fresh.mailbox = pf_str_dup(mailbox);
		pf_vec_push(&rules->v, fresh);
		old = &rules->v.v[rules->v.n - 1];
	}
	old->ignore = r->ignore;
	if (r->storage.given)
		old->storage = r->storage;
	if (r->messages.given)
		old->messages = r->messages;
}

static bool parse_rule(struct quota_rules *rules, struct pf_str word)
{
	struct quota_rule rule = {0};
	struct quota_amount mailboxes = {0};
	struct pf_str mailbox, text;
	bool good = pf_str_split(&word, ':', &mailbox) && mailbox.n > 0 &&
		    word.n > 0 && rules->v.n < RULES_MAX;

	while (good && pf_str_split(&word, ':', &text))
		good = parse_limit(text, &rule, &mailboxes);
	if (!good)
		return false;
	if (pf_str_eq(mailbox, PF_STR("*")))
		return set_account(rules, &rule, &mailboxes);
	if (mailboxes.given)
		return false;
	set_mailbox(rules, mailbox, &rule);
	return true;
}

pf_status store_quota_rules_parse(struct quota_rules *rules, struct pf_str text,
				  struct pf_error *err)
{
	struct pf_str word;
	pf_status status = PF_OK;

	while (pf_conf_word(&text, &word))
		if (!parse_rule(rules, word))
			status = pf_error_set(
			    err, PF_INVALID, "A quota rule is not understood",
			    "quota rule \"%.*s\" is not understood",
			    (int)(word.n < 100 ? word.n : 100), word.p);
	return status;
}

pf_status store_quota_check(struct pf_str text, struct pf_error *err)
{
	struct quota_rules rules = {0};
	pf_status status = store_quota_rules_parse(&rules, text, err);

	store_quota_rules_release(&rules);
	return status;
}

void store_quota_rules_release(struct quota_rules *rules)
{
	for (size_t i = 0; i < rules->v.n; i++)
		free(rules->v.v[i].mailbox);
	pf_vec_release(&rules->v);
	rules->account = (struct quota_limit){0};
}

static bool is_own(const struct quota_amount *a)
{
	return a->given && !a->more && !a->less;
}

bool store_quota_rules_any(const struct quota_rules *rules)
{
	const struct quota_limit *l = &rules->account;

	for (size_t i = 0; i < rules->v.n; i++)
		if (is_own(&rules->v.v[i].storage) ||
		    is_own(&rules->v.v[i].messages))
			return true;
	return l->storage || l->messages || l->mailboxes;
}

/* "Lists/" and "*" behind it: everything below */
static bool matches(struct pf_str pattern, struct pf_str mailbox)
{
	if (pattern.n > 1 && pattern.p[pattern.n - 1] == '*')
		return pf_str_starts(mailbox,
				     pf_str_head(pattern, pattern.n - 1));
	return same_mailbox(pattern, mailbox);
}

/* The last that fits. */
static const struct quota_rule *find(const struct quota_rules *rules,
				     struct pf_str mailbox)
{
	for (size_t i = rules->v.n; i-- > 0;)
		if (matches(pf_str_c(rules->v.v[i].mailbox), mailbox))
			return &rules->v.v[i];
	return NULL;
}

bool store_quota_rules_ignore(const struct quota_rules *rules,
			      struct pf_str mailbox)
{
	const struct quota_rule *rule = find(rules, mailbox);

	return rule && rule->ignore;
}

static uint64_t percent_of(uint64_t limit, uint64_t percent)
{
	return limit / 100 * percent + limit % 100 * percent / 100;
}

static uint64_t adjusted(uint64_t limit, const struct quota_amount *a)
{
	uint64_t by = a->percent ? percent_of(limit, a->value) : a->value;

	if (limit == 0 || !a->given || is_own(a))
		return limit;
	if (a->more)
		return limit > UINT64_MAX - by ? UINT64_MAX : limit + by;
	return limit > by ? limit - by : 1; /* 0 would be no limit */
}

struct quota_limit store_quota_rules_account(const struct quota_rules *rules,
					     struct pf_str mailbox)
{
	const struct quota_rule *rule = find(rules, mailbox);
	struct quota_limit limit = rules->account;

	if (rule) {
		limit.storage = adjusted(limit.storage, &rule->storage);
		limit.messages = adjusted(limit.messages, &rule->messages);
	}
	return limit;
}

static uint64_t own(uint64_t account, const struct quota_amount *a)
{
	if (!is_own(a))
		return 0;
	return a->percent ? percent_of(account, a->value) : a->value;
}

struct quota_limit store_quota_rules_own(const struct quota_rules *rules,
					 struct pf_str mailbox)
{
	const struct quota_rule *rule = find(rules, mailbox);

	if (!rule)
		return (struct quota_limit){0};
	return (struct quota_limit){
	    .storage = own(rules->account.storage, &rule->storage),
	    .messages = own(rules->account.messages, &rule->messages),
	};
}
