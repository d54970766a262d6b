/**
 * Two agencies with a broker each side of the security servers: what one publishes to NATS is published to
 * the other's subject, with the receipts of both servers, by the adapter alone.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { openNatsUser } from '#adapters/events/events-fixture.ts'
import { hasNatsServer, startNatsServer } from '../broker-process.ts'
import { skipFor } from '../outside-tools.ts'
import { shareWorld } from '../running-world.ts'
import { RECEIPT_MS, until } from '../until.ts'
import type { ServerName } from '../world.ts'

const CONCORDAT = path.join(import.meta.dirname, '../../scripts/concordat')

void t.test('from broker to broker', async (t) => {
  if (!hasNatsServer()) return skipFor(t, 'nats-server is not installed')
  const world = await shareWorld()
  const nats = await startNatsServer(t)
  const user = await openNatsUser(t, nats)
  await user.addStream('TAX', ['tax.>'])
  await user.addStream('POPULATION', ['population.>'])
  const inbox = `${world.servers.population.client}/assessments`
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-events-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))

  async function start(name: ServerName, last: number, ways: object) {
    const { httpsUrl: url, client, systemCertificateFile, systemKeyFile } = world.servers[name]
    const settings = {
      monitoring: { address: world.address(last) },
      securityServer: {
        ...{ url, client, authorityFile: world.trust.rootFile },
        ...{ certificateFile: systemCertificateFile, keyFile: systemKeyFile },
      },
      broker: { kind: 'nats', urls: [`nats://${nats.address}:4222`], name },
      ...ways,
    }
    const file = path.join(folder, `${name}.yaml`)
    writeFileSync(file, JSON.stringify(settings))
    const child = spawn(CONCORDAT, ['adapter', 'events', '--configuration', file], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const ended = new Promise((resolve) => void child.once('exit', resolve))
    t.teardown(() => void child.kill('SIGKILL'))
    await new Promise((resolve) => void child.once('message', resolve))
    return async () => {
      child.kill('SIGTERM')
      t.equal(await ended, 0, `${name} drains`)
    }
  }

  const stopTax = await start('tax', 81, {
    send: [
      { name: 'out', from: 'tax.assessed', stream: 'TAX', inbox, quarantine: { to: 'tax.aside' } },
      {
        ...{ name: 'plain', from: 'tax.paid', stream: 'TAX', inbox, quarantine: { to: 'tax.aside' } },
        ...{ format: 'plain', contentType: 'application/json' },
        attributes: { type: { text: 'paid' }, source: { text: '/tax' }, id: { of: 'position' } },
      },
    ],
  })
  const stopPopulation = await start('population', 82, {
    receive: [{ name: 'in', inbox, to: 'population.got', pollMs: 100 }],
  })
  const event = '{"specversion":"1.0","id":"J-1","source":"/tax","type":"t","data":{"sum": 1.50}}'
  await user.publish('tax.assessed', event, { 'content-type': 'application/cloudevents+json' })
  await user.publish('tax.paid', '{"person":"P1"}')
  const got = await until('both at the other subject', async (saw) => {
    const held = saw(await user.held('POPULATION'))
    return held.length === 2 && held
  })
  const whole = got.find(({ body }) => body.includes('J-1'))!
  t.equal(whole.body, event, 'the bytes that were published')
  t.equal(whole.headers.get('x-road-client'), world.servers.tax.client)
  t.match(
    got.find(({ body }) => body.includes('paid'))!.body,
    /"id":"TAX-\d{8}T\d{6}-2".*"data":\{"person":"P1"\}/,
  )
  const delivery = whole.headers.get('x-road-id')!
  const { client } = world.servers.tax
  const isConsumed = async (saw: <State>(state: State) => State): Promise<boolean> => {
    const headers = { 'X-Road-Client': client }
    const { status, body } = await world.ask('tax', `/deliveries/v1/sent/${delivery}`, { headers })
    return saw([status, (JSON.parse(body.toString()) as { state?: string }).state])[1] === 'consumed'
  }
  await until('the receipt of the inbox at the sender', isConsumed, { deadlineMs: RECEIPT_MS })
  await until('nothing is left at the broker', async (saw) => saw(await user.left('TAX', 'tax-out')) === 0)
  t.strictSame(
    (await user.held('TAX')).filter(({ subject }) => subject === 'tax.aside'),
    [],
  )
  await stopTax()
  await stopPopulation()
})
