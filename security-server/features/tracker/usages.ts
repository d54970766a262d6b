/** The uses of a person's data in which this subsystem was the provider or the consumer, as our own portals ask for them. */
import type { MassUse, Usage, Usages } from '#schemas/find-usage.ts'
import { describeUse, headOf, monthOf, partyOf } from './describe-use.ts'
import { type AskedTracker, questionFor } from './question-for.ts'
import { type PersonQuestion, refused } from './read-question.ts'
import type { PersonUse, TrackerRooms, UsesQuestion } from './rooms.ts'
import type { ServiceRule } from './store.ts'

const MOST_MASS_USES = 200
const CURSOR = /^[0-9]{1,16}$/

export async function usages(
  asked: AskedTracker,
  { period, ...person }: PersonQuestion,
  page: { cursor: string | undefined; limit: number },
  rooms: TrackerRooms,
): Promise<Usages> {
  const before = page.cursor === undefined ? undefined : indexIn(page.cursor)
  const question = await questionFor(asked, period, rooms)
  const { total, rows, looks, isMore } = await rooms.personUses.page(
    { ...person, client: asked.client },
    { ...question, givenOnly: false, offset: 0, before, limit: page.limit },
  )
  const rules = await rooms.store.rules(asked.subsystem)
  const isFirst = before === undefined
  const told: Usage[] = []
  for (const row of rows) told.push(await usageOf(row, rules, rooms))
  return {
    ...headOf(asked.subsystem, rooms),
    totalUsages: total,
    usages: told,
    ...(isMore && { next: cursorOf(rows.at(-1)!.idx) }),
    massUses: isFirst ? await massUses(question, rules, rooms) : [],
    looks: isFirst
      ? looks.map(({ client, ...look }) => ({ client: partyOf(client, 'client', rooms), ...look }))
      : [],
  }
}

async function usageOf(
  row: PersonUse,
  rules: ReadonlyMap<string, ServiceRule>,
  rooms: TrackerRooms,
): Promise<Usage> {
  const { isGeneral, ...described } = await describeUse(row, rules, rooms)
  const role = roleOf(row)
  // A refusal of a request is in its own record.
  const outcome = row.outcome === '' ? (row.answer?.outcome ?? 'open') : row.outcome
  if (isGeneral)
    return { messageId: '', time: monthOf(row.time), role, ...described, outcome, isGeneral: true }
  return {
    ...{ messageId: row.query_id, requestId: row.request_id, time: row.time, role },
    ...described,
    ...(row.endpoint !== '' && { endpoint: row.endpoint }),
    outcome,
    record: { index: row.idx, leaf: row.leaf?.toString('base64') ?? '' },
  }
}

/** The same lines for everybody: nobody is named in messages that are only counted. */
async function massUses(
  { subsystem, from, to, withheld }: Pick<UsesQuestion, 'subsystem' | 'from' | 'to' | 'withheld'>,
  rules: ReadonlyMap<string, ServiceRule>,
  rooms: TrackerRooms,
): Promise<MassUse[]> {
  const counts = await rooms.personUses.massUses({ subsystem, from, to, limit: MOST_MASS_USES })
  const hidden = new Set(withheld.contracts)
  const lines: MassUse[] = []
  for (const one of counts) {
    if (one.secrecy > 0 || hidden.has(one.contract.split('/')[0]!)) continue
    const { isGeneral: _, fields: _fields, ...described } = await describeUse(one, rules, rooms)
    const { messages, first_day: first, last_day: last } = one
    lines.push({ role: roleOf(one), ...described, messages, first, last })
  }
  return lines
}

function roleOf({ direction }: { direction: string }): Usage['role'] {
  return direction === 'in' ? 'provider' : 'consumer'
}

function cursorOf(index: number): string {
  return Buffer.from(String(index)).toString('base64url')
}

function indexIn(cursor: string): number {
  const text = Buffer.from(cursor, 'base64url').toString('latin1')
  if (!CURSOR.test(text) || cursorOf(Number(text)) !== cursor) throw refused('cursor is the next of a page')
  return Number(text)
}
