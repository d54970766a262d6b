import t from 'tap'
import { CONTRACT_STATES, type ContractContent, type ContractState } from '#schemas/contract.ts'
import { contentAt, hashOf, inDays } from '#test/fakes/contracts.ts'
import {
  type Act,
  checkFamily,
  checkMemberAct,
  checkOverlap,
  checkProposal,
  differences,
  dueNotice,
  isOverdue,
  needsApproval,
  next,
  type Standing,
  stateAt,
  supersededAt,
  type Version,
} from './rules.ts'

const NOW = Date.parse('2026-06-01T12:00:00.000Z')
const AT = new Date(NOW).toISOString()
const OWNER = 'DEV/GOV/1234'
const GUEST = 'DEV/GOV/5678'

/** The state after every act in every state, written down a second time; all other acts are refused. */
const TABLE: Record<Act, Partial<Record<ContractState, ContractState>>> = {
  replace: { PROPOSED: 'PROPOSED' },
  seal: { PROPOSED: 'PROPOSED' },
  join: { PROPOSED: 'PROPOSED', ACCEPTED: 'ACCEPTED', ACTIVE: 'ACTIVE' },
  complete: { PROPOSED: 'ACCEPTED' },
  withdraw: { PROPOSED: 'WITHDRAWN', ACCEPTED: 'WITHDRAWN' },
  decline: { PROPOSED: 'DECLINED', ACCEPTED: 'DECLINED' },
  approve: { ACCEPTED: 'ACTIVE' },
  suspend: { ACTIVE: 'SUSPENDED' },
  resume: { SUSPENDED: 'ACTIVE' },
  terminate: {
    PROPOSED: 'TERMINATED',
    ACCEPTED: 'TERMINATED',
    ACTIVE: 'TERMINATED',
    SUSPENDED: 'TERMINATED',
  },
  expire: { PROPOSED: 'DECLINED', ACCEPTED: 'DECLINED', ACTIVE: 'EXPIRED', SUSPENDED: 'EXPIRED' },
  supersede: { ACTIVE: 'SUPERSEDED', EXPIRED: 'SUPERSEDED' },
}

t.test('each act in each state', async (t) => {
  for (const [act, states] of Object.entries(TABLE))
    for (const state of CONTRACT_STATES) {
      const wanted = states[state]
      const did = () => next(state, act as Act)
      if (wanted === undefined)
        t.throws(
          did,
          { code: 'contract_not_possible', what: new RegExp(`it is ${state}: .+`) },
          `${act} ${state}`,
        )
      else t.equal(did(), wanted, `${act} ${state}`)
    }
})

const version = (more: Partial<Version> = {}): Version => ({
  version: 1,
  hash: 'a'.repeat(64),
  state: 'ACTIVE',
  validFrom: inDays(NOW, -10),
  validUntil: inDays(NOW, 10),
  critical: false,
  ...more,
})

t.test('time ends what is over, but not what is critical', async (t) => {
  const over = { validUntil: AT }
  t.equal(stateAt(version(), AT), 'ACTIVE')
  t.equal(stateAt(version(over), AT), 'EXPIRED', 'the end itself is not in it')
  t.equal(stateAt(version({ ...over, state: 'SUSPENDED' }), AT), 'EXPIRED')
  t.equal(stateAt(version({ ...over, critical: true }), AT), 'ACTIVE')
  t.ok(isOverdue(version({ ...over, critical: true }), AT))
  t.notOk(isOverdue(version(over), AT))
  t.equal(stateAt(version({ ...over, state: 'PROPOSED', critical: true }), AT), 'DECLINED', 'it never began')
  t.equal(stateAt(version({ ...over, state: 'TERMINATED' }), AT), 'TERMINATED')
})

t.test('a newer version takes over when it begins', async (t) => {
  const first = version()
  const second = version({ version: 2, validFrom: inDays(NOW, 1) })
  t.same(supersededAt([first, second], AT), [])
  t.same(supersededAt([first, second], inDays(NOW, 1)), [first])
  t.same(supersededAt([version({ state: 'EXPIRED' }), version({ version: 2 })], AT).length, 1)
  t.same(
    supersededAt([first, version({ version: 2, state: 'ACCEPTED' })], AT),
    [],
    'only what is in force does',
  )
})

