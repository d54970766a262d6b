/** Where the code of a letter is typed: by whoever has it, or by a clerk to whom it is brought. */
import type { System } from '../asking/find-systems.ts'
import { frameOf, hrefFor, type Place, type Reader, wholePage } from '../pages/frame.ts'
import { foreign, type Html, html, NOTHING } from '../pages/html.ts'

export const LETTER = '/letter'

export function letterPage(
  place: Place,
  reader: Reader,
  q: {
    systems: readonly System[]
    /** Where the form goes, and what it has besides. */
    action: string
    hidden: Html
    isCounter: boolean
    problem?: string
    /** What was typed, save the person. */
    written?: URLSearchParams
  },
): string {
  const { words } = reader
  const { systems, written } = q
  const title = words('letter.title')
  const chosen = written?.get('system')
  const from = ({ id, name, owner }: System): Html =>
    html`<option value="${id}"${id === chosen ? html` selected` : NOTHING}>${owner}: ${name}</option>`
  const content = html`<article class="about"><h1>${title}</h1>
<p class="lead">${words(q.isCounter ? 'letter.counter' : 'letter.lead')}</p>
${q.problem === undefined ? NOTHING : html`<p class="note" role="alert">${q.problem}</p>`}
${
  systems.length === 0
    ? html`<p class="note">${words('letter.nobody')}</p>`
    : html`<form method="post" action="${q.action}">${q.hidden}
${
  systems.length === 1
    ? html`<input type="hidden" name="system" value="${systems[0]!.id}"><p>${words('letter.from')}: ${foreign(systems[0]!.owner)}</p>`
    : html`<div class="field"><label for="letter-from">${words('letter.from')}</label><select id="letter-from" name="system">${systems.map(from)}</select></div>`
}
<div class="field"><label for="letter-code">${words('letter.code')}</label>
<input id="letter-code" name="code" type="text" required maxlength="40" autocomplete="off" autocapitalize="characters" spellcheck="false" aria-describedby="letter-code-about" value="${written?.get('code') ?? ''}">
<p id="letter-code-about" class="quiet">${words('letter.codeAbout')}</p></div>
${
  q.isCounter
    ? NOTHING
    : html`<div class="field"><label for="letter-person">${words('letter.person')}</label>
<input id="letter-person" name="person" type="text" required maxlength="64" autocomplete="off" spellcheck="false" aria-describedby="letter-person-about">
<p id="letter-person-about" class="quiet">${words('letter.personAbout')}</p></div>`
}
<p class="row"><button type="submit" class="button">${words('letter.open')}</button></p></form>`
}
${q.isCounter ? NOTHING : html`<p>${words('letter.notShown')}</p>`}
<p class="go"><a href="${hrefFor('/', reader)}">${words('letter.first')}</a></p></article>`
  return wholePage(frameOf(place, reader, { title, at: LETTER, section: 'letters' }), content)
}
