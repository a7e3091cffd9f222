/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/wire/token.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/bytes.h"
#include "signaling/wire/client_msg.h"

enum {
        MAC_BYTES = 32,
        MAC_TEXT = 43,     /* base64url of it */
        MAX_PAYLOAD = 720, /* its base64url, a dot and the MAC fit in TOKEN_MAX */
};

static const char *const kinds[N_TOKEN_KINDS] = { "join", "session", "operator", "viewer" };

static bool make_mac(uint8_t ret[MAC_BYTES], const char *payload, size_t len,
                     const uint8_t secret[TOKEN_SECRET])
{
        unsigned n = MAC_BYTES;

        return HMAC(EVP_sha256(), secret, TOKEN_SECRET, (const uint8_t *)payload, len, ret, &n) &&
               n == MAC_BYTES;
}

int token_write(char ret[TOKEN_MAX], const struct token *token, const uint8_t secret[TOKEN_SECRET])
{
        /* Links are read aloud and typed now and then: what is empty is left out. */
        json_t *object = json_pack(
                "{s:s, s:s, s:s, s:s*, s:s*, s:I}", "k", kinds[token->kind], "m", token->meeting,
                "r", role_word(token->role), "n", token->name[0] ? token->name : NULL, "p",
                token->seat[0] ? token->seat : NULL, "e", (json_int_t)token->expires_ms);
        char *payload = object ? json_dumps(object, JSON_COMPACT) : NULL;
        uint8_t mac[MAC_BYTES];
        int r = -ENOMEM;

        json_decref(object);
        if (payload && strlen(payload) <= MAX_PAYLOAD) {
                size_t len = strlen(payload), encoded = base64url_size(len) - 1;

                base64url_encode(ret, (const uint8_t *)payload, len);
                if (make_mac(mac, ret, encoded, secret)) {
                        ret[encoded] = '.';
                        base64url_encode(ret + encoded + 1, mac, sizeof(mac));
                        r = 0;
                }
        }
        free(payload);
        return r;
}

/* An absent text is empty. */
static bool read_text(char *ret, size_t cap, const json_t *object, const char *name)
{
        const json_t *value = json_object_get(object, name);
        const char *text = value ? json_string_value(value) : "";

        if (!text || strlen(text) >= cap)
                return false;
        memcpy(ret, text, strlen(text) + 1);
        return true;
}

static bool read_kind(enum token_kind *ret_kind, const json_t *object)
{
        const char *word = json_string_value(json_object_get(object, "k"));

        for (unsigned i = 0; word && i < N_TOKEN_KINDS; i++) {
                if (strcmp(word, kinds[i]) == 0) {
                        *ret_kind = (enum token_kind)i;
                        return true;
                }
        }
        return false;
}

static bool read_payload(struct token *ret_token, const uint8_t *payload, size_t len)
{
        json_t *object = json_loadb((const char *)payload, len, JSON_REJECT_DUPLICATES, NULL);
        const char *role = json_string_value(json_object_get(object, "r"));
        bool good = role && role_parse(&ret_token->role, role) == 0 &&
                    read_kind(&ret_token->kind, object) &&
                    read_text(ret_token->meeting, sizeof(ret_token->meeting), object, "m") &&
                    read_text(ret_token->name, sizeof(ret_token->name), object, "n") &&
                    read_text(ret_token->seat, sizeof(ret_token->seat), object, "p") &&
                    (!ret_token->seat[0] || msg_is_id(ret_token->seat)) &&
                    json_is_integer(json_object_get(object, "e"));

        ret_token->expires_ms = json_integer_value(json_object_get(object, "e"));
        json_decref(object);
        return good;
}

int token_read(struct token *ret_token, const char *text, int64_t now_ms,
               const uint8_t secret[TOKEN_SECRET])
{
        size_t len = strnlen(text, TOKEN_MAX), mac_len, payload_len;
        const char *dot = memchr(text, '.', len);
        uint8_t mac[MAC_BYTES], given[MAC_BYTES], payload[MAX_PAYLOAD];
        struct token token = { 0 };

        if (len == TOKEN_MAX || !dot || len - (size_t)(dot - text) - 1 != MAC_TEXT)
                return TOKEN_E_INVALID;
        if (base64url_decode(given, sizeof(given), &mac_len, dot + 1, MAC_TEXT) != 0 ||
            mac_len != MAC_BYTES || !make_mac(mac, text, (size_t)(dot - text), secret) ||
            CRYPTO_memcmp(mac, given, MAC_BYTES) != 0)
                return TOKEN_E_INVALID;
        if (base64url_decode(payload, sizeof(payload), &payload_len, text, (size_t)(dot - text)) !=
                    0 ||
            !read_payload(&token, payload, payload_len))
                return TOKEN_E_INVALID;
        if (token.expires_ms <= now_ms)
                return TOKEN_E_EXPIRED;
        *ret_token = token;
        return 0;
}

int token_stream_key(char ret[TOKEN_STREAM_KEY + 1], const char *meeting, int64_t since_ms,
                     const uint8_t secret[TOKEN_SECRET])
{
        enum { BYTES = 16 }; /* 22 characters */
        uint8_t mac[MAC_BYTES];
        char text[UUID_TEXT + 40];
        int n = snprintf(text, sizeof(text), "stream %s %lld", meeting, (long long)since_ms);

        /* A token's payload is base64url and has no space: no token is a key. */
        if (n < 0 || (size_t)n >= sizeof(text) || !make_mac(mac, text, (size_t)n, secret))
                return -ENOMEM;
        base64url_encode(ret, mac, BYTES);
        return 0;
}
