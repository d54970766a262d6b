/** A receipt to read and to print: all that was agreed to, and by which numbers anybody finds it again. */
import { frameOf, type Reader, wholePage } from '../pages/frame.ts'
import { type Html, html, NOTHING } from '../pages/html.ts'
import { ICONS } from '../pages/icons.ts'
import type { Rooms } from '../routing/section.ts'
import { addressOf, ONE, PAPER } from './addresses.ts'
import { checkedPart } from './checked.ts'
import type { Consent } from './consent.ts'
import { consentSentence, groupOf } from './list-page.ts'
import { termList, termsOf } from './terms.ts'

export function paperPage(
  { place, clock }: Pick<Rooms, 'place' | 'clock'>,
  reader: Reader,
  consent: Consent,
): string {
  const { words } = reader
  const { number, server, record, digest, textHash, told, demand, byRepresentative, mandateBy } = consent
  const name = groupOf(consent, clock())
  const row = (label: string, value: Html | string): Html =>
    html`<div><dt>${words(`paper.${label}`)}</dt><dd>${value}</dd></div>`
  const code = (text: string): Html => html`<code class="breaks"><bdi>${text}</bdi></code>`
  const withdrawn = consent.withdrawnAt === undefined ? '' : ` (${words.moment(consent.withdrawnAt)})`
  const content = html`<article class="about paper"><h1>${words('paper.title')}</h1>
<p class="lead sentence">${consentSentence(consent, name, words)}</p>
<div class="card">${termList(termsOf({ ...consent, until: consent.validUntil }, words))}</div>
<div class="card"><dl>
${row('number', code(number))}
${row('given', words.moment(consent.givenAt))}
${row('until', words.moment(consent.validUntil))}
${row('state', `${words(`consents.${name}.title`)}${withdrawn}`)}
${byRepresentative ? html`<div><dt>${words('consent.byRepresentative')}</dt><dd>${mandateBy ?? NOTHING}</dd></div>` : NOTHING}
${row('proof', words(`paper.proof.${demand.rule.proof}`))}
${server === undefined ? NOTHING : row('keptAt', code(server))}
${row('record', `${record}`)}
${row('digest', code(digest))}
${row('text', code(textHash))}
</dl></div>
${checkedPart(consent, words)}
<p class="quiet">${words('paper.made', { system: told.name, at: words.moment(new Date(clock()).toISOString()) })}</p>
<p class="row"><button type="button" class="button" data-print hidden>${ICONS.print}${words('tools.print')}</button>
<a class="button quiet-button" href="${addressOf(ONE, consent)}">${words('paper.back')}</a></p></article>`
  const frame = { title: words('paper.title'), at: addressOf(PAPER, consent), section: 'consents' }
  return wholePage(frameOf(place, reader, frame), content)
}
