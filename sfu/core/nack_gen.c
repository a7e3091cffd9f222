/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/nack_gen.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct missing {
        uint16_t seq;
        uint8_t n_tries;
        int64_t next_us; /* when to ask (again) */
};

struct nack_gen {
        bool started;
        uint16_t highest_seq;
        size_t n_missing, max_missing;
        struct missing *missing;
};

int nack_gen_new(struct nack_gen **ret_gen, size_t max_missing)
{
        cleanup(nack_gen_freep) struct nack_gen *gen = NULL;

        assert(max_missing > 0);

        gen = calloc(1, sizeof(*gen));
        if (!gen)
                return -ENOMEM;

        gen->max_missing = max_missing;
        gen->missing = calloc(max_missing, sizeof(*gen->missing));
        if (!gen->missing)
                return -ENOMEM; /* cleanup() frees the half-built gen */

        *ret_gen = take_ptr(gen);
        return 0;
}

struct nack_gen *nack_gen_free(struct nack_gen *gen)
{
        if (!gen)
                return NULL;
        free(gen->missing);
        free(gen);
        return NULL;
}

void nack_gen_reset(struct nack_gen *gen)
{
        if (!gen)
                return;
        gen->started = false;
        gen->n_missing = 0;
}

static void drop_at(struct nack_gen *gen, size_t i)
{
        gen->n_missing--;
        memmove(&gen->missing[i], &gen->missing[i + 1],
                (gen->n_missing - i) * sizeof(*gen->missing));
}

/* For n more (<= max_missing). All the oldest at once: a stream may leap with each packet. */
static void make_room(struct nack_gen *gen, size_t n)
{
        size_t kept = gen->max_missing - n;

        if (gen->n_missing <= kept)
                return;
        memmove(&gen->missing[0], &gen->missing[gen->n_missing - kept],
                kept * sizeof(*gen->missing));
        gen->n_missing = kept;
}

static void add_newest(struct nack_gen *gen, uint16_t seq, int64_t now_us)
{
        gen->missing[gen->n_missing++] = (struct missing){
                .seq = seq,
                .next_us = now_us + NACK_GEN_REORDER_US,
        };
}

static void on_late_packet(struct nack_gen *gen, uint16_t seq)
{
        for (size_t i = 0; i < gen->n_missing; i++) {
                if (gen->missing[i].seq == seq) {
                        drop_at(gen, i);
                        return;
                }
        }
}

void nack_gen_on_packet(struct nack_gen *gen, uint16_t seq, int64_t now_us)
{
        uint16_t ahead = (uint16_t)(seq - gen->highest_seq); /* modulo 2^16 */

        if (gen->started && (ahead == 0 || ahead >= 0x8000)) {
                on_late_packet(gen, seq);
                return;
        }
        if (gen->started) {
                /* After a long jump only the newest losses are worth keeping. */
                size_t first = ahead > gen->max_missing ? ahead - gen->max_missing : 1;

                make_room(gen, ahead - first);
                for (size_t i = first; i < ahead; i++)
                        add_newest(gen, (uint16_t)(gen->highest_seq + i), now_us);
        }
        gen->started = true;
        gen->highest_seq = seq;
}

size_t nack_gen_poll(struct nack_gen *gen, int64_t now_us, int64_t rtt_us, uint16_t *ret_seqs,
                     size_t cap)
{
        size_t n = 0, kept = 0;

        for (size_t i = 0; i < gen->n_missing; i++) {
                struct missing m = gen->missing[i];

                if (m.next_us <= now_us && n < cap) {
                        if (m.n_tries == NACK_GEN_MAX_TRIES)
                                continue;
                        m.n_tries++;
                        m.next_us = now_us + rtt_us;
                        ret_seqs[n++] = m.seq;
                }
                gen->missing[kept++] = m;
        }
        gen->n_missing = kept;
        return n;
}

int64_t nack_gen_deadline_us(const struct nack_gen *gen)
{
        int64_t deadline_us = INT64_MAX;

        for (size_t i = 0; i < gen->n_missing; i++) {
                if (gen->missing[i].next_us < deadline_us)
                        deadline_us = gen->missing[i].next_us;
        }
        return deadline_us;
}
