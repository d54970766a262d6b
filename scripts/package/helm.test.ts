import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { httpAdapter } from '#adapters/http/adapter.ts'
import { readSettings } from '#adapters/kit/serve-adapter.ts'
import { readWorkerSettings } from '#adapters/kit/serve-worker.ts'
import { portal } from '#adapters/portal/portal.ts'
import { settingsSchema as registrySchema } from '#central-registry/config.ts'
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import { VERSION } from '#platform/process/version.ts'
import { settingsSchema as serverSchema } from '#security-server/config.ts'
import { skipFor } from '#test/outside-tools.ts'
import { COMMANDS } from '../command-line/words.ts'
import { unitFiles } from './systemd-units.ts'

const ROOT = path.join(import.meta.dirname, '../..')
const CONCORDAT = path.join(ROOT, 'scripts/concordat')
/** Where scripts/test/outside-tools.sh puts them. */
const HELM = path.join(os.homedir(), '.cache/concordat/helm-3.17.3/helm')
const SCHEMAS = path.join(os.homedir(), '.cache/concordat/kubernetes-validate-1.37.0')
const EXAMPLES = path.join(ROOT, 'docs/examples/helm')
/** Which cluster Helm has to think of: built from its module, it thinks of an old one. */
const CLUSTER = ['--kube-version', '1.37.0']
const CLUSTER_KEY = 'settings.nodes.clusterKeyFile=/run/concordat/secrets/cluster-key'
const run = promisify(execFile)

type Manifest = {
  kind: string
  metadata: { name: string }
  data: Record<string, string>
  spec: Record<string, unknown>
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'concordat-helm-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const [chart, again] = await Promise.all(
  ['one', 'two'].map(async (name) => {
    const { stdout } = await run(CONCORDAT, ['package', 'helm', '--output', path.join(folder, name)])
    return stdout.trim()
  }),
)

async function rendered(...words: string[]): Promise<{ text: string; all: Manifest[] }> {
  const { stdout } = await run(HELM, [
    'template',
    'agency',
    chart!,
    '--namespace',
    'agency',
    ...CLUSTER,
    ...words,
  ])
  const all = parseAllDocuments(stdout).map((document) => document.toJS() as Manifest)
  return { text: stdout, all }
}

const valuesOf = (name: string): string[] => ['--values', path.join(EXAMPLES, `${name}.yaml`)]

t.test('the chart has the version of the package, and the same bytes each time', async (t) => {
  t.strictSame(readFileSync(chart!), readFileSync(again!))
  await run('tar', ['-xzf', chart!, '-C', folder])
  const manifest = parse(readFileSync(path.join(folder, 'concordat/Chart.yaml'), 'utf8')) as object
  t.match(manifest, { version: VERSION, appVersion: VERSION })
  const schema = JSON.parse(readFileSync(path.join(folder, 'concordat/values.schema.json'), 'utf8')) as {
    properties: Record<'program' | 'adapter', { enum: string[] }>
  }
  // The holder of subject keys lets in one certificate alone, so that no probe reaches it; letters are written by a timer.
  const programs = unitFiles()
    .flatMap(([name]) => /^concordat-(.*?)@?\.service$/.exec(name)?.[1] ?? [])
    .filter((name) => !['subject-keys', 'life-events-letters'].includes(name))
  t.strictSame(schema.properties.program.enum.toSorted(), programs.toSorted())
  // Two are programs of their own.
  const { 'life-events': _, mandates: __, ...adapters } = COMMANDS.adapter.words
  t.strictSame(schema.properties.adapter.enum, ['', ...Object.keys(adapters)])
})

