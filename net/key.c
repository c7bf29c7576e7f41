/*
 * The key role (key.h): the process that holds the keys, and what the asking
 * side puts in their place.
 *
 * OpenSSL lets a public RSA or EC key carry functions of ours for what needs
 * the private one.  They are deprecated since 3.0 in favour of providers,
 * which take several times the code; if they go, only this file changes
 * (docs/decisions/185).
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/confine.h"
#include "base/priv.h"
#include "net/key.h"
#include "net/private.h"

#define PACKET_MAX (64 * 1024)
#define DATA_MAX   1024 /* to sign: RSA with 8192 bits */
#define WAIT_MS	   2000 /* for an answer */
#define PAIRS_KEPT 2	/* handshakes may have begun with the older one */

enum verb {
	LOOK, /* at the files -> their state */
	CERT, /* -> chain, staple */
	RSA_SIGN,
	EC_SIGN,
};

/* What stands before the data of each packet, both ways. */
struct head {
	uint32_t verb;	 /* answer: the pf_status */
	uint32_t set;	 /* which certificates: counted up at each change */
	uint32_t index;	 /* answer to LOOK: how many there are */
	uint32_t number; /* padding; answer to CERT: bytes of the chain */
};

struct packet {
	struct head head;
	size_t n;
	unsigned char data[PACKET_MAX - sizeof(struct head)];
};

