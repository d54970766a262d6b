/**
 * Judges an evidence bundle. Each record's leaf must be under a signed tree head and must commit to the parts
 * that the bundle shows. The signed message must verify at the time that its time-stamp proves. The records
 * must answer each other. A bad bundle leads to a verdict, never to an exception.
 */
import { say } from '#schemas/said.ts'
import type { BundleQuestion, BundleVerdict, RecordVerdict } from './bundle.ts'
import { checkExchange } from './check-exchange.ts'
import { judgeCheckpoints } from './judge-checkpoints.ts'
import { judgeRecord, type Proofs, type ProvenRecord, proofsOf } from './judge-record.ts'

type Overall = Pick<BundleVerdict, 'verdict' | 'subIndication' | 'reason'>

const ORDER: BundleVerdict['verdict'][] = ['TOTAL-FAILED', 'INDETERMINATE', 'TOTAL-PASSED']

export async function judgeBundle(q: BundleQuestion): Promise<BundleVerdict> {
  const { manifest } = q.bundle
  const records: ProvenRecord[] = []
  const proofs = proofsOf(q)
  for (const record of manifest.records) records.push(await judgeRecord(record, q, proofs))
  const told = records.map((one) => sayErased(one, records))
  const answered = await Promise.all(told.map((one) => checkExchange(one, told)))
  const checkpoints = judgeCheckpoints(q, answered, proofs.heads)
  return {
    ...withProofs(proofs, overall(answered, checkpoints)),
    log: manifest.log,
    made: manifest.made,
    records: answered,
    checkpoints,
  }
}

/** For missing content: adds to the reason whether the log itself recorded the erasure. */
function sayErased(record: ProvenRecord, all: ProvenRecord[]): ProvenRecord {
  if (record.subIndication !== 'SIGNED_DATA_NOT_FOUND') return record
  const erasure = all.find(
    ({ form, leaf }) => form.kind === 'erasure' && form.answers === record.leaf && leaf !== record.leaf,
  )
  if (erasure === undefined || erasure.verdict === 'TOTAL-FAILED') return record
  const reason = say`It stands in the log, and its content was erased on ${erasure.form.time}, which record ${erasure.index} of the log says: that is no sign of tampering.`
  return { ...record, reason: reason.toString() }
}

/**
 * The verdict `found` on the records, unless a time-stamp contradicts the log, or the log itself, which is
 * told after what is wrong with a record. An invalid evidence record proves nothing, as if it were absent.
 */
export function withProofs({ history, stamps }: Proofs, found: Overall): Overall {
  const { failure, unproved } = history
  if (stamps.failure !== undefined)
    return { verdict: 'TOTAL-FAILED', subIndication: 'HASH_FAILURE', reason: stamps.failure }
  if (found.verdict === 'TOTAL-FAILED') return found
  if (failure !== undefined) return { verdict: 'TOTAL-FAILED', ...failure, reason: failure.reason.toString() }
  if (unproved === undefined || found.verdict !== 'TOTAL-PASSED') return found
  return { verdict: 'INDETERMINATE', subIndication: 'NO_POE', reason: unproved.toString() }
}

/**
 * The overall verdict: the worst verdict on a record, then whether the server's owner signed each tree head.
 */
export function overall(records: RecordVerdict[], checkpoints: BundleVerdict['checkpoints']): Overall {
  const worst = records.toSorted((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict))[0]!
  if (worst.verdict !== 'TOTAL-PASSED') {
    const { verdict, subIndication, reason } = worst
    return { verdict, subIndication, reason: say`Record ${worst.index}: ${reason}`.toString() }
  }
  const unsigned = checkpoints.find(({ signedByMember }) => !signedByMember)
  if (unsigned !== undefined) {
    const { subIndication, reason } = unsigned
    return {
      ...{ verdict: 'INDETERMINATE', subIndication },
      reason: say`Every message verifies, but ${reason ?? ''}.`.toString(),
    }
  }
  if (checkpoints.some(({ witnesses }) => witnesses?.quorum === false)) {
    return {
      verdict: 'INDETERMINATE',
      subIndication: 'NO_POE',
      reason:
        say`Every message verifies, but too few witnesses of your policy cosigned the state of the log: it could have been rewritten before.`.toString(),
    }
  }
  return {
    verdict: 'TOTAL-PASSED',
    reason:
      say`Every record stands in the log under a state that the server's owner signed, and every message verifies.`.toString(),
  }
}
