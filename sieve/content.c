/*
 * The message as it is now.
 *
 * A script may edit the header (editheader), replace parts (replace), enclose
 * the message in another (enclose) or take what a program made of it (filter).
 * Nothing is written for that: the body is kept as pieces of the file and
 * texts between them, and actions carry these.  Only when somebody asks for a
 * changed message as a file (body, a loop over its parts) it is written out,
 * into a file of its own without a name, which is the message from then on.
 *
 * While a loop goes on, the tree and the file are those from before the loop,
 * so that the parts it visits stay; parts that were replaced are marked, and
 * what was in them is visited no more.
 */
#include <unistd.h>

#include "sieve/run.h"

#include "mime/mime.h"

enum {
	EDITS_MAX = 1000,
	WRAPS_MAX = 16,
	BLOCK = 32 * 1024,
	SPAN_STEPS = 100,
	COPY_BYTES = 16 /* a step */
};

/* Up to the empty line */
static struct pf_str header_alone(struct pf_str text)
{
	struct pf_str header = pf_str_head(text, mime_header_end(text));

	if (!header.p || pf_str_eq(header, PF_STR("\n")) ||
	    pf_str_eq(header, PF_STR("\r\n")))
		return PF_STR("");
	if (pf_str_ends(header, PF_STR("\n\n")))
		header.n--;
	else if (pf_str_ends(header, PF_STR("\n\r\n")))
		header.n -= 2;
	return header;
}

void sieve_content_begin(struct sieve_run *run, const struct sieve_run *before)
{
	run->fields_read = false;
	run->field_count = 0;
	if (before) {
		run->content = before->content;
		return;
	}
	run->content =
	    (struct sieve_content){.header = header_alone(run->message->header),
				   .fd = -1,
				   .version = 1};
}

/* ---- the header ---- */

static struct pf_str write_fields(struct sieve_run *run)
{
	size_t n = 0, total = 1;

	for (size_t i = 0; i < run->field_count; i++)
		total += sieve_field_line(&run->fields[i]).n + 1;
	char *to =
	    sieve_run_step(run, total) ? sieve_run_alloc(run, total, 1) : NULL;
	if (!to)
		return PF_STR("");
	for (size_t i = 0; i < run->field_count; i++) {
		struct pf_str line = sieve_field_line(&run->fields[i]);

		memcpy(to + n, line.p, line.n);
		n += line.n;
		if (to[n - 1] != '\n')
			to[n++] = '\n';
	}
	return pf_str_mem(to, n);
}

struct pf_str sieve_content_header(struct sieve_run *run)
{
	if (!run->content.header.p)
		run->content.header = write_fields(run);
	return run->content.header;
}

void sieve_content_pass(struct sieve_run *run)
{
	(void)sieve_content_header(run);
}

void sieve_content_edited(struct sieve_run *run)
{
	run->content.header = (struct pf_str){0};
	run->content.edited = true;
}

void sieve_content_set_header(struct sieve_run *run, struct pf_str header)
{
	run->content.header = header;
	run->content.edited = true;
	run->fields_read = false;
	run->field_count = 0;
}

/* ---- the body in pieces ---- */

static int base_file(struct sieve_run *run)
{
	const struct sieve_message *message = run->message;

	if (run->content.fd >= 0)
		return run->content.fd;
	return message->file ? message->file(message->arg) : -1;
}

static struct mime_part *base_root(struct sieve_run *run)
{
	struct sieve_content *content = &run->content;
	int fd = content->parsed ? -1 : base_file(run);

	content->parsed = true;
	if (fd >= 0 && sieve_run_step(run, run->message->size) &&
	    mime_parse_fd(run->arena, fd, &content->root, NULL) != PF_OK)
		content->root = NULL;
	return content->root;
}

const struct sieve_edit *sieve_content_edit(const struct sieve_run *run,
					    const struct mime_part *part)
{
	const struct sieve_content *content = &run->content;

	for (size_t i = content->edit_count; i-- > 0;) {
		if (content->edits[i].part == part)
			return &content->edits[i];
	}
	return NULL;
}

struct pieces {
	struct sieve_run *run;
	struct sieve_span *v;
	size_t n;
};

static void add_text(struct pieces *pieces, struct pf_str text)
{
	if (text.n > 0)
		pieces->v[pieces->n++] = (struct sieve_span){.text = text};
}

static void add_bytes(struct pieces *pieces, uint64_t from, uint64_t to)
{
	if (from < to)
		pieces->v[pieces->n++] =
		    (struct sieve_span){.fd = base_file(pieces->run),
					.start = from,
					.size = to - from};
}

