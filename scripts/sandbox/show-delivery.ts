/**
 * A one-way message of the sandbox: handed over, delivered, fetched, acknowledged, and proved by the receipts
 * of both sides.
 */

import { INBOX_SERVICE, subsystemText } from './layout.ts'
import { systemOf, until } from './own-system.ts'
import { proveDelivery } from './prove-delivery.ts'
import type { Instance } from './running.ts'

type Say = (line: string) => void
type Fetched = { events: { id: string; delivery: string; event: { id: string; data: { amount: number } } }[] }
type Sent = { id: string; state: string; accepted: object | null; ended: object | null }

const EVENT = {
  ...{ specversion: '1.0', source: '/tax/assessments', type: 'org.example.assessed', subject: 'P00000042' },
  ...{ partitionkey: 'P00000042', datacontenttype: 'application/json', data: { amount: 1200 } },
}

/** Throws with the reason when a step fails. */
export async function showDelivery(instance: Instance, say: Say): Promise<void> {
  const { layout } = instance
  const { tax, population } = layout.agencies
  const inbox = `${subsystemText(layout, population)}/${INBOX_SERVICE}`
  const sender = systemOf(layout, tax)
  const receiver = systemOf(layout, population)
  try {
    say(`The Tax Agency hands an event over to its own server, for the inbox ${INBOX_SERVICE}:`)
    const event = { ...EVENT, id: `assessment-${Date.now()}`, time: new Date().toISOString() }
    const handed = await sender<Sent>('POST', `/deliveries/v1/${inbox}`, { event })
    say(`  accepted        ${handed.id}, with a signed receipt`)
    const fetched = await until('the event in the inbox', async () => {
      const { events } = await receiver<Fetched>('GET', `/deliveries/v1/inbox/${inbox}?limit=100`)
      return events.find(({ delivery }) => delivery === handed.id)
    })
    say(
      `  delivered       the ${population.name} fetched it: amount ${fetched.event.data.amount} (synthetic)`,
    )
    await receiver('POST', `/deliveries/v1/inbox/${inbox}/${fetched.id}/acknowledgement`)
    await until('the receipt of the inbox', async () => {
      const { state } = await sender<Sent>('GET', `/deliveries/v1/sent/${handed.id}`)
      return state === 'consumed' ? state : undefined
    })
    say(`  consumed        the receipt of the ${population.name} came back and was verified`)
    for (const agency of [tax, population])
      await proveDelivery(instance, agency, { id: handed.id, file: 'delivery-evidence' }, say)
  } finally {
    await Promise.all([sender, receiver].map(({ close }) => close()))
  }
}
