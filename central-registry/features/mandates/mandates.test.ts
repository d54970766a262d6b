/**
 * Hosting mandates at a real registry, on both databases: given and ended, required by policy, their end
 * announced.
 */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { approve, GUEST, guest, start } from '#test/fakes/request-world.ts'
import { until } from '#test/until.ts'
import { covers, dueNotice, hostedBy } from './rules.ts'

const DAY_MS = 86_400_000
const CLIENT = `${GUEST}/tax`
type Notice = { mandate: number; event: string; host: string; client: string }

async function webhook(t: Test): Promise<{ url: string; notices: Notice[] }> {
  const notices: Notice[] = []
  const server = http.createServer(async (request, reply) => {
    notices.push(JSON.parse(await text(request)) as Notice)
    reply.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, notices }
}

void t.test('a request of a host for another member', async (t) => {
  await eachRegistryDatabase(t, async (database, t, url) => {
    const all = await start(t, database.dialect === 'sqlite' ? undefined : url)
    const { node, file, detail, world } = all
    const { url: address, notices } = await webhook(t)
    await node.must('PUT', '/members/DEV:GOV:5678/webhook', { url: address })
    const inDays = (days: number): string => new Date(world.clock.now + days * DAY_MS).toISOString()
    const give = (more: object = {}) =>
      node.call('POST', '/hosting-mandates', {
        ...{ host: 'DEV:GOV:1234', client: 'DEV:GOV:5678', validUntil: inDays(40) },
        ...more,
      })
    t.same(await node.must('GET', '/hosting-policy'), { mandateRequired: false })
    const registration = { kind: 'clientReg', client: CLIENT, subsystemName: 'Tax' }
    const first = await file(registration)
    t.equal(first.body.state, 'WAITING', 'as X-Road: off by default')
    t.match(await detail(first.body.request), { hosting: { host: 'DEV:GOV:1234', required: false } })

    await node.must('PUT', '/hosting-policy', { mandateRequired: true })
    const seen = await detail(first.body.request)
    t.match(seen.conflicts, [/no hosting mandate/])
    t.match(await file(registration, { by: guest }), { status: 409, body: { message: /no hosting mandate/ } })
    t.match(await file({ ...registration, client: `${GUEST}/other` }), { status: 409 })
    t.equal(
      (await file({ kind: 'clientReg', client: 'DEV/GOV/1234/own' })).status,
      201,
      'for itself it needs none',
    )

    t.equal((await give({ client: 'DEV:GOV:5678:tax' })).status, 404, 'not registered yet')
    const given = await give()
    t.equal(given.status, 201)
    const { id } = given.body as { id: number }
    t.match(await node.must('GET', `/hosting-mandates/${id}`), {
      ...{ id, host: 'DEV:GOV:1234', client: 'DEV:GOV:5678', state: 'inForce', createdBy: /initial/ },
    })
    t.equal((await give()).status, 409, 'covered as long already')
    await until('a notice', (saw) => saw(notices).length === 1)
    t.match(notices, [{ mandate: id, event: 'given', host: 'DEV:GOV:1234', client: 'DEV:GOV:5678' }])
    t.match(await file(registration, { by: guest }), { body: { state: 'SUBMITTED_FOR_APPROVAL' } })
    t.match(await detail(first.body.request), {
      conflicts: [],
      hosting: { host: 'DEV:GOV:1234', client: 'DEV:GOV:5678:tax', required: true, mandate: { id } },
    })
    // A request that was covered when it was filed must also be covered when it is approved.
    t.equal((await node.call('DELETE', `/hosting-mandates/${id}`)).status, 204)
    t.equal((await node.call('DELETE', `/hosting-mandates/${id}`)).status, 409)
    t.match(await approve(all, first.body.request), { status: 409, body: { message: /no hosting mandate/ } })
    const second = ((await give()).body as { id: number }).id
    t.match(await approve(all, first.body.request), { status: 200, body: { state: 'APPROVED' } })
    t.equal(
      (await give({ client: 'DEV:GOV:5678:tax', validUntil: inDays(50) })).status,
      201,
      'for one subsystem',
    )
    t.equal((await node.call('DELETE', '/members/DEV:GOV:5678')).status, 409)

    for (const [state, total] of [
      ['', 3],
      ['&state=inForce', 2],
      ['&state=ended', 1],
    ] as const)
      for (const member of ['DEV:GOV:1234', 'DEV:GOV:5678'])
        t.equal(
          ((await node.must('GET', `/hosting-mandates?member=${member}${state}`)) as unknown[]).length,
          total,
          `${member} ${state}`,
        )
    const page = await node.call('GET', '/hosting-mandates?limit=1')
    t.equal(page.headers['x-total-count'], '3')

    notices.length = 0
    world.clock.now += 33.5 * DAY_MS
    await until('its end in a week', (saw) => saw(notices).some(({ event }) => event === 'ends-7'))
    world.clock.now += 7 * DAY_MS
    await until('its end', (saw) =>
      saw(notices).some(({ mandate, event }) => mandate === second && event === 'ended'),
    )
    t.match(await node.must('GET', `/hosting-mandates/${second}`), { state: 'ended', endedBy: 'time' })
    t.equal(
      notices.filter(({ mandate, event }) => mandate === second && event === 'ends-7').length,
      1,
      'once',
    )

    for (const bad of [
      { validUntil: inDays(-1) },
      { validUntil: inDays(4000) },
      { validUntil: 'tomorrow' },
      { client: 'DEV:GOV:1234:plain' },
      { client: 'OTHER:GOV:5678' },
      { host: 'DEV:GOV:1234:plain' },
      { host: 'DEV:GOV:..' },
      { more: 1 },
    ])
      t.equal((await give(bad)).status, 400, JSON.stringify(bad))
    t.equal((await give({ host: 'DEV:GOV:9' })).status, 404)
    t.equal((await node.call('GET', '/hosting-mandates/99')).status, 404)
    t.equal((await node.call('DELETE', '/hosting-mandates/99')).status, 404)
    t.equal((await node.call('GET', '/hosting-mandates?state=all')).status, 400)
    await node.stop()
  })
})

void t.test('a new owner needs a mandate for each client of others that it takes over', async (t) => {
  const all = await start(t)
  const { node, file, detail, world } = all
  const give = (client: string) => {
    const validUntil = new Date(world.clock.now + 40 * DAY_MS).toISOString()
    return node.must('POST', '/hosting-mandates', { host: 'DEV:GOV:5678', client, validUntil })
  }
  await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '9', name: 'Third' })
  await node.must('POST', '/members/DEV:GOV:9/subsystems', { subsystemCode: 'other' })
  for (const client of ['DEV:GOV:9:other', 'DEV:GOV:5678'])
    await node.must('POST', '/security-servers/DEV:GOV:1234:SS1/clients', { client })
  const takesOver = { kind: 'ownerChange', newOwner: GUEST }
  const { request } = (await file(takesOver)).body
  await node.must('PUT', '/hosting-policy', { mandateRequired: true })
  const own = 'DEV/GOV/1234/pop%20%C3%A4'
  const missing = (client: string) =>
    `${GUEST} has no hosting mandate for ${client}, which this instance requires`
  t.same((await detail(request)).conflicts, [missing(own), missing('DEV/GOV/9/other')])
  t.match(await file(takesOver, { by: guest }), { status: 409, body: { message: /no hosting mandate/ } })
  await give('DEV:GOV:9')
  t.same((await detail(request)).conflicts, [missing(own)])
  await give('DEV:GOV:1234')
  t.same((await detail(request)).conflicts, [])
  t.match(await file(takesOver, { by: guest }), { body: { state: 'SUBMITTED_FOR_APPROVAL' } })
  t.match(await approve(all, request), { status: 200, body: { state: 'APPROVED' } })
  await node.stop()
})

