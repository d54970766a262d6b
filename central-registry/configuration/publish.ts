/**
 * Guarantees that what servers fetch is whole, signed and never older than what they had: V4 to V6, internal and external,
 * and our statement with the next index, in one transaction.
 */
import { createHash, sign } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type DirectoryPart, writeDirectory } from '#core/configuration/directory.ts'
import { publicationStamp } from '#core/configuration/directory-parts.ts'
import { writePrivateParameters } from '#core/configuration/private-parameters.ts'
import { writeSharedParameters } from '#core/configuration/shared-parameters-write.ts'
import { signatureUriFor } from '#core/configuration/signature-method.ts'
import { statementSigner, writeStatement } from '#core/configuration/statement.ts'
import { Fault } from '#schemas/fault.ts'
import type { ConfigurationStatement } from '#schemas/global-configuration.ts'
import { DIGEST_URI } from '#schemas/wire.ts'
import { assemblePrivate, assembleShared, type RegistryRows, type Settings } from './assemble.ts'
import { type SigningKey, type SigningKeys, writeDurably } from './signing-key.ts'
import type { Publication, PublicationStore, PublishedFile } from './store.ts'

export const VERSIONS = [4, 5, 6] as const

type Rooms = {
  store: PublicationStore
  keys: SigningKeys
  /** Remembers the highest index outside the database, so that a restored database is noticed. */
  highWaterFile: string
  rows(): Promise<RegistryRows>
  now(): Date
  sourceAddress: string
  validitySeconds: number
  ocspFreshnessSeconds: number
  timeStampingIntervalSeconds: number
}

export type Publish = () => Promise<Publication>

/** Throws `cannot_sign`, `conflict` before the system is initialised, `global_conf_rollback` on a database older than the key folder's mark. */
export function createPublish(rooms: Rooms): Publish {
  return async () => {
    const rows = await rooms.rows()
    const instance = rows.parameters['instance']
    if (instance === undefined) throw new Fault('conflict', { what: 'the instance is not initialised yet' })
    const settings: Settings = {
      ...rooms,
      instance,
      verificationCerts: rooms.keys.all().map((key) => key.certificate),
    }
    const parts = partsOf(rows, settings)
    const mark = await readMark(rooms.highWaterFile)
    const publication = await rooms.store.publish((previous) => {
      const index = (previous?.index ?? 0) + 1
      if (index <= mark) {
        throw new Fault('global_conf_rollback', {
          what: `the database is at index ${index - 1}, index ${mark} was published before: a backup was restored; set the mark in ${rooms.highWaterFile} only when no server has seen later ones`,
        })
      }
      return write({
        parts,
        index,
        previous,
        now: rooms.now(),
        key: rooms.keys.active(),
        instance,
        validitySeconds: rooms.validitySeconds,
      })
    })
    await writeDurably(rooms.highWaterFile, String(publication.index))
    return publication
  }
}

type Part = { version: number; identifier: string; file: string; content: Buffer }

function partsOf(rows: RegistryRows, settings: Settings): Part[] {
  const shared = assembleShared(rows, settings)
  const privateParameters = writePrivateParameters(assemblePrivate(settings))
  return VERSIONS.flatMap((version) => [
    {
      version,
      identifier: 'SHARED-PARAMETERS',
      file: 'shared-params.xml',
      content: writeSharedParameters(shared, version),
    },
    { version, identifier: 'PRIVATE-PARAMETERS', file: 'private-params.xml', content: privateParameters },
  ])
}

function write(q: {
  parts: Part[]
  index: number
  previous: Publication | undefined
  now: Date
  key: SigningKey
  instance: string
  validitySeconds: number
}): { publication: Publication; files: PublishedFile[] } {
  // The stamp in the location is what servers compare: it rises even when the clock does not.
  const generatedAt = new Date(
    Math.max(q.now.getTime(), Date.parse(q.previous?.generatedAt ?? '1970-01-01T00:00:00Z') + 1),
  )
  const expireDate = new Date(q.now.getTime() + q.validitySeconds * 1000)
  const stamp = publicationStamp(generatedAt)
  const placed = q.parts.map((part) => ({
    ...part,
    location: `/V${part.version}/${stamp}/${part.file}`,
    hash: createHash('sha512').update(part.content).digest(),
  }))
  const files: PublishedFile[] = placed.map(({ location, content }) => ({
    path: location,
    contentType: 'text/xml',
    content,
  }))
  for (const version of VERSIONS) {
    for (const name of ['internalconf', 'externalconf'] as const) {
      const own = placed.filter(
        (part) =>
          part.version === version && (name === 'internalconf' || part.identifier === 'SHARED-PARAMETERS'),
      )
      files.push({
        path: `/V${version}/${name}`,
        contentType: 'text/plain',
        content: directory(own, version, expireDate, q),
      })
      const statement = statementOf(own, generatedAt, expireDate, q)
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
      generatedAt: generatedAt.toISOString(),
      expiresAt: expireDate.toISOString(),
    },
    files,
  }
}

type Placed = Part & { location: string; hash: Buffer }

function directory(
  parts: Placed[],
  version: number,
  expireDate: Date,
  q: { key: SigningKey; instance: string },
): Buffer {
  const { key, certificate } = q.key
  const listed: DirectoryPart[] = parts.map(({ identifier, location, hash }) => ({
    identifier,
    instance: q.instance,
    location,
    hashAlgorithm: DIGEST_URI['SHA-512'],
    hash,
  }))
  return writeDirectory({
    expireDate,
    version,
    parts: listed,
    verificationCert: certificate,
    algorithmId: signatureUriFor(key),
    sign: (data) => sign('sha512', data, key),
  })
}

function statementOf(
  parts: Placed[],
  generatedAt: Date,
  expireDate: Date,
  q: { key: SigningKey; instance: string; index: number },
): string {
  const statement: ConfigurationStatement = {
    instance: q.instance,
    index: q.index,
    generatedAt: generatedAt.toISOString(),
    expireDate: expireDate.toISOString(),
    parts: Object.fromEntries(
      parts.map((part) => [
        `V${part.version}/${part.identifier}`,
        { location: part.location, sha512: part.hash.toString('base64') },
      ]),
    ),
  }
  return writeStatement(statement, statementSigner(q.key.certificate, q.key.key))
}

async function readMark(file: string): Promise<number> {
  try {
    const mark = Number(await readFile(file, 'utf8'))
    if (!Number.isSafeInteger(mark) || mark < 0)
      throw new Fault('io_error', { what: `${file} does not hold a number` })
    return mark
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw cause
  }
}
