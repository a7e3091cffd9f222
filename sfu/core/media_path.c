/* SPDX-License-Identifier: Apache-2.0 */
/* A receiver's line: what we send is numbered, what the receiver reports of it
 * is judged by cc, and what cc wants sent to learn more is sent. */
#include "sfu/core/media_priv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sfu/wire/rtcp_ccfb.h"
#include "sfu/wire/rtcp_tcc.h"
#include "sfu/wire/rtp_ext.h"

enum {
        PACKET_OVERHEAD = 16 + 28, /* SRTP tag, UDP and IPv4 */
        STREAMS_PER_SLOT = 2,      /* media and RTX */

        /* Browsers report every 50 to 250 ms; a flood of reports is cut here. */
        REPORT_COST_US = 1000 * 1000 / 64,
        REPORT_BURST_US = 1000 * 1000,
        REPORT_SLACK = 2 * CC_HISTORY, /* numbers reported, on top of twice those sent */

        FULL_QUEUE_US = 100 * 1000,
        NARROW_BPS = 128 * 1000,
        PAD_BYTES = 224, /* the count of padding is one byte */
        MAX_PROBE_PACKETS = 64,
        MIN_WAIT_US = 1000,
        HEARD_EVERY_US = 900 * 1000, /* as receivers report, nearly */
        HEARD_ENOUGH = 4,
        MIN_SPENDING_US = 50 * 1000,
};

/* The reference time of transport-wide feedback has 24 bits of 64 ms. */
#define TCC_EPOCH_US ((1ll << 24) * RTCP_TCC_REF_US)

bool budget_take(int64_t *free_us, int64_t cost_us, int64_t burst_us, int64_t now_us)
{
        if (*free_us < now_us)
                *free_us = now_us;
        if (*free_us - now_us > burst_us - cost_us)
                return false;
        *free_us += cost_us;
        return true;
}

static struct media_path *path_new(struct media_peer *peer, int64_t now_us)
{
        cleanup(path_freep) struct media_path *path = calloc(1, sizeof(*path));

        if (!path || cc_new(&path->cc, room_recall_line(peer, now_us), now_us) < 0)
                return NULL;
        for (size_t i = peer->n_audio; i < peer->n_slots; i++)
                path->can_probe |= peer->slots[i].sdp.rtx_ssrc != 0;
        if (!path->can_probe)
                cc_cannot_probe(path->cc);
        return take_ptr(path);
}

struct media_path *path_free(struct media_path *path)
{
        if (!path)
                return NULL;
        cc_free(path->cc);
        free(path);
        return NULL;
}

bool slot_is_reported(const struct media_slot *slot)
{
        return slot->sdp.ext.transport_cc || slot->sdp.ccfb;
}

bool path_covers(struct media_slot *slot, int64_t now_us)
{
        struct media_peer *peer = slot->peer;

        if (!slot_is_reported(slot))
                return false;
        if (peer->path)
                return true;
        if (peer->pathless)
                return false;
        peer->path = path_new(peer, now_us);
        peer->pathless = !peer->path; /* for good: a number may not come and go */
        if (peer->path)
                peer_wake(peer, now_us);
        return peer->path != NULL;
}

static uint8_t stream_of(const struct media_slot *slot, bool rtx)
{
        return (uint8_t)((slot - slot->peer->slots) * STREAMS_PER_SLOT + rtx);
}

uint16_t path_number(struct media_slot *slot, size_t bytes, uint32_t ext, bool rtx, int64_t now_us)
{
        struct media_path *path = slot->peer->path;
        uint16_t number = cc_on_sent(path->cc, bytes + PACKET_OVERHEAD, stream_of(slot, rtx),
                                     (uint16_t)ext, now_us);

        path->n_sent++;
        if (slot->audio)
                path->sound[slot->index][ext % MEDIA_AUDIO_RING] = (struct path_sound){
                        ext, number, path->red_frames
                };
        return number;
}

