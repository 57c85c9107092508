/* store/wal: see wal.h. */
#include "store/wal.h"

#include <inttypes.h>
#include <stdio.h>

#include "codec/bytes.h"

/* Offsets in a frame. */
enum {
    AT_MARK = 0,
    AT_CHECKSUM =
        4,         /* of what follows, up to the end of the payload; starts from the file's salt */
    AT_BYTES = 8,  /* payload */
    AT_COUNT = 12, /* batches */
    AT_SEQUENCE = 16, /* of the first batch */
    AT_DURABLE = 24,  /* all batches before this one were durable when this was written */
    AT_FRESH = 32,    /* none from this one up to AT_SEQUENCE had an id that was there already */
    CHECKED_FROM = AT_BYTES,
    FRAME_ALIGN = 8,
};
#define FRAME_MARK 0x4D52464Cu /* "LFRM" */
#define END_MARK 0x444E454Cu   /* "LEND" */
_Static_assert(AT_FRESH + 8 == WAL_FRAME_BYTES, "a frame's head is 40 bytes");
_Static_assert(HEAD_BYTES % FRAME_ALIGN == 0, "frames start aligned");

struct wal {
    struct os_file *file;
    uint64_t number;
    uint32_t salt;
    uint64_t end;      /* where the next frame goes */
    uint64_t synced;   /* bytes known to be durable */
    uint64_t reserved; /* bytes the file has space for */
    uint64_t sequence; /* of the next batch */
    uint64_t durable;  /* sequence: all before it are durable */
    uint64_t fresh;    /* said by the next frame; 0: nothing */
    bool is_broken;
    struct str *parts; /* of one write */
    size_t part_count, part_room;
    uint32_t *sizes; /* the batches' lengths, as they go into the file */
    size_t size_count, size_room;
};

static uint32_t get32(const char *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static uint64_t get64(const char *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + FRAME_ALIGN - 1) & ~(uint64_t)(FRAME_ALIGN - 1);
}

static uint64_t whole_frame(uint64_t payload)
{
    return WAL_FRAME_BYTES + aligned(payload) + WAL_FRAME_END_BYTES;
}

struct str wal_path(char *room, struct str dir, uint64_t number)
{
    int len = snprintf(room, WAL_PATH_BYTES, "%.*s/wal-%010" PRIu64, STR_ARG(dir), number);
    REQUIRE(len > 0 && len < WAL_PATH_BYTES);
    return (struct str){room, (size_t)len};
}

bool wal_name(struct str name, uint64_t *number)
{
    int64_t v;
    if (name.len != 14 || !str_starts(name, STR("wal-")) || !str_to_i64(str_sub(name, 4, 10), &v) ||
        v < 1)
        return false;
    *number = (uint64_t)v;
    return true;
}

/* ---- writing ---- */

bool wal_create(struct os *os, struct str dir, const struct identity *who, uint64_t number,
                uint64_t first_sequence, struct wal **out, struct err *e)
{
    REQUIRE(number > 0 && first_sequence > 0);
    char room[WAL_PATH_BYTES];
    struct str path = wal_path(room, dir, number);
    uint32_t salt = head_salt(os);
    BUF_AUTO head = {0};
    head_put(&head, &(struct head){.kind = HEAD_LOG,
                                   .salt = salt,
                                   .number = number,
                                   .first = first_sequence,
                                   .store = who->store,
                                   .project = who->project});
    if (!os_write_whole(os, path, buf_str(&head), e))
        return err_while(e, "starting log file %" PRIu64, number);
    AUTO(wal) *w = mem_zero(sizeof *w);
    if (!os_file_open(os, path, OS_WRITE, &w->file, e))
        return err_while(e, "starting log file %" PRIu64, number);
    w->number = number;
    w->salt = salt;
    w->end = w->synced = w->reserved = HEAD_BYTES;
    w->sequence = w->durable = first_sequence;
    *out = TAKE(w);
    return true;
}

