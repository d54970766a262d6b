/**
 * What a person agrees to, in words: the same lines on the page, in the text whose digest goes with the
 * consent, and in the list. So the digest is that of the lines that the person saw.
 */
import { createHash } from 'node:crypto'
import type { ConsentKind } from '#schemas/consents.ts'
import type { Party } from '../joining/row.ts'
import { foreign, type Html, html } from '../pages/html.ts'
import type { Words } from '../texts.ts'
import type { Demand } from './consent.ts'

type Term = { label: string; text: string; isForeign?: true; list?: string[] }

/** `kind` and `until` where they are settled; before, the contract's bounds. */
export function termsOf(
  q: { client: Party; demand: Demand; kind?: ConsentKind; until?: string },
  words: Words,
): Term[] {
  const { client, demand, kind } = q
  const { provider, rule, purpose, legalBasis, contract } = demand
  const fields = demand.fields.map((name) => fieldName(name, words))
  const label = (name: string): string => words(`term.${name}`)
  return [
    { label: label('who'), text: nameOf(client), isForeign: true },
    { label: label('from'), text: nameOf(provider), isForeign: true },
    { label: label('purpose'), text: purpose, isForeign: true },
    { label: label('law'), text: legalBasis, isForeign: true },
    fields.length === 0
      ? { label: label('fields'), text: words('term.anyField') }
      : { label: label('fields'), text: fields.join(', '), list: fields },
    ...(rule.attributes === undefined ? [] : [attestedTerm(rule.attributes, words)]),
    ...(rule.range === undefined
      ? []
      : [{ label: label('range'), text: words('term.rangeText', { span: spanOf(rule.range, words) }) }]),
    { label: label('often'), text: oftenOf(rule, kind, words) },
    { label: label('kept'), text: spanOf(rule.dataLife, words) },
    {
      label: label('until'),
      text: q.until === undefined ? words.count('term.maxDays', rule.maxDays) : words.moment(q.until),
    },
    { label: label('contract'), text: contract.title, isForeign: true },
  ]
}

/** What the person's wallet has to say of them besides who they are. */
function attestedTerm(attributes: NonNullable<Demand['rule']['attributes']>, words: Words): Term {
  const list = attributes.map(({ name, values }) =>
    values === undefined ? name : `${name}: ${values.map((value) => shownValue(value, words)).join(' / ')}`,
  )
  return { label: words('term.attested'), text: list.join(', '), list }
}

function shownValue(value: string | number | boolean, words: Words): string {
  return typeof value === 'boolean' ? words(value ? 'preview.true' : 'preview.false') : String(value)
}

export function termList(terms: readonly Term[]): Html {
  return html`<dl>${terms.map(
    ({ label, text, isForeign, list }) =>
      html`<div><dt>${label}</dt><dd>${
        list === undefined
          ? isForeign === true
            ? foreign(text)
            : text
          : html`<span class="chips">${list.map((one) => html`<span class="chip"><bdi>${one}</bdi></span>`)}</span>`
      }</dd></div>`,
  )}</dl>`
}

/** SHA-256 of the lines "label: text", hex. */
export function hashOf(terms: readonly Term[]): string {
  const text = terms.map(({ label, text }) => `${label}: ${text}\n`).join('')
  return createHash('sha256').update(text).digest('hex')
}

/** Its own name, and whose it is where that says more. */
function nameOf({ name, owner }: Party): string {
  return name === owner ? owner : `${owner} (${name})`
}

/** In the catalogue's words where it has some, else the words that the name is made of. */
export function fieldName(name: string, words: Words): string {
  if (/^[A-Za-z]{1,40}$/.test(name) && words.has(`field.${name}`)) return words(`field.${name}`)
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/[_-]+/g, ' ')
    .toLowerCase()
}

function spanOf({ unit, value }: { unit: string; value: number }, words: Words): string {
  return words.count(`span.${unit}`, value)
}

function oftenOf({ frequency, kinds }: Demand['rule'], kind: ConsentKind | undefined, words: Words): string {
  const once = kind === 'once' || (kind === undefined && !kinds.includes('standing'))
  if (once) return words('term.once')
  return frequency === undefined
    ? words('term.always')
    : words.count(`often.${frequency.per}`, frequency.times)
}
