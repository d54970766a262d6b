import fc from 'fast-check'
import t from 'tap'
import { createApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { AuditAct } from '#platform/audit-log/create-audit-log.ts'
import { inTransaction, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { type ApprovedCall, checkProposable } from '#platform/http-service/four-eyes.ts'
import { readOperations, type Schema } from '#platform/http-service/openapi-operations.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { checkUnchanged } from '#platform/people/second-person.ts'
import { createPeopleStore } from '#platform/people/store.ts'
import { createApprovals } from '#platform/proposals/create-approvals.ts'
import { createProposers } from '#platform/proposals/proposers.ts'
import { contentText, readContent } from '#platform/proposals/rules.ts'
import { createProposalStore } from '#platform/proposals/store.ts'
import { createSessions } from '#platform/sessions/create-sessions.ts'
import { Fault } from '#schemas/fault.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { until } from '#test/until.ts'
import { openRegistryDatabase } from '../registry.ts'

const DAY = 86_400_000

void t.test('carried out once, by whichever node, and never again after a crash', async (t) => {
  await eachRegistryDatabase(t, async (first, t, url) => {
    const database = await openRegistryDatabase(url)
    const second = first.dialect === 'sqlite' ? database : await openDatabase(url)
    t.teardown(() =>
      Promise.all(second === database ? [database.close()] : [database.close(), second.close()]),
    )
    let now = Date.parse('2026-03-01T12:00:00.000Z')
    const calls: ApprovedCall[] = []
    const recorded: AuditAct[] = []
    let behaviour = async (): Promise<unknown> => ({ id: 7 })
    let recordable = true
    const nodeOn = (one: typeof database) =>
      createApprovals({
        store: createProposalStore(one),
        proposers: { rolesOf: async () => ['OFFICER'], makerOf: async () => null },
        isRequired: async () => true,
        rolesFor: () => ['OFFICER'],
        perform: (call) => {
          calls.push(call)
          return behaviour()
        },
        audit: {
          before: async (act) => {
            if (!recordable) throw new Fault('database_error')
            return recorded.push(act)
          },
        },
        clock: () => now,
        log: createLog({ name: 'test', destination: { write: () => undefined } }),
      })
    const nodes = [nodeOn(database), nodeOn(second)] as const
    const store = createProposalStore(database)
    const person = (id: string): Caller => ({ kind: 'person', id, name: id, roles: ['OFFICER'] })
    const propose = (body: unknown = { a: 1 }) =>
      nodes[0].propose({
        operation: 'act',
        params: { id: 'x' },
        query: {},
        body,
        target: '/x',
        reason: 'r',
        caller: person('p'),
      })

    const raced = await propose()
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, at) =>
        codeOf(nodes[at % 2 === 0 ? 0 : 1].approve(raced.id, raced.contentSha256, person(`q${at}`))),
      ),
    )
    t.equal(outcomes.filter((code) => code === 'accepted').length, 1)
    t.equal(outcomes.filter((code) => code === 'conflict').length, 7)
    t.equal(calls.length, 1)
    t.match(calls[0], {
      body: { a: 1 },
      params: { id: 'x' },
      caller: person('p'),
      proposal: raced.id,
      reason: 'r',
    })

    // The handler never returns, as when the process dies between the claim and the end of the act.
    let comeBack: (result: unknown) => void = () => undefined
    behaviour = () =>
      new Promise((resolve) => {
        comeBack = resolve
      })
    const lost = await propose(Buffer.from([0, 255]))
    const waiting = nodes[0].approve(lost.id, lost.contentSha256, person('q'))
    await until('the second call', () => calls.length === 2)
    t.same(calls[1]!.body, Buffer.from([0, 255]))
    t.match(await store.find(lost.id), { state: 'approved', finished_at: null })
    now += 120_000
    await nodes[1].settle()
    t.match(await store.find(lost.id), { state: 'approved' }, 'it may still be at work')
    now += 1
    await nodes[1].settle()
    t.match(await store.find(lost.id), {
      state: 'failed',
      finished_at: null,
      failure: /outcome is not known/,
    })
    t.equal(await codeOf(nodes[1].approve(lost.id, lost.contentSha256, person('q2'))), 'conflict')
    await nodes[1].settle()
    t.equal(calls.length, 2, 'no second run')
    t.match(recorded, [
      {
        operation: 'proposalCarriedOut',
        data: { operation: 'act', result: '{"id":7}', proposedBy: { id: 'p' } },
      },
      { operation: 'proposalFailed', caller: { id: 'q' }, data: { failure: /outcome is not known/ } },
    ])
    t.equal(recorded.length, 2, 'told once')
    comeBack({ id: 8 })
    t.match(
      await waiting,
      { state: 'approved', result: '{"id":8}', failure: null },
      'the truth, when it comes late',
    )

    behaviour = () => Promise.reject(new Fault('database_error'))
    const doubtful = await propose()
    recordable = false
    t.match(await nodes[0].approve(doubtful.id, doubtful.contentSha256, person('q')), {
      state: 'failed',
      failure: /^The outcome is not known\. /,
    })
    for (let open = 0; open < 100; open++) await propose()
    t.equal(await codeOf(propose()), 'conflict', 'a proposer has a hundred open ones at most')
    now += 7 * DAY
    await nodes[0].settle()
    t.same(
      await store.list(
        { view: 'waiting', caller: 'q', operations: ['act'], now: '' },
        { offset: 0, limit: 9 },
      ),
      [],
    )
    t.equal(await codeOf(propose()), 'accepted', 'expired ones do not count')
  })
})

