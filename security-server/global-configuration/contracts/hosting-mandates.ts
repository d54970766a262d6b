/**
 * The hosting mandates that came with the registry's list of contracts, as the message path asks for them:
 * compiled once, then one look-up per question. Pure.
 */
import type { ContractList } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import type { Time } from '#schemas/sent-values.ts'
import { LIST_GOOD_MS } from './index-contracts.ts'

/** May the member `host` speak for the member `client`, both in text form, at this time (ms)? */
export type MandateQuestion = { host: string; client: string; at: number }

/**
 * A mandate by its number in the registry, as the registry had it when it made the list of that time (ISO).
 */
export type FoundMandate = { id: number; listedAt: string }

export type MandateIndex = {
  listedAt: Time
  /** By host and client; the end (ms) of the mandate that ends last. */
  byParties: ReadonlyMap<string, { id: number; until: number }>
}

export function indexMandates({
  generatedAt,
  hostingMandates = [],
}: Pick<ContractList, 'generatedAt' | 'hostingMandates'>): MandateIndex {
  const byParties = new Map<string, { id: number; until: number }>()
  for (const { id, host, client, validUntil } of hostingMandates) {
    const key = keyOf({ host, client })
    const until = Date.parse(validUntil)
    if ((byParties.get(key)?.until ?? Number.NEGATIVE_INFINITY) < until) byParties.set(key, { id, until })
  }
  return { listedAt: generatedAt, byParties }
}

/**
 * The mandate that covers the whole member, undefined when there is none. Throws `contracts_outdated` when
 * the list is older than ten minutes, whatever grace a contract allows: a mandate can be withdrawn at any
 * time.
 */
export function hostingMandateFor(
  index: MandateIndex | undefined,
  { host, client, at }: MandateQuestion,
): FoundMandate | undefined {
  if (index === undefined || at - Date.parse(index.listedAt) > LIST_GOOD_MS)
    throw new Fault('contracts_outdated', { what: 'hosting mandates come with them' })
  const found = index.byParties.get(keyOf({ host, client }))
  return found === undefined || found.until <= at ? undefined : { id: found.id, listedAt: index.listedAt }
}

/** Identifiers in text form have no spaces. */
function keyOf({ host, client }: Pick<MandateQuestion, 'host' | 'client'>): string {
  return `${host} ${client}`
}
