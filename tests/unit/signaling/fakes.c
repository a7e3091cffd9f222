/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/signaling/fakes.h"

#include <poll.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/core/session.h"
#include "tests/unit/signaling/fake_jobs.h"

struct fake_sfu fake_sfu;
struct fake_reply fake_reply;
struct fake_live fake_live;
const char *fake_docs_path;
int64_t fake_now_ms;

/* ---- the server ---- */

struct ws_text {
        unsigned refs;
        char *text;
};

struct ws_text *ws_text_new(const char *text, size_t len)
{
        struct ws_text *made = calloc(1, sizeof(*made));

        made->refs = 1;
        made->text = strndup(text, len);
        return made;
}

struct ws_text *ws_text_ref(struct ws_text *text)
{
        text->refs++;
        return text;
}

struct ws_text *ws_text_unref(struct ws_text *text)
{
        if (text && --text->refs == 0) {
                free(text->text);
                free(text);
        }
        return NULL;
}

size_t ws_text_len(const struct ws_text *text)
{
        return strlen(text->text);
}

void ws_send(struct ws_conn *conn, struct ws_text *text)
{
        if (conn->close_code)
                return;
        assert_true(conn->n_sent < FAKE_MAX_SENT);
        conn->sent[conn->n_sent] = json_loads(text->text, 0, NULL);
        assert_non_null(conn->sent[conn->n_sent++]);
}

void ws_close(struct ws_conn *conn, uint16_t code, const char *reason)
{
        (void)reason;
        if (!conn->close_code)
                conn->close_code = code;
}

void ws_set_user(struct ws_conn *conn, void *user)
{
        conn->user = user;
}

void *ws_user(const struct ws_conn *conn)
{
        return conn->user;
}

void http_reply(struct http_conn *conn, const struct http_response *response)
{
        (void)conn;
        memset(&fake_reply, 0, sizeof(fake_reply));
        fake_reply.status = response->status;
        if (response->body.len > 0 && response->body.len < sizeof(fake_reply.body))
                memcpy(fake_reply.body, response->body.data, response->body.len);
        for (size_t i = 0; i < response->n_headers; i++) {
                const struct http_header *header = &response->headers[i];

                if (strcmp(header->name, "ETag") == 0)
                        snprintf(fake_reply.etag, sizeof(fake_reply.etag), "%s", header->value);
                if (strcmp(header->name, "Location") == 0)
                        snprintf(fake_reply.location, sizeof(fake_reply.location), "%s",
                                 header->value);
                fake_reply.n_links += strcmp(header->name, "Link") == 0;
        }
}

void http_reply_file(struct http_conn *conn, const struct http_request *req,
                     const struct http_file *file)
{
        (void)conn;
        (void)req;
        memset(&fake_reply, 0, sizeof(fake_reply));
        fake_reply.status = 200;
        snprintf(fake_reply.file, sizeof(fake_reply.file), "%s", file->path);
        snprintf(fake_reply.saved_name, sizeof(fake_reply.saved_name), "%s",
                 file->download_name ? file->download_name : "");
}

/* Of a query with one parameter that needs no decoding. */
int http_query_get(const struct http_request *req, const char *key, char *ret, size_t cap)
{
        size_t len = strlen(key);

        if (!req->query || strncmp(req->query, key, len) != 0 || req->query[len] != '=')
                return -2; /* -ENOENT */
        assert_true((size_t)snprintf(ret, cap, "%s", req->query + len + 1) < cap);
        return 0;
}

int http_cookie_get(const struct http_request *req, const char *name, char *ret, size_t cap)
{
        return http_query_get(req, name, ret, cap);
}

void http_set_user(struct http_conn *conn, void *user)
{
        (void)conn;
        (void)user;
}

void *http_user(const struct http_conn *conn)
{
        (void)conn;
        return NULL;
}

void server_counters(const struct server *server, struct server_counters *ret_counters)
{
        (void)server;
        memset(ret_counters, 0, sizeof(*ret_counters));
}

int server_live_open(struct server *server, const char *key, const char *dir)
{
        (void)server;
        snprintf(fake_live.key, sizeof(fake_live.key), "%s", key);
        snprintf(fake_live.dir, sizeof(fake_live.dir), "%s", dir);
        fake_live.opened++;
        return 0;
}

void server_live_close(struct server *server, const char *key)
{
        (void)server;
        assert_string_equal(fake_live.key, key);
        fake_live.key[0] = '\0';
}

unsigned server_live_viewers(const struct server *server, const char *key)
{
        (void)server;
        assert_string_equal(fake_live.key, key);
        return fake_live.viewers;
}

/* ---- the media plane ---- */

const char *sfu_offer_error_code(enum sfu_offer_err err)
{
        (void)err;
        return "sdp-malformed";
}

