/**
 * Where each system tells the person, as the systems answer; and the form by which many are asked at once. It
 * works without script.
 */
import { NOTICE_SUBJECTS, type NoticeSubject } from '#schemas/notices.ts'
import type { JsonAnswer, NotCalled } from '../asking/call-service.ts'
import type { System } from '../asking/find-systems.ts'
import type { Session } from '../login/sessions.ts'
import { csrfField } from '../pages/form.ts'
import { frameOf, type Place, type Reader } from '../pages/frame.ts'
import { foreign, type Html, html, NOTHING } from '../pages/html.ts'
import { ICONS } from '../pages/icons.ts'
import { type FoundNotices, isWithoutNotices } from './ask-notices.ts'
import { type ReadNotices, readNotices, type ShownChannel, type ShownNotice } from './read-notices.ts'

type Answers = AsyncGenerator<{ system: System; answer: JsonAnswer | NotCalled }>
export type SignedIn = Reader & { session: Session }
type Words = Reader['words']

type Offered = { system: System; channel: ShownChannel }
type Known = { system: System } & ReadNotices

export async function* listPage(q: {
  place: Place
  reader: SignedIn
  systems: readonly System[]
  /** Those that were not asked, as they did not say what they offer. */
  silent: readonly System[]
  answers: Answers
  failed(thrown: unknown): void
}): AsyncGenerator<string> {
  const { reader, systems } = q
  const { words, session } = reader
  const frame = frameOf(q.place, reader, { title: words('notices.title'), at: '/notices', section: 'uses' })
  yield `${frame.head.markup}${html`<h1>${words('notices.title')}</h1><p class="lead">${words('notices.lead')}</p>`.markup}`
  yield html`<section class="so-far" aria-labelledby="so-far-title"><h2 id="so-far-title">${words.count('asking.title', systems.length)}</h2><ul class="progress" role="list" aria-live="polite">`
    .markup
  const known: Known[] = []
  const missing = q.silent.map((system) => ({ system, why: words('why.silent') }))
  let done = 0
  let isFailed = false
  try {
    for await (const { system, answer } of q.answers) {
      if (session.ended.aborted) break
      const read = 'status' in answer && answer.status === 200 ? readNotices(answer.json) : undefined
      if (read !== undefined) known.push({ system, ...read })
      if (read === undefined && !('status' in answer && isWithoutNotices(answer)))
        missing.push({ system, why: words(whyNot(answer)) })
      const text =
        read === undefined ? words(whyNot(answer)) : words.count('notices.wishes', read.notices.length)
      yield progressItem(
        { system, text, isGood: read !== undefined },
        words('asking.count', { done: ++done, all: systems.length }),
      )
    }
  } catch (thrown) {
    q.failed(thrown)
    isFailed = true
  }
  yield '</ul></section>'
  if (session.ended.aborted)
    yield html`<div id="whole"><p class="note" role="status">${words('welcome.ended')}</p></div>`.markup
  // Nobody was asked: that no system sends any would be no answer of theirs.
  else if (isFailed)
    yield html`<div id="whole"><p class="note" role="alert">${words('asking.failed')}</p><p class="go"><a class="button" href="/notices">${words('message.again')}</a></p></div>`
      .markup
  else yield whole(known, missing, reader).markup
  yield frame.tail.markup
}

/** Why a system has no part in it. */
export function whyNot(answer: JsonAnswer | NotCalled): string {
  if (!('status' in answer)) return `why.${answer.why}`
  if (isWithoutNotices(answer)) return 'notices.notOffered'
  if (answer.status === 429) return 'notices.tooOften'
  return answer.status === 400 ? 'notices.refused' : 'why.failing'
}

export function progressItem(
  q: { system: System; text: string; isGood: boolean; more?: Html },
  count: string,
): string {
  return html`<li class="${q.isGood ? 'answered' : 'unanswered'}">${q.isGood ? ICONS.yes : ICONS.no}<div><h3>${foreign(q.system.name)}</h3><p>${q.text} <span class="quiet">${count}</span></p>${q.more ?? NOTHING}</div></li>
`.markup
}

