/*
 * The configuration: one file, one grammar, for all programs.
 *
 *	# comment
 *	name = value			one setting a line
 *	name = a b "c d"		lists are parted by blanks
 *
 * PF_CONF_MAP below is the whole list: kind, name, default, explanation.  The
 * manual page penfold.conf(5) and `penfold check` are made from it.
 * Kinds: STR PATH (text), LIST (text, words), INT, SIZE (512, 64k, 50M, 2G;
 * bytes), TIME (30s, 5m, 12h, 14d; seconds), BOOL (yes/no), PARTS (several
 * small settings in one: name=value words, those of the default).
 *
 * In paths: %u the user name, %n its part before "@", %d behind it, %h the
 * user's home, %% a percent sign.
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include "base/buf.h"
#include "base/vec.h"

/* clang-format off */
#define PF_CONF_MAP(X) \
X(STR,  hostname, "", "name of this machine in greetings and Received lines; default: the kernel's") \
X(LIST, domains, "localhost", "domains whose addresses are local: the part before @ is a user name; * for all that the MTA sends us") \
X(PATH, run_dir, "/run/penfold", "sockets and process ids") \
X(PATH, state_dir, "/var/lib/penfold", "delivery journal and other state") \
X(SIZE, journal_size, "1G", "delivery journal on disk at most: about 5 million deliveries a GiB; older ones are forgotten") \
X(PATH, user_file, "/etc/penfold/users", "passwd-file with the virtual users (Dovecot's grammar)") \
X(PATH, mail_path, "/var/vmail/%u/Maildir", "where a user's Maildir is, when the user file does not say") \
X(PATH, home_path, "/var/vmail/%u", "a user's home, when the user file does not say") \
X(STR,  mail_user, "", "system user that owns the mail of virtual users; empty: whoever runs us") \
X(STR,  auth_user, "", "system user that penfold-authd runs as; empty: whoever runs us") \
X(STR,  gate_user, "", "system user that the login side of penfold-imapd runs as; empty: whoever runs us") \
X(LIST, listen_imap, "127.0.0.1:143", "addresses for IMAP with STARTTLS; [::]:143 for all; proxy:HOST:PORT: a proxy connects there (PROXY protocol)") \
X(LIST, listen_imaps, "127.0.0.1:993", "addresses for IMAP over TLS") \
X(LIST, listen_lmtp, "", "TCP addresses for LMTP, beside run_dir/lmtp.sock") \
X(LIST, listen_sieve, "", "addresses for ManageSieve") \
X(STR,  socket_owner, "", "owner of the sockets that Postfix uses; empty: ours") \
X(STR,  socket_group, "", "group of the sockets that Postfix uses; empty: ours") \
X(INT,  socket_mode, "0660", "permissions of the sockets that Postfix uses (octal)") \
X(LIST, tls_cert, "", "certificate chains, PEM files; the first is for who names no host. CERT.ocsp beside one is stapled") \
X(LIST, tls_key, "", "their private keys, PEM, in the same order") \
X(STR,  tls_min_version, "1.2", "oldest TLS version: 1.2 or 1.3") \
X(LIST, auth_mechanisms, "PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-1", "SASL mechanisms to offer; over TLS each SCRAM also as -PLUS") \
X(BOOL, auth_plain_loopback, "no", "accept clear-text passwords without TLS from loopback addresses") \
X(STR,  password_scheme, "SCRYPT", "scheme for new passwords: SCRYPT or SCRAM-SHA-256") \
X(STR,  recipient_delimiter, "+", "characters that part user and extension, as in Postfix") \
X(STR,  extension_folder, "create", "mail to user+ext without a rule: inbox, existing (folder ext if there) or create") \
X(PATH, lists_file, "%h/.mlists", "a user's list addresses: tag folder address...") \
X(STR,  hierarchy_separator, ".", "between folder names, as IMAP clients see it: . or /") \
X(LIST, special_use, "Drafts:Drafts Sent:Sent Junk:Junk Trash:Trash Archive:Archive", "role:folder pairs (RFC 6154)") \
X(LIST, create_folders, "", "folders that every user has from the first login") \
X(LIST, namespaces, "", "level:path pairs: mailboxes of nobody's, in a Maildir; level: without a path: what other users share, as in shared.ann.INBOX") \
X(SIZE, message_size_max, "100M", "largest message that LMTP and APPEND take") \
X(LIST, quota, "", "limits: *:storage=1G:messages=100000:mailboxes=500, and rules for mailboxes: Trash:storage=+10% Spam:storage=100M Old:ignore") \
X(LIST, quota_warning, "80 95", "percent of the quota at which a letter tells the user") \
X(BOOL, quota_bounce, "no", "LMTP refuses mail for a full mailbox for good (552), instead of for now (452)") \
X(TIME, expunged_keep, "14d", "how long expunged messages and lost flags can be brought back; 0: not at all") \
X(SIZE, expunged_size, "1G", "what the expunged messages of one user may take; the oldest go first; 0: any number") \
X(STR,  expunged_namespace, "Expunged", "level below which a user finds what he expunged, if he asks for it by name; empty: nowhere") \
X(INT,  recipients_max, "1000", "recipients of one LMTP transaction") \
X(LIST, trusted_networks, "127.0.0.0/8 ::1", "peers whose XFORWARD and PROXY headers are believed over TCP; the Unix socket always is") \
X(PATH, sieve_script, "%h/.dovecot.sieve", "a user's active Sieve script") \
X(PATH, sieve_dir, "%h/sieve", "a user's Sieve scripts") \
X(PATH, sieve_default, "", "script for users who have none") \
X(LIST, sieve_before, "", "scripts that run before the user's: files, or folders of .sieve files (in order of name)") \
X(LIST, sieve_after, "", "scripts that run after the user's, if the message is still to be kept") \
X(PATH, sieve_global, "", "directory of scripts that all users may include") \
X(PARTS, sieve_programs, "pipe= filter= execute=", "directories of programs for scripts, such as pipe=/usr/local/lib/penfold/pipe; without one there is no such action (vnd.dovecot.pipe, filter, execute)") \
X(STR,  imapsieve_url, "", "sieve:// URL of our ManageSieve server; not empty: users may tie scripts to mailboxes (IMAPSIEVE)") \
X(LIST, imapsieve_rules, "", "the site's scripts for IMAP events: \"TO FROM CAUSES SCRIPT\" each") \
X(PARTS, sieve_limits, "script=1M scripts=100 actions=32 redirects=4 depth=32 steps=200000000 memory=32M program=10s", "what scripts may cost: size of one, number of a user's (ManageSieve); actions and redirects of a run, nested blocks and tests, steps of about a nanosecond, memory, time of a program that it runs") \
X(LIST, user_addresses, "%u", "addresses of each user, which vacation takes for his own: %n@example.org %n@example.com") \
X(LIST, sieve_spam_header, "", "field with the spam score that our scanner writes, and the score that is surely spam: X-Spam-Score 15 (spamtest)") \
X(LIST, sieve_virus_header, "", "field that our virus scanner writes, and its words for clean, replaced, cured, perhaps: X-Virus-Status Clean (virustest)") \
X(PATH, sendmail_path, "/usr/sbin/sendmail", "program that sends redirects, vacation and reject notices") \
X(STR,  submission_host, "", "host:port or unix:path of an SMTP server to use instead of sendmail_path") \
X(STR,  postmaster_address, "", "sender of notices; default: postmaster@hostname") \
X(STR,  postmaster_user, "", "user who gets mail for postmaster and abuse; empty: the first user of the user file") \
X(TIME, login_timeout, "60s", "time to log in") \
X(TIME, idle_timeout, "30m", "time without a command before a session ends") \
X(INT,  connections_max, "20000", "connections at once") \
X(INT,  connections_per_user, "50", "sessions of one user at once") \
X(INT,  message_limit, "0", "most messages that one FETCH, SEARCH, STORE, COPY, MOVE, APPEND or UID EXPUNGE works on (IMAP MESSAGELIMIT; 1000 or more); 0: any number") \
X(BOOL, unauthenticate, "yes", "IMAP clients may leave an account and log in to another on one connection over TLS (UNAUTHENTICATE)") \
X(INT,  session_workers, "1", "processes that serve sessions; a user's sessions share one") \
X(INT,  delivery_threads, "32", "deliveries at once") \
X(BOOL, index_enabled, "yes", "keep the full-text index") \
X(STR,  log_level, "info", "error, warn, info or debug")
/* clang-format on */

