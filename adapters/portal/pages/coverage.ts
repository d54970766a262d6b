/**
 * What the list covers: which systems answered, which did not and why, for which span, and what is left open.
 * Nothing is promised.
 */
import type { System } from '../asking/find-systems.ts'
import { type Gathered, hasToldAll, isComplete } from '../joining/gathered.ts'
import type { Answered, Coverage, Failed, Mass } from '../joining/row.ts'
import type { Words } from '../texts.ts'
import { foreign, type Html, html, NOTHING } from './html.ts'
import { ICONS } from './icons.ts'
import { purposeOf } from './use.ts'

const MOST_LISTED = 200
const MOST_MONTHS = 12

/** "17 of 19 answered; two could not be asked", and whether that is all. */
export function coverageSentence(gathered: Gathered, words: Words): Html {
  const { answered, failed, silent, absent, tooMany, unlisted } = gathered
  const missing = failed.length + silent.length + tooMany
  const all = answered.length + missing
  const isAll = isComplete(gathered)
  const hasGaps = unlisted.length > 0 || !answered.every(hasToldAll)
  return html`<p class="covered ${isAll ? 'all' : 'some'}">${ICONS[isAll ? 'yes' : 'question']}<span>
${words.count('covered.answered', all, { answered: answered.length })}
${missing > 0 ? words.count('covered.missing', missing) : NOTHING}
${absent.length > 0 ? words.count('covered.absent', absent.length) : NOTHING}
${hasGaps ? words('covered.gaps') : NOTHING}
<a href="#covers">${words('covered.more')}</a></span></p>`
}

export function coverageSection(gathered: Gathered, words: Words): Html {
  const { answered, failed, silent, absent, tooMany, unlisted, listedAt } = gathered
  return html`<section id="covers" aria-labelledby="covers-title"><h2 id="covers-title">${words('covers.title')}</h2>
<p>${words('covers.lead')}</p>
${listedAt === undefined ? NOTHING : html`<p class="note">${words('covers.listed', { at: words.moment(new Date(listedAt).toISOString()) })}</p>`}
<ul class="systems">${answered.map((one) => answeredItem(one, words))}${failed.map((one) => failedItem(one, words))}${silent.map((one) => otherItem(one, 'silent', words))}</ul>
${unlisted.length === 0 ? NOTHING : html`<p class="note">${words('covers.unlisted', { instances: unlisted.join(', ') })}</p>`}
${tooMany === 0 ? NOTHING : html`<p class="note">${words.count('covers.tooMany', tooMany)}</p>`}
${
  absent.length === 0
    ? NOTHING
    : html`<details class="absent"><summary>${words.count('covered.absent', absent.length)}${ICONS.open}</summary>
<p>${words('covers.absent')}</p><ul>${absent.slice(0, MOST_LISTED).map((one) => html`<li>${ownName(one)}</li>`)}</ul></details>`
}
</section>`
}

function ownName({ name, owner }: System): Html {
  return name === owner ? foreign(name) : html`${foreign(name)} <span class="quiet">${foreign(owner)}</span>`
}

function answeredItem(answered: Answered, words: Words): Html {
  const { system, rows, coverage, cut, dropped, form, hasOlder } = answered
  const open = coverage === undefined ? [words('open.span')] : gapsOf(coverage, words)
  if (hasOlder) open.push(words('open.older'))
  if (cut !== undefined) open.push(words('open.cut', { n: rows.length, total: cut.total }))
  if (dropped > 0) open.push(words.count('open.dropped', dropped))
  if (form === 'plain') open.push(words('open.plain'))
  return html`<li class="answered">${ICONS.yes}<div><h3>${ownName(system)}</h3>
<p>${words.count('covers.uses', rows.length)} ${coverage === undefined ? NOTHING : spanOf(coverage, words)}</p>
${open.length === 0 ? NOTHING : html`<ul class="open">${open.map((one) => html`<li>${one}</li>`)}</ul>`}</div></li>`
}

/** What it says of its own gaps, each in one sentence. */
function gapsOf(coverage: Coverage, words: Words): string[] {
  const { undeclared, unread, behind, withheld, general } = coverage
  const { lostMonths, declaredLater, calledUnread, ofNobody, isCut } = coverage
  const counted = {
    ...{
      undeclared: undeclared.length,
      later: declaredLater,
      called: calledUnread,
      unread,
      behind,
      withheld,
    },
    ...{ general, nobody: ofNobody },
  }
  const gaps = Object.entries(counted).flatMap(([name, n]) => (n > 0 ? [words.count(`open.${name}`, n)] : []))
  const shown = lostMonths.slice(0, MOST_MONTHS).map((month) => words.month(`${month}-15`))
  const more = lostMonths.length > shown.length ? ' …' : ''
  if (shown.length > 0) gaps.push(words('open.lost', { months: shown.join(', ') + more }))
  if (isCut) gaps.push(words('open.more'))
  return gaps
}

function spanOf({ from, until }: { from: string; until?: string }, words: Words): string {
  return until === undefined
    ? words('covers.since', { from: words.moment(from) })
    : words('covers.span', { from: words.moment(from), until: words.moment(until) })
}

function failedItem({ system, why }: Failed, words: Words): Html {
  return otherItem(system, why, words)
}

function otherItem(system: System, why: string, words: Words): Html {
  return html`<li class="unanswered">${ICONS.no}<div><h3>${ownName(system)}</h3><p>${words(`why.${why}`)}</p></div></li>`
}

export function massSection(masses: readonly Mass[], words: Words): Html {
  if (masses.length === 0) return NOTHING
  return html`<section aria-labelledby="masses-title"><h2 id="masses-title">${words('masses.title')}</h2><p>${words('masses.lead')}</p>
<ul class="plain-list">${masses.map(
    (
      one,
    ) => html`<li><strong>${one.client === undefined ? words('use.somebody') : foreign(one.client.owner)}</strong>
<span>${purposeOf(one, words)}</span>
<span class="quiet">${words.count('masses.messages', one.messages)} · ${words.month(one.first)}${one.first.slice(0, 7) === one.last.slice(0, 7) ? '' : ` – ${words.month(one.last)}`} · ${tellerOf(one, words)}</span></li>`,
  )}</ul></section>`
}

export function lookSection(looks: Gathered['looks'], words: Words): Html {
  if (looks.length === 0) return NOTHING
  return html`<section aria-labelledby="looks-title"><h2 id="looks-title">${words('looks.title')}</h2><p>${words('looks.lead')}</p>
<ul class="plain-list">${looks.map((one) => lookItem(one, words))}</ul></section>`
}

function lookItem({ client, isOwn, claims }: Gathered['looks'][number], words: Words): Html {
  const claim = ({ told, count, last }: (typeof claims)[number]): Html =>
    html`<span class="quiet">${words.count('use.times', count)}, ${words.moment(last)} · ${tellerOf({ told }, words)}</span>`
  const others = claims.slice(1, MOST_LISTED)
  return html`<li><strong>${isOwn ? words('looks.own') : foreign(client.owner)}</strong> ${claims.slice(0, 1).map(claim)}
${
  others.length === 0
    ? NOTHING
    : html`<details><summary>${words.count('looks.more', others.length)}</summary><ul>${others.map((other) => html`<li>${claim(other)}</li>`)}</ul></details>`
}</li>`
}

/** Whose word it is: what one system claims of others is never shown as a fact. */
function tellerOf({ told }: { told: System }, words: Words): Html {
  return html`${words('claims.by')} ${foreign(told.name)}`
}
