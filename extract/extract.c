/*
 * Which attachments, and which program for which.  What a file is, its first
 * bytes say; its type and name only choose among what those cannot tell apart.
 *
 *	%PDF           pdftotext (poppler-utils)
 *	PK\3\4         unzip -p, its XML read by xml.c: docx, xlsx, pptx, odt...
 *	OLE, {\rtf     catdoc, xls2csv, catppt (catdoc)
 *	anything else  ours, if its name says that it is text, HTML or a mail
 *
 * The decoded file lives in memory (EXTRACT_FILE_MAX), sealed, so that there
 * is nothing to clean up and nothing a program could change.
 */
#include "extract/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "base/utf8.h"
#include "extract/jail.h"
#include "extract/xml.h"

#define BLOCK	   65536
#define MAGIC	   1024
#define OUTPUT_MAX ((size_t)256 << 20) /* XML of a zip, before its text */

struct job {
	struct pf_buf *text;
	struct extract_xml xml;
	bool is_xml;
	size_t output;
};

/* ---- names -------------------------------------------------------------- */

static struct pf_str file_name(const struct mime_part *part)
{
	struct pf_str name = mime_param(&part->disposition_params, "filename");

	return name.p ? name : mime_param(&part->params, "name");
}

static bool ends_in(struct pf_str name, const char *const *endings)
{
	for (; *endings; endings++) {
		struct pf_str ending = pf_str_c(*endings);

		if (name.n > ending.n &&
		    pf_str_ieq(pf_str_from(name, name.n - ending.n), ending))
			return true;
	}
	return false;
}

/* What mime_text is told that it is; NULL: none of ours. */
static const char *our_type(struct pf_str name)
{
	static const char *const html[] = {".html", ".htm", ".xhtml", NULL};
	static const char *const mail[] = {".eml", NULL};
	static const char *const text[] = {".txt", ".csv", ".ics",  ".vcf",
					   ".md",  ".log", ".json", ".yaml",
					   ".tex", ".tsv", ".xml",  NULL};

	return ends_in(name, html)   ? "Content-Type: text/html\n\n"
	       : ends_in(name, mail) ? ""
	       : ends_in(name, text) ? "Content-Type: text/plain\n\n"
				     : NULL;
}

/* Text parts are searched as they are; pictures and the like have none. */
static bool part_wanted(const struct mime_part *part)
{
	return !part->child && part->body.size > 0 &&
	       pf_str_eq(part->type, PF_STR("application"));
}

bool extract_wanted(struct mime_part *root)
{
	for (struct mime_part *part = root; part; part = mime_part_next(part))
		if (part_wanted(part))
			return true;
	return false;
}

/* ---- the file ----------------------------------------------------------- */

static pf_status write_decoded(int from, const struct mime_part *part, int to,
			       struct pf_error *err)
{
	uint64_t at = part->body.start, end = at + part->body.size;
	struct pf_buf out = PF_BUF_INIT(2 * BLOCK);
	struct mime_decoder decoder;
	char block[16384];
	size_t total = 0;
	pf_status status = PF_OK;

	mime_decoder_init(&decoder, mime_encoding(part->encoding));
	while (!status && at <= end) {
		size_t want =
		    end - at < sizeof block ? (size_t)(end - at) : sizeof block;
		size_t got = 0;

		status = pf_fs_pread(from, block, want, (off_t)at, &got, err);
		pf_buf_clear(&out);
		if (got)
			mime_decoder_add(&decoder, pf_str_mem(block, got),
					 &out);
		else
			mime_decoder_end(&decoder, &out);
		total += out.len;
		if (!status && total > EXTRACT_FILE_MAX)
			status = pf_error_set(err, PF_LIMIT, NULL, "too large");
		if (!status)
			status = pf_fs_write(to, out.data, out.len, err);
		if (!got)
			break;
		at += got;
	}
	pf_buf_release(&out);
	return status;
}

