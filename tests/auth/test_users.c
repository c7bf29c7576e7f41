/* The passwd-file's grammar, and edits that leave the rest alone. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/users.h"
#include "base/fsio.h"
#include "tests/auth/conf.h"
#include "tests/tap.h"

static struct pf_conf conf;

static struct auth_users *parse(const char *text, size_t *problems)
{
	struct pf_conf_problems list = {0};
	struct auth_users *users;

	auth_users_parse(&conf, pf_str_c(text), &users, &list);
	if (problems)
		*problems = list.n;
	pf_vec_release(&list);
	return users;
}

static const struct auth_user *find(const struct auth_users *users,
				    const char *name)
{
	return auth_users_find(users, pf_str_c(name));
}

static void reads_dovecots_lines(void)
{
	size_t problems;
	struct auth_users *users = parse(
	    "# virtual users\n"
	    "\n"
	    "ann:{PLAIN}a:1001:1002::/home/ann:/bin/false:quota=1G "
	    "userdb_mail=maildir:~/Maildir:INDEX=/x\n"
	    "bob@ex.test:$6$salt$x\r\n"
	    "  # indented\n"
	    "cyd:pw::::::userdb_home=/srv/%d/%n userdb_uid=7 userdb_gid=8 "
	    "userdb_mail=maildir:%h/m\n"
	    "dee\n"
	    "eve:pw:::::/bin/sh:nologin\n"
	    "fay:!x\n"
	    "gil:pw::::::userdb_mail=maildir:/m/%n%%",
	    &problems);
	const struct auth_user *u = find(users, "ANN");

	is_int(problems, 0);
	is_int(auth_users_count(users), 7);
	ok(u != NULL);
	is_str(u->name, "ann");
	is_str(u->password, "{PLAIN}a");
	is_int(u->uid, 1001);
	is_int(u->gid, 1002);
	is_str(u->home, "/home/ann");
	is_str(u->mail, "/home/ann/Maildir");
	ok(!u->disabled && !u->broken);
	u = find(users, "bob@EX.test");
	is_str(u->password, "$6$salt$x");
	is_str(u->home, "/h/bob@ex.test");
	is_str(u->mail, "/h/bob@ex.test/Maildir");
	is_int(u->uid, (uid_t)-1);
	u = find(users, "cyd");
	is_str(u->home, "/srv//cyd");
	is_str(u->mail, "/srv//cyd/m");
	is_int(u->uid, 7);
	is_int(u->gid, 8);
	ok(find(users, "dee")->disabled);
	ok(find(users, "eve")->disabled);
	ok(find(users, "fay")->disabled);
	is_str(find(users, "gil")->mail, "/m/gil%");
	ok(find(users, "nobody") == NULL);
	ok(find(users, "") == NULL);
	auth_users_unref(&users);
	ok(users == NULL);
}

/* A typing error must not make somebody unknown. */
static void breaks_only_what_is_wrong(void)
{
	static const struct {
		const char *text;
		bool known;
	} lines[] = {
	    {"ann:pw:no-such-user-here:1\n", true},
	    {"ann:pw:0:1\n", true},
	    {"ann:pw:4294967295:1\n", true},
	    {"ann:pw:1:no-such-group-here\n", true},
	    {"ann:pw::::::userdb_mail=mbox:~/mail\n", true},
	    {"ann:pw::::::userdb_mail=maildir:relative\n", true},
	    {"ann:pw::::relative/home\n", true},
	    {"ann:pw::::::allow_nets=10.0.0.0/33\n", true},
	    {"ann:p\001w\n", true},
	    {"ann\001:pw\n", false},
	    {"../ann:pw\n", false},
	    {"a/nn:pw\n", false},
	    {"ann@..:pw\n", false},
	    {"an\377n:pw\n", false},
	    {":pw\n", false},
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		size_t problems;
		struct auth_users *users = parse(lines[i].text, &problems);
		const struct auth_user *u = find(users, "ann");
		tap_check(problems == 1 && (u != NULL) == lines[i].known &&
			      (!u || u->broken) &&
			      auth_users_count(users) == lines[i].known,
			  "broken line %zu", i);
		auth_users_unref(&users);
	}
	size_t problems;
	struct auth_users *users =
	    parse("ann:one\nAnn:two\nbob:x\n", &problems);
	is_int(problems, 1);
	is_int(auth_users_count(users), 2);
	is_str(find(users, "ann")->password, "one");
	auth_users_unref(&users);
}

static bool allows(const char *nets, const char *ip)
{
	char line[200];

	snprintf(line, sizeof line, "ann:pw::::::allow_nets=%s\n", nets);
	struct auth_users *users = parse(line, NULL);
	bool good = auth_user_allows(find(users, "ann"), pf_str_c(ip));
	auth_users_unref(&users);
	return good;
}

