/** Hosting mandates in the lists for servers, on both databases: whom they concern, and how many at most. */
import t from 'tap'
import { tablesOf } from '#platform/database/open-database.ts'
import { MAX_MANDATES_OCTETS, mandateOctets } from '#schemas/contract.ts'
import type { Fault } from '#schemas/fault.ts'
import { agreed, listFor, startContracts, THIRD } from '#test/fakes/contract-world.ts'
import { contentAt, inDays } from '#test/fakes/contracts.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { GUEST, OWNER } from '#test/fakes/request-world.ts'
import { until } from '#test/until.ts'
import type { RegisterTables } from '../../register/tables.ts'

t.test('hosting mandates go to whom a contract that asks for one concerns', (t) =>
  eachRegistryDatabase(t, async (_database, t, url) => {
    const w = await startContracts(t, url)
    const { node, world } = w
    const validUntil = inDays(world.clock.now, 40)
    const give = async (host: string, client: string, until = validUntil) => {
      const mandate = { host, client, validUntil: until }
      return ((await node.must('POST', '/hosting-mandates', mandate)) as { id: number }).id
    }
    const id = await give('DEV:GOV:5678', 'DEV:GOV:9')
    await give('DEV:GOV:5678', 'DEV:GOV:1234:plain')
    await give('DEV:GOV:9', 'DEV:GOV:5678')
    const [service] = contentAt(world.clock.now).services
    await agreed(w, { services: [{ ...service!, representation: { check: 'asserted' } }] })
    t.notOk('hostingMandates' in (await listFor(w, GUEST)), 'no field that an older server does not know')
    const other = { ...service!, serviceCode: 'other' }
    await agreed(w, { services: [{ ...other, representation: { check: 'hostingMandate' } }] })
    const mandate = { id, host: 'DEV/GOV/5678', client: 'DEV/GOV/9', validUntil }
    for (const server of [OWNER, GUEST])
      t.same(
        (await listFor(w, server)).hostingMandates,
        [mandate],
        'for whole members, by the consumer alone',
      )
    t.notOk('hostingMandates' in (await listFor(w, THIRD)), 'who has no such contract')
    await node.must('DELETE', `/hosting-mandates/${id}`)
    t.same((await listFor(w, OWNER)).hostingMandates, [], 'and it has ended')
  }),
)

t.test('hosting mandates with the longest codes never make a list that no server reads', (t) =>
  eachRegistryDatabase(t, async (database, t, url) => {
    const w = await startContracts(t, url)
    const { node, world } = w
    const validUntil = inDays(world.clock.now, 40)
    const [service] = contentAt(world.clock.now).services
    await agreed(w, { services: [{ ...service!, representation: { check: 'hostingMandate' } }] })
    const client = (i: number): string => `DEV/GOV/${'%22'.repeat(250)}${i}`
    const [host, most] = [
      'DEV/GOV/5678',
      Math.floor(MAX_MANDATES_OCTETS / mandateOctets({ host: 'DEV/GOV/5678', client: client(10_000) })),
    ]
    const tables = tablesOf<RegisterTables>(database)
    const put = async (from: number, to: number): Promise<void> => {
      const row = (i: number) => ({
        ...{ host, client: client(10_000 + i), member: client(10_000 + i), valid_until: validUntil },
        ...{ created_at: '', created_by: '', ended_at: null, ended_by: null },
      })
      const insert = (at: number) =>
        tables
          .insertInto('hosting_mandate')
          .values(Array.from({ length: Math.min(100, to - at) }, (_none, i) => row(at + i)) as never)
          .execute()
      // The registry writes in this process too, and a wait for its transaction keeps it from ending: then
      // this is tried again.
      const isBusy = (thrown: Fault): false => {
        if (thrown.code !== 'database_error') throw thrown
        return false
      }
      for (let at = from; at < to; at += 100)
        await until('rows are in', () => insert(at).then(() => true, isBusy))
    }
    const give = (to: string) =>
      node.call('POST', '/hosting-mandates', { host: 'DEV:GOV:5678', client: to, validUntil })
    const { address, port } = node.settings.admin
    type Check = { name: string; ok: boolean; reason?: string }
    const finding = async (of = 'hosting-mandates', laterMs = 60_000): Promise<Check | undefined> => {
      world.clock.now += laterMs
      const answer = await globalThis.fetch(`http://${address}:${port}/health/ready`)
      const { checks } = (await answer.json()) as { checks: Check[] }
      return checks.find(({ name }) => name === of)
    }
    await put(0, Math.floor(most * 0.79))
    t.match(await finding(), { ok: true, reason: undefined })
    await put(Math.floor(most * 0.79), most)
    await until('a finding', async (saw) => saw((await finding())?.reason)?.includes('take 99 %') === true)
    t.match(await give('DEV:GOV:9'), { status: 201 }, 'a small one has its place')
    await put(most, most + 1)
    t.match(await give('DEV:GOV:1234'), { status: 409, body: { type: 'hosting_mandates_full' } })
    t.match(await give('DEV:GOV:1234:plain'), { status: 201 }, 'one that is in no list')
    await put(most + 1, most * 2)
    const { hostingMandates } = await listFor(w, OWNER)
    t.ok(hostingMandates!.length >= most && hostingMandates!.length < most * 1.1, 'the first of too many')
    const UNLISTED = /have no place .* in the lists for DEV\/GOV\/.* \([0-9]+\): what they cover is refused/
    // A report of a second ago may be told once more, and ten minutes later it is no longer true.
    await until('the other finding', async (saw) => {
      const unlisted = saw(await finding('listed-mandates', 0))
      return unlisted?.ok === true && UNLISTED.test(unlisted.reason ?? '')
    })
  }),
)
