/**
 * A cell of a table (RFC 4180) that no spreadsheet calculates: identifiers are other people's. What would begin a formula
 * begins with an apostrophe, and so does what began with apostrophes before one, so that each cell is read as it was.
 */

// Tab and line ends come before a formula that some programs still find; the wide forms are signs to those of East Asia.
const FORMULA = /^'*[=+\-@\t\r\n＝＋－＠]/
const MARKED = /^'+[=+\-@\t\r\n＝＋－＠]/

/** `text` as a cell. */
export function csvCell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** The text of a cell whose quotes were taken off. */
export function cellText(cell: string): string {
  return MARKED.test(cell) ? cell.slice(1) : cell
}
