/* collect/sink: batches into a store. */
#include "collect/collect.h"

static bool add(void *context, const struct store_batch *batch, struct err *e)
{
    return store_import_add(context, batch, e);
}

static bool finish(void *context, struct store_receipt *receipt, struct err *e)
{
    return store_import_finish(context, receipt, e);
}

struct collect_sink collect_store_sink(struct store_import *import)
{
    return (struct collect_sink){.add = add, .finish = finish, .context = import};
}
