/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ws_conn — one WebSocket (RFC 6455): upgrade, messages in, queue out.
 *
 * A ws_text is a whole frame, header included. A server's frames are not masked,
 * so the very same bytes serve every receiver.
 */
#include "signaling/io/server_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* A laptop that was closed sends no FIN: a ping after silence, then the end. */
#define WS_PING_AFTER_US (20 * SECONDS_US)
#define WS_DEAD_AFTER_US (45 * SECONDS_US)
#define WS_CLOSE_TIMEOUT_US (5 * SECONDS_US)

enum {
        QUEUE_FIRST = 8,
        MESSAGES_PER_TURN = 64,
        SHA1_BYTES = 20,
        HOLD_BYTES = 512 * 1024, /* queued; above this its messages wait in the kernel */
};

struct ws_text {
        unsigned refs;
        size_t len;
        uint8_t frame[];
};

struct ws_queue {
        struct ws_text **ring;
        size_t cap, first, n; /* cap is a power of 2 */
        size_t bytes;
        size_t head_sent; /* of the first one's frame */
};

struct ws_conn {
        struct http_conn *http;
        void *user;
        struct ws_queue queue;
        bool closing;      /* our close frame is the last in the queue */
        bool ping_waiting; /* sent, nothing heard since */
        int64_t heard_us;
        /* the frame being read */
        uint8_t header[WS_HEADER_IN_MAX];
        size_t header_len;
        bool in_payload;
        struct ws_frame frame;
        uint64_t frame_at;
        uint8_t control[WS_CONTROL_MAX];
        /* the message being gathered */
        bool in_message;
        uint8_t *message;
        size_t message_len, message_cap;
};

static struct ws_text *frame_new(uint8_t op, const void *data, size_t len)
{
        uint8_t header[WS_HEADER_OUT_MAX];
        size_t header_len = ws_frame_write(header, op, len);
        struct ws_text *text = malloc(sizeof(*text) + header_len + len);

        if (!text)
                return NULL;
        text->refs = 1;
        text->len = header_len + len;
        memcpy(text->frame, header, header_len);
        if (len > 0)
                memcpy(text->frame + header_len, data, len);
        return text;
}

struct ws_text *ws_text_new(const char *text, size_t len)
{
        return frame_new(WS_OP_TEXT, text, len);
}

struct ws_text *ws_text_ref(struct ws_text *text)
{
        text->refs++;
        return text;
}

struct ws_text *ws_text_unref(struct ws_text *text)
{
        if (text && --text->refs == 0)
                free(text);
        return NULL;
}

size_t ws_text_len(const struct ws_text *text)
{
        return text->len;
}

static struct ws_text *queue_first(const struct ws_queue *queue)
{
        return queue->ring[queue->first & (queue->cap - 1)];
}

static void queue_pop(struct ws_queue *queue)
{
        queue->bytes -= queue_first(queue)->len;
        ws_text_unref(queue_first(queue));
        queue->first++;
        queue->n--;
        queue->head_sent = 0;
        if (queue->n == 0 && queue->cap > QUEUE_FIRST) {
                free(queue->ring);
                *queue = (struct ws_queue){ 0 };
        }
}

static int queue_grow(struct ws_queue *queue)
{
        size_t cap = queue->cap ? 2 * queue->cap : QUEUE_FIRST;
        struct ws_text **ring = malloc(cap * sizeof(*ring));

        if (!ring)
                return -1;
        for (size_t i = 0; i < queue->n; i++)
                ring[i] = queue->ring[(queue->first + i) & (queue->cap - 1)];
        free(queue->ring);
        queue->ring = ring;
        queue->cap = cap;
        queue->first = 0;
        return 0;
}

/* Takes over one reference, also when it fails. */
static int queue_push(struct ws_queue *queue, struct ws_text *text)
{
        if (queue->n == queue->cap && queue_grow(queue) < 0) {
                ws_text_unref(text);
                return -1;
        }
        queue->ring[(queue->first + queue->n++) & (queue->cap - 1)] = text;
        queue->bytes += text->len;
        return 0;
}

/* Forgets what has not begun to leave. */
static void queue_drop_unsent(struct ws_queue *queue)
{
        size_t keep = queue->head_sent > 0 ? 1 : 0;

        while (queue->n > keep) {
                struct ws_text *last = queue->ring[(queue->first + --queue->n) & (queue->cap - 1)];

                queue->bytes -= last->len;
                ws_text_unref(last);
        }
}

