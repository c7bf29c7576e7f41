/*
 * Connections to a "proxy:" address, before the gate counts them as its own:
 * the peer must be one of trusted_networks and say whom it speaks for, at
 * once.  Nothing else is read here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "imapd/gate.h"

#define WAIT_MS 3000

struct gate_proxied {
	struct pf_link link;
	struct gate_port *port;
	struct net_watch *watch;
	struct net_timer *timer;
	int fd;
	char peer[48];
	size_t n;
	char header[NET_PROXY_MAX];
};

static void release(struct gate_proxied *p)
{
	pf_list_remove(&p->link);
	net_watch_free(&p->watch);
	net_timer_free(&p->timer);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

static void refuse(struct gate_proxied *p, const char *why)
{
	pf_log(PF_LOG_WARN, "proxy-refused", PF_LOGC("ip", p->peer),
	       PF_LOGC("reason", why));
	release(p);
}

static void on_late(void *arg)
{
	refuse(arg, "no header in time");
}

static void on_readable(void *arg)
{
	struct gate_proxied *p = arg;
	struct net_proxy_peer peer;
	size_t wants;

	while ((wants = net_proxy_wants(p->header, p->n)) > 0) {
		if (wants == SIZE_MAX) {
			refuse(p, "no PROXY header");
			return;
		}
		ssize_t r = recv(p->fd, p->header + p->n, wants, MSG_DONTWAIT);
		if (r < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (r <= 0) {
			release(
			    p); /* a proxy that looks whether we are there */
			return;
		}
		p->n += (size_t)r;
	}
	if (!net_proxy_read(p->header, p->n, &peer)) {
		refuse(p, "malformed PROXY header");
		return;
	}
	int fd = p->fd;
	p->fd = -1;
	net_watch_free(&p->watch); /* libuv has one watcher a descriptor */
	gate_accept(p->port, fd, peer.ip[0] ? peer.ip : p->peer, peer.local_ip);
	release(p);
}

void gate_proxied_accept(struct gate_port *port, int fd, const char *peer)
{
	struct net_loop *loop = port->gate->loop;
	struct gate_proxied *p = calloc(1, sizeof *p);

	if (!p)
		abort();
	p->port = port;
	p->fd = fd;
	snprintf(p->peer, sizeof p->peer, "%s", peer);
	pf_list_append(&port->gate->proxied, &p->link);
	if (!net_is_trusted(port->gate->conf->trusted_networks, peer)) {
		refuse(p, "not in trusted_networks");
		return;
	}
	p->timer = net_timer_new(loop, on_late, p);
	p->watch = net_watch_new(loop, fd, on_readable, p);
	if (!p->watch) {
		refuse(p, "cannot be watched");
		return;
	}
	net_timer_start(p->timer, WAIT_MS, 0);
}

void gate_proxied_stop(struct gate *gate)
{
	while (!pf_list_empty(&gate->proxied))
		release(pf_container_of(gate->proxied.next, struct gate_proxied,
					link));
}
