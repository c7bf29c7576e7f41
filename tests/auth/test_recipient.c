/* Address -> user and extension, as a table. */
#include <stdio.h>

#include "tests/auth/conf.h"
#include "tests/tap.h"

static const char users_text[] = "ann:x\n"
				 "a:x\n"
				 "a+b:x\n"
				 "x.y:x\n"
				 "vic@second.test:x\n"
				 "ann@second.test:x\n"
				 "with space:x\n"
				 "j\xc3\xbcrgen:x\n"
				 "boss:x\n"
				 "bad:x:0\n";

static const struct {
	const char *address;
	const char *user;   /* NULL: not found; "?": unavailable */
	const char *detail; /* NULL: none */
} table[] = {
    {"ann@ex.test", "ann", NULL},
    {"ann", "ann", NULL},
    {"ANN@EX.TEST", "ann", NULL},
    {"ann@ex.test.", "ann", NULL},
    {"ann@elsewhere.test", NULL, NULL},
    /* the whole address as a name wins over the local part */
    {"ann@second.test", "ann@second.test", NULL},
    {"vic@second.test", "vic@second.test", NULL},
    {"vic@ex.test", NULL, NULL},
    {"vic+list@second.test", "vic@second.test", "list"},
    {"ann+ml-nanog@ex.test", "ann", "ml-nanog"},
    {"ann+ml-nanog", "ann", "ml-nanog"},
    {"ann+@ex.test", "ann", ""},
    {"ann-ml-nanog@ex.test", "ann", "ml-nanog"},
    {"ann+Shop.Example@ex.test", "ann", "Shop.Example"},
    {"ann+gr\xc3\xbc\xc3\x9f"
     "e@ex.test",
     "ann",
     "gr\xc3\xbc\xc3\x9f"
     "e"},
    {"j\xc3\xbcrgen+x@ex.test", "j\xc3\xbcrgen", "x"},
    /* the longest user */
    {"a+b@ex.test", "a+b", NULL},
    {"a+b+c@ex.test", "a+b", "c"},
    {"a+c+d@ex.test", "a", "c+d"},
    {"x.y@ex.test", "x.y", NULL},
    {"x.y+z@ex.test", "x.y", "z"},
    {"+ann@ex.test", NULL, NULL},
    {"\"ann\"@ex.test", "ann", NULL},
    {"\"ann+x y\"@ex.test", "ann", "x y"},
    {"\"with space\"@ex.test", "with space", NULL},
    {"\"a\\nn+q\\\"q\"@ex.test", "ann", "q\"q"},
    {"\"ann+a@b\"@ex.test", "ann", "a@b"},
    {"\"\"@ex.test", NULL, NULL},
    {"\"ann@ex.test", NULL, NULL},
    {"\"ann\"x@ex.test", NULL, NULL},
    {"\"ann\\", NULL, NULL},
    {"postmaster@ex.test", "boss", NULL},
    {"Postmaster", "boss", NULL},
    {"abuse@second.test", "boss", NULL},
    {"postmaster@elsewhere.test", NULL, NULL},
    {"bad@ex.test", "?", NULL},
    {"bad+x@ex.test", "?", NULL},
    {"@ex.test", NULL, NULL},
    {"ann@", NULL, NULL},
    {"@", NULL, NULL},
    {"", NULL, NULL},
};

static void check(const struct auth_users *users, const struct pf_conf *conf,
		  size_t i)
{
	struct auth_recipient r = {0};
	pf_status status =
	    auth_recipient(users, conf, pf_str_c(table[i].address), &r, NULL);
	bool good;

	if (!table[i].user)
		good = status == PF_NOTFOUND;
	else if (table[i].user[0] == '?')
		good = status == PF_UNAVAILABLE;
	else
		good = status == PF_OK &&
		       strcmp(r.user->name, table[i].user) == 0 &&
		       r.has_detail == (table[i].detail != NULL) &&
		       pf_str_eq(r.detail, pf_str_c(table[i].detail));
	if (!tap_check(good, "<%s>", table[i].address))
		printf("# %s user %s detail %.*s\n", pf_status_name(status),
		       status == PF_OK ? r.user->name : "", (int)r.detail.n,
		       r.detail.p);
}

static void long_ones_are_unknown(const struct auth_users *users,
				  const struct pf_conf *conf)
{
	char address[5000];
	struct auth_recipient r;

	memset(address, '+', sizeof address);
	memcpy(address, "ann", 3);
	is_int(auth_recipient(users, conf, pf_str_mem(address, sizeof address),
			      &r, NULL),
	       PF_NOTFOUND);
	is_int(auth_recipient(users, conf, pf_str_mem(address, 255), &r, NULL),
	       PF_OK);
	memset(address, '"', 1);
	is_int(auth_recipient(users, conf, pf_str_mem(address, sizeof address),
			      &r, NULL),
	       PF_NOTFOUND);
}

