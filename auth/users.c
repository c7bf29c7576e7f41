/*
 * The passwd-file: text -> an immutable snapshot of users.
 *
 *	user:password:uid:gid:(gecos):home:(shell):extra_fields
 *
 * Only the name must be there.  Dovecot's rules hold for the rest, so that a
 * file of his works here and ours works there.  The one rule of our own: a
 * line with a good name and a fault behind it makes a *broken* user, because
 * mail for somebody whose line has a typing error must wait, not bounce.
 */
#include "auth/users.h"

#include <arpa/inet.h>
#include <grp.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>

#include <openssl/evp.h>

#include "base/base64.h"
#include "base/fsio.h"
#include "base/map.h"
#include "base/utf8.h"

struct auth_users {
	atomic_int refs;
	struct pf_vec(struct auth_user *) all;
	struct pf_map by_name; /* lower case -> struct auth_user */
	struct pf_map by_alias;
};

struct parser {
	const struct pf_conf *conf;
	struct auth_users *users;
	struct pf_conf_problems *problems;
	int line;
};

static void problem(struct parser *ps, const char *text, const char *fix)
{
	struct pf_conf_problem p = {.line = ps->line};

	if (!ps->problems || ps->problems->n >= 1000)
		return;
	snprintf(p.text, sizeof p.text, "%s", text);
	snprintf(p.fix, sizeof p.fix, "%s", fix);
	pf_vec_push(ps->problems, p);
}

/* A fault behind a good name. */
static void broken(struct parser *ps, struct auth_user *user, const char *text,
		   const char *fix)
{
	user->broken = true;
	problem(ps, text, fix);
}

bool auth_name_valid(struct pf_str name)
{
	if (name.n == 0 || name.n > AUTH_NAME_MAX || name.p[0] == '.' ||
	    !pf_utf8_valid(name))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		if (c < 0x20 || c == 0x7f || c == ':' || c == '/')
			return false;
	}
	/* "a@..": %d in a path */
	ptrdiff_t at = pf_str_rchr(name, '@');
	return at < 0 ||
	       (at > 0 && (size_t)at + 1 < name.n && name.p[at + 1] != '.');
}

void auth_password_tag(struct pf_str field, char tag[AUTH_TAG_LEN + 1])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct pf_buf hex = PF_BUF_INIT(AUTH_TAG_LEN);

	if (!EVP_Digest(field.p, field.n, digest, NULL, EVP_sha256(), NULL))
		abort(); /* SHA-256 is always there */
	pf_hex_encode(&hex, pf_str_mem(digest, AUTH_TAG_LEN / 2));
	memcpy(tag, hex.data, AUTH_TAG_LEN + 1);
	pf_buf_release(&hex);
}

/* ---- uid and gid ------------------------------------------------------- */

static bool parse_id(struct pf_str s, bool group, uint32_t *id)
{
	char name[64], buffer[4096];
	uint64_t number;

	if (pf_str_u64(s, UINT32_MAX - 1, &number)) {
		*id = (uint32_t)number;
		return true;
	}
	if (!pf_str_copy(s, name, sizeof name))
		return false;
	if (group) {
		struct group gr, *found = NULL;
		if (getgrnam_r(name, &gr, buffer, sizeof buffer, &found) != 0 ||
		    !found)
			return false;
		*id = gr.gr_gid;
		return true;
	}
	struct passwd pw, *found = NULL;
	if (getpwnam_r(name, &pw, buffer, sizeof buffer, &found) != 0 || !found)
		return false;
	*id = pw.pw_uid;
	return true;
}

static void set_uid(struct parser *ps, struct auth_user *user, struct pf_str s)
{
	uint32_t id;

	if (s.n == 0)
		return;
	if (!parse_id(s, false, &id))
		broken(ps, user, "there is no such uid",
		       "write a number or the name of a system user");
	else if (id == 0)
		broken(ps, user, "uid 0 cannot own mail",
		       "give the user a uid of his own, or none");
	else
		user->uid = id;
}

static void set_gid(struct parser *ps, struct auth_user *user, struct pf_str s)
{
	uint32_t id;

	if (s.n == 0)
		return;
	if (!parse_id(s, true, &id))
		broken(ps, user, "there is no such gid",
		       "write a number or the name of a system group");
	else
		user->gid = id;
}

