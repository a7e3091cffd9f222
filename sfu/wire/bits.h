/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bits — the bits of a sequence header, most significant first. As struct rd: the first read past
 *        the end sets `bad`, later ones yield 0.
 *
 * Layer:  wire. Pure.
 */
#ifndef SFU_WIRE_BITS_H
#define SFU_WIRE_BITS_H

#include "base/base.h"

struct bits {
        struct span bytes;
        size_t pos; /* in bits */
        bool bad;
};

/* n: 0..32. */
static inline uint32_t bits_u(struct bits *bits, unsigned n)
{
        uint64_t value = 0;

        if (bits->bad || n > bits->bytes.len * 8 - bits->pos) {
                bits->bad = true;
                return 0;
        }
        for (unsigned i = 0; i < n; i++, bits->pos++)
                value = value << 1 | (bits->bytes.data[bits->pos / 8] >> (7 - bits->pos % 8) & 1);
        return (uint32_t)value;
}

/* Exp-Golomb: ue(v) of H.264 §9.1, uvlc() of AV1 §4.10.3. */
static inline uint32_t bits_ue(struct bits *bits)
{
        unsigned zeros = 0;

        while (!bits_u(bits, 1)) {
                if (bits->bad || ++zeros >= 32) {
                        bits->bad = true;
                        return 0;
                }
        }
        return (uint32_t)((UINT64_C(1) << zeros) - 1 + bits_u(bits, zeros));
}

#endif
