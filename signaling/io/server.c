/* SPDX-License-Identifier: Apache-2.0 */
/* server — lifecycle, libwebsockets, limits, time. See server_priv.h. */
#include "signaling/io/server_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/fd.h"

enum {
        /* Enough for a meeting of thousands; libwebsockets' tables cost 16 bytes each. */
        DESCRIPTORS = 65536,
        DESCRIPTORS_FOR_OTHERS = 1024, /* files, media sockets, the store */
        DEFAULT_PER_ADDRESS = 256,
        TICK_MS = 1000,
        CLOSE_TURNS = 8,
};

static bool quiet; /* while a context goes down: lws calls its normal steps errors */

static void on_lws_log(int level, const char *line)
{
        static struct log_limit limit;

        if (!quiet)
                log_limited(&limit, level & LLL_ERR ? LOG_WARN : LOG_INFO, "lws", "%s", line);
}

/* --- connections */

static bool is_exempt(const struct server *server, const uint8_t address[16])
{
        return peer_is_loopback(address) ||
               (server->has_trusted && cidr_contains(&server->trusted, address));
}

/* Decides about one more connection: 0, a status to refuse its requests with, or
 * -1 to close it at once. */
static int admit(const struct server *server, const struct http_conn *conn)
{
        uint32_t of_peer = peer_entry_count(conn->peer_entry);

        if (server->counters.connections >= server->max_connections + SERVER_REFUSAL_SLOTS)
                return -1;
        if (!is_exempt(server, conn->peer) && of_peer > server->max_per_address)
                return of_peer > server->max_per_address + SERVER_PEER_REFUSAL_SLOTS ? -1 : 429;
        return server->counters.connections >= server->max_connections ? 503 : 0;
}

static void conn_free(struct http_conn *conn)
{
        struct server *server = conn->server;

        if (conn == server->adopting)
                server->adopting = NULL;
        ws_conn_over(conn);
        http_conn_end_request(conn);
        free(conn->in.held);
        peer_table_release(server->peers, conn->peer_entry, conn->is_viewer);
        if (conn->prev)
                conn->prev->next = conn->next;
        else
                server->conns = conn->next;
        if (conn->next)
                conn->next->prev = conn->prev;
        server->counters.connections--;
        free(conn);
}

static struct http_conn *conn_new(struct server *server, int kind, const uint8_t address[16])
{
        struct http_conn *conn = calloc(1, sizeof(*conn));
        int verdict;

        if (!conn || peer_table_take(server->peers, address, &conn->peer_entry) < 0) {
                free(conn);
                return NULL;
        }
        conn->server = server;
        conn->out.file_fd = -1;
        conn->listener = (enum listener_kind)kind;
        conn->deadline_us = clock_now_us() + HEAD_TIMEOUT_US;
        memcpy(conn->peer, address, sizeof(conn->peer));
        verdict = admit(server, conn);
        if (verdict != 0) {
                server->counters.refused_limits++;
                log_limited(&server->limit_log, LOG_WARN, "http",
                            "refused a connection: %u are open", server->counters.connections);
        }
        if (verdict < 0) {
                peer_table_release(server->peers, conn->peer_entry, conn->is_viewer);
                free(conn);
                return NULL;
        }
        conn->refuse_status = (uint16_t)verdict;
        conn->next = server->conns;
        if (conn->next)
                conn->next->prev = conn;
        server->conns = conn;
        server->counters.connections++;
        return conn;
}

static void on_accept(void *user, int kind, int fd, const uint8_t address[16])
{
        struct server *server = user;
        struct http_conn *conn = conn_new(server, kind, address);
        lws_adopt_desc_t desc = { 0 };
        struct lws *wsi;

        if (!conn) {
                close(fd);
                return;
        }
        desc.vh = kind == LISTEN_HTTPS ? server->tls_vhost : server->plain_vhost;
        desc.type = LWS_ADOPT_SOCKET | LWS_ADOPT_ALLOW_SSL;
        desc.fd.sockfd = fd;
        desc.opaque = conn;
        server->adopting = conn;
        wsi = lws_adopt_descriptor_vhost_via_info(&desc);
        /* When it failed, lws closed fd, and may have told us of the end already. */
        if (!wsi && server->adopting)
                conn_free(conn);
        server->adopting = NULL;
}

