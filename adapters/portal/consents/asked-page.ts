/** What an office asks the person to agree to, and what came of their answer. Yes and no stand beside each other, and look the same. */
import type { ConsentKind } from '#schemas/consents.ts'
import { csrfField } from '../pages/form.ts'
import { frameOf, type Place, type Reader, wholePage } from '../pages/frame.ts'
import { foreign, type Html, html, NOTHING } from '../pages/html.ts'
import type { Visit } from '../routing/section.ts'
import type { Words } from '../texts.ts'
import type { Asked } from './consent.ts'
import { hashOf, termList, termsOf } from './terms.ts'

/** `at` is the one-time url. */
export function askedPage(
  place: Place,
  reader: Visit['reader'],
  { asked, at, hasWallet }: { asked: Asked; at: string; hasWallet: boolean },
): string {
  const { words, session } = reader
  const { client, demand } = asked
  const terms = termsOf(asked, words)
  const needsWallet = demand.rule.proof === 'wallet'
  const canAgree = !needsWallet || hasWallet
  const button = (answer: string, text: string): Html =>
    html`<button type="submit" name="answer" value="${answer}" class="button quiet-button">${words(text)}</button>`
  const yes = needsWallet
    ? [button('same-device', 'agree.here'), button('cross-device', 'agree.elsewhere')]
    : [button('yes', 'asked.agree')]
  const content = html`<article class="about"><h1>${words('asked.title')}</h1>
<p class="lead"><strong>${foreign(client.owner)}</strong> ${words('asked.wants')} <strong>${foreign(demand.provider.name)}</strong></p>
<div class="card">${termList(terms)}</div>
<h2>${words('asked.no.title')}</h2><p>${words('asked.no')}</p>
<h2>${words('asked.yes.title')}</h2><p>${words('asked.yes')}</p>
<form method="post" action="${at}" class="decide">${csrfField(session)}
<input type="hidden" name="demand" value="${demand.digest}"><input type="hidden" name="language" value="${words.language}">
<input type="hidden" name="text" value="${hashOf(terms)}">
${canAgree ? kinds(demand.rule.kinds, words) : NOTHING}
${needsWallet ? html`<p class="note">${words(hasWallet ? 'agree.lead' : 'asked.wallet')}</p>` : NOTHING}
<p class="row">${canAgree ? yes : NOTHING} ${button('no', 'asked.decline')}</p></form>
<p class="quiet">${words('asked.until', { at: words.moment(asked.validUntil) })}</p></article>`
  return wholePage(frameOf(place, reader, { title: words('asked.title'), at, section: 'consents' }), content)
}

/** The narrower one is chosen until the person chooses otherwise. */
function kinds(allowed: readonly ConsentKind[], words: Words) {
  if (allowed.length === 1) return html`<input type="hidden" name="kind" value="${allowed[0]}">`
  return html`<fieldset class="choice"><legend>${words('asked.kind')}</legend>${allowed.map(
    (kind, at) =>
      html`<label><input type="radio" name="kind" value="${kind}"${at === 0 ? html` checked` : NOTHING}> ${words(`kind.${kind}`)}</label>`,
  )}</fieldset>`
}

/** The way back is a link that the person sees: where it leads was said by the office, in a request that it signed. */
export function answeredPage(
  place: Place,
  reader: Reader,
  { asked, answer, consent }: { asked: Asked; answer: 'GIVEN' | 'DECLINED'; consent?: string },
): string {
  const { words } = reader
  const back = new URL(asked.returnUrl)
  back.searchParams.set('request', asked.request)
  back.searchParams.set('state', answer)
  const title = words(`answered.${answer}.title`)
  const content = html`<div class="message"><h1>${title}</h1>
<p class="lead">${words(`answered.${answer}`, { client: asked.client.owner })}</p>
<p class="row"><a class="button" href="${back.href}" rel="noreferrer">${words('answered.back')}</a>
${consent === undefined ? NOTHING : html`<a class="button quiet-button" href="${consent}">${words('answered.look')}</a>`}</p>
<p class="quiet">${words('answered.host')} <bdi>${back.host}</bdi></p></div>`
  return wholePage(frameOf(place, reader, { title, at: '/consents', section: 'consents' }), content)
}
