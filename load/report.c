/* SPDX-License-Identifier: Apache-2.0 */
#include "load/report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

/* What we call too much. A conversation bears 150 ms one way (ITU-T G.114); 1 in
 * 1,000 packets lost is the least that ears notice. */
enum { LATE_SOUND_US = 150 * 1000, OWN_LATE_US = 20 * 1000 };
#define LOSS_BOUND 0.001
#define WITHHELD_BOUND 0.01
#define OWN_CPU_BOUND 0.9
#define WAITED_BOUND 0.1

static int64_t sum_lost(const struct tally *tally)
{
        return meter_lost(&tally->counts[TALLY_SOUND]) + meter_lost(&tally->counts[TALLY_PICTURE]);
}

static uint64_t sum_corrupted(const struct tally *tally)
{
        return tally->counts[TALLY_SOUND].corrupted + tally->counts[TALLY_PICTURE].corrupted;
}

uint64_t report_received(const struct report *report)
{
        const struct meter_counts *counts = report->steady->counts;

        return counts[TALLY_SOUND].unique + counts[TALLY_PICTURE].unique;
}

double report_loss(const struct report *report)
{
        const struct meter_counts *counts = report->steady->counts;
        uint64_t expected = counts[TALLY_SOUND].expected + counts[TALLY_PICTURE].expected;
        int64_t lost = sum_lost(report->steady);

        return expected > 0 && lost > 0 ? (double)lost / (double)expected : 0;
}

/* Of the pictures' packets, by a server that takes the lines for narrow. */
static double withheld(const struct report *report)
{
        const struct meter_counts *c = &report->steady->counts[TALLY_PICTURE];
        uint64_t n = c->withheld + c->expected;

        return n > 0 ? (double)c->withheld / (double)n : 0;
}

static bool is_narrow(const struct report *report)
{
        const unsigned *without = report->watchers.without;

        return without[TALLY_SOUND] + without[TALLY_PICTURE] > 0 ||
               withheld(report) > WITHHELD_BOUND;
}

static double own_cpu(const struct report *report)
{
        return (double)report->own_ns / 1e9 / report->seconds;
}

static double server_cpu(const struct report *report)
{
        const struct report_usage *server = &report->server;

        return (double)(server->end.cpu_ns - server->begin.cpu_ns) / 1e9 / report->seconds;
}

/* How much of the time somebody else had their core. */
static double server_waited(const struct report *report)
{
        const struct report_usage *server = &report->server;

        return (double)(server->end.waited_ns - server->begin.waited_ns) / 1e9 / report->seconds;
}

static double own_waited(const struct report *report)
{
        return (double)report->own_waited_ns / 1e9 / report->seconds;
}

static double us_per_packet(const struct report *report)
{
        uint64_t n = report_received(report);

        return n ? server_cpu(report) * report->seconds * 1e6 / (double)n : 0;
}

static double kb_per_session(const struct report *report)
{
        const struct report_usage *server = &report->server;
        unsigned n = report->watchers.ok;

        return n ? (double)(server->end.resident_kb - server->before_joins.resident_kb) / n : 0;
}

/* Both measure nothing when other programs have their cores. */
static bool crowded(const struct report *report)
{
        return server_waited(report) > WAITED_BOUND || own_waited(report) > WAITED_BOUND;
}

enum report_limit report_limit(const struct report *report)
{
        const struct tally *steady = report->steady;
        bool late = histogram_at(&steady->latency[TALLY_SOUND], 990) > LATE_SOUND_US ||
                    report_loss(report) > LOSS_BOUND;
        bool breathless = own_cpu(report) > OWN_CPU_BOUND || steady->socket_drops > 0 ||
                          steady->send_failed > 0 ||
                          histogram_at(&steady->lateness, 990) > OWN_LATE_US;

        if (report->dead)
                return REPORT_DEAD;
        if (breathless)
                return crowded(report) ? REPORT_CROWDED : REPORT_GENERATOR;
        if (report->watchers.failed + report->publishers.failed + report->watchers.lost +
                    report->publishers.lost >
            0)
                return REPORT_JOINS;
        if ((late || is_narrow(report)) && crowded(report))
                return REPORT_CROWDED;
        if (late || sum_corrupted(steady) > 0)
                return REPORT_SERVER;
        return is_narrow(report) ? REPORT_NARROW : REPORT_NO_LIMIT;
}

