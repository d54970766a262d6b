/**
 * Checks who signed a backup of a security server. Guarantees that the signer was the server's owner, as far
 * as local files can prove that without a network. Lists what they prove and what they do not.
 */
import { hash } from 'node:crypto'
import { isSigningCertificate } from '#core/certificate/usage.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { checkSigner } from '#core/signature/check-signer.ts'
import type { JsonSignature } from '#core/signature/signed-json.ts'
import type { Manifest } from '#platform/backups/manifest.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf, parseServerId } from '#schemas/identifiers.ts'

export type SignerVerdict = { member: string; sha256: string; proved: string[]; notProved: string[] }

/** Trusted configurations by instance; `origin` says in texts for people where they came from. */
export type Trust = { indexes: ReadonlyMap<string, ConfigurationIndex>; origin: string }

const KEY_FILE = /^keys\/.*\.json$/

/**
 * With `trust`, an approved CA must have issued the certificate to the owner, and it must have been valid
 * when the backup says that it was made. Without `trust`, the backup itself must contain it as a signing
 * certificate of the owner. Throws `backup_invalid`.
 */
export function judgeSigner(q: {
  signature: JsonSignature
  manifest: Pick<Manifest, 'of' | 'madeAt'>
  files: ReadonlyMap<string, Buffer>
  trust?: Trust | undefined
  now: Date
}): SignerVerdict {
  const { signature, trust } = q
  const { certificate } = signature
  const owner = memberOf(parseServerId(q.manifest.of))
  const [member, at] = [idText(owner), new Date(q.manifest.madeAt)]
  const said = { member, sha256: certificate.sha256 }
  const time = `that it was made at ${q.manifest.madeAt}: this is the word of its signer, no time-stamp stands behind it`
  if (trust !== undefined) {
    const configuration = trust.indexes.get(owner.instance)
    if (configuration === undefined) throw wrong(`the ${trust.origin} is of another instance`)
    try {
      const kept = { ocspResponses: [], now: q.now }
      checkSigner({ signature, configuration, at, member: owner, kept })
    } catch (cause) {
      if (!(cause instanceof Fault)) throw cause
      throw wrong(cause.message, cause)
    }
    return {
      ...said,
      proved: [
        `its signer is ${member}: a signing certificate by a certification service of the ${trust.origin}`,
        'that certificate was valid and not revoked when the backup says that it was made',
      ],
      notProved: [time],
    }
  }
  if (!isSigningCertificate(certificate)) throw wrong('its certificate is not for signing')
  if (at < certificate.notBefore || at > certificate.notAfter)
    throw wrong(`its certificate was not valid at ${q.manifest.madeAt}`)
  if (!ownersIn(q.files, member).has(certificate.sha256))
    throw wrong(`the backup holds no such signing certificate of ${member}`)
  return {
    ...said,
    proved: [
      `the backup itself holds this certificate as one by which ${member} signs, valid when it says that it was made`,
    ],
    notProved: [
      'that a certification service of the instance issued it: whoever has the key of backups can write one of their own. Name a configuration to see',
      time,
    ],
  }
}

/** SHA-256 hashes of the signing certificates that the backup contains for this member. */
function ownersIn(files: ReadonlyMap<string, Buffer>, member: string): Set<string> {
  const found = new Set<string>()
  for (const [name, bytes] of files) {
    if (!KEY_FILE.test(name)) continue
    for (const { sha256, of } of certificatesIn(bytes)) if (of === member) found.add(sha256)
  }
  return found
}

/** The certificates in a key file (keys/key-file.ts). Empty for any other file. */
function certificatesIn(bytes: Buffer): { sha256: string; of: unknown }[] {
  try {
    const { usage, certificates } = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>
    if (usage !== 'SIGNING' || !Array.isArray(certificates)) return []
    return certificates.map((one: Record<string, unknown>) => ({
      sha256: hash('sha256', Buffer.from(String(one['der']), 'base64')),
      of: one['member'],
    }))
  } catch {
    return []
  }
}

function wrong(what: string, cause?: unknown): Fault {
  return new Fault('backup_invalid', { what: `who signed it is not the owner of its server: ${what}`, cause })
}
