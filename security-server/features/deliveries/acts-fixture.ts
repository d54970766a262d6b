/** For tests only: what systems do with their servers, and what the tests of deliveries look at. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { readReceipt } from '#core/delivery/receipt.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { type Answered, createDeliveryWorld, type DeliveryWorld } from './delivery-fixture.ts'

export const TO = '/deliveries/v1/DEV/GOV/2000/population/assessments'
export const AT = '/deliveries/v1/inbox/DEV/GOV/2000/population/assessments'
export const AS_TAX = { 'x-road-client': 'DEV/GOV/1000/tax' }
export const AS_POPULATION = { 'x-road-client': 'DEV/GOV/2000/population' }
export const DAY_MS = 86_400_000

type Event = { id?: string; source?: string; partitionkey?: string; expirytime?: string; data?: unknown }
export type Fetched = { id: string; delivery: string; attempt: number; event: Event }

export const structured = (event: Event): string =>
  JSON.stringify({
    specversion: '1.0',
    id: randomUUID(),
    source: '/tax',
    type: 'org.example.assessed',
    ...event,
  })

export const hand = ({ sender }: DeliveryWorld, event: Event | string): Promise<Answered> =>
  sender.ask(
    'POST',
    TO,
    { ...AS_TAX, 'content-type': 'application/cloudevents+json' },
    typeof event === 'string' ? event : structured(event),
  )
export const stateOf = async ({ sender }: DeliveryWorld, id: unknown): Promise<unknown> =>
  (await sender.ask('GET', `/deliveries/v1/sent/${String(id)}`, AS_TAX)).body['state']
export const fetch = async ({ receiver }: DeliveryWorld, query = ''): Promise<Fetched[]> =>
  (await receiver.ask('GET', `${AT}${query}`, AS_POPULATION)).body['events'] as Fetched[]
export const acknowledge = ({ receiver }: DeliveryWorld, id: string): Promise<Answered> =>
  receiver.ask('POST', `${AT}/${id}/acknowledgement`, AS_POPULATION)
/** Sends what is due, and asks for receipts whenever they may be due. */
export const settle = async (made: DeliveryWorld): Promise<void> => {
  await made.sender.run('send-deliveries')
  made.world.skew += 6 * 60_000
  await refreshed(made)
  await made.sender.run('ask-delivery-receipts')
}
export const kinds = async (log: DeliveryWorld['sender']['log'], queryId: unknown): Promise<string[]> =>
  (await log.list({ queryId: String(queryId), limit: 100 }))
    .map(({ kind, direction, outcome }) => `${kind} ${direction} ${outcome}`.trim())
    .reverse()
export const receiptIn = (proof: unknown) =>
  readReceipt(Buffer.from((proof as { receipt: string }).receipt, 'base64'))

export async function onBoth(
  name: string,
  act: (t: Test, made: DeliveryWorld) => Promise<void>,
): Promise<void> {
  await t.test(`${name}, on sqlite`, async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'concordat-deliveries-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const at = (file: string): string => `sqlite:${path.join(folder, file)}`
    await act(t, await createDeliveryWorld(t, { sender: at('sender.db'), receiver: at('receiver.db') }))
  })
  await t.test(`${name}, on postgresql`, async (t) => {
    if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
    const server = await postgresql()
    const urls = { sender: await server.freshDatabase(), receiver: await server.freshDatabase() }
    await act(t, await createDeliveryWorld(t, urls))
  })
}

/** OCSP answers and configuration as they are at the time to which the clock was moved. */
export async function refreshed({ world }: DeliveryWorld): Promise<void> {
  await world.consumer.keys.refreshOcsp()
  await world.provider.keys.refreshOcsp()
}
