/** The service that an agency would write by hand: the same queries of the same file in one fastify process, and nothing more. */
import { DatabaseSync } from 'node:sqlite'
import Fastify from 'fastify'

const { address, port, file } = JSON.parse(process.argv[2] ?? '{}') as {
  address: string
  port: number
  file: string
}
const COLUMNS = 'code, given_name as givenName, family_name as familyName, born, residence, status'
const database = new DatabaseSync(file, { readOnly: true })
const byCode = database.prepare(`select ${COLUMNS} from person where code = ?`)
const byFamilyName = database.prepare(
  `select ${COLUMNS} from person where family_name = ? and code > ? order by code limit ?`,
)
const app = Fastify()
app.get<{ Params: { code: string } }>('/persons/:code', async (request, reply) => {
  return byCode.get(request.params.code) ?? reply.code(404).send({ error: 'There is no such person.' })
})
app.get<{ Querystring: { familyName: string; limit?: string; after?: string } }>(
  '/persons',
  async ({ query: { familyName, limit = '20', after = '' } }, reply) => {
    const most = Number(limit)
    if (!Number.isInteger(most) || most < 1 || most > 100)
      return reply.code(400).send({ error: 'Send a limit.' })
    return { items: byFamilyName.all(familyName, after, most) }
  },
)
await app.listen({ host: address, port })
process.on('disconnect', () => process.exit(0))
process.send?.({ ready: true })
