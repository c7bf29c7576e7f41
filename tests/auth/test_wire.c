/* Lines of the auth, master and socketmap protocols. */
#include <stdio.h>

#include "auth/master.h"
#include "auth/socketmap.h"
#include "auth/wire.h"
#include "tests/tap.h"

static struct auth_wire_request request(const char *line,
					struct pf_arena *arena)
{
	struct auth_wire_request r;

	auth_wire_request_parse(pf_str_c(line), arena, &r);
	return r;
}

static void reads_what_postfix_sends(void)
{
	struct auth_wire_request r;
	struct pf_arena arena;

	pf_arena_init(&arena, 10000);
	r = request("VERSION\t1\t0", &arena);
	is_int(r.kind, AUTH_WIRE_VERSION);
	is_int(r.id, 1);
	is_int(r.minor, 0);
	r = request("CPID\t4711", &arena);
	is_int(r.kind, AUTH_WIRE_CPID);
	is_int(r.id, 4711);
	r = request("AUTH\t1\tPLAIN\tservice=smtp\tnologin\tlip=127.0.0.1\t"
		    "rip=192.0.2.7\tsecured\tresp=AGEAYg==",
		    &arena);
	is_int(r.kind, AUTH_WIRE_AUTH);
	is_int(r.id, 1);
	is_mem(r.mech.p, r.mech.n, "PLAIN");
	is_mem(r.service.p, r.service.n, "smtp");
	is_mem(r.local_ip.p, r.local_ip.n, "127.0.0.1");
	is_mem(r.remote_ip.p, r.remote_ip.n, "192.0.2.7");
	ok(r.secured && r.nologin && r.has_resp && !r.temp_fail);
	is_mem(r.resp.p, r.resp.n, "AGEAYg==");
	r = request("AUTH\t2\tLOGIN\tservice=smtp\tsecured=tls", &arena);
	ok(r.secured && !r.has_resp && !r.nologin);
	r = request("AUTH\t3\tPLAIN\tservice=smtp\tresp=", &arena);
	ok(r.has_resp && r.resp.n == 0);
	r = request("CONT\t3\tAGEAYg==", &arena);
	is_int(r.kind, AUTH_WIRE_CONT);
	is_mem(r.resp.p, r.resp.n, "AGEAYg==");
	r = request("CONT\t3\t", &arena);
	ok(r.kind == AUTH_WIRE_CONT && r.resp.n == 0);
	r = request("CANCEL\t3", &arena);
	is_int(r.kind, AUTH_WIRE_CANCEL);
	pf_arena_release(&arena);
}

static void nothing_hides_behind_resp(void)
{
	struct auth_wire_request r;
	struct pf_arena arena;

	pf_arena_init(&arena, 10000);
	r = request("AUTH\t1\tPLAIN\tresp=AA==\tsecured\trip=127.0.0.1",
		    &arena);
	ok(!r.secured && r.remote_ip.n == 0);
	is_mem(r.resp.p, r.resp.n, "AA==\tsecured\trip=127.0.0.1");
	/* and an escaped TAB is no TAB */
	r = request("AUTH\t1\tPLAIN\tservice=a\001tsecured\001n\0011x", &arena);
	ok(!r.secured);
	is_mem(r.service.p, r.service.n, "a\tsecured\n\001x");
	pf_arena_release(&arena);
}

static void refuses_nonsense(void)
{
	static const struct {
		const char *line;
		enum auth_wire_kind kind;
	} lines[] = {
	    {"", AUTH_WIRE_UNKNOWN},
	    {"HELLO\tworld", AUTH_WIRE_UNKNOWN},
	    {"auth\t1\tPLAIN", AUTH_WIRE_UNKNOWN},
	    {"VERSION", AUTH_WIRE_BAD},
	    {"VERSION\t1", AUTH_WIRE_BAD},
	    {"VERSION\tx\t0", AUTH_WIRE_BAD},
	    {"CPID\t", AUTH_WIRE_BAD},
	    {"CPID\t-1", AUTH_WIRE_BAD},
	    {"AUTH", AUTH_WIRE_BAD},
	    {"AUTH\t0\tPLAIN", AUTH_WIRE_BAD},
	    {"AUTH\t4294967296\tPLAIN", AUTH_WIRE_BAD},
	    {"AUTH\t4294967295\tPLAIN", AUTH_WIRE_AUTH},
	    {"AUTH\t1", AUTH_WIRE_BAD},
	    {"AUTH\t1\t", AUTH_WIRE_BAD},
	    {"CONT", AUTH_WIRE_BAD},
	    {"CANCEL\tx", AUTH_WIRE_BAD},
	};
	struct pf_arena arena;

	pf_arena_init(&arena, 10000);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		tap_check(request(lines[i].line, &arena).kind == lines[i].kind,
			  "\"%s\"", lines[i].line);
	pf_arena_release(&arena);
}

static void escapes_both_ways(void)
{
	static const struct pf_str raw = {"a\tb\nc\rd\001e\0f", 11};
	struct pf_buf line = PF_BUF_INIT(100);
	struct pf_arena arena;
	struct pf_str value;

	pf_arena_init(&arena, 100);
	auth_wire_param(&line, "user", raw);
	is_mem(line.data, line.len, "\tuser=a\001tb\001nc\001rd\0011e\0010f");
	ok(auth_wire_value(pf_str_from(pf_buf_str(&line), 1), "user", &arena,
			   &value));
	ok(pf_str_eq(value, raw));
	ok(!auth_wire_value(PF_STR("username=x"), "user", &arena, &value));
	ok(!auth_wire_value(PF_STR("user"), "user", &arena, &value));
	ok(!auth_wire_clean(raw));
	ok(auth_wire_clean(PF_STR("ann@ex.test")));
	pf_buf_release(&line);
	pf_arena_release(&arena);
}

