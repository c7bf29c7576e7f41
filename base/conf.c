#include "base/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/priv.h"

#define SETTING(kind, name, preset, doc)                                       \
	{#kind, #name, preset, doc, offsetof(struct pf_conf, name)},

static const struct pf_conf_setting settings[] = {PF_CONF_MAP(SETTING)};

#define SETTING_COUNT (sizeof settings / sizeof *settings)

const struct pf_conf_setting *pf_conf_settings(size_t *count)
{
	*count = SETTING_COUNT;
	return settings;
}

static bool kind_is(const struct pf_conf_setting *s, const char *kind)
{
	return strcmp(s->kind, kind) == 0;
}

static bool kind_is_text(const struct pf_conf_setting *s)
{
	return kind_is(s, "STR") || kind_is(s, "PATH") || kind_is(s, "LIST") ||
	       kind_is(s, "PARTS");
}

static void *field(struct pf_conf *conf, const struct pf_conf_setting *s)
{
	return (char *)conf + s->offset;
}

/* 64k, 50M, 2G / 30s, 5m, 12h, 14d */
static bool parse_scaled(struct pf_str s, const char *units,
			 const int64_t *factors, int64_t *value)
{
	uint64_t number;
	int64_t factor = 1;

	if (s.n > 1) {
		const char *unit = strchr(units, s.p[s.n - 1]);
		if (unit && *unit) {
			factor = factors[unit - units];
			s.n--;
		}
	}
	if (!pf_str_u64(s, INT64_MAX, &number))
		return false;
	return !__builtin_mul_overflow((int64_t)number, factor, value);
}

static bool parse_octal(struct pf_str s, int64_t *value)
{
	int64_t v = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '7')
			return false;
		v = v * 8 + (s.p[i] - '0');
	}
	*value = v;
	return s.n > 0 && s.n < 7;
}

static const int64_t sizes[] = {1 << 10, 1 << 10, 1 << 20,
				1 << 20, 1 << 30, 1 << 30};
static const int64_t times[] = {1, 60, 3600, 86400};

static bool parse_value(const struct pf_conf_setting *s, struct pf_str value,
			void *to, struct pf_conf_problem *problem)
{
	const char *want;
	bool good;

	if (kind_is(s, "BOOL")) {
		bool yes = pf_str_ieq(value, PF_STR("yes"));
		good = yes || pf_str_ieq(value, PF_STR("no"));
		*(bool *)to = good ? yes : *(bool *)to;
		want = "yes or no";
	} else if (kind_is(s, "SIZE")) {
		good = parse_scaled(value, "kKmMgG", sizes, to);
		want = "a size such as 512, 64k, 50M or 2G";
	} else if (kind_is(s, "TIME")) {
		good = parse_scaled(value, "smhd", times, to);
		want = "a time such as 30s, 5m, 12h or 14d";
	} else if (value.n > 1 && value.p[0] == '0') {
		good = parse_octal(value, to);
		want = "an octal number such as 0660";
	} else {
		uint64_t n = 0;
		good = pf_str_u64(value, INT32_MAX, &n);
		if (good)
			*(int64_t *)to = (int64_t)n;
		want = "a number";
	}
	if (!good && problem)
		snprintf(problem->fix, sizeof problem->fix,
			 "write %s, for example %s = %s", want, s->name,
			 s->preset);
	return good;
}

static struct pf_str unquote(struct pf_str s)
{
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"' &&
	    !memchr(s.p + 1, '"', s.n - 2))
		return (struct pf_str){s.p + 1, s.n - 2};
	return s;
}

/* How alike two names are: shared letters in order, for "did you mean". */
static size_t likeness(const char *a, struct pf_str b)
{
	size_t score = 0, i = 0;

	for (; *a && i < b.n; a++)
		if (*a == b.p[i]) {
			score++;
			i++;
		}
	return score;
}

