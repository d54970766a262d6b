/** "This looks wrong": whom to ask, in which order, and what to tell them. */
import type { System } from '../asking/find-systems.ts'
import { frameOf, type Place, type Reader, wholePage } from './frame.ts'
import { foreign, html, NOTHING } from './html.ts'

/**
 * `system` told the use; `number` is that of the exchange, '' where there is none. `isRefused`: a complaint
 * of it was not taken.
 */
export function wrongPage(
  place: Place,
  reader: Reader,
  q: { system: System | undefined; number: string; isRefused?: true },
): string {
  const { words } = reader
  const steps = ['ask', 'proof', 'authority']
  const content = html`<article class="about"><h1>${words('wrong.title')}</h1><p class="lead">${words('wrong.lead')}</p>
${q.isRefused === true ? html`<p class="note" role="alert">${words('complain.refused')}</p>` : NOTHING}
<ol class="steps">${steps.map((step) => html`<li><h2>${words(`wrong.${step}.title`)}</h2><p>${words(`wrong.${step}`)}</p></li>`)}</ol>
${
  q.number === '' && q.system === undefined
    ? NOTHING
    : html`<div class="card"><h2>${words('wrong.tell')}</h2><dl>
${q.system === undefined ? NOTHING : html`<div><dt>${words('wrong.system')}</dt><dd>${foreign(q.system.name)} <span class="quiet">${foreign(q.system.owner)}</span></dd></div>`}
${q.number === '' ? NOTHING : html`<div><dt>${words('proofs.number')}</dt><dd><code>${q.number}</code></dd></div>`}</dl></div>`
}
<p class="go"><a class="button" href="/">${words('message.back')}</a></p></article>`
  const at = `/wrong?${new URLSearchParams({ system: q.system?.id ?? '', number: q.number })}`
  return wholePage(frameOf(place, reader, { title: words('wrong.title'), at, section: 'uses' }), content)
}
