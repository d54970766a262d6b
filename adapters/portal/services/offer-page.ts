/**
 * One offer: why it is there, what would be asked of whom, the form with the source of each value, the
 * receipt, and what happened so far. What systems say is text of the page, never markup.
 */
import type { AskedCall, FormField, Offer, OfferStep, Texts, ValueSource } from '#schemas/offers.ts'
import { frameOf, wholePage } from '../pages/frame.ts'
import { foreign, type Html, html, NOTHING } from '../pages/html.ts'
import type { Words } from '../texts.ts'
import type { At } from './ask-offers.ts'
import type { Door } from './door.ts'
import { type Form, textIn } from './read-offers.ts'

type Shown = {
  at: At
  offer: Offer
  form: Form | undefined
  steps: readonly OfferStep[]
  /** What the person has written, where it was not taken; and the text that says why. */
  written?: URLSearchParams
  problem?: string
}
type Speaking = { words: Words; said(texts: Texts): Html; ways: Ways }
type Ways = Door['ways']

export function offerPage(
  { place, reader, ways, back, hidden: own }: Pick<Door, 'place' | 'reader' | 'ways' | 'back' | 'hidden'>,
  q: Shown,
): string {
  const { words } = reader
  const { at, offer, form } = q
  const speaking: Speaking = { words, said: (texts) => foreign(textIn(texts, words.language)), ways }
  const { said } = speaking
  const isOpen = offer.state === 'offered' || offer.state === 'opened'
  const hidden = html`${own}<input type="hidden" name="system" value="${at.system.id}"><input type="hidden" name="offer" value="${at.id}"><input type="hidden" name="shown" value="${offer.shown}">`
  const content = html`<article class="about"><h1>${said(offer.title)}</h1>
${q.problem === undefined ? NOTHING : html`<p class="note" role="alert">${q.problem}</p>`}
${note(offer, speaking)}
${isOpen ? html`<p class="lead">${said(offer.text)}</p>` : NOTHING}
<p class="why"><span class="label">${words('service.why')}</span> ${said(offer.why)}</p>
<p class="quiet">${words('service.by')} ${foreign(at.system.owner)}. ${words('service.law')} ${foreign(offer.legalBasis)}.</p>
${offer.state === 'offered' ? agreement(offer, hidden, speaking) : NOTHING}
${offer.state === 'opened' && form !== undefined ? filled(offer, form, hidden, q.written, speaking) : NOTHING}
${isOpen ? declining(hidden, speaking) : NOTHING}
${course(q.steps, words)}
<p class="go"><a href="${back.href}">${back.text}</a></p></article>`
  const title = textIn(offer.title, words.language)
  return wholePage(frameOf(place, reader, { title, at: ways.at(at), section: 'services' }), content)
}

function note(offer: Offer, { words, said }: Speaking): Html {
  const { state, number, outcome, takenBack } = offer
  if (state === 'offered' || state === 'opened') return NOTHING
  return html`<div class="note" role="status"><p>${takenBack === undefined ? words(`service.state.${state}`) : said(takenBack)}</p>
${outcome === undefined ? NOTHING : html`<p><strong>${said(outcome)}</strong></p>`}
${number === undefined ? NOTHING : html`<p>${words('service.number')} <code>${number}</code></p>`}</div>`
}

/** Nothing is ticked beforehand. */
function agreement({ calls }: Offer, hidden: Html, { words, said, ways }: Speaking): Html {
  const call = ({
    name,
    agency,
    purpose,
    fields,
    legalBasis,
    contract,
    needsAgreement,
  }: Offer['calls'][number]): Html =>
    html`<li class="card"><h3>${said(agency)}</h3><dl>
<div><dt>${words('service.asked')}</dt><dd>${fields.map((one, n) => html`${n === 0 ? '' : ', '}${said(one)}`)}</dd></div>
<div><dt>${words('service.purpose')}</dt><dd>${said(purpose)}</dd></div>
<div><dt>${words('service.basis')}</dt><dd>${foreign(legalBasis)}${contract === undefined ? NOTHING : html`; ${words('service.contract')} ${foreign(contract)}`}</dd></div></dl>
${needsAgreement ? html`<p class="choice"><label><input type="checkbox" name="agreed" value="${name}"> ${words('service.agree')}</label></p>` : html`<p class="quiet">${words('service.byLaw')}</p>`}</li>`
  return html`<h2>${words('service.calls.title')}</h2><p>${words('service.calls')}</p>
<form method="post" action="${ways.open}">${hidden}
<ul class="cards" role="list">${calls.map(call)}</ul>
<p class="row decide"><button type="submit" class="button" name="all" value="yes">${words('service.agreeAll')}</button>
<button type="submit" class="button quiet-button">${words('service.agreeSome')}</button></p></form>`
}

