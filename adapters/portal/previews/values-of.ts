/**
 * What an answer says, as lines for a person. Guarantees that nothing of it is missing in the lines: what
 * cannot be read without a doubt, or is too long, is shown as the text that it is, or as a file.
 */
import { isUtf8 } from 'node:buffer'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { fieldName } from '../consents/terms.ts'
import type { Words } from '../texts.ts'
import type { Preview } from './preview.ts'

export type Line = { label: string; text: string }
export type Values = { lines: Line[] } | { text: string } | { octets: number }

const MOST_LINES = 300
const MOST_TEXT = 65_536

export function valuesOf({ contentType, bytes }: NonNullable<Preview['answer']>, words: Words): Values {
  if (bytes.length === 0) return { lines: [] }
  const lines = /^application\/(?:[\w.+-]+\+)?json\b/i.test(contentType) ? linesOf(bytes, words) : undefined
  if (lines !== undefined) return { lines }
  const isText = /^(?:text\/|application\/(?:[\w.+-]+\+)?(?:json|xml)\b)/i.test(contentType)
  if (isText && bytes.length <= MOST_TEXT && isUtf8(bytes)) return { text: bytes.toString('utf8') }
  return { octets: bytes.length }
}

/** Undefined for what two readers could read differently, and for more than a person reads in lines. */
function linesOf(bytes: Buffer, words: Words): Line[] | undefined {
  const lines: Line[] = []
  const add = (value: unknown, path: string[]): void => {
    if (lines.length > MOST_LINES) return
    const label = path.map((name) => fieldName(name, words)).join(' › ')
    if (typeof value === 'object' && value !== null && Object.keys(value).length > 0) {
      for (const [name, one] of Object.entries(value))
        add(one, [...path, Array.isArray(value) ? String(Number(name) + 1) : name])
      return
    }
    lines.push({ label, text: textOf(value, words) })
  }
  try {
    add(parseStrictJson(bytes, { number: (text) => text }), [])
  } catch {
    return undefined
  }
  return lines.length > MOST_LINES ? undefined : lines
}

function textOf(value: unknown, words: Words): string {
  if (typeof value === 'boolean') return words(value ? 'preview.true' : 'preview.false')
  return typeof value === 'string' && value !== '' ? value : words('preview.empty')
}