t.test('Helm accepts it, Kubernetes accepts what it makes, and pods may do little', async (t) => {
  if (!existsSync(HELM)) return skipFor(t, 'Helm is not built')
  for (const name of ['security-server', 'central-registry', 'portal', 'http-adapter'])
    await run(HELM, ['lint', '--strict', chart!, ...CLUSTER, ...valuesOf(name)])
  const proxy = path.join(folder, 'proxy.yaml')
  writeFileSync(proxy, 'program: configuration-proxy\nsettings: { directory: /var/lib/concordat }\n')
  const cases: [string, string[]][] = [
    ['security-server', valuesOf('security-server')],
    ['scaled', [...valuesOf('security-server'), '--set', 'autoscaling.enabled=true,replicas=1']],
    ['existing-claim', [...valuesOf('central-registry'), '--set', 'storage.existingClaim=state']],
    ['central-registry', valuesOf('central-registry')],
    ['configuration-proxy', ['--values', proxy]],
    ...['portal', 'http-adapter'].map((name): [string, string[]] => [name, valuesOf(name)]),
    ['mandates', ['--set', 'program=mandates,settings.database=sqlite:/var/lib/concordat/mandates.db']],
    ['life-events', ['--set', 'program=life-events,settings.databaseFile=/var/lib/concordat/offers.db']],
    ['verifier', ['--set', 'program=verifier,settings.walletUrl=haip-vp://']],
    ['events', ['--set', 'program=adapter,adapter=events,settings.logLevel=info']],
  ]
  const made = path.join(folder, 'made')
  mkdirSync(made)
  for (const [name, words] of cases) {
    const { text, all } = await rendered(...words)
    writeFileSync(path.join(made, `${name}.yaml`), text)
    const kinds = all.map(({ kind }) => kind)
    for (const kind of ['StatefulSet', 'NetworkPolicy', 'PodDisruptionBudget', 'ConfigMap', 'Service'])
      t.ok(kinds.includes(kind), `${name}: ${kind}`)
    t.equal(kinds.includes('HorizontalPodAutoscaler'), name === 'scaled')
    const pod = (all.find(({ kind }) => kind === 'StatefulSet')!.spec['template'] as { spec: object }).spec
    t.match(pod, {
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: 'RuntimeDefault' } },
    })
    const { containers, initContainers = [] } = pod as { containers: object[]; initContainers?: object[] }
    for (const container of [...containers, ...initContainers])
      t.match(container, {
        securityContext: {
          ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
          capabilities: { drop: ['ALL'] },
        },
      })
  }
  const [server] = (await rendered(...valuesOf('security-server'))).all.filter(
    ({ kind }) => kind === 'ConfigMap',
  )
  const file = path.join(folder, 'settings.yaml')
  writeFileSync(file, server!.data['settings.yaml']!)
  await readConfiguration(file, serverSchema, {}, 'CONCORDAT')
  const [registry] = (await rendered(...valuesOf('central-registry'))).all.filter(
    ({ kind }) => kind === 'ConfigMap',
  )
  writeFileSync(file, registry!.data['settings.yaml']!)
  await readConfiguration(file, registrySchema, {}, 'CONCORDAT_REGISTRY')
  const settingsIn = async (name: string): Promise<string> => {
    const { all } = await rendered(...valuesOf(name))
    writeFileSync(file, all.find(({ kind }) => kind === 'ConfigMap')!.data['settings.yaml']!)
    return file
  }
  await readWorkerSettings(portal, await settingsIn('portal'), {})
  await readSettings(httpAdapter, await settingsIn('http-adapter'), {})
  if (!existsSync(SCHEMAS)) return skipFor(t, "Kubernetes' schemas are not here")
  const files = cases.map(([name]) => path.join(made, `${name}.yaml`))
  for (const version of ['1.27', '1.37'])
    await run(
      'python3',
      ['-m', 'kubernetes_validate', '--strict', '--kubernetes-version', version, ...files],
      {
        env: { ...process.env, PYTHONPATH: SCHEMAS },
      },
    )
})

t.test(
  'a new server can be set up, an upgrade replaces one pod after the other, and alerts know what the chart watches',
  async (t) => {
    if (!existsSync(HELM)) return skipFor(t, 'Helm is not built')
    const { all } = await rendered(...valuesOf('security-server'), '--set', 'serviceMonitor.enabled=true')
    const named = (kind: string, name: RegExp): Manifest['spec'] =>
      all.find((one) => one.kind === kind && name.test(one.metadata.name))!.spec
    t.match(named('Service', /operators$/), { publishNotReadyAddresses: true, ports: [{ name: 'admin' }] })
    t.match(named('Service', /inner$/), { publishNotReadyAddresses: undefined })
    t.match(named('StatefulSet', /./), {
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'RollingUpdate' },
    })
    const [endpoint] = named('ServiceMonitor', /./)['endpoints'] as {
      relabelings: { replacement: string }[]
    }[]
    const rules = readFileSync(path.join(ROOT, 'docs/examples/monitoring/alerts.yaml'), 'utf8')
    const jobs = [...rules.matchAll(/job=~"([^"]+)"/g)].map(([, pattern]) => new RegExp(`^(?:${pattern})$`))
    t.ok(jobs.length > 0)
    for (const job of jobs) t.match(endpoint!.relabelings[0]!.replacement, job)
  },
)

