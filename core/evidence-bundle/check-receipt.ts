/**
 * Checks a record whose message is a delivery's receipt: what it says agrees with its leaf, its metadata and
 * the exchange beside it.
 */
import { isReceiptKind, outcomeOf, type Receipt, readReceipt } from '#core/delivery/receipt.ts'
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import { say } from '#schemas/said.ts'
import { differs } from './read-form.ts'

/** What is known of a record of the bundle; `shown` is its message, if it is in the bundle. */
type Placed = {
  index: number
  form: LeafFields
  metadata: unknown
  shown: { message: Buffer; hashes: { body: Buffer | undefined } } | undefined
}

/**
 * The receipt in a record of this form. Throws `invalid_message`, or `invalid_proof` when leaf and metadata
 * say something else.
 */
export function receiptOf(q: {
  message: Buffer
  form: LeafFields
  metadata: unknown
  /** The origin of the log that has the record. */
  log: string
}): Receipt {
  const { form } = q
  const receipt = readReceipt(q.message)
  const facts = (q.metadata ?? {}) as Record<string, unknown>
  if (receipt.kind !== form.kind || outcomeOf(receipt) !== form.outcome || form.body !== '')
    throw differs(say`Its receipt is of another kind or outcome than its leaf.`)
  const own = { id: receipt.delivery, client: receipt.client, service: receipt.service }
  const field = (['id', 'client', 'service'] as const).find((name) => facts[name] !== own[name])
  if (field !== undefined) throw differs(say`Its receipt and its record name another ${field}.`)
  if (receipt.server !== (form.direction === 'out' ? q.log : facts['peer']))
    throw differs(say`Its receipt is of another server.`)
  return receipt
}

/**
 * Why the record of a receipt does not belong to the bundle; undefined if it does. A receipt answers no
 * record: the id of the delivery and the digest of the event tie it to the request, in both logs alike.
 */
export function whyForeignReceipt(record: Placed, all: Placed[]): string | undefined {
  if (record.form.answers !== '') return say`A receipt answers no record.`.toString()
  if (record.shown === undefined) return undefined
  const receipt = readReceipt(record.shown.message)
  for (const other of all) {
    if (other.shown === undefined || other === record) continue
    const { form, shown, index } = other
    if (isReceiptKind(form.kind)) {
      const { delivery, eventDigest } = readReceipt(shown.message)
      if (delivery !== receipt.delivery || eventDigest !== receipt.eventDigest)
        return say`It is of another delivery than record ${index}.`.toString()
    } else if (form.kind === 'request') {
      const facts = (other.metadata ?? {}) as Record<string, unknown>
      if (shown.hashes.body?.toString('base64') !== receipt.eventDigest)
        return say`The event of record ${index} is not the one that it names.`.toString()
      if (facts['id'] !== receipt.delivery || facts['client'] !== receipt.client)
        return say`It is of another delivery than record ${index}.`.toString()
      if (facts['service'] !== receipt.service)
        return say`It is of another inbox than record ${index}.`.toString()
    }
  }
  return undefined
}
