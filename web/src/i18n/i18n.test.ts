import { describe, expect, it } from 'vitest';
import { en } from './en';
import { th } from './th';

const holes = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((m) => m[1]).sort();

describe('the Thai texts', () => {
  it.each(Object.keys(th) as (keyof typeof th)[])('%s fills the same holes', (key) => {
    expect(holes(th[key])).toEqual(holes(en[key]));
    expect(th[key].trim()).toBe(th[key]);
  });

  it('are Thai', () => {
    for (const text of Object.values(th)) expect(text).toMatch(/\p{Script=Thai}|CSV/u);
  });
});