static void speaks_master(void)
{
	struct auth_master_request r;
	struct pf_arena arena;
	struct pf_buf out = PF_BUF_INIT(1000);
	char name[] = "ann", home[] = "/h/a\tnn", mail[] = "/h/ann/Maildir";
	struct auth_user ann = {.name = name,
				.uid = 1000,
				.gid = (gid_t)-1,
				.home = home,
				.mail = mail};

	pf_arena_init(&arena, 1000);
	auth_master_request_parse(
	    PF_STR("USER\t7\tann+x\001t@ex.test\tservice=lmtp\taddress"),
	    &arena, &r);
	is_int(r.kind, AUTH_MASTER_USER);
	is_int(r.id, 7);
	ok(r.address);
	is_mem(r.name.p, r.name.n, "ann+x\t@ex.test");
	auth_master_request_parse(PF_STR("REQUEST\t8\t4711\t3\tc0ffee"), &arena,
				  &r);
	is_int(r.kind, AUTH_MASTER_REQUEST);
	auth_master_cookie(&out, 4711, 3, "c0ffee");
	is_mem(r.cookie.p, r.cookie.n, out.data);
	auth_master_request_parse(PF_STR("LIST\t9\tservice=x"), &arena, &r);
	is_int(r.kind, AUTH_MASTER_LIST);
	auth_master_request_parse(PF_STR("USER\t7"), &arena, &r);
	is_int(r.kind, AUTH_MASTER_BAD);

	pf_buf_clear(&out);
	auth_master_user(&out, "USER", 7, &ann, PF_STR(""), "");
	is_str(out.data, "USER\t7\tann\tuid=1000\thome=/h/a\001tnn\t"
			 "mail=/h/ann/Maildir\tdetail=\n");
	pf_buf_clear(&out);
	auth_master_fault(&out, 7, PF_NOTFOUND);
	auth_master_fault(&out, 8, PF_UNAVAILABLE);
	is_str(out.data, "NOTFOUND\t7\nFAIL\t8\n");
	pf_buf_release(&out);
	pf_arena_release(&arena);
}

static void takes_netstrings(void)
{
	static const struct {
		const char *input;
		pf_status status;
		size_t used;
		const char *map, *key;
	} table[] = {
	    {"19:mailbox ann@ex.test,", PF_OK, 23, "mailbox", "ann@ex.test"},
	    {"19:mailbox ann@ex.test,19:m", PF_OK, 23, "mailbox",
	     "ann@ex.test"},
	    {"8:mailbox ,", PF_OK, 11, "mailbox", ""},
	    {"12:mailbox a b,,", PF_OK, 16, "mailbox", "a b,"},
	    {"11:mailbox a b,", PF_OK, 15, "mailbox", "a b"},
	    {"7:mailbox,", PF_INVALID, 0, "", ""},
	    {"2: x,", PF_INVALID, 0, "", ""},
	    {"0:,", PF_INVALID, 0, "", ""},
	    {"", PF_MORE, 0, "", ""},
	    {"19", PF_MORE, 0, "", ""},
	    {"19:mailbox ann@ex.test", PF_MORE, 0, "", ""},
	    {"19:mailbox ann@ex.test;", PF_INVALID, 0, "", ""},
	    {"100000:", PF_MORE, 0, "", ""},
	    {"100001:", PF_INVALID, 0, "", ""},
	    {"9999999", PF_INVALID, 0, "", ""},
	    {"x", PF_INVALID, 0, "", ""},
	    {":", PF_INVALID, 0, "", ""},
	    {"-1:", PF_INVALID, 0, "", ""},
	    {"GET / HTTP/1.1", PF_INVALID, 0, "", ""},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct pf_str map = {0}, key = {0};
		size_t used = 0;
		pf_status status = auth_socketmap_take(pf_str_c(table[i].input),
						       &map, &key, &used);
		tap_check(status == table[i].status && used == table[i].used &&
			      pf_str_eq(map, pf_str_c(table[i].map)) &&
			      pf_str_eq(key, pf_str_c(table[i].key)),
			  "netstring \"%s\"", table[i].input);
	}
}

static void answers_netstrings(void)
{
	struct pf_buf out = PF_BUF_INIT(1000);

	auth_socketmap_answer(&out, PF_OK, PF_STR("ann"));
	auth_socketmap_answer(&out, PF_NOTFOUND, PF_STR(""));
	auth_socketmap_answer(&out, PF_UNAVAILABLE, PF_STR("later"));
	auth_socketmap_answer(&out, PF_UNSUPPORTED, PF_STR("no"));
	is_str(out.data, "6:OK ann,9:NOTFOUND ,10:TEMP later,7:PERM no,");
	pf_buf_release(&out);
}

int main(void)
{
	reads_what_postfix_sends();
	nothing_hides_behind_resp();
	refuses_nonsense();
	escapes_both_ways();
	speaks_master();
	takes_netstrings();
	answers_netstrings();
	return tap_done();
}
