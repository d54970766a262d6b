/**
 * Receipts of deliveries: the bytes of the golden vectors, and every way of saying something else in them.
 */
import { hash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { commit, type LeafFields, leafForm } from '#core/merkle/leaf-form.ts'
import { Fault } from '#schemas/fault.ts'
import golden from '#schemas/golden/merkle/receipts.json' with { type: 'json' }
import { idText } from '#schemas/identifiers.ts'
import { outcomeOf, type Receipt, readReceipt, signerOf, writeReceipt } from './receipt.ts'

const [accepted, consumed] = golden.receipts.map(({ fields }) => fields as Receipt) as [Receipt, Receipt]

t.test('the golden vectors, byte for byte', async (t) => {
  const salt = Buffer.from(golden.salt, 'hex')
  const sha512 = (text: string): Buffer => hash('sha512', text, 'buffer')
  for (const [i, { fields, text, sha512: digest, signer }] of golden.receipts.entries()) {
    const { type: _type, version: _version, ...rest } = fields as Receipt
    const bytes = writeReceipt(rest)
    t.equal(bytes.toString(), text)
    t.equal(sha512(text).toString('hex'), digest)
    t.strictSame(readReceipt(bytes), fields)
    t.equal(idText(signerOf(readReceipt(bytes))), signer)
    t.equal(fields.eventDigest, sha512(golden.event).toString('base64'))
    const leaf = golden.leaves[i]!
    t.equal(leafForm(leaf.fields as LeafFields), leaf.form)
    t.equal(leafHash(Buffer.from(leaf.form)).toString('hex'), leaf.leafHash)
    t.equal(leaf.fields.message, commit('message', salt, sha512(text)).toString('base64'))
    t.equal(leaf.fields.parties, commit('parties', salt, sha512(leaf.metadata)).toString('base64'))
    t.equal(leaf.fields.outcome, outcomeOf(fields as Receipt))
  }
})

t.test('nothing else is a receipt', async (t) => {
  const refused = (value: unknown, what: string): void => {
    const bytes = Buffer.isBuffer(value) ? value : Buffer.from(canonicalJson(value))
    t.throws(() => readReceipt(bytes), { code: 'invalid_message' }, what)
  }
  const changes: [string, object][] = [
    ['another type', { type: 'concordat-receipt' }],
    ['another version', { version: 2 }],
    ['another kind', { kind: 'delivered' }],
    ['a member more', { x: '' }],
    ['a member less', { means: undefined }],
    ['a number', { eventId: 1 }],
    ['no id', { eventId: '' }],
    ['a long source', { eventSource: 'x'.repeat(1025) }],
    ['a short digest', { eventDigest: 'AAAA' }],
    ['a time without milliseconds', { time: '2026-12-01T10:00:00Z' }],
    ['a time that is none', { time: '2026-13-01T10:00:00.000Z' }],
    ['a client that is none', { client: 'DEV/GOV' }],
    ['a service that is none', { service: 'DEV/GOV/5678/population' }],
    ['a server that is none', { server: 'DEV/GOV/1234' }],
    ['accepted and arrived', { arrived: 'yes' }],
    ['accepted and taken', { means: 'pull' }],
    ['accepted and given up', { reason: 'delivery_expired' }],
    ['given up without a reason', { kind: 'abandoned' }],
    ['given up for another reason', { kind: 'abandoned', reason: 'conflict' }],
    ['consumed and not arrived', { kind: 'consumed', means: 'pull' }],
  ]
  for (const [what, change] of changes) refused({ ...accepted, ...change }, what)
  refused({ ...consumed, means: '' }, 'consumed by no means')
  const text = canonicalJson(accepted)
  for (const other of ['', '{}', '[]', 'null', '"x"', '{', `${text} `, `\uFEFF${text}`, 'GET\r\n/r1/x\r\n'])
    refused(Buffer.from(other), JSON.stringify(other.slice(0, 20)))
  refused(Buffer.from(text.replace('"arrived":"no",', '"arrived":"no","arrived":"no",')), 'a member twice')
  refused(Buffer.from(JSON.stringify(accepted)), 'another order')
  refused(Buffer.alloc(16 * 1024 + 1, 0x20), 'too long')
  refused(Buffer.from(text.replace('õ', '\\u00f5')), 'another spelling of the same text')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      try {
        readReceipt(Buffer.from(bytes))
        return false
      } catch (thrown) {
        return thrown instanceof Fault && thrown.code === 'invalid_message'
      }
    }),
  )
})
