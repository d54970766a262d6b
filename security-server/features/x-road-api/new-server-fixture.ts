/**
 * A security server that nobody has set up, as a process, with a registry and trust services that are real.
 */
import { generateKeyPairSync, randomInt } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { startTrustServices } from '#certs/trust-services.ts'
import { publish } from '#test/fakes/registry-sample.ts'
import { type Node, registryWorld } from '#test/fakes/registry-world.ts'
import { startProcess } from '#test/processes.ts'
import { selfSignedCertificate } from '../../keys/self-signed.ts'
import { certificatePem } from '../../local-systems/view.ts'

export type NewServer = {
  folder: string
  address: string
  /** Where X-Road's tools find their API. */
  url: string
  /** Our own management API, and its first key. */
  adminUrl: string
  apiKey: string
  /** A file with the anchor of the instance. */
  anchorFile: string
  node: Node
  authority: Awaited<ReturnType<typeof createAuthority>>
}

/**
 * The server DEV/GOV/1000/ss1 of Agency, in an instance with a client of another member, DEV:COM:4000:tax.
 */
export async function startNewServer(t: Test): Promise<NewServer> {
  const authority = await createAuthority({ instance: 'DEV', clock: Date.now })
  const trust = await startTrustServices({ authority, host: '127.0.0.1' })
  t.teardown(() => trust.close())
  const world = registryWorld(t)
  // The server is a process with the machine's clock: the registry's has to go on as well.
  Object.defineProperty(world.clock, 'now', { get: Date.now })
  const node = await world.start({ registration: true })
  const base64 = (der: Buffer): string => der.toString('base64')
  const ocspResponders = [{ url: trust.ocspUrl, certificate: base64(authority.ocspResponder.der) }]
  await node.must('PUT', '/system', { instance: 'DEV' })
  await node.must('POST', '/configuration/signing-keys', { algorithm: 'P-256' })
  const { id } = (await node.must('POST', '/certification-services', {
    name: 'Test CA',
    certificateProfileInfo: 'ee.ria.xroad.common.certificateprofile.impl.FiVRKCertificateProfileInfoProvider',
    ...{ certificate: base64(authority.root.der), ocspResponders },
  })) as { id: number }
  const intermediate = { certificate: base64(authority.intermediate.der), ocspResponders }
  await node.must('POST', `/certification-services/${id}/intermediate-cas`, intermediate)
  const tsa = { name: 'Test TSA', url: trust.tsaUrl, certificate: base64(authority.tsa.der) }
  await node.must('POST', '/timestamping-services', tsa)
  for (const [memberClass, memberCode, name, subsystemCode] of [
    ['GOV', '1000', 'Agency', 'population'],
    ['COM', '4000', 'Guest', 'tax'],
  ] as const) {
    await node.must('POST', '/member-classes', { code: memberClass, description: memberClass })
    await node.must('POST', '/members', { memberClass, memberCode, name })
    await node.must('POST', `/members/DEV:${memberClass}:${memberCode}/subsystems`, { subsystemCode })
  }
  await node.must('PUT', '/system/management-service-provider', { client: 'DEV:COM:4000:tax' })
  await publish(node)
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-new-server-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const anchorFile = path.join(folder, 'anchor.xml')
  writeFileSync(anchorFile, (await node.call('GET', '/configuration/anchors/internal')).bytes)
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  mkdirSync(path.join(folder, 'ss1'), { mode: 0o700 })
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const names = { hostName: 'ss1.example', ipAddresses: [address] }
  const tls = selfSignedCertificate({ privateKey, names, at: new Date() })
  writeFileSync(path.join(folder, 'ss1/tls.pem'), certificatePem(tls))
  writeFileSync(path.join(folder, 'ss1/tls.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), {
    mode: 0o600,
  })
  writeFileSync(
    path.join(folder, 'ss1.yaml'),
    `server: DEV/GOV/1000/ss1
directory: ./ss1
database: sqlite:${folder}/ss1/server.db
messageLogDatabase: sqlite:${folder}/ss1/message-log.db
peers: { address: ${address} }
clients: { http: { address: ${address} }, https: { address: ${address} } }
admin: { address: ${address}, initialApiKeyFile: ./ss1/api-key }
xRoadApi: { address: ${address}, port: 4002, certificateFile: ./ss1/tls.pem, keyFile: ./ss1/tls.key }
development: true
`,
  )
  const server = await startProcess({
    name: 'ss1',
    command: 'security-server',
    directory: folder,
    environment: {},
  })
  t.teardown(() => server.stop())
  const apiKey = readFileSync(path.join(folder, 'ss1/api-key'), 'utf8').trim()
  const [url, adminUrl] = [`https://${address}:4002/api/v1`, `http://${address}:4000/api/v1`]
  return { folder, address, url, adminUrl, apiKey, anchorFile, node, authority }
}
