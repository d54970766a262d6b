/**
 * Makes messages of uses, for wishes that are due: what the tracker would tell now is counted, what is
 * withheld waits until it may be told. The message and the uses that it counts are one transaction. One wish
 * that fails keeps no other back, and neither do many: it stays due for the next run, and this one goes on
 * behind it.
 */
import { collectFailures } from '#platform/collect-failures.ts'
import { idText, memberOf, parseClientId } from '#schemas/identifiers.ts'
import type { UsesTold } from './render-letter.ts'
import { iso, type NoticeRooms } from './rooms.ts'
import { lookAgain, nextDay, nextLook, REST_MS } from './rules.ts'
import type { DueWish } from './uses-store.ts'

const MOST_WISHES = 100
const AT_ONCE = 1000
const HOUR_MS = 3_600_000

type Judged = {
  told: { idx: number; client: string | undefined }[]
  never: number[]
  waiting: number
  nextEnd: string | undefined
}

export async function writeLetters(rooms: NoticeRooms, signal?: AbortSignal): Promise<void> {
  if ((await rooms.wishes.stopped()) !== undefined) return
  const seen = new Set<string>()
  const failures = collectFailures(rooms.log)
  let last: DueWish | undefined
  for (;;) {
    const due = await rooms.uses.due(rooms.clock(), MOST_WISHES, last)
    last = due.at(-1)
    if (last === undefined || signal?.aborted === true) return failures.end()
    await failures.each(
      due.filter(({ id }) => !seen.has(id)),
      ({ id }) => `wish ${id}`,
      async (wish) => {
        if (signal?.aborted === true) return
        seen.add(wish.id)
        await writeOne(wish, rooms)
      },
    )
  }
}

async function writeOne(wish: DueWish, rooms: NoticeRooms): Promise<void> {
  const { uses, tracker, clock, settings } = rooms
  const now = clock()
  // Nothing is told by a subsystem that answers no questions.
  if (!tracker.isOn(wish.subsystem)) return uses.lookLater(wish.id, iso(now + HOUR_MS))
  const counted = `sent ${wish.person}`
  const sent = await uses.sentOn(counted, now)
  if (sent >= settings.perDay) return uses.lookLater(wish.id, nextDay(now))
  const { told, never, waiting, nextEnd } = await judge(wish, rooms)
  const done = [...told.map(({ idx }) => idx), ...never]
  const isLast = sent + 1 >= settings.perDay
  const restUntil = isLast ? nextDay(now) : iso(now + REST_MS)
  if (told.length === 0) {
    const again = wish.mode === 'at_once' ? lookAgain(now, nextEnd) : nextLook(wish.mode, now, null)
    return uses.tell({ wish, done, lookAt: waiting > 0 ? again : null, now })
  }
  const parties = new Set(told.flatMap(({ client }) => (client === undefined ? [] : [memberIn(client)])))
  const fields: UsesTold = {
    ...{ uses: told.length, parties: parties.size, isMore: wish.is_more === 1, isLast },
  }
  const rested = nextLook(wish.mode, now, restUntil)
  const again = wish.mode === 'at_once' ? lookAgain(now, nextEnd) : rested
  const lookAt = waiting === 0 ? null : [again, rested].sort().at(-1)!
  await uses.tell({ wish, done, lookAt, letter: { fields, restUntil, counted }, now })
}

/**
 * As the tracker would answer now. What is told by its month alone waits for the month's end, so that no
 * message says its day.
 */
async function judge(wish: DueWish, { uses, tracker, personUses, clock }: NoticeRooms): Promise<Judged> {
  const month = iso(clock()).slice(0, 7)
  const { nextEnd, ...filter } = await tracker.filterFor(wish.subsystem)
  const indexes = await uses.usesOf(wish.id)
  const judged: Judged = { told: [], never: [], waiting: 0, nextEnd }
  for (let at = 0; at < indexes.length; at += AT_ONCE) {
    const some = indexes.slice(at, at + AT_ONCE)
    const found = new Map((await personUses.judge({ ...filter, indexes: some })).map((one) => [one.idx, one]))
    for (const idx of some) {
      const use = found.get(idx)
      if (use === undefined) judged.never.push(idx)
      else if (use.isWithheld || (use.isGeneral && use.time.slice(0, 7) >= month)) judged.waiting++
      else judged.told.push({ idx, client: use.isGeneral ? undefined : use.client })
    }
  }
  return judged
}

function memberIn(client: string): string {
  return idText(memberOf(parseClientId(client)))
}
