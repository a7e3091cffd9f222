/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/wire/ws_frame.h"

static bool op_is_known(uint8_t op)
{
        return op <= WS_OP_BINARY || (op >= WS_OP_CLOSE && op <= WS_OP_PONG);
}

/* The shortest form is obligatory (RFC 6455 §5.2). */
static bool length_is_minimal(uint8_t short_len, uint64_t len)
{
        if (short_len == 126)
                return len > 125;
        return short_len != 127 || (len > 0xffff && len >> 63 == 0);
}

int ws_frame_parse(struct ws_frame *ret, const uint8_t *data, size_t len, size_t *ret_used)
{
        struct rd r = rd_init(data, len);
        uint8_t b0 = rd_u8(&r), b1 = rd_u8(&r), short_len = b1 & 0x7f;
        struct ws_frame frame = { .op = b0 & 0x0f, .fin = b0 >> 7, .len = short_len };
        struct span mask;

        if (r.bad)
                return WS_E_MORE;
        /* No extension was agreed on, so RSV1-3 are 0; clients must mask (§5.1). */
        if ((b0 & 0x70) || !(b1 & 0x80) || !op_is_known(frame.op))
                return WS_E_PROTOCOL;
        if (frame.op >= WS_OP_CLOSE && (!frame.fin || short_len > WS_CONTROL_MAX))
                return WS_E_PROTOCOL;
        if (short_len == 126) {
                frame.len = rd_u16(&r);
        } else if (short_len == 127) {
                frame.len = (uint64_t)rd_u32(&r) << 32;
                frame.len |= rd_u32(&r);
        }
        mask = rd_take(&r, 4);
        if (r.bad)
                return WS_E_MORE;
        if (!length_is_minimal(short_len, frame.len))
                return WS_E_PROTOCOL;
        for (int i = 0; i < 4; i++)
                frame.mask[i] = mask.data[i];
        *ret = frame;
        *ret_used = len - rd_left(&r);
        return 0;
}

void ws_unmask(uint8_t *ret, const uint8_t *data, size_t n, const uint8_t mask[4], uint64_t at)
{
        for (size_t i = 0; i < n; i++)
                ret[i] = data[i] ^ mask[(at + i) & 3];
}

size_t ws_frame_write(uint8_t ret[WS_HEADER_OUT_MAX], uint8_t op, uint64_t len)
{
        struct wr w = wr_init(ret, WS_HEADER_OUT_MAX);

        wr_u8(&w, 0x80 | op);
        if (len <= 125) {
                wr_u8(&w, (uint8_t)len);
        } else if (len <= 0xffff) {
                wr_u8(&w, 126);
                wr_u16(&w, (uint16_t)len);
        } else {
                wr_u8(&w, 127);
                wr_u32(&w, (uint32_t)(len >> 32));
                wr_u32(&w, (uint32_t)len);
        }
        return wr_len(&w);
}

bool ws_close_code_is_valid(uint16_t code)
{
        return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
               (code >= 3000 && code <= 4999);
}
