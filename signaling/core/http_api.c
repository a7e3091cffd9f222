/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/http_api.h"

#include <string.h>

#include "signaling/core/agenda_api.h"
#include "signaling/core/auth.h"
#include "signaling/core/documents_api.h"
#include "signaling/core/film_api.h"
#include "signaling/core/kept_reply.h"
#include "signaling/core/links_api.h"
#include "signaling/core/live_api.h"
#include "signaling/core/metrics.h"
#include "signaling/core/read_reply.h"
#include "signaling/core/recordings_api.h"
#include "signaling/core/replies.h"
#include "signaling/core/session.h"
#include "signaling/core/session_api.h"
#include "signaling/core/whip.h"

enum { MAX_PARTS = 2, PART_BYTES = 80 };

/* One request on its way; part: what the route's stars stood for. */
struct call {
        struct app *app;
        struct http_conn *conn;
        const struct http_request *req;
        char part[MAX_PARTS][PART_BYTES];
};

static void get_documents(const struct call *call)
{
        documents_list(call->app, call->conn, call->req, call->part[0]);
}

static void delete_document(const struct call *call)
{
        documents_delete(call->app, call->conn, call->req, call->part[0]);
}

static void get_original(const struct call *call)
{
        documents_download(call->app, call->conn, call->req, call->part[0], "original", "");
}

static void get_pdf(const struct call *call)
{
        documents_download(call->app, call->conn, call->req, call->part[0], "pdf", "");
}

static void get_text(const struct call *call)
{
        documents_download(call->app, call->conn, call->req, call->part[0], "text", "");
}

static void get_screen_page(const struct call *call)
{
        documents_download(call->app, call->conn, call->req, call->part[0], "screen",
                           call->part[1]);
}

static void get_phone_page(const struct call *call)
{
        documents_download(call->app, call->conn, call->req, call->part[0], "phone", call->part[1]);
}

static void post_session(const struct call *call)
{
        session_api_create(call->app, call->conn, call->req);
}

static void get_session(const struct call *call)
{
        session_api_show(call->app, call->conn, call->req);
}

static void delete_session(const struct call *call)
{
        session_api_end(call->app, call->conn, call->req);
}

static void get_recordings(const struct call *call)
{
        recordings_list(call->app, call->conn, call->req, call->part[0]);
}

static void post_recording(const struct call *call)
{
        recordings_start(call->app, call->conn, call->req, call->part[0]);
}

static void stop_recording(const struct call *call)
{
        recordings_stop(call->app, call->conn, call->req, call->part[0]);
}

static void compose_recording(const struct call *call)
{
        recordings_compose(call->app, call->conn, call->req, call->part[0]);
}

static void get_recording(const struct call *call)
{
        recordings_show(call->app, call->conn, call->req, call->part[0]);
}

static void delete_recording(const struct call *call)
{
        recordings_delete(call->app, call->conn, call->req, call->part[0]);
}

static void get_recording_file(const struct call *call)
{
        recordings_file(call->app, call->conn, call->req, call->part[0], call->part[1]);
}

static void get_recording_page(const struct call *call)
{
        recordings_page(call->app, call->conn, call->req, call->part[0], call->part[1]);
}

static void get_live(const struct call *call)
{
        live_api_show(call->app, call->conn, call->req, call->part[0]);
}

static void put_live(const struct call *call)
{
        live_api_switch(call->app, call->conn, call->req, call->part[0], true);
}

static void delete_live(const struct call *call)
{
        live_api_switch(call->app, call->conn, call->req, call->part[0], false);
}

static void post_viewer_link(const struct call *call)
{
        live_api_viewer_link(call->app, call->conn, call->req, call->part[0]);
}

static void post_target(const struct call *call)
{
        links_api_add_target(call->app, call->conn, call->req, call->part[0]);
}

static void delete_target(const struct call *call)
{
        links_api_remove_target(call->app, call->conn, call->req, call->part[0], call->part[1]);
}

static void post_camera(const struct call *call)
{
        links_api_add_camera(call->app, call->conn, call->req, call->part[0]);
}

static void delete_camera(const struct call *call)
{
        links_api_remove_camera(call->app, call->conn, call->req, call->part[0], call->part[1]);
}

static void post_film(const struct call *call)
{
        film_api_start(call->app, call->conn, call->req, call->part[0]);
}

static void patch_film(const struct call *call)
{
        film_api_steer(call->app, call->conn, call->req, call->part[0]);
}

static void delete_film(const struct call *call)
{
        film_api_stop(call->app, call->conn, call->req, call->part[0]);
}

static void get_agenda(const struct call *call)
{
        agenda_api_show(call->app, call->conn, call->req, call->part[0]);
}

