/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_priv — what the files of the server share: struct server and struct
 *               http_conn. Included by signaling/io/ only.
 *
 * libwebsockets accepts no HTTP here: it carries TLS, reads, writes, partial
 * writes and flow control of "raw" sockets on the uv loop. Its own HTTP/1 role
 * (4.1.6) spins while a client pipelines into a running answer, cannot give a
 * reply to a head that is too long, knows no chunked requests, decodes "%26" in
 * queries past repair, and writes error pages without our security headers.
 *
 * States of a connection, and who leaves them:
 *   HEAD   collecting a request head             http_conn.c: on_head()
 *   BODY   request body arriving                 http_conn.c: on_body()
 *   ANSWER request is in; reading is off         http_reply.c: http_conn_on_writable()
 *   DRAIN  all sent, FIN sent; input is read and dropped until EOF, a bound, or
 *          the deadline: closing with unread input would send RST, and that
 *          can overtake the reply
 *   WS     upgraded                              ws_conn.c
 */
#ifndef SIGNALING_IO_SERVER_PRIV_H
#define SIGNALING_IO_SERVER_PRIV_H

#include <libwebsockets.h>

#include "base/log.h"
#include "signaling/io/http_blob.h"
#include "signaling/io/listener.h"
#include "signaling/io/live_files.h"
#include "signaling/io/peer_table.h"
#include "signaling/io/server.h"
#include "signaling/io/static_files.h"
#include "signaling/io/tls_ctx.h"
#include "signaling/wire/http_chunked.h"
#include "signaling/wire/http_head.h"
#include "signaling/wire/http_peer.h"
#include "signaling/wire/ws_frame.h"

enum {
        SERVER_IO_BYTES = 64 * 1024, /* one read, one write */
        SERVER_REFUSAL_SLOTS = 256,  /* connections past the cap that still get their 503 */
        SERVER_PEER_REFUSAL_SLOTS = 16,
        SERVER_VIEWERS_PER_ADDRESS =
                4096,                /* who knows a stream's key holds little: bodies are shared */
        BODY_MIN_BYTES_PER_S = 2048, /* after BODY_TIMEOUT_US */
};

#define SECONDS_US INT64_C(1000000)
#define HEAD_TIMEOUT_US (10 * SECONDS_US)
#define IDLE_TIMEOUT_US (60 * SECONDS_US)
#define BODY_TIMEOUT_US (30 * SECONDS_US)
#define HANDLER_TIMEOUT_US (120 * SECONDS_US)
#define WRITE_TIMEOUT_US (60 * SECONDS_US)
#define DRAIN_TIMEOUT_US (5 * SECONDS_US)
#define DRAIN_BODY_TIMEOUT_US (30 * SECONDS_US)
#define DRAIN_MAX_BYTES (INT64_C(256) << 20)

enum listener_kind { LISTEN_HTTP, LISTEN_HTTPS, LISTEN_METRICS, LISTEN_COUNT };

enum conn_state { CONN_HEAD, CONN_BODY, CONN_ANSWER, CONN_DRAIN, CONN_WS };

/* Where the bytes of the present request come from. */
struct conn_input {
        uint8_t *head; /* the request's head; its strings live as long as the request */
        size_t head_len, head_cap;
        uint8_t *held; /* bytes of the next request that came too early */
        size_t held_len;
        uint8_t *body; /* gathered */
        size_t body_len, body_cap;
        int64_t body_left; /* not chunked */
        int64_t body_seen, body_since_us;
        struct http_chunked chunked;
        bool is_chunked, body_done;
};

struct conn_output {
        uint8_t *data; /* head and small body */
        size_t len, sent;
        int file_fd; /* what follows is in a file, or in a blob */
        struct http_blob *blob;
        uint64_t body_at, body_left;
};