/* ---- paths ------------------------------------------------------------- */

static char *expand(struct parser *ps, struct auth_user *user, struct pf_str s,
		    const char *home)
{
	struct pf_buf path = PF_BUF_INIT(4096);
	char *text = pf_str_dup(s);
	pf_status status =
	    pf_conf_expand(&path, text, pf_str_c(user->name), home, NULL);

	free(text);
	if (status != PF_OK) {
		broken(ps, user, "this path is too long",
		       "paths end at 4096 bytes");
		pf_buf_clear(&path);
	}
	char *result = pf_str_dup(pf_buf_str(&path));
	pf_buf_release(&path);
	return result;
}

/* "maildir:~/Maildir:INDEX=..." -> "~/Maildir" */
static bool mail_location(struct pf_str s, struct pf_str *path)
{
	if (pf_str_istarts(s, PF_STR("maildir:")))
		s = pf_str_from(s, sizeof "maildir:" - 1);
	ptrdiff_t options = pf_str_chr(s, ':');
	*path = options < 0 ? s : pf_str_head(s, (size_t)options);
	return path->n > 0 && strchr("/~%", path->p[0]);
}

static void set_mail(struct parser *ps, struct auth_user *user,
		     struct pf_str location)
{
	struct pf_str path;

	if (location.n == 0) {
		user->mail =
		    expand(ps, user, pf_str_c(ps->conf->mail_path), user->home);
		return;
	}
	if (!mail_location(location, &path)) {
		broken(ps, user, "userdb_mail does not name a Maildir",
		       "write userdb_mail=maildir:/path or maildir:~/Maildir");
		path = PF_STR("");
	}
	if (!pf_str_eq(path, PF_STR("~")) &&
	    !pf_str_starts(path, PF_STR("~/"))) {
		user->mail = expand(ps, user, path, user->home);
		return;
	}
	struct pf_buf under = PF_BUF_INIT(8192);
	char *rest = expand(ps, user, pf_str_from(path, 1), user->home);
	pf_buf_addf(&under, "%s%s", user->home, rest);
	free(rest);
	user->mail = pf_buf_detach(&under);
}

/* ---- allow_nets -------------------------------------------------------- */

/* 16 bytes; false when `s` is no address. */
static bool parse_ip(struct pf_str s, unsigned char to[16], bool *v4)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	char text[64];

	if (!pf_str_copy(s, text, sizeof text))
		return false;
	*v4 = inet_pton(AF_INET, text, to + 12) == 1;
	if (*v4) {
		memcpy(to, mapped, sizeof mapped);
		return true;
	}
	return inet_pton(AF_INET6, text, to) == 1;
}

bool auth_net_parse(struct pf_str word, struct auth_net *net)
{
	ptrdiff_t slash = pf_str_chr(word, '/');
	uint64_t bits;
	bool v4;

	if (!parse_ip(slash < 0 ? word : pf_str_head(word, (size_t)slash),
		      net->address, &v4))
		return false;
	net->bits = 128;
	if (slash < 0)
		return true;
	if (!pf_str_u64(pf_str_from(word, (size_t)slash + 1), v4 ? 32 : 128,
			&bits))
		return false;
	net->bits = (int)bits + (v4 ? 96 : 0);
	return true;
}

static bool net_holds(const struct auth_net *net, const unsigned char ip[16])
{
	size_t whole = (size_t)net->bits / 8, rest = (size_t)net->bits % 8;

	if (memcmp(net->address, ip, whole) != 0)
		return false;
	if (rest == 0)
		return true;
	unsigned mask = 0xffu << (8 - rest) & 0xffu;
	return (net->address[whole] & mask) == (ip[whole] & mask);
}

bool auth_nets_hold(const struct auth_net *nets, size_t n, struct pf_str ip)
{
	unsigned char address[16];
	bool v4;

	if (n == 0)
		return true;
	if (!parse_ip(ip, address, &v4))
		return false;
	for (size_t i = 0; i < n; i++)
		if (net_holds(&nets[i], address))
			return true;
	return false;
}

bool auth_user_allows(const struct auth_user *user, struct pf_str ip)
{
	return auth_nets_hold(user->nets, user->n_nets, ip);
}

