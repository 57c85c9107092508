/*
 * app/demo_findings (private to the room): what the terminal shows of the simulated company: a
 * retention grid, a funnel, and three comparisons, each computed by questions to the own engine.
 */
#pragma once
#include "app/command.h"

MUST_USE bool demo_findings(struct run *run, struct err *e);
