/** For tests only: the chart as Helm renders it. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'

const ROOT = path.join(import.meta.dirname, '../..')
const CONCORDAT = path.join(ROOT, 'scripts/concordat')
const EXAMPLES = path.join(ROOT, 'docs/examples/helm')
/** Where scripts/test/outside-tools.sh puts it. */
export const HELM = path.join(os.homedir(), '.cache/concordat/helm-3.17.3/helm')
/** Which cluster Helm has to think of: built from its module, it thinks of an old one. */
export const CLUSTER = ['--kube-version', '1.37.0']
export const LIFE_EVENTS = ['--set', 'program=life-events,settings.databaseFile=/var/lib/concordat/offers.db']
export const LETTERS = 'letters.enabled=true,secrets={offers}'
export const LETTERS_ELSEWHERE = `${LETTERS},letters.existingClaim=print,letters.timeZone=Europe/Tallinn,storage.existingClaim=offers`
export const run = promisify(execFile)

export type Manifest = {
  kind: string
  metadata: { name: string }
  data: Record<string, string>
  spec: Record<string, unknown>
}

type Mount = { name: string; mountPath: string }
type Container = { args?: string[]; volumeMounts: Mount[]; readinessProbe?: object }
export type Pod = {
  containers: Container[]
  initContainers?: Container[]
  volumes: ({ name: string } & Record<string, object>)[]
  affinity: object
}

/** What a StatefulSet or a CronJob makes. */
export function podOf({ kind, spec }: Manifest): Pod[] {
  if (kind !== 'StatefulSet' && kind !== 'CronJob') return []
  const maker = kind === 'CronJob' ? (spec['jobTemplate'] as Manifest).spec : spec
  return [(maker['template'] as { spec: Pod }).spec]
}

/** A folder of the process: files that run in it one after the other share the chart. */
export const folder = mkdtempSync(path.join(os.tmpdir(), 'concordat-helm-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

/** Made anew in a folder of this name. */
export async function makeChart(name: string): Promise<string> {
  const { stdout } = await run(CONCORDAT, ['package', 'helm', '--output', path.join(folder, name)])
  return stdout.trim()
}

export const chart = await makeChart('one')

/** As the release `agency`, or one of another name. */
export async function rendered(...words: string[]): Promise<{ text: string; all: Manifest[] }> {
  return renderedAs('agency', ...words)
}

export async function renderedAs(
  release: string,
  ...words: string[]
): Promise<{ text: string; all: Manifest[] }> {
  const { stdout } = await run(HELM, [
    ...['template', release, chart, '--namespace', 'agency'],
    ...CLUSTER,
    ...words,
  ])
  const all = parseAllDocuments(stdout).map((document) => document.toJS() as Manifest)
  return { text: stdout, all }
}

export const valuesOf = (name: string): string[] => ['--values', path.join(EXAMPLES, `${name}.yaml`)]
