/** Inserts the rows of a large registry directly: a year of administrators' work in seconds. */
import type { RegisterTables } from '#central-registry/register/tables.ts'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { fillContracts } from './contracts.ts'

export type RegistrySize = { members: number; subsystems: number; servers: number; contracts: number }

/** Rows per statement: SQLite accepts 32,766 values. */
const ROWS = 2000
const GROUPS = 50

/**
 * Fills the registry of the instance DEV at `url` in one transaction; `certificateOf` returns each server's
 * certificate.
 */
export async function fillRegistry(
  url: string,
  size: RegistrySize,
  certificateOf: (server: number) => { sha256: string; der: Buffer },
): Promise<void> {
  const database = await openDatabase(url)
  const at = new Date().toISOString()
  const member = (number: number): string => `DEV/GOV/M${number % size.members}`
  const subsystem = (number: number): string => `${member(number)}/system-${number}`
  const server = (number: number): string => `${member(number)}/SS${number}`
  try {
    await tablesOf<RegisterTables>(database)
      .transaction()
      .execute(async (transaction) => {
        const fill = async (
          count: number,
          insert: (numbers: number[]) => Promise<unknown>,
        ): Promise<void> => {
          for (let from = 0; from < count; from += ROWS)
            await insert(Array.from({ length: Math.min(ROWS, count - from) }, (_, more) => from + more))
        }
        await fill(size.members, (numbers) =>
          transaction
            .insertInto('member')
            .values(
              numbers.map((number) => ({
                id: member(number),
                member_class: 'GOV',
                name: `Agency number ${number} of the land`,
                created_at: at,
              })),
            )
            .execute(),
        )
        await fill(size.subsystems, (numbers) =>
          transaction
            .insertInto('subsystem')
            .values(
              numbers.map((number) => ({
                id: subsystem(number),
                member: member(number),
                name: `System ${number}`,
                created_at: at,
              })),
            )
            .execute(),
        )
        await fill(size.servers, (numbers) =>
          transaction
            .insertInto('security_server')
            .values(
              numbers.map((number) => ({
                id: server(number),
                owner: member(number),
                address: `ss${number}.example.org`,
                created_at: at,
              })),
            )
            .execute(),
        )
        await fill(size.servers, (numbers) =>
          transaction
            .insertInto('authentication_certificate')
            .values(
              numbers.map((number) => {
                const { sha256, der } = certificateOf(number)
                return {
                  sha256,
                  server: server(number),
                  certificate: der,
                  created_at: at,
                  not_after: new Date(Date.now() + 365 * 86_400_000).toISOString(),
                }
              }),
            )
            .execute(),
        )
        await fill(size.subsystems, (numbers) =>
          transaction
            .insertInto('server_client')
            .values(
              numbers.map((number) => ({
                server: server(number % size.servers),
                client: subsystem(number),
                is_disabled: 0,
              })),
            )
            .execute(),
        )
        await fillContracts(transaction, size.contracts, (number) => subsystem(number % size.subsystems))
        await fill(GROUPS, (numbers) =>
          transaction
            .insertInto('global_group')
            .values(numbers.map((number) => ({ code: `group-${number}`, description: `Group ${number}` })))
            .execute(),
        )
        await fill(size.members, (numbers) =>
          transaction
            .insertInto('global_group_member')
            .values(
              numbers.map((number) => ({ group_code: `group-${number % GROUPS}`, client: member(number) })),
            )
            .execute(),
        )
      })
  } finally {
    await database.close()
  }
}
