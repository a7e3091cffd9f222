/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dd — the dependency descriptor, a header extension that tells which frames and
 *      which layers need each other, whatever the codec (AOM "RTP Payload Format
 *      For AV1", appendix A). Reading, and rewriting for a subscriber.
 *
 * A *template* is a kind of frame; a *decode target* is a set of frames that can be
 * decoded without the others: a spatial and a temporal layer and what they need.
 * The *structure*, a list of templates, comes with a key frame and stays valid
 * until the next one. What chains say (which frames protect a target) is checked
 * and skipped: whether a frame can be decoded follows from its references.
 *
 * Layer:  wire. Pure: no I/O, clock, allocation, logging or global state.
 */
#ifndef SFU_WIRE_DD_H
#define SFU_WIRE_DD_H

#include "base/base.h"

enum dd_err {
        DD_E_SHORT = 1, /* the extension ends inside a field */
        DD_E_STRUCTURE, /* a structure that passes a limit below, or contradicts itself */
        DD_E_TEMPLATE,  /* refers to a template of a structure we do not have */
        DD_E_DIFFS,     /* more references than DD_MAX_DIFFS */
};

enum {
        DD_MAX_TEMPLATES = 64,
        DD_MAX_TARGETS = 32,
        DD_MAX_SPATIAL = 4, /* AV1 has no more */
        DD_MAX_TEMPORAL = 8,
        DD_MAX_DIFFS = 8, /* AV1: 7 references */
        DD_MAX_BYTES = 255,
};

/* How a frame relates to a decode target (A.8.3.2.3, table A.2). */
enum dd_dti { DD_ABSENT, DD_DISCARDABLE, DD_SWITCH, DD_REQUIRED };

struct dd_template {
        uint8_t sid, tid;
        uint8_t n_diffs;
        uint8_t diffs[DD_MAX_DIFFS];
        uint64_t dtis; /* see dd_dti_of() */
};

struct dd_structure {
        uint8_t n_templates; /* 0: none known yet */
        uint8_t id_offset;
        uint8_t n_targets, n_chains;
        uint8_t max_sid, max_tid;
        uint8_t target_sid[DD_MAX_TARGETS], target_tid[DD_MAX_TARGETS];
        bool has_resolutions;
        uint16_t widths[DD_MAX_SPATIAL], heights[DD_MAX_SPATIAL];
        struct dd_template templates[DD_MAX_TEMPLATES];
};

/* The descriptor of one packet. */
struct dd_frame {
        bool starts_frame, ends_frame;
        uint16_t number;
        uint8_t sid, tid;
        uint8_t n_targets;
        uint64_t dtis;
        uint8_t n_diffs;
        uint16_t diffs[DD_MAX_DIFFS]; /* frame numbers back, each >= 1 */
        bool has_structure;           /* came with this packet: a key frame begins */
        bool has_active;
        uint32_t active;    /* bit per decode target that is being sent; all, unless has_active */
        uint16_t active_at; /* for dd_write(): the bit where that mask is, or would be */
};

static inline enum dd_dti dd_dti_of(uint64_t dtis, unsigned target)
{
        return (enum dd_dti)(dtis >> (2 * target) & 3);
}

/* Reads one extension. *structure is the stream's latest (zeroed at first) and is
 * replaced when the packet brings another one. Returns 0 and fills *ret_frame, or
 * an enum dd_err and leaves both untouched. */
must_use int dd_parse(struct dd_frame *ret_frame, struct dd_structure *structure, struct span data);

/* The bytes of the extension that gave *frame, with another frame number. active:
 * the mask to be told, or 0: what the source says. Returns how many bytes were
 * written, 0 when they would pass cap. dst and src do not overlap. */
size_t dd_write(uint8_t *dst, size_t cap, struct span src, const struct dd_frame *frame,
                uint16_t number, uint32_t active);

/* Writes another frame number into a copy of an extension (>= 3 bytes). */
void dd_set_number(uint8_t *data, uint16_t number);

#endif
