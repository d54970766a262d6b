/** The life of the register's entities: every state with every act, and random sequences of key rotation. */
import fc from 'fast-check'
import t from 'tap'
import type { Fault } from '#schemas/fault.ts'
import {
  checkActivation,
  checkRemoval,
  isKnown,
  knownFrom,
  type SigningKeyFacts,
  stateOfKey,
  stateOfNewKey,
} from './configuration/signing-keys/rules.ts'
import { type AnchorAct, type AnchorState, nextAnchorState } from './features/federation/rules.ts'
import { checkJoining, checkLeaving } from './groups/rules.ts'
import {
  checkClassKnown,
  nextStanding,
  type Standing,
  type StandingAct,
  type StandingFacts,
  standingOf,
} from './members/rules.ts'
import {
  type CertificateAct,
  type CertificateState,
  certificateState,
  nextCertificateState,
  nextRegistrationState,
  nextServerState,
  type RegistrationAct,
  type RegistrationState,
  registrationState,
  type ServerAct,
  type ServerState,
  serverState,
} from './servers/rules.ts'
import {
  type AuthorityAct,
  type AuthorityState,
  authorityState,
  nextAuthorityState,
  nextServiceState,
  type ServiceAct,
  type ServiceState,
} from './trust/rules.ts'

type Tap = Pick<typeof t, 'equal' | 'match'>

const iso = (ms: number): string => new Date(ms).toISOString()

/** Code and public text of the fault that is thrown, or "allowed". */
function said(act: () => unknown): string {
  try {
    act()
    return 'allowed'
  } catch (thrown) {
    const { code, what } = thrown as Fault
    return `${code}: ${what}`
  }
}

void t.test('signing keys: every state and every act', async (t) => {
  t.same([stateOfNewKey(0), stateOfNewKey(1)], ['ACTIVE', 'ANNOUNCED'])
  const at = iso(600_000)
  const facts: Record<string, SigningKeyFacts> = {
    unpublished: { is_active: 0, known_at: null, activated_at: null },
    announced: { is_active: 0, known_at: iso(600_001), activated_at: null },
    known: { is_active: 0, known_at: at, activated_at: null },
    active: { is_active: 1, known_at: iso(0), activated_at: iso(0) },
    // Activated by force before it was known: a key that has signed may sign again.
    retired: { is_active: 0, known_at: iso(600_001), activated_at: iso(0) },
  }
  const expected: [string, string, RegExp, RegExp][] = [
    ['unpublished', 'ANNOUNCED', /^conflict: no configuration that names this key/, /^allowed$/],
    ['announced', 'ANNOUNCED', /^conflict: .*cut off; wait until 1970-01-01T00:10:00.001Z/, /^allowed$/],
    ['known', 'ANNOUNCED', /^allowed$/, /^allowed$/],
    ['active', 'ACTIVE', /^allowed$/, /^conflict: the active key signs/],
    ['retired', 'RETIRED', /^allowed$/, /^allowed$/],
  ]
  for (const [name, state, activation, removal] of expected) {
    const key = facts[name]!
    t.equal(stateOfKey(key), state, name)
    t.match(
      said(() => checkActivation(key, { at, force: false })),
      activation,
      `${name}: sign`,
    )
    t.equal(
      said(() => checkActivation(key, { at, force: true })),
      'allowed',
      `${name}: sign at once`,
    )
    t.match(
      said(() => checkRemoval(key)),
      removal,
      `${name}: remove`,
    )
  }
  t.equal(knownFrom({ generatedAt: iso(5), usableUntil: undefined }), iso(5), 'nobody had anything before')
  t.equal(knownFrom({ generatedAt: iso(5), usableUntil: iso(4) }), iso(5), 'all that was had expired')
  t.equal(knownFrom({ generatedAt: iso(5), usableUntil: iso(9) }), iso(9))
  t.same([isKnown({ known_at: null }, at), isKnown({ known_at: at }, at)], [false, true])
})

