import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, BlockList, isIPv6 } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { httpAdapter } from '#adapters/http/adapter.ts'
import { readSettings } from '#adapters/kit/serve-adapter.ts'
import { readWorkerSettings } from '#adapters/kit/serve-worker.ts'
import { portal } from '#adapters/portal/portal.ts'
import { settingsSchema as registrySchema } from '#central-registry/config.ts'
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import { VERSION } from '#platform/process/version.ts'
import { settingsSchema as serverSchema } from '#security-server/config.ts'
import {
  checkHolderSettings,
  type HolderSettings,
  settingsSchema as holderSchema,
} from '#security-server/subject-keys/config.ts'
import { skipFor } from '#test/outside-tools.ts'
import { COMMANDS } from '../command-line/words.ts'
import {
  CLUSTER,
  chart,
  folder,
  HELM,
  LETTERS,
  LETTERS_ELSEWHERE,
  LIFE_EVENTS,
  type Manifest,
  makeChart,
  podOf,
  rendered,
  run,
  valuesOf,
} from './helm-fixture.ts'
import { unitFiles } from './systemd-units.ts'

const ROOT = path.join(import.meta.dirname, '../..')
/** Where scripts/test/outside-tools.sh puts them. */
const SCHEMAS = path.join(os.homedir(), '.cache/concordat/kubernetes-validate-1.37.0')
const CLUSTER_KEY = 'settings.nodes.clusterKeyFile=/run/concordat/secrets/cluster-key'

t.test('the chart has the version of the package, and the same bytes each time', async (t) => {
  t.strictSame(readFileSync(chart), readFileSync(await makeChart('two')))
  await run('tar', ['-xzf', chart, '-C', folder])
  const manifest = parse(readFileSync(path.join(folder, 'concordat/Chart.yaml'), 'utf8')) as object
  t.match(manifest, { version: VERSION, appVersion: VERSION })
  const schema = JSON.parse(readFileSync(path.join(folder, 'concordat/values.schema.json'), 'utf8')) as {
    properties: Record<'program' | 'adapter', { enum: string[] }>
  }
  // Letters are a job of the release of life events.
  const programs = unitFiles()
    .flatMap(([name]) => /^concordat-(.*?)@?\.service$/.exec(name)?.[1] ?? [])
    .filter((name) => name !== 'life-events-letters')
  t.strictSame(schema.properties.program.enum.toSorted(), programs.toSorted())
  // Two are programs of their own.
  const { 'life-events': _, mandates: __, ...adapters } = COMMANDS.adapter.words
  t.strictSame(schema.properties.adapter.enum, ['', ...Object.keys(adapters)])
})

