/**
 * Who the adapter is at a broker, and who the broker is; the adapter as a process: its check, its drain, its
 * exit codes.
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { nkeys } from '@nats-io/transport-node'
import t, { type Test } from 'tap'
import { request } from 'undici'
import { emptyFolder, ownAddress } from '#adapters/kit/kit-fixture.ts'
import { identity, secretFile } from '#adapters/kit/system/system-fixture.ts'
import { hasMosquitto, hasNatsServer, startMosquitto, startNatsServer } from '#test/broker-process.ts'
import { hasKafka, startKafka } from '#test/kafka.ts'
import { skipFor } from '#test/outside-tools.ts'
import { until } from '#test/until.ts'
import { INBOX, openNatsUser, settingsFile, startEvents, startServers } from './events-fixture.ts'

const CONCORDAT = path.join(import.meta.dirname, '../../scripts/concordat')
const NOBODY = { url: 'http://127.0.0.1:9', client: 'DEV/GOV/1000/tax' }

/** How the broker's health ends: well, or with a reason that holds `text`. */
async function outcome(t: Test, broker: object, text?: string): Promise<void> {
  const receive = [{ name: 'in', inbox: INBOX, to: 'got' }]
  const adapter = await startEvents(t, { securityServer: NOBODY, broker, receive })
  await until(`the broker ${text ?? 'is well'}`, async (saw) => {
    const finding = saw(await adapter.health())['broker']!
    return text === undefined ? finding.ok : String(finding.reason).includes(text)
  })
  t.pass(text ?? 'connected')
  await adapter.stop()
}

void t.test('NATS', async (t) => {
  if (!hasNatsServer()) return skipFor(t, 'nats-server is not installed')
  const folder = emptyFolder(t)
  const own = identity(folder, 'adapter', '127.0.0.1')
  const seed = nkeys.createUser()
  const password = secretFile(folder, 'password', 'a secret')
  const wrong = secretFile(folder, 'wrong', 'another')
  await t.test('user and password, nkey', async (t) => {
    const users = `{user: "u", password: "a secret"}, {nkey: ${seed.getPublicKey()}}`
    const { address } = await startNatsServer(t, `authorization { users: [${users}] }`)
    const at = { kind: 'nats', urls: [`nats://${address}:4222`] }
    await outcome(t, { ...at, user: 'u', passwordFile: password })
    const nkeyFile = secretFile(folder, 'nkey', new TextDecoder().decode(seed.getSeed()))
    await outcome(t, { ...at, nkeyFile })
    await outcome(t, { ...at, user: 'u', passwordFile: wrong }, 'uthorization')
    await outcome(t, at, 'uthorization')
  })
  await t.test('a token', async (t) => {
    const { address } = await startNatsServer(t, 'authorization { token: "a secret" }')
    const at = { kind: 'nats', urls: [`nats://${address}:4222`] }
    await outcome(t, { ...at, tokenFile: password })
    await outcome(t, { ...at, tokenFile: wrong }, 'uthorization')
  })
  await t.test('mutual TLS', async (t) => {
    const address = ownAddress()
    const server = identity(folder, 'nats', address)
    const tls = `tls { cert_file: "${server.certificateFile}", key_file: "${server.keyFile}", ca_file: "${own.certificateFile}", verify: true }`
    await startNatsServer(t, tls, address)
    const at = { kind: 'nats', urls: [`tls://${address}:4222`] }
    const { certificateFile, keyFile } = own
    await outcome(t, { ...at, authorityFile: server.certificateFile, certificateFile, keyFile })
    await outcome(t, { ...at, authorityFile: own.certificateFile, certificateFile, keyFile }, 'self-signed')
    await outcome(t, { ...at, authorityFile: server.certificateFile }, 'NATS')
    await outcome(t, { ...at, urls: [`nats://${address}:4222`] }, 'self-signed')
    const other = identity(folder, 'other', '127.0.0.9')
    await outcome(t, { ...at, authorityFile: other.certificateFile }, 'self-signed')
    const plain = await startNatsServer(t)
    await outcome(
      t,
      { ...at, urls: [`tls://${plain.address}:4222`], authorityFile: own.certificateFile },
      'tls',
    )
  })
})

