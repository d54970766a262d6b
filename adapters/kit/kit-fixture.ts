/**
 * An adapter in the test's own process, on addresses of its own, as its security server and its operator
 * reach it.
 */
import { randomInt } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { Agent, request } from 'undici'
import { createLog } from '#platform/logging/create-log.ts'
import type { Adapter } from './adapter.ts'
import { readSettings, serveAdapter } from './serve-adapter.ts'
import type { KitSettings } from './settings.ts'

export type Answered = { status: number; headers: Record<string, unknown>; body: unknown; text: string }

type AdapterForTests = {
  url: string
  monitoringUrl: string
  ask(target: string, headers?: Record<string, string>): Promise<Answered>
  monitor(target: string): Promise<Answered>
  /** The lines of its log. */
  lines: string[]
  stop(): Promise<void>
}

/** A loopback address that no other test has. */
export function ownAddress(): string {
  return `127.${randomInt(60, 250)}.${randomInt(1, 250)}.${randomInt(1, 250)}`
}

export function emptyFolder(t: Test): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-adapter-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Writes the settings, given without addresses, and serves the adapter by them. */
export async function startAdapter<S extends KitSettings>(
  t: Test,
  adapter: Adapter<S>,
  q: { settings: object; folder?: string; base?: string },
): Promise<AdapterForTests> {
  const address = ownAddress()
  const folder = q.folder ?? emptyFolder(t)
  mkdirSync(folder, { recursive: true })
  const file = path.join(folder, 'adapter.yaml')
  const whole = {
    listen: { address },
    monitoring: { address },
    service: {
      ...{ code: 'test', title: 'Service for tests' },
      ...(q.base !== undefined && { url: `http://${address}:9443${q.base}` }),
    },
    ...q.settings,
  }
  // YAML reads JSON.
  writeFileSync(file, JSON.stringify(whole, null, 1))
  const lines: string[] = []
  const log = createLog({
    name: 'test',
    level: 'info',
    destination: { write: (line) => void lines.push(line) },
  })
  const settings = await readSettings(adapter, file, {})
  const running = await serveAdapter(adapter, settings, log)
  const dispatcher = new Agent({ connections: 64 })
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= running.stop().then(() => dispatcher.destroy()))
  t.teardown(stop)
  const url = `http://${address}:9443`
  const monitoringUrl = `http://${address}:9444`
  return {
    ...{ url, monitoringUrl, lines, stop },
    ask: (target, headers = {}) => askAt(url + target, dispatcher, headers),
    monitor: (target) => askAt(monitoringUrl + target, dispatcher),
  }
}

export async function askAt(
  url: string,
  dispatcher: Agent,
  headers: Record<string, string> = {},
): Promise<Answered> {
  const reply = await request(url, { dispatcher, headers })
  const text = await reply.body.text()
  const isJson = String(reply.headers['content-type']).startsWith('application/json')
  return {
    status: reply.statusCode,
    headers: reply.headers,
    text,
    body: isJson ? JSON.parse(text) : undefined,
  }
}
