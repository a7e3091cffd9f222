/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim — a room of scripted peers in virtual time, behind a network with seeded
 *       loss, delay and reordering. Drives sfu/core/media_room.h and nothing
 *       else; an hour of media takes seconds.
 *
 * Each media packet carries a signature (who, kind, layer, moment of capture),
 * so that a receiver knows what it shows without trusting the server.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "sfu/core/transport_cc.h"
#include "sfu/core/media_remote.h"
#include "sfu/core/media_tap.h"
#include "sfu/core/nack_gen.h"
#include "sfu/wire/rtcp.h"
#include "sfu/wire/rtp.h"
#include "tests/sim/link.h"

enum {
        SIM_MAX_PEERS = 1024,
        SIM_MAX_ARRIVALS = 128,
        SIM_MAX_EVENTS = 256, /* kept per peer */
        SIM_MAX_TRACKS = 32,  /* of a tap */
        SIM_MAX_WORKERS = 4,
        SIM_LINK_CAP = 512,   /* records from one worker to another, of which */
        SIM_LINK_KEPT = 64,   /* packets leave so many to the rest */
        SIM_HISTORY = 1 << 9, /* a sender's packets for its own retransmission */
};

struct sim_net {
        int loss_permille, jitter_us, delay_us, reorder_permille;
};

/* What a receiver got in one slot. */
struct sim_rx {
        bool started;
        bool known[2]; /* the stream and its RTX, by their MID */
        uint32_t n_packets, n_lost, n_duplicates, n_rtx, n_red, n_switches, n_keyframes;
        uint32_t n_pid_jumps, n_ts_back;
        uint32_t first_ext, highest_ext;
        uint32_t last_ts, last_pid;
        bool has_pid;
        uint8_t last_tl0;
        int64_t last_upper_us; /* a spatial layer above the lowest */
        bool with_mid, with_send_time, last_marker;
        uint32_t source; /* who is shown, by signature */
        int kind, layer;
        bool broken; /* a frame of a new source came before its key frame */
        int64_t last_us, last_capture_us, max_gap_us;
        uint8_t *seen; /* bit per 16-bit seq */
        struct nack_gen *nack;
        bool has_sr;
        uint64_t sr_ntp;
        int64_t sr_us;
        uint8_t report_loss; /* fraction to claim in receiver reports */
        uint32_t sr_ts, n_sr;
        int64_t capture_offset_us; /* NTP time by SR - capture, of the last packet */
};

struct sim_tx {
        bool on;
        uint32_t ssrc, rtx_ssrc;
        uint16_t seq, rtx_seq, pid;
        uint8_t tl0;
        uint32_t ts_base;
        int width, height, packets_per_frame;
        int key_packets; /* of a key frame; 0: thrice as many */
        bool key_due;
        bool temporal; /* in three temporal layers: 0 2 1 2 */
        uint8_t phase; /* of these four */
        uint32_t n_pli, n_nacked, n_sent, n_frames;
        int64_t pli_times[64];
        struct sim_sent *history;
};

struct sim_sent {
        struct rtp_pkt header;
        uint16_t len;
        uint8_t data[128];
};

struct sim_mic {
        bool on, no_level_ext;
        int level; /* -dBov */
        int swing; /* up and down by as much, as speech does */
        int dips;  /* every so many packets a pause */
        uint32_t n;
};

/* What of one stream is not yet in a report of RFC 8888; reports follow on each other (§ 3.1). */
struct sim_arrivals {
        bool begun;
        uint16_t begin, n;
        int64_t at_us[SIM_MAX_ARRIVALS];
};

struct sim_peer {
        struct sim *sim;
        struct sim_worker *worker;
        struct media_peer *media;
        struct sdp_media sdp;
        uint32_t participant;
        bool gone, reacts; /* reacts: sends NACK, RR */
        bool hostile;
        bool deaf;               /* sends no key frame when asked */
        bool no_audio_nack;      /* does not ask for lost sound */
        bool no_feedback;        /* of congestion, though negotiated */
        uint64_t remb_bps;       /* sent every second; 0: none */
        struct transport_cc tcc; /* of what the slots get */
        bool ccfb;
        struct sim_arrivals *arrivals; /* by SSRC: media, then RTX */
        struct sim_net up, down;
        struct link *line;                  /* instead of down; freed with the peer */
        uint64_t n_line_sent, n_line_lost;  /* packets into it, and those it lost */
        size_t voice_bytes, picture_bytes;  /* packets are filled up to so much payload */
        int64_t ntp_skew_us;                /* her clock against ours */
        int audio_delay_us, video_delay_us; /* capture to sending */
        int fps;
        struct sim_tx cam[3], screen, mic_tx;
        bool wanted[SFU_N_KINDS];
        uint8_t layers; /* of the camera that are of use */
        bool ignores_wanted;
        uint16_t transport_seq;
        struct sim_mic mic;
        struct sim_rx rx[SFU_MAX_SLOTS];
        struct sfu_event events[SIM_MAX_EVENTS];
        size_t n_events;
        uint8_t out[2048];
        size_t out_cap;
        uint32_t n_rtp_out, n_tcc, n_rr, n_ticks;
        bool has_number;
        uint16_t highest_number;
        uint32_t n_numbers, n_number_gaps, n_padding;
        uint64_t n_bytes_sent; /* to it, RTP */
        int64_t last_tcc_us, max_tcc_gap_us;
        bool refuse; /* reserve() has no room */
        bool no_reports;
        /* Repeats of a number with other bytes: audio packets sent so far, by hash. */
        uint32_t n_changed_repeats;
        uint32_t *audio_hashes;
        uint8_t last_voice[64]; /* the frame before, for redundancy */
        size_t last_voice_len;
};

