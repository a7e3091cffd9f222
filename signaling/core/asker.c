/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/asker.h"

#include <string.h>

#include "signaling/core/replies.h"
#include "signaling/core/rooms.h"

bool asker_admit(struct app *app, struct http_conn *conn, const struct http_request *req,
                 struct asker *ret_asker)
{
        int r = auth_request(app, req, &ret_asker->auth);

        if (r != 0) {
                reply_unauthorized(conn, r);
                return false;
        }
        r = room_open(app, ret_asker->auth.who.meeting, &ret_asker->room);
        if (r < 0) {
                reply_failure(conn, r);
                return false;
        }
        if (auth_permissions(ret_asker->room, &ret_asker->auth.who, &ret_asker->permissions) != 0) {
                reply_error(conn, 403, "removed", "a host has ended this seat");
                return false;
        }
        return true;
}

bool asker_admit_to(struct app *app, struct http_conn *conn, const struct http_request *req,
                    const char *meeting, struct asker *ret_asker)
{
        if (!asker_admit(app, conn, req, ret_asker))
                return false;
        if (strcmp(ret_asker->auth.who.meeting, meeting) == 0)
                return true;
        reply_error(conn, 403, "forbidden", "the token is of another meeting");
        return false;
}

bool asker_may_change(struct http_conn *conn, const struct http_request *req,
                      const struct asker *asker)
{
        if (auth_may_change(req, &asker->auth))
                return true;
        reply_error(conn, 403, "origin-forbidden", "not from this page");
        return false;
}

bool asker_has(struct http_conn *conn, const struct asker *asker, unsigned permissions)
{
        if ((asker->permissions & permissions) == permissions)
                return true;
        reply_error(conn, 403, "forbidden", "the role does not allow it");
        return false;
}

json_t *asker_body(struct http_conn *conn, const struct http_request *req, size_t max_bytes)
{
        json_t *body = req->body.len <= max_bytes
                               ? json_loadb((const char *)req->body.data, req->body.len,
                                            JSON_REJECT_DUPLICATES, NULL)
                               : NULL;

        if (json_is_object(body))
                return body;
        json_decref(body);
        reply_error(conn, 400, "bad-json", "a JSON object is needed");
        return NULL;
}

bool asker_admit_host(struct app *app, struct http_conn *conn, const struct http_request *req,
                      const char *meeting, struct asker *ret_asker)
{
        return asker_admit_to(app, conn, req, meeting, ret_asker) &&
               asker_may_change(conn, req, ret_asker) && asker_has(conn, ret_asker, PERM_MODERATE);
}

const char *asker_id(const struct asker *asker)
{
        return asker->auth.who.seat[0] ? asker->auth.who.seat : ASKER_WITHOUT_SEAT;
}
