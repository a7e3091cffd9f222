/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/core/watchdog.h"

#define SECOND INT64_C(1000000)

enum { LIMIT = 10, TOO_LONG = 100 };

/* A thread, looked at once a second. */
struct thread {
        struct watchdog dog;
        struct watchdog_look is;
};

static struct thread thread_in_a_turn(void)
{
        struct thread thread = { .is = { .now_us = 5 * SECOND, .beat = 7, .cpu_us = 3 * SECOND } };

        assert_false(watchdog_hangs(&thread.dog, &thread.is, SECOND, LIMIT * SECOND));
        return thread;
}

/* So much passes, and it uses so much of that. */
static bool look(struct thread *thread, int64_t passed_us, int64_t used_us)
{
        thread->is.now_us += passed_us;
        thread->is.cpu_us += used_us;
        return watchdog_hangs(&thread->dog, &thread->is, SECOND, LIMIT * SECOND);
}

/* How many looks until it is said to hang; TOO_LONG: it is not. */
static int looks_until_it_hangs(struct thread *thread, int64_t passed_us, int64_t used_us)
{
        int n = 1;

        while (n < TOO_LONG && !look(thread, passed_us, used_us))
                n++;
        return n;
}

static void endless_loop_hangs(void **state)
{
        struct thread thread = thread_in_a_turn();

        (void)state;
        assert_int_equal(looks_until_it_hangs(&thread, SECOND, SECOND), LIMIT);
        /* Four share its CPU. */
        thread = thread_in_a_turn();
        assert_int_equal(looks_until_it_hangs(&thread, SECOND, SECOND / 4), 4 * LIMIT);
}

static void deadlock_hangs(void **state)
{
        struct thread thread = thread_in_a_turn();

        (void)state;
        thread.is.blocked = true; /* from some time between two looks on */
        assert_int_equal(looks_until_it_hangs(&thread, SECOND, 0), LIMIT + 1);
}

static void busy_thread_with_many_turns_does_not_hang(void **state)
{
        struct thread thread = thread_in_a_turn();

        (void)state;
        for (int i = 0; i < TOO_LONG; i++) {
                thread.is.beat += 2;
                thread.is.blocked = i % 2; /* a look may always meet it in a short wait */
                assert_false(look(&thread, SECOND, SECOND));
        }
}

static void thread_that_waits_for_work_does_not_hang(void **state)
{
        struct thread thread = thread_in_a_turn();

        (void)state;
        thread.is.beat++;
        thread.is.asleep = thread.is.blocked = true;
        assert_int_equal(looks_until_it_hangs(&thread, 60 * SECOND, 0), TOO_LONG);
        /* Nor is that time counted when it wakes up into a turn. */
        thread.is.beat++;
        thread.is.asleep = false;
        assert_int_equal(looks_until_it_hangs(&thread, SECOND, 0), LIMIT + 1);
}

static void one_that_gets_no_cpu_does_not_hang(void **state)
{
        struct thread thread = thread_in_a_turn();

        (void)state;
        assert_int_equal(looks_until_it_hangs(&thread, SECOND, 0), TOO_LONG);
        assert_int_equal(looks_until_it_hangs(&thread, SECOND, SECOND / 200), TOO_LONG);
}

/* The process is stopped for an hour in the middle of a turn, even of one with a wait in it. */
static void one_that_was_stopped_does_not_hang(void **state)
{
        struct thread thread = thread_in_a_turn();

        (void)state;
        thread.is.blocked = true;
        assert_false(look(&thread, SECOND, 0));
        for (int i = 0; i < 4; i++)
                assert_false(look(&thread, 3600 * SECOND, SECOND / 100));
        thread.is.beat++;
        assert_false(look(&thread, SECOND, 0));
        assert_false(look(&thread, 3600 * SECOND, 0));
}

/* A virtual machine is, while the thread runs: its clocks go on at once, all of them. */
static void one_whose_machine_stood_still_does_not_hang(void **state)
{
        struct thread thread = thread_in_a_turn();

        (void)state;
        for (int i = 0; i < 4; i++)
                assert_false(look(&thread, 3600 * SECOND, 3600 * SECOND));
}

static void what_a_turn_before_did_is_forgotten(void **state)
{
        struct thread thread = thread_in_a_turn();

        (void)state;
        for (int i = 1; i < LIMIT; i++)
                assert_false(look(&thread, SECOND, SECOND));
        thread.is.beat += 2;
        assert_int_equal(looks_until_it_hangs(&thread, SECOND, SECOND), LIMIT + 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(endless_loop_hangs),
                cmocka_unit_test(deadlock_hangs),
                cmocka_unit_test(busy_thread_with_many_turns_does_not_hang),
                cmocka_unit_test(thread_that_waits_for_work_does_not_hang),
                cmocka_unit_test(one_that_gets_no_cpu_does_not_hang),
                cmocka_unit_test(one_that_was_stopped_does_not_hang),
                cmocka_unit_test(one_whose_machine_stood_still_does_not_hang),
                cmocka_unit_test(what_a_turn_before_did_is_forgotten),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
