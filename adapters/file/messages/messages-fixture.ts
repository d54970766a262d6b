/** For tests only: the deliveries of two real servers over HTTP on loopback, and files as messages at either of them. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { Test } from 'tap'
import { connect, type SecurityServer } from '#adapters/client/index.ts'
import { emptyFolder, ownAddress } from '#adapters/kit/kit-fixture.ts'
import { readWorkerSettings } from '#adapters/kit/serve-worker.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import {
  createDeliveryWorld,
  type DeliveryWorld,
} from '#security-server/features/deliveries/delivery-fixture.ts'
import type { SourceSettings } from '../settings.ts'
import type { FileMessagesSettings } from './settings.ts'
import { fileMessages, openFileMessages } from './worker.ts'

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

export async function settingsOf(
  t: Test,
  q: { url: string; client: string; source: SourceSettings } & Record<string, unknown>,
): Promise<FileMessagesSettings> {
  const { url, client, ...more } = q
  const file = path.join(emptyFolder(t), 'settings.yaml')
  const address = ownAddress()
  const whole = { monitoring: { address }, securityServer: { url, client }, scanMs: 100, ...more }
  writeFileSync(file, JSON.stringify(whole))
  return readWorkerSettings(fileMessages, file, {})
}

export async function startMessages(
  t: Test,
  settings: FileMessagesSettings,
  arm?: Parameters<typeof openFileMessages>[1],
) {
  const lines: string[] = []
  const log = createLog({
    name: 'test',
    level: 'info',
    destination: { write: (line) => void lines.push(line) },
  })
  const running = await openFileMessages({ settings, log, metrics: createMetrics() }, arm)
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= running.close())
  t.teardown(stop)
  return { running, stop, lines }
}

/** The names of the files in a folder below the folder of a test. */
export function filesIn(folder: string, place = ''): string[] {
  const at = path.join(folder, place)
  mkdirSync(at, { recursive: true })
  return readdirSync(at, { withFileTypes: true })
    .filter((one) => !one.isDirectory())
    .map(({ name }) => name)
    .sort()
}
