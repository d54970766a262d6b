/**
 * What a person chooses of the list: days, who asked, how sure it is. It stands in the address, so that it
 * works without script.
 */
import { createHmac, randomBytes } from 'node:crypto'
import type { Period } from '../asking/chosen-days.ts'
import { shownRow, type Use } from '../joining/join.ts'
import type { Words } from '../texts.ts'
import { type Html, html, NOTHING } from './html.ts'
import { ICONS } from './icons.ts'

export type Choice = Period & {
  /**
   * The tag of the name that the entries show: addresses stay in the history of a browser and in logs of what
   * is before the portal.
   */
  organisation?: string
  proven?: (typeof DOUBTS)[number]
}

/** What is worth a look of its own, of all ways in which a use may be proven. */
const DOUBTS = ['differing', 'one'] as const satisfies readonly Use['proven'][]
const DATE = /^\d{4}-\d\d-\d\d$/
const TAG = /^[\w-]{16}$/
/** Of this process, as sessions are. */
const TAG_KEY = randomBytes(32)
const MOST_LISTED = 500

/** Of days the last is included. */
export function choiceIn(query: URLSearchParams): Choice {
  const [from, until, organisation] = [query.get('from'), query.get('until'), query.get('organisation')]
  const proven = DOUBTS.find((one) => one === query.get('proven'))
  return {
    ...(isDay(from) && { from }),
    ...(isDay(until) && { until }),
    ...(organisation !== null && TAG.test(organisation) && { organisation }),
    ...(proven !== undefined && { proven }),
  }
}

/** Whether it leaves something out. */
export function isChosen(choice: Choice): boolean {
  return Object.keys(choice).length > 0
}

/** The list with this choice. */
export function chosenAddress(choice: Choice): string {
  const query = new URLSearchParams(choice).toString()
  return query === '' ? '/' : `/?${query}`
}

/** The days are chosen before, since systems are asked for them. */
export function chosenOf(uses: readonly Use[], { organisation, proven }: Choice): readonly Use[] {
  if (organisation === undefined && proven === undefined) return uses
  const name = organisation === undefined ? undefined : nameOf(organisation, uses)
  if (organisation !== undefined && name === undefined) return []
  return uses.filter(
    (use) =>
      (name === undefined || organisationOf(use) === name) && (proven === undefined || use.proven === proven),
  )
}

/** Undefined where a use is told in general terms. */
export function organisationOf(use: Use): string | undefined {
  return shownRow(use).client?.owner
}

function tagOf(name: string): string {
  return createHmac('sha256', TAG_KEY).update(name).digest('base64url').slice(0, 16)
}

/** Undefined where the organisation asked nothing in these days. */
function nameOf(tag: string, uses: readonly Use[]): string | undefined {
  return [...new Set(uses.map(organisationOf))].find((name) => name !== undefined && tagOf(name) === tag)
}

/** `uses`: all of these days. It is open where something is chosen, and says how much that leaves out. */
export function chooseForm(uses: readonly Use[], choice: Choice, words: Words): Html {
  const { from = '', until = '', organisation, proven } = choice
  const leftOut = uses.length - chosenOf(uses, choice).length
  const name = organisation === undefined ? undefined : nameOf(organisation, uses)
  const names = organisationsIn(uses, name)
  const day = (name: 'from' | 'until', value: string): Html =>
    html`<label>${words(`tools.${name}`)} <input type="date" name="${name}" value="${value}"></label>`
  const option = (value: string, text: string, chosen = ''): Html =>
    html`<option value="${value}"${value === chosen ? html` selected` : NOTHING}>${text}</option>`
  return html`<details class="choose tools"${isChosen(choice) ? html` open` : NOTHING}><summary><h2>${words('choose.title')}</h2>${ICONS.open}</summary>
<form method="get" action="/">${day('from', from)}
${day('until', until)}
<label>${words('choose.organisation')} <select name="organisation">${option('', words('choose.everybody'), organisation)}${names.map((one) => option(tagOf(one), one, organisation))}${organisation !== undefined && name === undefined ? option(organisation, words('choose.chosen'), organisation) : NOTHING}</select></label>
<label>${words('choose.proven')} <select name="proven">${option('', words('choose.any'), proven)}${DOUBTS.map((one) => option(one, words(`proven.${one}`), proven))}</select></label>
<button type="submit" class="button quiet-button">${words('tools.show')}</button></form></details>
${leftOut === 0 ? NOTHING : html`<p class="note" role="status">${words.count('choose.leftOut', leftOut)} <a href="${chosenAddress({ ...(from !== '' && { from }), ...(until !== '' && { until }) })}">${words('choose.all')}</a></p>`}`
}

/** Those who asked most, by name, and the chosen one. */
function organisationsIn(uses: readonly Use[], chosen: string | undefined): string[] {
  const counts = new Map<string, number>()
  for (const use of uses) {
    const name = organisationOf(use)
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, MOST_LISTED)
  const names = new Set(most.map(([name]) => name))
  if (chosen !== undefined) names.add(chosen)
  return [...names].sort((a, b) => a.localeCompare(b))
}

function isDay(value: string | null): value is string {
  return value !== null && DATE.test(value) && !Number.isNaN(Date.parse(value))
}
