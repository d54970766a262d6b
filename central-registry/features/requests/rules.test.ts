import t from 'tap'
import {
  REQUEST_KINDS,
  REQUEST_STATES,
  type RequestKind,
  type RequestSubject,
  signersOf,
} from '#schemas/management-request.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { checkReason } from '../../changes/decision.ts'
import { checkFresh } from '../../documents/verify-signer.ts'
import { readFiledRequest, readRevocation, readStatusQuery } from './document.ts'
import { type Act, assess, checkSigner, next, type RegisterFacts, stateFor } from './rules.ts'

const OWNER = 'DEV/GOV/1'
const GUEST = 'DEV/COM/2'
const SERVER = 'DEV/GOV/1/SS1'
const DIGEST = 'a'.repeat(64)
const CERTIFICATE = Buffer.from('certificate').toString('base64')

const SUBJECTS: Record<RequestKind, RequestSubject> = {
  authCertReg: { kind: 'authCertReg', server: SERVER, certificate: CERTIFICATE, address: 'a.example' },
  authCertDeletion: { kind: 'authCertDeletion', server: SERVER, certificateSha256: DIGEST },
  clientReg: { kind: 'clientReg', server: SERVER, client: `${GUEST}/sub` },
  clientDeletion: { kind: 'clientDeletion', server: SERVER, client: `${GUEST}/sub` },
  clientDisable: { kind: 'clientDisable', server: SERVER, client: `${GUEST}/sub` },
  clientEnable: { kind: 'clientEnable', server: SERVER, client: `${GUEST}/sub` },
  clientRename: { kind: 'clientRename', server: SERVER, client: `${GUEST}/sub`, subsystemName: 'New' },
  ownerChange: { kind: 'ownerChange', server: SERVER, newOwner: GUEST },
  addressChange: { kind: 'addressChange', server: SERVER, address: 'b.example' },
  maintenanceModeEnable: { kind: 'maintenanceModeEnable', server: SERVER, message: 'until noon' },
  maintenanceModeDisable: { kind: 'maintenanceModeDisable', server: SERVER },
}

void t.test('every state and every act', async (t) => {
  const possible: Record<string, string> = {
    'WAITING complement': 'SUBMITTED_FOR_APPROVAL',
    'WAITING decline': 'DECLINED',
    'WAITING revoke': 'REVOKED',
    'SUBMITTED_FOR_APPROVAL approve': 'APPROVED',
    'SUBMITTED_FOR_APPROVAL decline': 'DECLINED',
    'SUBMITTED_FOR_APPROVAL revoke': 'REVOKED',
  }
  const why: Record<string, RegExp> = {
    WAITING: /complementary request/,
    SUBMITTED_FOR_APPROVAL: /all who have to sign/,
    APPROVED: /approved already/,
    DECLINED: /declined already/,
    REVOKED: /revoked already/,
  }
  for (const state of REQUEST_STATES) {
    for (const act of ['complement', 'approve', 'decline', 'revoke'] as Act[]) {
      const following = possible[`${state} ${act}`]
      if (following !== undefined) t.equal(next(state, act), following)
      else t.throws(() => next(state, act), { code: 'conflict', what: why[state] }, `${state} ${act}`)
    }
  }
})

void t.test('who signs each kind, and when it is complete', async (t) => {
  const [both, either, owner, guest] = [
    { all: [OWNER, GUEST] },
    { either: [OWNER, GUEST] },
    { all: [OWNER] },
    { all: [GUEST] },
  ]
  const expected: Record<RequestKind, object> = {
    authCertReg: owner,
    authCertDeletion: owner,
    clientReg: both,
    clientDeletion: either,
    clientDisable: either,
    clientEnable: either,
    clientRename: guest,
    ownerChange: both,
    addressChange: owner,
    maintenanceModeEnable: owner,
    maintenanceModeDisable: owner,
  }
  for (const kind of REQUEST_KINDS) {
    const subject = SUBJECTS[kind]
    t.same(signersOf(subject), expected[kind], kind)
    const signers = Object.values(signersOf(subject)).flat()
    for (const member of [OWNER, GUEST, 'DEV/GOV/3']) {
      const code = await codeOf(() => checkSigner(subject, member))
      t.equal(code, signers.includes(member) ? 'accepted' : 'access_denied', `${kind} by ${member}`)
    }
    t.equal(stateFor(subject, signers), 'SUBMITTED_FOR_APPROVAL')
    t.equal(
      stateFor(subject, signers.slice(0, 1)),
      expected[kind] === both ? 'WAITING' : 'SUBMITTED_FOR_APPROVAL',
    )
  }
  const own = { ...SUBJECTS.clientReg, client: `${OWNER}/sub` }
  t.same(signersOf(own), { all: [OWNER] }, 'a client of the owner needs nobody else')
})