static void suggest(struct pf_str name, struct pf_conf_problem *problem)
{
	size_t best = 0, best_score = 0;

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		size_t score = likeness(settings[i].name, name);
		if (score > best_score) {
			best = i;
			best_score = score;
		}
	}
	snprintf(problem->text, sizeof problem->text,
		 "there is no setting \"%.*s\"",
		 (int)(name.n < 60 ? name.n : 60), name.p);
	snprintf(problem->fix, sizeof problem->fix,
		 "did you mean \"%s\"? penfold.conf(5) lists all",
		 settings[best].name);
}

/* ---- settings of several parts -------------------------------------------
 */

static bool find_part(struct pf_str parts, struct pf_str name,
		      struct pf_str *value)
{
	struct pf_str word;

	while (pf_conf_word(&parts, &word)) {
		if (word.n <= name.n || word.p[name.n] != '=' ||
		    !pf_str_starts(word, name))
			continue;
		*value = pf_str_from(word, name.n + 1);
		return true;
	}
	return false;
}

static bool part_number(struct pf_str text, int64_t *value)
{
	return parse_scaled(
		   text, "kKMGg",
		   (int64_t[]){1 << 10, 1 << 10, 1 << 20, 1 << 30, 1 << 30},
		   value) ||
	       parse_scaled(text, "smhd", times, value);
}

struct pf_str pf_conf_part(const char *parts, const char *name)
{
	struct pf_str value = {0};

	(void)find_part(pf_str_c(parts), pf_str_c(name), &value);
	return value;
}

int64_t pf_conf_part_number(const char *parts, const char *name)
{
	int64_t value = 0;

	(void)part_number(pf_conf_part(parts, name), &value);
	return value;
}

/* One "name=value": is there such a part, and is a number a number? */
static bool check_part(const struct pf_conf_setting *s, struct pf_str word)
{
	ptrdiff_t equals = pf_str_chr(word, '=');
	struct pf_str usual;
	int64_t number;

	if (equals <= 0 ||
	    !find_part(pf_str_c(s->preset), pf_str_head(word, (size_t)equals),
		       &usual))
		return false;
	return usual.n == 0 ||
	       part_number(pf_str_from(word, (size_t)equals + 1), &number);
}

/* What was said, and behind it the default, which serves for the rest. */
static bool set_parts(const struct pf_conf_setting *s, struct pf_str value,
		      char **to, struct pf_conf_problem *problem)
{
	struct pf_str rest = value, word;
	struct pf_buf all = PF_BUF_INIT(1 << 16);

	while (pf_conf_word(&rest, &word)) {
		if (check_part(s, word))
			continue;
		if (problem) {
			snprintf(problem->text, sizeof problem->text,
				 "%s: \"%.*s\" is not understood", s->name,
				 (int)(word.n < 80 ? word.n : 80), word.p);
			snprintf(problem->fix, sizeof problem->fix,
				 "its parts are %s", s->preset);
		}
		return false;
	}
	pf_buf_add_str(&all, value);
	pf_buf_add_byte(&all, ' ');
	pf_buf_add_c(&all, s->preset);
	free(*to);
	*to = pf_buf_detach(&all);
	return true;
}

bool pf_conf_set(struct pf_conf *conf, struct pf_str name, struct pf_str value,
		 struct pf_conf_problem *problem)
{
	const struct pf_conf_setting *s = NULL;

	for (size_t i = 0; i < SETTING_COUNT && !s; i++)
		if (pf_str_eq(name, pf_str_c(settings[i].name)))
			s = &settings[i];
	if (!s) {
		if (problem)
			suggest(name, problem);
		return false;
	}
	if (kind_is(s, "PARTS"))
		return set_parts(s, value, field(conf, s), problem);
	if (kind_is_text(s)) {
		char **to = field(conf, s);
		if (!kind_is(s, "LIST"))
			value = unquote(value);
		free(*to);
		*to = pf_str_dup(value);
		return true;
	}
	value = unquote(value);
	if (parse_value(s, value, field(conf, s), problem))
		return true;
	if (problem)
		snprintf(problem->text, sizeof problem->text,
			 "%s: \"%.*s\" is not understood", s->name,
			 (int)(value.n < 80 ? value.n : 80), value.p);
	return false;
}

