/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/feed_seen.h"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sfu/api.h"
#include "sfu/wire/job_record.h"
#include "sfu/wire/rtcp.h"
#include "sfu/wire/rtp.h"
#include "sfu/wire/vp8.h"

enum { SIDE = 16 };
static const int64_t ntp_unix = 2208988800; /* seconds */

static void unit_free(void *data)
{
        struct seen_unit *unit = data;

        g_byte_array_unref(unit->bytes);
        g_free(unit);
}

static struct seen_unit *begin_unit(struct seen_stream *stream, const struct rtp_pkt *pkt)
{
        struct seen_unit *unit = g_new0(struct seen_unit, 1);

        unit->ts = pkt->ts;
        unit->arrived_us = clock_now_us();
        unit->bytes = g_byte_array_new();
        g_ptr_array_add(stream->units, unit);
        return unit;
}

static void on_sound(struct seen_stream *stream, const struct rtp_pkt *pkt)
{
        struct seen_unit *unit = begin_unit(stream, pkt);
        struct span level;
        bool voice;

        assert_int_equal(pkt->pt, JOB_PT_OPUS);
        assert_true(rtp_ext_find(pkt->ext_profile, pkt->ext, JOB_EXT_AUDIO_LEVEL, &level));
        assert_true(rtp_ext_audio_level(level, &unit->level, &voice));
        g_byte_array_append(unit->bytes, pkt->payload.data, (guint)pkt->payload.len);
}

static void on_vp8(struct seen_stream *stream, const struct rtp_pkt *pkt)
{
        struct seen_unit *unit;
        struct vp8_desc desc;

        assert_int_equal(vp8_parse(&desc, pkt->payload), 0);
        assert_true(desc.long_picture_id);
        assert_int_equal(desc.starts_frame, !stream->in_picture);
        if (desc.starts_frame) {
                if (stream->packets > 1)
                        assert_int_equal(desc.picture_id, (stream->picture_id + 1) & 0x7fff);
                unit = begin_unit(stream, pkt);
                unit->key = desc.is_keyframe;
                unit->width = desc.width;
                unit->height = desc.height;
        }
        stream->picture_id = desc.picture_id;
        stream->in_picture = !pkt->marker;
        if (stream->units->len == 0)
                return; /* forgotten in its middle */
        unit = g_ptr_array_index(stream->units, stream->units->len - 1);
        g_byte_array_append(unit->bytes, pkt->payload.data + desc.len,
                            (guint)(pkt->payload.len - desc.len));
}

/* As a byte stream. */
static void add_nals(GByteArray *bytes, struct span frame)
{
        static const uint8_t start[] = { 0, 0, 0, 1 };
        struct rd r = rd_init(frame.data, frame.len);

        while (rd_left(&r) > 0) {
                struct span nal = rd_take(&r, rd_u32(&r));

                assert_false(r.bad);
                g_byte_array_append(bytes, start, sizeof(start));
                g_byte_array_append(bytes, nal.data, (guint)nal.len);
        }
}

static void on_h264(struct seen_stream *stream, const struct rtp_pkt *pkt)
{
        const struct depay_packet packet = { .payload = pkt->payload,
                                             .ts = pkt->ts,
                                             .marker = pkt->marker,
                                             .new_stream = stream->packets == 1 };
        struct depay_frame frame;
        struct seen_unit *unit;
        int r;

        if (!stream->h264)
                assert_int_equal(depay_new(&stream->h264, JOB_H264), 0);
        r = depay_put(stream->h264, &packet, &frame);
        assert_int_equal(r, pkt->marker);
        if (r != 1)
                return;
        unit = begin_unit(stream, pkt);
        unit->key = frame.is_keyframe;
        unit->width = unit->key ? (int)frame.format->width : 0;
        unit->height = unit->key ? (int)frame.format->height : 0;
        if (unit->key) { /* avcC: constrained baseline up to 3.1 */
                assert_int_equal(frame.format->config[1], 66);
                assert_true(frame.format->config[2] & 0x40);
                assert_in_range(frame.format->config[3], 10, 31);
        }
        add_nals(unit->bytes, frame.bytes);
}

/* Another codec is another stream. */
static void on_codec(struct feed_seen *seen, struct seen_stream *stream, const struct rtp_pkt *pkt)
{
        assert_int_equal(pkt->pt, seen->codec == JOB_H264 ? JOB_PT_H264 : JOB_PT_VP8);
        assert_int_not_equal(pkt->ssrc, stream->ssrc);
        stream->h264 = depay_free(stream->h264);
        stream->pt = pkt->pt;
        stream->packets = 0;
        stream->in_picture = stream->has_report = false;
        g_ptr_array_set_size(stream->units, 0);
}