void wal_close(struct wal *w)
{
    if (!w)
        return;
    os_file_close(w->file);
    mem_free(w->parts);
    mem_free(w->sizes);
    mem_free(w);
}

static bool refuse_broken(struct err *e)
{
    return err_set(e, ERR_BUSY, "the log stopped after a failed write or sync");
}

static void note_synced(struct wal *w)
{
    w->durable = w->sequence;
    w->synced = w->end;
}

/* Nothing of the failed write was confirmed: take it back, so that the next one can follow. The cut
 * is synced: behind the end there must be zeros, or a torn frame could not be told from damage. */
static bool take_back(struct wal *w, struct err *e)
{
    struct err ignored = {0};
    if (e->kind != ERR_NO_SPACE || !os_file_truncate(w->file, w->end, &ignored) ||
        !os_file_sync(w->file, &ignored))
        w->is_broken = true;
    else
        note_synced(w);
    w->reserved = w->end;
    return false;
}

/* Space for `bytes` more: generously, or, on a disk that is nearly full, just enough. */
static bool reserve(struct wal *w, uint64_t bytes, struct err *e)
{
    uint64_t need = w->end + bytes;
    if (need <= w->reserved)
        return true;
    uint64_t ahead = MIN((uint64_t)WAL_RESERVE_BYTES, MAX(need / 2, (uint64_t)64 << 10));
    uint64_t wanted = need + ahead;
    struct err first = {0};
    if (os_file_reserve(w->file, wanted, &first)) {
        w->reserved = wanted;
        return true;
    }
    if (first.kind != ERR_NO_SPACE || !os_file_reserve(w->file, need, e)) {
        if (first.kind != ERR_NO_SPACE)
            *e = first;
        return take_back(w, e);
    }
    w->reserved = need;
    return true;
}

/* All parts of a frame but its head; `tail` is its padding and end, and stays the caller's. */
static void gather(struct wal *w, const struct str *payloads, size_t count, char *tail)
{
    w->part_count = w->size_count = 1; /* part 0: the head */
    if (w->part_room < 2 * count + 2) {
        w->part_room = 2 * count + 2;
        w->parts = mem_grow(w->parts, w->part_room, sizeof *w->parts);
    }
    if (w->size_room < count) {
        w->size_room = count;
        w->sizes = mem_grow(w->sizes, w->size_room, sizeof *w->sizes);
    }
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        w->sizes[i] = (uint32_t)payloads[i].len;
        w->parts[w->part_count++] = (struct str){(const char *)&w->sizes[i], sizeof *w->sizes};
        w->parts[w->part_count++] = payloads[i];
        bytes += sizeof *w->sizes + payloads[i].len;
    }
    size_t gap = (size_t)(aligned(bytes) - bytes);
    uint32_t end[] = {(uint32_t)bytes, END_MARK};
    memset(tail, 0, gap);
    memcpy(tail + gap, end, sizeof end);
    w->parts[w->part_count++] = (struct str){tail, gap + sizeof end};
}

static uint64_t frame_payload(const struct str *payloads, size_t count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        REQUIRE(payloads[i].len <= WAL_FRAME_PAYLOAD_MAX);
        bytes += sizeof(uint32_t) + payloads[i].len;
    }
    return bytes;
}

void wal_note_fresh(struct wal *w, uint64_t from)
{
    w->fresh = from;
}

