/* SPDX-License-Identifier: Apache-2.0 */
/* Two rooms of one id, each on its worker, and what they tell each other. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sfu/core/media_remote.h"
#include "sfu/wire/rtp.h"

enum { PT_VP8 = 96, SLOT_VIDEO = 600, S = 1000000, N_PACKETS = 256, QUEUE = 512 };

/* The n-th allocation fails; 0: none does. */
static unsigned fail_at, n_allocations;

void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
        return ++n_allocations == fail_at ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
        return ++n_allocations == fail_at ? NULL : __real_realloc(p, size);
}

struct worker {
        struct worker *other;
        unsigned index;
        struct media_room *room;
        uint8_t buf[2048];
        unsigned n_rtp;
        uint32_t shown; /* as the last event of a slot said */
        uint16_t last_seq;
        size_t n; /* records that wait for it */
        struct media_relay queue[QUEUE];
};

struct pair {
        struct pkt_pool *pool;
        struct worker workers[2];
        int64_t now_us;
};

static uint8_t *reserve(void *user, void *tag, size_t max_len)
{
        struct worker *worker = user;

        (void)tag;
        assert_true(max_len <= sizeof(worker->buf));
        return worker->buf;
}

static void commit_rtp(void *user, void *tag, size_t len, uint32_t ext)
{
        struct worker *worker = user;

        (void)tag;
        (void)len;
        worker->last_seq = (uint16_t)ext;
        worker->n_rtp++;
}

static void commit_rtcp(void *user, void *tag, size_t len)
{
        (void)user;
        (void)tag;
        (void)len;
}

static void on_event(void *user, void *tag, const struct sfu_event *event)
{
        struct worker *worker = user;

        (void)tag;
        if (event->type == SFU_EV_SLOT)
                worker->shown = event->slot.source;
}

static bool relay(void *user, unsigned to, struct media_relay *record)
{
        struct worker *other = ((struct worker *)user)->other;

        assert_int_equal(to, other->index);
        assert_true(other->n < QUEUE);
        other->queue[other->n++] = *record;
        return true;
}

static int worker_begin(struct worker *worker)
{
        const struct media_out out = {
                .user = worker,
                .reserve = reserve,
                .commit_rtp = commit_rtp,
                .commit_rtcp = commit_rtcp,
                .event = on_event,
                .relay = relay,
        };
        int r = media_room_new(&worker->room, &out, worker->index + 1);

        return r < 0 ? r : media_room_span(worker->room, worker->index, 2);
}

static void pair_init(struct pair *pair, struct pkt_pool *pool)
{
        memset(pair, 0, sizeof(*pair));
        pair->pool = pool;
        pair->now_us = S;
        for (unsigned i = 0; i < 2; i++) {
                pair->workers[i].index = i;
                pair->workers[i].other = &pair->workers[1 - i];
        }
}

static int pair_begin(struct pair *pair)
{
        int r = worker_begin(&pair->workers[0]);

        return r < 0 ? r : worker_begin(&pair->workers[1]);
}

static void pair_done(struct pair *pair)
{
        for (unsigned i = 0; i < 2; i++) {
                struct worker *worker = &pair->workers[i];

                worker->room = media_room_free(worker->room);
        }
        for (unsigned i = 0; i < 2; i++) {
                struct worker *worker = &pair->workers[i];

                for (size_t k = 0; k < worker->n; k++)
                        media_relay_drop(&worker->queue[k]);
        }
}

/* What waits for this worker. */
static void take_in(struct pair *pair, struct worker *worker)
{
        for (size_t i = 0; i < worker->n; i++)
                media_room_on_relay(worker->room, worker->other->index, &worker->queue[i],
                                    pair->now_us);
        worker->n = 0;
        while (media_room_waiting(worker->room) != MEDIA_WAITING_NONE)
                media_room_step(worker->room, pair->now_us);
}

/* Until nobody has anything to tell; for want of memory a few rounds may be in vain. */
static void settle(struct pair *pair)
{
        for (int i = 0; i < 6; i++) {
                bool told = media_room_relay(pair->workers[0].room);

                told &= media_room_relay(pair->workers[1].room);
                take_in(pair, &pair->workers[0]);
                take_in(pair, &pair->workers[1]);
                assert_true(told || fail_at);
        }
}

