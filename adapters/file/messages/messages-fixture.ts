/** For tests only: files as messages at a real server. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { emptyFolder, ownAddress } from '#adapters/kit/kit-fixture.ts'
import { readWorkerSettings } from '#adapters/kit/serve-worker.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import type { SourceSettings } from '../settings.ts'
import type { FileMessagesSettings } from './settings.ts'
import { fileMessages, openFileMessages } from './worker.ts'

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
