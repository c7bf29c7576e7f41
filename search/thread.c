/*
 * THREADID (RFC 8474 5.2): the name of the conversation that a message belongs
 * to.
 *
 * An identifier must not change, so it is made of nothing but the message
 * itself: the first id of References, else of In-Reply-To, else its own
 * Message-ID, else its GUID.  That is the id of the message that began the
 * conversation, for all whose mail program keeps References whole.  One that
 * cut them off, or had only In-Reply-To to give, begins a conversation of its
 * own: no later mail may move a message from one thread to another, which
 * what THREAD=REFERENCES computes does.
 */
#include <string.h>
#include <unistd.h>

#include "base/fsio.h"
#include "mime/mime.h"
#include "search/search.h"

#define FIRST_READ 8192

/* The header, as far as MIME_HEADER_MAX. */
static pf_status read_header(struct store_box *box, uint32_t uid,
			     struct pf_buf *header, struct pf_error *err)
{
	size_t want = FIRST_READ, got = 0;
	uint64_t size;
	int fd = -1;
	pf_status status = store_msg_open(box, uid, &fd, &size, err);

	while (status == PF_OK) {
		char *room = pf_buf_reserve(header, want - header->len);
		if (!room) {
			status = pf_buf_status(header, err);
			break;
		}
		status = pf_fs_pread(fd, room, want - header->len,
				     (off_t)header->len, &got, err);
		if (status != PF_OK)
			break;
		pf_buf_commit(header, got);
		if (header->len < want || want >= MIME_HEADER_MAX ||
		    mime_header_end(pf_buf_str(header)) < header->len)
			break;
		want *= 4;
		if (want > MIME_HEADER_MAX)
			want = MIME_HEADER_MAX;
	}
	if (fd >= 0)
		close(fd);
	if (status == PF_OK)
		pf_buf_cut(header, mime_header_end(pf_buf_str(header)));
	return status;
}

/* The first id in a field, without its brackets; empty: none. */
static struct pf_str first_id(struct pf_str raw)
{
	struct pf_str id = {0};
	size_t pos = 0;

	if (!mime_msgid_next(raw, &pos, &id) || id.n < 3)
		return (struct pf_str){0};
	return pf_str_mem(id.p + 1, id.n - 2);
}

void search_thread_id_of(struct pf_buf *to, struct pf_str header,
			 struct pf_str guid)
{
	static const char *const names[] = {"References", "In-Reply-To",
					    "Message-ID"};
	struct pf_str ids[3] = {{0}, {0}, {0}}, root = guid;
	struct mime_field field;
	size_t pos = 0;

	while (mime_field_next(header, &pos, &field))
		for (int i = 0; i < 3; i++)
			if (!ids[i].n &&
			    pf_str_ieq(field.name, pf_str_c(names[i])))
				ids[i] = first_id(field.raw);
	for (int i = 2; i >= 0; i--)
		if (ids[i].n)
			root = ids[i];
	search_object_id(to, 'T', root);
}

pf_status search_thread_id(struct store_box *box, uint32_t uid,
			   struct pf_buf *to, struct pf_error *err)
{
	struct pf_buf header = PF_BUF_INIT(MIME_HEADER_MAX);
	struct pf_buf id = PF_BUF_INIT(256);
	pf_status status = PF_OK;

	if (store_summary_get(box, uid, STORE_SUMMARY_THREAD, &id) != PF_OK) {
		pf_buf_clear(&id);
		status = read_header(box, uid, &header, err);
		if (status == PF_OK) {
			search_thread_id_of(&id, pf_buf_str(&header),
					    store_msg_guid(box, uid));
			store_summary_put(box, uid, STORE_SUMMARY_THREAD,
					  pf_buf_str(&id));
		}
	}
	if (status == PF_OK)
		pf_buf_add_str(to, pf_buf_str(&id));
	pf_buf_release(&header);
	pf_buf_release(&id);
	return status;
}
