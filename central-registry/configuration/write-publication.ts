/**
 * Writes one publication as files: shared, private and monitoring parameters V4 to V6, and the signed
 * directories of the internal and the external configuration. Next to each directory is our statement with
 * the index and the transparency log's head, whose newest leaf is this publication.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { type DirectoryPart, publicationStamp } from '#core/configuration/directory-parts.ts'
import { prepareDirectory } from '#core/configuration/directory-write.ts'
import { configurationEntry, type LogEntry, signLogHead } from '#core/configuration/log-head.ts'
import { writeMonitoringParameters } from '#core/configuration/monitoring-parameters.ts'
import { writePrivateParameters } from '#core/configuration/private-parameters.ts'
import { signatureUriFor } from '#core/configuration/signature-method.ts'
import { documentSignerOf } from '#core/configuration/signed-document.ts'
import { signStatement } from '#core/configuration/statement.ts'
import { publicHalf, type SigningKey, signDerWith } from '#core/signature/signing-key.ts'
import type { CertificateProfile } from '#schemas/certificate-profile.ts'
import {
  CERTIFICATE_PROFILES_PART,
  type ConfigurationStatement,
  LOG_KEYS_PART,
  MONITORING_PART,
  TRUSTED_ISSUERS_PART,
} from '#schemas/global-configuration.ts'
import type { PublishedLogKeys } from '#schemas/log-cosignature.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { PublishedIssuer } from '#schemas/trusted-issuer.ts'
import { DIGEST_URI } from '#schemas/wire.ts'
import { assemblePrivate, type FewRows, hostOf, monitoringClientIn, type Settings } from './assemble.ts'
import type { Publication, PublishedFile } from './store.ts'
import { VERSIONS, type WrittenShared } from './write-shared.ts'

const HOUR_MS = 3_600_000

type NextPublication = {
  rows: FewRows
  /** Written from the register at the same moment as the rows. */
  shared: WrittenShared[]
  index: Whole
  previous: Publication | undefined
  now: Date
  signer: { certificate: Buffer; key: SigningKey }
  settings: Settings & {
    validitySeconds: number
    /**
     * Without it no grace is published, whatever contracts say: older servers would refuse the statement, and
     * stop.
     */
    outageGrace: boolean
  }
  /** The keys of the public log; undefined without one. They are in the log themselves, as each part is. */
  logKeys: PublishedLogKeys | undefined
  /** Appends the publication to the transparency log; returns size and root of the tree with it. */
  appendToLog(entry: LogEntry): Promise<{ size: number; root: Buffer }>
}

type Part = {
  version: Whole
  identifier: string
  file: string
  hash: Buffer
  /** What X-Road's servers store an optional part as. */
  isOptional?: true
  stored: Pick<PublishedFile, 'digest' | 'content'>
}

function partsOf({ rows, shared, settings }: NextPublication): Part[] {
  const content = writePrivateParameters(assemblePrivate(rows, settings))
  const hash = createHash('sha512').update(content).digest()
  const monitoringClient = monitoringClientIn(rows)
  const monitoring = monitoringClient && writeMonitoringParameters(monitoringClient)
  return shared.flatMap(({ version, digest, sha512, content: written }) => [
    {
      ...{ version, identifier: 'SHARED-PARAMETERS', file: 'shared-params.xml' },
      ...{ hash: Buffer.from(sha512), stored: { digest, content: written } },
    },
    {
      ...{ version, identifier: 'PRIVATE-PARAMETERS', file: 'private-params.xml' },
      ...{ hash, stored: { content } },
    },
    ...(monitoring === undefined
      ? []
      : [
          {
            ...{
              version,
              identifier: MONITORING_PART,
              file: 'monitoring-params.xml',
              isOptional: true as const,
            },
            hash: createHash('sha512').update(monitoring).digest(),
            stored: { content: monitoring },
          },
        ]),
  ])
}

/** Writes the next publication from the rows. */
export async function writePublication(
  q: NextPublication,
): Promise<{ publication: Publication; files: PublishedFile[] }> {
  // Servers compare the time in the location, so it has to rise even when the clock does not. What the
  // statement says of its time is the clock's: a clock that was ahead once must not lead servers astray
  // afterwards.
  const stampedAt = new Date(
    Math.max(q.now.getTime(), Date.parse(q.previous?.generatedAt ?? '1970-01-01T00:00:00Z') + 1),
  )
  const expireDate = new Date(q.now.getTime() + q.settings.validitySeconds * 1000)
  const { graceHours } = q.rows
  const grace: Grace =
    graceHours === 0 || !q.settings.outageGrace
      ? {}
      : { graceUntil: new Date(expireDate.getTime() + graceHours * HOUR_MS).toISOString() }
  const stamp = publicationStamp(stampedAt)
  const placed = partsOf(q).map((part) => ({
    ...part,
    location: `/V${part.version}/${stamp}/${part.file}`,
  }))
  const lists = listsOf(q, stamp)
  const logHead = await logHeadOf({ ...hashesOf(placed), ...hashesOfLists(lists) }, q)
  const files: PublishedFile[] = placed.map(({ location, stored }) => ({
    path: location,
    contentType: 'text/xml',
    ...stored,
  }))
  for (const { location, content } of lists)
    files.push({ path: location, contentType: 'application/json', content })
  for (const version of VERSIONS) {
    for (const name of ['internalconf', 'externalconf'] as const) {
      const own = placed.filter(
        (part) =>
          part.version === version && (name === 'internalconf' || part.identifier === 'SHARED-PARAMETERS'),
      )
      files.push({
        path: `/V${version}/${name}`,
        contentType: 'text/plain',
        content: await directory(own, version, expireDate, q),
      })
      const statement = await statementOf(own, { expireDate, grace, logHead, lists }, q)
      files.push({
        path: `/V${version}/${name}-statement`,
        contentType: 'application/jose',
        content: Buffer.from(statement),
      })
    }
  }
  return {
    publication: {
      index: q.index,
      generatedAt: stampedAt.toISOString(),
      expiresAt: expireDate.toISOString(),
      ...grace,
    },
    files,
  }
}

