/**
 * A machine of its own for a cluster of one node: network, mounts and processes are apart, so that all of
 * them end with the drill and nothing of the machine is changed.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Where the node is; 192.0.2.0/24 is nobody's (RFC 5737). */
export const NETWORK = '192.0.2'
export const NODE = `${NETWORK}.100`
/** The kubelet wants these, and would set them for the whole machine. */
const WANTED = {
  'vm/overcommit_memory': 1,
  'vm/panic_on_oom': 0,
  'kernel/panic': 10,
  'kernel/panic_on_oops': 1,
  'kernel/keys/root_maxkeys': 1_000_000,
  'kernel/keys/root_maxbytes': 25_000_000,
}
/** Folders that programs have by name. */
const OWN = ['/run', '/var/lib/cni', '/var/log']

/** Where containerd puts its control groups. */
const GROUPS = '/sys/fs/cgroup/*/k8s.io'

/**
 * Runs this program again on such a machine, and ends with its exit code; returns there, with a folder that
 * is removed afterwards. `before` is done outside, where the network is.
 */
export function enterOwnMachine(before: () => void): string {
  const given = process.env['DRILL_MACHINE']
  if (given !== undefined) return given
  before()
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-kubernetes-'))
  const apart = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const program = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  const { status } = spawnSync('unshare', [...apart, ...program], {
    stdio: 'inherit',
    env: { ...process.env, DRILL_MACHINE: folder },
  })
  spawnSync('sh', ['-c', `find ${GROUPS} -depth -type d -exec rmdir {} + 2>/dev/null`])
  // Only now nothing is mounted there.
  rmSync(folder, { recursive: true, force: true })
  process.exit(status ?? 1)
}

/** `further` are more addresses of the node. */
export function prepareMachine(folder: string, further: string[]): void {
  const run = (text: string): void =>
    void execFileSync('sh', ['-ec', text], { stdio: ['ignore', 'ignore', 'inherit'] })
  run('mount --make-rshared /')
  for (const one of OWN) run(`mount -t tmpfs tmpfs ${one}`)
  // runc and the kubelet take a machine with both kinds of control groups for one of version 2: they see
  // those of version 1 alone.
  run('if [ -d /sys/fs/cgroup/unified ]; then umount /sys/fs/cgroup/unified; fi')
  mkdirSync(path.join(folder, 'wanted'))
  for (const [name, value] of Object.entries(WANTED)) {
    const file = path.join(folder, 'wanted', path.basename(name))
    writeFileSync(file, `${value}\n`)
    run(`mount --bind ${file} /proc/sys/${name}`)
  }
  run(`ip link set lo up; ip link add node type bridge; ip link set node up`)
  for (const address of [NODE, ...further]) run(`ip addr add ${address}/24 dev node`)
  run('ip route add default dev node')
}