/* The tree's body, without what encloses it */
static void add_tree(struct pieces *pieces, const struct mime_part *root)
{
	struct sieve_run *run = pieces->run;
	uint64_t at = root->body.start;
	const struct sieve_edit *edit = sieve_content_edit(run, root);

	if (edit) {
		add_text(pieces, edit->body);
		return;
	}
	for (const struct mime_part *part = root;
	     run->content.edit_count > 0 && part;
	     part = sieve_content_next(run, NULL, part)) {
		if (!sieve_run_step(run, run->content.edit_count))
			return;
		edit = sieve_content_edit(run, part);
		if (!edit)
			continue;
		add_bytes(pieces, at, part->header.start);
		add_text(pieces, edit->header);
		add_text(pieces, PF_STR("\n"));
		add_text(pieces, edit->body);
		at = part->body.start + part->body.size;
	}
	add_bytes(pieces, at, root->body.start + root->body.size);
}

const struct sieve_span *sieve_content_body(struct sieve_run *run,
					    size_t *count)
{
	struct sieve_content *content = &run->content;
	struct pieces pieces = {.run = run};
	const struct mime_part *root = base_root(run);
	size_t max = 4 * content->edit_count + 2 * content->wrap_count + 1;

	*count = content->span_count;
	if (content->spans || !sieve_run_step(run, max * SPAN_STEPS))
		return content->spans;
	pieces.v = sieve_run_alloc(run, max, sizeof *pieces.v);
	if (!pieces.v || !root)
		return NULL;
	for (size_t i = content->wrap_count; i-- > 0;)
		add_text(&pieces, content->wraps[i].before);
	add_tree(&pieces, root);
	for (size_t i = 0; i < content->wrap_count; i++)
		add_text(&pieces, content->wraps[i].behind);
	content->spans = pieces.v;
	*count = content->span_count = pieces.n;
	return pieces.v;
}

static bool body_changed(const struct sieve_run *run)
{
	return run->content.fd >= 0 || run->content.edit_count > 0 ||
	       run->content.wrap_count > 0;
}

/* A redirect sends what was enclosed, not what encloses it (RFC 5703 6). */
void sieve_content_apply(struct sieve_run *run, struct sieve_action *action)
{
	struct sieve_content *content = &run->content;

	if (action->kind != SIEVE_KEEP && action->kind != SIEVE_FILEINTO &&
	    action->kind != SIEVE_REDIRECT && action->kind != SIEVE_PIPE &&
	    action->kind != SIEVE_REPORT)
		return;
	if (action->kind == SIEVE_REDIRECT && content->has_bare) {
		action->header = content->bare_header;
		action->body = content->bare;
		action->body_count = content->bare_count;
		return;
	}
	if (content->edited || action->kind == SIEVE_PIPE ||
	    action->kind == SIEVE_REPORT)
		action->header = sieve_content_header(run);
	if (!body_changed(run))
		return;
	action->header = sieve_content_header(run);
	action->body = sieve_content_body(run, &action->body_count);
}

/* ---- the message as a file ---- */

int sieve_content_scratch(struct sieve_run *run)
{
	const struct sieve_message *message = run->message;
	struct sieve_result *result = run->result;
	int fd = -1;

	if (message->scratch && result->scratch_count < SIEVE_SCRATCH_MAX)
		fd = message->scratch(message->arg);
	if (fd >= 0)
		result->scratch[result->scratch_count++] = fd;
	else
		sieve_run_fail(run, "there is no room to change the message");
	return fd;
}

static bool write_all(int fd, struct pf_str s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n <= 0)
			return false;
		s = pf_str_from(s, (size_t)n);
	}
	return true;
}

static bool write_span(struct sieve_run *run, int to,
		       const struct sieve_span *span)
{
	char block[BLOCK];
	uint64_t done = 0;

	if (span->text.p)
		return write_all(to, span->text);
	if (!sieve_run_step(run, span->size / COPY_BYTES))
		return false;
	while (done < span->size) {
		size_t want = span->size - done < BLOCK
				  ? (size_t)(span->size - done)
				  : BLOCK;
		ssize_t n =
		    pread(span->fd, block, want, (off_t)(span->start + done));

		if (n <= 0 || !write_all(to, pf_str_mem(block, (size_t)n)))
			return false;
		done += (uint64_t)n;
	}
	return true;
}

/* From now on the tree and all that is behind it are of this file. */
static void set_base(struct sieve_run *run, int fd)
{
	struct sieve_content *content = &run->content;

	content->fd = fd;
	content->version++;
	content->root = NULL;
	content->parsed = false;
	content->edit_count = content->wrap_count = 0;
	content->spans = NULL;
	content->span_count = 0;
}

/* Writes a changed message out, unless a loop needs its parts. */
static void settle(struct sieve_run *run)
{
	struct sieve_content *content = &run->content;
	size_t n;

	if (run->part || content->edit_count + content->wrap_count == 0)
		return;
	const struct sieve_span *spans = sieve_content_body(run, &n);
	int fd = spans ? sieve_content_scratch(run) : -1;
	bool good = fd >= 0 && write_all(fd, sieve_content_header(run)) &&
		    write_all(fd, PF_STR("\n"));
	for (size_t i = 0; good && i < n; i++)
		good = write_span(run, fd, &spans[i]);
	if (good)
		set_base(run, fd);
	else
		sieve_run_fail(run, "there is no room to change the message");
}

