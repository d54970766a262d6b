/** The lives of the register's nouns whose rules stand alone: every state with every act, and a rotation of keys by chance. */
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
import { type AnchorAct, type AnchorState, nextAnchorState } from './federation/rules.ts'
import { checkEnd, checkJoining, checkLeaving } from './groups/rules.ts'
import { checkWithdrawal } from './trust/rules.ts'

const iso = (ms: number): string => new Date(ms).toISOString()

/** Code and public text of what is thrown, or "allowed". */
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
    // Forced before it was known: as a key that signed it may sign again.
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
      // The validity may be set anew between two starts.
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

void t.test('global groups and certification services: what ends, and what does not', async (t) => {
  const of = { group: 'g', client: 'DEV/GOV/1' }
  t.equal(
    said(() => checkJoining({ ...of, isMember: false })),
    'allowed',
  )
  t.equal(
    said(() => checkJoining({ ...of, isMember: true })),
    'conflict: DEV/GOV/1 belongs to the global group g',
  )
  t.equal(
    said(() => checkLeaving({ ...of, isMember: true })),
    'allowed',
  )
  t.equal(
    said(() => checkLeaving({ ...of, isMember: false })),
    'not_found: DEV/GOV/1 does not belong to the global group g',
  )
  for (const [members, contracts, words] of [
    [0, 0, 'allowed'],
    [2, 0, 'conflict: the global group g is still referred to by 2 members'],
    [0, 1, 'conflict: the global group g is still referred to by 1 service contracts'],
    [1, 1, 'conflict: the global group g is still referred to by 1 members, 1 service contracts'],
  ] as const)
    t.equal(
      said(() => checkEnd({ group: 'g', members, contracts })),
      words,
    )
  t.equal(
    said(() => checkWithdrawal({ isTop: false })),
    'allowed',
  )
  t.match(
    said(() => checkWithdrawal({ isTop: true })),
    /^conflict: it is the top CA/,
  )
})
