/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/job_end.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sfu/wire/rtcp.h"
#include "sfu/wire/rtp.h"

enum { SPEAKING = 20 /* -dBov */ };

int job_end_open(struct job_end *end)
{
        int fds[2];

        memset(end, 0, sizeof(*end));
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        end->fd = fds[1];
        return fds[0];
}

void job_end_close(struct job_end *end)
{
        if (end->fd >= 0)
                close(end->fd);
        end->fd = -1;
}

struct job_track *job_end_track(struct job_end *end, uint32_t participant, enum sfu_kind kind)
{
        for (size_t i = 0; i < end->n_tracks; i++)
                if (end->tracks[i].participant == participant && end->tracks[i].kind == (int)kind)
                        return &end->tracks[i];
        return NULL;
}

static void on_rtp(struct job_track *track, const struct job_record *record)
{
        struct rtp_pkt rtp;
        bool first = track->next_ext == 0, begins = first || track->after_gap;

        assert_int_equal(rtp_parse(&rtp, record->bytes.data, record->bytes.len), 0);
        assert_int_equal((uint16_t)record->ext, rtp.seq);
        assert_true(record->arrival_us > 0);
        track->n_broken += begins && track->kind != SFU_MIC && !record->starts_keyframe;
        track->after_gap = false;
        track->n_keyframes += record->starts_keyframe;
        if (!first && record->ext < track->next_ext)
                track->n_twice++;
        else if (!first)
                track->n_lost += record->ext - track->next_ext;
        track->next_ext = record->ext + 1;
        track->n++;
        track->len = record->bytes.len;
        memcpy(track->last, record->bytes.data, track->len);
}

static void on_record(struct job_end *end, const struct job_record *record)
{
        struct job_track *track = job_end_track(end, record->participant,
                                                (enum sfu_kind)record->kind);

        if (record->type == JOB_RTCP) {
                end->n_rtcp++;
                end->n_pli += record->bytes.len >= 12 && record->bytes.data[1] == RTCP_PSFB &&
                              (record->bytes.data[0] & 0x1f) == 1;
                return;
        }
        if (record->type == JOB_TRACK && record->participant == 0) {
                end->codec = (enum job_codec)record->codec;
                end->n_codecs++;
                return;
        }
        if (!track) {
                assert_true(end->n_tracks < ARRAY_LEN(end->tracks));
                assert_int_equal(record->type, JOB_TRACK);
                track = &end->tracks[end->n_tracks++];
                track->participant = record->participant;
                track->kind = record->kind;
        }
        if (record->type == JOB_TRACK) {
                assert_true(track->n_generations++ == 0 ||
                            job_generation_is_newer(record->generation, track->generation));
                track->generation = record->generation;
                track->next_ext = 0;
                track->live = true;
        } else if (record->generation != track->generation) {
                assert_true(job_generation_is_newer(track->generation, record->generation));
        } else if (record->type == JOB_END) {
                track->n_ends++;
                track->live = false;
        } else if (record->type == JOB_GAP) {
                track->n_gaps++;
                track->after_gap = true;
        } else {
                on_rtp(track, record);
        }
}

void job_end_read(struct job_end *end)
{
        uint8_t data[JOB_RECORD_MAX + 1];
        struct job_record record;
        ssize_t len = -1;

        while (end->fd >= 0 && (len = recv(end->fd, data, sizeof(data), MSG_DONTWAIT)) > 0) {
                assert_int_equal(job_record_parse(&record, data, (size_t)len), 0);
                on_record(end, &record);
        }
        end->ended |= len == 0;
}

static void send_record(struct job_end *end, enum job_record_type type, enum sfu_kind kind,
                        uint8_t layer, const uint8_t *bytes, size_t len)
{
        uint8_t data[JOB_RECORD_MAX];
        const struct job_record record = { .type = (uint8_t)type,
                                           .kind = (uint8_t)kind,
                                           .layer = layer };

        assert_true(len <= JOB_RECORD_MAX_BYTES);
        job_record_write(data, &record);
        memcpy(data + JOB_RECORD_HEAD, bytes, len);
        len += JOB_RECORD_HEAD;
        assert_int_equal(send(end->fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Another one in another codec. */
static uint32_t ssrc_of(const struct job_end *end, enum sfu_kind kind, uint8_t layer)
{
        return 0x7000u + (uint32_t)kind * 16 + layer +
               (kind != SFU_MIC && end->codec == JOB_H264 ? 256 : 0);
}

void job_end_send(struct job_end *end, enum sfu_kind kind, uint8_t layer, uint16_t seq, uint32_t ts,
                  const uint8_t *payload, size_t len)
{
        static const uint8_t level[] = { 0x80 | SPEAKING };
        const struct rtp_ext_item item = { JOB_EXT_AUDIO_LEVEL, { level, 1 } };
        const struct rtp_pkt rtp = { .marker = kind != SFU_MIC,
                                     .pt = kind == SFU_MIC          ? JOB_PT_OPUS
                                           : end->codec == JOB_H264 ? JOB_PT_H264
                                                                    : JOB_PT_VP8,
                                     .seq = seq,
                                     .ts = ts,
                                     .ssrc = ssrc_of(end, kind, layer) };
        uint8_t data[JOB_RECORD_MAX_BYTES];
        struct wr w = wr_init(data, sizeof(data));

        rtp_write_header(&w, &rtp, &item, kind == SFU_MIC);
        memcpy(wr_take(&w, len), payload, len);
        send_record(end, JOB_RTP, kind, layer, data, wr_len(&w));
}

void job_end_report(struct job_end *end, enum sfu_kind kind, uint8_t layer, uint64_t ntp,
                    uint32_t ts)
{
        const struct rtcp_sr sr = { .ssrc = ssrc_of(end, kind, layer), .ntp = ntp, .rtp_ts = ts };
        uint8_t data[256];
        struct wr w = wr_init(data, sizeof(data));

        rtcp_write_sr(&w, &sr);
        send_record(end, JOB_RTCP, kind, layer, data, wr_len(&w));
}