type Placed = Part & { location: string }

async function directory(
  parts: Placed[],
  version: number,
  expireDate: Date,
  q: NextPublication,
): Promise<Buffer> {
  const { key, certificate } = q.signer
  const listed: DirectoryPart[] = parts.map(({ identifier, location, hash, isOptional, file }) => ({
    identifier,
    ...(isOptional && { fileName: file }),
    instance: q.settings.instance,
    location,
    hashAlgorithm: DIGEST_URI['SHA-512'],
    hash,
  }))
  const { toBeSigned, finish } = prepareDirectory({
    expireDate,
    version,
    parts: listed,
    verificationCert: certificate,
    algorithmId: signatureUriFor(publicHalf(key)),
  })
  return finish(await signDerWith(key, 'sha512', toBeSigned))
}

/** One head for all statements of the publication, so that servers of any version can compare theirs. */
async function logHeadOf(parts: Record<string, string>, q: NextPublication): Promise<string> {
  const { instance } = q.settings
  const entry = configurationEntry({
    instance,
    index: q.index,
    generatedAt: q.now.toISOString(),
    parts,
  })
  const { size, root } = await q.appendToLog(entry)
  const head = { instance, index: q.index, size, root: root.toString('base64') }
  return signLogHead(head, documentSignerOf(q.signer.certificate, q.signer.key))
}

/**
 * For our own servers, in the statement: X-Road's parameters have room only for a profile's name, and for no
 * issuers.
 */
type List = {
  part: string
  location: string
  content: Buffer
  sha512: string
  stated: Pick<ConfigurationStatement, 'certificateProfiles' | 'trustedIssuers'>
}

/** Those that are not empty. */
function listsOf(q: Pick<NextPublication, 'rows' | 'logKeys'>, stamp: string): List[] {
  const { certificateProfiles, trustedIssuers }: FewRows = q.rows
  const read = <T>(rows: { document: string }[]): T[] => rows.map(({ document }) => JSON.parse(document) as T)
  const list = (part: string, file: string, of: object, stated: List['stated']): List[] => {
    if (Array.isArray(of) && of.length === 0) return []
    const content = Buffer.from(canonicalJson(of))
    const sha512 = createHash('sha512').update(content).digest('base64')
    return [{ part, content, sha512, stated, location: `/V1/${stamp}/${file}` }]
  }
  const profiles = read<CertificateProfile>(certificateProfiles)
  const issuers = read<PublishedIssuer>(trustedIssuers)
  return [
    ...list(CERTIFICATE_PROFILES_PART, 'certificate-profiles.json', profiles, {
      certificateProfiles: profiles,
    }),
    ...list(TRUSTED_ISSUERS_PART, 'trusted-issuers.json', issuers, { trustedIssuers: issuers }),
    // Only its hash is in the statement: servers of before refuse fields that they do not know, and pass over
    // parts.
    ...list(LOG_KEYS_PART, 'log-keys.json', q.logKeys ?? [], {}),
  ]
}

function hashesOfLists(lists: List[]): Record<string, string> {
  return Object.fromEntries(lists.map(({ part, sha512 }) => [part, sha512]))
}

function hashesOf(parts: Placed[]): Record<string, string> {
  return Object.fromEntries(parts.map((part) => [nameOf(part), part.hash.toString('base64')]))
}

type Grace = Pick<ConfigurationStatement, 'graceUntil'>
type Common = { expireDate: Date; grace: Grace; logHead: string; lists: List[] }

function statementOf(
  parts: Placed[],
  { expireDate, grace, logHead, lists }: Common,
  q: NextPublication,
): Promise<string> {
  const statement: ConfigurationStatement = {
    instance: q.settings.instance,
    index: q.index,
    generatedAt: q.now.toISOString(),
    expireDate: expireDate.toISOString(),
    ...grace,
    parts: {
      ...Object.fromEntries(
        parts.map((part) => [
          nameOf(part),
          { location: part.location, sha512: part.hash.toString('base64') },
        ]),
      ),
      ...Object.fromEntries(lists.map(({ part, location, sha512 }) => [part, { location, sha512 }])),
    },
    ...Object.assign({}, ...lists.map(({ stated }) => stated)),
    hasSuspensionList: true,
    logHead,
    ...registrationOf(q.settings),
  }
  return signStatement(statement, documentSignerOf(q.signer.certificate, q.signer.key))
}

function nameOf(part: Part): string {
  return `V${part.version}/${part.identifier}`
}

/**
 * For registries of federated instances, which cannot learn it elsewhere: external configurations have no
 * private parameters.
 */
function registrationOf({
  sourceAddress,
  registration,
}: Settings): Pick<ConfigurationStatement, 'registration'> {
  if (registration === undefined) return {}
  const address = `https://${hostOf(sourceAddress)}:${registration.port}/`
  return { registration: { address, certificate: registration.certificate.toString('base64') } }
}
