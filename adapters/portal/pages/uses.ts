/**
 * The page of a person's uses, as it is made while systems answer: what each answered appears at once, and
 * the whole at the end takes its place (the style sheet hides the first when the second is there), so that no
 * script is needed.
 */
import { isWithin, type Span, spanOf } from '../asking/chosen-days.ts'
import type { System, Systems } from '../asking/find-systems.ts'
import { type Gathered, gatherAll, isAnswered } from '../joining/gathered.ts'
import { groupUses } from '../joining/group.ts'
import { joinRows, type Use } from '../joining/join.ts'
import type { Answered, Failed } from '../joining/row.ts'
import { type Choice, chooseForm, chosenAddress, chosenOf, isChosen, organisationOf } from './choose.ts'
import { coverageSection, coverageSentence, lookSection, massSection } from './coverage.ts'
import { frameOf, type Place, type Reader } from './frame.ts'
import { foreign, type Html, html, NOTHING } from './html.ts'
import { ICONS } from './icons.ts'
import { type Around, useEntry, useLine } from './use.ts'

type Words = Around['words']

const MOST_AT_ONCE = 10
const MOST_GROUPS = 2_000

export async function* usesPage(q: {
  place: Place
  reader: Reader
  choice: Choice
  own: string
  /** When the person signs out, nothing more of them is sent. */
  ended: AbortSignal
  systems(): Promise<Systems>
  ask(systems: Systems, span: Span): AsyncGenerator<Answered | Failed>
  /** What else waits for the person, which never throws. It is asked while the systems are. */
  waits(): Promise<Html>
  /** The page has begun, so that its status cannot say what failed. */
  failed(thrown: unknown): void
}): AsyncGenerator<string> {
  const { words, look } = q.reader
  const title = words('menu.uses')
  const frame = frameOf(q.place, q.reader, { title, at: chosenAddress(q.choice), section: 'uses' })
  yield `${frame.head.markup}${html`<h1>${title}</h1>`.markup}`
  try {
    yield* answers(q, { words, easy: look.easy, stateOf: () => 'no_answer' })
  } catch (thrown) {
    q.failed(thrown)
    yield html`<div id="whole"><p class="note">${words('asking.failed')}</p><p class="go"><a class="button" href="/">${words('message.again')}</a></p></div>`
      .markup
  }
  yield frame.tail.markup
}

async function* answers(q: Parameters<typeof usesPage>[0], around: Around): AsyncGenerator<string> {
  const systems = await q.systems()
  const all = systems.asked.length
  const { choice } = q
  const span = spanOf(choice, q.place.timeZone)
  yield beginProgress(all, around.words).markup
  const results: (Answered | Failed)[] = []
  // Who chose something of the list came for it.
  const waiting = isChosen(choice) ? undefined : q.waits()
  try {
    for await (const result of q.ask(systems, span)) {
      if (q.ended.aborted) break
      results.push(result)
      yield progressItem(result, { done: results.length, all, span, choice }, around.words).markup
    }
  } finally {
    yield '</ul></section>'
  }
  const waits = await waiting
  if (q.ended.aborted) {
    yield html`<div id="whole"><p class="note" role="status">${around.words('welcome.ended')}</p></div>`
      .markup
    return
  }
  const gathered = gatherAll(results, systems, { own: q.own, span })
  for (const part of whole(gathered, { choice, waits }, { ...around, stateOf: statesOf(gathered) }))
    yield part.markup
}

function beginProgress(all: number, words: Words): Html {
  return html`<section class="so-far" aria-labelledby="so-far-title"><h2 id="so-far-title">${words.count('asking.title', all)}</h2>
<p class="quiet">${words('asking.lead')}</p><ul class="progress" role="list" aria-live="polite">
`
}

function progressItem(
  result: Answered | Failed,
  { done, all, span, choice }: { done: number; all: number; span: Span; choice: Choice },
  words: Words,
): Html {
  const name = html`<h3>${foreign(result.system.name)}</h3>`
  if (!isAnswered(result))
    return html`<li class="unanswered">${ICONS.no}<div>${name}<p>${words(`why.${result.why}`)} <span class="quiet">${words('asking.count', { done, all })}</span></p></div></li>
`
  const rows = result.rows.filter((row) => isWithin(span, row))
  // How sure a use is shows only when its other side was asked.
  const known = choice.proven === undefined ? chosenOf(joinRows(rows), choice) : []
  const groups = groupUses(known).slice(0, MOST_AT_ONCE)
  return html`<li class="answered">${ICONS.yes}<div>${name}<p>${words.count('covers.uses', rows.length)} <span class="quiet">${words('asking.count', { done, all })}</span></p>
${groups.length === 0 ? NOTHING : html`<ol class="lines">${groups.map((group) => useLine(group, words))}</ol>`}</div></li>
`
}