static void on_rtp(struct feed_seen *seen, const struct job_record *record)
{
        bool is_sound = record->kind == SFU_MIC;
        struct seen_stream *stream = &seen->streams[is_sound ? SEEN_SOUND : record->layer];
        struct rtp_pkt pkt;

        assert_int_equal(rtp_parse(&pkt, record->bytes.data, record->bytes.len), 0);
        assert_true(is_sound || record->kind == seen->kind);
        if (!is_sound && pkt.pt != stream->pt)
                on_codec(seen, stream, &pkt);
        if (stream->packets > 0) {
                assert_int_equal(pkt.ssrc, stream->ssrc);
                assert_int_equal(pkt.seq, (uint16_t)(stream->seq + 1));
        }
        stream->ssrc = pkt.ssrc;
        stream->seq = pkt.seq;
        stream->packets++;
        if (is_sound)
                on_sound(stream, &pkt);
        else if (pkt.pt == JOB_PT_H264)
                on_h264(stream, &pkt);
        else
                on_vp8(stream, &pkt);
}

static void on_rtcp(struct feed_seen *seen, const struct job_record *record)
{
        struct rtcp_iter it = rtcp_iter_init(record->bytes.data, record->bytes.len);
        struct rtcp_pkt pkt;
        struct rtcp_sr sr;

        assert_int_equal(rtcp_check(record->bytes.data, record->bytes.len), 0);
        while (rtcp_next(&it, &pkt)) {
                if (pkt.type != RTCP_SR)
                        continue;
                assert_int_equal(rtcp_parse_sr(&sr, &pkt), 0);
                for (unsigned i = 0; i < SEEN_STREAMS; i++) {
                        struct seen_stream *stream = &seen->streams[i];

                        if (stream->packets == 0 || stream->ssrc != sr.ssrc)
                                continue;
                        stream->has_report = true;
                        stream->report_ts = sr.rtp_ts;
                        stream->report_us = ((int64_t)(sr.ntp >> 32) - ntp_unix) * 1000000 +
                                            (int64_t)((sr.ntp & UINT32_MAX) * 1000000 >> 32);
                }
        }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
        struct feed_seen *seen = poll->data;
        uint8_t data[JOB_RECORD_MAX];
        struct job_record record;
        ssize_t n;

        (void)status;
        (void)events;
        while ((n = recv(seen->fd, data, sizeof(data), MSG_DONTWAIT)) > 0) {
                assert_int_equal(job_record_parse(&record, data, (size_t)n), 0);
                if (record.type == JOB_RTP)
                        on_rtp(seen, &record);
                else if (record.type == JOB_RTCP)
                        on_rtcp(seen, &record);
                else
                        fail_msg("a record of type %u", record.type);
        }
        if (n == 0) {
                seen->closed = true;
                uv_poll_stop(poll);
        }
}

void feed_seen_want_codec(struct feed_seen *seen, enum job_codec codec)
{
        const struct job_record record = { .type = JOB_TRACK, .codec = (uint8_t)codec };
        uint8_t data[JOB_RECORD_HEAD];

        job_record_write(data, &record);
        assert_true(send(seen->fd, data, sizeof(data), MSG_NOSIGNAL) > 0);
        seen->codec = codec;
}

void feed_seen_open(struct feed_seen *seen, uv_loop_t *loop, int kind, enum job_codec codec,
                    int *ret_fd)
{
        int size = 4 << 20, fds[2];

        memset(seen, 0, sizeof(*seen));
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        (void)setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        seen->fd = fds[0];
        seen->kind = kind;
        *ret_fd = fds[1];
        for (unsigned i = 0; i < SEEN_STREAMS; i++) {
                seen->streams[i].clock_hz = i == SEEN_SOUND ? 48000 : 90000;
                seen->streams[i].units = g_ptr_array_new_with_free_func(unit_free);
        }
        uv_poll_init(loop, &seen->poll, seen->fd);
        seen->poll.data = seen;
        uv_poll_start(&seen->poll, UV_READABLE | UV_DISCONNECT, on_readable);
        feed_seen_want_codec(seen, codec);
}

void feed_seen_clear(struct feed_seen *seen)
{
        for (unsigned i = 0; i < SEEN_STREAMS; i++)
                g_ptr_array_set_size(seen->streams[i].units, 0);
}

void feed_seen_close(struct feed_seen *seen)
{
        uv_close((uv_handle_t *)&seen->poll, NULL);
        uv_run(seen->poll.loop, UV_RUN_NOWAIT);
        close(seen->fd);
        for (unsigned i = 0; i < SEEN_STREAMS; i++) {
                g_ptr_array_unref(seen->streams[i].units);
                depay_free(seen->streams[i].h264);
        }
}

void feed_seen_ask_key(struct feed_seen *seen, unsigned layer)
{
        uint8_t data[JOB_RECORD_MAX];
        struct wr w = wr_init(data + JOB_RECORD_HEAD, 64);
        const struct rtcp_fb fb = { .sender_ssrc = 1, .media_ssrc = seen->streams[layer].ssrc };

        job_record_write(data, &(struct job_record){ .type = JOB_RTCP });
        rtcp_write_pli(&w, &fb);
        assert_true(send(seen->fd, data, JOB_RECORD_HEAD + wr_len(&w), MSG_NOSIGNAL) > 0);
}

