// Which events a page opens with when its address does not say.

export interface EventDefinition {
  name: string;
  count: number;
  first_seen?: string;
  last_seen?: string;
}

const plain = (name: string) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

const BEGINNINGS = [
  'signedup', 'signup', 'usersignedup', 'usersignup', 'registered', 'userregistered', 'register',
  'accountcreated', 'usercreated', 'installed', 'appinstalled', 'firstopen',
];

// Words of a product's first weeks, in the order in which they usually come.
const JOURNEY = [
  'projectcreated', 'workspacecreated', 'onboardingcompleted', 'checklistcompleted',
  'teammateinvited', 'invitedteammate', 'memberinvited', 'userinvited', 'subscriptionstarted',
  'subscribed', 'planupgraded', 'purchased', 'ordercompleted', 'exported',
];

function byCount(events: readonly EventDefinition[]): EventDefinition[] {
  return [...events].sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
}

function find(events: readonly EventDefinition[], words: readonly string[]): string[] {
  return words.flatMap((word) => events.find((e) => plain(e.name) === word)?.name ?? []);
}

export interface Defaults {
  start: string | null;
  back: string | null;
  steps: string[];
  event: string | null;
}

export function pickDefaults(events: readonly EventDefinition[]): Defaults {
  const ordered = byCount(events);
  const beginning = find(events, BEGINNINGS)[0];
  const journey = find(events, JOURNEY);
  const start = beginning ?? ordered[0]?.name ?? null;
  const steps = beginning ? [beginning, ...journey.slice(0, 3)] : [];
  for (const event of ordered) {
    if (steps.length >= 3) break;
    if (!steps.includes(event.name)) steps.push(event.name);
  }
  // A project with a single event still has a question worth asking: who did it twice.
  if (steps.length === 1) steps.push(steps[0] as string);
  return { start, back: null, steps, event: null };
}
