/**
 * Judges an evidence bundle: each record's leaf lies under a signed tree head, what the bundle shows of it is what the
 * leaf commits to, its signed message verifies at the time that its time-stamp proves, and records that answer each
 * other say so. Nothing in a bad bundle makes it throw.
 */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { WitnessPolicy } from '#core/merkle/witness-policy.ts'
import type { Bundle, BundleVerdict, RecordVerdict } from './bundle.ts'
import { checkExchange } from './check-exchange.ts'
import { judgeCheckpoints } from './judge-checkpoints.ts'
import { judgeRecord, type ProvenRecord } from './judge-record.ts'

export type BundleQuestion = {
  bundle: Bundle
  configuration: ReadonlyMap<string, ConfigurationIndex>
  now: Date
  /** Whose cosignatures every tree head needs; none when absent. */
  witnesses?: WitnessPolicy | undefined
}

const ORDER: BundleVerdict['verdict'][] = ['TOTAL-FAILED', 'INDETERMINATE', 'TOTAL-PASSED']

export async function judgeBundle(q: BundleQuestion): Promise<BundleVerdict> {
  const { manifest } = q.bundle
  const records: ProvenRecord[] = []
  for (const record of manifest.records) records.push(await judgeRecord(record, q))
  const told = records.map((one) => sayErased(one, records))
  const answered = told.map((one) => checkExchange(one, told))
  const checkpoints = judgeCheckpoints(q, answered)
  return {
    ...overall(answered, checkpoints),
    log: manifest.log,
    made: manifest.made,
    records: answered,
    checkpoints,
  }
}

/** Content that is missing: whether the log itself has recorded that it was erased. */
function sayErased(record: ProvenRecord, all: ProvenRecord[]): ProvenRecord {
  if (record.subIndication !== 'SIGNED_DATA_NOT_FOUND') return record
  const erasure = all.find(
    ({ form, leaf }) => form.kind === 'erasure' && form.answers === record.leaf && leaf !== record.leaf,
  )
  if (erasure === undefined || erasure.verdict === 'TOTAL-FAILED') return record
  const reason = `It stands in the log, and its content was erased on ${erasure.form.time}, which record ${erasure.index} of the log says: that is no sign of tampering.`
  return { ...record, reason }
}

/** The worst verdict on a record decides; then whether the owner stands behind each tree head. */
export function overall(
  records: RecordVerdict[],
  checkpoints: BundleVerdict['checkpoints'],
): Pick<BundleVerdict, 'verdict' | 'subIndication' | 'reason'> {
  const worst = records.toSorted((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict))[0]!
  if (worst.verdict !== 'TOTAL-PASSED') {
    const { verdict, subIndication, reason } = worst
    return { verdict, subIndication, reason: `Record ${worst.index}: ${reason}` }
  }
  if (checkpoints.some(({ signedByMember }) => !signedByMember)) {
    return {
      verdict: 'INDETERMINATE',
      subIndication: 'NO_CERTIFICATE_CHAIN_FOUND',
      reason:
        "Every message verifies, but no certificate of the security server's owner is known that signed the log's tree head.",
    }
  }
  if (checkpoints.some(({ witnesses }) => witnesses?.quorum === false)) {
    return {
      verdict: 'INDETERMINATE',
      subIndication: 'NO_POE',
      reason:
        'Every message verifies, but too few witnesses of your policy cosigned the tree head: the log could have been rewritten before.',
    }
  }
  return {
    verdict: 'TOTAL-PASSED',
    reason:
      "Every record stands in the log under a tree head that the server's owner signed, and every message verifies.",
  }
}
