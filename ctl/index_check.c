/* Looking into a user's index: counting, and asking it for what it must know.
 */
#include "ctl/index.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "search/search.h"

typedef pf_status (*message_fn)(void *arg, struct store_box *box,
				const struct store_msg *msg,
				struct pf_error *err);

static pf_status each_of_box(struct store *store, struct pf_str name,
			     message_fn each, void *arg, struct pf_error *err)
{
	struct store_box_info info;
	struct store_box *box;
	pf_status status = store_box_open(store, name, &box, err);

	if (status)
		return status;
	store_box_info(box, &info);
	for (uint32_t i = 0; i < info.messages && !status; i++) {
		const struct store_msg *at = store_box_at(box, i);
		struct store_msg msg;

		if (!at)
			break;
		msg = *at; /* opening a file may change the box */
		status = each(arg, box, &msg, err);
	}
	store_box_close(&box);
	return status;
}

static pf_status each_message(const struct store_conf *conf, message_fn each,
			      void *arg, struct pf_error *err)
{
	struct store_names names = {0};
	struct pf_arena arena;
	struct store *store;
	pf_status status = store_open(conf, &store, err);

	if (status)
		return status;
	pf_arena_init(&arena, (size_t)64 << 20);
	status = store_list(store, &arena, &names, err);
	for (size_t i = 0; i < names.n && !status; i++)
		if (names.v[i].flags & STORE_NAME_EXISTS)
			status =
			    each_of_box(store, names.v[i].name, each, arg, err);
	pf_vec_release(&names);
	pf_arena_release(&arena);
	store_close(&store);
	return status;
}

/* ---- counting ----------------------------------------------------------- */

struct counting {
	struct index *index;
	struct ctl_index_count count;
	struct pf_map guids;
};

static pf_status count_message(void *arg, struct store_box *box,
			       const struct store_msg *msg,
			       struct pf_error *err)
{
	struct counting *counting = arg;
	struct pf_str guid = store_msg_guid(box, msg->uid);
	uint32_t docid = 0;
	pf_status status = PF_OK;

	if (pf_map_set(&counting->guids, guid, counting))
		return PF_OK;
	counting->count.messages++;
	counting->count.size += msg->size;
	if (counting->index)
		status = index_docid(counting->index, guid, &docid, err);
	counting->count.indexed += docid != 0;
	return status;
}

pf_status ctl_index_count(const struct store_conf *conf, struct index *index,
			  struct ctl_index_count *count, struct pf_error *err)
{
	struct counting counting = {.index = index};
	pf_status status = each_message(conf, count_message, &counting, err);

	pf_map_release(&counting.guids);
	if (!status)
		*count = counting.count;
	return status;
}

struct ctl_index_size ctl_index_size(const char *path)
{
	struct ctl_index_size size = {0};
	DIR *dir = opendir(path);
	struct dirent *entry;
	struct stat st;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' &&
		    fstatat(dirfd(dir), entry->d_name, &st,
			    AT_SYMLINK_NOFOLLOW) == 0) {
			size.files++;
			size.bytes += (uint64_t)st.st_size;
		}
	if (dir)
		closedir(dir);
	return size;
}

/* ---- verifying ---------------------------------------------------------- */

struct checking {
	struct index *index;
	struct ctl_index_check check;
	uint32_t every, at;
};

struct asking {
	struct checking *checking;
	uint32_t docid;
	unsigned left; /* words still to ask for */
	pf_status status;
	struct pf_error *err;
};

static bool ask_word(void *arg, struct pf_str word)
{
	struct asking *asking = arg;
	struct ctl_index_check *check = &asking->checking->check;
	struct index_set *set = NULL;

	asking->status = index_candidates(asking->checking->index, word,
					  INDEX_ALL_FIELDS, &set, asking->err);
	if (asking->status)
		return false;
	check->words++;
	check->missing += index_set_ask(set, asking->docid) == INDEX_NO;
	index_set_free(&set);
	return --asking->left > 0;
}

static pf_status check_message(void *arg, struct store_box *box,
			       const struct store_msg *msg,
			       struct pf_error *err)
{
	struct checking *checking = arg;
	struct asking asking = {.checking = checking, .left = 3, .err = err};
	uint64_t size;
	pf_status status;
	int fd;

	if (checking->at++ % checking->every)
		return PF_OK;
	status = index_docid(checking->index, store_msg_guid(box, msg->uid),
			     &asking.docid, err);
	if (status)
		return status;
	checking->check.messages++;
	if (!asking.docid) {
		checking->check.unindexed++;
		return PF_OK;
	}
	if (store_msg_open(box, msg->uid, &fd, &size, NULL) != PF_OK)
		return PF_OK; /* gone */
	status = search_words(fd, checking->at, ask_word, &asking, err);
	close(fd);
	return status ? status : asking.status;
}

pf_status ctl_index_verify(const struct store_conf *conf, struct index *index,
			   struct ctl_index_check *check, struct pf_error *err)
{
	struct ctl_index_count count;
	struct checking checking = {.index = index};
	pf_status status = ctl_index_count(conf, NULL, &count, err);

	if (status)
		return status;
	checking.every = count.messages / CTL_INDEX_SAMPLE + 1;
	status = each_message(conf, check_message, &checking, err);
	if (!status)
		*check = checking.check;
	return status;
}
