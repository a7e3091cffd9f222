/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ws_frame — WebSocket frames (RFC 6455 §5), the server's side: reads masked
 *            frames, writes unmasked ones.
 *
 * Layer: wire, pure.
 */
#ifndef SIGNALING_WIRE_WS_FRAME_H
#define SIGNALING_WIRE_WS_FRAME_H

#include "base/base.h"

enum {
        WS_OP_CONTINUATION = 0,
        WS_OP_TEXT = 1,
        WS_OP_BINARY = 2,
        WS_OP_CLOSE = 8,
        WS_OP_PING = 9,
        WS_OP_PONG = 10,
};

enum {
        WS_HEADER_IN_MAX = 14, /* 2 + 8 + mask */
        WS_HEADER_OUT_MAX = 10,
        WS_CONTROL_MAX = 125,
};

/* Close codes, RFC 6455 §7.4.1 and IANA's registry (1013). */
enum {
        WS_CLOSE_NORMAL = 1000,
        WS_CLOSE_GOING_AWAY = 1001,
        WS_CLOSE_PROTOCOL = 1002,
        WS_CLOSE_UNSUPPORTED = 1003,
        WS_CLOSE_NOT_UTF8 = 1007,
        WS_CLOSE_TOO_BIG = 1009,
        WS_CLOSE_TRY_LATER = 1013,
};

struct ws_frame {
        uint8_t op;
        bool fin;
        uint8_t mask[4];
        uint64_t len;
};

enum ws_frame_err {
        WS_E_MORE = 1, /* the header is not all there */
        WS_E_PROTOCOL, /* close with 1002 */
};

/* Reads a frame's header. Returns 0 with its length through *ret_used, or a
 * ws_frame_err. Decides at the latest with WS_HEADER_IN_MAX bytes. */
must_use int ws_frame_parse(struct ws_frame *ret, const uint8_t *data, size_t len,
                            size_t *ret_used);

/* Unmasks n bytes of the payload that start at offset `at` of it. */
void ws_unmask(uint8_t *ret, const uint8_t *data, size_t n, const uint8_t mask[4], uint64_t at);

/* Writes the header of a whole (FIN) frame; returns its length. */
size_t ws_frame_write(uint8_t ret[WS_HEADER_OUT_MAX], uint8_t op, uint64_t len);

/* True for codes that may travel in a close frame (§7.4). */
bool ws_close_code_is_valid(uint16_t code);

#endif