static int join(struct pair *pair, struct worker *worker, struct media_peer **ret,
                uint32_t participant)
{
        struct sdp_media media = { .n_video_slots = 1 };
        const struct media_peer_params params = { .tag = worker,
                                                  .participant = participant,
                                                  .media = &media };
        int r;

        media.pubs[SFU_CAMERA] = (struct sdp_publication){ .used = true, .mid = "1", .nack = true };
        media.pubs[SFU_CAMERA].pts[SDP_VP8] = (struct sdp_pt){ true, PT_VP8, PT_VP8 + 1 };
        media.video_slots[0] = (struct sdp_slot){ .mid = "3",
                                                  .ssrc = SLOT_VIDEO,
                                                  .rtx_ssrc = SLOT_VIDEO + 1 };
        media.video_slots[0].pts[SDP_VP8] = (struct sdp_pt){ true, PT_VP8, PT_VP8 + 1 };
        r = media_room_add_peer(worker->room, ret, &params, pair->now_us);
        if (r == 0)
                media_peer_on_connected(*ret, pair->now_us);
        return r;
}

static void watch(struct pair *pair, struct media_peer *peer, uint32_t participant)
{
        const struct sfu_slot_view view = { .participant = participant, .kind = SFU_CAMERA };

        media_peer_set_view(peer, &view, 1, pair->now_us);
}

/* A key frame of one packet. */
static void give_frame(struct pair *pair, struct media_peer *peer, uint32_t ssrc, uint16_t seq)
{
        static const uint8_t key[] = { 0x10, 0x00, 0x00, 0x00, 0x9d, 0x01,
                                       0x2a, 0x40, 0x01, 0xb4, 0x00, 0x00 };
        const struct rtp_pkt header = { .pt = PT_VP8, .seq = seq, .ts = seq * 3000u, .ssrc = ssrc };
        struct pkt *pkt = pkt_get(pair->pool);
        struct wr w = wr_init(pkt->data, PKT_CAP);

        rtp_write_header(&w, &header, NULL, 0);
        memcpy(wr_take(&w, sizeof(key)), key, sizeof(key));
        pkt->len = (uint16_t)wr_len(&w);
        pkt->arrival_us = pair->now_us;
        assert_int_equal(media_peer_on_rtp(peer, pkt, pair->now_us), 0);
        pkt_unref(pkt);
}

/* One, and the time until the next. */
static void send_frame(struct pair *pair, struct media_peer *peer, uint32_t ssrc, uint16_t seq)
{
        give_frame(pair, peer, ssrc, seq);
        settle(pair);
        pair->now_us += 40 * 1000;
        for (unsigned i = 0; i < 2; i++)
                media_room_on_timeout(pair->workers[i].room, pair->now_us, pair->now_us);
        settle(pair);
}

static void stream_that_starts_over_goes_on_elsewhere(void **state)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
        struct pair pair;
        struct media_peer *a, *b;
        unsigned n;
        uint16_t last_seq;

        (void)state;
        assert_int_equal(pkt_pool_new(&pool, N_PACKETS), 0);
        pair_init(&pair, pool);
        assert_int_equal(pair_begin(&pair), 0);
        assert_int_equal(join(&pair, &pair.workers[0], &a, 1), 0);
        assert_int_equal(join(&pair, &pair.workers[1], &b, 2), 0);
        watch(&pair, b, 1);
        for (uint16_t seq = 100; seq < 110; seq++)
                send_frame(&pair, a, 5, seq);
        assert_int_equal(pair.workers[1].shown, 1);
        n = pair.workers[1].n_rtp;
        last_seq = pair.workers[1].last_seq;
        assert_true(n >= 8);
        pair.now_us += S;
        for (uint16_t seq = 7000; seq < 7010; seq++)
                send_frame(&pair, a, 6, seq); /* the same camera by another SSRC */
        assert_true(pair.workers[1].n_rtp >= n + 8);
        assert_int_equal((uint16_t)(pair.workers[1].last_seq - last_seq),
                         pair.workers[1].n_rtp - n);
        pair_done(&pair);
        assert_int_equal(pkt_pool_available(pool), N_PACKETS);
}

