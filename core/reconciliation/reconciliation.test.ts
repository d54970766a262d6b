/**
 * The pure part of reconciliation, for any two logs: equal ones agree, every loss is found, and nothing else
 * is reported.
 */
import fc from 'fast-check'
import t from 'tap'
import { Fault } from '#schemas/fault.ts'
import { type ComparedRecord, createAssembly } from './assemble.ts'
import {
  bitsFor,
  bucketDigest,
  bucketOf,
  commitTo,
  createBuckets,
  differingBuckets,
  MAX_BITS,
  MIN_BITS,
  rangeOf,
} from './buckets.ts'
import { compareEntries, pairEntries } from './compare.ts'
import { dayOf, isSettled, openDays, signingTimeOf, startOf, windowOf } from './day.ts'
import {
  type Entry,
  type Exchange,
  entryOf,
  jointSalt,
  keyOf,
  mergeEntries,
  readEntry,
  type State,
  writeEntry,
} from './entry.ts'
import { finalVerdict, proofHolds } from './shown.ts'
import { createStatement } from './statement.ts'

const SALT = Buffer.alloc(32, 1)
const SESSION = {
  day: '2026-11-24',
  first: { server: 'DEV/GOV/1/a', member: 'DEV/GOV/1' },
  second: { server: 'DEV/GOV/2/b', member: 'DEV/GOV/2' },
}
const digest = fc.uint8Array({ minLength: 64, maxLength: 64 }).map((bytes) => Buffer.from(bytes))
const exchange = fc.record<Exchange>({
  asks: fc.constantFrom('first', 'second'),
  requestId: fc.uuid(),
  state: fc.constant('answered' as State),
  request: digest,
  reply: digest,
  signature: digest,
})
const log = fc.uniqueArray(exchange, { maxLength: 40, selector: ({ requestId }) => requestId })

function sorted(exchanges: Exchange[], salt = SALT): Buffer[] {
  return exchanges.map((one) => writeEntry(entryOf(salt, one))).sort(Buffer.compare)
}

function bucketsOf(entries: Buffer[], bits: number): Buffer {
  const writer = createBuckets(bits)
  for (const entry of entries) writer.add(entry)
  return writer.end()
}

/** As a session does: only differing buckets are compared entry by entry. */
function compareLogs(first: Exchange[], second: Exchange[], bits: number) {
  const [ours, theirs] = [sorted(first), sorted(second)]
  const differing = new Set(differingBuckets(bucketsOf(ours, bits), bucketsOf(theirs, bits)))
  const verdicts = []
  for (let bucket = 0; bucket < 1 << bits; bucket++) {
    const of = (entries: Buffer[]): Entry[] =>
      entries.filter((entry) => bucketOf(entry, bits) === bucket).map(readEntry)
    const [a, b] = [of(ours), differing.has(bucket) ? of(theirs) : of(ours)]
    for (const pair of pairEntries(a, b)) verdicts.push(compareEntries(pair))
  }
  return verdicts
}

t.test('equal logs agree, in whatever order they hold their records', (t) => {
  fc.assert(
    fc.property(log, fc.integer({ min: 0, max: MAX_BITS }), (exchanges, bits) => {
      const verdicts = compareLogs(exchanges, exchanges.toReversed(), bits)
      return verdicts.length === exchanges.length && verdicts.every((one) => one.class === 'matched')
    }),
    { numRuns: 60 },
  )
  t.end()
})

t.test('each loss and each change shows once, at the side and for the reason that it has', (t) => {
  const damage = fc.constantFrom('none', 'lost', 'reply lost', 'request', 'reply')
  fc.assert(
    fc.property(
      log,
      fc.array(damage, { minLength: 40, maxLength: 40 }),
      fc.nat(8),
      (exchanges, how, bits) => {
        const damaged = exchanges.flatMap((one, i): Exchange[] => {
          if (how[i] === 'lost') return []
          if (how[i] === 'reply lost') return [{ ...one, state: 'unknown', reply: undefined }]
          if (how[i] === 'request') return [{ ...one, request: Buffer.alloc(64, 9) }]
          return [how[i] === 'reply' ? { ...one, reply: Buffer.alloc(64, 9) } : one]
        })
        const expected = exchanges.map(({ asks }, i) => {
          if (how[i] === 'none') return 'matched'
          if (how[i] === 'lost') return 'missing second exchange'
          // The asking side may never have received the reply; the answering side made it.
          if (how[i] === 'reply lost')
            return asks === 'second' ? 'unconfirmed reply_not_received' : 'missing second reply'
          return `differing ${how[i]}`
        })
        const told = compareLogs(exchanges, damaged, bits).map((verdict) =>
          [
            verdict.class,
            ...('at' in verdict ? [verdict.at] : []),
            ...('reason' in verdict ? [verdict.reason] : []),
          ].join(' '),
        )
        t.strictSame(told.sort(), expected.sort())
      },
    ),
    { numRuns: 60 },
  )
  t.end()
})