t.test('who may propose what, and when', async (t) => {
  const content = contentAt(NOW)
  const facts = { missing: [] as string[], groupExists: true, isSuspended: false, versions: [] as Version[] }
  const code = (change: Partial<ContractContent>, more: Partial<typeof facts> = {}, by = GUEST) => {
    try {
      checkProposal({ ...content, ...change }, by, { ...facts, ...more }, AT)
      return 'taken'
    } catch (thrown) {
      return (thrown as { what?: string }).what
    }
  }
  t.equal(code({}), 'taken')
  t.equal(code({}, {}, OWNER), 'taken', 'either side')
  t.match(code({}, {}, 'DEV/GOV/9'), /proposed by/)
  t.match(
    code({ consumers: { globalGroup: 'g' } }),
    /proposed by DEV\/GOV\/1234$/,
    "a group's by the provider",
  )
  t.match(code({}, { missing: ['DEV/GOV/5678/tax'] }), /not in the register/)
  t.match(code({ consumers: { globalGroup: 'g' } }, { groupExists: false }, OWNER), /no global group g/)
  t.match(code({ validUntil: AT }), /has ended already/)
  t.match(code({ version: 2 }), /next version is 1/)
  const held = version()
  t.equal(code({ version: 2, supersedes: held.hash }, { versions: [held] }), 'taken')
  t.match(code({ version: 2 }, { versions: [held] }), /supersedes has to be/)
  t.match(code({ version: 3, supersedes: held.hash }, { versions: [held] }), /next version is 2/)
  const open = version({ state: 'PROPOSED' })
  t.equal(code({}, { versions: [open] }), 'taken', 'other content for what is proposed')
  t.match(code({}, { versions: [version({ state: 'ACCEPTED' })] }), /sealed by all/)
  t.equal(code({ version: 2 }, { versions: [version({ state: 'DECLINED' })] }), 'taken')
  t.match(
    code({ version: 2, supersedes: held.hash }, { versions: [version({ state: 'SUSPENDED' })] }),
    /suspended/,
  )
  t.match(code({ version: 2 }, { versions: [version({ state: 'TERMINATED' })] }), /terminated/)
  const ended = version({ state: 'SUSPENDED', validUntil: AT })
  for (const [isSuspended, what] of [
    [true, /ended while it was suspended.*lift/],
    [false, 'taken'],
  ] as const)
    t.match(
      code(
        { version: 2, supersedes: ended.hash },
        { versions: [{ ...ended, state: 'EXPIRED' }], isSuspended },
      ),
      what,
    )
  t.match(
    code({ version: 2, supersedes: ended.hash }, { versions: [ended], isSuspended: true }),
    /ended while/,
  )
  t.throws(() => checkFamily({ versions: [version({ state: 'SUSPENDED' })], isSuspended: false }, AT), {
    code: 'contract_not_possible',
  })
})

t.test('which acts are whose', async (t) => {
  const q = {
    proposer: GUEST,
    signers: [OWNER, GUEST],
    hasJoined: false,
    mandated: ['Director (1)', 'Lawyer (2)'],
  }
  t.doesNotThrow(() => checkMemberAct('withdraw', GUEST, q))
  t.throws(() => checkMemberAct('withdraw', OWNER, q), { code: 'access_denied' })
  for (const act of ['decline', 'terminate', 'withdraw'] as const) {
    if (act !== 'withdraw') t.doesNotThrow(() => checkMemberAct(act, OWNER, q))
    t.throws(() => checkMemberAct(act, 'DEV/GOV/9', q), { code: 'access_denied' })
    for (const mandated of [[], ['Director (1)']]) {
      const alone = (): void => checkMemberAct(act, GUEST, { ...q, mandated })
      if (act === 'terminate') t.throws(alone, { code: 'second_signatory_needed' })
      else t.doesNotThrow(alone)
    }
  }
  const joined = { ...q, hasJoined: true }
  t.doesNotThrow(() => checkMemberAct('terminate', 'DEV/GOV/9', joined), 'its own part')
  for (const act of ['decline', 'withdraw'] as const)
    t.throws(() => checkMemberAct(act, 'DEV/GOV/9', joined), { code: 'access_denied' })
  t.ok(needsApproval({ personalData: true }, { approveAll: false }))
  t.ok(needsApproval({ personalData: false }, { approveAll: true }))
  t.notOk(needsApproval({ personalData: false }, { approveAll: false }))
})

