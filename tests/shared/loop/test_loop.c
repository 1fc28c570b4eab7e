/* The loop's start and stop, posts from threads, timers, and signals (in a child, since they are the process's). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/job.h"
#include "loop/signals.h"
#include "loop/timer.h"
#include "shared/loop/peer.h"

static void stop_it(void *arg)
{
	loop_stop(arg);
}

static void a_loop_runs_until_it_is_told_to_stop(void **state)
{
	struct loop *loop = loop_new();
	struct timer *timer = timer_new(loop, stop_it, loop);
	int64_t start = clock_mono_ms();

	(void)state;
	timer_start(timer, 30);
	loop_run(loop, 1000);
	assert_in_range(clock_mono_ms() - start, 25, 900);
	loop_post(loop, stop_it, loop);
	loop_run(loop, 1000);
	loop_stop(loop); /* before it runs counts too */
	assert_true(loop_stopping(loop));
	loop_run(loop, 1000);
	assert_false(loop_stopping(loop));
	timer_free(timer);
	loop_free(loop);
}

static void a_stop_waits_for_connections(void **state)
{
	struct loop *loop = loop_new();
	struct peer a, b;
	int64_t start = clock_mono_ms();

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	a.close_on_read = b.close_on_read = true;
	loop_stop(loop);
	conn_puts(a.conn, "bye");
	loop_run(loop, 5000);
	assert_true(clock_mono_ms() - start < 3000);
	assert_true(a.closed && b.closed);
	assert_true(peer_got(&b, "bye"));
	peer_end(loop, &a, &b);
	loop_free(loop);
}

static void a_stop_waits_no_longer_than_the_grace(void **state)
{
	struct loop *loop = loop_new();
	struct peer a, b;
	int64_t start = clock_mono_ms();

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	loop_stop(loop);
	loop_run(loop, 50);
	assert_in_range(clock_mono_ms() - start, 45, 3000);
	assert_true(a.closed && b.closed);
	loop_free(loop);
}

static int jobs_done;

static void slow_run(struct job *job, void *worker)
{
	(void)job, (void)worker;
	clock_sleep(40);
}

static void slow_done(struct job *job)
{
	(void)job;
	jobs_done++;
}

static void a_stop_waits_for_jobs(void **state)
{
	struct loop *loop = loop_new();
	struct pool_conf conf = { .name = "test", .threads = 1, .queue_max = 1 };
	struct pool *pool = pool_new(loop, &conf);
	struct job job = { .run = slow_run, .done = slow_done, .drop = slow_done };

	(void)state;
	jobs_done = 0;
	assert_true(job_start(pool, &job));
	loop_stop(loop);
	loop_run(loop, 5000);
	assert_int_equal(jobs_done, 1);
	pool_free(pool);
	loop_free(loop);
}

/* -- posts -- */

enum { POSTERS = 4, POSTS = 500 };

struct poster {
	struct loop *loop;
	pthread_t thread;
	int next, out_of_order;
	struct post {
		struct poster *from;
		int number;
	} posts[POSTS];
};

static int posts_seen;

static void on_post(void *arg)
{
	struct post *post = arg;

	post->from->out_of_order += post->number != post->from->next++;
	if (++posts_seen == POSTERS * POSTS)
		loop_stop(post->from->loop);
}

static void *post_all(void *arg)
{
	struct poster *poster = arg;

	for (int i = 0; i < POSTS; i++) {
		poster->posts[i] = (struct post){ poster, i };
		loop_post(poster->loop, on_post, &poster->posts[i]);
	}
	return NULL;
}

static void posts_arrive_in_order(void **state)
{
	static struct poster posters[POSTERS];
	struct loop *loop = loop_new();

	(void)state;
	for (int i = 0; i < POSTERS; i++) {
		posters[i].loop = loop;
		assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
	}
	loop_run(loop, 0);
	for (int i = 0; i < POSTERS; i++) {
		pthread_join(posters[i].thread, NULL);
		assert_int_equal(posters[i].next, POSTS);
		assert_int_equal(posters[i].out_of_order, 0);
	}
	loop_free(loop);
}

