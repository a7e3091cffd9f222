/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/line.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sfu/wire/rtcp.h"
#include "sfu/wire/rtcp_ccfb.h"
#include "sfu/wire/rtcp_tcc.h"
#include "sfu/wire/seq.h"

enum {
        LEVELS = 2 * LINE_LAYERS,
        FRAME_US = 40 * 1000,
        VOICE_US = 20 * 1000,
        VOICE_BYTES = 124, /* 24 kbit/s of Opus, RTP with extensions, GCM tag, UDP, IP */
        PACKET_BYTES = 1180,
        PADDING_BYTES = 300, /* a padding packet holds 255 */
        KEY_FACTOR = 10,
        KEY_COMES_US = 120 * 1000,
        PACE_BPS = 5 * 2550 * 1000 / 2,
        UNDER_WAY = 1 << 15,
        REPORTS = 512,
        REPORT_CAP = 1500,
        WINDOW = 1024, /* numbers in one report */
        MAX_ARRIVALS = 8192,
        VOICE_STREAM = 0,
        RTX_STREAM = LINE_MAX_CAMS + 1,
        STREAMS = LINE_MAX_CAMS + 2,
        FIRST_SSRC = 1000,
};

static const uint32_t layer_bps[LINE_LAYERS] = { 150000, 600000, 1800000 };

struct cam {
        int level;         /* allocated; -1: paused */
        int layer, wanted; /* of the stream; -1: paused */
        uint32_t n_frames;
        int64_t key_us; /* of the wanted layer */
        int64_t next_us;
        double debt; /* bytes that a key frame took ahead */
        double backlog, pace;
        uint16_t rtp_seq;
};

struct flying {
        int64_t at_us;
        uint16_t seq, bytes, rtp_seq;
        uint8_t stream;
        bool numbered;
};

struct report {
        int64_t at_us;
        size_t len;
        uint8_t data[REPORT_CAP];
};

/* What the receiver knows of one stream, or of all by their transport-wide numbers. */
struct heard {
        bool started;
        struct seq16_unwrapper unwrap;
        int64_t base, newest;       /* next to report, newest here */
        int64_t arrivals_us[65536]; /* NOT_HERE, or when */
};

struct line {
        const struct line_config *config;
        struct line_result *result;
        uint64_t random;
        int64_t now_us;
        struct cc *cc;
        struct link *link;

        struct cam cams[LINE_MAX_CAMS];
        int64_t up_us, hold_us, hold_until_us; /* no layer is added before */
        uint64_t hold_bps;                     /* unless there is so much */
        int64_t voice_us;
        uint16_t voice_seq, rtx_seq;
        double rtx_backlog;
        double rtx_tokens;
        uint64_t rtx_sent; /* in the last second or so */
        bool is_video[65536];

        struct flying *flying; /* ring, in order of arrival */
        uint32_t first, last;

        /* The receiver. */
        struct heard *heard; /* one, or one for each stream */
        int64_t next_report_us, report_gap_us;
        uint32_t received_bytes;
        uint8_t fb_count;
        struct report reports[REPORTS];
        uint32_t first_report, last_report;

        struct line_row row;
        uint64_t row_wait_us, row_waits, row_sent, row_received, row_padding, row_cross;
        int64_t lost_before;
};

#define NOT_HERE RTCP_TCC_LOST
_Static_assert(RTCP_TCC_LOST == CC_LOST && RTCP_CCFB_LOST == CC_LOST, "one word for it");

static double noise(struct line *line)
{
        return 0.75 + 0.5 * link_random(&line->random) / 4294967296.0;
}

/* ---- the SFU */

static void note_wait(struct line *line, int64_t wait_us)
{
        struct line_result *result = line->result;

        line->row_wait_us += (uint64_t)wait_us;
        line->row_waits++;
        if (wait_us > line->row.max_wait_us)
                line->row.max_wait_us = (int32_t)wait_us;
        if (result->n_waits == result->cap_waits) {
                result->cap_waits = result->cap_waits ? result->cap_waits * 2 : 65536;
                result->waits = realloc(result->waits, result->cap_waits * sizeof(*result->waits));
                assert(result->waits);
        }
        result->waits[result->n_waits].row = (uint32_t)result->n_rows;
        result->waits[result->n_waits++].us = (int32_t)wait_us;
}

