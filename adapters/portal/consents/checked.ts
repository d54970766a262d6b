/**
 * How a consent was checked before it was kept: what, when and by whom. It is the word of the system that
 * keeps it, and says so.
 */
import { type Html, html, NOTHING } from '../pages/html.ts'
import type { Words } from '../texts.ts'
import type { Consent } from './consent.ts'

export function checkedPart(consent: Consent, words: Words): Html {
  const { told, givenAt, demand, checked, byRepresentative, record } = consent
  const by = { system: told.name, at: words.moment(givenAt) }
  const title = html`<h2>${words('checked.title')}</h2>`
  if (demand.rule.proof === 'login')
    // Where its system names no record there is nothing to point at.
    return record === 0
      ? NOTHING
      : html`${title}<p>${words('checked.login', { ...by, record: `${record}` })}</p>`
  if (checked === undefined) return NOTHING
  const issuers = checked.credentials.map(
    ({ issuer, hasStatus }) =>
      html`<li>${hasStatus ? words('checked.issuer', { issuer }) : words('checked.issuerAlone', { issuer })}</li>`,
  )
  const attested = (checked.attested ?? []).map(
    ({ name, issuer }) => html`<li>${words('checked.attested', { name, issuer })}</li>`,
  )
  return html`${title}<p>${words('checked.by', by)}</p>
<ul class="plain-points"><li>${checked.boundBy === 'nonce' ? words('checked.nonce') : words('checked.words')}</li>${issuers}${attested}
<li>${byRepresentative ? words('checked.representative') : words('checked.you')}</li><li>${words('checked.once')}</li></ul>
${byRepresentative ? NOTHING : html`<p class="quiet">${words('checked.again')}</p>`}`
}
