/**
 * Looks through what the index by person has learnt since the last time, and notes the requests about people
 * who want to be told. What may be told of them is decided when a message is made.
 */
import { monthsAfter } from '#core/subject/months.ts'
import { idText } from '#schemas/identifiers.ts'
import type { NoticeRooms } from './rooms.ts'

/** People whose entries are fetched in one run; then the next run goes on. */
const MOST_PEOPLE = 200
/** The longest time of a run. */
const RUN_MS = 20_000

type Months = { month: string; keyId: string }[]

export async function collectUses(rooms: NoticeRooms, signal?: AbortSignal): Promise<void> {
  const end = performance.now() + RUN_MS
  while (signal?.aborted !== true && performance.now() < end) if (!(await collectSome(rooms))) return
}

/** Whether there may be more. */
async function collectSome(rooms: NoticeRooms): Promise<boolean> {
  const { uses, personUses, clock } = rooms
  const position = await uses.position()
  if (position === undefined || !(await uses.hasConfirmed())) {
    // Nobody is told of what was before they asked.
    const { to } = await personUses.since(Number.MAX_SAFE_INTEGER)
    if (to !== position) await uses.put({ to, uses: [], now: clock() })
    return false
  }
  const { to, entries, months } = await personUses.since(position)
  if (to === position) return false
  if (await fetchEntries(months, rooms)) return true
  const people = await uses.peopleOf([...new Set(entries.flatMap(({ entry, before }) => [entry, ...before]))])
  const found = entries.flatMap(({ entry, request, before }) => {
    const person = people.get(entry)
    const isKnown = before.some((one) => people.get(one) === person)
    return person === undefined || isKnown ? [] : [{ person, idx: request }]
  })
  await uses.put({ to, uses: found, now: clock() })
  return true
}

/**
 * The entries of these months for everybody who wants to be told: evaluated once for a month and its key, and
 * kept. Throws what the holder of the keys throws; then the position stays, and nothing is missed. True when
 * it has to be asked again.
 */
async function fetchEntries(months: Months, rooms: NoticeRooms): Promise<boolean> {
  const { uses, personUses, server, log } = rooms
  const needed = months.map(({ month, keyId }) => `${month}/${keyId}`)
  const people = await uses.without(needed, MOST_PEOPLE)
  if (people.length === 0) return false
  const [first] = months.map(({ month }) => month).sort()
  const key = rooms.key()
  for (const { person, sealed, known } of people) {
    const all = new Set([...known.split(' ').filter((one) => one !== ''), ...needed])
    let entries: string[] = []
    try {
      const identity = JSON.parse(key.open(`person ${person}`, sealed)) as {
        type: string
        identifier: string
      }
      const asked = { ...identity, client: `${idText(server)}/notices`, from: monthsAfter(first!, -1) }
      const answered = await personUses.entriesByMonth(asked)
      entries = answered.map(({ entry }) => entry)
      for (const { month, keyId } of answered) all.add(`${month}/${keyId}`)
    } catch (thrown) {
      if (!isDamaged(thrown)) throw thrown
      log.error({ err: thrown }, 'a row of notices cannot be read')
    }
    await uses.addEntries(person, entries, `${[...all].join(' ')} `)
  }
  return people.length === MOST_PEOPLE
}

function isDamaged(thrown: unknown): boolean {
  return (thrown as { code?: unknown }).code === 'io_error'
}
