/* SPDX-License-Identifier: Apache-2.0 */
#include "load/io/publisher.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "load/io/train.h"
#include "sfu/wire/rtp.h"

enum {
        SOUND_STREAM = 0,    /* layers follow */
        NAMED_PACKETS = 200, /* that carry MID and RID: until any server has bound the SSRC */
        VP8_DESC = 6,
        KEY_HEAD = 10,
        DELTA_HEAD = 3,
        MAX_NACKED = 256,
        VOICE_LEVEL = 20,
        PAUSE_LEVEL = 70,
};

struct stream {
        uint32_t number; /* packets sent */
        uint16_t first_seq;
        uint32_t first_ts, last_ts, octets;
};

struct publisher {
        struct publisher_params params;
        struct source source;
        struct train train;
        bool stopped;
        uint16_t transport_seq;
        struct stream streams[PUBLISHER_STREAMS];
};

int publisher_new(struct publisher **ret_publisher, const struct publisher_params *params,
                  int64_t now_us)
{
        struct publisher *publisher = calloc(1, sizeof(*publisher));

        if (!publisher)
                return -ENOMEM;
        publisher->params = *params;
        train_init(&publisher->train, params->fd, params->trains);
        for (size_t i = 0; i < PUBLISHER_STREAMS; i++)
                publisher->streams[i].first_ts = params->first_ssrc * 2654435761u;
        source_init(&publisher->source, &params->source, now_us);
        *ret_publisher = publisher;
        return 0;
}

struct publisher *publisher_free(struct publisher *publisher)
{
        free(publisher);
        return NULL;
}

int64_t publisher_deadline_us(const struct publisher *publisher)
{
        return publisher->stopped ? INT64_MAX : source_deadline_us(&publisher->source);
}

void publisher_stop(struct publisher *publisher)
{
        publisher->stopped = true;
}

static size_t stream_of(const struct source_packet *packet)
{
        return packet->layer == SOURCE_SOUND ? SOUND_STREAM : (size_t)packet->layer + 1;
}

/* Header extensions; values are written to scratch, which outlives the items. */
static size_t fill_ext(struct publisher *publisher, const struct source_packet *packet,
                       struct rtp_ext_item items[4], uint8_t scratch[8])
{
        bool sound = packet->layer == SOURCE_SOUND;
        bool named = publisher->streams[stream_of(packet)].number < NAMED_PACKETS;
        bool both = publisher->params.source.sound;
        size_t n = 0;

        if (sound) { /* three seconds of speech, one of silence */
                scratch[0] = packet->frame / 50 % 4 == 3 ? PAUSE_LEVEL : 0x80 | VOICE_LEVEL;
                items[n++] = (struct rtp_ext_item){ LOAD_EXT_LEVEL, { scratch, 1 } };
        }
        if (publisher->params.transport_cc) {
                scratch[1] = (uint8_t)(publisher->transport_seq >> 8);
                scratch[2] = (uint8_t)publisher->transport_seq++;
                items[n++] = (struct rtp_ext_item){ LOAD_EXT_TCC, { scratch + 1, 2 } };
        }
        if (named || packet->key) {
                scratch[3] = (uint8_t)('0' + (!sound && both));
                items[n++] = (struct rtp_ext_item){ LOAD_EXT_MID, { scratch + 3, 1 } };
        }
        if ((named || packet->key) && publisher->params.source.n_layers > 1 && !sound) {
                scratch[4] = (uint8_t)('0' + packet->layer);
                items[n++] = (struct rtp_ext_item){ LOAD_EXT_RID, { scratch + 4, 1 } };
        }
        return n;
}

/* Payload descriptor (RFC 7741 §4.2: picture id of 15 bits, TL0PICIDX, TID 0)
 * and the frame's head (RFC 6386 §9.1). Returns their length. */
static size_t write_vp8_head(const struct publisher *publisher, const struct source_packet *packet,
                             uint8_t *ret)
{
        unsigned up = publisher->params.source.n_layers - 1u - packet->layer;
        unsigned width = 1280u >> up, height = 720u >> up;
        const uint8_t desc[VP8_DESC] = {
                packet->first ? 0x90 : 0x80,
                0xe0,
                (uint8_t)(0x80 | (packet->frame >> 8 & 0x7f)),
                (uint8_t)packet->frame,
                (uint8_t)packet->frame,
                0,
        };
        const uint8_t head[KEY_HEAD] = {
                packet->key ? 0x10 : 0x11,
                0,
                0,
                0x9d,
                0x01,
                0x2a,
                (uint8_t)width,
                (uint8_t)(width >> 8),
                (uint8_t)height,
                (uint8_t)(height >> 8),
        };
        size_t n = !packet->first ? 0 : packet->key ? KEY_HEAD : DELTA_HEAD;

        memcpy(ret, desc, VP8_DESC);
        memcpy(ret + VP8_DESC, head, n);
        return VP8_DESC + n;
}

static size_t write_head(const struct publisher *publisher, const struct source_packet *packet,
                         uint8_t *ret)
{
        if (packet->layer != SOURCE_SOUND)
                return write_vp8_head(publisher, packet, ret);
        ret[0] = 0x78; /* RFC 6716 §3.1: CELT, 20 ms, one frame */
        return 1;
}