static void put_flying(struct line *line, const struct flying *flying)
{
        uint32_t i = line->last++;

        assert(line->last - line->first < UNDER_WAY);
        for (; i != line->first && line->flying[(i - 1) % UNDER_WAY].at_us > flying->at_us; i--)
                line->flying[i % UNDER_WAY] = line->flying[(i - 1) % UNDER_WAY];
        line->flying[i % UNDER_WAY] = *flying;
}

static void send_packet(struct line *line, uint32_t bytes, uint8_t stream, uint16_t rtp_seq,
                        bool numbered)
{
        struct flying flying = {
                .bytes = (uint16_t)bytes, .stream = stream, .rtp_seq = rtp_seq, .numbered = numbered
        };
        int64_t wait_us;

        if (numbered) {
                flying.seq = cc_on_sent(line->cc, bytes, stream, rtp_seq, line->now_us);
                line->is_video[flying.seq] = stream != VOICE_STREAM && stream != RTX_STREAM;
        }
        line->row_sent += bytes;
        line->row.n_sent++;
        if (link_send(line->link, bytes, line->now_us, &flying.at_us, &wait_us))
                put_flying(line, &flying);
        else
                line->row.n_lost++;
        note_wait(line, wait_us);
        line->result->n_packets++;
}

static bool cams_wanted(const struct line *line)
{
        const struct line_config *config = line->config;

        return line->now_us >= config->cams_from_us &&
               (config->cams_to_us == 0 || line->now_us < config->cams_to_us);
}

/* Levels: each layer with half its frames (60 % of its bits), then with all. */
static uint64_t cost(int level)
{
        if (level < 0)
                return 0;
        return level % 2 ? layer_bps[level / 2] : layer_bps[level / 2] * 6 / 10;
}

static int layer_of(int level)
{
        return level < 0 ? -1 : level / 2;
}

static void want(struct line *line, struct cam *cam, int level)
{
        int layer = layer_of(level);

        cam->level = level;
        if (cam->wanted == layer)
                return;
        if (layer < cam->wanted && !cams_wanted(line)) {
                line->hold_us = line->hold_until_us = 0;
        } else if (layer < cam->wanted && line->now_us > line->hold_until_us) {
                /* What has just failed is not tried again at once. */
                bool soon = line->now_us - line->up_us < 10000000;

                line->hold_us = !soon || line->hold_us == 0 ? 4000000 : line->hold_us * 2;
                if (line->hold_us > 64000000)
                        line->hold_us = 64000000;
                line->hold_bps = cc_target_bps(line->cc) * 3 / 2;
                line->hold_until_us = line->now_us + line->hold_us;
        }
        cam->wanted = layer;
        cam->key_us = line->now_us + KEY_COMES_US;
        line->result->n_switches++;
        if (layer < 0)
                cam->layer = -1; /* a pause needs no key frame */
}

/* As the allocator: each camera's next layer in turn while it fits, with some room
 * before something is added. */
static void allocate(struct line *line)
{
        const struct line_config *config = line->config;
        uint64_t left = cc_target_bps(line->cc), used = config->silent ? 0 : 50000, wanted = used;
        int levels[LINE_MAX_CAMS];

        for (size_t i = 0; i < config->n_cams; i++)
                levels[i] = -1;
        if (config->elastic) {
                cc_set_demand(line->cc, left, CC_MAX_BPS);
                return;
        }
        /* Repairs are paid from the same purse. */
        used += line->rtx_sent * 8;
        line->rtx_sent -= line->rtx_sent / 50;
        left = left > used ? left - used : 0;
        if (left > line->hold_bps)
                line->hold_until_us = 0;
        for (int level = 0; cams_wanted(line) && level < LEVELS; level++) {
                for (size_t i = 0; i < config->n_cams; i++) {
                        uint64_t more = cost(level) - cost(level - 1);
                        bool has = line->cams[i].level >= level;
                        bool new_layer = layer_of(level) > line->cams[i].wanted;

                        if (levels[i] != level - 1 || left < (has ? more : more + more / 10) ||
                            (new_layer && line->now_us < line->hold_until_us) ||
                            (new_layer && layer_of(level) > 0 &&
                             line->now_us - line->up_us < 300000))
                                continue;
                        if (new_layer && layer_of(level) > 0)
                                line->up_us = line->now_us; /* key frames one by one */
                        levels[i] = level;
                        left -= more;
                        used += more;
                }
        }
        if (cams_wanted(line))
                wanted += config->n_cams * cost(LEVELS - 1);
        line->row.n_shown = 0;
        for (size_t i = 0; i < config->n_cams; i++) {
                want(line, &line->cams[i], levels[i]);
                line->row.n_shown += (int8_t)(levels[i] >= 0);
        }
        cc_set_demand(line->cc, used, wanted);
}