t.test('Helm accepts it, Kubernetes accepts what it makes, and pods may do little', async (t) => {
  if (!existsSync(HELM)) return skipFor(t, 'Helm is not built')
  for (const name of ['security-server', 'central-registry', 'portal', 'http-adapter', 'subject-keys'])
    await run(HELM, ['lint', '--strict', chart, ...CLUSTER, ...valuesOf(name)])
  const proxy = path.join(folder, 'proxy.yaml')
  writeFileSync(proxy, 'program: configuration-proxy\nsettings: { directory: /var/lib/concordat }\n')
  const cases: [string, string[]][] = [
    ['security-server', valuesOf('security-server')],
    ['scaled', [...valuesOf('security-server'), '--set', 'autoscaling.enabled=true,replicas=1']],
    ['existing-claim', [...valuesOf('central-registry'), '--set', 'storage.existingClaim=state']],
    ['central-registry', valuesOf('central-registry')],
    ['configuration-proxy', ['--values', proxy]],
    ...['portal', 'http-adapter', 'subject-keys'].map((name): [string, string[]] => [name, valuesOf(name)]),
    ['mandates', ['--set', 'program=mandates,settings.database=sqlite:/var/lib/concordat/mandates.db']],
    ['life-events', LIFE_EVENTS],
    ['letters', [...LIFE_EVENTS, '--set', LETTERS]],
    ['letters-elsewhere', [...LIFE_EVENTS, '--set', LETTERS_ELSEWHERE]],
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
    t.equal(kinds.includes('CronJob'), name.startsWith('letters'))
    for (const pod of all.flatMap(podOf)) {
      t.match(pod, {
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: 'RuntimeDefault' } },
      })
      for (const container of [...pod.containers, ...(pod.initContainers ?? [])])
        t.match(container, {
          securityContext: {
            ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
            capabilities: { drop: ['ALL'] },
          },
        })
    }
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
  const held = await settingsIn('subject-keys')
  checkHolderSettings(await readConfiguration<HolderSettings>(held, holderSchema, {}, 'SUBJECT_KEYS'))
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

t.test(
  'a server may ask pods of the cluster and both kinds of addresses, but no metadata of a cloud',
  async (t) => {
    if (!existsSync(HELM)) return skipFor(t, 'Helm is not built')
    const { all } = await rendered(...valuesOf('security-server'))
    const { egress } = all.find(({ kind }) => kind === 'NetworkPolicy')!.spec as {
      egress: { ports?: object[]; to: { ipBlock?: { cidr: string; except: string[] } }[] }[]
    }
    const to = egress.flatMap((rule) => (rule.ports === undefined ? rule.to : []))
    t.match(to, [
      { namespaceSelector: {} },
      { ipBlock: { cidr: '0.0.0.0/0' } },
      { ipBlock: { cidr: '::/0' } },
    ])
    for (const { ipBlock } of to.slice(1)) {
      const excepted = new BlockList()
      const family = isIPv6(ipBlock!.cidr.split('/')[0]!) ? 'ipv6' : 'ipv4'
      for (const range of ipBlock!.except) {
        const [net, bits] = range.split('/') as [string, string]
        excepted.addSubnet(net, Number(bits), family)
      }
      const metadata = { ipv4: ['169.254.169.254'], ipv6: ['fe80::1', 'fd00:ec2::254', 'fd20:ce::254'] }
      for (const address of metadata[family]) t.ok(excepted.check(address, family), address)
    }
  },
)

t.test('autoscaling takes over as many pods as there are', async (t) => {
  if (!existsSync(HELM)) return skipFor(t, 'Helm is not built')
  const kind = { name: 'statefulsets', kind: 'StatefulSet', namespaced: true, verbs: ['get'] }
  const answers: Record<string, object> = {
    '/version': { major: '1', minor: '37', gitVersion: 'v1.37.0' },
    '/apis/apps/v1': { kind: 'APIResourceList', groupVersion: 'apps/v1', resources: [kind] },
    '/apis/apps/v1/namespaces/agency/statefulsets/agency-security-server': {
      ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', spec: { replicas: 3 } },
      metadata: { name: 'agency-security-server', namespace: 'agency' },
    },
  }
  const cluster = createServer(({ url = '' }, response) => {
    const answer = answers[url.split('?')[0]!]
    response.setHeader('content-type', 'application/json')
    response
      .writeHead(answer === undefined ? 404 : 200)
      .end(JSON.stringify(answer ?? { kind: 'Status', code: 404 }))
  })
  cluster.listen(0, '127.0.0.1')
  await once(cluster, 'listening')
  t.teardown(() => cluster.close())
  const at = `http://127.0.0.1:${(cluster.address() as AddressInfo).port}`
  const asked = ['--dry-run=server', '--kube-apiserver', at, '--set', 'autoscaling.enabled=true']
  const replicas = async (...words: string[]): Promise<unknown> => {
    const { all } = await rendered(...valuesOf('security-server'), ...words)
    return all.find(({ kind }) => kind === 'StatefulSet')!.spec['replicas']
  }
  t.equal(await replicas(...asked), 3)
  t.equal(await replicas('--set', 'autoscaling.enabled=true'), undefined, 'of a new release')
})

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
    [[...valuesOf('subject-keys'), '--set', 'replicas=2'], /subject-keys\s+is one process/],
    [
      [...valuesOf('subject-keys'), '--set', 'settings.directory=/tmp'],
      /settings\.directory has to be below/,
    ],
    [
      [...valuesOf('subject-keys'), '--set', 'settings.database=sqlite:/tmp/k'],
      /settings\.database has to be/,
    ],
    [[...valuesOf('subject-keys'), '--set', 'settings.listen=null'], /reaches no socket/],
    [[...valuesOf('subject-keys'), '--set', 'settings.monitoring=null'], /settings\.monitoring is missing/],
    [[...valuesOf('portal'), '--set', 'letters.enabled=true'], /of the program life-events/],
    [[...LIFE_EVENTS, '--set', 'letters.schedule=daily'], /schedule/],
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
  await run('tar', ['-xzf', chart, '-C', copy])
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
