/**
 * The pages about mandates: what a person gave and holds, a form to give one, and the choice for whom they
 * act.
 */
import { OWN_RIGHT } from '#schemas/mandates.ts'
import type { FoundMandates } from '../everything/shape.ts'
import type { Acting, Session } from '../login/sessions.ts'
import { csrfField } from '../pages/form.ts'
import { frameOf, type Place, type Reader, wholePage } from '../pages/frame.ts'
import { foreign, type Html, html, NOTHING } from '../pages/html.ts'
import type { KnownMandate, KnownMandates, KnownRole, Somebody } from './read-mandates.ts'

type SignedIn = Reader & { session: Session }

type All = {
  /** Undefined where the register did not answer. */
  given: KnownMandates | undefined
  held: KnownMandates | undefined
  roles: KnownRole[]
  givable: KnownRole[]
  filled: Record<string, string>
  now: number
  done?: string
  /** Whose they are, if not those of who is signed in. */
  theirs?: Acting
}

/** Mandates of the one for whom somebody acts. */
export const THEIRS = '/mandates/of'

export function mandatesPage(place: Place, reader: SignedIn, all: All): string {
  const { words } = reader
  const { done, theirs } = all
  const { acting } = reader.session
  const title = theirs === undefined ? words('mandates.title') : words('mandates.of', { name: theirs.name })
  const others =
    theirs === undefined && acting !== undefined
      ? html`<p><a href="${THEIRS}">${words('mandates.of', { name: acting.name })}</a></p>`
      : NOTHING
  const content = html`<h1>${title}</h1>
<p class="lead">${words(theirs === undefined ? 'mandates.lead' : 'mandates.of.lead')}</p>${others}
${done === undefined ? NOTHING : html`<p class="note" role="status">${words(`mandates.done.${done}`)}</p>`}
${list(reader, all, 'given')}
${theirs === undefined ? list(reader, all, 'held') : NOTHING}
${giveForm(reader, all)}`
  const [at, section] = theirs === undefined ? ['/mandates', 'mandates'] : [THEIRS, 'theirMandates']
  return wholePage(frameOf(place, reader, { title, at, section }), content)
}

function list(reader: SignedIn, all: All, which: 'given' | 'held'): Html {
  const { words } = reader
  const [title, none] = namesOf(which, all.theirs !== undefined)
  return html`<section class="mandate-list" aria-labelledby="${which}"><h2 id="${which}">${words(title)}</h2>
${itemsOf(all[which], { none, words, item: (one) => item(reader, all, which, one) })}</section>`
}

/**
 * What the list is called, and what it says where there is none; `isTheirs`: of the one for whom somebody
 * acts.
 */
function namesOf(which: 'given' | 'held', isTheirs: boolean): [title: string, none: string] {
  return isTheirs
    ? ['mandates.of.given', 'mandates.of.none']
    : [`mandates.${which}`, `mandates.${which}.none`]
}

/** Where some were left out nobody may take the list for all, least of all an empty one. */
function itemsOf(
  list: KnownMandates | undefined,
  q: { none: string; words: Reader['words']; item(mandate: KnownMandate): Html },
): Html {
  const { words } = q
  if (list === undefined) return html`<p class="note">${words('mandates.away')}</p>`
  const { mandates, isCut } = list
  const cut = isCut ? html`<p class="note">${words('list.cut')}</p>` : NOTHING
  if (mandates.length === 0) return isCut ? cut : html`<p class="nothing-found">${words(q.none)}</p>`
  return html`<ul class="mandates" role="list">${mandates.map(q.item)}</ul>${cut}`
}

function item(reader: SignedIn, all: All, which: 'given' | 'held', mandate: KnownMandate): Html {
  const { words, session } = reader
  const other = which === 'given' ? mandate.delegate : mandate.representee
  const role = all.roles.find(({ code }) => code === mandate.role)
  const by = all.theirs?.role ?? OWN_RIGHT
  const mayEnd = (which === 'given' ? role?.withdrawableBy : role?.waivableBy)?.includes(by) === true
  const [act, label] = which === 'given' ? ['withdraw', 'mandates.takeBack'] : ['waive', 'mandates.giveUp']
  const form = html`<form method="post" action="${all.theirs === undefined ? '/mandates' : THEIRS}/end">${csrfField(session)}
<input type="hidden" name="id" value="${mandate.id}"><input type="hidden" name="other" value="${other.code}"><input type="hidden" name="act" value="${act}">
<button type="submit" class="button quiet-button small" aria-label="${words(label)}: ${other.name}, ${titleOf(role, mandate, reader)}">${words(label)}</button></form>`
  return html`<li><div><h3>${foreign(other.name)}</h3><p>${foreign(titleOf(role, mandate, reader))}</p>
<p class="quiet">${timesOf(mandate, all.now, words)} <code>${other.code}</code></p></div>${mayEnd ? form : html`<p class="quiet">${words(all.theirs === undefined ? 'mandates.told' : 'mandates.of.told')}</p>`}</li>`
}

