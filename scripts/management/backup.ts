/**
 * `backup` and `verify-backup`: makes and downloads a backup of a registry, and verifies a backup of either
 * server offline.
 */
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { verifyBackup } from '#central-registry/features/backups/verify-backup.ts'
import { readCertificate } from '#core/certificate/certificate.ts'
import type { Manifest } from '#platform/backups/manifest.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { printable } from '#platform/plain-text.ts'
import { Fault } from '#schemas/fault.ts'
import { keyInWords, personInWords, signerInWords } from '#security-server/features/backups/in-words.ts'
import { keysIn } from '#security-server/features/backups/keys-back.ts'
import { verifyServerBackup } from '#security-server/features/backups/restore-backup.ts'
import { faultInWords } from '../command-line/missing-file.ts'
import { loadConfiguration } from '../verify/load-configuration.ts'
import { CommandError } from './command-error.ts'
import { runCommand } from './run-command.ts'
import type { More } from './run-management.ts'

/** Has the registry make a backup and writes it into a new local file. */
export const backup: More['run'] = async ({ api, commands, args }) => {
  const [file, ...more] = args
  if (file === undefined || file.startsWith('-') || more.length > 0)
    throw new CommandError(2, 'backup takes one <file>, which does not exist yet')
  const call = { method: 'POST', url: '/api/v1/backups', headers: {}, body: undefined }
  const made = JSON.parse((await api.send(call)).bytes.toString()) as Record<string, string | number>
  const download = commands.find(({ name }) => name === 'download-backup')!
  await runCommand(api, download, [String(made['id']), '--output', file], process.stdout)
  say(`${file}: ${made['bytes']} bytes, SHA-256 ${made['sha256']}, index ${made['configurationIndex']}`)
  return 0
}

/** Verifies a registry's backup. Exit code 0 when it is valid, 1 when it is not, 2 for wrong usage. */
export function verifyRegistry(args: string[]): Promise<number> {
  return verify('registry', args, 'anchor', async ({ trusted, ...q }) => {
    const anchor = trusted === undefined ? undefined : await readFile(trusted)
    const { certificate, ...judged } = await verifyBackup({ ...q, anchor })
    const by = anchor === undefined ? 'a signing key of the register in it' : 'of the anchor'
    return {
      ...judged,
      signedBy: [`signed by                 ${readCertificate(certificate).sha256} (${by})`],
    }
  })
}

/**
 * Verifies a security server's backup in the same way. Also prints who signed it, according to the given
 * configuration, and who could log in after a restoration.
 */
export function verifyServer(args: string[]): Promise<number> {
  return verify('server', args, 'conf', async ({ trusted, ...q }) => {
    const now = new Date()
    const loaded = trusted === undefined ? undefined : await loadConfiguration(trusted, now)
    const trust = loaded && { ...loaded, origin: `configuration in the ${loaded.origin}` }
    const { manifest, sha256, files, signer, comesBack } = await verifyServerBackup({ ...q, now, trust })
    return {
      ...{ manifest, sha256, signedBy: signerInWords(signer) },
      more: [
        ...comesBack.people.map((person) => `could log in again        ${personInWords(person)}`),
        ...keysIn(files).map((key) => `holds                     ${keyInWords(key)}`),
        `a restore lets in only whom --let-in names, and revokes ${comesBack.apiKeys.length} API keys`,
      ],
    }
  })
}

type Judged = { manifest: Manifest; sha256: string; signedBy: string[]; more?: string[] }
/** `trusted` is the file or folder against which the signer is checked. */
type Words = { file: string; keyFile: string; trusted: string | undefined }

async function verify(
  program: string,
  args: string[],
  option: 'anchor' | 'conf',
  judge: (q: { file: string; secret: string; trusted: string | undefined }) => Promise<Judged>,
): Promise<number> {
  const { file, keyFile, trusted } = wordsOf(args, option)
  try {
    const secret = await readSecret(keyFile)
    const { manifest, sha256, signedBy, more = [] } = await judge({ file, secret, trusted })
    say(
      `${file} holds: ${manifest.kind} of ${manifest.of}, made at ${manifest.madeAt} by version ${manifest.software}`,
    )
    say(`SHA-256 of the file       ${sha256}`)
    for (const line of signedBy) say(line)
    for (const [name, fact] of Object.entries(manifest.facts))
      if (!Array.isArray(fact)) say(`${name.padEnd(26)}${fact}`)
    for (const line of more) say(line)
    for (const { name, bytes } of manifest.entries) say(`holds ${name}, ${bytes} bytes`)
    for (const what of manifest.holdsNot) say(`does not hold ${what}`)
    return 0
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    process.stderr.write(`concordat ${program} verify-backup: ${printable(faultInWords(thrown))}\n`)
    return thrown.code === 'invalid_configuration' ? 2 : 1
  }
}

function wordsOf(args: string[], option: 'anchor' | 'conf'): Words {
  try {
    const options = { 'backup-key-file': { type: 'string' }, [option]: { type: 'string' } } as const
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
    const [file, ...more] = positionals
    const { 'backup-key-file': keyFile, [option]: trusted } = values as Record<string, string | undefined>
    if (file !== undefined && more.length === 0 && keyFile !== undefined) return { file, keyFile, trusted }
  } catch (cause) {
    throw new CommandError(2, `verify-backup does not understand this: ${(cause as Error).message}`, cause)
  }
  throw new CommandError(2, `verify-backup takes <file> --backup-key-file FILE [--${option} FILE]`)
}

function say(line: string): void {
  process.stdout.write(`${printable(line)}\n`)
}
