/*
 * A user's Sieve script and list file, compiled once and kept until the file
 * changes (mtime, size, inode).  The cache is a bounded map; when it is full
 * it is emptied, which is simple and rare.
 */
#include "filter/filter.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/map.h"

#define CACHE_MAX   2000
#define DEPTH_MAX   500 /* our own recursion, and libsieve's stack */
#define ACTIONS_MAX 1000
#define LISTS_MAX   (1 << 20) /* bytes of a list file */

struct stamp {
	int64_t mtime_ns;
	off_t size;
	ino_t ino;
	dev_t dev;
};

/* A script that another includes, or that was not there */
struct part {
	char *path;
	struct stamp stamp; /* zero: was not there */
};
struct parts pf_vec(struct part);

struct entry {
	struct stamp stamp;
	struct parts parts;
	struct filter_script *script; /* or */
	struct sieve_lists *lists;
};

struct filter_rules {
	const struct pf_conf *conf;
	struct sieve_limits limits;
	pthread_mutex_t lock;
	struct pf_map entries; /* path -> struct entry */
};

static size_t at_most(int64_t setting, int64_t max)
{
	return (size_t)(setting < 1 ? 1 : setting > max ? max : setting);
}

static int64_t limit(const struct pf_conf *conf, const char *name)
{
	return pf_conf_part_number(conf->sieve_limits, name);
}

void filter_limits(const struct pf_conf *conf, struct sieve_limits *limits)
{
	const char *programs = conf->sieve_programs;

	*limits = (struct sieve_limits){
	    .offers =
		(pf_conf_part(programs, "pipe").n ? SIEVE_PROGRAM_PIPE : 0u) |
		(pf_conf_part(programs, "filter").n ? SIEVE_PROGRAM_FILTER
						    : 0u) |
		(pf_conf_part(programs, "execute").n ? SIEVE_PROGRAM_EXECUTE
						     : 0u),
	    .script_max = (size_t)limit(conf, "script"),
	    .depth_max = (int)at_most(limit(conf, "depth"), DEPTH_MAX),
	    .actions_max = (int)at_most(limit(conf, "actions"), ACTIONS_MAX),
	    .redirects_max = (int)limit(conf, "redirects"),
	    .steps_max = (uint64_t)limit(conf, "steps"),
	    .memory_max = (size_t)limit(conf, "memory"),
	};
}

struct filter_rules *filter_rules_new(const struct pf_conf *conf)
{
	struct filter_rules *rules = calloc(1, sizeof *rules);

	if (!rules)
		abort();
	rules->conf = conf;
	filter_limits(conf, &rules->limits);
	pthread_mutex_init(&rules->lock, NULL);
	return rules;
}

void filter_rules_offer(struct filter_rules *rules, unsigned offers)
{
	rules->limits.offers |= offers;
}

static void unref_locked(struct filter_script *script)
{
	if (!script || --script->refs > 0)
		return;
	sieve_script_free(&script->script);
	free(script->problems);
	free(script->path);
	free(script);
}

static void free_parts(struct parts *parts)
{
	for (size_t i = 0; i < parts->n; i++)
		free(parts->v[i].path);
	pf_vec_release(parts);
}

static void free_entry(struct entry *entry)
{
	if (!entry)
		return;
	free_parts(&entry->parts);
	unref_locked(entry->script);
	if (entry->lists)
		sieve_lists_release(entry->lists);
	free(entry->lists);
	free(entry);
}

static void forget_all(struct filter_rules *rules)
{
	const struct pf_map_entry *at;
	size_t pos = 0;

	while ((at = pf_map_next(&rules->entries, &pos)))
		free_entry(at->value);
	pf_map_release(&rules->entries);
}

void filter_rules_free(struct filter_rules **rulesp)
{
	struct filter_rules *rules = *rulesp;

	if (!rules)
		return;
	*rulesp = NULL;
	forget_all(rules);
	pthread_mutex_destroy(&rules->lock);
	free(rules);
}

void filter_script_unref(struct filter_rules *rules,
			 struct filter_script **script)
{
	pthread_mutex_lock(&rules->lock);
	unref_locked(*script);
	pthread_mutex_unlock(&rules->lock);
	*script = NULL;
}

static struct stamp stamp_of(const struct stat *st)
{
	return (struct stamp){
	    .mtime_ns =
		(int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
	    .size = st->st_size,
	    .ino = st->st_ino,
	    .dev = st->st_dev,
	};
}

/* Opens `path`; NOTFOUND is ordinary (also: a part of the path is a file). */
static pf_status open_rules(const char *path, int *fd, struct stamp *stamp,
			    struct pf_error *err)
{
	struct stat st;
	pf_status status = pf_fs_open(AT_FDCWD, path, O_RDONLY, 0, fd, err);