void pf_conf_init(struct pf_conf *conf)
{
	*conf = (struct pf_conf){0};
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (!pf_conf_set(conf, pf_str_c(settings[i].name),
				 pf_str_c(settings[i].preset), NULL))
			abort(); /* PF_CONF_MAP itself is wrong */
}

void pf_conf_release(struct pf_conf *conf)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (kind_is_text(&settings[i]))
			free(*(char **)field(conf, &settings[i]));
	free(conf->file);
	*conf = (struct pf_conf){0};
}

static void parse_line(struct pf_conf *conf, struct pf_str line,
		       struct pf_conf_problem *problem)
{
	ptrdiff_t equals = pf_str_chr(line, '=');

	if (equals <= 0) {
		snprintf(problem->text, sizeof problem->text,
			 "this line has no \"=\"");
		snprintf(problem->fix, sizeof problem->fix,
			 "write name = value, or # in front of a comment");
		return;
	}
	pf_conf_set(conf, pf_str_trim(pf_str_head(line, (size_t)equals)),
		    pf_str_trim(pf_str_from(line, (size_t)equals + 1)),
		    problem);
}

void pf_conf_parse(struct pf_conf *conf, struct pf_str text,
		   struct pf_conf_problems *problems)
{
	struct pf_str line;

	for (int number = 1; pf_str_split(&text, '\n', &line); number++) {
		struct pf_conf_problem problem = {.line = number};

		line = pf_str_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (pf_str_chr(line, '\0') >= 0)
			snprintf(problem.text, sizeof problem.text,
				 "this line has a NUL byte");
		else
			parse_line(conf, line, &problem);
		if (problem.text[0] && problems->n < 1000)
			pf_vec_push(problems, problem);
	}
}

pf_status pf_conf_load(struct pf_conf *conf, const char *path,
		       struct pf_conf_problems *problems, struct pf_error *err)
{
	struct pf_conf_problems own = {0};
	struct pf_conf_problems *list = problems ? problems : &own;
	struct pf_buf text = PF_BUF_INIT(1 << 20);
	pf_status status = pf_fs_read(AT_FDCWD, path, &text, err);

	if (status == PF_OK) {
		size_t before = list->n;
		free(conf->file);
		conf->file = pf_str_dup(pf_str_c(path));
		pf_conf_parse(conf, pf_buf_str(&text), list);
		if (list->n > before)
			status = pf_error_set(
			    err, PF_INVALID, NULL, "%s:%d: %s (%s)", path,
			    list->v[before].line, list->v[before].text,
			    list->v[before].fix);
	}
	pf_vec_release(&own);
	pf_buf_release(&text);
	return status;
}

static bool name_is_safe(struct pf_str name)
{
	return name.n > 0 && name.n < 256 && name.p[0] != '.' &&
	       pf_str_chr(name, '/') < 0 && pf_str_chr(name, '\0') < 0;
}

pf_status pf_conf_expand(struct pf_buf *to, const char *path,
			 struct pf_str user, const char *home,
			 struct pf_error *err)
{
	ptrdiff_t at = pf_str_rchr(user, '@');
	struct pf_str local = at < 0 ? user : pf_str_head(user, (size_t)at);
	struct pf_str domain =
	    at < 0 ? PF_STR("") : pf_str_from(user, (size_t)at + 1);

