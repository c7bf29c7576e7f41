/*
 * penfold check: every mistake at once, each with its place and its cure.
 *
 * One function per thing that is checked; each reports as many problems as it
 * finds and goes on.
 */
#include "ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/fsio.h"
#include "base/priv.h"
#include "filter/filter.h"
#include "net/net.h"
#include "sieve/sieve.h"
#include "store/store.h"

static int problem_count;

__attribute__((format(printf, 3, 0))) static void
say(const char *place, const char *cure, const char *format, va_list ap)
{
	printf("%s: ", place);
	vprintf(format, ap);
	printf("\n\t%s\n", cure);
}

/* Something that is wrong: penfold check will exit with 1. */
__attribute__((format(printf, 3, 4))) static void
problem(const char *place, const char *cure, const char *format, ...)
{
	va_list ap;

	problem_count++;
	va_start(ap, format);
	say(place, cure, format, ap);
	va_end(ap);
}

/* Something to know. */
__attribute__((format(printf, 3, 4))) static void
note(const char *place, const char *cure, const char *format, ...)
{
	va_list ap;

	printf("note: ");
	va_start(ap, format);
	say(place, cure, format, ap);
	va_end(ap);
}

static void report(const char *file, const struct pf_conf_problems *problems)
{
	char place[4200];

	for (size_t i = 0; i < problems->n; i++) {
		const struct pf_conf_problem *p = &problems->v[i];
		snprintf(place, sizeof place, "%s:%d", file, p->line);
		problem(place, p->fix, "%s", p->text);
	}
}

/* The line of a setting in the file, for the place of a problem. */
static const char *place_of(const struct ctl *ctl, struct pf_str text,
			    const char *name)
{
	static char place[4200];
	struct pf_str line, wanted = pf_str_c(name);

	for (int number = 1; pf_str_split(&text, '\n', &line); number++) {
		line = pf_str_trim(line);
		ptrdiff_t equals = pf_str_chr(line, '=');
		if (equals > 0 &&
		    pf_str_eq(pf_str_trim(pf_str_head(line, (size_t)equals)),
			      wanted)) {
			snprintf(place, sizeof place, "%s:%d", ctl->conf_path,
				 number);
			return place;
		}
	}
	snprintf(place, sizeof place, "%s (%s is at its default)",
		 ctl->conf_path, name);
	return place;
}

static void check_system_user(const char *place, const char *name)
{
	struct pf_error err;
	uid_t uid;
	gid_t gid;

	if (pf_priv_lookup(name, &uid, &gid, &err) != PF_OK)
		problem(place, "make it with adduser --system, or name another",
			"%s", err.log);
}

static void check_folder(const char *place, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		problem(place, "make the folder, or name another", "%s: %m",
			path);
	else if (!S_ISDIR(st.st_mode))
		problem(place, "name a folder", "%s is not a folder", path);
}

static void check_tls(const char *cert_place, const struct pf_conf *conf)
{
	struct net_tls *tls = NULL;
	struct pf_error err;

	if (!conf->tls_cert[0] && !conf->tls_key[0]) {
		problem(cert_place,
			"set tls_cert and tls_key; without them nobody can log "
			"in over the network",
			"there is no certificate");
		return;
	}
	if (net_tls_new(conf->tls_cert, conf->tls_key, conf->tls_min_version,
			&tls, &err) != PF_OK)
		problem(cert_place,
			"both must be PEM, readable, and belong together", "%s",
			err.log);
	else
		net_tls_unref(&tls);
}

/* "host:port" or "[v6]:port" */
static void check_addresses(const char *place, const char *list)
{
	struct pf_str rest = pf_str_c(list), word;

	while (pf_conf_word(&rest, &word)) {
		ptrdiff_t colon = pf_str_rchr(word, ':');
		uint64_t port;
		if (colon <= 0 ||
		    !pf_str_u64(pf_str_from(word, (size_t)colon + 1), 65535,
				&port))
			problem(place, "write host:port, for example [::]:993",
				"\"%.*s\" is not an address", (int)word.n,
				word.p);
	}
}

static void check_namespaces(const char *place, const char *list)
{
	struct pf_str rest = pf_str_c(list), word;

	while (pf_conf_word(&rest, &word)) {
		ptrdiff_t colon = pf_str_chr(word, ':');
		if (colon <= 0) {
			problem(
			    place, "write shared: or level:/path/of/a/Maildir",
			    "\"%.*s\" is not a namespace", (int)word.n, word.p);
		} else if ((size_t)colon + 1 < word.n) {
			char *path =
			    pf_str_dup(pf_str_from(word, (size_t)colon + 1));
			check_folder(place, path);
			free(path);
		}
	}
}