	if (status != PF_OK)
		return err && err->sys_errno == ENOTDIR ? PF_NOTFOUND : status;
	if (fstat(*fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(*fd);
		return PF_NOTFOUND;
	}
	*stamp = stamp_of(&st);
	return PF_OK;
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
	return a->mtime_ns == b->mtime_ns && a->size == b->size &&
	       a->ino == b->ino && a->dev == b->dev;
}

static bool parts_are_current(const struct parts *parts)
{
	for (size_t i = 0; i < parts->n; i++) {
		struct stamp now = {0};
		struct stat st;

		if (stat(parts->v[i].path, &st) == 0 && S_ISREG(st.st_mode))
			now = stamp_of(&st);
		if (!same_stamp(&now, &parts->v[i].stamp))
			return false;
	}
	return true;
}

/* With the lock held: the entry if it is current. */
static struct entry *current(struct filter_rules *rules, const char *path,
			     const struct stamp *stamp)
{
	struct entry *entry = pf_map_get(&rules->entries, pf_str_c(path));

	return entry && same_stamp(&entry->stamp, stamp) &&
		       parts_are_current(&entry->parts)
		   ? entry
		   : NULL;
}

static void put(struct filter_rules *rules, const char *path,
		struct entry *entry)
{
	if (rules->entries.count >= CACHE_MAX)
		forget_all(rules);
	free_entry(pf_map_set(&rules->entries, pf_str_c(path), entry));
}

/* ---- scripts ---- */

/* Where `include` looks: DIRECTORY/NAME.sieve, as Dovecot has it */
struct includer {
	const struct pf_conf *conf;
	const struct auth_identity *id;
	struct parts *parts;
};

static pf_status load_included(void *arg, bool global, struct pf_str name,
			       struct pf_buf *text, struct pf_error *err)
{
	const struct includer *includer = arg;
	const struct pf_conf *conf = includer->conf;
	const char *dir = global ? conf->sieve_global : conf->sieve_dir;
	struct pf_buf path = PF_BUF_INIT(4096);
	struct part part = {0};
	pf_status status;
	int fd;

	if (!*dir)
		return pf_error_set(err, PF_NOTFOUND, NULL,
				    "sieve_global is not set");
	status = pf_conf_expand(&path, dir, pf_str_c(includer->id->user),
				includer->id->home, err);
	pf_buf_addf(&path, "/%.*s.sieve", (int)name.n, name.p);
	if (status == PF_OK)
		status = pf_buf_status(&path, err);
	if (status == PF_OK) {
		status = open_rules(path.data, &fd, &part.stamp, err);
		part.path = pf_str_dup(pf_buf_str(&path));
		pf_vec_push(includer->parts, part);
	}
	if (status == PF_OK) {
		status = pf_fs_read_fd(fd, text, err);
		close(fd);
	}
	pf_buf_release(&path);
	return status;
}

/* FNV-1a; of fixed meaning, because it is kept in the journal. */
uint32_t filter_mark(struct pf_str text)
{
	uint32_t h = 0x811c9dc5u;

	for (size_t i = 0; i < text.n; i++)
		h = (h ^ (unsigned char)text.p[i]) * 0x01000193u;
	return h;
}

pf_status filter_compile(const struct pf_conf *conf,
			 const struct auth_identity *id, struct pf_str text,
			 struct sieve_script **script,
			 struct sieve_problems *problems, struct pf_error *err)
{
	struct parts parts = {0};
	struct includer includer = {conf, id, &parts};
	const struct sieve_source source = {&includer, load_included};
	struct sieve_limits limits;

	filter_limits(conf, &limits);
	pf_status status =
	    sieve_compile_from(text, &limits, &source, script, problems, err);
	free_parts(&parts);
	return status;
}

/* For the letter to the user, and the first of them for the log */
static void list_problems(const struct sieve_problems *problems,
			  struct filter_script *script)
{
	struct pf_buf all = PF_BUF_INIT(32 * 1024);

