/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sfu — the media plane as the rest of the program sees it.
 *
 * Owner:  the signalling thread makes one struct sfu, calls every function
 *         below from that one thread, and frees it.
 * Thread: media workers run inside; they report through events, which wait in
 *         a bounded queue until sfu_poll() takes them. The wake callback is
 *         the only thing called from a worker thread.
 * Units:  *_us monotonic microseconds, *_bps bits per second.
 *
 * Words:  a *room* is the media side of one meeting. A *participant* is a
 *         number the caller chose, unique in its room, never 0. A *peer* is
 *         one PeerConnection of a participant; opening another one for the
 *         same participant replaces the first.
 *
 * Invariants:
 *  (1) a room appears with its first peer and goes with its last. A small one
 *      lives on one worker; the peers of a large one are spread over all by load.
 *  (2) after sfu_peer_close() or SFU_EV_GONE no further event names the peer.
 *  (3) a worker that hangs in one turn for SFU_HUNG_US (sfu/io/tuning.h), and not for want of
 *      a CPU, ends the process by abort(), from within sfu_poll(): half a server is worse
 *      than none.
 */
#ifndef SFU_API_H
#define SFU_API_H

#include "base/base.h"

enum {
        SFU_AUDIO_SLOTS = 3,
        SFU_MAX_VIDEO_SLOTS = 25,
        SFU_MAX_SLOTS = SFU_AUDIO_SLOTS + SFU_MAX_VIDEO_SLOTS,
        SFU_MAX_SDP_BYTES = 256 * 1024,
        SFU_MAX_PEERS_PER_ROOM = 2048,
        SFU_MAX_TAPS_PER_ROOM = 4,
};

/* What a participant may send: one of each. */
enum sfu_kind { SFU_MIC, SFU_CAMERA, SFU_SCREEN, SFU_N_KINDS };

/* A video slot may follow whoever speaks instead of one participant. */
#define SFU_ACTIVE_SPEAKER UINT32_MAX

struct sfu;

struct sfu_config {
        unsigned n_workers;           /* >= 1; worker i listens on media_port + i, UDP and TCP */
        uint16_t media_port;          /* 0: any free port (tests) */
        const char *const *addresses; /* announced candidates, textual IPv4/IPv6; private ones
                                       * are preferred, then the order counts */
        size_t n_addresses;           /* >= 1 */
        const char *identity_path;    /* PEM of DTLS key + certificate; made (0600) when missing */
        void (*wake)(void *user);     /* any thread: events are waiting */
        void *wake_user;
};

/* Binds the ports and starts the workers. Returns 0 or -errno; then *ret_error
 * (may be NULL) is one clear line for the operator. */
must_use int sfu_new(struct sfu **ret_sfu, const struct sfu_config *config, char *ret_error,
                     size_t error_cap);

/* Says goodbye to every peer (RTCP BYE, DTLS close_notify), joins the threads.
 * Calls done() of every sfu_peer_stats() that is not answered yet, with NULL.
 * Accepts NULL, returns NULL. */
struct sfu *sfu_free(struct sfu *sfu);
DEFINE_CLEANUP(struct sfu *, sfu_free)

/* "libsrtp2 2.5.0, on OpenSSL": what encrypts media, for the log. */
const char *sfu_srtp_library(void);

/* The port that worker i got, of UDP and TCP. */
uint16_t sfu_port(const struct sfu *sfu, unsigned worker);

/* What an offer has to be good for. */
enum sfu_purpose {
        SFU_TO_MEET,    /* whatever it has */
        SFU_TO_PUBLISH, /* at least one line that sends */
        SFU_TO_WATCH,   /* at least one line that receives; one that does both is taken for that */
};

struct sfu_peer_params {
        uint64_t room;
        uint32_t participant;
        bool may_publish; /* else its sending m-lines are answered inactive */
        enum sfu_purpose purpose;
};

