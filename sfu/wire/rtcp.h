/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtcp — RTCP packets and back: compound walk, SR, RR, BYE (RFC 3550 §6), NACK,
 *        PLI (RFC 4585 §6), FIR (RFC 5104 §4.3.1), REMB (draft-alvestrand-rmcat-
 *        remb-03 §2.2), congestion feedback (rtcp_tcc.h, rtcp_ccfb.h). Reduced-size packets (RFC 5506)
 *        are accepted.
 *
 * Layer:  wire. Pure: no I/O, clock, allocation, logging or global state.
 * Memory: packets borrow from the datagram; parsed structs are copies.
 */
#ifndef SFU_WIRE_RTCP_H
#define SFU_WIRE_RTCP_H

#include "base/base.h"

/* Faults of the sender; the caller counts them and drops the packet. */
enum rtcp_err {
        RTCP_E_SHORT = 1, /* ends inside a header or a field */
        RTCP_E_VERSION,   /* version is not 2 */
        RTCP_E_LENGTH,    /* a length field passes the end, or counts do not match it */
        RTCP_E_PADDING,   /* padding count is 0, or passes the packet */
        RTCP_E_TYPE,      /* the parser was given a packet of another type */
        RTCP_E_MANY,      /* more entries than the caller has room for */
        RTCP_E_VALUE,     /* a field holds a reserved or impossible value */
};

enum rtcp_type {
        RTCP_SR = 200,
        RTCP_RR = 201,
        RTCP_SDES = 202,
        RTCP_BYE = 203,
        RTCP_APP = 204,
        RTCP_RTPFB = 205, /* count is one of RTCP_FMT_NACK, _CCFB, _TCC */
        RTCP_PSFB = 206,  /* count is one of RTCP_FMT_PLI, _FIR, _ALFB */
};

enum {
        RTCP_FMT_NACK = 1,
        RTCP_FMT_CCFB = 11, /* RFC 8888 §3.1 */
        RTCP_FMT_TCC = 15,
        RTCP_FMT_PLI = 1,
        RTCP_FMT_FIR = 4,
        RTCP_FMT_ALFB = 15, /* application layer: REMB if it says so */
        RTCP_MAX_COUNT = 31,
        RTCP_MAX_REMB_SSRCS = 255,
        RTCP_MAX_CNAME = 255,
};

/* One packet of a compound. */
struct rtcp_pkt {
        uint8_t type;     /* enum rtcp_type, or another one to be skipped */
        uint8_t count;    /* RC, SC or FMT: 0..31 */
        struct span body; /* after the 4 header bytes, without padding */
};

/* Walks a compound packet. Padding is accepted in every packet, not just the
 * last, and of any count, not just a multiple of 4 (RFC 3550 §6.4.1): browsers
 * pad each transport-wide feedback by 1 to 3 bytes. */
struct rtcp_iter {
        struct rd r; /* private */
        int err;     /* 0, or the enum rtcp_err that ended the walk */
};

struct rtcp_iter rtcp_iter_init(const uint8_t *data, size_t len);

/* Takes the next packet; false at the end, or with it->err set at a fault. An
 * empty datagram is RTCP_E_SHORT. */
bool rtcp_next(struct rtcp_iter *it, struct rtcp_pkt *ret_pkt);

/* Walks all of it and reports the first fault, so that a caller may refuse a
 * compound before it acts on any part. Returns 0 or an enum rtcp_err. */
must_use int rtcp_check(const uint8_t *data, size_t len);

/* RFC 3550 §6.4.1. */
struct rtcp_block {
        uint32_t ssrc;
        uint8_t fraction_lost;   /* of 256, since the last report */
        int32_t cumulative_lost; /* 24 bits with sign */
        uint32_t highest_seq;    /* cycles << 16 | seq */
        uint32_t jitter;         /* in timestamp units */
        uint32_t lsr, dlsr;      /* see rtcp_ntp_middle(); 1/65536 s */
};

