/** The suspension list and the log head: forged, foreign, swapped and malformed ones are refused. */

import fc from 'fast-check'
import t from 'tap'
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { leafHash, nodeHash } from '#core/merkle/hash.ts'
import { consistencyProof, inclusionProof } from '#core/merkle/proofs.ts'
import { Fault } from '#schemas/fault.ts'
import type { LogHead, SuspensionList } from '#schemas/global-configuration.ts'
import { createConfigurationSigner } from '#test/fakes/configuration-signer.ts'
import { writeDocument, writeLogHead, writeStatement, writeSuspensionList } from './configuration-fixture.ts'
import {
  checkLogGrew,
  checkNoContradiction,
  checkStatementInLog,
  configurationEntry,
  readLogProof,
  verifyLogHead,
  writeLogProof,
} from './log-head.ts'
import { documentSigner, openDocument } from './signed-document.ts'
import { verifyStatement } from './statement.ts'
import { indexSuspensions, verifySuspensionList } from './suspension-list.ts'

const [own, stranger] = [createConfigurationSigner('own'), createConfigurationSigner('stranger')]
const signer = documentSigner(own.certificate, own.key)
const SHA256 = 'ab'.repeat(32)
const CONTRACT = '0f8fad5b-d9cb-469f-a165-70867728950e'
const SINCE = '2026-01-01T00:00:00.000Z'

const LIST: SuspensionList = {
  instance: 'DEV',
  number: 7,
  issuedAt: SINCE,
  expiresAt: '2026-01-01T00:10:00.000Z',
  suspended: [
    { kind: 'member', id: 'DEV/GOV/1', since: SINCE },
    { kind: 'subsystem', id: 'DEV/GOV/2/pop%20a', since: SINCE },
    { kind: 'server', id: 'DEV/GOV/2/ss1', since: SINCE },
    { kind: 'certificate', id: SHA256, since: SINCE },
    { kind: 'contract', id: CONTRACT, since: SINCE },
  ],
}

function codeOf(act: () => unknown): string {
  try {
    act()
    return 'accepted'
  } catch (thrown) {
    return thrown instanceof Fault ? thrown.code : `not a fault: ${String(thrown)}`
  }
}

void t.test('suspension lists', async (t) => {
  const jws = writeSuspensionList(LIST, signer)
  t.same(verifySuspensionList(jws, [stranger.certificate, own.certificate]), LIST)
  t.equal(
    codeOf(() => verifySuspensionList(jws, [stranger.certificate])),
    'invalid_global_conf_signature',
  )
  const forged = writeSuspensionList(LIST, {
    ...signer,
    sign: documentSigner(stranger.certificate, stranger.key).sign,
  })
  t.equal(
    codeOf(() => verifySuspensionList(forged, [own.certificate])),
    'invalid_global_conf_signature',
  )
  const taken: number[] = []
  for (let at = 0; at < jws.length; at++) {
    const flipped = jws.slice(0, at) + (jws[at] === 'A' ? 'B' : 'A') + jws.slice(at + 1)
    if (codeOf(() => verifySuspensionList(flipped, [own.certificate])) === 'accepted') taken.push(at)
  }
  t.same(taken, [], 'no changed character is taken')
  const [header, payload] = jws.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'))
  const signed = [header!, payload!.replace('DEV', 'D\xff')]
    .map((part) => Buffer.from(part, 'latin1').toString('base64url'))
    .join('.')
  const value = signer.sign(Buffer.from(signed)).toString('base64url')
  t.throws(() => verifySuspensionList(`${signed}.${value}`, [own.certificate]), { message: /not UTF-8/ })

  const entry = LIST.suspended[0]!
  const bad: unknown[] = [
    { ...LIST, number: 0 },
    { ...LIST, number: 1.5 },
    { ...LIST, number: '7' },
    { ...LIST, more: 1 },
    { ...LIST, instance: 1 },
    { ...LIST, issuedAt: 'now' },
    { ...LIST, expiresAt: SINCE },
    { ...LIST, expiresAt: '2026-01-02T00:00:00.001Z' },
    { ...LIST, suspended: {} },
    { ...LIST, suspended: undefined },
    { ...LIST, suspended: [null] },
    { ...LIST, suspended: [[]] },
    { ...LIST, suspended: [{ ...entry, kind: 'contract' }] },
    { ...LIST, suspended: [{ ...entry, kind: 'contract', id: CONTRACT.toUpperCase() }] },
    { ...LIST, suspended: [{ ...entry, kind: 'contract', id: SHA256 }] },
    { ...LIST, suspended: [{ ...entry, kind: 'group' }] },
    { ...LIST, suspended: [{ ...entry, kind: '__proto__' }] },
    { ...LIST, suspended: [{ ...entry, since: 1 }] },
    { ...LIST, suspended: [{ ...entry, reason: 'x' }] },
    { ...LIST, suspended: [entry, { ...entry }] },
    { ...LIST, suspended: Array.from({ length: 1001 }, (_, i) => ({ ...entry, id: `DEV/GOV/${i}` })) },
    ...[
      'DEV/GOV',
      'DEV/GOV/1/2',
      'OTHER/GOV/1',
      'DEV/GOV/%31',
      'DEV/GOV/..',
      'DEV/GOV/a b',
      '',
      'x'.repeat(99),
    ].map((id) => ({ ...LIST, suspended: [{ ...entry, id }] })),
    ...[SHA256.toUpperCase(), SHA256.slice(1), `${SHA256}\n`].map((id) => ({
      ...LIST,
      suspended: [{ kind: 'certificate', id, since: SINCE }],
    })),
  ]
  for (const [at, content] of bad.entries()) {
    const text = writeSuspensionList(content as SuspensionList, signer)
    t.equal(
      codeOf(() => verifySuspensionList(text, [own.certificate])),
      'malformed_global_conf',
      `bad ${at}`,
    )
  }
  const longest = Array.from({ length: 1000 }, (_, i) => ({
    kind: 'subsystem' as const,
    id: `DEV/GOV/${String(i).padStart(255, 'm')}/${'%C3%A4'.repeat(255)}`,
    since: SINCE,
  }))
  const full = { ...LIST, suspended: longest }
  t.same(verifySuspensionList(writeSuspensionList(full, signer), [own.certificate]), full)
})

