/*
 * Kills (or fails) an editor of scripts at each durable step in turn, then
 * looks what is left: each acknowledged change is there, no script is half,
 * the active one is the old or the new one and never none, and the next
 * editor needs no repair.  Then two editors at once, killed at any time.
 *
 * The editor is this program again ("child DIR"), under PENFOLD_FAULT; it says
 * each change that is done on stdout.  Needs --enable-fault-injection.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fsio.h"
#include "msieve/msieve.h"
#include "tests/tap.h"

static char top[] = "/tmp/penfold-msieve-XXXXXX";
static char dir[100], active[100];
static const struct msieve_scripts scripts = {
    .dir = dir, .active = active, .size_max = 1 << 20, .count_max = 50};

/* ---- the changes, and what is there after each ---- */

enum kind {
	PUT,
	ACTIVATE,
	RENAME,
	REMOVE,
	DEACTIVATE
};

enum name {
	NONE = -1,
	ORIGINAL, /* the plain file that was there before */
	A,
	B,
	C,
	D,
	NAMES
};
static const char *const names[NAMES] = {"dovecot.orig", "a", "b", "c", "d"};

static const struct op {
	enum kind kind;
	enum name name;
	int more; /* PUT: the version; RENAME: to */
} ops[] = {
    {PUT, A, 1},
    {ACTIVATE, A, 0},
    {PUT, A, 2},
    {PUT, B, 3},
    {RENAME, A, C},
    {PUT, C, 4},
    {ACTIVATE, B, 0},
    {RENAME, C, D},
    {REMOVE, D, 0},
    {PUT, ORIGINAL, 5},
    {DEACTIVATE, 0, 0},
    {REMOVE, B, 0},
    {ACTIVATE, ORIGINAL, 0},
};
#define OPS (sizeof ops / sizeof *ops)

struct model {
	int version[NAMES]; /* 0: not there */
	enum name active;
};

static void change(struct model *m, const struct op *op)
{
	switch (op->kind) {
	case PUT:
		m->version[op->name] = op->more;
		break;
	case ACTIVATE:
		m->active = op->name;
		break;
	case RENAME:
		m->version[op->more] = m->version[op->name];
		m->version[op->name] = 0;
		if (m->active == op->name)
			m->active = (enum name)op->more;
		break;
	case REMOVE:
		m->version[op->name] = 0;
		break;
	case DEACTIVATE:
		m->active = NONE;
		break;
	}
}

/* Long, so that half of it is not whole */
static void make_text(int version, struct pf_buf *to)
{
	for (int i = 0; i < 500; i++)
		pf_buf_addf(to, "# version %d line %d\n", version, i);
	pf_buf_add_c(to, "keep;\n");
}

static int version_of(struct pf_str text)
{
	struct pf_buf whole = PF_BUF_INIT(1 << 16);
	int version = -1;

	for (int v = 1; v < 10 && version < 0; v++) {
		pf_buf_clear(&whole);
		make_text(v, &whole);
		if (pf_str_eq(text, pf_buf_str(&whole)))
			version = v;
	}
	pf_buf_release(&whole);
	return version;
}

static pf_status do_op(const struct op *op, struct pf_error *err)
{
	struct pf_str name = pf_str_c(names[op->name]);
	struct pf_buf text = PF_BUF_INIT(1 << 16);
	pf_status status = PF_INTERNAL;

	switch (op->kind) {
	case PUT:
		make_text(op->more, &text);
		status =
		    msieve_scripts_put(&scripts, name, pf_buf_str(&text), err);
		break;
	case ACTIVATE:
		status = msieve_scripts_activate(&scripts, name, err);
		break;
	case RENAME:
		status = msieve_scripts_rename(&scripts, name,
					       pf_str_c(names[op->more]), err);
		break;
	case REMOVE:
		status = msieve_scripts_remove(&scripts, name, err);
		break;
	case DEACTIVATE:
		status = msieve_scripts_activate(&scripts, PF_STR(""), err);
		break;
	}
	pf_buf_release(&text);
	return status;
}

/* ---- the child ---- */