/* Why an offer was refused; sfu_offer_error_code() names it for clients. */
enum sfu_offer_err {
        SFU_OFFER_TOO_LARGE = 1,
        SFU_OFFER_MALFORMED,
        SFU_OFFER_NO_BUNDLE,
        SFU_OFFER_NO_RTCP_MUX,
        SFU_OFFER_NO_ICE,
        SFU_OFFER_NO_DTLS,
        SFU_OFFER_NO_CODEC,
        SFU_OFFER_TOO_MANY, /* m-lines, payload types, extensions */
        SFU_OFFER_ROOM_FULL,
        SFU_OFFER_CHANGED,   /* a restart with other media, certificate or DTLS role */
        SFU_OFFER_WRONG_WAY, /* nothing in it is of use for the purpose */
        SFU_N_OFFER_ERRS,
};

/* "sdp-no-bundle" and so on: stable words, listed in protocol.schema.json. */
const char *sfu_offer_error_code(enum sfu_offer_err err);

/* Answers an SDP offer and starts a peer for it. Returns 0, hands a
 * NUL-terminated answer (free()) through *ret_answer and the new peer's number
 * through *ret_peer; an enum sfu_offer_err; or -errno (-EAGAIN: the worker's
 * mailbox is full, try again). A previous peer of the participant is closed. */
must_use int sfu_peer_open(struct sfu *sfu, const struct sfu_peer_params *params, const char *offer,
                           size_t offer_len, char **ret_answer, uint64_t *ret_peer);

/* ICE restart (RFC 8445 §9): the way to the client changes; DTLS, SRTP, slots
 * and what they show stay. Until a check with the new credentials nominates a
 * path, the old ones and the old path serve on. Both return 0, -ENOENT (no such
 * peer: open a new one), -ENOMEM or -EAGAIN (as above); on failure all is as it
 * was. */

/* By a whole offer of the same PeerConnection. Hands over an answer (free()) that
 * differs from the first in credentials and version only; or returns an enum
 * sfu_offer_err: SFU_OFFER_CHANGED when the offer's media is not what was
 * negotiated, which takes a new peer. */
must_use int sfu_peer_restart(struct sfu *sfu, uint64_t peer, const char *offer, size_t offer_len,
                              char **ret_answer);

/* By the client's new credentials alone (the PATCH of RFC 9725 §4.3.2). Hands over our
 * side as lines of SDP, each ended by CRLF (free()): a=ice-ufrag, a=ice-pwd,
 * a=candidate for each, a=end-of-candidates. SFU_OFFER_NO_ICE: the client's words
 * are no ICE credentials. */
must_use int sfu_peer_restart_ice(struct sfu *sfu, uint64_t peer, const char *ufrag,
                                  const char *pwd, char **ret_lines);

/* Unknown numbers are ignored. Closing, views and mutes that find the worker
 * busy are handed over by a later sfu_poll(), in their order: poll now and then,
 * woken or not. */
void sfu_peer_close(struct sfu *sfu, uint64_t peer);

/* What one slot should carry. */
struct sfu_slot_view {
        bool audio;           /* an audio slot is pinned; unpinned ones carry the loudest */
        uint8_t slot;         /* index among the peer's slots of this kind, in m-line order */
        uint32_t participant; /* 0: nobody (audio: back to the loudest); or SFU_ACTIVE_SPEAKER */
        enum sfu_kind kind;   /* video: SFU_CAMERA or SFU_SCREEN */
        uint16_t max_height;  /* pixels on the receiver's screen; picks the simulcast layer */
        uint8_t priority;     /* higher is served first when the line is narrow */
};

/* Sets the listed slots; others keep what they have. n <= SFU_MAX_SLOTS. */
void sfu_peer_view(struct sfu *sfu, uint64_t peer, const struct sfu_slot_view *views, size_t n);

/* The host's mute, and the participant's own word that she sends no such
 * media: packets of a muted kind are dropped and the slot is given away. */