static void make_frame(struct line *line, struct cam *cam, uint64_t rate_bps)
{
        double mean = (double)rate_bps * FRAME_US / 8e6, bytes = mean * noise(line);
        bool key = cam->wanted != cam->layer && line->now_us >= cam->key_us;

        if (line->config->key_every_us &&
            line->now_us / line->config->key_every_us !=
                    (line->now_us - FRAME_US) / line->config->key_every_us)
                key = true;
        if (key && cam->wanted != cam->layer) {
                cam->layer = cam->wanted;
                mean = (double)cost(2 * cam->layer + 1) * FRAME_US / 8e6;
                cam->backlog = 0;
        }
        if (key) {
                bytes = mean * KEY_FACTOR;
                cam->debt = bytes - mean;
        } else if (!line->config->elastic) {
                bool is_base = cam->n_frames++ % 2 == 0;

                if (!is_base && cam->level == 2 * cam->layer)
                        return;
                bytes *= is_base ? 1.2 : 0.8;
        }
        if (!key && cam->debt > 0) { /* paid back over a second */
                bytes *= 0.64;
                cam->debt -= mean * 0.36;
        }
        cam->backlog += bytes;
}

static void run_cam(struct line *line, size_t i)
{
        struct cam *cam = &line->cams[i];
        uint64_t rate_bps = cam->layer < 0 ? 0 : layer_bps[cam->layer];

        if (line->config->elastic) {
                uint64_t target = cc_target_bps(line->cc);

                rate_bps = i == 0 && target > 50000 ? (target - 50000) * 95 / 100 : 0;
        }
        if (line->now_us >= cam->next_us) {
                cam->next_us += FRAME_US;
                if (rate_bps > 0 || cam->wanted >= 0)
                        make_frame(line, cam, rate_bps);
        }
        cam->pace = cam->backlog > 0 ? cam->pace + PACE_BPS / 8e3 : 0;
        while (cam->backlog >= 1 && cam->pace > 0) {
                uint32_t bytes = cam->backlog > PACKET_BYTES ? PACKET_BYTES
                                                             : (uint32_t)cam->backlog;

                cam->backlog -= bytes;
                cam->pace -= bytes + 75;
                send_packet(line, bytes + 75, (uint8_t)(1 + i), cam->rtp_seq++, true);
        }
}

static void run_sender(struct line *line)
{
        size_t probe;

        if (line->now_us % 20000 == 0)
                allocate(line);
        if (!line->config->silent && line->now_us >= line->voice_us) {
                line->voice_us += VOICE_US;
                send_packet(line, VOICE_BYTES, VOICE_STREAM, line->voice_seq++,
                            !line->config->voice_unnumbered);
        }
        for (size_t i = 0; i < line->config->n_cams; i++)
                run_cam(line, i);
        /* Losses are sent once more, with a fifth of the rate at most. */
        line->rtx_tokens += (double)cc_target_bps(line->cc) / 5 / 8e3;
        if (line->rtx_tokens > 20000)
                line->rtx_tokens = 20000;
        for (; line->rtx_backlog >= 1 && line->rtx_tokens > PACKET_BYTES; line->rtx_backlog--) {
                line->rtx_tokens -= PACKET_BYTES;
                line->rtx_sent += PACKET_BYTES;
                send_packet(line, PACKET_BYTES, RTX_STREAM, line->rtx_seq++, true);
        }
        if (line->now_us >= cc_deadline_us(line->cc))
                cc_on_timeout(line->cc, line->now_us);
        for (probe = cc_probe_bytes(line->cc, line->now_us); probe > 0;) {
                uint32_t bytes = probe > 1000 ? PACKET_BYTES : PADDING_BYTES;

                send_packet(line, bytes, RTX_STREAM, line->rtx_seq++, true);
                line->row_padding += bytes;
                probe -= probe < bytes ? probe : bytes;
        }
}

