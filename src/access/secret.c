#include "access/secret.h"

#include <sodium.h>

void secret_create(struct os *os, char text[ACCESS_SECRET_BYTES + 1])
{
    unsigned char bytes[32];

    os_random(os, bytes, sizeof bytes);
    sodium_bin2base64(text, ACCESS_SECRET_BYTES + 1, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(bytes, sizeof bytes);
}

void secret_hash(struct str text, unsigned char hash[SECRET_HASH_BYTES])
{
    _Static_assert(SECRET_HASH_BYTES == crypto_hash_sha256_BYTES, "SHA-256");
    crypto_hash_sha256(hash, (const unsigned char *)text.at, text.len);
}

bool secret_same(const unsigned char a[SECRET_HASH_BYTES], const unsigned char b[SECRET_HASH_BYTES])
{
    return sodium_memcmp(a, b, SECRET_HASH_BYTES) == 0;
}
