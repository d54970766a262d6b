/**
 * Network namespaces on one machine: each of the hosts has its own, with an address of an instance's loopback
 * network, behind one bridge. The process itself is in a namespace of its own too, so nothing of it can be
 * reached from outside the machine.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { until } from '../until.ts'

export type Host = {
  name: string
  /** What has to stand before a command that runs there. */
  enter: string[]
  /** Takes an address, as a floating one after a change; the other hosts forget who had it. */
  take(address: string): void
  /** Gives an address up. */
  leave(address: string): void
}

export type Network = {
  addHost(name: string, address: string): Promise<Host>
  close(): void
}

const BRIDGE = 'drill'
/** Addresses of hosts; all others are this process's own. */
const TABLE = '100'
const LOOPBACK = ['net.ipv4.conf.all.route_localnet=1', 'net.ipv4.conf.default.route_localnet=1']

/**
 * Runs this program again in a network of its own, and ends with its exit code; returns in that network,
 * where loopback works.
 */
export function enterOwnNetwork(): void {
  if (process.env['DRILL_NETWORK'] === 'own') {
    run([], ['ip', 'link', 'set', 'lo', 'up'])
    return
  }
  const { status } = spawnSync(
    'unshare',
    ['--net', process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    {
      stdio: 'inherit',
      env: { ...process.env, DRILL_NETWORK: 'own' },
    },
  )
  process.exit(status ?? 1)
}

/** Hosts may be added below `network`, three numbers. */
export function openNetwork(network: string): Network {
  sysctl([], LOOPBACK)
  run([], ['ip', 'link', 'add', BRIDGE, 'type', 'bridge'])
  sysctl([], [`net.ipv4.conf.${BRIDGE}.route_localnet=1`])
  run([], ['ip', 'addr', 'add', `${network}.1/32`, 'dev', BRIDGE])
  run([], ['ip', 'link', 'set', BRIDGE, 'up'])
  // Addresses of hosts go to the bridge before they are taken for local ones.
  run([], ['ip', 'rule', 'add', 'pref', '2', 'lookup', 'local'])
  run([], ['ip', 'rule', 'del', 'pref', '0'])
  run([], ['ip', 'rule', 'add', 'pref', '1', 'lookup', TABLE])
  process.on('exit', () => close())
  const hosts: { enter: string[]; holder: ChildProcess }[] = []
  const route = (address: string): void =>
    run([], ['ip', 'route', 'replace', `${address}/32`, 'dev', BRIDGE, 'src', `${network}.1`, 'table', TABLE])
  const forget = (): void => {
    for (const enter of [[], ...hosts.map((host) => host.enter)]) run(enter, ['ip', 'neigh', 'flush', 'all'])
  }
  const close = (): void => {
    for (const { holder } of hosts) holder.kill('SIGKILL')
  }
  return {
    async addHost(name, address) {
      const holder = spawn('unshare', ['--net', 'sleep', 'infinity'], { stdio: 'ignore' })
      const enter = ['nsenter', '--net', `--target=${holder.pid}`]
      await ownNamespace(holder.pid!)
      const outside = `v${hosts.length}`
      hosts.push({ enter, holder })
      run([], ['ip', 'link', 'add', outside, 'type', 'veth', 'peer', 'name', 'e0'])
      run([], ['ip', 'link', 'set', 'e0', 'netns', `${holder.pid}`])
      run([], ['ip', 'link', 'set', outside, 'master', BRIDGE, 'up'])
      sysctl(enter, LOOPBACK)
      run(enter, ['ip', 'link', 'set', 'lo', 'up'])
      // Of the loopback network it has its own address alone; the rest is on the other side of its wire.
      run(enter, ['ip', 'addr', 'del', '127.0.0.1/8', 'dev', 'lo'])
      run(enter, ['ip', 'addr', 'add', '127.0.0.1/32', 'dev', 'lo'])
      sysctl(enter, ['net.ipv4.conf.e0.route_localnet=1'])
      run(enter, ['ip', 'addr', 'add', `${address}/32`, 'dev', 'e0'])
      run(enter, ['ip', 'link', 'set', 'e0', 'up'])
      run(enter, ['ip', 'route', 'add', `${network}.0/24`, 'dev', 'e0', 'src', address])
      route(address)
      return {
        ...{ name, enter },
        take(floating) {
          run(enter, ['ip', 'addr', 'add', `${floating}/32`, 'dev', 'e0'])
          route(floating)
          forget()
        },
        leave: (floating) => run(enter, ['ip', 'addr', 'del', `${floating}/32`, 'dev', 'e0']),
      }
    },
    close,
  }
}

function run(enter: string[], command: string[]): void {
  const [program = '', ...words] = [...enter, ...command]
  execFileSync(program, words, { stdio: ['ignore', 'ignore', 'inherit'] })
}

function sysctl(enter: string[], settings: string[]): void {
  run(enter, ['sysctl', '-qw', ...settings])
}

/** `unshare` has made the namespace when the process is no longer in ours. */
async function ownNamespace(pid: number): Promise<void> {
  await until(
    'a network namespace',
    () => readlinkSync(`/proc/${pid}/ns/net`) !== readlinkSync('/proc/self/ns/net'),
  )
}