bool auth_nets_parse(struct pf_str list, struct auth_net **nets, size_t *n)
{
	struct pf_vec(struct auth_net) all = {0};
	struct pf_str word;
	bool good = true;

	while (good && pf_str_split(&list, ',', &word)) {
		struct auth_net net;
		good = auth_net_parse(word, &net);
		if (good)
			pf_vec_push(&all, net);
	}
	if (!good || all.n == 0) {
		pf_vec_release(&all);
		return false;
	}
	*nets = all.v;
	*n = all.n;
	return true;
}

static void set_nets(struct parser *ps, struct auth_user *user,
		     struct pf_str list)
{
	struct auth_net *nets = NULL;
	size_t n = 0;

	if (!auth_nets_parse(list, &nets, &n))
		broken(ps, user, "allow_nets is not understood",
		       "write addresses or ip/bits, parted by commas");
	free(user->nets);
	user->nets = nets;
	user->n_nets = n;
}

/* ---- extra fields ------------------------------------------------------ */

/* Keys count only for the password that they were made with. */
static void set_scram(struct parser *ps, struct auth_user *user,
		      struct pf_str value, char **keys)
{
	char tag[AUTH_TAG_LEN + 1];

	auth_password_tag(pf_str_c(user->password), tag);
	if (value.n < AUTH_TAG_LEN + 1 ||
	    !pf_str_eq(pf_str_head(value, AUTH_TAG_LEN), pf_str_c(tag)) ||
	    value.p[AUTH_TAG_LEN] != ',') {
		problem(ps, "the SCRAM keys belong to an older password",
			"set it again with: penfold user passwd");
		return;
	}
	free(*keys);
	*keys = pf_str_dup(pf_str_from(value, AUTH_TAG_LEN + 1));
}

static void add_device(struct parser *ps, struct auth_user *user,
		       struct pf_str value)
{
	struct auth_device device;

	if (!auth_device_parse(value, &device)) {
		problem(ps, "this device password is not understood",
			"make it again with: penfold device");
		return;
	}
	struct auth_device *more =
	    realloc(user->devices, (user->n_devices + 1) * sizeof *more);
	if (!more)
		abort();
	user->devices = more;
	user->devices[user->n_devices++] = device;
}

struct extras {
	struct pf_str home, mail, aliases;
};

#define QUOTA_RULE     "userdb_quota_rule"
#define QUOTA_STORAGE  "userdb_quota_storage_size"
#define QUOTA_MESSAGES "userdb_quota_message_count"

/* Dovecot 2.3's rules are ours; 2.4 has a field for each limit. */
static bool set_quota(struct auth_user *user, struct pf_str key,
		      struct pf_str value)
{
	struct pf_buf rules = PF_BUF_INIT(AUTH_LINE_MAX + 100);
	const char *prefix;

	if (pf_str_starts(key, PF_STR(QUOTA_RULE)))
		prefix = "";
	else if (pf_str_eq(key, PF_STR(QUOTA_STORAGE)))
		prefix = "*:bytes=";
	else if (pf_str_eq(key, PF_STR(QUOTA_MESSAGES)))
		prefix = "*:messages=";
	else
		return false;
	if (user->quota)
		pf_buf_addf(&rules, "%s ", user->quota);
	pf_buf_add_c(&rules, prefix);
	pf_buf_add_str(&rules, value);
	free(user->quota);
	user->quota = pf_buf_detach(&rules);
	return true;
}

static void extra_field(struct parser *ps, struct auth_user *user,
			struct pf_str word, struct extras *extras)
{
	ptrdiff_t equals = pf_str_chr(word, '=');
	struct pf_str key =
	    equals < 0 ? word : pf_str_head(word, (size_t)equals);
	struct pf_str value =
	    equals < 0 ? PF_STR("") : pf_str_from(word, (size_t)equals + 1);

