/**
 * Checks the links between records and other tables: answers, erasures, key rotations, and the key that opens
 * a record.
 */
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import { say } from '#schemas/said.ts'
import { logKeyIdOf } from '../../../message-log/formats/seal.ts'
import {
  type OpenedRecord,
  type OpenedRemainder,
  openRecord,
  openRemainder,
} from '../../../message-log/records/open-record.ts'
import type { StoredRecord } from '../../../message-log/records/store.ts'
import { inconsistent } from './inconsistent.ts'
import type { LogSource, StoredLogKey } from './source.ts'

type Access =
  | { state: 'open'; opened: OpenedRecord }
  /** `rest`: what is left of the record if the erasure kept its proof. */
  | { state: 'erased'; rest: OpenedRemainder | undefined }
  | { state: 'sealed' }

/**
 * Opens the record, or explains why it cannot be opened. Throws `log_inconsistent` if its key is gone and no
 * record documents an erasure.
 */
export async function openOrExplain(
  record: StoredRecord,
  source: LogSource,
  logKeys: StoredLogKey[],
): Promise<Access> {
  const erasure = await source.erasure(record.idx)
  if (record.seed === undefined) {
    const form = erasure === undefined ? undefined : await source.form(erasure.erasure_idx)
    const fields = form === undefined ? undefined : (JSON.parse(form.form) as LeafFields)
    if (fields?.kind !== 'erasure' || fields.answers !== record.leaf.toString('base64')) {
      throw inconsistent(say`the key is gone and no record says that it was erased`)
    }
    return { state: 'erased', rest: openRemainder(await source.remainder(record.idx), source.findKey) }
  }
  if (erasure !== undefined) throw inconsistent(say`the record was erased and has a key`)
  const id = logKeyIdOf(record.seed).toString('hex')
  const opened = openRecord(record, source.findKey)
  if (opened !== undefined) return { state: 'open', opened }
  if (!logKeys.some((key) => key.id === id))
    throw inconsistent(say`the key comes from a log key that never was`)
  return { state: 'sealed' }
}

/** Throws `log_inconsistent`. */
export async function checkLinks(q: {
  record: StoredRecord
  form: LeafFields
  opened: OpenedRecord | OpenedRemainder | undefined
  source: LogSource
  logKeys: StoredLogKey[]
}): Promise<void> {
  const { record, form, opened, source } = q
  const answers = opened?.metadata.answers
  if (opened !== undefined && (answers === undefined) !== (form.answers === ''))
    throw inconsistent(say`what it answers`)
  if (answers !== undefined) {
    const answered = answers < record.idx ? await source.form(answers) : undefined
    if (answered?.leaf.toString('base64') !== form.answers) throw inconsistent(say`it answers another record`)
  }
  if (form.kind === 'erasure' && answers !== undefined) {
    await checkErasure({
      record,
      form,
      answers,
      mode: opened?.metadata.extra?.['mode'] ?? 'LEAF_ONLY',
      source,
    })
  }
  if (form.kind === 'key-rotation') {
    const key = q.logKeys.find((each) => each.idx === record.idx)
    if (key === undefined || key.time !== form.time) throw inconsistent(say`the log key that it names`)
    const extra = opened?.metadata.extra
    const checkpointKey = key.checkpoint_key.toString('base64')
    if (opened !== undefined && (extra?.['keyId'] !== key.id || extra['checkpointKey'] !== checkpointKey)) {
      throw inconsistent(say`the log key that it names`)
    }
  }
}

/**
 * Checks that the tables name this erasure record. For the last erasure of a record, also checks its mode:
 * with PROOF_KEPT the proof must be stored, otherwise it must not be.
 */
async function checkErasure(q: {
  record: StoredRecord
  form: LeafFields
  answers: number
  mode: string
  source: LogSource
}): Promise<void> {
  const { record, form, answers, mode, source } = q
  const remainder = await source.remainder(answers)
  const named = [await source.erasure(answers), await source.proofErasure(answers)]
  const own = named.find((each) => each?.erasure_idx === record.idx)
  if (own?.time !== form.time) throw inconsistent(say`its erasure`)
  if (own !== (named[1] ?? named[0]) || (remainder !== undefined) === (mode === 'PROOF_KEPT')) return
  if (mode === 'PROOF_KEPT')
    throw inconsistent(say`the proof of record ${answers} was to be kept and is gone`)
  throw inconsistent(say`of record ${answers} the leaf was to stay, and there is more`)
}
