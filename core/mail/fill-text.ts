/**
 * Fills fields into a text of a letter: what others wrote becomes no line of its own, no header and no second
 * recipient; pure.
 */
import type { Fields } from './mail-address.ts'

const MAX_FIELD = 1000

export function fillText(pattern: string, fields: Fields): string {
  return pattern.replace(/\{([A-Za-z]+)\}/g, (_, field: string) =>
    Object.hasOwn(fields, field) ? oneLine(fields[field]!) : '-',
  )
}

/** Makes a field a single line: replaces control, format and separator characters. */
function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ')
    .slice(0, MAX_FIELD)
    .trim()
}
