/* The script folder: names, limits, the active link, a plain file there. */
#include "msieve/msieve.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fsio.h"
#include "tests/tap.h"

static char home[64], dir[100], active[100];
static struct msieve_scripts scripts = {
    .dir = dir, .active = active, .size_max = 1000, .count_max = 5};

static void fresh_home(void)
{
	if (home[0] && pf_fs_remove_tree(AT_FDCWD, home, NULL) != PF_OK)
		abort();
	snprintf(home, sizeof home, "/tmp/test_scripts.XXXXXX");
	if (!mkdtemp(home))
		abort();
	snprintf(dir, sizeof dir, "%s/sieve", home);
	snprintf(active, sizeof active, "%s/.dovecot.sieve", home);
}

static pf_status put(const char *name, const char *text)
{
	return msieve_scripts_put(&scripts, pf_str_c(name), pf_str_c(text),
				  NULL);
}

static pf_status activate(const char *name)
{
	return msieve_scripts_activate(&scripts, pf_str_c(name), NULL);
}

static pf_status rename_to(const char *from, const char *to)
{
	return msieve_scripts_rename(&scripts, pf_str_c(from), pf_str_c(to),
				     NULL);
}

static pf_status delete (const char *name)
{
	return msieve_scripts_remove(&scripts, pf_str_c(name), NULL);
}

/* "a *b c": the list, the active one with a star */
static void lists(const char *want)
{
	struct msieve_list list = {0};
	struct pf_buf said = PF_BUF_INIT(10000);

	ok(msieve_scripts_list(&scripts, &list, NULL) == PF_OK);
	for (size_t i = 0; i < list.n; i++)
		pf_buf_addf(&said, "%s%s%s", i ? " " : "",
			    list.v[i].active ? "*" : "", list.v[i].name);
	is_str(said.data, want);
	pf_vec_release(&list);
	pf_buf_release(&said);
}

static void gets(const char *name, const char *want)
{
	struct pf_buf text = PF_BUF_INIT(10000);

	ok(msieve_scripts_get(&scripts, pf_str_c(name), &text, NULL) == PF_OK);
	is_str(text.data, want);
	pf_buf_release(&text);
}

/* What a delivery would read. */
static void in_force(const char *want)
{
	struct pf_buf text = PF_BUF_INIT(10000);

	if (pf_fs_read(AT_FDCWD, active, &text, NULL) != PF_OK)
		pf_buf_add_c(&text, "(none)");
	is_str(text.data, want);
	pf_buf_release(&text);
}

static void link_says(const char *want)
{
	char target[200] = "";

	ok(readlink(active, target, sizeof target - 1) > 0);
	is_str(target, want);
}

static void write_file(const char *path, const char *text)
{
	if (pf_fs_replace(AT_FDCWD, path, pf_str_c(text), 0600, false, NULL) !=
	    PF_OK)
		abort();
}

/* ---- tests ---- */

