/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of sfu/io that need no socket: numbers, timers, addresses, rates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/rate_limit.h"
#include "sfu/io/addr_map.h"
#include "sfu/io/timer_heap.h"
#include "sfu/io/u64_map.h"

static uint32_t next_random(uint32_t *seed)
{
        *seed = *seed * 1664525u + 1013904223u;
        return *seed >> 8;
}

/* Against an array that is too simple to be wrong. */
static void map_agrees_with_an_array(void **state)
{
        enum { N = 200 };
        struct u64_map map = { 0 };
        char values[N];
        bool there[N] = { false };
        size_t n = 0, at = 0, walked = 0;
        uint32_t seed = 1;

        (void)state;
        assert_null(u64_map_get(&map, 1));
        assert_null(u64_map_remove(&map, 1));
        for (int i = 0; i < 20000; i++) {
                uint32_t key = next_random(&seed) % N;

                if (next_random(&seed) % 2) {
                        assert_int_equal(u64_map_reserve(&map), 0);
                        u64_map_put(&map, key * 1024, &values[key]);
                        n += !there[key];
                        there[key] = true;
                } else {
                        assert_ptr_equal(u64_map_remove(&map, key * 1024),
                                         there[key] ? &values[key] : NULL);
                        n -= there[key];
                        there[key] = false;
                }
                assert_int_equal(map.n, n);
        }
        for (uint32_t key = 0; key < N; key++)
                assert_ptr_equal(u64_map_get(&map, key * 1024), there[key] ? &values[key] : NULL);
        while (u64_map_next(&map, &at))
                walked++;
        assert_int_equal(walked, n);
        u64_map_done(&map);
}

struct alarm {
        struct timer timer;
        struct timer_heap *heap;
        int64_t *last_us;
        int64_t want_us;
        unsigned n_fired;
        bool remove_itself;
};

static void on_alarm(void *owner, int64_t now_us)
{
        struct alarm *alarm = owner;

        assert_true(alarm->want_us <= now_us);
        assert_true(alarm->want_us >= *alarm->last_us); /* earliest first */
        *alarm->last_us = alarm->want_us;
        alarm->want_us = INT64_MAX;
        alarm->n_fired++;
        if (alarm->remove_itself)
                timer_heap_remove(alarm->heap, &alarm->timer);
}

static void timers_fire_once_in_order(void **state)
{
        enum { N = 300 };
        struct timer_heap heap = { 0 };
        struct alarm alarms[N] = { 0 };
        int64_t last_us = 0;
        uint32_t seed = 7;

        (void)state;
        assert_int_equal(timer_heap_next_us(&heap), INT64_MAX);
        for (int i = 0; i < N; i++) {
                alarms[i] = (struct alarm){ .heap = &heap,
                                            .last_us = &last_us,
                                            .remove_itself = i % 3 == 0,
                                            .timer = { .fire = on_alarm, .owner = &alarms[i] } };
                assert_int_equal(timer_heap_add(&heap, &alarms[i].timer), 0);
        }
        for (int round = 0; round < 3; round++)
                for (int i = 0; i < N; i++) {
                        alarms[i].want_us = next_random(&seed) % 1000;
                        timer_heap_set(&heap, &alarms[i].timer, alarms[i].want_us);
                }
        for (int64_t now_us = 0; now_us <= 1000; now_us += 10) {
                timer_heap_run(&heap, now_us);
                assert_true(timer_heap_next_us(&heap) > now_us);
        }
        assert_int_equal(timer_heap_next_us(&heap), INT64_MAX);
        for (int i = 0; i < N; i++) {
                assert_int_equal(alarms[i].n_fired, 1);
                if (!alarms[i].remove_itself)
                        timer_heap_remove(&heap, &alarms[i].timer);
        }
        timer_heap_done(&heap);
}

static struct sockaddr_in6 address(uint16_t port, uint8_t last)
{
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = port };

        memcpy(in6.sin6_addr.s6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0", 15);
        in6.sin6_addr.s6_addr[15] = last;
        return in6;
}

static void address_leads_to_its_peer_until_removed(void **state)
{
        enum { N = 2000 };
        cleanup(addr_map_freep) struct addr_map *map = NULL;
        struct addr_entry *entries = calloc(N, sizeof(*entries));
        struct udp_path other = { .remote = address(9999, 9) };

        (void)state;
        assert_int_equal(addr_map_new(&map, 5), 0);
        for (int i = 0; i < N; i++) {
                entries[i].path.remote = address((uint16_t)(i / 2), i % 2);
                assert_null(addr_map_find(map, &entries[i].path));
                addr_map_add(map, &entries[i], (struct peer *)&entries[i]);
        }
        for (int i = 0; i < N; i += 2)
                addr_map_remove(map, &entries[i]);
        for (int i = 0; i < N; i++)
                assert_ptr_equal(addr_map_find(map, &entries[i].path), i % 2 ? &entries[i] : NULL);
        assert_null(addr_map_find(map, &other));
        /* The same numbers by TCP are somebody else's. */
        other = entries[1].path;
        other.tcp = (struct tcp_conn *)&other;
        assert_null(addr_map_find(map, &other));
        assert_null(entries[0].peer);
        free(entries);
}

static void bucket_gives_its_burst_then_its_rate(void **state)
{
        struct rate_limit limit;
        struct in6_addr host = address(1, 1).sin6_addr;
        int64_t now_us = 1000000000;
        int n = 0;

        (void)state;
        rate_limit_init(&limit, 100, 20, 3);
        while (rate_limit_take(&limit, host.s6_addr, now_us))
                n++;
        assert_int_equal(n, 20);
        for (n = 0; now_us < 1000000000 + 1000000; now_us += 1000)
                n += rate_limit_take(&limit, host.s6_addr, now_us);
        assert_in_range(n, 98, 101);
        now_us += 60 * 1000000; /* a rest fills no more than the burst */
        for (n = 0; rate_limit_take(&limit, host.s6_addr, now_us); n++)
                ;
        assert_int_equal(n, 20);
}

static void a_flooder_does_not_starve_another_host(void **state)
{
        struct rate_limit limit;
        struct in6_addr flooder = address(1, 1).sin6_addr, other = address(1, 2).sin6_addr;

        (void)state;
        rate_limit_init(&limit, 100, 20, 3);
        for (int i = 0; i < 1000; i++)
                (void)rate_limit_take(&limit, flooder.s6_addr, 1000000);
        assert_true(rate_limit_take(&limit, other.s6_addr, 1000000));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(map_agrees_with_an_array),
                cmocka_unit_test(timers_fire_once_in_order),
                cmocka_unit_test(address_leads_to_its_peer_until_removed),
                cmocka_unit_test(bucket_gives_its_burst_then_its_rate),
                cmocka_unit_test(a_flooder_does_not_starve_another_host),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
