/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/wire/sdpfrag.h"

#include <errno.h>
#include <strings.h>

enum { MAX_WORDS = 64, MIN_UFRAG = 4, MIN_PWD = 22, MAX_FOUNDATION = 32, MAX_ADDRESS = 255 };

/* RFC 8839 §5.1: ice-char. */
static bool is_ice_char(uint8_t c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '+' || c == '/';
}

/* RFC 8866 §9: token-char. */
static bool is_token_char(uint8_t c)
{
        return c > 0x20 && c < 0x7f && !memchr("\"(),/:;<=>?@[\\]", c, 15);
}

static bool is_visible(uint8_t c)
{
        return c > 0x20 && c < 0x7f;
}

static bool all(struct span s, bool (*is_good)(uint8_t), size_t min, size_t max)
{
        if (s.len < min || s.len > max)
                return false;
        for (size_t i = 0; i < s.len; i++)
                if (!is_good(s.data[i]))
                        return false;
        return true;
}

static bool is_number(struct span s, uint64_t max)
{
        uint64_t value = 0;

        if (s.len == 0 || s.len > 10)
                return false;
        for (size_t i = 0; i < s.len; i++) {
                if (s.data[i] < '0' || s.data[i] > '9')
                        return false;
                value = value * 10 + (uint64_t)(s.data[i] - '0');
        }
        return value <= max;
}

static bool is_word(struct span s, const char *word)
{
        return s.len == strlen(word) && strncasecmp((const char *)s.data, word, s.len) == 0;
}

/* Cuts `prefix` off the line's front. */
static bool take_prefix(struct span *line, const char *prefix)
{
        size_t n = strlen(prefix);

        if (line->len < n || memcmp(line->data, prefix, n) != 0)
                return false;
        line->data += n;
        line->len -= n;
        return true;
}

/* The next line without its end; CRLF, or LF alone as some write it. */
static bool take_line(struct rd *r, struct span *ret_line)
{
        size_t left = rd_left(r);
        const uint8_t *end;
        struct span line;

        if (left == 0)
                return false;
        end = memchr(r->pos, '\n', left);
        line = rd_take(r, end ? (size_t)(end - r->pos) + 1 : left);
        if (end)
                line.len--;
        if (line.len > 0 && line.data[line.len - 1] == '\r')
                line.len--;
        *ret_line = line;
        return true;
}

/* Single blanks part the words (RFC 8866 §9). Returns how many, 0 when it is
 * not so or when there are too many. */
static size_t split(struct span line, struct span words[MAX_WORDS])
{
        size_t n = 0;

        for (;;) {
                const uint8_t *blank = memchr(line.data, ' ', line.len);
                size_t len = blank ? (size_t)(blank - line.data) : line.len;

                if (n == MAX_WORDS || !all((struct span){ line.data, len }, is_visible, 1, len))
                        return 0;
                words[n++] = (struct span){ line.data, len };
                if (!blank)
                        return n;
                line.data += len + 1;
                line.len -= len + 1;
        }
}

/* ---- lines ---- */

/* RFC 8866 §5.14: media, port[/count], protocol, formats. */
static bool is_media(struct span value)
{
        struct span words[MAX_WORDS], port;
        size_t n = split(value, words);
        const uint8_t *slash;

        if (n < 4)
                return false;
        port = words[1];
        slash = memchr(port.data, '/', port.len);
        if (slash)
                port.len = (size_t)(slash - port.data);
        return all(words[0], is_token_char, 1, words[0].len) && is_number(port, UINT16_MAX);
}

/* RFC 8839 §5.1: foundation, component, transport, priority, address, port,
 * "typ", type, then pairs of words (raddr, rport, generation, …). */
static bool is_candidate(struct span value)
{
        struct span words[MAX_WORDS];
        size_t n = split(value, words);

        return n >= 8 && n % 2 == 0 && all(words[0], is_ice_char, 1, MAX_FOUNDATION) &&
               is_number(words[1], 256) && all(words[2], is_token_char, 1, MAX_FOUNDATION) &&
               is_number(words[3], UINT32_MAX) && words[4].len <= MAX_ADDRESS &&
               is_number(words[5], UINT16_MAX) && is_word(words[6], "typ") &&
               all(words[7], is_token_char, 1, MAX_FOUNDATION);
}

