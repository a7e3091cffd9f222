/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cc_internal — what the files of cc share; see cc.h for the whole.
 *
 * Everything is measured over slices: CC_SLICE_US of departures. A slice is closed
 * once something that left after it has been reported. So bursts of frames, the
 * rhythm of the feedback and packets that are never reported do not matter much:
 *
 *   cc_history.c  what left when; reports → slices
 *   cc_delay.c    closed slices → the queue on the way, and whether it grows
 *   cc_loss.c     closed slices → losses, and what the line carries without them
 *   cc_cause.c    closed slices → why they are lost
 *   cc_rate.c     both → the target: grow, cut, drain
 *   cc_probe.c    clusters of padding that show whether there is more
 */
#ifndef SFU_CORE_CC_INTERNAL_H
#define SFU_CORE_CC_INTERNAL_H

#include "sfu/core/cc.h"

enum {
        CC_SLICE_US = 50 * 1000,
        CC_SLICES = 64, /* 3.2 s under way */
        CC_SAMPLES = 8, /* of the trend: 400 ms */
        CC_BUCKETS = 6, /* of the lowest delay */
        CC_STREAMS = 256,
        CC_REPORTS = 8,
        CC_TAIL = 3,
};

#define CC_NONE INT64_MIN
#define CC_MODEL_SHIFT 20
#define CC_LONG_AGO_US INT64_C(3600000000)

enum cc_state {
        CC_UNKNOWN,
        CC_WAS_LOST,
        CC_RESENT, /* lost, too, but the repeat may arrive */
        CC_ACKED,
};

/* A packet that left. */
struct cc_sent {
        uint32_t sent_us; /* low bits of the clock */
        uint16_t bytes;
        uint16_t rtp_seq;
        uint16_t prev; /* numbers back to the stream's packet before it; 0: none */
        uint8_t stream;
        uint8_t state : 7; /* enum cc_state */
        uint8_t twice : 1; /* it went again unasked */
};

struct cc_slice {
        int64_t no;              /* departure / CC_SLICE_US */
        int64_t min_delay_us;    /* arrival - departure, on two clocks; CC_NONE */
        int64_t max_delay_us;    /* CC_NONE */
        int64_t last_arrival_us; /* CC_NONE */
        int32_t model_us;        /* highest queue that the model line had */
        uint32_t sent_bytes, acked_bytes, lost_bytes;
        uint32_t resent_bytes; /* under numbers of before */
        uint16_t n_sent, n_acked, n_lost;
        uint16_t n_acked_twice, n_lost_twice; /* of these, what went again unasked */
};

/* Sums over closed slices. */
struct cc_sums {
        uint64_t sent_bps, acked_bps; /* of what went under old numbers as much as of the rest */
        uint32_t n_sent, n_acked, n_lost;
};

struct cc_delay {
        /* Lowest delay of each slice and the one before: what stands in the queue. */
        struct {
                int64_t at_us, delay_us;
        } samples[CC_SAMPLES];
        unsigned n_samples;
        int64_t last_min_us; /* of the slice before */
        int64_t floor_us;    /* lowest of the last half minute */
        int64_t given_us;    /* the neighbours' queue, given in to; CC_NONE */
        int64_t base_us;     /* the one of both that counts */
        int64_t buckets[CC_BUCKETS];
        int64_t bucket_no;
        int64_t last_delay_us; /* of the last packet: to notice clocks that jump */
        int64_t first_us;      /* lowest of any packet: the base until a slice is complete */
        bool restarted;        /* in this report */
        int32_t queue_us;      /* over the base */
        int32_t full_us;       /* over the floor */
        int32_t slope;         /* of the queue, µs per s */
        int32_t deviation_us;  /* mean change from slice to slice on a quiet line */
        unsigned n_over;       /* slices in a row over the threshold and growing */
        int64_t high_since_us; /* over the threshold since; CC_NONE */
        int64_t flat_us, flat_since_us; /* the delay has been about so much since */
        int32_t tolerated_us; /* others fill the queue: so much of it is no over-use; 0: nobody */
        int64_t filled_us;    /* when it was last more than empty */
};

/* Slices since losses began: what was lost of each against what is known of it. Zero-initialise. */
struct cc_fit {
        bool begun;
        double n, known, lost, known_known, known_lost, lost_lost; /* sums; bytes */
};

