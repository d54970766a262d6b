/** Nodes of the tax agency's security server, each on a host of its own: the first as the sandbox set it up, the others joined by a secret. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { concordatProgram } from '../concordat-program.ts'
import type { Instance } from '../processes.ts'
import { until } from '../until.ts'
import { ask } from '../world.ts'
import type { Network } from './namespaces.ts'

export type Node = {
  name: string
  httpsUrl: string
  start(): Promise<void>
  kill(): Promise<void>
  stop(): Promise<void>
}

const LISTENERS = ['peers.address', 'clients.http.address', 'clients.https.address', 'admin.address']

type Place = { name: string; address: string; enter: string[]; folder: string; settingsFile: string }

/** The node that the sandbox set up; not started. */
export async function firstNode(instance: Instance, network: Network): Promise<Node> {
  const { tax } = instance.servers
  const { enter } = await network.addHost('tax', tax.address)
  return nodeAt(instance, {
    ...{ name: 'tax', address: tax.address, enter },
    ...{ folder: instance.directory, settingsFile: tax.settingsFile },
  })
}

/** A further node, by a join secret of the first, which has to run; started. */
export async function joinNode(instance: Instance, network: Network, last: number): Promise<Node> {
  const name = `tax-${last}`
  const address = instance.address(last)
  const { enter } = await network.addHost(name, address)
  const folder = path.join(instance.directory, name)
  mkdirSync(folder)
  const settingsFile = path.join(folder, 'node.yaml')
  const secretFile = path.join(folder, 'join-secret')
  const { id } = await instance.admin.tax.send<{ id: string }>('POST', '/join-secrets', {})
  const taken = await instance.admin.tax.send<{ secret: string }>('POST', `/join-secrets/${id}/text`)
  writeFileSync(secretFile, taken.secret, { mode: 0o600 })
  const [program, ...before] = [...enter, concordatProgram(), 'join', '--secret-file', secretFile]
  execFileSync(program!, [
    ...before,
    `--configuration=${settingsFile}`,
    `--directory=${path.join(folder, 'data')}`,
    ...LISTENERS.map((setting) => `--set=${setting}=${address}`),
  ])
  const node = nodeAt(instance, { name, address, enter, folder, settingsFile })
  await node.start()
  return node
}

function nodeAt(instance: Instance, { name, address, enter, folder, settingsFile }: Place): Node {
  const { tax } = instance.servers
  const urlHere = (url: string): string => url.replace(tax.address, address)
  let child: ChildProcess | undefined
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child?.once('exit', resolve))
    child.kill(signal)
    await ended
  }
  const readiness = (): Promise<string> =>
    ask(urlHere(tax.adminUrl), '/health/ready').then(({ status, body }) => `${status} ${body}`, String)
  return {
    ...{ name, httpsUrl: urlHere(tax.httpsUrl) },
    async start() {
      const output = openSync(path.join(folder, `${name}.log`), 'a')
      const [program, ...before] = [...enter, concordatProgram(), 'security-server']
      child = spawn(program!, [...before, '--configuration', settingsFile], {
        stdio: ['ignore', output, output],
      })
      const isReady = async (saw: <State>(state: State) => State): Promise<boolean> =>
        saw(await readiness()).startsWith('200')
      await until(`${name} is ready`, isReady, { pauseMs: 200, deadlineMs: 180_000 })
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
  }
}

/** The key of the cluster comes from the first start. */
export function makeCluster({ servers: { tax } }: Instance): void {
  const settings = readFileSync(tax.settingsFile, 'utf8')
  writeFileSync(tax.settingsFile, `${settings}nodes: { clusterKeyFile: ./tax-cluster-key }\n`)
}
