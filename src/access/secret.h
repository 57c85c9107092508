/*
 * access/secret (private to the room): 256 random bits as text, their hash, and comparing hashes.
 * SHA-256 without salt or stretching is enough here: the input has 256 bits of chance, so there is
 * nothing to guess (people's passwords would need Argon2id).
 */
#pragma once
#include "access/access.h"

enum { SECRET_HASH_BYTES = 32 };

void secret_create(struct os *os, char text[ACCESS_SECRET_BYTES + 1]);
void secret_hash(struct str text, unsigned char hash[SECRET_HASH_BYTES]);
bool secret_same(const unsigned char a[SECRET_HASH_BYTES],
                 const unsigned char b[SECRET_HASH_BYTES]);

struct record *access_record(struct access *a);
struct os *access_os(struct access *a);