void conn_kill(struct http_conn *conn)
{
        lws_set_timeout(conn->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
}

static int on_received(struct http_conn *conn, const uint8_t *data, size_t len)
{
        if (!conn->lws_timeout_off) {
                /* lws armed one when the TLS handshake began; from here on ours rule. */
                conn->lws_timeout_off = true;
                lws_set_timeout(conn->wsi, NO_PENDING_TIMEOUT, 0);
        }
        conn->server->counters.bytes_in += len;
        return http_conn_on_data(conn, data, len);
}

static int on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *session, void *in,
                  size_t len)
{
        struct http_conn *conn;
        struct server *server;

        (void)session;
        /* Only these reasons: others come with a wsi that is not yet, or not ours. */
        switch ((int)reason) {
        case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
                server = lws_context_user(lws_get_context(wsi));
                tls_ctx_attach(server->tls, session);
                return 0;
        case LWS_CALLBACK_RAW_ADOPT:
                conn = lws_get_opaque_user_data(wsi);
                if (conn)
                        conn->wsi = wsi;
                return 0;
        case LWS_CALLBACK_RAW_RX:
                return on_received(lws_get_opaque_user_data(wsi), in, len);
        case LWS_CALLBACK_RAW_WRITEABLE:
                conn = lws_get_opaque_user_data(wsi);
                return conn->ws ? ws_conn_on_writable(conn) : http_conn_on_writable(conn);
        case LWS_CALLBACK_RAW_CLOSE:
        case LWS_CALLBACK_WSI_DESTROY:
                conn = lws_get_opaque_user_data(wsi);
                lws_set_opaque_user_data(wsi, NULL);
                if (conn)
                        conn_free(conn);
                return 0;
        default:
                return 0;
        }
}

static const struct lws_protocols protocols[] = {
        { .name = "dinh", .callback = on_lws },
        { 0 },
};

static void on_tick(uv_timer_t *timer)
{
        struct server *server = timer->data;
        int64_t now_us = clock_now_us();
        struct http_conn *conn, *next;

        for (conn = server->conns; conn; conn = next) {
                next = conn->next;
                if (conn->ws)
                        ws_conn_on_tick(conn, now_us);
                else if (now_us > conn->deadline_us)
                        conn_kill(conn);
        }
}

/* --- start */

/* Sets the descriptor limit and, from it, how many connections to take. */
static void set_limits(struct server *server, const struct server_config *config)
{
        struct rlimit limit = { DESCRIPTORS, DESCRIPTORS };
        uint32_t room;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
                (void)!setrlimit(RLIMIT_NOFILE, &limit);
        }
        room = (uint32_t)limit.rlim_cur;
        room -= room > 4 * DESCRIPTORS_FOR_OTHERS ? DESCRIPTORS_FOR_OTHERS : room / 4;
        room -= room > 2 * SERVER_REFUSAL_SLOTS ? SERVER_REFUSAL_SLOTS : 0;
        server->max_connections = config->max_connections && config->max_connections < room
                                          ? config->max_connections
                                          : room;
        server->max_per_address = config->max_per_address ? config->max_per_address
                                                          : DEFAULT_PER_ADDRESS;
}

static int start_lws(struct server *server)
{
        void *loops[] = { server->loop };
        struct lws_context_creation_info info = { 0 };

        lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
        info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                       LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
                       LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS | /* we dial nobody */
                       LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME;
        info.foreign_loops = loops;
        info.pcontext = &server->context;
        info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
        info.pt_serv_buf_size = SERVER_IO_BYTES;
        info.timeout_secs = (unsigned)(HEAD_TIMEOUT_US / SECONDS_US);
        info.user = server;
        server->context = lws_create_context(&info);
        if (!server->context)
                return -ENOMEM;
        info.protocols = protocols;
        info.vhost_name = "plain";
        server->plain_vhost = lws_create_vhost(server->context, &info);
        if (!server->plain_vhost)
                return -ENOMEM;
        if (!server->tls)
                return 0;
        info.vhost_name = "tls";
        info.options |= LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX;
        info.alpn = "http/1.1"; /* 4.1.6's HTTP/2 stalls browsers */
        server->tls_vhost = lws_create_vhost(server->context, &info);
        return server->tls_vhost ? 0 : -ENOMEM;
}

static int load_config(struct server *server, const struct server_config *config, char *ret_error,
                       size_t cap)
{
        int r;

        if (config->trusted_proxy) {
                if (cidr_parse(&server->trusted, config->trusted_proxy) < 0) {
                        snprintf(ret_error, cap, "%s is not an address block (CIDR)",
                                 config->trusted_proxy);
                        return -EINVAL;
                }
                server->has_trusted = true;
        }
        if (config->https) {
                server->cert_path = strdup(config->cert_path ? config->cert_path : "");
                server->key_path = strdup(config->key_path ? config->key_path : "");
                r = server->cert_path && server->key_path
                            ? tls_ctx_new(&server->tls, server->cert_path, server->key_path)
                            : -ENOMEM;
                if (r < 0) {
                        snprintf(ret_error, cap, "certificate %s and key %s cannot be used",
                                 server->cert_path, server->key_path);
                        return r;
                }
        }
        if (live_files_new(&server->live) < 0)
                return -ENOMEM;
        if (config->web_dir && static_files_new(&server->files, config->web_dir) < 0)
                log_line(LOG_WARN, "http", "no web client in %s", config->web_dir);
        return 0;
}