struct rtcp_sr {
        uint32_t ssrc;
        uint64_t ntp;    /* 32.32 fixed point, seconds since 1900 */
        uint32_t rtp_ts; /* the same moment in the stream's clock */
        uint32_t packets, octets;
        size_t n_blocks;
        struct rtcp_block blocks[RTCP_MAX_COUNT];
};

struct rtcp_rr {
        uint32_t ssrc;
        size_t n_blocks;
        struct rtcp_block blocks[RTCP_MAX_COUNT];
};

struct rtcp_bye {
        size_t n_ssrcs;
        uint32_t ssrcs[RTCP_MAX_COUNT];
};

/* Common head of feedback messages (RFC 4585 §6.1). */
struct rtcp_fb {
        uint32_t sender_ssrc, media_ssrc;
};

struct rtcp_fir_item {
        uint32_t ssrc;
        uint8_t seq; /* repeats of one request carry the same number */
};

struct rtcp_remb {
        uint32_t sender_ssrc;
        uint64_t bitrate_bps; /* UINT64_MAX when it would not fit */
        size_t n_ssrcs;
        uint32_t ssrcs[RTCP_MAX_REMB_SSRCS];
};

/* Each parses one packet of its type. Returns 0 and fills the outputs, or an
 * enum rtcp_err and leaves them untouched. Trailing profile-specific bytes of
 * SR and RR, and the reason of BYE, are skipped. */
must_use int rtcp_parse_sr(struct rtcp_sr *ret_sr, const struct rtcp_pkt *pkt);
must_use int rtcp_parse_rr(struct rtcp_rr *ret_rr, const struct rtcp_pkt *pkt);
must_use int rtcp_parse_bye(struct rtcp_bye *ret_bye, const struct rtcp_pkt *pkt);
must_use int rtcp_parse_pli(struct rtcp_fb *ret_fb, const struct rtcp_pkt *pkt);
must_use int rtcp_parse_remb(struct rtcp_remb *ret_remb, const struct rtcp_pkt *pkt);

/* PID and BLP are expanded, in the order of the message; of more than cap numbers
 * the first ones are taken: what is still missing is asked for again. */
must_use int rtcp_parse_nack(struct rtcp_fb *ret_fb, uint16_t *ret_seqs, size_t cap, size_t *ret_n,
                             const struct rtcp_pkt *pkt);
/* ret_fb->media_ssrc has no meaning here: each item names its own. */
must_use int rtcp_parse_fir(struct rtcp_fb *ret_fb, struct rtcp_fir_item *ret_items, size_t cap,
                            size_t *ret_n, const struct rtcp_pkt *pkt);

/* True when this is a REMB and not another application-layer feedback. */
bool rtcp_is_remb(const struct rtcp_pkt *pkt);

/* Writers append one packet to *w; w->bad is set when it does not fit. */
void rtcp_write_sr(struct wr *w, const struct rtcp_sr *sr); /* n_blocks <= RTCP_MAX_COUNT */
void rtcp_write_rr(struct wr *w, const struct rtcp_rr *rr);
void rtcp_write_sdes_cname(struct wr *w, uint32_t ssrc, const char *cname); /* cut at 255 bytes */
void rtcp_write_bye(struct wr *w, const uint32_t *ssrcs, size_t n);         /* n <= 31 */
void rtcp_write_pli(struct wr *w, const struct rtcp_fb *fb);
void rtcp_write_remb(struct wr *w, const struct rtcp_remb *remb);

/* seqs in RTP order (oldest first) pack best; any order is correct. n > 0. */
void rtcp_write_nack(struct wr *w, const struct rtcp_fb *fb, const uint16_t *seqs, size_t n);

/* Microseconds since 1970 as NTP time, and the middle 32 bits of NTP time as
 * LSR, DLSR and round-trip computations use them (RFC 3550 §6.4.1). */
uint64_t rtcp_ntp_from_wall_us(int64_t wall_us);

static inline uint32_t rtcp_ntp_middle(uint64_t ntp)
{
        return (uint32_t)(ntp >> 16);
}

#endif
