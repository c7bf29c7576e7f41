/*
 * Is a new password worth hashing?  What NIST SP 800-63B asks for: a length,
 * and none of those that every list of guesses begins with.  Rules about kinds
 * of characters make passwords worse and are not here.
 */
#include "auth/auth.h"

#define LENGTH_MIN   8
#define DISTINCT_MIN 4

/* As guesses begin: compared without case, digits and marks at the end, so
 * that "Password123!" is "password". */
static const char *const common[] = {
    "abc",	     "abcd",	 "abcdefgh",   "access",    "admin",
    "administrator", "asdf",	 "asdfgh",     "asdfghjkl", "baseball",
    "changeme",	     "charlie",	 "computer",   "default",   "dragon",
    "football",	     "freedom",	 "guest",      "hello",	    "hunter",
    "iloveyou",	     "internet", "jennifer",   "letmein",   "login",
    "mail",	     "master",	 "michael",    "monkey",    "mustang",
    "nothing",	     "passwd",	 "pass",       "passw0rd",  "password",
    "passwort",	     "penfold",	 "princess",   "qazwsx",    "qwer",
    "qwert",	     "qwerty",	 "qwertyuiop", "qwertz",    "qwertzuiop",
    "root",	     "samsung",	 "secret",     "shadow",    "starwars",
    "sunshine",	     "superman", "test",       "tester",    "testing",
    "trustno",	     "user",	 "welcome",    "whatever",  "zxcvbnm",
};

static bool has_word(struct pf_str text, struct pf_str word)
{
	for (size_t i = 0; word.n && i + word.n <= text.n; i++)
		if (pf_str_ieq(pf_str_head(pf_str_from(text, i), word.n), word))
			return true;
	return false;
}

static size_t distinct(struct pf_str text)
{
	bool seen[256] = {false};
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		n += !seen[(unsigned char)text.p[i]];
		seen[(unsigned char)text.p[i]] = true;
	}
	return n;
}

/* "12345678", "hgfedcba": each byte one from its neighbour. */
static bool is_run(struct pf_str text)
{
	for (size_t i = 2; i < text.n; i++)
		if (text.p[i] - text.p[i - 1] != text.p[1] - text.p[0])
			return false;
	return text.n > 1 && text.p[1] - text.p[0] <= 1 &&
	       text.p[1] - text.p[0] >= -1;
}

static bool is_common(struct pf_str text)
{
	static const char tail[] = "0123456789!?.,#$*+@";

	while (text.n && strchr(tail, text.p[text.n - 1]))
		text.n--;
	for (size_t i = 0; i < sizeof common / sizeof *common; i++)
		if (pf_str_ieq(text, pf_str_c(common[i])))
			return true;
	return text.n == 0;
}

const char *auth_password_complaint(struct pf_str name, struct pf_str password)
{
	ptrdiff_t at = pf_str_rchr(name, '@');

	if (password.n < LENGTH_MIN)
		return "it is shorter than 8 bytes";
	if (distinct(password) < DISTINCT_MIN || is_run(password))
		return "it is the same again and again, or a sequence";
	if (has_word(password, at > 0 ? pf_str_head(name, (size_t)at) : name) &&
	    password.n < name.n + LENGTH_MIN)
		return "it is little more than the user's name";
	if (is_common(password))
		return "it is among the first that anybody tries";
	return NULL;
}
