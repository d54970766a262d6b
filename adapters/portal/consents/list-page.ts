/** All consents of a person: those in force first, and which systems were asked for them. */
import { frameOf, type Place, type Reader, wholePage } from '../pages/frame.ts'
import { foreign, type Html, html, NOTHING } from '../pages/html.ts'
import { ICONS } from '../pages/icons.ts'
import type { Words } from '../texts.ts'
import { addressOf, LIST, ONE, POSSIBLE } from './addresses.ts'
import type { FoundConsents } from './ask-consents.ts'
import type { Consent } from './consent.ts'

const GROUPS = ['active', 'ended', 'withdrawn'] as const
type GroupName = (typeof GROUPS)[number]

export function consentsPage(
  place: Place,
  reader: Reader,
  { found, now }: { found: FoundConsents; now: number },
): string {
  const { words } = reader
  const content = html`<h1>${words('consents.title')}</h1><p class="lead">${words('consents.lead')}</p>
${consentsList(found, now, words)}
<p class="go"><a href="${POSSIBLE}">${words('possible.link')}</a></p>
<p class="row tools-row"><a class="button quiet-button" href="/everything.json" download>${ICONS.file}${words('tools.save')}</a>
<button type="button" class="button quiet-button" data-print hidden>${ICONS.print}${words('tools.print')}</button></p>`
  return wholePage(
    frameOf(place, reader, { title: words('consents.title'), at: LIST, section: 'consents' }),
    content,
  )
}

export function consentsList(found: FoundConsents, now: number, words: Words): Html {
  const { consents } = found
  const groups = Map.groupBy(consents, (one) => groupOf(one, now))
  return html`${coverage(found, words)}
${consents.length === 0 ? nothingFound(found, words) : NOTHING}
${GROUPS.map((name) => group(name, groups.get(name) ?? [], words))}`
}

/** Who did not answer, or not all of it, may have one. */
function nothingFound(found: FoundConsents, words: Words): Html {
  if (isWhole(found)) return html`<p class="nothing-found">${words('consents.none')}</p>`
  return found.told.length > 0 ? html`<p class="nothing-found">${words('consents.noneTold')}</p>` : NOTHING
}

function isWhole({ told, notTold, silent }: FoundConsents): boolean {
  return notTold.length + silent.length === 0 && told.every(({ isCut, dropped }) => !isCut && dropped === 0)
}

/** One whose time is over has ended, also where its system has not noticed yet. */
export function groupOf(
  { state, validUntil }: Pick<Consent, 'state' | 'validUntil'>,
  now: number,
): GroupName {
  if (state === 'WITHDRAWN') return 'withdrawn'
  return state === 'ACTIVE' && Date.parse(validUntil) > now ? 'active' : 'ended'
}

/** "Tax Agency may ask about you at the Population register". */
export function consentSentence({ client, demand }: Consent, name: GroupName, words: Words): Html {
  return html`<strong>${foreign(client.owner)}</strong> <span>${words(name === 'active' ? 'consent.may' : 'consent.might')}</span> <span class="from">${foreign(demand.provider.name)}</span>`
}

function group(name: GroupName, consents: readonly Consent[], words: Words): Html {
  if (consents.length === 0) return NOTHING
  return html`<section class="consents ${name}" aria-labelledby="${name}-title"><h2 id="${name}-title">${words(`consents.${name}.title`)}</h2>
<ul class="cards" role="list">${consents.map((one) => item(one, name, words))}</ul></section>`
}

function item(consent: Consent, name: GroupName, words: Words): Html {
  const { demand, validUntil, withdrawnAt, uses } = consent
  const ends =
    name === 'active'
      ? words('consent.until', { at: words.moment(validUntil) })
      : name === 'ended'
        ? words(consent.state === 'USED_UP' ? 'consent.usedUp' : 'consent.ended', {
            at: words.moment(validUntil),
          })
        : words('consent.withdrawn', { at: words.moment(withdrawnAt ?? validUntil) })
  return html`<li class="card consent"><p class="sentence">${consentSentence(consent, name, words)}</p>
<p class="why"><span class="label">${words('use.why')}</span> ${foreign(demand.purpose)}</p>
<p class="quiet">${ends} ${uses.count === 0 ? words('consent.unused') : words.count('consent.used', uses.count)}</p>
<p class="row"><a class="button quiet-button small" href="${addressOf(ONE, consent)}">${words(name === 'active' ? 'consent.open' : 'consent.look')}</a></p></li>`
}

function coverage(found: FoundConsents, words: Words): Html {
  const { told, notTold, silent } = found
  const missing = notTold.length + silent.length
  const hasGaps = told.some(({ isCut, dropped }) => isCut || dropped > 0)
  const isAll = isWhole(found)
  return html`<div class="covered ${isAll ? 'all' : 'some'}">${ICONS[isAll ? 'yes' : 'question']}<div>
<p>${words.count('covered.answered', told.length + missing, { answered: told.length })}
${hasGaps ? words('covered.gaps') : NOTHING}</p>
${missing === 0 ? NOTHING : html`<ul class="open">${notTold.map(({ system, why }) => html`<li>${foreign(system.name)}: ${words(`why.${why}`)}</li>`)}${silent.map((one) => html`<li>${foreign(one.name)}: ${words('why.silent')}</li>`)}</ul>`}
</div></div>`
}
