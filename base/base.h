/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base — the few macros and types that every layer may use.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define must_use __attribute__((warn_unused_result))

/* Run fn on the variable when it leaves scope. */
#define cleanup(fn) __attribute__((cleanup(fn)))

/* Give the pointer away: yields it and leaves NULL behind, so cleanup() does nothing. */
#define take_ptr(p)                                                                                \
        __extension__({                                                                            \
                __typeof__(p) take_ = (p);                                                         \
                (p) = NULL;                                                                        \
                take_;                                                                             \
        })

/* Make fnp() usable with cleanup(). fn must accept NULL. */
#define DEFINE_CLEANUP(type, fn)                                                                   \
        static inline void fn##p(type *p)                                                          \
        {                                                                                          \
                (void)fn(*p);                                                                      \
        }

/* cleanup(freep) for whatever malloc() gave. */
static inline void freep(void *pointer)
{
        void *memory;

        memcpy(&memory, pointer, sizeof(memory)); /* the variable may be of any pointer type */
        free(memory);
}

/* Memory that will be wanted in a moment: the loads run beside the work that goes on.
 * Any address may be given, nothing is read. */
static inline void prefetch_lines(const void *from, size_t n_lines)
{
        for (size_t i = 0; i < n_lines; i++)
                __builtin_prefetch((const void *)((uintptr_t)from + i * 64));
}

/* A borrowed view of bytes; never owns. */
struct span {
        const uint8_t *data;
        size_t len;
};

/* Bounds-checked big-endian reader. The first read past the end sets `bad`;
 * every later read yields 0, so a parser checks once, at the end. */
struct rd {
        const uint8_t *pos, *end;
        bool bad;
};

static inline struct rd rd_init(const uint8_t *data, size_t len)
{
        return (struct rd){ .pos = data, .end = len ? data + len : data };
}

static inline size_t rd_left(const struct rd *r)
{
        return (size_t)(r->end - r->pos);
}

static inline struct span rd_take(struct rd *r, size_t n)
{
        if (r->bad || rd_left(r) < n) {
                r->bad = true;
                return (struct span){ 0 };
        }
        struct span s = { r->pos, n };
        r->pos += n;
        return s;
}

static inline uint8_t rd_u8(struct rd *r)
{
        struct span s = rd_take(r, 1);
        return s.data ? s.data[0] : 0;
}

static inline uint16_t rd_u16(struct rd *r)
{
        struct span s = rd_take(r, 2);
        return (uint16_t)(s.data ? s.data[0] << 8 | s.data[1] : 0);
}

static inline uint32_t rd_u32(struct rd *r)
{
        struct span s = rd_take(r, 4);
        return s.data ? (uint32_t)s.data[0] << 24 | (uint32_t)s.data[1] << 16 |
                                (uint32_t)s.data[2] << 8 | s.data[3]
                      : 0;
}

/* Bounds-checked big-endian writer: the mirror of struct rd. After the first
 * write past the end nothing more is written and `bad` stays set. */
struct wr {
        uint8_t *start, *pos, *end;
        bool bad;
};

static inline struct wr wr_init(uint8_t *data, size_t cap)
{
        return (struct wr){ .start = data, .pos = data, .end = data + cap };
}

static inline size_t wr_len(const struct wr *w)
{
        return (size_t)(w->pos - w->start);
}

/* Room for n bytes, or NULL. */
static inline uint8_t *wr_take(struct wr *w, size_t n)
{
        if (w->bad || (size_t)(w->end - w->pos) < n) {
                w->bad = true;
                return NULL;
        }
        uint8_t *at = w->pos;
        w->pos += n;
        return at;
}

static inline void wr_u8(struct wr *w, uint8_t v)
{
        uint8_t *at = wr_take(w, 1);

        if (at)
                at[0] = v;
}

static inline void wr_u16(struct wr *w, uint16_t v)
{
        uint8_t *at = wr_take(w, 2);

        if (!at)
                return;
        at[0] = (uint8_t)(v >> 8);
        at[1] = (uint8_t)v;
}

static inline void wr_u24(struct wr *w, uint32_t v)
{
        wr_u8(w, (uint8_t)(v >> 16));
        wr_u16(w, (uint16_t)v);
}

static inline void wr_u32(struct wr *w, uint32_t v)
{
        uint8_t *at = wr_take(w, 4);

        if (!at)
                return;
        at[0] = (uint8_t)(v >> 24);
        at[1] = (uint8_t)(v >> 16);
        at[2] = (uint8_t)(v >> 8);
        at[3] = (uint8_t)v;
}

#endif
