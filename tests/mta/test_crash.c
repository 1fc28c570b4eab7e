/*
 * kill -9 at moments that nobody chose: what was queued arrives, at least once, and whoever could not get it is reported
 * once. Each process is a child with its own mta over one store, and so is the host: the parent has no threads, since
 * a child forked beside a thread inherits whatever locks that thread holds.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "fake_smtp.h"
#include "mta_world.h"

#define MAILS 6
#define KILLS 12
#define TEXT  "From: alice@example.org\r\nSubject: x\r\n\r\nhello\r\n"

static char dir[64];
static struct fake_smtp *fake; /* shared with the host */

static void settings(struct world *world)
{
	mta_conf.smart_host = arena_printf(world->arena, "127.0.0.1:%u", fake->port);
	mta_conf.lease = 1000;
	mta_conf.poll = 100;
}

/* Half of the mail can be delivered, half cannot. Ends with the folder's name for the others. */
static void make(void)
{
	struct world *world = world_new();

	for (int i = 0; i < MAILS; i++) {
		struct world_mail mail = { .from = WORLD_LOGIN,
			                   .to = { i % 2 ? "nobody@example.net" : "bob@example.net" },
			                   .text = TEXT };

		world_put(world, &mail);
	}
	if (rename(world->dir, dir))
		abort();
	_exit(0);
}

/* Until it is killed. */
static void work(void)
{
	struct world *world = world_again(dir);

	settings(world);
	world_start(world);
	for (;;)
		loop_step(world->daemon.loop, 100);
}

static size_t queued(struct world *world)
{
	struct queue_entry *entries;

	return world_entries(world, &entries);
}

/* The last one finishes, and looks. */
static void finish(void)
{
	struct world *world = world_again(dir);
	size_t reports;

	settings(world);
	world_start(world);
	if (!WORLD_WAIT(world, queued(world) == 0))
		_exit(2);
	reports = world_inbox(world, &world->account.inbox, NULL);
	if (reports != MAILS / 2)
		fprintf(stderr, "%zu reports\n", reports);
	_exit(reports == MAILS / 2 ? 0 : 3);
}

/* Until fake->stop, or the end of the test. */
static void be_host(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(0);
	fake_main(fake);
	_exit(0);
}

static pid_t start(void (*run)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		alarm(120); /* whatever hangs, it does not hang for ever */
		run();
	}
	return pid;
}

static int wait_for(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void killed(void **state)
{
	static const char *const script[] = { "S:220 mx", "A", NULL };
	const char *tmp = getenv("TMPDIR");
	pid_t host;

	(void)state;
	snprintf(dir, sizeof(dir), "%.40s/mta-crash.%d", tmp ? tmp : "/tmp", (int)getpid());
	fake = mmap(NULL, sizeof(*fake), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(fake != MAP_FAILED);
	fake->scripts = (const char *const *const[]){ script, NULL };
	fake->forever = true;
	fake_listen(fake);
	host = start(be_host);
	assert_int_equal(wait_for(start(make)), 0);
	for (int i = 0; i < KILLS; i++) {
		const unsigned before = fake->connections;
		pid_t pid = start(work);

		/* not before it is at work; then sooner and later in what it does */
		for (int waited = 0; fake->connections == before && waited < 1500; waited++)
			fake_nap(1);
		fake_nap(i * 2 % 17);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	assert_int_equal(wait_for(start(finish)), 0);
	fake->stop = true;
	assert_int_equal(wait_for(host), 0);
	assert_true(fake->connections > KILLS / 2); /* else nothing was killed at work */
	assert_in_range(fake->messages, MAILS / 2, MAILS / 2 * (KILLS + 1));
	nftw(dir, world_remove_one, 8, FTW_DEPTH | FTW_PHYS);
	close(fake->listener);
	munmap(fake, sizeof(*fake));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(killed) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