void path_prefetch_sound(const struct media_slot *slot)
{
        const struct media_path *path = slot->peer->path;

        if (path && slot->audio)
                prefetch_lines(&path->sound[slot->index][slot->map.out_next % MEDIA_AUDIO_RING], 1);
}

bool path_number_again(const struct media_slot *slot, uint32_t ext, uint16_t *ret_number)
{
        const struct path_sound *sent =
                &slot->peer->path->sound[slot->index][ext % MEDIA_AUDIO_RING];

        if (sent->ext != ext)
                return false;
        *ret_number = sent->number;
        return true;
}

void path_on_repeat(const struct media_slot *slot, uint32_t ext, bool missed, int64_t now_us)
{
        uint16_t number;

        if (slot->peer->path && path_number_again(slot, ext, &number))
                cc_on_resent(slot->peer->path->cc, number, missed, now_us);
}

/* Feedback in. A receiver may have each number looked at twice, and a while's
 * worth on top; more is a flood. */
static bool worth_reading(struct media_peer *peer, size_t n, int64_t now_us)
{
        struct media_path *path = peer->path;
        uint64_t allowed = 2 * path->n_sent + REPORT_SLACK;

        if (allowed - path->n_reported > 4 * REPORT_SLACK)
                path->n_reported = allowed - 4 * REPORT_SLACK; /* nothing is saved up */
        if (path->n_reported + n > allowed ||
            !budget_take(&path->report_free_us, REPORT_COST_US, REPORT_BURST_US, now_us)) {
                peer->room->counters.feedback_dropped++;
                return false;
        }
        path->n_reported += n;
        return true;
}

/* Puts arrivals into the epoch that is nearest to the last ones. */
static void unwrap(struct media_path *path, int64_t *arrivals_us, size_t n)
{
        int64_t shift_us = 0;
        size_t first = 0;

        while (first < n && arrivals_us[first] == RTCP_TCC_LOST)
                first++;
        if (first == n)
                return;
        if (path->has_arrival) {
                int64_t apart_us = path->arrival_us - arrivals_us[first];
                int64_t half_us = apart_us < 0 ? -TCC_EPOCH_US / 2 : TCC_EPOCH_US / 2;

                shift_us = (apart_us + half_us) / TCC_EPOCH_US * TCC_EPOCH_US;
        }
        for (size_t i = first; i < n; i++) {
                if (arrivals_us[i] != RTCP_TCC_LOST)
                        arrivals_us[i] += shift_us;
        }
        path->has_arrival = true;
        path->arrival_us = arrivals_us[first];
}

uint32_t peer_sent_bps(const struct media_peer *peer, int64_t now_us)
{
        uint32_t bps = rtp_rate_bps(&peer->video_rate, now_us);

        for (size_t i = 0; i < peer->n_audio; i++)
                bps += rtp_rate_bps(&peer->slots[i].rate, now_us);
        return bps;
}

static bool is_full(const struct cc_info *line)
{
        return line->overusing || line->queue_us > FULL_QUEUE_US;
}

bool path_is_full(const struct media_peer *peer)
{
        struct cc_info line;

        if (!peer->path)
                return false;
        cc_info(peer->path->cc, &line);
        return is_full(&line);
}

bool path_is_narrow(const struct media_peer *peer)
{
        return peer->path && cc_target_bps(peer->path->cc) < NARROW_BPS;
}

int64_t path_backlog_us(const struct media_peer *peer, int64_t now_us)
{
        return peer->path ? cc_backlog_us(peer->path->cc, now_us) : 0;
}