bool wal_write(struct wal *w, const struct str *payloads, size_t count, struct err *e)
{
    if (w->is_broken)
        return refuse_broken(e);
    uint64_t bytes = frame_payload(payloads, count);
    if (bytes > WAL_FRAME_PAYLOAD_MAX)
        return err_set(e, ERR_TOO_LARGE, "a write of %" PRIu64 " bytes; the log's limit is %d",
                       bytes, WAL_FRAME_PAYLOAD_MAX);
    uint64_t whole = whole_frame(bytes);
    if (!reserve(w, whole, e))
        return err_while(e, "writing batch %" PRIu64 " to the log", w->sequence);

    char head[WAL_FRAME_BYTES], tail[FRAME_ALIGN + WAL_FRAME_END_BYTES];
    gather(w, payloads, count, tail);
    uint32_t small[] = {FRAME_MARK, 0, (uint32_t)bytes, (uint32_t)count};
    uint64_t large[] = {w->sequence, w->durable, w->fresh ? w->fresh : w->sequence};
    w->fresh = 0;
    memcpy(head, small, sizeof small);
    memcpy(head + AT_SEQUENCE, large, sizeof large);
    uint32_t crc = crc32c(w->salt, head + CHECKED_FROM, WAL_FRAME_BYTES - CHECKED_FROM);
    for (size_t i = 1; i + 1 < w->part_count; i++) /* all but the end */
        crc = crc32c(crc, w->parts[i].at, w->parts[i].len);
    memcpy(head + AT_CHECKSUM, &crc, sizeof crc);
    w->parts[0] = (struct str){head, sizeof head};
    if (!os_file_write_at(w->file, w->end, w->parts, w->part_count, e)) {
        take_back(w, e);
        return err_while(e, "writing batch %" PRIu64 " to the log", w->sequence);
    }
    w->end += whole;
    w->sequence += count;
    return true;
}

bool wal_sync(struct wal *w, struct err *e)
{
    if (w->is_broken)
        return refuse_broken(e);
    if (!os_file_sync(w->file, e)) {
        w->is_broken = true; /* the kernel may have dropped the pages: never try a sync again */
        e->kind = ERR_IO;    /* even if the disk was full */
        return err_while(e, "syncing the log at batch %" PRIu64, w->sequence);
    }
    note_synced(w);
    return true;
}

bool wal_finish(struct wal *w, struct err *e)
{
    if (w->end == HEAD_BYTES && w->reserved == w->end)
        return true;
    if ((w->durable < w->sequence && !wal_sync(w, e)) || !wal_write(w, NULL, 0, e))
        return false;
    if (!os_file_truncate(w->file, w->end, e)) {
        w->is_broken = true;
        return err_while(e, "finishing the log");
    }
    w->reserved = w->end;
    return wal_sync(w, e);
}

bool wal_is_broken(const struct wal *w)
{
    return w->is_broken;
}

uint64_t wal_number(const struct wal *w)
{
    return w->number;
}

uint64_t wal_next_sequence(const struct wal *w)
{
    return w->sequence;
}

uint64_t wal_bytes(const struct wal *w)
{
    return w->end;
}

uint64_t wal_unsynced_bytes(const struct wal *w)
{
    return w->end - w->synced;
}

/* ---- reading ---- */

struct frame {
    uint64_t bytes; /* whole, with padding */
    uint32_t count;
    uint64_t sequence, durable, fresh;
    struct str payload;
};

static bool frame_at(struct str bytes, uint64_t at, uint32_t salt, struct frame *out)
{
    if (at > bytes.len || bytes.len - at < WAL_FRAME_BYTES)
        return false;
    const char *head = bytes.at + at;
    if (get32(head + AT_MARK) != FRAME_MARK)
        return false;
    uint64_t payload = get32(head + AT_BYTES);
    if (payload > WAL_FRAME_PAYLOAD_MAX || whole_frame(payload) > bytes.len - at)
        return false;
    if (get32(head + AT_CHECKSUM) !=
        crc32c(salt, head + CHECKED_FROM, WAL_FRAME_BYTES - CHECKED_FROM + (size_t)payload))
        return false;
    *out = (struct frame){
        .bytes = whole_frame(payload),
        .count = get32(head + AT_COUNT),
        .sequence = get64(head + AT_SEQUENCE),
        .durable = get64(head + AT_DURABLE),
        .fresh = get64(head + AT_FRESH),
        .payload = {head + WAL_FRAME_BYTES, (size_t)payload},
    };
    return true;
}