	if (!name_is_safe(user) || !name_is_safe(local) ||
	    (domain.n && !name_is_safe(domain)))
		return pf_error_set(err, PF_INVALID, "Not a user name",
				    "a user name that cannot be a path");
	for (const char *p = path; *p; p++) {
		if (*p != '%' || !p[1]) {
			pf_buf_add_byte(to, *p);
			continue;
		}
		switch (*++p) {
		case 'u':
			pf_buf_add_str(to, user);
			break;
		case 'n':
			pf_buf_add_str(to, local);
			break;
		case 'd':
			pf_buf_add_str(to, domain);
			break;
		case 'h':
			pf_buf_add_c(to, home ? home : "");
			break;
		default:
			pf_buf_add_byte(to, *p);
			break;
		}
	}
	return pf_buf_status(to, err);
}

bool pf_conf_word(struct pf_str *rest, struct pf_str *word)
{
	*rest = pf_str_trim(*rest);
	if (rest->n == 0)
		return false;
	if (rest->p[0] == '"') {
		*rest = pf_str_from(*rest, 1);
		ptrdiff_t end = pf_str_chr(*rest, '"');
		size_t n = end < 0 ? rest->n : (size_t)end;
		*word = pf_str_head(*rest, n);
		*rest = pf_str_from(*rest, n + 1);
		return true;
	}
	size_t n = 0;
	while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
		n++;
	*word = pf_str_head(*rest, n);
	*rest = pf_str_from(*rest, n);
	return true;
}

bool pf_conf_run_path(const struct pf_conf *conf, const char *name, char *to,
		      size_t size)
{
	int n = snprintf(to, size, "%s/%s", conf->run_dir, name);

	return n > 0 && (size_t)n < size;
}

bool pf_conf_full_path(const struct pf_conf *conf, struct pf_str user, char *to,
		       size_t size)
{
	int n = snprintf(to, size, "%s/full/%.*s", conf->run_dir, (int)user.n,
			 user.p);

	return user.n > 0 && user.p[0] != '.' && n > 0 && (size_t)n < size &&
	       pf_str_chr(user, '/') < 0 && pf_str_chr(user, '\0') < 0;
}

pf_status pf_conf_make_full_dir(const struct pf_conf *conf,
				struct pf_error *err)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	char path[4200];
	pf_status status = PF_OK;

	if (!pf_conf_run_path(conf, "full", path, sizeof path))
		return PF_OK;
	if (geteuid() == 0)
		status = pf_priv_lookup(conf->mail_user, &uid, &gid, err);
	else if (access(path, F_OK) == 0)
		return PF_OK;
	if (status == PF_OK)
		status = pf_fs_mkdir(AT_FDCWD, path, 0711, err);
	if (status == PF_EXISTS) /* perhaps of another mail_user */
		status = PF_OK;
	/* whatever the umask: names cannot be listed, but looked for */
	if (status == PF_OK &&
	    (chmod(path, 0711) != 0 || chown(path, uid, gid) != 0))
		status = pf_error_sys(err, errno, "make %s", path);
	return status;
}

pf_status pf_conf_write_pid(const struct pf_conf *conf, const char *name,
			    char *path, size_t size, struct pf_error *err)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());

	if (!pf_conf_run_path(conf, name, path, size))
		return pf_error_set(err, PF_LIMIT, NULL, "run_dir is too long");
	return pf_fs_replace(AT_FDCWD, path, pf_str_mem(text, (size_t)n), 0644,
			     false, err);
}

pf_status pf_conf_make_state_dir(const struct pf_conf *conf,
				 struct pf_error *err)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	pf_status status = PF_OK;

	if (access(conf->state_dir, F_OK) == 0)
		return PF_OK;
	if (geteuid() == 0)
		status = pf_priv_lookup(conf->mail_user, &uid, &gid, err);
	if (status == PF_OK)
		status = pf_fs_mkdirs(conf->state_dir, 0750, err);
	if (status == PF_OK && chown(conf->state_dir, uid, gid) != 0)
		status = pf_error_sys(err, errno, "chown %s", conf->state_dir);
	return status;
}