/* A line that carries less than is sent on it is relieved at once. */
static void check_target(struct media_peer *peer, int64_t now_us)
{
        const struct media_path *path = peer->path;
        uint64_t bps = cc_target_bps(path->cc);

        if (path->unheeded)
                return;
        /* Without probes the estimate says something only while it is what limits, and a test of
         * losses would be a fall that takes long to get over: it goes on as before. */
        if (!path->can_probe) {
                if (cc_test_permille(path->cc) < 1000)
                        return;
                line_budget_on_remb(&peer->line, bps, peer_sent_bps(peer, now_us), now_us);
                bps = line_budget_poll(&peer->line, peer->spent.wanted_bps, now_us);
        }
        if (bps >= peer->spent.granted_bps || bps + bps / ALLOC_SLACK >= path->spent_of_bps ||
            peer->allocate_us <= now_us || now_us - path->spent_us < MIN_SPENDING_US)
                return;
        peer->allocate_us = now_us;
        peer_wake(peer, now_us);
}

/* Never at once: what cc wants now may be what can't be had. */
static int64_t next_look(const struct media_path *path, int64_t now_us)
{
        int64_t next_us = cc_deadline_us(path->cc);

        return next_us > now_us + MIN_WAIT_US ? next_us : now_us + MIN_WAIT_US;
}

/* Some more than is wished, so that there is room with a margin for all of it. */
void path_on_allocated(struct media_peer *peer, int64_t now_us)
{
        struct media_path *path = peer->path;
        uint64_t wanted_bps = peer->spent.wanted_bps;

        path->spent_of_bps = path->can_probe ? cc_target_bps(path->cc) : UINT64_MAX;
        cc_set_demand(path->cc, peer->spent.granted_bps, wanted_bps + wanted_bps / 2);
        path->spent_us = now_us;
        if (!path->unheeded)
                peer_wake(peer, next_look(path, now_us));
}

uint64_t path_rtx_bps(const struct media_path *path)
{
        struct cc_info line;
        uint64_t bps;

        cc_info(path->cc, &line);
        bps = line.target_bps / (is_full(&line) ? 8 : 2);

        if (bps < RTX_MIN_BPS)
                return RTX_MIN_BPS;
        return bps < RTX_BYTES_PER_S * 8ull ? bps : RTX_BYTES_PER_S * 8ull;
}

uint32_t peer_rtt_us(const struct media_peer *peer)
{
        struct cc_info line;

        if (!peer->path)
                return peer->rtt_us;
        cc_info(peer->path->cc, &line);
        return peer->rtt_us + (line.queue_us > 0 ? (uint32_t)line.queue_us : 0);
}

/* What is numbered arrives, second after second, and never a word of the numbers: a
 * receiver that negotiated what it does not do. It is limited like one that did not, by
 * REMB if by anything. For good, or silence would be a way to a larger target. */
void path_on_arrival(struct media_peer *peer, int64_t now_us)
{
        struct media_path *path = peer->path;

        if (path->n_reported > 0 || path->unheeded || now_us - path->heard_us < HEARD_EVERY_US)
                return;
        path->heard_us = now_us;
        if (++path->n_heard < HEARD_ENOUGH)
                return;
        if (!path->can_probe)
                line_budget_init(&peer->line); /* that was our own silence's */
        path->can_probe = false;
        path->unheeded = true;
        cc_give_up(path->cc);
        peer->allocate_us = now_us;
        peer_wake(peer, now_us);
}

int path_on_tcc(struct media_peer *peer, const struct rtcp_pkt *pkt, int64_t now_us)
{
        int64_t arrivals_us[CC_HISTORY];
        struct rtcp_tcc tcc;
        size_t n;
        int err;

        static_assert(RTCP_TCC_LOST == CC_LOST, "one word for it");
        if (!peer->path || peer->path->unheeded)
                return 0;
        err = rtcp_parse_tcc(&tcc, arrivals_us, ARRAY_LEN(arrivals_us), &n, pkt);
        if (err)
                return err;
        if (!worth_reading(peer, n, now_us))
                return 0;
        unwrap(peer->path, arrivals_us, n);
        cc_on_tcc(peer->path->cc, tcc.base_seq, arrivals_us, n, now_us);
        path_update_red(peer, now_us);
        check_target(peer, now_us);
        peer_look_at_held(peer, now_us);
        peer_wake(peer, next_look(peer->path, now_us));
        return 0;
}

