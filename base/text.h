/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text — what people typed: names, chat, titles, file names. Always UTF-8,
 *        never trusted.
 *
 * Layer:  base, pure.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/base.h"

/* True when the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no
 * overlong forms) without NUL. */
bool text_is_utf8(const char *text, size_t len);

enum text_flags {
        TEXT_KEEP_NEWLINES = 1, /* chat; otherwise they become one space */
};

/* Copies text without control characters and without the characters that turn
 * or hide other text (bidi overrides and isolates U+202A..E, U+2066..9,
 * U+200E/F, U+061C; zero-width U+200B, U+2060, U+FEFF; U+FFF9..B); runs of
 * white space become one space, both ends are trimmed. U+200C/D, variation
 * selectors and fillers stay: emoji and some scripts need them; a text that shows nothing else
 * becomes empty. Cuts at cap - 1 bytes on a character boundary; ret is
 * NUL-terminated. Returns 0 with the length through *ret_len (may be 0), or
 * -EILSEQ for bytes that are not UTF-8. */
must_use int text_clean(char *ret, size_t cap, size_t *ret_len, const char *text, size_t len,
                        enum text_flags flags);

/* Whether anything is seen of well-formed text. */
bool text_shows(const char *text, size_t len);

/* How many characters (code points) well-formed text has. */
size_t text_chars(const char *text, size_t len);

#endif
