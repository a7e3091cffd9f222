/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/tap_feeder.h"

#include <errno.h>
#include <linux/sockios.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "sfu/api.h"
#include "sfu/wire/rtp.h"

enum { NETWORK_US = 30000, SEND_BUFFER = 4 * 1024 * 1024 };

/* ---- the job ---- */

void feeder_start(struct feeder *feeder, struct world *world, enum job_kind kind, json_t *start)
{
        int pair[2], size = SEND_BUFFER;

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
        *feeder = (struct feeder){ .world = world, .fd = pair[0], .now_us = FEEDER_START_US };
        owner_start(world, &feeder->owner, (struct job_params){ .kind = kind, .fd = pair[1] },
                    start);
        owner_wait_line(world, &feeder->owner, "ready");
}

void feeder_settle(struct feeder *feeder)
{
        int n_waiting = 1;

        while (n_waiting > 0 && feeder->owner.n_ends == 0) {
                uv_run(&feeder->world->loop, UV_RUN_NOWAIT);
                assert_int_equal(ioctl(feeder->fd, SIOCOUTQ, &n_waiting), 0);
                if (n_waiting > 0)
                        usleep(1000);
        }
}

void feeder_stop(struct feeder *feeder)
{
        feeder_settle(feeder);
        job_stop(feeder->owner.job);
        owner_wait_end(feeder->world, &feeder->owner, JOB_DONE);
}

void feeder_done(struct feeder *feeder)
{
        close(feeder->fd);
        owner_done(&feeder->owner);
}

/* The job's lines are taken meanwhile, so that nobody waits for anybody. */
void feeder_send(struct feeder *feeder, const struct job_record *record)
{
        uint8_t data[JOB_RECORD_MAX];

        job_record_write(data, record);
        if (record->bytes.len > 0)
                memcpy(data + JOB_RECORD_HEAD, record->bytes.data, record->bytes.len);
        while (send(feeder->fd, data, JOB_RECORD_HEAD + record->bytes.len,
                    MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
                if (errno != EAGAIN)
                        return; /* the job is gone; the test will see */
                uv_run(&feeder->world->loop, UV_RUN_NOWAIT);
                usleep(1000);
        }
}

/* ---- media ---- */

/* A packet on its way. */
struct flight {
        int64_t due_us;
        struct job_record record;
        uint8_t bytes[JOB_RECORD_MAX_BYTES];
};

struct network {
        struct feeder *feeder;
        int loss_percent;
        uint64_t random;
        size_t n_late;
        struct flight late[256];
};

static uint32_t next_random(struct network *network)
{
        network->random = network->random * UINT64_C(6364136223846793005) + 1442695040888963407;
        return (uint32_t)(network->random >> 33);
}

static void deliver_late(struct network *network, int64_t now_us)
{
        for (size_t i = 0; i < network->n_late;) {
                struct flight *late = &network->late[i];

                if (late->due_us > now_us) {
                        i++;
                        continue;
                }
                late->record.arrival_us = late->due_us;
                late->record.bytes.data = late->bytes;
                feeder_send(network->feeder, &late->record);
                *late = network->late[--network->n_late];
        }
}

static void send_packet(struct network *network, const struct job_record *record)
{
        struct flight *late;

        if ((int)(next_random(network) % 100) >= network->loss_percent ||
            network->n_late == ARRAY_LEN(network->late)) {
                feeder_send(network->feeder, record);
                return;
        }
        late = &network->late[network->n_late++];
        late->record = *record;
        late->due_us = record->arrival_us + 40000 + next_random(network) % 160000;
        memcpy(late->bytes, record->bytes.data, record->bytes.len);
}

static struct job_record about(const struct feed_track *track, uint8_t type)
{
        return (struct job_record){
                .type = type,
                .kind = track->kind,
                .codec = track->clip->codec,
                .layer = track->layer,
                .participant = track->participant,
                .generation = track->generation,
                .ext = track->ext,
        };
}

static void send_frame(struct network *network, struct feed_track *track)
{
        const struct clip_frame *frame = &track->clip->frames[track->next_frame];
        struct job_record record = about(track, JOB_RTP);
        uint8_t bytes[JOB_RECORD_MAX_BYTES];

        record.media_us = track->next_us;
        record.arrival_us = track->next_us + NETWORK_US;
        for (size_t i = 0; i < frame->n_payloads; i++) {
                const struct clip_payload *payload = &frame->payloads[i];
                const struct rtp_pkt rtp = {
                        .marker = i + 1 == frame->n_payloads,
                        .pt = 96,
                        .seq = (uint16_t)track->ext,
                        .ts = track->ts,
                        .ssrc = track->participant << 8 | track->kind,
                };

                assert_true(RTP_HEADER + payload->len <= sizeof(bytes));
                rtp_put_header(bytes, &rtp, false);
                memcpy(bytes + RTP_HEADER, payload->bytes, payload->len);
                record.ext = track->ext++;
                record.starts_keyframe = track->kind != SFU_MIC && frame->is_keyframe && i == 0;
                record.bytes = (struct span){ bytes, RTP_HEADER + payload->len };
                send_packet(network, &record);
        }
        track->ts += track->clip->ts_per_frame;
        track->next_us += track->clip->us_per_frame;
        track->next_frame = (track->next_frame + 1) % track->clip->n_frames;
}

void feed_all_until(struct feeder *feeder, struct feed_track *tracks, size_t n, int64_t until_us,
                    int loss_percent)
{
        struct network *network = calloc(1, sizeof(*network));

        assert_non_null(network);
        network->feeder = feeder;
        network->loss_percent = loss_percent;
        for (size_t i = 0; i < n; i++)
                if (tracks[i].next_us == 0)
                        tracks[i].next_us = feeder->now_us;
        for (;;) {
                struct feed_track *first = &tracks[0];

                for (size_t i = 1; i < n; i++)
                        if (tracks[i].next_us < first->next_us)
                                first = &tracks[i];
                if (first->next_us >= until_us)
                        break;
                deliver_late(network, first->next_us + NETWORK_US);
                send_frame(network, first);
        }
        deliver_late(network, INT64_MAX);
        feeder->now_us = until_us;
        free(network);
}

void feed_until(struct feeder *feeder, struct feed_track *track, int64_t until_us)
{
        feed_all_until(feeder, track, 1, until_us, 0);
}

void feed_begin(struct feed_track *track, const struct clip *clip)
{
        track->clip = clip;
        track->generation++;
        track->ext = track->generation * 1000 + 65530; /* soon past 16 bits */
        track->ts = track->generation * UINT32_C(0x7fffff00);
        track->next_frame = 0;
}

void feed_end(struct feeder *feeder, const struct feed_track *track)
{
        const struct job_record record = about(track, JOB_END);

        feeder_send(feeder, &record);
}
