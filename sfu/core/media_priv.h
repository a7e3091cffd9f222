/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media_priv — what the files of media_room share with each other, and with
 *              nobody else.
 *
 * Life of a packet: media_in.c (parse, bind, receive) -> media_burst.c (wait for
 * the rest of the loop turn; subscriber by subscriber) -> media_slot.c (map and
 * write) -> the shell. Who shows what: media_view.c (video) and media_audio.c;
 * how much of it: media_allocate.c. Feedback: media_feedback.c (towards
 * publishers), media_report.c (sender reports, quality, statistics),
 * media_rtcp.c (incoming), media_path.c (what a receiver's line carries). Sound
 * with redundancy: media_red.c. What jobs get: media_tap.c.
 *
 * A slot hangs in up to three lists: of the publication it is meant to show
 * (LINK_WATCH), of the layer it shows (LINK_CURRENT), and of the layer it will
 * show from that layer's next key frame on (LINK_NEXT). So a packet costs its
 * subscribers and nothing else.
 *
 *                 slot_aim(layer)         switch point arrives
 *   idle ───────────────► next=layer ───────────────────► current=layer
 *     ▲                      │ gives up after SWITCH_PATIENCE_US: the old source goes
 *     └──────────────────────┴── slot_release(): target gone, muted, no budget
 *
 * Where a line falls suddenly, a slot on its way to a smaller picture is *held*
 * first (slot_pause()): it shows neither until the queue has room.
 *
 * Clocks and lip-sync: each publisher's reports tie her timestamps to her own
 * NTP clock. Per peer we keep one offset from that clock to ours (the smallest
 * seen, so the fastest report counts: struct media_clock), for microphone and
 * camera alike. A slot's sender report says which of its timestamps belongs to
 * *now* on our clock, by way of the publisher's report and that offset. The
 * distance between her sound and her picture is thereby the one she measured
 * at capture, whatever encoder, network and queue did to either. Before her
 * first report, arrival times stand in. At a switch the slot's timestamp goes
 * on by the time between the two packets on that same clock.
 */
#ifndef SFU_CORE_MEDIA_PRIV_H
#define SFU_CORE_MEDIA_PRIV_H

#include "sfu/core/allocator.h"
#include "sfu/core/audio_select.h"
#include "sfu/core/cc.h"
#include "sfu/core/layer_filter.h"
#include "sfu/core/layer_select.h"
#include "sfu/core/media_room.h"
#include "sfu/core/media_tap.h"
#include "sfu/core/nack_gen.h"
#include "sfu/core/rtp_recv.h"
#include "sfu/core/rtx_cache.h"
#include "sfu/core/slot_map.h"
#include "sfu/core/transport_cc.h"
#include "sfu/wire/rtp.h"
#include "sfu/wire/vp8.h"

enum {
        MEDIA_VIDEO_RATE = 90000,
        MEDIA_AUDIO_RATE = 48000,
        MEDIA_MAX_SSRCS = 20, /* 3 kinds x 3 layers x 2, and two spare */
        MEDIA_VIDEO_RING = 512,
        MEDIA_AUDIO_RING = 64,
        MEDIA_VIDEO_MISSING = 128,
        MEDIA_AUDIO_MISSING = 16,
        MEDIA_RECENT_RTX = 16,
        MEDIA_RED_FRAMES = 2,
        MEDIA_VIDEO_WAITING = 256, /* packets of a layer not yet distributed */
        MEDIA_AUDIO_WAITING = 32,

        PLI_INTERVAL_US = 500 * 1000,
        REPORT_INTERVAL_US = 1000 * 1000,
        ALLOCATE_INTERVAL_US = 200 * 1000,
        REGULAR_GRID_US = 10 * 1000,
        TIMEOUTS_PER_CALL = 64,
        WAKE_BLOCK = 64, /* peers whose due times are looked at together */
        WAKE_BLOCKS = (SFU_MAX_PEERS_PER_ROOM + WAKE_BLOCK - 1) / WAKE_BLOCK,
        FLOW_TIMEOUT_US = 1000 * 1000,        /* a layer without packets has stopped, */
        KEY_REST_US = 3000 * 1000,            /* if it does not earn a large key frame's bits */
        SWITCH_PATIENCE_US = 3 * 1000 * 1000, /* then the old source stops anyway */
        RESTART_INTERVAL_US = 200 * 1000,     /* a layer changes its SSRC no faster */
        RTX_BYTES_PER_S = 500 * 1000,         /* retransmitted to a peer of an unknown line, */
        RTX_BURST_BYTES = 1000 * 1000,        /* or a second of the widest view at once */
        RTX_MIN_BPS = 64 * 1000,
        RTX_BURST_MIN_BYTES = 16 * 1000, /* a small key frame */
        RELIEF_US = 2 * 1000 * 1000,     /* what a full queue lost before a switch stays lost */
        RING_GRACE_US = 1000 * 1000,     /* a switch leaves losses behind: still served */
        UNWATCHED_GRACE_US = 5 * 1000 * 1000,
        KEY_PATIENCE_US = 3 * 1000 * 1000,   /* between key frames for a slot's spatial layer */
        START_PATIENCE_US = 2 * 1000 * 1000, /* for a layer that was asked for */
        ABSENT_US = 30 * 1000 * 1000,
        DEFAULT_RTT_US = 100 * 1000,
        /* Sound waits no longer than this for a packet that was lost. */
        AUDIO_NACK_RTT_US = 100 * 1000,
        ROOM_LINES = 256, /* lines remembered */
        LINE_MEMORY_US = 5 * 60 * 1000 * 1000,
};

struct media_link {
        struct media_link *prev, *next;
};

enum { LINK_CURRENT, LINK_NEXT, LINK_WATCH, N_LINKS };

/* What came for a layer and waits for its subscribers; see media_burst.c. */
struct media_burst {
        struct media_in *items; /* while somebody shows the layer; may be NULL (memory) */
        uint16_t cap, n;        /* items[0..n) wait */
        uint16_t n_walked;      /* items[0..n_walked) are being distributed; 0: none yet */
        uint32_t number;        /* of the walk, in the room */
        struct media_link work; /* in room->work[] while n > 0 */
};

struct media_layer {
        struct media_pub *pub;
        uint32_t id; /* in the room; a new one whenever the stream starts over */
        uint8_t index;
        uint8_t generation; /* restarts, modulo 256 */
        uint16_t height;
        uint32_t ssrc, rtx_ssrc; /* 0: not seen yet */
        enum sdp_codec codec;
        uint32_t watched_by, desired_by; /* other workers that do; 0 of a proxy's */
        uint32_t known_bps;              /* what it costs to show, or did when it last flowed */
        int64_t known_us;
        int64_t keyframe_us; /* when the last key frame began */
        struct rtp_recv recv;
        struct nack_gen *nack;   /* both only while somebody shows it, and a little */
        struct rtx_cache *cache; /* longer; may be NULL for lack of memory */
        int64_t left_us;         /* when the last one to show it left */
        bool key_wanted;
        uint8_t tap_watch, tap_desire; /* taps that take it, or wait for it; that want it */
        int64_t pli_us;                /* last request sent */
        int64_t restart_us;            /* last change of SSRC */
        int64_t start_us;              /* last time that its watchers were woken for it */
        uint32_t n_desired;            /* slots that show it, or would if it came */
        bool asked;                    /* the publisher was told to send it, */
        int64_t asked_us;              /* and since when; 0: from the beginning */
        int64_t idle_us;               /* since when nobody desires it */
        int64_t absent_us;             /* it was asked for and did not come: until then not again */
        struct media_link current, next;
        struct media_burst burst;
        struct media_detail *detail; /* of pictures; NULL of sound */
};

/* What is known of the spatial and temporal layers within one stream. */
struct media_detail {
        struct rtp_rate rates[LAYER_MAX_SPATIAL][LAYER_MAX_TEMPORAL]; /* without key frames */
        uint32_t before_key[LAYER_MAX_SPATIAL][LAYER_MAX_TEMPORAL];   /* bps, */
        int64_t before_us;                                            /* and when that was */
        uint32_t key_ts;                                              /* of the last key frame */
        uint16_t heights[LAYER_MAX_SPATIAL];                          /* 0: not told */
        uint32_t frame_ts;                                            /* of the newest frame, */
        int64_t frame_us;                                             /* which began then, */
        uint32_t rest_us;              /* and how long the waits for one are, of late */
        struct dd_structure structure; /* the latest, which came with the packet */
        uint32_t structure_ext;
        uint32_t active; /* decode targets that are sent */
};

struct media_pub {
        struct media_peer *peer;
        enum sfu_kind kind;
        bool muted;
        struct sdp_publication sdp;
        struct media_link watchers;
        bool wanted, wanted_told;
        uint32_t watched_by;        /* other workers with watchers */
        int64_t unwatched_us;       /* since when nobody watches; 0: somebody does */
        uint32_t mic_id;            /* in audio_select */
        uint8_t tapped;             /* taps that it is for */
        struct media_track *tracks; /* [MEDIA_MAX_TAPS] of an own peer's, once there was a tap */
        size_t n_layers;
        struct media_layer layers[SDP_MAX_RIDS];
};

/* The extension block of most of a slot's packets, those without the MID. */
struct slot_ext {
        uint8_t len;          /* whole words; 0: there is none */
        uint8_t send_time_at; /* offset of abs-send-time; 0: none */
        uint8_t number_at;    /* offset of the transport-wide number; 0: none */
        uint8_t bytes[13];    /* head, abs-send-time (1 + 3), number (1 + 2), padding */
};

enum {
        SLOT_NO_PT = 0xff,
        SLOT_MAX_EXTS = 3,
        SLOT_EXT_CAP = 32, /* block head, MID (1 + 16), abs-send-time (1 + 3) or a
                            * transport-wide number (1 + 2), padding */
};

/* What every packet needs comes first, in five cache lines. */
struct media_slot {
        struct media_link links[N_LINKS];
        struct media_peer *peer;
        uint32_t walked[2];        /* LINK_CURRENT, LINK_NEXT: the last walk that came by */
        uint8_t pts[SDP_N_CODECS]; /* SLOT_NO_PT: not negotiated */
        bool audio, started;
        bool mid_known; /* the receiver has reported on this SSRC */
        uint8_t tl0picidx;
        uint16_t picture_id;
        uint16_t frame_number; /* of dependency descriptors */
        uint16_t skipped_id;   /* picture id of the source, of the last one not taken */
        struct layer_filter filter;
        uint32_t last_ts;      /* of the newest packet sent, and */
        int64_t last_time_us;  /* its moment on our clock, */
        int64_t last_sent_us;  /* and when we sent it */
        uint32_t mid_last_ext; /* the newest packet that carried the MID */
        uint32_t packets, octets;
        struct rtp_rate rate;
        struct slot_ext ext;
        uint8_t index; /* among the peer's slots of its kind */
        struct sdp_slot sdp;
        struct slot_map map; /* its beginning */

        struct sfu_slot_view view;
        struct media_pub *target;
        struct media_layer *current, *next;
        struct media_layer *desired; /* of target: what fits its size and the line */
        int64_t next_since_us;
        bool held;           /* paused, until the queue has room for a key frame */
        int64_t relieved_us; /* when a picture was last held, or taken away; 0: never */
        struct alloc_memory grant;
        uint32_t shown; /* participant, as the last event said */
        enum sfu_kind shown_kind;
        uint32_t rtx_ext; /* extended, as the numbers of the map */
        uint64_t retransmitted;
        int64_t key_us;   /* a key frame was asked for its spatial layer */
        bool report_soon; /* a switch: the receiver should learn the new clock */
        uint8_t fraction_lost;
        uint32_t lost, jitter;
        struct {
                uint16_t seq, at_ms;
        } recent[MEDIA_RECENT_RTX]; /* by seq modulo: not twice within an RTT */
};

/* From a publisher's NTP clock to ours. */
struct media_clock {
        bool valid;
        int64_t offset_us;
        int64_t updated_us;
};

struct media_ssrc {
        uint32_t ssrc;
        bool rtx;
        struct media_layer *layer;
};

/* The number a sound packet went out under: a repeat carries the same. */
struct path_sound {
        uint32_t ext; /* extended: not one of 65,536 packets ago */
        uint16_t number;
        uint8_t red_frames; /* bit i: it carried the frame i + 1 before as well */
};

/* What a receiver's line carries; made when the first packet leaves that the
 * receiver will report on, so a silent delegate has none. */
struct media_path {
        struct cc *cc;
        uint64_t n_sent, n_reported; /* numbers */
        uint8_t red_depth;      /* frames that sound carries on top of its own, while it is lossy */
        uint8_t red_frames;     /* of the sound packet that is about to be numbered */
        int64_t report_free_us; /* see budget_take() */
        bool can_probe;         /* there is an RTX stream to do it on */
        bool unheeded;          /* see path_on_arrival(); its numbers stay, for repeats */
        uint8_t n_heard;        /* see there */
        int64_t heard_us;
        bool has_arrival;
        int64_t arrival_us;    /* the last one reported, on the receiver's clock */
        uint64_t spent_of_bps; /* the target when it was last spent, */
        int64_t spent_us;      /* and when */
        uint64_t untested_bps; /* granted before losses were put to the test */
        int64_t freed_us;      /* when the last held picture was let go */
        int64_t calm_us;       /* from when on losses are the line's own */
        uint64_t overuses;
        int64_t red_us, red_update_us; /* when the depth was set, and is due */
        struct path_sound sound[SFU_AUDIO_SLOTS][MEDIA_AUDIO_RING];
};

/* What each outgoing packet needs comes first, then what each report does. */
struct media_peer {
        struct media_room *room;
        void *tag;
        struct media_path *path;
        uint64_t n_sent;            /* packets of media, each once */
        struct rtp_rate video_rate; /* what its video slots were sent */
        uint32_t participant;
        size_t index; /* in the room's arrays */
        uint64_t n_rtcp, n_nacked;
        int64_t rtcp_free_us; /* see budget_take() */
        int64_t report_us, allocate_us, quality_us;
        struct alloc_sum spent;
        size_t n_audio, n_slots;
        unsigned n_held; /* slots */
        bool connected;
        struct media_proxy *proxy; /* it is another worker's (media_remote.h) */
        struct media_key *key;     /* an own one that other workers know */
        struct sdp_ext_ids ext;    /* RFC 8843 §9.2: one meaning per id in a bundle */
        bool transport_cc;
        bool film;
        struct media_pub *pubs[SFU_N_KINDS]; /* NULL: not offered */
        size_t n_ssrcs;
        struct media_ssrc ssrcs[MEDIA_MAX_SSRCS];
        uint32_t local_ssrc; /* of our feedback */
        struct transport_cc tcc;
        struct media_clock clock;
        uint32_t rtt_us;                 /* 0: unknown */
        int64_t rtx_spent, rtx_spent_us; /* bytes, of RTX_BURST_BYTES; and at which moment */
        uint64_t remb_bps;
        struct line_budget line;  /* of a line that can't be probed, or reports REMB only */
        bool pathless;            /* no memory for a path */
        struct rtp_rate rtx_rate; /* of video_rate, and more: what was sent again */
        enum sfu_carries carries, carries_told;
        int64_t carries_us; /* since when */
        bool quality_changed;
        uint8_t in_loss;           /* of 256, of what it sends, in the last interval */
        int8_t bars;               /* last told; -1: never */
        struct media_slot slots[]; /* audio first */
};

struct media_counters {
        uint64_t nack_in, nack_out, rtx_out, rtx_miss, pli_in, pli_out, rtp_bad, overtaken;
        uint64_t relayed, relay_dropped; /* packets, to other workers */
        uint64_t feedback_dropped, probe_bytes;
        uint64_t tap_records, tap_dropped;
};

struct room_line {
        uint32_t participant;
        int64_t at_us;
        uint64_t bps;
};

struct media_room {
        struct media_out out;
        uint64_t random;
        size_t n_peers, cap_peers;
        struct media_peer **peers;
        uint32_t *participants;        /* of peers[i]: found without touching the peers */
        int64_t *due_us;               /* when peers[i] wants peer_on_timeout() */
        int64_t block_us[WAKE_BLOCKS]; /* no entry of a block of due_us is earlier, */
        int64_t next_us;               /* and none at all */
        size_t n_layer_ids;
        struct media_layer **layer_ids; /* by id modulo ID_SPAN */
        uint32_t *layer_generations;
        struct audio_select *select;
        struct audio_ranking ranking;
        size_t n_mics;
        struct media_pub **mics;         /* by mic_id */
        size_t n_available[SFU_N_KINDS]; /* publications that can be shown, or heard */
        uint32_t speaker;                /* as told; 0: silence */
        uint32_t last_speaker;           /* whom SFU_ACTIVE_SPEAKER shows through a silence */
        bool has_wall;
        int64_t wall_offset_us;
        struct media_link work[2]; /* layers whose packets wait: sound, pictures */
        uint32_t n_walks;
        struct room_line *lines; /* ROOM_LINES, once somebody left; or NULL */
        struct media_counters counters;
        struct media_span *span; /* NULL: this room has one worker */
        size_t n_taps;
        struct media_tap *taps[MEDIA_MAX_TAPS];
        uint32_t tap_camera; /* whose camera SFU_TAP_PROGRAM shows; 0: nobody's */
};

/* The numbers that VP8 and VP9 give their pictures, and where they stand in the
 * payload; at 0: nowhere. */
struct media_numbers {
        uint8_t id_at, tl0_at;
        bool long_id;
        uint8_t tl0;
        uint16_t id;
};

/* One packet on its way. */
struct media_in {
        struct pkt *pkt;
        struct rtp_pkt rtp;
        uint32_t ext, newest; /* its number, and the layer's newest when it came */
        int64_t time_us;      /* of its timestamp, on our clock */
        enum sdp_codec codec;
        bool starts_keyframe;
        bool layered; /* says what layer it belongs to, in frame */
        struct layer_frame frame;
        struct media_numbers numbers;
        struct span dd;                      /* the dependency descriptor; may be empty */
        uint16_t heights[LAYER_MAX_SPATIAL]; /* as a key frame tells; 0: it does not */
        uint8_t primary_pt;                  /* of RED: the newest frame alone */
        struct span primary;
};

/* Packets on their way out to one slot after the other. */
struct media_pass {
        const struct media_out *out;
        int64_t now_us;
        uint8_t send_time[3]; /* abs-send-time of now_us */
        size_t n, bytes;      /* of the present slot: what it was sent in this pass */
};

/* Lists. */
static inline void link_init(struct media_link *l)
{
        l->prev = l->next = l;
}

static inline void link_remove(struct media_link *l)
{
        l->prev->next = l->next;
        l->next->prev = l->prev;
        link_init(l);
}

static inline void link_append(struct media_link *head, struct media_link *l)
{
        l->prev = head->prev;
        l->next = head;
        head->prev->next = l;
        head->prev = l;
}

/* The head moves behind its first element. */
static inline void link_rotate(struct media_link *head)
{
        struct media_link *first = head->next;

        link_remove(head);
        head->prev = first;
        head->next = first->next;
        first->next->prev = head;
        first->next = head;
}

static inline bool link_empty(const struct media_link *head)
{
        return head->next == head;
}

static inline struct media_slot *slot_of(struct media_link *l, int which)
{
        return (struct media_slot *)(void *)((uint8_t *)(l - which) -
                                             offsetof(struct media_slot, links));
}

/* Visits each slot of a list; the body may take the slot out of it. */
#define list_for_each(slot, head, which)                                                           \
        for (struct media_link *l_ = (head)->next, *n_ = l_->next;                                 \
             l_ != (head) && ((slot) = slot_of(l_, (which)), true); l_ = n_, n_ = n_->next)

/* For what is regular and may wait a little: the timers of a thousand peers fall on
 * a hundred moments a second. */
static inline int64_t regular_us(int64_t at_us)
{
        return (at_us + REGULAR_GRID_US - 1) / REGULAR_GRID_US * REGULAR_GRID_US;
}

/* media_room.c */
uint32_t room_random(struct media_room *room);
void peer_wake(struct media_peer *peer, int64_t at_us);
struct media_peer *room_find(const struct media_room *room, uint32_t participant);
must_use int room_add_layer(struct media_room *room, struct media_layer *layer);
void room_remove_layer(struct media_room *room, struct media_layer *layer);
void room_renumber_layer(struct media_room *room, struct media_layer *layer);
struct media_layer *room_layer(const struct media_room *room, uint32_t id);
void media_tell(struct media_peer *peer, const struct sfu_event *event);

must_use int room_add_peer(struct media_room *room, struct media_peer **ret_peer,
                           const struct media_peer_params *params, int64_t now_us);

/* media_pub.c */
must_use int pub_new(struct media_pub **ret_pub, struct media_peer *peer, enum sfu_kind kind,
                     const struct sdp_publication *sdp);
struct media_pub *pub_free(struct media_pub *pub);
DEFINE_CLEANUP(struct media_pub *, pub_free)
void layer_watched(struct media_layer *layer);
void layer_unwatched(struct media_layer *layer, int64_t now_us);
int64_t layer_tidy(struct media_layer *layer, int64_t now_us); /* returns when again */
/* By a slot here or on another worker, or a tap: shown, or to be at its next key frame. */
bool layer_is_shown(const struct media_layer *layer);
bool layer_is_desired(const struct media_layer *layer);
bool layer_flows(const struct media_layer *layer, int64_t now_us);
/* It flows, or rests behind a key frame. */
bool layer_is_live(const struct media_layer *layer, int64_t now_us);
/* It is live, or would be soon if somebody desired it. */
bool layer_available(const struct media_layer *layer, int64_t now_us);
void layer_want_key(struct media_layer *layer, int64_t now_us);
void layer_restart(struct media_layer *layer, int64_t now_us);
int64_t layer_time_of(const struct media_layer *layer, uint32_t ts);
/* The same, and whether it is by a sender report. */
int64_t layer_time_by(const struct media_layer *layer, uint32_t ts, bool *ret_reported);
uint32_t layer_ts_at(const struct media_layer *layer, int64_t time_us);
void clock_on_sr(struct media_clock *clock, uint64_t ntp, int64_t now_us);
void pub_update_wanted(struct media_pub *pub, int64_t now_us);
must_use bool pub_codec(const struct media_pub *pub, uint8_t pt, enum sdp_codec *ret_codec);

/* media_in.c */
must_use bool media_in_classify(struct media_in *in, const struct media_pub *pub);
/* A packet that the layer's home worker has taken; in->pkt and in->ext are set. */
void layer_on_relayed(struct media_layer *layer, struct media_in *in, bool recovered,
                      int64_t now_us);
/* A layer that was silent flows: its watchers look again. */
void layer_on_start(struct media_layer *layer, int64_t now_us);

/* media_burst.c */
void burst_init(struct media_burst *burst);
void burst_watched(struct media_burst *burst, bool sound);
void burst_unwatched(struct media_burst *burst); /* nothing waits any more */
void layer_push(struct media_layer *layer, const struct media_in *in, int64_t now_us);
void layer_drop_waiting(struct media_layer *layer);

/* media_layers.c */
/* Reads the packet's dependency descriptor. fresh: it has just come, else it is one
 * that came before. */
void layer_describe(struct media_layer *layer, struct media_in *in, bool fresh, int64_t now_us);
/* Rate of the stream without what is above these layers; a little too high where
 * lower spatial layers are left out too. */
uint32_t layer_bps_of(const struct media_layer *layer, uint8_t sid, uint8_t tid, int64_t now_us);
/* How many there are now; at least 1. */
uint8_t layer_n_spatial(const struct media_layer *layer, int64_t now_us);
uint8_t layer_n_temporal(const struct media_layer *layer, int64_t now_us);
/* Pictures come seldom, or their encoder leaves some out: without a part of them it would
 * stand still. */
bool layer_is_slow(const struct media_layer *layer);
/* The lowest spatial layer at least so high, LAYER_ALL when only the highest is. */
uint8_t layer_sid_for(const struct media_layer *layer, uint16_t height, int64_t now_us);
/* The slot takes nothing above these layers of what it shows, LAYER_ALL: no limit. */
void slot_limit(struct media_slot *slot, uint8_t sid, uint8_t tid, int64_t now_us);
/* False: the packet is of a layer that the slot does not take, and was skipped. */
must_use bool slot_takes(struct media_slot *slot, const struct media_in *in);
/* The packet's dependency descriptor as the slot sends it; buf: DD_MAX_BYTES. */
struct span slot_descriptor(const struct media_slot *slot, const struct media_in *in,
                            const struct slot_seg *seg, uint8_t *buf);

/* media_slot.c */
void slot_init(struct media_slot *slot, struct media_peer *peer, const struct sdp_slot *sdp);
void slot_set_target(struct media_slot *slot, struct media_pub *pub, int64_t now_us);
void slot_desire(struct media_slot *slot, struct media_layer *layer, int64_t now_us);
void slot_aim(struct media_slot *slot, struct media_layer *layer, int64_t now_us);
void slot_release(struct media_slot *slot, int64_t now_us);
void slot_restart(struct media_slot *slot, int64_t now_us);
void slot_pause(struct media_slot *slot, int64_t now_us); /* it is held, until slot_aim() */
void slot_give_up(struct media_slot *slot, int64_t now_us);
void slot_switch(struct media_slot *slot, const struct media_in *in, int64_t now_us);
struct media_pass media_pass_init(const struct media_room *room, int64_t now_us);
void slot_forward(struct media_slot *slot, const struct media_in *in, struct media_pass *pass);
/* After a switch at a key frame that came late (lost, then recovered): what
 * followed it up to newest came first, and is taken from the ring; but not what
 * is among the n at waiting, which the slot gets anyway. */
void slot_catch_up(struct media_slot *slot, uint32_t newest, const struct media_in *waiting,
                   size_t n, struct media_pass *pass);
void slot_skip(struct media_slot *slot, const struct media_in *in, struct media_pass *pass);
/* After the last packet of a pass to this slot. */
void slot_count(struct media_slot *slot, struct media_pass *pass);
void slot_on_nack(struct media_slot *slot, const uint16_t *seqs, size_t n, int64_t now_us);
/* A packet of the last second once more, as RTX. Its length, 0: not there. */
size_t slot_repeat(struct media_slot *slot, uint16_t seq, struct media_pass *pass);
/* What stands in every packet, and the MID as long as the receiver may need it. Returns
 * how many items, of SLOT_MAX_EXTS; they point into the slot and to send_time and number. */
size_t slot_list_ext(const struct media_slot *slot, bool with_mid, const uint8_t *send_time,
                     const uint8_t *number, struct rtp_ext_item *items);
struct media_slot *peer_slot_by_ssrc(struct media_peer *peer, uint32_t ssrc);

/* media_view.c */
bool pub_available(const struct media_pub *pub);
void peer_resolve(struct media_peer *peer, int64_t now_us);
void room_resolve(struct media_room *room, uint32_t participant, int64_t now_us);

/* media_allocate.c */
void peer_allocate(struct media_peer *peer, int64_t now_us);
/* A report came: pictures that are held may be due earlier. */
void peer_look_at_held(struct media_peer *peer, int64_t now_us);
/* Whether the line has anything to be divided, every ALLOCATE_INTERVAL_US. */
bool peer_needs_allocation(const struct media_peer *peer);

/* media_audio.c */
void room_audio_tick(struct media_room *room, int64_t now_us);
void peer_assign_audio(struct media_peer *peer, int64_t now_us);
must_use int room_add_mic(struct media_room *room, struct media_pub *pub);
void room_remove_mic(struct media_room *room, struct media_pub *pub);

/* media_relay.c: does nothing where a room has one worker. The first two are for
 * own peers, the next five skip proxies, the last two are true for proxies. */
must_use int relay_add_peer(struct media_peer *peer);
void relay_remove_peer(struct media_peer *peer);
void relay_peer_changed(struct media_peer *peer);
void relay_layer_changed(struct media_layer *layer);
void relay_layer_started(struct media_layer *layer);
void relay_packet(struct media_layer *layer, const struct media_in *in,
                  const struct audio_claim *claim, bool recovered, int64_t now_us);
bool relay_watch(struct media_peer *peer);
bool relay_want_key(struct media_layer *layer);

/* media_remote.c */
struct media_span *span_free(struct media_room *room);
void proxy_free(struct media_peer *peer); /* of any peer: what makes it a proxy */
int64_t proxy_on_timeout(struct media_peer *peer, int64_t now_us); /* returns when again */

/* media_tap.c. For own peers; does nothing where there is no tap. */
must_use int taps_add_peer(struct media_peer *peer);
void taps_look(struct media_room *room, int64_t now_us);     /* at who is muted, speaks, is here */
int64_t taps_look_at(struct media_pub *pub, int64_t now_us); /* at its layers; when again */
/* A packet of a layer with tap_watch, which is in the ring by now. */
void taps_take(struct media_layer *layer, const struct media_in *in, int64_t now_us);
void taps_forget(struct media_pub *pub); /* it ends */
void taps_free(struct media_room *room);

/* media_feedback.c: returns when it wants to be called again. */
int64_t peer_feedback(struct media_peer *peer, int64_t now_us);

/* What a slot sends of a sound packet: in, or a copy that lives in *ret_taken. */
struct media_taken {
        struct media_in in;
        uint8_t payload[1200];
};

/* media_red.c. in_first: the first packet of this source that the slot sent. The
 * second is for a repeat; NULL: it cannot be the same bytes any more. */
const struct media_in *slot_takes_sound(struct media_taken *ret_taken, struct media_slot *slot,
                                        const struct media_layer *layer, const struct media_in *in,
                                        uint32_t in_first);
const struct media_in *slot_takes_sound_again(struct media_taken *ret_taken,
                                              struct media_slot *slot,
                                              const struct media_layer *layer,
                                              const struct media_in *in, uint32_t in_first,
                                              uint32_t out_ext);
void path_update_red(const struct media_peer *peer, int64_t now_us);
/* Frames that the slot's packets carry on top of their own. */
unsigned path_red_depth(const struct media_slot *slot);
/* Packets before each one that go out again with it. */
unsigned path_n_repeats(const struct media_slot *slot);

/* media_path.c. A budget is the moment at which all that was spent is earned
 * again; false: more than burst_us would be spent in advance. */
must_use bool budget_take(int64_t *free_us, int64_t cost_us, int64_t burst_us, int64_t now_us);
struct media_path *path_free(struct media_path *path);
DEFINE_CLEANUP(struct media_path *, path_free)
/* Whether packets of this slot are reported on; then each gets a number. */
bool path_covers(struct media_slot *slot, int64_t now_us);
bool slot_is_reported(const struct media_slot *slot);
uint16_t path_number(struct media_slot *slot, size_t bytes, uint32_t ext, bool rtx, int64_t now_us);
/* What path_number() of the slot's next packet of sound will touch is loaded. */
void path_prefetch_sound(const struct media_slot *slot);
/* The number that a sound packet has; false: not known any more, so it must not
 * be repeated. */
must_use bool path_number_again(const struct media_slot *slot, uint32_t ext, uint16_t *ret_number);
/* It is repeated now. missed: the receiver asked for it. */
void path_on_repeat(const struct media_slot *slot, uint32_t ext, bool missed, int64_t now_us);
void path_on_allocated(struct media_peer *peer, int64_t now_us);
/* Its queue is: what is sent now comes late or never. */
bool path_is_full(const struct media_peer *peer);
/* It carries hardly more than a voice: what goes there besides is sent rarely. */
bool path_is_narrow(const struct media_peer *peer);
/* How long what waits there will take, as far as is known. */
int64_t path_backlog_us(const struct media_peer *peer, int64_t now_us);
/* What may be spent on repeating pictures: half of what the line carries, an eighth
 * while it is full. */
uint64_t path_rtx_bps(const struct media_path *path);
/* With what waits in queues now. 0: unknown. */
uint32_t peer_rtt_us(const struct media_peer *peer);
/* A receiver report says that something numbered arrives. */
void path_on_arrival(struct media_peer *peer, int64_t now_us);
int path_on_tcc(struct media_peer *peer, const struct rtcp_pkt *pkt, int64_t now_us);
int path_on_ccfb(struct media_peer *peer, const struct rtcp_pkt *pkt, int64_t now_us);
int64_t path_on_timeout(struct media_peer *peer, int64_t now_us); /* returns when again */
uint32_t peer_sent_bps(const struct media_peer *peer, int64_t now_us);
void room_remember_line(struct media_peer *peer, int64_t now_us);
uint64_t room_recall_line(const struct media_peer *peer, int64_t now_us); /* 0: unknown */

/* media_report.c; the first likewise. */
int64_t peer_report(struct media_peer *peer, int64_t now_us);
void peer_quality(struct media_peer *peer, int64_t now_us);

#endif
