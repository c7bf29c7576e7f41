/*
 * The line format of Dovecot's auth protocols, without I/O:
 *
 *	command *( TAB param ) LF	at most AUTH_WIRE_LINE_MAX bytes
 *	param = flag / name "=" value
 *
 * In values, 0x01 "0", "1", "t", "r", "n" stand for NUL, 0x01, TAB, CR, LF.
 */
#ifndef AUTH_WIRE_H
#define AUTH_WIRE_H

#include "base/arena.h"
#include "base/buf.h"

#define AUTH_WIRE_LINE_MAX 16384
#define AUTH_WIRE_ID_MAX   UINT32_MAX

/* ---- building ---------------------------------------------------------- */

/* TAB and the escaped text; TAB name=value. */
void auth_wire_add(struct pf_buf *to, struct pf_str value);
void auth_wire_param(struct pf_buf *to, const char *name, struct pf_str value);

/* "OK" TAB id: a line's beginning. */
void auth_wire_begin(struct pf_buf *to, const char *command, uint32_t id);
static inline void auth_wire_end(struct pf_buf *to)
{
	pf_buf_add_byte(to, '\n');
}

/* ---- reading ----------------------------------------------------------- */

/* The first line of the input, without its LF.  False: no LF yet. */
bool auth_wire_line(struct pf_str input, struct pf_str *line);

/* The next word (raw) behind a TAB. */
static inline bool auth_wire_word(struct pf_str *line, struct pf_str *word)
{
	return pf_str_split(line, '\t', word);
}

/* The next word as a number of 1..2^32-1. */
bool auth_wire_id(struct pf_str *line, uint32_t *id);

/* True when the word is name=value; the value without its escapes is in the
 * arena when it had any ({NULL,0} when the arena is full). */
bool auth_wire_value(struct pf_str word, const char *name,
		     struct pf_arena *arena, struct pf_str *value);

/* The word without its escapes. */
struct pf_str auth_wire_unescape(struct pf_str word, struct pf_arena *arena);

/* No NUL, 0x01, TAB, CR, LF: what may stand in a name. */
bool auth_wire_clean(struct pf_str text);

/* Params of AUTH that only our gate sends: the channel's names. */
#define AUTH_WIRE_VIA	    "penfold_via" /* of REQUEST's answer */
#define AUTH_WIRE_EXPORTER  "penfold_tls_exporter"
#define AUTH_WIRE_END_POINT "penfold_tls_server_end_point"

/* ---- one request of the auth-client protocol --------------------------- */

enum auth_wire_kind {
	AUTH_WIRE_VERSION, /* id: the major version */
	AUTH_WIRE_CPID,	   /* id: the client's process */
	AUTH_WIRE_AUTH,
	AUTH_WIRE_CONT, /* resp */
	AUTH_WIRE_CANCEL,
	AUTH_WIRE_UNKNOWN, /* to be ignored */
	AUTH_WIRE_BAD	   /* to be closed */
};

struct auth_wire_request {
	enum auth_wire_kind kind;
	uint32_t id;
	uint32_t minor; /* VERSION */
	struct pf_str mech, service, local_ip, remote_ip;
	struct pf_str exporter, end_point;
	bool secured;
	bool nologin;	/* nobody will ask who it was */
	bool temp_fail; /* the client knows code=temp_fail (ours do) */
	bool has_resp;
	struct pf_str resp; /* base64, inside the line */
};

void auth_wire_request_parse(struct pf_str line, struct pf_arena *arena,
			     struct auth_wire_request *request);

#endif
