/**
 * Reads the configuration of an X-Road instance and verifies it before anything is stored (pr-gconf): the
 * directory's signature by the anchor's certificates, its expiry, and each part by the hash in the directory.
 */
import { createHash } from 'node:crypto'
import { anchorHash, parseAnchor } from '#core/configuration/anchor.ts'
import { type Directory, parseDirectory } from '#core/configuration/directory.ts'
import type { DirectoryPart } from '#core/configuration/directory-parts.ts'
import { verifyDirectory } from '#core/configuration/directory-verify.ts'
import { parsePrivateParameters } from '#core/configuration/private-parameters.ts'
import { parseSharedParameters } from '#core/configuration/shared-parameters-read.ts'
import { digestOfUri } from '#core/configuration/signature-method.ts'
import { Fault } from '#schemas/fault.ts'
import {
  MONITORING_PART,
  type PrivateParameters,
  type SharedParameters,
} from '#schemas/global-configuration.ts'
import { say } from '#schemas/said.ts'
import type { ImportClient } from './client.ts'

/** The bytes as published. An external configuration has no private parameters. */
export type Documents = { anchor: Buffer; directory: Buffer; shared: Buffer; private?: Buffer | undefined }

export type Source = {
  shared: SharedParameters
  private?: PrivateParameters | undefined
  /** Whether it may name a monitoring client, in a part that is not read. */
  hasMonitoring: boolean
  version: number
  expiresAt: Date
  /** The hash of the anchor in the form that X-Road shows. */
  anchorHash: string
}

const NEWEST_VERSION = 6
/** Version 2 identifies authentication certificates by SHA-1. */
const OLDEST_VERSION = 3
const MAX_SIGNED_BYTES = 1024 * 1024
export const MAX_SHARED_BYTES = 64 * 1024 * 1024
const MAX_PRIVATE_BYTES = 16 * 1024 * 1024

/**
 * Verifies the documents and reads them. Throws `malformed_anchor`, `malformed_global_conf`,
 * `invalid_global_conf_signature` or `global_conf_outdated`.
 */
export async function readSource(documents: Documents, now: Date): Promise<Source> {
  const anchor = await parseAnchor(documents.anchor)
  const directory = verifiedDirectory(
    documents.directory,
    anchor.sources.flatMap(({ verificationCerts }) => verificationCerts),
    now,
  )
  checkHash(partOf(directory, 'SHARED-PARAMETERS', anchor.instance), documents.shared)
  const shared = await parseSharedParameters(documents.shared)
  if (shared.instance !== anchor.instance)
    throw malformed('anchor and shared parameters are of two instances')
  const own = documents.private
  if (own !== undefined) checkHash(partOf(directory, 'PRIVATE-PARAMETERS', anchor.instance), own)
  const { version, expireDate: expiresAt } = directory
  return {
    shared,
    private: own === undefined ? undefined : await parsePrivateParameters(own),
    hasMonitoring: findPart(directory, MONITORING_PART, anchor.instance) !== undefined,
    ...{ version, expiresAt, anchorHash: anchorHash(documents.anchor) },
  }
}

/**
 * Fetches from the first of the anchor's addresses that serves a directory signed by one of that address's
 * certificates. Throws the error of the first address when none does.
 */
export async function fetchDocuments(anchor: Buffer, client: ImportClient, now: Date): Promise<Documents> {
  const { instance, sources } = await parseAnchor(anchor)
  let failure: unknown
  for (const { downloadUrl, verificationCerts } of sources) {
    try {
      const { url, body } = await findDirectory(downloadUrl, client)
      const directory = verifiedDirectory(body, verificationCerts, now)
      const fetchPart = (part: DirectoryPart, maxBytes: number): Promise<Buffer> => {
        const at = new URL(part.location, url)
        if (at.origin !== new URL(url).origin) throw malformed('a location leads to another host')
        return getOk(client, at.href, maxBytes)
      }
      const own = findPart(directory, 'PRIVATE-PARAMETERS', instance)
      return {
        anchor,
        directory: body,
        shared: await fetchPart(partOf(directory, 'SHARED-PARAMETERS', instance), MAX_SHARED_BYTES),
        private: own === undefined ? undefined : await fetchPart(own, MAX_PRIVATE_BYTES),
      }
    } catch (cause) {
      failure ??= cause
    }
  }
  throw failure
}

/**
 * Fetches the directory in the newest version that the source has, trying from version 6 down to 3 as
 * X-Road's client does. Throws `network_error`.
 */
export async function findDirectory(
  downloadUrl: string,
  client: Pick<ImportClient, 'get'>,
): Promise<{ url: string; body: Buffer }> {
  for (let version = NEWEST_VERSION; version >= OLDEST_VERSION; version--) {
    const url = new URL(downloadUrl)
    if (!url.searchParams.has('version')) url.searchParams.set('version', String(version))
    const { status, body } = await client.get(url.href, MAX_SIGNED_BYTES)
    if (status === 200) return { url: url.href, body }
    if (status !== 404) throw new Fault('network_error', { what: say`${url.host} answered HTTP ${status}` })
  }
  throw new Fault('network_error', {
    what: `${new URL(downloadUrl).host} has no configuration of version 3 or newer`,
  })
}

export function verifiedDirectory(body: Buffer, certificates: Buffer[], now: Date): Directory {
  const directory = parseDirectory(body)
  verifyDirectory(directory, certificates)
  if (directory.version < OLDEST_VERSION)
    throw malformed('version 2 names certificates by SHA-1: take a newer one')
  if (directory.expireDate <= now)
    throw new Fault('global_conf_outdated', {
      what: say`it expired at ${directory.expireDate.toISOString()}; fetch it again from the central server`,
    })
  return directory
}

function findPart({ parts }: Directory, identifier: string, instance: string): DirectoryPart | undefined {
  return parts.find((part) => part.identifier === identifier && part.instance === instance)
}

export function partOf(directory: Directory, identifier: string, instance: string): DirectoryPart {
  const part = findPart(directory, identifier, instance)
  if (part === undefined) throw malformed(`the directory names no ${identifier} of the anchor's instance`)
  return part
}

export function checkHash({ hash, hashAlgorithm, identifier }: DirectoryPart, content: Buffer): void {
  if (!createHash(digestOfUri(hashAlgorithm)).update(content).digest().equals(hash))
    throw malformed(`${identifier} is not what the signed directory names`)
}

export async function getOk(
  client: Pick<ImportClient, 'get'>,
  url: string,
  maxBytes: number,
): Promise<Buffer> {
  const { status, body } = await client.get(url, maxBytes)
  if (status !== 200)
    throw new Fault('network_error', { what: say`${new URL(url).host} answered HTTP ${status}` })
  return body
}

function malformed(what: string): Fault {
  return new Fault('malformed_global_conf', { what })
}
