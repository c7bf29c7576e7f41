/*
 * ctl: the admin tool `penfold`, one executable with verbs (as git has).
 * Each verb is one file and one row of the table in main.c.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "auth/auth.h"
#include "base/conf.h"
#include "base/error.h"

/* What every verb gets: its own arguments and where the site's files are. */
struct ctl {
	int argc; /* argv[0] is the verb */
	char **argv;
	const char
	    *conf_path;	 /* -c FILE, --dir DIR/penfold.conf, or the site's */
	const char *dir; /* --dir DIR, or NULL */
	bool conf_given; /* by -c or --dir */
};

/* Each returns an exit code: 0 done, 1 it failed, 2 wrong use. */
int ctl_run(struct ctl *ctl);
int ctl_check(struct ctl *ctl);
int ctl_check_store(struct ctl *ctl, const char *user, bool repair);
int ctl_user(struct ctl *ctl);
int ctl_acl(struct ctl *ctl);
int ctl_index(struct ctl *ctl);
int ctl_search(struct ctl *ctl);
int ctl_explain(struct ctl *ctl);
int ctl_quota(struct ctl *ctl);
int ctl_sieve(struct ctl *ctl);
int ctl_import(struct ctl *ctl);
int ctl_export(struct ctl *ctl);
int ctl_undelete(struct ctl *ctl);
int ctl_restore(struct ctl *ctl);
int ctl_takeover(struct ctl *ctl);
int ctl_who(struct ctl *ctl);
int ctl_device(struct ctl *ctl);

/* Ends the open sessions of a user ("": any) that came in by `via`
 * ("device:NAME", "master:NAME", "password"; "": any way).  A session process
 * that does not run has none. */
PF_CHECKED pf_status ctl_end_sessions(const struct pf_conf *conf,
				      const char *user, const char *via,
				      struct pf_error *err);

/* Loads the configuration; on failure says everything that is wrong with it
 * on stderr and returns false. */
bool ctl_conf(const struct ctl *ctl, struct pf_conf *conf);

/* "penfold VERB: text" on stderr; returns 1. */
int ctl_fail(const struct ctl *ctl, const struct pf_error *err);
__attribute__((format(printf, 2, 3))) int ctl_usage(const struct ctl *ctl,
						    const char *format, ...);

/* The value of an option "--name VALUE" / "--name=VALUE", taken out of argv;
 * NULL when it is not there. */
const char *ctl_option(struct ctl *ctl, const char *name);
/* The same for a switch without a value. */
bool ctl_switch(struct ctl *ctl, const char *name);

/* The user's (NULL: our own) mail and home; auth_identity_release. */
PF_CHECKED pf_status ctl_account(const struct pf_conf *conf, const char *user,
				 struct auth_identity *id,
				 struct pf_error *err);

/* A JSON string, and `, "name": "value"`, on standard output. */
void ctl_json_string(struct pf_str s);
void ctl_json_member(const char *name, struct pf_str value);

/* Where a program of ours is: beside us, or where it was to be installed. */
void ctl_program(const char *name, char *path, size_t size);

/* Writes DIR/penfold.conf, DIR/users and the certificate if they are not
 * there, and makes the folders (setup.c). */
PF_CHECKED pf_status ctl_setup_dir(const char *dir, unsigned base_port,
				   struct pf_error *err);

/* As root with a mail_user: makes state_dir and the folder above all users'
 * mail for him.  What was there stays as it is, except below --dir. */
PF_CHECKED pf_status ctl_prepare_site(const struct ctl *ctl,
				      const struct pf_conf *conf,
				      struct pf_error *err);

#endif
