/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>

#include "store/reader.h"

struct piece {
        struct reader_work work; /* the first */
        int number;
        pthread_t thread;
        sem_t *gate; /* waits there; NULL: does not */
};

static int order[2 * READER_MAX], n_done, n_dropped;
static sem_t wakes;

static void run(struct reader_work *work)
{
        struct piece *piece = (struct piece *)work;

        if (piece->gate)
                sem_wait(piece->gate);
        piece->thread = pthread_self();
}

static void done(struct reader_work *work)
{
        struct piece *piece = (struct piece *)work;

        assert_false(pthread_equal(piece->thread, pthread_self()));
        order[n_done++] = piece->number;
        free(piece);
}

static void drop(struct reader_work *work)
{
        n_dropped++;
        free(work);
}

static struct reader_work *make(int number, sem_t *gate)
{
        struct piece *piece = calloc(1, sizeof(*piece));

        piece->work = (struct reader_work){ .run = run, .done = done, .drop = drop };
        piece->number = number;
        piece->gate = gate;
        return &piece->work;
}

static void on_wake(void *user)
{
        sem_post(user);
}

static int set_up(void **state)
{
        struct reader *reader;

        n_done = n_dropped = 0;
        sem_init(&wakes, 0, 0);
        assert_int_equal(reader_new(&reader, on_wake, &wakes), 0);
        *state = reader;
        return 0;
}

static int tear_down(void **state)
{
        reader_free(*state);
        sem_destroy(&wakes);
        return 0;
}

static void test_works_are_done_in_order_on_another_thread(void **state)
{
        for (int i = 0; i < 10; i++)
                assert_int_equal(reader_ask(*state, make(i, NULL)), 0);
        while (n_done < 10) {
                sem_wait(&wakes);
                reader_poll(*state);
        }
        for (int i = 0; i < 10; i++)
                assert_int_equal(order[i], i);
}

static void test_one_too_many_is_refused_until_one_is_done(void **state)
{
        struct reader_work *extra = make(READER_MAX, NULL);
        sem_t gate;

        sem_init(&gate, 0, 0);
        for (int i = 0; i < READER_MAX; i++)
                assert_int_equal(reader_ask(*state, make(i, i == 0 ? &gate : NULL)), 0);
        assert_int_equal(reader_ask(*state, extra), -EAGAIN);
        sem_post(&gate);
        sem_wait(&wakes);
        reader_poll(*state);
        assert_true(n_done >= 1);
        assert_int_equal(reader_ask(*state, extra), 0);
        while (n_done < READER_MAX + 1) {
                sem_wait(&wakes);
                reader_poll(*state);
        }
        sem_destroy(&gate);
}

static void test_what_nobody_polls_for_is_dropped_at_the_end(void **state)
{
        for (int i = 0; i < 5; i++)
                assert_int_equal(reader_ask(*state, make(i, NULL)), 0);
        *state = reader_free(*state);
        assert_int_equal(n_done, 0);
        assert_int_equal(n_dropped, 5);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                T(test_works_are_done_in_order_on_another_thread),
                T(test_one_too_many_is_refused_until_one_is_done),
                T(test_what_nobody_polls_for_is_dropped_at_the_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
