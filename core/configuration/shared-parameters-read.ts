/**
 * Reads shared-params of version 2 to 6 (pr-gconf; wire digest 5.5) into one shape. The newest schema's sequence serves
 * for all: X-Road's own servers publish newer elements in older versions. Unknown elements may only stand at the end.
 */

import { Fault } from '#schemas/fault.ts'
import type {
  CaInfo,
  ConfigurationSource,
  CostType,
  SharedParameters,
} from '#schemas/global-configuration.ts'
import { certificateDer } from './certificate-bytes.ts'
import { readMembers, readSecurityServers } from './shared-parameters-members.ts'
import { codeOf, readClientId } from './xml-identifier.ts'
import { base64Of, booleanOf, integerOf, sequenceOf, textOf } from './xml-reader.ts'
import { parseXml, type XmlElement } from './xml-tree.ts'
import { XROAD_NAMESPACE } from './xml-write.ts'

const CODE = 'malformed_global_conf'
const MAX_FRESHNESS_SECONDS = 31_536_000

/** Parses and checks a shared-params document; anything amiss is `malformed_global_conf`. */
export async function parseSharedParameters(xml: Buffer): Promise<SharedParameters> {
  const root = await parseXml(xml, CODE)
  if (root.name !== 'conf' || root.namespace !== XROAD_NAMESPACE) {
    throw new Fault(CODE, { what: 'the root element is not X-Road conf' })
  }
  const conf = sequenceOf(root, CODE)
  const instance = codeOf(conf.text('instanceIdentifier'), CODE)
  const sources = conf.many('source').map(readSource)
  const approvedCas = conf.many('approvedCA').map(readApprovedCa)
  const approvedTsas = conf.many('approvedTSA').map(readApprovedTsa)
  const { members, byXmlId } = readMembers(conf.many('member'), instance)
  const securityServers = readSecurityServers(conf.many('securityServer'), byXmlId)
  const globalGroups = conf.many('globalGroup').map(readGlobalGroup)
  refuseTwins(
    globalGroups.map((group) => group.groupCode),
    'global group',
  )
  conf.many('centralService')
  const settings = sequenceOf(conf.one('globalSettings'), CODE)
  const memberClasses = settings.many('memberClass').map(readMemberClass)
  const ocspFreshnessSeconds = integerOf(settings.one('ocspFreshnessSeconds'), CODE, 1, MAX_FRESHNESS_SECONDS)
  settings.end()
  return {
    instance,
    sources,
    approvedCas,
    approvedTsas,
    members,
    securityServers,
    globalGroups,
    memberClasses,
    ocspFreshnessSeconds,
  }
}

function readSource(element: XmlElement): ConfigurationSource {
  const source = sequenceOf(element, CODE)
  const address = source.text('address')
  const internal = source.many('internalVerificationCert')
  const external = source.many('externalVerificationCert')
  source.end()
  return {
    address,
    internalVerificationCerts: internal.map(readCertificateBytes),
    externalVerificationCerts: external.map(readCertificateBytes),
  }
}

function readApprovedCa(element: XmlElement): SharedParameters['approvedCas'][number] {
  const ca = sequenceOf(element, CODE)
  const name = ca.text('name')
  const authenticationOnly = ca.maybe('authenticationOnly')
  const topCa = readCaInfo(ca.one('topCA'))
  const intermediateCas = ca.many('intermediateCA').map(readCaInfo)
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
  const ocsp = info.many('ocsp').map((responder) => {
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
  const members = group.many('groupMember').map((member) => readClientId(member, CODE))
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

function refuseTwins(keys: string[], what: string): void {
  if (new Set(keys).size !== keys.length) throw new Fault(CODE, { what: `a ${what} stands twice` })
}
