/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "sfu/io/link.h"

enum { N_PACKETS = 256, N_THROUGH = 50000 };

static bool is_ringing(struct link_hub *hub, unsigned worker)
{
        struct pollfd fd = { .fd = link_fd(hub, worker), .events = POLLIN };

        return poll(&fd, 1, 0) == 1;
}

static struct media_relay rtp(struct pkt *pkt, uint32_t ext)
{
        return (struct media_relay){ .type = MEDIA_RELAY_RTP, .rtp = { .pkt = pkt, .ext = ext } };
}

static void only_a_sleeping_worker_is_woken_and_once(void **state)
{
        const struct media_relay word = { .type = MEDIA_RELAY_WATCH };
        cleanup(link_hub_freep) struct link_hub *hub = NULL;
        struct media_relay got;

        (void)state;
        assert_int_equal(link_hub_new(&hub, 3), 0);
        assert_true(link_put(hub, 0, 1, &word));
        link_publish(hub, 0);
        assert_false(is_ringing(hub, 1));
        assert_false(link_sleep(hub, 1)); /* there is something */
        link_awake(hub, 1);
        assert_true(link_take(hub, 1, 0, &got));
        assert_true(link_sleep(hub, 1));
        assert_true(link_put(hub, 2, 1, &word));
        assert_false(is_ringing(hub, 1));
        link_publish(hub, 2);
        assert_true(is_ringing(hub, 1));
        link_clear(hub, 1);
        assert_true(link_put(hub, 0, 1, &word));
        link_publish(hub, 0);
        assert_false(is_ringing(hub, 1)); /* it has been rung for */
        link_awake(hub, 1);
        assert_false(is_ringing(hub, 0));
        assert_false(is_ringing(hub, 2));
}

static void media_leaves_places_to_the_rest(void **state)
{
        const struct media_relay word = { .type = MEDIA_RELAY_GONE };
        const struct media_relay claim = { .type = MEDIA_RELAY_CLAIM };
        cleanup(link_hub_freep) struct link_hub *hub = NULL;
        size_t n = 0;

        (void)state;
        assert_int_equal(link_hub_new(&hub, 2), 0);
        while (link_put(hub, 0, 1, &claim))
                n++;
        assert_int_equal(n, link_capacity(hub) - LINK_KEPT);
        for (int i = 0; i < LINK_KEPT; i++)
                assert_true(link_put(hub, 0, 1, &word));
        assert_false(link_put(hub, 0, 1, &word));
        assert_true(link_put(hub, 1, 0, &claim)); /* the way back has a ring of its own */
}

static void what_nobody_took_is_given_back(void **state)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
        struct link_hub *hub = NULL;
        struct media_relay word = { .type = MEDIA_RELAY_PEER };

        (void)state;
        assert_int_equal(pkt_pool_new(&pool, N_PACKETS), 0);
        assert_int_equal(link_hub_new(&hub, 2), 0);
        for (uint32_t i = 0; i < N_PACKETS; i++) {
                struct media_relay record = rtp(pkt_get(pool), i);

                assert_true(link_put(hub, 0, 1, &record));
                if (i == N_PACKETS / 2)
                        link_publish(hub, 0);
        }
        word.peer.pubs = calloc(SFU_N_KINDS, sizeof(*word.peer.pubs));
        assert_true(link_put(hub, 0, 1, &word));
        link_hub_free(hub);
        assert_int_equal(pkt_pool_available(pool), N_PACKETS);
}

struct taker {
        struct link_hub *hub;
        unsigned n_wrong;
};

/* As a worker does it: sleeps when there is nothing. */
static void *take_all(void *user)
{
        struct taker *taker = user;
        uint32_t n = 0;

        while (n < N_THROUGH) {
                struct pollfd fd = { .fd = link_fd(taker->hub, 1), .events = POLLIN };
                struct media_relay record;

                if (link_sleep(taker->hub, 1) && poll(&fd, 1, -1) == 1)
                        link_clear(taker->hub, 1);
                link_awake(taker->hub, 1);
                while (link_take(taker->hub, 1, 0, &record)) {
                        taker->n_wrong += record.rtp.ext != n || record.rtp.pkt->len != n % 1000;
                        media_relay_drop(&record);
                        n++;
                }
        }
        return NULL;
}

/* A bell that is missed hangs this test. */
static void no_record_and_no_bell_is_missed_between_threads(void **state)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
        cleanup(link_hub_freep) struct link_hub *hub = NULL;
        struct taker taker = { 0 };
        pthread_t thread;

        (void)state;
        assert_int_equal(pkt_pool_new(&pool, N_PACKETS), 0);
        assert_int_equal(link_hub_new(&hub, 2), 0);
        taker.hub = hub;
        assert_int_equal(pthread_create(&thread, NULL, take_all, &taker), 0);
        for (uint32_t n = 0; n < N_THROUGH; n++) {
                struct media_relay record;
                struct pkt *pkt;

                while (!(pkt = pkt_get(pool))) {
                        link_publish(hub, 0);
                        sched_yield();
                }
                pkt->len = (uint16_t)(n % 1000);
                record = rtp(pkt, n);
                assert_true(link_put(hub, 0, 1, &record)); /* the pool is smaller than the ring */
                if (n % 7 == 0)
                        link_publish(hub, 0);
        }
        link_publish(hub, 0);
        pthread_join(thread, NULL);
        assert_int_equal(taker.n_wrong, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_a_sleeping_worker_is_woken_and_once),
                cmocka_unit_test(media_leaves_places_to_the_rest),
                cmocka_unit_test(what_nobody_took_is_given_back),
                cmocka_unit_test(no_record_and_no_bell_is_missed_between_threads),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
