/**
 * The description of a call for its records: by which right it was allowed, as which endpoint it is declared,
 * in which service description.
 */
import { hash } from 'node:crypto'
import t from 'tap'
import { readCircumstances } from '#core/circumstances/read.ts'
import { sealCircumstances } from '#core/circumstances/seal.ts'
import { migrate } from '#platform/database/migrate.ts'
import { idText, parseServiceId, parseSubsystemId } from '#schemas/identifiers.ts'
import { eachDatabase } from '#test/databases.ts'
import { createLocalSystems } from './local-systems.ts'
import { localSystemsMigrations } from './migrations.ts'

const provider = parseSubsystemId('DEV/GOV/1000/population')
const tax = parseSubsystemId('DEV/GOV/2000/tax')
const service = parseServiceId('DEV/GOV/1000/population/persons')
const DOCUMENT = `openapi: 3.1.0
info: { title: Persons, version: "1" }
servers: [{ url: https://internal.example/v1 }]
paths:
  /persons/{code}: { get: {}, put: {} }
  /persons/all: { get: {} }
  /persons/{code}/children/{n}: { get: {} }
`

t.test('the circumstances of a call', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, localSystemsMigrations)
    let now = Date.parse('2026-06-01T12:00:00Z')
    const systems = await createLocalSystems({ database, clock: () => now })
    await systems.addClient(provider)
    const made = await systems.addDescription({ client: provider, code: 'persons', document: DOCUMENT })
    const groups = new Set<string>()
    const call = (path: string, method = 'GET') =>
      systems.call({ client: tax, service, method, path, isInGlobalGroup: (code) => groups.has(code) })
    const described = (path: string, method?: string) => call(path, method)!.circumstances().describe()

    const unknown = { ...service, serviceCode: 'x' }
    const question = { client: tax, method: 'GET', path: '/', isInGlobalGroup: () => false }
    t.equal(systems.call({ ...question, service: unknown }), undefined)
    t.equal(call('/persons/1')!.isAllowed, false)
    const description = {
      document: hash('sha256', DOCUMENT, 'base64'),
      published: hash('sha256', systems.service(service)!.documentText!, 'base64'),
      since: '2026-06-01T12:00:00.000Z',
    }
    t.strictSame(described('/persons/1'), {
      side: 'provider',
      endpoint: { method: 'GET', path: '/persons/*' },
      service: { type: 'OPENAPI', description },
    })
    const declared = (path: string, method?: string) => described(path, method).endpoint?.path
    t.equal(declared('/persons/all'), '/persons/all', 'the plainest one')
    t.equal(declared('/persons/1', 'PUT'), '/persons/*')
    t.equal(declared('/persons/1/children/2'), '/persons/*/children/*')
    t.equal(declared('/persons/1/children'), undefined)
    t.equal(declared('/persons/1', 'DELETE'), undefined)
    t.notMatch(JSON.stringify(described('/persons/P0042')), /P0042|internal/, 'no path as called, no address')

    now += 60_000
    const endpoints = systems.view().servicesByKey.get(made.service)!.endpoints
    const get = endpoints.find(({ method, path }) => method === 'GET' && path === '/persons/*')!
    const before = call('/persons/1')!.circumstances()
    await systems.grantEndpoint(get.id, { type: 'SUBSYSTEM', id: idText(tax) })
    t.not(call('/persons/1')!.circumstances().local, before.local, 'another picture')
    const since = '2026-06-01T12:01:00.000Z'
    const grant = { subjectType: 'SUBSYSTEM', subject: idText(tax), since }
    t.strictSame(described('/persons/1').right, {
      endpoint: { method: 'GET', path: '/persons/*' },
      grants: [grant],
    })
    t.equal(
      call('/persons/1')!.circumstances().key,
      call('/persons/2')!.circumstances().key,
      'of whom it was asked does not matter',
    )
    t.not(call('/persons/1')!.circumstances().key, call('/persons/all')!.circumstances().key)
    await systems.grantEndpoint(get.id, { type: 'GLOBALGROUP', id: 'readers' })
    const group = await systems.addLocalGroup(provider, 'friends', 'those who ask')
    await systems.grantEndpoint(get.id, { type: 'LOCALGROUP', id: 'friends' })
    t.strictSame(described('/persons/1').right?.grants, [grant], 'groups that it is not in say nothing')
    groups.add('readers')
    await systems.addLocalGroupMembers(group, [tax])
    t.strictSame(described('/persons/1').right?.grants, [
      grant,
      { subjectType: 'GLOBALGROUP', subject: 'readers', since },
      { subjectType: 'LOCALGROUP', subject: 'friends', since },
    ])
    await systems.replaceDocument(made.description, DOCUMENT.replace('"1"', '"2"'), async () => undefined)
    t.not(described('/persons/1').service?.description?.document, description.document, 'read anew')
    t.same(described('/persons/1').right?.grants[0], grant)

    for (let number = 100; number < 200; number++) {
      const code = `${number}${'界'.repeat(252)}`
      groups.add(code)
      await systems.grantEndpoint(get.id, { type: 'GLOBALGROUP', id: code })
    }
    const { digest, document } = sealCircumstances({ version: 1, ...described('/persons/1') })
    const most = readCircumstances(Buffer.from(document), digest).right!.grants
    t.same(most[0], grant)
    t.ok(most.length > 30, 'of long names as many as leave room for the rest')
  }),
)
