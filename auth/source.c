/* The user file over time (source.h). */
#include "auth/source.h"

#include <errno.h>
#include <unistd.h>

#include "auth/users.h"
#include "base/clock.h"
#include "base/fsio.h"

#define REST_MS 1000

void auth_source_init(struct auth_source *source, const struct pf_conf *conf)
{
	*source = (struct auth_source){.conf = conf};
}

void auth_source_release(struct auth_source *source)
{
	auth_users_unref(&source->users);
	auth_users_unref(&source->older);
	pf_vec_release(&source->problems);
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_stamp(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
	       a->st_size == b->st_size && same_time(a->st_mtim, b->st_mtim) &&
	       same_time(a->st_ctim, b->st_ctim);
}

/* Another file took the place of the one we know, and its last line is whole:
 * somebody wrote it elsewhere and renamed it. */
static bool was_renamed(const struct auth_source *source, const struct stat *st,
			struct pf_str text)
{
	return st->st_ino != source->stamp.st_ino &&
	       pf_str_ends(text, PF_STR("\n"));
}

static bool is_old(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000 +
		   st->st_mtim.tv_nsec / 1000000 + REST_MS <
	       pf_clock_us() / 1000;
}

/* Text up to its last LF: the rest may still be written. */
static struct pf_str whole_lines(struct pf_str text)
{
	ptrdiff_t end = pf_str_rchr(text, '\n');

	return pf_str_head(text, end < 0 ? 0 : (size_t)end + 1);
}

static pf_status read_file(struct auth_source *source, struct pf_buf *text,
			   struct stat *st, struct pf_error *err)
{
	const char *path = source->conf->user_file;
	int fd = -1;
	pf_status status = pf_fs_open(AT_FDCWD, path, O_RDONLY, 0, &fd, err);

	if (status != PF_OK)
		return status;
	if (fstat(fd, st) != 0)
		status = pf_error_sys(err, errno, "stat %s", path);
	else if (!S_ISREG(st->st_mode))
		status = pf_error_set(err, PF_INVALID, NULL, "%s is not a file",
				      path);
	else
		status = pf_fs_read_fd(fd, text, err);
	close(fd);
	return status;
}

static void take(struct auth_source *source, struct pf_str text,
		 const struct stat *st, bool rested)
{
	struct auth_users *fresh;
	bool settled =
	    rested || !source->users || was_renamed(source, st, text);

	source->problems.n = 0;
	auth_users_parse(source->conf, settled ? text : whole_lines(text),
			 &fresh, &source->problems);
	if (settled)
		auth_users_unref(&source->older);
	else if (!source->older) {
		source->older = source->users;
		source->users = NULL;
	}
	auth_users_unref(&source->users);
	source->users = fresh;
	if (!same_stamp(&source->stamp, st))
		source->generation++;
	source->settled = settled;
	source->stamp = *st;
	/* a later write may leave the same times and size behind */
	source->again_ms =
	    rested || is_old(st) ? 0 : pf_clock_mono_ms() + REST_MS;
}

void auth_source_refresh(struct auth_source *source)
{
	struct pf_buf text = PF_BUF_INIT(AUTH_USERS_MAX);
	struct stat st;
	bool same = source->users && !source->fault.status &&
		    stat(source->conf->user_file, &st) == 0 &&
		    same_stamp(&st, &source->stamp);
	bool again = source->again_ms && source->again_ms <= pf_clock_mono_ms();

	if (same && !again)
		return;
	source->fault.status = PF_OK;
	if (read_file(source, &text, &st, &source->fault) == PF_OK) {
		bool rested =
		    is_old(&st) || (again && same_stamp(&st, &source->stamp));
		take(source, pf_buf_str(&text), &st, rested);
	} else {
		source->settled = false;
	}
	pf_buf_wipe(&text);
}

static pf_status unavailable(const struct auth_source *source,
			     struct pf_error *err)
{
	return pf_error_set(err, PF_UNAVAILABLE, NULL, "user file: %s",
			    source->fault.status ? source->fault.log
						 : "being written");
}

pf_status auth_source_address(struct auth_source *source, struct pf_str address,
			      struct auth_recipient *recipient,
			      struct pf_error *err)
{
	pf_status status = PF_NOTFOUND;

	if (source->users)
		status = auth_recipient(source->users, source->conf, address,
					recipient, err);
	if (status != PF_OK && source->older &&
	    auth_recipient(source->older, source->conf, address, recipient,
			   NULL) == PF_OK)
		return PF_OK;
	if (status == PF_NOTFOUND && !source->settled)
		return unavailable(source, err);
	return status;
}

static const struct auth_user *find_login(const struct auth_users *users,
					  const struct pf_conf *conf,
					  struct pf_str name)
{
	const struct auth_user *user = auth_users_find(users, name);
	ptrdiff_t at = pf_str_rchr(name, '@');

	if (!user && at > 0 &&
	    auth_domain_is_ours(conf, pf_str_from(name, (size_t)at + 1)))
		user = auth_users_find(users, pf_str_head(name, (size_t)at));
	return user;
}

pf_status auth_source_login(struct auth_source *source, struct pf_str name,
			    const struct auth_user **user, struct pf_error *err)
{
	const struct auth_user *found = NULL, *before = NULL;

	if (source->users)
		found = find_login(source->users, source->conf, name);
	if ((!found || found->broken) && source->older)
		before = find_login(source->older, source->conf, name);
	if (before && !before->broken)
		found = before;
	if (found && !found->broken) {
		*user = found;
		return PF_OK;
	}
	if (found)
		return pf_error_set(err, PF_UNAVAILABLE, NULL,
				    "user file line %d: user %s is broken",
				    found->line, found->name);
	if (!source->settled)
		return unavailable(source, err);
	return pf_error_set(err, PF_NOTFOUND, NULL, "no such user");
}
