/*
 * The commands of ManageSieve after login (RFC 5804 2.4-2.14).  They run on a
 * worker and append their whole answer.
 */
#include <stdlib.h>

#include "base/log.h"
#include "filter/filter.h"
#include "imapd/msieve.h"
#include "sieve/sieve.h"

/* Problems of one script that are shown. */
#define PROBLEMS_MAX 100

/* ---- answers --------------------------------------------------------------
 */

static struct pf_str arg(const struct ms_client *c, size_t i)
{
	return msieve_reader_arg(c->reader, i).text;
}

static void ok(struct ms_client *c, const char *text)
{
	msieve_add_result(&c->out, "OK", "", pf_str_c(text));
}

/* RFC 5804 1.3 */
static const char *code_of(pf_status status)
{
	switch ((int)status) {
	case PF_NOTFOUND:
		return "NONEXISTENT";
	case PF_EXISTS:
		return "ALREADYEXISTS";
	case PF_NOPERM:
		return "ACTIVE";
	case PF_LIMIT:
		return "QUOTA/MAXSIZE";
	case PF_OVERQUOTA:
		return "QUOTA/MAXSCRIPTS";
	case PF_NOSPACE:
		return "QUOTA";
	case PF_INVALID:
		return "";
	default:
		return "TRYLATER";
	}
}

static void no(struct ms_client *c, pf_status status,
	       const struct pf_error *err)
{
	/* a permission of the system is nothing that the user did */
	bool ours = err->sys_errno != 0 && status != PF_NOSPACE;

	if (ours)
		pf_log_error(PF_LOG_ERROR, "script-storage", err,
			     PF_LOGC("user", c->user));
	msieve_add_result(&c->out, "NO", ours ? "TRYLATER" : code_of(status),
			  pf_str_c(err->client));
}

static void result(struct ms_client *c, pf_status status,
		   const struct pf_error *err, const char *text)
{
	if (status == PF_OK)
		ok(c, text);
	else
		no(c, status, err);
}

/* ---- the user's scripts -----------------------------------------------------
 */

struct ms_paths {
	struct pf_buf dir, active;
	struct msieve_scripts scripts;
};

static pf_status find_paths(const struct ms_client *c, struct ms_paths *paths,
			    struct pf_error *err)
{
	const struct pf_conf *conf = c->server->conf;

	pf_buf_init(&paths->dir, 4096);
	pf_buf_init(&paths->active, 4096);
	pf_status status = pf_conf_expand(&paths->dir, conf->sieve_dir,
					  pf_str_c(c->user), c->home, err);
	if (status == PF_OK)
		status = pf_conf_expand(&paths->active, conf->sieve_script,
					pf_str_c(c->user), c->home, err);
	paths->scripts = (struct msieve_scripts){
	    .dir = paths->dir.data,
	    .active = paths->active.data,
	    .size_max =
		(size_t)pf_conf_part_number(conf->sieve_limits, "script"),
	    .count_max =
		(size_t)pf_conf_part_number(conf->sieve_limits, "scripts"),
	};
	return status;
}

static void release_paths(struct ms_paths *paths)
{
	pf_buf_release(&paths->dir);
	pf_buf_release(&paths->active);
}

/* ---- checking
 * ----------------------------------------------------------------
 */

/* A line each: "line 3, column 7: error: text (hint)" */
static void write_problems(struct pf_buf *to,
			   const struct sieve_problems *problems)
{
	size_t shown = problems->n < PROBLEMS_MAX ? problems->n : PROBLEMS_MAX;

	for (size_t i = 0; i < shown; i++) {
		const struct sieve_problem *p = &problems->v[i];

		pf_buf_addf(to, "%sline %d, column %d: %s: %s", i ? "\r\n" : "",
			    p->line, p->column,
			    p->warning ? "warning" : "error", p->text);
		if (p->hint[0])
			pf_buf_addf(to, " (%s)", p->hint);
	}
	if (shown < problems->n)
		pf_buf_addf(to, "\r\nand %zu more", problems->n - shown);
}