/* What a tap gave of one publication; of the present generation unless it says otherwise. */
struct sim_track {
        uint32_t participant, generation;
        int kind, layer;
        bool live;                      /* no END yet */
        uint32_t n_generations, n_ends; /* of all, */
        uint32_t n_total, n_keyframes;  /* packets, and those that begin a key frame */
        uint32_t n_duplicates,
                n_broken; /* a packet twice; a picture that began without a key frame, */
        uint32_t n_late;  /* or before it; of a generation that was over */
        uint32_t n_gaps, n_told_missing; /* GAPs, and what they counted */
        uint32_t n, lowest_ext, highest_ext;
        bool after_gap;
        int64_t first_us, last_us, skew_us; /* of the last packet: media_us - capture */
        uint8_t seen[8192];                 /* bit per 16-bit seq */
};

/* A job that takes all it is given, or budget bytes in all when that is not negative; of these
 * pictures take none of the last kept. */
struct sim_tap {
        struct sim *sim;
        /* Instead of all below; NULL: none. */
        void (*take)(void *user, const struct job_record *record);
        void *user;
        int64_t budget, kept;
        bool refused;
        size_t n_tracks;
        struct sim_track tracks[SIM_MAX_TRACKS];
        struct media_tap *taps[SIM_MAX_WORKERS];
};

/* Records from one worker to another, oldest first. */
struct sim_link {
        size_t first, n;
        struct media_relay records[SIM_LINK_CAP];
};

struct sim_worker {
        struct sim *sim;
        struct media_room *room;
        bool stalled; /* takes no records and sees no timers */
        struct sim_link from[SIM_MAX_WORKERS];
};

struct sim {
        unsigned n_workers;
        struct sim_worker *workers[SIM_MAX_WORKERS];
        unsigned n_untold;       /* workers that found no room for all they have to tell */
        struct media_room *room; /* of the first worker */
        struct pkt_pool *pool;
        int64_t now_us, wall_us;
        uint64_t random;
        size_t n_peers;
        struct sim_peer *peers[SIM_MAX_PEERS];
        struct sim_flight *flights; /* heap by time */
        size_t n_flights, cap_flights;
        uint64_t order;
        struct sfu_event room_events[SIM_MAX_EVENTS];
        size_t n_room_events;
        bool cut; /* what the server sends is counted and thrown away */
        void (*damage)(struct sim *sim, uint8_t *data, uint16_t *len); /* of hostile peers */
};

struct sim_offer {
        bool mic, cam, screen;
        int n_layers; /* of the camera; 0: 1 */
        bool rids;    /* layers by rid (else a=ssrc) */
        bool h264;    /* camera and slots speak H.264 only, */
        bool vp9;     /* or VP9: pictures of two spatial layers in one stream */
        bool red;     /* sound with redundancy, both ways */
        bool reports; /* transport-wide feedback about what the slots get */
        bool ccfb;    /* or that of RFC 8888 */
        bool no_rtx;  /* for what is received */
        bool film;    /* its sound keeps its rank */
        int n_audio, n_video;
};

/* On as many workers as the environment's SIM_WORKERS says, else one; peers take turns. */
void sim_init(struct sim *sim, uint64_t seed);
void sim_init_workers(struct sim *sim, uint64_t seed, unsigned n_workers);
void sim_done(struct sim *sim);
uint32_t sim_random(struct sim *sim);

/* Joins, connected at once, sending what was offered. */
struct sim_peer *sim_join_on(struct sim *sim, unsigned worker, uint32_t participant,
                             const struct sim_offer *offer);
struct sim_peer *sim_join(struct sim *sim, uint32_t participant, const struct sim_offer *offer);
void sim_leave(struct sim *sim, struct sim_peer *peer);
void sim_run(struct sim *sim, int64_t for_us);
/* What workers have to tell each other, told. sim_run() does it. */
void sim_settle(struct sim *sim);
void sim_counters(const struct sim *sim, struct sfu_counters *ret_counters);
void sim_send_rtcp(struct sim_peer *peer, const uint8_t *data, size_t len);
void sim_send_padding(struct sim_peer *peer, int layer);
void sim_send_rtx_probe(struct sim_peer *peer);
void sim_send_pli(struct sim_peer *peer, size_t slot);

/* A tap on every worker's room. */
struct sim_tap *sim_tap_new(struct sim *sim, enum sfu_tap_mode mode);
void sim_tap_free(struct sim_tap *tap); /* before sim_done() */
/* It has so much room again. */
void sim_tap_refill(struct sim_tap *tap, int64_t budget);
/* NULL: there was none. */
struct sim_track *sim_tap_track(struct sim_tap *tap, uint32_t participant, enum sfu_kind kind);
/* Packets that the present generation is short of. */
uint32_t sim_track_lost(const struct sim_track *track);
bool sim_tap_on_record(void *user, void *tag, const struct job_record *record);

/* One view of a video slot. */
void sim_watch(struct sim_peer *peer, uint8_t slot, uint32_t participant, enum sfu_kind kind,
               uint16_t max_height, uint8_t priority);

void sim_mute(struct sim_peer *peer, enum sfu_kind kind, bool muted);

/* The nth video slot's receiver (audio slots come first). */
struct sim_rx *sim_video(struct sim_peer *peer, size_t nth);
size_t sim_count_events(const struct sim_peer *peer, enum sfu_event_type type);
const struct sfu_event *sim_last_event(const struct sim_peer *peer, enum sfu_event_type type);

/* The last event about one slot, or NULL. */
const struct sfu_event *sim_last_slot_event(const struct sim_peer *peer, bool audio, uint8_t index);

/* True when one of the peer's audio slots got this participant's voice within the last second. */
bool sim_hears(const struct sim_peer *peer, uint32_t participant);

#endif
