/* The user file while it changes: nobody becomes unknown by accident. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/source.h"
#include "base/fsio.h"
#include "tests/auth/conf.h"
#include "tests/tap.h"

static struct pf_conf conf;
static struct auth_source source;
static char path[64];

/* In place, as an editor that truncates does. */
static void write_in_place(const char *text)
{
	FILE *f = fopen(path, "w");

	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

static void write_old(const char *text)
{
	struct timespec times[2] = {{1000000000, 0}, {1000000000, 0}};

	write_in_place(text);
	utimensat(AT_FDCWD, path, times, 0);
}

static void replace(const char *text)
{
	is_int(pf_fs_replace(AT_FDCWD, path, pf_str_c(text), 0600, true, NULL),
	       PF_OK);
}

static pf_status login(const char *name)
{
	const struct auth_user *user;

	auth_source_refresh(&source);
	return auth_source_login(&source, pf_str_c(name), &user, NULL);
}

static pf_status address(const char *name)
{
	struct auth_recipient r;

	auth_source_refresh(&source);
	return auth_source_address(&source, pf_str_c(name), &r, NULL);
}

static void is_down_without_a_file(void)
{
	auth_source_init(&source, &conf);
	is_int(login("ann"), PF_UNAVAILABLE);
	is_int(address("ann@ex.test"), PF_UNAVAILABLE);
	/* also where a directory stands instead */
	is_int(mkdir(path, 0700), 0);
	is_int(login("ann"), PF_UNAVAILABLE);
	is_int(rmdir(path), 0);
	replace("ann:x\n");
	is_int(login("ann"), PF_OK);
	is_int(login("zoe"), PF_NOTFOUND);
	auth_source_release(&source);
}

static void takes_the_first_file_as_it_is(void)
{
	write_in_place("ann:x\nbob:x");
	auth_source_init(&source, &conf);
	is_int(login("bob"), PF_OK);
	is_int(login("bob@EX.test"), PF_OK);
	is_int(login("bob@elsewhere.test"), PF_NOTFOUND);
	is_int(login("zoe"), PF_NOTFOUND);
	ok(source.again_ms != 0);
	auth_source_release(&source);
}

static void follows_a_replaced_file(void)
{
	write_old("ann:x\n");
	auth_source_init(&source, &conf);
	is_int(login("ann"), PF_OK);
	uint32_t before = source.generation;
	is_int(login("ann"), PF_OK);
	is_int(source.generation, before);
	replace("bob:x\n");
	is_int(login("bob"), PF_OK);
	is_int(login("ann"), PF_NOTFOUND);
	is_int(source.generation, before + 1);
	auth_source_release(&source);
}

static void half_written_means_wait(void)
{
	write_old("ann:x\nbob:x\n");
	auth_source_init(&source, &conf);
	is_int(login("ann"), PF_OK);
	write_in_place("cyd:x\nbo");
	is_int(login("cyd"), PF_OK);
	is_int(login("ann"), PF_OK);
	is_int(address("ann+x@ex.test"), PF_OK);
	is_int(login("bob"), PF_OK);
	is_int(login("bo"), PF_UNAVAILABLE);
	is_int(login("zoe"), PF_UNAVAILABLE);
	is_int(address("zoe@ex.test"), PF_UNAVAILABLE);
	/* still being written: the oldest complete one counts */
	write_in_place("cyd:x\nbob:x:broken-u");
	is_int(login("ann"), PF_OK);
	/* a second later nothing has moved */
	source.again_ms = 1;
	is_int(login("ann"), PF_NOTFOUND);
	is_int(login("bob"), PF_UNAVAILABLE);
	is_int(login("cyd"), PF_OK);
	is_int(login("zoe"), PF_NOTFOUND);
	is_int(source.again_ms, 0);
	auth_source_release(&source);
}

static void a_vanished_file_keeps_whom_we_know(void)
{
	write_old("ann:x\n");
	auth_source_init(&source, &conf);
	is_int(login("ann"), PF_OK);
	/* held open, so that the next file cannot get the same inode */
	int held = open(path, O_RDONLY);
	is_int(unlink(path), 0);
	is_int(login("ann"), PF_OK);
	is_int(login("zoe"), PF_UNAVAILABLE);
	is_int(source.fault.status, PF_NOTFOUND);
	replace("bob:x\n");
	is_int(login("bob"), PF_OK);
	is_int(login("ann"), PF_NOTFOUND);
	is_int(source.fault.status, PF_OK);
	close(held);
	auth_source_release(&source);
}

int main(void)
{
	char dir[] = "/tmp/test_source.XXXXXX";

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof path, "%s/users", dir);
	test_conf_init(&conf);
	ok(pf_conf_set(&conf, PF_STR("user_file"), pf_str_c(path), NULL));
	is_down_without_a_file();
	takes_the_first_file_as_it_is();
	follows_a_replaced_file();
	half_written_means_wait();
	a_vanished_file_keeps_whom_we_know();
	pf_conf_release(&conf);
	unlink(path);
	rmdir(dir);
	return tap_done();
}
