/**
 * What stands at a JSON Pointer (RFC 6901) of what another agency wrote; nothing of it is believed but its
 * form.
 */
import { isPlainText } from '#platform/plain-text.ts'
import type { FieldKind, OfferValue } from '#schemas/offers.ts'

const MOST_TEXT = 500
const DATE = /^\d{4}-\d\d-\d\d$/

/** Undefined where there is nothing. */
export function valueAt(document: unknown, pointer: string): unknown {
  let value = document
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}

/** A short plain text, or a whole number as one; undefined for anything else. */
export function textAt(document: unknown, pointer: string): string | undefined {
  const value = valueAt(document, pointer)
  const text = Number.isSafeInteger(value) ? String(value) : value
  return isPlainText(text, MOST_TEXT) ? text : undefined
}

/** The value as one of this kind; undefined if it is not of this kind, which counts as missing. */
export function asKind(kind: FieldKind, value: unknown): OfferValue | undefined {
  switch (kind) {
    case 'text': {
      const text = typeof value === 'number' && Number.isFinite(value) ? String(value) : value
      return isPlainText(text, MOST_TEXT) ? text : undefined
    }
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) ? value : undefined
    case 'date':
      return typeof value === 'string' && DATE.test(value) && !Number.isNaN(Date.parse(value))
        ? value
        : undefined
    case 'yes-no':
      return typeof value === 'boolean' ? value : undefined
  }
}
