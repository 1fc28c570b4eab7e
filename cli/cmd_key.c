/*
 * posthouse key: the key rings. Rotation adds a key to both ring files and wraps every account key again, online: a
 * daemon that meets a key it does not know reads its ring again. It may be stopped and started again at any point: what
 * still hangs on an old key is seen from the wrapped keys themselves. A ring that is no file is the operator's to change.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli.h"
#include "suite/check.h"

#define RING_MAX (64 * 1024)

static enum fault read_file(const char *path, struct buf *out, struct why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 1;
	uint8_t *room;

	if (fd < 0)
		return fault_errno(why, errno, "cannot read %s", path);
	while (got > 0 && (room = buf_room(out, 4096))) {
		got = read(fd, room, 4096);
		if (got > 0)
			out->len += (size_t)got;
	}
	close(fd);
	if (got < 0 || out->overflow)
		return fault_set(why, FAULT_CONFIG, "%s does not read as a key ring", path);
	return FAULT_NONE;
}

/* A new file beside it, synced, then renamed over it: a crash leaves the old ring or the new one, whole. */
static enum fault replace_file(struct cli *cli, const char *path, struct slice text, struct why *why)
{
	const char *fresh = arena_printf(cli->arena, "%s.new", path);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool whole;

	if (fd < 0)
		return fault_errno(why, errno, "cannot make %s", fresh);
	whole = write(fd, text.data, text.len) == (ssize_t)text.len && fsync(fd) == 0;
	if (close(fd) || !whole || rename(fresh, path))
		return fault_errno(why, errno, "cannot write %s", path);
	return FAULT_NONE;
}

static const char *ring_path(const char *source)
{
	return strncmp(source, "file:", 5) == 0 ? source + 5 : NULL;
}

static enum fault edit_ring(struct cli *cli, const char *source, uint32_t drop, struct why *why)
{
	const char *path = ring_path(source);
	struct buf was, now;
	enum fault fault;

	if (!path)
		return fault_set(why, FAULT_CONFIG, "the ring %s is no file: change it where it is kept",
		                 source);
	buf_init(&was, RING_MAX);
	buf_init(&now, RING_MAX);
	fault = read_file(path, &was, why);
	if (!fault)
		fault = drop ? keyring_drop(buf_slice(&was), drop, &now, why)
		             : keyring_grow(buf_slice(&was), &now, why);
	if (!fault)
		fault = replace_file(cli, path, buf_slice(&now), why);
	secret_wipe(was.data, was.len);
	secret_wipe(now.data, now.len);
	buf_done(&was);
	buf_done(&now);
	return fault;
}

static int rewrap(struct cli *cli)
{
	uint64_t n;
	struct why why = { "" };
	enum fault fault = rewrap_run(cli->stack, cli_progress, NULL, &n, &why);

	cli_progress_end();
	if (fault)
		return cli_fail(fault, &why);
	printf("%llu keys wrapped again; accounts ring: key %u, queue ring: key %u\n", (unsigned long long)n,
	       keyring_active(cli->stack->accounts), keyring_active(cli->stack->queue));
	return 0;
}

static enum fault grow_both(struct cli *cli, struct why *why)
{
	enum fault fault = edit_ring(cli, cli->suite.accounts_ring, 0, why);

	return fault ? fault : edit_ring(cli, cli->suite.queue_ring, 0, why);
}

static int grow(struct cli *cli)
{
	struct why why = { "" };
	enum fault fault = grow_both(cli, &why);

	if (fault)
		return cli_fail(fault, &why);
	printf("both rings have a new active key; copy them to every machine that reads them, then: "
	       "posthouse key rewrap\n");
	return 0;
}

static enum fault reload_rings(struct cli *cli, struct why *why)
{
	stack_close(cli->stack);
	cli->stack = NULL;
	return stack_open(&cli->suite, STACK_ACCOUNTS_RING | STACK_QUEUE_RING, NULL, "cli", &cli->stack, why);
}

static int rotate(struct cli *cli)
{
	struct why why = { "" };
	enum fault fault = grow_both(cli, &why);

	if (!fault)
		fault = reload_rings(cli, &why);
	return fault ? cli_fail(fault, &why) : rewrap(cli);
}

static int drop(struct cli *cli)
{
	const char *source =
	    strcmp(cli->argv[0], "queue") == 0 ? cli->suite.queue_ring : cli->suite.accounts_ring;
	uint64_t kek;
	struct why why = { "" };
	enum fault fault;

	if (!slice_u64(slice_str(cli->argv[1]), UINT32_MAX, &kek) || kek == 0)
		return cli_usage("\"%s\" is no key number", cli->argv[1]);
	if (!cli_confirm(
	        cli, "Keys that are still wrapped by it cannot be opened any more: run `key rewrap` before."))
		return 1;
	fault = edit_ring(cli, source, (uint32_t)kek, &why);
	return fault ? cli_fail(fault, &why) : 0;
}

static int status(struct cli *cli)
{
	printf("accounts ring: %zu keys, active %u\nqueue ring:    %zu keys, active %u\n",
	       keyring_count(cli->stack->accounts), keyring_active(cli->stack->accounts),
	       keyring_count(cli->stack->queue), keyring_active(cli->stack->queue));
	return 0;
}

static const struct cli_action actions[] = {
	{ "status", "", "the rings' keys", 0, 0, status },
	{ "rotate", "", "a new key in both rings, then everything wrapped by it; mail stays as it is", 0, 0,
	  rotate },
	{ "grow", "", "only the first half of rotate: for rings that several machines read", 0, 0, grow },
	{ "rewrap", "", "only the second half; may be stopped and run again", 0, 0, rewrap },
	{ "drop", "accounts|queue NUMBER", "removes an old key from a ring", 2, 2, drop },
	{ 0 },
};
const struct cli_verb verb_key = { "key", "the key rings", STACK_ACCOUNTS_RING | STACK_QUEUE_RING, actions };
