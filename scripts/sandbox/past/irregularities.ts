/** What went wrong in the past of a living sandbox, and what waits in it for a person. */
import { arrive } from '../install-registry.ts'
import { COMPANY_SERVICE, encoded, folderOf, POPULATION_SERVICE, subsystemText } from '../layout.ts'
import { systemOf, until } from '../own-system.ts'
import { proposeOnly } from '../put-in-force.ts'
import type { Instance } from '../running.ts'
import { waitingContract } from '../terms.ts'
import { hideFromIndex } from './hidden-store.ts'

type Listed = { queryId: string; kind: string }

/**
 * Somebody at the Health Agency asks the Population Agency about a person, and hides it: the exchange is
 * taken out of the index of the agency's log. The other side has it, so the comparison of that day ends with
 * one discrepancy; the agency's own log still has the record, and proves it. `now`: the time of the instance,
 * in ms.
 */
export async function hideOne({ layout, servers }: Instance, now: number): Promise<void> {
  const { population } = layout.agencies
  const health = layout.agencies.health!
  const service = `${subsystemText(layout, population)}/${POPULATION_SERVICE}`
  const system = systemOf(layout, health)
  try {
    await system('GET', `/r1/${service}/persons/P00000007`)
  } finally {
    await system.close()
  }
  const query = new URLSearchParams({
    ...{ limit: '1', kind: 'reply', outcome: 'ok', from: new Date(now).toISOString() },
    clientId: encoded(subsystemText(layout, health)),
    serviceId: encoded(service),
  })
  const hidden = await until('the exchange in the index', async () => {
    const found = await servers[health.key]!.get<Listed[]>(`/message-log/records?${query}`)
    return found[0]?.queryId
  })
  if (hideFromIndex(folderOf(layout, `${health.key}/message-log.db`), hidden) === 0)
    throw new Error('no exchange could be hidden')
}

/**
 * The Tax Agency sends an event to a service that takes none: it is not delivered, and an operator sees why.
 */
export async function sendInVain({ layout }: Instance): Promise<void> {
  const { tax, business } = layout.agencies
  const system = systemOf(layout, tax)
  try {
    const event = {
      ...{
        specversion: '1.0',
        id: 'audit-notice-17',
        source: '/tax/audits',
        type: 'org.example.audit-announced',
      },
      ...{ subject: 'C00000042', datacontenttype: 'application/json', data: { from: '2026-12-01' } },
    }
    const to = `${subsystemText(layout, business)}/${COMPANY_SERVICE}`
    await system('POST', `/deliveries/v1/${to}`, { event })
  } finally {
    await system.close()
  }
}

/** A member waits for a second administrator, a contract for the people of the Population Agency. */
export async function leaveWaiting(instance: Instance, now: number): Promise<void> {
  const { layout } = instance
  const { terms, consumer } = waitingContract(layout, now)
  await proposeOnly(instance, terms, consumer)
  const two = await arrive(layout)
  const member = { memberClass: layout.memberClass, memberCode: '1005', name: 'Education Agency' }
  await two[0].send('POST', '/members', member, 'It asks for the residence of pupils from January on.')
  await Promise.all(two.map((one) => one.close()))
}
