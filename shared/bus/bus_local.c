/*
 * The bus between the processes of one machine: each has a Unix datagram socket
 * run_dir/bus/<node>.sock and sends to all the others'. A datagram holds one
 * nudge a line.
 *
 * A peer that does not read is given PATIENCE_MS once; from then on, until it
 * reads again, what does not fit its socket is dropped and counted. A socket
 * that nobody holds any more is removed by whoever notices; a process whose own
 * went away that way (or any other) makes it again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "bus/backend.h"

#define DATAGRAM    8192
#define PEERS_MAX   256
#define SUFFIX      ".sock"
#define PATIENCE_MS 50
#define LOOK_MS     2000 /* between two looks at our own socket's file */
#define RECEIVE_MAX 1000 /* datagrams read before something is sent */

struct peer {
	struct sockaddr_un addr;
	bool full; /* it was given its time, and did not read */
	bool seen; /* in the directory, at the last look */
};

struct local {
	struct bus *bus;
	struct sockaddr_un own;
	char *dir;
	int fd;
	ino_t inode;
	int64_t look_at;
	struct peer *peers[PEERS_MAX];
	size_t n_peers;
};

static enum fault set_path(struct sockaddr_un *addr, const char *dir, const char *name, const char *suffix,
                           struct why *why)
{
	int len = snprintf(addr->sun_path, sizeof(addr->sun_path), "%s/%s%s", dir, name, suffix);

	addr->sun_family = AF_UNIX;
	if (len > 0 && (size_t)len < sizeof(addr->sun_path))
		return FAULT_NONE;
	return fault_set(why, FAULT_CONFIG, "%s/%s%s is too long for a socket's name (%zu bytes)", dir, name,
	                 suffix, sizeof(addr->sun_path) - 1);
}

/* Ours, in place of whatever an earlier process of the same name left. */
static enum fault bind_own(struct local *local, struct why *why)
{
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return fault_errno(why, errno, "bus socket");
	unlink(local->own.sun_path);
	if (bind(fd, (const struct sockaddr *)&local->own, sizeof(local->own)) != 0 ||
	    chmod(local->own.sun_path, 0660) != 0 || stat(local->own.sun_path, &st) != 0) {
		enum fault fault = fault_errno(why, errno, "bus socket %s", local->own.sun_path);

		close(fd);
		return fault;
	}
	if (local->fd >= 0)
		close(local->fd);
	local->fd = fd;
	local->inode = st.st_ino;
	return FAULT_NONE;
}

/* Receiving. */

static void receive_one(struct local *local, struct slice datagram)
{
	struct slice line;

	while (slice_cut(&datagram, '\n', &line))
		if (line.len)
			bus_deliver_text(local->bus, line);
}