static void names(void)
{
	char big[300];

	memset(big, 'x', sizeof big);
	ok(msieve_name_check(PF_STR("main script"), NULL) == PF_OK);
	ok(msieve_name_check(PF_STR("\xc3\xa4\xe2\x82\xac\\\"*"), NULL) ==
	   PF_OK);
	ok(msieve_name_check(pf_str_mem(big, MSIEVE_NAME_MAX), NULL) == PF_OK);
	ok(msieve_name_check(pf_str_mem(big, MSIEVE_NAME_MAX + 1), NULL) ==
	   PF_INVALID);
	static const char *const bad[] = {"",
					  ".",
					  "..",
					  "../x",
					  "a/b",
					  "/",
					  ".x",
					  "a\nb",
					  "a\tb",
					  "a\x7f",
					  "\xc2\x80",
					  "\xe2\x80\xa8",
					  "\xe2\x80\xa9",
					  "\xff",
					  "\xc0\xaf"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(msieve_name_check(pf_str_c(bad[i]), NULL) == PF_INVALID);
	ok(msieve_name_check(PF_STR("a\0b"), NULL) == PF_INVALID);
}

static void one_life(void)
{
	fresh_home();
	lists("");
	in_force("(none)");
	ok(put("b", "keep;") == PF_OK);
	ok(put("a", "stop;") == PF_OK);
	lists("a b");
	gets("b", "keep;");
	ok(activate("b") == PF_OK);
	lists("a *b");
	in_force("keep;");
	link_says("sieve/b.sieve");
	ok(put("b", "discard;") == PF_OK);
	in_force("discard;");
	ok(delete ("b") == PF_NOPERM);
	ok(activate("a") == PF_OK);
	in_force("stop;");
	ok(delete ("b") == PF_OK);
	ok(delete ("b") == PF_NOTFOUND);
	lists("*a");
	ok(activate("") == PF_OK);
	ok(activate("") == PF_OK);
	in_force("(none)");
	lists("a");
	ok(activate("b") == PF_NOTFOUND);
}

static void renaming(void)
{
	fresh_home();
	ok(rename_to("a", "b") == PF_NOTFOUND);
	ok(put("a", "keep;") == PF_OK && put("b", "stop;") == PF_OK);
	ok(rename_to("a", "b") == PF_EXISTS);
	ok(rename_to("a", "a") == PF_EXISTS);
	ok(rename_to("a", "x/y") == PF_INVALID);
	ok(rename_to("a", "c") == PF_OK);
	lists("b c");
	ok(activate("c") == PF_OK);
	ok(rename_to("c", "d") == PF_OK);
	lists("b *d");
	in_force("keep;");
	link_says("sieve/d.sieve");
}

static void limits(void)
{
	char big[1002], name[3] = "sX";

	memset(big, '#', sizeof big);
	big[1001] = '\0';
	fresh_home();
	ok(put("a", big) == PF_LIMIT);
	big[1000] = '\0';
	ok(put("a", big) == PF_OK);
	for (char c = '1'; c <= '4'; c++) {
		name[1] = c;
		ok(put(name, "") == PF_OK);
	}
	ok(put("s5", "") == PF_OVERQUOTA);
	ok(put("s4", "keep;") == PF_OK); /* replaces */
	ok(msieve_scripts_room(&scripts, PF_STR("s5"), 1, NULL) ==
	   PF_OVERQUOTA);
	ok(msieve_scripts_room(&scripts, PF_STR("s4"), 1, NULL) == PF_OK);
	ok(msieve_scripts_room(&scripts, PF_STR("s4"), 1001, NULL) == PF_LIMIT);
	ok(delete ("s1") == PF_OK);
	ok(put("s5", "") == PF_OK);
}

/* A user's ~/.dovecot.sieve from before stays in force and is never lost. */
static void plain_file(void)
{
	fresh_home();
	write_file(active, "stop;");
	lists("*dovecot.orig");
	gets("dovecot.orig", "stop;");
	ok(delete ("dovecot.orig") == PF_NOPERM);
	ok(put("new", "keep;") == PF_OK);
	lists("*dovecot.orig new");
	in_force("stop;");
	ok(activate("new") == PF_OK);
	lists("dovecot.orig *new");
	gets("dovecot.orig", "stop;");
	in_force("keep;");
	link_says("sieve/new.sieve");
	/* again, and the name is taken */
	ok(unlink(active) == 0);
	write_file(active, "discard;");
	lists("dovecot.orig *dovecot.orig-2 new");
	ok(rename_to("dovecot.orig-2", "mine") == PF_OK);
	lists("dovecot.orig *mine new");
	in_force("discard;");
	link_says("sieve/mine.sieve");
	ok(unlink(active) == 0);
	write_file(active, "# c");
	ok(put("dovecot.orig-2", "# d") == PF_OK);
	lists("dovecot.orig *dovecot.orig-2 mine new");
	in_force("# d");
	ok(unlink(active) == 0);
	write_file(active, "# e");
	ok(activate("") == PF_OK);
	in_force("(none)");
	gets("dovecot.orig-3", "# e");
}

static void other_peoples_files(void)
{
	char path[140];

	fresh_home();
	ok(put("a", "keep;") == PF_OK);
	snprintf(path, sizeof path, "%s/link.sieve", dir);
	ok(symlink("/etc/passwd", path) == 0);
	snprintf(path, sizeof path, "%s/notes.txt", dir);
	write_file(path, "x");
	snprintf(path, sizeof path, "%s/box.sieve", dir);
	ok(mkdir(path, 0700) == 0);
	lists("a");
	ok(msieve_scripts_get(&scripts, PF_STR("link"), &PF_BUF_INIT(100),
			      NULL) == PF_NOTFOUND);
	/* a link to somewhere else: nothing of ours is active */
	snprintf(path, sizeof path, "%s/elsewhere.sieve", home);
	write_file(path, "stop;");
	ok(symlink(path, active) == 0);
	lists("a");
	in_force("stop;");
	ok(activate("a") == PF_OK);
	lists("*a");
	in_force("keep;");
	/* a link to nothing */
	ok(unlink(active) == 0 && symlink("sieve/gone.sieve", active) == 0);
	lists("a");
	ok(activate("") == PF_OK);
	ok(access(active, F_OK) != 0 && put("gone", "#") == PF_OK);
	lists("a gone");
}

static void absolute_link(void)
{
	char other[64], path[120];

	fresh_home();
	snprintf(other, sizeof other, "/tmp/test_scripts.XXXXXX");
	ok(mkdtemp(other) != NULL);
	snprintf(dir, sizeof dir, "%s/deep/er", other);
	ok(put("a", "keep;") == PF_OK);
	ok(activate("a") == PF_OK);
	snprintf(path, sizeof path, "%s/a.sieve", dir);
	link_says(path);
	lists("*a");
	ok(pf_fs_remove_tree(AT_FDCWD, other, NULL) == PF_OK);
}

/* Processes that edit at once: every script is whole, the link always is. */
static void many_editors(void)
{
	pid_t pids[4];

	fresh_home();
	ok(put("s", "# 0 0 0 0") == PF_OK && activate("s") == PF_OK);
	for (int p = 0; p < 4; p++) {
		pids[p] = fork();
		if (pids[p] > 0)
			continue;
		for (int i = 0; i < 20; i++) {
			char text[80], name[] = "aX";

			name[1] = (char)('0' + p);
			snprintf(text, sizeof text, "# %d %d %d %d", p, p, p,
				 p);
			if (put("s", text) != PF_OK ||
			    put(name, text) != PF_OK ||
			    activate(i % 2 ? "s" : name) != PF_OK ||
			    access(active, R_OK) != 0)
				_exit(1);
		}
		_exit(0);
	}
	for (int p = 0; p < 4; p++) {
		int status = 1;
		ok(waitpid(pids[p], &status, 0) == pids[p] && status == 0);
	}
	struct pf_buf text = PF_BUF_INIT(100);
	ok(pf_fs_read(AT_FDCWD, active, &text, NULL) == PF_OK);
	is_int(text.len, 9);
	ok(text.data[2] == text.data[8] && text.data[4] == text.data[6]);
	pf_buf_release(&text);
}

int main(void)
{
	names();
	one_life();
	renaming();
	limits();
	plain_file();
	other_peoples_files();
	absolute_link();
	many_editors();
	return pf_fs_remove_tree(AT_FDCWD, home, NULL) == PF_OK ? tap_done()
								: 1;
}