struct verdict {
        const char *word;
        char vi[400], en[400];
};

/* Where the figures say nothing of what the server holds. */
static void judge_void(const struct report *report, struct verdict *ret)
{
        enum report_limit limit = report_limit(report);
        double waited = 100 * (server_waited(report) + own_waited(report));

        if (limit == REPORT_DEAD) {
                ret->word = "dead";
                snprintf(
                        ret->vi, sizeof(ret->vi),
                        "Máy chủ đã chết hoặc ngừng trả lời giữa chừng, cả %u kết nối đều mất: hãy "
                        "xem nhật ký của máy chủ; các số đo khác không có ý nghĩa.",
                        report->watchers.ok + report->publishers.ok);
                snprintf(ret->en, sizeof(ret->en),
                         "The server died or stopped answering during the run, and all %u "
                         "connections with it: see its log; the other figures mean nothing.",
                         report->watchers.ok + report->publishers.ok);
        } else if (limit == REPORT_CROWDED) {
                ret->word = "crowded";
                snprintf(ret->vi, sizeof(ret->vi),
                         "Chương trình khác trên máy đã chiếm CPU (chờ %.0f %% thời gian): kết quả "
                         "không đáng tin, hãy đo lại khi máy rảnh.",
                         waited);
                snprintf(ret->en, sizeof(ret->en),
                         "Other programs had the CPU (%.0f %% of the time was spent waiting for "
                         "it): the result means little, measure again on a quiet machine.",
                         waited);
        } else {
                ret->word = "generator";
                snprintf(
                        ret->vi, sizeof(ret->vi),
                        "Máy tạo tải đã tới giới hạn của chính nó, nên kết quả không nói được gì về "
                        "máy chủ: chạy dinh load trên máy khác hoặc giảm số đại biểu.");
                snprintf(ret->en, sizeof(ret->en),
                         "The generator itself was the limit, so this says nothing about the "
                         "server: run dinh load on another machine, or with fewer delegates.");
        }
}

static void judge(const struct report *report, struct verdict *ret)
{
        unsigned n = report->watchers.ok, failed = report->watchers.failed + report->watchers.lost +
                                                   report->publishers.failed +
                                                   report->publishers.lost;
        double loss = 100 * report_loss(report);
        double late_ms = (double)histogram_at(&report->steady->latency[TALLY_SOUND], 990) / 1e3;

        switch (report_limit(report)) {
        case REPORT_NO_LIMIT:
                ret->word = "none";
                snprintf(ret->vi, sizeof(ret->vi),
                         "Máy chủ phục vụ tốt %u đại biểu ở mức này; có thể thử số lớn hơn.", n);
                snprintf(ret->en, sizeof(ret->en),
                         "The server holds %u delegates well under this load; try more.", n);
                break;
        case REPORT_JOINS:
                ret->word = "joins";
                snprintf(ret->vi, sizeof(ret->vi),
                         "%u kết nối không vào được hoặc bị rớt: xem lý do ở trên.", failed);
                snprintf(ret->en, sizeof(ret->en),
                         "%u connections failed or were lost: the reasons are above.", failed);
                break;
        case REPORT_SERVER:
                ret->word = "server";
                snprintf(ret->vi, sizeof(ret->vi),
                         "Máy chủ (hoặc đường truyền) quá tải với %u đại biểu: mất %.2f %% gói, "
                         "tiếng trễ %.0f ms.",
                         n, loss, late_ms);
                snprintf(ret->en, sizeof(ret->en),
                         "The server (or the network) is overloaded by %u delegates: %.2f %% of "
                         "packets lost, sound %.0f ms late.",
                         n, loss, late_ms);
                break;
        case REPORT_NARROW:
                ret->word = "narrow";
                snprintf(ret->vi, sizeof(ret->vi),
                         "Chưa đạt mức tải này: khi đo xong %u đại biểu không có đủ hình, %u không "
                         "có tiếng; %.1f %% gói hình bị giữ lại. Có lẽ máy chủ coi đường truyền là "
                         "hẹp.",
                         report->watchers.without[TALLY_PICTURE],
                         report->watchers.without[TALLY_SOUND], 100 * withheld(report));
                snprintf(ret->en, sizeof(ret->en),
                         "This load was not reached: at the end %u delegates had not all pictures, "
                         "%u no sound; %.1f %% of the pictures' packets were withheld. The server "
                         "took the lines for narrow, most likely.",
                         report->watchers.without[TALLY_PICTURE],
                         report->watchers.without[TALLY_SOUND], 100 * withheld(report));
                break;
        case REPORT_DEAD:
        case REPORT_GENERATOR:
        case REPORT_CROWDED:
                judge_void(report, ret);
                break;
        }
}

