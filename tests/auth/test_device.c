/* Device passwords: made, read, matched; their limits; and masters. */
#include <unistd.h>

#include "auth/mech.h"
#include "base/fsio.h"
#include "tests/auth/conf.h"
#include "tests/tap.h"

static struct pf_conf conf;
static struct pf_buf secret = PF_BUF_INIT(100), field = PF_BUF_INIT(4096);

static struct auth_users *users_of(const char *extra)
{
	struct pf_buf text = PF_BUF_INIT(16384);
	struct auth_users *users;

	pf_buf_addf(&text,
		    "ann:{PLAIN}pencil::::::%s\n"
		    "help:{PLAIN}pencil::::::userdb_penfold_master\n"
		    "boss:{PLAIN}pencil::::::userdb_penfold_master\n"
		    "off:!\n",
		    extra);
	auth_users_parse(&conf, pf_buf_str(&text), &users, NULL);
	pf_buf_release(&text);
	return users;
}

static void make(const char *name, const char *protocols, const char *nets)
{
	pf_buf_clear(&secret);
	pf_buf_clear(&field);
	is_int(auth_device_new(pf_str_c(name), pf_str_c(protocols),
			       pf_str_c(nets), &secret, &field, NULL),
	       PF_OK);
}

static void a_device_has_its_password(void)
{
	make("phone", "", "");
	struct auth_users *users = users_of(field.data);
	const struct auth_user *ann = auth_users_find(users, PF_STR("ann"));
	char typed[64], *t = typed;

	is_int(secret.len, 23);
	ok(strstr(field.data, "userdb_penfold_device=phone;") == field.data);
	ok(!strstr(field.data, secret.data));
	is_int(ann->n_devices, 1);
	ok(auth_device_match(ann, pf_buf_str(&secret)) == &ann->devices[0]);
	/* as people type: capitals, no hyphens, a blank */
	for (size_t i = 0; i < secret.len; i++)
		if (secret.data[i] != '-')
			*t++ = pf_ascii_upper(secret.data[i]);
	*t++ = ' ';
	ok(auth_device_match(ann, pf_str_mem(typed, (size_t)(t - typed))));
	ok(!auth_device_match(ann, pf_str_mem(typed, 19)));
	typed[3] = typed[3] == 'A' ? 'B' : 'A';
	ok(!auth_device_match(ann, pf_str_mem(typed, (size_t)(t - typed))));
	ok(!auth_device_match(ann, PF_STR("pencil")));
	ok(!auth_device_match(ann, PF_STR("")));
	ok(!auth_device_match(auth_users_find(users, PF_STR("help")),
			      pf_buf_str(&secret)));
	auth_users_unref(&users);
}

static void a_device_has_its_limits(void)
{
	make("lap.top-2_x", "imap+sieve", "192.0.2.0/24,2001:db8::/32");
	struct auth_users *users = users_of(field.data);
	const struct auth_user *ann = auth_users_find(users, PF_STR("ann"));
	const struct auth_device *d =
	    auth_device_find(ann, PF_STR("LAP.TOP-2_X"));

	ok(d != NULL);
	ok(auth_device_allows(d, PF_STR("imap"), PF_STR("192.0.2.9")));
	ok(auth_device_allows(d, PF_STR("sieve"), PF_STR("2001:db8::1")));
	ok(!auth_device_allows(d, PF_STR("smtp"), PF_STR("192.0.2.9")));
	ok(!auth_device_allows(d, PF_STR("imap"), PF_STR("192.0.3.9")));
	ok(!auth_device_allows(d, PF_STR("imap"), PF_STR("")));
	auth_users_unref(&users);
}

static void refuses_what_is_none(void)
{
	static const char *const bad[][3] = {
	    {"", "", ""},
	    {"a b", "", ""},
	    {"a;b", "", ""},
	    {"-a", "", ""},
	    {"a", "pop3", ""},
	    {"a", "imap+", "x"},
	    {"a", "imap", "1.2.3.4/33"},
	    {"a", "", "somewhere"},
	    {"abcdefghijklmnopqrstuvwxyz1234567", "", ""},
	};
	static const char *const fields[] = {
	    "userdb_penfold_device=phone", "userdb_penfold_device=phone;AAAA;;",
	    "userdb_penfold_device=;;;", "userdb_penfold_device"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		tap_check(auth_device_new(pf_str_c(bad[i][0]),
					  pf_str_c(bad[i][1]),
					  pf_str_c(bad[i][2]), &secret, &field,
					  NULL) == PF_INVALID,
			  "refused: %s %s %s", bad[i][0], bad[i][1], bad[i][2]);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		struct auth_users *users = users_of(fields[i]);
		const struct auth_user *ann =
		    auth_users_find(users, PF_STR("ann"));
		tap_check(ann && !ann->broken && ann->n_devices == 0,
			  "ignored: %s", fields[i]);
		auth_users_unref(&users);
	}
}

/* ---- logins ---- */

