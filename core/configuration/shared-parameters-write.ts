/** Writes shared-params of version 4, 5 and 6 as X-Road's central server does, byte by byte (pr-gconf). */

import { Fault } from '#schemas/fault.ts'
import type {
  ApprovedCa,
  CaInfo,
  MemberInfo,
  SecurityServerInfo,
  SharedParameters,
} from '#schemas/global-configuration.ts'
import { type ClientId, idText, memberOf } from '#schemas/identifiers.ts'
import { clientIdLines } from './xml-identifier.ts'
import { branch, documentsIn, indented, type Lines, leaf, since } from './xml-write.ts'

/** The versions that we publish. */
type WrittenVersion = 4 | 5 | 6

/**
 * Writes `p` once per version, in the order of `versions`. Elements that a version does not have (names of
 * subsystems in 4, cost types in 5) are left out.
 */
export function writeSharedParametersIn(p: SharedParameters, versions: readonly WrittenVersion[]): Buffer[] {
  return documentsIn('conf', elementsOf(p), versions)
}

function* elementsOf(p: SharedParameters): Generator<Lines> {
  const xmlIds = new Map<string, string>()
  yield leaf('instanceIdentifier', p.instance)
  for (const source of p.sources) yield sourceLines(source)
  for (const ca of p.approvedCas) yield approvedCaLines(ca)
  for (const tsa of p.approvedTsas)
    yield branch('approvedTSA', [
      ...leaf('name', tsa.name),
      ...leaf('url', tsa.url),
      ...leaf('cert', tsa.cert),
      ...since(6, leaf('costType', tsa.costType)),
    ])
  for (const member of p.members) yield memberLines(member, xmlIds)
  for (const server of p.securityServers) yield serverLines(server, xmlIds)
  for (const group of p.globalGroups)
    yield branch('globalGroup', [
      ...leaf('groupCode', group.groupCode),
      ...leaf('description', group.description),
      ...group.members.flatMap((member) => clientIdLines('groupMember', member)),
    ])
  yield branch('globalSettings', [
    ...p.memberClasses.flatMap(({ code, description }) => memberClassLines(code, description)),
    ...leaf('ocspFreshnessSeconds', p.ocspFreshnessSeconds),
  ])
}

/** Writes the `source` element alone, for a program that publishes it among its own sources. */
export function writeSource(source: SharedParameters['sources'][number]): Buffer {
  return Buffer.from(indented(sourceLines(source)))
}

function sourceLines(source: SharedParameters['sources'][number]): Lines {
  return branch('source', [
    ...leaf('address', source.address),
    ...source.internalVerificationCerts.flatMap((cert) => leaf('internalVerificationCert', cert)),
    ...source.externalVerificationCerts.flatMap((cert) => leaf('externalVerificationCert', cert)),
  ])
}

function approvedCaLines(ca: ApprovedCa): Lines {
  const acme = ca.acmeServer
  return branch('approvedCA', [
    ...leaf('name', ca.name),
    ...leaf('authenticationOnly', ca.authenticationOnly),
    ...caInfoLines('topCA', ca.topCa),
    ...ca.intermediateCas.flatMap((info) => caInfoLines('intermediateCA', info)),
    ...leaf('certificateProfileInfo', ca.certificateProfileInfo),
    ...since(6, leaf('defaultCsrFormat', ca.defaultCsrFormat)),
    ...(acme === undefined
      ? []
      : branch('acmeServer', [
          ...leaf('directoryURL', acme.directoryUrl),
          ...leaf('ipAddress', acme.ipAddress),
          ...leaf('authenticationCertificateProfileId', acme.authenticationCertificateProfileId),
          ...leaf('signingCertificateProfileId', acme.signingCertificateProfileId),
        ])),
  ])
}

function caInfoLines(name: string, info: CaInfo): Lines {
  return branch(name, [
    ...leaf('cert', info.cert),
    ...info.ocsp.flatMap((responder) =>
      branch('ocsp', [
        ...leaf('url', responder.url),
        ...leaf('cert', responder.cert),
        ...since(6, leaf('costType', responder.costType)),
      ]),
    ),
  ])
}

function memberClassLines(code: string, description: string): Lines {
  return branch('memberClass', [...leaf('code', code), ...leaf('description', description)])
}

function memberLines(member: MemberInfo, xmlIds: Map<string, string>): Lines {
  const enter = (id: ClientId): { id: string } => {
    const xmlId = `id${xmlIds.size}`
    const text = idText(id)
    if (xmlIds.has(text)) throw new Fault('malformed_global_conf', { what: `${text} stands twice` })
    xmlIds.set(text, xmlId)
    return { id: xmlId }
  }
  const attributes = enter(member.id)
  return branch(
    'member',
    [
      ...memberClassLines(member.id.memberClass, member.memberClassDescription),
      ...leaf('memberCode', member.id.memberCode),
      ...leaf('name', member.name),
      ...member.subsystems.flatMap(({ id, name }) =>
        branch(
          'subsystem',
          [...leaf('subsystemCode', id.subsystemCode), ...since(5, leaf('subsystemName', name))],
          enter(id),
        ),
      ),
    ],
    attributes,
  )
}

function serverLines(server: SecurityServerInfo, xmlIds: Map<string, string>): Lines {
  const reference = (id: ClientId): string => {
    const xmlId = xmlIds.get(idText(id))
    if (xmlId === undefined) {
      throw new Fault('malformed_global_conf', {
        what: `${idText(server.id)} names ${idText(id)}, which is nowhere`,
      })
    }
    return xmlId
  }
  const maintenance =
    server.maintenance === undefined
      ? []
      : since(5, branch('inMaintenanceMode', leaf('message', server.maintenance.message)))
  return branch('securityServer', [
    ...leaf('owner', reference(memberOf(server.id))),
    ...leaf('serverCode', server.id.serverCode),
    ...leaf('address', server.address),
    ...server.authCertHashes.flatMap((hash) => leaf('authCertHash', hash)),
    ...server.clients.flatMap((client) => leaf('client', reference(client))),
    ...maintenance,
  ])
}
