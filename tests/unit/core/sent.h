/* SPDX-License-Identifier: Apache-2.0 */
/* sent — what a slot sent, and whether a receiver can make pictures of it. */
#ifndef TESTS_UNIT_CORE_SENT_H
#define TESTS_UNIT_CORE_SENT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/wire/dd.h"
#include "sfu/wire/rtp.h"
#include "sfu/wire/rtp_ext.h"

enum { SENT_EXT_DESCRIPTOR = 9 };

struct sent {
        size_t len;
        uint8_t data[2048];
};

static inline struct rtp_pkt sent_parsed(const struct sent *sent)
{
        struct rtp_pkt rtp;

        assert_int_equal(rtp_parse(&rtp, sent->data, sent->len), 0);
        return rtp;
}

static inline void assert_contiguous(const struct sent *sent, size_t n)
{
        for (size_t i = 1; i < n; i++)
                assert_int_equal(sent_parsed(&sent[i]).seq,
                                 (uint16_t)(sent_parsed(&sent[i - 1]).seq + 1));
}

/* One marker per picture, on its last packet. */
static inline void assert_marked(const struct sent *sent, size_t n)
{
        for (size_t i = 0; i + 1 < n; i++)
                assert_int_equal(sent_parsed(&sent[i]).marker,
                                 sent_parsed(&sent[i]).ts != sent_parsed(&sent[i + 1]).ts);
}

/* Every reference of a frame leads to one that went out. */
static inline void assert_decodable(const struct sent *sent, size_t n)
{
        static bool have[65536];
        struct dd_structure structure = { 0 };
        uint16_t newest = 0;

        memset(have, 0, sizeof(have));
        for (size_t i = 0; i < n; i++) {
                struct rtp_pkt rtp = sent_parsed(&sent[i]);
                struct dd_frame dd;
                struct span bytes;

                assert_true(rtp_ext_find(rtp.ext_profile, rtp.ext, SENT_EXT_DESCRIPTOR, &bytes));
                assert_int_equal(dd_parse(&dd, &structure, bytes), 0);
                assert_true(i == 0 || (int16_t)(dd.number - newest) >= 0);
                newest = dd.number;
                for (unsigned k = 0; k < dd.n_diffs; k++)
                        assert_true(have[(uint16_t)(dd.number - dd.diffs[k])]);
                have[dd.number] = true;
        }
}

#endif
