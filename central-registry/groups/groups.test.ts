import t from 'tap'
import { tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { eachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { createChange } from '../changes/store.ts'
import { registryMigrations } from '../features.ts'
import { createMemberStore } from '../members/store.ts'
import type { RegisterTables } from '../register/tables.ts'
import { openRegistryDatabase } from '../registry.ts'
import { createServerStore } from '../servers/store.ts'
import { createGroupStore } from './store.ts'

const AT = '2026-03-01T12:00:00.000Z'
const member = (memberCode: string) => ({ instance: 'DEV', memberClass: 'GOV', memberCode })
const server = (memberCode: string, serverCode = 'SS1') => ({ ...member(memberCode), serverCode })

/** The public text of the fault that an act throws. */
async function textOf(act: Promise<unknown>): Promise<string> {
  const thrown: unknown = await act.catch((fault: unknown) => fault)
  return thrown instanceof Fault ? `${thrown.code}: ${thrown.what}` : 'accepted'
}

void t.test('the group of owners follows the servers, and nobody keeps it by hand', async (t) => {
  await eachRegistryDatabase(t, async (_, t, url) => {
    const database = await openRegistryDatabase(url)
    t.teardown(() => database.close())
    const change = createChange(database, async () => undefined)
    const members = createMemberStore(database, change)
    const groups = createGroupStore(database, change)
    const servers = createServerStore(database, change)
    const owners = async (): Promise<string[]> =>
      (await groups.membersOf(['security-server-owners'])).map(({ client }) => client)
    t.same(await groups.groups({ offset: 0, limit: 50 }), [
      { code: 'security-server-owners', description: 'Security server owners' },
    ])
    await members.addClass('GOV', 'Government')
    for (const code of ['1', '2']) await members.addMember(member(code), code, AT)
    t.same(await owners(), [], 'a member without a server')
    await servers.addServer(server('1'), 'a.example', AT)
    await servers.addServer(server('1', 'SS2'), 'b.example', AT)
    t.same(await owners(), ['DEV/GOV/1'])
    await servers.deleteServer(server('1', 'SS2'), AT)
    t.same(await owners(), ['DEV/GOV/1'], 'still owns one')
    await servers.addClient(server('1'), member('2'))
    await servers.changeOwner(server('1'), member('2'), AT)
    t.same(await owners(), ['DEV/GOV/2'])

    const kept = /^conflict: .*the registry keeps the global group security-server-owners by itself/
    const code = 'security-server-owners'
    t.match(await textOf(groups.addGroupMember(code, member('1'))), kept)
    t.match(await textOf(groups.deleteGroupMember(code, member('2'))), kept)
    t.match(await textOf(groups.deleteGroup(code)), kept)
    t.match(await textOf(groups.describeGroup(code, 'Mine')), kept)
    await groups.addGroup('hospitals', 'Hospitals')
    await groups.addGroupMember('hospitals', member('1'))
    await groups.describeGroup('hospitals', 'Hospitals and clinics')
    t.same(await groups.group('hospitals'), { code: 'hospitals', description: 'Hospitals and clinics' })
    t.equal(await groups.countGroupMembers('hospitals', {}), 1, 'its members stay')
    await groups.deleteGroupMember('hospitals', member('1'))
    await groups.deleteGroup('hospitals')
    t.equal(await codeOf(groups.describeGroup('hospitals', 'x')), 'not_found')
    await members.describeClass('GOV', 'Government bodies')
    t.match(await members.classes({ offset: 0, limit: 1 }), [{ description: 'Government bodies' }])
    t.equal(await codeOf(members.describeClass('NONE', 'x')), 'not_found')
    t.equal(await codeOf(groups.addGroup(code, 'Mine')), 'conflict')
    await servers.deleteServer(server('2'), AT)
    t.match(await textOf(groups.deleteGroup(code)), kept, 'nor when it is empty')
    t.same(await owners(), [])
    await members.deleteMember(member('1'), AT)

    // A register of before, in which somebody kept a group of that code by hand.
    await members.addMember(member('1'), '1', AT)
    for (const one of ['SS1', 'SS2']) await servers.addServer(server('2', one), 'c.example', AT)
    const tables = tablesOf<RegisterTables>(database)
    await tables.updateTable('global_group_member').set({ client: 'DEV/GOV/1' }).execute()
    await tables.updateTable('global_group').set({ description: 'By hand' }).execute()
    const migration = registryMigrations['registry-004-owners-group']!
    for (const groupsBefore of [1, 0]) {
      if (groupsBefore === 0)
        for (const table of ['global_group_member', 'global_group'] as const)
          await tables.deleteFrom(table).execute()
      await migration.up(database.kysely)
      t.same(await owners(), ['DEV/GOV/2'], `${groupsBefore} groups before`)
      t.equal((await groups.group(code)).description, 'Security server owners')
    }
  })
})
