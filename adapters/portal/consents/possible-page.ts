/**
 * What people can agree to before an office asks: one entry for each contract and each who may ask under it.
 */
import { frameOf, type Place, type Reader, wholePage } from '../pages/frame.ts'
import { foreign, type Html, html, NOTHING } from '../pages/html.ts'
import type { Words } from '../texts.ts'
import { addressOfOffer, LIST, POSSIBLE } from './addresses.ts'
import type { FoundOffers, SystemOffers } from './ask-demands.ts'
import type { Offered } from './consent.ts'

export function possiblePage(place: Place, reader: Reader, { told, notTold }: FoundOffers): string {
  const { words } = reader
  // Nobody's answer is none.
  const isNone = told.length > 0 && told.every(({ offers }) => offers.length === 0)
  const content = html`<h1>${words('possible.title')}</h1><p class="lead">${words('possible.lead')}</p>
${isNone ? html`<p class="nothing-found">${words('possible.none')}</p>` : NOTHING}
${told.map((one) => ofSystem(one, words))}
${notTold.length === 0 ? NOTHING : html`<h2>${words('possible.notTold')}</h2><ul>${notTold.map(({ system, why }) => html`<li>${foreign(system.name)}: ${words(`why.${why}`)}</li>`)}</ul>`}
<p class="go"><a href="${LIST}">${words('consents.back')}</a></p>`
  const frame = { title: words('possible.title'), at: POSSIBLE, section: 'consents' }
  return wholePage(frameOf(place, reader, frame), content)
}

function ofSystem({ system, offers, isCut }: SystemOffers, words: Words): Html {
  if (offers.length === 0) return NOTHING
  return html`<section class="consents"><h2>${foreign(system.name)}</h2>
<ul class="cards" role="list">${offers.map((one) => item(one, words))}</ul>
${isCut ? html`<p class="quiet">${words('list.cut')}</p>` : NOTHING}</section>`
}

function item(offered: Offered, words: Words): Html {
  const { client, demand } = offered
  return html`<li class="card consent"><p class="sentence"><strong>${foreign(client.owner)}</strong> <span>${words('unasked.wants')}</span> <span class="from">${foreign(demand.provider.name)}</span></p>
<p class="why"><span class="label">${words('use.why')}</span> ${foreign(demand.purpose)}</p>
<p class="row"><a class="button quiet-button small" href="${addressOfOffer(offered)}">${words('possible.read')}</a></p></li>`
}