static void keeps_to_networks(void)
{
	ok(allows("192.0.2.0/24", "192.0.2.77"));
	ok(!allows("192.0.2.0/24", "192.0.3.77"));
	ok(allows("192.0.2.128/25,10.0.0.1", "10.0.0.1"));
	ok(!allows("192.0.2.128/25", "192.0.2.127"));
	ok(allows("2001:db8::/33", "2001:db8:7fff::1"));
	ok(!allows("2001:db8::/33", "2001:db8:8000::1"));
	ok(allows("0.0.0.0/0", "198.51.100.1"));
	ok(!allows("0.0.0.0/0", "2001:db8::1"));
	ok(!allows("192.0.2.1", ""));
	ok(!allows("192.0.2.1", "not an address"));
}

static void wants_keys_of_this_password(void)
{
	char tag[AUTH_TAG_LEN + 1], text[300];
	struct auth_users *users;
	size_t problems;

	auth_password_tag(PF_STR("{CRYPT}x"), tag);
	snprintf(text, sizeof text, "ann:{CRYPT}x::::::%s=%s,1,a,b,c\n",
		 AUTH_FIELD_SCRAM_SHA256, tag);
	users = parse(text, &problems);
	is_int(problems, 0);
	is_str(find(users, "ann")->scram_sha256, "1,a,b,c");
	auth_users_unref(&users);
	snprintf(text, sizeof text, "ann:{CRYPT}y::::::%s=%s,1,a,b,c\n",
		 AUTH_FIELD_SCRAM_SHA256, tag);
	users = parse(text, &problems);
	is_int(problems, 1);
	ok(find(users, "ann")->scram_sha256 == NULL);
	ok(!find(users, "ann")->broken);
	auth_users_unref(&users);
}

/* ---- edits ---- */

static char path[64];

static void file_is(const char *want)
{
	struct pf_buf text = PF_BUF_INIT(10000);

	is_int(pf_fs_read(AT_FDCWD, path, &text, NULL), PF_OK);
	is_str(text.data, want);
	pf_buf_release(&text);
}

static pf_status edit(const char *name, const char *credentials, bool must)
{
	return auth_users_edit(path, pf_str_c(name), credentials, must, NULL);
}

static void edits_one_line(void)
{
	struct stat st;

	is_int(edit("ann", "one", false), PF_OK);
	is_int(stat(path, &st), 0);
	is_int(st.st_mode & 0777, 0600);
	file_is("ann:one::::::\n");
	is_int(edit("ann", "two", false), PF_EXISTS);
	is_int(edit("bob", "two", true), PF_NOTFOUND);
	is_int(edit("bob", NULL, true), PF_NOTFOUND);
	is_int(edit("b:b", "x", false), PF_INVALID);
	is_int(edit("bob", "x\ny", false), PF_INVALID);
	is_int(edit("../bob", "x", false), PF_INVALID);
	file_is("ann:one::::::\n");

	is_int(pf_fs_replace(AT_FDCWD, path,
			     PF_STR("# ours\n"
				    "ann:one:1:2:Ann:/home/ann:/bin/sh:"
				    "nologin " AUTH_FIELD_SCRAM_SHA1
				    "=old userdb_mail=maildir:~/m\n"
				    "\n"
				    "bob\n"
				    "Ann:double\n"
				    "cyd:x:1"),
			     0640, true, NULL),
	       PF_OK);
	is_int(edit("ANN", "new " AUTH_FIELD_SCRAM_SHA1 "=new", true), PF_OK);
	file_is("# ours\n"
		"ann:new:1:2:Ann:/home/ann:/bin/sh:"
		"nologin userdb_mail=maildir:~/m " AUTH_FIELD_SCRAM_SHA1
		"=new\n"
		"\n"
		"bob\n"
		"Ann:double\n"
		"cyd:x:1\n");
	is_int(stat(path, &st), 0);
	is_int(st.st_mode & 0777, 0640);
	is_int(edit("bob", "b", true), PF_OK);
	is_int(edit("ann", NULL, false), PF_OK);
	file_is("# ours\n"
		"\n"
		"bob:b::::::\n"
		"cyd:x:1\n");
}

static void follows_a_link(void)
{
	char link[80];
	struct stat st;

	snprintf(link, sizeof link, "%s.link", path);
	is_int(symlink(path, link), 0);
	is_int(auth_users_edit(link, PF_STR("dee"), "d", false, NULL), PF_OK);
	is_int(lstat(link, &st), 0);
	ok(S_ISLNK(st.st_mode));
	file_is("# ours\n"
		"\n"
		"bob:b::::::\n"
		"cyd:x:1\n"
		"dee:d::::::\n");
	unlink(link);
}

int main(void)
{
	char dir[] = "/tmp/test_users.XXXXXX";

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof path, "%s/users", dir);
	test_conf_init(&conf);
	reads_dovecots_lines();
	breaks_only_what_is_wrong();
	keeps_to_networks();
	wants_keys_of_this_password();
	edits_one_line();
	follows_a_link();
	pf_conf_release(&conf);
	unlink(path);
	ok(rmdir(dir) == 0); /* no temporary file is left */
	return tap_done();
}