/* Does a frame behind `at` say that batch `sequence` was durable before it? */
static bool is_vouched_for(struct str bytes, uint64_t at, uint32_t salt, uint64_t sequence)
{
    struct frame f;
    for (at += FRAME_ALIGN; at < bytes.len; at += FRAME_ALIGN)
        if (frame_at(bytes, at, salt, &f) && f.durable > sequence)
            return true;
    return false;
}

/*
 * Did all of the bad frame at `at` reach the disk? Then it is not torn but damaged: the space ahead
 * of the log is zeros, and a sector that was not written still is. Its length is told twice, in its
 * head and at its end.
 */
static bool was_complete(struct str bytes, uint64_t at)
{
    uint64_t left = bytes.len - at,
             payload = left < WAL_FRAME_BYTES ? left : get32(bytes.at + at + AT_BYTES);
    if (whole_frame(payload) <= left && get32(bytes.at + at + AT_MARK) == FRAME_MARK &&
        head_is_filled(bytes, at, at + whole_frame(payload)))
        return true;
    for (uint64_t end = at + whole_frame(0); end <= bytes.len; end += FRAME_ALIGN) {
        const char *tail = bytes.at + end - WAL_FRAME_END_BYTES;
        if (get32(tail + sizeof(uint32_t)) == END_MARK && at + whole_frame(get32(tail)) == end)
            return head_is_filled(bytes, at, end);
    }
    return false;
}

static bool visit_frame(const struct frame *f, wal_visit *visit, void *context, struct err *e)
{
    struct str rest = f->payload;
    for (uint32_t i = 0; i < f->count; i++) {
        uint32_t len;
        if (rest.len < sizeof len)
            return err_set(e, ERR_CORRUPT, "a frame has fewer batches than it says");
        memcpy(&len, rest.at, sizeof len);
        rest = str_sub(rest, sizeof len, rest.len);
        if (len > rest.len)
            return err_set(e, ERR_CORRUPT, "a frame has a batch that is cut");
        if (!visit(context, f->sequence + i, str_sub(rest, 0, len), e))
            return false;
        rest = str_sub(rest, len, rest.len);
    }
    if (rest.len)
        return err_set(e, ERR_CORRUPT, "a frame has more bytes than batches");
    return true;
}

/* Bytes from `at` to the last that is not zero: reserved space reads as zeros. */
static uint64_t written_behind(struct str bytes, uint64_t at)
{
    uint64_t end = bytes.len;
    while (end > at && bytes.at[end - 1] == 0)
        end--;
    return end - MIN(at, end);
}

static bool end_of_frames(struct str bytes, struct str path, bool is_last, struct wal_end *out,
                          struct err *e)
{
    uint64_t at = MIN(out->bytes, bytes.len);
    out->torn_bytes = written_behind(bytes, at);
    if (out->torn_bytes == 0)
        return true;
    if (!is_last || is_vouched_for(bytes, at, out->head.salt, out->sequence) ||
        was_complete(bytes, at)) {
        err_set(e, ERR_CORRUPT, "%.*s is damaged at byte %" PRIu64 " (batch %" PRIu64 ")",
                STR_ARG(path), at, out->sequence);
        return err_hint(e, "restore the directory from a backup");
    }
    return true;
}

bool wal_read(struct str bytes, struct str path, const struct identity *who, bool is_last,
              wal_visit *visit, void *context, struct wal_end *out, struct err *e)
{
    *out = (struct wal_end){0};
    if (!head_read(bytes, path, HEAD_LOG, who, &out->head, e))
        return false;
    if (who)
        out->head.project = who->project; /* equal, and lives longer */
    out->sequence = out->head.first;
    out->bytes = out->durable_bytes = HEAD_BYTES;
    struct frame f;
    while (frame_at(bytes, out->bytes, out->head.salt, &f) && f.sequence == out->sequence) {
        if (!visit_frame(&f, visit, context, e))
            return err_while(e, "reading %.*s at byte %" PRIu64, STR_ARG(path), out->bytes);
        if (f.durable == f.sequence)
            out->durable_bytes = out->bytes;
        out->bytes += f.bytes;
        out->sequence += f.count;
        out->has_frames = true;
    }
    return end_of_frames(bytes, path, is_last, out, e);
}