/* ---- as text ---- */

static void print_times(const char *what, const struct histogram *h)
{
        if (h->n > 0)
                printf("  %-28s p50 %8.2f ms   p99 %8.2f ms   max %8.2f ms\n", what,
                       (double)histogram_at(h, 500) / 1e3, (double)histogram_at(h, 990) / 1e3,
                       (double)h->max_us / 1e3);
}

static void print_joins(const char *who, const struct report_joins *joins)
{
        if (joins->ok + joins->failed == 0)
                return;
        printf("%s: %u in, %u failed, %u lost later, in %.1f s; told to slow down %u times\n", who,
               joins->ok, joins->failed, joins->lost, joins->seconds, joins->too_fast);
        for (size_t i = 0; i < REPORT_REASONS && joins->reasons[i][0]; i++)
                printf("  failed: %s\n", joins->reasons[i]);
        print_times("join to connected", &joins->connected);
        print_times("join to first sound", &joins->first_sound);
        print_times("join to first picture", &joins->first_picture);
        if (joins->without[TALLY_SOUND] + joins->without[TALLY_PICTURE] > 0)
                printf("  at the end of the measurement %u did not get all pictures, %u no sound\n",
                       joins->without[TALLY_PICTURE], joins->without[TALLY_SOUND]);
}

static void print_counts(const char *what, const struct meter_counts *c, uint64_t sent)
{
        int64_t lost = meter_lost(c);

        printf("  %-8s %9" PRIu64 " %10" PRIu64 " %10" PRIu64 " %6" PRId64 " %7.3f%% %6" PRIu64
               " %6" PRIu64 " %6" PRIu64 " %7" PRIu64 "\n",
               what, sent, c->expected, c->unique, lost,
               c->expected ? 100.0 * (double)lost / (double)c->expected : 0, c->corrupted,
               c->duplicates, c->reordered, c->repaired);
}

static void print_media(const struct report *report)
{
        const struct tally *t = report->steady;

        printf("Media, %.1f s:\n  %-8s %9s %10s %10s %6s %8s %6s %6s %6s %7s\n", report->seconds,
               "", "sent", "expected", "received", "lost", "", "corr.", "dup.", "reord.",
               "repaired");
        print_counts("sound", &t->counts[TALLY_SOUND], t->sent[TALLY_SOUND]);
        print_counts("picture", &t->counts[TALLY_PICTURE], t->sent[TALLY_PICTURE]);
        if (t->counts[TALLY_PICTURE].withheld > 0)
                printf("  %" PRIu64 " packets of pictures were withheld by the server: it took the "
                       "lines for narrow\n",
                       t->counts[TALLY_PICTURE].withheld);
        print_times("latency of sound", &t->latency[TALLY_SOUND]);
        print_times("latency of pictures", &t->latency[TALLY_PICTURE]);
        print_times("sound while joining", &report->joining->latency[TALLY_SOUND]);
        print_times("pictures while joining", &report->joining->latency[TALLY_PICTURE]);
}

static void print_server(const struct report *report)
{
        const struct report_usage *server = &report->server;

        if (!server->known)
                return;
        printf("Server: %.1f %% of a core (and waited %.1f %% for one)", 100 * server_cpu(report),
               100 * server_waited(report));
        if (report_received(report) > 0)
                printf(", %.2f us per forwarded packet", us_per_packet(report));
        if (!server->end.has_instructions)
                printf(", instructions n/a (this machine does not count them)");
        else if (report_received(report) > 0)
                printf(", %.0f instructions%s",
                       (double)(server->end.instructions - server->begin.instructions) /
                               (double)report_received(report),
                       server->end.kernel_too ? "" : " (without the kernel's)");
        printf("; %" PRId64 " kB, %.1f kB a session\n", server->end.resident_kb,
               kb_per_session(report));
}

