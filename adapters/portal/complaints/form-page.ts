/**
 * "This looks wrong": the form of a complaint, with whom it goes to, what happens then, and what they are
 * told. It works without script.
 */
import { COMPLAINT_REASONS, COMPLAINT_TEXT } from '#schemas/find-usage.ts'
import type { System } from '../asking/find-systems.ts'
import { csrfField } from '../pages/form.ts'
import { frameOf, type Place, wholePage } from '../pages/frame.ts'
import { foreign, type Html, html, NOTHING } from '../pages/html.ts'
import type { Visit } from '../routing/section.ts'
import type { Words } from '../texts.ts'
import { LIST, WRONG } from './addresses.ts'

/** The use, as the list of uses leads here. `number` is that of the exchange, '' where there is none. */
export type Meant = { system: System; record: number; number: string }

/** What the person has written already, and what is wrong with it. */
export type Draft = {
  reason: string
  text: string
  wantsAnswer: boolean
  problem?: 'reason' | 'text' | 'long'
}

export const EMPTY: Draft = { reason: '', text: '', wantsAnswer: true }

export function formPage(
  place: Place,
  { words, ...reader }: Visit['reader'],
  meant: Meant,
  draft: Draft,
): string {
  const { system, number, record } = meant
  const { problem } = draft
  const title = words('wrong.title')
  const content = html`<article class="about"><h1>${title}</h1><p class="lead">${words('complain.lead')}</p>
<ul class="plain-points"><li>${words('complain.to')} <strong>${foreign(system.owner)}</strong></li><li>${words('complain.then')}</li><li>${words('complain.told')}</li><li>${words('complain.untold')}</li></ul>
${number === '' ? NOTHING : html`<p class="quiet">${words('proofs.number')} <code>${number}</code></p>`}
${problem === undefined ? NOTHING : html`<p class="note" role="alert" id="problem">${words(`complain.problem.${problem}`)}</p>`}
<form method="post" action="${LIST}" class="complaint">${csrfField(reader.session)}
<input type="hidden" name="system" value="${system.id}"><input type="hidden" name="record" value="${record}"><input type="hidden" name="number" value="${number}">
<fieldset class="choice"${problem === 'reason' ? html` aria-describedby="problem"` : NOTHING}><legend>${words('complain.reason')}</legend>
${COMPLAINT_REASONS.map((one) => choice(one, draft, words))}</fieldset>
<p><label for="text">${words('complain.text')}</label><textarea id="text" name="text" rows="6" maxlength="${COMPLAINT_TEXT}"${problem === 'text' || problem === 'long' ? html` aria-describedby="problem text-hint" aria-invalid="true"` : html` aria-describedby="text-hint"`}>
${lines(draft.text)}</textarea><span class="quiet" id="text-hint">${words('complain.textHint', { n: COMPLAINT_TEXT })}</span></p>
<p class="choice"><label><input type="checkbox" name="wantsAnswer" value="yes"${draft.wantsAnswer ? html` checked` : NOTHING}> ${words('complain.wantsAnswer')}</label></p>
<p class="row"><button type="submit" class="button">${words('complain.send')}</button> <a class="button quiet-button" href="/">${words('complain.cancel')}</a></p></form>
<h2>${words('complain.besides')}</h2><p>${words('wrong.authority')}</p></article>`
  const query = { system: system.id, record: String(record), number }
  const at = `${WRONG}?${new URLSearchParams(query)}`
  return wholePage(frameOf(place, { words, ...reader }, { title, at, section: 'uses' }), content)
}

function choice(reason: (typeof COMPLAINT_REASONS)[number], draft: Draft, words: Words): Html {
  const checked = draft.reason === reason ? html` checked` : NOTHING
  return html`<label><input type="radio" name="reason" value="${reason}"${checked}> ${words(`reason.is-${reason}`)}</label>`
}

/** Line by line: what is no sign on paper is not passed on. */
function lines(text: string): Html {
  return html`${text.split('\n').map((line, at) => html`${at === 0 ? NOTHING : { markup: '\n' }}${line}`)}`
}