static void receive(struct local *local)
{
	uint8_t data[DATAGRAM + 1];

	for (int i = 0; i < RECEIVE_MAX; i++) {
		ssize_t n = recv(local->fd, data, sizeof(data), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		receive_one(local, slice_of(data, (size_t)n));
	}
}

/* Peers. */

static void drop_peer(struct local *local, size_t i)
{
	free(local->peers[i]);
	local->peers[i] = local->peers[--local->n_peers];
}

static void see_peer(struct local *local, const char *name)
{
	struct sockaddr_un addr = { 0 };

	if (name[0] == '.' || !slice_ends(slice_str(name), SUFFIX) ||
	    set_path(&addr, local->dir, name, "", NULL) || strcmp(addr.sun_path, local->own.sun_path) == 0)
		return;
	for (size_t i = 0; i < local->n_peers; i++) {
		if (strcmp(local->peers[i]->addr.sun_path, addr.sun_path) == 0) {
			local->peers[i]->seen = true;
			return;
		}
	}
	if (local->n_peers == PEERS_MAX)
		return;
	local->peers[local->n_peers] = xzalloc(sizeof(struct peer));
	local->peers[local->n_peers]->addr = addr;
	local->peers[local->n_peers++]->seen = true;
}

static void look_for_peers(struct local *local)
{
	DIR *dir = opendir(local->dir);
	struct dirent *entry;

	for (size_t i = 0; i < local->n_peers; i++)
		local->peers[i]->seen = false;
	while (dir && (entry = readdir(dir)))
		see_peer(local, entry->d_name);
	if (dir)
		closedir(dir);
	for (size_t i = local->n_peers; i-- > 0;)
		if (!local->peers[i]->seen)
			drop_peer(local, i);
}

/* Sending. */

static bool try_send(struct local *local, struct peer *peer, struct slice data)
{
	ssize_t n;

	do {
		n = sendto(local->fd, data.data, data.len, MSG_NOSIGNAL, (const struct sockaddr *)&peer->addr,
		           sizeof(peer->addr));
	} while (n < 0 && errno == EINTR);
	return n >= 0;
}

/* We read meanwhile: two processes that wait for each other would both be full. */
static bool send_patiently(struct local *local, struct peer *peer, struct slice data)
{
	int64_t until = clock_mono_ms() + PATIENCE_MS;
	bool sent = try_send(local, peer, data);

	while (!sent && errno == EAGAIN && !peer->full && clock_mono_ms() < until) {
		struct pollfd own = { .fd = local->fd, .events = POLLIN };

		if (poll(&own, 1, 1) > 0)
			receive(local);
		sent = try_send(local, peer, data);
	}
	return sent;
}

static void send_to_peer(struct local *local, struct peer *peer, struct slice data, unsigned nudges)
{
	if (send_patiently(local, peer, data)) {
		peer->full = false;
		return;
	}
	if (errno == ECONNREFUSED) {
		unlink(peer->addr.sun_path); /* nobody holds it */
		return;
	}
	if (errno == ENOENT)
		return; /* went since we looked */
	peer->full = errno == EAGAIN;
	metric_add(&bus_peer_dropped, nudges);
}

static unsigned fill_datagram(struct local *local, struct buf *data)
{
	struct nudge nudge;
	unsigned n = 0;

	buf_clear(data);
	while (bus_take_outgoing(local->bus, &nudge)) {
		size_t before = data->len;

		if (nudge_print(&nudge, data) && buf_addc(data, '\n')) {
			n++;
			continue;
		}
		data->len = before;
		if (n)
			bus_return_outgoing(local->bus, &nudge);
		break;
	}
	return n;
}

static void send_outgoing(struct local *local)
{
	struct buf data;
	unsigned n;

	buf_init(&data, DATAGRAM);
	if (bus_has_outgoing(local->bus))
		look_for_peers(local);
	while ((n = fill_datagram(local, &data))) {
		for (size_t i = 0; i < local->n_peers; i++)
			send_to_peer(local, local->peers[i], buf_slice(&data), n);
		metric_add(&bus_sent, n);
		receive(local);
	}
	buf_done(&data);
}

/* A cleaner of run_dir, or a peer that took us for dead, may have removed our name. */
static void look_at_own(struct local *local)
{
	struct why why;
	struct stat st;

	if (clock_mono_ms() < local->look_at)
		return;
	local->look_at = clock_mono_ms() + LOOK_MS;
	if (stat(local->own.sun_path, &st) == 0 && st.st_ino == local->inode) {
		if (!atomic_load(&local->bus->up))
			bus_set_up(local->bus, true);
		return;
	}
	if (bind_own(local, &why)) {
		bus_set_why(local->bus, "%s", why.text);
		bus_set_up(local->bus, false);
	} else {
		bus_set_up(local->bus, true);
	}
}

static void local_run(struct bus *bus)
{
	struct local *local = bus->backend;

	local->look_at = clock_mono_ms() + LOOK_MS;
	bus_set_up(bus, true);
	while (!bus_must_end(bus)) {
		send_outgoing(local);
		receive(local);
		look_at_own(local);
		if (!bus_has_outgoing(bus) && !atomic_load(&bus->quit))
			bus_wait(bus, local->fd, LOOK_MS);
	}
}

static void local_close(struct bus *bus)
{
	struct local *local = bus->backend;
	struct stat st;

	while (local->n_peers)
		drop_peer(local, local->n_peers - 1);
	if (local->fd >= 0) {
		if (stat(local->own.sun_path, &st) == 0 && st.st_ino == local->inode)
			unlink(local->own.sun_path);
		close(local->fd);
	}
	free(local->dir);
	free(local);
}

static enum fault make_dir(const struct local *local, struct why *why)
{
	if (mkdir(local->dir, 0700) == 0 || errno == EEXIST)
		return FAULT_NONE;
	return fault_errno(why, errno, "bus directory %s", local->dir);
}

static enum fault local_open(struct bus *bus, const struct bus_conf *conf, struct why *why)
{
	struct local *local;
	size_t size = (conf->run_dir ? strlen(conf->run_dir) : 0) + sizeof("/bus");
	enum fault fault;

	if (!conf->run_dir || !*conf->run_dir)
		return fault_set(why, FAULT_CONFIG, "the local bus needs run_dir");
	local = bus->backend = xzalloc(sizeof(*local));
	local->bus = bus;
	local->fd = -1;
	local->dir = xmalloc(size);
	snprintf(local->dir, size, "%s/bus", conf->run_dir);
	fault = set_path(&local->own, local->dir, bus->node, SUFFIX, why);
	if (!fault)
		fault = make_dir(local, why);
	if (!fault)
		fault = bind_own(local, why);
	if (fault) {
		local_close(bus);
		return fault == FAULT_DENIED ? FAULT_DENIED : FAULT_CONFIG;
	}
	return FAULT_NONE;
}

const struct bus_ops bus_local = { "local", local_open, local_run, NULL, local_close };