void t.test('MQTT', async (t) => {
  if (!hasMosquitto()) return skipFor(t, 'mosquitto is not installed')
  const folder = emptyFolder(t)
  const own = identity(folder, 'adapter', '127.0.0.1')
  const password = secretFile(folder, 'password', 'a secret')
  const wrong = secretFile(folder, 'wrong', 'another')
  await t.test('user and password', async (t) => {
    const users = path.join(folder, 'users')
    // As mosquitto_passwd writes it: SHA-512 over password and salt.
    const salt = Buffer.from('0123456789ab')
    const digest = createHash('sha512').update('a secret').update(salt).digest('base64')
    writeFileSync(users, `u:$6$${salt.toString('base64')}$${digest}\n`)
    const { address } = await startMosquitto(t, `password_file ${users}`)
    const at = { kind: 'mqtt', urls: [`mqtt://${address}:1883`] }
    await outcome(t, { ...at, user: 'u', passwordFile: password })
    await outcome(t, { ...at, user: 'u', passwordFile: wrong }, 'refuses the connection')
    await outcome(t, at, 'refuses the connection')
  })
  await t.test('mutual TLS', async (t) => {
    const address = ownAddress()
    const server = identity(folder, 'mosquitto', address)
    const lines = [
      ...[`certfile ${server.certificateFile}`, `keyfile ${server.keyFile}`],
      ...[`cafile ${own.certificateFile}`, 'require_certificate true', 'allow_anonymous true'],
    ]
    await startMosquitto(t, lines.join('\n'), address)
    const at = { kind: 'mqtt', urls: [`mqtts://${address}:1883`] }
    const { certificateFile, keyFile } = own
    await outcome(t, { ...at, authorityFile: server.certificateFile, certificateFile, keyFile })
    await outcome(t, { ...at, authorityFile: own.certificateFile, certificateFile, keyFile }, 'self-signed')
    await outcome(t, { ...at, authorityFile: server.certificateFile }, 'MQTT')
  })
})

void t.test('Kafka', async (t) => {
  if (!hasKafka()) return skipFor(t, 'Kafka is not installed')
  const folder = emptyFolder(t)
  const own = identity(folder, 'adapter', '127.0.0.1')
  const address = ownAddress()
  const server = identity(folder, 'kafka', address)
  const password = secretFile(folder, 'password', 'a secret')
  const wrong = secretFile(folder, 'wrong', 'another')
  const store = path.join(folder, 'store.pem')
  writeFileSync(store, readFileSync(server.keyFile, 'utf8') + server.certificate)
  const module = 'org.apache.kafka.common.security'
  const lines = [
    'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    `listener.name.sasl.plain.sasl.jaas.config=${module}.plain.PlainLoginModule required user_u="a secret";`,
    ...['256', '512'].map(
      (bits) =>
        `listener.name.sasl.scram-sha-${bits}.sasl.jaas.config=${module}.scram.ScramLoginModule required;`,
    ),
    ...['keystore', 'truststore'].map((name) => `listener.name.mtls.ssl.${name}.type=PEM`),
    `listener.name.mtls.ssl.keystore.location=${store}`,
    `listener.name.mtls.ssl.truststore.location=${own.certificateFile}`,
    'listener.name.mtls.ssl.client.auth=required',
  ]
  const listeners = { 'SASL://9093': 'SASL_PLAINTEXT', 'MTLS://9094': 'SSL' }
  const scram = ['256', '512'].map((bits) => `SCRAM-SHA-${bits}=[name=u,password=a secret]`)
  await startKafka(t, { lines, listeners, scram }, address)
  await t.test('PLAIN and SCRAM', async (t) => {
    const at = { kind: 'kafka', urls: [`kafka://${address}:9093`] }
    for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512']) {
      const user = { ...at, user: 'u', mechanism }
      await outcome(t, { ...user, passwordFile: password })
      await outcome(t, { ...user, passwordFile: wrong }, 'credentials are refused')
    }
    await outcome(t, at, 'Kafka')
  })
  await t.test('mutual TLS', async (t) => {
    const at = { kind: 'kafka', urls: [`kafkas://${address}:9094`] }
    const { certificateFile, keyFile } = own
    await outcome(t, { ...at, authorityFile: server.certificateFile, certificateFile, keyFile })
    await outcome(t, { ...at, authorityFile: own.certificateFile, certificateFile, keyFile }, 'self-signed')
    await outcome(t, { ...at, authorityFile: server.certificateFile }, 'Kafka')
    await outcome(t, { kind: 'kafka', urls: [`kafka://${address}:9094`] }, 'Kafka')
  })
})