/* Without memory to say more, the connection ends at its next write. */
static void send_frame(struct ws_conn *conn, uint8_t op, const void *data, size_t len)
{
        struct ws_text *frame = frame_new(op, data, len);

        if (!frame || queue_push(&conn->queue, frame) < 0)
                conn->http->close_after = true;
        lws_callback_on_writable(conn->http->wsi);
}

void ws_close(struct ws_conn *conn, uint16_t code, const char *reason)
{
        uint8_t payload[WS_CONTROL_MAX];
        size_t n = reason ? strlen(reason) : 0;

        if (conn->closing)
                return;
        if (n > sizeof(payload) - 2)
                n = sizeof(payload) - 2;
        while (n > 0 && !text_is_utf8(reason, n))
                n--; /* never cut inside a character */
        payload[0] = (uint8_t)(code >> 8);
        payload[1] = (uint8_t)code;
        if (n > 0)
                memcpy(payload + 2, reason, n);
        conn->closing = true;
        conn->http->deadline_us = clock_now_us() + WS_CLOSE_TIMEOUT_US;
        send_frame(conn, WS_OP_CLOSE, payload, n + 2);
}

void ws_send(struct ws_conn *conn, struct ws_text *text)
{
        struct ws_queue *queue = &conn->queue;

        if (conn->closing)
                return;
        if (queue->n >= SERVER_WS_MAX_QUEUED ||
            queue->bytes + text->len > SERVER_WS_MAX_QUEUED_BYTES) {
                conn->http->server->counters.ws_slow_closed++;
                log_limited(&conn->http->server->limit_log, LOG_WARN, "ws",
                            "closed a reader that is too slow");
                queue_drop_unsent(queue);
                ws_close(conn, WS_CLOSE_TRY_LATER, "too slow");
                return;
        }
        if (queue_push(queue, ws_text_ref(text)) < 0)
                conn->http->close_after = true;
        if (queue->bytes > HOLD_BYTES)
                conn_block(conn->http);
        lws_callback_on_writable(conn->http->wsi);
}

void ws_set_user(struct ws_conn *conn, void *user)
{
        conn->user = user;
}

void *ws_user(const struct ws_conn *conn)
{
        return conn->user;
}

int ws_conn_on_writable(struct http_conn *http)
{
        struct ws_conn *conn = http->ws;
        struct ws_queue *queue = &conn->queue;

        if (http->blocked)
                conn->heard_us = clock_now_us(); /* it reads again: it lives */
        if (queue->bytes <= HOLD_BYTES)
                conn_unblock(http);
        for (int i = 0; i < MESSAGES_PER_TURN && queue->n > 0; i++) {
                struct ws_text *text = queue_first(queue);
                size_t n = text->len - queue->head_sent;

                if (lws_partial_buffered(http->wsi))
                        return 0;
                if (n > SERVER_IO_BYTES)
                        n = SERVER_IO_BYTES;
                if (conn_write(http, text->frame + queue->head_sent, n) < 0)
                        return -1;
                queue->head_sent += n;
                if (queue->head_sent == text->len)
                        queue_pop(queue);
        }
        if (queue->n > 0) {
                lws_callback_on_writable(http->wsi);
                return 0;
        }
        conn_unblock(http);
        if (http->close_after)
                return -1;
        if (conn->closing && !lws_partial_buffered(http->wsi)) {
                ws_conn_over(http);
                http_conn_drain(http);
        }
        return 0;
}

/* The peer broke the rules, or we do not do what it asked: say so, and stop listening. */
static int fail(struct ws_conn *conn, uint16_t code, const char *reason)
{
        struct server *server = conn->http->server;

        server->counters.bad_requests++;
        log_limited(&server->bad_log, LOG_WARN, "ws", "closed with %u: %s", code, reason);
        ws_close(conn, code, reason);
        return 0;
}

static int on_message(struct ws_conn *conn)
{
        const struct server_handler *handler = &conn->http->server->handler;
        char *text = (char *)conn->message;
        size_t len = conn->message_len;

        conn->in_message = false;
        conn->message_len = 0;
        if (len > 0 && !text_is_utf8(text, len))
                return fail(conn, WS_CLOSE_NOT_UTF8, "not UTF-8");
        conn->message = NULL;
        conn->message_cap = 0;
        handler->on_ws_text(handler->user, conn, len ? text : "", len);
        free(text);
        return 0;
}

