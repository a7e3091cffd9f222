/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/feed_rtp.h"

#include <math.h>

#include "sfu/wire/h264.h"
#include "sfu/wire/job_record.h"
#include "sfu/wire/rtcp.h"
#include "sfu/wire/rtp.h"

enum {
        VP8_DESCRIPTOR = 4,
        /* RFC 7741 §4.2 */
        VP8_X = 0x80,
        VP8_S = 0x10,
        VP8_I = 0x80,
        VP8_M = 0x80,
        PICTURE_IDS = 0x8000,
        /* ITU-T H.264 §7.3.1; RFC 6184 §5.7.1, §5.8 */
        START_CODE = 3,
        NAL_F = 0x80,
        NAL_NRI = 0x60,
        STAP_HEAD = 1,
        STAP_SIZE = 2,
        FU_HEAD = 2,
        FU_S = 0x80,
        FU_E = 0x40,
        LEVEL_EXT = 8, /* profile, length, one item padded */
        /* A gap that a listener hears as a new beginning. */
        TALK_GAP_US = 200000,
};

void feed_stream_init(struct feed_stream *stream, uint32_t ssrc, uint32_t clock_hz, uint64_t seed)
{
        *stream = (struct feed_stream){
                .ssrc = ssrc,
                .clock_hz = clock_hz,
                .ts_at_zero = (uint32_t)seed,
                .seq = (uint16_t)(seed >> 32 &
                                  0x7fff), /* not just before a wrap: RFC 3711 §3.3.1 */
                .picture_id = (uint16_t)(seed >> 48 & (PICTURE_IDS - 1)),
                .last_us = -1,
        };
}

static uint32_t ts_at(const struct feed_stream *stream, int64_t at_us)
{
        /* In two steps: microseconds times the rate would not fit after some years. */
        uint64_t us = (uint64_t)at_us;
        uint64_t ticks = us / 1000000 * stream->clock_hz +
                         us % 1000000 * stream->clock_hz / 1000000;

        return stream->ts_at_zero + (uint32_t)ticks;
}

static void sent(struct feed_stream *stream, size_t octets)
{
        stream->seq++;
        stream->packets++;
        stream->octets += (uint32_t)octets;
}

void feed_vp8(struct feed_stream *stream, struct span frame, int64_t at_us, feed_packet_fn put,
              void *user)
{
        const size_t most = FEED_PACKET_MAX - RTP_HEADER - VP8_DESCRIPTOR;
        size_t n = (frame.len + most - 1) / most;
        uint32_t ts = ts_at(stream, at_us);
        size_t at = 0;

        for (size_t i = 0; i < n; i++) {
                uint8_t packet[FEED_PACKET_MAX];
                /* Of even size: a last one of a few bytes costs as much as a full one. */
                size_t len = frame.len * (i + 1) / n - at;
                struct rtp_pkt head = { .marker = i + 1 == n,
                                        .pt = JOB_PT_VP8,
                                        .seq = stream->seq,
                                        .ts = ts,
                                        .ssrc = stream->ssrc };
                uint8_t *descriptor = packet + RTP_HEADER;

                rtp_put_header(packet, &head, false);
                descriptor[0] = VP8_X | (i == 0 ? VP8_S : 0);
                descriptor[1] = VP8_I;
                descriptor[2] = (uint8_t)(VP8_M | stream->picture_id >> 8);
                descriptor[3] = (uint8_t)stream->picture_id;
                memcpy(descriptor + VP8_DESCRIPTOR, frame.data + at, len);
                at += len;
                sent(stream, VP8_DESCRIPTOR + len);
                put(user, packet, RTP_HEADER + VP8_DESCRIPTOR + len);
        }
        if (n > 0) {
                stream->picture_id = (stream->picture_id + 1) & (PICTURE_IDS - 1);
                stream->last_us = at_us;
        }
}

/* ---- H.264 ---- */

struct h264_out {
        struct feed_stream *stream;
        uint32_t ts;
        feed_packet_fn put;
        void *user;
        unsigned n_units; /* that wait in packet, as a STAP-A */
        size_t len;       /* of packet */
        uint8_t packet[FEED_PACKET_MAX];
};

