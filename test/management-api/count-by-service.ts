/**
 * Of two exchanges that were answered and one that was refused: the counts by client and service, and their
 * CSV file.
 */
import type { Test } from 'tap'
import type { AdminWorld } from './admin-fixture.ts'

export async function countByService(t: Test, { ask }: Pick<AdminWorld, 'ask'>): Promise<void> {
  const observer = { role: 'XROAD_SECURITYSERVER_OBSERVER' }
  const to = `to=${new Date(Date.now() + 1).toISOString()}`
  const services = (await ask('GET', `/message-log/traffic/services?${to}`, undefined, observer)).body
  t.match(services, {
    total: { exchanges: 3, failed: 1, p50Ms: Number, p99Ms: Number },
    notShown: 0,
    clients: [/^DEV:GOV:/],
  })
  t.equal((services['hours'] as []).length, 7 * 24 + 1, 'of a week, and the hour that goes on')
  const [pair] = services['pairs'] as { clientId: string; serviceId: string }[]
  const of = `clientId=${pair!.clientId}&serviceId=${pair!.serviceId}`
  const one = await ask('GET', `/message-log/traffic/services?${to}&${of}`, undefined, observer)
  t.match(one.body, { pairs: [pair], clients: services['clients'], services: services['services'] })
  for (const wrong of ['from=2020-01-01T00:00:00Z', 'clientId=a', `serviceId=${'x'.repeat(2000)}`, 'by=peer'])
    t.equal((await ask('GET', `/message-log/traffic/services?${wrong}`)).status, 400, wrong)
  const last = 'from=9999-12-30T00:00:00Z&to=9999-12-31T23:30:00Z'
  for (const path of ['traffic', 'traffic/services'])
    t.equal((await ask('GET', `/message-log/${path}?${last}`)).status, 400, 'after the last hour')
  const csv = await ask('GET', `/message-log/traffic/services/export?${to}`, undefined, observer)
  const [head, ...rows] = csv.raw.toString().trimEnd().split('\r\n')
  t.match(head, /^hour,clientId,serviceId,direction,exchanges,failed,p50Ms/)
  t.ok(rows.some((row) => row.includes(`,${pair!.clientId},${pair!.serviceId},`)))
  t.match((await ask('GET', '/message-log/last-day', undefined, observer)).body, {
    total: { exchanges: Number, failed: Number },
    failures: [],
  })
}