void sfu_peer_mute(struct sfu *sfu, uint64_t peer, enum sfu_kind kind, bool muted);

enum sfu_event_type {
        SFU_EV_CONNECTED, /* DTLS done, media flows */
        SFU_EV_GONE,      /* see gone_reason */
        SFU_EV_SLOT,      /* a slot of this peer shows somebody else */
        SFU_EV_SPEAKER,   /* the room's active speaker; participant 0: silence */
        SFU_EV_WANTED,    /* publisher: is anybody watching this camera/screen, and which layers? */
        SFU_EV_QUALITY,   /* this peer's line, once a second at most, on change */
        SFU_EV_SILENT,    /* heard all the time, and not for half a second: sfu_peer_restart() */
};

enum sfu_gone {
        SFU_GONE_TIMEOUT,
        SFU_GONE_DTLS,
        SFU_GONE_CLOSED_BY_PEER,
        SFU_GONE_REPLACED,
        SFU_GONE_FAILED, /* ours: no memory for it */
        SFU_GONE_CODEC,  /* somebody came who cannot decode what it sends: it should come again */
};

/* What of that which a receiver asked to see its line has room for. */
enum sfu_carries {
        SFU_CARRIES_ALL,
        SFU_CARRIES_REDUCED, /* some pictures smaller, slower, or left out */
        SFU_CARRIES_SOUND,   /* no picture at all */
        SFU_N_CARRIES,
};

struct sfu_event {
        enum sfu_event_type type;
        uint64_t room;
        uint64_t peer;        /* 0 for SFU_EV_SPEAKER */
        uint32_t participant; /* whose peer; the speaker */
        union {
                enum sfu_gone gone_reason;
                struct {
                        bool audio;
                        uint8_t index;
                        uint32_t source; /* participant shown, 0: nobody */
                        enum sfu_kind kind;
                } slot;
                struct {
                        enum sfu_kind kind;
                        bool wanted;
                        uint8_t n_layers; /* of its simulcast, 1 without */
                        uint8_t layers;   /* bit i: layer i (0 lowest) is of use */
                } wanted;
                struct {
                        uint8_t bars; /* 0 (unusable) .. 4 (good) */
                        uint32_t rtt_ms;
                        uint16_t loss_permille;
                        uint32_t line_bps; /* what the line to this peer carries; 0: unknown */
                        enum sfu_carries carries;
                } quality;
        };
};

/* Takes one waiting event. False when there is none. Also looks after the workers:
 * called once a second at least, events or not. */
bool sfu_poll(struct sfu *sfu, struct sfu_event *ret_event);

/* Counters of the whole plane since start, summed over workers; each worker
 * publishes its own copy, so a sum may be some milliseconds old. */
struct sfu_counters {
        uint64_t rtp_in, rtp_in_bytes, rtp_out, rtp_out_bytes, rtcp_in, rtcp_out;
        uint64_t stun_ok, stun_bad, dtls_bad, srtp_bad, rtp_bad, rtcp_bad;
        uint64_t unknown_source; /* datagrams from addresses no check validated */
        uint64_t oversize;       /* datagrams over the receive buffer */
        uint64_t rate_limited;   /* ClientHellos and the like held back */
        uint64_t send_dropped;   /* the kernel's socket buffer, or a TCP line, was full */
        uint64_t overtaken;      /* came faster than it could be distributed: dropped */
        /* Trains (UDP_SEGMENT, UDP_GRO) and datagrams in them; the rest goes out alone. */
        uint64_t gso_messages, gso_segments, plain_messages, gro_messages, gro_segments;
        uint64_t tcp_accepted, tcp_refused; /* refused: too many, or no valid check came */
        uint64_t nack_in, nack_out, rtx_out, rtx_miss, pli_in, pli_out;
        uint64_t relayed, relay_dropped; /* packets handed to other workers; not taken by them */
        uint64_t feedback_dropped;       /* reports beyond what a receiver may cost us */
        uint64_t probe_bytes;            /* sent to learn what a line carries */
        uint64_t tap_records;            /* given to jobs */
        uint64_t tap_dropped;            /* packets that a job was too slow for */
        uint32_t peers, rooms, tcp_open, taps;
};
void sfu_counters(const struct sfu *sfu, struct sfu_counters *ret_counters);