/* Where the next start code is, or the end. */
static size_t find_start(struct span bytes)
{
        for (size_t i = 0; i + START_CODE <= bytes.len; i++)
                if (bytes.data[i] == 0 && bytes.data[i + 1] == 0 && bytes.data[i + 2] == 1)
                        return i;
        return bytes.len;
}

/* The next unit of a byte stream (Annex B.1). Zeros before a start code are no part of it, and none
 * ends in one. */
static bool next_nal(struct span *rest, struct span *ret_nal)
{
        size_t at = find_start(*rest), len;

        if (at == rest->len)
                return false;
        rest->data += at + START_CODE;
        rest->len -= at + START_CODE;
        len = find_start(*rest);
        *ret_nal = (struct span){ rest->data, len };
        while (ret_nal->len > 0 && ret_nal->data[ret_nal->len - 1] == 0)
                ret_nal->len--;
        rest->data += len;
        rest->len -= len;
        return true;
}

static bool is_picture(struct span nal)
{
        unsigned type = nal.len > 0 ? nal.data[0] & NAL_TYPE : 0;

        return type >= NAL_SLICE && type <= NAL_IDR;
}

static bool is_needed(struct span nal)
{
        unsigned type = nal.len > 0 ? nal.data[0] & NAL_TYPE : 0;

        return (is_picture(nal) || type == NAL_SPS || type == NAL_PPS) && !(nal.data[0] & NAL_F);
}

static void send_h264(struct h264_out *out, bool is_last)
{
        const struct rtp_pkt head = { .marker = is_last,
                                      .pt = JOB_PT_H264,
                                      .seq = out->stream->seq,
                                      .ts = out->ts,
                                      .ssrc = out->stream->ssrc };

        rtp_put_header(out->packet, &head, false);
        sent(out->stream, out->len - RTP_HEADER);
        out->put(out->user, out->packet, out->len);
}

/* What waits goes; a single unit as itself. */
static void flush(struct h264_out *out, bool is_last)
{
        uint8_t *payload = out->packet + RTP_HEADER;

        if (out->n_units == 0)
                return;
        if (out->n_units == 1) {
                out->len -= STAP_HEAD + STAP_SIZE;
                memmove(payload, payload + STAP_HEAD + STAP_SIZE, out->len - RTP_HEADER);
        }
        send_h264(out, is_last);
        out->n_units = 0;
}

static bool is_small(struct span nal)
{
        return RTP_HEADER + STAP_HEAD + STAP_SIZE + nal.len <= FEED_PACKET_MAX;
}

/* §5.7.1: as important as the most important unit in it. */
static void aggregate(struct h264_out *out, struct span nal)
{
        uint8_t *head = out->packet + RTP_HEADER, *at, nri = nal.data[0] & NAL_NRI;

        if (out->n_units > 0 && out->len + STAP_SIZE + nal.len > FEED_PACKET_MAX)
                flush(out, false);
        if (out->n_units++ == 0) {
                *head = NAL_STAP_A;
                out->len = RTP_HEADER + STAP_HEAD;
        }
        if (nri > (*head & NAL_NRI))
                *head = nri | NAL_STAP_A;
        at = out->packet + out->len;
        at[0] = (uint8_t)(nal.len >> 8);
        at[1] = (uint8_t)nal.len;
        memcpy(at + STAP_SIZE, nal.data, nal.len);
        out->len += STAP_SIZE + nal.len;
}

/* §5.8; the unit's own header travels in the fragments'. */
static void fragment(struct h264_out *out, struct span nal, bool is_last)
{
        const size_t most = FEED_PACKET_MAX - RTP_HEADER - FU_HEAD;
        size_t whole = nal.len - 1, n = (whole + most - 1) / most, at = 0;
        uint8_t *payload = out->packet + RTP_HEADER;

        for (size_t i = 0; i < n; i++) {
                size_t len = whole * (i + 1) / n - at;

                payload[0] = (nal.data[0] & NAL_NRI) | NAL_FU_A;
                payload[1] = (uint8_t)((nal.data[0] & NAL_TYPE) | (i == 0 ? FU_S : 0) |
                                       (i + 1 == n ? FU_E : 0));
                memcpy(payload + FU_HEAD, nal.data + 1 + at, len);
                at += len;
                out->len = RTP_HEADER + FU_HEAD + len;
                send_h264(out, is_last && i + 1 == n);
        }
}

