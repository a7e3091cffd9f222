/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/wire/dd.h"

enum {
        MANDATORY_BYTES = 3,
        HAS_ACTIVE_AT = 25, /* the bit of active_decode_targets_present_flag */
        IDC_NEXT_TEMPORAL = 1,
        IDC_NEXT_SPATIAL = 2,
        IDC_END = 3,
};

/* The mirror of struct rd, by bits. */
struct bits {
        const uint8_t *data;
        size_t n, pos;
        bool bad;
};

static uint32_t take(struct bits *b, unsigned n)
{
        uint32_t value = 0;

        if (b->bad || b->n - b->pos < n) {
                b->bad = true;
                return 0;
        }
        for (; n > 0; n--, b->pos++)
                value = value << 1 | (b->data[b->pos / 8] >> (7 - b->pos % 8) & 1);
        return value;
}

/* ns(n) of the AV1 specification §4.10.7: a number below n. */
static uint32_t take_below(struct bits *b, uint32_t n)
{
        unsigned w = 0;
        uint32_t m, v;

        while (n >> w)
                w++;
        m = (1u << w) - n;
        v = take(b, w - 1);
        return v < m ? v : (v << 1) - m + take(b, 1);
}

static int read_layers(struct dd_structure *s, struct bits *b)
{
        uint8_t sid = 0, tid = 0;
        uint32_t idc;

        do {
                if (s->n_templates == DD_MAX_TEMPLATES || sid >= DD_MAX_SPATIAL ||
                    tid >= DD_MAX_TEMPORAL)
                        return DD_E_STRUCTURE;
                s->templates[s->n_templates++] = (struct dd_template){ .sid = sid, .tid = tid };
                s->max_sid = sid;
                if (tid > s->max_tid)
                        s->max_tid = tid;
                idc = take(b, 2);
                if (idc == IDC_NEXT_TEMPORAL) {
                        tid++;
                } else if (idc == IDC_NEXT_SPATIAL) {
                        sid++;
                        tid = 0;
                }
        } while (idc != IDC_END && !b->bad);
        return 0;
}

static uint64_t read_dtis(struct bits *b, unsigned n)
{
        uint64_t dtis = 0;

        for (unsigned i = 0; i < n; i++)
                dtis |= (uint64_t)take(b, 2) << (2 * i);
        return dtis;
}

static int read_template_diffs(struct dd_template *t, struct bits *b)
{
        while (take(b, 1)) {
                if (t->n_diffs == DD_MAX_DIFFS)
                        return DD_E_STRUCTURE;
                t->diffs[t->n_diffs++] = (uint8_t)(take(b, 4) + 1);
        }
        return 0;
}

static void skip_chains(struct dd_structure *s, struct bits *b)
{
        s->n_chains = (uint8_t)take_below(b, s->n_targets + 1u);
        if (s->n_chains == 0)
                return;
        for (unsigned i = 0; i < s->n_targets; i++)
                (void)take_below(b, s->n_chains);
        for (unsigned i = 0; i < (unsigned)s->n_templates * s->n_chains; i++)
                (void)take(b, 4);
}

/* A target has the highest layers of the frames that belong to it. */
static void find_target_layers(struct dd_structure *s)
{
        for (unsigned d = 0; d < s->n_targets; d++) {
                for (unsigned i = 0; i < s->n_templates; i++) {
                        const struct dd_template *t = &s->templates[i];

                        if (dd_dti_of(t->dtis, d) == DD_ABSENT)
                                continue;
                        if (t->sid > s->target_sid[d])
                                s->target_sid[d] = t->sid;
                        if (t->tid > s->target_tid[d])
                                s->target_tid[d] = t->tid;
                }
        }
}

/* template_dependency_structure() of A.8.2. */
static int read_structure(struct dd_structure *ret_structure, struct bits *b)
{
        struct dd_structure s = { 0 };
        int err;

        s.id_offset = (uint8_t)take(b, 6);
        s.n_targets = (uint8_t)(take(b, 5) + 1);
        err = read_layers(&s, b);
        if (err)
                return err;
        for (unsigned i = 0; i < s.n_templates; i++)
                s.templates[i].dtis = read_dtis(b, s.n_targets);
        for (unsigned i = 0; i < s.n_templates; i++) {
                err = read_template_diffs(&s.templates[i], b);
                if (err)
                        return err;
        }
        skip_chains(&s, b);
        s.has_resolutions = take(b, 1);
        for (unsigned i = 0; s.has_resolutions && i <= s.max_sid; i++) {
                s.widths[i] = (uint16_t)(take(b, 16) + 1);
                s.heights[i] = (uint16_t)(take(b, 16) + 1);
        }
        if (b->bad)
                return DD_E_SHORT;
        find_target_layers(&s);
        *ret_structure = s;
        return 0;
}

static void apply_template(struct dd_frame *frame, const struct dd_structure *s, uint32_t id)
{
        unsigned i = (id + 64 - s->id_offset) % 64;
        const struct dd_template *t = &s->templates[i];

        frame->sid = t->sid;
        frame->tid = t->tid;
        frame->dtis = t->dtis;
        frame->n_targets = s->n_targets;
        frame->n_diffs = t->n_diffs;
        for (unsigned k = 0; k < t->n_diffs; k++)
                frame->diffs[k] = t->diffs[k];
}

