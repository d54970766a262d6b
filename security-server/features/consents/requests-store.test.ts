/** How many requests for consent of a client wait at most, whatever it asks at once. */
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { eachDatabase } from '#test/databases.ts'
import { consentMigrations } from './migrations.ts'
import { createRequestStore, MOST_WAITING } from './requests-store.ts'
import type { RequestRow } from './tables.ts'

const at = (ms: number): string => new Date(ms).toISOString()

function row(client: string): RequestRow {
  const request = randomUUID()
  return {
    ...{ request, token_hash: request, subsystem: 'DEV/GOV/1/s', client, contract: 'c/1', person: 'p' },
    ...{ return_url: 'https://x', asked_at: at(1), valid_until: at(2), state: 'REQUESTED' },
    ...{ number: null, code: null },
  } as RequestRow
}

t.test('requests at once, on two nodes', (t) =>
  eachDatabase(t, async (database, t, url) => {
    await migrate(database, consentMigrations)
    // The embedded store has one node.
    const other = url.startsWith('sqlite:') ? undefined : await openDatabase(url)
    const stores = [createRequestStore(database), createRequestStore(other ?? database)]
    await sql`insert into consent_request
        (request, token_hash, subsystem, client, contract, person, return_url, asked_at, valid_until, state)
      with recursive n (i) as (select 1 union all select i + 1 from n where i < ${sql.lit(MOST_WAITING - 1)})
      select 'r' || i, 'r' || i, 's', 'DEV/GOV/2/a', 'c/1', 'p', 'https://x', ${at(1)}, ${at(2)}, 'REQUESTED'
      from n`.execute(database.kysely)
    const outcomes = Array.from({ length: 6 }, (_, i) =>
      stores[i % 2]!.add(row('DEV/GOV/2/a')).then(
        () => 'made',
        ({ code }: { code: string }) => code,
      ),
    )
    t.equal((await Promise.all(outcomes)).filter((one) => one === 'made').length, 1)
    t.equal((await Promise.all(outcomes)).filter((one) => one === 'too_many_requests').length, 5)
    await stores[0]!.add(row('DEV/GOV/2/b'))
    await other?.close()
  }),
)
