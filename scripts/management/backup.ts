/** `backup` and `verify-backup`: a backup of a registry made and fetched, and one of either server judged offline. */
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { verifyBackup } from '#central-registry/backups/verify-backup.ts'
import { readCertificate } from '#core/certificate/certificate.ts'
import type { Manifest } from '#platform/backups/manifest.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { Fault } from '#schemas/fault.ts'
import { verifyServerBackup } from '#security-server/backups/restore-backup.ts'
import { printable } from '../verify/report.ts'
import { CommandError } from './command-error.ts'
import { runCommand } from './run-command.ts'
import type { More } from './run-management.ts'

/** Makes one at the registry and writes it into a new file of ours. */
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

/** Of a registry: exit code 0 when all of it holds, 1 when it does not, 2 for wrong usage. */
export function verifyRegistry(args: string[]): Promise<number> {
  return verify('registry', args, async ({ anchorFile, ...q }) => {
    const anchor = anchorFile === undefined ? undefined : await readFile(anchorFile)
    const verified = await verifyBackup({ ...q, anchor })
    return {
      ...verified,
      signerIs: anchor === undefined ? 'a signing key of the register in it' : 'of the anchor',
    }
  })
}

/** Of a security server, likewise; whether its signer is the server's owner is told by the SHA-256 of the certificate. */
export function verifyServer(args: string[]): Promise<number> {
  return verify('server', args, async ({ anchorFile, ...q }) => {
    if (anchorFile !== undefined)
      throw new CommandError(2, 'a security server signs with no key of an anchor')
    return {
      ...(await verifyServerBackup(q)),
      signerIs: 'compare it with the signing certificate of the owner',
    }
  })
}

type Judged = { manifest: Manifest; sha256: string; certificate: Buffer; signerIs: string }
type Words = { file: string; keyFile: string; anchorFile: string | undefined }

async function verify(
  program: string,
  args: string[],
  judge: (q: { file: string; secret: string; anchorFile: string | undefined }) => Promise<Judged>,
): Promise<number> {
  const { file, keyFile, anchorFile } = wordsOf(args)
  try {
    const secret = await readSecret(keyFile)
    const { manifest, sha256, certificate, signerIs } = await judge({ file, secret, anchorFile })
    say(
      `${file} holds: ${manifest.kind} of ${manifest.of}, made at ${manifest.madeAt} by version ${manifest.software}`,
    )
    say(`SHA-256 of the file       ${sha256}`)
    say(`signed by                 ${readCertificate(certificate).sha256} (${signerIs})`)
    for (const [name, fact] of Object.entries(manifest.facts))
      if (!Array.isArray(fact)) say(`${name.padEnd(26)}${fact}`)
    for (const { name, bytes } of manifest.entries) say(`holds ${name}, ${bytes} bytes`)
    for (const what of manifest.holdsNot) say(`does not hold ${what}`)
    return 0
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    process.stderr.write(`concordat ${program} verify-backup: ${printable(thrown.message)}\n`)
    return thrown.code === 'invalid_configuration' ? 2 : 1
  }
}

function wordsOf(args: string[]): Words {
  try {
    const options = { 'backup-key-file': { type: 'string' }, anchor: { type: 'string' } } as const
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
    const [file, ...more] = positionals
    const keyFile = values['backup-key-file']
    if (file !== undefined && more.length === 0 && keyFile !== undefined)
      return { file, keyFile, anchorFile: values.anchor }
  } catch (cause) {
    throw new CommandError(2, `verify-backup does not understand this: ${(cause as Error).message}`, cause)
  }
  throw new CommandError(2, 'verify-backup takes <file> --backup-key-file FILE [--anchor FILE]')
}

function say(line: string): void {
  process.stdout.write(`${printable(line)}\n`)
}
