/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/patience.h"

/* Long ago, but far from the ends of the clock. */
#define NEVER_US (INT64_MIN / 2)

/* Not with each of the turns that a burst of media takes: in vain it costs a system
 * call, too. */
enum { PAUSE_US = 1000 };

void patience_init(struct patience *patience)
{
        *patience = (struct patience){
                .watched = true, .due_us = INT64_MAX, .got_us = NEVER_US, .read_us = NEVER_US
        };
}

bool patience_wants(const struct patience *patience, bool ready, int64_t now_us)
{
        if (patience->watched)
                return ready;
        return now_us >= patience->due_us || now_us - patience->read_us >= PAUSE_US;
}

void patience_on_read(struct patience *patience, size_t n, bool more, int64_t now_us)
{
        bool crowd = now_us - patience->got_us < PATIENCE_US;

        patience->read_us = now_us;
        if (n > 0)
                patience->got_us = now_us;
        if (patience->watched && (n == 0 || !crowd))
                return;
        patience->watched = n == 0 && !crowd;
        patience->due_us = patience->watched ? INT64_MAX
                           : more            ? now_us
                                             : patience->got_us + PATIENCE_US;
}