void feed_h264(struct feed_stream *stream, struct span frame, int64_t at_us, feed_packet_fn put,
               void *user)
{
        struct h264_out out = {
                .stream = stream, .ts = ts_at(stream, at_us), .put = put, .user = user
        };
        const uint8_t *last = NULL;
        bool has_picture = false;
        struct span nal, rest;

        for (rest = frame; next_nal(&rest, &nal);) {
                has_picture |= is_needed(nal) && is_picture(nal);
                last = is_needed(nal) ? nal.data : last;
        }
        if (!has_picture)
                return;
        for (rest = frame; next_nal(&rest, &nal);) {
                bool is_last = nal.data == last;

                if (!is_needed(nal))
                        continue;
                if (is_small(nal)) {
                        aggregate(&out, nal);
                } else {
                        flush(&out, false);
                        fragment(&out, nal, is_last);
                }
                if (is_last)
                        flush(&out, true);
        }
        stream->last_us = at_us;
}

void feed_opus(struct feed_stream *stream, struct span packet, int64_t at_us, uint8_t level,
               feed_packet_fn put, void *user)
{
        uint8_t out[FEED_PACKET_MAX];
        struct wr w = wr_init(out, sizeof(out));
        /* RFC 6464: the top bit is voice activity, which is not known here. */
        uint8_t value = level & 0x7f;
        const struct rtp_ext_item item = { .id = JOB_EXT_AUDIO_LEVEL, .data = { &value, 1 } };
        struct rtp_pkt head = { .marker = stream->last_us < 0 ||
                                          at_us - stream->last_us > TALK_GAP_US,
                                .pt = JOB_PT_OPUS,
                                .seq = stream->seq,
                                .ts = ts_at(stream, at_us),
                                .ssrc = stream->ssrc };
        uint8_t *at;

        if (packet.len == 0 || packet.len > FEED_PACKET_MAX - RTP_HEADER - LEVEL_EXT)
                return;
        rtp_write_header(&w, &head, &item, 1);
        at = wr_take(&w, packet.len);
        if (!at)
                return;
        memcpy(at, packet.data, packet.len);
        sent(stream, packet.len);
        stream->last_us = at_us;
        put(user, out, wr_len(&w));
}

size_t feed_report(const struct feed_stream *stream, int64_t now_us, int64_t wall_us, uint8_t *ret)
{
        struct wr w = wr_init(ret, FEED_REPORT_MAX);
        const struct rtcp_sr sr = { .ssrc = stream->ssrc,
                                    .ntp = rtcp_ntp_from_wall_us(wall_us),
                                    .rtp_ts = ts_at(stream, now_us),
                                    .packets = stream->packets,
                                    .octets = stream->octets };

        rtcp_write_sr(&w, &sr);
        rtcp_write_sdes_cname(&w, stream->ssrc, "dinh");
        return w.bad ? 0 : wr_len(&w);
}

uint8_t feed_level(const int16_t *samples, size_t n)
{
        uint64_t sum = 0;
        double level;

        for (size_t i = 0; i < n; i++)
                sum += (uint64_t)((int64_t)samples[i] * samples[i]);
        if (sum == 0)
                return FEED_SILENCE;
        /* 10 log10 of the mean square, against that of a full square wave. */
        level = -10 * log10((double)sum / (double)n / (32767.0 * 32767.0));
        return level <= 0 ? 0 : level >= FEED_SILENCE ? FEED_SILENCE : (uint8_t)(level + 0.5);
}

void feed_key_want(struct feed_key *key)
{
        key->wanted = true;
}

bool feed_key_due(struct feed_key *key, int64_t now_us)
{
        if (!key->wanted || (key->given && now_us - key->given_us < FEED_KEY_EVERY_US))
                return false;
        *key = (struct feed_key){ .given = true, .given_us = now_us };
        return true;
}