int sfu_peer_open(struct sfu *sfu, const struct sfu_peer_params *params, const char *offer,
                  size_t offer_len, char **ret_answer, uint64_t *ret_peer)
{
        (void)sfu;
        if (memcmp(offer, "v=0", offer_len < 3 ? offer_len : 3) != 0)
                return SFU_OFFER_MALFORMED;
        fake_sfu.last_params = *params;
        *ret_answer = strdup("v=0 answer");
        *ret_peer = ++fake_sfu.peers_opened;
        return 0;
}

int sfu_peer_restart(struct sfu *sfu, uint64_t peer, const char *offer, size_t offer_len,
                     char **ret_answer)
{
        (void)sfu;
        (void)offer;
        (void)offer_len;
        if (peer == 0)
                return -ENOENT;
        if (fake_sfu.restart_result != 0)
                return fake_sfu.restart_result;
        fake_sfu.restarts++;
        *ret_answer = strdup("v=0 again");
        return 0;
}

int sfu_peer_restart_ice(struct sfu *sfu, uint64_t peer, const char *ufrag, const char *pwd,
                         char **ret_lines)
{
        (void)sfu;
        (void)peer;
        (void)ufrag;
        (void)pwd;
        if (fake_sfu.restart_result != 0)
                return fake_sfu.restart_result;
        fake_sfu.restarts++;
        *ret_lines = strdup("a=ice-ufrag:ours\r\n");
        return 0;
}

void sfu_peer_close(struct sfu *sfu, uint64_t peer)
{
        (void)sfu;
        fake_sfu.last_closed = peer;
}

void sfu_peer_view(struct sfu *sfu, uint64_t peer, const struct sfu_slot_view *views, size_t n)
{
        (void)sfu;
        (void)peer;
        memcpy(fake_sfu.views, views, n * sizeof(*views));
        fake_sfu.n_views = n;
}

void sfu_peer_mute(struct sfu *sfu, uint64_t peer, enum sfu_kind kind, bool muted)
{
        (void)sfu;
        (void)peer;
        fake_sfu.muted[kind] = muted;
}

bool sfu_poll(struct sfu *sfu, struct sfu_event *ret_event)
{
        (void)sfu;
        if (fake_sfu.n_events == 0)
                return false;
        *ret_event = fake_sfu.events[0];
        memmove(fake_sfu.events, fake_sfu.events + 1, --fake_sfu.n_events * sizeof(*ret_event));
        return true;
}

void sfu_counters(const struct sfu *sfu, struct sfu_counters *ret_counters)
{
        (void)sfu;
        memset(ret_counters, 0, sizeof(*ret_counters));
}

int sfu_peer_stats(struct sfu *sfu, uint64_t peer,
                   void (*done)(void *user, const struct sfu_peer_stats *stats), void *user)
{
        (void)sfu;
        (void)peer;
        done(user, NULL);
        return 0;
}

uint16_t sfu_port(const struct sfu *sfu, unsigned worker)
{
        (void)sfu;
        (void)worker;
        return 7000;
}

/* ---- papers: none ---- */

const char *docs_error_code(enum docs_err err)
{
        (void)err;
        return "doc-internal";
}

int docs_upload_begin(struct docs *docs, struct docs_upload **ret_upload, const char *meeting,
                      const char *participant, const char *name, int64_t size_bytes)
{
        (void)docs;
        (void)ret_upload;
        (void)meeting;
        (void)participant;
        (void)name;
        (void)size_bytes;
        return DOCS_E_INTERNAL;
}

int docs_upload_write(struct docs_upload *upload, const uint8_t *data, size_t len)
{
        (void)upload;
        (void)data;
        (void)len;
        return DOCS_E_INTERNAL;
}

void docs_upload_finish(struct docs_upload *upload,
                        void (*done)(void *user, int result, const struct store_doc *doc),
                        void *user)
{
        (void)upload;
        done(user, DOCS_E_INTERNAL, NULL);
}

struct docs_upload *docs_upload_abort(struct docs_upload *upload)
{
        (void)upload;
        return NULL;
}

bool docs_poll(struct docs *docs, struct docs_event *ret_event)
{
        (void)docs;
        (void)ret_event;
        return false;
}

int docs_file(struct docs *docs, const char *doc_id, enum docs_variant variant, int page,
              struct docs_file *ret_file)
{
        (void)docs;
        (void)doc_id;
        (void)variant;
        (void)page;
        if (!fake_docs_path)
                return -2; /* -ENOENT */
        memset(ret_file, 0, sizeof(*ret_file));
        snprintf(ret_file->path, sizeof(ret_file->path), "%s", fake_docs_path);
        return 0;
}

int docs_delete(struct docs *docs, const char *doc_id)
{
        (void)docs;
        (void)doc_id;
        return -2; /* -ENOENT */
}

void docs_counters(const struct docs *docs, struct docs_counters *ret_counters)
{
        (void)docs;
        memset(ret_counters, 0, sizeof(*ret_counters));
}

/* ---- the world ---- */

static int64_t wall_ms(void)
{
        return fake_now_ms;
}

static int64_t now_us(void)
{
        return fake_now_ms * 1000;
}

