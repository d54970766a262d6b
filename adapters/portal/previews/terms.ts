/**
 * Who would get an answer and why, in words: the same lines on the page and in the text whose digest goes
 * with what the person decides.
 */
import { createHash } from 'node:crypto'
import type { Words } from '../texts.ts'
import type { Preview } from './preview.ts'
import { type Line, valuesOf } from './values-of.ts'

export function termsOf({ client, told, purpose, legalBasis, contract }: Preview, words: Words): Line[] {
  const named = ({ name, owner }: { name: string; owner: string }): string =>
    name === owner ? owner : `${owner} (${name})`
  return [
    { label: words('term.who'), text: named(client) },
    { label: words('term.from'), text: named(told) },
    { label: words('term.purpose'), text: purpose },
    { label: words('term.law'), text: legalBasis },
    { label: words('term.contract'), text: contract.title },
  ]
}

/** SHA-256, hex, of the lines "label: text", with what the answer says. */
export function textHash(preview: Preview, words: Words): string {
  const values = preview.answer === undefined ? { lines: [] } : valuesOf(preview.answer, words)
  const lines = [...termsOf(preview, words), ...('lines' in values ? values.lines : [])]
  const text = lines.map(({ label, text }) => `${label}: ${text}\n`).join('')
  return createHash('sha256')
    .update('text' in values ? text + values.text : text)
    .digest('hex')
}