static size_t n_of_type(const struct worker *worker, enum media_relay_type type)
{
        size_t n = 0;

        for (size_t i = 0; i < worker->n; i++)
                n += worker->queue[i].type == type;
        return n;
}

/* The first frame is a key frame, and goes to who watches the camera. */
static void camera_that_starts_is_shown_elsewhere_at_once(void **state)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
        struct pair pair;
        struct media_peer *a, *b;
        struct worker *there = &pair.workers[1];

        (void)state;
        assert_int_equal(pkt_pool_new(&pool, N_PACKETS), 0);
        pair_init(&pair, pool);
        assert_int_equal(pair_begin(&pair), 0);
        assert_int_equal(join(&pair, &pair.workers[0], &a, 1), 0);
        assert_int_equal(join(&pair, there, &b, 2), 0);
        watch(&pair, b, 1);
        settle(&pair);
        send_frame(&pair, a, 5, 100);
        assert_int_equal(there->n_rtp, 1);
        assert_int_equal(there->shown, 1);
        /* Who turns away while packets are on their way gets no more. */
        give_frame(&pair, a, 5, 101);
        assert_true(media_room_relay(pair.workers[0].room));
        watch(&pair, b, 0);
        settle(&pair);
        give_frame(&pair, a, 5, 102);
        assert_int_equal(n_of_type(there, MEDIA_RELAY_RTP), 0);
        assert_int_equal(there->n_rtp, 1);
        pair_done(&pair);
}

/* A camera that stops while it is shown must not hold its last packets for ever. */
static void silent_layer_gives_its_packets_back(void **state)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
        struct pair pair;
        struct media_peer *a, *b;

        (void)state;
        assert_int_equal(pkt_pool_new(&pool, N_PACKETS), 0);
        pair_init(&pair, pool);
        assert_int_equal(pair_begin(&pair), 0);
        assert_int_equal(join(&pair, &pair.workers[0], &a, 1), 0);
        assert_int_equal(join(&pair, &pair.workers[1], &b, 2), 0);
        watch(&pair, b, 1);
        for (uint16_t seq = 100; seq < 120; seq++)
                send_frame(&pair, a, 5, seq);
        assert_int_equal(pair.workers[1].shown, 1);
        assert_true(pkt_pool_available(pool) < N_PACKETS);
        for (int i = 0; i < 50; i++) {
                pair.now_us += S / 10;
                for (unsigned k = 0; k < 2; k++)
                        media_room_on_timeout(pair.workers[k].room, pair.now_us, pair.now_us);
        }
        assert_int_equal(pkt_pool_available(pool), N_PACKETS);
        pair_done(&pair);
}

/* What was meant for a room that ended and began again meanwhile. */
static void records_for_an_earlier_life_are_dropped(void **state)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
        struct pair pair;
        struct media_peer *a, *b;
        struct worker *there = &pair.workers[1];

        (void)state;
        assert_int_equal(pkt_pool_new(&pool, N_PACKETS), 0);
        pair_init(&pair, pool);
        assert_int_equal(pair_begin(&pair), 0);
        assert_int_equal(join(&pair, &pair.workers[0], &a, 1), 0);
        assert_int_equal(join(&pair, there, &b, 2), 0);
        watch(&pair, b, 1);
        for (uint16_t seq = 1; seq < 5; seq++)
                send_frame(&pair, a, 5, seq);
        assert_int_equal(there->shown, 1);
        media_peer_set_muted(a, SFU_CAMERA, true, pair.now_us);
        assert_true(media_room_relay(pair.workers[0].room)); /* on its way: she is muted */
        media_peer_set_muted(a, SFU_CAMERA, false, pair.now_us);
        assert_true(media_room_relay(pair.workers[0].room));
        media_room_remove_peer(there->room, b, pair.now_us);
        assert_true(media_room_relay(there->room));
        there->room = media_room_free(there->room);
        assert_int_equal(worker_begin(there), 0);
        assert_int_equal(join(&pair, there, &b, 2), 0);
        watch(&pair, b, 1);
        there->shown = there->n_rtp = 0;
        settle(&pair);
        for (uint16_t seq = 5; seq < 9; seq++)
                send_frame(&pair, a, 5, seq);
        assert_int_equal(there->shown, 1);
        assert_true(there->n_rtp >= 3);
        pair_done(&pair);
        assert_int_equal(pkt_pool_available(pool), N_PACKETS);
}