/* The slot and the stream of it that an SSRC of ours names. */
static bool find_stream(const struct media_peer *peer, uint32_t ssrc, uint8_t *ret_stream)
{
        for (size_t i = 0; i < peer->n_slots; i++) {
                const struct media_slot *slot = &peer->slots[i];

                if (slot->sdp.ssrc != ssrc && (slot->sdp.rtx_ssrc != ssrc || ssrc == 0))
                        continue;
                *ret_stream = stream_of(slot, slot->sdp.ssrc != ssrc);
                return true;
        }
        return false;
}

static void read_block(struct media_peer *peer, const struct rtcp_ccfb *ccfb,
                       const struct rtcp_ccfb_block *block, int64_t now_us)
{
        int64_t arrivals_us[CC_HISTORY];
        uint8_t stream;

        if (block->n == 0 || block->n > CC_HISTORY || !find_stream(peer, block->ssrc, &stream))
                return;
        for (size_t i = 0; i < block->n; i++)
                arrivals_us[i] = rtcp_ccfb_arrival_us(ccfb, block, i);
        cc_on_ccfb(peer->path->cc, stream, block->begin_seq, arrivals_us, block->n, now_us);
}

int path_on_ccfb(struct media_peer *peer, const struct rtcp_pkt *pkt, int64_t now_us)
{
        struct rtcp_ccfb ccfb, blocks;
        struct rtcp_ccfb_block block;
        size_t n = 0;
        int err;

        static_assert(RTCP_CCFB_LOST == CC_LOST, "one word for it");
        if (!peer->path || peer->path->unheeded)
                return 0;
        err = rtcp_parse_ccfb(&ccfb, pkt);
        if (err)
                return err;
        blocks = ccfb;
        while (rtcp_ccfb_next(&blocks, &block))
                n += block.n;
        if (!worth_reading(peer, n, now_us))
                return 0;
        while (rtcp_ccfb_next(&ccfb, &block))
                read_block(peer, &ccfb, &block, now_us);
        cc_on_ccfb_end(peer->path->cc, now_us);
        path_update_red(peer, now_us);
        check_target(peer, now_us);
        peer_look_at_held(peer, now_us);
        peer_wake(peer, next_look(peer->path, now_us));
        return 0;
}

/* Probes out. */

/* One packet of padding on the slot's RTX stream: it needs no picture. */
static size_t send_padding(struct media_slot *slot, int64_t now_us)
{
        const struct media_out *out = &slot->peer->room->out;
        const struct media_pass pass = media_pass_init(slot->peer->room, now_us);
        const size_t max_len = RTP_HEADER + SLOT_EXT_CAP + PAD_BYTES;
        struct rtp_pkt header = { .seq = (uint16_t)slot->rtx_ext,
                                  .ssrc = slot->sdp.rtx_ssrc,
                                  .ts = slot->last_ts };
        uint8_t number[2], *data, *padding;
        struct rtp_ext_item items[SLOT_MAX_EXTS];
        uint16_t n;
        struct wr w;

        for (int codec = 0; codec < SDP_N_CODECS && !header.pt; codec++) {
                if (slot->sdp.pts[codec].used)
                        header.pt = slot->sdp.pts[codec].rtx_pt;
        }
        data = header.pt ? out->reserve(out->user, slot->peer->tag, max_len) : NULL;
        if (!data)
                return 0;
        n = path_number(slot, max_len, slot->rtx_ext, true, now_us);
        number[0] = (uint8_t)(n >> 8);
        number[1] = (uint8_t)n;
        w = wr_init(data, max_len);
        rtp_write_header(&w, &header, items,
                         slot_list_ext(slot, true, pass.send_time, number, items));
        padding = wr_take(&w, PAD_BYTES);
        data[0] |= 0x20; /* RFC 3550 §5.1 */
        memset(padding, 0, PAD_BYTES - 1);
        padding[PAD_BYTES - 1] = PAD_BYTES;
        out->commit_rtp(out->user, slot->peer->tag, wr_len(&w), slot->rtx_ext++);
        return wr_len(&w) + PACKET_OVERHEAD;
}

