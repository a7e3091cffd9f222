/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/film_api.h"

#include <errno.h>
#include <string.h>

#include "signaling/core/asker.h"
#include "signaling/core/film.h"
#include "signaling/core/replies.h"
#include "signaling/wire/words.h"

enum { BODY_MAX = 1024, VOLUME_MAX = 100 };

/* ---- start ---- */

/* A film of this meeting that was checked. */
static bool find_film(struct http_conn *conn, const struct asker *asker, const char *id,
                      struct store_doc *ret_doc)
{
        if (!id || !word_is_document_id(id) ||
            store_doc_get(asker->room->app->store, id, ret_doc) != 0 || ret_doc->deleted ||
            strcmp(ret_doc->meeting, asker->room->info.id) != 0) {
                reply_error(conn, 404, "not-found", "no such document");
                return false;
        }
        if (!ret_doc->film) {
                reply_error(conn, 400, "bad-field", "the document is no film");
                return false;
        }
        if (ret_doc->state != STORE_DOC_READY) {
                reply_error(conn, 409, "doc-not-ready", "the film is not ready to be played");
                return false;
        }
        return true;
}

static void reply_started(struct http_conn *conn, const struct asker *asker, int r)
{
        const char *why = "films cannot be played here";

        switch (r) {
        case 0:
                reply_json(conn, 201, film_json(asker->room), NULL, 0);
                break;
        case -EEXIST:
                reply_error(conn, 409, "film-on", "a film is on already");
                break;
        case -ENOTSUP:
                (void)jobs_can(asker->room->app->jobs, JOB_FILM, &why);
                reply_error(conn, 503, "missing-package", why);
                break;
        case -ENOENT:
                reply_error(conn, 404, "not-found", "the film's file is gone");
                break;
        case -EBUSY:
                reply_error(conn, 503, "busy", "too much runs already");
                break;
        default:
                if (r < 0)
                        reply_failure(conn, r);
                else
                        reply_error(conn, 409, meeting_error_word(r),
                                    "refused by the meeting's rules");
        }
}

void film_api_start(struct app *app, struct http_conn *conn, const struct http_request *req,
                    const char *meeting)
{
        struct store_doc doc;
        struct asker asker;
        json_t *body;

        if (!asker_admit_to(app, conn, req, meeting, &asker) ||
            !asker_may_change(conn, req, &asker) || !asker_has(conn, &asker, PERM_PRESENT))
                return;
        body = asker_body(conn, req, BODY_MAX);
        if (!body)
                return;
        if (find_film(conn, &asker, json_string_value(json_object_get(body, "document")), &doc))
                reply_started(conn, &asker, film_start(asker.room, &doc, asker_id(&asker)));
        json_decref(body);
}

/* ---- steer, stop ---- */

/* Who started it, and the hosts. */
static bool admit_to_film(struct app *app, struct http_conn *conn, const struct http_request *req,
                          const char *meeting, struct asker *ret_asker)
{
        const char *by;

        if (!asker_admit_to(app, conn, req, meeting, ret_asker) ||
            !asker_may_change(conn, req, ret_asker))
                return false;
        if (!film_is_there(ret_asker->room, &by)) {
                reply_error(conn, 404, "not-found", "no film is on");
                return false;
        }
        return strcmp(by, asker_id(ret_asker)) == 0 || asker_has(conn, ret_asker, PERM_MODERATE);
}

/* False when there is something that is no such change. */
static bool read_change(struct film_change *ret_change, const json_t *body)
{
        const json_t *playing = json_object_get(body, "playing");
        const json_t *position = json_object_get(body, "position_ms");
        const json_t *volume = json_object_get(body, "volume");
        json_int_t at = json_integer_value(position), loud = json_integer_value(volume);

        *ret_change = (struct film_change){ .playing = playing ? json_is_true(playing) : -1,
                                            .volume = volume ? (int)loud : -1,
                                            .position_ms = position ? at : -1 };
        return (!playing || json_is_boolean(playing)) &&
               (!position || (json_is_integer(position) && at >= 0 && at <= INT32_MAX)) &&
               (!volume || (json_is_integer(volume) && loud >= 0 && loud <= VOLUME_MAX));
}

void film_api_steer(struct app *app, struct http_conn *conn, const struct http_request *req,
                    const char *meeting)
{
        struct film_change change;
        struct asker asker;
        json_t *body;

        if (!admit_to_film(app, conn, req, meeting, &asker))
                return;
        body = asker_body(conn, req, BODY_MAX);
        if (!body)
                return;
        if (read_change(&change, body)) {
                film_steer(asker.room, &change);
                reply_json(conn, 200, film_json(asker.room), NULL, 0);
        } else {
                reply_error(conn, 400, "bad-field", "playing, position_ms, volume (0 to 100)");
        }
        json_decref(body);
}

void film_api_stop(struct app *app, struct http_conn *conn, const struct http_request *req,
                   const char *meeting)
{
        struct asker asker;

        if (!admit_to_film(app, conn, req, meeting, &asker))
                return;
        film_stop(asker.room);
        reply_empty(conn, 204, NULL, 0);
}
