/** A mock in the test's own process, by a document that the test makes, and what asks it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { Client } from 'undici'
import { stringify } from 'yaml'
import { ownAddress } from '#adapters/kit/kit-fixture.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { readOptions } from './options.ts'
import { serveMock } from './serve-mock.ts'

export async function startMock(t: Test, document: object | string) {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-mock-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'description.yaml')
  writeFileSync(file, typeof document === 'string' ? document : stringify(document))
  const address = ownAddress()
  const lines: string[] = []
  const log = createLog({
    name: 'mock',
    level: 'info',
    destination: { write: (line) => void lines.push(line) },
  })
  const running = await serveMock(readOptions(['--description', file, '--listen', `${address}:9480`]), log)
  const client = new Client(`http://${address}:9480`)
  t.teardown(async () => {
    await client.destroy()
    await running.stop()
  })
  const ask = async (
    method: 'GET' | 'POST' | 'DELETE' | 'PUT' | 'HEAD',
    target: string,
    q: { headers?: Record<string, string>; body?: string | Buffer } = {},
  ) => {
    const type: Record<string, string> = q.body === undefined ? {} : { 'content-type': 'application/json' }
    const reply = await client.request({ ...q, method, path: target, headers: { ...type, ...q.headers } })
    const text = await reply.body.text()
    const isJson = String(reply.headers['content-type']).includes('json')
    const body = isJson && text !== '' ? (JSON.parse(text) as Record<string, unknown>) : undefined
    return { status: reply.statusCode, headers: reply.headers, text, body }
  }
  return { ask, lines }
}