void t.test('who was locked, or lost the role, since their request came in decides nothing', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const database = await openRegistryDatabase(url)
    t.teardown(() => database.close())
    const [clock, log] = [Date.now, createLog({ name: 'test', destination: { write: () => undefined } })]
    const at = new Date(clock()).toISOString()
    const sessions = createSessions({ database, clock })
    const people = createPeopleStore({ database, sessions, issuer: 'https://idp.example', indispensable: [] })
    const apiKeys = createApiKeys({ database, clock })
    const admit = async (subject: string): Promise<Caller> => {
      await people.invite({ email: null, subject, roles: ['OFFICER'] }, at)
      const came = await people.admit(
        { issuer: 'https://idp.example', subject, name: subject, email: undefined },
        at,
        false,
      )
      return { kind: 'person', id: (came as { id: string }).id, name: subject, roles: ['OFFICER'] }
    }
    const [proposer, locked, changed, second] = [
      ...[await admit('p'), await admit('locked')],
      ...[await admit('changed'), await admit('second')],
    ] as [Caller, Caller, Caller, Caller]
    const done: string[] = []
    const approvals = createApprovals({
      ...{
        store: createProposalStore(database),
        proposers: createProposers({ people, apiKeys }),
        clock,
        log,
      },
      ...{ isRequired: async () => true, rolesFor: () => ['OFFICER'] },
      perform: async ({ approver }) => void done.push(approver.name),
      audit: { before: async () => 0 },
    })
    const act = { operation: 'act', params: {}, query: {}, body: {}, target: '/x', reason: 'r' }
    const { id, contentSha256 } = await approvals.propose({ ...act, caller: proposer })
    await people.act(locked.id, 'lock', at)
    await people.setRoles(changed.id, ['OTHER'])
    t.equal(await codeOf(approvals.approve(id, contentSha256, locked)), 'session_ended')
    t.equal(await codeOf(approvals.reject(id, 'no', locked)), 'session_ended')
    t.equal(await codeOf(approvals.approve(id, contentSha256, changed)), 'forbidden')
    const judged = (who: Caller) =>
      codeOf(inTransaction(tablesOf(database), (within) => checkUnchanged(who, people, within)))
    t.same(
      [await judged(locked), await judged(changed)],
      ['session_ended', 'session_ended'],
      'of any other decision of two',
    )
    t.equal(await judged(second), 'accepted')
    // In the same moment either comes first, and only who was not locked yet approves.
    const [, outcome] = await Promise.all([
      people.act(second.id, 'lock', at),
      codeOf(approvals.approve(id, contentSha256, second)),
    ])
    t.ok(['accepted', 'session_ended'].includes(outcome), outcome)
    t.same(done, outcome === 'accepted' ? ['second'] : [])
  })
})

void t.test('the content is the call, to the byte', async (t) => {
  const call = fc.record({
    operation: fc.string(),
    params: fc.dictionary(fc.string(), fc.string({ unit: 'grapheme' })),
    query: fc.dictionary(fc.string(), fc.oneof(fc.integer(), fc.boolean(), fc.array(fc.string()))),
    body: fc.oneof(
      fc.constant(undefined),
      fc.jsonValue(),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    ),
  })
  fc.assert(
    fc.property(call, (given) => {
      let text: string
      try {
        text = contentText(given)
      } catch (error) {
        t.equal((error as Fault).code, 'invalid_input')
        return
      }
      t.equal(contentText(readContent(text)), text)
    }),
  )
  for (const unreadable of [-(2 ** 53), [{ '': 2 ** 53 }], '\ud800'])
    t.throws(
      () => contentText({ operation: 'a', params: {}, query: {}, body: unreadable }),
      { code: 'invalid_input' },
      'what could not be read again is not proposed',
    )
  const odd = { operation: 'a', params: {}, query: {}, body: { base64: 'AA==', json: 1 } }
  t.same(readContent(contentText(odd)), odd, 'what looks like an upload is none')
})

void t.test(
  'a document whose proposals nobody keeps, or that would hold secrets, is refused at the start',
  async (t) => {
    const secret = {
      type: 'array',
      items: { type: 'object', properties: { pin: { type: 'string', writeOnly: true } } },
    }
    const operations = (schema: Schema) =>
      readOperations({
        openapi: '3.1.0',
        paths: {
          '/a': {
            post: {
              operationId: 'act',
              'x-roles': ['any'],
              'x-four-eyes': true,
              requestBody: { content: { 'application/json': { schema } } },
              responses: { '202': {}, '204': {} },
            },
          },
        },
      })
    const fourEyes = {
      isRequired: async () => true,
      propose: () => Promise.reject(new Fault('conflict')),
      checkAnswerable: async () => undefined,
    }
    const plain = { type: 'object', properties: { a: { type: 'string' } } }
    t.doesNotThrow(() => checkProposable(operations(plain), fourEyes))
    t.throws(() => checkProposable(operations(plain), undefined), /nobody keeps proposals of \[act\]/)
    const hiding = { type: 'object', properties: { a: secret } }
    t.throws(() => checkProposable(operations(hiding), fourEyes), /\[act\] would hold secrets/)
    t.throws(() => checkProposable(operations({ type: 'string', format: 'password' }), fourEyes), /secrets/)
  },
)