	for (size_t i = 0; i < problems->n; i++) {
		const struct sieve_problem *p = &problems->v[i];

		if (p->warning)
			continue;
		if (all.len == 0)
			snprintf(script->problem, sizeof script->problem,
				 "line %d: %s", p->line, p->text);
		pf_buf_addf(&all, "    line %d, column %d: %s\n", p->line,
			    p->column, p->text);
		if (p->hint[0])
			pf_buf_addf(&all, "        (%s)\n", p->hint);
	}
	if (all.len > 0)
		script->problems = pf_buf_detach(&all);
	pf_buf_release(&all);
}

static struct filter_script *compile(struct filter_rules *rules,
				     const char *path,
				     const struct auth_identity *id, int fd,
				     const struct stamp *stamp,
				     struct parts *parts)
{
	struct includer includer = {rules->conf, id, parts};
	const struct sieve_source source = {&includer, load_included};
	struct filter_script *script = calloc(1, sizeof *script);
	struct sieve_problems problems = {0};
	struct pf_error err = {0};
	struct pf_buf text;
	pf_status status;

	if (!script)
		abort();
	pf_buf_init(&text, rules->limits.script_max + 1);
	script->refs = 1;
	script->path = pf_str_dup(pf_str_c(path));
	script->mtime_ns = stamp->mtime_ns;
	status = pf_fs_read_fd(fd, &text, &err);
	script->mark = filter_mark(pf_buf_str(&text));
	if (status == PF_OK)
		status = sieve_compile_from(pf_buf_str(&text), &rules->limits,
					    &source, &script->script, &problems,
					    &err);
	if (status != PF_OK) {
		snprintf(script->problem, sizeof script->problem, "%.200s",
			 err.log[0] ? err.log : pf_status_text(status));
		list_problems(&problems, script);
	}
	pf_vec_release(&problems);
	pf_buf_release(&text);
	return script;
}

pf_status filter_rules_load(struct filter_rules *rules, const char *path,
			    const struct auth_identity *id, bool shared,
			    struct filter_script **out, struct pf_error *err)
{
	struct stamp stamp;
	struct entry *entry;
	pf_status status;
	int fd;

	status = open_rules(path, &fd, &stamp, err);
	if (status != PF_OK)
		return status;
	pthread_mutex_lock(&rules->lock);
	entry = current(rules, path, &stamp);
	if (!entry) {
		struct filter_script *script;
		struct parts parts = {0};

		/* compiling is short, but others need not wait for it */
		pthread_mutex_unlock(&rules->lock);
		script = compile(rules, path, id, fd, &stamp, &parts);
		if (shared && parts.n > 0) {
			free_parts(&parts);
			close(fd);
			*out = script;
			return PF_OK;
		}
		entry = calloc(1, sizeof *entry);
		if (!entry)
			abort();
		entry->stamp = stamp;
		entry->script = script;
		entry->parts = parts;
		pthread_mutex_lock(&rules->lock);
		put(rules, path, entry);
	}
	entry->script->refs++;
	*out = entry->script;
	pthread_mutex_unlock(&rules->lock);
	close(fd);
	return PF_OK;
}

/* ---- lists ---- */

static struct sieve_lists *parse_lists(int fd)
{
	struct sieve_lists *lists = calloc(1, sizeof *lists);
	struct sieve_problems problems = {0};
	struct pf_buf text = PF_BUF_INIT(LISTS_MAX);

	if (!lists)
		abort();
	/* broken lines are shown by `penfold mlist` and `penfold check` */
	if (pf_fs_read_fd(fd, &text, NULL) != PF_OK)
		pf_buf_clear(&text);
	sieve_lists_parse(pf_buf_str(&text), lists, &problems);
	pf_vec_release(&problems);
	pf_buf_release(&text);
	return lists;
}

bool filter_rules_list(struct filter_rules *rules,
		       const struct auth_identity *id, struct pf_str detail,
		       struct pf_buf *folder, struct pf_buf *rule)
{
	struct pf_buf path = PF_BUF_INIT(4096);
	const struct sieve_list *list = NULL;
	struct entry *entry;
	struct stamp stamp;
	int fd;

	if (pf_conf_expand(&path, rules->conf->lists_file, pf_str_c(id->user),
			   id->home, NULL) != PF_OK ||
	    open_rules(path.data, &fd, &stamp, NULL) != PF_OK) {
		pf_buf_release(&path);
		return false;
	}
	pthread_mutex_lock(&rules->lock);
	entry = current(rules, path.data, &stamp);
	if (!entry) {
		entry = calloc(1, sizeof *entry);
		if (!entry)
			abort();
		entry->stamp = stamp;
		entry->lists = parse_lists(fd);
		put(rules, path.data, entry);
	}
	list = sieve_lists_find(entry->lists, detail);
	if (list) {
		pf_buf_add_str(folder, list->folder);
		pf_buf_addf(rule, "mlists line %d", list->line);
	}
	pthread_mutex_unlock(&rules->lock);
	close(fd);
	pf_buf_release(&path);
	return list != NULL;
}
