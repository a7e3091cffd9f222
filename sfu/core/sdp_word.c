/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/sdp_internal.h"

#include <string.h>
#include <strings.h>

#include "base/bytes.h"

struct sdp_word sdp_word(const char *text)
{
        return (struct sdp_word){ text, strlen(text) };
}

struct sdp_word sdp_word_cut(struct sdp_word *rest, char sep)
{
        struct sdp_word word;
        const char *end;

        while (rest->len > 0 && *rest->at == sep) {
                rest->at++;
                rest->len--;
        }
        word = *rest;
        end = rest->len ? memchr(rest->at, sep, rest->len) : NULL;
        if (end)
                word.len = (size_t)(end - rest->at);
        rest->at += word.len;
        rest->len -= word.len;
        return word;
}

bool sdp_word_is(struct sdp_word word, const char *text)
{
        return word.len == strlen(text) && strncasecmp(word.at, text, word.len) == 0;
}

bool sdp_word_number(struct sdp_word word, uint32_t max, uint32_t *ret_number)
{
        uint64_t number = 0;

        if (word.len < 1 || word.len > 10)
                return false;
        for (size_t i = 0; i < word.len; i++) {
                if (word.at[i] < '0' || word.at[i] > '9')
                        return false;
                number = number * 10 + (uint64_t)(word.at[i] - '0');
        }
        if (number > max)
                return false;
        *ret_number = (uint32_t)number;
        return true;
}

/* token-char of RFC 8866 §9. */
static bool is_token_char(char c)
{
        return c > ' ' && c < 0x7f && !strchr("\"(),/:;<=>?@[\\]", c);
}

bool sdp_word_token(struct sdp_word word, char extra, char *ret, size_t cap)
{
        if (word.len < 1 || word.len >= cap)
                return false;
        for (size_t i = 0; i < word.len; i++)
                if (!is_token_char(word.at[i]) && (!extra || word.at[i] != extra))
                        return false;
        memcpy(ret, word.at, word.len);
        ret[word.len] = '\0';
        return true;
}

/* --- ICE and DTLS --- */

/* ice-char of RFC 8839 §5.4; 256 characters at most. */
static bool copy_ice_word(char *ret, const char *value, size_t min)
{
        size_t len = strlen(value);

        if (len < min || len > 256)
                return false;
        for (size_t i = 0; i < len; i++)
                if (!sdp_is_alnum(value[i]) && value[i] != '+' && value[i] != '/')
                        return false;
        memcpy(ret, value, len + 1);
        return true;
}

static int read_ufrag(struct sdp_security *security, const char *value)
{
        return copy_ice_word(security->ufrag, value, 4) ? 0 : SFU_OFFER_NO_ICE;
}

static int read_pwd(struct sdp_security *security, const char *value)
{
        return copy_ice_word(security->pwd, value, 22) ? 0 : SFU_OFFER_NO_ICE;
}

/* RFC 8122 §5: "sha-256 AB:CD:…". Other hashes are somebody else's choice;
 * two certificates would be two identities. */
static int read_fingerprint(struct sdp_security *security, const char *value)
{
        struct sdp_word rest = sdp_word(value);
        struct sdp_word hash = sdp_word_cut(&rest, ' ');
        struct sdp_word digits = sdp_word_cut(&rest, ' ');
        uint8_t fingerprint[32];

        if (!sdp_word_is(hash, "sha-256"))
                return 0;
        if (digits.len != sizeof(fingerprint) * 3 - 1)
                return SFU_OFFER_NO_DTLS;
        for (size_t i = 0; i < sizeof(fingerprint); i++) {
                if (hex_decode(&fingerprint[i], 1, digits.at + 3 * i, 2) < 0)
                        return SFU_OFFER_NO_DTLS;
                if (i + 1 < sizeof(fingerprint) && digits.at[3 * i + 2] != ':')
                        return SFU_OFFER_NO_DTLS;
        }
        if (security->has_fingerprint && memcmp(security->fingerprint, fingerprint, 32) != 0)
                return SFU_OFFER_NO_DTLS;
        memcpy(security->fingerprint, fingerprint, sizeof(fingerprint));
        security->has_fingerprint = true;
        return 0;
}

static int read_setup(struct sdp_security *security, const char *value)
{
        static const char *const names[] = {
                [SDP_SETUP_ACTPASS] = "actpass",
                [SDP_SETUP_ACTIVE] = "active",
                [SDP_SETUP_PASSIVE] = "passive",
        };

        for (size_t i = SDP_SETUP_ACTPASS; i < ARRAY_LEN(names); i++) {
                if (strcmp(value, names[i]) == 0) {
                        security->setup = (enum sdp_setup)i;
                        return 0;
                }
        }
        return SFU_OFFER_NO_DTLS;
}

int sdp_security_read(struct sdp_security *security, const char *key, const char *value)
{
        static const struct {
                const char *key;
                int (*read)(struct sdp_security *security, const char *value);
        } attrs[] = {
                { "ice-ufrag", read_ufrag },
                { "ice-pwd", read_pwd },
                { "fingerprint", read_fingerprint },
                { "setup", read_setup },
        };

        for (size_t i = 0; i < ARRAY_LEN(attrs); i++)
                if (strcmp(key, attrs[i].key) == 0)
                        return attrs[i].read(security, value);
        return 0;
}

bool sdp_word_dir(struct sdp_word word, enum sdp_dir *ret_dir)
{
        static const char *const names[] = {
                [SDP_INACTIVE] = "inactive",
                [SDP_SENDONLY] = "sendonly",
                [SDP_RECVONLY] = "recvonly",
                [SDP_SENDRECV] = "sendrecv",
        };

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                if (sdp_word_is(word, names[i])) {
                        *ret_dir = (enum sdp_dir)i;
                        return true;
                }
        }
        return false;
}

bool sdp_dir_read(const char *key, enum sdp_dir *ret_dir)
{
        return sdp_word_dir(sdp_word(key), ret_dir);
}
