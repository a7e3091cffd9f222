/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/jobs_news.h"

#include <string.h>

#include "signaling/core/rooms.h"
#include "signaling/core/session.h"

static const char *const fields[N_JOBS_PARTS] = {
        [JOBS_RECORDING] = "recording", [JOBS_LIVE] = "live",       [JOBS_RTMP] = "rtmp",
        [JOBS_CAMERAS] = "cameras",     [JOBS_COMPOSE] = "compose",
};

void jobs_news_set(struct room *room, enum jobs_part part, json_t *value)
{
        json_t **now = &room->jobs.parts[part];
        bool same = value == *now || (value && *now && json_equal(value, *now));

        if (!same)
                room->jobs.changed = true;
        json_decref(*now);
        *now = value;
}

static json_t *part_json(const struct jobs_news *news, enum jobs_part part)
{
        if (news->parts[part])
                return json_incref(news->parts[part]);
        return part == JOBS_RECORDING || part == JOBS_LIVE ? json_null() : json_array();
}

static char *write_news(const struct jobs_news *news)
{
        json_t *object = json_pack("{s:s}", "type", "jobs");
        char *text;

        for (unsigned part = 0; part < N_JOBS_PARTS; part++)
                json_object_set_new(object, fields[part], part_json(news, (enum jobs_part)part));
        text = json_dumps(object, JSON_COMPACT);
        json_decref(object);
        return text;
}

static bool is_host(const struct room *room, const struct session *session)
{
        const struct meeting_seat *seat = session->member ? room_seat(room, session->member) : NULL;

        return seat && role_permissions(seat->role) & PERM_MODERATE;
}

void jobs_news_tick(struct room *room, int64_t now_ms)
{
        struct jobs_news *news = &room->jobs;
        char *text = NULL;

        if (news->changed && now_ms >= news->told_ms + JOBS_NEWS_MIN_MS) {
                news->changed = false;
                news->told_ms = now_ms;
                news->version++;
        }
        for (guint i = 0; i < room->sessions->len; i++) {
                struct session *session = g_ptr_array_index(room->sessions, i);

                if (session->jobs_version == news->version || !is_host(room, session))
                        continue;
                session->jobs_version = news->version;
                if (!text)
                        text = write_news(news);
                session_send(session, text ? g_strdup(text) : NULL);
        }
        free(text);
}

void jobs_news_done(struct jobs_news *news)
{
        for (unsigned part = 0; part < N_JOBS_PARTS; part++)
                json_decref(news->parts[part]);
        memset(news, 0, sizeof(*news));
}
