/** What two nodes of a server change at the same time, each with a view that the other made older. */
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import type { Database } from '#platform/database/open-database.ts'
import { idText, parseServiceId, parseSubsystemId } from '#schemas/identifiers.ts'
import { eachDatabase } from '#test/databases.ts'
import { createLocalSystems, type LocalSystems } from './local-systems.ts'
import { localSystemsMigrations } from './migrations.ts'

const provider = parseSubsystemId('DEV/GOV/1000/population')
const tax = parseSubsystemId('DEV/GOV/2000/tax')

async function open(database: Database): Promise<LocalSystems> {
  await migrate(database, localSystemsMigrations)
  return createLocalSystems({ database, clock: Date.now })
}

t.test('what two nodes remember of requests at the same time', (t) =>
  eachDatabase(t, async (database, t) => {
    const [here, there] = [await open(database), await open(database)]
    const stands = async () => {
      await here.poll()
      return here.view().clients.get(idText(tax))!.standing
    }
    await here.addClient(tax)
    await there.poll()
    await here.settle(() => true)
    await there.asked(tax, 'clientDisable', 7)
    t.match(await stands(), { standing: 'REGISTERED', asked: 'clientDisable' }, 'how it stands is kept')
    await there.poll()
    await here.settle(() => false)
    await here.asked(tax, 'clientEnable', 8)
    await here.settle(() => true)
    await here.asked(tax, 'clientDeletion', 9)
    await there.settle(() => true)
    t.match(await stands(), { standing: 'REGISTERED', asked: 'clientDeletion' }, 'so is what was asked')
  }),
)

t.test('no right of a group outlives it, for another group of this code to inherit', (t) =>
  eachDatabase(t, async (database, t) => {
    const [here, there] = [await open(database), await open(database)]
    await here.addClient(provider)
    const addService = (by: LocalSystems, code: string) =>
      by.addDescription({ client: provider, code, url: 'http://10.0.0.5' })
    const old = await addService(here, 'old')
    const group = await here.addLocalGroup(provider, 'readers', 'Readers')
    await there.poll()
    const recent = await addService(there, 'recent')
    await there.grantService(recent.service, { type: 'LOCALGROUP', id: 'readers' })
    await here.deleteLocalGroup(group)
    await t.rejects(there.grantService(old.service, { type: 'LOCALGROUP', id: 'readers' }), {
      code: 'not_found',
    })
    const another = await here.addLocalGroup(provider, 'readers', 'Others')
    await here.addLocalGroupMembers(another, [tax])
    for (const code of ['old', 'recent']) {
      const q = { client: tax, method: 'GET', path: '/', isInGlobalGroup: () => false }
      const service = parseServiceId(`${idText(provider)}/${code}`)
      t.notOk(here.isAllowed({ ...q, service }), code)
    }
  }),
)
