/*
 * share: whose mailbox is it?  One user's namespaces (RFC 2342), and what he
 * may do in each mailbox (RFC 4314).
 *
 *	Lists.nanog		his own
 *	shared.ann.Lists	ann's
 *	Public.news		in a Maildir++ that is nobody's
 *	Expunged.INBOX		what he expunged, to look at (store_past_open)
 *
 * as the settings `namespaces` and `expunged_namespace` say.
 *
 * Everything that takes a mailbox name from a user goes through share_find.
 * The stores of others are opened when needed and closed when nothing of
 * theirs is open any more.
 *
 * Thread rule: as for the store, one thread at a time.
 */
#ifndef SHARE_SHARE_H
#define SHARE_SHARE_H

#include "base/conf.h"
#include "store/store.h"

/* Where is this user's mail?  Sets his canonical name, too.  NOTFOUND. */
typedef pf_status share_user_fn(void *arg, struct pf_str name,
				struct pf_buf *user, struct pf_buf *mail,
				struct pf_error *err);

struct share;
struct share_conf {
	const struct pf_conf *conf;
	const char *user;
	struct store *own; /* outlives the share */
	share_user_fn *find;
	void *arg;
};
struct share *share_new(const struct share_conf *conf);
/* Closes the stores of others. */
void share_free(struct share **share);
/* store_flush() of others' stores; closes those that rest. */
void share_flush(struct share *share, int older_ms);

enum share_kind {
	SHARE_OWN,
	SHARE_OTHER,
	SHARE_PUBLIC,
};

struct share_other; /* an open store of somebody else */
struct share_place {
	enum share_kind kind;
	struct share_other *other;
	struct store *store; /* NULL: there is none */
	struct pf_str full;  /* the name asked for */
	struct pf_str name;  /* in that store: its end */
	bool exists;
	unsigned rights; /* enum store_right; 0 for what does not exist */
	/* of the mailbox above, which CREATE asks for */
	unsigned parent_rights;
};
/* INVALID: no mailbox can have this name, whoever's it were.  That somebody
 * else's does not exist, or that there is no such user, is no error. */
PF_CHECKED pf_status share_find(struct share *share, struct pf_str name,
				struct share_place *place,
				struct pf_error *err);
/* Keeps the store from being closed while nothing of it is open; counts, any
 * thread. */
void share_hold(const struct share_place *place, bool on);
/* What he may do in an open mailbox, now. */
PF_CHECKED pf_status share_box_rights(struct share *share,
				      struct store_box *box, unsigned *rights,
				      struct pf_error *err);
/* Appends the whole name of a mailbox of one of the stores. */
void share_box_name(const struct share *share, struct store_box *box,
		    struct pf_buf *name);
/* The user whose store it is; NULL: nobody's. */
const char *share_owner(const struct share *share, const struct store *store);

/* store_list() over all namespaces: what he may look up.  `wanted` (may be
 * NULL: everything that is not hidden) is asked for each namespace' prefix
 * ("shared.").  hidden: not even `*` asks for what is below, its name does. */
typedef bool share_wanted_fn(void *arg, struct pf_str prefix, bool hidden);
PF_CHECKED pf_status share_list(struct share *share, share_wanted_fn *wanted,
				void *arg, struct pf_arena *arena,
				struct store_names *names,
				struct pf_error *err);

/* The namespaces: prefixes with the separator behind them. */
void share_namespaces(const struct share *share,
		      void (*each)(void *arg, enum share_kind kind,
				   struct pf_str prefix),
		      void *arg);

/* The flags that may be set with these rights; with "w" keywords, too. */
uint32_t share_flags(unsigned rights);

/* Changes rights: durable, and known to those whom it concerns. */
PF_CHECKED pf_status share_acl_change(struct share *share,
				      const struct share_place *place,
				      enum store_acl_change change,
				      const struct store_acl_entry *entry,
				      struct pf_error *err);

/* ---- who shares something with whom -------------------------------------
 *
 * state_dir/shared-mailboxes: "identifier TAB owner" on a line each, so that
 * LIST need not look into everybody's Maildir.  It says where to look, not
 * what is allowed; a line too many does no harm, and the file can be made
 * anew at any time.
 */
PF_CHECKED pf_status share_index_add(const struct pf_conf *conf,
				     const struct store_acl_entry *entry,
				     const char *owner, struct pf_error *err);
/* Lines of all mailboxes of a store, appended to `text`. */
PF_CHECKED pf_status share_index_scan(struct store *store, const char *owner,
				      struct pf_buf *text,
				      struct pf_error *err);
/* Replaces the file. */
PF_CHECKED pf_status share_index_write(const struct pf_conf *conf,
				       struct pf_str text,
				       struct pf_error *err);
/* The owners who share with `who` (not himself). */
PF_CHECKED pf_status share_index_read(const struct pf_conf *conf,
				      const struct store_who *who,
				      void (*each)(void *arg,
						   struct pf_str owner),
				      void *arg, struct pf_error *err);

#endif