static void place(const char *home)
{
	snprintf(dir, sizeof dir, "%s/sieve", home);
	snprintf(active, sizeof active, "%s/.dovecot.sieve", home);
}

static int child(const char *home)
{
	struct pf_error err = {0};

	place(home);
	for (size_t i = 0; i < OPS; i++) {
		if (do_op(&ops[i], &err) != PF_OK)
			return 3;
		if (write(1, ".", 1) != 1)
			return 9;
	}
	return 0;
}

/* How many changes it said were done; *status as of wait. */
static size_t run_child(const char *self, const char *fault, int *status)
{
	int fds[2];
	char byte;
	size_t done = 0;

	if (pipe(fds) < 0)
		abort();
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		setenv("PENFOLD_FAULT", fault, 1);
		execl(self, self, "child", top, (char *)NULL);
		_exit(8);
	}
	close(fds[1]);
	while (read(fds[0], &byte, 1) == 1)
		done++;
	close(fds[0]);
	waitpid(pid, status, 0);
	return done;
}

/* ---- what is left ---- */

static void fresh_home(void)
{
	struct pf_buf text = PF_BUF_INIT(1 << 16);

	(void)!pf_fs_remove_tree(AT_FDCWD, top, NULL);
	make_text(9, &text);
	if (pf_fs_mkdirs(top, 0700, NULL) != PF_OK ||
	    pf_fs_replace(AT_FDCWD, active, pf_buf_str(&text), 0600, false,
			  NULL) != PF_OK)
		abort();
	pf_buf_release(&text);
}

static bool may_be(const struct model *m, enum name name, int version)
{
	return m->version[name] == version;
}

static bool check_scripts(const struct msieve_list *list,
			  const struct model *before, const struct model *after)
{
	bool there[NAMES] = {false}, good = true;

	for (size_t i = 0; i < list->n; i++) {
		struct pf_buf text = PF_BUF_INIT(1 << 16);
		int n = 0, version = -1;

		while (n < NAMES && strcmp(names[n], list->v[i].name) != 0)
			n++;
		if (n == NAMES)
			return false;
		there[n] = true;
		if (msieve_scripts_get(&scripts, pf_str_c(names[n]), &text,
				       NULL) == PF_OK)
			version = version_of(pf_buf_str(&text));
		good &= may_be(before, (enum name)n, version) ||
			may_be(after, (enum name)n, version);
		pf_buf_release(&text);
	}
	for (int n = 0; n < NAMES; n++)
		good &= there[n] || !before->version[n] || !after->version[n];
	return good;
}

static bool check_active(const struct model *before, const struct model *after)
{
	struct pf_buf text = PF_BUF_INIT(1 << 16);
	pf_status status = pf_fs_read(AT_FDCWD, active, &text, NULL);
	int version = version_of(pf_buf_str(&text));
	bool good = status == PF_NOTFOUND
			? before->active == NONE || after->active == NONE
			: status == PF_OK &&
			      ((before->active != NONE &&
				before->version[before->active] == version) ||
			       (after->active != NONE &&
				after->version[after->active] == version));

	pf_buf_release(&text);
	return good;
}

/* A rename loses nothing on the way. */
static bool check_rename(const struct msieve_list *list, const struct op *op)
{
	bool found = false;

	if (op->kind != RENAME)
		return true;
	for (size_t i = 0; i < list->n; i++)
		found |= strcmp(list->v[i].name, names[op->name]) == 0 ||
			 strcmp(list->v[i].name, names[op->more]) == 0;
	return found;
}

/* The rest of the changes is possible without any repair. */
static bool finish_ops(size_t from)
{
	struct pf_error err = {0};
	bool good = true;

	for (size_t i = from; i < OPS; i++) {
		pf_status status = do_op(&ops[i], &err);

		/* the one that was under way may be done already, or half of
		 * a rename: both names are there */
		good &= status == PF_OK ||
			(i == from &&
			 (status == PF_NOTFOUND || status == PF_EXISTS));
		if (i == from && status == PF_EXISTS)
			good &= msieve_scripts_remove(
				    &scripts, pf_str_c(names[ops[i].name]),
				    &err) == PF_OK ||
				err.status == PF_NOPERM;
		if (!good)
			printf("# change %zu: %s\n", i, err.log);
	}
	return good;
}

