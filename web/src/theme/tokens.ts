import { ramp, readableOn } from './color.ts';

/** Number of shades in the retention grid. */
export const SHADES = 11;

export interface Tokens {
  page: string;
  card: string;
  raised: string;
  line: string;
  lineStrong: string;
  text: string;
  muted: string;
  accent: string;
  accentSoft: string;
  onAccent: string;
  track: string;
  bar: string;
  focus: string;
  bad: string;
  badSoft: string;
  note: string;
  noteSoft: string;
  /** Least, middle and most of the retention grid. */
  ramp: readonly [string, string, string];
  series: readonly string[];
}

export const light: Tokens = {
  page: '#f4f6f3',
  card: '#ffffff',
  raised: '#ffffff',
  line: '#e1e6e0',
  lineStrong: '#c6cec6',
  text: '#16211d',
  muted: '#5a6761',
  accent: '#17594a',
  accentSoft: '#e4efea',
  onAccent: '#ffffff',
  track: '#eef1ed',
  bar: '#2f8069',
  focus: '#0f7a62',
  bad: '#a32a1c',
  badSoft: '#fbeeea',
  note: '#7a4b00',
  noteSoft: '#fdf3dd',
  ramp: ['#eef6f2', '#6cc0a4', '#0c5142'],
  series: ['#1c7a63', '#b26a00', '#2f62ad', '#93408a', '#b5412c', '#5c6b73', '#6f7412'],
};

export const dark: Tokens = {
  page: '#0e1311',
  card: '#161d1a',
  raised: '#1d2622',
  line: '#29332e',
  lineStrong: '#43504a',
  text: '#e6ece8',
  muted: '#9aa8a1',
  accent: '#74c9b0',
  accentSoft: '#1c332b',
  onAccent: '#0b1f19',
  track: '#202925',
  bar: '#3f9c82',
  focus: '#74c9b0',
  bad: '#f39a8b',
  badSoft: '#351d19',
  note: '#f0c069',
  noteSoft: '#33280f',
  ramp: ['#1a2521', '#24705b', '#7fe0c3'],
  series: ['#5cc0a3', '#e0a03c', '#7fa9e8', '#cf8cc6', '#ee8a75', '#9fb0b8', '#b9bf55'],
};

export interface Shade {
  background: string;
  text: string;
}

export function shades(tokens: Tokens): Shade[] {
  // Through a fuller middle: straight from pale to deep, the shades between turn grey.
  const [least, middle, most] = tokens.ramp;
  const half = (SHADES + 1) / 2;
  const colours = [...ramp(least, middle, half), ...ramp(middle, most, half).slice(1)];
  return colours.map((background) => ({
    background,
    text: readableOn(background, '#000000', '#ffffff'),
  }));
}
