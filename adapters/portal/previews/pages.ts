/**
 * What an office would get about the person, before it gets it; what came of it; and the list of all. Yes and
 * no stand beside each other, and look the same.
 */
import type { System } from '../asking/find-systems.ts'
import type { Why } from '../joining/row.ts'
import { csrfField } from '../pages/form.ts'
import { frameOf, type Place, type Reader, wholePage } from '../pages/frame.ts'
import { foreign, type Html, html, NOTHING } from '../pages/html.ts'
import { ICONS } from '../pages/icons.ts'
import type { Visit } from '../routing/section.ts'
import type { Words } from '../texts.ts'
import { addressOf, FILE, LIST, ONE, type Preview } from './preview.ts'
import { termsOf, textHash } from './terms.ts'
import { type Values, valuesOf } from './values-of.ts'

export function previewPage(place: Place, reader: Visit['reader'], preview: Preview): string {
  const { words, session } = reader
  const { client, told, answer, state } = preview
  const title = words(answer === undefined ? `preview.${state}.title` : 'preview.title')
  const terms = html`<div class="card"><dl>${termsOf(preview, words).map(
    ({ label, text }) => html`<div><dt>${label}</dt><dd>${foreign(text)}</dd></div>`,
  )}</dl></div>`
  const content =
    answer === undefined
      ? html`<article class="about"><h1>${title}</h1><p class="lead" role="status">${words(`preview.${state}`, { client: client.owner, at: words.moment(preview.givenAt ?? preview.decidedAt ?? preview.validUntil) })}</p>
${terms}${state === 'RELEASED' ? stopForm(preview, reader) : NOTHING}<p class="go"><a href="${LIST}">${words('previews.back')}</a></p></article>`
      : html`<article class="about"><h1>${title}</h1>
<p class="lead"><strong>${foreign(client.owner)}</strong> ${words('preview.wants')} <strong>${foreign(told.name)}</strong></p>
${terms}
<h2>${words('preview.values')}</h2>${answer.status >= 400 ? html`<p class="note">${words('preview.refused', { status: answer.status })}</p>` : NOTHING}
${shownValues(valuesOf(answer, words), words)}
<p class="row"><a class="button quiet-button small" href="${addressOf(FILE, preview)}" download>${ICONS.file}${words('preview.save')}</a></p>
<h2>${words('preview.what.title')}</h2><p>${words('preview.what')}</p>
<form method="post" action="${ONE}" class="decide">${csrfField(session)}${named(preview)}
<input type="hidden" name="answer" value="${answer.digest}"><input type="hidden" name="language" value="${words.language}">
<input type="hidden" name="text" value="${textHash(preview, words)}">
<p class="row"><button type="submit" name="act" value="release" class="button quiet-button">${words('preview.release')}</button>
<button type="submit" name="act" value="stop" class="button quiet-button">${words('preview.stop')}</button></p></form>
<p class="quiet">${words('preview.until', { at: words.moment(preview.validUntil) })}</p></article>`
  return wholePage(
    frameOf(place, reader, { title, at: addressOf(ONE, preview), section: 'previews' }),
    content,
  )
}

function stopForm(preview: Preview, { words, session }: Visit['reader']): Html {
  return html`<form method="post" action="${ONE}" class="row">${csrfField(session)}${named(preview)}
<button type="submit" name="act" value="stop" class="button">${words('preview.stopNow')}</button></form>`
}

function named({ told, number, server }: Preview): Html {
  return html`<input type="hidden" name="system" value="${told.id}"><input type="hidden" name="number" value="${number}">
${server === undefined ? NOTHING : html`<input type="hidden" name="server" value="${server}">`}`
}

function shownValues(values: Values, words: Words): Html {
  if ('octets' in values) return html`<p class="note">${words('preview.file', { n: values.octets })}</p>`
  if ('text' in values) return html`<div class="card"><pre class="answer">${values.text}</pre></div>`
  if (values.lines.length === 0) return html`<p class="note">${words('preview.nothing')}</p>`
  return html`<div class="card"><dl>${values.lines.map(
    ({ label, text }) =>
      html`<div><dt>${label === '' ? words('preview.value') : foreign(label)}</dt><dd>${foreign(text)}</dd></div>`,
  )}</dl></div>`
}

export type FoundPreviews = {
  previews: Preview[]
  /** `server`: only this one of several told nothing. */
  notTold: { system: System; server?: string; why: Why | 'silent' }[]
  asked: number
  /** Systems whose servers all answered. */
  answered: number
  /** A system has more than it was asked for. */
  isCut: boolean
}

export function previewsPage(place: Place, reader: Reader, found: FoundPreviews): string {
  const { words } = reader
  const content = html`<h1>${words('previews.title')}</h1><p class="lead">${words('previews.lead')}</p>
${previewsList(found, words)}`
  return wholePage(
    frameOf(place, reader, { title: words('previews.title'), at: LIST, section: 'previews' }),
    content,
  )
}

export function previewsList(found: FoundPreviews, words: Words): Html {
  const { previews, notTold, asked, answered, isCut } = found
  const isAll = notTold.length === 0 && !isCut
  const [waiting, others] = [
    previews.filter(({ state }) => state === 'WAITING'),
    previews.filter(({ state }) => state !== 'WAITING'),
  ]
  const item = (one: Preview): Html =>
    html`<li class="card consent"><p class="sentence"><strong>${foreign(one.client.owner)}</strong> <span>${words('preview.wants')}</span> <span class="from">${foreign(one.told.name)}</span></p>
<p class="why"><span class="label">${words('use.why')}</span> ${foreign(one.purpose)}</p>
<p class="quiet">${words(`preview.${one.state}`, { client: one.client.owner, at: words.moment(one.givenAt ?? one.decidedAt ?? one.validUntil) })}</p>
<p class="row"><a class="button quiet-button small" href="${addressOf(ONE, one)}">${words('previews.open')}</a></p></li>`
  const group = (name: string, list: readonly Preview[]): Html =>
    list.length === 0
      ? NOTHING
      : html`<section class="consents"><h2>${words(`previews.${name}`)}</h2><ul class="cards" role="list">${list.map(item)}</ul></section>`
  return html`<div class="covered ${isAll ? 'all' : 'some'}">${ICONS[isAll ? 'yes' : 'question']}<div><p>${words.count('covered.answered', asked, { answered })}${isCut ? html` ${words('covered.gaps')}` : NOTHING}</p>
${notTold.length === 0 ? NOTHING : html`<ul class="open">${notTold.map(({ system, server, why }) => html`<li>${foreign(system.name)}${server === undefined ? NOTHING : html` (<bdi>${server}</bdi>)`}: ${words(`why.${why}`)}</li>`)}</ul>`}</div></div>
${previews.length === 0 && (isAll || answered > 0) ? html`<p class="nothing-found">${words(isAll ? 'previews.none' : 'previews.noneTold')}</p>` : NOTHING}
${group('waiting', waiting)}${group('others', others)}`
}
