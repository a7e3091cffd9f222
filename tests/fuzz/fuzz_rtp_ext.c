/* SPDX-License-Identifier: Apache-2.0 */
/* Input: two bytes of profile, then the block. */
#include "tests/fuzz/fuzz.h"

#include "sfu/wire/rtp_ext.h"

#include <string.h>

enum { MAX_ITEMS = 32 };

static void decode_everything(struct span data)
{
        uint8_t level;
        bool voice;
        uint16_t seq;

        if (rtp_ext_audio_level(data, &level, &voice))
                FUZZ_CHECK(level <= 127);
        (void)!rtp_ext_transport_seq(data, &seq);
}

/* Items, written and walked again, are the same. */
static void check_rewrite(const struct rtp_ext_item *items, size_t n)
{
        uint8_t data[4 + MAX_ITEMS * (2 + RTP_EXT_TWO_BYTE_MAX_LEN)];
        struct wr w = wr_init(data, sizeof(data));
        struct rtp_ext_item item;

        rtp_ext_write(&w, items, n);
        FUZZ_CHECK(!w.bad && wr_len(&w) % 4 == 0);
        if (n == 0)
                return;

        struct rtp_ext_iter it = rtp_ext_iter_init((uint16_t)(data[0] << 8 | data[1]),
                                                   (struct span){ data + 4, wr_len(&w) - 4 });

        for (size_t i = 0; i < n; i++) {
                FUZZ_CHECK(rtp_ext_next(&it, &item));
                FUZZ_CHECK(item.id == items[i].id && item.data.len == items[i].data.len);
                FUZZ_CHECK(item.data.len == 0 ||
                           memcmp(item.data.data, items[i].data.data, item.data.len) == 0);
        }
        FUZZ_CHECK(!rtp_ext_next(&it, &item));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct rtp_ext_item items[MAX_ITEMS], item;
        size_t n = 0;

        if (size < 2)
                return 0;

        uint16_t profile = (uint16_t)(data[0] << 8 | data[1]);
        const struct span block = { data + 2, size - 2 };
        struct rtp_ext_iter it = rtp_ext_iter_init(profile, block);

        while (rtp_ext_next(&it, &item)) {
                struct span found;

                FUZZ_CHECK(item.id > 0 && fuzz_within(item.data, data, size));
                FUZZ_CHECK(rtp_ext_find(profile, block, item.id, &found));
                FUZZ_CHECK(found.data <= item.data.data);
                decode_everything(item.data);
                if (n < MAX_ITEMS)
                        items[n++] = item;
                else
                        break;
        }
        check_rewrite(items, n);
        return 0;
}
