/* Descriptors over packet sockets (SCM_RIGHTS). */
#include "net/private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PACKET_MAX (64 * 1024)

union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(sizeof(int))];
};

pf_status net_fd_send(int socket, int fd, const void *p, size_t n,
		      struct pf_error *err)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)p, .iov_len = n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control = {0};
	ssize_t r;

	if (n > PACKET_MAX)
		return pf_error_set(err, PF_LIMIT, NULL, "packet of %zu bytes",
				    n);
	if (fd >= 0) {
		struct cmsghdr *cmsg;

		msg.msg_control = control.space;
		msg.msg_controllen = sizeof control.space;
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(cmsg), &fd, sizeof fd);
	}
	do {
		r = sendmsg(socket, &msg, MSG_NOSIGNAL);
	} while (r < 0 && errno == EINTR);
	if (r >= 0)
		return PF_OK;
	if (errno == EAGAIN || errno == ENOBUFS)
		return pf_error_set(err, PF_BUSY, NULL,
				    "descriptor socket is full");
	if (errno == EPIPE || errno == ECONNRESET)
		return pf_error_set(err, PF_CLOSED, NULL,
				    "descriptor socket is closed");
	return pf_error_sys(err, errno, "send a descriptor");
}

/* Takes the first descriptor; further ones, which nobody of ours sends, are
 * closed rather than leaked. */
static int take_fd(struct msghdr *msg)
{
	int got = -1;

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg;
	     cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof fd, sizeof fd);
			if (got < 0)
				got = fd;
			else
				close(fd);
		}
	}
	return got;
}

pf_status net_fd_receive(int socket, int *fd, void *p, size_t size, size_t *n,
			 struct pf_error *err)
{
	struct iovec iov = {.iov_base = p, .iov_len = size};
	union control control = {0};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.space,
			     .msg_controllen = sizeof control.space};
	ssize_t r;
	int got;

	do {
		r = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	} while (r < 0 && errno == EINTR);
	if (r < 0 && errno == EAGAIN)
		return pf_error_set(err, PF_MORE, NULL, "no packet");
	if (r < 0 && errno != ECONNRESET)
		return pf_error_sys(err, errno, "receive a descriptor");
	if (r < 0)
		return pf_error_set(err, PF_CLOSED, NULL,
				    "descriptor socket is closed");
	got = take_fd(&msg);
	if (r > 0 && !(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		*fd = got;
		*n = (size_t)r;
		return PF_OK;
	}
	/* also an empty packet, which looks like the end, may bring one */
	if (got >= 0)
		close(got);
	if (r == 0)
		return pf_error_set(err, PF_CLOSED, NULL,
				    "descriptor socket is closed");
	return pf_error_set(err, PF_LIMIT, NULL, "packet larger than %zu bytes",
			    size);
}
