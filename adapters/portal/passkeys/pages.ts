/**
 * The pages of passkeys: coming back with one, and setting one up. Both need the script, since only it can
 * ask the device.
 */
import type { Session } from '../login/sessions.ts'
import { csrfField } from '../pages/form.ts'
import { frameOf, hrefFor, type Place, type Reader, signInAt, wholePage } from '../pages/frame.ts'
import { type Html, html, NOTHING } from '../pages/html.ts'

export const PASSKEY = '/login/passkey'
export const NEW = `${PASSKEY}/new`
export const FORGET = `${PASSKEY}/forget`
/** For who is signed in. */
export const SETTING_UP = '/passkey'

/**
 * `options`: for the browser; undefined where it has no slip that serves. `hasSlip`: it has one, which may be
 * over.
 */
export function comeBackPage(
  place: Place,
  reader: Reader,
  { options, hasSlip }: { options: object | undefined; hasSlip: boolean },
): string {
  const { words } = reader
  const action = hrefFor(PASSKEY, reader)
  const fields = ['id', 'clientDataJSON', 'authenticatorData', 'signature']
  const content = html`<div class="message"><h1>${words('passkey.back.title')}</h1>
<p class="lead">${words(options !== undefined ? 'passkey.back' : hasSlip ? 'passkey.over' : 'passkey.none')}</p>
${options === undefined ? NOTHING : deviceForm(reader, { action, options, fields, hidden: NOTHING, button: 'passkey.use' })}
<p class="go"><a class="button quiet-button" href="${hrefFor('/', reader)}">${words('passkey.otherWay')}</a></p>
${hasSlip ? forgetForm(reader) : NOTHING}</div>`
  return wholePage(frameOf(place, reader, { title: words('passkey.back.title'), at: PASSKEY }), content)
}

/** `options`: for the browser; undefined where the person has to sign in once more before. */
export function setUpPage(
  place: Place,
  reader: Reader & { session: Session },
  { options, days }: { options: object | undefined; days: number },
): string {
  const { words, session } = reader
  const fields = ['id', 'clientDataJSON', 'attestationObject']
  const hidden = csrfField(session)
  const content = html`<article class="about"><h1>${words('passkey.title')}</h1>
<p class="lead">${words('passkey.lead', { n: days })}</p>
<ul class="plain-points">${['own', 'looks', 'kept', 'lost'].map((one) => html`<li>${words(`passkey.${one}`)}</li>`)}</ul>
${
  options === undefined
    ? html`<p class="note">${words('passkey.first')}</p><p class="go"><a class="button" href="${signInAt('/login', SETTING_UP, reader.look)}">${words('passkey.signIn')}</a></p>`
    : deviceForm(reader, { action: NEW, options, fields, hidden, button: 'passkey.make' })
}
${forgetForm(reader)}</article>`
  const frame = { title: words('passkey.title'), at: SETTING_UP, section: 'passkeys' }
  return wholePage(frameOf(place, reader, frame), content)
}

/**
 * Hidden until the script finds that the browser has passkeys; it fills the fields with what the device
 * answers.
 */
function deviceForm(
  { words }: Reader,
  q: { action: string; options: object; fields: string[]; hidden: Html; button: string },
): Html {
  return html`<form method="post" action="${q.action}" data-passkey="${JSON.stringify(q.options)}" hidden>${q.hidden}
${q.fields.map((name) => html`<input type="hidden" name="${name}" value="">`)}
<p class="note" role="alert" hidden>${words('passkey.cancelled')}</p>
<p class="go"><button type="submit" class="button">${words(q.button)}</button></p></form>
<p class="note" data-without-passkey>${words('passkey.unable')}</p>`
}

function forgetForm(reader: Reader): Html {
  const { words } = reader
  return html`<form method="post" action="${hrefFor(FORGET, reader)}"><p class="quiet">${words('passkey.forgetLead')}</p>
<p><button type="submit" class="plain">${words('passkey.forget')}</button></p></form>`
}
