/** One complaint: its number, its course, what was written, and ways to add to it or to take it back. */
import { COMPLAINT_TEXT } from '#schemas/find-usage.ts'
import { csrfField } from '../pages/form.ts'
import { frameOf, type Place, wholePage } from '../pages/frame.ts'
import { foreign, type Html, html, NOTHING } from '../pages/html.ts'
import type { Visit } from '../routing/section.ts'
import type { Words } from '../texts.ts'
import { addressOf, LIST, REPLY, WITHDRAW } from './addresses.ts'
import type { Complaint } from './complaint.ts'
import { stateText, useSentence } from './list-page.ts'

/** `isSent`: it was sent just now. */
export function complaintPage(
  place: Place,
  reader: Visit['reader'],
  complaint: Complaint,
  { isSent, problem }: { isSent: boolean; problem?: 'text' | 'long' },
): string {
  const { words, session } = reader
  const { number, told, state } = complaint
  const title = words('complaint.title')
  const hidden = html`${csrfField(session)}<input type="hidden" name="system" value="${told.id}"><input type="hidden" name="number" value="${number}">`
  const content = html`<article class="about"><h1>${title} <code>${number}</code></h1>
${isSent ? html`<p class="note" role="status">${words('complaint.sent')}</p>` : NOTHING}
<p class="lead sentence">${useSentence(complaint, words)}</p>
<p><span class="mark">${stateText(complaint, words)}</span></p>
${course(complaint, words)}
<h2>${words('complaint.written')}</h2><p>${words(`reason.is-${complaint.reason}`)}</p>
<ol class="plain-list written">${complaint.texts.map((one) => written(one, complaint, words))}</ol>
${
  state === 'closed'
    ? html`<p>${words('complaint.again')}</p>`
    : html`${problem === undefined ? NOTHING : html`<p class="note" role="alert" id="problem">${words(`complain.problem.${problem}`)}</p>`}
<form method="post" action="${REPLY}" class="complaint">${hidden}
<p><label for="text">${words('complaint.add')}</label><textarea id="text" name="text" rows="4" maxlength="${COMPLAINT_TEXT}"${problem === undefined ? NOTHING : html` aria-describedby="problem" aria-invalid="true"`}></textarea></p>
<p class="row"><button type="submit" class="button">${words('complaint.reply')}</button></p></form>
<form method="post" action="${WITHDRAW}" class="row">${hidden}<button type="submit" class="button quiet-button">${words('complaint.withdraw')}</button></form>`
}
<p class="go"><a href="${LIST}">${words('complaints.back')}</a></p></article>`
  return wholePage(
    frameOf(place, reader, { title, at: addressOf(complaint), section: 'complaints' }),
    content,
  )
}

function course({ receivedAt, seenAt, answeredAt, closedAt, dueAt, told }: Complaint, words: Words): Html {
  const steps = [
    ['received', receivedAt],
    ['seen', seenAt],
    ['answered', answeredAt],
    ['closed', closedAt],
  ] as const
  return html`<dl><div><dt>${words('complaint.keeper')}</dt><dd>${foreign(told.owner)}</dd></div>
${steps.map(([name, at]) => html`<div><dt>${words(`course.${name}`)}</dt><dd>${at === undefined ? words('course.notYet') : html`<time datetime="${at}">${words.moment(at)}</time>`}</dd></div>`)}
<div><dt>${words('course.due')}</dt><dd>${words.day(dueAt)}</dd></div></dl>`
}

function written(
  { by, at, text, isLost }: Complaint['texts'][number],
  { told }: Complaint,
  words: Words,
): Html {
  const who = by === 'person' ? html`${words('complaint.you')}` : foreign(told.owner)
  const said = isLost
    ? html`<p>${words('complaint.lost')}</p>`
    : html`${text.split('\n').map((line) => html`<p>${foreign(line)}</p>`)}`
  return html`<li class="card"><p class="quiet">${who}, <time datetime="${at}">${words.moment(at)}</time></p>${said}</li>`
}
