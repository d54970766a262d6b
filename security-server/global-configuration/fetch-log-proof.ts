/**
 * Guarantees that a statement stands in the registry's transparency log, and that this log is the one that we knew, grown:
 * a registry that shows us another history than before, or than it shows to others, has to sign the contradiction.
 */
import {
  checkLogGrew,
  checkNoContradiction,
  checkStatementInLog,
  type LogProof,
  MAX_PROOF_LENGTH,
  readLogProof,
  type SignedHead,
  verifyLogHead,
} from '#core/configuration/log-head.ts'
import { Fault } from '#schemas/fault.ts'
import type { ConfigurationStatement, LogHead } from '#schemas/global-configuration.ts'
import type { ConfigurationClient } from './client.ts'
import type { HighWaterMark } from './high-water.ts'

type Question = {
  client: ConfigurationClient
  /** Of the configuration; its path says where the proofs lie. */
  url: string
  certificates: Buffer[]
  statement: ConfigurationStatement
  mark: HighWaterMark | undefined
}

/** The statement's head, undefined where the instance has no log. Throws `registry_fork`, `invalid_proof`, and what fetching throws. */
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

/** Throws `registry_fork` or `invalid_proof` unless the older head is of the log of the newer one. */
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

/** The head in a statement, its signature verified; it must be about this statement. */
export function headOf(statement: ConfigurationStatement, certificates: Buffer[]): SignedHead | undefined {
  const text = statement.logHead
  if (text === undefined) return undefined
  const head = verifyLogHead(text, certificates)
  if (head.instance !== statement.instance || head.index !== statement.index)
    throw new Fault('malformed_global_conf', { what: 'the log head in the statement is of another one' })
  return { head, text }
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
  // It answers, but has no proof for what it signed.
  throw new Fault(status === 404 ? 'invalid_proof' : 'network_error', { what })
}
