/*
 * collect/export: events and facts as lines of the native form, which the importer reads back into
 * the same events and facts. An event without an id stays without: its content and its place among
 * equal ones are what it is known by, on the way back, too. Thread: any.
 */
#pragma once
#include "base/buf.h"
#include "store/store.h"

void export_event(const struct event *event, struct buf *into);
/* `with_history`: merges also say when and by whom ("at", "by"), for people to read; such a line is
 * not taken in again. */
void export_fact(const struct fact *fact, bool with_history, struct buf *into);