void t.test('one kind of document does not pass for another', async (t) => {
  const statement = {
    instance: 'DEV',
    index: 7,
    generatedAt: SINCE,
    expireDate: '2026-01-02T00:00:00.000Z',
    parts: {},
    hasSuspensionList: true as const,
    logHead: 'a.b.c',
  }
  const head: LogHead = { instance: 'DEV', index: 7, size: 3, root: Buffer.alloc(32).toString('base64') }
  const texts = [
    writeStatement(statement, signer),
    writeSuspensionList(LIST, signer),
    writeLogHead(head, signer),
  ]
  const readers = [verifyStatement, verifySuspensionList, verifyLogHead]
  for (const [i, text] of texts.entries())
    for (const [j, read] of readers.entries())
      t.equal(
        codeOf(() => read(text, [own.certificate])),
        i === j ? 'accepted' : 'malformed_global_conf',
        `${i} as ${j}`,
      )
  t.same(verifyStatement(texts[0]!, [own.certificate]), statement)
  for (const wrong of [{ hasSuspensionList: false }, { hasSuspensionList: 'true' }, { logHead: 1 }]) {
    const text = writeStatement({ ...statement, ...wrong } as typeof statement, signer)
    t.equal(
      codeOf(() => verifyStatement(text, [own.certificate])),
      'malformed_global_conf',
    )
  }
  for (const wrong of [
    { size: 0 },
    { size: 1.5 },
    { index: -1 },
    { root: '' },
    { root: `${head.root}x` },
    { instance: null },
    { x: 1 },
  ]) {
    const text = writeLogHead({ ...head, ...wrong } as LogHead, signer)
    t.equal(
      codeOf(() => verifyLogHead(text, [own.certificate])),
      'malformed_global_conf',
    )
  }
  const kind = { name: 'x', type: 'x', maxLength: 1_000_000 }
  const deep = `${'['.repeat(70)}${']'.repeat(70)}`
  for (const payload of [
    'null',
    '[]',
    '1',
    '{"a":1,"a":2}',
    '{"b":1,"a":2}',
    '{ "a":1}',
    '{"a":NaN}',
    deep,
  ]) {
    const jws = writeDocument({}, signer, kind).split('.')
    const signed = `${jws[0]}.${Buffer.from(payload).toString('base64url')}`
    const value = signer.sign(Buffer.from(signed)).toString('base64url')
    t.equal(
      codeOf(() => openDocument(`${signed}.${value}`, [own.certificate], kind)),
      'malformed_global_conf',
      payload.slice(0, 20),
    )
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) =>
      readers.every((read) => codeOf(() => read(text, [own.certificate])) === 'malformed_global_conf'),
    ),
  )
})

