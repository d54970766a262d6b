/** A one-way message of the sandbox: handed over, delivered, fetched, acknowledged, and proved by the receipts of both sides. */
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { judgeBundle } from '#core/evidence-bundle/judge-bundle.ts'
import { readBundle } from '#core/evidence-bundle/read-bundle.ts'
import { loadConfiguration } from '../verify/load-configuration.ts'
import type { Instance } from './instance.ts'
import { type Agency, folderOf, INBOX_SERVICE, type Layout, SERVER_PORTS, subsystemText } from './layout.ts'

type Say = (line: string) => void
type Fetched = { events: { id: string; delivery: string; event: { id: string; data: { amount: number } } }[] }
type Sent = { id: string; state: string; accepted: object | null; ended: object | null }

const EVENT = {
  ...{ specversion: '1.0', source: '/tax/assessments', type: 'org.example.assessed', subject: 'P00000042' },
  ...{ partitionkey: 'P00000042', datacontenttype: 'application/json', data: { amount: 1200 } },
}
const PATIENCE_MS = 60_000
const BETWEEN_MS = 250

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
    const handed = await sender<Sent>('POST', `/deliveries/v1/${inbox}`, event)
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
    for (const agency of [tax, population]) await prove(instance, agency, handed.id, say)
  } finally {
    await Promise.all([sender, receiver].map(({ close }) => close()))
  }
}

/** The bundle of the delivery, judged like one that somebody else was given. */
async function prove(instance: Instance, agency: Agency, id: string, say: Say): Promise<void> {
  const { layout } = instance
  const api = instance.servers[agency.key]!
  await api.send('POST', '/message-log/time-stamp')
  await api.send('POST', '/message-log/checkpoint')
  const query = new URLSearchParams({ limit: '10', queryId: id })
  const records = await api.get<{ index: number; kind: string }[]>(`/message-log/records?${query}`)
  const kinds = records.map(({ kind }) => kind).reverse()
  const why = new URLSearchParams({ case: 'demonstration', reason: 'shows what an auditor gets' })
  const at = `/message-log/records/${records[0]!.index}/evidence-bundle?${why}`
  const bytes = await api.getBytes(at)
  const file = folderOf(layout, `${agency.key}-delivery-evidence.zip`)
  writeFileSync(file, bytes)
  const own = folderOf(layout, `${agency.key}/configuration/current/globalconf`)
  const { indexes: configuration } = await loadConfiguration(own, new Date())
  const { verdict, reason } = await judgeBundle({
    ...{ bundle: await readBundle(bytes), configuration, now: new Date() },
  })
  if (verdict !== 'TOTAL-PASSED') throw new Error(`${file}: ${verdict}, ${reason}`)
  say(`  ${agency.name}: ${kinds.join(', ')}; bundle ${verdict}`)
}

type System = {
  <Answer>(method: 'GET' | 'POST', path: string, event?: object): Promise<Answer>
  close(): Promise<void>
}

/** Asks the agency's own server as its system does, with its certificate. */
function systemOf(layout: Layout, agency: Agency): System {
  const file = (name: string): Buffer => readFileSync(folderOf(layout, name))
  const dispatcher = new Agent({
    connect: {
      ca: file('trust/root.pem'),
      ...{ cert: file(`${agency.key}/system.pem`), key: file(`${agency.key}/system.key`) },
    },
  })
  const ask = async <Answer>(method: 'GET' | 'POST', path: string, event?: object): Promise<Answer> => {
    const reply = await request(`https://${agency.address}:${SERVER_PORTS.https}${path}`, {
      ...{ method, dispatcher, body: event === undefined ? null : JSON.stringify(event) },
      headers: {
        'x-road-client': subsystemText(layout, agency),
        ...(event !== undefined && { 'content-type': 'application/cloudevents+json' }),
      },
    })
    const text = await reply.body.text()
    if (reply.statusCode >= 300)
      throw new Error(`${path} was answered ${reply.statusCode}: ${text.slice(0, 300)}`)
    return JSON.parse(text) as Answer
  }
  return Object.assign(ask, { close: () => dispatcher.close() })
}

async function until<T>(what: string, find: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + PATIENCE_MS
  while (performance.now() < end) {
    const found = await find()
    if (found !== undefined) return found
    await wait(BETWEEN_MS)
  }
  throw new Error(`${what} did not come within ${PATIENCE_MS / 1000} s`)
}
