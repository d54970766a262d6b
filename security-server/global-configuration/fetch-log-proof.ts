/**
 * Guarantees that a statement is in the registry's transparency log, and that this log is the known one with
 * more entries. A registry that shows this server another history than before, or than it shows to others,
 * would have to sign the contradiction.
 */

import type { HighWaterMark } from '#core/configuration/high-water.ts'
import {
  checkLogGrew,
  checkNoContradiction,
  checkStatementInLog,
  headOf,
  type LogProof,
  MAX_PROOF_LENGTH,
  readLogProof,
  type SignedHead,
} from '#core/configuration/log-head.ts'
import { Fault } from '#schemas/fault.ts'
import type { ConfigurationStatement, LogHead } from '#schemas/global-configuration.ts'
import type { ConfigurationClient } from './client.ts'

type Question = {
  client: ConfigurationClient
  /** The URL of the configuration; the path of the proofs is derived from it. */
  url: string
  certificates: Buffer[]
  statement: ConfigurationStatement
  mark: HighWaterMark | undefined
}

/**
 * Returns the statement's log head, undefined when the instance has no log. Throws `registry_fork`,
 * `invalid_proof`, `global_conf_rollback`, and what fetching throws.
 */
export async function checkInLog(q: Question): Promise<SignedHead | undefined> {
  const found = headOf(q.statement, q.certificates)
  const known = q.mark?.logHead
  if (found === undefined) {
    if (known === undefined) return undefined
    throw new Fault('global_conf_rollback', { what: 'its statement names no log, earlier ones did' })
  }
  if (known?.text === found.text) return found
  if (known !== undefined) checkNoContradiction(known.head, found.head)
  if (known !== undefined && known.head.size > found.head.size)
    throw new Fault('global_conf_rollback', {
      what: `its log has ${found.head.size} leaves, ${known.head.size} were seen before`,
    })
  const proof = await fetchLogProof(q, found.head.size, known?.head.size ?? 0)
  checkStatementInLog(q.statement, found.head, proof)
  if (known !== undefined) checkLogGrew(known.head, found.head, proof.consistency)
  return found
}

/**
 * Throws `registry_fork` or `invalid_proof` unless the newer log contains the older one; `network_error`
 * without an answer.
 */
export async function checkSameLog(
  q: Pick<Question, 'client' | 'url'>,
  older: LogHead,
  newer: LogHead,
): Promise<void> {
  checkNoContradiction(older, newer)
  if (older.size === newer.size) return
  const { consistency } = await fetchLogProof(q, newer.size, older.size)
  checkLogGrew(older, newer, consistency)
}

async function fetchLogProof(
  { client, url }: Pick<Question, 'client' | 'url'>,
  size: number,
  from: number,
): Promise<LogProof> {
  const place = new URL(url)
  place.pathname += '-log-proof'
  place.search = `?size=${size}&from=${from}`
  const { status, body } = await client.get(place.href, MAX_PROOF_LENGTH)
  if (status === 200) return readLogProof(body)
  const what = `${place.host} answered ${status} when asked for the proof from ${from} to ${size}`
  // The registry answers, but has no proof for the head that it signed.
  throw new Fault(status === 404 ? 'invalid_proof' : 'network_error', { what })
}
