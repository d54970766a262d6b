/** All that is offered to a person: what waits for them first. */
import { frameOf, type Place, type Reader, wholePage } from '../pages/frame.ts'
import { foreign, type Html, html, NOTHING } from '../pages/html.ts'
import { ICONS } from '../pages/icons.ts'
import type { Words } from '../texts.ts'
import { addressOf, LIST } from './addresses.ts'
import type { FoundOffers, TheirOffer } from './ask-offers.ts'
import { textIn } from './read-offers.ts'

const WAITING: readonly string[] = ['offered', 'opened']

/** Whether it is for the person to decide. */
export function isWaiting({ state }: Pick<TheirOffer['offer'], 'state'>): boolean {
  return WAITING.includes(state)
}

export function servicesPage(place: Place, reader: Reader, found: FoundOffers): string {
  const { words } = reader
  const content = html`<h1>${words('services.title')}</h1><p class="lead">${words('services.lead')}</p>
${offersList(found, words)}`
  return wholePage(
    frameOf(place, reader, { title: words('services.title'), at: LIST, section: 'services' }),
    content,
  )
}

export function offersList(found: FoundOffers, words: Words): Html {
  const [waiting, others] = [true, false].map((isOpen) =>
    found.offers.filter(({ offer }) => isWaiting(offer) === isOpen),
  )
  return html`${coverage(found, words)}
${found.offers.length === 0 ? nothingFound(found, words) : NOTHING}
${group(words('services.waiting.title'), 'waiting', waiting!, words)}
${group(words('services.others.title'), 'others', others!, words)}`
}

/** Who did not answer, or not so that it can be read, may offer something. */
function nothingFound({ answered, notTold, silent, cut }: FoundOffers, words: Words): Html {
  if (notTold.length + silent.length + cut.length === 0)
    return html`<p class="nothing-found">${words('services.none')}</p>`
  return answered > 0 ? html`<p class="nothing-found">${words('services.noneTold')}</p>` : NOTHING
}

function group(title: string, name: string, offers: readonly TheirOffer[], words: Words): Html {
  if (offers.length === 0) return NOTHING
  return html`<section aria-labelledby="${name}-title"><h2 id="${name}-title">${title}</h2>
<ul class="cards" role="list">${offers.map((one) => item(one, words))}</ul></section>`
}

function item({ system, offer }: TheirOffer, words: Words): Html {
  const said = (texts: Record<string, string>): Html => foreign(textIn(texts, words.language))
  const isOpen = isWaiting(offer)
  return html`<li class="card"><h3>${said(offer.title)}</h3>
<p class="why"><span class="label">${words('service.why')}</span> ${said(offer.why)}</p>
<p class="quiet">${foreign(system.owner)}. ${words(`service.state.${offer.state}`)} ${isOpen && offer.endsAt !== '' ? words('service.until', { at: words.moment(offer.endsAt) }) : NOTHING}</p>
<p class="row"><a class="button quiet-button small" href="${addressOf({ system, id: offer.id })}">${words(isOpen ? 'service.look' : 'service.see')}</a></p></li>`
}

function coverage({ answered, notTold, silent, cut }: FoundOffers, words: Words): Html {
  const missing = notTold.length + silent.length
  if (missing + cut.length === 0) return NOTHING
  return html`<div class="covered some">${ICONS.question}<div>
<p>${words.count('covered.answered', answered + missing, { answered })}${cut.length === 0 ? NOTHING : html` ${words('covered.gaps')}`}</p>
<ul class="open">${notTold.map(({ system, why }) => html`<li>${foreign(system.name)}: ${words(`why.${why}`)}</li>`)}${silent.map((one) => html`<li>${foreign(one.name)}: ${words('why.silent')}</li>`)}</ul>
</div></div>`
}
