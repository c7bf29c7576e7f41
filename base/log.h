/*
 * The log: one line per event, `key=value`, one grammar for all programs.
 *
 *	2026-11-21T14:40:00.123Z info imapd[812] login user=ann ip=192.0.2.7
 *
 * Only programs log (libraries return struct pf_error).  Values are quoted
 * and escaped where needed, so nothing a peer sends can forge a line or a
 * field; message content and passwords never go here.
 *
 *	pf_log(PF_LOG_INFO, "login", PF_LOGS("user", user), PF_LOGC("ip", ip),
 *	       PF_LOGU("ms", took));
 *
 * Thread-safe: a line is one write(2).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/error.h"
#include "base/str.h"

enum pf_log_level {
	PF_LOG_ERROR,
	PF_LOG_WARN,
	PF_LOG_INFO,
	PF_LOG_DEBUG
};

struct pf_log_field {
	const char *key; /* NULL ends a list */
	struct pf_str text;
	uint64_t number;
	bool is_number;
};

#define PF_LOGS(key, slice) ((struct pf_log_field){(key), (slice), 0, false})
#define PF_LOGC(key, c_string)                                                 \
	((struct pf_log_field){(key), pf_str_c(c_string), 0, false})
#define PF_LOGU(key, value)                                                    \
	((struct pf_log_field){(key), {NULL, 0}, (uint64_t)(value), true})

/* `program` is kept, not copied.  Lines go to stderr. */
void pf_log_init(const char *program, enum pf_log_level level);
void pf_log_set_level(enum pf_log_level level);
/* "error", "warn", "info", "debug"; anything else is info. */
enum pf_log_level pf_log_level_named(const char *name);
bool pf_log_enabled(enum pf_log_level level);

void pf_log_fields(enum pf_log_level level, const char *event,
		   const struct pf_log_field *fields);

#define pf_log(level, event, ...)                                              \
	pf_log_fields((level), (event),                                        \
		      (const struct pf_log_field[]){                           \
			  __VA_ARGS__ __VA_OPT__(, ){.key = NULL}})

/* event status=... msg="log text", with more fields behind */
#define pf_log_error(level, event, err, ...)                                   \
	pf_log_fields((level), (event),                                        \
		      (const struct pf_log_field[]){                           \
			  PF_LOGC("status", pf_status_name((err)->status)),    \
			  PF_LOGC("msg", (err)->log) __VA_OPT__(, )            \
			      __VA_ARGS__,                                     \
			  {.key = NULL}})

#include "base/buf.h"
/* Tests: the line without time, program and pid. */
void pf_log_format(struct pf_buf *to, const char *event,
		   const struct pf_log_field *fields);

#endif
