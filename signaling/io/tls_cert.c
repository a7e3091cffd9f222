/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/io/tls_cert.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/fd.h"
#include "base/rand.h"

enum {
        DAYS = 825, /* Apple's systems refuse any longer */
        RENEW_DAYS = 30,
        NAMES_CAP = 4096,
        PATH_CAP = 4096,
        SECONDS_PER_DAY = 86400,
};

DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(BIO *, BIO_free)

/* A matching pair with time left? */
static bool is_usable(const char *cert_path, const char *key_path)
{
        cleanup(X509_freep) X509 *cert = NULL;
        cleanup(EVP_PKEY_freep) EVP_PKEY *key = NULL;
        cleanup(BIO_freep) BIO *cert_file = BIO_new_file(cert_path, "r");
        cleanup(BIO_freep) BIO *key_file = BIO_new_file(key_path, "r");
        time_t renew = time(NULL) + (time_t)RENEW_DAYS * SECONDS_PER_DAY;

        if (cert_file && key_file) {
                cert = PEM_read_bio_X509(cert_file, NULL, NULL, NULL);
                key = PEM_read_bio_PrivateKey(key_file, NULL, NULL, NULL);
        }
        ERR_clear_error();
        return cert && key && X509_check_private_key(cert, key) == 1 &&
               X509_cmp_time(X509_get0_notAfter(cert), &renew) > 0;
}

static void add_name(char *names, const char *kind, const char *name)
{
        size_t used = strlen(names);

        /* The list is OpenSSL's configuration syntax: nothing in it but a plain name. */
        if (*name &&
            strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789.-:") == strlen(name) &&
            used + strlen(kind) + strlen(name) + 2 < NAMES_CAP)
                snprintf(names + used, NAMES_CAP - used, "%s%s:%s", used ? "," : "", kind, name);
}

static void add_addresses(char *names)
{
        struct ifaddrs *list = NULL;

        if (getifaddrs(&list) < 0)
                return;
        for (const struct ifaddrs *item = list; item; item = item->ifa_next) {
                const struct sockaddr *sa = item->ifa_addr;
                char text[INET6_ADDRSTRLEN];

                if (!sa || (item->ifa_flags & IFF_LOOPBACK))
                        continue;
                if (sa->sa_family == AF_INET)
                        inet_ntop(AF_INET, &((const struct sockaddr_in *)sa)->sin_addr, text,
                                  sizeof(text));
                else if (sa->sa_family == AF_INET6)
                        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)sa)->sin6_addr, text,
                                  sizeof(text));
                else
                        continue;
                add_name(names, "IP", text);
        }
        freeifaddrs(list);
}

static int add_extension(X509 *cert, int nid, const char *value)
{
        X509_EXTENSION *extension;
        X509V3_CTX ctx;
        int r;

        X509V3_set_ctx_nodb(&ctx);
        X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
        extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
        if (!extension)
                return -EINVAL;
        r = X509_add_ext(cert, extension, -1) == 1 ? 0 : -ENOMEM;
        X509_EXTENSION_free(extension);
        return r;
}

static int add_extensions(X509 *cert)
{
        char names[NAMES_CAP] = "", host[256] = "";

        add_name(names, "DNS", "localhost");
        if (gethostname(host, sizeof(host) - 1) == 0)
                add_name(names, "DNS", host);
        add_name(names, "IP", "127.0.0.1");
        add_name(names, "IP", "::1");
        add_addresses(names);
        if (add_extension(cert, NID_subject_alt_name, names) < 0 ||
            add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") < 0 ||
            add_extension(cert, NID_key_usage, "critical,digitalSignature") < 0)
                return -ENOMEM;
        return add_extension(cert, NID_ext_key_usage, "serverAuth");
}

static int set_serial(X509 *cert)
{
        uint64_t serial;

        rand_bytes(&serial, sizeof(serial));
        return ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) == 1 ? 0 : -ENOMEM;
}

static int make_cert(X509 *cert, EVP_PKEY *key)
{
        X509_NAME *name = X509_get_subject_name(cert);

        if (X509_set_version(cert, X509_VERSION_3) != 1 || set_serial(cert) < 0 ||
            !X509_gmtime_adj(X509_getm_notBefore(cert), -SECONDS_PER_DAY) ||
            !X509_gmtime_adj(X509_getm_notAfter(cert), (long)(DAYS - 1) * SECONDS_PER_DAY) ||
            X509_set_pubkey(cert, key) != 1 ||
            X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"dinh", -1, -1,
                                       0) != 1 ||
            X509_set_issuer_name(cert, name) != 1)
                return -ENOMEM;
        if (add_extensions(cert) < 0 || X509_sign(cert, key, EVP_sha256()) == 0)
                return -ENOMEM;
        return 0;
}

/* A new file appears whole, and is never readable by others. */
static int write_whole(const char *path, BIO *pem)
{
        cleanup(closep) int fd = -1;
        char part[PATH_CAP];
        char *data;
        long len = BIO_get_mem_data(pem, &data);

        if (snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part))
                return -ENAMETOOLONG;
        if (unlink(part) < 0 && errno != ENOENT)
                return -errno;
        fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        if (write(fd, data, (size_t)len) != len)
                return -EIO;
        if (fsync(fd) < 0 || rename(part, path) < 0)
                return -errno;
        return 0;
}

static int write_pair(const char *cert_path, const char *key_path, X509 *cert, EVP_PKEY *key)
{
        cleanup(BIO_freep) BIO *cert_pem = BIO_new(BIO_s_mem());
        cleanup(BIO_freep) BIO *key_pem = BIO_new(BIO_s_secmem());
        int r;

        if (!cert_pem || !key_pem || PEM_write_bio_X509(cert_pem, cert) != 1 ||
            PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) != 1)
                return -ENOMEM;
        r = write_whole(key_path, key_pem);
        return r < 0 ? r : write_whole(cert_path, cert_pem);
}

int tls_cert_ensure(const char *dir, char *ret_cert_path, char *ret_key_path, size_t cap)
{
        cleanup(X509_freep) X509 *cert = NULL;
        cleanup(EVP_PKEY_freep) EVP_PKEY *key = NULL;
        int r;

        if (snprintf(ret_cert_path, cap, "%s/tls-cert.pem", dir) >= (int)cap ||
            snprintf(ret_key_path, cap, "%s/tls-key.pem", dir) >= (int)cap)
                return -ENAMETOOLONG;
        if (is_usable(ret_cert_path, ret_key_path))
                return 0;
        cert = X509_new();
        key = EVP_EC_gen("P-256");
        if (!cert || !key)
                return -ENOMEM;
        r = make_cert(cert, key);
        return r < 0 ? r : write_pair(ret_cert_path, ret_key_path, cert, key);
}
