/* SPDX-License-Identifier: Apache-2.0 */
#include "docs-share/api.h"

const char *docs_error_code(enum docs_err err)
{
        static const char *const codes[DOCS_N_ERRS] = {
                [DOCS_E_TYPE] = "doc-type",
                [DOCS_E_TOO_LARGE] = "doc-too-large",
                [DOCS_E_EMPTY] = "doc-empty",
                [DOCS_E_NAME] = "doc-name",
                [DOCS_E_DISK_FULL] = "doc-disk-full",
                [DOCS_E_TOO_MANY] = "doc-too-many",
                [DOCS_E_CORRUPT] = "doc-corrupt",
                [DOCS_E_PASSWORD] = "doc-password",
                [DOCS_E_BOMB] = "doc-bomb",
                [DOCS_E_INTERNAL] = "doc-internal",
                [DOCS_E_UNPLAYABLE] = "doc-unplayable",
                [DOCS_E_CODEC] = "doc-codec",
                [DOCS_E_LONG] = "doc-long",
                [DOCS_E_PICTURE] = "doc-picture",
        };

        return err > 0 && err < DOCS_N_ERRS ? codes[err] : "doc-internal";
}
