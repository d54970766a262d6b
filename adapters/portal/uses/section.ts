/**
 * "Who asked about me": the timeline, all of it as a file, and one use: its proof, and whether that holds.
 * Each page asks the systems anew and keeps nothing: what it shows is in the browser alone.
 */
import { writeSavedUse } from '#core/evidence-bundle/write-saved-use.ts'
import { asFault } from '#schemas/fault.ts'
import { askProof } from '../asking/ask-proof.ts'
import { askEverything } from '../everything/ask-everything.ts'
import { everythingPage } from '../everything/page.ts'
import { shapeOf } from '../everything/shape.ts'
import { choiceIn } from '../pages/choose.ts'
import { usesPage } from '../pages/uses.ts'
import { messagePage } from '../pages/welcome.ts'
import { type CheckedUse, checkUse, meantUse, nameOf } from '../proving/check-use.ts'
import { checkedPage } from '../proving/page.ts'
import type { Answer, Rooms, Section, Visit } from '../routing/section.ts'
import { askWaiting } from '../waiting/ask-waiting.ts'
import { waitingBlock } from '../waiting/block.ts'

export const uses: Section = {
  name: 'uses',
  href: '/',
  services: () => [],
  routes: [
    { method: 'GET', path: '/', asks: 'uses', isEntrance: true, answer: showUses },
    { method: 'GET', path: '/everything.json', asks: 'export', answer: saveAll },
    { method: 'GET', path: '/everything', asks: 'export', answer: showAll },
    { method: 'GET', path: '/proof', asks: 'proof', answer: saveProof },
    { method: 'GET', path: '/proof/check', asks: 'proof', answer: showChecked },
    { method: 'GET', path: '/proof/both', asks: 'proof', answer: saveChecked },
  ],
}

async function showUses(visit: Visit, rooms: Rooms): Promise<Answer> {
  const { reader, query, gone, log } = visit
  const { place, settings, systems, asking } = rooms
  const { session } = reader
  const page = usesPage({
    ...{ place, reader, choice: choiceIn(query), own: settings.securityServer.client },
    ended: session.ended,
    systems: () => systems.offering(settings.asking.serviceCode),
    ask: (found, span) => asking.answersFor(session, { systems: found, span, gone }),
    waits: async () => waitingBlock(await askWaiting(visit, { ...rooms, calls: rooms.callsBeside }), reader),
    failed: (thrown) => log.warn({ fault: asFault(thrown).code }, 'the registers could not be asked'),
  })
  return { page }
}

async function saveAll(visit: Visit, rooms: Rooms): Promise<Answer> {
  const all = await askEverything(visit, rooms, choiceIn(visit.query))
  const content = JSON.stringify(shapeOf(all, new Date(rooms.clock()).toISOString()), undefined, 1)
  return { file: { name: 'my-data.json', type: 'application/json; charset=utf-8', content } }
}

/** The same on one page, which a browser prints or keeps as PDF. */
async function showAll(visit: Visit, rooms: Rooms): Promise<Answer> {
  const all = await askEverything(visit, rooms, choiceIn(visit.query))
  return { page: everythingPage(rooms.place, visit.reader, { all, now: rooms.clock() }) }
}

async function saveProof({ reader, query, gone }: Visit, rooms: Rooms): Promise<Answer> {
  const { place, settings, asking, server } = rooms
  const { session, words } = reader
  const { asked } = await rooms.systems.offering(settings.asking.serviceCode)
  const { system, record } = askedFor(query)
  const known = asked.find(({ id }) => id === system)
  const proof =
    known === undefined || record === undefined
      ? undefined
      : await asking.inTurn(() =>
          askProof(server, {
            ...{ system: known, record, userCode: asking.userCode(session), ...settings.asking },
            asker: asking.askerOf(session),
            signal: AbortSignal.any([gone, session.ended]),
          }),
        )
  if (proof !== undefined)
    return { file: { name: `proof-${record}.zip`, type: 'application/zip', content: proof } }
  const link = { href: '/', text: words('message.back') }
  const page = messagePage(place, reader, { title: words('proof.none'), text: words('proof.why'), link })
  return { page, status: 502 }
}

async function checked(visit: Visit, rooms: Rooms): Promise<CheckedUse | undefined> {
  const meant = meantUse(visit.query)
  return meant && (await checkUse(visit, rooms, meant))
}

async function showChecked(visit: Visit, rooms: Rooms): Promise<Answer> {
  const found = await checked(visit, rooms)
  if (found === undefined) return untold(visit, rooms)
  const query = choiceOfUse(visit.query)
  return { page: checkedPage(rooms.place, visit.reader, { checked: found, query }) }
}

/** What each side said, beside its proof: so whoever has the file can check both without the portal. */
async function saveChecked(visit: Visit, rooms: Rooms): Promise<Answer> {
  const found = await checked(visit, rooms)
  if (found === undefined) return untold(visit, rooms)
  const content = await writeSavedUse({
    savedAt: new Date(rooms.clock()).toISOString(),
    sides: found.sides,
  })
  return { file: { name: `${nameOf(found)}.zip`, type: 'application/zip', content } }
}

function untold({ reader }: Visit, { place }: Rooms): Answer {
  const { words } = reader
  const link = { href: '/', text: words('message.back') }
  const text = words('proving.gone')
  return { page: messagePage(place, reader, { title: words('proving.gone.title'), text, link }), status: 404 }
}

/** Without how somebody reads. */
function choiceOfUse(query: URLSearchParams): string {
  const names = ['at', 'system', 'record']
  return new URLSearchParams([...query].filter(([name]) => names.includes(name))).toString()
}

/** Of an entry of the list: which system told it, and its record there. */
function askedFor(query: URLSearchParams): { system: string | null; record: number | undefined } {
  const record = query.get('record') ?? ''
  return { system: query.get('system'), record: /^\d{1,15}$/.test(record) ? Number(record) : undefined }
}
