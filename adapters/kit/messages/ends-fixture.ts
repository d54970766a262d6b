/** For tests only: the deliveries of two real servers over HTTP on loopback, and a system at each of them. */
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { Test } from 'tap'
import { connect, type SecurityServer } from '#adapters/client/index.ts'
import { emptyFolder } from '#adapters/kit/kit-fixture.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { settle } from '#security-server/features/deliveries/acts-fixture.ts'
import {
  createDeliveryWorld,
  type DeliveryWorld,
} from '#security-server/features/deliveries/delivery-fixture.ts'
import type { Tables } from '#security-server/features/deliveries/tables.ts'
import { until } from '#test/until.ts'

export const INBOX = 'DEV/GOV/2000/population/assessments'

export type Ends = {
  made: DeliveryWorld
  urls: { tax: string; population: string }
  tax: SecurityServer
  population: SecurityServer
}

export async function openEnds(t: Test): Promise<Ends> {
  const folder = emptyFolder(t)
  const at = (file: string): string => `sqlite:${path.join(folder, file)}`
  const made = await createDeliveryWorld(t, { sender: at('sender.db'), receiver: at('receiver.db') })
  const listen = async (side: DeliveryWorld['sender']): Promise<string> => {
    await side.app.listen({ host: '127.0.0.1', port: 0 })
    return `http://127.0.0.1:${(side.app.server.address() as AddressInfo).port}`
  }
  const urls = { tax: await listen(made.sender), population: await listen(made.receiver) }
  const tax = connect({ url: urls.tax, client: 'DEV/GOV/1000/tax' })
  const population = connect({ url: urls.population, client: 'DEV/GOV/2000/population' })
  t.teardown(() => {
    tax.close()
    population.close()
  })
  return { made, urls, tax, population }
}

/**
 * Waits until an event was taken from the inbox, and then until its sender knows. The clock is moved only
 * then: it would part the time in the receipt from that of its signature, and no sender accepts such a
 * receipt.
 */
export async function consumed({ made, tax }: Ends, delivery: string): Promise<void> {
  const inbox = tablesOf<Tables>(made.receiver.database)
  await until('the inbox has its receipt', async (saw) => {
    const row = inbox.selectFrom('inbox').select('state').where('delivery', '=', delivery)
    return saw((await row.executeTakeFirst())?.state) === 'consumed'
  })
  await until('it is consumed', async (saw) => {
    await settle(made)
    return saw((await tax.delivery(delivery)).state) === 'consumed'
  })
}