static void print_generator(const struct report *report)
{
        const struct tally *t = report->steady;

        printf("Generator: %.1f %% of a core (and waited %.1f %% for one), late by p99 %.2f ms, %" PRIu64
               " datagrams dropped by its own sockets; GRO %s (%" PRIu64
               " trains); feedback for congestion control %s\n",
               100 * own_cpu(report), 100 * own_waited(report),
               (double)histogram_at(&t->lateness, 990) / 1e3, t->socket_drops,
               report->params->trains ? "on" : "off", t->trains, report->feedback ? "on" : "off");
}

static void print_parameters(const struct report *report)
{
        const struct load_params *p = report->params;

        printf("%u publishers, %u subscribers", p->publishers, report->subscribers);
        for (unsigned i = 0; i < p->n_layers && p->video && p->publishers; i++)
                printf("%s%u", i ? " + " : ", VP8 ", p->video_kbps[i]);
        if (p->video && p->publishers)
                printf(" kbit/s, %u fps, a key frame of %u ordinary ones every %u s, pacing %g",
                       p->fps, p->keyframe_ratio, p->keyframe_seconds, p->pacing);
        printf("%s\n", p->sound && p->publishers ? ", Opus 40 kbit/s" : "");
}

void report_print(const struct report *report)
{
        struct verdict verdict;

        judge(report, &verdict);
        print_parameters(report);
        print_joins("Publishers", &report->publishers);
        print_joins("Subscribers", &report->watchers);
        print_media(report);
        print_server(report);
        print_generator(report);
        printf("\n%s\n%s\n", verdict.vi, verdict.en);
}

void report_print_step(const struct report *report)
{
        const struct tally *t = report->steady;

        printf("%5u subscribers: lost %.3f %%, sound p99 %.1f ms, pictures p99 %.1f ms",
               report->watchers.ok, 100 * report_loss(report),
               (double)histogram_at(&t->latency[TALLY_SOUND], 990) / 1e3,
               (double)histogram_at(&t->latency[TALLY_PICTURE], 990) / 1e3);
        if (report->server.known)
                printf(", server %.0f %%", 100 * server_cpu(report));
        printf(", generator %.0f %% of a core\n", 100 * own_cpu(report));
        fflush(stdout);
}

/* ---- as JSON ---- */

static json_t *times_json(const struct histogram *h)
{
        if (h->n == 0)
                return json_null();
        return json_pack("{s:f,s:f,s:f}", "p50", (double)histogram_at(h, 500) / 1e3, "p99",
                         (double)histogram_at(h, 990) / 1e3, "max", (double)h->max_us / 1e3);
}

static json_t *joins_json(const struct report_joins *joins)
{
        json_t *reasons = json_array();

        for (size_t i = 0; i < REPORT_REASONS && joins->reasons[i][0]; i++)
                json_array_append_new(reasons, json_string(joins->reasons[i]));
        return json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:f,s:o,s:o,s:o,s:o}", "ok", joins->ok, "failed",
                         joins->failed, "lost", joins->lost, "too_fast", joins->too_fast,
                         "without_sound", joins->without[TALLY_SOUND], "without_picture",
                         joins->without[TALLY_PICTURE], "seconds", joins->seconds, "connected_ms",
                         times_json(&joins->connected), "first_sound_ms",
                         times_json(&joins->first_sound), "first_picture_ms",
                         times_json(&joins->first_picture), "reasons", reasons);
}

static json_t *counts_json(const struct tally *tally, enum tally_kind kind)
{
        const struct meter_counts *c = &tally->counts[kind];

        return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "sent",
                         (json_int_t)tally->sent[kind], "expected", (json_int_t)c->expected,
                         "received", (json_int_t)c->unique, "lost", (json_int_t)meter_lost(c),
                         "corrupted", (json_int_t)c->corrupted, "duplicates",
                         (json_int_t)c->duplicates, "reordered", (json_int_t)c->reordered,
                         "repaired", (json_int_t)c->repaired, "repeated", (json_int_t)c->repeated,
                         "withheld", (json_int_t)c->withheld, "switches", (json_int_t)c->switches,
                         "latency_ms", times_json(&tally->latency[kind]));
}

