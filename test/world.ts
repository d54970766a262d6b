/**
 * A whole instance for a journey: the sandbox as a child process on a loopback network of its own. Tests
 * reach it only as its users do: over HTTP, TLS and files. Everything that it started ends with `stop`.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { holdNetwork } from '#scripts/test/hold-network.ts'
import { type Api, answerWatch } from '#test/answer-checks.ts'
import { hasPlace, type PreparedSandbox, prepareSandbox } from './prepared-sandbox.ts'
import { until } from './until.ts'

/** The last one in a living sandbox alone. */
export type ServerName = 'population' | 'tax' | 'business' | 'health'

/** A security server of the instance; URLs are bases without a path. */
export type WorldServer = {
  id: string
  member: string
  client: string
  address: string
  messagePort: number
  ocspPort: number
  httpUrl: string
  httpsUrl: string
  adminUrl: string
  consoleUrl: string
  directory: string
  apiKeyFile: string
  settingsFile: string
  logFile: string
  systemCertificateFile: string
  systemKeyFile: string
}

/** The output of `concordat sandbox --json`. */
export type Description = {
  directory: string
  instance: string
  memberClass: string
  trust: { caUrl: string; ocspUrl: string; tsaUrl: string; apiKeyFile: string; rootFile: string }
  registry: {
    publicUrl: string
    adminUrl: string
    registrationUrl: string
    consoleUrl: string
    apiKeyFile: string
    settingsFile: string
  }
  login: { issuer: string; peopleFile: string }
  systems: {
    address: string
    populationRegister: number
    taxAgency: number
    businessRegister: number
    /** Of a living one. */
    offersMonitoring: number
  }
  /** Of a living one. */
  portal?: { url: string; healthUrl: string; mailDirectory: string }
  counter?: { url: string }
  publicLog?: { historyUrl: string; logKeyFile: string; witnessPolicyFile: string }
  servers: Record<ServerName, WorldServer>
  processes: { name: string; pid: number }[]
}

export type Reply = {
  status: number
  reason: string
  /** Names in lower case; values of a repeated header are joined with ", ". */
  headers: Record<string, string>
  rawHeaders: string[]
  body: Buffer
  json(): unknown
}

export type Question = {
  method?: string
  headers?: Record<string, string | string[]> | string[]
  body?: Buffer | string | undefined
  /** PEM of the client certificate and its key. */
  certificate?: { cert: string | Buffer; key: string | Buffer } | undefined
  agent?: http.Agent | undefined
}

/**
 * An administrator's client: one API with one key. `call` returns any answer; the others throw for a refusal.
 */
export type Admin = {
  call(method: string, path: string, body?: unknown): Promise<Reply>
  get<T>(path: string): Promise<T>
  bytes(path: string): Promise<Buffer>
  /** Sends a Buffer as bytes, anything else as JSON. */
  send<T>(method: string, path: string, body?: unknown): Promise<T>
  /** The same API with another key. */
  withKey(key: string): Admin
}

export type World = Description & {
  /**
   * A free address of the instance's network that ends with this number, for example for a server of the
   * test's own on port 5500.
   */
  address(last: number): string
  registryAdmin: Admin
  admin: Record<ServerName, Admin>
  /** The authorization for the trust services' admin routes. */
  trustKey(): { Authorization: string }
  /** The certificate of an agency's system. */
  systemOf(name: ServerName): { cert: string; key: string }
  /**
   * A request of an information system to its security server: raw target, over HTTPS with its certificate.
   */
  ask(name: ServerName, target: string, question?: Question & { plain?: boolean }): Promise<Reply>
  /** Publishes the configuration and makes every server fetch it. */
  publish(): Promise<void>
  /** Ends all processes and starts them again on their stored data. */
  restart(): Promise<void>
  isAlive(): boolean
  stop(): Promise<void>
}

/**
 * Without a word of how far its start is. Less than what ends a silent test file (scripts/test/run-files.ts).
 */
const SILENCE_MS = 480_000

type WorldOptions = {
  instance: string
  /** Whether the registry asks providers for their services. */
  catalogue: boolean
  /** Whether it has a past, of some days, and a fourth agency. */
  living: boolean
  /** Added to the environment of all processes. */
  environment: Record<string, string>
}

