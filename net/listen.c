/*
 * Addresses and listeners.
 *
 * A Unix socket is bound under a name of its own, gets owner, mode and
 * backlog, and is then renamed into place: it is never there with the wrong
 * rights, and a dead predecessor is replaced in one step.
 */
#include "net/private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ACCEPTS_PER_TURN 64
#define NO_FD_PAUSE_MS	 200 /* accept again after we ran out of something */

struct net_listener {
	struct net_loop *loop;
	uv_poll_t poll;
	uv_timer_t again;
	int fd;
	int handles;
	bool paused, closing;
	struct net_listener_conf conf; /* address is not kept */
	char *path;		       /* of a Unix socket */
	dev_t dev;
	ino_t ino;
};

/* ---- addresses ---- */

static pf_status parse_unix(const char *path, struct net_address *address,
			    struct pf_error *err)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	/* one byte is left for the "~" of the temporary name */
	if (strlen(path) + 1 >= sizeof un.sun_path || !*path)
		return pf_error_set(err, PF_LIMIT, NULL,
				    "%s: socket path must have 1 to %zu bytes",
				    path, sizeof un.sun_path - 2);
	memcpy(un.sun_path, path, strlen(path) + 1);
	memcpy(&address->sa, &un, sizeof un);
	address->len = sizeof un;
	return PF_OK;
}

/* "host:port", "[v6]:port", "*:port" */
static pf_status parse_tcp(const char *text, bool passive,
			   struct net_address *address, struct pf_error *err)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC,
				 .ai_socktype = SOCK_STREAM};
	struct pf_str s = pf_str_c(text), host;
	ptrdiff_t colon = pf_str_rchr(s, ':');
	struct addrinfo *found;
	char name[256];
	int r;

	if (colon <= 0)
		return pf_error_set(
		    err, PF_INVALID, NULL,
		    "%s: not host:port, [v6]:port or unix:/path", text);
	host = pf_str_head(s, (size_t)colon);
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct pf_str){host.p + 1, host.n - 2};
	if (!pf_str_copy(host, name, sizeof name))
		return pf_error_set(err, PF_INVALID, NULL, "%s: host too long",
				    text);
	if (passive)
		hints.ai_flags |= AI_PASSIVE;
	r = getaddrinfo(strcmp(name, "*") == 0 ? NULL : name, text + colon + 1,
			&hints, &found);
	if (r != 0)
		return pf_error_set(err, PF_INVALID, NULL, "%s: %s", text,
				    gai_strerror(r));
	memcpy(&address->sa, found->ai_addr, found->ai_addrlen);
	address->len = found->ai_addrlen;
	freeaddrinfo(found);
	return PF_OK;
}

pf_status net_address_parse(const char *text, bool passive,
			    struct net_address *address, struct pf_error *err)
{
	snprintf(address->text, sizeof address->text, "%s", text);
	if (pf_str_starts(pf_str_c(text), PF_STR("unix:")))
		return parse_unix(text + 5, address, err);
	return parse_tcp(text, passive, address, err);
}

static int wait_connected(int fd, int timeout_ms)
{
	struct pollfd pfd = {.fd = fd, .events = POLLOUT};
	int fault = 0, r;
	socklen_t len = sizeof fault;

	do {
		r = poll(&pfd, 1, timeout_ms);
	} while (r < 0 && errno == EINTR);
	if (r == 0)
		return ETIMEDOUT;
	if (r < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &len) < 0)
		return errno;
	return fault;
}

pf_status net_connect(const char *text, int timeout_ms, int *out,
		      struct pf_error *err)
{
	struct net_address address = {0};
	pf_status status = net_address_parse(text, false, &address, err);
	int fd, fault = 0;

