/*
 * codec/json_blame: private: where and why a text is not JSON. Slow and careful; runs only after
 * simdjson has said no, since simdjson does not say where.
 */
#pragma once
#include "base/err.h"

/* Sets `e` for the first fault and returns true; false if it finds none. */
bool json_blame(struct str text, struct err *e);
