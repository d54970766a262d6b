/**
 * Kubernetes on one node: etcd, its API server, controllers, scheduler, kubelet and proxy of Services, on
 * containerd.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, openSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { until } from '../../until.ts'
import { NODE } from './machine.ts'
import { serveNames } from './names.ts'
import { PAUSE, writePauseImage } from './pause-image.ts'

const API = `https://${NODE}:6443`
const TOKEN = 'drill'
export const PODS = '10.244.0.0/16'
const SERVICES = '10.96.0.0/16'
const DOMAIN = 'cluster.local'
const run = promisify(execFile)

export type Cluster = {
  /** Its answer; an Error with its words when it ends with another code than 0. */
  kubectl(...words: string[]): Promise<string>
  /** What it warns of. */
  warnings(...words: string[]): Promise<string>
  /** An object, as the API has it. */
  read<Found>(...words: string[]): Promise<Found>
  apply(...manifests: object[]): Promise<void>
  loadImage(file: string): Promise<void>
  kubeconfig: string
  stop(): Promise<void>
}

/**
 * On this machine alone (`machine.ts`): `programs` is the folder of programs.sh; what they say is in
 * `folder`.
 */
export async function startCluster(folder: string, programs: string): Promise<Cluster> {
  const at = (...names: string[]): string => path.join(folder, ...names)
  const children: ChildProcess[] = []
  const start = (name: string, program: string, words: string[]): void => {
    const output = openSync(at(`${name}.log`), 'a')
    children.push(spawn(program, words, { cwd: folder, stdio: ['ignore', output, output] }))
  }
  const kubeconfig = writeFiles(folder)
  const ask = (words: string[]) =>
    run(path.join(programs, 'kubectl'), ['--kubeconfig', kubeconfig, ...words], { maxBuffer: 2 ** 26 })
  const kubectl = async (...words: string[]): Promise<string> => (await ask(words)).stdout
  const read = async <Found>(...words: string[]): Promise<Found> =>
    JSON.parse(await kubectl('get', ...words, '--output', 'json')) as Found
  const control = (name: string, words: string[]): void => start(name, path.join(programs, name), words)

  start('containerd', 'containerd', ['--config', at('containerd.toml')])
  const etcd = `http://127.0.0.1:2379`
  const own = ['--listen-client-urls', etcd, '--advertise-client-urls', etcd]
  start('etcd', 'etcd', ['--data-dir', at('etcd'), ...own])
  control('kube-apiserver', [
    `--etcd-servers=${etcd}`,
    `--bind-address=${NODE}`,
    `--advertise-address=${NODE}`,
    `--cert-dir=${at('api')}`,
    `--service-cluster-ip-range=${SERVICES}`,
    `--token-auth-file=${at('tokens')}`,
    '--authorization-mode=RBAC',
    // The node's name is known to nobody else.
    '--kubelet-preferred-address-types=InternalIP',
    '--service-account-issuer=https://drill',
    `--service-account-key-file=${at('accounts.key')}`,
    `--service-account-signing-key-file=${at('accounts.key')}`,
  ])
  await until('the API answers', async (saw) =>
    kubectl('get', '--raw', '/readyz').then(
      (text) => text === 'ok',
      (cause: Error) => void saw(cause.message),
    ),
  )
  const alone = [`--kubeconfig=${kubeconfig}`, '--leader-elect=false']
  control('kube-controller-manager', [
    ...alone,
    `--service-account-private-key-file=${at('accounts.key')}`,
    '--use-service-account-credentials=false',
  ])
  control('kube-scheduler', alone)
  control('kube-proxy', [`--config=${at('proxy.yaml')}`])
  control('kubelet', [
    `--config=${at('kubelet.yaml')}`,
    `--kubeconfig=${kubeconfig}`,
    '--hostname-override=node',
    `--node-ip=${NODE}`,
    `--root-dir=${at('kubelet')}`,
    `--cert-dir=${at('kubelet-certificate')}`,
  ])
  const loadImage = async (file: string): Promise<void> => {
    await run('ctr', ['--address', at('containerd.sock'), '--namespace', 'k8s.io', 'images', 'import', file])
  }
  await loadImage(writePauseImage(folder, path.join(programs, 'pause')))
  const names = await serveNames(NODE, (name) => addressesOf(name, read))
  await until('the node is ready', async (saw) => {
    const { items } = await read<{ items: { status: { conditions: Condition[] } }[] }>('nodes')
    return items.some(({ status }) =>
      saw(status.conditions).some(({ type, status }) => type === 'Ready' && status === 'True'),
    )
  })
  return {
    ...{ kubectl, read, loadImage, kubeconfig },
    warnings: async (...words) => (await ask(words)).stderr.trim(),
    async apply(...manifests) {
      const file = at('applied.json')
      writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }))
      await kubectl('apply', '--filename', file)
    },
    async stop() {
      names.close()
      for (const child of children) child.kill('SIGKILL')
    },
  }
}

