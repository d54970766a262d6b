/** What the chart makes of the programs that are no servers. */
import { existsSync } from 'node:fs'
import t from 'tap'
import { skipFor } from '#test/outside-tools.ts'
import {
  HELM,
  LETTERS,
  LETTERS_ELSEWHERE,
  LIFE_EVENTS,
  type Manifest,
  type Pod,
  podOf,
  rendered,
  renderedAs,
  valuesOf,
} from './helm-fixture.ts'
import { unitFiles } from './systemd-units.ts'

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

t.test(
  'letters are written where the offers are, by nobody whom a Service or a policy leads to',
  async (t) => {
    if (!existsSync(HELM)) return skipFor(t, 'Helm is not built')
    const { all } = await rendered(...LIFE_EVENTS, '--set', LETTERS)
    const job = all.find(({ kind }) => kind === 'CronJob')!
    const [pod] = podOf(job)
    t.match(job.spec, { schedule: '0 3 * * *', timeZone: undefined, concurrencyPolicy: 'Forbid' })
    t.match(job.spec['jobTemplate'], { spec: { backoffLimit: 0 } }, 'no register is asked again on that day')
    const [, unit] = unitFiles().find(([name]) => name === 'concordat-life-events-letters.service')!
    const words = / (life-events letters --configuration) \S+ (--output) /
      .exec(unit)!
      .slice(1)
      .join(' ')
      .split(' ')
    const [program, letters, file, output] = words
    const asInUnit = (folder: string) => [
      program,
      letters,
      file,
      '/etc/concordat/settings.yaml',
      output,
      folder,
    ]
    t.strictSame(pod!.containers[0]!.args, asInUnit('/var/lib/concordat/letters'))
    const claim = { persistentVolumeClaim: { claimName: 'state-agency-life-events-0' } }
    t.match(
      pod!.volumes.find(({ name }) => name === 'state'),
      claim,
    )
    const server = all.find(({ kind }) => kind === 'StatefulSet')!
    const { matchLabels } = server.spec['selector'] as { matchLabels: object }
    t.match(pod!.affinity, {
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels } },
        ],
      },
    })
    const mounts = (one: Pod) => one.containers[0]!.volumeMounts.map(({ mountPath }) => mountPath).toSorted()
    t.strictSame(mounts(pod!), mounts(podOf(server)[0]!), 'what the server reads, it reads')
    t.equal(pod!.initContainers?.length, 1, 'secrets with mode 0600 as well')
    const own = ((job.spec['jobTemplate'] as Manifest).spec['template'] as Manifest).metadata as unknown
    const { labels } = own as { labels: Record<string, string> }
    t.equal(
      labels['app.kubernetes.io/name'],
      'life-events-letters',
      'as docs/packages.md says to other policies',
    )
    t.not(labels['app.kubernetes.io/name'], (matchLabels as Record<string, string>)['app.kubernetes.io/name'])
    const policy = all.find(
      ({ kind, metadata }) => kind === 'NetworkPolicy' && /letters$/.test(metadata.name),
    )!
    t.match(policy.spec, {
      policyTypes: ['Ingress', 'Egress'],
      ingress: undefined,
      podSelector: { matchLabels: labels },
    })

    const elsewhere = (await rendered(...LIFE_EVENTS, '--set', LETTERS_ELSEWHERE)).all
    const [other] = podOf(elsewhere.find(({ kind }) => kind === 'CronJob')!)
    t.strictSame(other!.containers[0]!.args, asInUnit('/var/lib/concordat-letters'))
    for (const [name, claimName] of [
      ['state', 'offers'],
      ['letters', 'print'],
    ] as const)
      t.match(
        other!.volumes.find((one) => one.name === name),
        { persistentVolumeClaim: { claimName } },
      )
    const names = (await renderedAs('r'.repeat(53), ...LIFE_EVENTS, '--set', LETTERS)).all
    t.ok(names.find(({ kind }) => kind === 'CronJob')!.metadata.name.length <= 52)
  },
)

t.test('the holder of subject keys: one pod that probes reach, and the security server alone', async (t) => {
  if (!existsSync(HELM)) return skipFor(t, 'Helm is not built')
  const { all } = await rendered(...valuesOf('subject-keys'))
  const named = (kind: string, name = /./) =>
    all.find((one) => one.kind === kind && name.test(one.metadata.name))!
  const [pod] = podOf(named('StatefulSet'))
  t.strictSame(pod!.containers[0]!.args, ['subject-keys', '--configuration', '/etc/concordat/settings.yaml'])
  t.match(pod!.containers[0]!.readinessProbe, {
    httpGet: { path: '/health/ready', port: 'monitoring', scheme: 'HTTPS' },
  })
  t.match(named('Service', /inner$/).spec, { ports: [{ name: 'keys', port: 4600 }] })
  const { ingress, egress } = named('NetworkPolicy').spec as {
    ingress: { ports: { port: string }[]; from: object[] }[]
    egress: object[]
  }
  const byKeys = ingress.find(({ ports }) => ports[0]!.port === 'keys')!
  t.match(byKeys.from, [{ podSelector: { matchLabels: { 'app.kubernetes.io/name': 'security-server' } } }])
  t.equal(egress.length, 1, 'it asks name servers alone')
  t.match(
    named('StatefulSet').spec['volumeClaimTemplates'],
    [{ metadata: { name: 'state', labels: { 'velero.io/exclude-from-backup': 'true' } } }],
    'no snapshot has the key of months',
  )
})