#define PF_CONF_FIELD_STR(name)		       char *name;
#define PF_CONF_FIELD_PATH(name)	       char *name;
#define PF_CONF_FIELD_LIST(name)	       char *name;
#define PF_CONF_FIELD_PARTS(name)	       char *name;
#define PF_CONF_FIELD_INT(name)		       int64_t name;
#define PF_CONF_FIELD_SIZE(name)	       int64_t name;
#define PF_CONF_FIELD_TIME(name)	       int64_t name;
#define PF_CONF_FIELD_BOOL(name)	       bool name;
#define PF_CONF_FIELD(kind, name, preset, doc) PF_CONF_FIELD_##kind(name)

struct pf_conf {
	char *file; /* where it came from, or NULL */
	PF_CONF_MAP(PF_CONF_FIELD)
};

/* One fault of a configuration file, with what to do about it. */
struct pf_conf_problem {
	int line; /* 0: the file as a whole */
	char text[200];
	char fix[160];
};
struct pf_conf_problems pf_vec(struct pf_conf_problem);

/* Every setting at its default. */
void pf_conf_init(struct pf_conf *conf);
void pf_conf_release(struct pf_conf *conf);

/* Sets one value; false (and a problem, if asked for) when it is wrong. */
bool pf_conf_set(struct pf_conf *conf, struct pf_str name, struct pf_str value,
		 struct pf_conf_problem *problem);