void t.test(
  'signing keys: whatever is done without force, no server that is up to date is cut off',
  async (t) => {
    const step = fc.oneof(
      fc.record({ act: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 700_000 }) }),
      // An operator may change the validity between two starts.
      fc.record({ act: fc.constant('publish' as const), ms: fc.integer({ min: 60_000, max: 900_000 }) }),
      fc.record({
        act: fc.constantFrom('fetch' as const, 'add' as const, 'activate' as const, 'remove' as const),
        ms: fc.nat(3),
      }),
    )
    type Key = SigningKeyFacts & { id: number }
    type Published = { expires: number; names: number[]; signer: number }
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let now = 0
        let nextId = 0
        let keys: Key[] = []
        const published: Published[] = []
        let held: Published | undefined
        for (const { act, ms } of steps) {
          const chosen = keys[ms % Math.max(keys.length, 1)]
          if (act === 'pass') now += ms
          if (act === 'add') {
            const isActive = stateOfNewKey(keys.length) === 'ACTIVE'
            const activated_at = isActive ? iso(now) : null
            keys.push({ id: nextId++, is_active: isActive ? 1 : 0, known_at: null, activated_at })
          }
          if (act === 'publish' && keys.length > 0) {
            const usable = published.map(({ expires }) => expires)
            const usableUntil = usable.length === 0 ? undefined : iso(Math.max(...usable))
            const known_at = knownFrom({ generatedAt: iso(now), usableUntil })
            keys = keys.map((key) => (key.known_at === null ? { ...key, known_at } : key))
            const signer = keys.find((key) => key.is_active === 1)!.id
            published.push({ expires: now + ms, names: keys.map(({ id }) => id), signer })
          }
          const mayAct = (check: () => void): boolean => chosen !== undefined && said(check) === 'allowed'
          if (act === 'activate' && mayAct(() => checkActivation(chosen!, { at: iso(now), force: false })))
            keys = keys.map((key) =>
              key === chosen ? { ...key, is_active: 1, activated_at: iso(now) } : { ...key, is_active: 0 },
            )
          if (act === 'remove' && mayAct(() => checkRemoval(chosen!)))
            keys = keys.filter((key) => key !== chosen)
          const newest = published.at(-1)
          if (act === 'fetch' && newest !== undefined) {
            const isUpToDate = held !== undefined && held.expires > now
            if (isUpToDate && !held!.names.includes(newest.signer)) return false
            held = newest
          }
          if (keys.length > 0 && keys.filter((key) => key.is_active === 1).length !== 1) return false
        }
        return true
      }),
      { numRuns: 500 },
    )
    t.pass('500 lives')
  },
)

void t.test('external anchors: every state and every act', async (t) => {
  const possible: Record<string, AnchorState> = {
    'EXAMINED examine': 'EXAMINED',
    'EXAMINED trust': 'TRUSTED',
    'TRUSTED replace': 'REPLACED',
    'TRUSTED remove': 'REMOVED',
    'REPLACED examine': 'EXAMINED',
    'REMOVED examine': 'EXAMINED',
  }
  const why: Record<AnchorAct, RegExp> = {
    examine: /trusted already/,
    trust: /: examine it again/,
    replace: /only a trusted one is replaced/,
    remove: /only a trusted one is removed/,
  }
  for (const state of ['EXAMINED', 'TRUSTED', 'REPLACED', 'REMOVED'] as const)
    for (const act of ['examine', 'trust', 'replace', 'remove'] as const) {
      const next = possible[`${state} ${act}`]
      if (next !== undefined) t.equal(nextAnchorState(state, act), next, `${state} ${act}`)
      else
        t.throws(() => nextAnchorState(state, act), { code: 'conflict', what: why[act] }, `${state} ${act}`)
    }
})

/** Each state with each act: the state that follows, or a pattern for the refusal's text. */
type Table<S extends string, A extends string> = Record<S, Record<A, S | RegExp>>

function eachStateAndAct<S extends string, A extends string>(
  t: Tap,
  noun: string,
  table: Table<S, A>,
  next: (state: S, act: A) => S,
): void {
  for (const [state, acts] of Object.entries(table) as [S, Record<A, S | RegExp>][])
    for (const [act, expected] of Object.entries(acts) as [A, S | RegExp][]) {
      const name = `${noun}: ${state} ${act}`
      if (typeof expected === 'string') t.equal(next(state, act), expected, name)
      else
        t.match(
          said(() => next(state, act)),
          expected,
          name,
        )
    }
}