struct http_conn {
        struct http_conn *prev, *next; /* in server->conns */
        struct server *server;
        struct lws *wsi;
        struct peer_entry *peer_entry;
        uint8_t peer[16];
        enum listener_kind listener;
        enum conn_state state;
        uint16_t refuse_status; /* over a cap: every request gets this */
        bool is_viewer;         /* of a stream: see peer_table.h */
        bool lws_timeout_off;
        bool in_handler; /* on_request_head was called, on_http_close is due */
        bool replied, close_after, head_only;
        bool blocked; /* lws holds what the socket did not take; reading is off */
        enum http_body_mode mode;
        int64_t deadline_us;
        int64_t drained;
        struct conn_input in;
        struct conn_output out;
        struct http_head head;
        struct http_request req;
        char remote[PEER_TEXT];
        void *user;
        struct ws_conn *ws;
};

struct server {
        uv_loop_t *loop;
        struct lws_context *context;
        struct lws_vhost *plain_vhost, *tls_vhost;
        struct server_handler handler;
        struct listener *listeners[LISTEN_COUNT];
        struct tls_ctx *tls;
        struct static_files *files;
        struct live_files *live;
        struct peer_table *peers;
        struct cidr trusted;
        bool has_trusted, freeing;
        char *cert_path, *key_path;
        uint32_t max_connections, max_per_address;
        struct http_conn *conns;
        struct http_conn *adopting; /* inside lws_adopt…(): not yet lws's for good */
        uv_timer_t *tick;
        struct server_counters counters;
        struct log_limit limit_log, bad_log;
        uint8_t io[SERVER_IO_BYTES]; /* file bytes between pread and write */
};

/* --- server.c */
/* Ends the connection from outside its own lws callback. */
void conn_kill(struct http_conn *conn);

/* --- http_conn.c */
/* Bytes arrived. Returns 0, or -1: close the connection. */
must_use int http_conn_on_data(struct http_conn *conn, const uint8_t *data, size_t len);
/* The answer is out: on to the next request, or to DRAIN. Returns 0 or -1. */
must_use int http_conn_next(struct http_conn *conn);
/* Sends FIN and drops input from now on. */
void http_conn_drain(struct http_conn *conn);
/* Ends the present request and frees what it held. */
void http_conn_end_request(struct http_conn *conn);

/* --- http_reply.c */
/* Returns 0, or -1: close the connection. */
must_use int http_conn_on_writable(struct http_conn *conn);
/* A short answer of the server's own; closes after it when asked to. */
void http_reply_error(struct http_conn *conn, int status, bool close_after);
/* http_reply_file with one more header line ("Name: value\r\n" or ""). */
void http_reply_file_with(struct http_conn *conn, const struct http_request *req,
                          const struct http_file *file, const char *extra);
void conn_output_clear(struct conn_output *out);
/* Writes to the socket. What it does not take stays in lws and is sent first;
 * until then nothing is read: who does not read is not listened to, and lws
 * 4.1.6 would spin over input it leaves alone meanwhile. */
must_use int conn_write(struct http_conn *conn, const uint8_t *data, size_t len);
/* Stops reading until conn_unblock(), which does nothing while lws still holds
 * output. To be called when the socket is writable. */
void conn_block(struct http_conn *conn);
void conn_unblock(struct http_conn *conn);

/* --- ws_conn.c */
/* Answers an upgrade request: 101, or a refusal. */
void ws_conn_accept(struct http_conn *conn);
must_use int ws_conn_on_data(struct http_conn *conn, const uint8_t *data, size_t len);
must_use int ws_conn_on_writable(struct http_conn *conn);
/* Pings, and notices the dead. Called once a second. */
void ws_conn_on_tick(struct http_conn *conn, int64_t now_us);
/* Tells the handler, and frees. Accepts a connection without WebSocket. */
void ws_conn_over(struct http_conn *conn);
/* The program ends: says so with 1001, best effort, at once. */
void ws_conn_going_away(struct http_conn *conn);

#endif
