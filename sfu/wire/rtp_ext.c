/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/wire/rtp_ext.h"

#include <assert.h>
#include <string.h>

struct rtp_ext_iter rtp_ext_iter_init(uint16_t profile, struct span block)
{
        bool two_byte = (profile & 0xfff0) == RTP_EXT_TWO_BYTE;
        bool known = two_byte || profile == RTP_EXT_ONE_BYTE;

        return (struct rtp_ext_iter){
                .r = rd_init(block.data, known ? block.len : 0),
                .two_byte = two_byte,
        };
}

/* Reads the head of an item; false where the walk must stop. An id of 0 is one
 * byte of padding. */
static bool next_head(struct rtp_ext_iter *it, uint8_t *ret_id, size_t *ret_len)
{
        uint8_t b = rd_u8(&it->r);

        *ret_id = it->two_byte ? b : b >> 4;
        *ret_len = 0;
        if (b == 0)
                return true;
        if (it->two_byte) {
                *ret_len = rd_u8(&it->r);
                return true;
        }
        *ret_len = (b & 0x0fu) + 1;
        return *ret_id > 0 && *ret_id <= RTP_EXT_ONE_BYTE_MAX_ID;
}

bool rtp_ext_next(struct rtp_ext_iter *it, struct rtp_ext_item *ret_item)
{
        while (!it->r.bad && rd_left(&it->r) > 0) {
                uint8_t id;
                size_t len;

                if (!next_head(it, &id, &len)) {
                        it->r.bad = true; /* the walk stays ended */
                        return false;
                }
                struct span data = rd_take(&it->r, len);

                if (it->r.bad)
                        return false;
                if (id == 0)
                        continue;
                *ret_item = (struct rtp_ext_item){ .id = id, .data = data };
                return true;
        }
        return false;
}

bool rtp_ext_find(uint16_t profile, struct span block, uint8_t id, struct span *ret_data)
{
        struct rtp_ext_iter it = rtp_ext_iter_init(profile, block);
        struct rtp_ext_item item;

        while (id != 0 && rtp_ext_next(&it, &item)) {
                if (item.id != id)
                        continue;
                *ret_data = item.data;
                return true;
        }
        return false;
}

bool rtp_ext_audio_level(struct span data, uint8_t *ret_level, bool *ret_voice)
{
        /* The two-byte form may carry one more byte of padding (RFC 6464 §3). */
        if (data.len != 1 && data.len != 2)
                return false;
        *ret_level = data.data[0] & 0x7f;
        *ret_voice = data.data[0] >> 7;
        return true;
}

bool rtp_ext_transport_seq(struct span data, uint16_t *ret_seq)
{
        struct rd r = rd_init(data.data, data.len);

        if (data.len != 2)
                return false;
        *ret_seq = rd_u16(&r);
        return true;
}

uint32_t rtp_ext_abs_send_time_at(int64_t now_us)
{
        /* Reduced to the 64 s of the field first: the shift cannot overflow. */
        int64_t in_cycle_us = now_us % 64000000;

        return (uint32_t)((in_cycle_us << 18) / 1000000) & 0xffffff;
}

static bool fits_one_byte(const struct rtp_ext_item *items, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (items[i].id > RTP_EXT_ONE_BYTE_MAX_ID || items[i].data.len < 1 ||
                    items[i].data.len > RTP_EXT_ONE_BYTE_MAX_LEN)
                        return false;
        }
        return true;
}

static void write_item(struct wr *w, const struct rtp_ext_item *item, bool one_byte)
{
        size_t len = item->data.len;
        uint8_t *at;

        assert(item->id >= 1 && len <= RTP_EXT_TWO_BYTE_MAX_LEN);
        if (one_byte) {
                wr_u8(w, (uint8_t)(item->id << 4 | (len - 1)));
        } else {
                wr_u8(w, item->id);
                wr_u8(w, (uint8_t)len);
        }
        at = wr_take(w, len);
        if (at && len > 0)
                memcpy(at, item->data.data, len);
}

void rtp_ext_write(struct wr *w, const struct rtp_ext_item *items, size_t n)
{
        bool one_byte = fits_one_byte(items, n);
        size_t bytes = 0;

        if (n == 0)
                return;
        for (size_t i = 0; i < n; i++)
                bytes += (one_byte ? 1 : 2) + items[i].data.len;

        wr_u16(w, one_byte ? RTP_EXT_ONE_BYTE : RTP_EXT_TWO_BYTE);
        wr_u16(w, (uint16_t)((bytes + 3) / 4));
        for (size_t i = 0; i < n; i++)
                write_item(w, &items[i], one_byte);
        for (; bytes % 4 != 0; bytes++)
                wr_u8(w, 0);
}