	if (pf_str_eq(key, PF_STR("userdb_home")))
		extras->home = value;
	else if (pf_str_eq(key, PF_STR(AUTH_FIELD_ALIAS)))
		extras->aliases = value;
	else if (pf_str_eq(key, PF_STR("userdb_mail")))
		extras->mail = value;
	else if (pf_str_eq(key, PF_STR("userdb_uid")))
		set_uid(ps, user, value);
	else if (pf_str_eq(key, PF_STR("userdb_gid")))
		set_gid(ps, user, value);
	else if (pf_str_eq(key, PF_STR("nologin")))
		user->disabled = true;
	else if (pf_str_eq(key, PF_STR("allow_nets")))
		set_nets(ps, user, value);
	else if (pf_str_eq(key, PF_STR(AUTH_FIELD_SCRAM_SHA1)))
		set_scram(ps, user, value, &user->scram_sha1);
	else if (pf_str_eq(key, PF_STR(AUTH_FIELD_SCRAM_SHA256)))
		set_scram(ps, user, value, &user->scram_sha256);
	else if (pf_str_eq(key, PF_STR(AUTH_FIELD_DEVICE)))
		add_device(ps, user, value);
	else if (pf_str_eq(key, PF_STR(AUTH_FIELD_DEVICES_ONLY)))
		user->devices_only = true;
	else if (pf_str_eq(key, PF_STR(AUTH_FIELD_MASTER)))
		user->master = true;
	else
		(void)set_quota(user, key, value);
}

/* ---- lines ------------------------------------------------------------- */

static void user_free(struct auth_user *user)
{
	char *secrets[] = {user->password, user->scram_sha1,
			   user->scram_sha256};

	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
		if (secrets[i])
			explicit_bzero(secrets[i], strlen(secrets[i]));
		free(secrets[i]);
	}
	free(user->name);
	free(user->home);
	free(user->mail);
	free(user->quota);
	free(user->nets);
	for (size_t i = 0; i < user->n_devices; i++)
		auth_device_release(&user->devices[i]);
	free(user->devices);
	free(user);
}

static void fold(struct pf_str name, char key[AUTH_NAME_MAX])
{
	for (size_t i = 0; i < name.n; i++)
		key[i] = pf_ascii_lower(name.p[i]);
}

static bool add(struct auth_users *users, struct auth_user *user)
{
	char key[AUTH_NAME_MAX];
	struct pf_str name = pf_str_c(user->name);

	fold(name, key);
	if (pf_map_get(&users->by_name, pf_str_mem(key, name.n)))
		return false;
	pf_map_set(&users->by_name, pf_str_mem(key, name.n), user);
	pf_vec_push(&users->all, user);
	return true;
}

static void set_password(struct auth_user *user, struct pf_str password)
{
	user->password = pf_str_dup(password);
	if (password.n == 0 || password.p[0] == '!' || password.p[0] == '*')
		user->disabled = true;
}

/* "info,sales@ex.test,@other.test"; whoever has one first keeps it. */
static void add_aliases(struct parser *ps, struct auth_user *user,
			struct pf_str list)
{
	struct pf_str word;

	while (pf_str_split(&list, ',', &word)) {
		char key[AUTH_NAME_MAX];
		struct pf_str name = word;
		if (word.n && word.p[0] == '@')
			name = pf_str_from(word, 1);
		if (word.n > sizeof key || !auth_name_valid(name)) {
			problem(ps, "this alias is no address",
				"write name, name@domain or @domain, parted by "
				"commas");
			continue;
		}
		fold(word, key);
		struct pf_str folded = pf_str_mem(key, word.n);
		if (pf_map_get(&ps->users->by_alias, folded))
			problem(ps, "another user has this alias already",
				"give it to one of the two");
		else
			pf_map_set(&ps->users->by_alias, folded, user);
	}
}

static void parse_fields(struct parser *ps, struct auth_user *user,
			 struct pf_str rest, struct pf_str *aliases)
{
	struct pf_str field[6] = {0}; /* password uid gid gecos home shell */
	struct pf_str word;
	struct extras extras = {0};

	for (size_t i = 0; i < 6; i++)
		if (!pf_str_split(&rest, ':', &field[i]))
			field[i] = PF_STR("");
	set_password(user, field[0]);
	set_uid(ps, user, field[1]);
	set_gid(ps, user, field[2]);
	extras.home = field[4];
	while (pf_str_split(&rest, ' ', &word))
		extra_field(ps, user, word, &extras);
	if (extras.home.n == 0)
		extras.home = pf_str_c(ps->conf->home_path);
	user->home = expand(ps, user, extras.home, NULL);
	set_mail(ps, user, extras.mail);
	*aliases = extras.aliases;
	if (!user->broken && (user->home[0] != '/' || user->mail[0] != '/'))
		broken(ps, user, "home and mail must be absolute paths",
		       "write /path/to/home, or leave the field empty");
}