t.test('what hosting is, and when its end is told', (t) => {
  const server = 'A/B/C/S'
  const hosted = { host: 'A/B/C', client: 'A/B/D/x' }
  t.same(hostedBy({ kind: 'clientReg', server, client: 'A/B/D/x' }, ['A/B/D']), hosted)
  t.same(hostedBy({ kind: 'clientEnable', server, client: 'A/B/D/x' }, ['A/B/C']), hosted)
  t.equal(hostedBy({ kind: 'clientEnable', server, client: 'A/B/D/x' }, ['A/B/D']), undefined)
  for (const kind of ['clientDeletion', 'clientDisable', 'clientRename'] as const)
    t.equal(hostedBy({ kind, server, client: 'A/B/D/x' }, ['A/B/C']), undefined, `${kind} widens nothing`)
  const mandate = { host: 'A/B/C', client: 'A/B/D', validUntil: '2027-01-31T00:00:00.000Z', endedAt: null }
  const at = (now: string) => covers(mandate, hosted, now)
  t.ok(at('2027-01-30T23:59:59.999Z'))
  t.notOk(at('2027-01-31T00:00:00.000Z'))
  t.notOk(covers({ ...mandate, client: 'A/B/D/y' }, hosted, '2027-01-01T00:00:00.000Z'))
  t.notOk(covers({ ...mandate, client: 'A/B/DD' }, hosted, '2027-01-01T00:00:00.000Z'))
  t.notOk(covers({ ...mandate, host: 'A/B/E' }, hosted, '2027-01-01T00:00:00.000Z'))
  t.notOk(covers({ ...mandate, endedAt: '2026-01-01T00:00:00.000Z' }, hosted, '2027-01-01T00:00:00.000Z'))
  for (const [now, given, expected] of [
    ['2026-12-01T00:00:00.000Z', [], undefined],
    ['2027-01-01T00:00:00.000Z', [], 'ends-30'],
    ['2027-01-02T00:00:00.000Z', ['ends-30'], undefined],
    ['2027-01-25T00:00:00.000Z', [], 'ends-7'],
    ['2027-01-31T00:00:00.000Z', ['ends-1'], 'ended'],
  ] as const)
    t.equal(dueNotice(mandate, { now, given: new Set(given) }), expected, now)
  t.end()
})