unsigned feed_seen_units(const struct feed_seen *seen, unsigned stream)
{
        return seen->streams[stream].units->len;
}

const struct seen_unit *feed_seen_unit(const struct feed_seen *seen, unsigned stream, unsigned i)
{
        assert_true(i < feed_seen_units(seen, stream));
        return g_ptr_array_index(seen->streams[stream].units, i);
}

int64_t feed_seen_wall_us(const struct seen_stream *stream, const struct seen_unit *unit)
{
        assert_true(stream->has_report);
        return stream->report_us +
               (int64_t)(int32_t)(unit->ts - stream->report_ts) * 1000000 / stream->clock_hz;
}

/* ---- decoding ---- */

static void take_picture(GArray *values, const GstMapInfo *map, int64_t wall_us)
{
        struct seen_value value = { .wall_us = wall_us };

        for (size_t i = 0; i < SIDE * SIDE; i++)
                value.value += map->data[i] / (double)(SIDE * SIDE);
        g_array_append_val(values, value);
}

static void take_sound(GArray *values, const GstMapInfo *map, int64_t wall_us)
{
        const int16_t *samples = (const int16_t *)(const void *)map->data;

        for (size_t ms = 0; ms < map->size / (48 * sizeof(int16_t)); ms++) {
                struct seen_value value = { .wall_us = wall_us + (int64_t)ms * 1000 };

                for (size_t i = 0; i < 48; i++)
                        value.value += pow(samples[ms * 48 + i] / 32768.0, 2) / 48;
                value.value = sqrt(value.value);
                g_array_append_val(values, value);
        }
}

static void push_units(GstElement *src, const struct seen_stream *stream, bool is_sound,
                       int64_t origin_us)
{
        bool begun = is_sound;

        for (unsigned i = 0; i < stream->units->len; i++) {
                const struct seen_unit *unit = g_ptr_array_index(stream->units, i);
                GstBuffer *buffer;

                begun |= unit->key;
                if (!begun)
                        continue;
                buffer = gst_buffer_new_memdup(unit->bytes->data, unit->bytes->len);
                GST_BUFFER_PTS(buffer) = (GstClockTime)(feed_seen_wall_us(stream, unit) -
                                                        origin_us) *
                                         GST_USECOND;
                (void)gst_app_src_push_buffer(GST_APP_SRC(src), buffer);
        }
        (void)gst_app_src_end_of_stream(GST_APP_SRC(src));
}

GArray *feed_seen_decode(const struct feed_seen *seen, unsigned index)
{
        static const char *const chains[] = {
                "appsrc name=src format=time max-bytes=0 caps=video/x-vp8 ! vp8dec ! videoscale !"
                " videoconvert ! video/x-raw,format=GRAY8,width=16,height=16"
                " ! appsink name=sink sync=false",
                "appsrc name=src format=time max-bytes=0"
                " caps=video/x-h264,stream-format=byte-stream,alignment=au ! h264parse ! avdec_h264"
                " ! videoscale ! videoconvert ! video/x-raw,format=GRAY8,width=16,height=16"
                " ! appsink name=sink sync=false",
                "appsrc name=src format=time max-bytes=0"
                " caps=audio/x-opus,channel-mapping-family=0,channels=2,rate=48000 ! opusdec !"
                " audioconvert ! audio/x-raw,format=S16LE,channels=1,rate=48000"
                " ! appsink name=sink sync=false",
        };
        const struct seen_stream *stream = &seen->streams[index];
        bool is_sound = index == SEEN_SOUND;
        GArray *values = g_array_new(FALSE, FALSE, sizeof(struct seen_value));
        GstElement *bin = gst_parse_launch(chains[is_sound ? 2 : stream->pt == JOB_PT_H264], NULL);
        GstElement *src = gst_bin_get_by_name(GST_BIN(bin), "src");
        GstElement *sink = gst_bin_get_by_name(GST_BIN(bin), "sink");
        int64_t origin_us = stream->report_us - INT64_C(3600000000);
        GstSample *sample;

        gst_element_set_state(bin, GST_STATE_PLAYING);
        push_units(src, stream, is_sound, origin_us);
        while ((sample = gst_app_sink_pull_sample(GST_APP_SINK(sink)))) {
                GstBuffer *buffer = gst_sample_get_buffer(sample);
                int64_t wall_us = origin_us + (int64_t)(GST_BUFFER_PTS(buffer) / GST_USECOND);
                GstMapInfo map;

                assert_true(gst_buffer_map(buffer, &map, GST_MAP_READ));
                (is_sound ? take_sound : take_picture)(values, &map, wall_us);
                gst_buffer_unmap(buffer, &map);
                gst_sample_unref(sample);
        }
        gst_element_set_state(bin, GST_STATE_NULL);
        gst_object_unref(src);
        gst_object_unref(sink);
        gst_object_unref(bin);
        return values;
}
