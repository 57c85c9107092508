// A little company whose numbers can be worked out on paper: 120 people sign up, one each 12 hours
// over the last 60 days. Every second one creates a project a day later, every sixth of all invites
// a teammate a day after that. Everybody is active on each day of the first week.
export const PEOPLE = 120;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const iso = (ms) => new Date(ms).toISOString();

// Midday UTC, twelve days ago: the whole first week of the last person has passed.
export function lastSignUp(now = Date.now()) {
  return Math.floor(now / DAY) * DAY - 12 * DAY + 12 * HOUR;
}

export function makeEvents(now = Date.now()) {
  const last = lastSignUp(now);
  const events = [];
  for (let i = 0; i < PEOPLE; i++) {
    const person = `u_${i}`;
    const start = last - i * 12 * HOUR;
    const properties = { plan: ['free', 'pro', 'team'][i % 3], note: i % 10 === 0 ? '=1+1' : 'ไทย' };
    const add = (event, time) =>
      events.push({ event, person, time: iso(time), id: `${person}/${event}/${time}`, properties });
    add('Signed Up', start);
    if (i % 2 === 0) add('Project Created', start + DAY);
    if (i % 6 === 0) add('Teammate Invited', start + 2 * DAY);
    for (let day = 1; day <= 7; day++) add('Task Completed', start + day * DAY + HOUR);
  }
  // Somebody is still active, so the project counts as live and ranges end today.
  events.push({ event: 'Task Completed', person: 'u_0', time: iso(now - HOUR), id: 'now', properties: { plan: 'free' } });
  return events;
}

export function expectedPeople() {
  return { 'Signed Up': PEOPLE, 'Project Created': PEOPLE / 2, 'Teammate Invited': PEOPLE / 6 };
}
