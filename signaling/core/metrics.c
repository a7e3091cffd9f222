/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/metrics.h"

#include <errno.h>

#include "sfu/jobs/jobs.h"
#include "signaling/core/live.h"
#include "signaling/core/replies.h"

#define NO_MEETING "00000000-0000-7000-8000-000000000000"

static void add(GString *text, const char *type, const char *name, double value)
{
        g_string_append_printf(text, "# TYPE dinh_%s %s\ndinh_%s %.15g\n", name, type, name, value);
}

static void add_counter(GString *text, const char *name, uint64_t value)
{
        add(text, "counter", name, (double)value);
}

static void add_gauge(GString *text, const char *name, double value)
{
        add(text, "gauge", name, value);
}

static void add_media(GString *text, const struct app *app)
{
        struct sfu_counters c;

        sfu_counters(app->sfu, &c);
        add_counter(text, "rtp_in_total", c.rtp_in);
        add_counter(text, "rtp_in_bytes_total", c.rtp_in_bytes);
        add_counter(text, "rtp_out_total", c.rtp_out);
        add_counter(text, "rtp_out_bytes_total", c.rtp_out_bytes);
        add_counter(text, "rtcp_in_total", c.rtcp_in);
        add_counter(text, "rtcp_out_total", c.rtcp_out);
        add_counter(text, "stun_ok_total", c.stun_ok);
        add_counter(text, "stun_bad_total", c.stun_bad);
        add_counter(text, "dtls_bad_total", c.dtls_bad);
        add_counter(text, "srtp_bad_total", c.srtp_bad);
        add_counter(text, "rtp_bad_total", c.rtp_bad);
        add_counter(text, "rtcp_bad_total", c.rtcp_bad);
        add_counter(text, "unknown_source_total", c.unknown_source);
        add_counter(text, "oversize_total", c.oversize);
        add_counter(text, "media_rate_limited_total", c.rate_limited);
        add_counter(text, "send_dropped_total", c.send_dropped);
        add_counter(text, "overtaken_total", c.overtaken);
        add_counter(text, "gso_messages_total", c.gso_messages);
        add_counter(text, "gso_segments_total", c.gso_segments);
        add_counter(text, "plain_messages_total", c.plain_messages);
        add_counter(text, "gro_messages_total", c.gro_messages);
        add_counter(text, "gro_segments_total", c.gro_segments);
        add_counter(text, "media_tcp_accepted_total", c.tcp_accepted);
        add_counter(text, "media_tcp_refused_total", c.tcp_refused);
        add_counter(text, "nack_in_total", c.nack_in);
        add_counter(text, "nack_out_total", c.nack_out);
        add_counter(text, "rtx_out_total", c.rtx_out);
        add_counter(text, "rtx_miss_total", c.rtx_miss);
        add_counter(text, "pli_in_total", c.pli_in);
        add_counter(text, "pli_out_total", c.pli_out);
        add_counter(text, "relayed_total", c.relayed);
        add_counter(text, "relay_dropped_total", c.relay_dropped);
        add_counter(text, "feedback_dropped_total", c.feedback_dropped);
        add_counter(text, "probe_bytes_total", c.probe_bytes);
        add_counter(text, "tap_records_total", c.tap_records);
        add_counter(text, "tap_dropped_total", c.tap_dropped);
        add_gauge(text, "media_peers", c.peers);
        add_gauge(text, "media_rooms", c.rooms);
        add_gauge(text, "media_taps", c.taps);
        add_gauge(text, "media_tcp_connections", c.tcp_open);
}

static void add_server(GString *text, const struct app *app)
{
        struct server_counters c = { 0 };

        if (app->server)
                server_counters(app->server, &c);
        add_counter(text, "http_requests_total", c.requests);
        add_counter(text, "http_bad_requests_total", c.bad_requests);
        add_counter(text, "connections_refused_total", c.refused_limits);
        add_counter(text, "ws_opened_total", c.ws_opened);
        add_counter(text, "ws_slow_closed_total", c.ws_slow_closed);
        add_counter(text, "http_in_bytes_total", c.bytes_in);
        add_counter(text, "http_out_bytes_total", c.bytes_out);
        add_counter(text, "live_requests_total", c.live_requests);
        add_counter(text, "live_out_bytes_total", c.live_bytes_out);
        add_gauge(text, "connections", c.connections);
        add_gauge(text, "ws_connections", c.ws_connections);
        add_counter(text, "messages_total", app->n_messages);
        add_counter(text, "bad_messages_total", app->n_bad_messages);
        add_counter(text, "too_fast_total", app->n_too_fast);
        add_counter(text, "flooders_closed_total", app->n_flooders);
        add_counter(text, "commit_failures_total", app->n_commit_failures);
}

