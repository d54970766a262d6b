/**
 * A proxied instance in a test's process, which fetches when the test says so, and serves over HTTP at an
 * address of its own.
 */
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import type { Directory } from '#core/configuration/directory.ts'
import { prepareDirectory } from '#core/configuration/directory-write.ts'
import { signatureUriFor } from '#core/configuration/signature-method.ts'
import { publicHalf, signDerWith } from '#core/signature/signing-key.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createImportClient } from '../configuration/other-instances/client.ts'
import { ACTS, type Act } from './acts.ts'
import { openInstance, type ProxiedInstance } from './proxied-instance.ts'
import { folderOf, keysOf, openKeys } from './proxy.ts'
import type { ProxyKeys } from './proxy-keys.ts'
import { proxyRoutes } from './routes.ts'
import type { ProxySettings } from './settings.ts'

const PIN = '1234'

type TestProxy = {
  settings: ProxySettings
  instance: ProxiedInstance
  keys: ProxyKeys
  url: string
  /** An act of the command line; returns what it prints. */
  act(name: string, word?: string, options?: Act['options']): Promise<string>
  anchor(beside?: string[]): Promise<Buffer>
  get(path: string): Promise<{ status: number; bytes: Buffer }>
  /** Ends the instance and opens it anew from its folder, with nothing fetched. */
  restart(anchor?: Buffer): Promise<void>
}

/** With one key. `anchor`: of the source. */
export async function openProxy(
  t: Test,
  q: {
    anchor: Buffer
    clock: { now: number }
    name?: string
    validitySeconds?: number
    log?: (line: string) => void
  },
): Promise<TestProxy> {
  const { name = 'zone' } = q
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-proxy-'))
  const anchorFile = path.join(directory, 'source.xml')
  writeFileSync(anchorFile, q.anchor)
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const url = `http://${address}:8002`
  const settings: ProxySettings = {
    ...{ directory, pinFile: '', publicUrl: url, logLevel: 'info' },
    public: { address, port: 8002 },
    monitoring: { address, port: 8003 },
    instances: [{ name, anchorFile, validitySeconds: q.validitySeconds ?? 600, fetchSeconds: 20 }],
  }
  const clock = (): number => q.clock.now
  const log = createLog({ name: 'test', destination: { write: (line) => q.log?.(line) } })
  const client = createImportClient()
  const privateKeys = await openKeys({ settings, pin: PIN })
  const keys = keysOf({ settings, clock }, name, privateKeys)
  const folder = folderOf(settings, name)
  const open = async (): Promise<ProxiedInstance> => {
    const instance = await openInstance({
      settings: settings.instances[0]!,
      folder,
      keys,
      client,
      clock,
      log,
    })
    await instance.restore()
    return instance
  }
  let app = createHttpService({ name: 'configuration', log, logRequests: false })
  const serve = async (): Promise<void> => {
    app = createHttpService({ name: 'configuration', log, logRequests: false })
    proxyRoutes(app, [{ name, published: proxy.instance.published }])
    await app.listen({ host: address, port: 8002 })
  }
  const act: TestProxy['act'] = async (which, word, options = {}) => {
    let printed = ''
    const print = (text: string): void => {
      printed += text
    }
    await ACTS[which]!({ settings, pin: PIN, clock, word, options, print, user: process.geteuid?.() })
    return printed
  }
  await act('add-key')
  const proxy: TestProxy = {
    ...{ settings, keys, url, act },
    instance: await open(),
    anchor: async (beside = []) => Buffer.from(await act('anchor', undefined, { beside })),
    get: async (at) => {
      const reply = await client.get(url + at, 10_000_000)
      return { status: reply.status, bytes: reply.body }
    },
    restart: async (anchor) => {
      await app.close()
      await proxy.instance.close()
      if (anchor !== undefined) writeFileSync(anchorFile, anchor)
      proxy.instance = await open()
      await serve()
    },
  }
  await serve()
  t.teardown(async () => {
    await app.close()
    await proxy.instance.close()
    rmSync(directory, { recursive: true, force: true })
  })
  return proxy
}

/** As a proxy signs one, with any content. */
export async function signDirectory(
  directory: Directory,
  { certificate, key }: NonNullable<Awaited<ReturnType<ProxyKeys['signer']>>>,
): Promise<Buffer> {
  const algorithmId = signatureUriFor(publicHalf(key))
  const { toBeSigned, finish } = prepareDirectory({
    ...directory,
    ...{ verificationCert: certificate, algorithmId },
  })
  return finish(await signDerWith(key, 'sha512', toBeSigned))
}