static int on_control(struct ws_conn *conn)
{
        size_t len = (size_t)conn->frame.len;

        switch (conn->frame.op) {
        case WS_OP_PING:
                if (conn->queue.n >= SERVER_WS_MAX_QUEUED)
                        return fail(conn, WS_CLOSE_TRY_LATER, "too many pings");
                send_frame(conn, WS_OP_PONG, conn->control, len);
                return 0;
        case WS_OP_CLOSE:
                if (len == 1)
                        return fail(conn, WS_CLOSE_PROTOCOL, "close frame");
                if (len >= 2) {
                        uint16_t code = (uint16_t)(conn->control[0] << 8 | conn->control[1]);

                        if (!ws_close_code_is_valid(code) ||
                            !text_is_utf8((const char *)conn->control + 2, len - 2))
                                return fail(conn, WS_CLOSE_PROTOCOL, "close frame");
                }
                queue_drop_unsent(&conn->queue);
                ws_close(conn, WS_CLOSE_NORMAL, "");
                return 0;
        default: /* a pong: that it came is all */
                return 0;
        }
}

/* A header is whole: may this frame come now? */
static int on_frame_start(struct ws_conn *conn)
{
        const struct ws_frame *frame = &conn->frame;

        if (frame->op >= WS_OP_CLOSE)
                return 0;
        if (frame->op == WS_OP_BINARY)
                return fail(conn, WS_CLOSE_UNSUPPORTED, "text only");
        if ((frame->op == WS_OP_CONTINUATION) != conn->in_message)
                return fail(conn, WS_CLOSE_PROTOCOL, "fragments");
        if (frame->len > SERVER_MAX_WS_MESSAGE - conn->message_len)
                return fail(conn, WS_CLOSE_TOO_BIG, "message too big");
        conn->in_message = true;
        return 0;
}

static int on_frame_end(struct ws_conn *conn)
{
        conn->in_payload = false;
        conn->header_len = 0;
        if (conn->frame.op >= WS_OP_CLOSE)
                return on_control(conn);
        return conn->frame.fin ? on_message(conn) : 0;
}

static int take_header(struct ws_conn *conn, const uint8_t *data, size_t len, size_t *ret_used)
{
        size_t old = conn->header_len, n = sizeof(conn->header) - old, used;
        int err;

        if (n > len)
                n = len;
        memcpy(conn->header + old, data, n);
        *ret_used = n;
        err = ws_frame_parse(&conn->frame, conn->header, old + n, &used);
        if (err == WS_E_MORE) {
                conn->header_len = old + n;
                return 0;
        }
        if (err)
                return fail(conn, WS_CLOSE_PROTOCOL, "frame");
        *ret_used = used - old;
        conn->in_payload = true;
        conn->frame_at = 0;
        return on_frame_start(conn);
}

static int make_room(struct ws_conn *conn, size_t n)
{
        size_t need = conn->message_len + n, cap = conn->message_cap ? conn->message_cap : 512;
        uint8_t *more;

        if (need <= conn->message_cap)
                return 0;
        while (cap < need)
                cap *= 2;
        more = realloc(conn->message, cap);
        if (!more)
                return -1;
        conn->message = more;
        conn->message_cap = cap;
        return 0;
}

static int take_payload(struct ws_conn *conn, const uint8_t *data, size_t len, size_t *ret_used)
{
        const struct ws_frame *frame = &conn->frame;
        uint64_t left = frame->len - conn->frame_at;
        size_t n = len < left ? len : (size_t)left;
        uint8_t *to = conn->control + conn->frame_at;

        if (frame->op < WS_OP_CLOSE) {
                if (make_room(conn, n) < 0)
                        return -1;
                to = conn->message + conn->message_len;
                conn->message_len += n;
        }
        if (n > 0)
                ws_unmask(to, data, n, frame->mask, conn->frame_at);
        conn->frame_at += n;
        *ret_used = n;
        return 0;
}

int ws_conn_on_data(struct http_conn *http, const uint8_t *data, size_t len)
{
        struct ws_conn *conn = http->ws;

        conn->heard_us = clock_now_us();
        conn->ping_waiting = false;
        while (len > 0 && !conn->closing) {
                size_t used = 0;
                int r = conn->in_payload ? take_payload(conn, data, len, &used)
                                         : take_header(conn, data, len, &used);

                if (r < 0)
                        return -1;
                data += used;
                len -= used;
                if (!conn->closing && conn->in_payload && conn->frame_at == conn->frame.len &&
                    on_frame_end(conn) < 0)
                        return -1;
        }
        return 0;
}