/* False: the answer is NO with all that is wrong.  Else `warnings`. */
static bool check(struct ms_client *c, struct pf_str text,
		  struct pf_buf *warnings)
{
	const struct pf_conf *conf = c->server->conf;
	struct sieve_limits limits;
	struct sieve_problems problems = {0};
	struct sieve_script *script = NULL;
	struct pf_error err = {0};

	filter_limits(conf, &limits);
	if (*conf->imapsieve_url) /* it may be meant for a mailbox */
		limits.offers |= SIEVE_OFFER_IMAP;
	if (text.n > limits.script_max) {
		msieve_add_result(&c->out, "NO", "QUOTA/MAXSIZE",
				  PF_STR("The script is too large"));
		return false;
	}
	pf_status status =
	    sieve_compile(text, &limits, &script, &problems, &err);
	sieve_script_free(&script);
	write_problems(warnings, &problems);
	pf_vec_release(&problems);
	if (status == PF_OK)
		return true;
	if (status == PF_INVALID)
		msieve_add_result(&c->out, "NO", "", pf_buf_str(warnings));
	else
		no(c, status, &err);
	return false;
}

static void ok_with(struct ms_client *c, const struct pf_buf *warnings,
		    const char *text)
{
	if (warnings->len)
		msieve_add_result(&c->out, "OK", "WARNINGS",
				  pf_buf_str(warnings));
	else
		ok(c, text);
}

static void do_checkscript(struct ms_client *c)
{
	struct pf_buf warnings = PF_BUF_INIT(65536);

	if (check(c, arg(c, 0), &warnings))
		ok_with(c, &warnings, "The script is good");
	pf_buf_release(&warnings);
}

static void do_putscript(struct ms_client *c)
{
	struct pf_buf warnings = PF_BUF_INIT(65536);
	struct pf_error err = {0};
	struct ms_paths paths;
	pf_status status = find_paths(c, &paths, &err);

	if (status == PF_OK)
		status = msieve_name_check(arg(c, 0), &err);
	if (status != PF_OK) {
		no(c, status, &err);
	} else if (check(c, arg(c, 1), &warnings)) {
		status = msieve_scripts_put(&paths.scripts, arg(c, 0),
					    arg(c, 1), &err);
		if (status == PF_OK)
			ok_with(c, &warnings, "The script is stored");
		else
			no(c, status, &err);
	}
	release_paths(&paths);
	pf_buf_release(&warnings);
}

/* ---- the others
 * --------------------------------------------------------------
 */

static void do_havespace(struct ms_client *c)
{
	struct pf_error err = {0};
	struct ms_paths paths;
	pf_status status = find_paths(c, &paths, &err);

	if (status == PF_OK)
		status = msieve_scripts_room(
		    &paths.scripts, arg(c, 0),
		    msieve_reader_arg(c->reader, 1).number, &err);
	result(c, status, &err, "There is room");
	release_paths(&paths);
}

static void do_listscripts(struct ms_client *c)
{
	struct msieve_list list = {0};
	struct pf_error err = {0};
	struct ms_paths paths;
	pf_status status = find_paths(c, &paths, &err);

	if (status == PF_OK)
		status = msieve_scripts_list(&paths.scripts, &list, &err);
	for (size_t i = 0; i < list.n; i++) {
		msieve_add_string(&c->out, pf_str_c(list.v[i].name));
		pf_buf_add_c(&c->out,
			     list.v[i].active ? " ACTIVE\r\n" : "\r\n");
	}
	result(c, status, &err, "These are all");
	pf_vec_release(&list);
	release_paths(&paths);
}

static void do_getscript(struct ms_client *c)
{
	/* another program may have put a larger one there */
	struct pf_buf text;
	struct pf_error err = {0};
	struct ms_paths paths;
	pf_status status = find_paths(c, &paths, &err);

	pf_buf_init(&text, (size_t)pf_conf_part_number(
			       c->server->conf->sieve_limits, "script"));
	if (status == PF_OK)
		status =
		    msieve_scripts_get(&paths.scripts, arg(c, 0), &text, &err);
	if (status == PF_OK) {
		/* a literal: clients expect their script as it was */
		pf_buf_addf(&c->out, "{%zu}\r\n", text.len);
		pf_buf_add_str(&c->out, pf_buf_str(&text));
		pf_buf_add_c(&c->out, "\r\n");
	}
	result(c, status, &err, "That is it");
	pf_buf_release(&text);
	release_paths(&paths);
}