static void write_payload(const struct publisher *publisher, const struct source_packet *packet,
                          uint8_t *ret)
{
        size_t stream = stream_of(packet), head = write_head(publisher, packet, ret);
        const struct pattern pattern = {
                .stream = publisher->params.first_stream + (uint32_t)stream,
                .number = publisher->streams[stream].number,
                .sent_ns = clock_now_us() * 1000,
        };

        pattern_write(ret + head, packet->bytes - head, &pattern);
}

static uint32_t rtp_ts(const struct publisher *publisher, const struct source_packet *packet)
{
        uint32_t step = packet->layer == SOURCE_SOUND ? 960 : 90000 / publisher->params.source.fps;

        return publisher->streams[stream_of(packet)].first_ts + packet->frame * step;
}

static void send_packet(struct publisher *publisher, const struct source_packet *packet)
{
        size_t index = stream_of(packet);
        bool sound = index == SOUND_STREAM;
        struct stream *stream = &publisher->streams[index];
        struct rtp_pkt rtp = {
                .marker = packet->last && !sound,
                .pt = sound ? LOAD_OPUS_PT : LOAD_VP8_PT,
                .seq = (uint16_t)(stream->first_seq + stream->number),
                .ts = rtp_ts(publisher, packet),
                .ssrc = publisher->params.first_ssrc + (uint32_t)index,
        };
        struct rtp_ext_item items[4];
        uint8_t scratch[8], *data = train_reserve(&publisher->train), *payload;
        struct wr w = wr_init(data, TRAIN_SEGMENT);
        int len;

        rtp_write_header(&w, &rtp, items, fill_ext(publisher, packet, items, scratch));
        payload = wr_take(&w, packet->bytes);
        if (!payload)
                return;
        write_payload(publisher, packet, payload);
        len = (int)wr_len(&w);
        if (srtp_protect(publisher->params.out, data, &len) != srtp_err_status_ok)
                return;
        train_commit(&publisher->train, (size_t)len);
        stream->number++;
        stream->last_ts = rtp.ts;
        stream->octets += packet->bytes;
        publisher->params.tally->sent[sound ? TALLY_SOUND : TALLY_PICTURE]++;
        publisher->params.tally->sent_bytes += (size_t)len;
        publisher->params.tally->key_frames += packet->key && packet->first;
}

void publisher_run(struct publisher *publisher, int64_t now_us)
{
        struct source_packet packet;

        if (publisher->stopped)
                return;
        while (source_next(&publisher->source, &packet, now_us)) {
                if (packet.layer == SOURCE_SOUND)
                        histogram_add(&publisher->params.tally->lateness,
                                      now_us - source_due_us(&publisher->source, &packet));
                send_packet(publisher, &packet);
        }
        train_flush(&publisher->train);
        publisher->params.tally->send_failed += publisher->train.failed;
        publisher->train.failed = 0;
}

static void on_key_request(struct publisher *publisher, uint32_t ssrc)
{
        uint32_t index = ssrc - publisher->params.first_ssrc;

        if (index == SOUND_STREAM || index >= PUBLISHER_STREAMS)
                return;
        publisher->params.tally->key_requests++;
        source_want_key(&publisher->source, index - 1);
}

void publisher_on_rtcp(struct publisher *publisher, const struct rtcp_pkt *pkt)
{
        struct rtcp_fir_item items[PUBLISHER_STREAMS];
        uint16_t seqs[MAX_NACKED];
        struct rtcp_fb fb;
        size_t n = 0;

        if (pkt->type == RTCP_PSFB && pkt->count == RTCP_FMT_PLI && rtcp_parse_pli(&fb, pkt) == 0)
                on_key_request(publisher, fb.media_ssrc);
        if (pkt->type == RTCP_PSFB && pkt->count == RTCP_FMT_FIR &&
            rtcp_parse_fir(&fb, items, ARRAY_LEN(items), &n, pkt) == 0)
                for (size_t i = 0; i < n; i++)
                        on_key_request(publisher, items[i].ssrc);
        if (pkt->type == RTCP_RTPFB && pkt->count == RTCP_FMT_NACK &&
            rtcp_parse_nack(&fb, seqs, ARRAY_LEN(seqs), &n, pkt) == 0)
                publisher->params.tally->nacked += n;
}

void publisher_write_report(struct publisher *publisher, struct wr *w)
{
        for (size_t i = 0; i < PUBLISHER_STREAMS; i++) {
                const struct stream *stream = &publisher->streams[i];
                const struct rtcp_sr sr = {
                        .ssrc = publisher->params.first_ssrc + (uint32_t)i,
                        .ntp = rtcp_ntp_from_wall_us(clock_wall_us()),
                        .rtp_ts = stream->last_ts,
                        .packets = stream->number,
                        .octets = stream->octets,
                };

                if (stream->number == 0)
                        continue;
                rtcp_write_sr(w, &sr);
                rtcp_write_sdes_cname(w, sr.ssrc, "load");
        }
}

bool publisher_last(const struct publisher *publisher, uint32_t stream, uint32_t *ret_number)
{
        uint32_t index = stream - publisher->params.first_stream;

        if (index >= PUBLISHER_STREAMS || publisher->streams[index].number == 0)
                return false;
        *ret_number = publisher->streams[index].number - 1;
        return true;
}
