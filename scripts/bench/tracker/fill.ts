/**
 * Fills a log with exchanges about people: requests and replies by the log itself, which indexes them; who
 * they are about by the index by person.
 */
import { hash, randomBytes, randomUUID } from 'node:crypto'
import { sealCircumstances } from '#core/circumstances/seal.ts'
import { idText } from '#schemas/identifiers.ts'
import { subjectEntry } from '#security-server/features/person-search/log/entry.ts'
import type { LookedAt } from '#security-server/features/person-search/log/looked-at.ts'
import type { RecordInput } from '#security-server/message-log/record-input.ts'
import { tallyOf } from '../../command-line/tally.ts'
import type { Uses } from './store.ts'

/** Uses of one person. */
export const KINDS = [1, 100, 1000] as const
export const MOST_USES_OF_ONE = 1000
export const PEOPLE_OF_A_KIND = 20
export const TYPE = 'personal-code'
export const PORTAL = 'DEV/GOV/9999/portal'

const PROVIDER = { instance: 'DEV', memberClass: 'GOV', memberCode: '1234', subsystemCode: 'population' }
export const SUBSYSTEM = idText(PROVIDER)
const PEER = { instance: 'DEV', memberClass: 'GOV', memberCode: '5678', serverCode: 'ss2' }
const SERVICES = ['persons', 'addresses', 'families', 'deaths'].map((serviceCode) => ({
  ...PROVIDER,
  serviceCode,
}))
const CLIENTS = Array.from({ length: 20 }, (_, i) => ({
  ...{ instance: 'DEV', memberClass: 'GOV', memberCode: `${5000 + i}`, subsystemCode: 'office' },
}))
const CONTRACTS = SERVICES.map(({ serviceCode }) => {
  const id = randomUUID()
  const endpoint = { method: 'GET', path: `/${serviceCode}/*` }
  const circumstances = sealCircumstances({
    ...{ version: 1, side: 'provider', endpoint },
    contract: {
      ...{
        id,
        version: 1,
        hash: hash('sha256', id),
        title: 'Addresses',
        purpose: `Why ${serviceCode} are asked for`,
      },
      ...{ legalBasis: 'Tax Act, section 7', endpoint },
    },
  })
  return { contract: `${id}/1`, circumstances }
})

const SPAN_MS = 90 * 86_400_000
/** Exchanges that wait for commits together. */
const AT_ONCE = 500
/** Exchanges between two runs of the jobs. */
const JOBS_EVERY = 4_000

/** The codes of the people of each kind. */
export type Filled = { seconds: number; people: Record<(typeof KINDS)[number], string[]> }

export async function fillUses(uses: Uses, exchanges: number): Promise<Filled> {
  const people = Object.fromEntries(
    KINDS.map((uses) => [uses, Array.from({ length: PEOPLE_OF_A_KIND }, (_, i) => `${uses}P${i}`)]),
  ) as Filled['people']
  const { log, time } = uses
  const to = Date.now()
  const at = (exchange: number): Date => new Date(to - SPAN_MS + Math.floor((exchange / exchanges) * SPAN_MS))
  const entryOf = await entriesOf(uses, people, [at(0), at(exchanges)])
  const owners = ownersOf(people, exchanges)
  const tally = tallyOf({ what: 'filling the log', unit: 'exchanges', total: exchanges })
  const began = performance.now()
  for (let from = 0; from < exchanges; from += JOBS_EVERY) {
    const end = Math.min(from + JOBS_EVERY, exchanges)
    const records: LookedAt[] = []
    for (let next = from; next < end; next += AT_ONCE) {
      time.now = at(next).getTime()
      const some = Array.from({ length: Math.min(AT_ONCE, end - next) }, (_, i) => next + i)
      records.push(...(await exchange(log, some, { at, owners, entryOf })))
      tally.at(next)
    }
    // The index by person looks at the index of the log.
    await log.maintain()
    records.sort((a, b) => a.idx - b.idx)
    await log.parts.putSubjects({ from: await log.parts.subjectMark(), to: log.size(), records })
  }
  time.now = Date.now()
  tally.end()
  return { seconds: (performance.now() - began) / 1000, people }
}

type How = {
  at(exchange: number): Date
  owners: ReadonlyMap<number, string>
  entryOf(code: string | undefined, month: string): string
}

/** Logs requests and what answers them. Resolves to what the index by person has of them. */
async function exchange(log: Uses['log'], numbers: number[], how: How): Promise<LookedAt[]> {
  const looked = async (number: number): Promise<LookedAt[]> => {
    const ids = { id: randomUUID(), requestId: randomUUID() }
    const time = how.at(number)
    const service = SERVICES[number % SERVICES.length]!
    const common: Pick<RecordInput, 'ids' | 'client' | 'service' | 'peer' | 'time' | 'body' | 'signature'> = {
      ...{ ids, client: CLIENTS[number % CLIENTS.length]!, service, peer: PEER, time, body: undefined },
      signature: undefined,
    }
    const { index } = await log.append({
      ...{
        ...common,
        ...CONTRACTS[number % CONTRACTS.length]!,
        kind: 'request',
        direction: 'in',
        outcome: '',
      },
      message: Buffer.from(`GET /r1/${idText(service)}/${number} HTTP/1.1\r\nx-road-id: ${ids.id}\r\n\r\n`),
    })
    const reply = await log.append({
      ...{ ...common, kind: 'reply', direction: 'out', outcome: 'ok', answers: index },
      message: Buffer.from(`HTTP/1.1 200 OK\r\nx-road-id: ${ids.id}\r\n\r\n`),
    })
    const day = time.toISOString().slice(0, 10)
    const entry = how.entryOf(how.owners.get(number), day.slice(0, 7))
    const of = { day, service: idText(service) }
    return [
      { ...of, idx: index, reason: 'indexed', entries: [entry], keyId: '' },
      { ...of, idx: reply.index, reason: undefined, entries: [], keyId: '' },
    ]
  }
  return (await Promise.all(numbers.map(looked))).flat()
}

/** Which exchange is about whom; all others are each about somebody else. */
function ownersOf(people: Filled['people'], exchanges: number): Map<number, string> {
  const owners = new Map<number, string>()
  for (const uses of KINDS)
    for (const code of people[uses])
      for (let made = 0; made < uses; ) {
        const number = Math.floor(Math.random() * exchanges)
        if (owners.has(number)) continue
        owners.set(number, code)
        made++
      }
  return owners
}

/** The entries of these people by month, as the holder of the keys makes them. */
async function entriesOf(
  { holder }: Uses,
  people: Filled['people'],
  [from, to]: [Date, Date],
): Promise<How['entryOf']> {
  const months = new Set<string>()
  for (let day = from.getTime(); day <= to.getTime(); day += 86_400_000)
    months.add(new Date(day).toISOString().slice(0, 7))
  // The key of a month is made for its first record.
  for (const [index, month] of [...months].entries())
    await holder.evaluateRecords([{ index, month, subjects: [{ type: TYPE, identifier: 'anybody' }] }])
  const known = new Map<string, string>()
  for (const identifier of Object.values(people).flat()) {
    const { months: hashes } = await holder.evaluateLookUp({ type: TYPE, identifier, client: PORTAL })
    for (const { month, hash } of hashes) known.set(`${identifier} ${month}`, subjectEntry(month, hash))
  }
  return (code, month) =>
    code === undefined ? subjectEntry(month, randomBytes(16).toString('hex')) : known.get(`${code} ${month}`)!
}
