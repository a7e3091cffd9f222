/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_record — what travels between a media worker and a job: one record is one
 *              message of a SOCK_SEQPACKET socket pair, a head and then its bytes.
 *
 * Layer:  wire. Pure: no I/O, clock, allocation or global state.
 * Order:  host byte order: both ends are the same program on the same machine. A
 *         job's decoders see hostile media, so what a worker reads from a job is
 *         checked like anything from outside.
 * Units:  *_us monotonic microseconds (clock_now_us() of the server).
 *
 * A *tap* goes from worker to job: what a room's people send, decrypted, each packet once,
 * as it came: in any order, and with losses that nobody could repair. A *generation* of a
 * track is one stream: TRACK opens it and names its codec and layer, and the first packet of
 * a picture's begins a key frame; nothing of it is older than that. GAP: packets were
 * left out here because the job did not keep up (pictures first, and then until the next
 * key frame; sound only when nothing else is left). END: the publication is gone, or is
 * no part of the program any more. Who is muted sends nothing: her sound goes on
 * in the same generation, her picture in another one.
 * A room's people may be on several workers, each of which writes by itself: when somebody
 * comes again, the END of what she had may come after the TRACK of what she has. So
 * generations grow: a record whose generation is older than the track's newest, by
 * job_generation_is_newer(), comes late and is to be left out.
 * A *feed* goes from job to worker: RTP and RTCP sender reports of one participant. Of its
 * records type, kind, layer and the bytes count, the rest is 0: participant is known, arrival is
 * now. Back come RTCP packets (PLI: a key frame is wanted) and, where it has pictures, TRACK, of
 * which only the codec counts: JOB_VP8 or JOB_H264, what the pictures are to be in from now on.
 * The first one is there when the job starts, and no picture is sent before it; each later one
 * begins all layers anew. Its RTP:
 *   - payload type JOB_PT_OPUS for kind SFU_MIC, JOB_PT_VP8 or JOB_PT_H264 for its picture;
 *   - an SSRC for each layer, all different, chosen by the job: the first record of a layer
 *     binds it, another one later begins the stream anew. PLIs name it;
 *   - one header extension, for sound: the audio level (RFC 6464), id JOB_EXT_AUDIO_LEVEL,
 *     one-byte form. Who sends none counts as moderately loud (a film ranks before all voices);
 *   - VP8 payload descriptors with a 15-bit picture id, for layers to be switched cleanly;
 *   - H.264 (RFC 6184) in packetization mode 1, of constrained baseline profile up to level 3.1,
 *     which every browser decodes; each key frame begins with its parameter sets.
 */
#ifndef SFU_WIRE_JOB_RECORD_H
#define SFU_WIRE_JOB_RECORD_H

#include "base/base.h"

enum {
        JOB_RECORD_HEAD = 48,
        JOB_RECORD_MAX_BYTES = 2048,
        JOB_RECORD_MAX = JOB_RECORD_HEAD + JOB_RECORD_MAX_BYTES,
        JOB_N_KINDS = 3,  /* of enum sfu_kind */
        JOB_N_LAYERS = 3, /* at most */
};

/* RTP of a feed. */
enum { JOB_PT_OPUS = 111, JOB_PT_VP8 = 96, JOB_PT_H264 = 97, JOB_EXT_AUDIO_LEVEL = 1 };

enum job_record_type {
        JOB_TRACK = 1, /* no bytes; of taps, and back to a feed */
        JOB_RTP,       /* bytes: a whole RTP packet, RTX and RED unwrapped; one without a
                        * payload (padding) only fills its number */
        JOB_END,       /* no bytes */
        JOB_GAP,       /* no bytes; `count` packets of this track are missing */
        JOB_RTCP,      /* bytes: one compound packet, feeds only */
};

/* As enum sdp_codec names them, stable here. */
enum job_codec { JOB_OPUS, JOB_VP8, JOB_H264, JOB_VP9, JOB_AV1, JOB_N_CODECS };

struct job_record {
        uint8_t type;         /* enum job_record_type */
        uint8_t kind;         /* enum sfu_kind: microphone, camera, screen */
        uint8_t codec;        /* enum job_codec */
        uint8_t layer;        /* simulcast layer, 0 lowest: RTP of a tap and of a feed */
        uint32_t participant; /* with kind it names the track */
        uint32_t generation;  /* of the track: another one is another stream, whose ext begins
                               * anew. A change of layer or codec is one too */
        uint32_t ext;         /* extended sequence number within the generation */
        uint32_t count;       /* GAP */
        bool starts_keyframe; /* RTP of pictures */
        bool reported;        /* RTP of a tap: media_us is by a sender report; until there is one
                               * it is when it came, on average */
        int64_t arrival_us;   /* when it came */
        int64_t media_us;     /* when it was captured, on our clock, by sender reports once there
                               * were any: sound and picture of one participant agree */
        struct span bytes;    /* borrowed */
};

static inline bool job_generation_is_newer(uint32_t generation, uint32_t than)
{
        return (int32_t)(generation - than) > 0;
}

/* Writes the head of *record to at (JOB_RECORD_HEAD bytes); the bytes follow as they are. */
void job_record_write(uint8_t *at, const struct job_record *record);

/* Returns 0, or -EBADMSG and leaves *ret_record untouched: too short or long, a value out of its
 * range, bytes where none belong or none where they do. What the bytes hold is not read.
 * record->bytes borrows from data. */
must_use int job_record_parse(struct job_record *ret_record, const uint8_t *data, size_t len);

#endif
