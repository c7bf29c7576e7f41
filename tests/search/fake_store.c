/* A store in memory, for the tests of search. */
#include "tests/search/fake_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct fake_msg *fake_add(struct store_box *box, struct pf_str text)
{
	uint32_t n = (uint32_t)box->msgs.n;
	struct fake_msg *msg;

	pf_vec_push(&box->msgs, (struct fake_msg){0});
	msg = &box->msgs.v[n];
	msg->msg.uid = n * 3 + 5;
	msg->msg.size = text.n;
	msg->msg.modseq = n + 1;
	snprintf(msg->guid, sizeof msg->guid, "17000000%02u.M%uP1.host", n, n);
	pf_buf_init(&msg->text, (size_t)64 << 20);
	pf_buf_add_str(&msg->text, text);
	return msg;
}

void fake_release(struct store_box *box)
{
	for (size_t i = 0; i < box->msgs.n; i++)
		pf_buf_release(&box->msgs.v[i].text);
	pf_vec_release(&box->msgs);
}

int fake_fd(const struct fake_msg *msg)
{
	int fd = memfd_create("mail", MFD_CLOEXEC);

	if (fd < 0 ||
	    write(fd, msg->text.data, msg->text.len) != (ssize_t)msg->text.len)
		abort();
	return fd;
}

static struct fake_msg *find(const struct store_box *box, uint32_t uid)
{
	for (size_t i = 0; i < box->msgs.n; i++)
		if (box->msgs.v[i].msg.uid == uid)
			return &box->msgs.v[i];
	return NULL;
}

/* ---- store.h --------------------------------------------------------- */

struct store_box *store_view_box(struct store_view *view)
{
	return view->box;
}

/* no attachments here */
struct store *store_box_store(struct store_box *box)
{
	(void)box;
	return NULL;
}

const char *store_root(const struct store *store)
{
	(void)store;
	return "/nonexistent";
}

uint32_t store_view_count(const struct store_view *view)
{
	return (uint32_t)view->box->msgs.n;
}

uint32_t store_view_uid(const struct store_view *view, uint32_t seq)
{
	return view->box->msgs.v[seq - 1].msg.uid;
}

uint32_t store_view_seq_from(const struct store_view *view, uint32_t uid)
{
	uint32_t seq = 1;

	while (seq <= view->box->msgs.n && store_view_uid(view, seq) < uid)
		seq++;
	return seq;
}

uint32_t store_view_seq(const struct store_view *view, uint32_t uid)
{
	return find(view->box, uid) ? store_view_seq_from(view, uid) : 0;
}

bool store_view_recent(const struct store_view *view, uint32_t uid)
{
	return find(view->box, uid)->recent;
}

const struct store_msg *store_box_find(const struct store_box *box,
				       uint32_t uid)
{
	struct fake_msg *msg = find(box, uid);

	return msg && !msg->expunged ? &msg->msg : NULL;
}

const char *store_box_keyword(const struct store_box *box, unsigned number)
{
	return box->keywords[number];
}

struct pf_str store_msg_guid(const struct store_box *box, uint32_t uid)
{
	return pf_str_c(find(box, uid)->guid);
}

pf_status store_msg_open(struct store_box *box, uint32_t uid, int *fd,
			 uint64_t *file_size, struct pf_error *err)
{
	struct fake_msg *msg = find(box, uid);

	if (msg->unreadable)
		return pf_error_set(err, PF_IO, NULL, "unreadable");
	box->opened++;
	if (box->on_open)
		box->on_open();
	if (msg->expunged)
		return pf_error_set(err, PF_EXPUNGED, NULL, "expunged");
	*fd = fake_fd(msg);
	*file_size = msg->text.len;
	return PF_OK;
}

/* nothing is kept */
pf_status store_summary_get(struct store_box *box, uint32_t uid,
			    enum store_summary_kind kind, struct pf_buf *to)
{
	(void)box;
	(void)uid;
	(void)kind;
	(void)to;
	return PF_NOTFOUND;
}

void store_summary_put(struct store_box *box, uint32_t uid,
		       enum store_summary_kind kind, struct pf_str text)
{
	(void)box;
	(void)uid;
	(void)kind;
	(void)text;
}