static void add_documents(GString *text, const struct app *app)
{
        struct docs_counters c;

        docs_counters(app->docs, &c);
        add_counter(text, "uploads_total", c.uploads);
        add_counter(text, "upload_failures_total", c.upload_failures);
        add_counter(text, "conversions_total", c.conversions);
        add_counter(text, "conversion_failures_total", c.conversion_failures);
        add_gauge(text, "conversions_queued", c.queued);
        add_gauge(text, "last_conversion_seconds", (double)c.last_conversion_ms / 1000.0);
}

/* One series a kind of job. */
static void add_kinds(GString *text, const char *type, const char *name,
                      double (*value)(const struct jobs_counters *c, size_t kind),
                      const struct jobs_counters *c)
{
        g_string_append_printf(text, "# TYPE dinh_%s %s\n", name, type);
        for (size_t i = 0; i < N_JOB_KINDS; i++)
                g_string_append_printf(text, "dinh_%s{kind=\"%s\"} %.15g\n", name,
                                       job_kind_word((enum job_kind)i), value(c, i));
}

static double job_running(const struct jobs_counters *c, size_t kind)
{
        return c->running[kind];
}

static double job_started(const struct jobs_counters *c, size_t kind)
{
        return (double)c->started[kind];
}

static double job_failed(const struct jobs_counters *c, size_t kind)
{
        return (double)c->failed[kind];
}

static double job_cpu(const struct jobs_counters *c, size_t kind)
{
        return c->cpu_s[kind];
}

static void add_jobs(GString *text, const struct app *app)
{
        struct jobs_counters c;

        jobs_counters(app->jobs, &c);
        add_kinds(text, "gauge", "jobs_running", job_running, &c);
        add_kinds(text, "counter", "jobs_started_total", job_started, &c);
        add_kinds(text, "counter", "jobs_failed_total", job_failed, &c);
        add_kinds(text, "counter", "jobs_cpu_seconds_total", job_cpu, &c);
}

static void add_meetings(GString *text, const struct app *app)
{
        size_t seats = 0, online = 0, pending = 0, streams = 0, viewers = 0, recordings = 0;
        GHashTableIter iter;
        struct room *room;

        g_hash_table_iter_init(&iter, app->rooms);
        while (g_hash_table_iter_next(&iter, NULL, (void **)&room)) {
                seats += meeting_n_seats(room->state);
                online += meeting_n_online(room->state);
                pending += g_queue_get_length(&room->pending);
                streams += meeting_live(room->state)->on;
                viewers += live_viewers(room);
                recordings += meeting_recording(room->state)->id[0] != '\0';
        }
        add_gauge(text, "meetings_open", g_hash_table_size(app->rooms));
        add_gauge(text, "seats", (double)seats);
        add_gauge(text, "participants_online", (double)online);
        add_gauge(text, "sessions", g_hash_table_size(app->sessions));
        add_gauge(text, "recordings_on", (double)recordings);
        add_gauge(text, "live_streams", (double)streams);
        add_gauge(text, "live_viewers", (double)viewers);
        add_gauge(text, "store_events_waiting", (double)pending);
}

static void add_process(GString *text, const struct app *app)
{
        struct process_usage usage;

        app->usage(&usage);
        g_string_append_printf(text,
                               "# TYPE process_resident_memory_bytes gauge\n"
                               "process_resident_memory_bytes %lld\n"
                               "# TYPE process_cpu_seconds_total counter\n"
                               "process_cpu_seconds_total %.3f\n"
                               "# TYPE process_open_fds gauge\n"
                               "process_open_fds %u\n",
                               (long long)usage.resident_bytes, usage.cpu_s, usage.open_fds);
}

void metrics_reply(struct app *app, struct http_conn *conn)
{
        GString *text = g_string_sized_new(8192);
        struct http_response response = { .status = 200,
                                          .content_type = "text/plain; version=0.0.4" };

        add_media(text, app);
        add_server(text, app);
        add_documents(text, app);
        add_jobs(text, app);
        add_meetings(text, app);
        add_process(text, app);
        response.body = (struct span){ (const uint8_t *)text->str, text->len };
        http_reply(conn, &response);
        g_string_free(text, TRUE);
}

void metrics_ready(struct app *app, struct http_conn *conn)
{
        struct store_meeting meeting;
        int r = store_meeting_get(app->store, NO_MEETING, &meeting);
        bool ready = (r == 0 || r == -ENOENT) && sfu_port(app->sfu, 0) != 0 && !app->draining;

        if (ready)
                reply_json(conn, 200, json_pack("{s:s}", "status", "ready"), NULL, 0);
        else
                reply_error(conn, 503, "busy", app->draining ? "draining" : "store or media down");
}
