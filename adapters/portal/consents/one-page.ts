/**
 * One consent: what it allows, each use of it with its place in the timeline, and the ways to keep it or to
 * take it back.
 */
import { dayOf } from '../asking/chosen-days.ts'
import { csrfField } from '../pages/form.ts'
import { frameOf, type Place, type Reader, wholePage } from '../pages/frame.ts'
import { foreign, type Html, html, NOTHING } from '../pages/html.ts'
import { ICONS } from '../pages/icons.ts'
import { useAnchor } from '../pages/use.ts'
import type { Visit } from '../routing/section.ts'
import type { Words } from '../texts.ts'
import { addressOf, LIST, ONE, PAPER, PROOF, RECEIPT, WITHDRAW } from './addresses.ts'
import { checkedPart } from './checked.ts'
import type { Consent, ConsentUse } from './consent.ts'
import { consentSentence, groupOf } from './list-page.ts'
import { termList, termsOf } from './terms.ts'

/** `uses` is undefined where the system did not tell them; `isMore`: it has more than it told. */
export type UsesOf = { uses: ConsentUse[] | undefined; isMore: boolean }

export function consentPage(
  place: Place,
  reader: Reader,
  q: { consent: Consent; uses: UsesOf; now: number },
): string {
  const { words } = reader
  const { consent } = q
  const name = groupOf(consent, q.now)
  const content = html`<article class="about"><h1>${words('consent.title')}</h1>
<p class="lead sentence">${consentSentence(consent, name, words)}</p>
${note(consent, name, words)}
<div class="card">${termList(
    termsOf({ ...consent, until: consent.validUntil }, words),
  )}<p class="quiet">${words('consent.given', { at: words.moment(consent.givenAt) })} ${consent.demand.rule.proof === 'wallet' ? words('consent.byWallet') : NOTHING} ${byOther(consent, words)}</p></div>
<p class="row">${name === 'active' ? html`<a class="button" href="${addressOf(WITHDRAW, consent)}">${words('consent.withdraw')}</a>` : NOTHING}
<a class="button quiet-button" href="${addressOf(PAPER, consent)}">${words('consent.paper')}</a>
<a class="button quiet-button" href="${addressOf(RECEIPT, consent)}" download>${ICONS.file}${words('consent.receipt')}</a>
${consent.demand.rule.proof === 'wallet' ? html`<a class="button quiet-button" href="${addressOf(PROOF, consent)}" download>${ICONS.file}${words('consent.proof')}</a>` : NOTHING}
<button type="button" class="button quiet-button" data-print hidden>${ICONS.print}${words('tools.print')}</button></p>
${checkedPart(consent, words)}
${usesOf(consent, q.uses, place, words)}
<p class="go"><a href="${LIST}">${words('consents.back')}</a></p></article>`
  const at = addressOf(ONE, consent)
  return wholePage(
    frameOf(place, reader, { title: words('consent.title'), at, section: 'consents' }),
    content,
  )
}

function note(consent: Consent, name: ReturnType<typeof groupOf>, words: Words): Html {
  const { told, withdrawnAt } = consent
  if (name === 'active') return NOTHING
  if (name === 'ended') return html`<p class="note">${words('consent.over')}</p>`
  const fill = { at: words.moment(withdrawnAt ?? consent.validUntil), system: told.name }
  const of = consent.withdrawnByRepresentative ? 'consent.confirmedFor' : 'consent.confirmed'
  return html`<p class="note" role="status">${words(of, fill)} ${words('consent.within')}</p>`
}

/** Who gave it for the person, and who confirmed that they may. */
function byOther({ byRepresentative, mandateBy }: Consent, words: Words): Html | string {
  if (!byRepresentative) return NOTHING
  return mandateBy === undefined
    ? words('consent.byRepresentative')
    : words('consent.byMandate', { service: mandateBy })
}

function usesOf(consent: Consent, { uses, isMore }: UsesOf, { timeZone }: Place, words: Words): Html {
  const link = ({ time, messageId }: ConsentUse): Html => {
    if (messageId === '') return html`<span class="at">${words.moment(time)}</span>`
    const day = dayOf(time, timeZone)
    return html`<a class="at" href="/?${new URLSearchParams({ from: day, until: day }).toString()}#${useAnchor(messageId)}">${words.moment(time)}</a>`
  }
  return html`<h2>${words('consent.uses.title')}</h2>
${
  uses === undefined
    ? html`<p>${words('consent.uses.failed')}</p>`
    : uses.length === 0
      ? html`<p>${words('consent.unused')}</p>`
      : html`<p>${words('consent.uses.lead')}</p><ol class="plain-list">${uses.map((one) => html`<li>${link(one)}<span class="quiet">${foreign(one.service.name)}</span></li>`)}</ol>`
}
${isMore ? html`<p class="quiet">${words.count('consent.uses.more', consent.uses.count)}</p>` : NOTHING}`
}

/** What taking it back means, before it is done. */
export function withdrawPage(place: Place, reader: Visit['reader'], consent: Consent): string {
  const { words, session } = reader
  const { client, demand } = consent
  const kept = termsOf(consent, words).find(({ label }) => label === words('term.kept'))?.text ?? ''
  const content = html`<article class="about"><h1>${words('withdraw.title')}</h1>
<p class="lead sentence">${consentSentence(consent, 'active', words)}</p>
<ul class="plain-points"><li>${words('withdraw.after', { system: demand.provider.name })}</li><li>${words('withdraw.before', { client: client.owner, kept })}</li><li>${words('withdraw.again')}</li></ul>
<form method="post" action="${WITHDRAW}" class="row">${csrfField(session)}
<input type="hidden" name="system" value="${consent.told.id}"><input type="hidden" name="number" value="${consent.number}">${
    consent.server === undefined
      ? NOTHING
      : html`<input type="hidden" name="server" value="${consent.server}">`
  }
<button type="submit" class="button">${words('withdraw.do')}</button>
<a class="button quiet-button" href="${addressOf(ONE, consent)}">${words('withdraw.keep')}</a></form></article>`
  const at = addressOf(WITHDRAW, consent)
  return wholePage(
    frameOf(place, reader, { title: words('withdraw.title'), at, section: 'consents' }),
    content,
  )
}