/* frame_fdiffs(): how many groups of four bits, 0 ends the list. */
static int read_diffs(struct dd_frame *frame, struct bits *b)
{
        uint32_t size;

        frame->n_diffs = 0;
        while ((size = take(b, 2)) > 0) {
                if (frame->n_diffs == DD_MAX_DIFFS)
                        return DD_E_DIFFS;
                frame->diffs[frame->n_diffs++] = (uint16_t)(take(b, 4 * size) + 1);
        }
        return 0;
}

struct extended {
        bool structure, active, dtis, diffs, chains;
};

/* frame_dependency_definition(). */
static int read_definition(struct dd_frame *frame, const struct dd_structure *s, uint32_t id,
                           const struct extended *has, struct bits *b)
{
        int err;

        if ((id + 64 - s->id_offset) % 64 >= s->n_templates)
                return DD_E_TEMPLATE;
        apply_template(frame, s, id);
        frame->active_at = (uint16_t)b->pos;
        frame->has_active = has->active;
        frame->active = has->active ? take(b, s->n_targets)
                                    : (uint32_t)((1ull << s->n_targets) - 1);
        if (has->dtis)
                frame->dtis = read_dtis(b, s->n_targets);
        if (has->diffs) {
                err = read_diffs(frame, b);
                if (err)
                        return err;
        }
        if (has->chains)
                for (unsigned i = 0; i < s->n_chains; i++)
                        (void)take(b, 8);
        return b->bad ? DD_E_SHORT : 0;
}

int dd_parse(struct dd_frame *ret_frame, struct dd_structure *structure, struct span data)
{
        struct bits b = { .data = data.data, .n = data.len * 8 };
        struct dd_frame frame = { 0 };
        struct dd_structure fresh;
        struct extended has = { 0 };
        uint32_t id;
        int err;

        if (data.len > DD_MAX_BYTES)
                return DD_E_STRUCTURE;
        frame.starts_frame = take(&b, 1);
        frame.ends_frame = take(&b, 1);
        id = take(&b, 6);
        frame.number = (uint16_t)take(&b, 16);
        if (data.len > MANDATORY_BYTES) {
                has.structure = take(&b, 1);
                has.active = take(&b, 1);
                has.dtis = take(&b, 1);
                has.diffs = take(&b, 1);
                has.chains = take(&b, 1);
        }
        if (b.bad)
                return DD_E_SHORT;
        if (has.structure) {
                err = read_structure(&fresh, &b);
                if (err)
                        return err;
        }
        err = read_definition(&frame, has.structure ? &fresh : structure, id, &has, &b);
        if (err)
                return err;
        frame.has_structure = has.structure;
        if (has.structure)
                *structure = fresh;
        *ret_frame = frame;
        return 0;
}

void dd_set_number(uint8_t *data, uint16_t number)
{
        data[1] = (uint8_t)(number >> 8);
        data[2] = (uint8_t)number;
}

/* Copies bits; dst is zeroed. */
static void copy_bits(uint8_t *dst, size_t dst_bit, const uint8_t *src, size_t src_bit, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                unsigned bit = src[(src_bit + i) / 8] >> (7 - (src_bit + i) % 8) & 1;

                dst[(dst_bit + i) / 8] |= (uint8_t)(bit << (7 - (dst_bit + i) % 8));
        }
}

static void put_bits(uint8_t *dst, size_t at, uint32_t value, unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                dst[(at + i) / 8] |= (uint8_t)((value >> (n - 1 - i) & 1) << (7 - (at + i) % 8));
}

/* With a mask put where there was none, or another one in its place. */
static size_t write_active(uint8_t *dst, size_t cap, struct span src, const struct dd_frame *frame,
                           uint32_t active)
{
        size_t head = src.len > MANDATORY_BYTES ? frame->active_at : MANDATORY_BYTES * 8 + 5;
        size_t old = frame->has_active ? frame->n_targets : 0;
        size_t tail_at = frame->active_at + old;
        size_t tail = src.len > MANDATORY_BYTES ? src.len * 8 - tail_at : 0;
        size_t len = (head + frame->n_targets + tail + 7) / 8;

        if (len > cap || len > DD_MAX_BYTES)
                return 0;
        memset(dst, 0, len);
        copy_bits(dst, 0, src.data, 0, head < src.len * 8 ? head : src.len * 8);
        dst[HAS_ACTIVE_AT / 8] |= 0x80 >> HAS_ACTIVE_AT % 8;
        put_bits(dst, head, active, frame->n_targets);
        copy_bits(dst, head + frame->n_targets, src.data, tail_at, tail);
        return len;
}

size_t dd_write(uint8_t *dst, size_t cap, struct span src, const struct dd_frame *frame,
                uint16_t number, uint32_t active)
{
        size_t len = src.len;

        if (active) {
                len = write_active(dst, cap, src, frame, active);
        } else if (len <= cap) {
                memcpy(dst, src.data, len);
        } else {
                len = 0;
        }
        if (len > 0)
                dd_set_number(dst, number);
        return len;
}
