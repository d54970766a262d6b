/** A backup beside a server that runs: files that are written or deleted meanwhile neither end it nor come into it by half. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { readCertificate } from '#core/certificate/certificate.ts'
import { writeSignedJson } from '#core/signature/signed-json.ts'
import { selfSignedCertificate } from '../keys/self-signed.ts'
import { makeServerBackup } from './make-backup.ts'
import { verifyServerBackup } from './restore-backup.ts'

const directory = mkdtempSync(path.join(tmpdir(), 'concordat-server-backup-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
const at = (...names: string[]): string => path.join(directory, ...names)

t.test('a file that is deleted, and files that are written aside', async (t) => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const names = { hostName: 'backup.example', ipAddresses: [] }
  const certificate = readCertificate(selfSignedCertificate({ privateKey, names, at: new Date() }))
  mkdirSync(at('keys', 'ocsp'), { recursive: true })
  mkdirSync(at('configuration'))
  // Long enough to be seen while it is read.
  writeFileSync(at('keys', 'a.json'), randomBytes(20_000_000))
  for (const name of [
    'b.json',
    'c.json',
    'c.json.0a1b2c3d.unfinished',
    'ocsp/d.der',
    'ocsp/d.der.00.unfinished',
  ])
    writeFileSync(at('keys', name), name)
  for (const name of ['anchor.xml', 'marks.json.new', 'marks.json.tmp'])
    writeFileSync(at('configuration', name), name)
  writeFileSync(at('settings.yaml'), 'server: DEV/GOV/1/SS')
  const [file, secret] = [at('backup'), 'a secret of the operators']
  const making = makeServerBackup({
    ...{
      file,
      secret,
      server: 'DEV/GOV/1/SS',
      directory,
      settingsFile: at('settings.yaml'),
      now: Date.now(),
    },
    dump: async () => ({ rows: 0 }),
    sign: async (document, type) =>
      writeSignedJson(document, type, [{ certificates: [certificate], ocspResponses: [], key: privateKey }]),
  })
  const size = (): number => statSync(`${file}.begun`, { throwIfNoEntry: false })?.size ?? 0
  while (size() < 200_000) await wait(1)
  unlinkSync(at('keys', 'b.json'))
  await making
  const { files } = await verifyServerBackup({ file, secret, server: 'DEV/GOV/1/SS' })
  t.strictSame([...files.keys()].sort(), [
    'configuration/anchor.xml',
    'keys/a.json',
    'keys/c.json',
    'keys/ocsp/d.der',
    'settings.yaml',
  ])
})
