/** The page of whoever is not signed in: what this is, and the way in. */
import { frameOf, hrefFor, type Place, type Reader, wholePage } from './frame.ts'
import { html, NOTHING } from './html.ts'
import { ICONS } from './icons.ts'

export function welcomePage(place: Place, reader: Reader): string {
  const { words } = reader
  const points = [
    [ICONS.eye, 'welcome.who'],
    [ICONS.both, 'welcome.proof'],
    [ICONS.nothing, 'welcome.nothing'],
  ] as const
  const content = html`<div class="welcome">
<h1>${words('welcome.title')}</h1>
<p class="lead">${words('welcome.lead')}</p>
<p class="go"><a class="button" href="${hrefFor('/login', reader)}">${words('welcome.signIn')}</a>${place.hasWallets ? html` <a class="button quiet-button" href="${hrefFor('/login/wallet', reader)}">${words('welcome.wallet')}</a>` : NOTHING}${place.hasPasskeys ? html` <a class="button quiet-button" href="${hrefFor('/login/passkey', reader)}">${words('welcome.passkey')}</a>` : NOTHING}</p>
${place.hasLetters ? html`<p><a href="${hrefFor('/letter', reader)}">${words('welcome.letter')}</a></p>` : NOTHING}
<ul class="points">${points.map(([icon, key]) => html`<li>${icon}<div><h2>${words(`${key}.title`)}</h2><p>${words(key)}</p></div></li>`)}</ul>
</div>`
  return wholePage(frameOf(place, reader, { title: words('welcome.title'), at: '/' }), content)
}

/**
 * The end of a session, by whatever it came: what is gone, and what another computer's user should still do.
 */
export function endedPage(place: Place, reader: Reader): string {
  const { words } = reader
  const content = html`<div class="message"><h1>${words('ended.title')}</h1><p class="lead" role="status">${words('welcome.ended')}</p>
<ul class="plain-points"><li>${words('ended.undone')}</li><li>${words('ended.shared')}</li>${place.hasPasskeys ? html`<li>${words('ended.passkey')} <a href="${hrefFor('/login/passkey', reader)}">${words('passkey.forget')}</a></li>` : NOTHING}</ul>
<p class="go"><a class="button" href="${hrefFor('/login', reader)}">${words('ended.again')}</a></p></div>`
  return wholePage(frameOf(place, reader, { title: words('ended.title'), at: '/ended' }), content)
}

type Link = { href: string; text: string }

/**
 * What happened, and what to do next. `at`: the address to which the choices of how to read lead back, if it
 * is not the first page.
 */
export function messagePage(
  place: Place,
  reader: Reader,
  q: { title: string; text: string; link: Link; other?: Link; next?: string; at?: string },
): string {
  const content = html`<div class="message"><h1>${q.title}</h1><p class="lead">${q.text}</p>
<p class="go"><a class="button" href="${q.link.href}">${q.link.text}</a>${
    q.other === undefined
      ? NOTHING
      : html` <a class="button quiet-button" href="${q.other.href}">${q.other.text}</a>`
  }</p></div>`
  const { title, next, at = '/' } = q
  return wholePage(frameOf(place, reader, { title, at, ...(next !== undefined && { next }) }), content)
}

export function aboutPage(place: Place, reader: Reader): string {
  const { words } = reader
  const passkey = place.hasPasskeys ? ['passkey'] : []
  const parts = ['shows', 'proof', 'covers', 'withheld', 'kept', ...passkey, 'check', 'wrong']
  const content = html`<article class="about"><h1>${words('about.title')}</h1>
${parts.map((part) => html`<h2>${words(`about.${part}.title`)}</h2><p>${words(`about.${part}`, { n: place.wholeMinutes })}</p>`)}
<p class="go"><a class="button" href="${hrefFor('/', reader)}">${words('about.back')}</a></p></article>`
  return wholePage(frameOf(place, reader, { title: words('about.title'), at: '/about' }), content)
}