/** Mandates as they are read and kept: without forms. */
export function keptMandates({ given, held, roles }: FoundMandates, now: number, reader: Reader): Html {
  const { words } = reader
  const listOf = (which: 'given' | 'held', list: KnownMandates | undefined): Html => {
    const [title, none] = namesOf(which, held === 'others')
    const kept = (mandate: KnownMandate): Html => {
      const other = which === 'given' ? mandate.delegate : mandate.representee
      const role = roles.find(({ code }) => code === mandate.role)
      return html`<li><div><p><strong>${foreign(other.name)}</strong> ${foreign(titleOf(role, mandate, reader))}</p>
<p class="quiet">${timesOf(mandate, now, words)} <code>${other.code}</code></p></div></li>`
    }
    return html`<section class="mandate-list"><h3>${words(title)}</h3>${itemsOf(list, { none, words, item: kept })}</section>`
  }
  return html`${listOf('given', given)}${held === 'others' ? NOTHING : listOf('held', held)}`
}

function timesOf({ from, until }: KnownMandate, now: number, words: Reader['words']): string {
  const at = (time: number): string => words.moment(new Date(time).toISOString())
  if (from !== undefined && from > now) return words('mandates.from', { at: at(from) })
  return until === undefined ? words('mandates.always') : words('mandates.until', { at: at(until) })
}

function titleOf(role: KnownRole | undefined, { role: code }: { role: string }, { words }: Reader): string {
  const titles = role?.titles ?? {}
  return titles[words.language] ?? titles['en'] ?? titles['et'] ?? code
}

function giveForm({ words, session, ...reader }: SignedIn, { givable, filled, theirs }: All): Html {
  if (givable.length === 0) return NOTHING
  const field = (name: string, more: Html = NOTHING): Html =>
    html`<label>${words(`mandates.field.${name}`)}<input name="${name}" value="${filled[name] ?? ''}" maxlength="200" autocomplete="off"${more}></label>`
  const option = (role: KnownRole): Html =>
    html`<option value="${role.code}"${role.code === filled['role'] ? html` selected` : NOTHING}>${titleOf(role, { role: role.code }, { words, session, ...reader })}</option>`
  return html`<section class="tools" aria-labelledby="give"><h2 id="give">${words('mandates.give')}</h2>
<p>${words('mandates.give.lead')}</p>
<form method="post" action="${theirs === undefined ? '/mandates' : THEIRS}/give">${csrfField(session)}
<label>${words('mandates.field.role')}<select name="role" required>${givable.map(option)}</select></label>
${field('identifier', html` required`)}
${field('firstName')}
${field('surname')}
${field('legalName')}
<label>${words('mandates.field.through')}<input type="date" name="through"></label>
<button type="submit" class="button">${words('mandates.send')}</button></form></section>`
}

function finished(name: string, { words, session }: SignedIn): Html {
  return html`<form method="post" action="/mandates/finished" class="row">${csrfField(session)}<button type="submit" class="button">${words('counter.finished', { name })}</button></form>`
}

export function choosePage(
  place: Place,
  reader: SignedIn,
  q: { people: Somebody[] | undefined; isCounter: boolean; code: string },
): string {
  const { words, session } = reader
  const { people, isCounter, code } = q
  const title = words(isCounter ? 'counter.title' : 'acting.title')
  const choice = (person: string, label: Html): Html =>
    html`<li><form method="post" action="/mandates/for">${csrfField(session)}<input type="hidden" name="person" value="${person}">
<button type="submit" class="button quiet-button">${label}</button></form></li>`
  const others =
    people === undefined
      ? html`<p class="note">${words('mandates.away')}</p>`
      : people.length === 0
        ? html`<p class="nothing-found">${words(isCounter ? 'counter.none' : 'acting.nobody')}</p>`
        : NOTHING
  const content = html`<h1>${title}</h1>
<p class="lead">${words(isCounter ? 'counter.lead' : 'acting.lead')}</p>
${isCounter ? html`<p class="note">${words('counter.number')} <strong><code>${code}</code></strong></p>` : NOTHING}
${isCounter && session.acting !== undefined ? finished(session.acting.name, reader) : NOTHING}
${others}
<ul class="choices-of-people" role="list">${isCounter ? NOTHING : choice('', html`${words('acting.oneself')}`)}
${(people ?? []).map((one) => choice(one.code, html`${words('acting.as')} ${foreign(one.name)}`))}</ul>
${isCounter ? html`<p class="go"><a class="button quiet-button" href="/mandates/for">${words('counter.again')}</a></p>` : NOTHING}`
  return wholePage(frameOf(place, reader, { title, at: '/mandates/for' }), content)
}