void ws_conn_on_tick(struct http_conn *http, int64_t now_us)
{
        struct ws_conn *conn = http->ws;
        int64_t silent_us = now_us - conn->heard_us;

        if (silent_us > WS_DEAD_AFTER_US || (conn->closing && now_us > http->deadline_us)) {
                conn_kill(http);
        } else if (silent_us > WS_PING_AFTER_US && !conn->ping_waiting && !conn->closing) {
                conn->ping_waiting = true;
                send_frame(conn, WS_OP_PING, NULL, 0);
        }
}

/* RFC 6455 §4.2.2: base64(SHA-1(key + the GUID of the RFC)). */
static int accept_key(const char *key, char *ret, size_t cap)
{
        static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
        unsigned char hash[SHA1_BYTES];
        char text[24 + sizeof(guid)];

        if (strlen(key) != 24 || key[22] != '=' || key[23] != '=')
                return -1;
        snprintf(text, sizeof(text), "%s%s", key, guid);
        lws_SHA1((const unsigned char *)text, strlen(text), hash);
        return lws_b64_encode_string((const char *)hash, sizeof(hash), ret, (int)cap) < 0 ? -1 : 0;
}

/* The status to refuse this upgrade with, or 0. */
static int check_upgrade(const struct http_conn *http, char *ret_key, size_t cap)
{
        const char *const *field = http->head.field;

        if (http->req.method != HTTP_GET)
                return 405;
        if (!http->head.upgrade_websocket || strcmp(field[HTTP_F_SEC_WEBSOCKET_VERSION], "13") != 0)
                return 426;
        if (!http->in.body_done || accept_key(field[HTTP_F_SEC_WEBSOCKET_KEY], ret_key, cap) < 0)
                return 400;
        return 0;
}

static void reply_upgrade_required(struct http_conn *http)
{
        static const struct http_header headers[] = { { "Upgrade", "websocket" },
                                                      { "Sec-WebSocket-Version", "13" } };

        http_reply(http,
                   &(struct http_response){ .status = 426, .headers = headers, .n_headers = 2 });
}

static void ws_conn_free(struct ws_conn *conn)
{
        if (!conn)
                return;
        while (conn->queue.n > 0)
                queue_pop(&conn->queue);
        free(conn->queue.ring);
        free(conn->message);
        free(conn);
}

void ws_conn_accept(struct http_conn *http)
{
        const struct server_handler *handler = &http->server->handler;
        struct ws_conn *conn = NULL;
        char key[64], reply[256];
        int status = check_upgrade(http, key, sizeof(key)), n;

        if (status == 426) {
                reply_upgrade_required(http);
                return;
        }
        if (status == 0 && !(conn = calloc(1, sizeof(*conn))))
                status = 503;
        if (status == 0) {
                conn->http = http;
                conn->heard_us = clock_now_us();
                status = handler->on_ws_open(handler->user, conn, &http->req);
        }
        if (status != 0) {
                ws_conn_free(conn);
                http_reply_error(http, status, false);
                return;
        }
        http->ws = conn;
        http->state = CONN_WS;
        http->close_after = false;
        http_conn_end_request(http);
        http->server->counters.ws_opened++;
        http->server->counters.ws_connections++;
        n = snprintf(reply, sizeof(reply),
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                     key);
        if (conn_write(http, (const uint8_t *)reply, (size_t)n) < 0)
                http->close_after = true;
        lws_callback_on_writable(http->wsi);
}

void ws_conn_over(struct http_conn *http)
{
        const struct server_handler *handler = &http->server->handler;
        struct ws_conn *conn = http->ws;

        if (!conn)
                return;
        conn->closing = true;
        http->server->counters.ws_connections--;
        handler->on_ws_close(handler->user, conn);
        http->ws = NULL;
        ws_conn_free(conn);
}

void ws_conn_going_away(struct http_conn *http)
{
        static const uint8_t frame[] = { 0x80 | WS_OP_CLOSE, 2, WS_CLOSE_GOING_AWAY >> 8,
                                         WS_CLOSE_GOING_AWAY & 0xff };

        if (http->ws && http->ws->queue.head_sent == 0 && !lws_partial_buffered(http->wsi))
                (void)!conn_write(http, frame, sizeof(frame));
}