/* What was sent last is worth most to a receiver that may have lost some of it. */
static size_t repeat_recent(struct media_slot *slot, size_t bytes, int64_t now_us)
{
        struct media_pass pass = media_pass_init(slot->peer->room, now_us);
        size_t sent = 0, len;

        for (uint32_t back = 1; back <= MAX_PROBE_PACKETS && sent < bytes; back++) {
                len = slot_repeat(slot, (uint16_t)(slot->map.out_next - back), &pass);
                if (len == 0)
                        break;
                sent += len + PACKET_OVERHEAD;
        }
        return sent;
}

static void send_probe(struct media_peer *peer, size_t bytes, int64_t now_us)
{
        struct media_slot *carrier = NULL;
        size_t sent = 0;

        for (size_t i = peer->n_audio; i < peer->n_slots && sent < bytes; i++) {
                struct media_slot *slot = &peer->slots[i];

                if (!slot->sdp.rtx_ssrc || !path_covers(slot, now_us))
                        continue;
                carrier = carrier ? carrier : slot;
                if (slot->current)
                        sent += repeat_recent(slot, bytes - sent, now_us);
        }
        for (int i = 0; i < MAX_PROBE_PACKETS && carrier && sent < bytes; i++) {
                size_t len = send_padding(carrier, now_us);

                if (len == 0)
                        return;
                sent += len;
        }
        peer->room->counters.probe_bytes += sent;
}

int64_t path_on_timeout(struct media_peer *peer, int64_t now_us)
{
        struct cc *cc;
        size_t bytes;

        if (!peer->path || peer->path->unheeded)
                return INT64_MAX;
        cc = peer->path->cc;
        if (now_us >= cc_deadline_us(cc))
                cc_on_timeout(cc, now_us);
        bytes = cc_probe_bytes(cc, now_us);
        if (bytes > 0)
                send_probe(peer, bytes, now_us);
        check_target(peer, now_us);
        return next_look(peer->path, now_us);
}

/* What lines carried a minute ago. */
void room_remember_line(struct media_peer *peer, int64_t now_us)
{
        struct media_room *room = peer->room;
        size_t oldest = 0;

        if (!peer->path || peer->path->unheeded)
                return;
        if (!room->lines)
                room->lines = calloc(ROOM_LINES, sizeof(*room->lines));
        for (size_t i = 0; room->lines && i < ROOM_LINES; i++) {
                if (room->lines[i].participant == peer->participant) {
                        oldest = i;
                        break;
                }
                if (room->lines[i].at_us < room->lines[oldest].at_us)
                        oldest = i;
        }
        if (room->lines)
                room->lines[oldest] = (struct room_line){ peer->participant, now_us,
                                                          cc_target_bps(peer->path->cc) };
}

uint64_t room_recall_line(const struct media_peer *peer, int64_t now_us)
{
        const struct media_room *room = peer->room;

        for (size_t i = 0; i < room->n_peers; i++) {
                const struct media_path *path = room->peers[i]->path;

                if (room->participants[i] == peer->participant && path && !path->unheeded)
                        return cc_target_bps(path->cc); /* about to be replaced */
        }
        for (size_t i = 0; room->lines && i < ROOM_LINES; i++) {
                if (room->lines[i].participant == peer->participant &&
                    now_us - room->lines[i].at_us < LINE_MEMORY_US)
                        return room->lines[i].bps;
        }
        return 0;
}
