/* SPDX-License-Identifier: Apache-2.0 */
#include "docs-share/io/film_check.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "docs-share/io/sandbox.h"

/* It runs behind what is live: a busy meeting comes first. */
static const int64_t timeout_us = 120 * 1000000ll;

struct text {
        size_t len;
        char bytes[FILM_REPORT_BYTES];
};

static int add(void *user, const uint8_t *data, size_t len)
{
        struct text *text = user;

        if (len > sizeof(text->bytes) - text->len)
                return DOCS_E_UNPLAYABLE;
        memcpy(text->bytes + text->len, data, len);
        text->len += len;
        return 0;
}

int film_check(struct film_report *ret_report, const struct film_check *check)
{
        static const char *const argv[] = { "dinh", "job", "probe", NULL };
        struct text text = { 0 };
        const struct sandbox_run run = { .program = check->program,
                                         .line = "{\"type\":\"start\"}\n",
                                         .input = check->film,
                                         .input_name = "/input",
                                         .argv = argv,
                                         .timeout_us = timeout_us,
                                         .stop_fd = check->stop_fd,
                                         .on_output = add,
                                         .user = &text };
        struct sandbox_result result;
        int r = sandbox_run(&result, &run);

        if (r < 0)
                return r;
        switch (result.end) {
        case SANDBOX_OK:
        case SANDBOX_FAILED:
                if (text.len > 0)
                        return film_report_parse(ret_report, text.bytes, text.len);
                log_line(LOG_WARN, "docs", "dinh job probe said nothing: %.200s", result.message);
                return DOCS_E_INTERNAL;
        case SANDBOX_LIMIT:
                return DOCS_E_UNPLAYABLE; /* a file that its reader does not survive */
        case SANDBOX_STOPPED:
                return result.output_result ? result.output_result : -ECANCELED;
        }
        return DOCS_E_INTERNAL;
}
