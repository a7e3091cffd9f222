/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of one worker that others give back; worth most under ThreadSanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include "sfu/core/pkt.h"

enum { N_PACKETS = 64, N_ROUNDS = 20000, N_READERS = 3 };

/* One place per reader: full while it is not NULL. */
struct reader {
        pthread_t thread;
        struct pkt *given;
        unsigned n_read, n_wrong;
};

static void *read_and_give_back(void *user)
{
        struct reader *reader = user;

        while (reader->n_read < N_ROUNDS) {
                struct pkt *pkt = __atomic_exchange_n(&reader->given, NULL, __ATOMIC_ACQUIRE);

                if (!pkt) {
                        sched_yield();
                        continue;
                }
                for (unsigned i = 0; i < pkt->len; i++)
                        reader->n_wrong += pkt->data[i] != (uint8_t)pkt->len;
                reader->n_read++;
                pkt_unref(pkt);
        }
        return NULL;
}

static struct pkt *write_one(struct pkt_pool *pool, unsigned n)
{
        struct pkt *pkt;

        while (!(pkt = pkt_get(pool)))
                sched_yield(); /* all are with the readers */
        pkt->len = (uint16_t)(1 + n % 200);
        for (unsigned i = 0; i < pkt->len; i++)
                pkt->data[i] = (uint8_t)pkt->len;
        return pkt;
}

static void every_thread_gives_back_to_the_owners_pool(void **state)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
        struct reader readers[N_READERS] = { 0 };

        (void)state;
        assert_int_equal(pkt_pool_new(&pool, N_PACKETS), 0);
        for (int i = 0; i < N_READERS; i++)
                assert_int_equal(
                        pthread_create(&readers[i].thread, NULL, read_and_give_back, &readers[i]),
                        0);
        for (unsigned n = 0; n < N_ROUNDS; n++) {
                struct pkt *pkt = write_one(pool, n);

                for (int i = 0; i < N_READERS; i++) {
                        while (__atomic_load_n(&readers[i].given, __ATOMIC_RELAXED))
                                sched_yield();
                        __atomic_store_n(&readers[i].given, pkt_ref(pkt), __ATOMIC_RELEASE);
                }
                pkt_unref(pkt);
        }
        for (int i = 0; i < N_READERS; i++) {
                pthread_join(readers[i].thread, NULL);
                assert_int_equal(readers[i].n_read, N_ROUNDS);
                assert_int_equal(readers[i].n_wrong, 0);
        }
        assert_int_equal(pkt_pool_available(pool), N_PACKETS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_thread_gives_back_to_the_owners_pool),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