struct cc_loss {
        int64_t from_no, next_no;             /* slices counted, next to count */
        uint32_t n_acked, n_lost;             /* of what went once, */
        uint32_t n_acked_twice, n_lost_twice; /* and of the rest */
        uint32_t n_slices, n_lossy;           /* with traffic, with losses */
        uint64_t limit_bps;                   /* found last: so much got through */
        int64_t limit_us;                     /* when */
        int32_t max_queue_us;
        uint16_t inherent;  /* per mille that is lost whatever we send */
        uint16_t proven;    /* of it, at most: by the last test */
        uint16_t permille;  /* of the last window */
        bool testing;       /* sends less to see whether losses go */
        int64_t test_us;    /* since when */
        uint16_t test_loss; /* per mille before */
        uint16_t test_kept; /* per mille of what was sent */
        uint8_t n_put_off;  /* tests for the present losses, one after the other */
        struct cc_fit fit;

        uint64_t cap_bps;
};

enum cc_phase { CC_GROW, CC_DRAIN };

/* A line of a quarter more than the target, in thought: the queue that our bursts would
 * build there. If theirs is shorter, the line carries more; if it is as long, there is no
 * use in asking. */
struct cc_model {
        int64_t queue; /* bytes << CC_MODEL_SHIFT */
        int64_t rate;  /* the same per µs */
        int64_t at_us;
        unsigned n_room, n_full; /* slices lately that showed either */
};

struct cc_probe {
        bool active;  /* bytes are still to be sent */
        bool waiting; /* for the report */
        uint64_t rate_bps;
        uint32_t goal_bytes;
        int64_t first_us, last_us; /* departures */
        int64_t asked_us;          /* how much is to be sent, last */
        uint16_t first_seq;
        uint32_t sent_bytes, acked_bytes;
        uint16_t n_sent, n_acked;
        uint16_t first_bytes, last_bytes;
        int64_t first_arrival_us, last_arrival_us;
        int64_t delays_us[CC_TAIL]; /* of the last packets */
        int32_t queue_us;           /* before it */
        int64_t ended_us;           /* the last one */
        int64_t next_us;            /* no other before */
        unsigned n_failed;          /* in a row */
        unsigned n_low;             /* in a row found less than the target */
        unsigned distrust;          /* found more than there was, so often */
        int64_t success_us;
};

struct cc {
        /* What each packet that leaves touches, beside its slice, its stream's head and
         * its place in the history. */
        uint64_t n_sent;       /* next number, unwrapped */
        int64_t last_sent_us;  /* CC_NONE: nothing yet */
        int64_t unreported_us; /* something has been under way since; CC_NONE */
        struct cc_model model;
        struct cc_probe probe;

        /* cc_rate.c */
        enum cc_phase phase;
        uint64_t target_bps;
        uint64_t capacity_bps; /* when last cut; 0: unknown */
        int64_t grown_us, cut_us, drain_us;
        int32_t drain_queue_us;
        uint64_t drain_sent_bps, drain_busy_bps, first_capacity_bps, before_drain_bps;
        unsigned n_fruitless; /* cuts in a row that did not help */
        uint64_t peak_bps[2]; /* highest acked, this and the last two seconds */
        int64_t peak_no;
        uint64_t before_silence_bps;
        int64_t silence_us; /* next cut for want of feedback */
        struct cc_sums half_s, now;
        bool app_limited;

        uint64_t wanted_bps;
        uint32_t rtt_us;
        bool rtt_told;
        bool no_probes;
        uint64_t n_probes, n_overuses;

        int64_t lag_us; /* departure to report, at best */
        bool reported;  /* ever */
        struct {
                int64_t at_us; /* newest arrival */
                uint32_t bytes;
        } reports[CC_REPORTS]; /* the last ones */
        unsigned n_reports;
        int64_t report_at_us; /* of this one; CC_NONE */
        uint32_t report_bytes;
        struct cc_delay delay;
        struct cc_loss loss;

        /* cc_history.c */
        int64_t frontier_us;      /* departure of the newest reported packet; CC_NONE */
        int64_t judged_no;        /* slices up to here have been fed to the detector */
        int64_t ccfb_frontier_us; /* when the last RFC 8888 message ended */
        unsigned ccfb_steps;      /* taken through the history for this message */
        struct cc_slice slices[CC_SLICES];
        uint16_t heads[CC_STREAMS]; /* each stream's newest number */
        struct cc_sent history[CC_HISTORY];
};