static void put_agenda(const struct call *call)
{
        agenda_api_change(call->app, call->conn, call->req, call->part[0]);
}

static void put_agenda_item(const struct call *call)
{
        agenda_api_go(call->app, call->conn, call->req, call->part[0]);
}

static void any_whip(const struct call *call)
{
        whip_endpoint(call->app, call->conn, call->req, WHIP_PUBLISH, call->part[0]);
}

static void any_whep(const struct call *call)
{
        whip_endpoint(call->app, call->conn, call->req, WHIP_WATCH, call->part[0]);
}

static void any_whip_resource(const struct call *call)
{
        whip_resource(call->app, call->conn, call->req, call->part[0], call->part[1]);
}

static void get_health(const struct call *call)
{
        reply_json(call->conn, 200, json_pack("{s:s}", "status", "ok"), NULL, 0);
}

static void get_ready(const struct call *call)
{
        metrics_ready(call->app, call->conn);
}

static void get_metrics(const struct call *call)
{
        if (call->req->metrics_port || auth_is_operator(call->app, call->req))
                metrics_reply(call->app, call->conn);
        else
                reply_unauthorized(call->conn, TOKEN_E_INVALID);
}

enum { ANY = 1 << 16, GET = 1 << HTTP_GET | 1 << HTTP_HEAD };

/* "*" stands for one part of the path. Uploads are decided on before their body
 * and do not come here. */
static const struct {
        unsigned methods; /* bits of 1 << enum http_method, or ANY */
        bool on_metrics_port;
        const char *path;
        void (*handle)(const struct call *call);
} routes[] = {
        { 1 << HTTP_POST, false, "/api/v1/session", post_session },
        { GET, false, "/api/v1/session", get_session },
        { 1 << HTTP_DELETE, false, "/api/v1/session", delete_session },
        { GET, false, "/api/v1/meetings/*/documents", get_documents },
        { 1 << HTTP_DELETE, false, "/api/v1/documents/*", delete_document },
        { GET, false, "/api/v1/documents/*/original", get_original },
        { GET, false, "/api/v1/documents/*/pdf", get_pdf },
        { GET, false, "/api/v1/documents/*/text", get_text },
        { GET, false, "/api/v1/documents/*/pages/*/screen", get_screen_page },
        { GET, false, "/api/v1/documents/*/pages/*/phone", get_phone_page },
        { GET, false, "/api/v1/meetings/*/recordings", get_recordings },
        { 1 << HTTP_POST, false, "/api/v1/meetings/*/recordings", post_recording },
        { 1 << HTTP_POST, false, "/api/v1/recordings/*/stop", stop_recording },
        { 1 << HTTP_POST, false, "/api/v1/recordings/*/compose", compose_recording },
        { GET, false, "/api/v1/recordings/*", get_recording },
        { 1 << HTTP_DELETE, false, "/api/v1/recordings/*", delete_recording },
        { GET, false, "/api/v1/recordings/*/files/*", get_recording_file },
        { GET, false, "/api/v1/recordings/*/pages/*", get_recording_page },
        { GET, false, "/api/v1/meetings/*/live", get_live },
        { 1 << HTTP_PUT, false, "/api/v1/meetings/*/live", put_live },
        { 1 << HTTP_DELETE, false, "/api/v1/meetings/*/live", delete_live },
        { 1 << HTTP_POST, false, "/api/v1/meetings/*/viewer-link", post_viewer_link },
        { 1 << HTTP_POST, false, "/api/v1/meetings/*/rtmp", post_target },
        { 1 << HTTP_DELETE, false, "/api/v1/meetings/*/rtmp/*", delete_target },
        { 1 << HTTP_POST, false, "/api/v1/meetings/*/cameras", post_camera },
        { 1 << HTTP_DELETE, false, "/api/v1/meetings/*/cameras/*", delete_camera },
        { 1 << HTTP_POST, false, "/api/v1/meetings/*/film", post_film },
        { 1 << HTTP_PATCH, false, "/api/v1/meetings/*/film", patch_film },
        { 1 << HTTP_DELETE, false, "/api/v1/meetings/*/film", delete_film },
        { GET, false, "/api/v1/meetings/*/agenda", get_agenda },
        { 1 << HTTP_PUT, false, "/api/v1/meetings/*/agenda", put_agenda },
        { 1 << HTTP_PUT, false, "/api/v1/meetings/*/agenda/item", put_agenda_item },
        { ANY, false, "/whip/*", any_whip },
        { ANY, false, "/whep/*", any_whep },
        { ANY, false, "/whip/*/*", any_whip_resource },
        { ANY, false, "/whep/*/*", any_whip_resource },
        { GET, true, "/healthz", get_health },
        { GET, true, "/readyz", get_ready },
        { GET, true, "/metrics", get_metrics },
};

