/** The holder of subject keys as a process: a socket, mutual TLS, health for who has no certificate. */
import { spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { issueCertificate } from '#certs/ca/issue-certificate.ts'
import { PROFILES } from '#certs/profiles.ts'
import { createSubjectKeysClient } from '../features/person-search/client.ts'
import { checkHolderSettings } from './config.ts'

const CODE = '131052-308T'
const PLANTED = '131052308T'
const TYPE = 'personal-code'
const CREDENTIALS = { index: randomBytes(24).toString('hex'), search: randomBytes(24).toString('hex') }
const question = (index: number, month: string) => ({
  ...{ index, month },
  subjects: [{ type: TYPE, identifier: CODE }],
})
const SEARCH = {
  ...{ type: TYPE, identifier: CODE, case: '2026-17', reason: 'complaint' },
  person: { id: 'p1', name: 'Anna' },
}

/** All files of the folder as Latin-1 text. */
function folderText(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name)).toString('latin1'))
    .join('\n')
}

/** Starts the process and waits until it is ready. */
async function run(t: Test, configuration: string) {
  const concordat = path.join(import.meta.dirname, '../../scripts/concordat')
  const child = spawn(concordat, ['subject-keys', '--configuration', configuration], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  // With all that it said.
  const ended = once(child, 'close')
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await ended
  }
  t.teardown(() => kill('SIGKILL'))
  const ready = await Promise.race([once(child, 'message'), ended])
  if (typeof ready[0] !== 'object' || ready[0] === null) throw new Error(output)
  return { kill, output: () => output }
}

t.test('as a process: over a socket that a killed one has left, and over mutual TLS', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-holder-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const at = (name: string): string => path.join(folder, name)
  const secret = (name: string, text: string): string => {
    writeFileSync(at(name), text, { mode: 0o600 })
    return at(name)
  }
  const common = [
    'server: DEV/GOV/1234/ss1',
    `directory: ${at('keys')}`,
    `database: sqlite:${at('holder.db')}`,
    `indexKeyFile: ${secret('index.key', CREDENTIALS.index)}`,
    `searchKeyFile: ${secret('search.key', CREDENTIALS.search)}`,
  ]
  const month = new Date().toISOString().slice(0, 7)
  const start = async (name: string, more: string[]) => {
    writeFileSync(at(name), [...common, ...more].join('\n'))
    return await run(t, at(name))
  }
  const client = createSubjectKeysClient({ at: { socket: at('socket') }, credentials: CREDENTIALS })
  t.teardown(() => client.close())
  await t.rejects(client.state(), { code: 'subject_keys_unavailable' })
  const first = await start('socket.yaml', [`socket: ${at('socket')}`])
  const answered = await client.evaluateRecords([question(1, month)])
  t.match(answered, [{ index: 1, hashes: [/./] }])
  await first.kill('SIGKILL')
  await t.rejects(client.state(), { code: 'subject_keys_unavailable' })
  const second = await start('socket.yaml', [`socket: ${at('socket')}`])
  t.same(await client.evaluateRecords([question(1, month)]), answered, 'the same question, after a kill')
  t.match(await client.evaluateSearch(SEARCH), { months: [{ month }] })
  await t.rejects(start('socket.yaml', [`socket: ${at('socket')}`]), /another process listens/)
  await second.kill('SIGTERM')
  t.notMatch(folderText(folder), PLANTED)
  t.notMatch(second.output(), PLANTED)

  const identity = async (name: string) => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const subject: [string, string][] = [['CN', name]]
    const certificate = await issueCertificate({
      subject,
      publicKey,
      profile: PROFILES.authentication,
      issuer: { name: subject, publicKey, privateKey },
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 3_600_000),
    })
    const pem = `-----BEGIN CERTIFICATE-----\n${certificate.der.toString('base64')}\n-----END CERTIFICATE-----\n`
    writeFileSync(at(`${name}.pem`), pem)
    return { certificate: pem, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
  }
  const [own, server, stranger] = [
    await identity('own'),
    await identity('server'),
    await identity('stranger'),
  ]
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  await start('tls.yaml', [
    'listen:',
    `  address: ${address}`,
    `  certificateFile: ${at('own.pem')}`,
    `  keyFile: ${secret('own.key', own.key)}`,
    `  clientCertificateFile: ${at('server.pem')}`,
    `monitoring: { address: ${address} }`,
  ])
  const look = async (where: string) => {
    const response = await fetch(`http://${address}:4601${where}`)
    return `${response.status} ${await response.text()}`
  }
  t.match(
    await look('/health/ready'),
    /^200 .*"name":"database","ok":true/,
    'who has no certificate sees health',
  )
  const metrics = await look('/metrics')
  t.match(metrics, 'concordat_ready{check="database"} 1')
  t.match(metrics, 'concordat_certificate_ends_seconds{of="listen.certificateFile"}')
  t.match(await look('/v1/state'), /^404/, 'and nothing else')
  t.throws(() => checkHolderSettings({ socket: 's', monitoring: { address: '10.0.0.1', port: 1 } }), {
    code: 'invalid_configuration',
    message: /certificateFile and keyFile are needed/,
  })
  const by = (who: { certificate: string; key: string }, holderCertificate = own.certificate) => {
    const made = createSubjectKeysClient({
      at: { url: `https://${address}:4600`, ...who, holderCertificate },
      credentials: CREDENTIALS,
    })
    t.teardown(() => made.close())
    return made
  }
  t.match(await by(server).state(), { mark: 2 })
  await t.rejects(by(stranger).state(), { code: 'subject_keys_unavailable' })
  await t.rejects(by(server, stranger.certificate).state(), { code: 'subject_keys_unavailable' })
})
