/* Inside store/: the lists of names. */
#ifndef STORE_NAMES_H
#define STORE_NAMES_H

#include "store/box.h"

/* For each subscription: its name, and the line it stands on. */
typedef void store_subscription_fn(void *arg, struct pf_str name,
				   struct pf_str line);
void store_subscriptions_parse(const struct store *store, struct pf_str text,
			       store_subscription_fn *fn, void *arg);
PF_CHECKED pf_status store_subscriptions_read(struct store *store,
					      store_subscription_fn *fn,
					      void *arg, struct pf_error *err);

/* Directories of mailboxes below the root; INBOX is not among them. */
typedef void store_folder_fn(void *arg, const char *folder, struct pf_str name);
PF_CHECKED pf_status store_folders(struct store *store, store_folder_fn *fn,
				   void *arg, struct pf_error *err);

/* penfold-special-use: roles that CREATE gave.  The role of a name, from the
 * file or the configuration; empty: none. */
struct store_roles pf_vec(struct store_special);
PF_CHECKED pf_status store_roles_read(struct store *store,
				      struct store_roles *roles,
				      struct pf_error *err);
void store_roles_release(struct store_roles *roles);
struct pf_str store_role_of(const struct store_roles *roles,
			    struct pf_str name);
/* Under the root lock: `name` gets the role (NULL: loses it). */
PF_CHECKED pf_status store_role_set(struct store *store, struct pf_str name,
				    const char *role, struct pf_error *err);
/* ... `from` is called `to` now. */
PF_CHECKED pf_status store_role_move(struct store *store, struct pf_str from,
				     struct pf_str to, struct pf_error *err);

/* metadata.c: the lines of its file (also fuzzed).  Texts are in the arena. */
typedef void store_metadata_fn(void *arg, struct pf_str entry,
			       struct pf_str value, struct pf_str who);
void store_metadata_parse(struct pf_str text, struct pf_arena *arena,
			  store_metadata_fn *fn, void *arg);

#endif
