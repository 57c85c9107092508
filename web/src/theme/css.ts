import {
  DEFAULT_THEME,
  convertCssVariables,
  defaultCssVariablesResolver,
  mergeMantineTheme,
} from '@mantine/core';
import { theme } from './theme.ts';
import { dark, light, shades, type Tokens } from './tokens.ts';

function tokenLines(tokens: Tokens): Record<string, string> {
  const lines: Record<string, string> = {};
  for (const [name, value] of Object.entries(tokens)) {
    if (typeof value === 'string') {
      lines['--t-' + name.replace(/[A-Z]/g, (c) => '-' + c.toLowerCase())] = value;
    }
  }
  tokens.series.forEach((colour, i) => {
    lines[`--t-series-${i}`] = colour;
  });
  shades(tokens).forEach((shade, i) => {
    lines[`--t-shade-${i}`] = shade.background;
    lines[`--t-shade-text-${i}`] = shade.text;
  });
  return lines;
}

function mantineLines(tokens: Tokens): Record<string, string> {
  return {
    '--mantine-color-body': tokens.page,
    '--mantine-color-text': tokens.text,
    '--mantine-color-dimmed': tokens.muted,
    '--mantine-color-placeholder': tokens.muted,
    '--mantine-color-error': tokens.bad,
    '--mantine-color-default': tokens.raised,
    '--mantine-color-default-hover': tokens.track,
    '--mantine-color-default-color': tokens.text,
    '--mantine-color-default-border': tokens.lineStrong,
    '--mantine-color-anchor': tokens.accent,
    '--mantine-primary-color-filled': tokens.accent,
    '--mantine-primary-color-contrast': tokens.onAccent,
  };
}

/** The style sheet that stands in for the variables MantineProvider would inject at run time. */
export function themeCss(): string {
  const merged = mergeMantineTheme(DEFAULT_THEME, theme);
  const base = defaultCssVariablesResolver(merged);
  const css = convertCssVariables({
    variables: base.variables,
    light: {
      '--mantine-color-scheme': 'light',
      ...base.light,
      ...mantineLines(light),
      ...tokenLines(light),
    },
    dark: {
      '--mantine-color-scheme': 'dark',
      ...base.dark,
      ...mantineLines(dark),
      ...tokenLines(dark),
    },
  });
  const cells = shades(light)
    .map(
      (_, i) =>
        `[data-shade="${i}"]{background:var(--t-shade-${i});color:var(--t-shade-text-${i})}`,
    )
    .join('\n');
  return `${css}\n${cells}\n`;
}