static const char upload_route[] = "/api/v1/meetings/*/documents";

static bool match(const char *pattern, const char *path, char part[MAX_PARTS][PART_BYTES])
{
        size_t n_parts = 0;

        while (*pattern) {
                size_t len;

                if (*pattern != '*') {
                        if (*pattern++ != *path++)
                                return false;
                        continue;
                }
                len = strcspn(path, "/");
                if (len == 0 || len >= PART_BYTES || n_parts == MAX_PARTS)
                        return false;
                memcpy(part[n_parts], path, len);
                part[n_parts++][len] = '\0';
                path += len;
                pattern++;
        }
        return *path == '\0';
}

/* RFC 9110 §15.5.6: a 405 says what would be allowed. */
static void refuse_method(struct http_conn *conn, unsigned methods)
{
        static const char *const names[] = {
                [HTTP_GET] = "GET",        [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",
                [HTTP_PUT] = "PUT",        [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
                [HTTP_OPTIONS] = "OPTIONS"
        };
        char text[64] = "";
        struct http_header allow = { "Allow", text };

        for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
                if (!(methods & 1u << i))
                        continue;
                g_strlcat(text, text[0] ? ", " : "", sizeof(text));
                g_strlcat(text, names[i], sizeof(text));
        }
        reply_error_with(conn, 405, "bad-message", "no such method here", &allow, 1);
}

static void route(struct call *call)
{
        unsigned known = 0;

        for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
                if (call->req->metrics_port && !routes[i].on_metrics_port)
                        continue;
                memset(call->part, 0, sizeof(call->part));
                if (!match(routes[i].path, call->req->path, call->part))
                        continue;
                if (routes[i].methods & (ANY | 1u << call->req->method)) {
                        routes[i].handle(call);
                        return;
                }
                known |= routes[i].methods;
        }
        if (known && match(upload_route, call->req->path, call->part))
                known |= 1u << HTTP_POST;
        if (known)
                refuse_method(call->conn, known);
        else
                reply_error(call->conn, 404, "not-found", "nothing here");
}

/* ---- the server's callbacks ---- */

static enum http_body_mode on_request_head(void *user, struct http_conn *conn,
                                           const struct http_request *req)
{
        char part[MAX_PARTS][PART_BYTES];

        if (req->method == HTTP_POST && !req->metrics_port && match(upload_route, req->path, part))
                return documents_upload(user, conn, req, part[0]);
        return whip_refuses_length(conn, req) ? HTTP_BODY_REFUSED : HTTP_BODY_GATHER;
}

static void on_request(void *user, struct http_conn *conn, const struct http_request *req)
{
        struct call call = { .app = user, .conn = conn, .req = req };

        route(&call);
}

static bool on_upload_data(void *user, struct http_conn *conn, const uint8_t *data, size_t len)
{
        (void)user;
        return documents_upload_data(conn, data, len);
}

static void on_upload_end(void *user, struct http_conn *conn)
{
        (void)user;
        documents_upload_end(conn);
}

static void on_http_close(void *user, struct http_conn *conn)
{
        documents_upload_close(conn);
        kept_reply_forget(user, conn);
        read_reply_forget(user, conn);
}

/* A bearer without a seat of her own gets one for this socket. */
static int on_ws_open(void *user, struct ws_conn *conn, const struct http_request *req)
{
        struct app *app = user;
        struct auth auth;

        if (app->draining)
                return 503;
        if (req->metrics_port)
                return 404;
        if (auth_request(app, req, &auth) != 0)
                return 401;
        if (!auth_may_change(req, &auth))
                return 403;
        if (!auth.who.seat[0])
                session_api_make_seat(auth.who.seat);
        return session_new(app, conn, &auth.who) == 0 ? 0 : 503;
}

static void on_ws_text(void *user, struct ws_conn *conn, const char *text, size_t len)
{
        struct session *session = ws_user(conn);

        (void)user;
        if (session)
                session_on_text(session, text, len);
}

static void on_ws_close(void *user, struct ws_conn *conn)
{
        struct session *session = ws_user(conn);

        (void)user;
        ws_set_user(conn, NULL);
        if (session)
                session_on_close(session);
}

void http_api_handler(struct app *app, struct server_handler *ret_handler)
{
        *ret_handler = (struct server_handler){
                .user = app,
                .on_request_head = on_request_head,
                .on_request = on_request,
                .on_upload_data = on_upload_data,
                .on_upload_end = on_upload_end,
                .on_http_close = on_http_close,
                .on_ws_open = on_ws_open,
                .on_ws_text = on_ws_text,
                .on_ws_close = on_ws_close,
        };
}
