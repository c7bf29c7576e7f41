/*
 * mime: what a message says.  Header fields, addresses, dates, encoded words,
 * transfer encodings, charsets, the part tree, and text for search.  Knows no
 * protocol and opens no file except through struct mime_source.
 *
 * Input is from strangers: every function is linear in its input, uses no
 * recursion, and has limits (MIME_*_MAX); what lies beyond a limit is served
 * as if it were plain bytes, never an error that hides a message.
 */
#ifndef MIME_MIME_H
#define MIME_MIME_H

#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/vec.h"

#define MIME_DEPTH_MAX	100	  /* nested parts */
#define MIME_PARTS_MAX	10000	  /* parts of a message */
#define MIME_PARAMS_MAX 100	  /* parameters of a field */
#define MIME_HEADER_MAX (1 << 20) /* bytes of header that are looked at */
#define MIME_ADDRS_MAX	10000	  /* addresses of a field */

/* ---- header fields --------------------------------------------------- */

struct mime_field {
	struct pf_str name; /* as written, without the colon */
	struct pf_str raw;  /* all bytes after the colon, folds and last line
			       end included */
	size_t offset;	    /* of the name in the header */
	size_t size;	    /* whole field with its line end */
};

/* The next field at *pos (start with 0); false at the header's end.  Works
 * with LF, CRLF and mixed line ends.  Lines that are no field are skipped
 * (but an mbox "From " line first is too). */
bool mime_field_next(struct pf_str header, size_t *pos,
		     struct mime_field *field);

/* Unfolded (RFC 5322 2.2.3) and trimmed, bytes otherwise untouched. */
void mime_unfold(struct pf_buf *to, struct pf_str raw);

/* Unfolded, encoded words decoded (RFC 2047), raw 8-bit bytes taken as UTF-8
 * where valid else as Windows-1252: always valid UTF-8, one line without
 * NUL. */
void mime_decode_text(struct pf_buf *to, struct pf_str raw);

/* Where the header ends: offset of the first body byte (after the empty
 * line), or n if there is no body. */
size_t mime_header_end(struct pf_str message);

/* ---- structured fields ------------------------------------------------- */

struct mime_param {
	struct pf_str name;  /* lower case, without RFC 2231 marks */
	struct pf_str value; /* RFC 2231 / 2047 decoded, UTF-8 */
};

struct mime_params {
	struct mime_param *v;
	size_t n;
};

/* The value of a parameter; p NULL: not there. */
struct pf_str mime_param(const struct mime_params *params, const char *name);

/* Content-Type: lower-case type and subtype, parameters.  A missing or broken
 * field gives text/plain (RFC 2045 5.2); false when it was missing or
 * broken.  Memory: arena. */
bool mime_content_type(struct pf_arena *arena, struct pf_str raw,
		       struct pf_str *type, struct pf_str *subtype,
		       struct mime_params *params);
/* Content-Disposition and similar: token; parameters */
bool mime_token_params(struct pf_arena *arena, struct pf_str raw,
		       struct pf_str *token, struct mime_params *params);

/* One address of a list (RFC 5322 3.4; obsolete forms too). Groups: an entry
 * with kind GROUP_START (name) and one GROUP_END around the members.  As
 * IMAP's ENVELOPE wants them. */
enum mime_addr_kind {
	MIME_ADDR,
	MIME_GROUP_START,
	MIME_GROUP_END
};
struct mime_addr {
	enum mime_addr_kind kind;
	struct pf_str name;   /* as written, quotes removed, RFC 2047 words
				 NOT decoded; p == NULL: none */
	struct pf_str route;  /* "@a,@b", p == NULL: none */
	struct pf_str local;  /* p == NULL: none */
	struct pf_str domain; /* p == NULL: none (syntax error) */
};
struct mime_addrs {
	struct mime_addr *v;
	size_t n;
};
/* Never fails; what cannot be understood becomes an address without domain.*/
void mime_addresses(struct pf_arena *arena, struct pf_str raw,
		    struct mime_addrs *addrs);