const PAST_DAYS = '12'

export async function startWorld(o: Partial<WorldOptions> = {}): Promise<World> {
  const options = {
    instance: 'DEV',
    catalogue: false,
    living: false,
    environment: {},
    ...o,
  }
  const { directory, network, remove } = await placeOf(options)
  let child = start(directory, network, options)
  const description = await child.ready.catch((cause: unknown) => {
    remove()
    throw cause
  })
  const cas = readFileSync(description.trust.rootFile)
  const adminOf = (base: string, keyFile: string, api: Api = 'security-server'): Admin =>
    openAdmin(`${base}/api/v1`, readFileSync(keyFile, 'utf8').trim(), api)
  const { registry, servers } = description
  const admin = Object.fromEntries(
    Object.entries(servers).map(([name, { adminUrl, apiKeyFile }]) => [name, adminOf(adminUrl, apiKeyFile)]),
  ) as Record<ServerName, Admin>
  const registryAdmin = adminOf(registry.adminUrl, registry.apiKeyFile, 'central-registry')
  const systemOf = (name: ServerName): { cert: string; key: string } => ({
    cert: readFileSync(servers[name].systemCertificateFile, 'utf8'),
    key: readFileSync(servers[name].systemKeyFile, 'utf8'),
  })
  const refresh = async (): Promise<void> => {
    await Promise.all(Object.values(admin).map((one) => one.send('PUT', '/global-configuration/refresh')))
  }
  return {
    ...description,
    address: (last) => `${network}.${last}`,
    registryAdmin,
    admin,
    systemOf,
    trustKey: () => ({
      Authorization: `X-Road-ApiKey token=${readFileSync(description.trust.apiKeyFile, 'utf8').trim()}`,
    }),
    async ask(name, target, { plain = false, ...question } = {}) {
      const { httpUrl, httpsUrl, client } = servers[name]
      const headers = question.headers ?? { 'X-Road-Client': client }
      const certificate = plain ? undefined : (question.certificate ?? systemOf(name))
      const url = plain ? httpUrl : httpsUrl
      return ask(url, target, { ...question, headers, certificate }, cas)
    },
    async publish() {
      await registryAdmin.send('POST', '/configuration/publish')
      await refresh()
    },
    async restart() {
      await child.end()
      child = start(directory, network, options)
      await child.ready
    },
    isAlive: () => child.process.exitCode === null && child.process.signalCode === null,
    async stop() {
      await child.end()
      remove()
    },
  }
}