struct sfu_stream_stats {
        bool outgoing, audio;
        uint8_t index; /* slot index, or enum sfu_kind for incoming */
        uint8_t layer; /* simulcast layer, 0 lowest */
        uint32_t ssrc;
        uint32_t source; /* outgoing: participant shown, 0: nobody */
        uint64_t packets, bytes, lost, retransmitted;
        uint32_t jitter_us;
        uint32_t bitrate_bps;
};

struct sfu_peer_stats {
        uint64_t room, peer;
        uint32_t participant;
        uint32_t rtt_us;
        uint32_t line_bps; /* what the line to this peer carries; 0: unknown */
        uint16_t line_loss_permille;
        uint32_t line_queue_us; /* delay above the line's own */
        uint64_t line_probes;
        char srtp_profile[32]; /* "AEAD_AES_128_GCM" */
        size_t n_streams;
        struct sfu_stream_stats streams[SFU_MAX_SLOTS + 9];
};

/* Asks for one peer's statistics; done is called once, from a later sfu_poll()
 * or from sfu_free(), with NULL if the peer is gone. Returns 0 or -EAGAIN. */
must_use int sfu_peer_stats(struct sfu *sfu, uint64_t peer,
                            void (*done)(void *user, const struct sfu_peer_stats *stats),
                            void *user);

/* ---- jobs: what is not a browser (wire/job_record.h says what is on the socket) ---- */

/* Which media of a room a tap gets. */
enum sfu_tap_mode {
        SFU_TAP_ALL,     /* every microphone, camera and screen, in its best layer */
        SFU_TAP_PROGRAM, /* the voices that delegates hear, the active speaker's camera (best layer
                          * up to 720 lines; kept through a silence) and every screen */
        SFU_N_TAP_MODES,
};

struct sfu_tap_params {
        uint64_t room; /* may have no peers yet */
        enum sfu_tap_mode mode;
        int fd; /* our end of a SOCK_SEQPACKET pair; taken over on success */
};

/* Begins at once and asks for key frames. Returns 0 and the tap's number (never 0), or
 * -errno (-EBUSY: the room has SFU_MAX_TAPS_PER_ROOM; -EAGAIN: a worker's mailbox is full). A job
 * that does not read loses pictures first; nothing else notices. */
must_use int sfu_tap_open(struct sfu *sfu, const struct sfu_tap_params *params, uint64_t *ret_tap);
/* Unknown numbers are ignored. The job reads the end of the stream. */
void sfu_tap_close(struct sfu *sfu, uint64_t tap);

struct sfu_feed_params {
        uint64_t room;
        uint32_t participant;
        int fd;           /* as above */
        uint8_t n_layers; /* simulcast layers of its picture, 1..3, lowest first; 0: sound only */
        bool screen;      /* a film: its picture is a screen, not a camera, and its sound has
                           * a slot of everybody's while it sounds, however loud voices are */
};

/* A peer whose media comes from a job: Opus sound as SFU_MIC, and pictures in VP8, or in H.264
 * where somebody in the room cannot decode VP8 and everybody decodes H.264. The job is told which
 * on its socket, and again when that changes: somebody cannot decode it, and since somebody came
 * or left everybody decodes the other. Changes have their pace: three at once, then one in 30 s.
 * SFU_EV_CONNECTED follows at once. sfu_peer_close() ends it; SFU_EV_GONE comes when the job has
 * closed its end. Returns as sfu_peer_open(). */
must_use int sfu_feed_open(struct sfu *sfu, const struct sfu_feed_params *params,
                           uint64_t *ret_peer);

#endif