static void usage(struct process_usage *ret_usage)
{
        memset(ret_usage, 0, sizeof(*ret_usage));
}

void fake_start_app(struct world *world)
{
        struct service_config config = { .store = world->store,
                                         .media = world->media,
                                         .reader = world->reader,
                                         .keep_recordings_ms = FAKE_KEEP_MS,
                                         .wall_ms = wall_ms,
                                         .now_us = now_us,
                                         .usage = usage };

        assert_int_equal(service_new(&world->app, &config), 0);
}

int fake_setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));
        struct store_meeting meeting = { .title = "Hội nghị" };
        char error[256], media[80];

        memset(&fake_sfu, 0, sizeof(fake_sfu));
        memset(&fake_live, 0, sizeof(fake_live));
        fake_docs_path = NULL;
        fake_jobs_reset();
        fake_now_ms = 1000000;
        strcpy(world->dir, "/tmp/dinh-core-XXXXXX");
        assert_non_null(mkdtemp(world->dir));
        assert_int_equal(store_open(&world->store, world->dir, NULL, NULL, error, sizeof(error)),
                         0);
        snprintf(media, sizeof(media), "%s/media", world->dir);
        assert_int_equal(media_open(&world->media, media, error, sizeof(error)), 0);
        assert_int_equal(reader_new(&world->reader, NULL, NULL), 0);
        uuid_v7(meeting.id, fake_now_ms * 1000);
        assert_int_equal(store_meeting_create(world->store, &meeting), 0);
        memcpy(world->meeting, meeting.id, sizeof(world->meeting));
        fake_start_app(world);
        *state = world;
        return 0;
}

int fake_teardown(void **state)
{
        struct world *world = *state;
        char command[128];

        fake_settle(world);
        service_free(world->app);
        reader_free(world->reader);
        store_close(world->store);
        media_close(world->media);
        fake_jobs_reset();
        snprintf(command, sizeof(command), "rm -rf '%s'", world->dir);
        assert_int_equal(system(command), 0);
        free(world);
        return 0;
}

struct ws_conn *fake_open(struct world *world, const char *seat, enum meeting_role role)
{
        struct ws_conn *conn = calloc(1, sizeof(*conn));
        struct identity who = { .role = role };

        snprintf(who.seat, sizeof(who.seat), "%s", seat);
        memcpy(who.meeting, world->meeting, sizeof(who.meeting));
        assert_int_equal(session_new(world->app, conn, &who), 0);
        return conn;
}

void fake_close(struct ws_conn *conn)
{
        session_on_close(conn->user);
        for (size_t i = 0; i < conn->n_sent; i++)
                json_decref(conn->sent[i]);
        free(conn);
}

static size_t count_pending(const struct app *app)
{
        GHashTableIter iter;
        struct room *room;
        size_t n = 0;

        g_hash_table_iter_init(&iter, app->rooms);
        while (g_hash_table_iter_next(&iter, NULL, (void **)&room))
                n += g_queue_get_length(&room->pending);
        return n;
}

void fake_settle(struct world *world)
{
        service_poll(world->app);
        while (count_pending(world->app) > 0 || g_hash_table_size(world->app->kept_replies) > 0 ||
               g_hash_table_size(world->app->read_replies) > 0) {
                poll(NULL, 0, 1);
                service_poll(world->app);
        }
}

json_t *fake_say(struct world *world, struct ws_conn *conn, json_t *message)
{
        json_int_t id = json_integer_value(json_object_get(message, "id"));
        char *text = json_dumps(message, 0);

        json_decref(message);
        session_on_text(conn->user, text, strlen(text));
        free(text);
        fake_settle(world);
        for (size_t i = conn->n_sent; i-- > 0;)
                if (json_integer_value(json_object_get(conn->sent[i], "id")) == id)
                        return conn->sent[i];
        return NULL;
}

json_t *fake_last(const struct ws_conn *conn, const char *type)
{
        for (size_t i = conn->n_sent; i-- > 0;)
                if (strcmp(fake_text(conn->sent[i], "type"), type) == 0)
                        return conn->sent[i];
        return NULL;
}

size_t fake_count(const struct ws_conn *conn, const char *type)
{
        size_t n = 0;

        for (size_t i = 0; i < conn->n_sent; i++)
                n += strcmp(fake_text(conn->sent[i], "type"), type) == 0;
        return n;
}

const char *fake_text(const json_t *message, const char *field)
{
        const char *text = json_string_value(json_object_get(message, field));

        return text ? text : "";
}

json_t *fake_join(struct world *world, struct ws_conn *conn, const char *name, int64_t last_seq)
{
        json_t *message = json_pack("{s:s, s:i, s:s}", "type", "join", "id", 1, "name", name);

        if (last_seq >= 0)
                json_object_set_new(message, "resume",
                                    json_pack("{s:I}", "last_seq", (json_int_t)last_seq));
        return fake_say(world, conn, message);
}