static int listen_all(struct server *server, const struct server_config *config, char *ret_error,
                      size_t cap)
{
        const char *const addresses[LISTEN_COUNT] = { [LISTEN_HTTP] = config->http,
                                                      [LISTEN_HTTPS] = config->https,
                                                      [LISTEN_METRICS] = config->metrics };

        for (int i = 0; i < LISTEN_COUNT; i++) {
                int r = addresses[i]
                                ? listener_new(&server->listeners[i], server->loop, addresses[i], i,
                                               on_accept, server, ret_error, cap)
                                : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

static int start_tick(struct server *server)
{
        server->tick = calloc(1, sizeof(*server->tick));
        if (!server->tick)
                return -ENOMEM;
        uv_timer_init(server->loop, server->tick);
        server->tick->data = server;
        uv_timer_start(server->tick, on_tick, TICK_MS, TICK_MS);
        return 0;
}

int server_new(struct server **ret_server, uv_loop_t *loop, const struct server_config *config,
               const struct server_handler *handler, char *ret_error, size_t error_cap)
{
        struct server *server = calloc(1, sizeof(*server));
        int r = server ? peer_table_new(&server->peers) : -ENOMEM;

        snprintf(ret_error, error_cap, "the HTTP server could not start");
        if (r < 0) {
                free(server);
                return r;
        }
        server->loop = loop;
        server->handler = *handler;
        set_limits(server, config);
        r = load_config(server, config, ret_error, error_cap);
        if (r == 0)
                r = listen_all(server, config, ret_error, error_cap);
        if (r == 0) {
                r = start_lws(server);
                if (r < 0)
                        snprintf(ret_error, error_cap,
                                 "libwebsockets could not start: is libwebsockets-evlib-uv there?");
        }
        if (r == 0)
                r = start_tick(server);
        if (r < 0) {
                server_free(server);
                return r;
        }
        *ret_server = server;
        return 0;
}

/* --- end */

static void on_tick_closed(uv_handle_t *handle)
{
        free(handle);
}

/* On a foreign loop lws ends in three steps: its sockets' handles close in one
 * turn of the loop, then its timers' in the next, and only then it frees itself. */
static void stop_lws(struct server *server)
{
        quiet = true;
        lws_context_destroy(server->context);
        for (int i = 0; i < CLOSE_TURNS; i++)
                uv_run(server->loop, UV_RUN_NOWAIT);
        if (server->context)
                lws_context_destroy(server->context);
        quiet = false;
}

struct server *server_free(struct server *server)
{
        struct http_conn *conn;

        if (!server)
                return NULL;
        server_stop_listening(server);
        for (conn = server->conns; conn; conn = conn->next)
                ws_conn_going_away(conn);
        if (server->tick)
                uv_close((uv_handle_t *)server->tick, on_tick_closed);
        if (server->context)
                stop_lws(server);
        /* Once more for the close callbacks of our own handles. */
        uv_run(server->loop, UV_RUN_NOWAIT);
        tls_ctx_free(server->tls);
        static_files_free(server->files);
        live_files_free(server->live);
        peer_table_free(server->peers);
        free(server->cert_path);
        free(server->key_path);
        free(server);
        return NULL;
}

void server_stop_listening(struct server *server)
{
        for (int i = 0; i < LISTEN_COUNT; i++)
                server->listeners[i] = listener_free(server->listeners[i]);
}

/* --- small things */

uint16_t server_http_port(const struct server *server)
{
        return listener_port(server->listeners[LISTEN_HTTP]);
}

uint16_t server_https_port(const struct server *server)
{
        return listener_port(server->listeners[LISTEN_HTTPS]);
}

uint16_t server_metrics_port(const struct server *server)
{
        return listener_port(server->listeners[LISTEN_METRICS]);
}

int server_reload_certificate(struct server *server)
{
        if (!server->tls)
                return 0;
        if (tls_ctx_reload(server->tls, server->cert_path, server->key_path) < 0) {
                log_line(LOG_ERROR, "tls",
                         "the new certificate and key cannot be used; the old ones stay");
                return -EINVAL;
        }
        return 0;
}

int server_live_open(struct server *server, const char *key, const char *dir)
{
        return live_files_open(server->live, key, dir);
}

void server_live_close(struct server *server, const char *key)
{
        live_files_close(server->live, key);
}

unsigned server_live_viewers(const struct server *server, const char *key)
{
        return live_files_viewers(server->live, key, clock_now_us());
}

void server_counters(const struct server *server, struct server_counters *ret_counters)
{
        *ret_counters = server->counters;
}
