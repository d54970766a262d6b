/** The HTTP adapter before a system of a test, asked with targets exactly as they are given. */
import type { Readable } from 'node:stream'
import type { Test } from 'tap'
import { Client, type Dispatcher } from 'undici'
import { startAdapter } from '#adapters/kit/kit-fixture.ts'
import { httpAdapter } from './adapter.ts'

type Sent = { method?: Dispatcher.HttpMethod; headers?: Record<string, string>; body?: Buffer | Readable }

export async function startBefore(t: Test, url: string, settings: object) {
  const adapter = await startAdapter(t, httpAdapter, {
    settings: { system: { url }, ...settings },
    base: '/base',
  })
  const client = new Client(adapter.url)
  t.teardown(() => client.destroy())
  const send = async (path: string, { method = 'GET', headers = {}, body }: Sent = {}) => {
    const reply = await client.request({ method, path: `/base${path}`, headers, body: body ?? null })
    const bytes = Buffer.from(await reply.body.arrayBuffer())
    const text = bytes.toString()
    const isJson = String(reply.headers['content-type']).startsWith('application/json')
    return {
      ...{ status: reply.statusCode, headers: reply.headers, bytes, text },
      json: isJson && text !== '' ? (JSON.parse(text) as Record<string, unknown>) : undefined,
    }
  }
  return { ...adapter, send }
}
