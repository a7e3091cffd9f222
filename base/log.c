/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { LINE_CAP = 1024, LIMIT_PERIOD_US = 1000000 };

/* A hostile string must not be able to forge a second line or steer the
 * operator's terminal: C0, DEL, and C1 as UTF-8 writes it (U+0080..9F). */
static void blank_controls(uint8_t *text, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (text[i] < 0x20 || text[i] == 0x7f)
                        text[i] = ' ';
                if (text[i] == 0xc2 && i + 1 < n && text[i + 1] >= 0x80 && text[i + 1] < 0xa0)
                        text[i] = text[i + 1] = ' ';
        }
}

static void write_line(enum log_level level, const char *topic, const char *format, va_list args,
                       uint64_t held_back) __attribute__((format(printf, 3, 0)));

static void write_line(enum log_level level, const char *topic, const char *format, va_list args,
                       uint64_t held_back)
{
        static const char *const names[] = { "error", "warn", "info" };
        char line[LINE_CAP];
        struct timespec now;
        struct tm utc;
        size_t n;

        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &utc);
        n = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &utc);
        n += (size_t)snprintf(line + n, sizeof(line) - n, ".%03ldZ %s %s: ", now.tv_nsec / 1000000,
                              names[level], topic);
        int body = vsnprintf(line + n, sizeof(line) - n - 1, format, args);

        n += body < 0 ? 0 : (size_t)body;
        if (n > LINE_CAP - 2)
                n = LINE_CAP - 2;
        if (held_back > 0 && n < LINE_CAP - 48)
                n += (size_t)snprintf(line + n, sizeof(line) - n - 1, " (and %llu more)",
                                      (unsigned long long)held_back);
        blank_controls((uint8_t *)line, n);
        line[n++] = '\n';
        (void)!write(STDERR_FILENO, line, n);
}

void log_line(enum log_level level, const char *topic, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        write_line(level, topic, format, args, 0);
        va_end(args);
}

void log_limited(struct log_limit *limit, enum log_level level, const char *topic,
                 const char *format, ...)
{
        int64_t now_us = clock_now_us(),
                next_us = __atomic_load_n(&limit->next_us, __ATOMIC_RELAXED);
        va_list args;

        if (now_us < next_us ||
            !__atomic_compare_exchange_n(&limit->next_us, &next_us, now_us + LIMIT_PERIOD_US, false,
                                         __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
                __atomic_add_fetch(&limit->held_back, 1, __ATOMIC_RELAXED);
                return;
        }
        va_start(args, format);
        write_line(level, topic, format, args,
                   __atomic_exchange_n(&limit->held_back, 0, __ATOMIC_RELAXED));
        va_end(args);
}
