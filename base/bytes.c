/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

#include <errno.h>

void hex_encode(char *ret, const uint8_t *data, size_t n)
{
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < n; i++) {
                ret[2 * i] = digits[data[i] >> 4];
                ret[2 * i + 1] = digits[data[i] & 15];
        }
        ret[2 * n] = '\0';
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

int hex_decode(uint8_t *ret, size_t n, const char *text, size_t text_len)
{
        if (text_len != 2 * n)
                return -EINVAL;
        for (size_t i = 0; i < text_len; i++) {
                if (hex_digit(text[i]) < 0)
                        return -EINVAL;
        }
        for (size_t i = 0; i < n; i++)
                ret[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
        return 0;
}

void base64url_encode(char *ret, const uint8_t *data, size_t n)
{
        static const char digits[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        uint32_t bits = 0;
        unsigned n_bits = 0;

        for (size_t i = 0; i < n; i++) {
                bits = bits << 8 | data[i];
                n_bits += 8;
                while (n_bits >= 6) {
                        n_bits -= 6;
                        *ret++ = digits[bits >> n_bits & 63];
                }
        }
        if (n_bits > 0)
                *ret++ = digits[bits << (6 - n_bits) & 63];
        *ret = '\0';
}

static int base64url_digit(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '-' ? 62 : c == '_' ? 63 : -1;
}

int base64url_decode(uint8_t *ret, size_t cap, size_t *ret_len, const char *text, size_t text_len)
{
        size_t n = text_len * 6 / 8, at = 0;
        uint32_t bits = 0;
        unsigned n_bits = 0;

        if (text_len % 4 == 1 || n > cap)
                return -EINVAL;
        for (size_t i = 0; i < text_len; i++) {
                int digit = base64url_digit(text[i]);

                if (digit < 0)
                        return -EINVAL;
                bits = bits << 6 | (uint32_t)digit;
                n_bits += 6;
                if (n_bits >= 8) {
                        n_bits -= 8;
                        ret[at++] = (uint8_t)(bits >> n_bits);
                }
        }
        if (bits & ((1u << n_bits) - 1))
                return -EINVAL;
        *ret_len = at;
        return 0;
}
