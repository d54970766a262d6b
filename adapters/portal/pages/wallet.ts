/**
 * The pages on which a wallet is asked: for a login, or to agree to something. They need no script, and none
 * turns by itself: who waits asks again by a link, and each says when it is over.
 */
import type { WalletLogin } from '#platform/wallet-login/create-wallet-login.ts'
import { drawQr } from '#platform/wallet-login/draw-qr.ts'
import { frameOf, hrefFor, type Place, type Reader, wholePage } from './frame.ts'
import { type Html, html, NOTHING } from './html.ts'

/** What happened to what the person just did. */
export type Said = 'notYet' | 'wrongNumber'

type Waiting = Exclude<ReturnType<WalletLogin['look']>, { state: 'ended' }> & {
  said: Said | undefined
  at: Asking
}
/**
 * What it is for, which some texts say, and its addresses: that of the number stands beside that of waiting.
 */
type Asking = { of: 'wallet' | 'agree'; wait: string; again: string; csrf: Html }

const AT = '/login/wallet'

/** Offers the wallet of this device, and that of another; `next` is where the person wants to go. */
export function walletPage(place: Place, reader: Reader, next: string): string {
  const { words } = reader
  const way = (flow: string, text: string, isQuiet: boolean): Html =>
    html`<form method="post" action="${hrefFor(AT, reader)}"><input type="hidden" name="flow" value="${flow}">
<input type="hidden" name="next" value="${next}">
<button type="submit" class="button${isQuiet ? ' quiet-button' : ''}">${words(text)}</button></form>`
  const content = html`<div class="message"><h1>${words('wallet.title')}</h1><p class="lead">${words('wallet.lead')}</p>
<div class="ways">${way('same-device', 'wallet.here', false)}${way('cross-device', 'wallet.elsewhere', true)}</div>
<p><a href="${hrefFor(next, reader)}">${words('wallet.otherWay')}</a></p></div>`
  return wholePage(
    frameOf(place, reader, {
      title: words('wallet.title'),
      at: next === '/' ? AT : `${AT}?${new URLSearchParams({ next })}`,
    }),
    content,
  )
}

/** Who looks again, and not for the first time, is told so where nothing has changed. */
const LOOKED = 'looked'
export const saidAt = (query: URLSearchParams): Said | undefined => (query.has(LOOKED) ? 'notYet' : undefined)

/** How far it is. */
export function waitPage(place: Place, reader: Reader, q: Waiting): string {
  const { words } = reader
  const isHere = q.flow === 'same-device'
  const title = words(isHere ? 'wallet.open.title' : 'wallet.scan.title')
  const { wait, again } = q.at
  const here = hrefFor(wait, reader)
  const until = words('wallet.until', { time: words.clock(new Date(q.endsAt).toISOString()) })
  const content = html`<div class="message"><h1>${title}</h1>
${noticeOf(reader, q)}
${isHere ? openOf(reader, q) : scanOf(reader, q)}
<p><a href="${here}${here.includes('?') ? '&' : '?'}${LOOKED}=yes">${words('wallet.look')}</a></p>
<p class="quiet">${until} <a href="${again}">${words('wallet.again')}</a></p></div>`
  return wholePage(frameOf(place, reader, { title, at: wait }), content)
}

function noticeOf({ words }: Reader, { said, refusal, state, flow }: Waiting): Html {
  const key =
    said === 'wrongNumber'
      ? 'wallet.wrongNumber'
      : state === 'answered'
        ? `wallet.answered.${flow}`
        : refusal !== undefined
          ? refusal === 'wallet_refused'
            ? 'wallet.declined'
            : 'wallet.refused'
          : said === 'notYet'
            ? 'wallet.notYet'
            : undefined
  return key === undefined ? NOTHING : html`<p class="note" role="alert">${words(key)}</p>`
}

function openOf({ words }: Reader, { walletUrl }: Waiting): Html {
  return html`<p class="lead">${words('wallet.open')}</p>
<p class="go"><a class="button" href="${walletUrl}">${words('wallet.openIt')}</a></p>`
}

function scanOf(reader: Reader, { walletUrl, at: { of, wait, csrf } }: Waiting): Html {
  const { words } = reader
  // It is markup of our own: of the address and the label `drawQr` lets nothing through but squares and text.
  const qr: Html = { markup: drawQr(walletUrl, words('wallet.scan.title')) }
  return html`<p class="lead">${words('wallet.scan')}</p>
<div class="qr">${qr}</div>
<details class="code"><summary>${words('wallet.asText')}</summary><code>${walletUrl}</code></details>
<form class="number-form" method="post" action="${hrefFor(wait.replace(/wait$/, 'number'), reader)}">${csrf}
<label for="number">${words('wallet.number')}</label>
<input id="number" name="number" inputmode="numeric" autocomplete="off" maxlength="12" required>
<button type="submit" class="button">${words(`${of}.send`)}</button></form>
<p class="quiet">${words(`${of}.warn`)}</p>`
}

/** What another device shows after its wallet answered; undefined if there is nothing to type any more. */
export function phonePage(
  place: Place,
  reader: Reader,
  { number, of }: { number: string | undefined; of: 'wallet' | 'agree' },
): string {
  const { words } = reader
  const title = words(number === undefined ? 'wallet.noNumber.title' : 'wallet.phone.title')
  const shown =
    number === undefined ? NOTHING : html`<p class="typed">${number.slice(0, 3)} ${number.slice(3)}</p>`
  const content = html`<div class="message"><h1>${title}</h1>${shown}
<p class="lead">${words(number === undefined ? 'wallet.noNumber' : 'wallet.phone')}</p>
${number === undefined ? NOTHING : html`<p class="note">${words(`${of}.warn`)}</p>`}</div>`
  return wholePage(frameOf(place, reader, { title, at: '/' }), content)
}