function filled(
  offer: Offer,
  { fields, asked }: Form,
  hidden: Html,
  written: URLSearchParams | undefined,
  speaking: Speaking,
): Html {
  const { words, ways } = speaking
  const missing = asked.filter(({ outcome }) => outcome !== 'answered')
  return html`${missing.length === 0 ? NOTHING : again(offer, missing, hidden, speaking)}
<h2>${words('service.form.title')}</h2><p>${words('service.form')}</p>
<form method="post" action="${ways.submit}">${hidden}
${fields.map((field) => control(field, written, speaking))}
<p>${words('service.once')}</p>
<p class="row"><button type="submit" class="button">${words('service.submit')}</button></p></form>`
}

/** What did not answer, and the way to ask it again, or for the first time. */
function again(
  offer: Offer,
  missing: readonly AskedCall[],
  hidden: Html,
  { words, said, ways }: Speaking,
): Html {
  return html`<div class="card"><h2>${words('service.missing.title')}</h2>
<ul class="open">${missing.map(({ agency, outcome }) => html`<li>${said(agency)}: ${words(`service.outcome.${outcome}`)}</li>`)}</ul>
<form method="post" action="${ways.open}">${hidden}
${missing.map(({ name, agency }) => (offer.calls.find((one) => one.name === name)?.needsAgreement === false ? NOTHING : html`<p class="choice"><label><input type="checkbox" name="agreed" value="${name}"> ${said(agency)}: ${words('service.agree')}</label></p>`))}
<p class="row"><button type="submit" class="button quiet-button small">${words('service.again')}</button></p></form></div>`
}

function control(
  field: FormField,
  written: URLSearchParams | undefined,
  { words, said, ways }: Speaking,
): Html {
  const { name, label, kind, value, source, correctAt, isHidden } = field
  const isRequired = field.isRequired && isHidden !== true
  const now = written?.get(`field-${name}`) ?? (value === undefined ? '' : String(value))
  const id = `field-${name}`
  const about = html` id="${id}" name="${id}" aria-describedby="${id}-from"${isRequired ? html` required` : NOTHING}`
  const type = kind === 'number' ? 'number' : kind === 'date' ? 'date' : 'text'
  const option = (one: string, text: string): Html =>
    html`<option value="${one}"${now === one ? html` selected` : NOTHING}>${text}</option>`
  const input =
    kind === 'yes-no'
      ? html`<select${about}>${option('', '')}${option('true', words('service.yes'))}${option('false', words('service.no'))}</select>`
      : html`<input type="${type}" value="${now}" maxlength="500" autocomplete="off"${kind === 'number' ? html` step="any"` : NOTHING}${about}>`
  return html`<div class="field"><label for="${id}">${said(label)}${isRequired ? NOTHING : html` <span class="quiet">${words('service.optional')}</span>`}</label>
${input}
<div id="${id}-from">${isHidden === true ? html`<p>${words('service.hidden')}</p>` : NOTHING}${source === undefined ? html`<p class="quiet">${words('service.youSay')}</p>` : origin(source, correctAt, { words, said, ways })}</div></div>`
}

/** Who gave the value, and when; the rest is one step away. */
function origin(source: ValueSource, correctAt: Texts | undefined, { words, said }: Speaking): Html {
  const { agency, service, legalBasis, contract, time, messageId } = source
  const row = (label: string, value: Html): Html => html`<div><dt>${label}</dt><dd>${value}</dd></div>`
  return html`<p class="quiet">${words('service.from')} ${said(agency)}${time === '' ? NOTHING : html`, ${words.moment(time)}`}. ${words('service.stays')}${correctAt === undefined ? NOTHING : html` ${words('service.correct')} ${said(correctAt)}.`}</p>
<details class="source"><summary>${words('service.source')}</summary><dl>
${row(words('service.service'), html`<code>${service}</code>`)}
${row(words('service.basis'), foreign(legalBasis))}
${contract === undefined ? NOTHING : row(words('service.contract'), foreign(contract))}
${row(words('service.exchange'), html`<code>${messageId}</code>`)}</dl></details>`
}

function declining(hidden: Html, { words, ways }: Speaking): Html {
  return html`<form method="post" action="${ways.decline}" class="row">${hidden}<button type="submit" class="plain">${words('service.decline')}</button> <span class="quiet">${words('service.declined')}</span></form>`
}

function course(steps: readonly OfferStep[], words: Words): Html {
  if (steps.length === 0) return NOTHING
  const step = ({ time, what, channel }: OfferStep): Html =>
    html`<li><span class="at">${time === '' ? '' : words.moment(time)}</span> <span>${words(`service.step.${what}`)}${channel === 'event' ? NOTHING : html` <span class="quiet">${words(`service.channel.${channel}`)}</span>`}</span></li>`
  return html`<h2>${words('service.course.title')}</h2><ol class="plain-list">${steps.map(step)}</ol>`
}