static void parse_line(struct parser *ps, struct pf_str line)
{
	ptrdiff_t colon = pf_str_chr(line, ':');
	struct pf_str name =
	    colon < 0 ? line : pf_str_head(line, (size_t)colon);

	if (!auth_name_valid(name)) {
		problem(ps, "this line does not begin with a user name",
			"write name:password:uid:gid::home::");
		return;
	}
	struct auth_user *user = calloc(1, sizeof *user);
	if (!user)
		abort();
	user->name = pf_str_dup(name);
	user->uid = (uid_t)-1;
	user->gid = (gid_t)-1;
	user->line = ps->line;
	bool bad = line.n > AUTH_LINE_MAX;
	for (size_t i = 0; i < line.n && !bad; i++)
		bad = (unsigned char)line.p[i] < 0x20 && line.p[i] != '\t';
	if (bad)
		broken(ps, user, "this line is too long, or has control bytes",
		       "write name:password:uid:gid::home::");
	struct pf_str aliases;
	parse_fields(ps, user,
		     bad || colon < 0 ? PF_STR("")
				      : pf_str_from(line, (size_t)colon + 1),
		     &aliases);
	if (!add(ps->users, user)) {
		problem(ps, "this user is there already; the first line counts",
			"remove one of the two lines");
		user_free(user);
	} else {
		add_aliases(ps, user, aliases);
	}
}

void auth_users_parse(const struct pf_conf *conf, struct pf_str text,
		      struct auth_users **users,
		      struct pf_conf_problems *problems)
{
	struct parser ps = {conf, calloc(1, sizeof *ps.users), problems, 0};
	struct pf_str line;

	if (!ps.users)
		abort();
	atomic_init(&ps.users->refs, 1);
	while (pf_str_split(&text, '\n', &line)) {
		ps.line++;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		struct pf_str trimmed = pf_str_trim(line);
		if (trimmed.n && trimmed.p[0] != '#')
			parse_line(&ps, line);
	}
	*users = ps.users;
}

pf_status auth_users_load(const struct pf_conf *conf, struct auth_users **users,
			  struct pf_conf_problems *problems,
			  struct pf_error *err)
{
	struct pf_buf text = PF_BUF_INIT(AUTH_USERS_MAX);
	pf_status status = pf_fs_read(AT_FDCWD, conf->user_file, &text, err);

	if (status == PF_OK)
		auth_users_parse(conf, pf_buf_str(&text), users, problems);
	pf_buf_wipe(&text);
	return status;
}

/* ---- the snapshot ------------------------------------------------------ */

const struct auth_user *auth_users_find(const struct auth_users *users,
					struct pf_str name)
{
	char key[AUTH_NAME_MAX];

	if (name.n == 0 || name.n > sizeof key)
		return NULL;
	fold(name, key);
	return pf_map_get(&users->by_name, pf_str_mem(key, name.n));
}

const struct auth_user *auth_users_find_alias(const struct auth_users *users,
					      struct pf_str alias)
{
	char key[AUTH_NAME_MAX];

	if (alias.n == 0 || alias.n > sizeof key)
		return NULL;
	fold(alias, key);
	return pf_map_get(&users->by_alias, pf_str_mem(key, alias.n));
}

size_t auth_users_count(const struct auth_users *users)
{
	return users->all.n;
}

const struct auth_user *auth_users_at(const struct auth_users *users, size_t i)
{
	return users->all.v[i];
}

void auth_users_ref(struct auth_users *users)
{
	atomic_fetch_add(&users->refs, 1);
}

void auth_users_unref(struct auth_users **users)
{
	struct auth_users *old = *users;

	*users = NULL;
	if (!old || atomic_fetch_sub(&old->refs, 1) > 1)
		return;
	for (size_t i = 0; i < old->all.n; i++)
		user_free(old->all.v[i]);
	pf_vec_release(&old->all);
	pf_map_release(&old->by_name);
	pf_map_release(&old->by_alias);
	free(old);
}