#define QUOTA_CURE "write mailbox:limit..., see quota in penfold.conf(5)"

static void check_quota(const char *place, const char *rules)
{
	struct pf_error err;

	if (store_quota_check(pf_str_c(rules), &err) != PF_OK)
		problem(place, QUOTA_CURE, "%s", err.log);
}

static void check_user_quotas(const struct pf_conf *conf,
			      const struct auth_users *users)
{
	char place[4300];
	struct pf_error err;

	for (size_t i = 0; i < auth_users_count(users); i++) {
		const struct auth_user *user = auth_users_at(users, i);
		if (!user->quota ||
		    store_quota_check(pf_str_c(user->quota), &err) == PF_OK)
			continue;
		snprintf(place, sizeof place, "%s:%d", conf->user_file,
			 user->line);
		problem(place, QUOTA_CURE, "%s", err.log);
	}
}

static void check_users(const struct pf_conf *conf)
{
	struct pf_conf_problems problems = {0};
	struct auth_users *users = NULL;
	struct pf_error err;

	if (auth_users_load(conf, &users, &problems, &err) != PF_OK)
		problem(conf->user_file,
			"make the file (penfold user add NAME does) and let "
			"auth_user read it",
			"%s", err.log);
	report(conf->user_file, &problems);
	if (users) {
		check_user_quotas(conf, users);
		if (auth_users_count(users) == 0)
			note(conf->user_file, "penfold user add NAME",
			     "there is no user yet");
		auth_users_unref(&users);
	}
	pf_vec_release(&problems);
}

static bool one_of(const char *value, const char *const *choices)
{
	for (; *choices; choices++)
		if (strcmp(value, *choices) == 0)
			return true;
	return false;
}

static void check_choices(const struct ctl *ctl, const struct pf_conf *conf,
			  struct pf_str text)
{
	static const char *const folders[] = {"inbox", "existing", "create",
					      NULL};
	static const char *const schemes[] = {"SCRYPT", "SCRAM-SHA-256", NULL};
	static const char *const separators[] = {".", "/", NULL};
	static const char *const levels[] = {"error", "warn", "info", "debug",
					     NULL};
	static const char *const versions[] = {"1.2", "1.3", NULL};
	const struct {
		const char *name, *value;
		const char *const *choices;
		const char *cure;
	} rules[] = {
	    {"extension_folder", conf->extension_folder, folders,
	     "write inbox, existing or create"},
	    {"password_scheme", conf->password_scheme, schemes,
	     "write SCRYPT or SCRAM-SHA-256"},
	    {"hierarchy_separator", conf->hierarchy_separator, separators,
	     "write . or /"},
	    {"log_level", conf->log_level, levels,
	     "write error, warn, info or debug"},
	    {"tls_min_version", conf->tls_min_version, versions,
	     "write 1.2 or 1.3"},
	};

	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (!one_of(rules[i].value, rules[i].choices))
			problem(place_of(ctl, text, rules[i].name),
				rules[i].cure, "%s = %s", rules[i].name,
				rules[i].value);
}

/* One script of the site, with all its problems.  Its includes are those of no
 * user: personal ones are not there. */
static void check_script(const struct pf_conf *conf, const char *path)
{
	const struct auth_identity nobody = {.user = (char *)(uintptr_t) "-",
					     .home = (char *)(uintptr_t) "/"};
	struct sieve_problems problems = {0};
	struct sieve_script *script = NULL;
	struct pf_buf text = PF_BUF_INIT(
	    (size_t)pf_conf_part_number(conf->sieve_limits, "script") + 1);
	struct pf_error err;
	char place[4200];

	if (pf_fs_read(AT_FDCWD, path, &text, &err) != PF_OK)
		problem(path, "make it readable for mail_user, or take it out",
			"%s", err.log);
	else
		(void)!filter_compile(conf, &nobody, pf_buf_str(&text), &script,
				      &problems, &err);
	for (size_t i = 0; i < problems.n; i++) {
		const struct sieve_problem *p = &problems.v[i];

		snprintf(place, sizeof place, "%s:%d:%d", path, p->line,
			 p->column);
		if (p->warning)
			note(place, p->hint, "%s", p->text);
		else
			problem(place,
				p->hint[0] ? p->hint
					   : "until then it is "
					     "left out",
				"%s", p->text);
	}
	sieve_script_free(&script);
	pf_vec_release(&problems);
	pf_buf_release(&text);
}

