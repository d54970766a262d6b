/**
 * A central registry in this process on addresses of its own, with a clock that tests set, and its clients.
 */
import { generateKeyPairSync, randomInt } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { Agent, request } from 'undici'
import type { Settings } from '#central-registry/config.ts'
import { registryMigrations } from '#central-registry/features.ts'
import { startRegistry } from '#central-registry/registry.ts'
import { checkDeclared } from '#platform/http-service/declared-fixture.ts'
import { createLog } from '#platform/logging/create-log.ts'
import type { MailServer } from '#platform/mail/client.ts'
import type { Running } from '#platform/process/run-process.ts'
import { createConfigurationClient } from '#security-server/global-configuration/client.ts'
import {
  createGlobalConfiguration,
  type GlobalConfiguration,
} from '#security-server/global-configuration/global-configuration.ts'
import { selfSignedCertificate } from '#security-server/keys/self-signed.ts'
import { certificatePem } from '#security-server/local-systems/view.ts'
import { answerWatch } from '#test/answer-checks.ts'
import { writeMigratedFile } from '#test/migrated-databases.ts'
import { CLIENT, hostNameOf } from './openid-provider.ts'

export const BACKUP_KEY = 'the key of the backups of tests'

export type Reply = { status: number; body: unknown; bytes: Buffer; headers: Record<string, unknown> }

export type Node = {
  settings: Settings
  /** Calls the management API with the first key, or with the given one ('' for none). */
  call(method: string, path: string, body?: unknown, key?: string): Promise<Reply>
  /** As `call`; throws an Error for an answer that is no success. */
  must(method: string, path: string, body?: unknown): Promise<unknown>
  /**
   * Posts to the registration listener of a node that was started with one: signed documents and X-Road's
   * messages.
   */
  register(path: string, body: Buffer, type?: string): Promise<Reply>
  /** Gets from the public listener. */
  get(path: string): Promise<Reply>
  stop(): Promise<void>
}

export type RegistryWorld = {
  directory: string
  clock: { now: number }
  lines: string[]
  /** Starts a node; a second one of the same world gets other addresses and, by default, the same folder. */
  start(o?: {
    directory?: string
    settings?: Partial<Settings>
    /** The issuer at which people log in. */
    login?: string
    /** The login has passkeys and a host name; at this loopback address, or at one of the node's own. */
    passkeys?: string | boolean
    /** Acts of great weight need a passkey. */
    forActs?: boolean
    registration?: boolean
    mailServer?: MailServer
  }): Promise<Node>
  /** The configuration room of a security server with this anchor installed. */
  reader(anchor: Buffer, allowedFederations?: 'all'): Promise<GlobalConfiguration>
}

// Of worlds that have ended. A browser's window starts no new process for a server at the address of the one
// before.
const freeAddresses: string[] = []