static void who_is_muted_is_announced_when_she_is_not(void **state)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
        struct pair pair;
        struct media_peer *a, *b;

        (void)state;
        assert_int_equal(pkt_pool_new(&pool, N_PACKETS), 0);
        pair_init(&pair, pool);
        assert_int_equal(pair_begin(&pair), 0);
        assert_int_equal(join(&pair, &pair.workers[1], &b, 2), 0);
        watch(&pair, b, 1);
        settle(&pair);
        assert_int_equal(join(&pair, &pair.workers[0], &a, 1), 0);
        media_peer_set_muted(a, SFU_CAMERA, true, pair.now_us);
        assert_true(media_room_relay(pair.workers[0].room));
        for (size_t i = 0; i < pair.workers[1].n; i++)
                assert_int_not_equal(pair.workers[1].queue[i].type, MEDIA_RELAY_PEER);
        settle(&pair);
        media_peer_set_muted(a, SFU_CAMERA, false, pair.now_us);
        for (uint16_t seq = 1; seq < 5; seq++)
                send_frame(&pair, a, 5, seq);
        assert_int_equal(pair.workers[1].shown, 1);
        media_peer_set_muted(a, SFU_CAMERA, true, pair.now_us);
        settle(&pair);
        assert_int_equal(pair.workers[1].shown, 0);
        pair_done(&pair);
}

static int short_meeting(struct pair *pair)
{
        struct media_peer *a, *b, *c;
        int r = pair_begin(pair);

        if (r == 0)
                r = join(pair, &pair->workers[0], &a, 1);
        if (r == 0)
                r = join(pair, &pair->workers[1], &b, 2);
        if (r < 0)
                return r;
        watch(pair, b, 1);
        watch(pair, a, 2);
        for (uint16_t seq = 1; seq < 4; seq++)
                send_frame(pair, a, 5, seq);
        for (uint32_t i = 0; i < 20; i++) {
                r = join(pair, &pair->workers[1], &c, 3 + i);
                if (r < 0)
                        return r;
                send_frame(pair, c, 5, 1);
                if (i % 2)
                        media_room_remove_peer(pair->workers[1].room, c, pair->now_us);
        }
        media_room_remove_peer(pair->workers[0].room, a, pair->now_us);
        settle(pair);
        return 0;
}

static void every_allocation_may_fail(void **state)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
        unsigned n = 0, n_refused = 0;
        struct pair pair;

        (void)state;
        assert_int_equal(pkt_pool_new(&pool, N_PACKETS), 0);
        do {
                int r;

                pair_init(&pair, pool);
                n_allocations = 0;
                fail_at = ++n;
                r = short_meeting(&pair);
                pair_done(&pair);
                assert_true(r == 0 || r == -ENOMEM);
                n_refused += r == -ENOMEM;
                assert_int_equal(pkt_pool_available(pool), N_PACKETS);
        } while (n_allocations >= fail_at);
        fail_at = 0;
        assert_true(n_refused > 20);
        assert_true(n - n_refused > 20); /* proxies that were not made */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(stream_that_starts_over_goes_on_elsewhere),
                cmocka_unit_test(camera_that_starts_is_shown_elsewhere_at_once),
                cmocka_unit_test(silent_layer_gives_its_packets_back),
                cmocka_unit_test(records_for_an_earlier_life_are_dropped),
                cmocka_unit_test(who_is_muted_is_announced_when_she_is_not),
                cmocka_unit_test(every_allocation_may_fail),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