void t.test('who is suspended', async (t) => {
  const index = indexSuspensions(LIST.suspended)
  t.equal(index.ofClient('DEV/GOV/1'), 'the member DEV/GOV/1')
  t.equal(index.ofClient('DEV/GOV/1/any'), 'the member DEV/GOV/1', 'with all its subsystems')
  t.equal(index.ofClient('DEV/GOV/2/pop%20a'), 'the subsystem DEV/GOV/2/pop%20a')
  for (const id of ['DEV/GOV/2', 'DEV/GOV/2/ss1', 'DEV/GOV/11', 'DEV/GOV/2/pop'])
    t.notOk(index.ofClient(id), id)
  t.ok(index.ofServer('DEV/GOV/2/ss1'))
  t.notOk(index.ofServer('DEV/GOV/1/ss1'), 'the server of a suspended member serves its other clients')
  t.notOk(index.ofServer('DEV/GOV/2/pop%20a'), 'a subsystem of the same text is another thing')
  t.ok(index.ofCertificate(SHA256))
  t.notOk(index.ofCertificate('cd'.repeat(32)))
})

type Log = {
  heads: LogHead[]
  entries: ReturnType<typeof configurationEntry>[]
  hashAt(level: number, index: number): Buffer
}

/** A log of `size` configurations; from leaf `forkAt` on, its content depends on `face`. */
function logOf(size: number, forkAt = size, face = ''): Log {
  const entries = Array.from({ length: size }, (_, index) =>
    configurationEntry({
      instance: 'DEV',
      index,
      generatedAt: SINCE,
      parts: { 'V6/SHARED-PARAMETERS': index >= forkAt ? face : 'same' },
    }),
  )
  const leaves = entries.map(({ form }) => leafHash(Buffer.from(form)))
  const range = createCompactRange()
  const heads = leaves.map((leaf, index) => {
    range.append(leaf)
    return { instance: 'DEV', index, size: index + 1, root: range.root().toString('base64') }
  })
  const hashAt = (level: number, index: number): Buffer =>
    level === 0 ? leaves[index]! : nodeHash(hashAt(level - 1, 2 * index), hashAt(level - 1, 2 * index + 1))
  return { heads, entries, hashAt }
}

void t.test('a log only grows, and a statement stands in it', async (t) => {
  const log = logOf(9)
  const other = logOf(9, 4, 'evil')
  for (let size = 1; size <= 9; size++) {
    const head = log.heads[size - 1]!
    const proof = {
      ...log.entries[size - 1]!,
      inclusion: await inclusionProof(size, size - 1, log.hashAt),
      consistency: [],
    }
    const read = readLogProof(Buffer.from(writeLogProof(proof)))
    t.same(read, proof)
    const parts = { 'V6/SHARED-PARAMETERS': { location: '/x', sha512: 'same' } }
    const statement = { instance: 'DEV', index: size - 1, generatedAt: SINCE, parts }
    checkStatementInLog(statement, head, read)
    for (const wrong of [
      { index: size },
      { instance: 'X' },
      { generatedAt: '2026-01-01T00:00:00.001Z' },
      { parts: { 'V6/SHARED-PARAMETERS': { location: '/x', sha512: 'evil' } } },
      { parts: { ...parts, toString: { location: '/x', sha512: 'same' } } },
    ])
      t.equal(
        codeOf(() => checkStatementInLog({ ...statement, ...wrong }, head, read)),
        'invalid_proof',
      )
    const elsewhere = { ...read, inclusion: [...read.inclusion, Buffer.alloc(32)] }
    t.equal(
      codeOf(() => checkStatementInLog(statement, head, elsewhere)),
      'invalid_proof',
    )
    for (let older = 1; older <= size; older++) {
      const proof = await consistencyProof(older, size, log.hashAt)
      checkLogGrew(log.heads[older - 1]!, head, proof)
      if (older > 4)
        t.equal(
          codeOf(() => checkLogGrew(other.heads[older - 1]!, head, proof)),
          older === size ? 'registry_fork' : 'invalid_proof',
          `${older} of another history`,
        )
    }
  }
  const [four, five] = [log.heads[3]!, log.heads[4]!]
  checkNoContradiction(four, five)
  for (const [one, two] of [
    [four, { ...five, size: 4 }],
    [four, { ...four, index: 7 }],
    [four, { ...five, index: 3 }],
    [five, { ...four, index: 5 }],
  ] as const)
    t.equal(
      codeOf(() => checkNoContradiction(one, two)),
      'registry_fork',
    )
  const huge = JSON.stringify({ form: 'x'.repeat(300_000), content: '', inclusion: [], consistency: [] })
  const many = Array.from({ length: 55 }, () => Buffer.alloc(32).toString('base64'))
  for (const text of [
    '',
    '[]',
    'null',
    '{}',
    '{"form":1,"content":""}',
    '{"form":"","content":"","inclusion":[1],"consistency":[]}',
    '{"form":"","content":"","inclusion":["AA=="],"consistency":[]}',
    `{"form":"","content":"","inclusion":[],"consistency":${JSON.stringify(many)}}`,
    huge,
  ])
    t.equal(
      codeOf(() => readLogProof(Buffer.from(text))),
      'malformed_global_conf',
      text.slice(0, 60),
    )
})
