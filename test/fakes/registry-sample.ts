/**
 * One of everything in a registry, set up over its management API as an administrator would, and the
 * publication of it.
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import type { Publication } from '#central-registry/configuration/store.ts'
import type { Authority } from '#certs/authority.ts'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import type { Node } from './registry-world.ts'

const PROFILE = 'ee.ria.xroad.common.certificateprofile.impl.FiVRKCertificateProfileInfoProvider'
/**
 * The instance DEV with a CA, a TSA, the member GOV/1234 (odd characters in its names), a server and a group.
 */
export async function setUp(
  node: Pick<Node, 'must'>,
  authority: Authority,
  profile = PROFILE,
): Promise<void> {
  const pem = (der: Buffer): string => der.toString('base64')
  await node.must('PUT', '/system', { instance: 'DEV' })
  await node.must('POST', '/configuration/signing-keys', { algorithm: 'P-256' })
  const responder = { url: 'http://ocsp.example/', certificate: pem(authority.ocspResponder.der) }
  const { id } = (await node.must('POST', '/certification-services', {
    name: 'Test CA',
    certificateProfileInfo: profile,
    certificate: pem(authority.root.der),
    ocspResponders: [responder],
  })) as { id: number }
  await node.must('POST', `/certification-services/${id}/intermediate-cas`, {
    certificate: pem(authority.intermediate.der),
    ocspResponders: [responder, { url: 'http://ocsp2.example/' }],
  })
  const tsa = { name: 'Test TSA', url: 'http://tsa.example/', certificate: pem(authority.tsa.der) }
  await node.must('POST', '/timestamping-services', tsa)
  await node.must('POST', '/member-classes', { code: 'GOV', description: 'Government' })
  const name = 'Ämter & "Söhne" <1>'
  await node.must('POST', '/members', { memberClass: 'GOV', memberCode: '1234', name })
  await node.must('POST', '/members/DEV:GOV:1234/subsystems', { subsystemCode: 'pop ä', name: 'Persons' })
  await node.must('POST', '/members/DEV:GOV:1234/subsystems', { subsystemCode: 'plain' })
  await node.must('PUT', '/system/management-service-provider', { client: 'DEV:GOV:1234:plain' })
  await node.must('POST', '/security-servers', { id: 'DEV:GOV:1234:SS1', address: 'ss1.example' })
  await node.must('POST', '/security-servers/DEV:GOV:1234:SS1/clients', { client: 'DEV:GOV:1234:pop ä' })
  await node.must('POST', '/global-groups', { code: 'owners', description: 'Owners' })
  await node.must('POST', '/global-groups/owners/members', { client: 'DEV:GOV:1234' })
}

export const publish = async (node: Node): Promise<Publication> =>
  (await node.must('POST', '/configuration/publish')) as Publication
export const anchorOf = async (node: Node, kind = 'internal'): Promise<Buffer> =>
  (await node.call('GET', `/configuration/anchors/${kind}`)).bytes
export const newestOf = async (node: Node): Promise<Publication | null> =>
  ((await node.must('GET', '/configuration')) as { newest: Publication | null }).newest

/**
 * A PKCS #10 request for a fresh P-256 key, in DER. Its subject does not matter: the authority gets the
 * subject separately.
 */
export function certificationRequest(): Buffer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = der.sequence(der.set(der.sequence(der.oid(OID.commonName), der.utf8('ss1.example'))))
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const info = der.sequence(der.integer(0), name, spki, der.implicit(0, der.set()))
  const algorithm = der.sequence(der.oid(OID.ecdsaWithSHA256))
  return der.sequence(info, algorithm, der.bitString(sign('sha256', info, privateKey)))
}