static pf_status make_file(int from, const struct mime_part *part,
			   const char *header, int *file, struct pf_error *err)
{
	int fd = memfd_create("attachment", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	pf_status status;

	if (fd < 0)
		return pf_error_sys(err, errno, "memory for an attachment");
	status = pf_fs_write(fd, header, strlen(header), err);
	if (!status)
		status = write_decoded(from, part, fd, err);
	if (!status && (fcntl(fd, F_ADD_SEALS,
			      F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) < 0 ||
			lseek(fd, 0, SEEK_SET) < 0))
		status = pf_error_sys(err, errno, "an attachment");
	if (status)
		close(fd);
	else
		*file = fd;
	return status;
}

/* ---- its text ----------------------------------------------------------- */

static bool has_room(const struct job *job)
{
	return job->text->len < EXTRACT_TEXT_MAX;
}

static bool take_output(void *arg, struct pf_str output)
{
	struct job *job = arg;

	job->output += output.n;
	if (job->is_xml)
		extract_xml_add(&job->xml, output, job->text);
	else
		pf_buf_add_str(job->text, output);
	return has_room(job) && job->output < OUTPUT_MAX;
}

static bool take_text(void *arg, enum mime_text_kind kind,
		      const struct mime_part *part, struct pf_str name,
		      struct pf_str piece, bool more)
{
	struct job *job = arg;
	bool is_html = pf_str_eq(part->type, PF_STR("text")) &&
		       pf_str_eq(part->subtype, PF_STR("html"));

	if (kind == MIME_TEXT_BODY && is_html)
		return true; /* as it is shown, not as it is written */
	if (kind == MIME_TEXT_HEADER &&
	    pf_str_istarts(name, PF_STR("Content-")))
		return true;
	pf_buf_add_str(job->text, piece);
	if (!more)
		pf_buf_add_byte(job->text, '\n');
	return has_room(job);
}

static bool starts_with(struct pf_str magic, const char *bytes)
{
	return pf_str_starts(magic, pf_str_c(bytes));
}

static const char *const *program_for(struct pf_str magic, struct pf_str name,
				      const struct mime_part *part)
{
	static const char *const pdf[] = {"pdftotext", "-q", "-enc", "UTF-8",
					  "-nopgbrk",  "-",  "-",    NULL};
	static const char *const zip[] = {"unzip",
					  "-p",
					  "/proc/self/fd/0",
					  "content.xml",
					  "word/document.xml",
					  "word/*notes.xml",
					  "word/comments.xml",
					  "word/header*.xml",
					  "word/footer*.xml",
					  "ppt/slides/*.xml",
					  "ppt/notesSlides/*.xml",
					  "xl/sharedStrings.xml",
					  "xl/worksheets/*.xml",
					  NULL};
	static const char *const doc[] = {
	    "catdoc", "-w", "-d", "utf-8", "/proc/self/fd/0", NULL};
	static const char *const xls[] = {"xls2csv", "-d", "utf-8",
					  "/proc/self/fd/0", NULL};
	static const char *const ppt[] = {"catppt", "-d", "utf-8",
					  "/proc/self/fd/0", NULL};
	static const char *const xls_names[] = {".xls", ".xlt", NULL};
	static const char *const ppt_names[] = {".ppt", ".pps", NULL};

	if (memmem(magic.p, magic.n, "%PDF-", 5))
		return pdf;
	if (starts_with(magic, "PK\3\4"))
		return zip;
	if (starts_with(magic, "{\\rtf"))
		return doc;
	if (!starts_with(magic, "\xd0\xcf\x11\xe0"))
		return NULL;
	return ends_in(name, xls_names) ||
		       pf_str_eq(part->subtype, PF_STR("vnd.ms-excel"))
		   ? xls
	       : ends_in(name, ppt_names) ||
		       pf_str_eq(part->subtype, PF_STR("vnd.ms-powerpoint"))
		   ? ppt
		   : doc;
}

static pf_status read_file(struct job *job, int file,
			   const struct mime_part *part, const char *type,
			   int wait_ms, struct pf_error *err)
{
	char begin[MAGIC];
	struct pf_str magic, name = file_name(part);
	const char *const *program;
	size_t got = 0;
	pf_status status = pf_fs_pread(file, begin, sizeof begin, 0, &got, err);

	if (status)
		return status;
	magic = pf_str_mem(begin, got);
	if (type)
		return mime_text(file, take_text, job, err);
	program = program_for(magic, name, part);
	if (!program)
		return PF_OK;
	job->is_xml = starts_with(magic, "PK");
	return extract_jail_run(program, file, wait_ms, take_output, job, err);
}

/* Any failure is this part's only. */
static bool extract_part(int fd, const struct mime_part *part, int wait_ms,
			 struct pf_buf *text)
{
	const char *type = our_type(file_name(part));
	struct pf_buf raw = PF_BUF_INIT(EXTRACT_TEXT_MAX + 4 * BLOCK);
	struct job job = {.text = &raw};
	struct pf_str got;
	int file = -1;

	if (make_file(fd, part, type ? type : "", &file, NULL) != PF_OK)
		return false;
	/* what came before a failure is as good as any other text */
	(void)!read_file(&job, file, part, type, wait_ms, NULL);
	close(file);
	got = pf_str_trim(pf_buf_str(&raw));
	if (got.n) {
		if (text->len)
			pf_buf_add_byte(text, '\f');
		pf_utf8_add_clean(text, got);
	}
	pf_buf_release(&raw);
	return got.n > 0;
}

pf_status extract_message(int fd, struct mime_part *root, struct pf_buf *text,
			  unsigned *parts, struct pf_error *err)
{
	int64_t until = pf_clock_mono_ms() + EXTRACT_TOTAL_MS;
	struct pf_buf all = PF_BUF_INIT(8 * EXTRACT_TEXT_MAX);
	unsigned tried = 0, good = 0;

	for (struct mime_part *part = root; part; part = mime_part_next(part)) {
		int64_t left = until - pf_clock_mono_ms();

		if (!part_wanted(part))
			continue;
		if (left <= 0 || tried++ == EXTRACT_PARTS_MAX ||
		    all.len >= EXTRACT_TEXT_MAX)
			break;
		good += extract_part(
		    fd, part, (int)(left < EXTRACT_MS ? left : EXTRACT_MS),
		    &all);
	}
	if (all.failed) {
		pf_buf_release(&all);
		return pf_error_set(err, PF_LIMIT, NULL,
				    "the text of attachments is too long");
	}
	pf_buf_cut(&all,
		   all.len < EXTRACT_TEXT_MAX ? all.len : EXTRACT_TEXT_MAX);
	pf_utf8_add_clean(text, pf_buf_str(&all));
	pf_buf_release(&all);
	*parts = good;
	return PF_OK;
}
