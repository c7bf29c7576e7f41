/* Content-Type and its relatives, read once for both views of their
 * parameters.  Private to mime/. */
#ifndef MIME_PARAMS_H
#define MIME_PARAMS_H

#include "mime/mime.h"

/* As mime_content_type and mime_token_params; `written` are the parameters
 * as BODYSTRUCTURE shows them (struct mime_part: raw_params), may be NULL. */
bool mime_content_type_both(struct pf_arena *arena, struct pf_str raw,
			    struct pf_str *type, struct pf_str *subtype,
			    struct mime_params *params,
			    struct mime_params *written);
bool mime_token_params_both(struct pf_arena *arena, struct pf_str raw,
			    struct pf_str *token, struct mime_params *params,
			    struct mime_params *written);

/* Content-Transfer-Encoding, lower case; empty when the field says nothing
 * that could be one. */
struct pf_str mime_content_encoding(struct pf_arena *arena, struct pf_str raw);

#endif