static void take_tcc(struct line *line, const struct rtcp_pkt *pkt)
{
        static int64_t arrivals_us[MAX_ARRIVALS];
        struct rtcp_tcc tcc;
        size_t n;

        if (rtcp_parse_tcc(&tcc, arrivals_us, MAX_ARRIVALS, &n, pkt) != 0)
                abort();
        for (size_t i = 0; i < n; i++) {
                bool *is_video = &line->is_video[(uint16_t)(tcc.base_seq + i)];

                if (arrivals_us[i] == RTCP_TCC_LOST && *is_video)
                        line->rtx_backlog++;
                *is_video = false;
        }
        cc_on_tcc(line->cc, tcc.base_seq, arrivals_us, n, line->now_us);
}

static void take_ccfb(struct line *line, const struct rtcp_pkt *pkt)
{
        static int64_t arrivals_us[MAX_ARRIVALS];
        struct rtcp_ccfb_block block;
        struct rtcp_ccfb ccfb;

        if (rtcp_parse_ccfb(&ccfb, pkt) != 0)
                abort();
        while (rtcp_ccfb_next(&ccfb, &block)) {
                for (size_t i = 0; i < block.n; i++)
                        arrivals_us[i] = rtcp_ccfb_arrival_us(&ccfb, &block, i);
                cc_on_ccfb(line->cc, (uint8_t)(block.ssrc - FIRST_SSRC), block.begin_seq,
                           arrivals_us, block.n, line->now_us);
        }
        cc_on_ccfb_end(line->cc, line->now_us);
}

static void take_reports(struct line *line)
{
        while (line->first_report != line->last_report &&
               line->reports[line->first_report % REPORTS].at_us <= line->now_us) {
                struct report *report = &line->reports[line->first_report++ % REPORTS];
                struct rtcp_iter it = rtcp_iter_init(report->data, report->len);
                struct rtcp_pkt pkt;

                while (rtcp_next(&it, &pkt)) {
                        if (pkt.count == RTCP_FMT_CCFB)
                                take_ccfb(line, &pkt);
                        else
                                take_tcc(line, &pkt);
                }
                if (it.err)
                        abort();
        }
}

/* ---- the receiver */

static void hear(struct heard *heard, uint16_t seq, int64_t at_us)
{
        int64_t number = seq16_unwrap(&heard->unwrap, seq);

        if (!heard->started) {
                heard->started = true;
                heard->base = heard->newest = number;
        }
        if (number < heard->base)
                heard->base = number; /* late: it is reported after all */
        if (number > heard->newest)
                heard->newest = number;
        heard->arrivals_us[seq] = at_us;
}

/* What is to be reported now goes to a list and is forgotten. */
static size_t take_heard(struct heard *heard, uint16_t *ret_base, int64_t *ret_arrivals_us)
{
        size_t n = 0;

        *ret_base = (uint16_t)heard->base;
        for (; heard->started && heard->base <= heard->newest && n < WINDOW; heard->base++, n++) {
                int64_t *at_us = &heard->arrivals_us[(uint16_t)heard->base];

                ret_arrivals_us[n] = *at_us;
                *at_us = NOT_HERE;
        }
        return n;
}

static void receive(struct line *line)
{
        const struct line_config *config = line->config;

        while (line->first != line->last &&
               line->flying[line->first % UNDER_WAY].at_us <= line->now_us) {
                const struct flying *flying = &line->flying[line->first++ % UNDER_WAY];
                int64_t at_us = config->clock_us + flying->at_us +
                                flying->at_us * config->drift_ppm / 1000000;

                line->row_received += flying->bytes;
                line->received_bytes += flying->bytes;
                if (!flying->numbered)
                        continue;

                if (config->feedback == LINE_CCFB)
                        hear(&line->heard[flying->stream], flying->rtp_seq, at_us);
                else
                        hear(&line->heard[0], flying->seq, at_us);
        }
}

