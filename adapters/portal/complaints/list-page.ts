/** "My complaints": all of them with what they wait for, and which systems could not say. */
import { frameOf, type Place, type Reader, wholePage } from '../pages/frame.ts'
import { foreign, type Html, html, NOTHING } from '../pages/html.ts'
import { ICONS } from '../pages/icons.ts'
import type { Words } from '../texts.ts'
import { addressOf, LIST } from './addresses.ts'
import type { FoundComplaints } from './ask-complaints.ts'
import type { Complaint } from './complaint.ts'

export function complaintsPage(place: Place, reader: Reader, found: FoundComplaints): string {
  const { words } = reader
  const title = words('complaints.title')
  const content = html`<h1>${title}</h1><p class="lead">${words('complaints.lead')}</p>
${complaintsList(found, words)}
<p class="row tools-row"><button type="button" class="button quiet-button" data-print hidden>${ICONS.print}${words('tools.print')}</button></p>`
  return wholePage(frameOf(place, reader, { title, at: LIST, section: 'complaints' }), content)
}

export function complaintsList(found: FoundComplaints, words: Words): Html {
  const { complaints, told, notTold, silent, isAllAsked } = found
  const isCut = !isAllAsked || told.some((one) => one.isCut)
  const missing = [
    ...notTold,
    ...told.filter(({ dropped }) => dropped > 0).map(({ system }) => ({ system, why: 'unreadable' })),
    ...silent.map((system) => ({ system, why: 'silent' })),
  ]
  return html`${
    missing.length === 0
      ? NOTHING
      : html`<div class="covered some">${ICONS.question}<div><p>${words('complaints.missing')}</p><ul class="open">${missing.map(
          ({ system, why }) => html`<li>${foreign(system.name)}: ${words(`why.${why}`)}</li>`,
        )}</ul></div></div>`
  }
${complaints.length === 0 ? nothingFound(found, missing.length === 0 && found.isAllAsked, words) : NOTHING}
<ul class="cards" role="list">${complaints.map((one) => item(one, words))}</ul>
${isCut && complaints.length > 0 ? html`<p class="note">${words('covered.gaps')}</p>` : NOTHING}`
}

/** Who did not answer, or not so that it can be read, may have some. */
function nothingFound({ told }: FoundComplaints, isAll: boolean, words: Words): Html {
  if (isAll) return html`<p class="nothing-found">${words('complaints.none')}</p>`
  return told.some(({ dropped }) => dropped === 0)
    ? html`<p class="nothing-found">${words('complaints.noneTold')}</p>`
    : NOTHING
}

/** "Tax Agency asked about you at the Population register". */
export function useSentence({ client, service }: Complaint, words: Words): Html {
  return html`<strong>${foreign(client.owner)}</strong> <span>${words('use.given')}</span> <span class="from">${foreign(service.name)}</span>`
}

export function stateText({ state, finding, dueAt }: Complaint, words: Words): string {
  if (state === 'closed' && finding !== undefined) return words(`finding.${finding}`)
  const said = words(`complaint.${state}`)
  return state === 'received' || state === 'seen'
    ? `${said} ${words('complaint.due', { day: words.day(dueAt) })}`
    : said
}

function item(complaint: Complaint, words: Words): Html {
  const { number, usedAt } = complaint
  return html`<li class="card"><p class="sentence">${useSentence(complaint, words)}</p>
<p><span class="mark">${stateText(complaint, words)}</span></p>
<p class="quiet">${words.moment(usedAt)} · ${words('complaint.number')} <code>${number}</code></p>
<p class="row"><a class="button quiet-button small" href="${addressOf(complaint)}">${words('complaint.open')}</a></p></li>`
}
