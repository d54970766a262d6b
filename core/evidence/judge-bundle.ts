/**
 * Judges an evidence bundle: each record's leaf lies under a signed tree head, what the bundle shows of it is what the
 * leaf commits to, its signed message verifies at the time that its time-stamp proves, and records that answer each
 * other say so. Nothing in a bad bundle makes it throw.
 */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { Bundle, BundleVerdict, RecordVerdict } from './bundle.ts'
import { judgeCheckpoints } from './judge-checkpoints.ts'
import { judgeRecord, type ProvenRecord } from './judge-record.ts'

export type BundleQuestion = {
  bundle: Bundle
  configuration: ReadonlyMap<string, ConfigurationIndex>
  now: Date
}

const ORDER: BundleVerdict['verdict'][] = ['TOTAL-FAILED', 'INDETERMINATE', 'TOTAL-PASSED']

export async function judgeBundle(q: BundleQuestion): Promise<BundleVerdict> {
  const { manifest } = q.bundle
  const records: ProvenRecord[] = []
  for (const record of manifest.records) records.push(await judgeRecord(record, q))
  const answered = records.map((one) => checkAnswer(one, records))
  const checkpoints = judgeCheckpoints(q, answered)
  return {
    ...overall(answered, checkpoints),
    log: manifest.log,
    made: manifest.made,
    records: answered,
    checkpoints,
  }
}

/** The record that this one answers, when the bundle has it: its leaf must be the one that this leaf names. */
function checkAnswer({ leaf: _, ...verdict }: ProvenRecord, all: ProvenRecord[]): RecordVerdict {
  const { answers } = (verdict.metadata ?? {}) as { answers?: unknown }
  const answered = all.find(({ index }) => index === answers)
  if (answered === undefined || answered.leaf === verdict.form.answers) return verdict
  return {
    ...verdict,
    verdict: 'TOTAL-FAILED',
    subIndication: 'HASH_FAILURE',
    reason: `It answers another record than number ${answered.index}.`,
  }
}

function overall(
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
  return {
    verdict: 'TOTAL-PASSED',
    reason:
      "Every record stands in the log under a tree head that the server's owner signed, and every message verifies.",
  }
}
