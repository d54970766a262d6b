/**
 * One entry of the timeline: who asked whom about the person, why, how far it is proven, and where the proof
 * is.
 */
import type { Group } from '../joining/group.ts'
import { isOneSystem, otherSide, shownRow, type Use } from '../joining/join.ts'
import type { Party, Row } from '../joining/row.ts'
import { meaningUse } from '../proving/check-use.ts'
import type { Words } from '../texts.ts'
import { foreign, type Html, html, NOTHING } from './html.ts'
import { ICONS } from './icons.ts'

/** What an entry needs to know of the whole answer. */
export type Around = {
  words: Words
  easy: boolean
  /**
   * How a subsystem did. Of those that answered nothing more is said: whatever tells "it should have this
   * row" from "it may lack it" would tell the person that a use is withheld.
   */
  stateOf(system: string): 'answered' | 'no_answer' | 'absent'
}

const MOST_TIMES = 20
/** A use that is told in general terms has its month alone. */
const MONTH_LENGTH = 7

export function useEntry({ uses }: Group, around: Around): Html {
  const { words } = around
  const [newest] = uses as [Use, ...Use[]]
  const row = shownRow(newest)
  const { client, service } = row
  const times =
    uses.length === 1 ? NOTHING : html`<span class="times">${words.count('use.times', uses.length)}</span>`
  return html`<li class="use ${newest.proven} ${row.outcome}"><details><summary>
<span class="when">${whenOf(uses, words)}</span>
<span class="sentence"><strong>${client === undefined ? words('use.somebody') : nameOf(client)}</strong>
<span>${words(`use.${row.outcome}`)}</span> <span class="from">${service === undefined ? words('use.somewhere') : foreign(service.name)}</span></span>
<span class="why"><span class="label">${words('use.why')}</span> ${purposeOf(row, words)}</span>
<span class="marks"><span class="mark">${ICONS[newest.proven]}${words(`proven.${newest.proven}`)}</span>${times}</span>
${ICONS.open}</summary>
<div class="more">${facts(uses, row, around)}
${proofs(uses, around)}
${wrongLink(newest, words)}
</div></details></li>`
}

/** The same in short, while others are still asked. */
export function useLine({ uses }: Group, words: Words): Html {
  const { client, service } = shownRow(uses[0]!)
  return html`<li><span class="when">${whenOf(uses, words)}</span> <strong>${client === undefined ? words('use.somebody') : nameOf(client)}</strong>
<span>${service === undefined ? words('use.somewhere') : foreign(service.name)}</span></li>`
}

/** Its own name, and whose it is where that says more. */
function nameOf(party: Party): Html {
  return party.owner === party.name ? foreign(party.name) : html`${foreign(party.owner)}`
}

function whenOf(uses: readonly Use[], words: Words): Html {
  const [newest, oldest] = [uses[0]!.time, uses.at(-1)!.time]
  if (newest.length < 10) return html`${words.month(`${newest}-15`)}`
  const day = words.day(newest)
  const from = words.clock(oldest)
  const to = words.clock(newest)
  const span = words.day(oldest) === day ? (from === to ? to : `${from}–${to}`) : `${words.day(oldest)} –`
  return html`<time datetime="${newest}">${words.day(oldest) === day ? `${day}, ${span}` : `${span} ${day}`}</time>`
}

/** In the reader's language, else in the one that the contract has; a reader of pages aloud is told which. */
export function purposeOf({ purposes }: Pick<Row, 'purposes'>, words: Words): Html {
  const [language, text] =
    Object.entries(purposes).find(([one]) => one.split('-')[0] === words.language) ??
    Object.entries(purposes).find(([one]) => one === 'und') ??
    Object.entries(purposes)[0] ??
    []
  if (language === undefined || text === undefined)
    return html`<span class="missing">${words('use.noPurpose')}</span>`
  return language === 'und' ? foreign(text) : html`<bdi lang="${language}">${text}</bdi>`
}

function facts(uses: readonly Use[], row: Row, around: Around): Html {
  const { words, easy } = around
  const { client, service, legalBasis, contract, fields } = row
  const kept = contract?.retentionDays
  const list: [string, Html | undefined][] = [
    ['who', client && html`${nameOf(client)}${aside(client.name === client.owner ? '' : client.name)}`],
    [
      'from',
      service && html`${foreign(service.owner)}${aside(service.name === service.owner ? '' : service.name)}`,
    ],
    ['purposes', bothPurposes(uses[0]!, words)],
    [
      'law',
      legalBasis === undefined
        ? html`<span class="missing">${words('use.noLaw')}</span>`
        : foreign(legalBasis),
    ],
    [
      'contract',
      contract &&
        html`${foreign(contract.title ?? contract.id)}${aside(words('use.version', { n: contract.version }))}`,
    ],
    [
      'fields',
      fields.length === 0
        ? undefined
        : html`<span class="chips">${fields.map((one) => html`<span class="chip"><bdi>${lastName(one)}</bdi></span>`)}</span>`,
    ],
    ['preview', row.preview === undefined ? undefined : previewLink(row.told.id, row.preview, words)],
    ['unread', row.isUnread === true ? html`${words('use.unread')}` : undefined],
    ['mass', row.isMass === true ? html`${words('use.mass')}` : undefined],
    ['kept', kept === undefined ? undefined : html`${keptFor(kept, words)}`],
    ['meaning', html`${meaningOf(uses[0]!, around)}`],
  ]
  const inEasy = ['who', 'from', 'purposes', 'law', 'mass', 'meaning']
  return html`<dl>${list.map(([name, value]) =>
    value === undefined || (easy && !inEasy.includes(name))
      ? NOTHING
      : html`<div><dt>${words(`fact.${name}`)}</dt><dd>${value}</dd></div>`,
  )}</dl>`
}