static void check_scripts(const char *place, const struct pf_conf *conf,
			  const char *list)
{
	const struct auth_identity nobody = {.user = (char *)(uintptr_t) "-",
					     .home = (char *)(uintptr_t) "/"};
	struct filter_paths paths = {0};
	struct pf_error err;

	if (strchr(list, '%')) /* other files for each user */
		return;
	if (filter_paths_find(list, &nobody, &paths, &err) != PF_OK)
		problem(place, "make it readable, or take it out", "%s",
			err.log);
	for (size_t i = 0; i < paths.n; i++)
		check_script(conf, paths.v[i]);
	filter_paths_release(&paths);
}

static void check_sieve(const struct ctl *ctl, const struct pf_conf *conf,
			struct pf_str text)
{
	if (!sieve_spam_header_valid(pf_str_c(conf->sieve_spam_header)))
		problem(place_of(ctl, text, "sieve_spam_header"),
			"write a field and a score, such as X-Spam-Score 15",
			"sieve_spam_header = %s", conf->sieve_spam_header);
	if (!sieve_virus_header_valid(pf_str_c(conf->sieve_virus_header)))
		problem(place_of(ctl, text, "sieve_virus_header"),
			"write a field and words, such as X-Virus-Status Clean",
			"sieve_virus_header = %s", conf->sieve_virus_header);
	check_scripts(place_of(ctl, text, "sieve_before"), conf,
		      conf->sieve_before);
	check_scripts(place_of(ctl, text, "sieve_default"), conf,
		      conf->sieve_default);
	check_scripts(place_of(ctl, text, "sieve_after"), conf,
		      conf->sieve_after);
	if (conf->sieve_global[0] && !strchr(conf->sieve_global, '%'))
		check_folder(place_of(ctl, text, "sieve_global"),
			     conf->sieve_global);
}

static void check_site(const struct ctl *ctl, const struct pf_conf *conf,
		       struct pf_str text)
{
	check_system_user(place_of(ctl, text, "mail_user"), conf->mail_user);
	check_system_user(place_of(ctl, text, "auth_user"), conf->auth_user);
	check_system_user(place_of(ctl, text, "gate_user"), conf->gate_user);
	check_system_user(place_of(ctl, text, "socket_owner"),
			  conf->socket_owner);
	check_quota(place_of(ctl, text, "quota"), conf->quota);
	check_addresses(place_of(ctl, text, "listen_imap"), conf->listen_imap);
	check_addresses(place_of(ctl, text, "listen_imaps"),
			conf->listen_imaps);
	check_addresses(place_of(ctl, text, "listen_lmtp"), conf->listen_lmtp);
	check_addresses(place_of(ctl, text, "listen_sieve"),
			conf->listen_sieve);
	check_folder(place_of(ctl, text, "state_dir"), conf->state_dir);
	check_namespaces(place_of(ctl, text, "namespaces"), conf->namespaces);
	check_tls(place_of(ctl, text, "tls_cert"), conf);
	check_choices(ctl, conf, text);
	check_sieve(ctl, conf, text);
	check_users(conf);
	if (!conf->submission_host[0] && access(conf->sendmail_path, X_OK) != 0)
		note(place_of(ctl, text, "sendmail_path"),
		     "install an MTA or set submission_host; without one "
		     "Sieve can neither redirect nor answer",
		     "%s: %m", conf->sendmail_path);
	if (geteuid() == 0 && !conf->mail_user[0])
		note(place_of(ctl, text, "mail_user"),
		     "set it to the system user that shall own the mail",
		     "mail would be handled by root");
}

int ctl_check(struct ctl *ctl)
{
	struct pf_conf_problems problems = {0};
	struct pf_buf text = PF_BUF_INIT(1 << 20);
	struct pf_error err;
	struct pf_conf conf;
	const char *user = ctl_option(ctl, "--user");
	bool store = ctl_switch(ctl, "--store");
	bool repair = ctl_switch(ctl, "--repair");

	if (ctl->argc > 1)
		return ctl_usage(ctl, "what is \"%s\"?", ctl->argv[1]);
	if (store)
		return ctl_check_store(ctl, user, repair);
	if (user || repair)
		return ctl_usage(ctl, "only --store has users and repairs");
	pf_conf_init(&conf);
	if (pf_fs_read(AT_FDCWD, ctl->conf_path, &text, &err) != PF_OK) {
		problem(ctl->conf_path, "penfold.conf(5) has an example", "%s",
			err.log);
	} else {
		pf_conf_parse(&conf, pf_buf_str(&text), &problems);
		report(ctl->conf_path, &problems);
		check_site(ctl, &conf, pf_buf_str(&text));
	}
	if (problem_count == 0)
		printf("%s: no problem found\n", ctl->conf_path);
	else
		printf("%d problem%s\n", problem_count,
		       problem_count == 1 ? "" : "s");
	pf_vec_release(&problems);
	pf_buf_release(&text);
	pf_conf_release(&conf);
	return problem_count > 0;
}