static void add_fresh(struct wal_fresh *f, struct wal_range more)
{
    if (more.from >= more.to)
        return;
    for (; f->count && f->list[f->count - 1].to >= more.from; f->count--)
        more.from = MIN(more.from, f->list[f->count - 1].from);
    ARRAY_PUSH(f->list, f->count, f->room) = more;
}

void wal_find_fresh(struct str bytes, struct wal_fresh *into)
{
    struct head head;
    struct err ignored = {0}; /* who reads the batches says what is wrong */
    struct frame f;
    if (!head_read(bytes, STR(""), HEAD_LOG, NULL, &head, &ignored))
        return;
    for (uint64_t at = HEAD_BYTES; frame_at(bytes, at, head.salt, &f); at += f.bytes)
        add_fresh(into, (struct wal_range){f.fresh, f.sequence});
}

bool wal_is_fresh(const struct wal_fresh *f, uint64_t sequence)
{
    for (size_t i = f->count; i-- > 0 && f->list[i].to > sequence;)
        if (f->list[i].from <= sequence)
            return true;
    return false;
}

void wal_fresh_free(struct wal_fresh *f)
{
    mem_free(f->list);
    *f = (struct wal_fresh){0};
}

/* A log file without batches is written anew under its name: whether that was durable is unknown
 * when the sync of the directory failed. */
static bool start_again(struct os *os, struct str path, const struct wal_end *end, struct err *e)
{
    BUF_AUTO head = {0};
    head_put(&head, &end->head);
    return os_write_whole(os, path, buf_str(&head), e);
}

/*
 * Writes again what no later frame says was durable. After a failed sync the system holds such
 * bytes in memory, gives them to who reads, and never brings them to the disk, whatever later syncs
 * say; once they are written again, a sync means what it says.
 */
static bool write_again(struct wal *w, const struct wal_end *end, struct err *e)
{
    enum { AT_ONCE = 1 << 20 };
    char *room = mem_array(AT_ONCE, 1);
    bool ok = true;
    for (uint64_t at = end->durable_bytes; ok && at < end->bytes;) {
        size_t got = 0;
        ok = os_file_read_at(w->file, at, room, MIN(end->bytes - at, (uint64_t)AT_ONCE), &got, e) &&
             (got || err_set(e, ERR_IO, "the log became shorter while it was read"));
        struct str part = {room, got};
        ok = ok && os_file_write_at(w->file, at, &part, 1, e);
        at += got;
    }
    mem_free(room);
    return ok;
}

bool wal_resume(struct os *os, struct str path, const struct wal_end *end, bool is_full,
                struct wal **out, struct err *e)
{
    AUTO(wal) *w = mem_zero(sizeof *w);
    uint64_t size;
    if (!is_full && end->bytes == HEAD_BYTES && !start_again(os, path, end, e))
        return err_while(e, "resuming the log");
    if (!os_file_open(os, path, OS_WRITE, &w->file, e) || !os_file_size(w->file, &size, e))
        return err_while(e, "resuming the log");
    /* Old bytes behind the end must be gone for good before new frames may follow. */
    if (size != end->bytes && !os_file_truncate(w->file, end->bytes, e))
        return err_while(e, "cutting the log's torn tail");
    if (!write_again(w, end, e) || !os_file_sync(w->file, e))
        return err_while(e, "resuming the log");
    w->number = end->head.number;
    w->salt = end->head.salt;
    w->end = w->synced = w->reserved = end->bytes;
    w->sequence = w->durable = end->sequence;
    *out = TAKE(w);
    return true;
}