/* RFC 5322 date, obsolete and sloppy forms; zone offset in seconds. */
bool mime_date(struct pf_str raw, time_t *when, int *zone_seconds);
/* "Sat, 21 Nov 2026 14:40:00 +0000" */
void mime_date_format(struct pf_buf *to, time_t when, int zone_seconds);

/* Subject without Re:, Fwd:, [list] (RFC 5256 2.1 base subject), UTF-8 in.
 * True: one of its marks of a reply or forward was there. */
bool mime_base_subject(struct pf_buf *to, struct pf_str decoded);

/* <id> tokens of Message-ID, In-Reply-To, References, in order; the angle
 * brackets belong to *id.  Start with *pos = 0. */
bool mime_msgid_next(struct pf_str raw, size_t *pos, struct pf_str *id);

/* ---- encodings --------------------------------------------------------- */

/* Decoders that take bytes in pieces (state inside). */
enum mime_encoding {
	MIME_ENC_IDENTITY, /* 7bit, 8bit, binary, unknown */
	MIME_ENC_BASE64,
	MIME_ENC_QP,
	MIME_ENC_UNKNOWN, /* RFC 3516: [UNKNOWN-CTE] */
};
enum mime_encoding mime_encoding(struct pf_str content_transfer_encoding);

struct mime_decoder {
	enum mime_encoding encoding;
	uint32_t bits;
	int have;
	bool ended;
	char hold[80];
	size_t held;
};
void mime_decoder_init(struct mime_decoder *dec, enum mime_encoding encoding);
void mime_decoder_add(struct mime_decoder *dec, struct pf_str in,
		      struct pf_buf *out);
void mime_decoder_end(struct mime_decoder *dec, struct pf_buf *out);

/* Charset -> valid UTF-8; broken input: U+FFFD.  Empty, US-ASCII and unknown
 * charsets: UTF-8 where that is valid, else Windows-1252.  False when the
 * charset is unknown. */
bool mime_to_utf8(struct pf_buf *to, struct pf_str charset, struct pf_str in);
bool mime_charset_known(struct pf_str charset);

/* Case and width folded UTF-8 for comparing (i;unicode-casemap, RFC 5051: ASCII
 * letters become upper case).  Works character by character, so the fold of a
 * substring of the input is a substring of the output; invalid bytes stay. */
void mime_fold(struct pf_buf *to, struct pf_str utf8);
/* Unicode Normalization Form C, as Net-Unicode wants it (RFC 5198 2); text
 * that is no UTF-8 stays as it is. */
void mime_nfc(struct pf_buf *to, struct pf_str utf8);

void mime_qp_encode(struct pf_buf *to, struct pf_str in);
/* A header value: =?UTF-8?B?...?= only where needed, folded at 76 (with room
 * for a short field name on the first line); no line end behind. */
void mime_encode_text(struct pf_buf *to, struct pf_str utf8);

/* ---- the part tree ----------------------------------------------------- */

/*
 * Offsets are bytes of the file as it is on disk (LF or CRLF).  Sizes with
 * CRLF, which IMAP speaks of, are size + bare_lf (each LF without CR before
 * it counts one more).
 */
struct mime_span {
	uint64_t start, size; /* bytes on disk */
	uint64_t bare_lf;     /* LFs without CR in them */
	uint64_t lines;	      /* LFs */
};

struct mime_part {
	struct mime_part *parent, *child, *next; /* first child, next sibling */
	unsigned number;	 /* 1.. among siblings; 0: the root */
	struct mime_span header; /* with the empty line */
	struct mime_span body;
	/* Children are parts (none, if no boundary was found) / one message.
	 * Both false at a limit. */
	bool multipart, message;
	bool typed; /* the type is written in the header, not a default */
	struct pf_str type, subtype; /* lower case; defaults filled in */
	struct mime_params params;
	struct pf_str encoding; /* lower case, or empty */
	struct pf_str id, description, md5, location, language; /* unfolded */
	struct pf_str disposition; /* lower case, or empty */
	struct mime_params disposition_params;
	/* The same parameters as BODYSTRUCTURE shows them: names as written,
	 * quotes removed, RFC 2231 continuations joined but not decoded (the
	 * name of an encoded one ends in "*"). */
	struct mime_params raw_params, raw_disposition_params;
};