static bool packet_send(int fd, struct packet *p)
{
	struct iovec iov[2] = {{&p->head, sizeof p->head}, {p->data, p->n}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t r;

	do {
		r = sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (r < 0 && errno == EINTR);
	return r >= 0;
}

static bool packet_receive(int fd, struct packet *p)
{
	struct iovec iov[2] = {{&p->head, sizeof p->head},
			       {p->data, sizeof p->data}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t r;

	do {
		r = recvmsg(fd, &msg, 0);
	} while (r < 0 && errno == EINTR);
	if (r < (ssize_t)sizeof p->head || (msg.msg_flags & MSG_TRUNC))
		return false;
	p->n = (size_t)r - sizeof p->head;
	return true;
}

/* ---- the process with the keys ------------------------------------------- */

struct pairs {
	uint32_t set;
	size_t count;
	struct net_cert_files files[NET_CERTS_MAX];
};

struct keeper {
	const char *certs, *keys;
	uint64_t stamp; /* of the files as last read, good or not */
	struct pairs pairs[PAIRS_KEPT]; /* the newest first */
};

static uint64_t add_stamp(uint64_t sum, struct pf_str path, const char *end)
{
	struct pf_buf name = PF_BUF_INIT(4200);
	struct stat st = {0};

	pf_buf_add_str(&name, path);
	pf_buf_add_c(&name, end);
	if (stat(name.data, &st) == 0)
		sum ^= (uint64_t)st.st_ino + (uint64_t)st.st_size * 31 +
		       (uint64_t)st.st_mtim.tv_sec * 1000000007 +
		       (uint64_t)st.st_mtim.tv_nsec * 3;
	pf_buf_release(&name);
	return sum * 1099511628211u + 1;
}

static uint64_t stamp_of(const struct keeper *k)
{
	struct pf_str certs = pf_str_c(k->certs), keys = pf_str_c(k->keys);
	struct pf_str word;
	uint64_t sum = 1;

	while (pf_conf_word(&certs, &word)) {
		sum = add_stamp(sum, word, "");
		sum = add_stamp(sum, word, NET_STAPLE_NAME);
	}
	while (pf_conf_word(&keys, &word))
		sum = add_stamp(sum, word, "");
	return sum;
}

/* New files count when all of them are good; else what was there stays. */
static pf_status look(struct keeper *k, struct pf_error *err)
{
	uint64_t stamp = stamp_of(k);
	struct pairs fresh = {.set = k->pairs[0].set + 1};
	pf_status status;

	if (stamp == k->stamp)
		return PF_OK;
	k->stamp = stamp;
	status = net_cert_files_read(k->certs, k->keys, fresh.files,
				     &fresh.count, err);
	if (status != PF_OK)
		return status;
	for (size_t i = 0; i < k->pairs[PAIRS_KEPT - 1].count; i++)
		net_cert_files_release(&k->pairs[PAIRS_KEPT - 1].files[i]);
	k->pairs[1] = k->pairs[0];
	k->pairs[0] = fresh;
	return PF_OK;
}

static EVP_PKEY *key_asked_for(struct keeper *k, const struct head *head)
{
	for (size_t i = 0; i < PAIRS_KEPT; i++)
		if (k->pairs[i].set == head->set &&
		    head->index < k->pairs[i].count)
			return k->pairs[i].files[head->index].key;
	return NULL;
}

/* Without a digest name EVP_PKEY_sign() signs what it is given. */
static bool sign(EVP_PKEY *key, struct packet *p)
{
	EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	unsigned char signature[DATA_MAX];
	size_t n = sizeof signature;
	bool rsa = p->head.verb == RSA_SIGN;
	bool good = ctx && p->n <= DATA_MAX &&
		    EVP_PKEY_is_a(key, rsa ? "RSA" : "EC") &&
		    EVP_PKEY_sign_init(ctx) == 1;

	if (good && rsa)
		good =
		    EVP_PKEY_CTX_set_rsa_padding(ctx, (int)p->head.number) == 1;
	good = good && EVP_PKEY_sign(ctx, signature, &n, p->data, p->n) == 1;
	if (good) {
		memcpy(p->data, signature, n);
		p->n = n;
	}
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

static bool put_cert(struct keeper *k, struct packet *p)
{
	const struct pairs *now = &k->pairs[0];

	if (p->head.set != now->set || p->head.index >= now->count)
		return false;
	const struct net_cert_files *f = &now->files[p->head.index];
	memcpy(p->data, f->chain.data, f->chain.len);
	if (f->staple.len > 0)
		memcpy(p->data + f->chain.len, f->staple.data, f->staple.len);
	p->head.number = (uint32_t)f->chain.len;
	p->n = f->chain.len + f->staple.len;
	return true;
}

static void answer(struct keeper *k, struct packet *p)
{
	struct pf_error err = {0};
	pf_status status = PF_OK;

	switch ((enum verb)p->head.verb) {
	case LOOK:
		status = look(k, &err);
		p->n = strlen(err.log) + 1;
		memcpy(p->data, err.log, p->n);
		p->head.set = k->pairs[0].set;
		p->head.index = (uint32_t)k->pairs[0].count;
		break;
	case CERT:
		status = put_cert(k, p) ? PF_OK : PF_NOTFOUND;
		break;
	case RSA_SIGN:
	case EC_SIGN:
		status =
		    sign(key_asked_for(k, &p->head), p) ? PF_OK : PF_INVALID;
		break;
	default:
		status = PF_INVALID;
	}
	if (status != PF_OK && p->head.verb != LOOK)
		p->n = 0;
	p->head.verb = (uint32_t)status;
}

/* The folder of a file, and the one it stands in really. */
static void add_folders(struct pf_str path, char folders[][4096], size_t *n)
{
	char real[4096];

	for (int i = 0; i < 2; i++) {
		ptrdiff_t slash = pf_str_rchr(path, '/');
		struct pf_str folder = slash > 0
					   ? pf_str_head(path, (size_t)slash)
				       : slash == 0 ? PF_STR("/")
						    : PF_STR(".");
		if (pf_str_copy(folder, folders[*n], 4096) &&
		    access(folders[*n], F_OK) == 0)
			(*n)++;
		if (i > 0 || !pf_str_copy(path, real, sizeof real))
			return;
		char *resolved = realpath(real, NULL);
		if (!resolved)
			return;
		(void)snprintf(real, sizeof real, "%s", resolved);
		free(resolved);
		path = pf_str_c(real);
	}
}

/* Reads the folders of its files, and signs: no more.  Root stays root, to
 * read what only root may, but with no other right of root's. */
static void confine(const struct keeper *k)
{
	static char folders[4 * NET_CERTS_MAX][4096];
	const char *list[4 * NET_CERTS_MAX + 1] = {NULL};
	struct pf_str certs = pf_str_c(k->certs), keys = pf_str_c(k->keys);
	struct pf_str word;
	size_t n = 0;

	while (n < 4 * NET_CERTS_MAX - 1 && pf_conf_word(&certs, &word))
		add_folders(word, folders, &n);
	while (n < 4 * NET_CERTS_MAX - 1 && pf_conf_word(&keys, &word))
		add_folders(word, folders, &n);
	for (size_t i = 0; i < n; i++)
		list[i] = folders[i];
	pf_priv_harden();
	pf_priv_only_read();
	if (pf_confine_files(list, NULL) != PF_OK ||
	    pf_confine_calls(PF_CALLS_READ, NULL) != PF_OK)
		_exit(1);
}

static _Noreturn void keep(int fd, const char *certs, const char *keys)
{
	static struct packet packet;
	struct keeper keeper = {.certs = certs, .keys = keys};

	prctl(PR_SET_NAME, "penfold-key");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* its end is the asker's, which closes the socket */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	/* OpenSSL reads its own configuration before there are no files */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG |
				      OPENSSL_INIT_ADD_ALL_CIPHERS |
				      OPENSSL_INIT_ADD_ALL_DIGESTS,
				  NULL);
	confine(&keeper);
	while (packet_receive(fd, &packet)) {
		answer(&keeper, &packet);
		if (!packet_send(fd, &packet))
			break;
	}
	_exit(0);
}

/* ---- the asking side ------------------------------------------------------
 */

struct net_key {
	int fd;
	int refs; /* the owner's, and one of each key made of it */
	uint32_t set;
	size_t count;
};

/* What a key of ours has instead of its private part. */
struct remote {
	struct net_key *key;
	uint32_t set, index;
};

static int rsa_slot = -1, ec_slot = -1;
static RSA_METHOD *rsa_method;
static EC_KEY_METHOD *ec_method;

static bool ask(struct net_key *key, struct packet *p)
{
	if (packet_send(key->fd, p) && packet_receive(key->fd, p))
		return true;
	/* what comes too late would be taken for the next answer */
	(void)shutdown(key->fd, SHUT_RDWR);
	return false;
}

/* The signature's length, or 0. */
static size_t ask_to_sign(const struct remote *remote, enum verb verb,
			  int padding, const unsigned char *data, size_t n,
			  unsigned char *to, size_t size)
{
	static struct packet p;

	if (!remote || n > DATA_MAX)
		return 0;
	p.head = (struct head){.verb = verb,
			       .set = remote->set,
			       .index = remote->index,
			       .number = (uint32_t)padding};
	p.n = n;
	memcpy(p.data, data, n);
	if (!ask(remote->key, &p) || p.head.verb != PF_OK || p.n > size)
		return 0;
	memcpy(to, p.data, p.n);
	return p.n;
}

static int rsa_sign(int n, const unsigned char *data, unsigned char *to,
		    RSA *rsa, int padding)
{
	size_t got =
	    ask_to_sign(RSA_get_ex_data(rsa, rsa_slot), RSA_SIGN, padding, data,
			(size_t)n, to, (size_t)RSA_size(rsa));

	return got > 0 ? (int)got : -1;
}

static int ec_sign(int type, const unsigned char *digest, int n,
		   unsigned char *to, unsigned *len, const BIGNUM *kinv,
		   const BIGNUM *r, EC_KEY *ec)
{
	(void)type;
	(void)kinv;
	(void)r;
	*len = (unsigned)ask_to_sign(EC_KEY_get_ex_data(ec, ec_slot), EC_SIGN,
				     0, digest, (size_t)n, to,
				     (size_t)ECDSA_size(ec));
	return *len > 0;
}

static void release_key(struct net_key *key)
{
	if (--key->refs > 0)
		return;
	close(key->fd);
	free(key);
}

static void free_remote(void *parent, void *p, CRYPTO_EX_DATA *ad, int slot,
			long argl, void *argp)
{
	struct remote *remote = p;

	(void)parent;
	(void)ad;
	(void)slot;
	(void)argl;
	(void)argp;
	if (!remote)
		return;
	release_key(remote->key);
	free(remote);
}

static void make_methods(void)
{
	rsa_slot = RSA_get_ex_new_index(0, NULL, NULL, NULL, free_remote);
	ec_slot = EC_KEY_get_ex_new_index(0, NULL, NULL, NULL, free_remote);
	rsa_method = RSA_meth_dup(RSA_PKCS1_OpenSSL());
	ec_method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
	if (rsa_slot < 0 || ec_slot < 0 || !rsa_method || !ec_method ||
	    RSA_meth_set_priv_enc(rsa_method, rsa_sign) != 1)
		abort();
	EC_KEY_METHOD_set_sign(ec_method, ec_sign, NULL, NULL);
}

static struct remote *new_remote(struct net_key *key, size_t index)
{
	struct remote *remote = calloc(1, sizeof *remote);

	if (!remote)
		abort();
	*remote = (struct remote){key, key->set, (uint32_t)index};
	key->refs++;
	return remote;
}

/* A key with the certificate's public part, and a remote private one; NULL:
 * of a kind that cannot be. */
static EVP_PKEY *remote_key(struct net_key *key, size_t index, X509 *x509)
{
	EVP_PKEY *public = X509_get0_pubkey(x509), *made = EVP_PKEY_new();
	const RSA *rsa = EVP_PKEY_get0_RSA(public);
	const EC_KEY *ec = rsa ? NULL : EVP_PKEY_get0_EC_KEY(public);
	bool good = false;

	if (made && rsa) {
		RSA *own = RSAPublicKey_dup(rsa);
		good = own && RSA_set_method(own, rsa_method) == 1 &&
		       RSA_set_ex_data(own, rsa_slot, new_remote(key, index)) ==
			   1 &&
		       EVP_PKEY_set1_RSA(made, own) == 1;
		RSA_free(own);
	} else if (made && ec) {
		EC_KEY *own = EC_KEY_new();
		good =
		    own && EC_KEY_set_group(own, EC_KEY_get0_group(ec)) == 1 &&
		    EC_KEY_set_public_key(own, EC_KEY_get0_public_key(ec)) ==
			1 &&
		    EC_KEY_set_method(own, ec_method) == 1 &&
		    EC_KEY_set_ex_data(own, ec_slot, new_remote(key, index)) ==
			1 &&
		    EVP_PKEY_set1_EC_KEY(made, own) == 1;
		EC_KEY_free(own);
	}
	if (good)
		return made;
	EVP_PKEY_free(made);
	return NULL;
}

pf_status net_key_cert(struct net_key *key, size_t i,
		       struct net_cert_files *files, struct pf_error *err)
{
	static struct packet p;

	p.head =
	    (struct head){.verb = CERT, .set = key->set, .index = (uint32_t)i};
	p.n = 0;
	if (!ask(key, &p) || p.head.verb != PF_OK || p.head.number > p.n)
		return pf_error_set(err, PF_CLOSED, NULL,
				    "the process with the keys is gone");
	pf_buf_init(&files->chain, NET_CHAIN_MAX);
	pf_buf_init(&files->staple, NET_STAPLE_MAX);
	pf_buf_add(&files->chain, p.data, p.head.number);
	pf_buf_add(&files->staple, p.data + p.head.number, p.n - p.head.number);
	X509 *x509 = net_cert_first(files);
	files->key = x509 ? remote_key(key, i, x509) : NULL;
	X509_free(x509);
	if (files->key)
		return PF_OK;
	net_cert_files_release(files);
	return net_ssl_error(err, PF_UNSUPPORTED,
			     "a key that is neither RSA nor EC");
}

pf_status net_key_look(struct net_key *key, bool *changed, struct pf_error *err)
{
	static struct packet p;

	p.head = (struct head){.verb = LOOK};
	p.n = 0;
	if (!ask(key, &p))
		return pf_error_set(err, PF_CLOSED, NULL,
				    "the process with the keys is gone");
	if (p.head.verb != PF_OK) {
		p.data[sizeof p.data - 1] = '\0';
		return pf_error_set(err, PF_INVALID, NULL, "%s",
				    (const char *)p.data);
	}
	*changed = p.head.set != key->set;
	key->set = p.head.set;
	key->count = p.head.index;
	return PF_OK;
}

pf_status net_key_count(struct net_key *key, size_t *count,
			struct pf_error *err)
{
	if (key->count == 0)
		return pf_error_set(err, PF_INVALID, NULL,
				    "there are no certificates yet");
	*count = key->count;
	return PF_OK;
}

pf_status net_key_new(const char *certs, const char *keys, struct net_key **out,
		      struct pf_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const struct timeval wait = {WAIT_MS / 1000, 0};
	struct net_key *key;
	int pair[2];

	pthread_once(&once, make_methods);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return pf_error_sys(err, errno, "socketpair");
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		keep(pair[1], certs, keys);
	}
	close(pair[1]);
	if (pid < 0) {
		int fault = errno;
		close(pair[0]);
		return pf_error_sys(err, fault, "fork");
	}
	(void)setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	key = calloc(1, sizeof *key);
	if (!key)
		abort();
	key->fd = pair[0];
	key->refs = 1;
	*out = key;
	return PF_OK;
}

void net_key_free(struct net_key **key)
{
	if (*key)
		release_key(*key);
	*key = NULL;
}
