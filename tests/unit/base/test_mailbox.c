/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mailbox.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>

/* The linker sends calloc here; the n-th call fails. 0: none does. */
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

static unsigned fail_at;

void *__wrap_calloc(size_t n, size_t size)
{
        if (fail_at > 0 && --fail_at == 0)
                return NULL;
        return __real_calloc(n, size);
}

enum { N_SENDERS = 4, N_MESSAGES = 20000 };

struct note {
        uint32_t sender, number;
};

static bool is_readable(const struct mailbox *box)
{
        struct pollfd p = { .fd = mailbox_fd(box), .events = POLLIN };

        return poll(&p, 1, 0) == 1;
}

static void no_memory_is_reported_and_nothing_leaks(void **state)
{
        struct mailbox *box = NULL;
        unsigned n = 0;
        int err;

        (void)state;
        do {
                fail_at = ++n;
                err = mailbox_new(&box, 8, 4);
                assert_true(err == 0 || (err == -ENOMEM && !box));
        } while (err);
        fail_at = 0;
        assert_int_equal(n, 3); /* two allocations, each failed once */
        mailbox_free(box);
}

static void messages_come_out_in_order(void **state)
{
        cleanup(mailbox_freep) struct mailbox *box = NULL;
        struct note note;

        (void)state;
        assert_int_equal(mailbox_new(&box, sizeof(note), 3), 0);
        for (uint32_t i = 0; i < 100; i++) { /* goes round the ring */
                assert_int_equal(mailbox_put(box, &(struct note){ 1, 2 * i }), 0);
                assert_int_equal(mailbox_put(box, &(struct note){ 1, 2 * i + 1 }), 0);
                assert_true(mailbox_take(box, &note));
                assert_int_equal(note.number, 2 * i);
                assert_true(mailbox_take(box, &note));
                assert_int_equal(note.number, 2 * i + 1);
                assert_false(mailbox_take(box, &note));
        }
}

static void a_full_mailbox_says_so_and_keeps_what_it_has(void **state)
{
        cleanup(mailbox_freep) struct mailbox *box = NULL;
        struct note note;

        (void)state;
        assert_int_equal(mailbox_new(&box, sizeof(note), 2), 0);
        assert_int_equal(mailbox_put(box, &(struct note){ 0, 1 }), 0);
        assert_int_equal(mailbox_put(box, &(struct note){ 0, 2 }), 0);
        assert_int_equal(mailbox_put(box, &(struct note){ 0, 3 }), -EAGAIN);
        assert_true(mailbox_take(box, &note));
        assert_int_equal(note.number, 1);
        assert_int_equal(mailbox_put(box, &(struct note){ 0, 4 }), 0);
        assert_true(mailbox_take(box, &note));
        assert_int_equal(note.number, 2);
        assert_true(mailbox_take(box, &note));
        assert_int_equal(note.number, 4);
}

static void descriptor_is_readable_from_put_to_clear(void **state)
{
        cleanup(mailbox_freep) struct mailbox *box = NULL;
        struct note note = { 0, 0 };

        (void)state;
        assert_int_equal(mailbox_new(&box, sizeof(note), 2), 0);
        assert_false(is_readable(box));
        mailbox_clear(box); /* must not block */
        assert_int_equal(mailbox_put(box, &note), 0);
        assert_int_equal(mailbox_put(box, &note), 0);
        assert_true(is_readable(box));
        mailbox_clear(box);
        assert_false(is_readable(box));
        assert_true(mailbox_take(box, &note));
        assert_int_equal(mailbox_put(box, &note), 0);
        assert_true(is_readable(box));
}

struct sender {
        struct mailbox *box;
        uint32_t number;
};

static void *send_all(void *arg)
{
        const struct sender *sender = arg;

        for (uint32_t i = 0; i < N_MESSAGES; i++) {
                while (mailbox_put(sender->box, &(struct note){ sender->number, i }) == -EAGAIN)
                        sched_yield();
        }
        return NULL;
}

/* Takes as a loop does: wait for the descriptor, clear, take until empty. */
static void receive_all(struct mailbox *box, uint32_t *next)
{
        struct pollfd p = { .fd = mailbox_fd(box), .events = POLLIN };
        struct note note;

        for (size_t got = 0; got < (size_t)N_SENDERS * N_MESSAGES;) {
                assert_int_equal(poll(&p, 1, 30000), 1); /* a lost wake-up would hang here */
                mailbox_clear(box);
                while (mailbox_take(box, &note)) {
                        assert_in_range(note.sender, 0, N_SENDERS - 1);
                        assert_int_equal(note.number, next[note.sender]);
                        next[note.sender]++;
                        got++;
                }
        }
}

static void many_senders_lose_and_reorder_nothing(void **state)
{
        cleanup(mailbox_freep) struct mailbox *box = NULL;
        pthread_t threads[N_SENDERS];
        struct sender senders[N_SENDERS];
        uint32_t next[N_SENDERS] = { 0 };

        (void)state;
        assert_int_equal(mailbox_new(&box, sizeof(struct note), 16), 0);
        for (uint32_t i = 0; i < N_SENDERS; i++) {
                senders[i] = (struct sender){ box, i };
                assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
        }
        receive_all(box, next);
        for (size_t i = 0; i < N_SENDERS; i++)
                pthread_join(threads[i], NULL);
        assert_null(mailbox_free(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_memory_is_reported_and_nothing_leaks),
                cmocka_unit_test(messages_come_out_in_order),
                cmocka_unit_test(a_full_mailbox_says_so_and_keeps_what_it_has),
                cmocka_unit_test(descriptor_is_readable_from_put_to_clear),
                cmocka_unit_test(many_senders_lose_and_reorder_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
