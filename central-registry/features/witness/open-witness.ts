/**
 * Opens the registry's witness and its metric. Without a witness in the settings, it only opens the store of
 * earlier data.
 */

import path from 'node:path'
import { parseVerifierKey } from '#core/merkle/verifier-key.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import { keptOnAll } from '#platform/nodes/kept-files.ts'
import type { Cluster } from '#platform/nodes/needs.ts'
import { createWitness, type Witness } from '#platform/witness/create-witness.ts'
import type { HearCosigned } from '#platform/witness/store.ts'
import { createWitnessStore, type WitnessStore } from '#platform/witness/store.ts'
import { openWitnessKey, WITNESS_KEY_FILE } from '#platform/witness/witness-key.ts'
import { witnessRules } from './accepted-logs.ts'

/** `witness` is undefined when the settings have none. */
export async function openWitness(
  q: Parameters<typeof witnessRules>[0] & {
    database: Database
    directory: string
    settings: { name: string; logs?: string[] | undefined } | undefined
    /** Called with each tree head, in the transaction that cosigns it. */
    hearCosigned: HearCosigned
    metrics: Metrics
    log: Log
    cluster: Cluster | undefined
  },
): Promise<{ witness: Witness | undefined; store: WitnessStore }> {
  const store = createWitnessStore(q.database, q.hearCosigned)
  q.metrics.watch('concordat_witness_forks', 'Kept proofs of message logs that forked', 'kind', async () => [
    ['proven', await store.countForks()] as const,
  ])
  const witness = q.settings === undefined ? undefined : await create(q.settings)
  return { witness, store }

  async function create({
    name,
    logs = [],
  }: {
    name: string
    logs?: string[] | undefined
  }): Promise<Witness> {
    return createWitness({
      store,
      logs: logs.map((text) => parseVerifierKey(text, 'log')),
      key: await openWitnessKey({
        ...{ file: path.join(q.directory, WITNESS_KEY_FILE), name, store },
        files: q.cluster && keptOnAll(q.cluster, q.directory),
      }),
      clock: q.clock,
      ...witnessRules(q),
      onContradiction: (origin, isFork) =>
        q.log.error({ origin, isFork }, 'a message log contradicts what was cosigned; the proof is kept'),
    })
  }
}
