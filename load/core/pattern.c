/* SPDX-License-Identifier: Apache-2.0 */
#include "load/core/pattern.h"

#include <assert.h>

enum { MAGIC = 0x4469, LANES = 4 };
#define MIX UINT64_C(0x9e3779b97f4a7c15)

/* In the machine's order: the two ends are one process. */
struct head {
        uint16_t magic, len;
        uint32_t stream, number, zero;
        int64_t sent_ns;
        uint64_t sum;
};
_Static_assert(sizeof(struct head) == PATTERN_BYTES, "the head's size");

/* Four independent lanes: at a hundred thousand packets a second it has to cost little. */
static uint64_t sum_bytes(const uint8_t *data, size_t len)
{
        uint64_t lanes[LANES] = { len, 1, 2, 3 }, word, sum = 0;
        size_t i = 0;

        for (; len - i >= sizeof(lanes); i += sizeof(lanes)) {
                for (size_t k = 0; k < LANES; k++) {
                        memcpy(&word, data + i + 8 * k, 8);
                        lanes[k] = (lanes[k] ^ word) * MIX;
                        lanes[k] ^= lanes[k] >> 32;
                }
        }
        for (; i < len; i++)
                lanes[0] = (lanes[0] ^ data[i]) * MIX;
        for (size_t k = 0; k < LANES; k++)
                sum = (sum ^ lanes[k]) * MIX;
        return sum;
}

static uint64_t sum_of(const struct head *head, const uint8_t *filler, size_t len)
{
        struct head copy = *head;

        copy.sum = 0;
        return sum_bytes((const uint8_t *)&copy, sizeof(copy)) ^ sum_bytes(filler, len);
}

void pattern_write(uint8_t *ret, size_t len, const struct pattern *pattern)
{
        struct head head = { .magic = MAGIC,
                             .len = (uint16_t)len,
                             .stream = pattern->stream,
                             .number = pattern->number,
                             .sent_ns = pattern->sent_ns };
        uint64_t word = pattern->number * MIX + pattern->stream;
        size_t at = PATTERN_BYTES;

        assert(len >= PATTERN_BYTES && len <= UINT16_MAX);
        for (; len - at >= sizeof(word); at += sizeof(word), word += MIX)
                memcpy(ret + at, &word, sizeof(word));
        memcpy(ret + at, &word, len - at);
        head.sum = sum_of(&head, ret + PATTERN_BYTES, len - PATTERN_BYTES);
        memcpy(ret, &head, sizeof(head));
}

int pattern_parse(struct pattern *ret_pattern, const uint8_t *data, size_t len)
{
        struct head head;

        if (len < PATTERN_BYTES)
                return PATTERN_E_FOREIGN;
        memcpy(&head, data, sizeof(head));
        if (head.magic != MAGIC)
                return PATTERN_E_FOREIGN;
        if (head.len != len || head.sum != sum_of(&head, data + PATTERN_BYTES, len - PATTERN_BYTES))
                return PATTERN_E_CORRUPT;
        *ret_pattern = (struct pattern){ head.stream, head.number, head.sent_ns };
        return 0;
}
