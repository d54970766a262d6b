/**
 * The page of one use that was checked: what each side's proof proves, what both prove together, and what no
 * proof shows.
 */
import type { JudgedUse } from '#core/evidence-bundle/judge-use.ts'
import type { SavedSide } from '#core/evidence-bundle/saved-use.ts'
import { frameOf, type Place, type Reader, wholePage } from '../pages/frame.ts'
import { foreign, type Html, html, NOTHING } from '../pages/html.ts'
import { ICONS } from '../pages/icons.ts'
import type { Words } from '../texts.ts'
import type { CheckedUse } from './check-use.ts'

/**
 * `both` alone is said where both are proven, and by one message: whatever is less is the word of systems.
 */
type Verdict = 'both' | 'apart' | 'one' | 'none' | 'false'

function verdictOf({ judged }: Pick<CheckedUse, 'judged'>): Verdict {
  const { sides, tie } = judged
  const isFalse = sides.some(
    (side) => side?.doubt !== undefined && !['unsigned', 'unreadable'].includes(side.doubt),
  )
  if (isFalse || tie === 'apart') return 'false'
  const proven = sides.filter((side) => side !== undefined && side.doubt === undefined).length
  if (proven === 2) return tie === 'message' ? 'both' : 'apart'
  return proven === 1 ? 'one' : 'none'
}

/** `query`: that of the address, by which the same is saved. */
export function checkedPage(
  place: Place,
  reader: Reader,
  { checked, query }: { checked: CheckedUse; query: string },
): string {
  const { words } = reader
  const { use, sides, judged } = checked
  const verdict = verdictOf(checked)
  const title = words('proving.title')
  const content = html`<article class="about"><h1>${title}</h1>
<p class="lead" role="status">${ICONS[verdict === 'both' ? 'both' : verdict === 'false' ? 'wrong' : 'one']} <strong>${words(`proving.is.${verdict}`)}</strong></p>
<p>${words(`proving.${verdict}`)}</p>
${sides.map((side, at) => sideBlock(side, judged.sides[at], { use, words }))}
${judged.tie === undefined ? NOTHING : html`<h2>${words('proving.together.title')}</h2><p>${words(`proving.tie.${judged.tie.replace(' ', '')}`)}</p>`}
<h2>${words('proving.words.title')}</h2><p>${words('proving.words')}</p>
<p class="go"><a class="button" href="/proof/both?${query}" download>${words('proving.save')}</a> <a class="button quiet-button" href="/">${words('message.back')}</a></p>
<p class="quiet">${words('proving.saved')}</p></article>`
  return wholePage(frameOf(place, reader, { title, at: `/proof/check?${query}` }), content)
}

function sideBlock(
  { said, more, proof }: SavedSide,
  judged: JudgedUse | undefined,
  { use, words }: { use: CheckedUse['use']; words: Words },
): Html {
  const owner = use[said.role]?.told.owner ?? said.system
  const doubt = proof === undefined || judged === undefined ? 'missing' : judged.doubt
  const facts: [string, string][] = [
    ['when', words.moment(said.time)],
    ['number', more.messageId],
    ['record', String(said.record.index)],
    ['leaf', said.record.leaf],
    ['log', doubt === undefined ? (judged?.log ?? '') : ''],
  ]
  return html`<h2>${foreign(owner)}</h2>
<p>${words(doubt === undefined ? 'proving.side' : `proving.doubt.${doubt}`)}</p>
<dl>${facts.map(([name, value]) =>
    value === ''
      ? NOTHING
      : html`<div><dt>${words(`proving.${name}`)}</dt><dd><bdi>${value}</bdi></dd></div>`,
  )}</dl>`
}
