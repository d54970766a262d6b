/** What two nodes of a server change at the same time, each with a view that the other made older. */
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import type { Database } from '#platform/database/open-database.ts'
import { idText, parseSubsystemId } from '#schemas/identifiers.ts'
import { eachDatabase } from '#test/databases.ts'
import { createLocalSystems, type LocalSystems } from './local-systems.ts'
import { localSystemsMigrations } from './migrations.ts'

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
