/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/rtmp_url.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct rtmp_url url;
        char *text = malloc(size + 1);

        FUZZ_CHECK(text);
        if (size > 0)
                memcpy(text, data, size);
        text[size] = '\0';
        if (rtmp_url_parse(&url, text) == 0) {
                FUZZ_CHECK(url.port > 0 && url.host[0] && url.app[0]);
                FUZZ_CHECK(strlen(url.host) < RTMP_HOST && strlen(url.app) < RTMP_APP);
                FUZZ_CHECK(!strpbrk(url.host, "@ \r\n/") && !strpbrk(url.app, "@ \r\n"));
        }
        free(text);
        return 0;
}
