/* SPDX-License-Identifier: Apache-2.0 */
/*
 * captured — streams as Chromium sent them through the server, packet by packet:
 *            tests/data/layers/<codec>_<scalability mode>.txt. A line has sequence number,
 *            timestamp, marker, payload length, dependency descriptor ("-": none) and
 *            the payload's first bytes; of key frames more of them.
 */
#ifndef TESTS_CAPTURED_H
#define TESTS_CAPTURED_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { CAPTURED_MAX = 512, CAPTURED_HEAD = 28 };

struct captured_packet {
        uint16_t seq;
        uint32_t ts;
        bool marker;
        size_t payload_len; /* the bytes behind the head are zeros */
        size_t dd_len, head_len;
        uint8_t dd[255], payload[1500];
};

struct captured {
        size_t n;
        struct captured_packet packets[CAPTURED_MAX];
};

static inline size_t captured_hex(uint8_t *ret, size_t cap, const char *text)
{
        size_t n = strlen(text) / 2;

        if (strcmp(text, "-") == 0)
                return 0;
        assert(n <= cap && hex_decode(ret, n, text, 2 * n) == 0);
        return n;
}

/* The whole stream; free() it. */
static inline struct captured *captured_load(const char *folder, const char *name)
{
        struct captured *captured = calloc(1, sizeof(*captured));
        char path[4096], dd[512], head[128];
        unsigned seq, ts, marker, len;
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s.txt", folder, name);
        file = fopen(path, "r");
        assert(captured && file);
        while (fscanf(file, "%u %u %u %u %511s %127s", &seq, &ts, &marker, &len, dd, head) == 6) {
                struct captured_packet *p = &captured->packets[captured->n++];

                assert(captured->n < CAPTURED_MAX && len <= sizeof(p->payload));
                p->seq = (uint16_t)seq;
                p->ts = ts;
                p->marker = marker;
                p->payload_len = len;
                p->dd_len = captured_hex(p->dd, sizeof(p->dd), dd);
                p->head_len = captured_hex(p->payload, CAPTURED_HEAD, head);
        }
        fclose(file);
        assert(captured->n > 0);
        return captured;
}

#endif
