/* flow/asking: from a project's name to a question's context. */
#include "flow/asking.h"

#include "base/limits.h"

bool asking_context(const struct asking_room *room, const struct project_settings *settings,
                    struct arena *arena, struct saved_vocabulary *names, struct query_context *out,
                    struct err *e)
{
    struct store *store = NULL;

    if (!project_store(room->projects, settings->name, false, &store, e) ||
        !saved_vocabulary_read(room->record, settings->name, arena, names, e))
        return false;
    uint64_t limit_ns = LIMIT_QUERY_SECONDS * UINT64_C(1000000000);
    *out = (struct query_context){
        .timezone = settings->timezone,
        .week_start = settings->week_start,
        .vocabulary = &names->vocabulary,
        .segments = projects_segments(room->projects),
        .project = settings->name,
        .salt = store_number(store),
        .now_ms = os_now_ms(room->os),
        .deadline_ns = room->is_patient ? 0 : os_monotonic_ns(room->os) + limit_ns,
        .cancel = room->cancel,
        .os = room->os,
    };
    return true;
}

bool asking_open(const struct asking_room *room, struct str project, bool names_only,
                 struct arena *arena, struct asking *out, struct err *e)
{
    *out = (struct asking){0};
    if (!project_find(room->projects, project, arena, &out->settings, e) ||
        !project_store(room->projects, project, false, &out->store, e) ||
        !asking_context(room, &out->settings, arena, &out->names, &out->context, e) ||
        !store_snapshot(out->store, &out->snapshot, e))
        return false;
    out->source = names_only ? source_of_names(&out->stored, out->snapshot, room->pool)
                             : source_of_snapshot(&out->stored, out->snapshot, room->pool);
    out->project = (struct saved_project){.record = room->record,
                                          .name = out->settings.name,
                                          .source = out->source,
                                          .query = &out->context,
                                          .arena = arena};
    return true;
}

void asking_close(struct asking *a)
{
    snapshot_release(a->snapshot);
    a->snapshot = NULL;
}

bool asking_forget(const struct asking_room *room, struct str project, struct str person,
                   struct err *e)
{
    AUTO(arena) *arena = arena_create(0);
    AUTO(snapshot) *snapshot = NULL;
    struct project_settings settings;
    struct store *store = NULL;

    return project_find(room->projects, project, arena, &settings, e) &&
           project_store(room->projects, project, false, &store, e) &&
           store_snapshot(store, &snapshot, e) &&
           saved_lists_forget(room->record, project, snapshot, person, os_now_ms(room->os), e);
}