static void queue_report(struct line *line, const struct wr *w)
{
        const struct line_config *config = line->config;
        struct report *report = &line->reports[line->last_report % REPORTS];
        int64_t back_us = config->back_us ? config->back_us : config->link.steps[0].delay_us;

        if ((int)(link_random(&line->random) % 1000) < config->back_loss_permille ||
            (line->now_us >= config->dead_from_us && line->now_us < config->dead_to_us))
                return;
        assert(line->last_report - line->first_report < REPORTS);
        report->at_us = line->now_us + back_us;
        report->len = wr_len(w);
        line->last_report++;
}

static void write_tcc(struct line *line)
{
        static int64_t arrivals_us[WINDOW];
        const struct line_config *config = line->config;
        uint16_t base;
        size_t n = take_heard(&line->heard[0], &base, arrivals_us), done = 0;

        if (config->lie)
                config->lie(config->lie_data, &base, arrivals_us, &n, line->now_us);
        while (done < n) {
                struct report *report = &line->reports[line->last_report % REPORTS];
                struct wr w = wr_init(report->data, REPORT_CAP);
                struct rtcp_tcc tcc = { { 1, 2 }, (uint16_t)(base + done), line->fb_count++ };
                size_t some = n - done < 400 ? n - done : 400;
                size_t k = rtcp_write_tcc(&w, &tcc, arrivals_us + done, some);

                if (k == 0 || w.bad)
                        break;
                queue_report(line, &w);
                done += k;
        }
}

static void write_ccfb(struct line *line)
{
        static int64_t arrivals_us[WINDOW];
        struct report *report = &line->reports[line->last_report % REPORTS];
        struct wr w = wr_init(report->data, REPORT_CAP);
        struct rtcp_ccfb_writer writer = rtcp_ccfb_begin(&w, 1,
                                                         line->config->clock_us + line->now_us);
        uint16_t base;

        for (size_t i = 0; i < STREAMS; i++) {
                size_t n = take_heard(&line->heard[i], &base, arrivals_us);

                if (n > 0)
                        rtcp_ccfb_add(&writer, FIRST_SSRC + (uint32_t)i, base, arrivals_us, n);
        }
        rtcp_ccfb_end(&writer);
        if (!w.bad)
                queue_report(line, &w);
}

static void run_receiver(struct line *line)
{
        int64_t gap_us = line->config->report_us;

        receive(line);
        if (line->now_us < line->next_report_us)
                return;
        if (gap_us == 0) { /* Chromium: feedback of 68 bytes takes 5 % of the rate */
                double bps = line->received_bytes * 8e6 / (double)line->report_gap_us;

                gap_us = bps > 0 ? (int64_t)(68 * 8e6 / (0.05 * bps)) : 250000;
                gap_us = gap_us < 50000 ? 50000 : gap_us > 250000 ? 250000 : gap_us;
        }
        line->next_report_us = line->now_us + gap_us;
        line->report_gap_us = gap_us;
        line->received_bytes = 0;
        if (line->config->feedback == LINE_CCFB)
                write_ccfb(line);
        else
                write_tcc(line);
}

/* ---- rows */

static void end_row(struct line *line)
{
        struct line_result *result = line->result;
        struct line_row *row = &line->row;
        struct cc_info info;
        uint64_t cross = 0;

        cc_info(line->cc, &info);
        for (size_t i = 0; i < LINK_MAX_FLOWS; i++)
                cross += link_flow_bytes(line->link, i);
        row->capacity_bps = link_rate_bps(line->link, line->now_us);
        row->target_bps = info.target_bps;
        row->delay_bps = info.delay_bps;
        row->loss_bps = info.loss_bps;
        row->queue_us = info.queue_us;
        row->sent_bps = line->row_sent * 80;
        row->received_bps = line->row_received * 80;
        row->padding_bps = line->row_padding * 80;
        row->cross_bps = (cross - line->row_cross) * 80;
        row->layer = (int8_t)line->cams[0].layer;
        row->wait_us = line->row_waits ? (int32_t)(line->row_wait_us / line->row_waits) : 0;
        if (info.target_bps > result->max_target_bps)
                result->max_target_bps = info.target_bps;
        result->rows[result->n_rows++] = *row;
        line->row_cross = cross;
        line->row_sent = line->row_received = line->row_padding = 0;
        line->row_wait_us = line->row_waits = 0;
        *row = (struct line_row){ .n_shown = row->n_shown };
}

