/*
 * One user's line in the passwd-file: added, changed, removed.  Every byte
 * that is not about this user stays as it is, comments included, and so do
 * the owner and the permissions of the file.  Two editors at once wait for
 * each other (lock on the file itself, checked again after it was had,
 * because the winner replaced the file by rename).
 */
#include "auth/users.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/rand.h"

struct edit {
	struct pf_str name;
	const char *credentials; /* NULL: remove */
	struct pf_str expected;	 /* .p: only over this password field */
	const char *prefix;	 /* set_field: of the words that go, */
	const char *field;	 /* and the one that comes, or NULL */
	bool found;
	bool long_line; /* set_field: longer than we read */
	struct pf_buf out;
};

static struct pf_str line_name(struct pf_str line)
{
	ptrdiff_t colon = pf_str_chr(line, ':');

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return colon < 0 ? line : pf_str_head(line, (size_t)colon);
}

static bool is_scram_field(struct pf_str word)
{
	return pf_str_starts(word, PF_STR(AUTH_FIELD_SCRAM_SHA1 "=")) ||
	       pf_str_starts(word, PF_STR(AUTH_FIELD_SCRAM_SHA256 "="));
}

/* name, new password field, old fields 3..7, old extras without SCRAM keys,
 * new extras */
static void add_line(struct edit *e, struct pf_str name, struct pf_str old)
{
	struct pf_str credentials = pf_str_c(e->credentials), word;
	const char *blank = "";

	if (!pf_str_split(&credentials, ' ', &word))
		word = PF_STR("");
	pf_buf_add_str(&e->out, name);
	pf_buf_add_byte(&e->out, ':');
	pf_buf_add_str(&e->out, word);
	for (int i = 0; i < 5; i++) {
		if (!pf_str_split(&old, ':', &word))
			word = PF_STR("");
		pf_buf_add_byte(&e->out, ':');
		pf_buf_add_str(&e->out, word);
	}
	pf_buf_add_byte(&e->out, ':');
	while (pf_str_split(&old, ' ', &word)) {
		if (word.n == 0 || is_scram_field(word))
			continue;
		pf_buf_add_c(&e->out, blank);
		pf_buf_add_str(&e->out, word);
		blank = " ";
	}
	if (credentials.n) {
		pf_buf_add_c(&e->out, blank);
		pf_buf_add_str(&e->out, credentials);
	}
	pf_buf_add_byte(&e->out, '\n');
}

/* The line as it is, but for its extra fields. */
static void set_field(struct edit *e, struct pf_str line)
{
	struct pf_str word;
	size_t start = e->out.len;
	int fields = 0;

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	for (; fields < 7 && pf_str_split(&line, ':', &word); fields++) {
		pf_buf_add_str(&e->out, word);
		pf_buf_add_byte(&e->out, ':');
	}
	for (; fields < 7; fields++)
		pf_buf_add_byte(&e->out, ':');
	const char *blank = "";
	while (pf_str_split(&line, ' ', &word)) {
		if (word.n == 0 || pf_str_starts(word, pf_str_c(e->prefix)))
			continue;
		pf_buf_add_c(&e->out, blank);
		pf_buf_add_str(&e->out, word);
		blank = " ";
	}
	if (e->field)
		pf_buf_addf(&e->out, "%s%s", blank, e->field);
	e->long_line = e->out.len - start > AUTH_LINE_MAX;
	pf_buf_add_byte(&e->out, '\n');
}

static void edit_text(struct edit *e, struct pf_str text)
{
	struct pf_str line, rest, word;

	while (pf_str_split(&text, '\n', &line)) {
		struct pf_str name = line_name(line);
		if (!pf_str_ieq(name, e->name)) {
			pf_buf_add_str(&e->out, line);
			pf_buf_add_byte(&e->out, '\n');
			continue;
		}
		bool first = !e->found;
		e->found = true;
		if (first && e->prefix) {
			set_field(e, line);
			continue;
		}
		if (!e->credentials && !e->prefix)
			continue; /* doubles too: none may come to life */
		rest = pf_str_from(line, name.n + 1);
		if (rest.n && rest.p[rest.n - 1] == '\r')
			rest.n--;
		if (!pf_str_split(&rest, ':', &word)) /* the old password */
			word = rest = PF_STR("");
		if (first && e->expected.p)
			first = e->found = pf_str_eq(word, e->expected);
		if (!first) {
			pf_buf_add_str(&e->out, line);
			pf_buf_add_byte(&e->out, '\n');
			continue;
		}
		add_line(e, name, rest);
	}
}

/* Like pf_fs_replace, keeping owner and mode of `old` (-1: a new file). */
static pf_status replace(const char *path, int old, struct pf_str text,
			 struct pf_error *err)
{
	struct stat st = {.st_mode = 0600};
	char tmp[4200], dir[4096];
	const char *slash = strrchr(path, '/');
	int fd = -1;

