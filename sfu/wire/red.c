/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/wire/red.h"

#include <assert.h>

int red_parse(struct red_block ret_blocks[RED_MAX_BLOCKS], size_t *ret_n, struct span payload)
{
        struct rd r = rd_init(payload.data, payload.len);
        struct red_block blocks[RED_MAX_BLOCKS] = { { 0 } };
        size_t lens[RED_MAX_BLOCKS] = { 0 }, n = 0;
        uint8_t b;

        while ((b = rd_u8(&r)) & 0x80) { /* F: another header follows */
                uint16_t high = rd_u16(&r);

                if (n == RED_MAX_BLOCKS - 1)
                        return RED_E_TOO_MANY;
                blocks[n].pt = b & 0x7f;
                blocks[n].ts_offset = high >> 2;
                lens[n++] = (size_t)(high & 0x03) << 8 | rd_u8(&r);
        }
        blocks[n].pt = b;
        for (size_t i = 0; i < n; i++)
                blocks[i].data = rd_take(&r, lens[i]);
        if (r.bad)
                return RED_E_SHORT;
        blocks[n].data = rd_take(&r, rd_left(&r)); /* what is left is the primary */
        memcpy(ret_blocks, blocks, (n + 1) * sizeof(blocks[0]));
        *ret_n = n + 1;
        return 0;
}

void red_write(struct wr *w, const struct red_block *blocks, size_t n)
{
        assert(n >= 1);
        for (size_t i = 0; i + 1 < n; i++) {
                const struct red_block *block = &blocks[i];

                assert(block->ts_offset <= RED_MAX_TS_OFFSET &&
                       block->data.len <= RED_MAX_BLOCK_LEN);
                wr_u8(w, (uint8_t)(0x80 | (block->pt & 0x7f)));
                wr_u24(w, (uint32_t)block->ts_offset << 10 | (uint32_t)block->data.len);
        }
        wr_u8(w, blocks[n - 1].pt & 0x7f);
        for (size_t i = 0; i < n; i++) {
                uint8_t *at = wr_take(w, blocks[i].data.len);

                if (at && blocks[i].data.len > 0)
                        memcpy(at, blocks[i].data.data, blocks[i].data.len);
        }
}
