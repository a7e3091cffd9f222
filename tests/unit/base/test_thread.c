/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/thread.h"

static void *note_mask(void *user)
{
        pthread_sigmask(SIG_SETMASK, NULL, user);
        return NULL;
}

static void signals_are_left_to_the_main_thread_but_not_faults(void **state)
{
        sigset_t before, after, its;
        pthread_t thread;

        (void)state;
        pthread_sigmask(SIG_SETMASK, NULL, &before);
        assert_int_equal(thread_start(&thread, note_mask, &its), 0);
        pthread_join(thread, NULL);
        pthread_sigmask(SIG_SETMASK, NULL, &after);
        assert_int_equal(sigismember(&its, SIGTERM), 1);
        assert_int_equal(sigismember(&its, SIGCHLD), 1);
        assert_int_equal(sigismember(&its, SIGSEGV), 0);
        assert_int_equal(sigismember(&its, SIGABRT), 0);
        assert_int_equal(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(signals_are_left_to_the_main_thread_but_not_faults),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
