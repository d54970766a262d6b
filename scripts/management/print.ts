/** Formats answers of a management API for a terminal: lists as columns, single objects as lines. */
import { printable } from '#platform/plain-text.ts'

const WIDEST = 60
const COLUMNS = 6

/**
 * A list of objects as aligned columns, anything else as lines `name: value`. Control characters are made
 * visible. `columns`: those that are shown; without them the first ones.
 */
export function readableAnswer(
  value: unknown,
  total: number | undefined,
  columns?: readonly string[],
): string {
  if (!Array.isArray(value)) return lines(value, '')
  if (value.length === 0) return 'Nothing.\n'
  const more = total !== undefined && total > value.length ? `${value.length} of ${total}\n` : ''
  return isTable(value)
    ? `${table(value, columns)}${more}`
    : `${value.map((one) => lines(one, '')).join('\n')}${more}`
}

type Flat = Record<string, unknown>

function isTable(values: unknown[]): values is Flat[] {
  return values.every((one) => typeof one === 'object' && one !== null && !Array.isArray(one))
}

function table(rows: Flat[], named?: readonly string[]): string {
  const columns = (named ?? firstColumns(rows)).map((name) => {
    const cells = [name, ...rows.map((row) => short(row[name]))]
    const width = Math.max(...cells.map((cell) => cell.length))
    return cells.map((cell) => cell.padEnd(width))
  })
  const count = rows.length + 1
  return Array.from({ length: count }, (_, at) =>
    columns
      .map((cells) => cells[at])
      .join('  ')
      .trimEnd(),
  )
    .join('\n')
    .concat('\n')
}

function firstColumns(rows: Flat[]): string[] {
  const names = new Set(rows.flatMap((row) => Object.keys(row).filter((name) => isShort(row[name]))))
  return [...names].slice(0, COLUMNS)
}

function isShort(value: unknown): boolean {
  return typeof value !== 'object' || (Array.isArray(value) && value.every((one) => typeof one !== 'object'))
}

/** In a column a long list is shown as its number of entries, an object as an ellipsis. */
function cell(value: unknown): string {
  if (Array.isArray(value)) return isShort(value) ? value.join(' ') : String(value.length)
  return typeof value === 'object' && value !== null ? '…' : String(value ?? '')
}

function short(value: unknown): string {
  const text = printable(cell(value))
  return text.length > WIDEST ? `${text.slice(0, WIDEST - 1)}…` : text
}

function lines(value: unknown, indent: string): string {
  if (typeof value !== 'object' || value === null) return `${indent}${printable(String(value))}\n`
  return Object.entries(value)
    .map(([name, one]) =>
      typeof one === 'object' && one !== null && Object.keys(one).length > 0
        ? `${indent}${printable(name)}:\n${lines(one, `${indent}  `)}`
        : `${indent}${printable(name)}: ${printable(typeof one === 'object' ? JSON.stringify(one) : String(one))}\n`,
    )
    .join('')
}