static bool look(size_t done, const char *fault)
{
	struct model before = {.version = {[ORIGINAL] = 9}, .active = ORIGINAL};
	struct msieve_list list = {0};
	struct model after;
	bool good;

	for (size_t i = 0; i < done; i++)
		change(&before, &ops[i]);
	after = before;
	if (done < OPS)
		change(&after, &ops[done]);
	good = msieve_scripts_list(&scripts, &list, NULL) == PF_OK &&
	       check_scripts(&list, &before, &after) &&
	       check_active(&before, &after) &&
	       (done == OPS || check_rename(&list, &ops[done]));
	if (!good)
		printf("# %s: wrong behind change %zu\n", fault, done);
	pf_vec_release(&list);
	return good;
}

static void survives(const char *self, const char *what)
{
	int status = 1, runs = 0;

	for (int n = 1; status != 0 && n < 2000; n++) {
		char fault[30];

		snprintf(fault, sizeof fault, "%s@%d", what, n);
		fresh_home();
		size_t done = run_child(self, fault, &status);
		ok(status == 0 || WIFSIGNALED(status) ||
		   WEXITSTATUS(status) == 3);
		ok(look(done, fault));
		if (status != 0)
			ok(finish_ops(done));
		runs++;
	}
	printf("# %s: %d places\n", what, runs);
	ok(runs > 50);
}

static void survives_a_kill(const char *self)
{
	survives(self, "kill");
}

static void survives_a_full_disk(const char *self)
{
	survives(self, "ENOSPC");
}

static void survives_a_broken_disk(const char *self)
{
	survives(self, "EIO");
}

/* ---- two editors ---- */

static void edit_for_ever(unsigned seed)
{
	struct pf_buf text = PF_BUF_INIT(1 << 16);

	for (;;) {
		struct op op;

		seed = seed * 1103515245 + 12345;
		op.kind = (enum kind)((seed >> 16) % REMOVE);
		op.name = (enum name)(A + (int)((seed >> 20) % 3));
		op.more = op.kind == PUT ? 1 + (int)((seed >> 24) % 8)
					 : A + (int)((seed >> 24) % 3);
		(void)!do_op(&op, NULL);
	}
	pf_buf_release(&text);
}

/* At any moment there is a whole active script. */
static void two_editors_leave_an_active_script(void)
{
	int wrong = 0, looks = 0;

	fresh_home();
	for (int round = 0; round < 40; round++) {
		pid_t pids[2];

		for (unsigned i = 0; i < 2; i++) {
			pids[i] = fork();
			if (pids[i] == 0)
				edit_for_ever((unsigned)round * 2 + i);
		}
		for (int i = 0; i < 100; i++) {
			struct pf_buf text = PF_BUF_INIT(1 << 16);

			looks++;
			if (pf_fs_read(AT_FDCWD, active, &text, NULL) !=
				PF_OK ||
			    version_of(pf_buf_str(&text)) < 0)
				wrong++;
			pf_buf_release(&text);
		}
		for (int i = 0; i < 2; i++) {
			kill(pids[i], SIGKILL);
			waitpid(pids[i], NULL, 0);
		}
	}
	printf("# %d looks\n", looks);
	is_int(wrong, 0);
	ok(do_op(&(struct op){PUT, A, 7}, NULL) == PF_OK);
	ok(do_op(&(struct op){ACTIVATE, A, 0}, NULL) == PF_OK);
}

int main(int argc, char **argv)
{
#ifndef PF_FAULT_INJECTION
	printf("1..0 # SKIP configured without --enable-fault-injection\n");
	return argc < 0 ? 1 : 0;
#endif
	if (argc == 3 && strcmp(argv[1], "child") == 0)
		return child(argv[2]);
	if (!mkdtemp(top))
		return 1;
	place(top);
	survives_a_kill(argv[0]);
	survives_a_full_disk(argv[0]);
	survives_a_broken_disk(argv[0]);
	two_editors_leave_an_active_script();
	(void)!pf_fs_remove_tree(AT_FDCWD, top, NULL);
	return tap_done();
}
