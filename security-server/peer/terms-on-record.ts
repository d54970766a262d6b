/**
 * What the records of an exchange say of its circumstances. The document is made once for all exchanges of which the
 * same held, for as long as nothing changes that it speaks of: what an exchange costs here is a few look-ups.
 */
import { type SealedCircumstances, sealCircumstances } from '#core/circumstances/seal.ts'
import type { Circumstances } from '#schemas/circumstances.ts'
import type { RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import type { ConfigurationSnapshot } from '../global-configuration/snapshot.ts'

export type TermsOnRecord = Omit<RecordTerms, 'agreed'> & {
  circumstances?: SealedCircumstances
  /** The global configuration by which it was judged. */
  configuration?: string
}

type Known = Map<string, WeakMap<RecordTerms, TermsOnRecord>>

/** Keys stand for endpoints and clients of ours: more than there are only when somebody changes them all the time. */
const MAX_KEYS = 10_000

/** Each of these three is replaced as a whole by whatever changes in it, so nothing that is old is found. */
const known = new WeakMap<ConfigurationSnapshot, WeakMap<object, Known>>()

/**
 * `local`: the picture of our own systems from which `describe` takes what it says; `key` tells apart what it says with the same
 * picture, configuration and terms.
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

/** By the index of the registry's statement; of a source without one (X-Road's) by a digest over its parts. */
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
