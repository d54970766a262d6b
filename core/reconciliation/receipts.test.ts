/**
 * Receipts of one-way messages among the entries: what is a loss, what is not yet there, what a crash has
 * doubled.
 */
import { hash } from 'node:crypto'
import t from 'tap'
import { type ComparedRecord, createAssembly } from './assemble.ts'
import { compareEntries } from './compare.ts'
import { type Entry, entryOf, mergeEntries, readEntry, writeEntry } from './entry.ts'

const SALT = Buffer.alloc(32, 1)
const sha = (text: string): Buffer => hash('sha512', text, 'buffer')
const receipt = (says = 'consumed', message = 'at noon'): Entry =>
  entryOf(SALT, {
    ...{ asks: 'first', requestId: 'receipt:consumed:DEV-1', state: 'receipt' },
    ...{ request: sha(says), reply: sha(message), signature: sha(`signature ${message}`) },
  })
const verdict = (first: Entry | undefined, second: Entry | undefined) =>
  compareEntries({ key: Buffer.alloc(32), first, second })

t.test('who lacks a receipt', (t) => {
  t.match(verdict(receipt(), receipt()), { class: 'matched' })
  t.match(verdict(receipt(), receipt('consumed', 'a minute later')), { class: 'matched' }, 'given twice')
  t.match(
    verdict(receipt(), undefined),
    { class: 'missing', at: 'second', reason: 'receipt' },
    'its own member signed it',
  )
  t.match(verdict(undefined, receipt()), { class: 'unconfirmed', reason: 'receipt_not_received' })
  t.match(verdict(receipt(), receipt('another event')), { class: 'differing', reason: 'receipt' })
  const exchange = { ...receipt(), state: 'answered' as const }
  t.match(verdict(exchange, receipt()), { class: 'differing', reason: 'receipt' })
  t.end()
})

t.test('an entry of a receipt stays one on the wire; one that a crash doubled is one', (t) => {
  t.strictSame(readEntry(writeEntry(receipt())), receipt())
  t.strictSame(mergeEntries(receipt(), receipt('consumed', 'later')), receipt())
  t.not(mergeEntries(receipt(), receipt('other')).request?.toString(), receipt().request?.toString())
  t.end()
})

t.test('a receipt is of the day on which it was signed, and of the server that it came from', (t) => {
  const signedAt = Date.parse('2026-11-24T23:59:00Z')
  const record: ComparedRecord = {
    ...{ index: 7, kind: 'consumed', direction: 'in', time: signedAt + 7_200_000, requestId: '' },
    ...{
      peer: 'DEV/GOV/2/b',
      answers: undefined,
      leaf: '',
      digests: sha('m'),
      signature: sha('s'),
      signedAt,
    },
    receipt: { id: 'receipt:consumed:DEV-1', says: sha('x') },
  }
  const found = (changes: Partial<ComparedRecord>, day = '2026-11-24') =>
    createAssembly({ day, own: 'first', peerServer: 'DEV/GOV/2/b' }).take({
      ...{ records: [{ ...record, ...changes }], erased: [], bare: [] },
    })
  t.match(found({}), [{ exchange: { asks: 'first', state: 'receipt' }, indexes: [7] }])
  t.match(found({ direction: 'out' }), [{ exchange: { asks: 'second' } }])
  t.strictSame(found({}, '2026-11-25'), [], 'not that on which it came')
  t.strictSame(found({ peer: 'DEV/GOV/2/c' }), [])
  t.strictSame(found({ signedAt: Number.NaN }), [])
  t.end()
})