/* Reads a message in pieces, in one pass, without keeping it. */
struct mime_parser;
struct mime_parser *mime_parser_new(struct pf_arena *arena);
void mime_parser_add(struct mime_parser *parser, const void *p, size_t n);
/* The root part.  Memory is the arena's; the parser is freed. */
struct mime_part *mime_parser_end(struct mime_parser **parser);

/* The whole tree of an open file. */
PF_CHECKED pf_status mime_parse_fd(struct pf_arena *arena, int fd,
				   struct mime_part **root,
				   struct pf_error *err);

/* The part that IMAP calls "1.2.3" (numbers[0..n-1]); NULL: none.  A
 * message/rfc822 part's numbers go into the message. */
struct mime_part *mime_part_find(struct mime_part *root,
				 const unsigned *numbers, size_t n);
struct mime_part *mime_part_next(struct mime_part *part); /* pre-order walk */

/* ---- text for search and preview ---------------------------------------- */

/*
 * Decodes the message at fd as search sees it, as a stream of pieces, part by
 * part in the order of the file (mime_part_next), for each part first its
 * header fields, then its text:
 *
 *   MIME_TEXT_HEADER  one header field: `name` as written, `piece` its value
 *                     as mime_decode_text gives it.  part == the root (number
 *                     0): the message's own header; else the header of a part
 *                     or of a message inside.  For each parameter that is
 *                     encoded or continued as RFC 2231 says (file names) one
 *                     more piece follows under the same name: the parameter's
 *                     decoded value.
 *   MIME_TEXT_BODY    the text of a text/ or message/ part that has no parts
 *                     inside: transfer encoding undone, charset converted to
 *                     UTF-8, line ends as they are; HTML with its tags.
 *   MIME_TEXT_HTML    for text/html, after all of its MIME_TEXT_BODY: the
 *                     text alone, tags removed, entities decoded, blanks
 *                     collapsed.  It repeats what BODY says in another form.
 *
 * Preamble and epilogue of a multipart are in no piece.
 *
 * IMAP SEARCH (RFC 9051 6.4.4) over these pieces:
 *   HEADER, SUBJECT, FROM ...  HEADER pieces of the root with that name
 *   BODY   all that stands behind the message's own header: BODY and HTML
 *          pieces, and HEADER pieces with part != root (value only)
 *   TEXT   BODY, and the HEADER pieces of the root as "name: value"
 * A text is matched within the pieces of one kind and part taken together;
 * nothing matches across two header fields or two parts.
 *
 * Pieces are at most 64 KiB and end between characters; header pieces are
 * whole.  `more`: the text goes on in the next piece, which comes next.  A text
 * part always gives at least one (maybe empty) piece.  Pieces are valid during
 * the call and are folded by nobody.  Return false to stop (PF_OK then).
 * Any thread; the file offset of fd is not touched.
 */
enum mime_text_kind {
	MIME_TEXT_HEADER,
	MIME_TEXT_BODY,
	MIME_TEXT_HTML
};
typedef bool (*mime_text_fn)(void *arg, enum mime_text_kind kind,
			     const struct mime_part *part, struct pf_str name,
			     struct pf_str piece, bool more);
PF_CHECKED pf_status mime_text(int fd, mime_text_fn fn, void *arg,
			       struct pf_error *err);

/* The text of one part of the tree of fd, decoded, HTML without its tags: at
 * most about `max` bytes, whole characters.  Nothing for a part that is no
 * text. */
PF_CHECKED pf_status mime_part_read_text(int fd, const struct mime_part *part,
					 size_t max, struct pf_buf *to,
					 struct pf_error *err);

/* The first words worth showing (RFC 8970), at most 200 characters of UTF-8 on
 * one line; empty when there are none. */
PF_CHECKED pf_status mime_preview(int fd, struct pf_buf *to,
				  struct pf_error *err);

#endif