static int take_credential(char ret[ICE_CREDENTIAL_CAP], struct span value, size_t min)
{
        if (!all(value, is_ice_char, min, ICE_CREDENTIAL_CAP - 1))
                return SDPFRAG_E_SYNTAX;
        if (ret[0] && (strlen(ret) != value.len || memcmp(ret, value.data, value.len) != 0))
                return SDPFRAG_E_CONFLICT;
        memcpy(ret, value.data, value.len);
        ret[value.len] = '\0';
        return 0;
}

/* Other attributes are extensions, to be ignored (RFC 8840 §9.2). */
static int take_attribute(struct sdpfrag *frag, struct span line)
{
        if (take_prefix(&line, "ice-ufrag:"))
                return take_credential(frag->ice.ufrag, line, MIN_UFRAG);
        if (take_prefix(&line, "ice-pwd:"))
                return take_credential(frag->ice.pwd, line, MIN_PWD);
        if (is_word(line, "end-of-candidates")) {
                frag->end_of_candidates = true;
                return 0;
        }
        if (take_prefix(&line, "mid:"))
                return frag->n_media > 0 && all(line, is_token_char, 1, line.len)
                               ? 0
                               : SDPFRAG_E_SYNTAX;
        if (!take_prefix(&line, "candidate:"))
                return line.len > 0 ? 0 : SDPFRAG_E_SYNTAX;
        if (frag->n_media == 0 || !is_candidate(line))
                return SDPFRAG_E_SYNTAX;
        return ++frag->n_candidates > SDPFRAG_MAX_CANDIDATES ? SDPFRAG_E_TOO_LARGE : 0;
}

static int take(struct sdpfrag *frag, struct span line)
{
        if (line.len == 0)
                return 0;
        for (size_t i = 0; i < line.len; i++)
                if (line.data[i] < 0x20 || line.data[i] == 0x7f)
                        return SDPFRAG_E_SYNTAX;
        if (take_prefix(&line, "a="))
                return take_attribute(frag, line);
        if (!take_prefix(&line, "m=") || !is_media(line))
                return SDPFRAG_E_SYNTAX;
        return ++frag->n_media > SDPFRAG_MAX_MEDIA ? SDPFRAG_E_TOO_LARGE : 0;
}

int sdpfrag_parse(struct sdpfrag *ret_frag, const uint8_t *data, size_t len)
{
        struct rd r = rd_init(data, len);
        struct sdpfrag frag = { 0 };
        struct span line;
        bool any = false;

        if (len > SDPFRAG_MAX_BYTES)
                return SDPFRAG_E_TOO_LARGE;
        while (take_line(&r, &line)) {
                int err = take(&frag, line);

                if (err)
                        return err;
                any |= line.len > 0;
        }
        if (!any)
                return SDPFRAG_E_SYNTAX;
        *ret_frag = frag;
        return 0;
}

void sdpfrag_credentials_of(struct ice_credentials *ret_ice, const char *sdp, size_t len)
{
        struct rd r = rd_init((const uint8_t *)sdp, len);
        struct ice_credentials ice = { 0 };
        struct span line;

        while (take_line(&r, &line)) {
                if (!ice.ufrag[0] && take_prefix(&line, "a=ice-ufrag:"))
                        (void)!take_credential(ice.ufrag, line, 1);
                else if (!ice.pwd[0] && take_prefix(&line, "a=ice-pwd:"))
                        (void)!take_credential(ice.pwd, line, 1);
        }
        *ret_ice = ice;
}

static void put(struct wr *w, struct span text)
{
        uint8_t *at = wr_take(w, text.len);

        if (at)
                memcpy(at, text.data, text.len);
}

int sdpfrag_write_front(char *ret, size_t cap, const char *answer, size_t len)
{
        static const char *const wanted[] = { "a=group:BUNDLE ", "m=", "a=mid:" };
        static const struct span lite = { (const uint8_t *)"a=ice-lite\r\n", 12 };
        static const struct span end = { (const uint8_t *)"\r\n", 2 };
        struct rd r = rd_init((const uint8_t *)answer, len);
        struct wr w = wr_init((uint8_t *)ret, cap);
        struct span line;
        size_t n = 0;

        put(&w, lite);
        while (n < ARRAY_LEN(wanted) && take_line(&r, &line)) {
                struct span rest = line;

                if (!take_prefix(&rest, wanted[n]))
                        continue;
                put(&w, line);
                put(&w, end);
                n++;
        }
        wr_u8(&w, '\0');
        return w.bad ? -ENOSPC : 0;
}