/* Applies text over what is there, collecting all problems. */
void pf_conf_parse(struct pf_conf *conf, struct pf_str text,
		   struct pf_conf_problems *problems);

/* Reads a file.  INVALID with every problem in `problems` (may be NULL: then
 * the first one is in err). */
PF_CHECKED pf_status pf_conf_load(struct pf_conf *conf, const char *path,
				  struct pf_conf_problems *problems,
				  struct pf_error *err);

/* Appends `path` with %u, %n, %d, %h expanded.  A name with "/", NUL, a
 * leading "." or an empty name is INVALID. */
PF_CHECKED pf_status pf_conf_expand(struct pf_buf *to, const char *path,
				    struct pf_str user, const char *home,
				    struct pf_error *err);

/* The next word of a list value: blanks part, "..." quotes. */
bool pf_conf_word(struct pf_str *rest, struct pf_str *word);

/* A part of a PARTS setting: its text; as a number (bytes, seconds). */
struct pf_str pf_conf_part(const char *parts, const char *name);
int64_t pf_conf_part_number(const char *parts, const char *name);

/* run_dir + "/" + name, into a fixed buffer; false when too long */
bool pf_conf_run_path(const struct pf_conf *conf, const char *name, char *to,
		      size_t size);

/* Makes state_dir if it is missing; as root, for mail_user, because the
 * programs that write there later are not root when they do. */
PF_CHECKED pf_status pf_conf_make_state_dir(const struct pf_conf *conf,
					    struct pf_error *err);

/* run_dir/full: a file for each user whose mailbox is full, made by those who
 * see his mail, seen by penfold-authd.  As root, for mail_user. */
PF_CHECKED pf_status pf_conf_make_full_dir(const struct pf_conf *conf,
					   struct pf_error *err);
/* ... run_dir/full/USER; false when too long, or no name of a file */
bool pf_conf_full_path(const struct pf_conf *conf, struct pf_str user, char *to,
		       size_t size);

/* Writes our process id to run_dir/name, which tells `penfold run` that we
 * answer, and leaves the whole path in `path` for unlinking at the end. */
PF_CHECKED pf_status pf_conf_write_pid(const struct pf_conf *conf,
				       const char *name, char *path,
				       size_t size, struct pf_error *err);

/* For the manual page and `penfold check`: kind, name, default, doc. */
struct pf_conf_setting {
	const char *kind, *name, *preset, *doc;
	size_t offset;
};
const struct pf_conf_setting *pf_conf_settings(size_t *count);

#endif