t.test('each of several pods has a volume of its own, which it keeps', async (t) => {
  if (!existsSync(HELM)) return skipFor(t, 'Helm is not built')
  const { all } = await rendered(...valuesOf('security-server'))
  t.notOk(all.some(({ kind }) => kind === 'PersistentVolumeClaim'))
  const { spec } = all.find(({ kind }) => kind === 'StatefulSet')!
  t.match(spec, {
    replicas: 2,
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    volumeClaimTemplates: [{ metadata: { name: 'state' }, spec: { accessModes: ['ReadWriteOnce'] } }],
  })
  const { containers, volumes } = (spec['template'] as { spec: Record<string, { name: string }[]> }).spec
  t.match(containers, [{ volumeMounts: [{ name: 'state', mountPath: '/var/lib/concordat' }] }])
  t.notOk(
    volumes!.some(({ name }) => name === 'state'),
    'nothing takes the place of the claim',
  )
})

t.test(
  'portals and adapters run as their units do: their words, ports, volumes, and who may come',
  async (t) => {
    if (!existsSync(HELM)) return skipFor(t, 'Helm is not built')
    const partsOf = async (...words: string[]) => {
      const { all } = await rendered(...words)
      const spec = all.find(({ kind }) => kind === 'StatefulSet')!.spec
      const pod = (spec['template'] as { spec: { containers: Record<string, unknown>[] } }).spec
      const rules = all.find(({ kind }) => kind === 'NetworkPolicy')!.spec['ingress'] as {
        ports: [{ port: string }]
        from?: object[]
      }[]
      const [container] = pod.containers
      return {
        ...{
          args: container!['args'],
          probe: container!['readinessProbe'],
          resources: container!['resources'],
        },
        hasVolume: spec['volumeClaimTemplates'] !== undefined,
        mounts: (container!['volumeMounts'] as { mountPath: string }[]).map(({ mountPath }) => mountPath),
        lets: Object.fromEntries(
          rules.map(({ ports: [{ port }], from }) => [port, from === undefined ? 'all' : 'own']),
        ),
      }
    }
    const settings = ['--configuration', '/etc/concordat/settings.yaml']
    const own = await partsOf(...valuesOf('portal'))
    t.match(own, {
      args: ['portal', ...settings],
      probe: { httpGet: { path: '/health/ready', port: 'monitoring', scheme: 'HTTPS' } },
      resources: { limits: { memory: '512Mi' } },
      ...{ hasVolume: false, lets: { people: 'all', monitoring: 'own' } },
    })
    t.notOk(own.mounts.includes('/var/lib/concordat'))
    t.match(await partsOf(...valuesOf('http-adapter')), {
      args: ['adapter', 'http', ...settings],
      ...{ hasVolume: false, lets: { service: 'own', monitoring: 'own' } },
    })
    const events = await partsOf('--set', 'program=adapter,adapter=events,settings.logLevel=info')
    t.match(events, { hasVolume: true, args: ['adapter', 'events', ...settings] })
    t.strictSame(Object.keys(events.lets), ['monitoring'], 'nobody asks it')
    t.match(await partsOf('--set', 'program=verifier,settings.walletUrl=haip-vp://'), {
      ...{ hasVolume: false, lets: { wallets: 'all', services: 'own', monitoring: 'own' } },
    })
    t.match(await partsOf(...valuesOf('security-server')), {
      ...{ resources: { limits: { memory: '1536Mi' } }, hasVolume: true },
    })
    const larger = await partsOf(...valuesOf('security-server'), '--set', 'resources.limits.memory=2Gi')
    t.strictSame(larger.resources, {
      limits: { memory: '2Gi' },
      requests: { cpu: '500m', memory: '512Mi' },
    })
  },
)

