/**
 * Reads shared-params of version 2 to 6 (pr-gconf) into one type. All versions are read by the newest
 * schema's sequence, because X-Road's own servers publish newer elements in older versions. Unknown elements
 * are allowed only at the end.
 */

import type { XmlDocument, XmlElement } from '#core/xml/element.ts'
import { Fault } from '#schemas/fault.ts'
import type {
  CaInfo,
  ConfigurationSource,
  CostType,
  SharedParameters,
} from '#schemas/global-configuration.ts'
import { certificateDer } from './certificate-bytes.ts'
import { createPacking, type PackedShared } from './pack-shared.ts'
import { type ByXmlId, readMember, readSecurityServer } from './shared-parameters-members.ts'
import { unpackShared } from './unpack-shared.ts'
import { codeOf, readClientId } from './xml-identifier.ts'
import { base64Of, booleanOf, documentSequence, integerOf, sequenceOf, textOf } from './xml-reader.ts'
import { readXml } from './xml-tree.ts'
import { XROAD_NAMESPACE } from './xml-write.ts'

const CODE = 'malformed_global_conf'
const MAX_FRESHNESS_SECONDS = 31_536_000

/** Parses and checks a shared-params document; throws `malformed_global_conf` for any mistake. */
export async function parseSharedParameters(xml: Buffer): Promise<SharedParameters> {
  const shared = unpackShared(await readSharedParameters(xml))
  return { ...shared }
}

/**
 * As `parseSharedParameters`, but packs while reading: neither the XML tree nor the values of a large
 * instance are in memory as a whole.
 */
export function readSharedParameters(xml: Buffer): Promise<PackedShared> {
  return readXml(xml, CODE, readConf)
}

function readConf(document: XmlDocument): PackedShared {
  const { root } = document
  if (root.name !== 'conf' || root.namespace !== XROAD_NAMESPACE) {
    throw new Fault(CODE, { what: 'the root element is not X-Road conf' })
  }
  const packing = createPacking()
  const byXmlId: ByXmlId = new Map()
  const conf = documentSequence(document, CODE)
  const instance = codeOf(conf.text('instanceIdentifier'), CODE)
  const sources = conf.many('source', readSource)
  const approvedCas = conf.many('approvedCA', readApprovedCa)
  const approvedTsas = conf.many('approvedTSA', readApprovedTsa)
  conf.many('member', (element) => readMember(element, instance, packing, byXmlId))
  conf.many('securityServer', (element) => readSecurityServer(element, packing, byXmlId))
  conf.many('globalGroup', (element) => packing.group(readGlobalGroup(element)))
  conf.many('centralService', () => undefined)
  const settings = sequenceOf(conf.one('globalSettings'), CODE)
  const memberClasses = settings.many('memberClass', readMemberClass)
  const ocspFreshnessSeconds = integerOf(settings.one('ocspFreshnessSeconds'), CODE, 1, MAX_FRESHNESS_SECONDS)
  settings.end()
  return packing.packed({
    ...{ instance, sources, approvedCas, approvedTsas, memberClasses, ocspFreshnessSeconds },
  })
}

function readSource(element: XmlElement): ConfigurationSource {
  const source = sequenceOf(element, CODE)
  const address = source.text('address')
  const internalVerificationCerts = source.many('internalVerificationCert', readCertificateBytes)
  const externalVerificationCerts = source.many('externalVerificationCert', readCertificateBytes)
  source.end()
  return { address, internalVerificationCerts, externalVerificationCerts }
}

function readApprovedCa(element: XmlElement): SharedParameters['approvedCas'][number] {
  const ca = sequenceOf(element, CODE)
  const name = ca.text('name')
  const authenticationOnly = ca.maybe('authenticationOnly')
  const topCa = readCaInfo(ca.one('topCA'))
  const intermediateCas = ca.many('intermediateCA', readCaInfo)
  const certificateProfileInfo = ca.text('certificateProfileInfo').trim()
  const defaultCsrFormat = oneOf(ca.maybe('defaultCsrFormat'), ['PEM', 'DER'] as const)
  const acme = ca.maybe('acmeServer')
  ca.end()
  return {
    name,
    authenticationOnly: authenticationOnly !== undefined && booleanOf(authenticationOnly, CODE),
    topCa,
    intermediateCas,
    certificateProfileInfo,
    defaultCsrFormat,
    acmeServer: acme === undefined ? undefined : readAcmeServer(acme),
  }
}

function readAcmeServer(
  element: XmlElement,
): NonNullable<SharedParameters['approvedCas'][number]['acmeServer']> {
  const acme = sequenceOf(element, CODE)
  const server = {
    directoryUrl: acme.text('directoryURL'),
    ipAddress: acme.maybeText('ipAddress'),
    authenticationCertificateProfileId: acme.maybeText('authenticationCertificateProfileId'),
    signingCertificateProfileId: acme.maybeText('signingCertificateProfileId'),
  }
  acme.end()
  return server
}

function readCaInfo(element: XmlElement): CaInfo {
  const info = sequenceOf(element, CODE)
  const cert = certificateDer(info.base64('cert'), CODE)
  const ocsp = info.many('ocsp', (responder) => {
    const fields = sequenceOf(responder, CODE)
    const url = fields.text('url')
    const certificate = fields.maybeBase64('cert')
    const costType = readCostType(fields.maybe('costType'))
    fields.end()
    return { url, cert: certificate === undefined ? undefined : certificateDer(certificate, CODE), costType }
  })
  info.end()
  return { cert, ocsp }
}

function readApprovedTsa(element: XmlElement): SharedParameters['approvedTsas'][number] {
  const tsa = sequenceOf(element, CODE)
  const name = tsa.text('name')
  const url = tsa.text('url')
  const cert = certificateDer(tsa.base64('cert'), CODE)
  const costType = readCostType(tsa.maybe('costType'))
  tsa.end()
  return { name, url, cert, costType }
}

function readGlobalGroup(element: XmlElement): SharedParameters['globalGroups'][number] {
  const group = sequenceOf(element, CODE)
  const groupCode = codeOf(group.text('groupCode'), CODE)
  const description = group.text('description')
  const members = group.many('groupMember', (member) => readClientId(member, CODE))
  group.end()
  return { groupCode, description, members }
}

function readMemberClass(element: XmlElement): { code: string; description: string } {
  const memberClass = sequenceOf(element, CODE)
  const code = codeOf(memberClass.text('code'), CODE)
  const description = memberClass.text('description')
  memberClass.end()
  return { code, description }
}

function readCertificateBytes(element: XmlElement): Buffer {
  return certificateDer(base64Of(element, CODE), CODE)
}

function readCostType(element: XmlElement | undefined): CostType | undefined {
  return oneOf(element, ['FREE', 'PAID', 'UNDEFINED'] as const)
}

function oneOf<T extends string>(element: XmlElement | undefined, allowed: readonly T[]): T | undefined {
  if (element === undefined) return undefined
  const text = textOf(element, CODE)
  const value = allowed.find((candidate) => candidate === text)
  if (value === undefined)
    throw new Fault(CODE, { what: `${element.name}: ${allowed.join(', ')} are allowed` })
  return value
}