t.test('what each side may know less', (t) => {
  const entry = (state: State, more: Partial<Exchange> = {}): Entry => {
    const of = { asks: 'first' as const, requestId: 'x', request: Buffer.alloc(64, 2), signature: undefined }
    const reply = state === 'answered' ? Buffer.alloc(64, 3) : undefined
    return entryOf(SALT, { ...of, state, reply, ...more })
  }
  const early = entry('early', { request: undefined })
  const cases: [Entry | undefined, Entry | undefined, string, string?][] = [
    [entry('answered'), entry('answered'), 'matched'],
    [entry('refused'), entry('refused'), 'matched'],
    [entry('refused'), early, 'matched'],
    [entry('unknown'), undefined, 'unconfirmed', 'outcome_unknown'],
    [entry('notSent'), undefined, 'unconfirmed', 'not_sent'],
    [entry('refused'), undefined, 'unconfirmed', 'refused'],
    [entry('unknown'), entry('answered'), 'unconfirmed', 'reply_not_received'],
    [entry('unknown'), entry('unknown'), 'unconfirmed', 'outcome_unknown'],
    [entry('unknown'), entry('refused'), 'unconfirmed', 'outcome_unknown'],
    [entry('refused'), entry('unknown'), 'unconfirmed', 'outcome_unknown'],
    [entry('unknown'), early, 'unconfirmed', 'outcome_unknown'],
    [undefined, early, 'ignored'],
    [entry('answered'), undefined, 'missing', 'exchange'],
    [entry('answered'), early, 'missing', 'exchange'],
    [undefined, entry('answered'), 'missing', 'exchange'],
    [undefined, entry('unknown'), 'missing', 'exchange'],
    [entry('answered'), entry('unknown'), 'missing', 'reply'],
    [entry('answered'), entry('refused'), 'missing', 'reply'],
    [entry('notSent'), entry('unknown'), 'differing', 'outcome'],
    [entry('refused'), entry('answered'), 'differing', 'outcome'],
    [entry('answered'), entry('answered', { request: undefined }), 'differing', 'request'],
  ]
  const statement = createStatement()
  for (const [first, second, expected, reason] of cases) {
    const verdict = compareEntries({ key: Buffer.alloc(32), first, second })
    t.match(
      verdict,
      { class: expected, ...(reason === undefined ? {} : { reason }) },
      `${first?.state} ${second?.state}`,
    )
    statement.add(verdict, { asks: 'first', requestId: 'x' })
  }
  const party = { ...SESSION.first, exchanges: 1, treeHead: 'x' }
  const { counts, findings } = statement.end({
    ...{ version: 1, day: '2026-11-24', session: '', first: party, second: party },
  })
  t.match(counts, { matched: 3, unconfirmed: 8, missingAtFirst: 2, missingAtSecond: 4, differing: 3 })
  t.equal(findings.length, 9)
  const swapped = { ...entry('answered'), asks: 'second' as const }
  t.match(
    compareEntries({ key: swapped.key, first: entry('answered'), second: swapped }),
    { class: 'differing' },
    'who asks is not to be lied about',
  )
  const missing = { class: 'missing', at: 'second', reason: 'exchange' } as const
  const erased = { key: '', without: 'erased' } as const
  const matched = { class: 'matched', state: 'answered' } as const
  t.strictSame(finalVerdict(missing, { first: erased }), missing, 'what the other side erased excuses nobody')
  t.match(finalVerdict(missing, { second: erased }), {
    class: 'not_comparable',
    at: 'second',
    reason: 'erased',
  })
  t.strictSame(finalVerdict(matched, { first: erased }), matched)
  t.end()
})