	if (status != PF_OK)
		return status;
	fd = socket(address.sa.ss_family,
		    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return pf_error_sys(err, errno, "socket for %s", text);
	if (connect(fd, (struct sockaddr *)&address.sa, address.len) < 0)
		fault = errno == EINPROGRESS ? wait_connected(fd, timeout_ms)
					     : errno;
	if (fault == 0 && fcntl(fd, F_SETFL, 0) < 0)
		fault = errno;
	if (fault != 0) {
		close(fd);
		(void)pf_error_sys(err, fault, "connect to %s", text);
		if (err)
			err->status = PF_UNAVAILABLE;
		return PF_UNAVAILABLE;
	}
	*out = fd;
	return PF_OK;
}

/* ---- creating the socket ---- */

static bool someone_listens(const struct net_address *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool live;

	if (fd < 0)
		return true; /* cannot tell: leave it alone */
	live = connect(fd, (const struct sockaddr *)&address->sa,
		       address->len) == 0 ||
	       errno == EAGAIN;
	close(fd);
	return live;
}

static pf_status bind_unix(struct net_listener *listener,
			   const struct net_address *address,
			   struct pf_error *err)
{
	const char *path = listener->path;
	struct sockaddr_un un;
	struct stat st;

	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return pf_error_set(err, PF_EXISTS, NULL,
				    "%s is there and is no socket", path);
	if (someone_listens(address))
		return pf_error_set(err, PF_EXISTS, NULL,
				    "%s: another process listens there", path);
	memcpy(&un, &address->sa, sizeof un);
	un.sun_path[strlen(path)] = '~';
	un.sun_path[strlen(path) + 1] = 0;
	(void)unlink(un.sun_path);
	if (bind(listener->fd, (struct sockaddr *)&un, sizeof un) < 0)
		return pf_error_sys(err, errno, "bind %s", path);
	if (chmod(un.sun_path, listener->conf.mode) < 0 ||
	    lchown(un.sun_path, listener->conf.uid, listener->conf.gid) < 0 ||
	    listen(listener->fd, SOMAXCONN) < 0 || stat(un.sun_path, &st) < 0 ||
	    rename(un.sun_path, path) < 0) {
		(void)pf_error_sys(err, errno, "socket %s", path);
		(void)unlink(un.sun_path);
		return err ? err->status : PF_IO;
	}
	listener->dev = st.st_dev;
	listener->ino = st.st_ino;
	return PF_OK;
}

static pf_status bind_tcp(struct net_listener *listener,
			  const struct net_address *address,
			  struct pf_error *err)
{
	int on = 1, off = 0;

	(void)setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on,
			 sizeof on);
	if (address->sa.ss_family == AF_INET6)
		(void)setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off,
				 sizeof off);
	if (bind(listener->fd, (const struct sockaddr *)&address->sa,
		 address->len) < 0 ||
	    listen(listener->fd, SOMAXCONN) < 0) {
		int fault = errno;

		(void)pf_error_sys(err, fault, "listen on %s", address->text);
		if (fault == EADDRINUSE && err)
			err->status = PF_EXISTS;
		return fault == EADDRINUSE ? PF_EXISTS
					   : pf_status_from_errno(fault);
	}
	return PF_OK;
}

/* ---- accepting ---- */

static void update_polling(struct net_listener *listener);

static void try_again(uv_timer_t *timer)
{
	update_polling(timer->data);
}

/* "192.0.2.1", "2001:db8::1" or "unix", with a v4-mapped address as v4 */
static int describe_peer(const struct sockaddr_storage *sa, char *text,
			 size_t size)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	snprintf(text, size, "unix");
	if (sa->ss_family == AF_INET) {
		memcpy(&in, sa, sizeof in);
		(void)inet_ntop(AF_INET, &in.sin_addr, text, (socklen_t)size);
		return ntohs(in.sin_port);
	}
	if (sa->ss_family != AF_INET6)
		return 0;
	memcpy(&in6, sa, sizeof in6);
	if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
		(void)inet_ntop(AF_INET, &in6.sin6_addr.s6_addr[12], text,
				(socklen_t)size);
	else
		(void)inet_ntop(AF_INET6, &in6.sin6_addr, text,
				(socklen_t)size);
	return ntohs(in6.sin6_port);
}

