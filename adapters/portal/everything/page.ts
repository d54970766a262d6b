/** All that the sections show of a person, on one page for paper: a browser prints it, or keeps it as PDF. */
import { complaintsList } from '../complaints/list-page.ts'
import { consentsList } from '../consents/list-page.ts'
import { keptMandates } from '../mandates/pages.ts'
import { noticesList } from '../notices/list-page.ts'
import { frameOf, type Place, type Reader } from '../pages/frame.ts'
import { foreign, type Html, html } from '../pages/html.ts'
import { ICONS } from '../pages/icons.ts'
import { allUses } from '../pages/uses.ts'
import { previewsList } from '../previews/pages.ts'
import { offersList } from '../services/list-page.ts'
import type { Everything } from './shape.ts'

/** In pieces, as a long list is never one text in memory. */
export async function* everythingPage(
  place: Place,
  reader: Reader,
  { all, now }: { all: Everything; now: number },
): AsyncGenerator<string> {
  const { words, session } = reader
  const frame = frameOf(place, reader, {
    title: words('everything.title'),
    at: '/everything',
    section: 'uses',
  })
  const { code, name, acting } = all.about
  const of = acting ?? { code, name }
  yield frame.head.markup
  yield html`<h1>${words('everything.title')}</h1>
<p class="lead">${foreign(of.name)} <code>${of.code}</code>, ${words.moment(new Date(now).toISOString())}</p>
<p class="note tools-row">${words('everything.lead')}</p>
<p class="row tools-row"><button type="button" class="button quiet-button" data-print hidden>${ICONS.print}${words('tools.print')}</button>
<a class="button quiet-button" href="/everything.json" download>${ICONS.file}${words('tools.save')}</a></p>
<h2 class="part">${words('menu.uses')}</h2>`.markup
  for (const piece of allUses(all.gathered, reader)) {
    if (session?.ended.aborted === true) return
    yield piece.markup
  }
  for (const [title, content] of partsOf(all, now, reader))
    if (content !== undefined) yield html`<h2 class="part">${title}</h2>${content}`.markup
  yield frame.tail.markup
}

function partsOf(all: Everything, now: number, reader: Reader): [title: string, content: Html | undefined][] {
  const { words } = reader
  const { complaints, consents, previews, offers, mandates, notices } = all
  const { acting } = all.about
  return [
    [words('complaints.title'), complaintsList(complaints, words)],
    [words('consents.title'), consents && consentsList(consents, now, words)],
    [words('previews.title'), previews && previewsList(previews, words)],
    [words('services.title'), offers && offersList(offers.found, words)],
    [
      acting === undefined ? words('mandates.title') : words('mandates.of', { name: acting.name }),
      mandates && keptMandates(mandates, now, reader),
    ],
    [words('notices.yours'), notices === undefined ? undefined : noticesList(notices, words)],
  ]
}
