/**
 * The circumstances that records of an exchange carry. One document serves all exchanges with the same
 * circumstances, until something that it states changes. So an exchange costs only a few look-ups here.
 */
import { type SealedCircumstances, sealCircumstances } from '#core/circumstances/seal.ts'
import type { Circumstances } from '#schemas/circumstances.ts'
import type { RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import type { ConfigurationSnapshot } from '../global-configuration/snapshot.ts'

export type TermsOnRecord = Omit<RecordTerms, 'agreed'> & {
  circumstances?: SealedCircumstances
  /** The global configuration by which the exchange was judged. */
  configuration?: string
  /**
   * Since when that configuration was past its ordinary end: the exchange went on by the outage grace of its
   * contract.
   */
  graceSince?: string
}

type Known = Map<string, WeakMap<RecordTerms, TermsOnRecord>>

/**
 * Keys are made of our own endpoints and clients. More than this exist only when somebody changes them all
 * the time.
 */
const MAX_KEYS = 10_000

/**
 * Snapshot, local view and terms are replaced as a whole when anything in them changes, so no outdated entry
 * is found.
 */
const known = new WeakMap<ConfigurationSnapshot, WeakMap<object, Known>>()

/**
 * The terms for a record, from the cache or newly made. `local` is the view of our own systems from which
 * `describe` reads. `key` identifies one of the descriptions that the same view, configuration and terms
 * allow.
 */
export function termsOnRecord(q: {
  snapshot: ConfigurationSnapshot
  local: object
  key: string
  terms: RecordTerms
  describe(): Omit<Circumstances, 'version' | 'contract'>
}): TermsOnRecord {
  const { snapshot, terms } = q
  const pictures = of(known, snapshot, () => new WeakMap<object, Known>())
  const keys: Known = of(pictures, q.local, () => new Map())
  if (!keys.has(q.key) && keys.size >= MAX_KEYS) keys.clear()
  const held = of(keys, q.key, () => new WeakMap<RecordTerms, TermsOnRecord>())
  return of(held, terms, () => {
    const { agreed, ...rest } = terms
    const circumstances = sealCircumstances({
      ...{ version: 1, ...q.describe() },
      ...(agreed !== undefined && { contract: agreed }),
    })
    return { ...rest, circumstances, configuration: configurationOf(snapshot) }
  })
}

/** Nothing as long as the configurations of these instances have not ended. */
export function graceOnRecord(
  snapshot: ConfigurationSnapshot,
  instances: readonly string[],
): Pick<TermsOnRecord, 'graceSince'> {
  const overdue = snapshot.overdue(instances)
  return overdue === undefined ? {} : { graceSince: new Date(overdue.since).toISOString() }
}

/**
 * The configuration by the index of the registry's statement; for a source without statements (X-Road) by a
 * digest of its parts.
 */
function configurationOf({ instance, statementIndex, version }: ConfigurationSnapshot): string {
  return statementIndex === undefined ? `${instance}#${version}` : `${instance}/${statementIndex}`
}

function of<K, V>(
  map: { get(key: K): V | undefined; set(key: K, value: V): unknown },
  key: K,
  make: () => V,
): V {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}