/** A register in which each kind of request can be approved. */
const READY: RegisterFacts = {
  server: { address: 'a.example', maintenance: null },
  ownerExists: true,
  otherExists: true,
  otherMemberExists: true,
  otherName: 'Old',
  registration: { disabled: false },
  certificateServer: undefined,
  certificateExpired: false,
  newServerExists: false,
  suspended: [],
  uncovered: [],
}
const FITTING: Partial<Record<RequestKind, Partial<RegisterFacts>>> = {
  authCertReg: { server: undefined },
  authCertDeletion: { certificateServer: SERVER },
  clientReg: { registration: undefined, otherExists: false },
  clientEnable: { registration: { disabled: true } },
  maintenanceModeDisable: { server: { address: 'a.example', maintenance: '' } },
}

void t.test('what each kind changes, and what stands against it', async (t) => {
  const changes: Record<RequestKind, unknown[]> = {
    authCertReg: [
      ['security server', null, SERVER],
      ['address', null, 'a.example'],
      ['authentication certificate', null, /^[0-9a-f]{64}$/],
    ],
    authCertDeletion: [['authentication certificate', DIGEST, null]],
    clientReg: [
      ['subsystem', null, `${GUEST}/sub`],
      ['registration of the client', null, 'enabled'],
    ],
    clientDeletion: [['registration of the client', 'enabled', null]],
    clientDisable: [['registration of the client', 'enabled', 'disabled']],
    clientEnable: [['registration of the client', 'disabled', 'enabled']],
    clientRename: [['subsystem name', 'Old', 'New']],
    ownerChange: [['owner', OWNER, GUEST]],
    addressChange: [['address', 'a.example', 'b.example']],
    maintenanceModeEnable: [['maintenance', null, 'until noon']],
    maintenanceModeDisable: [['maintenance', '', null]],
  }
  const against: [RequestKind, Partial<RegisterFacts>, RegExp][] = [
    ['authCertReg', { certificateServer: 'DEV/GOV/9/X' }, /registered for DEV\/GOV\/9\/X/],
    ['authCertDeletion', { certificateServer: undefined }, /not registered for this/],
    ['authCertDeletion', { certificateServer: 'DEV/GOV/9/X' }, /not registered for this/],
    ['clientReg', { otherMemberExists: false }, /member DEV\/COM\/2 is not in the register/],
    ['authCertReg', { certificateExpired: true }, /has expired/],
    ['clientReg', { registration: { disabled: false } }, /already, enabled/],
    ['clientReg', { registration: { disabled: true } }, /already, disabled/],
    ['clientDeletion', { registration: undefined }, /not a client/],
    ['clientDisable', { registration: { disabled: true } }, /disabled already/],
    ['clientDisable', { registration: undefined }, /not a client/],
    ['clientEnable', { registration: { disabled: false } }, /enabled already/],
    ['clientRename', { otherName: 'New' }, /New already/],
    ['clientRename', { registration: undefined }, /not a client/],
    ['ownerChange', { registration: undefined }, /not a client/],
    ['ownerChange', { newServerExists: true }, /of this code/],
    ['addressChange', { server: { address: 'b.example', maintenance: null } }, /b\.example already/],
    ['maintenanceModeEnable', { server: { address: 'a', maintenance: 'until noon' } }, /already/],
    ['maintenanceModeDisable', { server: { address: 'a', maintenance: null } }, /absent already/],
  ]
  for (const kind of REQUEST_KINDS) {
    const facts = { ...READY, ...FITTING[kind] }
    const found = assess(SUBJECTS[kind], facts)
    t.same(found.conflicts, [], kind)
    t.match(
      found.changes.map(({ what, before, after }) => [what, before, after]),
      changes[kind],
      kind,
    )
    t.match(assess(SUBJECTS[kind], { ...facts, ownerExists: false }).conflicts, [/not in the register/])
    if (kind !== 'authCertReg')
      t.match(assess(SUBJECTS[kind], { ...facts, server: undefined }).conflicts, [
        /server .* is not in the register/,
      ])
    for (const [, more, text] of against.filter(([of]) => of === kind))
      t.match(assess(SUBJECTS[kind], { ...facts, ...more }).conflicts.join('; '), text, kind)
  }
  const whole = { ...SUBJECTS.clientRename, client: GUEST }
  t.match(assess(whole, READY).conflicts, [/only a subsystem/])
  t.match(assess({ ...SUBJECTS.clientReg, client: OWNER }, READY).conflicts, [/owner is a client/])
  t.match(assess({ ...SUBJECTS.ownerChange, newOwner: OWNER }, READY).conflicts, [/owns the security server/])
})

