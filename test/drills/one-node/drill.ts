/**
 * A registry and a security server are installed and set up as operators do it, and lose what they may lose.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Layout } from '#scripts/sandbox/layout.ts'
import { serverCommand, startProcess } from '#scripts/sandbox/processes.ts'
import { setUpRegistry } from '#scripts/sandbox/set-up-registry.ts'
import { refreshServer, registerByHand, setUpServer } from '#scripts/sandbox/set-up-server.ts'
import { startPostgresql } from '../../postgresql.ts'
import { PODS } from './cluster.ts'
import { accept, comeBack, scale } from './come-back.ts'
import { NODE } from './machine.ts'
import {
  AGENCY,
  type Expect,
  helm,
  operators,
  podsOf,
  REGISTRY,
  ready,
  readyPods,
  say,
  started,
  valuesOf,
  type World,
} from './releases.ts'

/** Returns what did not hold. */
export async function drill(world: World): Promise<string[]> {
  const { layout, folder, closing } = world
  const wrong: string[] = []
  const expect = (holds: boolean, what: string): void => {
    say(`${holds ? 'ok   ' : 'WRONG'} ${what}`)
    if (!holds) wrong.push(what)
  }
  const { address: host, caPort, ocspPort, tsaPort } = layout.trust
  const settings = path.join(folder, 'trust.yaml')
  const trustSettings = { instance: layout.instance, directory: './trust', host, caPort, ocspPort, tsaPort }
  writeFileSync(settings, JSON.stringify(trustSettings))
  const trust = await startProcess({
    ...{ name: 'trust services', command: serverCommand('trust-services'), directory: folder },
    args: ['--configuration', settings],
  })
  closing.push(() => trust.stop())
  await prepareNamespaces(world)
  const anchor = await installRegistry(world, expect)
  await installAgency(world, anchor, expect)
  await comeBack(world, expect)
  await scale(world, expect)
  await accept(world, expect)
  return wrong
}

/**
 * Namespaces that admit restricted pods alone, with the secrets; and volumes as an operator of machines
 * without network storage has them.
 */
async function prepareNamespaces({ cluster, folder }: World): Promise<void> {
  const level = {
    'pod-security.kubernetes.io/enforce': 'restricted',
    'pod-security.kubernetes.io/warn': 'restricted',
  }
  const pem = path.join(folder, 'admin.pem')
  const key = path.join(folder, 'admin.key')
  const subject = ['-subj', '/CN=drill', '-newkey', 'rsa:2048', '-nodes', '-days', '30']
  execFileSync('openssl', ['req', '-x509', ...subject, '-keyout', key, '-out', pem], { stdio: 'ignore' })
  const volumes = Array.from({ length: 4 }, (_, n) => {
    const place = path.join(folder, `volume-${n}`)
    execFileSync('mkdir', [place])
    return {
      ...{ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: `volume-${n}` } },
      spec: {
        ...{ capacity: { storage: '20Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: 'local' },
        ...{ persistentVolumeReclaimPolicy: 'Retain', local: { path: place } },
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['node'] }] },
            ],
          },
        },
      },
    }
  })
  const files = {
    pin: 'Some-PIN-1234',
    'admin.key': readFileSync(key, 'utf8'),
    'database-password': 'not asked for',
    'cluster-key': `concordat-cluster-key-1:${execFileSync('openssl', ['rand', '-base64', '32'], { encoding: 'utf8' })}`,
  }
  await cluster.apply(
    {
      ...{
        apiVersion: 'storage.k8s.io/v1',
        kind: 'StorageClass',
        provisioner: 'kubernetes.io/no-provisioner',
      },
      metadata: { name: 'local', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      volumeBindingMode: 'WaitForFirstConsumer',
    },
    ...volumes,
    ...[REGISTRY, AGENCY].flatMap(({ namespace }) => [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: level } },
      {
        ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: `${namespace}-secrets`, namespace } },
        stringData: files,
      },
    ]),
  )
}

/** Set up as an operator does; returns the anchor. */
async function installRegistry(world: World, expect: Expect): Promise<Buffer> {
  const { cluster, layout } = world
  const publicUrl = `http://${REGISTRY.set}-peers.${REGISTRY.namespace}:8001`
  const notes = await helm(
    world,
    REGISTRY,
    'install',
    valuesOf(world.folder, 'central-registry', { publicUrl }),
  )
  await started(cluster, REGISTRY, 1)
  expect((await readyPods(cluster, REGISTRY)).length === 0, 'a new registry lives, and is not ready')
  const api = await operators(world, REGISTRY)
  await setUpRegistry(api, layout)
  await api.send('POST', '/configuration/publish')
  await ready(cluster, REGISTRY, 1)
  expect(true, 'it is ready when it is set up, through the Service of operators')
  const [, ...words] = /kubectl (.*) --eval "(.*)"$/m.exec(notes)!
  const [before, program] = words as [string, string]
  const health = await cluster.kubectl(...before.split(' '), '--eval', program)
  expect(health.includes('"ready":true'), `what the installation prints: ${health.trim().slice(0, 100)}`)
  return api.getBytes('/configuration/anchors/internal')
}

async function installAgency(world: World, anchor: Buffer, expect: Expect): Promise<void> {
  const { cluster, layout, folder, closing } = world
  const mayCome = path.join(folder, 'pg_hba.conf')
  writeFileSync(
    mayCome,
    `local all all trust\nhost all all ${PODS} trust\nhost all all 192.0.2.0/24 trust\n`,
    { mode: 0o644 },
  )
  execFileSync('chmod', ['a+x', folder])
  const database = await startPostgresql([`listen_addresses=${NODE}`, `hba_file=${mayCome}`], {
    teardown: (close) => void closing.push(close as () => unknown),
  })
  const [own, log] = await Promise.all([database.freshDatabase(), database.freshDatabase()])
  const url = (one: string): string => `postgres://postgres@${NODE}${new URL(one).pathname}`
  const settings = { server: serverOf(layout), database: url(own!), messageLogDatabase: url(log!) }
  await helm(world, AGENCY, 'install', valuesOf(folder, 'security-server', settings))
  await started(cluster, AGENCY, 2)
  // At one of them: the other one fetches the configuration a moment after it has heard of the anchor.
  const [first] = await podsOf(cluster, AGENCY)
  const api = await operators(world, AGENCY, first)
  const agency = layout.agencies.tax
  const certificate = await setUpServer({ server: api, anchor, layout, agency })
  const registry = await operators(world, REGISTRY)
  await registerByHand({ registry, layout, agency, certificate: certificate.pem })
  await registry.send('POST', '/configuration/publish')
  await refreshServer(api)
  await ready(cluster, AGENCY, 2)
  expect(true, 'both pods are ready when the server is set up')
}

function serverOf({ instance, memberClass, agencies }: Layout): string {
  return `${instance}/${memberClass}/${agencies.tax.memberCode}/${agencies.tax.serverCode}`
}
