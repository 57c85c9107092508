#include "access/secret.h"

enum { SEEN_EVERY_MS = 5 * 60 * 1000 }; /* how often a session in use is written down */

#define HASH(h) RECORD_B(((struct str){(const char *)(h), SECRET_HASH_BYTES}))

bool access_link_create(struct access *a, char token[ACCESS_SECRET_BYTES + 1], struct err *e)
{
    unsigned char hash[SECRET_HASH_BYTES];
    int64_t now = os_now_ms(access_os(a));
    struct record_value old = RECORD_I(now);

    if (!record_run(access_record(a), "DELETE FROM signin_link WHERE expires < $1", &old, 1, NULL,
                    e))
        return err_while(e, "making a sign-in link");
    secret_create(access_os(a), token);
    secret_hash(str_of(token), hash);
    struct record_value values[] = {HASH(hash), RECORD_I(now), RECORD_I(now + ACCESS_LINK_MS)};
    if (!record_run(access_record(a),
                    "INSERT INTO signin_link(hash, created, expires) VALUES ($1, $2, $3)", values,
                    COUNT(values), NULL, e))
        return err_while(e, "making a sign-in link");
    return true;
}

static bool session_create(struct access *a, char session[ACCESS_SECRET_BYTES + 1], struct err *e)
{
    unsigned char hash[SECRET_HASH_BYTES];
    int64_t now = os_now_ms(access_os(a));
    struct record_value old[] = {RECORD_I(now - ACCESS_SESSION_MS),
                                 RECORD_I(now - ACCESS_SESSION_IDLE_MS)};

    if (!record_run(access_record(a), "DELETE FROM browser_session WHERE created < $1 OR seen < $2",
                    old, COUNT(old), NULL, e))
        return err_while(e, "signing in");
    secret_create(access_os(a), session);
    secret_hash(str_of(session), hash);
    struct record_value values[] = {HASH(hash), RECORD_I(now), RECORD_I(now)};
    return record_run(access_record(a),
                      "INSERT INTO browser_session(hash, created, seen) VALUES ($1, $2, $3)",
                      values, COUNT(values), NULL, e);
}

bool access_link_use(struct access *a, struct str token, char session[ACCESS_SECRET_BYTES + 1],
                     struct err *e)
{
    unsigned char hash[SECRET_HASH_BYTES];
    int64_t used = 0;

    secret_hash(token, hash);
    struct record_value values[] = {HASH(hash), RECORD_I(os_now_ms(access_os(a)))};
    /* One statement finds and uses it up: two browsers cannot both have it. */
    if (!record_run(access_record(a), "DELETE FROM signin_link WHERE hash = $1 AND expires >= $2",
                    values, COUNT(values), &used, e))
        return err_while(e, "signing in");
    if (!used) {
        err_set(e, ERR_UNAUTHORIZED, "this sign-in link has been used or is older than 15 minutes");
        err_code(e, "signin.link");
        return err_hint(e, "run `tenure signin` for a new one");
    }
    return session_create(a, session, e);
}

static bool not_signed_in(struct err *e)
{
    err_set(e, ERR_UNAUTHORIZED, "not signed in, or signed in too long ago");
    err_code(e, "signin.session");
    return err_hint(e, "run `tenure signin` for a sign-in link");
}

bool access_session_check(struct access *a, struct str session, struct err *e)
{
    unsigned char hash[SECRET_HASH_BYTES];
    int64_t now = os_now_ms(access_os(a));
    AUTO(arena) *arena = NULL;
    struct record_value *cells = NULL;

    if (session.len != ACCESS_SECRET_BYTES)
        return not_signed_in(e);
    secret_hash(session, hash);
    arena = arena_create(256);
    struct record_value values[] = {HASH(hash), RECORD_I(now - ACCESS_SESSION_MS),
                                    RECORD_I(now - ACCESS_SESSION_IDLE_MS)};
    if (!record_one(access_record(a),
                    "SELECT seen FROM browser_session "
                    "WHERE hash = $1 AND created >= $2 AND seen >= $3",
                    values, COUNT(values), arena, &cells, e))
        return err_while(e, "looking up a session");
    if (!cells)
        return not_signed_in(e);
    if (now - cells[0].integer < SEEN_EVERY_MS)
        return true;
    struct record_value seen[] = {RECORD_I(now), HASH(hash)};
    return record_run(access_record(a), "UPDATE browser_session SET seen = $1 WHERE hash = $2",
                      seen, COUNT(seen), NULL, e);
}

bool access_session_end(struct access *a, struct str session, struct err *e)
{
    unsigned char hash[SECRET_HASH_BYTES];

    secret_hash(session, hash);
    struct record_value value = HASH(hash);
    return record_run(access_record(a), "DELETE FROM browser_session WHERE hash = $1", &value, 1,
                      NULL, e);
}
