/**
 * Guarantees that a continued run checks every row of the search index that an earlier run has checked. It
 * compares digests of blocks; where a digest differs, it checks the block's rows with their records. An
 * erasure removes rows too; the records show that it was no deletion.
 */
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import type { StoredRecord } from '../../../message-log/records/store.ts'
import { checkForm } from './check-form.ts'
import { openOrExplain } from './check-links.ts'
import { createSearchChecker, type SearchChecker } from './check-search.ts'
import { createRowDigests, DIGEST_RECORDS } from './row-digests.ts'
import type { LogSource, StoredLogKey } from './source.ts'
import type { VerifyState } from './state.ts'

type Question = {
  source: LogSource
  logKeys: StoredLogKey[]
  found(index: number, thrown: unknown): void
}

/**
 * Returns the present digests. The state of an older version has no digests: then every row is checked once.
 */
export async function recheckIndex(
  { records, index = [] }: Pick<VerifyState, 'records' | 'index'>,
  q: Question,
): Promise<string[]> {
  const { search } = q.source
  if (search === undefined) return []
  const now = createRowDigests({ digests: [] })
  for await (const row of search.rows(-1)) {
    if (row.idx >= records) break
    now.add(row)
  }
  const digests = now.of(records)
  for (const [block, digest] of digests.entries()) {
    if (digest === index[block]) continue
    const first = block * DIGEST_RECORDS
    await checkBlock({ first, end: Math.min(first + DIGEST_RECORDS, records) }, q)
  }
  return digests
}

/**
 * How many records before a block are read too: a record that answers a request has the hashes of that
 * request.
 */
const BEFORE = 2048

async function checkBlock(block: { first: number; end: number }, q: Question): Promise<void> {
  const { source, logKeys, found } = q
  const { end } = block
  const first = Math.max(0, block.first - BEFORE)
  const checker = createSearchChecker({ source, first, logKeys })
  for await (const record of source.records(first)) {
    if (record.idx >= end) return
    try {
      const form = checkForm(record)
      const access = await openOrExplain(record, source, logKeys)
      await checkRow(checker, { record, form, access })
    } catch (thrown) {
      found(record.idx, thrown)
    }
  }
}

/** Checks the row of a record. Skips it if its row cannot be predicted. */
export async function checkRow(
  checker: SearchChecker,
  q: {
    record: StoredRecord
    form: LeafFields | undefined
    access: Awaited<ReturnType<typeof openOrExplain>> | undefined
  },
): Promise<void> {
  const { form, access } = q
  const { idx } = q.record
  if (form === undefined || access === undefined || access.state === 'sealed') return checker.pass(idx)
  const left = access.state === 'open' ? access.opened : access.rest
  return checker.check({ idx, form, metadata: left?.metadata })
}
