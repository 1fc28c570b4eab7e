/* Jobs: order in lanes, dropping before and while they run, a full queue, the pool's end. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "loop/job.h"
#include "loop/loop.h"
#include "shared/loop/peer.h"

static struct loop *loop;
static atomic_int order, workers_made, workers_freed;

struct task {
	struct job job;
	atomic_bool *hold; /* run waits while it is true */
	int ran_as;        /* the how-many-th to run, 0: never */
	int done, dropped;
	void *worker;
	int64_t sleep_ms;
	struct pool *again; /* done starts it once more */
	atomic_int *inside;
	int most_inside;
};

static void task_run(struct job *job, void *worker)
{
	struct task *task = container_of(job, struct task, job);
	int inside = task->inside ? atomic_fetch_add(task->inside, 1) + 1 : 0;

	task->ran_as = atomic_fetch_add(&order, 1) + 1;
	task->worker = worker;
	task->most_inside = inside;
	while (task->hold && atomic_load(task->hold))
		clock_sleep(1);
	if (task->sleep_ms)
		clock_sleep(task->sleep_ms);
	if (task->inside)
		atomic_fetch_sub(task->inside, 1);
}

static void task_done(struct job *job)
{
	struct task *task = container_of(job, struct task, job);
	struct pool *again = task->again;

	task->done++;
	task->again = NULL;
	if (again)
		assert_true(job_start(again, job));
}

static void task_drop(struct job *job)
{
	container_of(job, struct task, job)->dropped++;
}

static struct task task_of(uint64_t lane, atomic_bool *hold)
{
	return (struct task){ .job = { .run = task_run, .done = task_done, .drop = task_drop, .lane = lane },
		              .hold = hold };
}

static void *make_worker(void *arg)
{
	atomic_fetch_add(&workers_made, 1);
	return arg;
}

static void free_worker(void *worker)
{
	(void)worker;
	atomic_fetch_add(&workers_freed, 1);
}

static struct pool *make_pool(unsigned threads, unsigned queue_max)
{
	struct pool_conf conf = { .name = "a name longer than a thread may have",
		                  .threads = threads,
		                  .queue_max = queue_max,
		                  .worker_new = make_worker,
		                  .worker_free = free_worker,
		                  .arg = &order };

	atomic_store(&order, 0);
	return pool_new(loop, &conf);
}

static void lanes_keep_their_order(void **state)
{
	enum { LANES = 5, EACH = 40 };
	static struct task tasks[LANES][EACH];
	static atomic_int inside[LANES];
	struct pool *pool = make_pool(4, LANES * EACH);
	struct task *last[LANES];
	int done = 0;

	(void)state;
	for (int n = 0; n < EACH; n++) {
		for (int lane = 0; lane < LANES; lane++) {
			tasks[lane][n] = task_of((uint64_t)lane + 1, NULL);
			tasks[lane][n].inside = &inside[lane];
			tasks[lane][n].sleep_ms = (n + lane) % 7 == 0;
			assert_true(job_start(pool, &tasks[lane][n].job));
		}
	}
	for (int lane = 0; lane < LANES; lane++)
		last[lane] = &tasks[lane][EACH - 1];
	for (int lane = 0; lane < LANES; lane++)
		assert_true(WAIT_FOR(loop, last[lane]->done));
	for (int lane = 0; lane < LANES; lane++) {
		for (int n = 0; n < EACH; n++) {
			done += tasks[lane][n].done;
			assert_int_equal(tasks[lane][n].most_inside, 1);
			assert_ptr_equal(tasks[lane][n].worker, &order);
			if (n)
				assert_true(tasks[lane][n].ran_as > tasks[lane][n - 1].ran_as);
		}
	}
	assert_int_equal(done, LANES * EACH);
	pool_free(pool);
}

/* A lane that is busy holds up nobody else. */
static void a_busy_lane_lets_others_pass(void **state)
{
	atomic_bool hold = true;
	struct task first = task_of(7, &hold), second = task_of(7, NULL), other = task_of(8, NULL),
	            plain = task_of(0, NULL);
	struct pool *pool = make_pool(2, 10);

	(void)state;
	assert_true(job_start(pool, &first.job));
	assert_true(job_start(pool, &second.job));
	assert_true(job_start(pool, &other.job));
	assert_true(job_start(pool, &plain.job));
	assert_true(WAIT_FOR(loop, other.done && plain.done));
	assert_int_equal(first.done + second.done, 0);
	assert_int_equal(pool_waiting(pool), 1);
	atomic_store(&hold, false);
	assert_true(WAIT_FOR(loop, first.done && second.done));
	assert_true(second.ran_as > first.ran_as);
	pool_free(pool);
}

static void dropping_before_it_runs(void **state)
{
	atomic_bool hold = true;
	struct task first = task_of(0, &hold), second = task_of(0, NULL), third = task_of(0, NULL);
	struct pool *pool = make_pool(1, 10);

	(void)state;
	assert_true(job_start(pool, &first.job));
	assert_true(job_start(pool, &second.job));
	assert_true(job_start(pool, &third.job));
	job_drop(&second.job);
	job_drop(&second.job);
	assert_int_equal(second.dropped, 0); /* never from inside the call */
	assert_true(WAIT_FOR(loop, second.dropped));
	assert_int_equal(first.done, 0);
	atomic_store(&hold, false);
	assert_true(WAIT_FOR(loop, third.done));
	assert_int_equal(second.ran_as, 0);
	assert_int_equal(second.dropped, 1);
	assert_int_equal(second.done, 0);
	pool_free(pool);
}

