/*
 * app/demo_findings (private to the room): what the terminal shows of the simulated company: a
 * retention grid, a funnel, and three comparisons, each computed by questions to the own engine.
 */
#pragma once
#include "app/command.h"

/* `end_ms`: the first instant after the company's last week. */
MUST_USE bool demo_findings(struct run *run, int64_t end_ms, struct err *e);
