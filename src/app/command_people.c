/* app/command_people: who is one person: merging, taking a merge back, and how it came about. */
#include "api/api.h"
#include "app/command.h"
#include "app/site.h"
#include "base/limits.h"
#include "codec/json.h"
#include "collect/collect.h"

static struct str project_of(const struct run *run)
{
    return run_value_or(run, "--project", STR("main"));
}

/* Goes the way of all records, so that the same ids are refused in the same words. */
static bool say(struct run *run, const char *what, struct err *e)
{
    struct str reason = run_value(run, "--reason");
    struct store_receipt receipt;
    struct store_batch batch;
    struct store *store = NULL;
    BUF_AUTO record = {0};
    struct jwrite w = jwrite_to(&record);

    jwrite_object(&w);
    jwrite_pair_string(&w, "person", run->args[0]);
    jwrite_key(&w, str_of(what));
    jwrite_array(&w);
    for (size_t i = 1; i < run->arg_count; i++)
        jwrite_string(&w, run->args[i]);
    jwrite_end(&w);
    if (reason.at)
        jwrite_pair_string(&w, "reason", reason);
    jwrite_end(&w);
    AUTO(collect_decoder) *d = collect_decoder_create(run->site->os);
    collect_decoder_by(d, STR("tenure people"));
    if (!collect_decode_native(d, buf_str(&record), os_now_ms(run->site->os), &batch, e) ||
        !project_store(run->site->projects, project_of(run), false, &store, e) ||
        !store_append(store, &batch, &receipt, e))
        return false;
    if (run_flag(run, "--json"))
        fprintf(run->out, "{\"changed\":%llu,\"unchanged\":%llu}\n",
                (unsigned long long)receipt.accepted, (unsigned long long)receipt.duplicates);
    else
        fprintf(run->out, "%llu changed, %llu were so already\n",
                (unsigned long long)receipt.accepted, (unsigned long long)receipt.duplicates);
    return true;
}

bool command_people_merge(struct run *run, struct err *e)
{
    return say(run, "merge", e);
}

bool command_people_unmerge(struct run *run, struct err *e)
{
    return say(run, "unmerge", e);
}

/* Ids and reasons come from strangers: no control characters reach a terminal. */
static void put(FILE *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        fputc((unsigned char)text.at[i] < ' ' || text.at[i] == 0x7F ? '?' : text.at[i], out);
}

static void show_change(FILE *out, const struct identity_change *c)
{
    static const char *const notes[] = {[IDENTITY_STANDS] = "",
                                        [IDENTITY_BEHIND] = "  [behind a newer merge]",
                                        [IDENTITY_UNDONE] = "  [undone]",
                                        [IDENTITY_UNMERGE] = ""};
    char room[INSTANT_TEXT_BYTES];

    fprintf(out, "  %-24.*s %s ", STR_ARG(instant_text(c->at, room)),
            c->kind == FACT_MERGE ? "merge  " : "unmerge");
    put(out, c->subject);
    fputs(c->kind == FACT_MERGE ? " <- " : " -x ", out);
    put(out, c->other);
    if (c->by.len) {
        fputs("  by ", out);
        put(out, c->by);
    }
    if (c->reason.len) {
        fputs(": ", out);
        put(out, c->reason);
    }
    fprintf(out, "%s\n", notes[c->standing]);
}

static void show(FILE *out, const struct person_identity *who)
{
    put(out, who->person);
    fprintf(out, who->id_count == 1 ? ": one id\n" : ": %zu ids are this person\n", who->id_count);
    for (size_t i = 0; who->id_count > 1 && i < who->id_count; i++) {
        fputs("  ", out);
        put(out, who->ids[i]);
        fputc('\n', out);
    }
    if (who->change_count)
        fputs("how it came about:\n", out);
    for (size_t i = 0; i < who->change_count; i++)
        show_change(out, &who->changes[i]);
}

bool command_people_identity(struct run *run, struct err *e)
{
    AUTO(snapshot) *snapshot = NULL;
    struct project_settings settings;
    struct person_identity who;
    struct store *store = NULL;
    int64_t as_of;
    BUF_AUTO out = {0};
    struct jwrite w = jwrite_to(&out);

    if (!project_find(run->site->projects, project_of(run), run->arena, &settings, e))
        return false;
    if (!api_identity_moment(run_value(run, "--at"), settings.timezone, &as_of, e))
        return err_while(e, "--at");
    if (!project_store(run->site->projects, project_of(run), false, &store, e) ||
        !store_snapshot(store, &snapshot, e) ||
        !snapshot_identity(snapshot, run->args[0], as_of, run->arena, &who, e))
        return false;
    if (!run_flag(run, "--json")) {
        show(run->out, &who);
        return true;
    }
    api_identity_write(&who, as_of, &w);
    fprintf(run->out, "%.*s\n", STR_ARG(buf_str(&out)));
    return true;
}