static void dropping_while_it_runs(void **state)
{
	atomic_bool hold = true;
	struct task task = task_of(3, &hold), next = task_of(3, NULL);
	struct pool *pool = make_pool(1, 10);

	(void)state;
	assert_true(job_start(pool, &task.job));
	assert_true(job_start(pool, &next.job));
	assert_true(WAIT_FOR(loop, atomic_load(&order) == 1));
	job_drop(&task.job);
	for (int i = 0; i < 5; i++)
		loop_step(loop, 2);
	assert_int_equal(task.dropped, 0);
	atomic_store(&hold, false);
	assert_true(WAIT_FOR(loop, next.done));
	assert_int_equal(task.dropped, 1);
	assert_int_equal(task.done, 0);
	pool_free(pool);
}

/* Over on the worker, not yet told: the loop's word still counts. */
static void dropping_after_it_ran(void **state)
{
	struct task task = task_of(0, NULL);
	struct pool *pool = make_pool(1, 10);

	(void)state;
	assert_true(job_start(pool, &task.job));
	while (atomic_load(&order) == 0)
		clock_sleep(1);
	clock_sleep(5);
	job_drop(&task.job);
	assert_true(WAIT_FOR(loop, task.dropped));
	assert_int_equal(task.done, 0);
	pool_free(pool);
	loop_step(loop, 1);
	job_drop(&task.job); /* not under way any more: nothing, even without its pool */
	assert_int_equal(task.dropped, 1);
}

static void a_full_queue_refuses(void **state)
{
	atomic_bool hold = true;
	struct task tasks[4];
	struct pool *pool = make_pool(1, 2);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tasks); i++)
		tasks[i] = task_of(0, &hold);
	assert_true(job_start(pool, &tasks[0].job));
	assert_true(job_start(pool, &tasks[1].job));
	assert_true(job_start(pool, &tasks[2].job));
	assert_true(WAIT_FOR(loop, pool_waiting(pool) == 2));
	assert_false(job_start(pool, &tasks[3].job));
	atomic_store(&hold, false);
	assert_true(WAIT_FOR(loop, tasks[0].done && tasks[1].done && tasks[2].done));
	assert_true(job_start(pool, &tasks[3].job));
	assert_true(WAIT_FOR(loop, tasks[3].done));
	pool_free(pool);
}

static void done_may_start_it_again(void **state)
{
	struct task task = task_of(1, NULL);
	struct pool *pool = make_pool(2, 2);

	(void)state;
	task.again = pool;
	assert_true(job_start(pool, &task.job));
	assert_true(WAIT_FOR(loop, task.done == 2));
	pool_free(pool);
}

static void freeing_waits_for_what_runs_and_drops_what_waits(void **state)
{
	struct task running = task_of(0, NULL), waiting = task_of(0, NULL);
	struct pool *pool;

	(void)state;
	atomic_store(&workers_made, 0);
	atomic_store(&workers_freed, 0);
	pool = make_pool(1, 10);
	running.sleep_ms = 30;
	assert_true(job_start(pool, &running.job));
	assert_true(job_start(pool, &waiting.job));
	while (atomic_load(&order) == 0)
		clock_sleep(1);
	pool_free(pool);
	assert_int_equal(running.done, 1);
	assert_int_equal(waiting.dropped, 1);
	assert_int_equal(waiting.ran_as, 0);
	assert_int_equal(atomic_load(&workers_made), atomic_load(&workers_freed));
}

/* Many at once from callbacks, with drops among them: each is answered exactly once. */
static void every_job_is_answered_once(void **state)
{
	enum { COUNT = 3000 };
	struct task *tasks = xzalloc(COUNT * sizeof(*tasks));
	struct pool *pool = make_pool(4, COUNT);
	int answered = 0;

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		tasks[i] = task_of((uint64_t)(i % 11), NULL);
		assert_true(job_start(pool, &tasks[i].job));
		if (i % 3 == 0)
			job_drop(&tasks[i / 2].job);
		if (i % 100 == 0)
			loop_step(loop, 0);
	}
	for (int i = 0; i < COUNT; i++)
		assert_true(WAIT_FOR(loop, tasks[i].done + tasks[i].dropped));
	for (int i = 0; i < COUNT; i++)
		answered += tasks[i].done + tasks[i].dropped;
	assert_int_equal(answered, COUNT);
	pool_free(pool);
	free(tasks);
}

static int make_loop(void **state)
{
	(void)state;
	loop = loop_new();
	return 0;
}

static int free_loop(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lanes_keep_their_order),
		cmocka_unit_test(a_busy_lane_lets_others_pass),
		cmocka_unit_test(dropping_before_it_runs),
		cmocka_unit_test(dropping_while_it_runs),
		cmocka_unit_test(dropping_after_it_ran),
		cmocka_unit_test(a_full_queue_refuses),
		cmocka_unit_test(done_may_start_it_again),
		cmocka_unit_test(freeing_waits_for_what_runs_and_drops_what_waits),
		cmocka_unit_test(every_job_is_answered_once),
	};

	return cmocka_run_group_tests(tests, make_loop, free_loop);
}