/** The folder and network: a prepared sandbox when that is possible, otherwise an empty one. */
async function placeOf(o: WorldOptions): Promise<Pick<PreparedSandbox, 'directory' | 'network' | 'remove'>> {
  const isUsual = !o.living && o.instance === 'DEV'
  if (isUsual && hasPlace()) return prepareSandbox()
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-world-'))
  return {
    directory: path.join(folder, 'sandbox'),
    network: await holdNetwork(),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

type Child = { process: ChildProcess; ready: Promise<Description>; end(): Promise<void> }

function start(directory: string, network: string, q: WorldOptions): Child {
  const program = path.join(import.meta.dirname, '../scripts/concordat')
  const options = ['--directory', directory, '--network', network, '--instance', q.instance]
  options.push('--no-exchange', '--json')
  if (q.living) options.push('--living', '--days', PAST_DAYS)
  else options.push('--no-installation')
  if (q.catalogue) options.push('--catalogue')
  const process_ = spawn(program, ['sandbox', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...q.environment },
  })
  let errors = ''
  const late = setTimeout(() => process_.kill('SIGTERM'), SILENCE_MS)
  let isReady = false
  createInterface(process_.stderr).on('line', (line) => {
    errors = `${errors}${line}\n`.slice(-4000)
    if (isReady) return
    late.refresh()
    // The test file moves too.
    t.comment(`sandbox: ${line}`)
  })
  const ended = new Promise<void>((resolve) => void process_.once('exit', () => resolve()))
  const ready = new Promise<Description>((resolve, reject) => {
    createInterface(process_.stdout).once('line', (line) => {
      isReady = true
      clearTimeout(late)
      resolve(JSON.parse(line) as Description)
    })
    void ended.then(() => {
      clearTimeout(late)
      reject(new Error(`the sandbox did not start: ${errors}`))
    })
  })
  return {
    process: process_,
    ready,
    async end() {
      if (process_.exitCode === null && process_.signalCode === null) process_.kill('SIGTERM')
      await ended
    },
  }
}

/** Sends one HTTP request with exactly this target, without normalization. */
export async function ask(
  base: string,
  target: string,
  q: Question = {},
  authorities?: Buffer,
): Promise<Reply> {
  const { protocol, hostname, port } = new URL(base)
  const { promise, resolve, reject } = Promise.withResolvers<Reply>()
  const options: https.RequestOptions = {
    host: hostname,
    port,
    path: target,
    method: q.method ?? 'GET',
    headers: headersOf(q) as http.OutgoingHttpHeaders,
    agent: q.agent ?? false,
    ...q.certificate,
    ...(authorities === undefined ? { rejectUnauthorized: false } : { ca: authorities }),
  }
  const request = (protocol === 'https:' ? https : http).request(options, (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.once('error', reject)
    response.once('end', () => {
      const body = Buffer.concat(chunks)
      resolve({
        status: response.statusCode ?? 0,
        reason: response.statusMessage ?? '',
        headers: Object.fromEntries(
          Object.entries(response.headers).map(([name, value]) => [name, [value].flat().join(', ')]),
        ),
        rawHeaders: response.rawHeaders,
        body,
        json: () => JSON.parse(body.toString('utf8')) as unknown,
      })
    })
  })
  // Before the connection is accepted nothing can have been sent: when a listener ends, connections that wait
  // to be accepted are reset.
  let connected = false
  request.once('socket', (socket) => {
    connected = request.reusedSocket
    if (connected) return
    socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      connected = true
    })
  })
  request.once('error', (cause) => reject(Object.assign(cause, { connected })))
  request.end(q.body)
  return promise
}

/** Node does not send a Content-Length for the body of a DELETE or GET by itself. */
function headersOf({ headers = {}, body }: Question): Question['headers'] {
  if (Array.isArray(headers) || body === undefined) return headers
  return { 'Content-Length': `${Buffer.byteLength(body)}`, ...headers }
}

/** A client of the API below `base` with one key. */
/** Each answer is held against the document of `api`. */
export function openAdmin(base: string, key: string, api: Api): Admin {
  const root = new URL(base)
  const call = async (method: string, where: string, body?: unknown): Promise<Reply> => {
    const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body))
    const type = Buffer.isBuffer(body) ? 'application/octet-stream' : 'application/json'
    const answer = async (): Promise<Reply | undefined> => {
      const reply = await ask(root.origin, root.pathname + where, {
        method,
        headers: {
          Authorization: `X-Road-ApiKey token=${key}`,
          ...(bytes === undefined ? {} : { 'Content-Type': type }),
        },
        body: bytes,
      })
      // The APIs accept 20 calls a second from one address.
      return reply.status === 429 ? undefined : reply
    }
    const reply = await until(`an answer to ${method} ${where}`, answer, { pauseMs: 250 })
    const watch = await answerWatch(api)
    if (String(reply.headers['content-type']).startsWith('application/json'))
      watch({ method, url: root.pathname + where, status: reply.status, body: parse(reply.body) })
    return reply
  }
  const demand = async (method: string, where: string, body?: unknown): Promise<Buffer> => {
    const reply = await call(method, where, body)
    if (reply.status < 300) return reply.body
    throw new Error(`${method} ${base}${where} answered ${reply.status}: ${reply.body.toString()}`)
  }
  const parse = <T>(bytes: Buffer): T => (bytes.length === 0 ? undefined : JSON.parse(bytes.toString())) as T
  return {
    call,
    bytes: (where) => demand('GET', where),
    get: async (where) => parse(await demand('GET', where)),
    send: async (method, where, body) => parse(await demand(method, where, body)),
    withKey: (other) => openAdmin(base, other, api),
  }
}

/** The form of "DEV/GOV/1002/tax" in paths of the management APIs: "DEV:GOV:1002:tax". */
export function colons(id: string): string {
  return id.replaceAll('/', ':')
}