static struct line *line_open(const struct line_config *config, struct link *link, uint64_t seed,
                              struct line_result *result)
{
        struct line *line = calloc(1, sizeof(*line));

        assert(line && config->n_cams <= LINE_MAX_CAMS);
        *result = (struct line_result){ 0 };
        result->rows = calloc((size_t)(config->for_us / LINE_ROW_US) + 1, sizeof(*result->rows));
        line->flying = calloc(UNDER_WAY, sizeof(*line->flying));
        line->heard = malloc(STREAMS * sizeof(*line->heard));
        assert(result->rows && line->flying && line->heard);
        for (size_t i = 0; i < STREAMS; i++) {
                line->heard[i].started = line->heard[i].unwrap.started = false;
                for (size_t k = 0; k < 65536; k++)
                        line->heard[i].arrivals_us[k] = NOT_HERE;
        }
        line->config = config;
        line->link = link;
        line->result = result;
        line->random = seed * UINT64_C(0x2545f4914f6cdd1d) + 5;
        line->report_gap_us = 100000;
        if (cc_new(&line->cc, config->start_bps, 0) != 0)
                abort();
        for (size_t i = 0; i < LINE_MAX_CAMS; i++) {
                line->cams[i].level = line->cams[i].layer = line->cams[i].wanted = -1;
                line->cams[i].next_us = link_random(&line->random) % FRAME_US;
        }
        return line;
}

static void line_close(struct line *line)
{
        cc_info(line->cc, &line->result->info);
        cc_free(line->cc);
        free(line->flying);
        free(line->heard);
        free(line);
}

void line_run_together(const struct line_config *configs, size_t n, struct line_result *ret_results)
{
        uint64_t seed = configs[0].seed ? configs[0].seed : 1;
        cleanup(link_freep) struct link *link = NULL;
        struct line *lines[LINE_MAX_TOGETHER];

        assert(n > 0 && n <= LINE_MAX_TOGETHER);
        if (link_new(&link, &configs[0].link, seed) != 0)
                abort();
        for (size_t i = 0; i < n; i++)
                lines[i] = line_open(&configs[i], link, seed + 100 * i, &ret_results[i]);
        for (int64_t now_us = 0; now_us < configs[0].for_us; now_us += 1000) {
                link_run(link, now_us);
                for (size_t i = 0; i < n; i++) {
                        lines[i]->now_us = now_us;
                        run_sender(lines[i]);
                        run_receiver(lines[i]);
                        take_reports(lines[i]);
                        if (now_us % LINE_ROW_US == LINE_ROW_US - 1000)
                                end_row(lines[i]);
                }
        }
        for (size_t i = 0; i < n; i++)
                line_close(lines[i]);
}

void line_run(const struct line_config *config, struct line_result *ret_result)
{
        line_run_together(config, 1, ret_result);
}

void line_result_done(struct line_result *result)
{
        free(result->rows);
        free(result->waits);
        *result = (struct line_result){ 0 };
}

/* ---- what the tests ask */

uint64_t line_mean(const struct line_result *result, size_t offset, double from_s, double to_s)
{
        size_t from = (size_t)(from_s * 10 + 0.5), to = (size_t)(to_s * 10 + 0.5);
        uint64_t sum = 0, value;

        assert(from < to && to <= result->n_rows);
        for (size_t i = from; i < to; i++) {
                memcpy(&value, (const char *)&result->rows[i] + offset, sizeof(value));
                sum += value;
        }
        return sum / (to - from);
}

static int compare_i32(const void *a, const void *b)
{
        const int32_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

int32_t line_wait_percentile(const struct line_result *result, double from_s, double to_s,
                             int percent)
{
        int32_t *sorted = malloc(result->n_waits * sizeof(*sorted) + 1), value;
        size_t n = 0;

        assert(sorted);
        for (size_t i = 0; i < result->n_waits; i++) {
                if (result->waits[i].row >= from_s * 10 && result->waits[i].row < to_s * 10)
                        sorted[n++] = result->waits[i].us;
        }
        assert(n > 0);
        qsort(sorted, n, sizeof(*sorted), compare_i32);
        value = sorted[n * (size_t)percent / 100];
        free(sorted);
        return value;
}