static json_t *server_json(const struct report *report)
{
        const struct report_usage *server = &report->server;
        uint64_t n = report_received(report);
        json_t *instructions = json_null();

        if (!server->known)
                return json_null();
        if (server->end.has_instructions && n > 0)
                instructions = json_real(
                        (double)(server->end.instructions - server->begin.instructions) /
                        (double)n);
        return json_pack(
                "{s:f,s:f,s:f,s:f,s:o,s:b,s:I,s:f}", "cpu_percent", 100 * server_cpu(report),
                "waited_percent", 100 * server_waited(report), "media_cpu_percent",
                (double)(server->end.media_ns - server->begin.media_ns) / 1e7 / report->seconds,
                "us_per_packet", us_per_packet(report), "instructions_per_packet", instructions,
                "instructions_of_kernel_too", server->end.kernel_too, "resident_kb",
                (json_int_t)server->end.resident_kb, "kb_per_session", kb_per_session(report));
}

static json_t *generator_json(const struct report *report)
{
        const struct tally *t = report->steady;

        return json_pack("{s:f,s:f,s:o,s:I,s:I,s:b,s:I,s:b,s:I,s:I,s:I,s:I,s:I}", "cpu_percent",
                         100 * own_cpu(report), "waited_percent", 100 * own_waited(report),
                         "lateness_ms", times_json(&t->lateness), "socket_drops",
                         (json_int_t)t->socket_drops, "send_failed", (json_int_t)t->send_failed,
                         "gro", report->params->trains, "trains", (json_int_t)t->trains, "feedback",
                         report->feedback, "feedback_sent", (json_int_t)t->feedback_out,
                         "nacks_sent", (json_int_t)t->nacks_out, "probes", (json_int_t)t->probes,
                         "key_frames", (json_int_t)t->key_frames, "bad", (json_int_t)t->bad);
}

static json_t *parameters_json(const struct report *report)
{
        const struct load_params *p = report->params;
        json_t *kbps = json_array();

        for (unsigned i = 0; i < p->n_layers && p->video; i++)
                json_array_append_new(kbps, json_integer(p->video_kbps[i]));
        return json_pack("{s:i,s:i,s:i,s:i,s:i,s:o,s:b,s:i,s:i,s:i,s:f}", "publishers",
                         p->publishers, "subscribers", report->subscribers, "watched", p->watched,
                         "pictures", p->pictures, "height", p->height, "video_kbps", kbps, "sound",
                         p->sound, "fps", p->fps, "keyframe_seconds", p->keyframe_seconds,
                         "keyframe_ratio", p->keyframe_ratio, "pacing", p->pacing);
}

void report_print_json(const struct report *report)
{
        struct verdict verdict;
        json_t *json;

        judge(report, &verdict);
        json = json_pack("{s:o,s:o,s:o,s:f,s:o,s:o,s:{s:o,s:o},s:I,s:f,s:o,s:o,s:s,s:s,s:s}",
                         "parameters", parameters_json(report), "publishers",
                         joins_json(&report->publishers), "subscribers",
                         joins_json(&report->watchers), "seconds", report->seconds, "sound",
                         counts_json(report->steady, TALLY_SOUND), "picture",
                         counts_json(report->steady, TALLY_PICTURE), "while_joining", "sound_ms",
                         times_json(&report->joining->latency[TALLY_SOUND]), "picture_ms",
                         times_json(&report->joining->latency[TALLY_PICTURE]), "forwarded_packets",
                         (json_int_t)report_received(report), "loss", report_loss(report), "server",
                         server_json(report), "generator", generator_json(report), "limit",
                         verdict.word, "verdict_vi", verdict.vi, "verdict_en", verdict.en);
        json_dumpf(json, stdout, JSON_INDENT(1));
        putchar('\n');
        json_decref(json);
}
