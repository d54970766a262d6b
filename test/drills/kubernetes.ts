/**
 * The chart and the image on a Kubernetes of one node, in namespaces that admit nothing but "restricted" pods
 * (Pod Security Standards): a registry of one pod and a security server of two become ready; a server that is
 * killed, a pod that is deleted and pods that are replaced come back with their keys.
 *
 *   node test/drills/kubernetes.ts [--programs <folder>]
 *
 * It takes ten minutes, and half an hour more where Kubernetes is still to be built (one-node/programs.sh).
 * It needs root, unshare, Go, gcc, PostgreSQL, the Helm of scripts/test/outside-tools.sh, and Debian's
 * containerd, runc, etcd-server, containernetworking-plugins, iptables and conntrack.
 */
import { execFileSync } from 'node:child_process'
import { homedir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import t from 'tap'
import { Agent, setGlobalDispatcher } from 'undici'
import { VERSION } from '#platform/process/version.ts'
import { layoutOf } from '#scripts/sandbox/layout.ts'
import { startCluster } from './one-node/cluster.ts'
import { drill } from './one-node/drill.ts'
import { enterOwnMachine, NETWORK, prepareMachine } from './one-node/machine.ts'
import { say } from './one-node/releases.ts'

const ROOT = path.join(import.meta.dirname, '../..')

const { values } = parseArgs({
  options: {
    programs: { type: 'string', default: path.join(homedir(), '.cache/concordat/kubernetes-1.31.4') },
  },
})
const folder = enterOwnMachine(() => {
  const build = path.join(import.meta.dirname, 'one-node/programs.sh')
  execFileSync('sh', [build, values.programs], { stdio: 'inherit' })
})
const closing: (() => unknown)[] = []
// `until` comes from the tests, whose harness gives a file half a minute.
t.setTimeout(0)
// Certificates of listeners for administrators are their own.
setGlobalDispatcher(new Agent({ connect: { rejectUnauthorized: false } }))
process.exitCode = 1
try {
  const layout = layoutOf(path.join(folder, 'trust'), NETWORK)
  prepareMachine(folder, [layout.trust.address])
  const packages = path.join(folder, 'packages')
  const words = ['package', 'image', 'helm', '--compression', '1', '--output', packages]
  execFileSync(path.join(ROOT, 'scripts/concordat'), words, { stdio: 'ignore' })
  const cluster = await startCluster(folder, values.programs)
  closing.push(() => cluster.stop())
  await cluster.loadImage(path.join(packages, `concordat-${VERSION}.oci.tar`))
  const chart = path.join(packages, `concordat-${VERSION}.tgz`)
  say('the node is ready')
  const wrong = await drill({ cluster, layout, folder, chart, closing })
  for (const one of wrong) say(`WRONG: ${one}`)
  say(wrong.length === 0 ? 'The chart runs as the documents say.' : 'It did not hold.')
  process.exitCode = wrong.length === 0 ? 0 : 1
} finally {
  for (const close of closing.toReversed()) await close()
}