void t.test(
  'member classes, members, subsystems, groups and profiles: every state and every act',
  async (t) => {
    const facts: Record<Standing, StandingFacts> = {
      ABSENT: { exists: false },
      UNUSED: { exists: true, references: { subsystems: 0 } },
      USED: { exists: true, references: { subsystems: 2, successions: 0, 'hosting mandates': 1 } },
    }
    for (const [state, each] of Object.entries(facts)) t.equal(standingOf(each), state)
    const gone = /^not_found: the member DEV\/GOV\/1$/
    const twin = /^conflict: the member DEV\/GOV\/1 exists already$/
    eachStateAndAct<Standing, StandingAct>(
      t,
      'referred to',
      {
        ABSENT: { add: 'UNUSED', rename: gone, refer: gone, delete: gone },
        UNUSED: { add: twin, rename: 'UNUSED', refer: 'USED', delete: 'ABSENT' },
        USED: {
          ...{ add: twin, rename: 'USED', refer: 'USED' },
          delete: /^conflict: .* is still referred to by 2 subsystems, 1 hosting mandates$/,
        },
      },
      (state, act) => nextStanding('the member DEV/GOV/1', act, facts[state]),
    )
    t.equal(
      said(() => checkClassKnown({ memberClass: 'GOV', isKnown: true })),
      'allowed',
    )
    t.equal(
      said(() => checkClassKnown({ memberClass: 'GOV', isKnown: false })),
      'invalid_input: there is no member class GOV',
    )
    const of = { group: 'g', client: 'DEV/GOV/1' }
    t.same(
      [true, false].flatMap((isMember) => [
        said(() => checkJoining({ ...of, isMember })),
        said(() => checkLeaving({ ...of, isMember })),
      ]),
      [
        ...['conflict: DEV/GOV/1 belongs to the global group g', 'allowed', 'allowed'],
        'not_found: DEV/GOV/1 does not belong to the global group g',
      ],
    )
  },
)

