/**
 * The uses of a person's data in which this subsystem was the provider or the consumer, as our own portals
 * ask for them.
 */
import type { MassUse, Usage, Usages } from '#schemas/find-usage.ts'
import { describeUse, headOf, partyOf } from './describe-use.ts'
import { type AskedTracker, questionFor } from './question-for.ts'
import { type PersonQuestion, refused } from './read-question.ts'
import type { PersonUse, TellingRooms, UsesPosition, UsesQuestion } from './rooms.ts'
import type { ServiceRule } from './store.ts'

const MOST_MASS_USES = 200
/**
 * Time, index and number, to the base of 36; the first two are empty where all rows before are in general
 * terms.
 */
const CURSOR = /^(?:([0-9a-z]{1,10})-([0-9a-z]{1,11}))?-([0-9a-z]{1,4})$/
const LAST_TIME = Date.UTC(9999, 11, 31)

type NumbersOfCall = { consent?: string | undefined; preview?: string | undefined; isUnread?: boolean }

export async function usages(
  asked: AskedTracker,
  { period, ...person }: PersonQuestion,
  page: { cursor: string | undefined; limit: number },
  rooms: TellingRooms,
): Promise<Usages> {
  const after = page.cursor === undefined ? undefined : positionIn(page.cursor)
  const question = await questionFor(asked, period, rooms)
  const { total, isCut, rows, looks, next } = await rooms.personUses.page(
    { ...person, client: asked.client },
    { ...question, givenOnly: false, offset: 0, after, limit: page.limit },
  )
  const rules = await rooms.store.rules(asked.subsystem)
  const isFirst = after === undefined
  const told: Usage[] = []
  const provided = rows.filter((row) => roleOf(row) === 'provider')
  const numbers = await numbersOf(provided, person, rooms)
  for (const row of rows) told.push(await usageOf(row, rules, numbers.get(row.idx), rooms))
  return {
    ...headOf(asked.subsystem, rooms),
    totalUsages: total,
    usages: told,
    ...(next && { next: cursorOf(next) }),
    ...(isCut && { isCut: true }),
    massUses: isFirst ? await massUses(question, rules, rooms) : [],
    looks: isFirst
      ? looks.map(({ client, ...look }) => ({ client: partyOf(client, 'client', rooms), ...look }))
      : [],
  }
}

async function usageOf(
  row: PersonUse,
  rules: ReadonlyMap<string, ServiceRule>,
  { consent, preview, isUnread = false }: NumbersOfCall = {},
  rooms: TellingRooms,
): Promise<Usage> {
  const { isGeneral, ...described } = await describeUse(row, rules, rooms)
  const role = roleOf(row)
  // A refusal of a request is in its own record.
  const outcome = row.outcome === '' ? (row.answer?.outcome ?? 'open') : row.outcome
  const mass = row.isMass ? { isMass: true as const } : {}
  if (isGeneral)
    return { messageId: '', time: row.told, role, ...described, outcome, ...mass, isGeneral: true }
  return {
    ...{ messageId: row.query_id, requestId: row.request_id, time: row.time, role },
    ...described,
    ...(row.endpoint !== '' && { endpoint: row.endpoint }),
    outcome,
    ...mass,
    ...(consent !== undefined && { consent }),
    ...(preview !== undefined && { preview }),
    ...(isUnread && { isUnread }),
    record: { index: row.idx, leaf: row.leaf?.toString('base64') ?? '' },
  }
}

/**
 * The consent and the preview of each call, by the index of its record, where the record names one of these:
 * other calls can have the same request id, under another consent or none.
 */
async function numbersOf(
  provided: readonly PersonUse[],
  person: Parameters<TellingRooms['consentsOf']>[0],
  { log, consentsOf, previewsOf }: Pick<TellingRooms, 'log' | 'consentsOf' | 'previewsOf'>,
): Promise<ReadonlyMap<number, NumbersOfCall>> {
  const calls = provided.map(({ request_id: requestId, time }) => ({ requestId, time }))
  const found = { consent: await consentsOf(person, calls), preview: await previewsOf(person, calls) }
  const key = (row: PersonUse): string => `${row.request_id} ${row.service} ${row.client}`
  const rows = provided.filter((row) => found.consent.has(key(row)) || found.preview.has(key(row)))
  const extras = rows.length === 0 ? [] : await log.extras(rows.map(({ idx }) => idx))
  const named = (what: 'consent' | 'preview') =>
    rows.flatMap(({ request_id: requestId, time }, at) => {
      const number = extras[at]?.[what]
      return number === undefined ? [] : [{ requestId, time, number }]
    })
  const numbers = {
    consent: await consentsOf(person, named('consent')),
    preview: await previewsOf(person, named('preview')),
  }
  return new Map(
    rows.map((row, at) => {
      const own = (what: 'consent' | 'preview'): string | undefined =>
        numbers[what].get(key(row))?.find((number) => number === extras[at]?.[what])
      const isUnread = extras[at] === undefined
      return [row.idx, { consent: own('consent'), preview: own('preview'), isUnread }]
    }),
  )
}

/** The same lines for everybody: nobody is named in messages that are only counted. */
async function massUses(
  { subsystem, from, to, withheld }: Pick<UsesQuestion, 'subsystem' | 'from' | 'to' | 'withheld'>,
  rules: ReadonlyMap<string, ServiceRule>,
  rooms: TellingRooms,
): Promise<MassUse[]> {
  const counts = await rooms.personUses.massUses({ subsystem, from, to, limit: MOST_MASS_USES })
  const hidden = new Set(withheld.contracts)
  const agreed = new Set(withheld.agreed)
  const lines: MassUse[] = []
  for (const one of counts) {
    const isAgreed = agreed.has(`${one.contract} ${one.service.split('/').slice(0, 5).join('/')}`)
    if (one.secrecy > 0 || (hidden.has(one.contract.split('/')[0]!) && !isAgreed)) continue
    const { isGeneral: _, fields: _fields, ...described } = await describeUse(one, rules, rooms)
    const { messages, first_day: first, last_day: last } = one
    lines.push({ role: roleOf(one), ...described, messages, first, last })
  }
  return lines
}

function roleOf({ direction }: { direction: string }): Usage['role'] {
  return direction === 'in' ? 'provider' : 'consumer'
}

/** Nothing in it is not in the rows before. */
function cursorOf({ row, general }: UsesPosition): string {
  const at = row === undefined ? '' : `${Date.parse(row.time).toString(36)}-${row.idx.toString(36)}`
  return `${at}-${general.toString(36)}`
}

function positionIn(cursor: string): UsesPosition {
  const [, time, index, general] = CURSOR.exec(cursor) ?? []
  const [at, idx] = [time, index].map((text) => Number.parseInt(text ?? '0', 36))
  if (general === undefined || at! > LAST_TIME) throw refused('cursor is the next of a page')
  const row = time === undefined ? undefined : { time: new Date(at!).toISOString(), idx: idx! }
  return { row, general: Number.parseInt(general, 36) }
}
