/**
 * Asks one system what it knows about a person: in our own form, or in Estonia's where it knows only that.
 * Guarantees an end: pages, rows, bytes and time are bounded, and whatever comes is an answer or a reason why
 * there is none.
 */
import type { SecurityServer } from '#adapters/client/connect.ts'
import type { Answered, Coverage, Failed, Row, Why } from '../joining/row.ts'
import { type Asker, type CallLimits, callService, type NotCalled, whyOfStatus } from './call-service.ts'
import type { System } from './find-systems.ts'
import type { Names } from './names.ts'
import {
  isObject,
  listOf,
  numberOf,
  readCoverage,
  readFoundUsage,
  readLooks,
  readMasses,
  readPeriod,
  readUsage,
} from './read-usages.ts'

export type Question = {
  /** With the country's prefix. */
  userCode: string
  asker: Asker
  from?: string
  until?: string
  names: Names
  /** Ends everything. */
  signal: AbortSignal
}

export type AskLimits = CallLimits & { rows: number }

type Query = Record<string, string | number>
/** Throws NoAnswer. */
type Ask = (path: string, query?: Query) => Promise<unknown>

const PAGE = 500
const PLAIN_PAGE = 1000
/** What is left of a row when all its texts are empty, so that pages of nothing end too. */
const EMPTY_PAGES = 3
/** Of what is kept of one row, on average: a system whose rows are all as large as a row may be is cut. */
const ROW_CHARACTERS = 1_000

/** Never throws. */
export async function askSystem(
  server: Pick<SecurityServer, 'service'>,
  q: { system: System; serviceCode: string; question: Question; limits: AskLimits },
): Promise<Answered | Failed> {
  const { system, question, limits } = q
  const { asker, signal } = question
  const service = `${system.id}/${q.serviceCode}`
  const ask: Ask = async (path, query = {}) => {
    const answer = await callService(
      server,
      { service, method: 'GET', path, query, ...asker, signal },
      limits,
    )
    if ('why' in answer) throw new NoAnswer(answer)
    if (answer.status !== 200) throw new NoAnswer({ why: whyOfStatus(answer.status), status: answer.status })
    return answer.json
  }
  try {
    return (await askFull(ask, system, question, limits)) ?? (await askPlain(ask, system, question, limits))
  } catch (thrown) {
    return { system, why: whyOf(thrown) }
  }
}

/** Undefined for a system that does not know the path. */
async function askFull(
  ask: Ask,
  system: System,
  question: Question,
  limits: AskLimits,
): Promise<Answered | undefined> {
  const query = { userCode: question.userCode, ...periodOf(question), limit: PAGE }
  let first: unknown
  try {
    first = await ask('/concordat/v1/usages', query)
  } catch (thrown) {
    if (mayBePlain(thrown)) return undefined
    throw thrown
  }
  if (!isObject(first) || !Array.isArray(first['usages'])) return undefined
  const rows = gather(system, limits.rows, (one) => readUsage(system, one, question.names))
  const end = await turnPages(rows, first, pagesFor(limits.rows, PAGE), async (page) => {
    const { next } = page
    if (typeof next !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(next)) return undefined
    return ask('/concordat/v1/usages', { ...query, cursor: next })
  })
  const coverage = await orNothing(async () => readCoverage(await ask('/concordat/v1/coverage')))
  return {
    ...{ system, form: 'full', rows: rows.kept, dropped: rows.dropped() },
    masses: readMasses(system, first['massUses'], question.names),
    looks: readLooks(system, first['looks'], question.names),
    hasOlder: first['isCut'] === true,
    ...(coverage !== undefined && { coverage }),
    ...(end !== undefined && { cut: { total: numberOf(first['totalUsages']), why: end } }),
  }
}

