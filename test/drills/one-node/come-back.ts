/** What has to hold when pods end, and when a release gets other pods or goes. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { HELM } from '#scripts/package/helm-fixture.ts'
import type { Api } from '#scripts/sandbox/client.ts'
import { until } from '../../until.ts'
import {
  AGENCY,
  EXAMPLES,
  type Expect,
  helm,
  isReady,
  operators,
  type Pod,
  podsOf,
  ready,
  run,
  type World,
} from './releases.ts'

/** After each way to lose a process, a pod or all of them. */
export async function comeBack(world: World, expect: Expect): Promise<void> {
  const { cluster } = world
  const { set, namespace } = AGENCY
  const keys = await keysOf(await operators(world, AGENCY))
  const same = async (what: string): Promise<void> => {
    await ready(cluster, AGENCY, 2)
    for (const pod of await podsOf(cluster, AGENCY)) {
      const known = await keysOf(await operators(world, AGENCY, pod))
      expect(known === keys, `${what}: ${pod.metadata.name} has its keys`)
    }
  }
  expect(keys !== '', 'it has keys')
  await same('after the set-up')

  const [first, second] = await podsOf(cluster, AGENCY)
  killServer(first!)
  await until('it is started again', async (saw) => {
    const [pod] = await podsOf(cluster, AGENCY)
    const [server] = saw(pod!.status.containerStatuses) ?? []
    return server?.restartCount === 1 && server.started
  })
  await same('a server that was killed')

  await cluster.kubectl('delete', 'pod', second!.metadata.name, '--namespace', namespace)
  await same('a pod that was deleted')
  const { nodes } = await (await operators(world, AGENCY)).get<{ nodes: unknown[] }>('/nodes')
  expect(nodes.length === 2, `it is the node of before: there are ${nodes.length}`)

  const [one, other] = await podsOf(cluster, AGENCY)
  expect((await evict(world, one!)) === '', `${one!.metadata.name} may be evicted`)
  const refusal = await evict(world, other!)
  expect(/disruption budget/.test(refusal), `meanwhile the other one may not: ${refusal}`)
  await same('a pod that was evicted')

  const before = new Set((await podsOf(cluster, AGENCY)).map(({ metadata }) => metadata.uid))
  await cluster.kubectl('rollout', 'restart', `statefulset/${set}`, '--namespace', namespace)
  let fewest = 2
  await until(
    'all pods are new',
    async (saw) => {
      const pods = await podsOf(cluster, AGENCY)
      fewest = Math.min(fewest, pods.filter(isReady).length)
      return saw(pods).filter((pod) => isReady(pod) && !before.has(pod.metadata.uid)).length === 2
    },
    { deadlineMs: 180_000 },
  )
  expect(fewest === 1, `a rolling update leaves one pod that is ready: ${fewest}`)
  await same('pods that were replaced')
}

/** The autoscaler has no metrics here: it keeps to its least and most. */
export async function scale(world: World, expect: Expect): Promise<void> {
  const { cluster, folder } = world
  const { set, namespace } = AGENCY
  const uids = async (): Promise<string[]> =>
    (await podsOf(cluster, AGENCY)).map(({ metadata }) => metadata.uid)
  const before = await uids()
  const values = JSON.parse(readFileSync(path.join(folder, `${AGENCY.release}.json`), 'utf8')) as object
  await helm(world, AGENCY, 'upgrade', {
    ...values,
    autoscaling: { enabled: true, minReplicas: 2, maxReplicas: 2 },
  })
  await until('the autoscaler has looked', async (saw) => {
    const scaler = await cluster.read<{ status: { conditions?: { type: string; status: string }[] } }>(
      ...['hpa', set, '--namespace', namespace],
    )
    return saw(scaler.status.conditions ?? []).some(
      ({ type, status }) => type === 'AbleToScale' && status === 'True',
    )
  })
  expect((await uids()).join() === before.join(), 'autoscaling begins with the pods that there are')

  await run(HELM, [
    'uninstall',
    AGENCY.release,
    '--namespace',
    namespace,
    '--kubeconfig',
    cluster.kubeconfig,
    '--wait',
  ])
  const claims = await cluster.read<{ items: unknown[] }>('persistentvolumeclaims', '--namespace', namespace)
  expect(claims.items.length === 2, `claims stay after the release: ${claims.items.length}`)
  await helm(world, AGENCY, 'install', values)
  await ready(cluster, AGENCY, 2)
  expect(true, 'a new release with these claims is ready')
}

/** The API takes what the chart makes of other programs, whose pods are as restricted. */
export async function accept({ cluster, folder, chart }: World, expect: Expect): Promise<void> {
  for (const example of ['portal', 'http-adapter', 'subject-keys']) {
    const values = ['--values', path.join(EXAMPLES, `${example}.yaml`)]
    const made = await run(HELM, [
      'template',
      'one',
      chart,
      '--kubeconfig',
      cluster.kubeconfig,
      '--dry-run=server',
      ...values,
    ])
    const file = path.join(folder, `${example}.yaml`)
    writeFileSync(file, made.stdout)
    const warnings = await cluster.warnings(
      'apply',
      '--dry-run=server',
      '--namespace',
      AGENCY.namespace,
      '--filename',
      file,
    )
    expect(warnings === '', `${example} is taken${warnings === '' ? '' : `, but ${warnings}`}`)
  }
}

async function keysOf(api: Api): Promise<string> {
  const tokens = await api.get<{ keys: { id: string }[] }[]>('/tokens')
  return tokens
    .flatMap((token) => token.keys.map(({ id }) => id))
    .toSorted()
    .join(' ')
}

/** The first process of its container, from outside. */
function killServer({ status }: Pod): void {
  const id = status.containerStatuses![0]!.containerID.replace('containerd://', '')
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && groupsOf(name).includes(id))
  process.kill(Math.min(...pids.map(Number)), 'SIGKILL')
}

function groupsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8')
  } catch {
    return ''
  }
}

/** As `kubectl drain` asks for it; returns what the cluster says against it. */
async function evict({ cluster, folder }: World, { metadata }: Pod): Promise<string> {
  const { namespace } = AGENCY
  const file = path.join(folder, 'eviction.json')
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: metadata.name, namespace } }
  writeFileSync(file, JSON.stringify(eviction))
  const at = `/api/v1/namespaces/${namespace}/pods/${metadata.name}/eviction`
  return cluster.kubectl('create', '--raw', at, '--filename', file).then(
    () => '',
    (cause: Error) => cause.message.split('\n').find((line) => line.includes('Error')) ?? cause.message,
  )
}
