/*
 * posthouse init: a new installation's folder. Key rings, a certificate by a CA of
 * its own, the configuration; what is there already is left as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli.h"
#include "tls_make.h"

static enum fault make_dir(const char *path, struct why *why)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return fault_errno(why, errno, "cannot make the folder %s", path);
	return FAULT_NONE;
}

/* Writes a file that is not there yet, durably; one that is stays. */
static enum fault write_new(const char *path, struct slice text, struct why *why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool whole;

	if (fd < 0)
		return errno == EEXIST ? FAULT_NONE : fault_errno(why, errno, "cannot make %s", path);
	whole = write(fd, text.data, text.len) == (ssize_t)text.len && fsync(fd) == 0;
	if (close(fd) || !whole) {
		unlink(path);
		return fault_errno(why, errno, "cannot write %s", path);
	}
	return FAULT_NONE;
}

static enum fault make_ring(struct cli *cli, const char *keys, const char *name, struct why *why)
{
	struct buf ring;
	enum fault fault;

	buf_init(&ring, 4096);
	keyring_make(&ring);
	fault = write_new(arena_printf(cli->arena, "%s/%s.ring", keys, name), buf_slice(&ring), why);
	secret_wipe(ring.data, ring.len);
	buf_done(&ring);
	return fault;
}

static int init(struct cli *cli)
{
	const char *dir = cli->argv[0], *hostname = cli->argv[1];
	const char *keys = arena_printf(cli->arena, "%s/keys", dir);
	const char *conf = arena_printf(cli->arena, "%s/posthouse.conf", dir);
	const char *text =
	    arena_printf(cli->arena,
	                 "# What is not here has its default: posthouse conf, smtpd --print-conf, …\n"
	                 "hostname = \"%s\"\n"
	                 "data_dir = \"%s\"\n",
	                 hostname, dir);
	struct why why = { "" };
	enum fault fault = make_dir(dir, &why);

	if (dir[0] != '/')
		return cli_usage("DIR is a whole path, from /");
	if (!fault)
		fault = make_dir(keys, &why);
	if (!fault)
		fault = make_ring(cli, keys, "accounts", &why);
	if (!fault)
		fault = make_ring(cli, keys, "queue", &why);
	if (!fault)
		fault = tls_make(keys, hostname, &why);
	if (!fault)
		fault = write_new(conf, slice_str(text), &why);
	if (fault)
		return cli_fail(fault, &why);
	printf("configuration  %s\n"
	       "certificate    %s/tls.crt, by the CA %s/ca.crt\n"
	       "key rings      %s/accounts.ring, %s/queue.ring: keep copies elsewhere, mail cannot be read "
	       "without them\n",
	       conf, keys, keys, keys, keys);
	return 0;
}

static const struct cli_action actions[] = {
	{ NULL, "DIR HOSTNAME", "makes keys, a certificate and a configuration in DIR", 2, 2, init },
	{ 0 },
};
const struct cli_verb verb_init = { "init", "a new installation", CLI_NO_CONF | CLI_NO_STACK, actions };
