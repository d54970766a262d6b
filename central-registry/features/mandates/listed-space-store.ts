/**
 * How much hosting mandates may take in the lists of contracts: a server refuses a list that is too long
 * whole, with its contracts. All mandates in force together are bounded, so no server's share of them is too
 * long.
 */
import type { Kysely } from 'kysely'
import type { Clock } from '#platform/clock.ts'
import type { Finding } from '#platform/health/create-health.ts'
import { MAX_MANDATES_OCTETS, MOST_LISTED_MANDATES, mandateOctets } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { RegisterTables } from '../../register/tables.ts'

const TOLD_FROM = 0.8
/** Each load balancer looks at the health every few seconds, and all mandates are added up for it. */
const KEPT_MS = 60_000

type Listed = { host: string; client: string; member: string }

/** The share that is taken, of the number or of the octets: the larger of the two. */
async function takenBy(kysely: Kysely<RegisterTables>, now: string, more: Listed[] = []): Promise<number> {
  const row = await kysely
    .selectFrom('hosting_mandate')
    .select(({ fn }) => [
      fn.countAll<number>().as('mandates'),
      fn.sum<number | null>(fn<number>('length', ['host'])).as('hosts'),
      fn.sum<number | null>(fn<number>('length', ['client'])).as('clients'),
    ])
    // One for a subsystem is in no list.
    .whereRef('client', '=', 'member')
    .where('ended_at', 'is', null)
    .where('valid_until', '>', now)
    .executeTakeFirstOrThrow()
  const mandates = Number(row.mandates)
  const texts = Number(row.hosts ?? 0) + Number(row.clients ?? 0)
  const octets = texts + mandates * mandateOctets({ host: '', client: '' })
  const added = more.reduce((sum, one) => sum + mandateOctets(one), 0)
  return Math.max((mandates + more.length) / MOST_LISTED_MANDATES, (octets + added) / MAX_MANDATES_OCTETS)
}

/** Throws `hosting_mandates_full` for one with which a list could be too long. */
export async function checkListedSpace(
  kysely: Kysely<RegisterTables>,
  one: Listed,
  now: string,
): Promise<void> {
  if (one.client !== one.member || (await takenBy(kysely, now, [one])) <= 1) return
  throw new Fault('hosting_mandates_full')
}

/** From four fifths on it says so. Nothing stops for that. */
export function createSpaceFinding(kysely: Kysely<RegisterTables>, clock: Clock): () => Promise<Finding> {
  let kept: { at: number; finding: Finding } | undefined
  return async () => {
    const now = clock()
    if (kept === undefined || Math.abs(now - kept.at) >= KEPT_MS) {
      const taken = await takenBy(kysely, new Date(now).toISOString())
      kept = { at: now, finding: findingOf(taken) }
    }
    return kept.finding
  }
}

function findingOf(taken: number): Finding {
  if (taken < TOLD_FROM) return { ok: true }
  const percent = Math.floor(taken * 100)
  return {
    ok: true,
    reason: say`hosting mandates take ${percent} % of their place in the lists for servers: end those that nobody needs, before new ones are refused`,
  }
}
