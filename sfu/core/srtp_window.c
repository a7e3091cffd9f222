/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/srtp_window.h"

#include <string.h>

enum { WORD = 64, HALF = 0x8000, ROUND = 0x10000 };

uint64_t srtp_window_index(const struct srtp_window *window, uint16_t seq)
{
        uint64_t index;

        if (!window->begun)
                return seq;
        index = (window->newest & ~(uint64_t)(ROUND - 1)) | seq;
        if (index > window->newest + HALF && index >= ROUND)
                return index - ROUND;
        return index + HALF < window->newest ? index + ROUND : index;
}

bool srtp_window_has(const struct srtp_window *window, uint64_t index)
{
        if (!window->begun || index > window->newest)
                return false;
        if (window->newest - index >= SRTP_WINDOW)
                return true;
        return window->came[index % SRTP_WINDOW / WORD] >> index % WORD & 1;
}

void srtp_window_note(struct srtp_window *window, uint64_t index)
{
        if (!window->begun || (index > window->newest && index - window->newest >= SRTP_WINDOW))
                memset(window->came, 0, sizeof(window->came));
        else
                for (uint64_t at = window->newest + 1; at < index; at++)
                        window->came[at % SRTP_WINDOW / WORD] &= ~(1ull << at % WORD);
        window->came[index % SRTP_WINDOW / WORD] |= 1ull << index % WORD;
        if (!window->begun || index > window->newest)
                window->newest = index;
        window->begun = true;
}
