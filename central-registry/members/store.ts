/** Rows of member classes, members, subsystems and global groups. */
import { isUniqueViolation } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, type MemberId, memberOf, type SubsystemId } from '#schemas/identifiers.ts'
import { checkUnused } from './rules.ts'

export type MemberTables = {
  system_parameter: { name: string; value: string }
  member_class: { code: string; description: string }
  member: { id: string; member_class: string; name: string; created_at: string }
  subsystem: { id: string; member: string; name: string; created_at: string }
  global_group: { code: string; description: string }
  global_group_member: { group_code: string; client: string }
  security_server: { id: string; owner: string }
  server_client: { server: string; client: string }
}

export type Page = { q?: string | undefined; offset: number; limit: number }
export type MemberStore = ReturnType<typeof createMemberStore>

/** The text of a LIKE pattern that contains `q` literally. */
function containing(q: string): string {
  return `%${q.replace(/[\\%_]/g, (sign) => `\\${sign}`)}%`
}

export function createMemberStore(database: Database) {
  const tables = tablesOf<MemberTables>(database)
  const count = async (
    table: 'member' | 'subsystem' | 'server_client' | 'global_group_member' | 'security_server',
    column: string,
    value: string,
  ): Promise<number> => {
    const row = await tables
      .selectFrom(table)
      .select((e) => e.fn.countAll().as('rows'))
      .where(column as never, '=', value as never)
      .executeTakeFirstOrThrow()
    return Number(row.rows)
  }

  /** Inserts one row; a row with the same key is a conflict. */
  async function insert(what: string, act: Promise<unknown>): Promise<void> {
    try {
      await act
    } catch (cause) {
      if (isUniqueViolation(cause)) throw new Fault('conflict', { what: `${what} exists already` })
      throw cause
    }
  }

  return {
    async parameter(name: string): Promise<string | undefined> {
      const row = await tables
        .selectFrom('system_parameter')
        .select('value')
        .where('name', '=', name)
        .executeTakeFirst()
      return row?.value
    },
    async parameters(): Promise<Record<string, string>> {
      const rows = await tables.selectFrom('system_parameter').select(['name', 'value']).execute()
      return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
    },
    /** Sets a parameter that can be set once only. */
    setOnce: (name: string, value: string) =>
      insert(`the ${name}`, tables.insertInto('system_parameter').values({ name, value }).execute()),
    async set(name: string, value: string): Promise<void> {
      await inTransaction(tables, async (transaction) => {
        await transaction.deleteFrom('system_parameter').where('name', '=', name).execute()
        await transaction.insertInto('system_parameter').values({ name, value }).execute()
      })
    },
    classes: () =>
      tables.selectFrom('member_class').select(['code', 'description']).orderBy('code').execute(),
    addClass: (code: string, description: string) =>
      insert(
        `the member class ${code}`,
        tables.insertInto('member_class').values({ code, description }).execute(),
      ),
    async deleteClass(code: string): Promise<void> {
      checkUnused(`the member class ${code}`, { members: await count('member', 'member_class', code) })
      const gone = await tables.deleteFrom('member_class').where('code', '=', code).executeTakeFirst()
      if (gone.numDeletedRows === 0n) throw new Fault('not_found', { what: `the member class ${code}` })
    },
    async members({ q, offset, limit }: Page) {
      let query = tables.selectFrom('member').select(['id', 'name', 'created_at'])
      if (q !== undefined && q !== '') {
        const pattern = containing(q)
        query = query.where(({ eb, or }) => or([eb('id', 'like', pattern), eb('name', 'like', pattern)]))
      }
      return query.orderBy('id').offset(offset).limit(limit).execute()
    },
    allMembers: () => tables.selectFrom('member').select(['id', 'name']).orderBy('id').execute(),
    allSubsystems: () =>
      tables.selectFrom('subsystem').select(['id', 'member', 'name']).orderBy('id').execute(),
    async memberExists(id: MemberId): Promise<boolean> {
      return (await count('member', 'id', idText(id))) > 0
    },
    async clientExists(id: ClientId): Promise<boolean> {
      return (await count(id.subsystemCode === undefined ? 'member' : 'subsystem', 'id', idText(id))) > 0
    },
    async addMember(id: MemberId, name: string, at: string): Promise<void> {
      const known = await tables
        .selectFrom('member_class')
        .select('code')
        .where('code', '=', id.memberClass)
        .executeTakeFirst()
      if (known === undefined)
        throw new Fault('invalid_input', { what: `there is no member class ${id.memberClass}` })
      const row = { id: idText(id), member_class: id.memberClass, name, created_at: at }
      await insert(`the member ${row.id}`, tables.insertInto('member').values(row).execute())
    },
    async renameMember(id: MemberId, name: string): Promise<void> {
      const done = await tables
        .updateTable('member')
        .set({ name })
        .where('id', '=', idText(id))
        .executeTakeFirst()
      if (done.numUpdatedRows === 0n) throw new Fault('not_found', { what: `the member ${idText(id)}` })
    },
    async deleteMember(id: MemberId): Promise<void> {
      const key = idText(id)
      checkUnused(`the member ${key}`, {
        subsystems: await count('subsystem', 'member', key),
        'security servers': await count('security_server', 'owner', key),
        'server registrations': await count('server_client', 'client', key),
        'group memberships': await count('global_group_member', 'client', key),
      })
      const gone = await tables.deleteFrom('member').where('id', '=', key).executeTakeFirst()
      if (gone.numDeletedRows === 0n) throw new Fault('not_found', { what: `the member ${key}` })
    },
    async subsystems(member: MemberId) {
      return tables
        .selectFrom('subsystem')
        .select(['id', 'name', 'created_at'])
        .where('member', '=', idText(member))
        .orderBy('id')
        .execute()
    },
    async addSubsystem(id: SubsystemId, name: string, at: string): Promise<void> {
      const member = idText(memberOf(id))
      if ((await count('member', 'id', member)) === 0)
        throw new Fault('not_found', { what: `the member ${member}` })
      const row = { id: idText(id), member, name, created_at: at }
      await insert(`the subsystem ${row.id}`, tables.insertInto('subsystem').values(row).execute())
    },
    async deleteSubsystem(id: SubsystemId): Promise<void> {
      const key = idText(id)
      checkUnused(`the subsystem ${key}`, {
        'server registrations': await count('server_client', 'client', key),
        'group memberships': await count('global_group_member', 'client', key),
      })
      const gone = await tables.deleteFrom('subsystem').where('id', '=', key).executeTakeFirst()
      if (gone.numDeletedRows === 0n) throw new Fault('not_found', { what: `the subsystem ${key}` })
    },
    groups: () => tables.selectFrom('global_group').select(['code', 'description']).orderBy('code').execute(),
    groupMembers: () =>
      tables.selectFrom('global_group_member').select(['group_code', 'client']).orderBy('client').execute(),
    addGroup: (code: string, description: string) =>
      insert(
        `the global group ${code}`,
        tables.insertInto('global_group').values({ code, description }).execute(),
      ),
    async addGroupMember(code: string, client: ClientId): Promise<void> {
      const group = await tables
        .selectFrom('global_group')
        .select('code')
        .where('code', '=', code)
        .executeTakeFirst()
      if (group === undefined) throw new Fault('not_found', { what: `the global group ${code}` })
      const row = { group_code: code, client: idText(client) }
      await insert('the group membership', tables.insertInto('global_group_member').values(row).execute())
    },
    async deleteGroupMember(code: string, client: ClientId): Promise<void> {
      const gone = await tables
        .deleteFrom('global_group_member')
        .where('group_code', '=', code)
        .where('client', '=', idText(client))
        .executeTakeFirst()
      if (gone.numDeletedRows === 0n) throw new Fault('not_found', { what: 'the group membership' })
    },
  }
}
