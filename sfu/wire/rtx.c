/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/wire/rtx.h"

int rtx_parse(uint16_t *ret_osn, struct span *ret_original, struct span payload)
{
        struct rd r = rd_init(payload.data, payload.len);
        uint16_t osn = rd_u16(&r);

        if (r.bad)
                return RTX_E_SHORT;
        *ret_osn = osn;
        *ret_original = rd_take(&r, rd_left(&r));
        return 0;
}
