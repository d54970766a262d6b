/**
 * The service that an agency would write by hand: the same queries of the same database in one fastify
 * process, and nothing more.
 */
import { DatabaseSync } from 'node:sqlite'
import Fastify from 'fastify'
import { createPool } from 'mysql2/promise'
import pg from 'pg'
import type { PersonDatabase } from './person-databases-store.ts'

const { address, port, database } = JSON.parse(process.argv[2] ?? '{}') as {
  address: string
  port: number
  database: PersonDatabase
}
/** As many as the adapter has. */
const CONNECTIONS = 2
const SELECT =
  'select code, given_name as "givenName", family_name as "familyName", born, residence, status from person'

type Queries = {
  byCode(code: string): unknown
  byFamilyName(familyName: string, after: string, most: number): unknown
}

const OPEN: Record<PersonDatabase['kind'], () => Queries> = {
  sqlite: () => {
    const file = new DatabaseSync(database.file!, { readOnly: true })
    const one = file.prepare(`${SELECT} where code = ?`)
    const page = file.prepare(`${SELECT} where family_name = ? and code > ? order by code limit ?`)
    return { byCode: (code) => one.get(code), byFamilyName: (...values) => page.all(...values) }
  },
  postgresql: () => {
    const { host, port, name, user } = database
    const pool = new pg.Pool({ host, port, database: name, user, max: CONNECTIONS })
    const one = { name: 'one', text: `${SELECT} where code = $1` }
    const page = {
      name: 'page',
      text: `${SELECT} where family_name = $1 and code > $2 order by code limit $3`,
    }
    return {
      byCode: async (code) => (await pool.query({ ...one, values: [code] })).rows[0],
      byFamilyName: async (...values) => (await pool.query({ ...page, values })).rows,
    }
  },
  mariadb: () => {
    const { host = '', port = 3306, name, user } = database
    const pool = createPool({
      ...(host.startsWith('/') ? { socketPath: host } : { host, port }),
      ...{ database: name!, user: user!, connectionLimit: CONNECTIONS, charset: 'utf8mb4' },
    })
    const select = SELECT.replaceAll('"', '`')
    const page = `${select} where family_name = ? and code > ? order by code limit ?`
    return {
      byCode: async (code) => {
        const [rows] = await pool.execute(`${select} where code = ?`, [code])
        return (rows as unknown[])[0]
      },
      // MariaDB takes the number of a limit as a text as well, which spares mysql2 from sending it as a
      // double.
      byFamilyName: async (familyName, after, most) =>
        (await pool.execute(page, [familyName, after, String(most)]))[0],
    }
  },
}
const queries = OPEN[database.kind]()
const app = Fastify()
app.get<{ Params: { code: string } }>('/persons/:code', async (request, reply) => {
  return (
    (await queries.byCode(request.params.code)) ?? reply.code(404).send({ error: 'There is no such person.' })
  )
})
app.get<{ Querystring: { familyName: string; limit?: string; after?: string } }>(
  '/persons',
  async ({ query: { familyName, limit = '20', after = '' } }, reply) => {
    const most = Number(limit)
    if (!Number.isInteger(most) || most < 1 || most > 100)
      return reply.code(400).send({ error: 'Send a limit.' })
    return { items: await queries.byFamilyName(familyName, after, most) }
  },
)
await app.listen({ host: address, port })
process.on('disconnect', () => process.exit(0))
process.send?.({ ready: true })
