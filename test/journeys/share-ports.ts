/**
 * A node as two workers on its ports: both take connections, a message that one accepted the other refuses,
 * an administrator's act at one holds at both, one is killed under load, and all end together.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { PART_TYPE } from '#schemas/wire.ts'
import { startLoad } from '../fakes/load-client.ts'
import { addService, type ProviderSystem } from '../fakes/provider-system.ts'
import * as R from '../fakes/rogue-server.ts'
import { openRequests, readLog, verifyLogOf } from '../message-logs.ts'
import { skipFor } from '../outside-tools.ts'
import type { Instance } from '../processes.ts'
import { hasSoftHsm, LABEL, startSoftHsm } from '../softhsm.ts'
import { until } from '../until.ts'
import { ask } from '../world.ts'
import { shareToken } from './share-token.ts'

type Health = { ready: boolean; checks: { name: string; ok: boolean; reason?: string }[] }

/**
 * How many connections are made where each worker has to get one: the kernel gives all to one of them once in
 * 30,000 times.
 */
const SEVERAL = 16

/** `target` is a service that tax's system may call; `log` the URL of its message log. */
export async function sharePorts(
  t: Test,
  q: { instance: Instance; system: ProviderSystem; target: string; log: string },
): Promise<void> {
  const { instance, system, target, log } = q
  const { tax } = instance.servers
  const admin = instance.admin.tax
  const logFile = path.join(instance.directory, 'tax.log')
  const settings = readFileSync(tax.settingsFile, 'utf8')
  const pinFile = /^pinFile: (.+)$/m.exec(settings)![1]!
  const pin = readFileSync(path.resolve(instance.directory, pinFile), 'utf8').trim()
  await instance.process('tax').stop()
  const hsm = hasSoftHsm() ? await startSoftHsm() : undefined
  const hardwareTokens = hsm === undefined ? [] : [{ id: 1, socket: hsm.socket, label: LABEL }]
  // Nobody unlocks the workers but whoever reaches one of them.
  writeFileSync(
    tax.settingsFile,
    `${settings.replace(/^pinFile: .*\n/m, '')}workers: 2\nhardwareTokens: ${JSON.stringify(hardwareTokens)}\n`,
  )
  const { pid } = await instance.start('tax')

  const health = async (): Promise<Health> =>
    JSON.parse((await ask(tax.adminUrl, '/health/ready')).body.toString()) as Health
  const checks = async (): Promise<Map<string, Health['checks'][number]>> =>
    new Map((await health()).checks.map((one) => [one.name, one]))
  const untilReady = (): Promise<unknown> =>
    until('both workers ready', async (saw) => saw(await health()).ready)
  /** Which workers wrote such lines. */
  const workersThat = (line: RegExp): string =>
    [
      ...new Set(
        readFileSync(logFile, 'utf8')
          .split('\n')
          .filter((one) => line.test(one))
          .flatMap((one) => /"worker":(\d)/.exec(one)?.[1] ?? []),
      ),
    ]
      .sort()
      .join()

  await t.test(
    'a PIN that one worker got opens both, and what is fetched by one is used by both',
    async (t) => {
      t.match((await checks()).get('keys'), { ok: false, reason: /^worker \d: / })
      const [token] = await admin.get<{ id: string }[]>('/tokens')
      await admin.send('PUT', `/tokens/${token!.id}/login`, { pin })
      await untilReady()
      await admin.send('PUT', `/tokens/${token!.id}/logout`)
      await until('one is locked', async (saw) => saw(await checks()).get('keys')?.ok === false)
      // It answers 409 as long as the worker that it meets is not.
      await until('it is opened again', async (saw) => {
        const { status } = await admin.call('PUT', `/tokens/${token!.id}/login`, { pin })
        return saw(status) < 300
      })
      await untilReady()
      const metrics = (await ask(tax.adminUrl, '/metrics')).body.toString()
      for (const worker of [1, 2]) t.match(metrics, `process_uptime_seconds{worker="${worker}"}`)
      t.equal(metrics.split('# TYPE process_uptime_seconds ').length, 2, 'each metric once')
      const { nodes } = await admin.get<{ nodes: { name: string; state: string }[] }>('/nodes')
      t.ok(
        nodes.some(({ name, state }) => /-w2-/.test(name) && state !== 'LEFT'),
        'the second worker is a node',
      )
    },
  )

  await t.test('a message that one worker accepted the other refuses', async (t) => {
    const secret = readFileSync(instance.trust.apiKeyFile, 'utf8').trim()
    const place = { ...instance, trustKey: () => ({ Authorization: `X-Road-ApiKey token=${secret}` }) }
    const rogue = await R.admitRogue(place, '1007', instance.address(7))
    await addService(admin, {
      ...{ provider: tax.client, serviceCode: 'back', url: system.url },
      grants: [{ client: rogue.client }],
    })
    await instance.publish()
    const trust = await R.openTrust(place)
    const ocsp = async (of: R.Signer['certificate']): Promise<Buffer[]> => [
      await trust.ocsp(of),
      await trust.ocsp(trust.intermediate),
    ]
    const signer = {
      ...rogue.signing,
      intermediates: [trust.intermediate],
      ocspResponses: await ocsp(rogue.signing.certificate),
    }
    const shown = await ocsp(rogue.authentication.certificate)
    const tell = (requestId: string, parts: R.Part[]) =>
      // Each over a connection of its own.
      R.post(tax, { requestId, content: R.multipart(parts), credential: rogue.authentication })
    const partsOf = (requestId: string): R.Part[] => {
      const message = R.requestMessage({
        ...{ client: rogue.client, target: `/r1/${tax.client}/back`, method: 'GET', requestId, headers: [] },
      })
      return [
        ...shown.map((response): R.Part => [PART_TYPE.ocsp, response]),
        [PART_TYPE.restRequest, message],
        ...R.signParts(signer, message, undefined, {}),
      ]
    }
    const tellAnew = async (): Promise<string[]> => {
      const ids = Array.from({ length: SEVERAL }, () => R.newId())
      return (await Promise.all(ids.map((id) => tell(id, partsOf(id))))).map(({ type }) => type)
    }
    await until('its member at both', async (saw) => saw(await tellAnew()).every((type) => type === 'ok'))
    const first = R.newId()
    const parts = partsOf(first)
    t.equal((await tell(first, parts)).type, 'ok')
    const answers = await Promise.all(Array.from({ length: SEVERAL }, () => tell(first, parts)))
    for (const { type } of answers) t.equal(type, 'server.serverproxy.replayed_request')
    t.equal(workersThat(/replayed_request/), '1,2', 'each worker refused it')
  })

  await t.test('an act at one worker holds at the other', async (t) => {
    const [token] = await admin.get<{ id: string }[]>('/tokens')
    const key = await admin.send<{ id: string }>('POST', `/tokens/${token!.id}/keys`, {
      ...{ usage: 'SIGNING', label: 'of one' },
    })
    const seen = async (): Promise<number[]> =>
      (await Promise.all(Array.from({ length: SEVERAL }, () => admin.call('GET', `/keys/${key.id}`)))).map(
        ({ status }) => status,
      )
    await until('the key at both', async (saw) => saw(await seen()).every((status) => status === 200))
    await admin.send('DELETE', `/keys/${key.id}`)
    await until('it is gone at both', async (saw) => saw(await seen()).every((status) => status === 404))
    t.equal(workersThat(/"route":"\/api\/v1\/keys\/:/), '1,2')
  })

  await t.test('one hardware token signs for both', async (t) => {
    if (hsm === undefined) return skipFor(t, 'SoftHSM, p11-kit or OpenSC is not installed')
    const killOne = async (): Promise<void> => {
      const [one] = childrenOf(pid)
      process.kill(one!, 'SIGKILL')
      await until('two other workers', async (saw) => {
        // Connections that it had are reset.
        const { ok, reason } = (await checks().catch(() => undefined))?.get('workers') ?? { ok: false }
        return !saw(childrenOf(pid)).includes(one!) && ok && reason === undefined
      })
    }
    await shareToken(t, { instance, target, killOne })
  })

  await t.test('one is killed under load, and both are drained', async (t) => {
    const load = await startLoad({ instance, service: target, keepAlive: false, workers: 4 })
    await load.answers(8)
    const [one] = childrenOf(pid)
    process.kill(one!, 'SIGKILL')
    await load.answers(8)
    await until('two workers again', async (saw) => saw(await checks()).get('workers')?.reason === undefined)
    await untilReady()
    await load.answers(4)
    t.comment(load.acknowledged.size, load.sent(), Object.fromEntries(load.failures))
    const lost = [...load.failures.values()].reduce((sum, count) => sum + count, 0)
    t.ok(lost <= 4, 'only what it had under way')
    const before = new Map(load.failures)
    const workers = childrenOf(pid)
    t.equal(workers.length, 2)
    t.equal(await instance.process('tax').stop(), 'exit 0')
    await load.stop()
    load.failures.delete('not connected')
    before.delete('not connected')
    t.same(load.failures, before, 'none broke off')
    t.equal(workersThat(/"half":"consumer"/), '1,2', 'both had a part')
    t.same(workers.filter(isAlive), [])
    const entries = await readLog(tax, log)
    const replied = new Set(entries.filter(({ kind }) => kind === 'reply').map(({ id }) => id))
    t.same(
      [...load.acknowledged].filter((id) => !replied.has(id)),
      [],
      'no acknowledged exchange is lost',
    )
    t.same(openRequests(entries), [], 'what the killed one had open is closed')
    t.same(await verifyLogOf(tax), [])
  })
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