type Missing = readonly { system: System; why: string }[]

function whole(known: readonly Known[], missing: Missing, { words, session }: SignedIn): Html {
  const offering = known.filter(({ channels }) => channels.length > 0)
  const wishes = known.flatMap((by) => by.notices.map((notice) => ({ by, notice })))
  const anyAsked = wishes.some(({ notice }) => notice.state === 'asked')
  const isCut = known.some((one) => one.isCut)
  return html`<div id="whole">
${missingList(missing, words)}
${isCut ? html`<p class="note">${words('list.cut')}</p>` : NOTHING}
${
  wishes.length === 0
    ? nothingFound({ answered: known.length, isAll: missing.length === 0 && !isCut }, words)
    : html`<section class="notices" aria-labelledby="notices-yours"><h2 id="notices-yours">${words('notices.yours')}</h2>
${anyAsked ? html`<p class="note">${words('notices.codes')}</p>` : NOTHING}
<ul class="cards" role="list">${wishes.map((one) => wish(one, words, session))}</ul>
<form method="post" action="/notices/end">${csrfField(session)}<button type="submit" class="button quiet-button">${words('notices.endAll')}</button></form></section>`
}
${offering.length === 0 ? html`<p>${words('notices.nobody')}</p>` : askForm(offering, words, session)}
<p class="go"><a href="/">${words('menu.uses')}</a></p>
</div>`
}

function missingList(missing: Missing, words: Words): Html {
  if (missing.length === 0) return NOTHING
  return html`<div class="covered some">${ICONS.question}<div><p>${words('notices.missing')}</p><ul class="open">${missing.map(({ system, why }) => html`<li>${foreign(system.name)}: ${why}</li>`)}</ul></div></div>`
}

/** Who did not answer may send some. */
function nothingFound({ answered, isAll }: { answered: number; isAll: boolean }, words: Words): Html {
  if (isAll) return html`<p class="nothing-found">${words('notices.none')}</p>`
  return answered > 0 ? html`<p class="nothing-found">${words('notices.noneTold')}</p>` : NOTHING
}

function wish(
  { by: { system, channels }, notice }: { by: Known; notice: ShownNotice },
  words: Words,
  session: Session,
): Html {
  const which = html`${csrfField(session)}<input type="hidden" name="system" value="${system.id}"><input type="hidden" name="id" value="${notice.id}">`
  const code = `code-${notice.id}`
  const channel = channels.find(({ name }) => name === notice.channel) ?? { name: notice.channel }
  const form = html`<form method="post" action="/notices/confirmation">${which}<p class="field"><label for="${code}">${words('notices.code')}</label> <input id="${code}" name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="20" required></p><button type="submit" class="button">${words('notices.confirm')}</button></form>`
  return html`<li class="card"><h3>${foreign(system.name)}</h3>
<p>${words(`notices.state.${notice.state}`)} ${titleOf(channel, words)}: ${foreign(notice.address)}, ${words(`notices.mode.${notice.mode}`)}</p>
<ul class="open">${notice.about.map((one) => html`<li>${words(`notices.about.${one}`)}</li>`)}</ul>
${notice.state === 'asked' ? form : NOTHING}
<form method="post" action="/notices/end">${which}<button type="submit" class="button quiet-button" aria-label="${words('notices.end')}: ${system.name}">${words('notices.end')}</button></form></li>`
}