t.test('a salt and a commitment serve one session', (t) => {
  const nonces = { first: Buffer.alloc(32, 1), second: Buffer.alloc(32, 2) }
  const salt = jointSalt(SESSION, nonces)
  const others = [
    jointSalt({ ...SESSION, day: '2026-11-25' }, nonces),
    jointSalt({ ...SESSION, first: SESSION.second, second: SESSION.first }, nonces),
    jointSalt({ ...SESSION, second: { ...SESSION.second, member: 'DEV/GOV/3' } }, nonces),
    jointSalt(SESSION, { ...nonces, first: Buffer.alloc(32, 3) }),
  ]
  const entries = { buckets: Buffer.alloc(32), count: 0, server: 'a', blind: Buffer.alloc(32, 5) }
  for (const other of others) {
    t.notOk(other.equals(salt))
    t.notOk(
      keyOf(salt, { asks: 'first', requestId: 'x' }).equals(keyOf(other, { asks: 'first', requestId: 'x' })),
    )
    t.notOk(commitTo({ ...entries, salt }).equals(commitTo({ ...entries, salt: other })))
  }
  t.notOk(
    commitTo({ ...entries, salt }).equals(commitTo({ ...entries, salt, server: 'b' })),
    'nor both sides',
  )
  t.notOk(commitTo({ ...entries, salt }).equals(commitTo({ ...entries, salt, count: 1 })))
  t.end()
})

t.test('entries and buckets of a hostile side are refused', (t) => {
  const [one, two] = sorted([
    {
      asks: 'first',
      requestId: 'a',
      state: 'answered',
      request: undefined,
      reply: undefined,
      signature: undefined,
    },
    {
      asks: 'second',
      requestId: 'b',
      state: 'early',
      request: undefined,
      reply: undefined,
      signature: undefined,
    },
  ]) as [Buffer, Buffer]
  t.strictSame(writeEntry(readEntry(one)), one)
  for (const bytes of [
    Buffer.alloc(0),
    one.subarray(1),
    Buffer.concat([one, one]),
    Buffer.alloc(129),
    Buffer.alloc(129, 255),
  ])
    t.throws(() => readEntry(bytes), { code: 'invalid_input' })
  t.throws(() => bucketDigest([two, one]), { code: 'invalid_input' }, 'out of order')
  t.throws(() => bucketDigest([one, one]), { code: 'invalid_input' }, 'twice')
  t.throws(() => bucketDigest([one.subarray(0, 64)]), { code: 'invalid_input' })
  t.throws(() => differingBuckets(Buffer.alloc(32), Buffer.alloc(64)), { code: 'invalid_input' })
  t.throws(() => createBuckets(0).add(two) ?? bucketsOf([two, one], 0), TypeError)
  for (const [entries, bits] of [
    [0, MIN_BITS],
    [4096, 8],
    [4097, 9],
    [1_000_000, MAX_BITS],
  ] as const)
    t.equal(bitsFor(entries), bits)
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.integer({ min: 0, max: MAX_BITS }),
      (bytes, bits) => {
        const key = Buffer.from(bytes)
        const { from, below } = rangeOf(bucketOf(key, bits), bits)
        return Buffer.compare(from, key) <= 0 && (below === undefined || Buffer.compare(key, below) < 0)
      },
    ),
  )
  const early = readEntry(entryBytes('early'))
  const whole = readEntry(entryBytes('answered'))
  t.strictSame(mergeEntries(early, whole), whole)
  t.strictSame(mergeEntries(whole, early), whole)
  const other = { ...whole, request: Buffer.alloc(32, 7) }
  t.strictSame(mergeEntries(whole, other), mergeEntries(other, whole), 'in whatever order they come')
  t.notSame(mergeEntries(whole, other), whole)
  t.end()
})

function entryBytes(state: State): Buffer {
  const some = state === 'early' ? undefined : Buffer.alloc(64, 4)
  return writeEntry(
    entryOf(SALT, { asks: 'first', requestId: 'a', state, request: some, reply: some, signature: some }),
  )
}

t.test('proofs that lead nowhere do not hold', (t) => {
  const entry = readEntry(entryBytes('answered'))
  const key = entry.key.toString('base64')
  const holds = (shown: object): boolean =>
    proofHolds({ shown: { key, ...shown }, entry, server: 'DEV/GOV/2/b', salt: SALT })
  const record = { index: 0, form: '{"kind":"request"}', path: [], treeHead: 'x' }
  t.notOk(holds({}), 'nothing shown')
  t.notOk(holds({ requestId: 'a', records: [] }))
  t.notOk(holds({ requestId: 'b', records: [record] }), 'about another exchange')
  t.notOk(holds({ requestId: 'a', records: [record] }), 'no tree head')
  for (const form of ['', 'null', '[]', '{"kind":"request","message":7}']) {
    const treeHead = `DEV/GOV/2/b\n1\n${Buffer.alloc(32).toString('base64')}\n\n— a AAAAAAA=\n`
    t.notOk(holds({ requestId: 'a', records: [{ ...record, form, treeHead }] }))
  }
  t.end()
})

