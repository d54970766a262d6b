/**
 * "What waits for you", above the list of uses: each with the way to its page. That nothing waits is said
 * only where everybody said so.
 */
import type { Session } from '../login/sessions.ts'
import type { Reader } from '../pages/frame.ts'
import { type Html, html, NOTHING } from '../pages/html.ts'
import type { Waiting } from './ask-waiting.ts'

export function waitingBlock(
  found: readonly Waiting[],
  { words, session: { acting } }: Pick<Reader, 'words'> & { session: Pick<Session, 'acting'> },
): Html {
  const waiting = found.filter(({ count }) => count > 0)
  const open = found.filter(({ isAll }) => !isAll)
  const title = acting === undefined ? words('waits.title') : words('waits.of', { name: acting.name })
  const nothing = waiting.length + open.length === 0 ? html`<p>${words('waits.none')}</p>` : NOTHING
  const items = html`<ul role="list">${waiting.map(
    ({ name, href, count }) => html`<li><a href="${href}">${words.count(`waits.${name}`, count)}</a></li>`,
  )}</ul>`
  const unsaid = html`<p class="quiet">${words('waits.open')} ${open.map(
    ({ name, href }, at) => html`${at === 0 ? NOTHING : ', '}<a href="${href}">${words(`menu.${name}`)}</a>`,
  )}</p>`
  return html`<section class="card waits" aria-labelledby="waits-title"><h2 id="waits-title">${title}</h2>
${waiting.length === 0 ? nothing : items}${open.length === 0 ? NOTHING : unsaid}</section>`
}