/** Where a person is told, as it is read and kept: without its forms. */
export function noticesList({ notices, told, isCut, notTold, silent }: FoundNotices, words: Words): Html {
  const missing = [...notTold, ...silent.map((system) => ({ system, why: 'silent' }))]
  return html`${notices.length === 0 && (missing.length === 0 || told > 0) ? html`<p class="nothing-found">${words(missing.length === 0 && !isCut ? 'notices.none' : 'notices.noneTold')}</p>` : NOTHING}
<ul class="cards" role="list">${notices.map(
    ({ system, notice, titles }) => html`<li class="card"><h3>${foreign(system.name)}</h3>
<p>${words(`notices.state.${notice.state}`)} ${titleOf({ name: notice.channel, ...(titles && { titles }) }, words)}: ${foreign(notice.address)}, ${words(`notices.mode.${notice.mode}`)}</p></li>`,
  )}</ul>
${isCut && notices.length > 0 ? html`<p class="note">${words('list.cut')}</p>` : NOTHING}
${missing.length === 0 ? NOTHING : html`<ul class="open">${missing.map(({ system, why }) => html`<li>${foreign(system.name)}: ${words(`why.${why}`)}</li>`)}</ul>`}`
}

/**
 * In the reader's language, or the first in which its operator named it; its name alone where its system
 * offers it no more.
 */
function titleOf({ name, titles }: ShownChannel, words: Words): Html | string {
  const own = titles?.[words.language] ?? Object.values(titles ?? {})[0]
  if (own !== undefined) return foreign(own)
  return words.has(`notices.channel.${name}`) ? words(`notices.channel.${name}`) : foreign(name)
}

/**
 * Each title with whose it is where systems call one channel differently: none puts its words into the mouth
 * of another.
 */
function titleOfAll(offered: readonly Offered[], words: Words): Html | string {
  const titles = Map.groupBy(offered, ({ channel }) => html`${titleOf(channel, words)}`.markup)
  if (titles.size === 1) return titleOf(offered[0]!.channel, words)
  return html`${[...titles.values()].map((same, at) => {
    const systems = same.map(({ system }, i) => html`${i === 0 ? '' : ', '}${foreign(system.name)}`)
    return html`${at === 0 ? '' : '; '}${titleOf(same[0]!.channel, words)} (${systems})`
  })}`
}

function askForm(offering: readonly Known[], words: Words, session: Session): Html {
  const offered = offering.flatMap(({ system, channels }) => channels.map((channel) => ({ system, channel })))
  const channels = [...Map.groupBy(offered, ({ channel }) => channel.name)]
  // Who asks once more, as for the systems that sent no code yet, does not take back by that what they wanted
  // to hear of.
  const before = offering.flatMap(({ notices }) => notices.flatMap(({ about }) => about))
  const isWanted = (one: NoticeSubject): boolean =>
    before.length === 0 ? one === 'uses' : before.includes(one)
  const option = (name: string, value: string, text: Html | string, isFirst: boolean): Html =>
    html`<label><input type="radio" name="${name}" value="${value}"${isFirst ? html` checked` : NOTHING}> ${text}</label>`
  return html`<section class="card" aria-labelledby="notices-ask"><h2 id="notices-ask">${words('notices.ask')}</h2>
<p>${words('notices.askLead')}</p>
<form method="post" action="/notices">${csrfField(session)}
<fieldset class="choice"><legend>${words('notices.how')}</legend>${channels.map(([name, all], at) => option('channel', name, titleOfAll(all, words), at === 0))}</fieldset>
<p class="field"><label for="notices-address">${words('notices.address')}</label> <input id="notices-address" name="address" maxlength="500" autocomplete="email" required></p>
<fieldset class="choice"><legend>${words('notices.about')}</legend>${NOTICE_SUBJECTS.map((one) => html`<label><input type="checkbox" name="about" value="${one}"${isWanted(one) ? html` checked` : NOTHING}> ${words(`notices.about.${one}`)}</label>`)}</fieldset>
<fieldset class="choice"><legend>${words('notices.when')}</legend>${(['at_once', 'daily', 'weekly'] as const).map((one, at) => option('mode', one, words(`notices.mode.${one}`), at === 0))}</fieldset>
<fieldset class="choice"><legend>${words('notices.by')}</legend>${offering.map(({ system }) => html`<label><input type="checkbox" name="system" value="${system.id}" checked> ${foreign(system.name)}</label>`)}</fieldset>
<button type="submit" class="button">${words('notices.send')}</button></form></section>`
}
