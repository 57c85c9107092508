import { describe, expect, it } from 'vitest';
import { contrast } from './color';
import { themeCss } from './css';
import { dark, light, shades } from './tokens';

describe.each([
  ['light', light],
  ['dark', dark],
])('the %s scheme', (_, tokens) => {
  it('reads at WCAG AA on every surface', () => {
    for (const surface of [tokens.page, tokens.card, tokens.raised, tokens.track]) {
      expect(contrast(tokens.text, surface)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(tokens.muted, surface)).toBeGreaterThanOrEqual(4.5);
    }
    expect(contrast(tokens.onAccent, tokens.accent)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(tokens.bad, tokens.badSoft)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(tokens.text, tokens.badSoft)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(tokens.bad, tokens.card)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(tokens.note, tokens.noteSoft)).toBeGreaterThanOrEqual(4.5);
  });

  it('keeps every cell of the grid readable and every line visible', () => {
    for (const shade of shades(tokens)) {
      expect(contrast(shade.text, shade.background)).toBeGreaterThanOrEqual(4.5);
    }
    for (const colour of [...tokens.series, tokens.bar, tokens.focus]) {
      expect(contrast(colour, tokens.card)).toBeGreaterThanOrEqual(3);
    }
  });
});

it('writes every variable that Mantine would inject', () => {
  const css = themeCss();
  for (const name of ['--mantine-primary-color-filled', '--mantine-font-family', '--t-shade-0']) {
    expect(css).toContain(name + ':');
  }
  expect(css).toContain('[data-mantine-color-scheme="dark"]');
});