/** Paging rule of the protocol: a larger offset until fewer rows come than were asked for. */
async function askPlain(ask: Ask, system: System, question: Question, limits: AskLimits): Promise<Answered> {
  const query = { userCode: question.userCode, ...periodOf(question), limit: PLAIN_PAGE }
  const first = await ask('/v2/findUsage', { ...query, offset: 0 })
  if (!isObject(first) || !Array.isArray(first['usages'])) throw new NoAnswer({ why: 'unreadable' })
  const rows = gather(system, limits.rows, (one) => readFoundUsage(system, one, question.names))
  let offset = 0
  const end = await turnPages(rows, first, pagesFor(limits.rows, PLAIN_PAGE), async (page) => {
    const { length } = listOf(page['usages'])
    offset += length
    if (length < PLAIN_PAGE) return undefined
    return ask('/v2/findUsage', { ...query, offset })
  })
  const coverage = await orNothing(async () => readPeriod(await ask('/v2/usagePeriod')))
  return {
    ...{ system, form: 'plain', rows: rows.kept, dropped: rows.dropped(), masses: [], looks: [] },
    hasOlder: false,
    ...(coverage !== undefined && { coverage }),
    ...(end !== undefined && { cut: { total: numberOf(first['totalUsages']), why: end } }),
  }
}

type Gathered = {
  kept: Row[]
  /** False once there is room for no more. */
  take(usages: readonly unknown[]): boolean
  dropped(): number
}

/** A row that is told twice is one: a server that repeats itself makes no uses of it. */
function gather(system: System, most: number, read: (one: unknown) => Row | undefined): Gathered {
  const kept: Row[] = []
  const known = new Set<string>()
  let dropped = 0
  let room = most * ROW_CHARACTERS
  return {
    kept,
    dropped: () => dropped,
    take(usages) {
      for (const one of usages) {
        if (kept.length >= most || room <= 0) return false
        const row = read(one)
        const key = row === undefined ? '' : keyOf(row)
        if (row === undefined || (key !== '' && known.has(key))) dropped++
        else {
          known.add(key)
          room -= JSON.stringify(row).length
          kept.push({ ...row, told: system })
        }
      }
      return true
    },
  }
}

/** Rows of Estonia's protocol have no number: two of one second may be two uses. */
function keyOf({ role, messageId, requestId, proof }: Row): string {
  return messageId === '' && proof === undefined ? '' : JSON.stringify([role, messageId, requestId, proof])
}

/** Honest pages are full, but the last. */
function pagesFor(rows: number, page: number): number {
  return Math.ceil(rows / page) + EMPTY_PAGES
}

/** Undefined after the last page; why it ended otherwise. What came before stays. */
async function turnPages(
  rows: Gathered,
  first: Record<string, unknown>,
  most: number,
  turn: (page: Record<string, unknown>) => Promise<unknown>,
): Promise<Why | 'bound' | undefined> {
  let page = first
  let empty = 0
  for (let turned = 1; ; turned++) {
    const before = rows.kept.length
    if (!rows.take(listOf(page['usages']))) return 'bound'
    empty = rows.kept.length > before ? 0 : empty + 1
    if (empty >= EMPTY_PAGES) return 'bound'
    try {
      const next = await turn(page)
      if (next === undefined) return undefined
      if (turned >= most) return 'bound'
      if (!isObject(next) || !Array.isArray(next['usages'])) return 'unreadable'
      page = next
    } catch (thrown) {
      return whyOf(thrown)
    }
  }
}

async function orNothing(read: () => Promise<Coverage | undefined>): Promise<Coverage | undefined> {
  return read().catch(() => undefined)
}

function periodOf({ from, until }: Question): Query {
  return {
    ...(from !== undefined && { periodStart: from }),
    ...(until !== undefined && { periodEnd: until }),
  }
}

type Reason = { why: Why; status?: number; code?: NotCalled['code'] }

class NoAnswer extends Error {
  readonly reason: Reason
  constructor(reason: Reason) {
    super(reason.why)
    this.reason = reason
  }
}

/**
 * A system that knows Estonia's paths alone says so in its own way; a security server may not let others
 * through.
 */
function mayBePlain(thrown: unknown): boolean {
  const { status, code } = thrown instanceof NoAnswer ? thrown.reason : {}
  if (status !== undefined) return [400, 404, 405, 500, 501].includes(status)
  return code !== undefined && /access_denied|unknown_service/i.test(code)
}

function whyOf(thrown: unknown): Why {
  return thrown instanceof NoAnswer ? thrown.reason.why : 'failing'
}