void t.test('security servers, their clients and certificates: every state and every act', async (t) => {
  const id = 'DEV/GOV/1/SS1'
  t.same([undefined, { maintenance: null }, { maintenance: '' }].map(serverState), [
    'ABSENT',
    'IN_SERVICE',
    'IN_MAINTENANCE',
  ])
  const gone = /^not_found: the security server DEV\/GOV\/1\/SS1$/
  const twin = /^conflict: .* exists already$/
  eachStateAndAct<ServerState, ServerAct>(
    t,
    'security server',
    {
      ABSENT: {
        ...{ add: 'IN_SERVICE', refer: gone, changeAddress: gone, startMaintenance: gone },
        ...{ endMaintenance: gone, changeOwner: gone, delete: gone },
      },
      IN_SERVICE: {
        ...{ add: twin, refer: 'IN_SERVICE', changeAddress: 'IN_SERVICE', changeOwner: 'IN_SERVICE' },
        ...{ startMaintenance: 'IN_MAINTENANCE', endMaintenance: /^conflict: .* is not in maintenance$/ },
        delete: 'ABSENT',
      },
      IN_MAINTENANCE: {
        ...{ add: twin, refer: 'IN_MAINTENANCE', changeAddress: 'IN_MAINTENANCE', delete: 'ABSENT' },
        ...{ changeOwner: 'IN_MAINTENANCE', startMaintenance: 'IN_MAINTENANCE' },
        endMaintenance: 'IN_SERVICE',
      },
    },
    (state, act) => nextServerState(id, act, state),
  )
  const server = { instance: 'DEV', memberClass: 'GOV', memberCode: '1', serverCode: 'SS1' }
  const { serverCode: _, ...client } = { ...server, memberCode: '2' }
  const owner = { ...client, memberCode: '1' }
  t.equal(registrationState({ server, client }, undefined), 'ABSENT')
  t.equal(registrationState({ server, client }, { is_disabled: 0 }), 'ENABLED')
  t.equal(registrationState({ server, client }, { is_disabled: 1 }), 'DISABLED')
  t.equal(registrationState({ server, client: owner }, undefined), 'OWNER')
  t.equal(registrationState({ server, client: { ...owner, subsystemCode: 's' } }, undefined), 'ABSENT')
  const unknown = /^not_found: the client registration of DEV\/GOV\/2$/
  const notOwner = /^conflict: DEV\/GOV\/2 does not own/
  const byOwning = /^conflict: the owner is a client of its security server as long as/
  eachStateAndAct<RegistrationState, RegistrationAct>(
    t,
    'client',
    {
      ABSENT: {
        ...{ register: 'ENABLED', enable: unknown, disable: unknown, delete: unknown },
        ...{ own: unknown, handOver: unknown },
      },
      ENABLED: {
        ...{ register: /already, enabled$/, enable: /already, enabled$/, disable: 'DISABLED' },
        ...{ delete: 'ABSENT', own: 'OWNER', handOver: notOwner },
      },
      DISABLED: {
        ...{ register: /already, disabled$/, enable: 'ENABLED', disable: /already, disabled$/ },
        ...{ delete: 'ABSENT', own: 'OWNER', handOver: notOwner },
      },
      OWNER: {
        ...{ register: /^conflict: the owner is a client of its security server already$/ },
        ...{ enable: byOwning, disable: byOwning, delete: byOwning },
        ...{ own: /^conflict: .* owns the security server already$/, handOver: 'ENABLED' },
      },
    },
    (state, act) => nextRegistrationState('DEV/GOV/2', act, state),
  )
  t.same(
    [undefined, { server: id }, { server: 'DEV/GOV/1/SS2' }].map((row) => certificateState(id, row)),
    ['ABSENT', 'HERE', 'ELSEWHERE'],
  )
  eachStateAndAct<CertificateState, CertificateAct>(
    t,
    'authentication certificate',
    {
      ABSENT: { register: 'HERE', delete: /^cert_not_found: ab$/ },
      HERE: { register: /^conflict: .* for this security server already$/, delete: 'ABSENT' },
      ELSEWHERE: { register: /^conflict: .* for another security server/, delete: /^cert_not_found: ab$/ },
    },
    (state, act) => nextCertificateState('ab', act, state),
  )
})

void t.test('approved CAs and time-stamping services: every state and every act', async (t) => {
  const gone = /^not_found: the service$/
  eachStateAndAct<ServiceState, ServiceAct>(
    t,
    'service',
    {
      ABSENT: { approve: 'APPROVED', extend: gone, withdraw: gone },
      APPROVED: {
        ...{ approve: /^conflict: the service is approved already$/, extend: 'APPROVED' },
        withdraw: 'ABSENT',
      },
    },
    (state, act) => nextServiceState('the service', act, { isApproved: state === 'APPROVED' }),
  )
  const row = (service: number, is_top: number) => ({ service, is_top })
  t.same(
    [undefined, row(1, 1), row(1, 0), row(2, 1)].map((one) => authorityState(1, one)),
    ['ABSENT', 'TOP', 'INTERMEDIATE', 'ELSEWHERE'],
  )
  t.equal(authorityState(undefined, row(1, 0)), 'ELSEWHERE', 'a service that is only to be approved')
  const here = /^conflict: .* belongs to this certification service already$/
  const elsewhere = /^conflict: .* belongs to another certification service already$/
  const unknown = /^not_found: the intermediate CA ab$/
  eachStateAndAct<AuthorityState, AuthorityAct>(
    t,
    'CA',
    {
      ABSENT: { found: 'TOP', add: 'INTERMEDIATE', remove: unknown },
      TOP: { found: here, add: here, remove: /^conflict: it is the top CA/ },
      INTERMEDIATE: { found: here, add: here, remove: 'ABSENT' },
      ELSEWHERE: { found: elsewhere, add: elsewhere, remove: unknown },
    },
    (state, act) => nextAuthorityState('ab', act, state),
  )
})