void t.test('the process', async (t) => {
  const run = (...args: string[]) =>
    spawnSync(CONCORDAT, ['adapter', 'events', ...args], { encoding: 'utf8' })
  const broken = path.join(emptyFolder(t), 'events.yaml')
  writeFileSync(broken, 'securityServer: {}\nbroker: { kind: amqp }\n')
  t.match(run('--configuration', broken), {
    status: 2,
    stderr: /events-adapter cannot start: .*events\.yaml/,
  })
  t.match(run('--check', '--configuration', broken), { status: 2, stderr: /events\.yaml/ })
  t.match(run('describe', '--configuration', broken), { status: 2, stderr: /as its first word/ })
  if (!hasNatsServer()) return skipFor(t, 'nats-server is not installed')
  const servers = await startServers(t)
  const nats = await startNatsServer(t)
  const user = await openNatsUser(t, nats)
  await user.addStream('TAX', ['tax'])
  const settings = {
    ...{ securityServer: servers.sender, monitoring: { address: ownAddress() } },
    broker: { kind: 'nats', urls: [`nats://${nats.address}:4222`] },
    send: [{ name: 'out', from: 'tax', stream: 'TAX', inbox: INBOX, quarantine: { folder: './aside' } }],
  }
  const file = settingsFile(t, settings)
  const checked = spawn(CONCORDAT, ['adapter', 'events', '--check', '--configuration', file])
  let said = ''
  checked.stdout.on('data', (data: Buffer) => {
    said += data.toString()
  })
  t.equal(await new Promise((resolve) => void checked.once('close', resolve)), 0)
  t.equal(said, 'security server: well\nbroker: well\n')
  t.equal((await user.left('TAX', 'concordat-out')) ?? 'none', 'none', 'nothing was begun')

  const child = spawn(CONCORDAT, ['adapter', 'events', '--configuration', file], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  t.teardown(() => void child.kill('SIGKILL'))
  let out = ''
  child.stdout!.on('data', (data: Buffer) => {
    out += data.toString()
  })
  const ended = new Promise((resolve) => void child.once('close', resolve))
  await new Promise((resolve) => void child.once('message', resolve))
  const event = JSON.stringify({ specversion: '1.0', id: 'P-1', source: '/secret', type: 't' })
  await user.publish('tax', event)
  await until('accepted', (saw) => saw(out).includes('"accepted"'))
  const monitor = async (at: string) => {
    const { statusCode, body } = await request(`http://${settings.monitoring.address}:9444${at}`)
    return { status: statusCode, text: await body.text() }
  }
  t.match(await monitor('/health/ready'), { status: 200, text: /"out"/ })
  t.match((await monitor('/metrics')).text, /concordat_events_done_total\{way="out"\} 1/)
  child.kill('SIGTERM')
  t.equal(await ended, 0)
  t.notMatch(out, /P-1|\/secret/, 'no line names the event')
})
