/**
 * Verifies a backup without restoring it. Guarantees that it is complete, that it is a registry's, and that
 * its signer is a signing key of the register in the backup or, if the caller passes an anchor, of that
 * anchor.
 */
import { parseAnchor } from '#core/configuration/anchor.ts'
import { linesOf } from '#platform/backups/lines.ts'
import type { Manifest } from '#platform/backups/manifest.ts'
import { readBackup } from '#platform/backups/read-backup.ts'
import { rowsOf } from '#platform/backups/rows.ts'
import { Fault } from '#schemas/fault.ts'
import { DATABASE_ENTRY } from './make-backup.ts'

export type VerifiedBackup = {
  manifest: Manifest
  sha256: string
  /** DER of the signer's certificate. */
  certificate: Buffer
  /** All entries except the database. */
  files: Map<string, Buffer>
}

type Bytes = { base64?: unknown } | null

/** More than the signing keys, marks and leaves of any registry need. */
const MAX_FILES = 512 * 1024 * 1024

/** Throws `backup_invalid`, `io_error`. */
export async function verifyBackup(q: {
  file: string
  secret: string
  anchor?: Buffer | undefined
}): Promise<VerifiedBackup> {
  const files = new Map<string, Buffer>()
  let held = 0
  let rows = 0
  let signers: string[] = []
  const read = await readBackup(q, async (name, content) => {
    if (name === DATABASE_ENTRY) {
      const found = await rowsOf(linesOf(content), ['signing_key'])
      rows = found.rows
      signers = found.of.get('signing_key')!.map((key) => String((key['certificate'] as Bytes)?.base64))
      return
    }
    const parts: Buffer[] = []
    for await (const part of content) {
      held += part.length
      if (held > MAX_FILES) throw invalid('its files are too long')
      parts.push(part)
    }
    files.set(name, Buffer.concat(parts))
  })
  const { manifest, signature, sha256 } = read
  const certificate = signature.certificate.der
  if (manifest.kind !== 'central-registry') throw invalid('it is not the backup of a registry')
  if (manifest.facts['rows'] !== rows) throw invalid(`it has ${rows} rows, its manifest says another number`)
  const trusted =
    q.anchor === undefined ? signers : (await certificatesOf(q.anchor)).map((one) => one.toString('base64'))
  if (!trusted.includes(certificate.toString('base64')))
    throw invalid(
      q.anchor === undefined
        ? 'who signed it is no signing key of the register in it'
        : 'who signed it is no signing key of the anchor',
    )
  return { manifest, sha256, certificate, files }
}

async function certificatesOf(anchor: Buffer): Promise<Buffer[]> {
  return (await parseAnchor(anchor)).sources.flatMap(({ verificationCerts }) => verificationCerts)
}

function invalid(what: string, cause?: unknown): Fault {
  return new Fault('backup_invalid', { what, cause })
}
