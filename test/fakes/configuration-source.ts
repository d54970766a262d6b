/**
 * A configuration source on loopback: publishes signed configurations as a central registry does, or with the
 * faults that a test wants.
 */

import { createHash, sign } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { writeAnchor } from '#core/configuration/anchor.ts'
import {
  writeDirectory,
  writeSharedParameters,
  writeStatement,
} from '#core/configuration/configuration-fixture.ts'
import type { DirectoryPart } from '#core/configuration/directory-parts.ts'
import { publicationStamp } from '#core/configuration/directory-parts.ts'
import { writeMonitoringParameters } from '#core/configuration/monitoring-parameters.ts'
import { writePrivateParameters } from '#core/configuration/private-parameters.ts'
import { signatureUriFor } from '#core/configuration/signature-method.ts'
import { documentSigner } from '#core/configuration/signed-document.ts'
import {
  type ConfigurationStatement,
  MONITORING_PART,
  type PrivateParameters,
  type SharedParameters,
} from '#schemas/global-configuration.ts'
import type { ClientId } from '#schemas/identifiers.ts'
import { DIGEST_URI } from '#schemas/wire.ts'
import { samplePrivate, sampleShared } from './configuration-sample.ts'
import { type ConfigurationSigner, createConfigurationSigner } from './configuration-signer.ts'

export type Publication = {
  /** The time of publication by the source's clock, as written in the locations. */
  at: Date
  expireDate: Date
  /** Changes the content. */
  name?: string
  versions?: (4 | 5 | 6)[]
  /** The index of the statement; without it there is no statement. */
  index?: number
  signer?: ConfigurationSigner
  /** The keys that the configuration names as the instance's; defaults to the signer. */
  named?: ConfigurationSigner[]
  anchors?: PrivateParameters['anchors']
  monitoringClient?: ClientId
  /** Changes the shared parameters before they are signed. */
  shared?: (honest: SharedParameters) => SharedParameters
  /** Written into the documents in place of the source's own instance. */
  instance?: string
  statement?: (honest: ConfigurationStatement) => ConfigurationStatement
}

export type ConfigurationSource = {
  url: string
  signer: ConfigurationSigner
  /** By path and query: contents served with status 200; everything else is 404. */
  files: Map<string, Buffer>
  /** Every request's path and query, in order. */
  requests: string[]
  /** Handles a request in place of `files` when it returns true. */
  intercept: ((path: string, request: IncomingMessage, response: ServerResponse) => boolean) | undefined
  publish(publication: Publication): void
  anchor(): Buffer
  close(): Promise<void>
}

export async function startConfigurationSource(
  instance: string,
  signer: ConfigurationSigner = createConfigurationSigner('Configuration signing key'),
): Promise<ConfigurationSource> {
  const files = new Map<string, Buffer>()
  const requests: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    requests.push(path)
    if (source.intercept?.(path, request, response) === true) return
    const body = files.get(path)
    response.writeHead(body === undefined ? 404 : 200).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const source: ConfigurationSource = {
    url,
    signer,
    files,
    requests,
    intercept: undefined,
    publish: (publication) => publish(files, `127.0.0.1:${port}`, instance, { signer, ...publication }),
    anchor: () =>
      writeAnchor({
        generatedAt: new Date('2026-01-01T00:00:00Z'),
        instance,
        sources: [{ downloadUrl: `${url}/internalconf`, verificationCerts: [signer.certificate] }],
      }),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return source
}

type Complete = Publication & { signer: ConfigurationSigner }

function publish(files: Map<string, Buffer>, address: string, sourceInstance: string, q: Complete): void {
  const instance = q.instance ?? sourceInstance
  const { certificate } = q.signer
  const certs = (q.named ?? [q.signer]).map((named) => named.certificate)
  const sources = [{ address, internalVerificationCerts: certs, externalVerificationCerts: certs }]
  const sample = sampleShared({
    instance,
    certificate,
    sources,
    ...(q.name === undefined ? {} : { name: q.name }),
  })
  const shared = q.shared?.(sample) ?? sample
  const privateXml = writePrivateParameters(
    samplePrivate({ instance, certificate, anchors: q.anchors ?? [] }),
  )
  const parts: ConfigurationStatement['parts'] = {}
  for (const path of files.keys()) if (/^\/(?:in|ex)ternalconf/.test(path)) files.delete(path)
  const versions = q.versions ?? [6, 5, 4]
  for (const version of versions) {
    const sharedXml = writeSharedParameters(shared, version)
    const folder = `/V${version}/${publicationStamp(q.at)}`
    const listed = [
      partOf('SHARED-PARAMETERS', instance, `${folder}/shared-params.xml`, sharedXml),
      partOf('PRIVATE-PARAMETERS', instance, `${folder}/private-params.xml`, privateXml),
    ]
    if (q.monitoringClient !== undefined) {
      const xml = writeMonitoringParameters(q.monitoringClient)
      listed.push(partOf(MONITORING_PART, instance, `${folder}/monitoring-params.xml`, xml))
      files.set(`${folder}/monitoring-params.xml`, xml)
    }
    files.set(`${folder}/shared-params.xml`, sharedXml)
    files.set(`${folder}/private-params.xml`, privateXml)
    files.set(`/internalconf?version=${version}`, directoryOf(q, version, listed))
    files.set(`/externalconf?version=${version}`, directoryOf(q, version, listed.slice(0, 1)))
    for (const { identifier, location, hash } of listed) {
      parts[`V${version}/${identifier}`] = { location, sha512: hash.toString('base64') }
    }
  }
  if (q.index === undefined) return
  const honest = {
    instance,
    index: q.index,
    generatedAt: q.at.toISOString(),
    expireDate: q.expireDate.toISOString(),
    parts,
  }
  const jws = Buffer.from(
    writeStatement(q.statement?.(honest) ?? honest, documentSigner(certificate, q.signer.key)),
  )
  for (const version of versions) files.set(`/internalconf-statement?version=${version}`, jws)
}

function partOf(identifier: string, instance: string, location: string, content: Buffer): DirectoryPart {
  const hash = createHash('sha512').update(content).digest()
  return { identifier, instance, location, hashAlgorithm: DIGEST_URI['SHA-512'], hash }
}

function directoryOf(q: Complete, version: number, parts: DirectoryPart[]): Buffer {
  const { key, certificate } = q.signer
  return writeDirectory({
    expireDate: q.expireDate,
    version,
    parts,
    verificationCert: certificate,
    algorithmId: signatureUriFor(key),
    sign: (data) => sign('sha512', data, key),
  })
}