static void do_setactive(struct ms_client *c)
{
	struct pf_error err = {0};
	struct ms_paths paths;
	pf_status status = find_paths(c, &paths, &err);

	if (status == PF_OK)
		status =
		    msieve_scripts_activate(&paths.scripts, arg(c, 0), &err);
	if (status == PF_OK)
		pf_log(PF_LOG_INFO, "script-active", PF_LOGC("user", c->user),
		       PF_LOGS("script", arg(c, 0)));
	result(c, status, &err,
	       arg(c, 0).n ? "The script is active" : "No script is active");
	release_paths(&paths);
}

static void do_renamescript(struct ms_client *c)
{
	struct pf_error err = {0};
	struct ms_paths paths;
	pf_status status = find_paths(c, &paths, &err);

	if (status == PF_OK)
		status = msieve_scripts_rename(&paths.scripts, arg(c, 0),
					       arg(c, 1), &err);
	result(c, status, &err, "The script is renamed");
	release_paths(&paths);
}

static void do_deletescript(struct ms_client *c)
{
	struct pf_error err = {0};
	struct ms_paths paths;
	pf_status status = find_paths(c, &paths, &err);

	if (status == PF_OK)
		status = msieve_scripts_remove(&paths.scripts, arg(c, 0), &err);
	result(c, status, &err, "The script is deleted");
	release_paths(&paths);
}

/* ---- without the disk
 * --------------------------------------------------------
 */

static void do_capability(struct ms_client *c)
{
	ms_common_capabilities(&c->out, c->server->conf);
	pf_buf_add_c(&c->out, "\"SASL\" \"\"\r\n\"OWNER\" ");
	msieve_add_string(&c->out, pf_str_c(c->user));
	pf_buf_add_c(&c->out, "\r\n\"UNAUTHENTICATE\"\r\n");
	ok(c, "Capabilities");
}

static void do_noop(struct ms_client *c)
{
	ms_add_noop(&c->out, c->reader);
}

static void do_logout(struct ms_client *c)
{
	ok(c, "Until next time");
	net_conn_send(c->conn, c->out.data, c->out.len);
	pf_buf_clear(&c->out);
	ms_client_end(c, "logout");
}

/* RFC 5804 2.14.1.  The gate says OK: it has the connection then. */
static void do_unauthenticate(struct ms_client *c)
{
	struct pf_error err = {0};
	pf_status status = PF_UNAVAILABLE;

	if (c->gate_fd >= 0)
		status =
		    net_fd_send(c->gate_fd, -1, c->name, strlen(c->name), &err);
	if (status != PF_OK) {
		msieve_add_result(&c->out, "NO", "TRYLATER",
				  PF_STR("That does not work at the moment"));
		return;
	}
	ms_client_end(c, "unauthenticate");
}

static const struct ms_command commands[] = {
    {"AUTHENTICATE", "", NULL, NULL, true},
    {"CAPABILITY", "", NULL, do_capability, true},
    {"CHECKSCRIPT", "s", NULL, do_checkscript, false},
    {"DELETESCRIPT", "s", NULL, do_deletescript, false},
    {"GETSCRIPT", "s", NULL, do_getscript, false},
    {"HAVESPACE", "sn", NULL, do_havespace, false},
    {"LISTSCRIPTS", "", NULL, do_listscripts, false},
    {"LOGOUT", "", NULL, do_logout, true},
    {"NOOP", "", "s", do_noop, true},
    {"PUTSCRIPT", "ss", NULL, do_putscript, false},
    {"RENAMESCRIPT", "ss", NULL, do_renamescript, false},
    {"SETACTIVE", "s", NULL, do_setactive, false},
    {"STARTTLS", "", NULL, NULL, true},
    {"UNAUTHENTICATE", "", NULL, do_unauthenticate, true},
};

const struct ms_command *ms_command_find(struct pf_str name)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (pf_str_eq(name, pf_str_c(commands[i].name)))
			return &commands[i];
	}
	return NULL;
}