type Condition = { type: string; status: string }
type Read = Cluster['read']

/** Of a Service, or of the pods of one without an address of its own. */
async function addressesOf(name: string, read: Read): Promise<string[] | undefined> {
  const [service, namespace, kind, ...domain] = name.split('.')
  if (kind !== 'svc' || domain.join('.') !== DOMAIN) return undefined
  try {
    const { spec } = await read<{ spec: { clusterIP: string } }>(
      'service',
      service!,
      '--namespace',
      namespace!,
    )
    if (spec.clusterIP !== 'None') return [spec.clusterIP]
    const { subsets = [] } = await read<{
      subsets?: { addresses?: { ip: string }[]; notReadyAddresses?: { ip: string }[] }[]
    }>('endpoints', service!, '--namespace', namespace!)
    return subsets.flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip))
  } catch {
    return undefined
  }
}

/** Returns the file by which programs reach the API. */
function writeFiles(folder: string): string {
  const at = (...names: string[]): string => path.join(folder, ...names)
  const json = (name: string, value: object): string => {
    writeFileSync(at(name), JSON.stringify(value))
    return at(name)
  }
  execFileSync('openssl', ['genrsa', '-out', at('accounts.key'), '2048'], { stdio: 'ignore' })
  writeFileSync(at('tokens'), `${TOKEN},drill,drill,"system:masters"\n`)
  const kubeconfig = json('kubeconfig', {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'drill' },
    clusters: [{ name: 'drill', cluster: { server: API, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'drill', user: { token: TOKEN } }],
    contexts: [{ name: 'drill', context: { cluster: 'drill', user: 'drill' } }],
  })
  json('kubelet.yaml', {
    ...{ apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration' },
    containerRuntimeEndpoint: `unix://${at('containerd.sock')}`,
    ...{ clusterDNS: [NODE], clusterDomain: DOMAIN },
    // The pods have their limits, and the node no groups of its own for classes of pods: this machine's are
    // shared with others.
    ...{ cgroupDriver: 'cgroupfs', cgroupsPerQOS: false, enforceNodeAllocatable: [] },
    ...{ failSwapOn: false, localStorageCapacityIsolation: false, oomScoreAdj: 0 },
    evictionHard: { 'memory.available': '50Mi' },
    imageGCHighThresholdPercent: 100,
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
  })
  json('proxy.yaml', {
    ...{ apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration' },
    ...{ mode: 'iptables', clusterCIDR: PODS, hostnameOverride: 'node', oomScoreAdj: 0 },
    clientConnection: { kubeconfig },
    // They are the whole machine's.
    conntrack: { maxPerCore: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  })
  mkdirSync(at('networks'))
  json('networks/pods.conflist', {
    ...{ cniVersion: '0.4.0', name: 'pods' },
    plugins: [
      {
        ...{ type: 'bridge', bridge: 'pods', isGateway: true, ipMasq: true, hairpinMode: true },
        ipam: { type: 'host-local', ranges: [[{ subnet: PODS }]], routes: [{ dst: '0.0.0.0/0' }] },
      },
    ],
  })
  writeFileSync(
    at('containerd.toml'),
    `version = 2
root = "${at('containerd')}"
state = "${at('containerd-state')}"
[grpc]
address = "${at('containerd.sock')}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${PAUSE}"
restrict_oom_score_adj = true
disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "${at('networks')}"
`,
  )
  return kubeconfig
}
