/**
 * Rows of a form's field as one text, as which a form keeps all that is typed: JSON of a text for each column
 * of each row, and nothing for no row. Pure.
 */
export type Row = Record<string, string>

export function rowsIn(value: string): Row[] {
  return value === '' ? [] : (JSON.parse(value) as Row[])
}

export function rowsText(rows: readonly Row[]): string {
  return rows.length === 0 ? '' : JSON.stringify(rows)
}

/** What was filled in: no row without any text, no column without one, and no spaces at their ends. */
export function filledIn(value: string): Row[] {
  return rowsIn(value)
    .map((row) =>
      Object.fromEntries(
        Object.entries(row).flatMap(([name, typed]) => (typed.trim() === '' ? [] : [[name, typed.trim()]])),
      ),
    )
    .filter((row) => Object.keys(row).length > 0)
}
