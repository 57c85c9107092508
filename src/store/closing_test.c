/* Every handle of the room may be closed when there is none: scopes close what they never opened.
 */
#include "base/test.h"
#include "store/batch.h"
#include "store/chunk.h"
#include "store/identity_log.h"
#include "store/ids.h"
#include "store/manifest.h"
#include "store/merges.h"
#include "store/people_facts.h"
#include "store/people_write.h"
#include "store/snapshot.h"
#include "store/store_inner.h"
#include "store/textmap.h"
#include "store/wal.h"

static void nothing_can_be_closed(void **state)
{
    (void)state;
    batch_encoder_destroy(NULL);
    chunk_destroy(NULL);
    identity_log_destroy(NULL);
    ids_destroy(NULL);
    manifest_close(NULL);
    merges_destroy(NULL);
    people_view_release(NULL);
    people_destroy(NULL);
    traits_destroy(NULL);
    segment_release(NULL);
    hidden_release(NULL);
    store_close(NULL);
    store_import_close(NULL);
    snapshot_release(NULL);
    stage_destroy(NULL);
    tally_release(NULL);
    textmap_destroy(NULL);
    wal_close(NULL);
}

/* Names of files are read strictly: what is not exactly ours is somebody else's. */
static void names_of_files_are_exact(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "wal-000000007",  "wal-00000000070", "wal-00000x0007", "war-0000000007",
        "wal--000000007", "wal-0000000000",  "seg-0000000007", ""};
    uint64_t number;
    assert_true(wal_name(STR("wal-0000000007"), &number) && number == 7);
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (wal_name(str_of(wrong[i]), &number))
            fail_msg("\"%s\" is taken for a log file", wrong[i]);
    assert_true(store_segment_name(STR("seg-0000000012.tns"), &number) && number == 12);
    assert_false(store_segment_name(STR("seg-0000000012.tnt"), &number));
    assert_false(store_segment_name(STR("seg-000000001x.tns"), &number));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_can_be_closed),
        cmocka_unit_test(names_of_files_are_exact),
    };
    return cmocka_run_group_tests_name("store/closing", tests, NULL, NULL);
}