static void aliases_lead_to_their_user(const struct pf_conf *conf)
{
	static const struct {
		const char *address, *user, *detail;
	} tries[] = {
	    {"info@ex.test", "ann", NULL},
	    {"INFO@second.test", "ann", NULL},
	    {"info", "ann", NULL},
	    {"info+x@ex.test", "ann", "x"},
	    {"sales@second.test", "bob", NULL},
	    {"sales+x@second.test", "bob", "x"},
	    {"sales@ex.test", NULL, NULL},
	    /* a user's name comes before an alias, and the first alias counts
	     */
	    {"bob@ex.test", "bob", NULL},
	    {"both@ex.test", "ann", NULL},
	    {"info@elsewhere.test", NULL, NULL},
	    /* what nobody else has */
	    {"anybody@second.test", "cat", NULL},
	    {"anybody+x@second.test.", "cat", NULL},
	    {"ann@second.test", "ann", NULL},
	    {"anybody@third.test", "cat", NULL},
	    {"bad@second.test", "?", NULL},
	    {"temp@ex.test", "?", NULL},
	    {"anybody", NULL, NULL},
	    {"@", NULL, NULL},
	    {"no", NULL, NULL},
	};
	struct pf_conf_problems problems = {0};
	struct auth_users *users;

	auth_users_parse(
	    conf,
	    PF_STR(
		"ann:x::::::userdb_penfold_alias=info,both,bob\n"
		"bob:x::::::userdb_penfold_alias=sales@second.test,both,a/b\n"
		"cat:x::::::userdb_penfold_alias=@second.test,@third.test\n"
		"bad:x:zero:::::userdb_penfold_alias=temp\n"
		"ann:x::::::userdb_penfold_alias=no\n"),
	    &users, &problems);
	is_int(problems.n, 4); /* both, a/b, zero, ann */
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		struct auth_recipient r = {0};
		pf_status status = auth_recipient(
		    users, conf, pf_str_c(tries[i].address), &r, NULL);
		const char *want = tries[i].user, *detail = tries[i].detail;
		tap_check(!want ? status == PF_NOTFOUND
			  : want[0] == '?'
			      ? status == PF_UNAVAILABLE
			      : status == PF_OK &&
				    strcmp(r.user->name, want) == 0 &&
				    r.has_detail == (detail != NULL) &&
				    pf_str_eq(r.detail, pf_str_c(detail)),
			  "alias <%s>", tries[i].address);
	}
	pf_vec_release(&problems);
	auth_users_unref(&users);
}

/* RFC 5321 4.5.1 */
static void there_is_always_a_postmaster(void)
{
	static const struct {
		const char *users, *want;
	} tries[] = {
	    {"bad:x:zero\noff:!\nann:x\nbob:x\n", "ann"},
	    {"bad:x:zero\noff:!\n", "off"},
	    {"ann:x\npostmaster:x\n", "postmaster"},
	    {"ann:x\nbob:x::::::userdb_penfold_alias=postmaster,abuse\n",
	     "bob"},
	    {"ann:x\nbob:x::::::userdb_penfold_alias=@ex.test\n", "ann"},
	    {"", NULL},
	};
	struct auth_users *users;
	struct pf_conf conf;

	test_conf_init(&conf); /* without postmaster_user */
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		struct auth_recipient r = {0};
		auth_users_parse(&conf, pf_str_c(tries[i].users), &users, NULL);
		pf_status status = auth_recipient(
		    users, &conf, PF_STR("Postmaster"), &r, NULL);
		tap_check(tries[i].want
			      ? status == PF_OK &&
				    strcmp(r.user->name, tries[i].want) == 0
			      : status == PF_NOTFOUND,
			  "postmaster of file %zu", i);
		auth_users_unref(&users);
	}
	pf_conf_release(&conf);
}

int main(void)
{
	struct auth_users *users;
	struct pf_conf conf;

	test_conf_init(&conf);
	ok(pf_conf_set(&conf, PF_STR("recipient_delimiter"), PF_STR("+-"),
		       NULL));
	ok(pf_conf_set(&conf, PF_STR("postmaster_user"), PF_STR("boss"), NULL));
	auth_users_parse(&conf, pf_str_c(users_text), &users, NULL);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		check(users, &conf, i);
	long_ones_are_unknown(users, &conf);
	aliases_lead_to_their_user(&conf);
	there_is_always_a_postmaster();
	auth_users_unref(&users);
	pf_conf_release(&conf);
	return tap_done();
}
