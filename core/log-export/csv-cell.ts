/**
 * Writes and reads table cells (RFC 4180) that no spreadsheet evaluates, since identifiers come from other
 * people. A cell that would begin a formula gets an apostrophe in front, and so does a formula that already
 * has apostrophes in front, so that reading restores the text.
 */

// Some programs find a formula after a tab or a line end, and East Asian programs accept the full-width
// signs.
const FORMULA = /^'*[=+\-@\t\r\n＝＋－＠]/
const MARKED = /^'+[=+\-@\t\r\n＝＋－＠]/

/** `text` as a cell. */
export function csvCell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** The text of a cell whose quotes are already removed. */
export function cellText(cell: string): string {
  return MARKED.test(cell) ? cell.slice(1) : cell
}
