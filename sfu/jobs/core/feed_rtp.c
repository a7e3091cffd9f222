/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/feed_rtp.h"

#include <math.h>

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