	if (snprintf(tmp, sizeof tmp, "%s.tmp.%08x", path, pf_rand_u32()) >=
	    (int)sizeof tmp)
		return pf_error_set(err, PF_LIMIT, NULL, "path too long");
	snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path) + 1 : 1,
		 slash ? path : ".");
	if (old >= 0 && fstat(old, &st) != 0)
		return pf_error_sys(err, errno, "stat %s", path);
	pf_status status = pf_fs_open(
	    AT_FDCWD, tmp, O_WRONLY | O_CREAT | O_EXCL, 0600, &fd, err);
	if (status != PF_OK)
		return status;
	status = pf_fs_write(fd, text.p, text.n, err);
	if (status == PF_OK && old >= 0 &&
	    ((st.st_uid != geteuid() || st.st_gid != getegid()) &&
	     fchown(fd, st.st_uid, st.st_gid) != 0))
		status = pf_error_sys(err, errno, "keep the owner of %s", path);
	if (status == PF_OK && fchmod(fd, st.st_mode & 07777) != 0)
		status = pf_error_sys(err, errno, "keep the mode of %s", path);
	if (status == PF_OK)
		status = pf_fs_sync(fd, err);
	close(fd);
	if (status == PF_OK)
		status = pf_fs_rename(AT_FDCWD, tmp, AT_FDCWD, path, err);
	if (status != PF_OK) {
		unlink(tmp);
		return status;
	}
	return pf_fs_sync_dir(AT_FDCWD, dir, err);
}

/* Opens and locks the file that `path` names now; *fd -1 when there is none. */
static pf_status open_locked(const char *path, int *fd, struct pf_error *err)
{
	for (;;) {
		struct stat mine, now;
		int got = -1;
		pf_status status =
		    pf_fs_open(AT_FDCWD, path, O_RDWR, 0, &got, err);
		if (status == PF_NOTFOUND) {
			*fd = -1;
			return PF_OK;
		}
		if (status != PF_OK)
			return status;
		status = pf_fs_lock(got, true, 10000, err);
		if (status != PF_OK) {
			close(got);
			return status;
		}
		if (fstat(got, &mine) == 0 && stat(path, &now) == 0 &&
		    mine.st_ino == now.st_ino && mine.st_dev == now.st_dev) {
			*fd = got;
			return PF_OK;
		}
		close(got); /* replaced while we waited */
	}
}

static pf_status edit_file(const char *path, int fd, struct edit *e,
			   bool must_exist, struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(AUTH_USERS_MAX);
	pf_status status = fd < 0 ? PF_OK : pf_fs_read_fd(fd, &text, err);

	if (status == PF_OK)
		edit_text(e, pf_buf_str(&text));
	if (status == PF_OK && must_exist && !e->found)
		status = pf_error_set(err, PF_NOTFOUND, "There is no such user",
				      "%s: no user %.*s", path, (int)e->name.n,
				      e->name.p);
	if (status == PF_OK && !must_exist && e->found)
		status =
		    pf_error_set(err, PF_EXISTS, "This user exists already",
				 "%s: user %.*s is there already", path,
				 (int)e->name.n, e->name.p);
	if (status == PF_OK && e->long_line)
		status = pf_error_set(err, PF_LIMIT, "Too many devices",
				      "%s: the line of %.*s would be too long",
				      path, (int)e->name.n, e->name.p);
	if (status == PF_OK && !e->found)
		add_line(e, e->name, PF_STR(""));
	if (status == PF_OK)
		status = pf_buf_status(&e->out, err);
	if (status == PF_OK)
		status = replace(path, fd, pf_buf_str(&e->out), err);
	pf_buf_wipe(&text);
	return status;
}

static pf_status edit(const char *path, struct edit *e, bool must_exist,
		      struct pf_error *err)
{
	char *real = realpath(path, NULL); /* through a link, not over it */
	int fd = -1;

	if (!auth_name_valid(e->name) ||
	    (e->credentials && strpbrk(e->credentials, ":\r\n"))) {
		free(real);
		return pf_error_set(err, PF_INVALID, "Not a user name",
				    "not a user name, or not a password field");
	}
	pf_status status = open_locked(real ? real : path, &fd, err);
	if (status == PF_OK)
		status = edit_file(real ? real : path, fd, e,
				   must_exist || !e->credentials, err);
	if (fd >= 0)
		close(fd);
	pf_buf_wipe(&e->out);
	free(real);
	return status;
}

pf_status auth_users_edit(const char *path, struct pf_str name,
			  const char *credentials, bool must_exist,
			  struct pf_error *err)
{
	struct edit e = {.name = name,
			 .credentials = credentials,
			 .out = PF_BUF_INIT(AUTH_USERS_MAX)};

	return edit(path, &e, must_exist, err);
}

pf_status auth_users_rehash(const char *path, struct pf_str name,
			    struct pf_str old, const char *credentials,
			    struct pf_error *err)
{
	struct edit e = {.name = name,
			 .credentials = credentials,
			 .expected = old,
			 .out = PF_BUF_INIT(AUTH_USERS_MAX)};

	return edit(path, &e, true, err);
}

pf_status auth_users_set_field(const char *path, struct pf_str name,
			       const char *prefix, const char *field,
			       struct pf_error *err)
{
	struct edit e = {.name = name,
			 .prefix = prefix,
			 .field = field,
			 .out = PF_BUF_INIT(AUTH_USERS_MAX)};

	/* a colon (an IPv6 network) is fine behind the seventh */
	if (field && strpbrk(field, " \t\r\n"))
		return pf_error_set(err, PF_INVALID, NULL,
				    "not an extra field");
	return edit(path, &e, true, err);
}
