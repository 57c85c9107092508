import { createTheme } from '@mantine/core';

const FONT =
  '"Anuphan Variable", "Noto Sans Thai", "Leelawadee UI", Thonburi, system-ui, -apple-system, "Segoe UI", sans-serif';

export const theme = createTheme({
  fontFamily: FONT,
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace',
  headings: { fontFamily: FONT, fontWeight: '600' },
  primaryColor: 'pine',
  primaryShade: { light: 8, dark: 4 },
  autoContrast: true,
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  focusRing: 'auto',
  colors: {
    pine: [
      '#eef6f3', '#dcece6', '#b6dacd', '#8dc7b2', '#74c9b0',
      '#4aa58a', '#2f8069', '#1f6b57', '#17594a', '#0f4639',
    ],
    gray: [
      '#f7f9f7', '#eef1ed', '#e1e6e0', '#d3dad3', '#c6cec6',
      '#a9b4ac', '#7b8880', '#5a6761', '#37423d', '#16211d',
    ],
    dark: [
      '#e6ece8', '#c3cdc8', '#9aa8a1', '#6d7b74', '#43504a',
      '#29332e', '#1d2622', '#161d1a', '#111715', '#0e1311',
    ],
  },
});
