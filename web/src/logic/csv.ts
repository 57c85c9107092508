// CSV that a spreadsheet opens without running anything in it.

export type Cell = string | number | null | undefined;

/**
 * Text that a spreadsheet could take for a formula gets an apostrophe in front (OWASP, "CSV
 * injection"); numbers are written as they are.
 */
export function csvCell(value: Cell): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  const safe = /^\s*[=+\-@]/.test(value) || /^[\t\r\n]/.test(value) ? "'" + value : value;
  return /["',\n\r]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** RFC 4180 lines after a byte order mark, without which Excel misreads Thai. */
export function csvText(rows: readonly (readonly Cell[])[]): string {
  return '\uFEFF' + rows.map((row) => row.map(csvCell).join(',') + '\r\n').join('');
}

export function csvFileName(...parts: readonly string[]): string {
  const name = parts
    .join('-')
    .replace(/[^\p{L}\p{M}\p{N}._-]+/gu, '-')
    .replace(/^[-.]+|[-.]+$/g, '');
  return name + '.csv';
}