t.test('two contracts do not cover one call', async (t) => {
  const consumers = ['DEV/GOV/5678/tax']
  const one = contentAt(NOW)
  const refused = (change: Partial<ContractContent>, more: Partial<Standing> = {}): boolean => {
    const content = { ...contentAt(NOW), ...change }
    try {
      checkOverlap({ content: one, consumers }, [{ content, consumers, ...more }], AT)
      return false
    } catch (thrown) {
      t.match(thrown, { code: 'contract_not_possible', what: new RegExp(content.contract) })
      return true
    }
  }
  const endpoint = (method: string, path: string, serviceCode = 'persons') => ({
    services: [{ serviceCode, endpoints: [{ method, path }] }],
  })
  t.ok(refused({}))
  t.ok(refused({ consumers: { globalGroup: 'g' } }), 'a group that it joined')
  t.ok(refused(endpoint('*', '**')))
  t.ok(refused(endpoint('GET', '/persons/P1')), 'inside a pattern')
  t.notOk(refused({ contract: one.contract }), 'its own versions follow one another')
  t.notOk(refused({}, { consumers: ['DEV/GOV/5678/other'] }))
  t.notOk(refused({ provider: 'DEV/GOV/1234/other' }))
  t.notOk(refused(endpoint('POST', '/persons/*')))
  t.notOk(refused(endpoint('GET', '/horses/*')))
  t.notOk(refused(endpoint('GET', '/persons/*/address')))
  t.notOk(refused(endpoint('GET', '/persons/*', 'horses')))
  const later = { validFrom: one.validUntil, validUntil: inDays(NOW, 400), reviewAt: inDays(NOW, 390) }
  t.notOk(refused(later), 'one after the other')
  t.ok(refused({ validFrom: inDays(NOW, -9), validUntil: one.validFrom, critical: true }), 'it goes on')
  t.notOk(refused({ validFrom: inDays(NOW, -9), validUntil: AT }), "what is over stands in nobody's way")
})

t.test('the end is announced 90, 30, 7 and 1 days before, each once', async (t) => {
  const given = new Set<string>()
  const one = { ...version({ validUntil: inDays(NOW, 100) }), reviewAt: inDays(NOW, 95) }
  const said: [number, string][] = []
  for (let day = 0; day <= 101; day++) {
    const notice = dueNotice(one, { now: inDays(NOW, day), given, hasSuccessor: false })
    if (notice !== undefined) {
      given.add(notice)
      said.push([day, notice])
    }
  }
  t.same(said, [
    [10, 'ends-90'],
    [70, 'ends-30'],
    [93, 'ends-7'],
    [95, 'review'],
    [99, 'ends-1'],
  ])
  const ask = (more: Partial<typeof one>, now: string, hasSuccessor = false) =>
    dueNotice({ ...one, ...more }, { now, given: new Set(), hasSuccessor })
  t.equal(ask({}, inDays(NOW, 98)), 'ends-7', 'a late run gives the one that counts')
  t.equal(ask({}, inDays(NOW, 98), true), undefined, 'who has agreed on the next is not surprised')
  t.equal(ask({ critical: true }, inDays(NOW, 103.5)), 'overdue-3', 'what is critical is escalated every day')
  t.equal(ask({ state: 'TERMINATED' }, inDays(NOW, 98)), undefined)
  t.equal(ask({ state: 'SUSPENDED' }, inDays(NOW, 98)), 'ends-7')
})

t.test('versions side by side', async (t) => {
  const before = contentAt(NOW)
  const after = { ...before, version: 2, quota: { perDay: 5 }, contacts: [] }
  t.same(differences(before, before), [])
  t.same(differences(before, after), [
    { path: '/contacts/0', before: before.contacts[0] },
    { path: '/quota', after: { perDay: 5 } },
    { path: '/version', before: 1, after: 2 },
  ])
  t.not(hashOf(before), hashOf(after))
  t.same(differences({ 'a/b': { '~': 1 } }, { 'a/b': { '~': 2 } }), [
    { path: '/a~1b/~0', before: 1, after: 2 },
  ])
})