/* -- timers -- */

struct ticker {
	struct timer *timer;
	int ticks, free_at;
};

static void on_tick(void *arg)
{
	struct ticker *ticker = arg;

	if (++ticker->ticks == ticker->free_at)
		timer_free(ticker->timer);
}

static void timers_fire_once_or_again(void **state)
{
	struct loop *loop = loop_new();
	struct ticker once = { 0 }, every = { .free_at = 3 }, stopped = { 0 }, moved = { 0 };

	(void)state;
	once.timer = timer_new(loop, on_tick, &once);
	every.timer = timer_new(loop, on_tick, &every);
	stopped.timer = timer_new(loop, on_tick, &stopped);
	moved.timer = timer_new(loop, on_tick, &moved);
	timer_start(once.timer, 5);
	timer_every(every.timer, 5);
	timer_start(stopped.timer, 5);
	timer_stop(stopped.timer);
	timer_start(moved.timer, 5);
	timer_start(moved.timer, 100000);
	assert_true(WAIT_FOR(loop, every.ticks == 3 && once.ticks));
	for (int i = 0; i < 5; i++)
		loop_step(loop, 5);
	assert_int_equal(every.ticks, 3);
	assert_int_equal(once.ticks, 1);
	assert_int_equal(stopped.ticks, 0);
	assert_int_equal(moved.ticks, 0);
	timer_free(once.timer);
	timer_free(stopped.timer);
	timer_free(moved.timer);
	timer_free(NULL);
	loop_free(loop);
}

/* -- steps -- */

void uv_update_time(struct uv_loop_s *);

/* What a busy machine does to a step: its time is over before it waits. */
static void on_busy(void *arg)
{
	clock_sleep(5);
	uv_update_time(loop_uv(arg));
}

static void a_step_whose_time_is_over_ends(void **state)
{
	struct loop *loop = loop_new();
	struct timer *timer = timer_new(loop, on_busy, loop);
	int64_t start = clock_mono_ms();

	(void)state;
	alarm(10); /* else it would wait for ever */
	timer_start(timer, 0);
	loop_step(loop, 1);
	loop_step(loop, 20); /* and the next one waits as it should */
	alarm(0);
	assert_in_range(clock_mono_ms() - start, 20, 3000);
	timer_free(timer);
	loop_free(loop);
}

/* -- signals -- */

static int stops, reloads;
static bool stop_loop;

static void on_stop(void *arg)
{
	stops++;
	if (stop_loop)
		loop_stop(arg);
	else
		kill(getpid(), SIGTERM); /* and again: nothing of ours runs after it */
}

static void on_reload(void *arg)
{
	reloads++;
	(void)arg;
	kill(getpid(), SIGINT);
}

static int in_child(bool stop)
{
	pid_t pid = fork();
	int status = -1;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct loop *loop = loop_new();
		struct signals *signals = signals_new(loop, on_stop, on_reload, loop);

		stop_loop = stop;
		stops = reloads = 0;
		kill(getpid(), SIGPIPE);
		kill(getpid(), SIGHUP);
		loop_run(loop, 10);
		signals_free(signals);
		loop_free(loop);
		_exit(stops == 1 && reloads == 1 ? 42 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void signals_stop_and_reload(void **state)
{
	int status = in_child(true);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
}

static void a_second_signal_ends_at_once(void **state)
{
	int status = in_child(false);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_loop_runs_until_it_is_told_to_stop),
		cmocka_unit_test(a_stop_waits_for_connections),
		cmocka_unit_test(a_stop_waits_no_longer_than_the_grace),
		cmocka_unit_test(a_stop_waits_for_jobs),
		cmocka_unit_test(posts_arrive_in_order),
		cmocka_unit_test(timers_fire_once_or_again),
		cmocka_unit_test(a_step_whose_time_is_over_ends),
		cmocka_unit_test(signals_stop_and_reload),
		cmocka_unit_test(a_second_signal_ends_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
