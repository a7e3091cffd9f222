/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of a hostile receiver, in any order with packets and time. */
#include "tests/fuzz/fuzz.h"

#include "sfu/core/cc.h"

enum { MAX_REPORT = 64, MAX_PROBE_BYTES = 200 * 1000 };

enum op { SEND, WAIT, TCC, CCFB, CCFB_END, TIMEOUT, PROBE, DEMAND, RTT, N_OPS };

struct world {
        struct cc *cc;
        struct rd r;
        int64_t now_us;
        uint16_t last_seq, rtp_seq;
};

static uint64_t rd_u64(struct rd *r)
{
        uint64_t hi = rd_u32(r);

        return hi << 32 | rd_u32(r);
}

/* Mostly what an honest clock would say, sometimes anything. */
static int64_t arrival(struct world *world)
{
        uint8_t kind = rd_u8(&world->r);

        if (kind < 200)
                return world->now_us + kind * 500;
        if (kind < 230)
                return CC_LOST;
        if (kind < 250)
                return world->now_us + (int32_t)rd_u32(&world->r);
        return (int64_t)rd_u64(&world->r);
}

static size_t read_report(struct world *world, uint16_t *ret_base, uint16_t newest,
                          int64_t *ret_arrivals_us)
{
        size_t n = rd_u8(&world->r) % (MAX_REPORT + 1);
        uint8_t back = rd_u8(&world->r);

        *ret_base = (uint16_t)(back < 250 ? newest - back : rd_u16(&world->r));
        for (size_t i = 0; i < n; i++)
                ret_arrivals_us[i] = arrival(world);
        return n;
}

static void step(struct world *world, enum op op)
{
        int64_t arrivals_us[MAX_REPORT];
        uint8_t stream;
        uint16_t base;
        size_t n;

        switch (op) {
        case SEND:
                stream = rd_u8(&world->r);
                for (n = stream % 32 + 1u; n > 0; n--)
                        world->last_seq = cc_on_sent(world->cc, 1 + 40u * (stream & 31), stream & 3,
                                                     world->rtp_seq++, world->now_us);
                break;
        case WAIT:
                world->now_us += (int64_t)rd_u16(&world->r) << (rd_u8(&world->r) % 10);
                break;
        case TCC:
                n = read_report(world, &base, world->last_seq, arrivals_us);
                cc_on_tcc(world->cc, base, arrivals_us, n, world->now_us);
                break;
        case CCFB:
                stream = rd_u8(&world->r) & 3;
                n = read_report(world, &base, world->rtp_seq, arrivals_us);
                cc_on_ccfb(world->cc, stream, base, arrivals_us, n, world->now_us);
                break;
        case CCFB_END:
                cc_on_ccfb_end(world->cc, world->now_us);
                break;
        case TIMEOUT:
                cc_on_timeout(world->cc, world->now_us);
                break;
        case PROBE:
                FUZZ_CHECK(cc_probe_bytes(world->cc, world->now_us) <= MAX_PROBE_BYTES);
                break;
        case DEMAND:
                cc_set_demand(world->cc, rd_u32(&world->r), rd_u64(&world->r));
                break;
        case RTT:
                cc_set_rtt(world->cc, rd_u32(&world->r));
                break;
        case N_OPS:
                break;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct world world = { .r = rd_init(data, size), .now_us = INT64_C(1) << 40 };
        struct cc_info info;

        if (cc_new(&world.cc, rd_u32(&world.r), world.now_us) != 0)
                return 0;
        while (!world.r.bad) {
                step(&world, (enum op)(rd_u8(&world.r) % N_OPS));
                cc_info(world.cc, &info);
                FUZZ_CHECK(info.target_bps >= CC_MIN_BPS && info.target_bps <= CC_MAX_BPS);
                FUZZ_CHECK(info.loss_permille <= 1000 && info.queue_us >= 0);
                (void)cc_deadline_us(world.cc);
        }
        cc_free(world.cc);
        return 0;
}