/** All that was found, with what it covers, as it is read and kept: without a choice and without tools. */
export function* allUses(gathered: Gathered, reader: Reader): Generator<Html> {
  const { words, look } = reader
  const around: Around = { words, easy: look.easy, stateOf: statesOf(gathered) }
  const { uses, masses, looks } = gathered
  yield html`${summary(gathered, words)}
${coverageSentence(gathered, words)}
`
  if (uses.length > 0) yield* timeline(uses, around)
  else yield nothingFound(gathered, words)
  yield html`${massSection(masses, words)}
${lookSection(looks, words)}
${coverageSection(gathered, words)}`
}

/** Who reads that nothing was found must not take it for an answer when nobody gave one. */
function nothingFound({ answered }: Gathered, words: Words): Html {
  return html`<p class="nothing-found">${words(answered.length === 0 ? 'uses.nobody' : 'uses.none')}</p>`
}

/** In parts, so that a long list is never one text in memory. */
function* whole(
  gathered: Gathered,
  { choice, waits }: { choice: Choice; waits: Html | undefined },
  around: Around,
): Generator<Html> {
  const { words } = around
  const { uses, masses, looks } = gathered
  yield html`<div id="whole">
${waits}
${summary(gathered, words)}
${coverageSentence(gathered, words)}
${chooseForm(uses, choice, words)}
`
  const chosen = chosenOf(uses, choice)
  if (chosen.length > 0) yield* timeline(chosen, around)
  else if (uses.length > 0) yield html`<p class="nothing-found">${words('choose.none')}</p>`
  else
    yield html`${nothingFound(gathered, words)}
${gathered.answered.length > 0 ? NOTHING : html`<p class="row"><a class="button" href="/">${words('message.again')}</a></p>`}`
  yield html`
${massSection(masses, words)}
${lookSection(looks, words)}
${tools(words)}
${coverageSection(gathered, words)}
</div>`
}

/** Three figures that a person can keep in mind. */
function summary({ uses }: Gathered, words: Words): Html {
  if (uses.length === 0) return NOTHING
  const organisations = new Set(uses.map(organisationOf))
  const both = uses.filter(({ proven }) => proven === 'both').length
  const differing = uses.filter(({ proven }) => proven === 'differing').length
  const figure = (n: number, key: string): Html => {
    const [before, number, after] = words.around(key, n)
    return html`<li><span>${before}</span><strong>${number}</strong><span>${after}</span></li>`
  }
  return html`<ul class="summary" role="list">${figure(uses.length, 'summary.uses')}${figure(organisations.size, 'summary.organisations')}${figure(both, 'summary.both')}${differing > 0 ? figure(differing, 'summary.differing') : NOTHING}</ul>`
}

function* timeline(uses: readonly Use[], around: Around): Generator<Html> {
  const { words } = around
  const groups = groupUses(uses)
  const months = Map.groupBy(groups.slice(0, MOST_GROUPS), ({ uses: [first] }) =>
    words.month(`${first!.time.slice(0, 7)}-15`),
  )
  const more = groups.length - MOST_GROUPS
  for (const [month, list] of months)
    yield html`<section class="month"><h2>${month}</h2><ol class="timeline" role="list">${list.map((group) => useEntry(group, around))}</ol></section>
`
  if (more > 0) yield html`<p class="note">${words.count('uses.more', more)}</p>`
}

function tools(words: Words): Html {
  return html`<section class="tools" aria-labelledby="tools-title"><h2 id="tools-title">${words('tools.title')}</h2>
<p class="row"><a class="button quiet-button" href="/everything.json" download>${ICONS.file}${words('tools.save')}</a>
<a class="button quiet-button" href="/everything">${ICONS.print}${words('tools.all')}</a>
<button type="button" class="button quiet-button" data-print hidden>${ICONS.print}${words('tools.print')}</button>
<a class="button quiet-button" href="/verify.html" download>${ICONS.proof}${words('tools.verify')}</a></p>
<p class="quiet">${words('tools.inFile')} ${words('tools.lead')}</p>
<p><a href="/notices">${words('notices.title')}</a></p></section>`
}

/** How each subsystem did, for the uses of which only one side is known. */
function statesOf({ answered, failed, silent }: Gathered): Around['stateOf'] {
  const states = new Map<string, ReturnType<Around['stateOf']>>()
  const put = (systems: readonly System[], state: ReturnType<Around['stateOf']>): void => {
    for (const { id } of systems) states.set(id, state)
  }
  put([...failed.map(({ system }) => system), ...silent], 'no_answer')
  put(
    answered.map(({ system }) => system),
    'answered',
  )
  return (system) => states.get(system) ?? 'absent'
}