int sieve_content_file(struct sieve_run *run)
{
	settle(run);
	return base_file(run);
}

struct mime_part *sieve_content_root(struct sieve_run *run)
{
	settle(run);
	return base_root(run);
}

bool sieve_content_take(struct sieve_run *run, int fd)
{
	size_t max = MIME_HEADER_MAX + BLOCK;
	char *head = sieve_run_alloc(run, max, 1);
	ssize_t n = head ? pread(fd, head, max, 0) : -1;

	if (n <= 0)
		return false;
	sieve_content_set_header(run,
				 header_alone(pf_str_mem(head, (size_t)n)));
	set_base(run, fd);
	return true;
}

/* ---- parts ---- */

const struct mime_part *sieve_content_next(struct sieve_run *run,
					   const struct mime_part *scope,
					   const struct mime_part *part)
{
	const struct mime_part *in = part ? part : scope;

	if (!in)
		return sieve_content_root(run);
	if (in->child && !sieve_content_edit(run, in))
		return in->child;
	while (in && in != scope && !in->next)
		in = in->parent;
	return in && in != scope ? in->next : NULL;
}

struct pf_str sieve_content_part_header(struct sieve_run *run,
					const struct mime_part *part)
{
	const struct sieve_edit *edit = sieve_content_edit(run, part);
	uint64_t size = part->header.size < MIME_HEADER_MAX ? part->header.size
							    : MIME_HEADER_MAX;

	if (!part->parent)
		return sieve_content_header(run);
	if (edit)
		return edit->header;
	char *text = sieve_run_step(run, size)
			 ? sieve_run_alloc(run, size + 1, 1)
			 : NULL;
	ssize_t n =
	    text ? pread(base_file(run), text, size, (off_t)part->header.start)
		 : 0;
	return pf_str_mem(text, n > 0 ? (size_t)n : 0);
}

/* ---- changes ---- */

static void changed(struct sieve_run *run)
{
	run->content.spans = NULL;
	run->content.span_count = 0;
}

/* MIME-Version and Content-* (RFC 2045 9) */
static bool is_structure(struct pf_str name)
{
	return pf_str_ieq(name, PF_STR("MIME-Version")) ||
	       (name.n > 8 &&
		pf_str_ieq(pf_str_head(name, 8), PF_STR("Content-")));
}

/* `from` without what speaks of its structure, then `structure` */
static struct pf_str join_headers(struct sieve_run *run, struct pf_str from,
				  struct pf_str structure)
{
	struct mime_field field;
	size_t pos = 0, n = 0, max = from.n + structure.n + 2;
	char *to =
	    sieve_run_step(run, max) ? sieve_run_alloc(run, max, 1) : NULL;

	if (!to)
		return PF_STR("");
	while (mime_field_next(from, &pos, &field)) {
		if (is_structure(field.name))
			continue;
		memcpy(to + n, from.p + field.offset, field.size);
		n += field.size;
		if (to[n - 1] != '\n')
			to[n++] = '\n';
	}
	if (structure.n > 0)
		memcpy(to + n, structure.p, structure.n);
	return pf_str_mem(to, n + structure.n);
}

bool sieve_content_replace(struct sieve_run *run, const struct mime_part *part,
			   struct pf_str header, struct pf_str body)
{
	struct sieve_content *content = &run->content;
	struct sieve_edit edit = {.part = part, .header = header, .body = body};

	if (!part)
		edit.part = part = sieve_content_root(run);
	if (!content->edits)
		content->edits =
		    sieve_run_alloc(run, EDITS_MAX, sizeof *content->edits);
	if (!part || !content->edits || run->result->failed)
		return false;
	if (content->edit_count >= EDITS_MAX) {
		sieve_run_fail(run, "more than %d parts are replaced",
			       EDITS_MAX);
		return false;
	}
	if (!part->parent)
		sieve_content_set_header(
		    run, join_headers(run, sieve_content_header(run), header));
	else if (part->parent->message)
		edit.header = join_headers(
		    run, sieve_content_part_header(run, part), header);
	content->edits[content->edit_count++] = edit;
	content->replaced |= !part->parent;
	changed(run);
	return !run->result->failed;
}

bool sieve_content_enclose(struct sieve_run *run, struct pf_str header,
			   struct pf_str before, struct pf_str behind)
{
	struct sieve_content *content = &run->content;

	if (!content->wraps)
		content->wraps =
		    sieve_run_alloc(run, WRAPS_MAX, sizeof *content->wraps);
	if (content->wrap_count >= WRAPS_MAX)
		sieve_run_fail(run, "enclosed more than %d times", WRAPS_MAX);
	if (!content->wraps || run->result->failed)
		return false;
	if (!content->has_bare) {
		content->bare_header = sieve_content_header(run);
		content->bare = sieve_content_body(run, &content->bare_count);
		content->has_bare = true;
	}
	content->wraps[content->wrap_count++] =
	    (struct sieve_wrap){before, behind};
	sieve_content_set_header(run, header);
	changed(run);
	return sieve_content_body(run, &(size_t){0}) != NULL;
}
