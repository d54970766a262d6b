/** The service `consents` of a subsystem: on, off, and described as this version has it. */
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { idText, parseSubsystemId } from '#schemas/identifiers.ts'
import { eachDatabase } from '#test/databases.ts'
import { createLocalSystems } from '../../local-systems/local-systems.ts'
import { localSystemsMigrations } from '../../local-systems/migrations.ts'
import { describeAnew, serviceOf, switchOff, switchOn } from './switch-service.ts'

const provider = parseSubsystemId('DEV/GOV/1000/population')
const portal = idText(parseSubsystemId('DEV/GOV/2000/portal'))
const present = await readFile(new URL('../../../schemas/consents.yaml', import.meta.url), 'utf8')
const documentOf = (path: string): string => `openapi: 3.1.0
info: { title: Consents, version: '1' }
paths: { ${path}: { get: { responses: {} } } }
`

await eachDatabase(t, async (database, t) => {
  await migrate(database, localSystemsMigrations)
  const localSystems = await createLocalSystems({ database, clock: Date.now })
  const rooms = { localSystems }
  await localSystems.addClient(provider)
  /** Switched on with an earlier version, and a right to its one path. */
  const switchedOnBefore = async (path: string): Promise<void> => {
    const { description, service } = await localSystems.addDescription({
      ...{ client: provider, code: 'consents', isConsents: true, document: documentOf(path) },
    })
    await localSystems.setDisabled(description, false)
    const { endpoints } = serviceOf(provider, rooms)!.services.find(({ key }) => key === service)!
    const endpoint = endpoints.find((one) => one.path === path)!
    await localSystems.grantEndpoint(endpoint.id, { type: 'SUBSYSTEM', id: portal })
  }
  const rights = () =>
    serviceOf(provider, rooms)!.services.flatMap(({ endpoints, accessRights }) =>
      accessRights.map(
        ({ endpoint, subject }) => `${endpoints.find(({ id }) => id === endpoint)!.path} ${subject}`,
      ),
    )

  await t.test('on and off', async (t) => {
    await describeAnew(rooms)
    t.equal(serviceOf(provider, rooms), undefined, 'nothing is switched on by itself')
    await switchOn(provider, rooms)
    await switchOn(provider, rooms)
    t.match(serviceOf(provider, rooms), { document: present, disabled: false })
    await switchOff(provider, rooms)
    t.equal(serviceOf(provider, rooms), undefined)
  })

  await t.test(
    'a description of an earlier version gets the paths of this one, and rights stay',
    async (t) => {
      await switchedOnBefore('/v1/demands')
      const before = rights()
      t.strictSame(before, [`/v1/demands ${portal}`])
      await describeAnew(rooms)
      const there = serviceOf(provider, rooms)!
      t.equal(there.document, present)
      const paths = there.services.flatMap(({ endpoints }) => endpoints.map(({ path }) => path))
      t.ok(paths.includes('/api/consent/filter-by-status'))
      t.same(rights(), before)
      await switchOff(provider, rooms)
    },
  )

  await t.test('that of a later version, with a right that this one would end, is left', async (t) => {
    await switchedOnBefore('/v2/later')
    await describeAnew(rooms)
    t.equal(serviceOf(provider, rooms)!.document, documentOf('/v2/later'))
    t.strictSame(rights(), [`/v2/later ${portal}`])
  })
})
