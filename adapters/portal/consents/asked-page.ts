/**
 * What a person can agree to, asked by an office or not, and what came of their answer. Yes and no stand
 * beside each other, and look the same.
 */
import type { ConsentKind } from '#schemas/consents.ts'
import { dayOf } from '../asking/chosen-days.ts'
import type { Party } from '../joining/row.ts'
import { csrfField } from '../pages/form.ts'
import { frameOf, type Place, type Reader, wholePage } from '../pages/frame.ts'
import { foreign, type Html, html, NOTHING } from '../pages/html.ts'
import type { Rooms, Visit } from '../routing/section.ts'
import type { Words } from '../texts.ts'
import { POSSIBLE } from './addresses.ts'
import { askingFor } from './ask-wallet.ts'
import { latestEnd } from './chosen-end.ts'
import type { AnswerContext, AskedContext, Demand, Offered } from './consent.ts'
import { hashOf, termList, termsOf } from './terms.ts'

/** `until`: when the office's request ends; absent where none asked, and the person gives it by themself. */
export function askedPage(
  rooms: Pick<Rooms, 'place' | 'clock' | 'wallet' | 'settings'>,
  reader: Visit['reader'],
  { offered, until, context }: { offered: Offered; until?: string; context: AnswerContext },
): string {
  const { words, session } = reader
  const { client, demand } = offered
  const of = until === undefined ? 'unasked' : 'asked'
  const terms = termsOf(offered, words)
  const needsWallet = demand.rule.proof === 'wallet'
  const asking = needsWallet ? askingFor(demand.rule, session, rooms) : undefined
  const cannot = asking !== undefined && 'cannot' in asking ? asking.cannot : undefined
  const canAgree = cannot === undefined
  const isAttested = demand.rule.attributes !== undefined
  const button = (answer: string, text: string): Html =>
    html`<button type="submit" name="answer" value="${answer}" class="button quiet-button">${words(text)}</button>`
  const yes = needsWallet
    ? [button('same-device', 'agree.here'), button('cross-device', 'agree.elsewhere')]
    : [button('yes', 'asked.agree')]
  const no =
    until === undefined
      ? html`<a class="button quiet-button" href="${POSSIBLE}">${words('unasked.leave')}</a>`
      : button('no', 'asked.decline')
  const content = html`<article class="about"><h1>${words(`${of}.title`)}</h1>
<p class="lead"><strong>${foreign(client.owner)}</strong> ${words(`${of}.wants`)} <strong>${foreign(demand.provider.name)}</strong></p>
<div class="card">${termList(terms)}</div>
<h2>${words(`${of}.no.title`)}</h2><p>${words(`${of}.no`)}</p>
<h2>${words('asked.yes.title')}</h2><p>${words('asked.yes')}</p>
<form method="post" action="${context.href}" class="decide">${csrfField(session)}
<input type="hidden" name="demand" value="${demand.digest}"><input type="hidden" name="language" value="${words.language}">
<input type="hidden" name="text" value="${hashOf(terms)}">
${canAgree ? kinds(demand.rule.kinds, words) : NOTHING}
${canAgree ? chosenEnd(demand, reader, rooms) : NOTHING}
${needsWallet ? html`<p class="note">${words(cannot ?? (isAttested ? 'agree.leadAttested' : 'agree.lead'))}</p>` : NOTHING}
${canAgree && isAttested ? html`<p class="quiet">${words('agree.attestedGoes')}</p>` : NOTHING}
<p class="row">${canAgree ? yes : NOTHING} ${no}</p></form>
${until === undefined ? NOTHING : html`<p class="quiet">${words('asked.until', { at: words.moment(until) })}</p>`}</article>`
  const frame = { title: words(`${of}.title`), at: context.href, section: 'consents' }
  return wholePage(frameOf(rooms.place, reader, frame), content)
}

/** A day of the person's own choice; none: the latest. */
function chosenEnd(
  demand: Demand,
  { session, words }: Visit['reader'],
  rooms: Pick<Rooms, 'place' | 'clock'>,
): Html {
  const day = (at: number): string => dayOf(new Date(at).toISOString(), rooms.place.timeZone)
  const latest = latestEnd(demand, session.acting?.until, rooms)
  return html`<p class="field"><label for="until">${words('until.label')}</label>
<input type="date" id="until" name="until" min="${day(rooms.clock())}" max="${day(latest)}" aria-describedby="until-hint">
<span class="quiet" id="until-hint">${words('until.hint', { at: words.moment(new Date(latest).toISOString()) })}</span></p>`
}

/** The narrower one is chosen until the person chooses otherwise. */
function kinds(allowed: readonly ConsentKind[], words: Words) {
  if (allowed.length === 1) return html`<input type="hidden" name="kind" value="${allowed[0]}">`
  return html`<fieldset class="choice"><legend>${words('asked.kind')}</legend>${allowed.map(
    (kind, at) =>
      html`<label><input type="radio" name="kind" value="${kind}"${at === 0 ? html` checked` : NOTHING}> ${words(`kind.${kind}`)}</label>`,
  )}</fieldset>`
}

/**
 * The way back is a link that the person sees: where it leads was said by the office, in a request that it
 * signed.
 */
export function answeredPage(
  place: Place,
  reader: Reader,
  q: { client: Party; request: AskedContext['request']; answer: 'GIVEN' | 'DECLINED'; consent?: string },
): string {
  const { words } = reader
  const { request, answer, consent } = q
  const back = new URL(request.returnUrl)
  back.searchParams.set('request', request.request)
  back.searchParams.set('state', answer)
  const title = words(`answered.${answer}.title`)
  const content = html`<div class="message"><h1>${title}</h1>
<p class="lead">${words(`answered.${answer}`, { client: q.client.owner })}</p>
<p class="row"><a class="button" href="${back.href}" rel="noreferrer">${words('answered.back')}</a>
${consent === undefined ? NOTHING : html`<a class="button quiet-button" href="${consent}">${words('answered.look')}</a>`}</p>
<p class="quiet">${words('answered.host')} <bdi>${back.host}</bdi></p></div>`
  return wholePage(frameOf(place, reader, { title, at: '/consents', section: 'consents' }), content)
}
