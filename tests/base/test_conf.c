#include "base/conf.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/fsio.h"
#include "tests/tap.h"

static struct pf_conf conf;
static struct pf_conf_problems problems;

static void parse(const char *text)
{
	pf_conf_release(&conf);
	pf_vec_release(&problems);
	pf_conf_init(&conf);
	pf_conf_parse(&conf, pf_str_c(text), &problems);
}

static void defaults_are_right(void)
{
	parse("");
	is_int(problems.n, 0);
	is_str(conf.recipient_delimiter, "+");
	is_int(conf.message_size_max, 100 << 20);
	is_int(conf.idle_timeout, 1800);
	is_int(conf.socket_mode, 0660);
	ok(conf.index_enabled);
}

static void reads_every_kind(void)
{
	parse("# a comment\n"
	      "domains = example.org \"example net\"  a\n"
	      "message_size_max = 64k\r\n"
	      "login_timeout=2m\n"
	      "  index_enabled =  NO  \n"
	      "socket_mode = 0600\n"
	      "mail_path = \"/srv/my mail/%u\"\n");
	is_int(problems.n, 0);
	is_int(conf.message_size_max, 65536);
	is_int(conf.login_timeout, 120);
	ok(!conf.index_enabled);
	is_int(conf.socket_mode, 0600);
	is_str(conf.mail_path, "/srv/my mail/%u");

	struct pf_str rest = pf_str_c(conf.domains), word;
	ok(pf_conf_word(&rest, &word) &&
	   pf_str_eq(word, PF_STR("example.org")));
	ok(pf_conf_word(&rest, &word) &&
	   pf_str_eq(word, PF_STR("example net")));
	ok(pf_conf_word(&rest, &word) && pf_str_eq(word, PF_STR("a")));
	ok(!pf_conf_word(&rest, &word));
}

static void tells_all_problems_at_once(void)
{
	parse("hostname = x\n"
	      "listen_imp = 127.0.0.1:143\n"
	      "no equals sign\n"
	      "login_timeout = soon\n"
	      "socket_mode = 0999\n");
	is_int(problems.n, 4);
	is_int(problems.v[0].line, 2);
	ok(strstr(problems.v[0].fix, "listen_imap") != NULL);
	is_int(problems.v[1].line, 3);
	is_int(problems.v[2].line, 4);
	ok(strstr(problems.v[2].text, "soon") != NULL);
	is_int(problems.v[3].line, 5);
	is_str(conf.hostname, "x");
	is_int(conf.login_timeout, 60);
}

static void refuses_overflow(void)
{
	parse("message_size_max = 9223372036854775807G\n"
	      "recipients_max = 99999999999999999999\n");
	is_int(problems.n, 2);
}

static void expands_names_and_keeps_them_inside(void)
{
	static const char *const bad[] = {"",	  ".",	    "..",     "a/b",
					  ".ssh", "../x@y", "a@../b", "x@"};
	struct pf_buf to = PF_BUF_INIT(1000);
	struct pf_error err;

	is_int(pf_conf_expand(&to, "/m/%d/%n/%u%%", PF_STR("ann@ex.org"), NULL,
			      &err),
	       PF_OK);
	is_str(to.data, "/m/ex.org/ann/ann@ex.org%");
	pf_buf_clear(&to);
	is_int(
	    pf_conf_expand(&to, "%h/.mlists", PF_STR("ann"), "/home/ann", &err),
	    PF_OK);
	is_str(to.data, "/home/ann/.mlists");
	for (size_t i = 0; i < sizeof bad / sizeof *bad - 1; i++)
		is_int(pf_conf_expand(&to, "%u", pf_str_c(bad[i]), NULL, &err),
		       PF_INVALID);
	is_int(pf_conf_expand(&to, "%u", PF_STR("a\0b"), NULL, &err),
	       PF_INVALID);
	pf_buf_release(&to);
}

static void small_settings_share_one(void)
{
	struct pf_conf site;
	struct pf_conf_problem problem = {0};

	pf_conf_init(&site);
	is_int(pf_conf_part_number(site.sieve_limits, "actions"), 32);
	ok(pf_conf_set(&site, PF_STR("sieve_limits"),
		       PF_STR("memory=64M program=2m"), &problem));
	is_int(pf_conf_part_number(site.sieve_limits, "memory"), 64 << 20);
	is_int(pf_conf_part_number(site.sieve_limits, "program"), 120);
	is_int(pf_conf_part_number(site.sieve_limits, "actions"), 32);
	ok(!pf_conf_set(&site, PF_STR("sieve_limits"), PF_STR("memroy=1M"),
			&problem));
	ok(strstr(problem.text, "memroy=1M") && strstr(problem.fix, "memory="));
	ok(!pf_conf_set(&site, PF_STR("sieve_limits"), PF_STR("memory=much"),
			NULL));
	is_int(pf_conf_part_number(site.sieve_limits, "memory"), 64 << 20);
	is_int(pf_conf_part(site.sieve_programs, "pipe").n, 0);
	ok(pf_conf_set(&site, PF_STR("sieve_programs"), PF_STR("pipe=/a/b"),
		       NULL));
	ok(pf_str_eq(pf_conf_part(site.sieve_programs, "pipe"),
		     PF_STR("/a/b")));
	pf_conf_release(&site);
}

static void has_few_settings(void)
{
	size_t count;

	pf_conf_settings(&count);
	ok(count <= 70);
}

static void every_setting_is_in_the_manual(void)
{
	const char *top = getenv("PF_SRCDIR");
	struct pf_buf page = PF_BUF_INIT(1 << 20), path = PF_BUF_INIT(4096);
	size_t count;
	const struct pf_conf_setting *s = pf_conf_settings(&count);

	pf_buf_addf(&path, "%s/docs/man/penfold.conf.5", top ? top : ".");
	is_int(pf_fs_read(AT_FDCWD, path.data, &page, NULL), PF_OK);
	for (size_t i = 0; i < count; i++) {
		pf_buf_clear(&path);
		pf_buf_addf(&path, ".B %s\n", s[i].name);
		tap_check(strstr(page.data, path.data) != NULL, "%s",
			  s[i].name);
	}
	pf_buf_release(&page);
	pf_buf_release(&path);
}

int main(void)
{
	every_setting_is_in_the_manual();
	defaults_are_right();
	reads_every_kind();
	tells_all_problems_at_once();
	refuses_overflow();
	expands_names_and_keeps_them_inside();
	small_settings_share_one();
	has_few_settings();
	pf_conf_release(&conf);
	pf_vec_release(&problems);
	return tap_done();
}
