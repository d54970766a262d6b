/** Releases of the chart on a cluster: how they are installed, and what their pods are. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { HELM } from '#scripts/package/helm-fixture.ts'
import { type Api, openApi } from '#scripts/sandbox/client.ts'
import type { Layout } from '#scripts/sandbox/layout.ts'
import { until } from '../../until.ts'
import type { Cluster } from './cluster.ts'

export const EXAMPLES = path.join(import.meta.dirname, '../../../docs/examples/helm')
const KEY = '/var/lib/concordat/initial-api-key'
export const REGISTRY = { release: 'registry', namespace: 'registry', set: 'registry-central-registry' }
export const AGENCY = { release: 'agency', namespace: 'agency', set: 'agency-security-server' }
type Release = typeof REGISTRY

export type World = {
  cluster: Cluster
  layout: Layout
  folder: string
  chart: string
  closing: (() => unknown)[]
}

export type Pod = {
  metadata: { name: string; uid: string; deletionTimestamp?: string }
  spec: { volumes: { persistentVolumeClaim?: { claimName: string } }[] }
  status: {
    podIP: string
    conditions?: { type: string; status: string }[]
    containerStatuses?: { restartCount: number; containerID: string; started: boolean }[]
  }
}

/** Says what holds, and keeps what does not. */
export type Expect = (holds: boolean, what: string) => void

type Values = { settings: Record<string, unknown> }

/** Those of the example, with this cluster's. */
export function valuesOf(folder: string, example: string, settings: object): object {
  const values = parse(readFileSync(path.join(EXAMPLES, `${example}.yaml`), 'utf8')) as Values
  const admin = { ...(values.settings['admin'] as object), initialApiKeyFile: KEY }
  return {
    ...values,
    image: { repository: 'concordat' },
    files: { 'admin.pem': readFileSync(path.join(folder, 'admin.pem'), 'utf8') },
    settings: { ...values.settings, admin, ...settings },
  }
}

/** Returns what it prints. */
export async function helm(
  { cluster, folder, chart }: World,
  { release, namespace }: Release,
  verb: 'install' | 'upgrade',
  values: object,
): Promise<string> {
  const file = path.join(folder, `${release}.json`)
  writeFileSync(file, JSON.stringify(values))
  const words = [verb, release, chart, '--namespace', namespace, '--kubeconfig', cluster.kubeconfig]
  return (await run(HELM, [...words, '--values', file])).stdout
}

export const run = promisify(execFile)

export async function podsOf({ read }: Cluster, { release, namespace }: Release): Promise<Pod[]> {
  const label = ['--selector', `app.kubernetes.io/instance=${release}`]
  return (await read<{ items: Pod[] }>('pods', '--namespace', namespace, ...label)).items
}

/** One that is to end is so for a while. */
export const isReady = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined &&
  (status.conditions ?? []).some((one) => one.type === 'Ready' && one.status === 'True')

export async function readyPods(cluster: Cluster, release: Release): Promise<Pod[]> {
  return (await podsOf(cluster, release)).filter(isReady)
}

/** So many pods have passed their start probe. */
export function started(cluster: Cluster, release: Release, many: number): Promise<unknown> {
  return until(
    `${release.release} has started`,
    async (saw) => {
      const pods = await podsOf(cluster, release)
      return (
        saw(pods.map(({ status }) => status)).filter((one) => one.containerStatuses?.[0]?.started).length ===
        many
      )
    },
    { deadlineMs: 180_000 },
  )
}

export function ready(cluster: Cluster, release: Release, many: number): Promise<unknown> {
  return until(
    `${release.release} is ready`,
    async (saw) => {
      const pods = await podsOf(cluster, release)
      return saw(pods).filter(isReady).length === many
    },
    { deadlineMs: 180_000 },
  )
}

/**
 * The management API of a pod, or of any through the Service of operators, with the key that one of the pods
 * made.
 */
export async function operators({ cluster, folder }: World, release: Release, pod?: Pod): Promise<Api> {
  const keyFile = path.join(folder, `${release.release}-key`)
  if (!existsSync(keyFile)) writeFileSync(keyFile, await firstKey(cluster, release), { mode: 0o600 })
  const service = await cluster.read<{ spec: { clusterIP: string } }>(
    'service',
    `${release.set}-operators`,
    '--namespace',
    release.namespace,
  )
  return openApi(`https://${pod?.status.podIP ?? service.spec.clusterIP}:4000/api/v1`, keyFile)
}

/** Whichever pod started first has made it. */
async function firstKey(cluster: Cluster, release: Release): Promise<string> {
  const program = `const fs = require('fs'); if (fs.existsSync('${KEY}')) process.stdout.write(fs.readFileSync('${KEY}'))`
  for (const { metadata } of await podsOf(cluster, release)) {
    const at = ['exec', metadata.name, '--namespace', release.namespace, '--container', 'server', '--']
    const key = await cluster.kubectl(...at, '/opt/concordat/bin/node', '--eval', program)
    if (key !== '') return key
  }
  throw new Error(`no pod of ${release.release} has a first key`)
}

export function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
