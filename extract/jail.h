/* jail: a program that reads a stranger's file (private to extract/). */
#ifndef EXTRACT_JAIL_H
#define EXTRACT_JAIL_H

#include "base/error.h"
#include "base/str.h"

/* Return false to stop the program. */
typedef bool (*jail_output_fn)(void *arg, struct pf_str output);

/*
 * Runs argv[0] (in /usr/bin) with `file` as its standard input, and gives what
 * it writes.  It can read the system's programs and libraries and nothing
 * else, write nothing, start nothing, reach no network, and is gone after
 * wait_ms.  PF_OK also when it fails or is stopped; UNAVAILABLE: it is not
 * installed, or cannot be locked in.
 */
PF_CHECKED pf_status extract_jail_run(const char *const argv[], int file,
				      int wait_ms, jail_output_fn output,
				      void *arg, struct pf_error *err);

#endif