t.test('what would lose data or not start is refused with the reason', async (t) => {
  if (!existsSync(HELM)) return skipFor(t, 'Helm is not built')
  const refused: [string[], RegExp][] = [
    [[], /settings/],
    [[...valuesOf('central-registry'), '--set', 'replicas=2'], /clusterKeyFile has to be a file in/],
    [
      [...valuesOf('central-registry'), '--set', `replicas=2,${CLUSTER_KEY}`],
      /need PostgreSQL: settings\.database/,
    ],
    [
      [
        ...valuesOf('security-server'),
        '--set',
        'settings.nodes.clusterKeyFile=/var/lib/concordat/cluster-key',
      ],
      /all pods have the same key/,
    ],
    ...[
      'settings.nodes.files=folders',
      'settings.archives.path=/var/lib/concordat/archives',
      'settings.messageLogBodies=files',
      'storage.existingClaim=state',
    ].map((more): [string[], RegExp] => [
      [...valuesOf('security-server'), '--set', more],
      /several replicas (have|need) a volume each/,
    ]),
    [[...valuesOf('security-server'), '--set', 'storage.shared=true'], /shared/],
    [[...valuesOf('central-registry'), '--set', 'settings.directory=/tmp'], /only there is a volume/],
    [[...valuesOf('central-registry'), '--set', 'program=subject-keys'], /program/],
    [[...valuesOf('portal'), '--set', 'replicas=2'], /portal\s+is one process: replicas has to be 1/],
    [[...valuesOf('http-adapter'), '--set', 'adapter=events'], /adapter events is one process/],
    [[...valuesOf('http-adapter'), '--set', 'adapter='], /adapter says which one/],
    [[...valuesOf('portal'), '--set', 'adapter=http'], /for no other/],
    [['--set', 'program=mandates,settings.database=sqlite:/tmp/m.db'], /below \/var\/lib\/concordat/],
    [['--set', 'program=life-events,settings.databaseFile=/tmp/o.db'], /below \/var\/lib\/concordat/],
    [[...valuesOf('central-registry'), '--set', 'nonsense=1'], /nonsense/],
  ]
  for (const [words, why] of refused)
    await t.rejects(rendered(...words), { code: 1, stderr: why }, words.slice(2).join(' '))
})

t.test('what an installation prints looks at health', async (t) => {
  if (!existsSync(HELM)) return skipFor(t, 'Helm is not built')
  const copy = mkdtempSync(path.join(folder, 'notes-'))
  await run('tar', ['-xzf', chart!, '-C', copy])
  const at = path.join(copy, 'concordat')
  renameSync(path.join(at, 'templates/NOTES.txt'), path.join(at, 'notes'))
  const shown = 'kind: ConfigMap\nmetadata: { name: notes }\ntext: {{ tpl (.Files.Get "notes") . | quote }}\n'
  writeFileSync(path.join(at, 'templates/notes.yaml'), shown)
  const words = ['template', 'agency', at, ...CLUSTER, ...valuesOf('security-server')]
  const { stdout } = await run(HELM, [...words, '--show-only', 'templates/notes.yaml'])
  const { text } = parse(stdout) as { text: string }
  const [, program = '', scheme] =
    /--eval "(.*'(https?):\/\/127\.0\.0\.1:4000\/health\/ready'.*)"$/m.exec(text) ?? []
  t.equal(scheme, 'https', 'as the settings say')
  let status = 200
  const server = createServer((_request, response) => response.writeHead(status).end(`answered ${status}`))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const here = program.replace('https://127.0.0.1:4000', `http://127.0.0.1:${port}`)
  const ask = () => run(process.execPath, ['--no-warnings', '--eval', here])
  t.equal((await ask()).stdout, 'answered 200\n')
  status = 503
  await t.rejects(ask(), { code: 1, stdout: 'answered 503\n' })
})

t.test('secrets reach the server with mode 0600, whatever their mount is', async (t) => {
  if (!existsSync(HELM)) return skipFor(t, 'Helm is not built')
  const { all } = await rendered(...valuesOf('security-server'))
  const pod = (all.find(({ kind }) => kind === 'StatefulSet')!.spec['template'] as { spec: object }).spec
  const [copy] = (pod as { initContainers: { command: string[] }[] }).initContainers
  const root = mkdtempSync(path.join(folder, 'pod-'))
  for (const one of ['mounted/0/..data', 'secrets']) mkdirSync(path.join(root, one), { recursive: true })
  writeFileSync(path.join(root, 'mounted/0/pin'), '1234', { mode: 0o440 })
  const program = copy!.command.at(-1)!.replaceAll('/run/concordat', root)
  await run(process.execPath, ['--eval', program])
  const copied = path.join(root, 'secrets/pin')
  t.equal(readFileSync(copied, 'utf8'), '1234')
  const { stdout } = await run('stat', ['--format=%a', copied])
  t.equal(stdout.trim(), '600')
})