/* False when there is nobody more to accept now. */
static bool accept_one(struct net_listener *listener)
{
	struct sockaddr_storage sa = {0};
	socklen_t len = sizeof sa;
	int fd, port, on = 1;
	char peer[INET6_ADDRSTRLEN];

	fd = accept4(listener->fd, (struct sockaddr *)&sa, &len,
		     SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		    errno == ENOBUFS) {
			/* level-triggered: without a rest we would spin */
			(void)uv_poll_stop(&listener->poll);
			(void)uv_timer_start(&listener->again, try_again,
					     NO_FD_PAUSE_MS, 0);
			return false;
		}
		return errno == EINTR || errno == ECONNABORTED;
	}
	port = describe_peer(&sa, peer, sizeof peer);
	if (sa.ss_family != AF_UNIX) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	}
	listener->conf.on_accept(listener->conf.arg, fd, peer, port);
	return true;
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
	struct net_listener *listener = poll->data;

	(void)status;
	(void)events;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++)
		if (listener->closing || listener->paused ||
		    !accept_one(listener))
			break;
}

static void update_polling(struct net_listener *listener)
{
	if (listener->closing)
		return;
	if (listener->paused)
		(void)uv_poll_stop(&listener->poll);
	else
		(void)uv_poll_start(&listener->poll, UV_READABLE,
				    on_acceptable);
}

void net_listener_pause(struct net_listener *listener, bool pause)
{
	listener->paused = pause;
	update_polling(listener);
}

int net_listener_port(const struct net_listener *listener)
{
	struct sockaddr_storage sa = {0};
	socklen_t len = sizeof sa;
	char text[INET6_ADDRSTRLEN];

	if (getsockname(listener->fd, (struct sockaddr *)&sa, &len) < 0)
		return 0;
	return describe_peer(&sa, text, sizeof text);
}

pf_status net_listener_new(struct net_loop *loop,
			   const struct net_listener_conf *conf,
			   struct net_listener **out, struct pf_error *err)
{
	struct net_address address = {0};
	struct net_listener *listener;
	pf_status status;

	status = net_address_parse(conf->address, true, &address, err);
	if (status != PF_OK)
		return status;
	listener = calloc(1, sizeof *listener);
	if (!listener)
		abort();
	listener->loop = loop;
	listener->conf = *conf;
	listener->conf.address = NULL;
	listener->fd = socket(address.sa.ss_family,
			      SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		status =
		    pf_error_sys(err, errno, "socket for %s", conf->address);
	else if (address.sa.ss_family != AF_UNIX)
		status = bind_tcp(listener, &address, err);
	else {
		listener->path = pf_str_dup(pf_str_c(conf->address + 5));
		status = bind_unix(listener, &address, err);
	}
	if (status == PF_OK) {
		int r = uv_poll_init(&loop->uv, &listener->poll, listener->fd);

		if (r < 0)
			status = net_uv_error(err, r, "poll");
	}
	if (status != PF_OK) {
		if (listener->fd >= 0)
			close(listener->fd);
		free(listener->path);
		free(listener);
		return status;
	}
	(void)uv_timer_init(&loop->uv, &listener->again);
	listener->poll.data = listener->again.data = listener;
	listener->handles = 2;
	update_polling(listener);
	*out = listener;
	return PF_OK;
}

static void on_close(uv_handle_t *handle)
{
	struct net_listener *listener = handle->data;

	if (--listener->handles > 0)
		return;
	close(listener->fd);
	free(listener->path);
	free(listener);
}

void net_listener_free(struct net_listener **listenerp)
{
	struct net_listener *listener = *listenerp;
	struct stat st;

	if (!listener)
		return;
	*listenerp = NULL;
	listener->closing = true;
	/* only our own: a successor may have taken the name */
	if (listener->path && lstat(listener->path, &st) == 0 &&
	    st.st_dev == listener->dev && st.st_ino == listener->ino)
		(void)unlink(listener->path);
	uv_close((uv_handle_t *)&listener->poll, on_close);
	uv_close((uv_handle_t *)&listener->again, on_close);
}