t.test('days', (t) => {
  t.equal(dayOf(Date.parse('2026-11-24T23:59:59.999Z')), '2026-11-24')
  for (const text of ['2026-13-01', '2026-02-30', '24.11.2026', '', '2026-11-24T00:00:00Z'])
    t.throws(() => startOf(text), Fault)
  t.strictSame(windowOf('2026-11-24'), { from: '2026-11-23T23:45:00.000Z', to: '2026-11-25T03:00:00.000Z' })
  t.notOk(isSettled('2026-11-24', Date.parse('2026-11-25T23:59:59Z')))
  t.ok(isSettled('2026-11-24', Date.parse('2026-11-26T00:00:00Z')))
  const days = openDays(Date.parse('2026-11-26T12:00:00Z'))
  t.equal(days.at(-1), '2026-11-24')
  t.equal(days[0], '2026-10-27')
  t.equal(signingTimeOf(Buffer.from('<x:SigningTime>2026-11-24T10:00:00Z</x:SigningTime>')), 1795514400000)
  t.equal(signingTimeOf(Buffer.from('<SigningTime>2026-11-24T10:00:00Z</SigningTime>')), 1795514400000)
  t.ok(Number.isNaN(signingTimeOf(Buffer.from('<a/>'))))
  t.end()
})

t.test('records are put together to exchanges of their day, pair and server', (t) => {
  const day = '2026-11-24'
  let next = 0
  const record = (more: Partial<ComparedRecord>): ComparedRecord => ({
    index: next,
    kind: 'request',
    direction: 'in',
    time: Date.parse(`${day}T12:00:00Z`),
    requestId: `id-${next}`,
    peer: 'peer',
    answers: undefined,
    leaf: `leaf-${next++}`,
    digests: Buffer.alloc(64, 1),
    signature: Buffer.alloc(64, 2),
    signedAt: Date.parse(`${day}T12:00:00Z`),
    ...more,
  })
  const take = (
    records: ComparedRecord[],
    erased: { index: number; kind: 'reply'; answers: string }[] = [],
  ) => {
    const assembly = createAssembly({ day, own: 'first', peerServer: 'peer' })
    const stretch = { records, erased: erased.map((one) => ({ ...one, signature: undefined })), bare: [] }
    return [...assembly.take(stretch), ...assembly.end()].map(({ exchange, erased }) =>
      [exchange.asks, exchange.state, ...(erased ? ['erased'] : [])].join(' '),
    )
  }
  const close = (of: ComparedRecord, more: Partial<ComparedRecord>) =>
    record({ ...more, answers: of.index, requestId: of.requestId })
  const asked = record({ direction: 'out', peer: '' })
  t.strictSame(take([asked, close(asked, { kind: 'reply' })]), ['first answered'])
  t.strictSame(
    take([asked, close(asked, { kind: 'reply', peer: 'another' })]),
    [],
    'it went to another server',
  )
  t.strictSame(take([asked, close(asked, { kind: 'outcome-unknown', peer: '' })]), ['first unknown'])
  t.strictSame(take([asked, close(asked, { kind: 'refusal', direction: 'out', peer: '' })]), [
    'first notSent',
  ])
  t.strictSame(take([asked, close(asked, { kind: 'refusal' })]), ['first refused'])
  t.strictSame(take([asked]), ['first unknown'])
  const came = record({})
  t.strictSame(take([came, close(came, { kind: 'reply', direction: 'out' })]), ['second answered'])
  t.strictSame(take([came, close(came, { kind: 'refusal', direction: 'out' })]), ['second refused'])
  t.strictSame(take([came], [{ index: 99, kind: 'reply', answers: came.leaf }]), ['second answered erased'])
  t.strictSame(take([record({ peer: 'another' })]), [])
  t.strictSame(take([record({ kind: 'refusal', direction: 'out' })]), ['second early'])
  t.strictSame(take([record({ kind: 'refusal', direction: 'out', peer: 'another' })]), [])
  const late = record({ signedAt: Date.parse('2026-11-25T00:00:00.001Z') })
  t.strictSame(take([late, close(late, { kind: 'reply', direction: 'out' })]), [], 'signed the day after')
  const early = record({ time: Date.parse('2026-11-25T00:04:00Z'), signedAt: Date.parse(`${day}T23:59:59Z`) })
  t.strictSame(take([early]), ['second unknown'], 'logged the day after')
  t.end()
})