/** Of an answer that the person has seen before it was sent. */
function previewLink(system: string, number: string, words: Words): Html {
  const query = new URLSearchParams({ system, number }).toString()
  return html`<a href="/previews/one?${query}">${words('use.preview')}</a>`
}

/** What each side says of why, where they do not say the same: nobody's words stand for both. */
function bothPurposes({ provider, consumer }: Use, words: Words): Html | undefined {
  if (provider === undefined || consumer === undefined) return undefined
  const [given, asked] = [purposeOf(provider, words), purposeOf(consumer, words)]
  if (given.markup === asked.markup) return undefined
  return html`<ul class="plain-list">${[[provider, given] as const, [consumer, asked] as const].map(
    ([{ told }, purpose]) => html`<li>${foreign(told.owner)}: ${purpose}</li>`,
  )}</ul>`
}

function aside(text: string): Html {
  return text === '' ? NOTHING : html` <span class="quiet">${foreign(text)}</span>`
}

/** Of the pointer "/persons/givenName" the name that a form would have. */
function lastName(pointer: string): string {
  return pointer.split('/').at(-1) || pointer
}

function keptFor(days: number, words: Words): string {
  return days >= 730 ? words.count('kept.years', Math.round(days / 365)) : words.count('kept.days', days)
}

/** What the mark means here, in words that name what is missing. */
function meaningOf(use: Use, { words, stateOf }: Around): string {
  if (use.proven === 'both') return words('meaning.both')
  if (use.proven === 'differing')
    return words('meaning.differing', {
      what: use.differing.map((one) => words(`difference.${one}`)).join(', '),
    })
  const { provider, consumer } = use
  if (provider !== undefined && consumer !== undefined)
    return words(isOneSystem(provider, consumer) ? 'meaning.self' : 'meaning.halves')
  const { messageId, proof, time } = shownRow(use)
  if (time.length <= MONTH_LENGTH) return words('meaning.general')
  if (messageId === '' && proof === undefined) return words('meaning.plain')
  const side = provider === undefined ? 'consumer' : 'provider'
  const other = otherSide(use)
  return words(`meaning.one.${side}.${other === undefined || other === '' ? 'absent' : stateOf(other)}`)
}

/** By which other pages lead to one use in the list. */
export function useAnchor(messageId: string): string {
  return `use-${encodeURIComponent(messageId)}`
}

function proofs(uses: readonly Use[], { words }: Around): Html {
  const shown = uses.slice(0, MOST_TIMES)
  const isAny = shown.some(
    ({ provider, consumer }) => provider?.proof !== undefined || consumer?.proof !== undefined,
  )
  const more = uses.length - shown.length
  return html`<h3>${words(isAny ? 'proofs.title' : 'proofs.none')}</h3>
<ul class="each">${shown.map(
    (use) => html`<li${anchor(use)}><span class="at">${momentOf(use.time, words)}</span>${number(use, words)}
${checkLink(use, words)}${[use.provider, use.consumer].map((row) => proofLink(row, words))}</li>`,
  )}</ul>
${more > 0 ? html`<p class="quiet">${words.count('proofs.more', more)}</p>` : NOTHING}`
}

function anchor(use: Use): Html {
  const { messageId } = shownRow(use)
  return messageId === '' ? NOTHING : html` id="${useAnchor(messageId)}"`
}

function momentOf(time: string, words: Words): Html {
  return time.length < 10
    ? html`${words.month(`${time}-15`)}`
    : html`<time datetime="${time}">${words.moment(time)}</time>`
}

function number(use: Use, words: Words): Html {
  const { messageId } = shownRow(use)
  return messageId === ''
    ? NOTHING
    : html`<span class="number">${words('proofs.number')} <code>${messageId}</code></span>`
}

/** Both sides' proofs are fetched and judged when the person asks for it. */
function checkLink(use: Use, words: Words): Html {
  const query = meaningUse(use)
  return query === undefined
    ? NOTHING
    : html`<a class="proof-link" href="/proof/check?${query}">${ICONS.eye}<span>${words('proofs.check')}</span></a>`
}

function proofLink(row: Row | undefined, words: Words): Html {
  if (row?.proof === undefined) return NOTHING
  const query = new URLSearchParams({ system: row.told.id, record: String(row.proof) })
  return html`<a class="proof-link" href="/proof?${query.toString()}" download>${ICONS.proof}<span>${words('proofs.save')} <bdi>${row.told.owner}</bdi></span></a>`
}

/** To the side that was asked, where it can be told of the use: its auditors know why. */
function wrongLink(use: Use, words: Words): Html {
  const row = [use.provider, use.consumer].find((one) => one?.proof !== undefined) ?? shownRow(use)
  const query = new URLSearchParams({ system: row.told.id, number: row.messageId })
  if (row.proof !== undefined) query.set('record', String(row.proof))
  return html`<p class="wrong"><a href="/wrong?${query.toString()}">${ICONS.wrong}${words('use.wrong')}</a></p>`
}
