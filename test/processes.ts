/**
 * An instance whose processes a test starts, kills and restarts one by one. The sandbox sets it up and ends
 * before this begins. The settings files are the sandbox's; environment variables override them.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { checkDeclared } from '#platform/http-service/declared-fixture.ts'
import { concordatProgram } from './concordat-program.ts'
import { prepareSandbox } from './prepared-sandbox.ts'
import {
  type Admin,
  ask,
  type Description,
  openAdmin,
  type Question,
  type Reply,
  type ServerName,
} from './world.ts'

type ProcessName = 'trust' | 'registry' | 'second-registry' | 'subject-keys' | ServerName

/** One running process. */
type Started = {
  pid: number
  /** The time from its start to its ready line. */
  readyMs: number
  /** Resolves when it has ended, with its signal or exit code. */
  ended: Promise<string>
  isRunning(): boolean
  /** Sends SIGTERM and waits. */
  stop(): Promise<string>
  /** Sends SIGKILL and waits. */
  kill(): Promise<string>
}

export type Instance = Description & {
  address(last: number): string
  registryAdmin: Admin
  admin: Record<ServerName, Admin>
  /** Starts a process that is not running; environment variables override its settings. */
  start(name: ProcessName, environment?: Record<string, string>): Promise<Started>
  /** The running process with this name; throws when none was started. */
  process(name: ProcessName): Started
  /**
   * A request of an agency's system to its security server over HTTPS, with the system's certificate. Rejects
   * with the code HANGS after a minute.
   */
  ask(name: ServerName, target: string, question?: Question): Promise<Reply>
  /** Sets a fault of a trust service, or ends it ('none'). */
  fault(service: 'ca' | 'ocsp' | 'tsa', mode: string): Promise<void>
  /** Publishes the configuration and makes the running servers fetch it, with new OCSP responses. */
  publish(): Promise<void>
  stop(): Promise<void>
}

const READY_MS = 180_000
const DEADLINE_MS = 60_000
const COMMANDS: Partial<Record<ProcessName, string>> = {
  trust: 'trust-services',
  registry: 'central-registry',
  'second-registry': 'central-registry',
  'subject-keys': 'subject-keys',
}

/** Sets an instance up on a loopback network of its own; none of its processes runs when this resolves. */
export async function prepareInstance(): Promise<Instance> {
  const { directory, network, description, remove } = await prepareSandbox()
  const { registry, servers, trust } = description
  const secret = (file: string): string => readFileSync(file, 'utf8').trim()
  const admin = Object.fromEntries(
    Object.entries(servers).map(([name, { adminUrl, apiKeyFile }]) => [
      name,
      openAdmin(`${adminUrl}/api/v1`, secret(apiKeyFile), 'security-server'),
    ]),
  ) as Record<ServerName, Admin>
  const registryAdmin = openAdmin(
    `${registry.adminUrl}/api/v1`,
    secret(registry.apiKeyFile),
    'central-registry',
  )
  const authorities = readFileSync(trust.rootFile)
  const running = new Map<ProcessName, Started>()

  return {
    ...description,
    address: (last) => `${network}.${last}`,
    registryAdmin,
    admin,
    async start(name, environment = {}) {
      const command = COMMANDS[name] ?? 'security-server'
      const started = await startProcess({ name, command, directory, environment })
      running.set(name, started)
      return started
    },
    process(name) {
      const started = running.get(name)
      if (started === undefined) throw new Error(`${name} was not started`)
      return started
    },
    ask: (name, target, question = {}) => {
      const { httpsUrl, client } = servers[name]
      const headers = question.headers ?? { 'X-Road-Client': client }
      return within(
        ask(httpsUrl, target, { certificate: systemOf(servers[name]), ...question, headers }, authorities),
      )
    },
    async fault(service, mode) {
      const url = { ca: trust.caUrl, ocsp: trust.ocspUrl, tsa: trust.tsaUrl }[service]
      const reply = await ask(url, '/admin/switch', {
        method: 'PUT',
        headers: {
          Authorization: `X-Road-ApiKey token=${secret(trust.apiKeyFile)}`,
          'Content-Type': 'application/json',
        },
        body: JSON.stringify({ mode }),
      })
      if (reply.status !== 200) throw new Error(`the switch answered ${reply.status}`)
    },
    async publish() {
      await registryAdmin.send('POST', '/configuration/publish')
      for (const name of Object.keys(admin) as ServerName[]) {
        if (running.get(name)?.isRunning() !== true) continue
        await admin[name].send('PUT', '/global-configuration/refresh')
        await admin[name].send('PUT', '/token-certificates/refresh-ocsp')
      }
    },
    async stop() {
      await Promise.all([...running.values()].map((started) => started.kill()))
      const logs = [...running.keys()].map((name) =>
        readFileSync(path.join(directory, `${name}.log`), 'utf8'),
      )
      remove()
      checkDeclared(logs.flatMap((text) => text.split('\n')))
    },
  }
}

const systems = new WeakMap<Description['servers'][ServerName], { cert: string; key: string }>()

/** Certificate and key of an agency's own system, read once. */
export function systemOf(server: Description['servers'][ServerName]): { cert: string; key: string } {
  let system = systems.get(server)
  if (system === undefined) {
    const [cert, key] = [server.systemCertificateFile, server.systemKeyFile].map((file) =>
      readFileSync(file, 'utf8'),
    ) as [string, string]
    system = { cert, key }
    systems.set(server, system)
  }
  return system
}

/** An exchange that hangs fails with a code of its own. */
async function within(reply: Promise<Reply>): Promise<Reply> {
  const { promise, reject } = Promise.withResolvers<never>()
  const late = setTimeout(() => reject(Object.assign(new Error('no answer'), { code: 'HANGS' })), DEADLINE_MS)
  return Promise.race([reply, promise]).finally(() => clearTimeout(late))
}

/** Starts `command` with the settings file `name`.yaml of the folder; its output goes to `name`.log there. */
export async function startProcess(q: {
  name: string
  command: string
  directory: string
  environment: Record<string, string>
}): Promise<Started> {
  const began = performance.now()
  const log = path.join(q.directory, `${q.name}.log`)
  const output = openSync(log, 'a')
  const settings = path.join(q.directory, `${q.name}.yaml`)
  const child = spawn(concordatProgram(), [q.command, '--configuration', settings], {
    stdio: ['ignore', output, output, 'ipc'],
    env: { ...process.env, ...q.environment },
  })
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit ${code}`))
  })
  const lastWords = (): string => readFileSync(log, 'utf8').slice(-3000)
  void ended.then((why) => {
    // Only tests kill processes; any other bad end is a defect, which the log explains.
    if (/^exit [^0]/.test(why)) process.stderr.write(`${q.name} ended by itself, ${why}:\n${lastWords()}\n`)
  })
  await ready(child, ended).catch((cause: unknown) => {
    throw new Error(`${q.name} was not ready: ${(cause as Error).message}\n${lastWords()}`)
  })
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null
  const end = async (signal: NodeJS.Signals): Promise<string> => {
    if (isRunning()) child.kill(signal)
    return ended
  }
  return {
    pid: child.pid!,
    readyMs: Math.round(performance.now() - began),
    ended,
    isRunning,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  }
}

function ready(child: ChildProcess, ended: Promise<string>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const late = setTimeout(() => child.kill('SIGKILL'), READY_MS)
  child.once('message', () => resolve())
  void ended.then((why) => reject(new Error(why)))
  return promise.finally(() => clearTimeout(late))
}
