/**
 * What a side shows about a difference: its records with their inclusion proofs, or why it has none to
 * compare. The receiver checks the proofs: each must lead to a tree head of the server that shows it.
 */
import { isReceiptKind } from '#core/delivery/receipt.ts'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { openCommitment } from '#core/merkle/leaf-form.ts'
import { verifyInclusion } from '#core/merkle/proofs.ts'
import { Fault } from '#schemas/fault.ts'
import type { Opening, Shown, ShownRecord } from '#schemas/reconciliation.ts'
import type { Verdict } from './compare.ts'
import { digestUnder, type Entry, isSaid, keyOf, type Side } from './entry.ts'

type Form = { kind?: unknown; message?: unknown; body?: unknown }

/** Whether each shown record is in the log of `server` and is the one that the side's entry describes. */
export function proofHolds(q: { shown: Shown; entry: Entry; server: string; salt: Buffer }): boolean {
  const { shown, entry, salt } = q
  const { requestId, records = [] } = shown
  if (requestId === undefined || records.length === 0) return false
  const { asks } = entry
  if (!keyOf(salt, { asks, requestId }).equals(entry.key)) return false
  try {
    return records.every((record) => standsInLog(record, q.server) && isOf(entry, record, salt))
  } catch (thrown) {
    if (!(thrown instanceof Fault) && !(thrown instanceof SyntaxError)) throw thrown
    return false
  }
}

/** Throws a Fault if the proof leads to another root. */
function standsInLog({ index, form, path, treeHead }: ShownRecord, server: string): boolean {
  const { origin, size, root } = parseCheckpoint(treeHead)
  const proof = path.map((node) => Buffer.from(node, 'base64'))
  verifyInclusion({ size, index, leaf: leafHash(Buffer.from(form)), proof, root })
  return origin === server
}

/**
 * Whether a request or reply has the digest of the entry; other records have no message that both sides
 * share.
 */
function isOf(entry: Entry, record: ShownRecord, salt: Buffer): boolean {
  const form = JSON.parse(record.form) as Form | null
  const isReceipt = entry.state === 'receipt'
  // The message of a receipt stands where an exchange has its reply.
  const part = isReceipt && isReceiptKind(String(form?.kind)) ? 'reply' : form?.kind
  if (part !== 'request' && part !== 'reply') return !isSaid(entry.state)
  // Of what a reply says the request shows nothing.
  if (part === 'request' && isSaid(entry.state)) return false
  if (record.message === undefined || !opens(record.message, form?.message)) return false
  if (record.body !== undefined && !opens(record.body, form?.body)) return false
  if ((record.body === undefined) !== (form?.body === '')) return false
  const digests = [record.message, record.body].map((one) => Buffer.from(one?.digest ?? '', 'base64'))
  return digestUnder(salt, part, Buffer.concat(digests)).equals(entry[part] ?? Buffer.alloc(0))
}

function opens({ key, digest }: Opening, commitment: unknown): boolean {
  return (
    openCommitment(Buffer.from(key, 'base64'), Buffer.from(digest, 'base64')).toString('base64') ===
    commitment
  )
}

type NotComparable = { class: 'not_comparable'; at: Side; reason: 'erased' | 'ids_only' }
export type FinalVerdict = Verdict | NotComparable

/**
 * The verdict after both sides showed their records: content that a side has erased does not count as
 * missing.
 */
export function finalVerdict(verdict: Verdict, shown: { [side in Side]?: Shown | undefined }): FinalVerdict {
  if (verdict.class !== 'missing' && verdict.class !== 'differing') return verdict
  const sides: Side[] = verdict.class === 'missing' ? [verdict.at] : ['first', 'second']
  for (const at of sides) {
    const reason = shown[at]?.without
    if (reason !== undefined) return { class: 'not_comparable', at, reason }
  }
  return verdict
}