static enum auth_step login(struct auth_users *users, const char *authz,
			    const char *name, const char *password, char **via)
{
	struct pf_buf message = PF_BUF_INIT(1000);
	struct auth_exchange x;

	pf_buf_addf(&message, "%s%c%s%c%s", authz, 0, name, 0, password);
	auth_exchange_init(&x, &auth_mech_plain);
	enum auth_step step = auth_exchange_step(&x, pf_buf_str(&message));
	if (step == AUTH_STEP_USER) {
		const struct auth_user *user =
		    auth_users_find(users, pf_buf_str(&x.name));
		step = auth_exchange_user(&x, user);
		if (x.known && auth_exchange_is_master(&x, user))
			auth_exchange_act_for(
			    &x, auth_users_find(users, pf_buf_str(&x.authz)));
	}
	if (step == AUTH_STEP_WORK)
		step = auth_exchange_worked(&x, auth_exchange_work(&x, NULL));
	if (via) {
		struct pf_buf who = PF_BUF_INIT(1000);
		pf_buf_addf(&who, "%s %s", x.user ? x.user : "",
			    x.via ? x.via : "");
		*via = pf_buf_detach(&who);
	}
	auth_exchange_release(&x);
	pf_buf_release(&message);
	return step;
}

static void both_passwords_count_or_one(void)
{
	char text[400], *via = NULL;

	make("phone", "", "");
	struct auth_users *users = users_of(field.data);
	is_int(login(users, "", "ann", secret.data, &via), AUTH_STEP_DONE);
	is_str(via, "ann device:phone");
	free(via);
	is_int(login(users, "", "ann", "pencil", &via), AUTH_STEP_DONE);
	is_str(via, "ann ");
	free(via);
	is_int(login(users, "", "help", secret.data, NULL), AUTH_STEP_FAIL);
	auth_users_unref(&users);

	snprintf(text, sizeof text, "%s " AUTH_FIELD_DEVICES_ONLY, field.data);
	users = users_of(text);
	is_int(login(users, "", "ann", secret.data, NULL), AUTH_STEP_DONE);
	is_int(login(users, "", "ann", "pencil", NULL), AUTH_STEP_FAIL);
	struct auth_exchange x;
	auth_exchange_init(&x, &auth_mech_scram_sha256);
	is_int(auth_exchange_step(&x, PF_STR("n,,n=ann,r=abc")),
	       AUTH_STEP_USER);
	auth_exchange_user(&x, auth_users_find(users, PF_STR("ann")));
	ok(!x.known);
	auth_exchange_release(&x);
	auth_users_unref(&users);

	snprintf(text, sizeof text, "%s nologin", field.data);
	users = users_of(text);
	is_int(login(users, "", "ann", secret.data, NULL), AUTH_STEP_FAIL);
	auth_users_unref(&users);
}

static void masters_act_for_users(void)
{
	char *via = NULL;

	make("phone", "", "");
	pf_buf_add_c(&field, " userdb_nothing=1");
	struct auth_users *users = users_of(field.data);
	is_int(login(users, "ann", "help", "pencil", &via), AUTH_STEP_DONE);
	is_str(via, "ann master:help");
	free(via);
	is_int(login(users, "help", "help", "pencil", &via), AUTH_STEP_DONE);
	is_str(via, "help ");
	free(via);
	is_int(login(users, "ann", "help", "wrong", NULL), AUTH_STEP_FAIL);
	is_int(login(users, "nobody", "help", "pencil", NULL), AUTH_STEP_FAIL);
	is_int(login(users, "boss", "help", "pencil", NULL), AUTH_STEP_FAIL);
	is_int(login(users, "help", "ann", "pencil", NULL), AUTH_STEP_FAIL);
	is_int(login(users, "help", "ann", secret.data, NULL), AUTH_STEP_FAIL);
	auth_users_unref(&users);
}

/* ---- the file ---- */

static void fields_come_and_go(void)
{
	char path[] = "/tmp/test_device.XXXXXX";
	struct pf_buf text = PF_BUF_INIT(65536);
	int fd = mkstemp(path);
	const char *old = "# head\nann:x:1:2:g:/h:s:a=1 b=2\r\nbob:y\n";

	ok(fd >= 0 && write(fd, old, strlen(old)) == (ssize_t)strlen(old));
	close(fd);
	is_int(auth_users_set_field(path, PF_STR("ANN"), " ",
				    "dev=p;q;;2001:db8::/32", NULL),
	       PF_OK);
	is_int(auth_users_set_field(path, PF_STR("bob"), " ", "dev=r", NULL),
	       PF_OK);
	is_int(auth_users_set_field(path, PF_STR("ann"), "a=", NULL, NULL),
	       PF_OK);
	is_int(auth_users_set_field(path, PF_STR("zoe"), "a=", NULL, NULL),
	       PF_NOTFOUND);
	is_int(auth_users_set_field(path, PF_STR("bob"), " ", "a b", NULL),
	       PF_INVALID);
	ok(pf_fs_read(AT_FDCWD, path, &text, NULL) == PF_OK);
	is_str(text.data, "# head\n"
			  "ann:x:1:2:g:/h:s:b=2 dev=p;q;;2001:db8::/32\n"
			  "bob:y::::::dev=r\n");
	/* no line that would not be read again */
	char *much = calloc(1, 9000);
	memset(much, 'x', 8999);
	is_int(auth_users_set_field(path, PF_STR("bob"), " ", much, NULL),
	       PF_LIMIT);
	free(much);
	pf_buf_release(&text);
	unlink(path);
}

int main(void)
{
	test_conf_init(&conf);
	a_device_has_its_password();
	a_device_has_its_limits();
	refuses_what_is_none();
	both_passwords_count_or_one();
	masters_act_for_users();
	fields_come_and_go();
	pf_buf_release(&secret);
	pf_buf_release(&field);
	pf_conf_release(&conf);
	return tap_done();
}
