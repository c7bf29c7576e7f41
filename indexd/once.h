/* once: one Maildir indexed in the foreground (private to indexd/). */
#ifndef INDEXD_ONCE_H
#define INDEXD_ONCE_H

#include <signal.h>

#include "store/store.h"

/* Indexes what is missing, or all of it anew, and says on standard output how
 * far it is.  BUSY: another writer kept the index for half a minute. */
PF_CHECKED pf_status indexd_once(const struct store_conf *conf, bool rebuild,
				 volatile sig_atomic_t *stop,
				 struct pf_error *err);

#endif
