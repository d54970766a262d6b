/**
 * Nodes of an agency's security server, each on a host of its own: the first as the sandbox set it up, the
 * others joined by a secret.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { concordatProgram } from '../concordat-program.ts'
import type { Instance } from '../processes.ts'
import { until } from '../until.ts'
import { ask, type ServerName } from '../world.ts'
import type { Network } from './namespaces.ts'

export type Node = {
  name: string
  address: string
  httpsUrl: string
  start(): Promise<void>
  kill(): Promise<void>
  stop(): Promise<void>
}

const LISTENERS = ['peers.address', 'clients.http.address', 'clients.https.address', 'admin.address']
/** How often a start that found no database is made again. */
const RESTARTS = 5

/** Of which agency's server a node is, and on which host. */
type Where = { instance: Instance; network: Network; agency: ServerName; address: string }

type Place = Omit<Where, 'network'> & { name: string; enter: string[]; folder: string; settingsFile: string }

/** The node that the sandbox set up, at `address`; not started. */
export async function firstNode({ instance, network, agency, address }: Where): Promise<Node> {
  const server = instance.servers[agency]
  const settings = readFileSync(server.settingsFile, 'utf8')
  // The key of the cluster comes from the first start.
  const ofCluster = `${settings}nodes: { clusterKeyFile: ./${agency}-cluster-key }\n`
  writeFileSync(
    server.settingsFile,
    ofCluster.replaceAll(`address: ${server.address}`, `address: ${address}`),
  )
  const { enter } = await network.addHost(agency, address)
  return nodeAt({
    ...{ instance, agency, name: agency, address, enter },
    ...{ folder: instance.directory, settingsFile: server.settingsFile },
  })
}

/** A further node, by a join secret of one that runs; started. */
export async function joinNode({ instance, network, agency, address }: Where): Promise<Node> {
  const name = `${agency}-${address.split('.').at(-1)}`
  const { enter } = await network.addHost(name, address)
  const folder = path.join(instance.directory, name)
  mkdirSync(folder)
  const settingsFile = path.join(folder, 'node.yaml')
  const secretFile = path.join(folder, 'join-secret')
  const admin = instance.admin[agency]
  const { id } = await admin.send<{ id: string }>('POST', '/join-secrets', {})
  const taken = await admin.send<{ secret: string }>('POST', `/join-secrets/${id}/text`)
  writeFileSync(secretFile, taken.secret, { mode: 0o600 })
  const [program, ...before] = [...enter, concordatProgram(), 'join', '--secret-file', secretFile]
  execFileSync(program!, [
    ...before,
    `--configuration=${settingsFile}`,
    `--directory=${path.join(folder, 'data')}`,
    ...LISTENERS.map((setting) => `--set=${setting}=${address}`),
  ])
  const node = nodeAt({ instance, agency, name, address, enter, folder, settingsFile })
  await node.start()
  return node
}

function nodeAt({ instance, agency, name, address, enter, folder, settingsFile }: Place): Node {
  const server = instance.servers[agency]
  const urlHere = (url: string): string => url.replace(server.address, address)
  let child: ChildProcess | undefined
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child?.once('exit', resolve))
    child.kill(signal)
    await ended
  }
  const readiness = (): Promise<string> =>
    ask(urlHere(server.adminUrl), '/health/ready').then(({ status, body }) => `${status} ${body}`, String)
  return {
    ...{ name, address, httpsUrl: urlHere(server.httpsUrl) },
    async start() {
      const logFile = path.join(folder, `${name}.log`)
      const output = openSync(logFile, 'a')
      const [program, ...before] = [...enter, concordatProgram(), 'security-server']
      const run = (): ChildProcess =>
        spawn(program!, [...before, '--configuration', settingsFile], { stdio: ['ignore', output, output] })
      child = run()
      let left = RESTARTS
      const isReady = async (saw: <State>(state: State) => State): Promise<boolean> => {
        const { exitCode, signalCode } = child!
        if (exitCode !== null || signalCode !== null) {
          const last = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-5).join('\n')
          // Versions before the one of 2 December 2026 wait for no database at their start; their service
          // manager starts them again.
          if (!last.includes('no connection') || left-- === 0)
            throw new Error(`${name} ended at its start, with ${exitCode ?? signalCode}:\n${last}`)
          child = run()
          return false
        }
        return saw(await readiness()).startsWith('200')
      }
      await until(`${name} is ready`, isReady, { pauseMs: 200, deadlineMs: 600_000 })
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
  }
}
