/* collect/import_show: what the importer says: rejected lines, the bar, the summary. */
#include <stdio.h>

#include "codec/bytes.h"
#include "collect/import.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define DRAW_EVERY_NS (NS_PER_SECOND / 10)

void import_bar_clear(struct import *i)
{
    if (i->is_bar_drawn)
        fputs("\r\033[K", i->options->messages);
    i->is_bar_drawn = false;
}

void import_bar(struct import *i)
{
    enum { WIDTH = 30 };
    static const char full[] = "##############################";
    static const char empty[] = "..............................";
    uint64_t now = os_monotonic_ns(i->os);
    if (!i->options->show_progress || !i->options->messages || now - i->drawn_ns < DRAW_EVERY_NS)
        return;
    i->drawn_ns = now;
    double seconds = (double)(now - i->started_ns) / (double)NS_PER_SECOND;
    double events = (double)i->report->events;
    double rate = seconds > 0 ? events / seconds : 0;
    if (i->bytes_total) {
        double part = MIN(1.0, (double)i->bytes_done / (double)i->bytes_total);
        int filled = (int)(part * WIDTH);
        fprintf(i->options->messages, "\r\033[K[%.*s%.*s] %3.0f %%", filled, full, WIDTH - filled,
                empty, part * 100);
    } else {
        fprintf(i->options->messages, "\r\033[K%.0f MB", (double)i->bytes_done / 1e6);
    }
    fprintf(i->options->messages, "  %.2f million events, %.0f a second", events / 1e6, rate);
    fflush(i->options->messages);
    i->is_bar_drawn = true;
}

static bool write_reject(struct import *i, const char *what, uint64_t number, struct str bytes,
                         const struct err *why, struct err *e)
{
    BUF_AUTO line = {0};
    struct jwrite w = jwrite_to(&line);
    jwrite_object(&w);
    jwrite_pair_string(&w, "file", i->file);
    jwrite_pair_int(&w, what, (int64_t)number);
    jwrite_pair_string(&w, "code", str_of(err_code_of(why)));
    jwrite_pair_string(&w, "reason", str_of(why->text));
    if (why->at[0])
        jwrite_pair_string(&w, "at", str_of(why->at));
    if (str_is_utf8(bytes)) {
        jwrite_pair_string(&w, "text", bytes);
    } else {
        BUF_AUTO coded = {0};
        base64_put(&coded, bytes);
        jwrite_pair_string(&w, "base64", buf_str(&coded));
    }
    jwrite_end(&w);
    buf_add_char(&line, '\n');
    struct str part = buf_str(&line);
    if (!os_file_write_at(i->rejects, i->rejects_at, &part, 1, e))
        return err_while(e, "writing rejected lines");
    i->rejects_at += part.len;
    return true;
}

/* Bytes of others go to a terminal only without their control characters. */
static void put_safely(FILE *to, const char *text)
{
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' || *text == 0x7F ? '?' : *text, to);
}

bool import_reject(struct import *i, const char *what, uint64_t number, struct str bytes,
                   const struct err *why, struct err *e)
{
    FILE *to = i->options->messages;
    i->report->rejected++;
    if (to && i->shown < IMPORT_SHOWN_REJECTS) {
        i->shown++;
        import_bar_clear(i);
        fprintf(to, "%.*s, %s %llu: ", STR_ARG(i->file), what, (unsigned long long)number);
        put_safely(to, why->text);
        if (why->at[0]) {
            fputs(" (at ", to);
            put_safely(to, why->at);
            fputc(')', to);
        }
        if (why->hint[0]) {
            fputs("; ", to);
            put_safely(to, why->hint);
        }
        fputc('\n', to);
        if (i->shown == IMPORT_SHOWN_REJECTS)
            fputs("further bad lines are only counted\n", to);
    }
    return !i->rejects || write_reject(i, what, number, bytes, why, e);
}

/* 1234567 as 1,234,567 */
static void put_count(struct buf *out, uint64_t v)
{
    if (v >= 1000) {
        put_count(out, v / 1000);
        buf_printf(out, ",%03u", (unsigned)(v % 1000));
    } else {
        buf_printf(out, "%u", (unsigned)v);
    }
}

static void put_row(struct buf *out, const char *name, uint64_t count, const char *note)
{
    BUF_AUTO text = {0};
    put_count(&text, count);
    buf_printf(out, "%-14s %14.*s%s\n", name, STR_ARG(buf_str(&text)), note);
}

static void print_json(const struct import_report *r, double rate, struct buf *out)
{
    struct jwrite w = jwrite_to(out);
    jwrite_object(&w);
    jwrite_pair_int(&w, "events", (int64_t)r->events);
    jwrite_pair_int(&w, "facts", (int64_t)(r->records - r->events));
    jwrite_pair_int(&w, "people", (int64_t)r->people);
    jwrite_pair_int(&w, "new", (int64_t)r->receipt.accepted);
    jwrite_pair_int(&w, "already_there", (int64_t)r->receipt.duplicates);
    jwrite_pair_int(&w, "conflicts", (int64_t)r->receipt.conflicts);
    jwrite_pair_int(&w, "rejected", (int64_t)r->rejected);
    jwrite_pair_int(&w, "bytes", (int64_t)r->bytes);
    jwrite_pair_double(&w, "seconds", r->seconds);
    jwrite_pair_double(&w, "events_per_second", rate);
    jwrite_pair_bool(&w, "dry_run", r->is_dry_run);
    jwrite_pair_bool(&w, "cancelled", r->is_cancelled);
    jwrite_end(&w);
    buf_add_char(out, '\n');
}

void import_report_print(const struct import_report *r, bool as_json, struct buf *out)
{
    double rate = r->seconds > 0 ? (double)r->events / r->seconds : 0;
    if (as_json) {
        print_json(r, rate, out);
        return;
    }
    put_row(out, "events read", r->events, "");
    if (r->records > r->events)
        put_row(out, "facts read", r->records - r->events, "  traits and merges");
    put_row(out, "people", r->people, "");
    if (!r->is_dry_run) {
        put_row(out, "new", r->receipt.accepted, "");
        put_row(out, "already there", r->receipt.duplicates, "");
        if (r->receipt.conflicts)
            put_row(out, "conflicts", r->receipt.conflicts,
                    "  same id, other content: the first is kept");
    }
    put_row(out, "rejected", r->rejected, "");
    BUF_AUTO text = {0};
    put_count(&text, (uint64_t)rate);
    buf_printf(out, "%-14s %14.2f  %.*s events a second\n", "seconds", r->seconds,
               STR_ARG(buf_str(&text)));
    if (r->is_dry_run)
        buf_printf(out, "A dry run: nothing was stored.\n");
    if (r->is_cancelled)
        buf_printf(out,
                   "Cancelled. What was read is stored; the same command again adds the rest.\n");
}