/* cc_history.c */
void cc_history_init(struct cc *cc);
void cc_report_number(struct cc *cc, uint16_t seq, int64_t arrival_us, int64_t now_us);
const struct cc_slice *cc_slice_at(const struct cc *cc, int64_t no);
/* By how much packets that were sent long ago are still missing, beyond what bursts explain. */
int64_t cc_late_us(const struct cc *cc, int64_t now_us);
/* The newest reported packet's queue, beyond what bursts explain. */
int64_t cc_excess_us(const struct cc *cc);
/* Over the n closed slices before `end`. */
void cc_sum(const struct cc *cc, int64_t end, int64_t n, struct cc_sums *ret_sums);
/* Over so many slices that it says what arrived per second while it had to queue. */
void cc_busy(const struct cc *cc, int64_t end, struct cc_sums *ret_sums);
/* What arrived per second according to the last reports, over at least span_us; UINT64_MAX:
 * not known. */
uint64_t cc_arriving_bps(const struct cc *cc, int64_t span_us);
/* Less than so much came, in the last reports and in those before them. */
bool cc_scant(const struct cc *cc, uint64_t bps);

/* cc_delay.c */
void cc_delay_init(struct cc_delay *delay);
/* Takes a packet's delay; CC_NONE when it says nothing (the clock jumped). */
int64_t cc_delay_on_packet(struct cc *cc, int64_t arrival_us, int64_t sent_us);
void cc_delay_on_slice(struct cc *cc, const struct cc_slice *slice);
int32_t cc_delay_threshold_us(const struct cc_delay *delay);
bool cc_delay_competing(const struct cc_delay *delay);
bool cc_delay_overused(const struct cc_delay *delay);
/* The delay has not moved for a while: a queue would. */
bool cc_delay_flat(const struct cc_delay *delay);
/* What stands there is not our queue but the path, or the neighbours'. */
void cc_delay_rebase(struct cc_delay *delay, bool neighbours, int64_t now_us);

/* Whether the line behaves as the model, or better. */
bool cc_model_full(const struct cc *cc);
bool cc_model_has_room(const struct cc *cc);
void cc_model_on_slice(struct cc *cc, const struct cc_slice *slice);

/* cc_cause.c */
enum cc_cause { CC_UNKNOWN_CAUSE, CC_OUR_RATE, CC_ITS_NATURE };

void cc_fit_slice(struct cc_fit *fit, const struct cc_slice *slice);
bool cc_fit_is_enough(const struct cc_fit *fit);
enum cc_cause cc_cause_of(const struct cc_fit *fit);

/* cc_loss.c */
void cc_loss_on_report(struct cc *cc, int64_t now_us);
/* A test that nothing more is heard of is given up. */
int64_t cc_loss_deadline_us(const struct cc *cc);
void cc_loss_on_timeout(struct cc *cc, int64_t now_us);
bool cc_loss_blocks_growth(const struct cc *cc);
/* What was delivered, before what the line loses of everything. */
uint64_t cc_loss_undo(const struct cc *cc, uint64_t acked_bps);
/* What the target may be raised to. */
uint64_t cc_loss_ceiling(const struct cc *cc, int64_t now_us);

/* cc_rate.c */
void cc_rate_on_report(struct cc *cc, int64_t now_us);
void cc_rate_on_silence(struct cc *cc, int64_t now_us);
int64_t cc_rate_deadline_us(const struct cc *cc);
/* Losses without a queue: the line carries so much. */
void cc_rate_on_limit(struct cc *cc, uint64_t bps, int64_t now_us);
void cc_rate_on_probe(struct cc *cc, uint64_t found_bps, int64_t now_us);
uint64_t cc_rate_ceiling(const struct cc *cc);
uint64_t cc_peak_bps(const struct cc *cc);

/* cc_probe.c */
void cc_probe_on_sent(struct cc *cc, uint16_t seq, size_t bytes, int64_t now_us);
void cc_probe_on_ack(struct cc *cc, uint16_t seq, const struct cc_sent *sent, int64_t arrival_us,
                     int64_t delay_us);
void cc_probe_on_report(struct cc *cc, int64_t now_us);
void cc_probe_on_cut(struct cc *cc, int64_t now_us);
void cc_probe_soon(struct cc *cc, int64_t at_us);
int64_t cc_probe_deadline_us(const struct cc *cc);

static inline uint64_t cc_min_u64(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

static inline uint64_t cc_max_u64(uint64_t a, uint64_t b)
{
        return a > b ? a : b;
}

static inline int64_t cc_clamp(int64_t v, int64_t low, int64_t high)
{
        return v < low ? low : v > high ? high : v;
}

static inline uint64_t cc_bps(uint64_t bytes, int64_t us)
{
        return us > 0 ? bytes * 8000000 / (uint64_t)us : 0;
}

#endif
