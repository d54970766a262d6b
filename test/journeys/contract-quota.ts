/** The quota of a contract over real processes: kept by the provider and told to the system. */
import type { Test } from 'tap'
import { until } from '../until.ts'
import { ask as askAt, type ServerName, type World } from '../world.ts'

type Q = {
  world: World
  target: string
  /** Agrees on a new version of the contract with this quota; gives the contract's id. */
  withQuota(quota: object): Promise<string>
}
type Shown = { version: number; quotaToday?: { day: string; used: number; refused: number } }

export async function contractQuota(t: Test, { world, target, withQuota }: Q): Promise<void> {
  const contract = await withQuota({ perDay: 3 })
  const newest = async (name: ServerName): Promise<Shown> =>
    (await world.admin[name].get<Shown[]>(`/contracts/${contract}`)).at(-1)!
  const { version } = await newest('population')
  const ask = async () => {
    const { status, headers, json } = await world.ask('tax', target)
    return { status, code: headers['x-road-error'], retryAfter: headers['retry-after'], json }
  }
  let answered = 0
  const refused = await until('a call too many', async (saw) => {
    const reply = await ask()
    if (reply.status !== 200) return reply
    answered = saw(answered + 1)
    return undefined
  })
  t.ok(answered === 3 || answered === 6, `${answered} passed: those of a day, or at midnight of two`)
  const seconds = /^[1-9][0-9]{0,4}$/
  t.match(refused, { status: 429, code: 'server.serverproxy.contract_quota_used_up', retryAfter: seconds })
  const said = `${contract}/${version}: 3 calls a day \\(UTC\\), again at 20.{8}T00:00:00.000Z`
  t.match(refused.json(), { message: new RegExp(said) })
  t.match(
    await ask(),
    { status: 429, code: 'client.contract_quota_used_up', retryAfter: seconds },
    'the next one does not leave',
  )
  await until('the count of those that were refused', async (saw) =>
    saw((await newest('population')).quotaToday?.refused),
  )
  t.match(await newest('population'), { quotaToday: { used: 3 } })
  t.equal((await newest('tax')).quotaToday, undefined, 'who does not count it shows nothing')
  const metrics = (await askAt(world.servers.population.adminUrl, '/metrics')).body.toString()
  t.match(metrics, /concordat_exchange_seconds_count\{half="provider",outcome="contract_quota_used_up"\} 1\n/)
  t.notMatch(metrics, contract, 'no metric names a contract')
  await withQuota({ perDay: 1000, perSecond: 1000 })
  t.equal((await ask()).status, 200, 'a higher quota holds at once')
  // What is leased ahead for calls that may follow counts as used until the lease is over.
  await until('the count that goes on', async (saw) => saw(await newest('population')).quotaToday?.used === 4)
}