function anAddress(): string {
  return freeAddresses.pop() ?? `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
}

export function registryWorld(t: Test, database?: string): RegistryWorld {
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-registry-'))
  const clock = { now: Date.now() }
  const lines: string[] = []
  const log = createLog({ name: 'test', destination: { write: (line) => lines.push(line) } })
  const client = createConfigurationClient()
  const running = new Set<Running>()
  const addresses: string[] = []
  // One node of a database makes the first key.
  const keyFiles: string[] = []
  t.teardown(async () => {
    for (const node of running) await node.stop()
    // The first node of the next world gets the address of the first one here.
    freeAddresses.push(...addresses.reverse())
    await client.close()
    rmSync(directory, { recursive: true, force: true })
    checkDeclared(lines)
  })
  return {
    directory,
    clock,
    lines,
    start: async (o = {}) => {
      const address = typeof o.passkeys === 'string' ? o.passkeys : anAddress()
      if (typeof o.passkeys !== 'string') addresses.push(address)
      const folder = o.directory ?? directory
      mkdirSync(folder, { recursive: true })
      const initialApiKeyFile = path.join(folder, 'initial.key')
      keyFiles.push(initialApiKeyFile)
      const ownFile = path.join(directory, 'registry.db')
      if (database === undefined && o.settings?.database === undefined && !existsSync(ownFile))
        await writeMigratedFile(ownFile, registryMigrations)
      const settings: Settings = {
        directory: folder,
        database: database ?? `sqlite:${ownFile}`,
        pinFile: '',
        publicUrl: `http://${address}:8001`,
        // Of the world, since each start has other addresses. DIDs are of host names.
        identity: { url: 'https://registry.example:8443' },
        public: { address, port: 8001 },
        admin: { address, port: 4000, initialApiKeyFile },
        configuration: {
          validitySeconds: 600,
          renewSeconds: 60,
          ocspFreshnessSeconds: 3600,
          timeStampingIntervalSeconds: 60,
          suspensionListSeconds: 600,
          outageGrace: false,
        },
        // No name server knows the names of test servers.
        fleet: { probeSeconds: 0 },
        auditAuthorities: [],
        logLevel: 'info',
        ...(o.login === undefined
          ? {}
          : {
              login: {
                issuer: o.login,
                clientId: CLIENT.id,
                clientSecretFile: '',
                baseUrl: `http://${o.passkeys === undefined ? address : hostNameOf(address)}:4000`,
                ...(o.passkeys === undefined ? {} : { passkeys: { days: 30, forActs: o.forActs === true } }),
                contact: 'the <operator>',
                firstCodeFile: path.join(directory, 'first.code'),
                secondCodeFile: path.join(directory, 'second.code'),
              },
            }),
        ...(o.registration === true ? { registration: registrationListener(directory, address) } : {}),
        ...o.settings,
      }
      const registry = await startRegistry({
        settings,
        pin: '1234',
        clientSecret: CLIENT.secret,
        mailServer: o.mailServer,
        backupKey: BACKUP_KEY,
        clock: () => clock.now,
        log,
      })
      running.add(registry)
      const call: Node['call'] = async (method, at, body, key) => {
        const secret = key ?? readFileSync(keyFiles.find(existsSync)!, 'utf8').trim()
        const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body))
        const type = Buffer.isBuffer(body) ? 'application/octet-stream' : 'application/json'
        const url = `/api/v1${at}`
        const reply = await send(`http://${address}:4000${url}`, method, bytes, {
          ...(secret === '' ? {} : { authorization: `X-Road-ApiKey token=${secret}` }),
          ...(bytes === undefined ? {} : { 'content-type': type }),
        })
        const watch = await answerWatch('central-registry')
        watch({ method, url, ...reply })
        return reply
      }
      return {
        settings,
        call,
        must: async (method, at, body) => {
          const reply = await call(method, at, body)
          if (reply.status >= 300)
            throw new Error(`${method} ${at}: ${reply.status} ${reply.bytes.toString()}`)
          return reply.body
        },
        register: (at, body, type = 'application/jose+json') =>
          send(`https://${address}:4001${at}`, 'POST', body, { 'content-type': type }),
        get: (at) => send(`http://${settings.public.address}:8001${at}`, 'GET', undefined, {}),
        stop: async () => {
          running.delete(registry)
          await registry.stop()
        },
      }
    },
    reader: async (anchor, allowedFederations) => {
      const own = mkdtempSync(path.join(directory, 'reader-'))
      const configuration = await createGlobalConfiguration({
        directory: own,
        clock: () => clock.now,
        log,
        client,
        allowedFederations,
      })
      await configuration.installAnchor(anchor)
      return configuration
    },
  }
}

/** Settings of a registration listener with a self-signed certificate, the same for all nodes of a world. */
function registrationListener(directory: string, address: string): NonNullable<Settings['registration']> {
  const [certificateFile, keyFile] = [
    path.join(directory, 'registration.pem'),
    path.join(directory, 'registration.key'),
  ]
  if (!existsSync(keyFile)) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const names = { hostName: 'registry.example', ipAddresses: [] }
    const der = selfSignedCertificate({ privateKey, names, at: new Date(Date.now() - 60_000) })
    writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    writeFileSync(certificateFile, certificatePem(der))
  }
  return { address, port: 4001, certificateFile, keyFile }
}

// A test may send a hundred at once, and a busy machine takes longer for their TLS than undici waits.
const CONNECT_MS = 300_000

/** Sends each request from an address of its own: the management API counts requests by address. */
async function send(
  url: string,
  method: string,
  body: Buffer | undefined,
  headers: Record<string, string>,
): Promise<Reply> {
  const localAddress = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const dispatcher = new Agent({ localAddress, connect: { rejectUnauthorized: false, timeout: CONNECT_MS } })
  try {
    const reply = await request(url, { method: method as 'GET', headers, body: body ?? null, dispatcher })
    const bytes = Buffer.from(await reply.body.arrayBuffer())
    const isJson = String(reply.headers['content-type']).startsWith('application/json')
    return {
      status: reply.statusCode,
      body: isJson && bytes.length > 0 ? (JSON.parse(bytes.toString()) as unknown) : undefined,
      bytes,
      headers: reply.headers,
    }
  } finally {
    await dispatcher.close()
  }
}