void t.test('documents: each kind with its fields, nothing else', async (t) => {
  const head = {
    id: '00000000-0000-4000-8000-000000000000',
    createdAt: '2026-01-01T00:00:00.000Z',
    signer: OWNER,
  }
  for (const kind of REQUEST_KINDS) {
    const document: Record<string, unknown> = { ...head, ...SUBJECTS[kind] }
    t.same(readFiledRequest(document), document, kind)
    const refuse = async (change: object, what: string): Promise<void> => {
      const code = await codeOf(() => readFiledRequest({ ...document, ...change }))
      t.match(code, /^invalid_(input|client_identifier)$/, `${kind}: ${what}`)
    }
    for (const name of Object.keys(document).filter((one) => one !== 'message')) {
      await refuse({ [name]: undefined }, `without ${name}`)
      await refuse({ [name]: 7 }, `${name} is a number`)
      await refuse({ [name]: '' }, `${name} is empty`)
      await refuse({ [name]: [document[name]] }, `${name} is a list`)
      await refuse({ [name]: 'x'.repeat(20_000) }, `${name} is huge`)
    }
    await refuse({ more: 1 }, 'a field of nobody')
    const foreign = kind === 'authCertDeletion' ? 'address' : 'certificateSha256'
    await refuse({ [foreign]: DIGEST }, 'a field of another kind')
    await refuse({ createdAt: '2026-13-01T00:00:00.000Z' }, 'no time')
    await refuse({ createdAt: '2026-01-01T00:00:00Z' }, 'another form of time')
    await refuse({ server: 'DEV/GOV/1/S%53' }, 'an id in another form')
    await refuse({ signer: 'DEV:GOV:1' }, 'an id with colons')
  }
  for (const document of [null, 7, 'x', [], {}])
    t.equal(await codeOf(() => readFiledRequest(document)), 'invalid_input')
  const query = { ...head, server: SERVER }
  t.same(readStatusQuery(query), query)
  t.equal(await codeOf(() => readStatusQuery({ ...query, kind: 'authCertReg' })), 'invalid_input')
  t.same(readRevocation({ ...query, request: 3 }), { ...query, request: 3 })
  for (const request of [0, -1, 1.5, '1', null, 2 ** 60])
    t.equal(await codeOf(() => readRevocation({ ...query, request })), 'invalid_input')
  const at = Date.parse(head.createdAt)
  for (const [off, code] of [
    [0, 'accepted'],
    [300_000, 'accepted'],
    [-300_000, 'accepted'],
    [300_001, 'stale_request'],
    [-300_001, 'stale_request'],
  ] as const)
    t.equal(await codeOf(() => checkFresh(head, at + off)), code)
  t.equal(checkReason('No.\nTwo lines.'), 'No.\nTwo lines.')
  for (const reason of ['', ' ', 'a\0', 'a\u202eb', 'a\x1b[2J'])
    t.equal(await codeOf(() => checkReason(reason)), 'invalid_input')
})
