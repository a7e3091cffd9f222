/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dd_make — dependency descriptors for tests, bit by bit: L1T3 (one picture in
 *           four of temporal layer 0) and L3T1_KEY (spatial layers that need each
 *           other in key pictures only), as Chromium builds them.
 */
#ifndef TESTS_DD_MAKE_H
#define TESTS_DD_MAKE_H

#include "base/base.h"

struct dd_bits {
        uint8_t data[256];
        size_t n; /* bits */
};

static inline void dd_bits_put(struct dd_bits *b, uint32_t value, unsigned n)
{
        for (; n > 0; n--, b->n++)
                b->data[b->n / 8] |= (uint8_t)((value >> (n - 1) & 1) << (7 - b->n % 8));
}

static inline size_t dd_bits_len(const struct dd_bits *b)
{
        return (b->n + 7) / 8;
}

/* '-', 'D', 'S', 'R' as in the specification's examples. */
static inline void dd_bits_dtis(struct dd_bits *b, const char *dtis)
{
        for (; *dtis; dtis++)
                dd_bits_put(b, *dtis == 'R' ? 3 : *dtis == 'S' ? 2 : *dtis == 'D' ? 1 : 0, 2);
}

static inline void dd_bits_head(struct dd_bits *b, bool first, bool last, unsigned id,
                                uint16_t number)
{
        memset(b, 0, sizeof(*b));
        dd_bits_put(b, first, 1);
        dd_bits_put(b, last, 1);
        dd_bits_put(b, id, 6);
        dd_bits_put(b, number, 16);
}

/* structure, active, dtis, diffs, chains */
static inline void dd_bits_flags(struct dd_bits *b, unsigned flags)
{
        dd_bits_put(b, flags, 5);
}

/* diff 0: none. */
static inline void dd_bits_diffs(struct dd_bits *b, unsigned first, unsigned second)
{
        for (unsigned i = 0; i < 2; i++) {
                unsigned diff = i == 0 ? first : second;

                if (!diff)
                        continue;
                dd_bits_put(b, 1, 1);
                dd_bits_put(b, diff - 1, 4);
        }
        dd_bits_put(b, 0, 1);
}

/* Templates from id_offset on: 0 key, 1 T0, 2 T1, 3 the first T2, 4 the second.
 * Pictures go T0 T2 T1 T2; targets are T0, T0+T1, all; one chain. */
static inline void dd_bits_l1t3(struct dd_bits *b, unsigned id_offset)
{
        static const char *const dtis[] = { "SSS", "SSS", "-DS", "--D", "--D" };
        static const uint8_t idc[] = { 0, 1, 1, 0, 3 };
        static const uint8_t diffs[][2] = { { 0, 0 }, { 4, 0 }, { 2, 0 }, { 1, 0 }, { 1, 0 } };
        static const uint8_t chains[] = { 0, 4, 2, 1, 3 };

        dd_bits_put(b, id_offset, 6);
        dd_bits_put(b, 3 - 1, 5);
        for (size_t i = 0; i < 5; i++)
                dd_bits_put(b, idc[i], 2);
        for (size_t i = 0; i < 5; i++)
                dd_bits_dtis(b, dtis[i]);
        for (size_t i = 0; i < 5; i++)
                dd_bits_diffs(b, diffs[i][0], diffs[i][1]);
        dd_bits_put(b, 1, 2); /* ns(4): one chain */
        /* protected by ns(1): no bits */
        for (size_t i = 0; i < 5; i++)
                dd_bits_put(b, chains[i], 4);
        dd_bits_put(b, 1, 1);
        dd_bits_put(b, 640 - 1, 16);
        dd_bits_put(b, 360 - 1, 16);
}

/* Templates: 0 S0 key, 1 S0 delta, 2 S1 key, 3 S1 delta, 4 S2 key, 5 S2 delta;
 * targets S0, S1, S2, each with its chain. */
static inline void dd_bits_l3t1_key(struct dd_bits *b, unsigned id_offset)
{
        static const char *const dtis[] = { "SSS", "S--", "-SS", "-S-", "--S", "--S" };
        static const uint8_t idc[] = { 0, 2, 0, 2, 0, 3 };
        static const uint8_t diffs[] = { 0, 3, 1, 3, 1, 3 };
        static const uint8_t chains[][3] = { { 0, 0, 0 }, { 3, 2, 1 }, { 1, 1, 1 },
                                             { 1, 3, 2 }, { 2, 1, 1 }, { 2, 1, 3 } };

        dd_bits_put(b, id_offset, 6);
        dd_bits_put(b, 3 - 1, 5);
        for (size_t i = 0; i < 6; i++)
                dd_bits_put(b, idc[i], 2);
        for (size_t i = 0; i < 6; i++)
                dd_bits_dtis(b, dtis[i]);
        for (size_t i = 0; i < 6; i++)
                dd_bits_diffs(b, diffs[i], 0);
        dd_bits_put(b, 3, 2); /* ns(4): three chains */
        dd_bits_put(b, 0, 1); /* ns(3): 0 */
        dd_bits_put(b, 2, 2); /* ns(3): 1 */
        dd_bits_put(b, 3, 2); /* ns(3): 2 */
        for (size_t i = 0; i < 6; i++)
                for (size_t k = 0; k < 3; k++)
                        dd_bits_put(b, chains[i][k], 4);
        dd_bits_put(b, 1, 1);
        for (unsigned i = 0; i < 3; i++) {
                dd_bits_put(b, (320u << i) / 2 - 1, 16);
                dd_bits_put(b, (180u << i) / 2 - 1, 16);
        }
}

#endif
