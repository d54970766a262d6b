/**
 * What was done last, on each database: equal acts in one line, and a program that repeats itself hides
 * nobody.
 */
import t from 'tap'
import { eachDatabase } from '#test/databases.ts'
import { createAuditLog } from './create-audit-log.ts'
import { RECORDS_OF_EACH } from './last-acts.ts'
import { auditLogMigrations } from './store.ts'

t.test('the last acts', (t) =>
  eachDatabase(
    t,
    async (database, t) => {
      const audit = createAuditLog({ database, clock: () => Date.parse('2026-06-01T12:00:00Z') })
      const act = (id: string, operation: string, data: unknown = null, target = '/api/v1/people/1') =>
        audit.before({ caller: { id, name: id }, operation, target, data })
      const told = async (limit = 8, without: string[] = []) =>
        (await audit.lastActs({ limit, without })).map(({ caller, operation, count, isAll }) =>
          [caller.id, operation, count, ...(isAll ? [] : ['at least'])].join(' '),
        )

      t.same(await told(), [])
      await act('anna', 'lockPerson')
      await act('mari', 'changePerson', { body: { roles: [] } })
      await act('mari', 'changePerson', { body: { roles: ['XROAD_AUDITOR'] } })
      await act('mari', 'changePerson', { body: { roles: [] } })
      await act('anna', 'getExchange')
      t.same(await told(), [
        'anna getExchange 1',
        'mari changePerson 2',
        'mari changePerson 1',
        'anna lockPerson 1',
      ])
      t.same(await told(8, ['getExchange']), [
        'mari changePerson 2',
        'mari changePerson 1',
        'anna lockPerson 1',
      ])

      for (let i = 0; i < RECORDS_OF_EACH; i += 1) await act('program', 'makeBackup')
      for (let i = 0; i < 12; i += 1) await act('other', 'addMember', { body: { memberCode: String(i) } })
      t.same(
        await told(6, ['getExchange']),
        [
          ...['other addMember 1', 'other addMember 1', `program makeBackup ${RECORDS_OF_EACH} at least`],
          ...['mari changePerson 2', 'mari changePerson 1', 'anna lockPerson 1'],
        ],
        'everybody has a line before anybody has a second, however much programs do',
      )
      t.equal((await told(2)).length, 2)
    },
    auditLogMigrations,
  ),
)
