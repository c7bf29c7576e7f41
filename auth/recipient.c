/*
 * An envelope address -> a user and an extension, as auth.h says.
 *
 * A quoted local part means what it means without its quotes, so it is
 * unquoted first (RFC 5321 4.1.2) and looked up and cut like any other.
 */
#include "auth/users.h"

struct search {
	const struct auth_users *users;
	struct pf_str local, domain;
	bool has_domain, ours;
};

bool auth_domain_is_ours(const struct pf_conf *conf, struct pf_str domain)
{
	struct pf_str list = pf_str_c(conf->domains), word;

	if (domain.n && domain.p[domain.n - 1] == '.')
		domain.n--;
	while (pf_conf_word(&list, &word))
		if (pf_str_ieq(word, domain) || pf_str_eq(word, PF_STR("*")))
			return true;
	return false;
}

static const struct auth_user *find_name(const struct search *s,
					 struct pf_str name)
{
	const struct auth_user *user = auth_users_find(s->users, name);

	return user ? user : auth_users_find_alias(s->users, name);
}

/* The first n bytes of the local part, with the domain, then without. */
static const struct auth_user *find(const struct search *s, size_t n)
{
	const struct auth_user *user = NULL;
	struct pf_str local = pf_str_head(s->local, n);

	if (s->has_domain && n + 1 + s->domain.n <= AUTH_NAME_MAX) {
		char whole[AUTH_NAME_MAX];
		memcpy(whole, local.p, n);
		whole[n] = '@';
		memcpy(whole + n + 1, s->domain.p, s->domain.n);
		user = find_name(s, pf_str_mem(whole, n + 1 + s->domain.n));
	}
	if (!user && s->ours)
		user = find_name(s, local);
	return user;
}

/* Copies the local part without quotes; false when it is malformed.  *n: how
 * much of the address it takes. */
static bool unquote(struct pf_str address, char *to, size_t *len, size_t *n)
{
	size_t i = 1;

	*len = 0;
	while (i < address.n && address.p[i] != '"') {
		if (address.p[i] == '\\' && ++i == address.n)
			return false;
		if (*len == AUTH_NAME_MAX)
			return false;
		to[(*len)++] = address.p[i++];
	}
	*n = i + 1;
	return i<address.n && * len> 0;
}

static bool split(struct pf_str address, struct search *s, char *local)
{
	size_t len, n;

	if (address.n && address.p[0] == '"') {
		if (!unquote(address, local, &len, &n))
			return false;
	} else {
		ptrdiff_t at = pf_str_rchr(address, '@');
		n = len = at < 0 ? address.n : (size_t)at;
		if (len == 0 || len > AUTH_NAME_MAX)
			return false;
		memcpy(local, address.p, len);
	}
	local[len] = '\0';
	s->local = pf_str_mem(local, len);
	s->has_domain = n < address.n;
	if (!s->has_domain)
		return true;
	s->domain = pf_str_from(address, n + 1);
	return address.p[n] == '@' && s->domain.n > 0 &&
	       s->domain.n <= AUTH_NAME_MAX;
}

static const struct auth_user *
cut(const struct search *s, const char *delimiters, struct auth_recipient *r)
{
	for (size_t n = s->local.n; n-- > 1;) {
		if (!s->local.p[n] || !strchr(delimiters, s->local.p[n]))
			continue;
		const struct auth_user *user = find(s, n);
		if (user) {
			r->detail = pf_str_from(s->local, n + 1);
			r->has_detail = true;
			return user;
		}
	}
	return NULL;
}

static bool is_role(struct pf_str local)
{
	return pf_str_ieq(local, PF_STR("postmaster")) ||
	       pf_str_ieq(local, PF_STR("abuse"));
}

/* RFC 5321 4.5.1: there is always somebody. */
static const struct auth_user *postmaster(const struct auth_users *users,
					  const struct pf_conf *conf)
{
	const struct auth_user *user =
	    auth_users_find(users, pf_str_c(conf->postmaster_user));
	const struct auth_user *other = NULL;

	for (size_t i = 0; !user && i < auth_users_count(users); i++) {
		const struct auth_user *one = auth_users_at(users, i);
		if (!one->broken && !one->disabled)
			user = one;
		if (!one->broken && !other)
			other = one;
	}
	return user ? user : other;
}

static const struct auth_user *catch_all(const struct search *s)
{
	char alias[AUTH_NAME_MAX];
	struct pf_str domain = s->domain;

	if (domain.n && domain.p[domain.n - 1] == '.')
		domain.n--;
	if (!s->has_domain || domain.n + 1 > sizeof alias)
		return NULL;
	alias[0] = '@';
	memcpy(alias + 1, domain.p, domain.n);
	return auth_users_find_alias(s->users, pf_str_mem(alias, domain.n + 1));
}

pf_status auth_recipient(const struct auth_users *users,
			 const struct pf_conf *conf, struct pf_str address,
			 struct auth_recipient *r, struct pf_error *err)
{
	struct search s = {.users = users};
	const struct auth_user *user = NULL;

	r->has_detail = false;
	r->detail = (struct pf_str){NULL, 0};
	if (split(address, &s, r->local)) {
		s.ours = !s.has_domain || auth_domain_is_ours(conf, s.domain);
		user = find(&s, s.local.n);
		if (!user)
			user = cut(&s, conf->recipient_delimiter, r);
		if (!user && s.ours && is_role(s.local))
			user = postmaster(users, conf);
		if (!user)
			user = catch_all(&s);
	}
	if (!user)
		return pf_error_set(
		    err, PF_NOTFOUND, "User unknown", "no user for <%.*s>",
		    (int)(address.n < 200 ? address.n : 200), address.p);
	if (user->broken)
		return pf_error_set(err, PF_UNAVAILABLE, NULL,
				    "user file line %d: user %s is broken",
				    user->line, user->name);
	r->user = user;
	return PF_OK;
}
